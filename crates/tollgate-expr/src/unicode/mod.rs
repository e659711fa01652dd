//! What .NET Core 3.1 knows of characters: its general categories and numeric values (Unicode 11).

use std::sync::LazyLock;

/// `System.Globalization.UnicodeCategory`, by number.
pub(crate) const CATEGORIES: &[(&str, i32)] = &[
    ("UppercaseLetter", 0),
    ("LowercaseLetter", 1),
    ("TitlecaseLetter", 2),
    ("ModifierLetter", 3),
    ("OtherLetter", 4),
    ("NonSpacingMark", 5),
    ("SpacingCombiningMark", 6),
    ("EnclosingMark", 7),
    ("DecimalDigitNumber", 8),
    ("LetterNumber", 9),
    ("OtherNumber", 10),
    ("SpaceSeparator", 11),
    ("LineSeparator", 12),
    ("ParagraphSeparator", 13),
    ("Control", 14),
    ("Format", 15),
    ("Surrogate", 16),
    ("PrivateUse", 17),
    ("ConnectorPunctuation", 18),
    ("DashPunctuation", 19),
    ("OpenPunctuation", 20),
    ("ClosePunctuation", 21),
    ("InitialQuotePunctuation", 22),
    ("FinalQuotePunctuation", 23),
    ("OtherPunctuation", 24),
    ("MathSymbol", 25),
    ("CurrencySymbol", 26),
    ("ModifierSymbol", 27),
    ("OtherSymbol", 28),
    ("OtherNotAssigned", 29),
];

/// A general category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Category(pub(crate) u8);

impl Category {
    /// The category of a code point, a half of a pair included.
    pub(crate) fn of(point: u32) -> Category {
        let next = RUNS.partition_point(|(start, _)| *start <= point);
        let run = next.checked_sub(1).and_then(|index| RUNS.get(index));
        Category(run.map_or(29, |(_, category)| *category))
    }

    pub(crate) fn is_upper(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn is_lower(self) -> bool {
        self.0 == 1
    }

    pub(crate) fn is_letter(self) -> bool {
        self.0 <= 4
    }

    pub(crate) fn is_digit(self) -> bool {
        self.0 == 8
    }

    pub(crate) fn is_number(self) -> bool {
        (8..=10).contains(&self.0)
    }

    pub(crate) fn is_separator(self) -> bool {
        (11..=13).contains(&self.0)
    }

    pub(crate) fn is_control(self) -> bool {
        self.0 == 14
    }

    pub(crate) fn is_punctuation(self) -> bool {
        (18..=24).contains(&self.0)
    }

    pub(crate) fn is_symbol(self) -> bool {
        (25..=28).contains(&self.0)
    }
}

/// `char.IsWhiteSpace`.
pub(crate) fn is_white_space(point: u32) -> bool {
    matches!(point, 0x09..=0x0d | 0x85) || Category::of(point).is_separator()
}

/// `char.GetNumericValue`; none is -1.
pub(crate) fn numeric_value(point: u32) -> f64 {
    let next = VALUES.partition_point(|run| run.start <= point);
    let run = next.checked_sub(1).and_then(|index| VALUES.get(index));
    match run {
        Some(run) if point - run.start < run.length => {
            run.first + f64::from((point - run.start) * run.step)
        }
        _ => -1.0,
    }
}

/// Where each run of one category begins. A letter is a category, from `A`; digits are the length of its run.
static RUNS: LazyLock<Vec<(u32, u8)>> = LazyLock::new(|| {
    let mut runs = Vec::new();
    let mut at = 0;
    let mut length: Option<u32> = None;
    for byte in include_bytes!("categories.txt") {
        match byte {
            b'0'..=b'9' => {
                length = Some(length.unwrap_or(0) * 10 + u32::from(byte - b'0'));
            }
            b'A'..=b'Z' | b'a'..=b'z' => {
                if !runs.is_empty() {
                    at += length.take().unwrap_or(1);
                }
                let upper = byte.is_ascii_uppercase();
                runs.push((at, if upper { byte - b'A' } else { byte - b'a' + 26 }));
            }
            _ => {}
        }
    }
    runs
});

/// Code points in a row whose values are a step apart.
struct Values {
    start: u32,
    length: u32,
    step: u32,
    first: f64,
}

/// `distance*length+step=value`: hexadecimal distance from the run before, one value if there is no length.
static VALUES: LazyLock<Vec<Values>> = LazyLock::new(|| {
    let mut at = 0;
    let mut runs = Vec::new();
    for text in include_str!("numeric_values.txt").split_whitespace() {
        let (place, value) = text.split_once('=').unwrap_or((text, ""));
        let (distance, length) = place.split_once('*').unwrap_or((place, "1"));
        let (length, step) = length.split_once('+').unwrap_or((length, "0"));
        let (over, under) = value.split_once('/').unwrap_or((value, "1"));
        at += u32::from_str_radix(distance, 16).unwrap_or_default();
        let number = |text: &str| text.parse::<f64>().unwrap_or_default();
        runs.push(Values {
            start: at,
            length: length.parse().unwrap_or_default(),
            step: step.parse().unwrap_or_default(),
            first: number(over) / number(under),
        });
    }
    runs
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_and_values_of_some_characters() {
        for (c, category) in [
            ('A', 0),
            ('z', 1),
            ('ǅ', 2),
            ('ʰ', 3),
            ('中', 4),
            ('\u{301}', 5),
            ('5', 8),
            ('Ⅷ', 9),
            ('½', 10),
            (' ', 11),
            ('\n', 14),
            ('_', 18),
            ('€', 26),
            ('😀', 28),
            ('\u{10fffe}', 29),
        ] {
            assert_eq!(Category::of(u32::from(c)), Category(category), "{c:?}");
        }
        for (c, value) in [('7', 7.0), ('½', 0.5), ('Ⅷ', 8.0), ('a', -1.0), ('𝟛', 3.0)] {
            assert!((numeric_value(u32::from(c)) - value).abs() < f64::EPSILON, "{c:?}");
        }
        assert_eq!(RUNS.last().map(|run| run.0), Some(0x10_fffe));
    }
}
