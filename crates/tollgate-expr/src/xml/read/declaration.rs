//! `<?xml … ?>` and `<!DOCTYPE …>`.

use std::sync::Arc;

use super::super::heap::DocumentType;
use super::super::name::{is_char, is_name_char, is_public_id_char};
use super::cursor::Cursor;
use crate::{Exception, ExceptionKind};

type Result<T> = std::result::Result<T, Exception>;

/// What an XML declaration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) version: Option<Arc<str>>,
    pub(crate) encoding: Option<Arc<str>>,
    pub(crate) standalone: Option<Arc<str>>,
}

const INVALID: &str = "Syntax for an XML declaration is invalid.";

/// Reads the XML declaration when there is one.
pub(super) fn xml_declaration(cursor: &mut Cursor<'_>) -> Result<Option<Declared>> {
    let Some(rest) = cursor.rest().strip_prefix("<?xml") else { return Ok(None) };
    if rest.chars().next().is_none_or(|c| is_name_char(c) || c == ':') {
        return Ok(None);
    }
    cursor.at += 5;
    let mut declared = Declared::default();
    loop {
        let spaced = cursor.skip_whitespace();
        if cursor.peek() == Some('?') {
            if cursor.rest().starts_with("?>") {
                if declared.version.is_none() {
                    return Err(cursor.fail_at(cursor.at, INVALID));
                }
                cursor.at += 2;
                return Ok(Some(declared));
            }
            if cursor.rest() == "?" {
                return Err(cursor.fail_at(cursor.at, "Unexpected end of file has occurred."));
            }
            return Err(cursor.unexpected(&["'>'"]));
        }
        if !spaced && declared.version.is_some() {
            return Err(cursor.unexpected(&["?>"]));
        }
        part(cursor, &mut declared)?;
    }
}

/// Reads one of version, encoding and standalone, in this order.
fn part(cursor: &mut Cursor<'_>, declared: &mut Declared) -> Result<()> {
    let start = cursor.at;
    let name = cursor.plain_name()?;
    let fits = match name {
        "version" => declared.version.is_none(),
        "encoding" => {
            declared.version.is_some()
                && declared.encoding.is_none()
                && declared.standalone.is_none()
        }
        "standalone" => declared.version.is_some() && declared.standalone.is_none(),
        _ => false,
    };
    if !fits {
        return Err(cursor.fail_at(start, INVALID));
    }
    cursor.skip_whitespace();
    if !cursor.eat("=") {
        return Err(cursor.unexpected(&["="]));
    }
    cursor.skip_whitespace();
    let quote = cursor.peek().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else { return Err(cursor.unexpected(&["\"", "'"])) };
    cursor.at += 1;
    let from = cursor.at;
    let stop = cursor.rest().find(|c: char| {
        matches!(c, '"' | '\'' | '<' | '>' | '&' | '\n' | '\r' | '\t')
            || c > '\u{ffff}'
            || !is_char(c)
    });
    let Some(stop) = stop else {
        return Err(cursor.fail_at(from, "There is an unclosed literal string."));
    };
    let value = cursor.between(from, from + stop);
    cursor.at = from + stop;
    if cursor.peek() != Some(quote) {
        return Err(cursor.fail_at(from, INVALID));
    }
    cursor.at += 1;
    match name {
        "version" if value != "1.0" => {
            return Err(cursor.fail_at(from, &format!("Version number '{value}' is invalid.")));
        }
        "version" => declared.version = Some(value.into()),
        "encoding" => declared.encoding = Some(value.into()),
        _ if matches!(value, "yes" | "no") => declared.standalone = Some(value.into()),
        _ => return Err(cursor.fail_at(from.saturating_sub(1), INVALID)),
    }
    Ok(())
}

/// Document types are refused, as readers do by default.
#[cold]
pub(super) fn prohibited() -> Exception {
    Exception::new(
        ExceptionKind::Xml,
        "For security reasons DTD is prohibited in this XML document. To enable DTD processing set the DtdProcessing property on XmlReaderSettings to Parse and pass the settings into XmlReader.Create method.",
    )
}

/// Reads a document type after its `<!`. One that declares anything is refused: nothing is ever loaded or expanded.
pub(super) fn document_type(cursor: &mut Cursor<'_>) -> Result<DocumentType> {
    if !cursor.eat("DOCTYPE") {
        return Err(cursor.unexpected(&["DOCTYPE"]));
    }
    if !cursor.skip_whitespace() {
        return Err(cursor.unexpected(&[]));
    }
    let mut ty = DocumentType {
        name: name(cursor)?.into(),
        public_id: None,
        system_id: None,
        internal_subset: Some("".into()),
    };
    cursor.skip_whitespace();
    if cursor.eat("SYSTEM") {
        spaced(cursor)?;
        ty.system_id = Some(system_id(cursor)?);
    } else if cursor.eat("PUBLIC") {
        spaced(cursor)?;
        ty.public_id = Some(public_id(cursor)?);
        ty.system_id = Some(system_id(cursor)?);
    }
    cursor.skip_whitespace();
    if cursor.eat("[") {
        let from = cursor.at;
        cursor.skip_whitespace();
        ty.internal_subset = Some(cursor.between(from, cursor.at).into());
        if cursor.is_end() {
            return Err(incomplete(cursor));
        }
        if !cursor.eat("]") {
            return Err(prohibited());
        }
        cursor.skip_whitespace();
    }
    if cursor.eat(">") {
        return Ok(ty);
    }
    if cursor.is_end() {
        return Err(incomplete(cursor));
    }
    Err(cursor.fail_at(cursor.at, "Expecting external ID, '[' or '>'."))
}

#[cold]
fn incomplete(cursor: &Cursor<'_>) -> Exception {
    cursor.fail_at(cursor.end(), "Incomplete DTD content.")
}

/// The name of a document type.
fn name<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str> {
    let name = cursor.qname();
    name.map(|name| name.whole).map_err(|fault| {
        if cursor.rest().chars().nth(1).is_none() { incomplete(cursor) } else { fault }
    })
}

fn system_id(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    let id = literal(cursor)?;
    match id.find('#') {
        None => Ok(id),
        Some(at) => {
            let message = format!(
                "Fragment identifier '{}' cannot be part of the system identifier '{id}'.",
                id.get(at..).unwrap_or_default()
            );
            Err(cursor.fail_at(cursor.at.saturating_sub(id.len() + 1), &message))
        }
    }
}

fn public_id(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    let id = literal(cursor)?;
    match id.char_indices().find(|(_, c)| !is_public_id_char(*c)) {
        None => Ok(id),
        Some((index, c)) => Err(cursor.bad_char_at(cursor.at - id.len() - 1 + index, c)),
    }
}

/// Steps over white space that must be there.
fn spaced(cursor: &mut Cursor<'_>) -> Result<()> {
    if cursor.skip_whitespace() || cursor.is_end() { Ok(()) } else { Err(cursor.unexpected(&[])) }
}

fn literal(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    cursor.skip_whitespace();
    let quote = cursor.peek().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else { return Err(cursor.unexpected(&["\"", "'"])) };
    cursor.at += 1;
    let Some(len) = cursor.rest().find(quote) else { return Err(incomplete(cursor)) };
    let text = cursor.between(cursor.at, cursor.at + len);
    cursor.at += len + 1;
    Ok(text.into())
}
