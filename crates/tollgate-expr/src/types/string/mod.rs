//! `System.String` and what goes with it.

mod compare;
mod comparer;
mod members;
mod search;
mod split;

pub(crate) use compare::compare_ordinal;
pub(super) use compare::{compare, comparison, equal};
pub(super) use comparer::{COMPARER, compare_strings, comparer_class, ordinal_any_case};

use super::Ty;
use super::decl::{Kind, TypeDecl, refused};
use crate::eval::{Args, Cx, composite, null_argument};
use crate::state::Shared;
use crate::text::{self, Comparison};
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.String",
    kind: Kind::Class,
    bases: &["IEnumerable<char>"],
    docs: "Text: a sequence of UTF-16 units.",
    members: members::MEMBERS,
    refused: &[refused("GetTypeCode", "type codes have no use in a policy")],
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

fn int(index: usize) -> Value {
    Value::Int(i32::try_from(index).unwrap_or(i32::MAX))
}

#[cold]
fn out_of_range(message: &str, name: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, format!("{message} (Parameter '{name}')"))
}

fn substring(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
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

/// The units of an array of characters.
pub(super) fn units(cx: &mut Cx<'_>, array: &Value) -> Result<Vec<u16>, Exception> {
    let items = cx.collect(array)?;
    let unit = |item: &Value| if let Value::Char(unit) = item { Some(*unit) } else { None };
    Ok(items.iter().filter_map(unit).collect())
}

fn trim(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    trimmed(cx, a, true, true)
}

fn trim_start(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    trimmed(cx, a, true, false)
}

fn trim_end(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    trimmed(cx, a, false, true)
}

fn trimmed(cx: &mut Cx<'_>, a: &Args<'_>, start: bool, end: bool) -> Result<Value, Exception> {
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

fn pad_left(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    padded(cx, a, true)
}

fn pad_right(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    padded(cx, a, false)
}

fn padded(cx: &mut Cx<'_>, a: &Args<'_>, left: bool) -> Result<Value, Exception> {
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

fn replace(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let how = if a.len() > 3 { compare::comparison(a, 3)? } else { Comparison::of(4) };
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
    if how != Comparison::of(4) {
        let new = new.to_owned();
        return replace_compared(cx, &this, (&old, &new), how);
    }
    let n = this.matches(&*old).count();
    if n == 0 {
        return Ok(Value::Str(this));
    }
    cx.charge(n.saturating_mul(new.len()).saturating_add(this.len()))?;
    Ok(Value::from(this.replace(&*old, new)))
}

fn replace_compared(
    cx: &mut Cx<'_>,
    this: &str,
    (old, new): (&str, &str),
    how: Comparison,
) -> Result<Value, Exception> {
    let found = search::all_offsets(cx, this, old, how)?;
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

fn insert(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (this, value) = (a.this_str()?, a.str(2, "value")?);
    let index = usize::try_from(a.long(1)).ok().filter(|index| *index <= text::length(&this));
    let Some(index) = index else {
        let message = "Specified argument was out of the range of valid values.";
        return Err(out_of_range(message, "startIndex"));
    };
    cx.charge(this.len() + value.len())?;
    let mut out = this.to_string();
    out.insert_str(text::byte_offset(&this, index), &value);
    Ok(Value::from(out))
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let length = text::length(&this);
    let Ok(start) = usize::try_from(a.long(1)) else {
        return Err(out_of_range("StartIndex cannot be less than zero.", "startIndex"));
    };
    if a.len() == 2 && start >= length {
        let message = "startIndex must be less than length of string.";
        return Err(out_of_range(message, "startIndex"));
    }
    let end = if a.len() > 2 {
        let Ok(count) = usize::try_from(a.long(2)) else {
            return Err(out_of_range("Count cannot be less than zero.", "count"));
        };
        start.saturating_add(count)
    } else {
        length
    };
    if end > length {
        let message = "Index and count must refer to a location within the string.";
        return Err(out_of_range(message, "count"));
    }
    let mut out = this.get(..text::byte_offset(&this, start)).unwrap_or_default().to_owned();
    out.push_str(this.get(text::byte_offset(&this, end)..).unwrap_or_default());
    cx.string(out)
}

/// `new string(value, startIndex, length)`.
fn new_of_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let array = a.some(0, "value")?;
    let units = units(cx, &array)?;
    let Ok(start) = usize::try_from(a.long(1)) else {
        return Err(out_of_range("StartIndex cannot be less than zero.", "startIndex"));
    };
    let Ok(count) = usize::try_from(a.long(2)) else {
        return Err(out_of_range("Length cannot be less than zero.", "length"));
    };
    let part = start.checked_add(count).and_then(|end| units.get(start..end));
    let Some(part) = part else {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
        return Err(out_of_range(message, "startIndex"));
    };
    cx.string(String::from_utf16_lossy(part))
}

/// `ToCharArray(startIndex, length)`.
fn to_char_array(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    let message =
        "Index was out of range. Must be non-negative and less than the size of the collection.";
    let length = i32::try_from(text::length(&this)).unwrap_or(i32::MAX);
    let (start, count) = (a.int(1), a.int(2));
    // The difference wraps around.
    if start < 0 || start > length || start > length.wrapping_sub(count) {
        return Err(out_of_range(message, "startIndex"));
    }
    let Ok(count) = usize::try_from(count) else { return Err(out_of_range(message, "length")) };
    let start = usize::try_from(start).unwrap_or_default();
    let units = this.encode_utf16().skip(start).take(count).map(Value::Char).collect();
    cx.state.array_or_shared(Shared::Array, Ty::CHAR, units)
}

/// `CopyTo(sourceIndex, destination, destinationIndex, count)`.
fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (this, target) = (a.this_str()?, a.some(2, "destination")?);
    let (from, to, count) = (a.long(1), a.long(3), a.long(4));
    if count < 0 {
        return Err(out_of_range("Count cannot be less than zero.", "count"));
    }
    if from < 0 {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
        return Err(out_of_range(message, "sourceIndex"));
    }
    let message = "Index and count must refer to a location within the string.";
    let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    if count > size(text::length(&this)) - from {
        return Err(out_of_range(message, "sourceIndex"));
    }
    let room = size(cx.known_length(&target).unwrap_or_default());
    if to < 0 || to > room - count {
        return Err(out_of_range(message, "destinationIndex"));
    }
    cx.step(count.unsigned_abs())?;
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    for (place, unit) in (to..).zip(this.encode_utf16().skip(at(from)).take(at(count))) {
        cx.array_set(&target, place, Value::Char(unit))?;
    }
    Ok(Value::Null)
}

fn join_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    join(cx, a, "value")
}

fn join_values(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    join(cx, a, "values")
}

fn join(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    let values = a.some(1, name)?;
    joined(cx, a.get(0), &values).map(Value::from)
}

/// The texts of a sequence with a separator between.
pub(super) fn joined(
    cx: &mut Cx<'_>,
    separator: &Value,
    values: &Value,
) -> Result<String, Exception> {
    let separator = match separator {
        Value::Char(unit) => text::unit_text(*unit),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let mut out = String::new();
    let mut first = true;
    cx.each(values, &mut |cx, item| {
        cx.step(1)?;
        if !first {
            cx.charge(separator.len())?;
            out.push_str(&separator);
        }
        first = false;
        cx.append_text(&item, &mut out).map(|()| true)
    })?;
    Ok(out)
}

/// `Join(separator, value, startIndex, count)`.
fn join_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let values = a.some(1, "value")?;
    let items = cx.collect(&values)?;
    let Ok(start) = usize::try_from(a.long(2)) else {
        return Err(out_of_range("StartIndex cannot be less than zero.", "startIndex"));
    };
    let Ok(count) = usize::try_from(a.long(3)) else {
        return Err(out_of_range("Count cannot be less than zero.", "count"));
    };
    let part = start.checked_add(count).and_then(|end| items.get(start..end));
    let Some(part) = part else {
        let message = "Index and count must refer to a location within the buffer.";
        return Err(out_of_range(message, "startIndex"));
    };
    let part = cx.state.array(Ty::STRING, part.to_vec())?;
    joined(cx, a.get(0), &part).map(Value::from)
}

fn concat_values(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    concat(cx, a, "values")
}

fn concat_args(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    concat(cx, a, "args")
}

fn concat(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    let values = a.some(0, name)?;
    joined(cx, &Value::Null, &values).map(Value::from)
}

/// `Concat` of as many values as there are arguments.
fn concat_objects(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let mut out = String::new();
    for index in 0..a.len() {
        cx.append_text(a.get(index), &mut out)?;
    }
    Ok(Value::from(out))
}

fn format(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    format_at(cx, a, 0)
}

/// `Format` with a culture in front.
fn format_for(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    format_at(cx, a, 1)
}

fn format_at(cx: &mut Cx<'_>, a: &Args<'_>, at: usize) -> Result<Value, Exception> {
    if a.get(at + 1).is_null() {
        return Err(null_argument(if a.get(at).is_null() { "format" } else { "args" }));
    }
    let args = cx.collect(a.get(at + 1))?;
    let format = a.str(at, "format")?;
    composite(cx, &format, &args).map(Value::from)
}

/// `Format` with the values as arguments of their own.
fn format_each(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    format_each_at(cx, a, 0)
}

/// The same with a culture in front.
fn format_each_for(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    format_each_at(cx, a, 1)
}

fn format_each_at(cx: &mut Cx<'_>, a: &Args<'_>, at: usize) -> Result<Value, Exception> {
    let format = a.str(at, "format")?;
    let args: Vec<Value> = (at + 1..a.len()).map(|index| a.value(index)).collect();
    composite(cx, &format, &args).map(Value::from)
}

/// A literal format string is looked at when the policy is loaded.
pub(super) fn check_format(args: &mut [Option<Value>]) -> Result<(), String> {
    let Some(Some(Value::Str(format))) = args.first() else { return Ok(()) };
    crate::number::check_composite(format)
}

/// [`check_format`] of a member whose receiver is the first argument.
pub(super) fn check_later_format(args: &mut [Option<Value>]) -> Result<(), String> {
    check_format(args.get_mut(1..).unwrap_or_default())
}

fn lower(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    cx.string(text::lower(&a.this_str()?))
}

fn upper(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    cx.string(text::upper(&a.this_str()?))
}

/// `Equals` of a string or an object.
fn equals(_: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let this = a.this_str()?;
    Ok(Value::Bool(a.opt_str(1) == Some(&*this)))
}

/// What gives the string itself.
#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn itself(_: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    Ok(a.value(0))
}

/// The same of an argument.
fn given(_: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    a.some(0, "str")
}
