//! Where one text is in another to a culture, as ICU searches: letter by letter, marks belong to their letter, and
//! characters that the culture ignores are skipped.
//!
//! A line feed after a carriage return is found by itself, as it is on Windows; ICU takes both for one character.

use super::collation::{Weight, each_weight, is_ignored};
use super::compose::apart;

/// Which places are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    First,
    Last,
    /// One after the other.
    All,
}

/// What one place of a text counts for.
#[derive(Debug, Clone, Copy)]
struct Element {
    key: u64,
    /// The byte range of the character; empty for what follows the first element of the same character.
    start: usize,
    end: usize,
    is_mark: bool,
}

impl Element {
    /// Whether it belongs to what stands before it.
    fn continues(&self) -> bool {
        self.is_mark && self.start > 0 || self.start == self.end
    }
}

/// What a place takes, for those who account for memory.
pub(crate) const ELEMENT_SIZE: usize = size_of::<Element>();

/// Whether a culture sees in ASCII text what is there, and in nothing else: bytes that are no marks and not ignored.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) || (b'\t'..=b'\r').contains(byte);
    text.chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte)))
}

/// Gives what a character counts for; nothing when it is ignored.
fn each_element(c: char, offset: usize, any_case: bool, add: &mut impl FnMut(Element)) {
    let end = offset + c.len_utf8();
    let mut start = offset;
    let mut add = |weight: Weight| {
        let Weight { letter, mark, case } = if any_case { weight.in_any_case() } else { weight };
        if letter == 0 && mark == 0 {
            return;
        }
        let key = u64::from(letter) << 32 | u64::from(mark) << 8 | u64::from(case);
        add(Element { key, start, end, is_mark: letter == 0 });
        start = end;
    };
    let (letter, marks) = apart(c);
    each_weight(letter, &mut add);
    for mark in marks {
        each_weight(mark, &mut add);
    }
}

fn elements(text: &str, any_case: bool) -> Vec<Element> {
    let mut all = Vec::with_capacity(text.len());
    for (offset, c) in text.char_indices() {
        each_element(c, offset, any_case, &mut |element| all.push(element));
    }
    all
}

/// Those of one character.
fn of_char((offset, c): (usize, char), any_case: bool) -> Vec<Element> {
    let mut all = Vec::new();
    each_element(c, offset, any_case, &mut |element| all.push(element));
    all
}

fn forwards(text: &str, any_case: bool) -> impl Iterator<Item = Element> {
    let seen = text.char_indices().filter(|(_, c)| !is_ignored(*c));
    seen.flat_map(move |at| of_char(at, any_case))
}

fn backwards(text: &str, any_case: bool) -> impl Iterator<Item = Element> {
    let seen = text.char_indices().rev().filter(|(_, c)| !is_ignored(*c));
    seen.flat_map(move |at| of_char(at, any_case).into_iter().rev())
}

/// Whether a text begins with another; what is ignored may stand before it.
pub(crate) fn starts_by_culture(text: &str, needle: &str, any_case: bool) -> bool {
    let mut own = forwards(text, any_case);
    let mut first = None;
    for wanted in forwards(needle, any_case) {
        let found = own.next().filter(|element| element.key == wanted.key);
        let Some(found) = found else { return false };
        first.get_or_insert(found);
    }
    match first {
        None => !text.is_empty(),
        Some(first) => !first.continues() && own.next().is_none_or(|next| !next.continues()),
    }
}

/// Whether a text ends with another; what is ignored may stand behind it.
pub(crate) fn ends_by_culture(text: &str, needle: &str, any_case: bool) -> bool {
    let mut own = backwards(text, any_case);
    let mut first = None;
    for wanted in backwards(needle, any_case) {
        first = own.next().filter(|element| element.key == wanted.key);
        if first.is_none() {
            return false;
        }
    }
    match first {
        None => text.chars().next_back().is_some_and(is_ignored),
        Some(first) => !first.continues(),
    }
}

/// The byte ranges of the places of a text in another. Text that a culture does not see is found at the first place or
/// before the last unit.
pub(crate) fn find_culture(
    text: &str,
    needle: &str,
    any_case: bool,
    which: Which,
) -> Vec<(usize, usize)> {
    let pattern: Vec<u64> = elements(needle, any_case).iter().map(|element| element.key).collect();
    if !pattern.is_empty() {
        return occurrences(&elements(text, any_case), &pattern, which);
    }
    let place = match which {
        _ if text.is_empty() => None,
        Which::First => Some(0),
        Which::Last => text.char_indices().next_back().map(|(offset, _)| offset),
        Which::All => None,
    };
    place.map(|place| (place, place)).into_iter().collect()
}

/// The search of Knuth, Morris and Pratt: no text makes it slow.
fn occurrences(elements: &[Element], pattern: &[u64], which: Which) -> Vec<(usize, usize)> {
    let borders = borders(pattern);
    let border = |n: usize| n.checked_sub(1).and_then(|n| borders.get(n)).copied().unwrap_or(0);
    let mut found = Vec::new();
    let mut matched = 0;
    for (place, element) in elements.iter().enumerate() {
        while matched > 0 && pattern.get(matched) != Some(&element.key) {
            matched = border(matched);
        }
        if pattern.get(matched) == Some(&element.key) {
            matched += 1;
        }
        if matched < pattern.len() {
            continue;
        }
        let first = place.checked_sub(matched - 1).and_then(|first| elements.get(first));
        let next = elements.get(place + 1);
        let whole = next.is_none_or(|next| !next.continues());
        let range = first.filter(|first| whole && !first.continues());
        let Some(first) = range else {
            matched = border(matched);
            continue;
        };
        let range = (first.start, element.end);
        match which {
            Which::First => return vec![range],
            Which::Last => found = vec![range],
            Which::All => found.push(range),
        }
        matched = if which == Which::All { 0 } else { border(matched) };
    }
    found
}

/// How much of the beginning of a pattern each of its beginnings ends with.
fn borders(pattern: &[u64]) -> Vec<usize> {
    let mut borders: Vec<usize> = Vec::with_capacity(pattern.len());
    let mut matched = 0;
    for (place, key) in pattern.iter().enumerate() {
        while matched > 0 && pattern.get(matched) != Some(key) {
            matched = borders.get(matched - 1).copied().unwrap_or(0);
        }
        if place > 0 && pattern.get(matched) == Some(key) {
            matched += 1;
        }
        borders.push(matched);
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_belong_to_their_letters_and_what_is_ignored_is_skipped() {
        let find = |text, needle| find_culture(text, needle, false, Which::First);
        assert_eq!(find("a\u{301}b", "a"), []);
        assert_eq!(find("a\u{301}b", "\u{301}"), []);
        assert_eq!(find("xa\u{301}b", "á"), [(1, 4)]);
        assert_eq!(find("á", "a\u{301}"), [(0, 2)]);
        assert_eq!(find("a\0\0b", "ab"), [(0, 4)]);
        assert_eq!(find("abc", "\0"), [(0, 0)]);
        assert_eq!(find("", "\0"), []);
        assert_eq!(find("xßy", "s"), []);
        assert_eq!(find_culture("aaa", "a\0a", false, Which::Last), [(1, 3)]);
        assert_eq!(find_culture("aaaa", "A\0a", true, Which::All), [(0, 2), (2, 4)]);
        assert_eq!(find_culture("xﬁy", "FI", true, Which::First), [(1, 4)]);
        assert!(
            starts_by_culture("\0abc", "a\0b", false) && !starts_by_culture("a\u{301}", "a", false)
        );
        assert!(
            ends_by_culture("ab\0", "b", false) && !ends_by_culture("a\u{301}", "\u{301}", false)
        );
    }
}
