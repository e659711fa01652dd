//! Methods that make other items, and those that make sequences of nothing.

use super::{Run, lazy, reach, source};
use crate::eval::{Args, Cx, Source};
use crate::state::Shared;
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::types::{RecordTy, Ty};
use crate::{Exception, ExceptionKind};

fn select(cx: &mut Cx<'_>, a: &Args<'_>, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "selector")?);
    if !indexed && (reach::is_empty_array(cx, &from) || cx.state.is_shared_sequence(&from)) {
        return cx.state.shared(Shared::Sequence, a.ty(1));
    }
    lazy(cx, a.ty(1), Source::Select { from, function, indexed })
}

fn select_many(cx: &mut Cx<'_>, a: &Args<'_>, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "selector")?);
    lazy(cx, a.ty(1), Source::SelectMany { from, function, indexed, result: None })
}

fn select_pairs(cx: &mut Cx<'_>, a: &Args<'_>, indexed: bool) -> Run {
    let (from, function) = (source(a)?, required(a, 1, "collectionSelector")?);
    let result = Some(required(a, 2, "resultSelector")?);
    lazy(cx, a.ty(2), Source::SelectMany { from, function, indexed, result })
}

#[cold]
fn bad_count() -> Exception {
    let message = "Specified argument was out of the range of valid values. (Parameter 'count')";
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "What a function makes of each item.",
        |cx, a| select(cx, a, false),
    ),
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)",
        "What a function makes of each item and its index.",
        |cx, a| select(cx, a, true),
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> selector)",
        "The items of the sequences a function makes.",
        |cx, a| select_many(cx, a, false),
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, int, IEnumerable<R>> selector)",
        "The items of the sequences a function makes of each item and its index.",
        |cx, a| select_many(cx, a, true),
    ),
    m(
        "static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)",
        "What a function makes of each item with each of its sequence.",
        |cx, a| select_pairs(cx, a, false),
    ),
    m(
        "static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, int, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)",
        "What a function makes of each item with each of its sequence.",
        |cx, a| select_pairs(cx, a, true),
    ),
    m("static IEnumerable<R> Cast<R>(this IEnumerable source)", "Each item cast.", |cx, a| {
        let from = source(a)?;
        if cx.is_instance(&from, &Ty::enumerable(a.ty(0).clone())) {
            return Ok(from);
        }
        lazy(cx, a.ty(0), Source::Cast(from, a.ty(0).clone()))
    }),
    m(
        "static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)",
        "What a function makes of pairs.",
        |cx, a| {
            let (first, second) = (required(a, 0, "first")?, required(a, 1, "second")?);
            let function = Some(required(a, 2, "resultSelector")?);
            lazy(cx, a.ty(2), Source::Zip { first, second, function, ty: Ty::OBJECT })
        },
    ),
    m(
        "static IEnumerable<(T, U)> Zip<T, U>(this IEnumerable<T> first, IEnumerable<U> second)",
        "Pairs of the items of both.",
        |cx, a| {
            let (first, second) = (required(a, 0, "first")?, required(a, 1, "second")?);
            let members =
                vec![("Item1".into(), a.ty(0).clone()), ("Item2".into(), a.ty(1).clone())];
            let ty = Ty::Record(RecordTy { tuple: true, members }.into());
            let source = Source::Zip { first, second, function: None, ty: ty.clone() };
            lazy(cx, &ty, source)
        },
    ),
    m("static IEnumerable<int> Range(int start, int count)", "Numbers in a row.", |cx, a| {
        let last = a.long(0).saturating_add(a.long(1)).saturating_sub(1);
        if a.long(1) < 0 || last > i64::from(i32::MAX) {
            return Err(bad_count());
        }
        if a.long(1) == 0 {
            return cx.state.shared(Shared::Sequence, &Ty::INT);
        }
        lazy(cx, &Ty::INT, Source::Range(a.long(0), a.long(1)))
    }),
    m("static IEnumerable<T> Repeat<T>(T element, int count)", "A value many times.", |cx, a| {
        if a.long(1) < 0 {
            return Err(bad_count());
        }
        if a.long(1) == 0 {
            return cx.state.shared(Shared::Sequence, a.ty(0));
        }
        let s = Source::Repeat(a.value(0), a.long(1));
        lazy(cx, a.ty(0), s)
    }),
    m("static IEnumerable<T> Empty<T>()", "Nothing.", |cx, a| {
        cx.state.shared(Shared::Sequence, a.ty(0))
    }),
];
