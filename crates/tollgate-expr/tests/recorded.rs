//! Replays every case that was recorded from real C#: value and text, exception and message, or a refusal.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::{Value as Json, json};
    use tollgate_expr::cases::{run, same};

    /// Differences shown in full; the rest are counted.
    const SHOWN: usize = 40;

    fn oracle() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle")
    }

    /// Ids with the reasons why Tollgate differs.
    fn differences() -> BTreeMap<String, String> {
        let text = fs::read_to_string(oracle().join("differences.txt")).unwrap();
        let mut known = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (id, reason) = line.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}"));
            let before = known.insert(id.to_owned(), reason.trim().to_owned());
            assert_eq!(before, None, "`{id}` stands in differences.txt twice");
        }
        known
    }

    #[derive(Default)]
    struct Tally {
        ids: BTreeSet<String>,
        wrong: Vec<String>,
        n_listed: usize,
    }

    fn check(line: &str, known: &mut BTreeMap<String, String>, tally: &mut Tally) {
        let case: Json = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap().to_owned();
        let expression = case["expr"].as_str().unwrap();
        let answer = run(expression, case.get("context").unwrap_or(&json!({}))).unwrap();
        let expected = &case["expected"];
        match (same(expected, &answer), known.remove(&id)) {
            (true, None) => {}
            (false, Some(_)) => tally.n_listed += 1,
            (true, Some(_)) => {
                tally.wrong.push(format!("{id}: stands in differences.txt and does not differ"));
            }
            (false, None) => tally.wrong.push(format!(
                "{id}: {expression}\n    C#       {expected}\n    Tollgate {answer}"
            )),
        }
        assert!(tally.ids.insert(id), "two cases have the id of {line}");
    }

    #[test]
    fn recorded_cases_give_what_real_csharp_gave() {
        let mut known = differences();
        let mut tally = Tally::default();
        let folder = fs::read_dir(oracle().join("cases")).unwrap();
        let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        for file in &files {
            let text = fs::read_to_string(file).unwrap();
            for line in text.lines().filter(|line| !line.is_empty()) {
                check(line, &mut known, &mut tally);
            }
        }
        tally
            .wrong
            .extend(known.keys().map(|id| format!("{id}: in differences.txt without a case")));
        let (n, n_files, n_wrong) = (tally.ids.len(), files.len(), tally.wrong.len());
        println!("{n} recorded cases in {n_files} files, {} known differences", tally.n_listed);
        let shown: Vec<String> = tally.wrong.into_iter().take(SHOWN).collect();
        assert_eq!(n_wrong, 0, "{n_wrong} of {n}:\n{}", shown.join("\n"));
    }
}
