//! Reading whole documents.

mod hostile;
mod mistakes;
mod named_values;
mod trees;

use std::fmt::Write;

use tollgate_diagnostics::{Sources, render};

use super::{
    Element, NamedValue, NamedValues, Node, ReadLimits, ReadOptions, TextKind, UnknownNames, Value,
    read,
};

/// Named values that are awkward wherever they stand.
struct Names;

const NAMES: &[(&str, &str, bool)] = &[
    ("TENANT_ID", "contoso.example", false),
    ("CLIENT_APP_ID", "b1a7", false),
    ("OPENID_CONFIGURATION_URL", "https://login.example/.well-known/openid-configuration", false),
    ("ISSUER_URL", "https://login.example/?a=1&b=2", false),
    ("openai-api-key", "canary-\"<'&]]>--", true),
    ("weight", "10", false),
    ("empty", "", false),
    ("expression", "@(\"a\" + context.RequestId)", false),
    ("markup", "<set-header name=\"x\" />", false),
    ("end", "-->", false),
    ("quoted", "a\"b", true),
    ("entity", "a&amp;b", false),
];

impl NamedValues for Names {
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
        let (_, text, secret) = NAMES.iter().find(|(known, ..)| *known == name)?;
        Some(NamedValue { text, secret: *secret })
    }

    fn names(&self) -> Vec<&str> {
        NAMES.iter().map(|(name, ..)| *name).collect()
    }
}

fn options() -> ReadOptions<'static> {
    ReadOptions::new(&Names)
}

/// The tree and the findings of a document.
fn both(source: &str, options: &ReadOptions<'_>) -> (String, String) {
    let mut sources = Sources::default();
    let file = sources.add("policy.xml", source);
    let (document, diagnostics) = read(file, source, options);
    let mut tree = String::new();
    if let Some(document) = &document {
        dump(&document.root, 0, &mut tree);
    }
    let rendered: Vec<String> =
        diagnostics.iter().map(|diagnostic| render::human(diagnostic, &sources)).collect();
    (tree, rendered.join("\n\n"))
}

/// Names, values and text: `=` before a literal, `@=` before an expression, `?` after what is opaque.
fn dump(element: &Element, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let name = if element.name.is_empty() { "(no element)" } else { &element.name };
    write!(out, "{indent}{name}").unwrap();
    for attribute in &element.attributes {
        write!(out, " {}{}", attribute.name, show(&attribute.value)).unwrap();
    }
    if let Some(text) = element.text() {
        write!(out, " {}", show(&text)).unwrap();
    }
    out.push('\n');
    for child in &element.children {
        match child {
            Node::Element(child) => dump(child, depth + 1, out),
            Node::Comment(comment) => {
                writeln!(out, "{indent}  <!--{}-->", comment.value.as_str()).unwrap();
            }
            Node::Text(text) if text.kind == TextKind::Raw => {
                writeln!(out, "{indent}  raw").unwrap();
            }
            Node::Text(_) => {}
        }
    }
}

fn show(value: &Value) -> String {
    let sign = if value.is_expression { "@=" } else { "=" };
    let unknown = if value.is_opaque { "?" } else { "" };
    let text = if value.text.has_secret() { "***" } else { value.as_str() };
    format!("{sign}{text:?}{unknown}")
}
