//! Case files: one JSON object a line, `{"id", "expr", "context", "expected"}`, as `tollgate eval --cases` reads them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::csharp::Question;

/// The folder of the recorded cases.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// A recorded case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) question: Question,
    pub(crate) expected: Json,
}

impl Case {
    /// As a line of a case file.
    pub(crate) fn line(&self) -> String {
        let mut line = json!({ "id": self.id, "expr": self.question.expression });
        if let Some(line) = line.as_object_mut() {
            if self.question.context.as_object().is_some_and(|context| !context.is_empty()) {
                line.insert("context".to_owned(), self.question.context.clone());
            }
            line.insert("expected".to_owned(), self.expected.clone());
        }
        format!("{line}\n")
    }
}

/// The cases of a file; none when there is no such file.
pub(crate) fn read(file: &Path) -> Result<Vec<Case>, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(read_line).collect()
}

fn read_line(line: &str) -> Result<Case, String> {
    let case: Json = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let text = |key: &str| {
        let text = case.get(key).and_then(Json::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("`{key}` is missing: {line}"))
    };
    Ok(Case {
        id: text("id")?,
        question: Question {
            expression: text("expr")?,
            context: case.get("context").cloned().unwrap_or_else(|| json!({})),
        },
        expected: case.get("expected").cloned().unwrap_or_default(),
    })
}

/// The files of recorded cases, sorted.
pub(crate) fn files() -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder()).map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    Ok(files)
}

/// The questions of a text file: an expression or block a line, `@` and brackets optional; `## …` is a comment and
/// `#context {…}` sets the context of the lines below it.
pub(crate) fn read_text(text: &str) -> Result<Vec<Question>, String> {
    let mut context = json!({});
    let mut questions = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with("##") {
            continue;
        }
        if let Some(given) = line.strip_prefix("#context") {
            context =
                serde_json::from_str(given.trim()).map_err(|error| format!("{error}: {line}"))?;
            continue;
        }
        let expression = if line.starts_with("@(") || line.starts_with("@{") {
            line.to_owned()
        } else if line.starts_with('{') {
            format!("@{line}")
        } else {
            format!("@({line})")
        };
        questions.push(Question { expression, context: context.clone() });
    }
    Ok(questions)
}
