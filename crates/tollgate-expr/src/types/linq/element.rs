//! Methods that give one item, or say whether there is one.

use super::{Run, comparer, equal_by, holds, invalid, no_elements, reach, source};
use crate::eval::{Args, Cx, SortKey, Source, default_value};
use crate::types::decl::{Member, m};
use crate::types::object::required;
use crate::{Exception, ExceptionKind, Value};

/// The test of a call that has one.
fn predicate(a: &Args<'_>) -> Result<Option<Value>, Exception> {
    if a.len() > 1 { required(a, 1, "predicate").map(Some) } else { Ok(None) }
}

#[cold]
fn missing(a: &Args<'_>) -> Exception {
    if a.len() > 1 { invalid("Sequence contains no matching element") } else { no_elements() }
}

fn passes(cx: &mut Cx<'_>, test: Option<&Value>, item: &Value) -> Result<bool, Exception> {
    cx.step(1)?;
    match test {
        Some(test) => cx.test(test, item.clone()),
        None => Ok(true),
    }
}

/// The first item that passes the test, if there is one, as a walk comes to it.
fn any(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    let test = predicate(a)?;
    let mut found = None;
    cx.each(&from, &mut |cx, item| {
        if passes(cx, test.as_ref(), &item)? {
            found = Some(item);
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// The same as `First` gives it.
fn first(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    match predicate(a)? {
        None => reach::first(cx, &from),
        Some(test) => match whole_order(cx, &from) {
            Some((from, keys)) => cx.ordered_end(&from, &keys, Some(&test), false),
            None => any(cx, a),
        },
    }
}

/// The items and keys of what `OrderBy` gives, when all of it is there.
fn whole_order(cx: &Cx<'_>, from: &Value) -> Option<(Value, Vec<SortKey>)> {
    match reach::lazy_source(cx, from) {
        Some(Source::Order(from, keys, part)) if part.start == 0 && part.end == i64::MAX => {
            Some((from.clone(), keys.clone()))
        }
        _ => None,
    }
}

/// The last item that passes. Lists are looked at from their end.
fn last(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    let Some(test) = predicate(a)? else { return reach::last(cx, &from) };
    if let Some((from, keys)) = whole_order(cx, &from) {
        return cx.ordered_end(&from, &keys, Some(&test), true);
    }
    if reach::is_list(cx, &from) {
        let mut places = 0..cx.known_length(&from).unwrap_or_default();
        while let Some(place) = places.next_back() {
            let item = reach::at(cx, &from, place)?.unwrap_or_default();
            if passes(cx, Some(&test), &item)? {
                return Ok(Some(item));
            }
        }
        return Ok(None);
    }
    let mut found = None;
    cx.each(&from, &mut |cx, item| {
        if passes(cx, Some(&test), &item)? {
            found = Some(item);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// The only item that passes, if there is one.
fn single(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    let test = predicate(a)?;
    let (mut found, mut more) = (None, false);
    cx.each(&from, &mut |cx, item| {
        if passes(cx, test.as_ref(), &item)? {
            more = found.is_some();
            found.get_or_insert(item);
        }
        Ok(!more)
    })?;
    if more {
        return Err(invalid(if a.len() > 1 {
            "Sequence contains more than one matching element"
        } else {
            "Sequence contains more than one element"
        }));
    }
    Ok(found)
}

fn element_at(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Exception> {
    let from = source(a)?;
    match usize::try_from(a.long(1)) {
        Ok(index) => reach::at(cx, &from, index),
        Err(_) => Ok(None),
    }
}

/// What `ElementAt` says of an index that is not there: lists say it themselves.
#[cold]
fn no_element(cx: &Cx<'_>, a: &Args<'_>) -> Exception {
    let own = reach::is_list(cx, a.get(0)) && !matches!(a.get(0), Value::Record(_));
    let message = if own {
        "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')"
    } else {
        "Specified argument was out of the range of valid values. (Parameter 'index')"
    };
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

fn contains(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (from, wanted) = (source(a)?, a.value(1));
    if a.len() < 3 {
        return holds(cx, &from, &wanted).map(Value::Bool);
    }
    let how = comparer(a.get(2));
    let mut found = false;
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        found = equal_by(cx, &item, &wanted, how)?;
        Ok(!found)
    })?;
    Ok(Value::Bool(found))
}

fn sequence_equal(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (first, second) = (required(a, 0, "first")?, required(a, 1, "second")?);
    let how = comparer(a.get(2));
    let lengths = (cx.known_length(&first), cx.known_length(&second));
    if let (Some(first), Some(second)) = lengths
        && first != second
    {
        return Ok(Value::Bool(false));
    }
    let (mut left, mut right) = (cx.cursor(&first)?, cx.cursor(&second)?);
    loop {
        cx.step(1)?;
        let Some(item) = cx.advance(&mut left)? else { break };
        match cx.advance(&mut right)? {
            Some(other) if equal_by(cx, &item, &other, how)? => {}
            _ => return Ok(Value::Bool(false)),
        }
    }
    Ok(Value::Bool(cx.advance(&mut right)?.is_none()))
}

fn or_default(a: &Args<'_>, item: Option<Value>) -> Value {
    item.unwrap_or_else(|| default_value(a.ty(0)))
}

pub(super) const MEMBERS: &[Member] = &[
    m("static bool Any<T>(this IEnumerable<T> source)", "Whether there are items.", |cx, a| {
        Ok(Value::Bool(any(cx, a)?.is_some()))
    }),
    m(
        "static bool Any<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Whether an item passes.",
        |cx, a| Ok(Value::Bool(any(cx, a)?.is_some())),
    ),
    m(
        "static bool All<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "Whether all items pass.",
        |cx, a| {
            let (from, test) = (source(a)?, required(a, 1, "predicate")?);
            cx.each(&from, &mut |cx, item| cx.test(&test, item)).map(Value::Bool)
        },
    ),
    m("static T First<T>(this IEnumerable<T> source)", "The first item.", |cx, a| {
        first(cx, a)?.ok_or_else(|| missing(a))
    }),
    m(
        "static T First<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The first item that passes.",
        |cx, a| first(cx, a)?.ok_or_else(|| missing(a)),
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source)",
        "The first item, or the default.",
        |cx, a| first(cx, a).map(|item| or_default(a, item)),
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The first item that passes, or the default.",
        |cx, a| first(cx, a).map(|item| or_default(a, item)),
    ),
    m("static T Last<T>(this IEnumerable<T> source)", "The last item.", |cx, a| {
        last(cx, a)?.ok_or_else(|| missing(a))
    }),
    m(
        "static T Last<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The last item that passes.",
        |cx, a| last(cx, a)?.ok_or_else(|| missing(a)),
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source)",
        "The last item, or the default.",
        |cx, a| last(cx, a).map(|item| or_default(a, item)),
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The last item that passes, or the default.",
        |cx, a| last(cx, a).map(|item| or_default(a, item)),
    ),
    m("static T Single<T>(this IEnumerable<T> source)", "The only item.", |cx, a| {
        single(cx, a)?.ok_or_else(|| missing(a))
    }),
    m(
        "static T Single<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The only item that passes.",
        |cx, a| single(cx, a)?.ok_or_else(|| missing(a)),
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source)",
        "The only item, or the default.",
        |cx, a| single(cx, a).map(|item| or_default(a, item)),
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        "The only item that passes, or the default.",
        |cx, a| single(cx, a).map(|item| or_default(a, item)),
    ),
    m(
        "static T ElementAt<T>(this IEnumerable<T> source, int index)",
        "The item at an index.",
        |cx, a| match element_at(cx, a)? {
            Some(item) => Ok(item),
            None => Err(no_element(cx, a)),
        },
    ),
    m(
        "static T ElementAtOrDefault<T>(this IEnumerable<T> source, int index)",
        "The item at an index, or the default.",
        |cx, a| element_at(cx, a).map(|item| or_default(a, item)),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value)",
        "Whether an item is there.",
        |cx, a| contains(cx, a),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T> comparer)",
        "Whether an item is there.",
        |cx, a| contains(cx, a),
    ),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        "Whether the items are equal one by one.",
        |cx, a| sequence_equal(cx, a),
    ),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        "Whether the items are equal one by one.",
        |cx, a| sequence_equal(cx, a),
    ),
];
