//! Comparisons of strings; those of a culture are as ICU's invariant culture has them.

use super::{int, out_of_range};
use crate::eval::{Args, Cx};
use crate::text::{self, Comparison, is_plain};
use crate::types::TypeId;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// How a call compares: as its argument says.
pub(in crate::types) fn comparison(a: &Args<'_>, index: usize) -> Result<Comparison, Exception> {
    match a.get(index) {
        Value::Enum(TypeId::StringComparison, number) if (0..6).contains(number) => {
            Ok(Comparison::of(*number))
        }
        Value::Enum(..) => Err(unknown_comparison()),
        _ => Ok(Comparison::Culture { any_case: false }),
    }
}

#[cold]
pub(super) fn unknown_comparison() -> Exception {
    let message = "The string comparison type passed in is currently not supported. (Parameter 'comparisonType')";
    Exception::new(ExceptionKind::Argument, message)
}

pub(in crate::types) fn equal(left: Option<&str>, right: Option<&str>, how: Comparison) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => match how {
            Comparison::Culture { any_case }
                if !is_plain(left.as_bytes()) || !is_plain(right.as_bytes()) =>
            {
                text::compare_culture(left, right, any_case).is_eq()
            }
            how if how.any_case() => text::equal_any_case(left, right),
            _ => left == right,
        },
        _ => false,
    }
}

/// The sign of the order, or for ordinal comparisons the difference that .NET gives.
pub(in crate::types) fn compare(left: Option<&str>, right: Option<&str>, how: Comparison) -> i32 {
    match (left, right) {
        (None, None) => 0,
        (None, _) => -1,
        (_, None) => 1,
        (Some(left), Some(right)) => match how {
            Comparison::Culture { any_case } => text::compare_culture(left, right, any_case) as i32,
            Comparison::Ordinal { any_case: false } => compare_ordinal(left, right),
            Comparison::Ordinal { any_case: true } => text::compare_any_case(left, right),
        },
    }
}

/// `string.CompareOrdinal`: as [`difference`], but .NET compares two units at a time: of a string that ends between them, the zero behind it.
pub(crate) fn compare_ordinal(left: &str, right: &str) -> i32 {
    let (n, m) = (text::length(left), text::length(right));
    let shorter = n.min(m);
    let same = left.encode_utf16().zip(right.encode_utf16()).all(|(a, b)| a == b);
    if !same || n == m || shorter != 0 && shorter % 2 == 0 {
        return difference(left, right);
    }
    let unit = |text: &str| text.encode_utf16().nth(shorter).map_or(0, i32::from);
    let different = unit(left) - unit(right);
    if different == 0 { difference(left, right) } else { different }
}

/// The difference of the first units that differ, or of the lengths.
fn difference(left: &str, right: &str) -> i32 {
    let units = left.encode_utf16().zip(right.encode_utf16());
    let different = units.into_iter().find(|(a, b)| a != b);
    if let Some((a, b)) = different {
        return i32::from(a) - i32::from(b);
    }
    let n = |text: &str| i32::try_from(text::length(text)).unwrap_or(i32::MAX);
    n(left) - n(right)
}

/// `CompareTo(object)`.
pub(super) fn compare_to(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    match a.get(1) {
        Value::Null => Ok(Value::Int(1)),
        Value::Str(other) => Ok(Value::Int(compare(Some(&this), Some(other), Comparison::of(0)))),
        _ => Err(Exception::new(ExceptionKind::Argument, "Object must be of type String.")),
    }
}

/// `Compare` of two whole strings: the third argument is a comparison, whether case counts, or none.
pub(super) fn compare_whole(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let how = match a.get(2) {
        Value::Bool(any_case) => Comparison::Culture { any_case: *any_case },
        _ => comparison(a, 2)?,
    };
    Ok(Value::Int(compare(a.opt_str(0), a.opt_str(1), how)))
}

/// A part of a string, from an index on and at most so long.
fn part(text: &str, index: i32, length: i32) -> String {
    let at = |n: i32| usize::try_from(n).unwrap_or_default();
    text::substring(text, at(index), at(length.min(total(text) - index)))
}

fn total(text: &str) -> i32 {
    i32::try_from(text::length(text)).unwrap_or(i32::MAX)
}

/// `Compare(strA, indexA, strB, indexB, length[, ignoreCase])`, by culture.
pub(super) fn compare_parts_by_culture(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (left, right) = (a.opt_str(0), a.opt_str(2));
    let (at_left, at_right, length) = (a.int(1), a.int(3), a.int(4));
    // The differences wrap around.
    let fit = |text: Option<&str>, at: i32| match text {
        Some(text) => length.min(total(text).wrapping_sub(at)),
        None => length,
    };
    let (n_left, n_right) = (fit(left, at_left), fit(right, at_right));
    for (number, name) in
        [(n_left, "length1"), (n_right, "length2"), (at_left, "offset1"), (at_right, "offset2")]
    {
        if number < 0 {
            return Err(out_of_range("Positive number required.", name));
        }
    }
    for (text, at, n, name) in
        [(left, at_left, n_left, "string1"), (right, at_right, n_right, "string2")]
    {
        if at > text.map_or(0, total) - n {
            let message = "Offset and length must refer to a position in the string.";
            return Err(out_of_range(message, name));
        }
    }
    let left = left.map(|text| part(text, at_left, n_left));
    let right = right.map(|text| part(text, at_right, n_right));
    let how = Comparison::Culture { any_case: a.bool(5) };
    Ok(Value::Int(compare(left.as_deref(), right.as_deref(), how)))
}

/// `Compare(strA, indexA, strB, indexB, length, comparisonType)`.
pub(super) fn compare_parts(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let how = comparison(a, 5)?;
    compare_parts_as(a, how, "Length cannot be less than zero.")
}

/// `CompareOrdinal(strA, indexA, strB, indexB, length)`.
pub(super) fn compare_parts_ordinal(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    compare_parts_as(a, Comparison::of(4), "Count cannot be less than zero.")
}

fn compare_parts_as(a: &Args<'_>, how: Comparison, message: &str) -> Run {
    let (Some(left), Some(right)) = (a.opt_str(0), a.opt_str(2)) else {
        return Ok(Value::Int(compare(a.opt_str(0), a.opt_str(2), how)));
    };
    let (at_left, at_right, length) = (a.int(1), a.int(3), a.int(4));
    if length < 0 {
        return Err(out_of_range(message, "length"));
    }
    let (room_left, room_right) = (
        i64::from(total(left)) - i64::from(at_left),
        i64::from(total(right)) - i64::from(at_right),
    );
    for (room, name) in [
        (i64::from(at_left), "indexA"),
        (i64::from(at_right), "indexB"),
        (room_left, "indexA"),
        (room_right, "indexB"),
    ] {
        if room < 0 {
            let message = "Index was out of range. Must be non-negative and less than the size of the collection.";
            return Err(out_of_range(message, name));
        }
    }
    let (left, right) = (part(left, at_left, length), part(right, at_right, length));
    let order = match how {
        // Of parts it is the plain difference.
        Comparison::Ordinal { any_case: false } => difference(&left, &right),
        how => compare(Some(&left), Some(&right), how),
    };
    Ok(Value::Int(order))
}

/// `GetHashCode(comparisonType)`.
pub(super) fn hash_code(_: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let this = a.this_str()?;
    let text = if comparison(a, 1)?.any_case() { text::folded(&this) } else { this.to_string() };
    let key = crate::collections::Key::Str(text.into());
    Ok(Value::Int(crate::types::collections::comparers::hash_of(&key)))
}

/// Half a number: what `int` gives, for members that count.
pub(super) fn found(index: Option<usize>) -> Value {
    index.map_or(Value::Int(-1), int)
}
