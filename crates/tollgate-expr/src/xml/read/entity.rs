//! References: `&amp;`, `&#65;`.

use super::super::name::{bad_char, is_char, is_name_char, is_name_start};
use super::cursor::Cursor;
use crate::{Exception, ExceptionKind};

/// Reads the reference that begins here.
pub(super) fn reference(cursor: &mut Cursor<'_>) -> Result<char, Exception> {
    let start = cursor.at;
    cursor.at += 1;
    if cursor.is_end() {
        return Err(cursor.fail_at(start, "Unexpected end of file has occurred."));
    }
    if cursor.eat("#") { number(cursor, start) } else { named(cursor) }
}

fn number(cursor: &mut Cursor<'_>, start: usize) -> Result<char, Exception> {
    let hex = cursor.eat("x");
    let radix = if hex { 16 } else { 10 };
    let first = cursor.at;
    let mut value: Option<u32> = None;
    while let Some(digit) = cursor.peek().and_then(|c| c.to_digit(radix)) {
        let next = value.unwrap_or_default().checked_mul(radix);
        let next = next.and_then(|next| next.checked_add(digit));
        let next = next.filter(|next| i32::try_from(*next).is_ok());
        value = Some(next.ok_or_else(|| {
            cursor.fail_at(cursor.at, "Invalid value of a character entity reference.")
        })?);
        cursor.at += 1;
    }
    if cursor.is_end() {
        let message = "Unexpected end of file while parsing  has occurred.";
        return Err(cursor.fail_at(start, message));
    }
    match value {
        Some(value) if cursor.eat(";") => character(cursor, value, first),
        _ if hex => {
            Err(cursor
                .fail_at(cursor.at, "Invalid syntax for a hexadecimal numeric entity reference."))
        }
        _ => {
            Err(cursor.fail_at(cursor.at, "Invalid syntax for a decimal numeric entity reference."))
        }
    }
}

fn character(cursor: &Cursor<'_>, value: u32, at: usize) -> Result<char, Exception> {
    match char::from_u32(value) {
        Some(c) if is_char(c) => Ok(c),
        Some(c) => Err(cursor.fail_at(at, &bad_char(c))),
        None => {
            // The first of the two UTF-16 units that .NET would make of it.
            let unit = match value.checked_sub(0x1_0000) {
                Some(above) => (0xd800 + above / 1024) & 0xffff,
                None => value,
            };
            let shown = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
            let message =
                format!("'{shown}', hexadecimal value 0x{unit:02X}, is an invalid character.");
            Err(cursor.fail_at(at, &message))
        }
    }
}

fn named(cursor: &mut Cursor<'_>) -> Result<char, Exception> {
    let start = cursor.at;
    let unnamed =
        |cursor: &Cursor<'_>| cursor.fail_at(start, "An error occurred while parsing EntityName.");
    let rest = cursor.rest();
    if !rest.chars().next().is_some_and(is_name_start) {
        return Err(unnamed(cursor));
    }
    cursor.at += rest.len() - rest.trim_start_matches(is_name_char).len();
    let name = cursor.between(start, cursor.at);
    match cursor.peek() {
        None | Some(':') => return Err(unnamed(cursor)),
        Some(';') => cursor.at += 1,
        Some(_) => return Err(cursor.unexpected(&[";"])),
    }
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => {
            let (line, column) = cursor.position(start);
            let message =
                format!("Reference to undeclared entity '{name}'. Line {line}, position {column}.");
            Err(Exception::new(ExceptionKind::Xml, message))
        }
    }
}
