//! The reference page of the expression language: every declared type and member, each with a recorded case as its example.
//!
//! Writing to a string cannot fail, so what `write!` answers is not looked at.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tollgate_expr::reference::{self, MemberKind, TypeKind, TypeReference};

use crate::cases::{self, Case};

const HEAD: &str = include_str!("../reference.md");
/// Longest expression that makes an example.
const LONGEST: usize = 200;

/// Where the page is.
pub(crate) fn page_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/tollgate/docs/expressions.md")
}

/// Writes the page; false when a member has no example.
pub(crate) fn write() -> Result<bool, String> {
    let page = page()?;
    fs::write(page_file(), &page.text).map_err(|error| error.to_string())?;
    for member in &page.without_example {
        println!("no example: {member}");
    }
    println!(
        "{} types, {} members, {} without an example",
        page.n_types,
        page.n_members,
        page.without_example.len()
    );
    Ok(page.without_example.is_empty())
}

/// The page, and what it lacks.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) n_types: usize,
    pub(crate) n_members: usize,
    pub(crate) without_example: Vec<String>,
}

/// Makes the page of the declarations and the recorded cases.
pub(crate) fn page() -> Result<Page, String> {
    let examples = Examples::read()?;
    let mut types = reference::types();
    types.sort_by_key(|ty| (namespace(ty.name), ty.name));
    let mut page = Page {
        text: HEAD.to_owned(),
        n_types: types.len(),
        n_members: 0,
        without_example: Vec::new(),
    };
    let mut space = None;
    for ty in &types {
        if space != Some(namespace(ty.name)) {
            space = Some(namespace(ty.name));
            write!(page.text, "\n## {}\n", space.filter(|it| !it.is_empty()).unwrap_or("Azure"))
                .ok();
        }
        describe(ty, &examples, &mut page);
    }
    Ok(page)
}

fn describe(ty: &TypeReference, examples: &Examples, page: &mut Page) {
    let kind = match ty.kind {
        TypeKind::Class => "class",
        TypeKind::Interface => "interface",
        TypeKind::Struct => "struct",
        TypeKind::Static => "static class",
        TypeKind::Delegate => "delegate",
        TypeKind::Enum(false) => "enumeration",
        TypeKind::Enum(true) => "enumeration of flags",
    };
    write!(page.text, "\n### {}\n\n{} `{}`. {}\n", heading(ty), kind, ty.name, ty.docs).ok();
    if !ty.constants.is_empty() {
        let names: Vec<String> =
            ty.constants.iter().map(|(name, number)| format!("`{name}` = {number}")).collect();
        write!(page.text, "\n{}\n", names.join(", ")).ok();
    }
    if !ty.members.is_empty() {
        page.text.push_str("\n| member | what | example | gives |\n|---|---|---|---|\n");
    }
    for member in &ty.members {
        page.n_members += 1;
        let example = examples.of(ty.name, member.signature);
        if example.is_none() && !matches!(member.kind, MemberKind::Implicit) {
            page.without_example.push(format!("{}: {}", ty.name, member.signature));
        }
        let (shown, gives) = example.map_or_else(Default::default, |case| {
            (code(&case.question.expression), outcome(&case.expected))
        });
        let what = cell(member.docs);
        writeln!(page.text, "| {} | {what} | {shown} | {gives} |", code(member.signature)).ok();
    }
    if !ty.refused.is_empty() {
        page.text.push_str("\nNot here:\n\n| member | why |\n|---|---|\n");
    }
    for refused in &ty.refused {
        let whose = if refused.allowed { "" } else { "Azure does not allow it: " };
        writeln!(page.text, "| {} | {whose}{} |", code(refused.member), cell(refused.why)).ok();
    }
}

fn namespace(name: &str) -> &str {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit_once('.').map_or("", |(space, _)| space)
}

/// The name as C# writes it, with its type parameters.
fn heading(ty: &TypeReference) -> String {
    match ty.name.split_once('<') {
        Some((_, parameters)) => format!("{}&lt;{}", ty.shown, parameters.replace('>', "&gt;")),
        None => ty.shown.to_owned(),
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], "⏎");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// What a case gives.
fn outcome(expected: &Json) -> String {
    let text = |key: &str| expected.get(key).and_then(Json::as_str);
    match (text("error"), text("value")) {
        (Some(error), _) => {
            format!("{}: {}", code(error), cell(text("message").unwrap_or_default()))
        }
        (None, Some("")) => "empty text".to_owned(),
        (None, Some(value)) => {
            let short: String = value.chars().take(80).collect();
            let more = if short.len() < value.len() { "…" } else { "" };
            code(&format!("{short}{more}"))
        }
        (None, None) => "`null`".to_owned(),
    }
}

/// The best case of every member.
struct Examples(HashMap<(&'static str, &'static str), Case>);

impl Examples {
    fn read() -> Result<Examples, String> {
        let mut best: HashMap<(&'static str, &'static str), Case> = HashMap::new();
        for file in cases::files()? {
            // Random expressions show nobody how a member is used.
            if file.file_stem().is_some_and(|topic| topic == "differential") {
                continue;
            }
            for case in cases::read(&file)? {
                let refused = case.expected.get("compile").is_some();
                if refused || case.question.expression.len() > LONGEST {
                    continue;
                }
                for member in reference::used(&case.question.expression) {
                    match best.get(&member) {
                        Some(known) if rank(known) <= rank(&case) => {}
                        _ => drop(best.insert(member, case.clone())),
                    }
                }
            }
        }
        Ok(Examples(best))
    }

    fn of(&self, ty: &'static str, signature: &'static str) -> Option<&Case> {
        self.0.get(&(ty, signature))
    }
}

/// Values that tell something come first, exceptions last, short before long; ties go by text, so that the page does not change by itself.
fn rank(case: &Case) -> (u8, usize, &str) {
    let value = case.expected.get("value").and_then(Json::as_str);
    let telling = value.is_some_and(|value| {
        !value.is_empty() && !value.starts_with("System.") && !value.starts_with("Internal.")
    });
    let class = match (case.expected.get("error").is_some(), telling) {
        (false, true) => 0,
        (false, false) => 1,
        (true, _) => 2,
    };
    (class, case.question.expression.len(), &case.question.expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_made_of_the_declarations() {
        let page = page().expect("recorded cases");
        let known = fs::read_to_string(page_file()).expect("the page");
        assert!(
            page.text == known,
            "the page is old: run `cargo run -p tollgate-oracle -- reference`"
        );
        assert!(page.without_example.is_empty(), "no example: {:#?}", page.without_example);
    }
}
