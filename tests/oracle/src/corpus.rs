//! The expressions of a folder of policy documents: what real C# says to them, and what Tollgate says.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Sources};
use tollgate_engine::read::{self, Element, NamedValue, NamedValues, Node, ReadOptions, Value};
use tollgate_expr::{CompileOptions, compile};

use crate::csharp::{CSharp, Question};

/// Named values of unknown documents: a number is C# wherever one of them stands.
struct AnyName;

impl NamedValues for AnyName {
    fn lookup(&self, _name: &str) -> Option<NamedValue<'_>> {
        Some(NamedValue { text: "1", secret: false })
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// An expression of a document.
struct Found {
    file: PathBuf,
    text: MappedText,
    /// Holds a placeholder of a template, which is no C#.
    is_opaque: bool,
}

/// Compares what C# and Tollgate say to every expression below a folder, or to those of one document.
pub(crate) fn compare(oracle: &Path, folder: &Path) -> Result<bool, String> {
    let mut sources = Sources::default();
    let mut found = Vec::new();
    let mut files = Vec::new();
    documents(folder, &mut files)?;
    files.sort();
    let n_files = files.len();
    for file in files {
        let text = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let id = sources.add(file.display().to_string(), text.as_str());
        let (document, _) = read::read(id, &text, &ReadOptions::new(&AnyName));
        if let Some(document) = document {
            collect(&document.root, &file, &mut found);
        }
    }
    let n_all = found.len();
    found.retain(|found| !found.is_opaque);
    let n_opaque = n_all - found.len();
    let mut distinct: Vec<Question> = Vec::new();
    let mut index = HashMap::new();
    for found in &found {
        index.entry(found.text.as_str().to_owned()).or_insert_with(|| {
            let expression = found.text.as_str().to_owned();
            distinct.push(Question { expression, context: serde_json::json!({}) });
            distinct.len() - 1
        });
    }
    let refusals = CSharp::open(oracle)?.refusals(&distinct)?;
    let (mut n_loaded, mut n_refused, mut n_wrong, mut n_elsewhere) = (0, 0, 0, 0);
    let mut n_not_allowed = 0;
    for found in &found {
        let theirs = index.get(found.text.as_str()).and_then(|at| refusals.get(at));
        let ours = error(&found.text);
        match (theirs, &ours) {
            (None, None) => n_loaded += 1,
            (Some(theirs), Some(ours)) => {
                n_refused += 1;
                let place = place(&found.text, ours);
                if place != (theirs.line, theirs.column) {
                    n_elsewhere += 1;
                    println!(
                        "{}: refused elsewhere",
                        at(&sources, &found.text, Some(ours), &found.file)
                    );
                    println!("    C#       {}:{} {}", theirs.line, theirs.column, theirs.message);
                    println!("    Tollgate {}:{} {}", place.0, place.1, ours.message);
                }
            }
            (None, Some(ours)) if ours.code == Code::EXPR_NOT_ALLOWED => {
                n_not_allowed += 1;
                println!("{}", at(&sources, &found.text, Some(ours), &found.file));
                println!("    not allowed by Azure: {}", ours.message);
            }
            (theirs, ours) => {
                n_wrong += 1;
                println!("{}", at(&sources, &found.text, ours.as_ref(), &found.file));
                println!("    C#       {}", theirs.map_or("content", |refusal| &refusal.message));
                println!(
                    "    Tollgate {}",
                    ours.as_ref().map_or("content", |found| &found.message)
                );
            }
        }
    }
    println!(
        "{n_files} documents, {n_all} expressions ({} distinct), {n_opaque} with placeholders; both load {n_loaded}, \
         both refuse {n_refused} ({n_elsewhere} at another place), refused by the allow-list alone {n_not_allowed}, \
         not agreed {n_wrong}",
        distinct.len()
    );
    Ok(n_wrong == 0)
}

fn documents(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            documents(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            files.push(path);
        }
    }
    Ok(())
}

fn collect(element: &Element, file: &Path, found: &mut Vec<Found>) {
    let mut take = |value: &Value| {
        if value.is_expression {
            let (file, text) = (file.to_owned(), value.text.clone());
            found.push(Found { file, text, is_opaque: value.is_opaque });
        }
    };
    element.attributes.iter().for_each(|attribute| take(&attribute.value));
    if let Some(text) = element.text() {
        take(&text);
    }
    for child in &element.children {
        if let Node::Element(child) = child {
            collect(child, file, found);
        }
    }
}

/// The first error that Tollgate finds.
fn error(text: &MappedText) -> Option<Diagnostic> {
    let (_, diagnostics) = compile(text, &CompileOptions::default());
    diagnostics.into_iter().find(Diagnostic::is_error)
}

/// Line and column of a diagnostic in the text of the expression, as the compiler counts them.
fn place(text: &MappedText, found: &Diagnostic) -> (usize, usize) {
    let whole = text.as_str();
    let start = (0..=whole.len())
        .find(|offset| text.span(*offset..*offset).start >= found.primary.span.start)
        .unwrap_or(whole.len());
    let before = whole.get(..start).unwrap_or(whole);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
    (line, column)
}

fn at(sources: &Sources, text: &MappedText, found: Option<&Diagnostic>, file: &Path) -> String {
    let span = found.map_or_else(|| text.whole(), |found| found.primary.span);
    let place = sources.get(span.file).map(|file| file.position(span.range().start));
    place.map_or_else(String::new, |place| {
        format!("{}:{}:{}", file.display(), place.line, place.column)
    })
}
