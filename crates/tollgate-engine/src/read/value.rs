//! Values: what attributes and elements hold, and whether it is an expression.

use std::ops::Range;

use tollgate_diagnostics::{MappedText, MappedTextBuilder, Span};

use super::csharp::{self, Unfinished, Writing};
use super::reference::{self, Reference};
use super::tree::{Element, Node, Value};

/// What a decoded value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// Text.
    Literal,
    /// One expression, here, and white space around it.
    Expression(Range<usize>),
    /// Text that holds an expression, here, and something else.
    Mixed(Range<usize>),
    /// It begins as an expression, here, that does not end.
    Unfinished(usize, Unfinished),
}

/// Tells what a decoded value is.
pub(super) fn classify(text: &str) -> Class {
    let begin = text.len() - text.trim_start().len();
    if csharp::opens(text.get(begin..).unwrap_or("")) {
        return match csharp::scan(text, begin, text.len(), Writing::Decoded) {
            Ok(scan) if text.get(scan.end..).unwrap_or("").trim().is_empty() => {
                Class::Expression(begin..scan.end)
            }
            Ok(scan) => Class::Mixed(begin..scan.end),
            Err(unfinished) => Class::Unfinished(begin, unfinished),
        };
    }
    let Some(begin) = inner_opener(text) else { return Class::Literal };
    match csharp::scan(text, begin, text.len(), Writing::Decoded) {
        Ok(scan) => Class::Mixed(begin..scan.end),
        Err(_) => Class::Literal,
    }
}

/// The first place in literal text where an expression could open.
///
/// `@@(` is how Razor, from which the syntax comes, writes a literal `@(`.
pub(super) fn inner_opener(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let pair = bytes.windows(2).enumerate().find(|(at, pair)| {
        matches!(pair, [b'@', b'(' | b'{'])
            && at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'@')
    });
    pair.map(|(at, _)| at)
}

/// What a value becomes once it is known what it is; `literal` is its text when it is none.
pub(super) fn of_text(text: &MappedText, literal: MappedText, is_opaque: bool) -> Value {
    match classify(text.as_str()) {
        Class::Expression(range) => {
            Value { text: text.slice(range), is_expression: true, is_opaque }
        }
        Class::Literal | Class::Mixed(_) => {
            Value { text: literal, is_expression: false, is_opaque }
        }
        Class::Unfinished(..) => Value { text: literal, is_expression: false, is_opaque: true },
    }
}

/// The text of an element, trimmed.
pub(super) fn of_content(element: &Element) -> Option<Value> {
    let text = joined_text(element);
    let trimmed = text.as_str().trim();
    if trimmed.is_empty() {
        return None;
    }
    let begin = text.as_str().len() - text.as_str().trim_start().len();
    let literal = text.slice(begin..begin + trimmed.len());
    let is_opaque = element.children.iter().any(|child| match child {
        Node::Text(text) => text.is_opaque,
        Node::Element(_) | Node::Comment(_) => false,
    });
    if element.is_raw {
        return Some(Value { text: literal, is_expression: false, is_opaque });
    }
    Some(of_text(&text, literal, is_opaque))
}

/// The text of an element as it stands.
pub(super) fn joined_text(element: &Element) -> MappedText {
    let mut builder = MappedTextBuilder::new();
    for child in &element.children {
        if let Node::Text(text) = child {
            builder.mapped(&text.value);
        }
    }
    let content = &element.content;
    builder.finish(content.text.span(content.range.start..content.range.start))
}

/// What becomes of white space in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Line ends become `\n` (XML 1.0 §2.11).
    Kept,
    /// Line ends and tabs become spaces (XML 1.0 §3.3.3).
    Spaces,
}

/// Whether references are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    Decoded,
    Kept,
}

/// A part of the document as it is, with `\n` for line ends.
pub(super) fn raw(document: &MappedText, range: Range<usize>) -> MappedText {
    decode(document, range, Lines::Kept, References::Kept)
}

/// A part of the document as XML reads it.
///
/// References to what is not a character of XML stay as they are; they were reported when they were met.
pub(super) fn decode(
    document: &MappedText,
    range: Range<usize>,
    lines: Lines,
    references: References,
) -> MappedText {
    let Some(source) = document.as_str().get(range.clone()) else {
        return MappedText::verbatim("", document.span(range.start..range.start));
    };
    let mut builder = MappedTextBuilder::new();
    let mut copied = 0;
    let mut pos = 0;
    let special = |b: u8| matches!(b, b'&' | b'\r' | b'\n' | b'\t');
    while let Some(found) =
        source.as_bytes().get(pos..).and_then(|rest| rest.iter().position(|b| special(*b)))
    {
        let at = pos + found;
        let rest = source.get(at..).unwrap_or("");
        let mut buffer = [0; 4];
        let (length, replacement): (usize, &str) = match rest.as_bytes() {
            [b'&', ..] if references == References::Decoded => match reference::read(rest) {
                Reference::Char(c, length) => (length, c.encode_utf8(&mut buffer)),
                _ => (0, ""),
            },
            [b'\r', b'\n', ..] => (2, line_end(lines)),
            [b'\r', ..] => (1, line_end(lines)),
            [b'\n' | b'\t', ..] if lines == Lines::Spaces => (1, " "),
            _ => (0, ""),
        };
        if length == 0 {
            pos = at + 1;
            continue;
        }
        builder.mapped(&document.slice(range.start + copied..range.start + at));
        let place = range.start + at..range.start + at + length;
        builder.replaced(replacement, document.span(place.clone()), document.is_secret(place));
        pos = at + length;
        copied = pos;
    }
    builder.mapped(&document.slice(range.start + copied..range.end));
    builder.finish(empty_at(document, &range))
}

fn line_end(lines: Lines) -> &'static str {
    match lines {
        Lines::Kept => "\n",
        Lines::Spaces => " ",
    }
}

fn empty_at(document: &MappedText, range: &Range<usize>) -> Span {
    document.span(range.start..range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        let cases = [
            ("", Class::Literal),
            (" x ", Class::Literal),
            ("@(1)", Class::Expression(0..4)),
            ("\n @{ return 1; }\n", Class::Expression(2..16)),
            ("@(1);", Class::Mixed(0..4)),
            ("Hello @(x)", Class::Mixed(6..10)),
            ("a@@(b)", Class::Literal),
            ("@@(b)", Class::Literal),
            ("a @(b", Class::Literal),
            ("@", Class::Literal),
            ("@ (1)", Class::Literal),
        ];
        for (text, expected) in cases {
            assert_eq!(classify(text), expected, "{text:?}");
        }
        assert!(matches!(classify(" @(1"), Class::Unfinished(1, _)));
    }
}
