//! Text and bodies as trees.

use super::super::TypeId;
use super::super::encoding::decode_as;
use super::{Run, declaration};
use crate::eval::{Args, Cx, null_argument};
use crate::xml::{Dtd, ReadOptions, XmlKind};
use crate::{Exception, Value};

/// Reads a document from the arguments of `Parse`.
fn read(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<crate::xml::Parsed, Exception> {
    let Value::Str(text) = a.get(0) else { return Err(null_argument("s")) };
    let options = ReadOptions { preserve_whitespace: a.int(1) & 1 != 0, dtd: Dtd::Empty };
    let text = text.clone();
    cx.state.xml.parse(&text, options, &mut cx.state.budget)
}

/// `XElement.Parse`.
pub(super) fn element(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let parsed = read(cx, a)?;
    root(cx, &parsed)
}

/// `XDocument.Parse`.
pub(super) fn document(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let parsed = read(cx, a)?;
    whole(cx, parsed)
}

fn root(cx: &mut Cx<'_>, parsed: &crate::xml::Parsed) -> Run {
    let state = &mut *cx.state;
    let root = state.xml.first_of(parsed.document, XmlKind::Element, &mut state.budget)?;
    let root = root.ok_or_else(Exception::null_reference)?;
    cx.state.xml.remove(root)?;
    Ok(Value::Xml(root))
}

fn whole(cx: &mut Cx<'_>, parsed: crate::xml::Parsed) -> Run {
    if let Some(declared) = parsed.declared {
        let declaration = declaration::value(cx, declared)?;
        cx.state.xml.set_declaration(parsed.document, declaration);
    }
    Ok(Value::Xml(parsed.document))
}

/// The text of a body: by the character set of its message, its byte order mark, or its declaration.
pub(crate) fn decoded(bytes: &[u8], charset: Option<&str>) -> String {
    let text = match (charset, bytes) {
        (Some(charset), _) => decode_as(Some(charset), bytes),
        (None, [0xff, 0xfe, ..] | [b'<', 0, ..]) => decode_as(Some("utf-16"), bytes),
        (None, [0xfe, 0xff, ..] | [0, b'<', ..]) => decode_as(Some("utf-16BE"), bytes),
        _ => decode_as(declared_encoding(bytes).as_deref(), bytes),
    };
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// How far into a body its declaration is looked for.
const DECLARATION: usize = 200;

fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let start = bytes.get(..DECLARATION).unwrap_or(bytes);
    let start = String::from_utf8_lossy(start);
    let declaration = start.trim_start_matches('\u{feff}').strip_prefix("<?xml")?;
    let (declaration, _) = declaration.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(name, _)| name.to_owned())
}

/// The body of a message as an element, a document or a node.
pub(in crate::types) fn read_body(
    cx: &mut Cx<'_>,
    bytes: &[u8],
    charset: Option<&str>,
    ty: TypeId,
) -> Run {
    let options = ReadOptions { preserve_whitespace: false, dtd: Dtd::Prohibit };
    let text = decoded(bytes, charset);
    cx.charge(text.len())?;
    let parsed = cx.state.xml.parse(&text, options, &mut cx.state.budget)?;
    if ty == TypeId::XDocument { whole(cx, parsed) } else { root(cx, &parsed) }
}
