//! `OrderBy`, `ThenBy` and their like.

use super::reach::lazy_source;
use super::{Run, source};
use crate::eval::{Args, Cx, SortKey, Source};
use crate::state::confusion;
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::types::{Ty, TypeId};
use crate::{Exception, Value};

fn key(a: &Args<'_>, descending: bool) -> Result<SortKey, Exception> {
    Ok(SortKey { function: required(a, 1, "keySelector")?, descending, comparer: a.value(2) })
}

fn ordered(cx: &mut Cx<'_>, a: &Args<'_>, from: Value, keys: Vec<SortKey>) -> Run {
    let ty = Ty::generic(TypeId::IOrderedEnumerable, [a.ty(0).clone()]);
    cx.sequence(ty, Source::Order(from, keys, 0..i64::MAX))
}

fn order(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> Run {
    let from = source(a)?;
    ordered(cx, a, from, vec![key(a, descending)?])
}

fn then_by(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> Run {
    let (from, key) = (source(a)?, key(a, descending)?);
    let Some(Source::Order(from, keys, _)) = lazy_source(cx, &from) else {
        return Err(confusion());
    };
    let (from, mut keys) = (from.clone(), keys.clone());
    keys.push(key);
    ordered(cx, a, from, keys)
}

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "In order of a key.",
        |cx, a| order(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        "In order of a key.",
        |cx, a| order(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        "In reverse order of a key.",
        |cx, a| order(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        "In reverse order of a key.",
        |cx, a| order(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        "Then in order of a key.",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        "Then in order of a key.",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        "Then in reverse order of a key.",
        |cx, a| then_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        "Then in reverse order of a key.",
        |cx, a| then_by(cx, a, true),
    ),
];
