//! Methods that bring items together by keys: `GroupBy`, `ToLookup`, `Join`, `GroupJoin`.

use super::{Run, comparer, lazy, source};
use crate::Value;
use crate::collections::Comparer;
use crate::eval::{Args, Cx, Group, Join, Source};
use crate::types::collections::dictionary;
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::types::{Ty, TypeId};

/// Which functions a call of `GroupBy` has, and where: 0 is none.
struct Places {
    element: usize,
    result: usize,
    comparer: usize,
}

fn group_by(cx: &mut Cx<'_>, a: &Args<'_>, places: &Places) -> Run {
    let (from, key) = (source(a)?, required(a, 1, "keySelector")?);
    let function = |place: usize, name: &str| {
        if place == 0 { Ok(None) } else { required(a, place, name).map(Some) }
    };
    let element = function(places.element, "elementSelector")?;
    let result = function(places.result, "resultSelector")?;
    let how = if places.comparer == 0 { Comparer::Exact } else { comparer(a.get(places.comparer)) };
    let key_ty = a.ty(1).clone();
    let item_ty = if element.is_some() { a.ty(2).clone() } else { a.ty(0).clone() };
    let made = match (&result, &element) {
        (None, _) => Ty::generic(TypeId::IGrouping, [key_ty.clone(), item_ty.clone()]),
        (Some(_), None) => a.ty(2).clone(),
        (Some(_), Some(_)) => a.ty(3).clone(),
    };
    let group = Group { from, key, element, result, comparer: how, key_ty, item_ty };
    lazy(cx, &made, Source::Group(Box::new(group)))
}

fn to_lookup(cx: &mut Cx<'_>, a: &Args<'_>, element: bool, comparer_at: usize) -> Run {
    let (from, key) = (source(a)?, required(a, 1, "keySelector")?);
    let select = if element { Some(required(a, 2, "elementSelector")?) } else { None };
    let how = if comparer_at == 0 { Comparer::Exact } else { comparer(a.get(comparer_at)) };
    let (key_ty, item_ty) = (a.ty(1).clone(), a.ty(if element { 2 } else { 0 }).clone());
    let groups = cx.groups(&from, &key, select.as_ref(), how, false)?;
    let ty = Ty::generic(TypeId::IGrouping, [key_ty.clone(), item_ty.clone()]);
    let map = dictionary::empty(cx, &key_ty, &ty, how)?;
    let mut made = Vec::new();
    for (key, items) in groups.groups {
        let group = cx.grouping(&key_ty, &item_ty, key.clone(), items)?;
        dictionary::put(cx, &map, key, group.clone())?;
        made.push(group);
    }
    let items = lazy(cx, &ty, Source::Items(made))?;
    Ok(Value::record(Ty::generic(TypeId::ILookup, [key_ty, item_ty]), [map, items]))
}

fn join(cx: &mut Cx<'_>, a: &Args<'_>, grouped: bool) -> Run {
    let join = Join {
        outer: required(a, 0, "outer")?,
        inner: required(a, 1, "inner")?,
        outer_key: required(a, 2, "outerKeySelector")?,
        inner_key: required(a, 3, "innerKeySelector")?,
        result: required(a, 4, "resultSelector")?,
        comparer: comparer(a.get(5)),
        inner_ty: a.ty(1).clone(),
        grouped,
    };
    lazy(cx, a.ty(3), Source::Join(Box::new(join)))
}

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "Groups of items with a key in common.",
        |cx, a| group_by(cx, a, &Places { element: 0, result: 0, comparer: 0 }),
    ),
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        "Groups of items with a key in common.",
        |cx, a| group_by(cx, a, &Places { element: 0, result: 0, comparer: 2 }),
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        "Groups of values with a key in common.",
        |cx, a| group_by(cx, a, &Places { element: 2, result: 0, comparer: 0 }),
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, IEqualityComparer<K> comparer)",
        "Groups of values with a key in common.",
        |cx, a| group_by(cx, a, &Places { element: 2, result: 0, comparer: 3 }),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector)",
        "What a function makes of each group.",
        |cx, a| group_by(cx, a, &Places { element: 0, result: 2, comparer: 0 }),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector, IEqualityComparer<K> comparer)",
        "What a function makes of each group.",
        |cx, a| group_by(cx, a, &Places { element: 0, result: 2, comparer: 3 }),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector)",
        "What a function makes of each group of values.",
        |cx, a| group_by(cx, a, &Places { element: 2, result: 3, comparer: 0 }),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector, IEqualityComparer<K> comparer)",
        "What a function makes of each group of values.",
        |cx, a| group_by(cx, a, &Places { element: 2, result: 3, comparer: 4 }),
    ),
    m(
        "static ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "The items by key.",
        |cx, a| to_lookup(cx, a, false, 0),
    ),
    m(
        "static ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        "The items by key.",
        |cx, a| to_lookup(cx, a, false, 2),
    ),
    m(
        "static ILookup<K, E> ToLookup<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        "Values by key.",
        |cx, a| to_lookup(cx, a, true, 0),
    ),
    m(
        "static ILookup<K, E> ToLookup<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, IEqualityComparer<K> comparer)",
        "Values by key.",
        |cx, a| to_lookup(cx, a, true, 3),
    ),
    m(
        "static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector)",
        "What a function makes of pairs with a key in common.",
        |cx, a| join(cx, a, false),
    ),
    m(
        "static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector, IEqualityComparer<K> comparer)",
        "What a function makes of pairs with a key in common.",
        |cx, a| join(cx, a, false),
    ),
    m(
        "static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector)",
        "What a function makes of each item and those of the other with its key.",
        |cx, a| join(cx, a, true),
    ),
    m(
        "static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector, IEqualityComparer<K> comparer)",
        "What a function makes of each item and those of the other with its key.",
        |cx, a| join(cx, a, true),
    ),
];
