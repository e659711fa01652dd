//! What fuzzing begins with and what it found, run again without the fuzzer.

#[cfg(test)]
#[path = "../../../fuzz/src/expression.rs"]
mod expression;

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn seeds_end_within_their_bounds() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/expressions.jsonl");
        let text = std::fs::read_to_string(file).unwrap();
        let seeds: Vec<String> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for seed in &seeds {
            expression::parse(seed.as_bytes());
            expression::eval(seed.as_bytes());
        }
        println!("{} seeds", seeds.len());
        assert!(seeds.len() > 50);
    }
}
