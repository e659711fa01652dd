//! Strings as .NET sees them: UTF-16 units, ordinal and invariant comparisons.

mod collation;
mod compose;
mod compositions;
mod search;

use std::cmp::Ordering;

pub(crate) use collation::compare_culture;
pub(crate) use compose::composed;
pub(crate) use search::{ELEMENT_SIZE, Which, find_culture, is_plain};

use search::{ends_by_culture, starts_by_culture};

/// `Length`.
pub(crate) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The byte offset of a UTF-16 index; an index inside a pair is taken as the pair's start.
pub(crate) fn byte_offset(text: &str, units: usize) -> usize {
    if text.is_ascii() {
        return units.min(text.len());
    }
    let mut seen = 0;
    for (offset, c) in text.char_indices() {
        if seen >= units {
            return offset;
        }
        seen += c.len_utf16();
        if seen > units {
            return offset;
        }
    }
    text.len()
}

/// The UTF-16 index of a byte offset.
pub(crate) fn unit_index(text: &str, offset: usize) -> usize {
    length(text.get(..offset).unwrap_or(text))
}

/// The unit at a UTF-16 index.
pub(crate) fn unit_at(text: &str, index: usize) -> Option<u16> {
    if text.is_ascii() {
        return text.as_bytes().get(index).map(|byte| u16::from(*byte));
    }
    text.encode_utf16().nth(index)
}

/// A part, by UTF-16 index and length; both must be within the text.
pub(crate) fn substring(text: &str, start: usize, len: usize) -> String {
    if text.is_ascii() {
        return text.get(start..start + len).unwrap_or_default().to_owned();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(len).collect();
    String::from_utf16_lossy(&units)
}

/// Text of one unit.
pub(crate) fn unit_text(unit: u16) -> String {
    String::from_utf16_lossy(&[unit])
}

/// Invariant lower case, character by character as .NET does.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(|c| single(c, c.to_lowercase())).collect()
}

/// Invariant upper case, character by character as .NET does. It leaves the dotless i.
pub(crate) fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(|c| if c == 'ı' { c } else { single(c, c.to_uppercase()) }).collect()
}

/// A mapping of one character to one; .NET leaves characters that would grow.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// `StringComparison`, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Culture { any_case: bool },
    Ordinal { any_case: bool },
}

impl Comparison {
    /// Current and invariant culture are the same here.
    pub(crate) fn of(number: i32) -> Self {
        match number {
            0 | 2 => Self::Culture { any_case: false },
            1 | 3 => Self::Culture { any_case: true },
            4 => Self::Ordinal { any_case: false },
            _ => Self::Ordinal { any_case: true },
        }
    }

    pub(crate) fn any_case(self) -> bool {
        let (Self::Culture { any_case } | Self::Ordinal { any_case }) = self;
        any_case
    }
}

/// Equality without regard to case.
pub(crate) fn equal_any_case(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    folded(left) == folded(right)
}

/// What comparisons without regard to case compare: upper case, the dotless i included.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(capital).collect()
}

/// The order of two strings.
pub(crate) fn compare(left: &str, right: &str, how: Comparison) -> Ordering {
    match how {
        Comparison::Culture { any_case } => compare_culture(left, right, any_case),
        Comparison::Ordinal { any_case: true } => compare_any_case(left, right).cmp(&0),
        Comparison::Ordinal { any_case: false } => left.encode_utf16().cmp(right.encode_utf16()),
    }
}

/// The order of two strings without regard to case: the difference of ASCII letters in capitals, or of the lengths. From
/// the first other character on it is ICU that compares for .NET: what differs not only in case counts as it is.
pub(crate) fn compare_any_case(left: &str, right: &str) -> i32 {
    let (mut rest, mut other) = (left.chars(), right.chars());
    let mut is_ascii = true;
    loop {
        match (rest.next(), other.next()) {
            (Some(a), Some(b)) => {
                is_ascii &= a.is_ascii() && b.is_ascii();
                if a == b || capital(a) == capital(b) {
                    continue;
                }
                if !is_ascii {
                    return a.cmp(&b) as i32;
                }
                let unit = |c: char| i32::try_from(u32::from(c.to_ascii_uppercase())).unwrap_or(0);
                return unit(a) - unit(b);
            }
            _ if is_ascii => {
                let n = |text: &str| i32::try_from(length(text)).unwrap_or(i32::MAX);
                return n(left) - n(right);
            }
            (a, b) => return a.is_some().cmp(&b.is_some()) as i32,
        }
    }
}

/// A character without its case.
fn capital(c: char) -> char {
    if c.is_ascii() { c.to_ascii_uppercase() } else { single(c, c.to_uppercase()) }
}

/// The byte offset of the first occurrence of `needle` from a byte offset.
pub(crate) fn find(text: &str, needle: &str, from: usize, any_case: bool) -> Option<usize> {
    let rest = text.get(from..)?;
    if !any_case {
        return rest.find(needle).map(|offset| offset + from);
    }
    let mapped = folded(rest);
    let found = mapped.find(&folded(needle))?;
    Some(from + same_place(&mapped, found, rest))
}

/// The byte offset, in a text, of the place in its mapping: one has as many characters as the other.
fn same_place(mapped: &str, at: usize, text: &str) -> usize {
    let n = mapped.get(..at).unwrap_or(mapped).chars().count();
    after_chars(text, n)
}

/// The byte offset behind so many characters.
fn after_chars(text: &str, n: usize) -> usize {
    if text.is_ascii() {
        return n.min(text.len());
    }
    text.char_indices().nth(n).map_or(text.len(), |(offset, _)| offset)
}

/// The byte offset of the last occurrence of `needle` that ends at or before a byte offset.
pub(crate) fn find_last(text: &str, needle: &str, until: usize, any_case: bool) -> Option<usize> {
    let head = text.get(..until)?;
    if !any_case {
        return head.rfind(needle);
    }
    let mapped = folded(head);
    let found = mapped.rfind(&folded(needle))?;
    Some(same_place(&mapped, found, head))
}

/// Whether a text begins with another.
pub(crate) fn starts(text: &str, needle: &str, how: Comparison) -> bool {
    let begins = text.starts_with(needle);
    let n = needle.len();
    match how {
        Comparison::Ordinal { any_case: false } => begins,
        Comparison::Ordinal { any_case: true } => {
            let head = text.get(..byte_offset(text, length(needle)));
            begins || head.is_some_and(|head| equal_any_case(head, needle))
        }
        // Only what follows can make a difference, or text that is not plain.
        Comparison::Culture { .. } if begins && text.as_bytes().get(n).is_none_or(u8::is_ascii) => {
            true
        }
        Comparison::Culture { any_case } => {
            let bytes = text.as_bytes();
            let head = bytes.get(..(n + 1).min(bytes.len())).unwrap_or_default();
            if !is_plain(head) || !is_plain(needle.as_bytes()) {
                return starts_by_culture(text, needle, any_case);
            }
            any_case
                && head.get(..n).is_some_and(|head| head.eq_ignore_ascii_case(needle.as_bytes()))
        }
    }
}

/// Whether a text ends with another.
pub(crate) fn ends(text: &str, needle: &str, how: Comparison) -> bool {
    let Comparison::Culture { any_case } = how else {
        let tail = length(text).checked_sub(length(needle));
        let tail = tail.and_then(|units| text.get(byte_offset(text, units)..));
        return text.ends_with(needle)
            || how.any_case() && tail.is_some_and(|tail| equal_any_case(tail, needle));
    };
    let bytes = text.as_bytes();
    let at = bytes.len().saturating_sub(needle.len());
    let tail = bytes.get(at.saturating_sub(1)..).unwrap_or_default();
    if !is_plain(tail) || !is_plain(needle.as_bytes()) {
        return needle.is_empty() || ends_by_culture(text, needle, any_case);
    }
    let tail = bytes.get(at..).unwrap_or_default();
    tail == needle.as_bytes() || any_case && tail.eq_ignore_ascii_case(needle.as_bytes())
}

/// The byte ranges of all occurrences of `needle` without regard to case, one after the other.
pub(crate) fn find_all_any_case(text: &str, needle: &str) -> Vec<(usize, usize)> {
    let (mapped, needle) = (folded(text), folded(needle));
    let length = needle.chars().count();
    let mut all = Vec::new();
    // Where the last occurrence ended, in the mapping and in the text.
    let (mut behind, mut at) = (0, 0);
    for (found, _) in mapped.match_indices(&needle) {
        let rest = text.get(at..).unwrap_or_default();
        let start = at + same_place(mapped.get(behind..).unwrap_or_default(), found - behind, rest);
        let end = start + after_chars(text.get(start..).unwrap_or_default(), length);
        all.push((start, end));
        (behind, at) = (found + needle.len(), end);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_count_utf16_units() {
        let text = "a😀b";
        assert_eq!((length(text), byte_offset(text, 3), unit_index(text, 5)), (4, 5, 3));
        assert_eq!(substring(text, 1, 2), "😀");
        assert_eq!(unit_at(text, 3), Some(u16::from(b'b')));
        assert_eq!(find("xABc", "abC", 0, true), Some(1));
        assert_eq!(find_last("abcabc", "BC", 5, true), Some(1));
        assert_eq!(find("äÄöx", "ÖX", 0, true), Some(4));
        assert_eq!(find("äÄöx", "", 2, true), Some(2));
        assert_eq!(find_last("äÄöx", "ä", 7, true), Some(2));
        assert_eq!(find_all_any_case("xÄaäAx", "äa"), [(1, 4), (4, 7)]);
        assert_eq!(find_all_any_case("aAaA", "aa"), [(0, 2), (2, 4)]);
        assert_eq!(compare_culture("a", "B", false), Ordering::Less);
        assert_eq!(compare_culture("a", "A", false), Ordering::Less);
    }
}
