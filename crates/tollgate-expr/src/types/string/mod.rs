//! `System.String` and what goes with it.

mod members;

use std::sync::Arc;

use super::decl::{Kind, TypeDecl, m, p};
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, composite, null_argument};
use crate::state::{Object, SLOT_COST};
use crate::text::{self, Comparison};
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.String",
    kind: Kind::Class,
    bases: &["IEnumerable<char>"],
    docs: "Text: a sequence of UTF-16 units.",
    members: members::MEMBERS,
    refused: &[],
};

pub(super) const COMPARISON: TypeDecl = TypeDecl {
    name: "System.StringComparison",
    kind: Kind::Enum(&[
        ("CurrentCulture", 0),
        ("CurrentCultureIgnoreCase", 1),
        ("InvariantCulture", 2),
        ("InvariantCultureIgnoreCase", 3),
        ("Ordinal", 4),
        ("OrdinalIgnoreCase", 5),
    ]),
    bases: &[],
    docs: "How strings are compared.",
    members: &[],
    refused: &[],
};

pub(super) const SPLIT_OPTIONS: TypeDecl = TypeDecl {
    name: "System.StringSplitOptions",
    kind: Kind::Flags(&[("None", 0), ("RemoveEmptyEntries", 1)]),
    bases: &[],
    docs: "What `Split` does with empty parts.",
    members: &[],
    refused: &[],
};

fn comparer(number: i32) -> Value {
    Value::Enum(TypeId::StringComparer, number)
}

pub(super) const COMPARER: TypeDecl = TypeDecl {
    name: "System.StringComparer",
    kind: Kind::Class,
    bases: &["IEqualityComparer<string>"],
    docs: "A comparison of strings as an object.",
    members: &[
        p("static StringComparer CurrentCulture", "By culture.", |_, _| Ok(comparer(0))),
        p("static StringComparer CurrentCultureIgnoreCase", "By culture, in any case.", |_, _| {
            Ok(comparer(1))
        }),
        p("static StringComparer InvariantCulture", "By culture.", |_, _| Ok(comparer(2))),
        p(
            "static StringComparer InvariantCultureIgnoreCase",
            "By culture, in any case.",
            |_, _| Ok(comparer(3)),
        ),
        p("static StringComparer Ordinal", "Unit by unit.", |_, _| Ok(comparer(4))),
        p("static StringComparer OrdinalIgnoreCase", "Unit by unit, in any case.", |_, _| {
            Ok(comparer(5))
        }),
        m("bool Equals(string x, string y)", "Whether they are equal.", |_, a| {
            let how = Comparison::of(a.int(0));
            Ok(Value::Bool(equal(a.opt_str(1), a.opt_str(2), how)))
        }),
        m("int Compare(string x, string y)", "The order of two strings.", |_, a| {
            let how = Comparison::of(a.int(0));
            Ok(Value::Int(compare(a.opt_str(1), a.opt_str(2), how)))
        }),
    ],
    refused: &[],
};

fn equal(left: Option<&str>, right: Option<&str>, how: Comparison) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) if how.any_case() => text::equal_any_case(left, right),
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

fn compare(left: Option<&str>, right: Option<&str>, how: Comparison) -> i32 {
    let order = match (left, right) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Less,
        (_, None) => std::cmp::Ordering::Greater,
        (Some(left), Some(right)) => match how {
            Comparison::Culture { any_case } => text::compare_culture(left, right, any_case),
            Comparison::Ordinal { any_case } => text::compare_ordinal(left, right, any_case),
        },
    };
    order as i32
}

fn int(index: usize) -> Value {
    Value::Int(i32::try_from(index).unwrap_or(i32::MAX))
}

#[cold]
fn out_of_range(message: &str, name: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, format!("{message} (Parameter '{name}')"))
}

fn substring(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let length = text::length(&this);
    let total = i64::try_from(length).unwrap_or(i64::MAX);
    let start = a.long(1);
    if start < 0 {
        return Err(out_of_range("StartIndex cannot be less than zero.", "startIndex"));
    }
    if start > total {
        let message = "startIndex cannot be larger than length of string.";
        return Err(out_of_range(message, "startIndex"));
    }
    let count = if a.len() > 2 { a.long(2) } else { total - start };
    if count < 0 {
        return Err(out_of_range("Length cannot be less than zero.", "length"));
    }
    if start + count > total {
        let message = "Index and length must refer to a location within the string.";
        return Err(out_of_range(message, "length"));
    }
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    cx.string(text::substring(&this, at(start), at(count)))
}

/// How the string argument at `index` is compared: as the argument after it says, or by culture, which is ordinal here.
fn comparison(a: &Args<'_>, index: usize) -> bool {
    match a.get(index) {
        Value::Enum(TypeId::StringComparison, number) => Comparison::of(*number).any_case(),
        _ => false,
    }
}

fn needle(a: &Args<'_>, index: usize) -> Result<Arc<str>, Exception> {
    match a.get(index) {
        Value::Char(unit) => Ok(text::unit_text(*unit).into()),
        Value::Str(text) => Ok(text.clone()),
        _ => Err(null_argument("value")),
    }
}

fn contains(a: &Args<'_>) -> Result<Value, Exception> {
    let (this, needle) = (a.this_str()?, needle(a, 1)?);
    let any_case = comparison(a, 2);
    Ok(Value::Bool(text::find(&this, &needle, 0, any_case).is_some()))
}

fn starts_with(a: &Args<'_>) -> Result<Value, Exception> {
    let (this, needle) = (a.this_str()?, needle(a, 1)?);
    if !comparison(a, 2) {
        return Ok(Value::Bool(this.starts_with(&*needle)));
    }
    Ok(Value::Bool(text::find(&this, &needle, 0, true) == Some(0)))
}

fn ends_with(a: &Args<'_>) -> Result<Value, Exception> {
    let (this, needle) = (a.this_str()?, needle(a, 1)?);
    if !comparison(a, 2) {
        return Ok(Value::Bool(this.ends_with(&*needle)));
    }
    let tail = text::length(&this).checked_sub(text::length(&needle));
    let tail = tail.map(|units| text::byte_offset(&this, units));
    let tail = tail.and_then(|offset| this.get(offset..));
    Ok(Value::Bool(tail.is_some_and(|tail| text::equal_any_case(tail, &needle))))
}

/// `IndexOf(value[, startIndex[, count]][, comparison])`.
fn index_of(a: &Args<'_>) -> Result<Value, Exception> {
    let (this, needle) = (a.this_str()?, needle(a, 1)?);
    let last = a.len().saturating_sub(1);
    let any_case = comparison(a, last);
    let length = text::length(&this);
    let numbers = if matches!(a.get(last), Value::Enum(..)) { last } else { a.len() };
    let start = if numbers > 2 { a.long(2) } else { 0 };
    let Some(start) = usize::try_from(start).ok().filter(|start| *start <= length) else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "startIndex",
        ));
    };
    let count =
        if numbers > 3 { a.long(3) } else { i64::try_from(length - start).unwrap_or(i64::MAX) };
    let Some(end) =
        usize::try_from(count).ok().map(|count| start + count).filter(|end| *end <= length)
    else {
        let message = "Count must be positive and count must refer to a location within the string/array/collection.";
        return Err(out_of_range(message, "count"));
    };
    let (from, until) = (text::byte_offset(&this, start), text::byte_offset(&this, end));
    let within = this.get(..until).unwrap_or_default();
    let found = text::find(within, &needle, from, any_case);
    Ok(found.map_or(Value::Int(-1), |offset| int(text::unit_index(&this, offset))))
}

fn last_index_of(a: &Args<'_>) -> Result<Value, Exception> {
    let (this, needle) = (a.this_str()?, needle(a, 1)?);
    let last = a.len().saturating_sub(1);
    let any_case = comparison(a, last);
    let length = text::length(&this);
    let has_start = a.len() > 2 && !matches!(a.get(2), Value::Enum(..));
    let until = if has_start {
        match usize::try_from(a.long(2)) {
            Ok(start) if start <= length => text::byte_offset(&this, (start + 1).min(length)),
            _ => {
                return Err(out_of_range(
                    "Index was out of range. Must be non-negative and less than the size of the collection.",
                    "startIndex",
                ));
            }
        }
    } else {
        this.len()
    };
    let found = text::find_last(&this, &needle, until, any_case);
    Ok(found.map_or(Value::Int(-1), |offset| int(text::unit_index(&this, offset))))
}

/// The units of an array of characters; white space when it is null or empty.
fn trim_set(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Vec<u16>>, Exception> {
    if let Value::Char(unit) = a.get(1) {
        return Ok(Some(vec![*unit]));
    }
    if a.get(1).is_null() {
        return Ok(None);
    }
    let set = units(cx, a.get(1))?;
    Ok(if set.is_empty() { None } else { Some(set) })
}

fn units(cx: &mut Cx<'_>, array: &Value) -> Result<Vec<u16>, Exception> {
    let items = cx.collect(array)?;
    let unit = |item: &Value| if let Value::Char(unit) = item { Some(*unit) } else { None };
    Ok(items.iter().filter_map(unit).collect())
}

fn trim(cx: &mut Cx<'_>, a: &Args<'_>, start: bool, end: bool) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let set = trim_set(cx, a)?;
    let hit = |c: char| match &set {
        None => c.is_whitespace(),
        Some(set) => u16::try_from(u32::from(c)).is_ok_and(|unit| set.contains(&unit)),
    };
    let mut rest: &str = &this;
    if start {
        rest = rest.trim_start_matches(hit);
    }
    if end {
        rest = rest.trim_end_matches(hit);
    }
    if rest.len() == this.len() {
        return Ok(Value::Str(this));
    }
    cx.string(rest.to_owned())
}

fn pad(cx: &mut Cx<'_>, a: &Args<'_>, left: bool) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let width = usize::try_from(a.long(1))
        .map_err(|_| out_of_range("Non-negative number required.", "totalWidth"))?;
    let fill = if a.len() > 2 { text::unit_text(a.char(2)) } else { " ".to_owned() };
    let missing = width.saturating_sub(text::length(&this));
    if missing == 0 {
        return Ok(Value::Str(this));
    }
    cx.charge(missing.saturating_mul(fill.len()))?;
    let fill = fill.repeat(missing);
    Ok(Value::from(if left { fill + &this } else { format!("{this}{fill}") }))
}

/// What a part of a text takes beside its bytes and its place.
const PART_COST: usize = 24;

/// `Split(separators[, count][, options])`.
fn split(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let mut count = i64::from(i32::MAX);
    let mut remove_empty = false;
    for index in 2..a.len() {
        match a.get(index) {
            Value::Enum(_, flags) => remove_empty = flags & 1 == 1,
            other => count = other.as_int().unwrap_or(count),
        }
    }
    if count < 0 {
        return Err(out_of_range("Non-negative number required.", "count"));
    }
    let separators = separators(cx, a.get(1))?;
    cx.step(this.len() as u64 / 16)?;
    let mut parts: Vec<&str> = Vec::new();
    let mut rest: &str = &this;
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 1 {
        let items = if remove_empty && this.is_empty() { Vec::new() } else { vec![a.value(0)] };
        return cx.state.array(Ty::STRING, items);
    }
    loop {
        if limit == 0 {
            break;
        }
        let found = next_separator(rest, separators.as_deref());
        let full = parts.len() + 1 >= limit;
        let Some((offset, length)) = found.filter(|_| !full) else {
            if !(remove_empty && rest.is_empty()) {
                parts.push(rest);
            }
            break;
        };
        let part = rest.get(..offset).unwrap_or_default();
        if !(remove_empty && part.is_empty()) {
            parts.push(part);
        }
        rest = rest.get(offset + length..).unwrap_or_default();
    }
    // The last part takes what is left, but not separators that only made empty parts.
    if remove_empty
        && parts.len() == limit
        && limit > 0
        && let Some(last) = parts.last_mut()
    {
        while let Some((0, length)) = next_separator(last, separators.as_deref()) {
            *last = last.get(length..).unwrap_or_default();
        }
        if last.is_empty() {
            parts.pop();
        }
    }
    cx.charge(this.len() + parts.len() * (SLOT_COST + PART_COST))?;
    cx.step(parts.len() as u64)?;
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
        Some(separators) => separators
            .iter()
            .filter_map(|separator| {
                text.find(separator.as_str()).map(|offset| (offset, separator.len()))
            })
            // At one place the first of the list wins.
            .min_by_key(|(offset, _)| *offset),
    }
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    if let (Value::Char(old), Value::Char(new)) = (a.get(1), a.get(2)) {
        let (old, new) = (text::unit_text(*old), text::unit_text(*new));
        return cx.string(this.replace(&old, &new));
    }
    let old = a.str(1, "oldValue")?;
    if old.is_empty() {
        return Err(Exception::new(
            ExceptionKind::Argument,
            "String cannot be of zero length. (Parameter 'oldValue')",
        ));
    }
    let new = a.opt_str(2).unwrap_or_default();
    if a.len() > 3 && comparison(a, 3) {
        return replace_any_case(cx, &this, &old, new);
    }
    let n = this.matches(&*old).count();
    if n == 0 {
        return Ok(Value::Str(this));
    }
    cx.charge(n.saturating_mul(new.len()).saturating_add(this.len()))?;
    Ok(Value::from(this.replace(&*old, new)))
}

fn replace_any_case(cx: &mut Cx<'_>, this: &str, old: &str, new: &str) -> Result<Value, Exception> {
    let found = text::find_all_any_case(this, old);
    cx.step(found.len() as u64)?;
    cx.charge(found.len().saturating_mul(new.len()).saturating_add(this.len()))?;
    let mut out = String::new();
    let mut from = 0;
    for (start, end) in found {
        out.push_str(this.get(from..start).unwrap_or_default());
        out.push_str(new);
        from = end;
    }
    out.push_str(this.get(from..).unwrap_or_default());
    Ok(Value::from(out))
}

fn insert(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let (this, value) = (a.this_str()?, a.str(2, "value")?);
    let index = usize::try_from(a.long(1)).ok().filter(|index| *index <= text::length(&this));
    let Some(index) = index else {
        return Err(out_of_range(
            "Index was out of range. Must be non-negative and less than the size of the collection.",
            "startIndex",
        ));
    };
    cx.charge(this.len() + value.len())?;
    let mut out = String::with_capacity(this.len() + value.len());
    let (before, after) =
        this.split_at_checked(text::byte_offset(&this, index)).unwrap_or((&this, ""));
    out.push_str(before);
    out.push_str(&value);
    out.push_str(after);
    Ok(Value::from(out))
}

fn remove(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let length = text::length(&this);
    let start = usize::try_from(a.long(1)).ok().filter(|start| *start <= length);
    let Some(start) = start else {
        return Err(out_of_range("StartIndex cannot be less than zero.", "startIndex"));
    };
    if a.len() == 2 && start >= length {
        let message = "startIndex must be less than length of string.";
        return Err(out_of_range(message, "startIndex"));
    }
    let count = if a.len() > 2 { a.long(2) } else { i64::try_from(length - start).unwrap_or(0) };
    let Some(end) =
        usize::try_from(count).ok().map(|count| start + count).filter(|end| *end <= length)
    else {
        let message = "Index and count must refer to a location within the string.";
        return Err(out_of_range(message, "count"));
    };
    let mut out = this.get(..text::byte_offset(&this, start)).unwrap_or_default().to_owned();
    out.push_str(this.get(text::byte_offset(&this, end)..).unwrap_or_default());
    cx.string(out)
}

fn join(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let separator = match a.get(0) {
        Value::Char(unit) => text::unit_text(*unit),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let values = a.some(1, "values")?;
    let items = cx.collect(&values)?;
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            cx.charge(separator.len())?;
            out.push_str(&separator);
        }
        cx.append_text(item, &mut out)?;
    }
    Ok(Value::from(out))
}

fn concat(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let values = a.some(0, "values")?;
    let mut out = String::new();
    for item in cx.collect(&values)? {
        cx.append_text(&item, &mut out)?;
    }
    Ok(Value::from(out))
}

fn format(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let format = a.str(0, "format")?;
    let args = match a.get(1) {
        Value::Null => vec![Value::Null],
        array => cx.collect(array)?,
    };
    composite(cx, &format, &args).map(Value::from)
}

fn index_of_any(cx: &mut Cx<'_>, a: &Args<'_>, last: bool) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let array = a.some(1, "anyOf")?;
    let set = units(cx, &array)?;
    let mut all = this.encode_utf16().collect::<Vec<_>>().into_iter();
    let found = if last {
        all.rposition(|unit| set.contains(&unit))
    } else {
        all.position(|unit| set.contains(&unit))
    };
    Ok(found.map_or(Value::Int(-1), int))
}

fn changed(cx: &mut Cx<'_>, a: &Args<'_>, change: fn(&str) -> String) -> Result<Value, Exception> {
    let this = a.this_str()?;
    cx.string(change(&this))
}
