//! Percent escapes as `System.Uri` treats them.

use super::Part;

/// `%XX` of a byte.
pub(crate) fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.extend(DIGITS.get(usize::from(digit)).map(|c| char::from(*c)));
    }
}

/// A character in UTF-8, all of it escaped.
pub(crate) fn push_escaped(out: &mut String, c: char) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        push_hex(out, byte);
    }
}

/// The byte that `%XX` at the start of text stands for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

pub(super) fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

fn is_reserved(c: char) -> bool {
    matches!(
        c,
        ';' | '/'
            | '?'
            | ':'
            | '@'
            | '&'
            | '='
            | '+'
            | '$'
            | ','
            | '#'
            | '['
            | ']'
            | '!'
            | '\''
            | '('
            | ')'
            | '*'
    )
}

/// Whether a character that is not ASCII may stand in a part of an IRI.
fn is_iri(c: char, part: Part) -> bool {
    match u32::from(c) {
        0..=0x9f | 0xfdd0..=0xfdef | 0xfff0..=0xffff | 0xe0000.. => false,
        0xe000..=0xf8ff => part == Part::Query,
        astral if astral > 0xffff => astral & 0xffff < 0xfffe,
        _ => true,
    }
}

/// Text with what `%XX` stand for: `take` says which characters are replaced, the others stay as they are written. What
/// is no UTF-8 stays, with its digits in upper case.
fn unescaped(text: &str, take: impl Fn(char) -> bool, lone: impl Fn(&mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c != '%' {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            continue;
        }
        let Some(first) = escaped_byte(rest.as_bytes()) else {
            lone(&mut out);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let length = if first < 0x80 { 1 } else { first.leading_ones().clamp(1, 4) as usize };
        let bytes: Vec<u8> = (0..length)
            .map_while(|n| rest.as_bytes().get(3 * n..).and_then(escaped_byte))
            .collect();
        let decoded = str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
        match decoded {
            Some(c) if take(c) => {
                out.push(c);
                rest = rest.get(3 * bytes.len()..).unwrap_or_default();
            }
            Some(c) if !c.is_ascii() => {
                push_escaped(&mut out, c);
                rest = rest.get(3 * bytes.len()..).unwrap_or_default();
            }
            _ => {
                if first >= 0x80 {
                    push_hex(&mut out, first);
                } else {
                    out.push_str(rest.get(..3).unwrap_or_default());
                }
                rest = rest.get(3..).unwrap_or_default();
            }
        }
    }
    out
}

/// What a part is kept as: escapes of unreserved characters and of those of IRIs are undone, what IRIs may not hold and a
/// `%` that escapes nothing are escaped.
pub(super) fn iri(text: &str, part: Part) -> String {
    let take = |c: char| is_unreserved(c) || is_iri(c, part);
    let text = unescaped(text, take, |out| out.push_str("%25"));
    if text.is_ascii() { text } else { legal(&text, part) }
}

/// Text with the characters escaped that no IRI may hold.
fn legal(text: &str, part: Part) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() || is_iri(c, part) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
            // .NET comes upon the second half of a pair once more.
            if c > '\u{ffff}' {
                push_escaped(&mut out, char::REPLACEMENT_CHARACTER);
            }
        }
    }
    out
}

/// A relative URI as an IRI; none when it is one already. A percent sign before two characters that are no digits is
/// taken for the escape of a character beyond ASCII.
pub(super) fn relative_iri(text: &str) -> Option<String> {
    let escapes = |text: &str| {
        text.match_indices('%').any(|(at, _)| {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            match escaped_byte(rest) {
                Some(byte) => is_unreserved(char::from(byte)) && byte.is_ascii(),
                None => rest.len() > 2,
            }
        })
    };
    if text.is_ascii() && !escapes(text) && unescape_all(text).is_ascii() {
        return None;
    }
    let take = |c: char| {
        if c.is_ascii() { !stays_escaped(c) } else { is_iri(c, Part::Path) }
    };
    Some(legal(&unescaped(text, take, |out| out.push('%')), Part::Path))
}

/// Whether a part needs no escapes, or is an IRI without any.
pub(super) fn is_canonical(part: &str) -> bool {
    part.is_ascii() || !part.contains('%') && !part.chars().any(|c| c > '\u{ffff}')
}

/// Whether undoing the escape of an ASCII character would change what a URI means.
fn stays_escaped(c: char) -> bool {
    is_reserved(c) || matches!(c, '%' | '\\') || c.is_control()
}

/// A kept part, escaped.
pub(super) fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        if is_unreserved(c) || is_reserved(c) || c == '%' {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

/// A kept part, with the escapes undone that change nothing.
pub(super) fn safe(text: &str, part: Part) -> String {
    let take = |c: char| if c.is_ascii() { !stays_escaped(c) } else { is_iri(c, part) };
    unescaped(text, take, |out| out.push('%'))
}

/// All escapes undone.
pub(crate) fn unescape_all(text: &str) -> String {
    unescaped(text, |_| true, |out| out.push('%'))
}

/// `Uri.EscapeDataString`.
pub(crate) fn escape_data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unreserved(c) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

/// `Uri.EscapeUriString`: reserved characters stay.
pub(crate) fn escape_uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unreserved(c) || is_reserved(c) {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

/// Whether nothing of ASCII in a text needs to be escaped.
pub(super) fn is_escaped(part: &str) -> bool {
    part.char_indices().all(|(at, c)| match c {
        '%' => escaped_byte(part.as_bytes().get(at..).unwrap_or_default()).is_some(),
        c => is_unreserved(c) || is_reserved(c) || !c.is_ascii(),
    })
}

/// Whether `%XX` stands at the start.
pub(crate) fn is_hex_encoding(text: &str) -> bool {
    escaped_byte(text.as_bytes()).is_some()
}
