//! The order of the invariant culture, as ICU has it: first by letters, then by their marks, then by case.

use std::cmp::Ordering;

use super::compose::decomposed;
use super::single;

/// White space, punctuation and symbols in their order; digits and letters come after them.
const BEFORE_DIGITS: &str = "\t\n\u{b}\u{c}\r\u{85}\u{2028}\u{2029} \u{a0}_‿-‐‑‒–—―,;:!¡?¿.·'‘’‚\"“”„«»()[]{}§¶@*/\\&#%‰†‡•`´˜^¯¨°©®+±÷×<=>|¦~¬¤¢$£¥€";

/// What a character counts for: its letter, its mark, its case.
struct Weight {
    letter: u32,
    mark: u32,
    case: u32,
}

fn weight(c: char) -> Weight {
    let lower = single(c, c.to_lowercase());
    let case = u32::from(lower != c);
    if let Some(place) = BEFORE_DIGITS.chars().position(|known| known == c) {
        return Weight { letter: u32::try_from(place).unwrap_or_default() + 1, mark: 0, case: 0 };
    }
    if ('\u{300}'..='\u{36f}').contains(&c) {
        return Weight { letter: 0, mark: u32::from(c), case: 0 };
    }
    let ignored = c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}');
    let letter = if ignored {
        0
    } else if let Some(digit) = c.to_digit(10) {
        0x2_0000 + digit
    } else if lower.is_ascii() {
        0x4_0000 + u32::from(lower)
    } else if c.is_alphabetic() {
        0x5_0000 + u32::from(lower)
    } else if c.is_numeric() {
        0x3_0000 + u32::from(c)
    } else {
        0x1_0000 + u32::from(c)
    };
    Weight { letter, mark: 0, case }
}

/// Letters that count as others with a mark.
const LIKE: &[(char, &str)] = &[
    ('æ', "a\u{36f}e"),
    ('Æ', "A\u{36f}E"),
    ('œ', "o\u{36f}e"),
    ('Œ', "O\u{36f}E"),
    ('ß', "s\u{36f}s"),
    ('ø', "o\u{338}"),
    ('Ø', "O\u{338}"),
    ('ł', "l\u{335}"),
    ('Ł', "L\u{335}"),
];

fn weights(text: &str) -> Vec<Weight> {
    let mut all = Vec::new();
    for c in decomposed(text) {
        match LIKE.iter().find(|(letter, _)| *letter == c) {
            Some((_, parts)) => all.extend(parts.chars().map(weight)),
            None => all.push(weight(c)),
        }
    }
    all
}

/// The order of two strings.
pub(crate) fn compare_culture(left: &str, right: &str, any_case: bool) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (weights(left), weights(right));
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
    let order = letters(&left).cmp(&letters(&right)).then_with(|| marks(&left).cmp(&marks(&right)));
    if any_case { order } else { order.then_with(|| cases(&left).cmp(&cases(&right))) }
}
