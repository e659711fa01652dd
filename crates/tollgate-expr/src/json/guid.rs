//! Guids as 128 bits in the order of their text.

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
    let digits = format!("{guid:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("");
    let dashed = || {
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    };
    Ok(match format.unwrap_or("") {
        "" | "D" | "d" => dashed(),
        "N" | "n" => digits,
        "B" | "b" => format!("{{{}}}", dashed()),
        "P" | "p" => format!("({})", dashed()),
        "X" | "x" => {
            let bytes: Vec<String> =
                (16..32).step_by(2).map(|at| format!("0x{}", part(at, at + 2))).collect();
            format!(
                "{{0x{},0x{},0x{},{{{}}}}}",
                part(0, 8),
                part(8, 12),
                part(12, 16),
                bytes.join(",")
            )
        }
        _ => {
            return Err(fault(FORMATS));
        }
    })
}

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
        "X" | "x" if text.starts_with('{') => braced(text),
        "X" | "x" => Err(fault("Expected {0xdddddddd, etc}.")),
        _ => Err(fault(FORMATS)),
    }
}

const FORMATS: &str =
    r#"Format string can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x"."#;
const DASHES: &str =
    "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).";
const NO_COMMA: &str = "Could not find a comma, or the length between the previous token and the comma was zero (i.e., '0x,'etc.).";
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
        Some(_) if text.len() == 32 => hex(text, 32),
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
    let bytes = text.as_bytes();
    let dash_at = |at: usize| bytes.get(at) == Some(&b'-');
    if text.encode_utf16().count() != 36 {
        return Err(fault(DASHES));
    }
    if !text.is_ascii() {
        return Err(fault(NOT_HEX));
    }
    if ![8, 13, 18, 23].into_iter().all(dash_at) {
        return Err(fault(DASHES));
    }
    let mut guid: u128 = 0;
    for (from, to) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 28)] {
        let field = field(text.get(from..to).unwrap_or(""))?;
        guid = guid << (4 * (to - from)) | field;
    }
    Ok(guid << 32 | hex(text.get(28..).unwrap_or(""), 8)?)
}

/// .NET lets a field begin with a sign or a prefix, and count less digits then.
fn field(text: &str) -> Result<u128, Exception> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    hex(digits, digits.len())
}

/// `{0x00000000,0x0000,0x0000,{0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00}}`.
fn braced(text: &str) -> Result<u128, Exception> {
    let text: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    let fields = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix("}}"))
        .and_then(|text| text.split_once(",{"));
    let inner = text.strip_prefix('{').unwrap_or("");
    if !inner.starts_with("0x") && !inner.starts_with("0X") {
        return Err(fault("Expected 0x prefix."));
    }
    let Some((head, tail)) = fields else { return Err(fault(NO_COMMA)) };
    let mut guid: u128 = 0;
    let mut count = 0;
    for (field, digits) in head.split(',').zip([8, 4, 4]).chain(tail.split(',').zip([2; 8])) {
        let value = field
            .strip_prefix("0x")
            .or_else(|| field.strip_prefix("0X"))
            .ok_or_else(|| fault("Expected 0x prefix."))?;
        if value.is_empty() || value.len() > digits {
            return Err(fault(NOT_HEX));
        }
        let value = u128::from_str_radix(value, 16).map_err(|_| fault(NOT_HEX))?;
        guid = guid << (4 * digits) | value;
        count += 1;
    }
    if count != 11 {
        return Err(fault(NO_COMMA));
    }
    Ok(guid)
}

#[cold]
fn fault(message: &str) -> Exception {
    Exception::new(ExceptionKind::Format, message)
}
