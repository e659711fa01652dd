//! What is said about values and names.

use std::collections::HashSet;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, closest};

use super::build::Source;
use super::csharp::{Cause, Unfinished};
use super::named_values::Name;
use super::options::UnknownNames;
use super::tree::{Element, Node};
use super::value::{self, Class};

/// Who holds a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// `attribute` or `element`.
    pub(super) holder: &'static str,
    pub(super) name: &'a str,
}

/// What is to be said about a decoded value of this class.
pub(super) fn class(
    text: &MappedText,
    class: &Class,
    place: Place<'_>,
    source: Source<'_>,
) -> Option<Diagnostic> {
    match class {
        Class::Literal => None,
        Class::Expression(range) => {
            let limit = source.options.limits.expression;
            (range.len() > limit).then(|| {
                let message = format!(
                    "the expression in {} `{}` is longer than {} KiB",
                    place.holder,
                    place.name,
                    limit / 1024
                );
                Diagnostic::new(Code::TOO_LARGE, message, text.span(range.start..range.start + 2))
                    .label("begins here")
            })
        }
        Class::Mixed(range) => Some(mixed(text, range, place)),
        Class::Unfinished(begin, unfinished) => {
            Some(unterminated(text, *begin, *unfinished, place, source))
        }
    }
}

fn mixed(text: &MappedText, range: &std::ops::Range<usize>, place: Place<'_>) -> Diagnostic {
    let is_first = text.as_str().get(..range.start).unwrap_or("").trim().is_empty();
    let message =
        format!("the expression in the text of {} `{}` is not evaluated", place.holder, place.name);
    let diagnostic = Diagnostic::new(Code::EXPRESSION_IN_TEXT, message, text.span(range.clone()));
    let (label, help) = if is_first {
        ("more text follows it, so all of it is literal text", "remove what follows the expression")
    } else {
        (
            "text stands before it, so all of it is literal text",
            "make the whole value one expression: `@(\"…\" + …)` or `@($\"…{…}…\")`",
        )
    };
    diagnostic.label(label).help(help)
}

fn unterminated(
    text: &MappedText,
    begin: usize,
    unfinished: Unfinished,
    place: Place<'_>,
    source: Source<'_>,
) -> Diagnostic {
    let message = format!("the expression in {} `{}` is never closed", place.holder, place.name);
    let opener = text.span(begin..begin + 2);
    let mut diagnostic = Diagnostic::new(Code::UNTERMINATED_EXPRESSION, message, opener)
        .label("this bracket is never closed");
    if unfinished.cause == Cause::Mismatch {
        let at = text.span(unfinished.at..unfinished.at + 1);
        diagnostic = diagnostic.also(at, "this one closes another kind of bracket");
    } else {
        diagnostic =
            diagnostic.help("brackets inside of strings, characters and comments do not count");
    }
    // A value that brings its own quotes or brackets is hard to see: it is not in the text the author looks at.
    let culprit = source.names.values.iter().find(|value| {
        let span = source.document.span(value.range.clone());
        let whole = text.whole();
        let is_inside =
            whole.file == span.file && whole.start <= span.start && span.end <= whole.end;
        let content = source.document.as_str().get(value.range.clone()).unwrap_or("");
        is_inside && content.contains(['"', '\'', '(', ')', '[', ']', '{', '}', '/', '\\', '\n'])
    });
    match culprit {
        Some(value) => diagnostic.help(format!(
            "the named value `{}` holds quotes, brackets or the like, which are C# here",
            value.name
        )),
        None => diagnostic,
    }
}

/// The expression an author put, most likely in vain, into markup that is text.
pub(super) fn expression_in_markup(element: &Element) -> Option<Diagnostic> {
    let in_attributes = |inner: &Element| {
        inner.attributes.iter().find(|it| it.value.is_expression).map(|it| it.value.span())
    };
    let mut rest: Vec<&Element> = element.elements().collect();
    while let Some(inner) = rest.pop() {
        let in_text = value::of_content(inner).filter(|it| it.is_expression).map(|it| it.span());
        if let Some(span) = in_attributes(inner).or(in_text) {
            let message =
                format!("the expression inside the markup of `{}` is not evaluated", element.name);
            return Some(
                Diagnostic::new(Code::EXPRESSION_IN_TEXT, message, span)
                    .label("part of a literal body")
                    .help("make the whole body one expression, or use a Liquid template"),
            );
        }
        rest.extend(inner.children.iter().rev().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment(_) => None,
        }));
    }
    None
}

/// What is to be said about names that are no named values.
pub(super) fn unknown<'a>(
    names: impl Iterator<Item = &'a Name>,
    source: Source<'_>,
) -> Vec<Diagnostic> {
    let known = source.options.named_values.names();
    let mut said: HashSet<&str> = HashSet::new();
    let mut diagnostics = Vec::new();
    let withheld = |name: &Name| source.options.named_values.is_withheld(&name.name);
    for Name { range, name } in names.filter(|name| !withheld(name)) {
        let span = source.document.span(range.clone());
        let diagnostic = match source.options.unknown_names {
            UnknownNames::Refuse => {
                let message = format!("there is no named value `{name}`");
                Diagnostic::new(Code::UNKNOWN_NAMED_VALUE, message, span)
                    .label("not defined")
                    .suggest(closest(name, known.iter().copied()))
            }
            UnknownNames::Tolerate if !said.insert(name) => continue,
            UnknownNames::Tolerate => {
                let message = format!("the named value `{name}` is not known here");
                Diagnostic::new(Code::UNRESOLVED, message, span)
                    .label("what it stands for is not checked")
            }
        };
        diagnostics.push(diagnostic);
    }
    diagnostics
}
