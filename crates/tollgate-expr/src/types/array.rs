//! `System.Array` and arrays.

use super::Ty;
use super::decl::{Kind, TypeDecl, m};
use super::object::required;
use crate::eval::{Args, Cx, null_argument};
use crate::state::{Object, confusion};
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Array<T>",
    kind: Kind::Class,
    bases: &["IList<T>", "IReadOnlyList<T>"],
    docs: "An array.",
    members: &[
        m("int Length", "How many items there are.", length),
        m("long LongLength", "How many items there are.", |cx, a| {
            Ok(Value::Long(i64::from(index_int(cx.known_length(a.get(0)).unwrap_or_default()))))
        }),
        m("int Rank", "The number of dimensions: 1.", |_, _| Ok(Value::Int(1))),
        m("object Clone()", "A copy.", |cx, a| {
            let array = a.value(0);
            let item = item_type(cx, &array);
            let items = cx.collect(&array)?;
            cx.state.array(item, items)
        }),
        m("object GetValue(int index)", "An item.", |cx, a| cx.array_get(a.get(0), a.long(1))),
        m("void CopyTo(T[] array, int index)", "Copies all items.", |cx, a| {
            let items = cx.collect(&a.value(0))?;
            let target = required(a, 1, "array")?;
            for (place, item) in (a.long(2)..).zip(items) {
                cx.array_set(&target, place, item)?;
            }
            Ok(Value::Null)
        }),
        m(
            "static bool Exists<U>(U[] array, Predicate<U> match)",
            "Whether an item passes.",
            |cx, a| Ok(Value::Bool(find(cx, a)?.is_some())),
        ),
        m(
            "static U Find<U>(U[] array, Predicate<U> match)",
            "The first item that passes.",
            |cx, a| {
                let default = crate::eval::default_value(a.ty(0));
                Ok(find(cx, a)?.map_or(default, |(_, item)| item))
            },
        ),
        m(
            "static int FindIndex<U>(U[] array, Predicate<U> match)",
            "The index of the first item that passes, or -1.",
            |cx, a| Ok(Value::Int(find(cx, a)?.map_or(-1, |(index, _)| index))),
        ),
        m(
            "static U[] FindAll<U>(U[] array, Predicate<U> match)",
            "The items that pass.",
            |cx, a| {
                let (array, test) = (required(a, 0, "array")?, a.value(1));
                let mut found = Vec::new();
                for item in cx.collect(&array)? {
                    if cx.test(&test, item.clone())? {
                        found.push(item);
                    }
                }
                cx.state.array(a.ty(0).clone(), found)
            },
        ),
        m(
            "static bool TrueForAll<U>(U[] array, Predicate<U> match)",
            "Whether all pass.",
            |cx, a| {
                let (array, test) = (required(a, 0, "array")?, a.value(1));
                for item in cx.collect(&array)? {
                    if !cx.test(&test, item)? {
                        return Ok(Value::Bool(false));
                    }
                }
                Ok(Value::Bool(true))
            },
        ),
        m(
            "static void ForEach<U>(U[] array, Action<U> action)",
            "Calls a function for each.",
            |cx, a| {
                let (array, action) = (required(a, 0, "array")?, a.value(1));
                for item in cx.collect(&array)? {
                    cx.invoke(&action, &[item])?;
                }
                Ok(Value::Null)
            },
        ),
        m(
            "static V[] ConvertAll<U, V>(U[] array, Converter<U, V> converter)",
            "An array of what a function makes of each item.",
            |cx, a| {
                let (array, convert) = (required(a, 0, "array")?, a.value(1));
                let mut made = Vec::new();
                for item in cx.collect(&array)? {
                    made.push(cx.invoke(&convert, &[item])?);
                }
                cx.state.array(a.ty(1).clone(), made)
            },
        ),
        m("static int IndexOf<U>(U[] array, U value)", "The index of a value, or -1.", |cx, a| {
            let array = required(a, 0, "array")?;
            let items = cx.collect(&array)?;
            let found = items.iter().position(|item| super::object::equals(cx, item, a.get(1)));
            Ok(Value::Int(found.map_or(-1, index_int)))
        }),
        m(
            "static int LastIndexOf<U>(U[] array, U value)",
            "The last index of a value, or -1.",
            |cx, a| {
                let array = required(a, 0, "array")?;
                let items = cx.collect(&array)?;
                let found =
                    items.iter().rposition(|item| super::object::equals(cx, item, a.get(1)));
                Ok(Value::Int(found.map_or(-1, index_int)))
            },
        ),
        m("static void Reverse<U>(U[] array)", "Turns the order round.", |cx, a| {
            let array = required(a, 0, "array")?;
            let mut items = cx.collect(&array)?;
            items.reverse();
            store(cx, &array, items)
        }),
        m("static void Sort<U>(U[] array)", "Sorts.", |cx, a| {
            let array = required(a, 0, "array")?;
            let mut items = cx.collect(&array)?;
            super::collections::sort(cx, &mut items, None)?;
            store(cx, &array, items)
        }),
        m("static U[] Empty<U>()", "An array without items.", |cx, a| {
            cx.state.array(a.ty(0).clone(), Vec::new())
        }),
        m(
            "static void Copy<U>(U[] sourceArray, U[] destinationArray, int length)",
            "Copies items.",
            |cx, a| copy(cx, a, 0, 0, [0, 1, 2]),
        ),
        m(
            "static void Copy<U>(U[] sourceArray, int sourceIndex, U[] destinationArray, int destinationIndex, int length)",
            "Copies items.",
            |cx, a| {
                let (from, to) = (a.long(1), a.long(3));
                copy(cx, a, from, to, [0, 2, 4])
            },
        ),
        m(
            "static void Clear<U>(U[] array, int index, int length)",
            "Sets items to their default.",
            |cx, a| {
                let array = required(a, 0, "array")?;
                let default = crate::eval::default_value(a.ty(0));
                for index in a.long(1)..a.long(1).saturating_add(a.long(2)) {
                    cx.step(1)?;
                    cx.array_set(&array, index, default.clone())?;
                }
                Ok(Value::Null)
            },
        ),
    ],
    refused: &[],
};

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn length(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    Ok(Value::Int(index_int(cx.known_length(a.get(0)).unwrap_or_default())))
}

pub(super) fn index_int(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// The item type of an array.
pub(super) fn item_type(cx: &Cx<'_>, array: &Value) -> Ty {
    match cx.state.type_of(array) {
        Ty::Array(item) => (*item).clone(),
        _ => Ty::OBJECT,
    }
}

fn find(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<(i32, Value)>, Exception> {
    let array = required(a, 0, "array")?;
    let test = required(a, 1, "match")?;
    let mut index = 0;
    let mut found = None;
    cx.each(&array, &mut |cx, item| {
        if cx.test(&test, item.clone())? {
            found = Some((index, item));
            return Ok(false);
        }
        index += 1;
        Ok(true)
    })?;
    Ok(found)
}

fn store(cx: &mut Cx<'_>, array: &Value, items: Vec<Value>) -> Result<Value, Exception> {
    match array {
        Value::Object(id) => match cx.state.object_mut(*id) {
            Some(Object::Array { items: place, .. }) => *place = items,
            _ => return Err(confusion()),
        },
        other => {
            for (index, item) in (0i64..).zip(items) {
                cx.array_set(other, index, item)?;
            }
        }
    }
    Ok(Value::Null)
}

fn copy(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    from: i64,
    to: i64,
    places: [usize; 3],
) -> Result<Value, Exception> {
    let [source, target, count] = places;
    let length = a.long(count);
    let (source, target) = (a.get(source), a.get(target));
    if source.is_null() || target.is_null() {
        return Err(null_argument(if source.is_null() {
            "sourceArray"
        } else {
            "destinationArray"
        }));
    }
    if length < 0 || from < 0 || to < 0 {
        let message = "Non-negative number required.";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    let size = |value: &Value, cx: &Cx<'_>| {
        i64::from(index_int(cx.known_length(value).unwrap_or_default()))
    };
    if from.saturating_add(length) > size(source, cx) {
        let message = "Source array was not long enough. Check the source index, length, and the array's lower bounds. (Parameter 'sourceArray')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    if to.saturating_add(length) > size(target, cx) {
        let message = "Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    cx.step(length.unsigned_abs())?;
    let mut items = Vec::new();
    for index in from..from + length {
        items.push(cx.array_get(source, index)?);
    }
    for (index, item) in (to..).zip(items) {
        cx.array_set(target, index, item)?;
    }
    Ok(Value::Null)
}
