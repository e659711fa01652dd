//! `System.Text.StringBuilder`.

use super::TypeId;
use super::decl::{Kind, Member, TypeDecl, joined, m, rw};
use super::string::check_later_format;
use super::string::joined as joined_text;
use crate::eval::{Args, Cx, composite, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::text;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// The text, and what `Capacity` says.
#[derive(Debug)]
pub(super) struct Builder {
    text: String,
    /// The units of the text: counting them anew for every `Append` would take longer and longer.
    length: usize,
    capacity: usize,
    max: i32,
}

impl Native for Builder {
    fn id(&self) -> TypeId {
        TypeId::StringBuilder
    }

    fn text(&self) -> Option<String> {
        Some(self.text.clone())
    }
}

impl Builder {
    /// A builder of text.
    pub(super) fn of(text: String) -> Builder {
        let length = text::length(&text);
        Builder { text, length, capacity: length.max(16), max: i32::MAX }
    }

    /// Whether so many more units are allowed.
    fn has_room(&self, more: usize) -> bool {
        self.length.saturating_add(more) <= usize::try_from(self.max).unwrap_or_default()
    }

    /// Lets the capacity hold the text: .NET adds blocks.
    fn grow(&mut self) {
        if self.length > self.capacity {
            let missing = self.length - self.capacity;
            self.capacity += missing.max(self.capacity.min(8000));
        }
    }
}

fn int(n: usize) -> Value {
    Value::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

#[cold]
fn range(message: &str, name: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, format!("{message} (Parameter '{name}')"))
}

const BAD_INDEX: &str =
    "Index was out of range. Must be non-negative and less than the size of the collection.";
const NOT_POSITIVE: &str = "Value must be positive.";
/// What is said of a builder that has become longer than it may, and of which parameter.
const TOO_LONG: (&str, &str) = ("The length cannot be greater than the capacity.", "valueCount");
const NO_ROOM: (&str, &str) = ("capacity was less than the current size.", "requiredLength");

fn builder<'c>(cx: &'c Cx<'_>, a: &Args<'_>) -> Result<&'c Builder, Exception> {
    let Value::Object(id) = a.get(0) else { return Err(confusion()) };
    match cx.state.object(*id) {
        crate::state::Object::Native(object) => object.get().ok_or_else(confusion),
        _ => Err(confusion()),
    }
}

/// The text of a builder that an argument is.
pub(super) fn text_of(cx: &Cx<'_>, value: &Value) -> Option<String> {
    cx.state.native::<Builder>(value).map(|builder| builder.text.clone())
}

/// What the serializer writes of a builder.
pub(super) fn numbers(cx: &Cx<'_>, value: &Value) -> Option<Vec<(String, Value)>> {
    let builder = cx.state.native::<Builder>(value)?;
    Some(vec![
        ("m_MaxCapacity".to_owned(), Value::Int(builder.max)),
        ("Capacity".to_owned(), int(builder.capacity)),
        ("m_StringValue".to_owned(), Value::from(builder.text.as_str())),
        ("m_currentThread".to_owned(), Value::Int(0)),
    ])
}

/// Adds text to a builder.
pub(super) fn push(cx: &mut Cx<'_>, target: &Value, more: &str) -> Result<(), Exception> {
    push_or(cx, target, more, TOO_LONG)
}

/// Adds text to a builder; what is said when it has no room.
fn push_or(
    cx: &mut Cx<'_>,
    target: &Value,
    more: &str,
    full: (&str, &str),
) -> Result<(), Exception> {
    cx.charge(more.len())?;
    let builder: &mut Builder = cx.state.native_mut(target).ok_or_else(confusion)?;
    let length = text::length(more);
    if !builder.has_room(length) {
        return Err(range(full.0, full.1));
    }
    builder.text.push_str(more);
    builder.length += length;
    builder.grow();
    Ok(())
}

fn edit(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    change: impl FnOnce(&mut String) -> Result<(), Exception>,
) -> Run {
    let size = builder(cx, a)?.text.len();
    cx.step(size as u64 / 64)?;
    let builder: &mut Builder = cx.state.native_mut(a.get(0)).ok_or_else(confusion)?;
    change(&mut builder.text)?;
    builder.length = text::length(&builder.text);
    builder.grow();
    Ok(a.value(0))
}

fn make(cx: &mut Cx<'_>, text: String, capacity: i64, max: i32) -> Run {
    if capacity < 0 {
        return Err(range("'capacity' must be greater than zero.", "capacity"));
    }
    cx.charge(text.len())?;
    let wanted = usize::try_from(capacity).unwrap_or_default();
    let length = text::length(&text);
    let capacity = if wanted == 0 { 16 } else { wanted }.max(length);
    cx.state.add_native(Builder { text, length, capacity, max })
}

/// A part of text by index and length, neither negative; which parameter is wrong when it is none.
fn part_of(text: &str, start: i64, count: i64, name: &str) -> Result<String, Exception> {
    let at = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    match at(start).checked_add(at(count)) {
        Some(end) if end <= text::length(text) => Ok(text::substring(text, at(start), at(count))),
        _ => Err(range(BAD_INDEX, name)),
    }
}

/// The text of characters.
fn units_text(cx: &mut Cx<'_>, array: &Value) -> Result<String, Exception> {
    if array.is_null() {
        return Ok(String::new());
    }
    super::string::units(cx, array).map(|units| String::from_utf16_lossy(&units))
}

/// The text of a value that is added.
fn added(cx: &mut Cx<'_>, value: &Value) -> Result<String, Exception> {
    let mut more = String::new();
    cx.write_text(value, &mut more)?;
    Ok(more)
}

fn append(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let value = a.value(1);
    let more = added(cx, &value)?;
    let full = if matches!(value, Value::Char(_)) { NO_ROOM } else { TOO_LONG };
    push_or(cx, a.get(0), &more, full)?;
    Ok(a.value(0))
}

fn append_units(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let more = units_text(cx, &a.value(1))?;
    push(cx, a.get(0), &more)?;
    Ok(a.value(0))
}

/// The builder when nothing of nothing is added; null is refused otherwise.
fn none_added(a: &Args<'_>, part: (i64, i64)) -> Run {
    if part == (0, 0) { Ok(a.value(0)) } else { Err(null_argument("value")) }
}

/// `Append(value, startIndex, count)` of texts and builders.
fn append_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (start, count) = (a.long(2), a.long(3));
    if start < 0 {
        return Err(range(BAD_INDEX, "startIndex"));
    }
    if count < 0 {
        return Err(range(NOT_POSITIVE, "count"));
    }
    if a.get(1).is_null() {
        return none_added(a, (start, count));
    }
    if count == 0 {
        return Ok(a.value(0));
    }
    let text = added(cx, &a.value(1))?;
    let more = part_of(&text, start, count, "startIndex")?;
    push(cx, a.get(0), &more)?;
    Ok(a.value(0))
}

/// `Append(value, startIndex, charCount)` of characters.
fn append_some_units(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (start, count) = (a.long(2), a.long(3));
    for (number, name) in [(start, "startIndex"), (count, "charCount")] {
        if number < 0 {
            return Err(range(NOT_POSITIVE, name));
        }
    }
    if a.get(1).is_null() {
        return none_added(a, (start, count));
    }
    let text = units_text(cx, &a.value(1))?;
    let more = part_of(&text, start, count, "charCount")?;
    push(cx, a.get(0), &more)?;
    Ok(a.value(0))
}

fn append_repeated(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let unit = text::unit_text(a.char(1));
    let Ok(count) = usize::try_from(a.long(2)) else {
        return Err(range("Count cannot be less than zero.", "repeatCount"));
    };
    cx.charge(count.saturating_mul(unit.len()))?;
    let more = unit.repeat(count);
    push_or(cx, a.get(0), &more, (TOO_LONG.0, "repeatCount"))?;
    Ok(a.value(0))
}

fn append_format(cx: &mut Cx<'_>, a: &mut Args<'_>, args: &[Value]) -> Run {
    let format = a.str(1, "format")?;
    let more = composite(cx, &format, args)?;
    push(cx, a.get(0), &more)?;
    Ok(a.value(0))
}

fn append_join(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (separator, values) = (a.value(1), a.some(2, "values")?);
    let more = joined_text(cx, &separator, &values)?;
    push(cx, a.get(0), &more)?;
    Ok(a.value(0))
}

/// Refuses an index beyond the text.
fn within(cx: &Cx<'_>, a: &Args<'_>) -> Result<usize, Exception> {
    let length = builder(cx, a)?.length;
    let index = usize::try_from(a.long(1)).ok().filter(|index| *index <= length);
    index.ok_or_else(|| range(BAD_INDEX, "index"))
}

fn insert_text(cx: &mut Cx<'_>, a: &mut Args<'_>, more: &str) -> Run {
    let index = within(cx, a)?;
    cx.charge(more.len())?;
    if !builder(cx, a)?.has_room(text::length(more)) {
        return Err(range(NO_ROOM.0, NO_ROOM.1));
    }
    edit(cx, a, |out| {
        out.insert_str(text::byte_offset(out, index), more);
        Ok(())
    })
}

fn insert(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let more = added(cx, &a.value(2))?;
    insert_text(cx, a, &more)
}

/// `Insert(index, value)` of any object: nothing is put anywhere.
fn insert_object(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    if a.get(2).is_null() { Ok(a.value(0)) } else { insert(cx, a) }
}

fn insert_units(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let more = units_text(cx, &a.value(2))?;
    insert_text(cx, a, &more)
}

fn insert_repeated(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(count) = usize::try_from(a.long(3)) else {
        return Err(range("Non-negative number required.", "count"));
    };
    within(cx, a)?;
    let text = a.opt_str(2).unwrap_or_default().to_owned();
    if !builder(cx, a)?.has_room(count.saturating_mul(text::length(&text))) {
        let message = "Insufficient memory to continue the execution of the program.";
        return Err(Exception::new(ExceptionKind::OutOfMemory, message));
    }
    cx.charge(count.saturating_mul(text.len()))?;
    insert_text(cx, a, &text.repeat(count))
}

fn insert_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let value = a.value(2);
    let (start, count) = (a.long(3), a.long(4));
    within(cx, a)?;
    if value.is_null() {
        if start == 0 && count == 0 {
            return Ok(a.value(0));
        }
        let message = "String reference not set to an instance of a String. (Parameter 'value')";
        return Err(Exception::new(ExceptionKind::ArgumentNull, message));
    }
    if start < 0 {
        return Err(range("StartIndex cannot be less than zero.", "startIndex"));
    }
    if count < 0 {
        return Err(range(NOT_POSITIVE, "charCount"));
    }
    let text = units_text(cx, &value)?;
    let more = part_of(&text, start, count, "startIndex")?;
    insert_text(cx, a, &more)
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(count) = usize::try_from(a.long(2)) else {
        return Err(range("Length cannot be less than zero.", "length"));
    };
    let Ok(start) = usize::try_from(a.long(1)) else {
        return Err(range("StartIndex cannot be less than zero.", "startIndex"));
    };
    edit(cx, a, |out| {
        let end = start.checked_add(count).filter(|end| *end <= text::length(out));
        let Some(end) = end else { return Err(range(BAD_INDEX, "length")) };
        out.replace_range(text::byte_offset(out, start)..text::byte_offset(out, end), "");
        Ok(())
    })
}

/// `Replace(old, new[, startIndex, count])` of texts and characters.
fn replace(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let piece = |index: usize| match a.get(index) {
        Value::Char(unit) => Some(text::unit_text(*unit)),
        other => other.as_str().map(str::to_owned),
    };
    let (old, new) = (piece(1), piece(2).unwrap_or_default());
    let length = builder(cx, a)?.length;
    let (start, count) =
        if a.len() > 3 { (a.long(3), a.long(4)) } else { (0, i64::try_from(length).unwrap_or(0)) };
    let start = usize::try_from(start).ok().filter(|start| *start <= length);
    let Some(start) = start else { return Err(range(BAD_INDEX, "startIndex")) };
    let end = usize::try_from(count).ok().and_then(|count| start.checked_add(count));
    let Some(end) = end.filter(|end| *end <= length) else {
        return Err(range(BAD_INDEX, "count"));
    };
    let Some(old) = old else { return Err(null_argument("oldValue")) };
    if old.is_empty() {
        let message = "Empty name is not legal. (Parameter 'oldValue')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let text = &builder(cx, a)?.text;
    let part = text.get(text::byte_offset(text, start)..text::byte_offset(text, end));
    let part = part.unwrap_or_default().to_owned();
    let n = part.matches(old.as_str()).count();
    cx.charge(n.saturating_mul(new.len()).saturating_add(part.len()))?;
    let more = text::length(&new).saturating_sub(text::length(&old)).saturating_mul(n);
    if !builder(cx, a)?.has_room(more) {
        return Err(range(NO_ROOM.0, NO_ROOM.1));
    }
    edit(cx, a, |out| {
        let range = text::byte_offset(out, start)..text::byte_offset(out, end);
        out.replace_range(range, &part.replace(&old, &new));
        Ok(())
    })
}

fn set_length(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(wanted) = usize::try_from(a.long(1)) else {
        return Err(range("Length cannot be less than zero.", "value"));
    };
    let builder = builder(cx, a)?;
    let length = builder.length;
    if wanted > usize::try_from(builder.max).unwrap_or_default() {
        return Err(range(NO_ROOM.0, "value"));
    }
    cx.charge(wanted.saturating_sub(length))?;
    edit(cx, a, |out| {
        out.truncate(text::byte_offset(out, wanted));
        out.extend(std::iter::repeat_n('\0', wanted.saturating_sub(length)));
        Ok(())
    })?;
    Ok(a.value(1))
}

fn set_capacity(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let wanted = a.long(1);
    let builder: &mut Builder = cx.state.native_mut(a.get(0)).ok_or_else(confusion)?;
    if wanted < 0 {
        return Err(range("Capacity must be positive.", "value"));
    }
    if wanted > i64::from(builder.max) {
        return Err(range("Capacity exceeds maximum capacity.", "value"));
    }
    let wanted = usize::try_from(wanted).unwrap_or_default();
    if wanted < builder.length {
        return Err(range("capacity was less than the current size.", "value"));
    }
    builder.capacity = wanted;
    Ok(a.value(1))
}

fn ensure_capacity(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(wanted) = usize::try_from(a.long(1)) else {
        return Err(range("Capacity must be positive.", "capacity"));
    };
    let builder: &mut Builder = cx.state.native_mut(a.get(0)).ok_or_else(confusion)?;
    builder.capacity = builder.capacity.max(wanted);
    Ok(int(builder.capacity))
}

fn unit(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let place = usize::try_from(a.long(1)).ok();
    let builder = builder(cx, a)?;
    let unit = place.and_then(|place| {
        if builder.length == builder.text.len() {
            return builder.text.as_bytes().get(place).copied().map(u16::from);
        }
        text::unit_at(&builder.text, place)
    });
    unit.map(Value::Char).ok_or_else(|| {
        let message = "Index was outside the bounds of the array.";
        Exception::new(ExceptionKind::IndexOutOfRange, message)
    })
}

fn set_unit(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let unit = text::unit_text(a.char(2));
    let place = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
    let length = builder(cx, a)?.length;
    cx.step(length as u64 / 16)?;
    edit(cx, a, |out| {
        if place >= length {
            return Err(range(BAD_INDEX, "index"));
        }
        let range = text::byte_offset(out, place)..text::byte_offset(out, place + 1);
        out.replace_range(range, &unit);
        Ok(())
    })?;
    Ok(a.value(2))
}

fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = a.some(2, "destination")?;
    let (from, to, count) = (a.long(1), a.int(3), a.int(4));
    if to < 0 {
        return Err(range("'destinationIndex' must be non-negative.", "destinationIndex"));
    }
    let room = i32::try_from(cx.known_length(&target).unwrap_or_default()).unwrap_or(i32::MAX);
    let outside = |message: &str| Exception::new(ExceptionKind::Argument, message);
    // The difference wraps around.
    if to > room.wrapping_sub(count) {
        return Err(outside(
            "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.",
        ));
    }
    if to > room {
        let message = "Specified argument was out of the range of valid values.";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    if count < 0 {
        return Err(range("Argument count must not be negative.", "count"));
    }
    let (to, count) = (i64::from(to), i64::from(count));
    let text = builder(cx, a)?.text.clone();
    let length = i64::try_from(text::length(&text)).unwrap_or(i64::MAX);
    if from < 0 || from > length {
        return Err(range(BAD_INDEX, "sourceIndex"));
    }
    if from > length - count {
        return Err(outside("Source string was not long enough. Check sourceIndex and count."));
    }
    cx.step(count.unsigned_abs())?;
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    for (place, unit) in (to..).zip(text.encode_utf16().skip(at(from)).take(at(count))) {
        cx.array_set(&target, place, Value::Char(unit))?;
    }
    Ok(Value::Null)
}

fn equals(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let own = builder(cx, a)?;
    let other = cx.state.native::<Builder>(a.get(1));
    Ok(Value::Bool(other.is_some_and(|other| own.max == other.max && own.text == other.text)))
}

/// Members for values of each of the built-in types.
macro_rules! each {
    ($(($append:literal, $insert:literal);)*) => {
        &[$(
            m($append, "Adds a value's text.", append),
            m($insert, "Puts a value's text in.", insert),
        )*]
    };
}

const VALUES: &[Member] = each! {
    ("StringBuilder Append(string value)", "StringBuilder Insert(int index, string value)");
    ("StringBuilder Append(char value)", "StringBuilder Insert(int index, char value)");
    ("StringBuilder Append(bool value)", "StringBuilder Insert(int index, bool value)");
    ("StringBuilder Append(sbyte value)", "StringBuilder Insert(int index, sbyte value)");
    ("StringBuilder Append(byte value)", "StringBuilder Insert(int index, byte value)");
    ("StringBuilder Append(short value)", "StringBuilder Insert(int index, short value)");
    ("StringBuilder Append(ushort value)", "StringBuilder Insert(int index, ushort value)");
    ("StringBuilder Append(int value)", "StringBuilder Insert(int index, int value)");
    ("StringBuilder Append(uint value)", "StringBuilder Insert(int index, uint value)");
    ("StringBuilder Append(long value)", "StringBuilder Insert(int index, long value)");
    ("StringBuilder Append(ulong value)", "StringBuilder Insert(int index, ulong value)");
    ("StringBuilder Append(float value)", "StringBuilder Insert(int index, float value)");
    ("StringBuilder Append(double value)", "StringBuilder Insert(int index, double value)");
    ("StringBuilder Append(decimal value)", "StringBuilder Insert(int index, decimal value)");
};

const REST: &[Member] = &[
    m("new()", "Empty.", |cx, _| make(cx, String::new(), 0, i32::MAX)),
    m("new(int capacity)", "Empty.", |cx, a| make(cx, String::new(), a.long(0), i32::MAX)),
    m("new(string value)", "With text.", |cx, a| {
        make(cx, a.opt_str(0).unwrap_or_default().to_owned(), 0, i32::MAX)
    }),
    m("new(string value, int capacity)", "With text.", |cx, a| {
        make(cx, a.opt_str(0).unwrap_or_default().to_owned(), a.long(1), i32::MAX)
    }),
    m("new(string value, int startIndex, int length, int capacity)", "With a part.", |cx, a| {
        if a.long(3) < 0 {
            return Err(range("'capacity' must be greater than zero.", "capacity"));
        }
        if a.long(2) < 0 {
            return Err(range("'length' must be non-negative.", "length"));
        }
        if a.long(1) < 0 {
            return Err(range("StartIndex cannot be less than zero.", "startIndex"));
        }
        let text = a.opt_str(0).unwrap_or_default();
        let part = part_of(text, a.long(1), a.long(2), "length").map_err(|_| {
            range("Index and length must refer to a location within the string.", "length")
        })?;
        make(cx, part, a.long(3), i32::MAX)
    }),
    m("new(int capacity, int maxCapacity)", "Empty, with a longest length.", |cx, a| {
        if a.long(0) > a.long(1) {
            return Err(range("Capacity exceeds maximum capacity.", "capacity"));
        }
        if a.long(1) < 1 {
            return Err(range("MaxCapacity must be one or greater.", "maxCapacity"));
        }
        let capacity = if a.long(0) == 0 { a.long(1).min(16) } else { a.long(0) };
        make(cx, String::new(), capacity, a.int(1))
    }),
    rw(
        "int Length",
        "The number of UTF-16 units.",
        |cx, a| Ok(int(builder(cx, a)?.length)),
        set_length,
    ),
    rw(
        "int Capacity",
        "How many units fit.",
        |cx, a| Ok(int(builder(cx, a)?.capacity)),
        set_capacity,
    ),
    m("int MaxCapacity", "How many units may fit.", |cx, a| Ok(Value::Int(builder(cx, a)?.max))),
    rw("char this[int index]", "The unit at an index.", unit, set_unit),
    m("int EnsureCapacity(int capacity)", "Makes room.", ensure_capacity),
    m("StringBuilder Append(object value)", "Adds a value's text.", append),
    m("StringBuilder Append(char[] value)", "Adds characters.", append_units),
    m("StringBuilder Insert(int index, object value)", "Puts a value's text in.", insert_object),
    m("StringBuilder Insert(int index, char[] value)", "Puts characters in.", insert_units),
    m("StringBuilder Append(char value, int repeatCount)", "Adds one often.", append_repeated),
    m("StringBuilder Append(StringBuilder value)", "Adds a builder's text.", append),
    m("StringBuilder Append(string value, int startIndex, int count)", "A part.", append_part),
    m(
        "StringBuilder Append(char[] value, int startIndex, int charCount)",
        "Adds some characters.",
        append_some_units,
    ),
    m(
        "StringBuilder Append(StringBuilder value, int startIndex, int count)",
        "A part.",
        append_part,
    ),
    m("StringBuilder AppendLine()", "Adds a line end.", |cx, a| {
        push(cx, a.get(0), "\n")?;
        Ok(a.value(0))
    }),
    m("StringBuilder AppendLine(string value)", "Adds text and a line end.", |cx, a| {
        let more = format!("{}\n", a.opt_str(1).unwrap_or_default());
        push(cx, a.get(0), &more)?;
        Ok(a.value(0))
    }),
    m("StringBuilder AppendFormat(string format, object arg0)", "Formatted text.", |cx, a| {
        let args = [a.value(2)];
        append_format(cx, a, &args)
    })
    .prepared(check_later_format),
    m("StringBuilder AppendFormat(string format, object arg0, object arg1)", "Two.", |cx, a| {
        let args = [a.value(2), a.value(3)];
        append_format(cx, a, &args)
    })
    .prepared(check_later_format),
    m(
        "StringBuilder AppendFormat(string format, object arg0, object arg1, object arg2)",
        "Adds formatted text of three values.",
        |cx, a| {
            let args = [a.value(2), a.value(3), a.value(4)];
            append_format(cx, a, &args)
        },
    )
    .prepared(check_later_format),
    m("StringBuilder AppendFormat(string format, params object[] args)", "All.", |cx, a| {
        if a.get(2).is_null() {
            return Err(null_argument(if a.get(1).is_null() { "format" } else { "args" }));
        }
        let args = cx.collect(&a.value(2))?;
        append_format(cx, a, &args)
    })
    .prepared(check_later_format),
    m("StringBuilder AppendJoin(string separator, params object[] values)", "Texts.", append_join),
    m("StringBuilder AppendJoin(string separator, params string[] values)", "Texts.", append_join),
    m("StringBuilder AppendJoin<T>(string separator, IEnumerable<T> values)", "All.", append_join),
    m("StringBuilder AppendJoin(char separator, params object[] values)", "Texts.", append_join),
    m("StringBuilder AppendJoin(char separator, params string[] values)", "Texts.", append_join),
    m("StringBuilder AppendJoin<T>(char separator, IEnumerable<T> values)", "All.", append_join),
    m("StringBuilder Insert(int index, string value, int count)", "Text often.", insert_repeated),
    m(
        "StringBuilder Insert(int index, char[] value, int startIndex, int charCount)",
        "Puts some characters in.",
        insert_part,
    ),
    m("StringBuilder Remove(int startIndex, int length)", "Takes a part out.", remove),
    m("StringBuilder Replace(string oldValue, string newValue)", "Replaces text.", replace),
    m("StringBuilder Replace(char oldChar, char newChar)", "Replaces characters.", replace),
    m(
        "StringBuilder Replace(string oldValue, string newValue, int startIndex, int count)",
        "Replaces text in a part.",
        replace,
    ),
    m(
        "StringBuilder Replace(char oldChar, char newChar, int startIndex, int count)",
        "Replaces characters in a part.",
        replace,
    ),
    m("StringBuilder Clear()", "Takes everything out.", |cx, a| {
        edit(cx, a, |out| {
            out.clear();
            Ok(())
        })
    }),
    m(
        "void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)",
        "Copies units to an array.",
        copy_to,
    ),
    m("bool Equals(StringBuilder sb)", "Whether both hold the same.", equals),
    m("string ToString()", "The text.", |cx, a| {
        let text = builder(cx, a)?.text.clone();
        cx.string(text)
    }),
    m("string ToString(int startIndex, int length)", "A part of the text.", |cx, a| {
        let text = &builder(cx, a)?.text;
        let length = i64::try_from(text::length(text)).unwrap_or(i64::MAX);
        let (start, count) = (a.long(1), a.long(2));
        if start < 0 {
            return Err(range("StartIndex cannot be less than zero.", "startIndex"));
        }
        if start > length {
            let message = "startIndex cannot be larger than length of string.";
            return Err(range(message, "startIndex"));
        }
        if count < 0 {
            return Err(range("Length cannot be less than zero.", "length"));
        }
        if start > length - count {
            let message = "Index and length must refer to a location within the string.";
            return Err(range(message, "length"));
        }
        let part = part_of(text, start, count, "length")?;
        cx.string(part)
    }),
];

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Text.StringBuilder",
    kind: Kind::Class,
    bases: &[],
    docs: "Text that grows.",
    members: &joined::<{ VALUES.len() + REST.len() }>(VALUES, REST),
    refused: &[super::decl::refused("GetChunks", "chunks of memory have no use in a policy")],
};
