//! Where one string is in another.

use std::sync::Arc;

use super::compare::{comparison, found};
use super::{out_of_range, units};
use crate::eval::{Args, Cx, null_argument};
use crate::text::{self, Comparison, ELEMENT_SIZE, Which};
use crate::{Exception, Value};

type Run = Result<Value, Exception>;

const BAD_INDEX: &str =
    "Index was out of range. Must be non-negative and less than the size of the collection.";
const BAD_COUNT: &str =
    "Count must be positive and count must refer to a location within the string/array/collection.";

const ORDINAL: Comparison = Comparison::Ordinal { any_case: false };

/// What is looked for.
fn needle(a: &Args<'_>) -> Result<Arc<str>, Exception> {
    match a.get(1) {
        Value::Char(unit) => Ok(text::unit_text(*unit).into()),
        Value::Str(text) => Ok(text.clone()),
        _ => Err(null_argument("value")),
    }
}

/// Whether the last argument is a comparison.
fn is_compared(a: &Args<'_>) -> bool {
    matches!(a.get(a.len() - 1), Value::Enum(..))
}

/// How many numbers say where to search: those between what is looked for and a comparison.
fn n_numbers(a: &Args<'_>) -> usize {
    a.len() - 2 - usize::from(is_compared(a))
}

/// How a search compares: as its last argument says; else characters unit by unit, and text by culture.
fn how(a: &Args<'_>) -> Result<Comparison, Exception> {
    match a.get(1) {
        Value::Char(_) if !is_compared(a) => Ok(ORDINAL),
        _ => comparison(a, a.len() - 1),
    }
}

/// The byte ranges of places of a text in another.
fn by_culture(
    cx: &mut Cx<'_>,
    text: &str,
    needle: &str,
    any_case: bool,
    which: Which,
) -> Result<Vec<(usize, usize)>, Exception> {
    let size = text.len() + needle.len();
    cx.step(1 + size as u64 / 4)?;
    cx.charge(size.saturating_mul(ELEMENT_SIZE))?;
    Ok(text::find_culture(text, needle, any_case, which))
}

/// The byte offset of the first or the last place of a text in another.
fn offset(
    cx: &mut Cx<'_>,
    text: &str,
    needle: &str,
    how: Comparison,
    which: Which,
) -> Result<Option<usize>, Exception> {
    let any_case = how.any_case();
    let simple = match which {
        Which::Last => text::find_last(text, needle, text.len(), any_case),
        Which::First | Which::All => text::find(text, needle, 0, any_case),
    };
    if matches!(how, Comparison::Ordinal { .. }) {
        return Ok(simple);
    }
    // A culture sees the same as long as there is nothing that it ignores or puts together.
    let bytes = text.as_bytes();
    let seen = match (simple, which) {
        (None, _) => Some(bytes),
        (Some(at), Which::Last) => bytes.get(at..),
        (Some(at), _) => bytes.get(..bytes.len().min(at + needle.len() + 1)),
    };
    if text::is_plain(needle.as_bytes()) && seen.is_some_and(text::is_plain) {
        return Ok(simple);
    }
    let found = by_culture(cx, text, needle, any_case, which)?;
    Ok(found.first().map(|(start, _)| *start))
}

/// The byte ranges of all places of a text in another, one after the other.
pub(super) fn all_offsets(
    cx: &mut Cx<'_>,
    text: &str,
    needle: &str,
    how: Comparison,
) -> Result<Vec<(usize, usize)>, Exception> {
    match how {
        Comparison::Culture { any_case }
            if !text::is_plain(text.as_bytes()) || !text::is_plain(needle.as_bytes()) =>
        {
            by_culture(cx, text, needle, any_case, Which::All)
        }
        how if how.any_case() => Ok(text::find_all_any_case(text, needle)),
        _ => Ok(text.match_indices(needle).map(|(at, part)| (at, at + part.len())).collect()),
    }
}

pub(super) fn contains(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (this, needle) = (a.this_str()?, needle(a)?);
    let how = if is_compared(a) { how(a)? } else { ORDINAL };
    let at =
        if needle.is_empty() { Some(0) } else { offset(cx, &this, &needle, how, Which::First)? };
    Ok(Value::Bool(at.is_some()))
}

pub(super) fn starts_with(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    at_end(cx, a, text::starts)
}

pub(super) fn ends_with(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    at_end(cx, a, text::ends)
}

/// Whether a text begins or ends with another.
fn at_end(cx: &mut Cx<'_>, a: &Args<'_>, is: fn(&str, &str, Comparison) -> bool) -> Run {
    let (this, needle) = (a.this_str()?, needle(a)?);
    let how = how(a)?;
    // What a culture ignores is passed over, however long it is.
    cx.step(this.len() as u64 / 64)?;
    Ok(Value::Bool(needle.is_empty() || is(&this, &needle, how)))
}

/// Refuses null, but after a part that is none when the part has a length of its own.
fn needle_after<T>(
    a: &Args<'_>,
    part: impl FnOnce() -> Result<T, Exception>,
) -> Result<(Arc<str>, T), Exception> {
    if n_numbers(a) == 2 && !is_compared(a) {
        let part = part()?;
        return Ok((needle(a)?, part));
    }
    Ok((needle(a)?, part()?))
}

/// `IndexOf(value[, startIndex[, count]][, comparison])`.
pub(super) fn index_of(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    let length = text::length(&this);
    let (needle, (start, end)) = needle_after(a, || forwards(a, n_numbers(a), length))?;
    let how = how(a)?;
    if needle.is_empty() {
        return Ok(found(Some(start)));
    }
    let (from, until) = (text::byte_offset(&this, start), text::byte_offset(&this, end));
    let within = this.get(from..until).unwrap_or_default();
    let offset = offset(cx, within, &needle, how, Which::First)?;
    Ok(found(offset.map(|offset| start + text::unit_index(within, offset))))
}

/// The part that a search forwards looks at.
fn forwards(a: &Args<'_>, numbers: usize, length: usize) -> Result<(usize, usize), Exception> {
    let start = if numbers > 0 { a.long(2) } else { 0 };
    let Some(start) = usize::try_from(start).ok().filter(|start| *start <= length) else {
        return Err(out_of_range(BAD_INDEX, "startIndex"));
    };
    if numbers < 2 {
        return Ok((start, length));
    }
    let end = usize::try_from(a.long(3)).ok().and_then(|count| start.checked_add(count));
    match end.filter(|end| *end <= length) {
        Some(end) => Ok((start, end)),
        None => Err(out_of_range(BAD_COUNT, "count")),
    }
}

/// `LastIndexOf(value[, startIndex[, count]][, comparison])`.
pub(super) fn last_index_of(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    let length = i64::try_from(text::length(&this)).unwrap_or(i64::MAX);
    let is_char = matches!(a.get(1), Value::Char(_));
    let numbers = n_numbers(a);
    if !is_char && numbers == 2 && !is_compared(a) && a.long(3) < 0 {
        return Err(out_of_range(BAD_COUNT, "count"));
    }
    let needle = needle(a)?;
    let mut start = if numbers > 0 { a.long(2) } else { length - 1 };
    let mut count = if numbers > 1 { a.long(3) } else { start.saturating_add(1) };
    if length == 0 && (is_char || matches!(start, -1 | 0)) {
        return Ok(Value::Int(if needle.is_empty() { 0 } else { -1 }));
    }
    if start < 0 || start > length || is_char && start == length {
        return Err(out_of_range(BAD_INDEX, "startIndex"));
    }
    if start == length {
        start -= 1;
        count -= i64::from(count > 0);
    }
    if count < 0 || start - count + 1 < 0 {
        return Err(out_of_range(BAD_COUNT, "count"));
    }
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    if needle.is_empty() {
        return Ok(found(Some(at(start))));
    }
    let how = how(a)?;
    let first = at(start - count + 1);
    let (from, until) = (text::byte_offset(&this, first), text::byte_offset(&this, at(start + 1)));
    let within = this.get(from..until).unwrap_or_default();
    let offset = offset(cx, within, &needle, how, Which::Last)?;
    Ok(found(offset.map(|offset| first + text::unit_index(within, offset))))
}

/// `IndexOfAny(anyOf[, startIndex[, count]])`.
pub(super) fn index_of_any(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    let array = a.some(1, "anyOf")?;
    let set = units(cx, &array)?;
    let (start, end) = forwards(a, a.len() - 2, text::length(&this))?;
    cx.step(this.len() as u64 / 8)?;
    let mut part = this.encode_utf16().skip(start).take(end - start);
    let place = part.position(|unit| set.contains(&unit));
    Ok(found(place.map(|place| place + start)))
}

/// `LastIndexOfAny(anyOf[, startIndex[, count]])`.
pub(super) fn last_index_of_any(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    let array = a.some(1, "anyOf")?;
    let set = units(cx, &array)?;
    let length = text::length(&this);
    if length == 0 {
        return Ok(Value::Int(-1));
    }
    let numbers = a.len() - 2;
    let start = if numbers > 0 { usize::try_from(a.long(2)).ok() } else { length.checked_sub(1) };
    let Some(start) = start.filter(|start| *start < length) else {
        return Err(out_of_range(BAD_INDEX, "startIndex"));
    };
    let count = if numbers > 1 { usize::try_from(a.long(3)).ok() } else { Some(start + 1) };
    let Some(first) = count.and_then(|count| (start + 1).checked_sub(count)) else {
        return Err(out_of_range(BAD_COUNT, "count"));
    };
    cx.step(this.len() as u64 / 8)?;
    let part: Vec<u16> = this.encode_utf16().skip(first).take(start + 1 - first).collect();
    let place = part.iter().rposition(|unit| set.contains(unit));
    Ok(found(place.map(|place| place + first)))
}
