//! Methods that give some of the items, and those that add items.

use super::{Run, is_indexed, lazy, lazy_source, source};
use crate::Value;
use crate::eval::{Args, Cx, Source, default_value};
use crate::types::decl::{Member, m};
use crate::types::object::required;

fn filtered(cx: &mut Cx<'_>, a: &Args<'_>, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "predicate")?);
    lazy(cx, a.ty(0), Source::Where { from, function, indexed })
}

fn while_true(cx: &mut Cx<'_>, a: &Args<'_>, take: bool, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "predicate")?);
    lazy(
        cx,
        a.ty(0),
        if take {
            Source::TakeWhile { from, function, indexed }
        } else {
            Source::SkipWhile { from, function, indexed }
        },
    )
}

/// `Skip`. What `Select` makes of a list is skipped without being made.
fn skip(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (from, count) = (source(a)?, a.long(1));
    let indexed = is_indexed(cx, &from);
    if indexed && let Some(Source::Select { from, function, .. }) = lazy_source(cx, &from) {
        let (from, function) = (from.clone(), function.clone());
        let rest = lazy(cx, a.ty(0), Source::Skip(from, count))?;
        return lazy(cx, a.ty(0), Source::Select { from: rest, function, indexed: false });
    }
    lazy(cx, a.ty(0), Source::Skip(from, count))
}

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The items that pass.",
        |cx, a| filtered(cx, a, false),
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        "The items that pass with their index.",
        |cx, a| filtered(cx, a, true),
    ),
    m(
        "static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)",
        "The first items.",
        |cx, a| {
            let s = Source::Take(source(a)?, a.long(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)",
        "All but the first items.",
        |cx, a| skip(cx, a),
    ),
    m(
        "static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)",
        "The last items.",
        |cx, a| {
            let s = Source::TakeLast(source(a)?, usize::try_from(a.long(1)).unwrap_or_default());
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)",
        "All but the last items.",
        |cx, a| {
            let s = Source::SkipLast(source(a)?, usize::try_from(a.long(1)).unwrap_or_default());
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Items as long as they pass.",
        |cx, a| while_true(cx, a, true, false),
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        "Items as long as they pass with their index.",
        |cx, a| while_true(cx, a, true, true),
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Items from the first that fails.",
        |cx, a| while_true(cx, a, false, false),
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        "Items from the first that fails with its index.",
        |cx, a| while_true(cx, a, false, true),
    ),
    m(
        "static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "One after the other.",
        |cx, a| {
            let s = Source::Concat(required(a, 0, "first")?, required(a, 1, "second")?);
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Append<T>(this IEnumerable<T> source, T element)",
        "With an item at the end.",
        |cx, a| {
            let s = Source::Append(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T element)",
        "With an item at the start.",
        |cx, a| {
            let s = Source::Prepend(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)",
        "A default when there are none.",
        |cx, a| {
            let s = Source::DefaultIfEmpty(source(a)?, default_value(a.ty(0)));
            lazy(cx, a.ty(0), s)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T defaultValue)",
        "A value when there are none.",
        |cx, a| {
            let s = Source::DefaultIfEmpty(source(a)?, a.value(1));
            lazy(cx, a.ty(0), s)
        },
    ),
    m("static IEnumerable<R> OfType<R>(this IEnumerable source)", "Those of a type.", |cx, a| {
        let s = Source::OfType(source(a)?, a.ty(0).clone());
        lazy(cx, a.ty(0), s)
    }),
    m("static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)", "In reverse.", |cx, a| {
        let s = Source::Reverse(source(a)?);
        lazy(cx, a.ty(0), s)
    }),
    m("static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source)", "Itself.", |_, a| {
        Ok::<Value, _>(a.value(0))
    }),
];
