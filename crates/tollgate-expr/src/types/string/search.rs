//! Where one string is in another.

use std::sync::Arc;

use super::compare::{comparison, found};
use super::{out_of_range, units};
use crate::eval::{Args, Cx, null_argument};
use crate::text;
use crate::{Exception, Value};

type Run = Result<Value, Exception>;

const BAD_INDEX: &str =
    "Index was out of range. Must be non-negative and less than the size of the collection.";
const BAD_COUNT: &str =
    "Count must be positive and count must refer to a location within the string/array/collection.";

/// What is looked for.
fn needle(a: &Args<'_>) -> Result<Arc<str>, Exception> {
    match a.get(1) {
        Value::Char(unit) => Ok(text::unit_text(*unit).into()),
        Value::Str(text) => Ok(text.clone()),
        _ => Err(null_argument("value")),
    }
}

/// The arguments of a search: numbers, then perhaps a comparison.
struct Search {
    this: Arc<str>,
    needle: Arc<str>,
    any_case: bool,
    /// How many numbers there are.
    numbers: usize,
}

fn search(a: &Args<'_>) -> Result<Search, Exception> {
    let (this, needle) = (a.this_str()?, needle(a)?);
    let last = a.len() - 1;
    let has_comparison = matches!(a.get(last), Value::Enum(..));
    let any_case = comparison(a, last)?.any_case();
    let numbers = if has_comparison { last - 2 } else { last - 1 };
    Ok(Search { this, needle, any_case, numbers })
}

pub(super) fn contains(a: &Args<'_>) -> Run {
    let search = search(a)?;
    Ok(Value::Bool(text::find(&search.this, &search.needle, 0, search.any_case).is_some()))
}

pub(super) fn starts_with(a: &Args<'_>) -> Run {
    let Search { this, needle, any_case, .. } = search(a)?;
    if !any_case {
        return Ok(Value::Bool(this.starts_with(&*needle)));
    }
    let head = this.get(..text::byte_offset(&this, text::length(&needle)));
    Ok(Value::Bool(head.is_some_and(|head| text::equal_any_case(head, &needle))))
}

pub(super) fn ends_with(a: &Args<'_>) -> Run {
    let Search { this, needle, any_case, .. } = search(a)?;
    if !any_case {
        return Ok(Value::Bool(this.ends_with(&*needle)));
    }
    let tail = text::length(&this).checked_sub(text::length(&needle));
    let tail = tail.map(|units| text::byte_offset(&this, units));
    let tail = tail.and_then(|offset| this.get(offset..));
    Ok(Value::Bool(tail.is_some_and(|tail| text::equal_any_case(tail, &needle))))
}

/// `IndexOf(value[, startIndex[, count]][, comparison])`.
pub(super) fn index_of(a: &Args<'_>) -> Run {
    let Search { this, needle, any_case, numbers } = search(a)?;
    let (start, end) = forwards(a, numbers, text::length(&this))?;
    let (from, until) = (text::byte_offset(&this, start), text::byte_offset(&this, end));
    let within = this.get(..until).unwrap_or_default();
    let offset = text::find(within, &needle, from, any_case);
    Ok(found(offset.map(|offset| text::unit_index(&this, offset))))
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
pub(super) fn last_index_of(a: &Args<'_>) -> Run {
    let Search { this, needle, any_case, numbers } = search(a)?;
    let length = i64::try_from(text::length(&this)).unwrap_or(i64::MAX);
    let is_char = matches!(a.get(1), Value::Char(_));
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
    let until = text::byte_offset(&this, at(start + 1));
    let offset = text::find_last(&this, &needle, until, any_case);
    let index = offset.map(|offset| text::unit_index(&this, offset));
    Ok(found(index.filter(|index| *index >= at(start - count + 1))))
}

/// `IndexOfAny(anyOf[, startIndex[, count]])`.
pub(super) fn index_of_any(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
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
pub(super) fn last_index_of_any(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
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
