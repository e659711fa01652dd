//! The members of `System.Array` that order items or rely on their order.

use std::ops::Range;

use super::super::decl::{Member, m};
use super::super::object::required;
use super::array::store;
use super::{Run, bad_part, binary_search, order_by, part, sort};
use crate::eval::{Args, Cx, Order};
use crate::{Exception, Value};

pub(super) const MEMBERS: &[Member] = &[
    m("static void Reverse<U>(U[] array)", "Turns the order round.", |cx, a| reverse(cx, a)),
    m(
        "static void Reverse<U>(U[] array, int index, int length)",
        "Turns the order of a part round.",
        |cx, a| reverse(cx, a),
    ),
    m("static void Sort<U>(U[] array)", "Sorts.", |cx, a| sort_array(cx, a, Order::Default)),
    m(
        "static void Sort<U>(U[] array, IComparer<U> comparer)",
        "Sorts with a comparer.",
        |cx, a| {
            let comparer = a.value(1);
            sort_array(cx, a, order_by(&comparer))
        },
    ),
    m("static void Sort<U>(U[] array, Comparison<U> comparison)", "Sorts by one.", |cx, a| {
        required(a, 0, "array")?;
        let comparison = required(a, 1, "comparison")?;
        sort_array(cx, a, Order::Comparison(&comparison))
    }),
    m("static void Sort<U>(U[] array, int index, int length)", "Sorts a part.", |cx, a| {
        sort_range(cx, a, Order::Default)
    }),
    m(
        "static void Sort<U>(U[] array, int index, int length, IComparer<U> comparer)",
        "Sorts a part with a comparer.",
        |cx, a| {
            let comparer = a.value(3);
            sort_range(cx, a, order_by(&comparer))
        },
    ),
    m("static void Sort<U, V>(U[] keys, V[] items)", "Sorts items by keys.", |cx, a| {
        sort_both(cx, a, Order::Default, false)
    }),
    m(
        "static void Sort<U, V>(U[] keys, V[] items, IComparer<U> comparer)",
        "Sorts items by keys.",
        |cx, a| {
            let comparer = a.value(2);
            sort_both(cx, a, order_by(&comparer), false)
        },
    ),
    m(
        "static void Sort<U, V>(U[] keys, V[] items, int index, int length)",
        "Sorts some items by keys.",
        |cx, a| sort_both(cx, a, Order::Default, true),
    ),
    m(
        "static void Sort<U, V>(U[] keys, V[] items, int index, int length, IComparer<U> comparer)",
        "Sorts some items by keys.",
        |cx, a| {
            let comparer = a.value(4);
            sort_both(cx, a, order_by(&comparer), true)
        },
    ),
    m("static int BinarySearch<U>(U[] array, U value)", "The index in a sorted array.", |cx, a| {
        let wanted = a.value(1);
        search(cx, a, &wanted, &Value::Null, true)
    }),
    m(
        "static int BinarySearch<U>(U[] array, U value, IComparer<U> comparer)",
        "The index in a sorted array.",
        |cx, a| {
            let (wanted, comparer) = (a.value(1), a.value(2));
            search(cx, a, &wanted, &comparer, true)
        },
    ),
    m(
        "static int BinarySearch<U>(U[] array, int index, int length, U value)",
        "The index in a part of a sorted array.",
        |cx, a| {
            let wanted = a.value(3);
            search(cx, a, &wanted, &Value::Null, false)
        },
    ),
    m(
        "static int BinarySearch<U>(U[] array, int index, int length, U value, IComparer<U> comparer)",
        "The index in a part of a sorted array.",
        |cx, a| {
            let (wanted, comparer) = (a.value(3), a.value(4));
            search(cx, a, &wanted, &comparer, false)
        },
    ),
    m("static void Reverse(Array array)", "Turns the order round.", |cx, a| reverse(cx, a)),
    m("static void Reverse(Array array, int index, int length)", "That of a part.", |cx, a| {
        reverse(cx, a)
    }),
    m("static void Sort(Array array)", "Sorts.", |cx, a| sort_array(cx, a, Order::Default)),
    m("static void Sort(Array array, int index, int length)", "Sorts a part.", |cx, a| {
        sort_range(cx, a, Order::Default)
    }),
    m("static void Sort(Array keys, Array items)", "Sorts items by keys.", |cx, a| {
        sort_both(cx, a, Order::Default, false)
    }),
    m("static void Sort(Array keys, Array items, int index, int length)", "Some.", |cx, a| {
        sort_both(cx, a, Order::Default, true)
    }),
    m("static int BinarySearch(Array array, object value)", "The index in one.", |cx, a| {
        let wanted = a.value(1);
        search(cx, a, &wanted, &Value::Null, true)
    }),
    m(
        "static int BinarySearch(Array array, int index, int length, object value)",
        "The index in a part of a sorted array.",
        |cx, a| {
            let wanted = a.value(3);
            search(cx, a, &wanted, &Value::Null, false)
        },
    ),
];

fn reverse(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let array = required(a, 0, "array")?;
    let mut items = cx.collect(&array)?;
    let range = if a.len() > 1 { part(a, 1, items.len(), "length")? } else { 0..items.len() };
    items.get_mut(range).unwrap_or_default().reverse();
    store(cx, &array, items)
}

fn sort_in(
    cx: &mut Cx<'_>,
    array: &Value,
    mut items: Vec<Value>,
    range: Range<usize>,
    how: Order<'_>,
) -> Run {
    let keys = items.get(range.clone()).unwrap_or_default().to_vec();
    let (keys, _) = sort(cx, keys, Vec::new(), how)?;
    items.splice(range, keys);
    store(cx, array, items)
}

fn sort_array(cx: &mut Cx<'_>, a: &Args<'_>, how: Order<'_>) -> Run {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let all = 0..items.len();
    sort_in(cx, &array, items, all, how)
}

fn sort_range(cx: &mut Cx<'_>, a: &Args<'_>, how: Order<'_>) -> Run {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let range = part(a, 1, items.len(), "length")?;
    sort_in(cx, &array, items, range, how)
}

/// `Sort(keys, items, …)`: what is in `items` moves with its key.
fn sort_both(cx: &mut Cx<'_>, a: &Args<'_>, how: Order<'_>, partly: bool) -> Run {
    let keys = required(a, 0, "keys")?;
    let mut own = cx.collect(&keys)?;
    let range = if partly { part(a, 2, own.len(), "length")? } else { 0..own.len() };
    let items = a.value(1);
    if items.is_null() {
        return sort_in(cx, &keys, own, range, how);
    }
    let mut others = cx.collect(&items)?;
    if range.end > others.len() {
        return Err(bad_part());
    }
    let parts = |all: &[Value]| all.get(range.clone()).unwrap_or_default().to_vec();
    let (sorted, moved) = sort(cx, parts(&own), parts(&others), how)?;
    own.splice(range.clone(), sorted);
    others.splice(range, moved);
    store(cx, &keys, own)?;
    store(cx, &items, others)
}

fn search(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    wanted: &Value,
    comparer: &Value,
    whole: bool,
) -> Result<Value, Exception> {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let range = if whole { 0..items.len() } else { part(a, 1, items.len(), "length")? };
    let window = items.get(range.clone()).unwrap_or_default();
    binary_search(cx, window, range.start, wanted, order_by(comparer))
}
