//! Guids as 128 bits in the order of their text.

use crate::number::NumberType;
use crate::{Exception, ExceptionKind};

/// `ToByteArray()`: the first three fields are little-endian.
pub(super) fn guid_bytes(guid: u128) -> [u8; 16] {
    let mut bytes = guid.to_be_bytes();
    for field in [0..4, 4..6, 6..8] {
        if let Some(field) = bytes.get_mut(field) {
            field.reverse();
        }
    }
    bytes
}

/// `Guid.ToString(format)`: `D`, `N`, `B`, `P` or `X`; null and empty are `D`.
pub(crate) fn format_guid(guid: u128, format: Option<&str>) -> Result<String, Exception> {
    let (open, pattern, close) = match format.unwrap_or("") {
        "" | "D" | "d" => ("", DASHED, ""),
        "N" | "n" => ("", DIGITS, ""),
        "B" | "b" => ("{", DASHED, "}"),
        "P" | "p" => ("(", DASHED, ")"),
        "X" | "x" => ("", HEXADECIMAL, ""),
        _ => return Err(fault(FORMATS)),
    };
    let mut nibbles = (0..32_u32).rev().map(|place| (guid >> (4 * place)) & 0xf);
    let digit = |nibble: u128| u32::try_from(nibble).ok().and_then(|it| char::from_digit(it, 16));
    let mut text = String::with_capacity(open.len() + pattern.len() + close.len());
    text.push_str(open);
    text.extend(pattern.chars().map(|c| match c {
        '.' => nibbles.next().and_then(digit).unwrap_or('0'),
        c => c,
    }));
    text.push_str(close);
    Ok(text)
}

/// Forms of a `Guid`, with a dot for each of its digits.
const DIGITS: &str = "................................";
const DASHED: &str = "........-....-....-....-............";
const HEXADECIMAL: &str = "{0x........,0x....,0x....,{0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..}}";

/// `Guid.Parse(text)`.
pub(crate) fn parse_guid(text: Option<&str>) -> Result<u128, Exception> {
    let text = text.ok_or_else(|| {
        Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'input')")
    })?;
    read(text.trim())
}

/// `Guid.ParseExact(text, format)`.
pub(crate) fn parse_guid_exact(text: &str, format: &str) -> Result<u128, Exception> {
    let text = text.trim();
    let inside = |open: char, close: char| {
        let inner = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
        inner.map_or_else(|| Err(fault(DASHES)), dashed)
    };
    match format {
        "D" | "d" => dashed(text),
        "N" | "n" if text.encode_utf16().count() == 32 => hex(text, 32),
        "N" | "n" => Err(fault(DASHES)),
        "B" | "b" => inside('{', '}'),
        "P" | "p" => inside('(', ')'),
        "X" | "x" => braced(text),
        _ => Err(fault(FORMATS)),
    }
}

const FORMATS: &str =
    r#"Format string can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x"."#;
const DASHES: &str =
    "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).";
const NO_COMMA: &str = "Could not find a comma, or the length between the previous token and the comma was zero (i.e., '0x,'etc.).";
const NO_BRACE: &str = "Could not find a brace, or the length between the previous token and the brace was zero (i.e., '0x,'etc.).";
const BRACE: &str = "Expected {0xdddddddd, etc}.";
const NOT_HEX: &str = "Guid string should only contain hexadecimal characters.";

fn read(text: &str) -> Result<u128, Exception> {
    if text.is_empty() {
        return Err(fault("Unrecognized Guid format."));
    }
    match text.chars().next() {
        Some('(') => {
            let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            inner.map_or(Err(fault(DASHES)), dashed)
        }
        Some('{') if text.contains('-') => {
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            inner.map_or(Err(fault(DASHES)), dashed)
        }
        Some('{') => braced(text),
        Some(_) if text.contains('-') => dashed(text),
        Some(_) if text.encode_utf16().count() == 32 => hex(text, 32),
        Some(_) => Err(fault(DASHES)),
        None => Err(fault("Unrecognized Guid format.")),
    }
}

fn hex(text: &str, width: usize) -> Result<u128, Exception> {
    if text.len() != width || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(fault(NOT_HEX));
    }
    u128::from_str_radix(text, 16).map_err(|_| fault(NOT_HEX))
}

fn dashed(text: &str) -> Result<u128, Exception> {
    if text.encode_utf16().count() != 36 {
        return Err(fault(DASHES));
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    if [8, 13, 18, 23].into_iter().any(|at| units.get(at) != Some(&u16::from(b'-'))) {
        return Err(fault("Dashes are in the wrong position for GUID parsing."));
    }
    let mut guid: u128 = 0;
    for (from, to) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 28)] {
        // Text with other than ASCII characters may have no character border there.
        let field = field(text.get(from..to).ok_or_else(|| fault(NOT_HEX))?)?;
        guid = guid << (4 * (to - from)) | u128::from(field);
    }
    Ok(guid << 32 | hex(text.get(28..).unwrap_or(""), 8)?)
}

/// .NET lets a field begin with a sign or a prefix, and count less digits then.
fn field(text: &str) -> Result<u32, Exception> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    let digits = digits.trim_start_matches('0');
    let wrong = digits.find(|char: char| !char.is_ascii_hexdigit());
    if wrong.unwrap_or(digits.len()) > 8 {
        return Err(NumberType::UInt32.overflow());
    }
    if wrong.is_some() {
        return Err(fault(NOT_HEX));
    }
    Ok(u32::from_str_radix(digits, 16).unwrap_or(0))
}

/// `{0x00000000,0x0000,0x0000,{0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00}}`, with spaces anywhere and any number of digits.
fn braced(text: &str) -> Result<u128, Exception> {
    let text: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    let mut rest = text.strip_prefix('{').ok_or_else(|| fault(BRACE))?;
    let mut guid: u128 = 0;
    // A field of two bytes loses what is more than them; of one byte, it is a fault.
    for mask in [u32::MAX, 0xffff, 0xffff] {
        let value = prefixed(&mut rest, ',', NO_COMMA)? & mask;
        guid = guid << mask.count_ones() | u128::from(value);
    }
    rest = rest.strip_prefix('{').ok_or_else(|| fault(BRACE))?;
    for index in 0..8 {
        let (end, missing) = if index < 7 { (',', NO_COMMA) } else { ('}', NO_BRACE) };
        let byte = prefixed(&mut rest, end, missing)?;
        let byte = u8::try_from(byte)
            .map_err(|_| fault("Value was either too large or too small for an unsigned byte."))?;
        guid = guid << 8 | u128::from(byte);
    }
    match rest.strip_prefix('}') {
        None => Err(fault("Could not find the ending brace.")),
        Some("") => Ok(guid),
        Some(_) => Err(fault("Additional non-parsable characters are at the end of the string.")),
    }
}

/// A number behind `0x` and the character that ends it.
fn prefixed(rest: &mut &str, end: char, missing: &str) -> Result<u32, Exception> {
    let digits = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    let digits = digits.ok_or_else(|| fault("Expected 0x prefix."))?;
    let (number, after) = digits.split_once(end).ok_or_else(|| fault(missing))?;
    if number.is_empty() {
        return Err(fault(missing));
    }
    *rest = after;
    field(number)
}

#[cold]
fn fault(message: &str) -> Exception {
    Exception::new(ExceptionKind::Format, message)
}
