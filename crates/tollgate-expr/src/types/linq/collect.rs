//! Methods that put the items into a collection, count them, or put them together.

use super::{Run, comparer, index_int, no_elements, reach, source};
use crate::collections::Comparer;
use crate::eval::{Args, Cx};
use crate::state::SLOT_COST;
use crate::types::Ty;
use crate::types::collections::dictionary;
use crate::types::collections::hash_set::new_set;
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::{Exception, Value};

/// The number of items, or of those that pass, by a walk over them.
fn count(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<i32, Exception> {
    let from = source(a)?;
    let test = if a.len() > 1 { Some(required(a, 1, "predicate")?) } else { None };
    let mut n: usize = 0;
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        let counts = match &test {
            Some(test) => cx.test(test, item)?,
            None => true,
        };
        n += usize::from(counts);
        Ok(true)
    })?;
    Ok(index_int(n))
}

fn to_set(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Run {
    let from = source(a)?;
    let items = cx.collect(&from)?;
    new_set(cx, a.ty(0), items, how)
}

fn to_dictionary(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    value_ty: &Ty,
    element: bool,
    how: Comparer,
) -> Run {
    let (from, key) = (source(a)?, required(a, 1, "keySelector")?);
    let select = if element { Some(required(a, 2, "elementSelector")?) } else { None };
    let map = dictionary::empty(cx, a.ty(1), value_ty, how)?;
    cx.each(&from, &mut |cx, item| {
        cx.charge(4 * SLOT_COST)?;
        let own = cx.invoke(&key, std::slice::from_ref(&item))?;
        let value = match &select {
            Some(select) => cx.invoke(select, &[item])?,
            None => item,
        };
        dictionary::insert(cx, &map, own, value)?;
        Ok(true)
    })?;
    Ok(map)
}

/// `Aggregate`: from a start, or from the first item.
fn aggregate(cx: &mut Cx<'_>, a: &Args<'_>, seed: Option<Value>, function: &Value) -> Run {
    let from = source(a)?;
    let mut total = seed;
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        total = Some(match total.take() {
            Some(total) => cx.invoke(function, &[total, item])?,
            None => item,
        });
        Ok(true)
    })?;
    total.ok_or_else(no_elements)
}

pub(super) const MEMBERS: &[Member] = &[
    m("static int Count<T>(this IEnumerable<T> source)", "How many items there are.", |cx, a| {
        let from = source(a)?;
        Ok(Value::Int(index_int(reach::count(cx, &from)?)))
    }),
    m(
        "static int Count<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "How many items pass.",
        |cx, a| Ok(Value::Int(count(cx, a)?)),
    ),
    m("static long LongCount<T>(this IEnumerable<T> source)", "How many there are.", |cx, a| {
        Ok(Value::Long(i64::from(count(cx, a)?)))
    }),
    m(
        "static long LongCount<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "How many items pass.",
        |cx, a| Ok(Value::Long(i64::from(count(cx, a)?))),
    ),
    m("static T[] ToArray<T>(this IEnumerable<T> source)", "An array of the items.", |cx, a| {
        let from = source(a)?;
        let items = cx.collect(&from)?;
        reach::to_array(cx, &from, a.ty(0), items)
    }),
    m("static List<T> ToList<T>(this IEnumerable<T> source)", "A list of the items.", |cx, a| {
        let from = source(a)?;
        reach::to_list(cx, &from, a.ty(0))
    }),
    m("static HashSet<T> ToHashSet<T>(this IEnumerable<T> source)", "A set of them.", |cx, a| {
        to_set(cx, a, Comparer::Exact)
    }),
    m(
        "static HashSet<T> ToHashSet<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        "A set of the items.",
        |cx, a| {
            let how = comparer(a.get(1));
            to_set(cx, a, how)
        },
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "A dictionary of the items.",
        |cx, a| {
            let ty = a.ty(0).clone();
            to_dictionary(cx, a, &ty, false, Comparer::Exact)
        },
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        "A dictionary of the items.",
        |cx, a| {
            let (ty, how) = (a.ty(0).clone(), comparer(a.get(2)));
            to_dictionary(cx, a, &ty, false, how)
        },
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector)",
        "A dictionary of values.",
        |cx, a| {
            let ty = a.ty(2).clone();
            to_dictionary(cx, a, &ty, true, Comparer::Exact)
        },
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector, IEqualityComparer<K> comparer)",
        "A dictionary of values.",
        |cx, a| {
            let (ty, how) = (a.ty(2).clone(), comparer(a.get(3)));
            to_dictionary(cx, a, &ty, true, how)
        },
    ),
    m(
        "static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> func)",
        "All items put together.",
        |cx, a| {
            source(a)?;
            let function = required(a, 1, "func")?;
            aggregate(cx, a, None, &function)
        },
    ),
    m(
        "static R Aggregate<T, R>(this IEnumerable<T> source, R seed, Func<R, T, R> func)",
        "All items put together, from a start.",
        |cx, a| {
            source(a)?;
            let (seed, function) = (a.value(1), required(a, 2, "func")?);
            aggregate(cx, a, Some(seed), &function)
        },
    ),
    m(
        "static S Aggregate<T, R, S>(this IEnumerable<T> source, R seed, Func<R, T, R> func, Func<R, S> resultSelector)",
        "What a function makes of all items put together.",
        |cx, a| {
            source(a)?;
            let (seed, function) = (a.value(1), required(a, 2, "func")?);
            let result = required(a, 3, "resultSelector")?;
            let total = aggregate(cx, a, Some(seed), &function)?;
            cx.invoke(&result, &[total])
        },
    ),
];
