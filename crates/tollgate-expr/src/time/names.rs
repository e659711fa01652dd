//! Names of months and days in text.

use super::calendar::{abbreviated, day_name, month_name};

/// The month that a word names.
pub(super) fn month_named(word: &str) -> Option<i32> {
    (1..=12).find(|&month| {
        let name = month_name(month);
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(abbreviated(name))
    })
}

/// The day that a word names.
pub(super) fn weekday_named(word: &str) -> Option<usize> {
    (0..7).find(|&day| {
        let name = day_name(day);
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(abbreviated(name))
    })
}

/// The month whose name, full or not, text begins with; longest first.
pub(super) fn month_prefix(text: &str, full: bool) -> Option<(i32, &str)> {
    (1..=12).find_map(|month| {
        let name = month_name(month);
        prefix(text, if full { name } else { abbreviated(name) }).map(|rest| (month, rest))
    })
}

/// The day whose name text begins with.
pub(super) fn weekday_prefix(text: &str, full: bool) -> Option<(usize, &str)> {
    (0..7).find_map(|day| {
        let name = day_name(day);
        prefix(text, if full { name } else { abbreviated(name) }).map(|rest| (day, rest))
    })
}

/// What follows a prefix, any case.
pub(super) fn prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}
