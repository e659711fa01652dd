//! `Split`.

use super::out_of_range;
use crate::eval::{Args, Cx};
use crate::state::{Object, SLOT_COST, Shared};
use crate::text;
use crate::types::Ty;
use crate::{Exception, ExceptionKind, Value};

/// What a part of a text takes beside its bytes and its place.
const PART_COST: usize = 24;

/// `Split(separators[, count][, options])` of characters and arrays.
pub(super) fn split(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let separators = a.value(1);
    split_at(cx, a, &separators)
}

/// `Split(separator[, count][, options])` of text: null is no text.
pub(super) fn split_at_text(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let separator = if a.get(1).is_null() { Value::from("") } else { a.value(1) };
    split_at(cx, a, &separator)
}

fn split_at(cx: &mut Cx<'_>, a: &Args<'_>, separators: &Value) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let (mut count, mut options) = (i32::MAX, 0);
    for index in 2..a.len() {
        match a.get(index) {
            Value::Enum(_, flags) => options = *flags,
            _ => count = a.int(index),
        }
    }
    if count < 0 {
        return Err(out_of_range("Count cannot be less than zero.", "count"));
    }
    if !(0..=1).contains(&options) {
        let message = format!("Illegal enum value: {options}.");
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let remove_empty = options == 1;
    let separators = self::separators(cx, separators)?;
    let n_separators = separators.as_ref().map_or(1, |all| all.len().max(1)) as u64;
    cx.step((this.len() as u64 / 16).saturating_mul(n_separators))?;
    let mut parts: Vec<&str> = Vec::new();
    let mut rest: &str = &this;
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 || remove_empty && this.is_empty() {
        return cx.state.shared(Shared::Array, &Ty::STRING);
    }
    if limit == 1 {
        return cx.state.array(Ty::STRING, vec![a.value(0)]);
    }
    loop {
        let found = next_separator(rest, separators.as_deref());
        let full = parts.len() + 1 >= limit;
        let Some((offset, length)) = found.filter(|_| !full) else {
            if !(remove_empty && rest.is_empty()) {
                cx.charge(rest.len() + SLOT_COST + PART_COST)?;
                parts.push(rest);
            }
            break;
        };
        let part = rest.get(..offset).unwrap_or_default();
        if !(remove_empty && part.is_empty()) {
            cx.step(1)?;
            cx.charge(part.len() + SLOT_COST + PART_COST)?;
            parts.push(part);
        }
        rest = rest.get(offset + length..).unwrap_or_default();
    }
    // The last part takes what is left, but not separators that only made empty parts.
    if remove_empty
        && parts.len() == limit
        && let Some(last) = parts.last_mut()
    {
        while let Some((0, length)) = next_separator(last, separators.as_deref()) {
            *last = last.get(length..).unwrap_or_default();
        }
        if last.is_empty() {
            parts.pop();
        }
    }
    let items = parts.into_iter().map(Value::from).collect();
    cx.state.add(Object::Array { item: Ty::STRING, items })
}

/// The separators; none stands for white space.
fn separators(cx: &mut Cx<'_>, value: &Value) -> Result<Option<Vec<String>>, Exception> {
    let mut list = match value {
        Value::Null => Vec::new(),
        Value::Char(unit) => vec![text::unit_text(*unit)],
        Value::Str(text) if text.is_empty() => return Ok(Some(Vec::new())),
        Value::Str(text) => vec![text.to_string()],
        array => {
            let items = cx.collect(array)?;
            if items.is_empty() {
                return Ok(None);
            }
            let text = |item: &Value| match item {
                Value::Char(unit) => text::unit_text(*unit),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            let list: Vec<String> = items.iter().map(text).collect();
            let known: Vec<String> = list.into_iter().filter(|text| !text.is_empty()).collect();
            return Ok(Some(known));
        }
    };
    list.retain(|text| !text.is_empty());
    Ok(if list.is_empty() { None } else { Some(list) })
}

fn next_separator(text: &str, separators: Option<&[String]>) -> Option<(usize, usize)> {
    match separators {
        None => {
            let (offset, c) = text.char_indices().find(|(_, c)| c.is_whitespace())?;
            Some((offset, c.len_utf8()))
        }
        Some([only]) => text.find(only.as_str()).map(|offset| (offset, only.len())),
        // One look at every place: looking for each separator by itself would go to the end for those that never come.
        // At one place the first of the list wins.
        Some(separators) => text.char_indices().find_map(|(offset, _)| {
            let rest = text.get(offset..)?;
            let found = separators.iter().find(|separator| rest.starts_with(separator.as_str()))?;
            Some((offset, found.len()))
        }),
    }
}
