//! The policy reader: a document, a fragment and the texts of two named values, down to compiled steps.

use std::collections::HashMap;

use tollgate_diagnostics::{Diagnostic, Sources, has_errors, render};
use tollgate_engine::read::{self, Element, NamedValues, ReadOptions};
use tollgate_engine::{
    CompileEnv, CompiledDocument, DocumentInfo, Fragments, Names, Ports, Scope, TokenLimits,
    compile_document,
};
use tollgate_policies::{ALL, UNSUPPORTED};

use super::outside::{CANARY, Outside, Values};

/// Stands on a line of its own between the document, the fragment `shared`, and the texts of the named values `plain` and
/// `secret`.
const SEPARATOR: &str = "\n----\n";

const FRAGMENT: &str = "<fragment><set-method>PUT</set-method></fragment>";

/// Reads and compiles an input as a document of a directory, and looks whether what is found is the same each time, can be
/// shown and keeps the secret, and whether named values have made markup.
pub(crate) fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains(CANARY) {
        return;
    }
    let mut parts = text.split(SEPARATOR);
    let document = parts.next().unwrap_or_default();
    let fragment = parts.next().unwrap_or(FRAGMENT);
    let (plain, secret) = (parts.next().unwrap_or("a plain value"), parts.next().unwrap_or(""));
    let values = Values::new(plain, secret);
    let outside = Outside::new(None);
    let ports = outside.ports();
    let (compiled, found) = compiled(document, fragment, &values, &*outside, &ports);
    assert!(!found.contains(CANARY), "a finding shows the secret: {found}");
    if let Some(compiled) = compiled {
        let shown = format!("{compiled:?}");
        assert!(!shown.contains(CANARY), "the compiled document shows the secret: {shown}");
    }
    // Not every one, so that more are tried.
    if text.len() % 4 == 0 {
        let again = self::compiled(document, fragment, &values, &*outside, &ports).1;
        assert_eq!(found, again, "the same document, other findings");
    }
    markup_is_the_authors(document, &values);
}

/// Compiles a document; nothing when there are errors. What was found is rendered, for people and for machines.
pub(crate) fn compiled(
    document: &str,
    fragment: &str,
    values: &dyn NamedValues,
    names: &dyn Names,
    ports: &Ports,
) -> (Option<CompiledDocument>, String) {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let root = tree(fragment, "fragments/shared.xml", values, &mut sources, &mut findings);
    let fragments = root.map(|root| ("shared".to_owned(), root));
    let env = CompileEnv {
        policies: ALL,
        unsupported: UNSUPPORTED,
        names,
        ports,
        fragments: Fragments::new(HashMap::from_iter(fragments)),
        standalone: false,
        token_limits: TokenLimits::default(),
    };
    let parameters = ["id".to_owned()];
    let info = DocumentInfo { scope: Scope::Operation, template_parameters: Some(&parameters) };
    let root = tree(document, "policy.xml", values, &mut sources, &mut findings);
    let compiled = root.map(|root| compile_document(&root, info, &env, &mut findings));
    let is_wrong = has_errors(&findings);
    assert!(is_wrong || compiled.is_some(), "no document, and no error says why");
    let shown: String = findings.iter().map(|found| render::human(found, &sources)).collect();
    let machine = serde_json::to_string(&render::json(&findings, &sources)).unwrap();
    (compiled.filter(|_| !is_wrong), shown + &machine)
}

fn tree(
    text: &str,
    name: &str,
    values: &dyn NamedValues,
    sources: &mut Sources,
    findings: &mut Vec<Diagnostic>,
) -> Option<Element> {
    let file = sources.add(name, text);
    let (document, found) = read::read(file, text, &ReadOptions::new(values));
    assert!(document.is_some() || has_errors(&found), "no tree, and no error says why");
    findings.extend(found);
    document.map(|document| document.root)
}

/// A document that reads well with these named values and with harmless ones has the same elements and attributes.
fn markup_is_the_authors(document: &str, values: &Values) {
    let shape = |values: &dyn NamedValues| {
        let mut findings = Vec::new();
        let root = tree(document, "policy.xml", values, &mut Sources::default(), &mut findings)?;
        let mut shape = String::new();
        write_shape(&root, &mut shape);
        (!has_errors(&findings)).then_some(shape)
    };
    if let (Some(own), Some(harmless)) = (shape(values), shape(&Values::new("1", ""))) {
        assert_eq!(own, harmless, "a named value has become markup");
    }
}

fn write_shape(element: &Element, shape: &mut String) {
    shape.push('<');
    shape.push_str(&element.name);
    for attribute in &element.attributes {
        shape.push(' ');
        shape.push_str(&attribute.name);
    }
    element.elements().for_each(|child| write_shape(child, shape));
    shape.push('>');
}
