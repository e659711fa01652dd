//! Methods that give some of the items, and those that add items.

use super::{Run, lazy, reach, source};
use crate::Value;
use crate::eval::{Args, Cx, Source, default_value};
use crate::state::Shared;
use crate::types::decl::{Member, m};
use crate::types::object::required;

fn filtered(cx: &mut Cx<'_>, a: &Args<'_>, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "predicate")?);
    if !indexed && reach::is_empty_array(cx, &from) {
        return cx.state.shared(Shared::Sequence, a.ty(0));
    }
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

/// The places that `Take` and `Skip` leave.
enum Part {
    Take,
    Skip,
}

/// `Take` and `Skip`. What `Select` makes of items that can be reached alone is not made of the others, and what is
/// ordered is not put in order.
fn part(cx: &mut Cx<'_>, a: &Args<'_>, from: &Value, count: i64, which: &Part) -> Run {
    if let (Part::Take, ..=0) = (which, count) {
        return cx.state.shared(Shared::Sequence, a.ty(0));
    }
    if cx.state.is_shared_sequence(from) {
        return Ok(from.clone());
    }
    if let (Part::Skip, ..=0) = (which, count)
        && reach::is_iterator(cx, from)
    {
        return Ok(from.clone());
    }
    if let Some(length) = reach::compared_length(cx, from)
        && count >= length
    {
        return match which {
            Part::Take => Ok(from.clone()),
            Part::Skip => cx.state.shared(Shared::Sequence, a.ty(0)),
        };
    }
    if let Some((from, function)) = reach::selected(cx, from) {
        let rest = part(cx, a, &from, count, which)?;
        return lazy(cx, a.ty(0), Source::Select { from: rest, function, indexed: false });
    }
    let count = count.max(0);
    let made = match (which, reach::lazy_source(cx, from)) {
        (Part::Take, Some(Source::Order(from, keys, part))) => {
            let end = part.end.min(part.start.saturating_add(count));
            Source::Order(from.clone(), keys.clone(), part.start..end)
        }
        (Part::Skip, Some(Source::Order(from, keys, part))) => {
            let start = part.start.saturating_add(count);
            if start >= part.end {
                return cx.state.shared(Shared::Sequence, a.ty(0));
            }
            Source::Order(from.clone(), keys.clone(), start..part.end)
        }
        (Part::Skip, Some(Source::Take(_, taken))) if count >= *taken => {
            return cx.state.shared(Shared::Sequence, a.ty(0));
        }
        (Part::Take, _) => Source::Take(from.clone(), count),
        (Part::Skip, _) => Source::Skip(from.clone(), count),
    };
    lazy(cx, a.ty(0), made)
}

/// `TakeLast` and `SkipLast`, without a walk over what is not asked for.
fn from_end(cx: &mut Cx<'_>, a: &Args<'_>, make: fn(Value, usize) -> Source, which: &Part) -> Run {
    let from = source(a)?;
    match usize::try_from(a.long(1)) {
        Ok(count) if count > 0 => lazy(cx, a.ty(0), make(from, count)),
        _ => part(cx, a, &from, 0, which),
    }
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
            let from = source(a)?;
            part(cx, a, &from, a.long(1), &Part::Take)
        },
    ),
    m(
        "static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)",
        "All but the first items.",
        |cx, a| {
            let from = source(a)?;
            part(cx, a, &from, a.long(1), &Part::Skip)
        },
    ),
    m(
        "static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)",
        "The last items.",
        |cx, a| from_end(cx, a, Source::TakeLast, &Part::Take),
    ),
    m(
        "static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)",
        "All but the last items.",
        |cx, a| from_end(cx, a, Source::SkipLast, &Part::Skip),
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
