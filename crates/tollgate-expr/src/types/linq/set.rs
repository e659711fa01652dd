//! Methods that take sequences as sets.

use super::{Run, comparer, lazy, source};
use crate::Value;
use crate::collections::Comparer;
use crate::eval::{Args, Cx, Source};
use crate::types::decl::{Member, m};
use crate::types::object::required;

fn both(cx: &mut Cx<'_>, a: &Args<'_>, make: fn(Value, Value, Comparer) -> Source) -> Run {
    let (first, second) = (required(a, 0, "first")?, required(a, 1, "second")?);
    let made = make(first, second, comparer(a.get(2)));
    lazy(cx, a.ty(0), made)
}

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source)",
        "Without repetitions.",
        |cx, a| {
            let s = Source::Distinct(source(a)?, Comparer::Exact);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        "Without repetitions.",
        |cx, a| {
            let s = Source::Distinct(source(a)?, comparer(a.get(1)));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items of both, without repetitions.",
        |cx, a| both(cx, a, Source::Union),
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        "The items of both, without repetitions.",
        |cx, a| both(cx, a, Source::Union),
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items in both.",
        |cx, a| both(cx, a, Source::Intersect),
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        "The items in both.",
        |cx, a| both(cx, a, Source::Intersect),
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "The items not in the other.",
        |cx, a| both(cx, a, Source::Except),
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        "The items not in the other.",
        |cx, a| both(cx, a, Source::Except),
    ),
];
