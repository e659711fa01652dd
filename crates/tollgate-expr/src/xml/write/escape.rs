//! Texts as they stand in XML.

use super::super::name::{bad_char, is_char};
use crate::{Exception, ExceptionKind};

#[cold]
fn invalid(c: char) -> Exception {
    Exception::new(ExceptionKind::Argument, bad_char(c))
}

/// Checks that XML allows every character.
pub(super) fn checked(text: &str) -> Result<(), Exception> {
    match text.chars().find(|c| !is_char(*c)) {
        Some(c) => Err(invalid(c)),
        None => Ok(()),
    }
}

/// The text of an element: line ends become one kind.
pub(super) fn element_text(text: &str, out: &mut String) -> Result<(), Exception> {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push('\n');
            }
            c if is_char(c) => out.push(c),
            c => return Err(invalid(c)),
        }
    }
    Ok(())
}

/// The value of an attribute between quotation marks.
pub(super) fn attribute_text(text: &str, out: &mut String) -> Result<(), Exception> {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c if is_char(c) => out.push(c),
            c => return Err(invalid(c)),
        }
    }
    Ok(())
}
