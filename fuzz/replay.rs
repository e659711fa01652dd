//! What fuzzing begins with and what it found, run again without the fuzzer.

#[cfg(test)]
#[path = "src/mod.rs"]
mod targets;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::targets;

    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds");

    /// Tells on which input a target has failed.
    struct Running<'a>(&'a Path);

    impl Drop for Running<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("failed: {}", self.0.display());
            }
        }
    }

    /// Sends every file of the target's folder through it.
    fn replay(target: &str, run: fn(&[u8])) {
        let mut files: Vec<_> = std::fs::read_dir(Path::new(SEEDS).join(target))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in &files {
            let _running = Running(file);
            run(&std::fs::read(file).unwrap());
        }
        println!("{target}: {} inputs", files.len());
        assert!(files.len() >= 10, "there are seeds");
    }

    #[test]
    fn expressions() {
        let text = std::fs::read_to_string(Path::new(SEEDS).join("expressions.jsonl")).unwrap();
        let seeds: Vec<String> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for seed in &seeds {
            targets::expression::parse(seed.as_bytes());
            targets::expression::eval(seed.as_bytes());
        }
        println!("expressions: {} inputs, parsed and evaluated", seeds.len());
        assert!(seeds.len() > 50);
    }

    #[test]
    fn configurations() {
        replay("config", targets::config::read);
    }

    #[test]
    fn policies() {
        replay("policy", targets::policy::read);
    }

    #[test]
    fn tokens() {
        replay("jwt", targets::jwt::verify);
    }

    #[test]
    fn key_sets() {
        replay("jwks", targets::jwks::read);
    }

    #[test]
    fn streams() {
        replay("sse", targets::sse::meter);
    }

    #[test]
    fn requests() {
        replay("request", targets::request::process_all);
    }
}
