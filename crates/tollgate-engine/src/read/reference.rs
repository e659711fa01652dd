//! References to characters: the five entities of XML and numeric references.

/// What an `&` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// A character written in this many bytes.
    Char(char, usize),
    /// A well-formed reference, of this many bytes, to an entity XML does not define.
    UnknownEntity(usize),
    /// A numeric reference, of this many bytes, to something that is not a character of XML.
    NotACharacter(usize),
    /// Nothing: a bare `&`.
    Bare,
}

/// The longest reference that is looked for: `&#x0010FFFF;` with room for more zeros.
const LONGEST: usize = 32;

/// Reads the reference at the start of `text`, which begins with `&`.
pub(super) fn read(text: &str) -> Reference {
    let head = text.as_bytes().get(..text.len().min(LONGEST)).unwrap_or_default();
    let Some(end) = head.iter().position(|b| *b == b';') else { return Reference::Bare };
    let Some(name) = text.get(1..end) else { return Reference::Bare };
    let length = end + 1;
    if let Some(number) = name.strip_prefix('#') {
        return numeric(number, length);
    }
    match name {
        "quot" => Reference::Char('"', length),
        "apos" => Reference::Char('\'', length),
        "lt" => Reference::Char('<', length),
        "gt" => Reference::Char('>', length),
        "amp" => Reference::Char('&', length),
        _ if is_entity_name(name) => Reference::UnknownEntity(length),
        _ => Reference::Bare,
    }
}

fn numeric(number: &str, length: usize) -> Reference {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Reference::Bare;
    }
    match u32::from_str_radix(digits, radix).ok().and_then(char::from_u32) {
        Some(c) if is_xml_char(c) => Reference::Char(c, length),
        _ => Reference::NotACharacter(length),
    }
}

fn is_entity_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Whether XML 1.0 (§2.2) allows the character in a document.
pub(super) fn is_xml_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_bare_ampersands() {
        let cases = [
            ("&lt;b", Reference::Char('<', 4)),
            ("&quot;", Reference::Char('"', 6)),
            ("&#10;", Reference::Char('\n', 5)),
            ("&#x1F600;", Reference::Char('😀', 9)),
            ("&nbsp;", Reference::UnknownEntity(6)),
            ("&#0;", Reference::NotACharacter(4)),
            ("&#xD800;", Reference::NotACharacter(8)),
            ("&#99999999999;", Reference::NotACharacter(14)),
            ("& ;", Reference::Bare),
            ("&& b;", Reference::Bare),
            ("&a=1;", Reference::Bare),
            ("&;", Reference::Bare),
            ("&#;", Reference::Bare),
            ("&#xg;", Reference::Bare),
            ("&lt", Reference::Bare),
            ("&é;", Reference::Bare),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
