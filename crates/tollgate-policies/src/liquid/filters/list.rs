//! Filters of collections.

use std::cmp::Ordering;

use super::super::render::{Render, Result};
use super::super::value::{Value, order_numbers};
use super::text::int;

/// The items of a collection; a value that is none is its only item.
fn all(render: &mut Render<'_>, value: &Value) -> Result<Vec<Value>> {
    if matches!(value, Value::Text(_)) {
        return Ok(vec![value.clone()]);
    }
    Ok(render.items(value)?.unwrap_or_else(|| vec![value.clone()]))
}

/// The items of a collection, those of arrays inside it in their place.
fn flat(render: &mut Render<'_>, value: &Value) -> Result<Vec<Value>> {
    let mut flat = Vec::new();
    // A stack of what is still to come, for arrays may be inside arrays.
    let mut rest = all(render, value)?;
    rest.reverse();
    while let Some(item) = rest.pop() {
        render.step(1)?;
        let is_list = matches!(item, Value::Array(_))
            || matches!(&item, Value::Json(..)) && render.pairs(&item)?.is_empty();
        if is_list {
            let mut inner = render.items(&item)?.unwrap_or_default();
            inner.reverse();
            rest.extend(inner);
        } else {
            flat.push(item);
        }
    }
    Ok(flat)
}

pub(super) fn size(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    Ok(match render.size(value)? {
        Value::Nil => Value::Int(0),
        size => size,
    })
}

pub(super) fn first(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    Ok(render.items(value)?.and_then(|items| items.into_iter().next()).unwrap_or(Value::Nil))
}

pub(super) fn last(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    Ok(render.items(value)?.and_then(|items| items.into_iter().next_back()).unwrap_or(Value::Nil))
}

pub(super) fn join(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let glue = match arguments.first() {
        Some(glue) => render.text(glue)?,
        None => " ".into(),
    };
    let Some(items) = render.items(value)? else { return Ok(value.clone()) };
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(&glue);
        }
        let text = render.text(item)?;
        render.charge(text.len() + glue.len())?;
        joined.push_str(&text);
    }
    render.charge(joined.len())?;
    Ok(Value::text(joined))
}

pub(super) fn compact(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    if matches!(value, Value::Nil) {
        return Ok(Value::Nil);
    }
    let mut items = flat(render, value)?;
    items.retain(|item| !matches!(item, Value::Nil));
    Ok(Value::list(items))
}

pub(super) fn concat(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let mut items = if matches!(value, Value::Nil) { Vec::new() } else { all(render, value)? };
    if let Some(more) = arguments.first().filter(|more| !matches!(more, Value::Nil)) {
        items.extend(all(render, more)?);
    }
    Ok(Value::list(items))
}

pub(super) fn reverse(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    if matches!(value, Value::Text(_)) {
        return Ok(value.clone());
    }
    let Some(mut items) = render.items(value)? else { return Ok(value.clone()) };
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn map(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let Some(items) = render.items(value)? else { return Ok(Value::Nil) };
    let name = arguments.first().map_or_else(|| Ok("".into()), |name| render.text(name))?;
    let mut mapped = Vec::with_capacity(items.len());
    for item in &items {
        mapped.push(render.member(item, &name)?);
    }
    Ok(Value::list(mapped))
}

pub(super) fn uniq(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    if matches!(value, Value::Nil) {
        return Ok(Value::Nil);
    }
    let mut kept: Vec<Value> = Vec::new();
    for item in flat(render, value)? {
        let mut is_new = true;
        for known in &kept {
            if render.equal(known, &item)? {
                is_new = false;
                break;
            }
        }
        if is_new {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

/// What items are sorted by.
enum Key {
    Nothing,
    Number(super::super::value::Number),
    Text(String),
}

fn order(left: &Key, right: &Key) -> Ordering {
    match (left, right) {
        (Key::Nothing, Key::Nothing) => Ordering::Equal,
        (Key::Nothing, _) | (Key::Number(_), Key::Text(_)) => Ordering::Less,
        (_, Key::Nothing) | (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        // What is not a number comes behind the others, for an order must hold for all.
        (Key::Number(left), Key::Number(right)) => order_numbers(*left, *right)
            .unwrap_or_else(|| left.double().is_nan().cmp(&right.double().is_nan())),
        (Key::Text(left), Key::Text(right)) => left.cmp(right),
    }
}

/// By the items, or by one of their members; case does not matter.
pub(super) fn sort(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    if matches!(value, Value::Nil) {
        return Ok(Value::Nil);
    }
    let name = match arguments.first() {
        Some(name) => Some(render.text(name)?).filter(|name| !name.is_empty()),
        None => None,
    };
    let items = flat(render, value)?;
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let key = match &name {
            Some(name) => render.member(&item, name)?,
            None => item.clone(),
        };
        let key = match (&key, key.number()) {
            (Value::Nil, _) => Key::Nothing,
            (_, Some(number)) => Key::Number(number),
            (Value::Other(time), None) => {
                let sortable = render.state().format(time, "yyyyMMddHHmmssfffffff");
                let text = sortable.and_then(std::result::Result::ok);
                Key::Text(text.unwrap_or_default())
            }
            (key, None) => {
                let text = render.text(key)?;
                render.charge(text.len())?;
                Key::Text(text.to_uppercase())
            }
        };
        keyed.push((key, item));
    }
    render.step(keyed.len() as u64 * 4)?;
    keyed.sort_by(|(left, _), (right, _)| order(left, right));
    Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect()))
}

pub(super) fn split(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    if matches!(value, Value::Nil) {
        return Ok(Value::Nil);
    }
    let text = render.text(value)?;
    let pattern =
        arguments.first().map_or_else(|| Ok("".into()), |pattern| render.text(pattern))?;
    render.charge(text.len())?;
    if text.trim().is_empty() {
        return Ok(Value::list(vec![Value::Text(text)]));
    }
    let mut parts = Vec::new();
    if pattern.is_empty() {
        render.step(text.len() as u64)?;
        parts.extend(text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]) as &str)));
    } else {
        for part in text.split(&*pattern).filter(|part| !part.is_empty()) {
            render.step(1)?;
            parts.push(Value::text(part));
        }
    }
    Ok(Value::list(parts))
}

/// A part of a text or a collection; a negative start counts from behind.
pub(super) fn slice(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let start = int(render, arguments, 0, 0)?;
    let length = int(render, arguments, 1, 1)?;
    if let Value::Text(text) = value {
        render.charge(text.len())?;
        let units: Vec<u16> = text.encode_utf16().collect();
        let Some((from, to)) = part(units.len(), start, length) else { return Ok(Value::Nil) };
        return Ok(Value::text(String::from_utf16_lossy(units.get(from..to).unwrap_or_default())));
    }
    let Some(items) = render.items(value)? else { return Ok(value.clone()) };
    let Some((from, to)) = part(items.len(), start, length) else {
        return Ok(Value::list(Vec::new()));
    };
    Ok(Value::list(items.get(from..to).unwrap_or_default().to_vec()))
}

/// Where a part begins and ends; none when it begins behind the end.
fn part(count: usize, start: i64, length: i64) -> Option<(usize, usize)> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if start > count {
        return None;
    }
    let (mut start, mut length) = (start, length);
    if start < 0 {
        start = start.saturating_add(count);
        if start < 0 {
            length = length.saturating_add(start).max(0);
            start = 0;
        }
    }
    let end = start.saturating_add(length.max(0)).min(count);
    Some((usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0)))
}
