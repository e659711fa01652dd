//! `System.Array` and arrays.

use super::super::decl::{Kind, Member, TypeDecl, joined, m, refused};
use super::super::object::required;
use super::super::{Numeric, Ty};
use super::{Run, array_order, array_search, converted, copy_to, index_int, range, read_only};
use crate::eval::{Args, Cx, default_value, null_argument};
use crate::state::{Object, SLOT_COST, Shared, confusion};
use crate::types::is_assignable;
use crate::{Exception, ExceptionKind, Value};

const UNTYPED: &str = "a comparer without a type cannot be named; `Comparer<T>` can";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Array<T>",
    kind: Kind::Class,
    bases: &["IList<T>", "IReadOnlyList<T>"],
    docs: "An array.",
    members: &joined::<{ OWN.len() + array_search::MEMBERS.len() + array_order::MEMBERS.len() }>(
        OWN,
        &joined::<{ array_search::MEMBERS.len() + array_order::MEMBERS.len() }>(
            array_search::MEMBERS,
            array_order::MEMBERS,
        ),
    ),
    refused: &[
        refused("CreateInstance", "types as values are not in policy expressions"),
        refused(
            "static int BinarySearch(Array array, int index, int length, object value, IComparer comparer)",
            UNTYPED,
        ),
        refused("static int BinarySearch(Array array, object value, IComparer comparer)", UNTYPED),
        refused("static void Sort(Array array, IComparer comparer)", UNTYPED),
        refused(
            "static void Sort(Array array, int index, int length, IComparer comparer)",
            UNTYPED,
        ),
        refused("static void Sort(Array keys, Array items, IComparer comparer)", UNTYPED),
        refused(
            "static void Sort(Array keys, Array items, int index, int length, IComparer comparer)",
            UNTYPED,
        ),
    ],
};

/// The index that `GetLength` and its like take: of the one dimension.
fn dimension(a: &Args<'_>, message: &str) -> Result<(), Exception> {
    if a.int(1) == 0 {
        return Ok(());
    }
    Err(Exception::new(ExceptionKind::IndexOutOfRange, message))
}

pub(super) const OUTSIDE: &str = "Index was outside the bounds of the array.";
const UNPROVEN: &str = "Array.ConstrainedCopy will only work on array types that are provably compatible, without any form of boxing, unboxing, widening, or casting of each array element.  Change the array types (i.e., copy a Derived[] to a Base[]), or use a mitigation strategy in the CER for Array.Copy's less powerful reliability contract, such as cloning the array or throwing away the potentially corrupt destination array.";
const DIMENSIONS: &str = "Array does not have that many dimensions.";

const OWN: &[Member] = &[
    m("int Length", "How many items there are.", length),
    m("long LongLength", "How many items there are.", |cx, a| {
        Ok(Value::Long(i64::from(size(cx, a.get(0)))))
    }),
    m("int Rank", "The number of dimensions: 1.", |_, _| Ok(Value::Int(1))),
    m("bool IsFixedSize", "Whether its length is fixed: it is.", |_, _| Ok(Value::Bool(true))),
    m("bool IsReadOnly", "Whether items cannot be set: they can.", |_, _| Ok(Value::Bool(false))),
    m("bool IsSynchronized", "Whether threads may share it.", |_, _| Ok(Value::Bool(false))),
    m("object SyncRoot", "The array itself.", |_, a| Ok(a.value(0))),
    m("int GetLength(int dimension)", "How many items there are.", |cx, a| {
        dimension(a, OUTSIDE)?;
        length(cx, a)
    }),
    m("long GetLongLength(int dimension)", "How many items there are.", |cx, a| {
        dimension(a, OUTSIDE)?;
        Ok(Value::Long(i64::from(size(cx, a.get(0)))))
    }),
    m("int GetLowerBound(int dimension)", "The first index: 0.", |_, a| {
        dimension(a, DIMENSIONS)?;
        Ok(Value::Int(0))
    }),
    m("int GetUpperBound(int dimension)", "The last index.", |cx, a| {
        dimension(a, DIMENSIONS)?;
        Ok(Value::Int(size(cx, a.get(0)) - 1))
    }),
    m("object Clone()", "A copy.", |cx, a| {
        let array = a.value(0);
        let item = item_type(cx, &array);
        let items = cx.collect(&array)?;
        cx.state.array(item, items)
    }),
    m("void Initialize()", "Does nothing to arrays of built-in types.", |_, _| Ok(Value::Null)),
    m("object GetValue(int index)", "An item.", |cx, a| cx.array_get(a.get(0), a.long(1))),
    m("object GetValue(long index)", "An item.", |cx, a| {
        small(a.long(1), "index")?;
        cx.array_get(a.get(0), a.long(1))
    }),
    m("object GetValue(params int[] indices)", "An item.", |cx, a| {
        let index = only_index(cx, a, 1)?;
        cx.array_get(a.get(0), index)
    }),
    m("object GetValue(params long[] indices)", "An item.", |cx, a| {
        let index = only_index(cx, a, 1)?;
        small(index, "index")?;
        cx.array_get(a.get(0), index)
    }),
    m("object GetValue(int index1, int index2)", "An exception: there are no such arrays.", two),
    m("object GetValue(long index1, long index2)", "An exception: as above.", |cx, a| {
        all_small(a, 1, 2)?;
        two(cx, a)
    }),
    m("object GetValue(int index1, int index2, int index3)", "An exception: as above.", three),
    m("object GetValue(long index1, long index2, long index3)", "As above.", |cx, a| {
        all_small(a, 1, 3)?;
        three(cx, a)
    }),
    m("void SetValue(object value, int index1, int index2)", "An exception: as above.", two),
    m("void SetValue(object value, long index1, long index2)", "As above.", |cx, a| {
        all_small(a, 2, 2)?;
        two(cx, a)
    }),
    m("void SetValue(object value, int index1, int index2, int index3)", "As above.", three),
    m(
        "void SetValue(object value, long index1, long index2, long index3)",
        "As above.",
        |cx, a| {
            all_small(a, 2, 3)?;
            three(cx, a)
        },
    ),
    m("void SetValue(object value, int index)", "Sets an item.", |cx, a| {
        let index = a.long(2);
        set_value(cx, a, index)
    }),
    m("void SetValue(object value, long index)", "Sets an item.", |cx, a| {
        let index = a.long(2);
        small(index, "index")?;
        set_value(cx, a, index)
    }),
    m("void SetValue(object value, params int[] indices)", "Sets an item.", |cx, a| {
        let index = only_index(cx, a, 2)?;
        small(index, "index")?;
        set_value(cx, a, index)
    }),
    m("void SetValue(object value, params long[] indices)", "Sets an item.", |cx, a| {
        let index = only_index(cx, a, 2)?;
        small(index, "index")?;
        set_value(cx, a, index)
    }),
    m("void CopyTo(T[] array, int index)", "Copies all items.", copy_to),
    m("void CopyTo(Array array, int index)", "Copies all items.", copy_all),
    m("void CopyTo(Array array, long index)", "Copies all items.", |cx, a| {
        small(a.long(2), "index")?;
        copy_all(cx, a)
    }),
    m("IEnumerator GetEnumerator()", "A walk over the items.", super::enumerator::start),
    m("static U[] Empty<U>()", "An array without items.", |cx, a| {
        cx.state.shared(Shared::Array, a.ty(0))
    }),
    m(
        "static void Copy(Array sourceArray, Array destinationArray, int length)",
        "Copies items.",
        |cx, a| copy_items(cx, (a.get(0), 0), (a.get(1), 0), a.long(2)),
    ),
    m(
        "static void Copy(Array sourceArray, Array destinationArray, long length)",
        "Copies items.",
        |cx, a| {
            small(a.long(2), "length")?;
            copy_items(cx, (a.get(0), 0), (a.get(1), 0), a.long(2))
        },
    ),
    m(
        "static void Copy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)",
        "Copies items.",
        |cx, a| copy_items(cx, (a.get(0), a.long(1)), (a.get(2), a.long(3)), a.long(4)),
    ),
    m(
        "static void Copy(Array sourceArray, long sourceIndex, Array destinationArray, long destinationIndex, long length)",
        "Copies items.",
        |cx, a| {
            for (index, name) in [(1, "sourceIndex"), (3, "destinationIndex"), (4, "length")] {
                small(a.long(index), name)?;
            }
            copy_items(cx, (a.get(0), a.long(1)), (a.get(2), a.long(3)), a.long(4))
        },
    ),
    m(
        "static void ConstrainedCopy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)",
        "Copies items, all or none.",
        |cx, a| {
            let (source, target) = (a.value(0), a.value(2));
            if !source.is_null() && !target.is_null() {
                let (from, to) = (item_type(cx, &source), item_type(cx, &target));
                if from != to && !(from.is_reference() && is_assignable(&from, &to)) {
                    return Err(Exception::new(ExceptionKind::ArrayTypeMismatch, UNPROVEN));
                }
            }
            copy_items(cx, (&source, a.long(1)), (&target, a.long(3)), a.long(4))
        },
    ),
    m(
        "static void Clear(Array array, int index, int length)",
        "Sets items to their default.",
        clear,
    ),
    m("static void Resize<U>(ref U[] array, int newSize)", "A copy of another length.", resize),
    m("static void Fill<U>(U[] array, U value)", "Sets all items.", fill),
    m(
        "static void Fill<U>(U[] array, U value, int startIndex, int count)",
        "Sets some items.",
        fill,
    ),
    m(
        "static void ForEach<U>(U[] array, Action<U> action)",
        "Calls a function for each.",
        |cx, a| {
            let (array, action) = (required(a, 0, "array")?, required(a, 1, "action")?);
            cx.each(&array, &mut |cx, item| cx.invoke(&action, &[item]).map(|_| true))?;
            Ok(Value::Null)
        },
    ),
    m(
        "static V[] ConvertAll<U, V>(U[] array, Converter<U, V> converter)",
        "An array of what a function makes of each item.",
        |cx, a| {
            required(a, 0, "array")?;
            let made = converted(cx, a)?;
            cx.state.array(a.ty(1).clone(), made)
        },
    ),
    m("static ReadOnlyCollection<U> AsReadOnly<U>(U[] array)", "A view of it.", |cx, a| {
        let (array, item) = (required(a, 0, "array")?, a.ty(0).clone());
        read_only(cx, &item, array)
    }),
];

/// Refuses an index that is no `int`.
fn small(index: i64, name: &str) -> Result<(), Exception> {
    if i32::try_from(index).is_ok() {
        return Ok(());
    }
    let message = format!("Arrays larger than 2GB are not supported. (Parameter '{name}')");
    Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message))
}

/// The same for `index1` and those after it.
fn all_small(a: &Args<'_>, first: usize, count: usize) -> Result<(), Exception> {
    (0..count).try_for_each(|n| small(a.long(first + n), &format!("index{}", n + 1)))
}

fn two(_: &mut Cx<'_>, _: &mut Args<'_>) -> Run {
    Err(Exception::new(ExceptionKind::Argument, "Array was not a two-dimensional array."))
}

fn three(_: &mut Cx<'_>, _: &mut Args<'_>) -> Run {
    Err(Exception::new(ExceptionKind::Argument, "Array was not a three-dimensional array."))
}

/// The number of items.
pub(super) fn size(cx: &Cx<'_>, array: &Value) -> i32 {
    index_int(cx.known_length(array).unwrap_or_default())
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn length(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    Ok(Value::Int(size(cx, a.get(0))))
}

/// `CopyTo` an array of any type.
fn copy_all(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let count = i64::from(size(cx, a.get(0)));
    copy_items(cx, (a.get(0), 0), (a.get(1), a.long(2)), count)
}

/// The item type of an array.
pub(in crate::types) fn item_type(cx: &Cx<'_>, array: &Value) -> Ty {
    match cx.state.type_of(array) {
        Ty::Array(item) => (*item).clone(),
        _ => Ty::OBJECT,
    }
}

/// The index in an array of indices, one for each dimension.
fn only_index(cx: &mut Cx<'_>, a: &Args<'_>, at: usize) -> Result<i64, Exception> {
    let indices = required(a, at, "indices")?;
    match cx.collect(&indices)?.as_slice() {
        [only] => Ok(only.as_int().unwrap_or_default()),
        _ => Err(Exception::new(
            ExceptionKind::Argument,
            "Indices length does not match the array rank.",
        )),
    }
}

/// A value as an item of an array, as copies and `SetValue` convert: numbers widen, null is the default of a value type.
fn stored(cx: &Cx<'_>, value: Value, item: &Ty) -> Option<Value> {
    if value.is_null() {
        return Some(default_value(item));
    }
    if cx.is_instance(&value, item) {
        return Some(value);
    }
    let to = item.numeric()?;
    let value = match value {
        Value::Enum(id, number) if Ty::Named(id).is_enum() => Value::Int(number),
        other => other,
    };
    let from = cx.state.type_of(&value).numeric()?;
    let primitive = to != crate::types::Numeric::Decimal && from.widens_to(to);
    primitive.then(|| crate::eval::convert_number(&value, to, true).ok()).flatten()
}

fn set_value(cx: &mut Cx<'_>, a: &Args<'_>, index: i64) -> Run {
    let (array, value) = (a.value(0), a.value(1));
    cx.array_get(&array, index)?;
    let item = item_type(cx, &array);
    let given = cx.state.type_of(&value);
    let number = |ty: &Ty| ty.numeric().is_some_and(|number| number != Numeric::Decimal);
    let primitive = |ty: &Ty| number(ty) || *ty == Ty::BOOL;
    let Some(value) = stored(cx, value, &item) else {
        return Err(if primitive(&item) && primitive(&given) {
            Exception::new(
                ExceptionKind::Argument,
                "Cannot widen from source type to target type either because the source type is a not a primitive type or the conversion cannot be accomplished.",
            )
        } else {
            Exception::new(
                ExceptionKind::InvalidCast,
                "Object cannot be stored in an array of this type.",
            )
        });
    };
    cx.array_set(&array, index, value)?;
    Ok(Value::Null)
}

/// Puts other items into an array of the same length.
pub(super) fn store(cx: &mut Cx<'_>, array: &Value, items: Vec<Value>) -> Run {
    store_from(cx, array, 0, items)
}

/// Puts items into an array from a place on.
pub(super) fn store_from(cx: &mut Cx<'_>, array: &Value, start: i64, items: Vec<Value>) -> Run {
    cx.step(items.len() as u64 / 4)?;
    for (index, item) in (start..).zip(items) {
        cx.array_set(array, index, item)?;
    }
    Ok(Value::Null)
}

/// What `CopyTo` of lists and arrays says of its target.
pub(super) fn check_target(
    cx: &Cx<'_>,
    target: &Value,
    start: i64,
    n: usize,
) -> Result<(), Exception> {
    if target.is_null() {
        return Err(null_argument("destinationArray"));
    }
    if start < 0 {
        let message = "Number was less than the array's lower bound in the first dimension.";
        return Err(range(message, "destinationIndex"));
    }
    if start.saturating_add(i64::from(index_int(n))) > i64::from(size(cx, target)) {
        let message = "Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    Ok(())
}

/// Copies items from one array or list to another, from places on.
pub(super) fn copy_items(
    cx: &mut Cx<'_>,
    (source, from): (&Value, i64),
    (target, to): (&Value, i64),
    count: i64,
) -> Run {
    if source.is_null() || target.is_null() {
        let name = if source.is_null() { "sourceArray" } else { "destinationArray" };
        return Err(null_argument(name));
    }
    let n = usize::try_from(count).map_err(|_| range("Non-negative number required.", "length"))?;
    if from < 0 {
        let message = "Number was less than the array's lower bound in the first dimension.";
        return Err(range(message, "sourceIndex"));
    }
    if to < 0 {
        check_target(cx, target, to, n)?;
    }
    let size = i64::from(index_int(cx.known_length(source).unwrap_or_default()));
    if from.saturating_add(count) > size {
        let message = "Source array was not long enough. Check the source index, length, and the array's lower bounds. (Parameter 'sourceArray')";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    check_target(cx, target, to, n)?;
    let item = item_type(cx, target);
    let own = cx.state.type_of(source).item().unwrap_or(Ty::OBJECT);
    if !convertible(&own, &item) {
        let message = "Source array type cannot be assigned to destination array type.";
        return Err(Exception::new(ExceptionKind::ArrayTypeMismatch, message));
    }
    cx.step(n as u64)?;
    cx.charge(n.saturating_mul(SLOT_COST))?;
    let mut items = Vec::new();
    for index in from..from + count {
        items.push(match cx.object_of(source) {
            Some(Object::List { items, .. }) => {
                usize::try_from(index).ok().and_then(|index| items.get(index)).cloned()
            }
            _ => Some(cx.array_get(source, index)?),
        });
    }
    for (index, value) in (to..).zip(items) {
        let value = value.ok_or_else(confusion)?;
        let value =
            if value.is_null() && !item.takes_null() { None } else { stored(cx, value, &item) };
        let value = value.ok_or_else(|| {
            let message = "At least one element in the source array could not be cast down to the destination array type.";
            Exception::new(ExceptionKind::InvalidCast, message)
        })?;
        cx.array_set(target, index, value)?;
    }
    Ok(Value::Null)
}

/// Whether items of one type may be copied to an array of another.
fn convertible(from: &Ty, to: &Ty) -> bool {
    if is_assignable(from, to) || from.is_reference() && is_assignable(to, from) {
        return true;
    }
    match (from.numeric(), to.numeric()) {
        (Some(from), Some(to)) => to != crate::types::Numeric::Decimal && from.widens_to(to),
        _ => false,
    }
}

fn clear(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let array = required(a, 0, "array")?;
    let (start, count) = (a.long(1), a.long(2));
    let end = start.saturating_add(count);
    if start < 0 || count < 0 || end > i64::from(size(cx, &array)) {
        return Err(Exception::new(ExceptionKind::IndexOutOfRange, OUTSIDE));
    }
    cx.step(count.unsigned_abs())?;
    let default = default_value(&item_type(cx, &array));
    for index in start..end {
        cx.array_set(&array, index, default.clone())?;
    }
    Ok(Value::Null)
}

fn resize(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(wanted) = usize::try_from(a.long(1)) else {
        return Err(range("Non-negative number required.", "newSize"));
    };
    let array = a.value(0);
    let mut items = if array.is_null() { Vec::new() } else { cx.collect(&array)? };
    if !array.is_null() && items.len() == wanted {
        return Ok(Value::Null);
    }
    cx.charge(wanted.saturating_mul(SLOT_COST))?;
    cx.step(wanted as u64 / 16)?;
    items.resize(wanted, default_value(a.ty(0)));
    let made = cx.state.array(a.ty(0).clone(), items)?;
    a.set(0, made);
    Ok(Value::Null)
}

fn fill(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (array, value) = (required(a, 0, "array")?, a.value(1));
    let length = cx.known_length(&array).unwrap_or_default();
    let window = super::window(a, 2, a.len() - 2, length)?;
    cx.step((window.end - window.start) as u64)?;
    for index in window.start..window.end {
        cx.array_set(&array, i64::from(index_int(index)), value.clone())?;
    }
    Ok(Value::Null)
}
