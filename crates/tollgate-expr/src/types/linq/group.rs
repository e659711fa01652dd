//! Methods that bring items together by keys: `GroupBy`, `ToLookup`, `Join`, `GroupJoin`.

use super::{Run, comparer, lazy, source};
use crate::Value;
use crate::eval::{Args, Cx, Group, Join, Source};
use crate::types::collections::dictionary;
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::types::{Ty, TypeId};

/// What a call makes of the items, beside their keys: how many functions it has, the comparer comes after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Makes {
    Groups,
    GroupsOfValues,
    Results,
    ResultsOfValues,
}

fn group_by(cx: &mut Cx<'_>, a: &Args<'_>, makes: Makes) -> Run {
    let (from, key) = (source(a)?, required(a, 1, "keySelector")?);
    let values = matches!(makes, Makes::GroupsOfValues | Makes::ResultsOfValues);
    let results = matches!(makes, Makes::Results | Makes::ResultsOfValues);
    let element = if values { Some(required(a, 2, "elementSelector")?) } else { None };
    let next = 2 + usize::from(values);
    let result = if results { Some(required(a, next, "resultSelector")?) } else { None };
    let comparer = comparer(a.get(next + usize::from(results)));
    let key_ty = a.ty(1).clone();
    let item_ty = a.ty(if values { 2 } else { 0 }).clone();
    let made = if results {
        a.ty(next).clone()
    } else {
        Ty::generic(TypeId::IGrouping, [key_ty.clone(), item_ty.clone()])
    };
    let group = Group { from, key, element, result, comparer, key_ty, item_ty };
    lazy(cx, &made, Source::Group(Box::new(group)))
}

fn to_lookup(cx: &mut Cx<'_>, a: &Args<'_>, makes: Makes) -> Run {
    let (from, key) = (source(a)?, required(a, 1, "keySelector")?);
    let values = makes == Makes::GroupsOfValues;
    let select = if values { Some(required(a, 2, "elementSelector")?) } else { None };
    let how = comparer(a.get(2 + usize::from(values)));
    let (key_ty, item_ty) = (a.ty(1).clone(), a.ty(if values { 2 } else { 0 }).clone());
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

/// Each member twice: as it is, and with a comparer of keys at its end.
macro_rules! keyed {
    ($($signature:literal, $docs:literal, $run:expr;)*) => {
        &[$(
            m(concat!("static ", $signature, ")"), $docs, $run),
            m(concat!("static ", $signature, ", IEqualityComparer<K> comparer)"), $docs, $run),
        )*]
    };
}

pub(super) const MEMBERS: &[Member] = keyed! {
    "IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector",
    "Groups of items with a key in common.",
    |cx, a| group_by(cx, a, Makes::Groups);

    "IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector",
    "Groups of values with a key in common.",
    |cx, a| group_by(cx, a, Makes::GroupsOfValues);

    "IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector",
    "What a function makes of each group.",
    |cx, a| group_by(cx, a, Makes::Results);

    "IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector",
    "What a function makes of each group of values.",
    |cx, a| group_by(cx, a, Makes::ResultsOfValues);

    "ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector",
    "The items by key.",
    |cx, a| to_lookup(cx, a, Makes::Groups);

    "ILookup<K, E> ToLookup<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector",
    "Values by key.",
    |cx, a| to_lookup(cx, a, Makes::GroupsOfValues);

    "IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector",
    "What a function makes of pairs with a key in common.",
    |cx, a| join(cx, a, false);

    "IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector",
    "What a function makes of each item and those of the other with its key.",
    |cx, a| join(cx, a, true);
};
