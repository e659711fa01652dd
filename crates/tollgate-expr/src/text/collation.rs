//! The order of the invariant culture, as ICU has it: first by letters, then by their marks, then by case.

use std::cmp::Ordering;

use super::compose::decomposed;
use super::single;

/// White space, punctuation and symbols in their order; digits and letters come after them.
const BEFORE_DIGITS: &str = "\t\n\u{b}\u{c}\r\u{85}\u{2028}\u{2029} _‿-‐‑‒–—―,;:!¡?¿.·'‘’‚\"“”„«»()[]{}§¶@*/\\&#%‰†‡•`´˜^¯¨°©®+±÷×<=>|¦~¬";
/// Behind all other symbols.
const CURRENCIES: &str = "¤¢$£¥€";

// What comes after the former, by kind; between two characters there is room for others.
const SYMBOL: u32 = 1 << 28;
const CURRENCY: u32 = 2 << 28;
const DIGIT: u32 = 3 << 28;
const NUMBER: u32 = 4 << 28;
const LATIN: u32 = 5 << 28;
const LETTER: u32 = 6 << 28;
const ROOM: u32 = 8;

/// What `case` says of small letters and of what has no case.
const SMALL: u32 = 2;
const CAPITAL: u32 = 8;
/// What is added to it for a character that only looks different.
const COMPATIBLE: u32 = 2;
/// What is added to it for a wide character. Without regard to case that is another letter, right behind.
const WIDE: u32 = 1;

/// What a character counts for: its letter, its mark, its case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub(super) letter: u32,
    pub(super) mark: u32,
    pub(super) case: u32,
}

impl Weight {
    /// What it counts for when case does not count.
    pub(super) fn in_any_case(self) -> Self {
        Self { letter: self.letter + (self.case & WIDE), case: 0, ..self }
    }
}

/// Characters that count as others: with the mark between when they are no more than alike.
const LIKE: &[(char, &str)] = &[
    ('æ', "a\u{36f}e"),
    ('Æ', "A\u{36f}E"),
    ('œ', "o\u{36f}e"),
    ('Œ', "O\u{36f}E"),
    ('ß', "s\u{36f}s"),
    ('ẞ', "S\u{36f}S"),
    ('ø', "o\u{338}"),
    ('Ø', "O\u{338}"),
    ('ł', "l\u{335}"),
    ('Ł', "L\u{335}"),
    ('đ', "d\u{335}"),
    ('Đ', "D\u{335}"),
    ('ﬀ', "ff"),
    ('ﬁ', "fi"),
    ('ﬂ', "fl"),
    ('ﬃ', "ffi"),
    ('ﬄ', "ffl"),
    ('ﬅ', "st"),
    ('ﬆ', "st"),
    ('ĳ', "ij"),
    ('Ĳ', "IJ"),
    ('ǆ', "dz\u{30c}"),
    ('ǅ', "Dz\u{30c}"),
    ('Ǆ', "DZ\u{30c}"),
    ('ǉ', "lj"),
    ('ǈ', "Lj"),
    ('Ǉ', "LJ"),
    ('ǌ', "nj"),
    ('ǋ', "Nj"),
    ('Ǌ', "NJ"),
    ('ǳ', "dz"),
    ('ǲ', "Dz"),
    ('Ǳ', "DZ"),
    ('ſ', "s"),
    ('ª', "a"),
    ('º', "o"),
    ('¹', "1"),
    ('²', "2"),
    ('³', "3"),
    ('¼', "1⁄4"),
    ('½', "1⁄2"),
    ('¾', "3⁄4"),
    ('…', "..."),
    ('™', "tm"),
    ('№', "No"),
];

/// Whether it is a mark of the letter before it.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20f0}' | '\u{fe20}'..='\u{fe2f}')
}

/// Whether it counts for nothing.
pub(super) fn is_ignored(c: char) -> bool {
    match c {
        ' '..='~' | '\t'..='\r' | '\u{85}' => false,
        '\u{34f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        c => {
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}')
                || c.is_control()
        }
    }
}

/// A space that only looks different.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

fn weight(c: char) -> Weight {
    if c.is_ascii_alphanumeric() {
        return plain(c);
    }
    if is_ignored(c) {
        return Weight { letter: 0, mark: 0, case: 0 };
    }
    if is_mark(c) {
        return Weight { letter: 0, mark: u32::from(c), case: SMALL };
    }
    if is_space(c) {
        return Weight { case: SMALL + COMPATIBLE, ..plain(' ') };
    }
    match narrow(c) {
        Some(narrow) => {
            let weight = weight(narrow);
            Weight { case: weight.case + WIDE, ..weight }
        }
        None => plain(c),
    }
}

/// The ASCII character that a wide one is.
fn narrow(c: char) -> Option<char> {
    let unit = u32::from(c).checked_sub(0xff01).filter(|unit| *unit < 0x5e)?;
    char::from_u32(unit + 0x21)
}

/// Of a character that is no mark, not ignored and like no other.
fn plain(c: char) -> Weight {
    let lower = single(c, c.to_lowercase());
    let case = if lower == c { SMALL } else { CAPITAL };
    let place = |list: &str| {
        let place = list.chars().position(|known| known == c)?;
        Some(ROOM * u32::try_from(place + 1).unwrap_or_default())
    };
    let letter = if let Some(digit) = c.to_digit(10) {
        DIGIT + ROOM * digit
    } else if lower.is_ascii_alphabetic() {
        LATIN + ROOM * u32::from(lower)
    } else if c == 'ı' {
        LATIN + ROOM * u32::from('i') + 2
    } else if c.is_alphabetic() {
        LETTER + ROOM * u32::from(lower)
    } else if let Some(place) = place(BEFORE_DIGITS) {
        place
    } else if let Some(place) = place(CURRENCIES) {
        CURRENCY + place
    } else if c.is_numeric() {
        NUMBER + ROOM * u32::from(c)
    } else {
        SYMBOL + ROOM * u32::from(c)
    };
    Weight { letter, mark: 0, case }
}

/// Gives what a character counts for.
pub(super) fn each_weight(c: char, add: &mut impl FnMut(Weight)) {
    let like = if c.is_ascii() { None } else { LIKE.iter().find(|(other, _)| *other == c) };
    let Some((_, parts)) = like else { return add(weight(c)) };
    let case = if parts.contains(is_mark) { 0 } else { COMPATIBLE };
    for part in parts.chars() {
        let weight = weight(part);
        add(Weight { case: weight.case + case, ..weight });
    }
}

fn weights(text: &str, any_case: bool) -> Vec<Weight> {
    let mut all = Vec::new();
    for c in decomposed(text) {
        each_weight(c, &mut |weight| {
            all.push(if any_case { weight.in_any_case() } else { weight });
        });
    }
    all
}

/// The order of two strings.
pub(crate) fn compare_culture(left: &str, right: &str, any_case: bool) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (weights(left, any_case), weights(right, any_case));
    let letters = |all: &[Weight]| -> Vec<u32> {
        all.iter().map(|weight| weight.letter).filter(|letter| *letter != 0).collect()
    };
    // Each letter counts for an unmarked one before its marks.
    let marks = |all: &[Weight]| -> Vec<u32> {
        all.iter()
            .filter(|weight| weight.letter != 0 || weight.mark != 0)
            .map(|weight| weight.mark)
            .collect()
    };
    let cases = |all: &[Weight]| -> Vec<u32> {
        all.iter().filter(|weight| weight.letter != 0).map(|weight| weight.case).collect()
    };
    letters(&left)
        .cmp(&letters(&right))
        .then_with(|| marks(&left).cmp(&marks(&right)))
        .then_with(|| cases(&left).cmp(&cases(&right)))
}
