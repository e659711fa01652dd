//! `System.Linq.Enumerable`: one file per family of methods, and here what they share.

mod collect;
mod element;
mod filter;
mod group;
mod number;
mod order;
mod project;
mod set;

use super::Ty;
use super::collections::comparers::{comparer, equal_by};
use super::collections::index_int;
use super::decl::{Kind, Member, TypeDecl, joined};
use super::object::required;
use crate::eval::{Args, Cx, Source};
use crate::state::Object;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

const N_ITEMS: usize = element::MEMBERS.len() + filter::MEMBERS.len();
const N_SHAPE: usize = project::MEMBERS.len() + set::MEMBERS.len();
const N_RESULT: usize = collect::MEMBERS.len() + group::MEMBERS.len();
const N_ORDER: usize = order::MEMBERS.len() + number::MEMBERS.len();

const ITEMS: &[Member] = &joined::<N_ITEMS>(element::MEMBERS, filter::MEMBERS);
const SHAPE: &[Member] = &joined::<N_SHAPE>(project::MEMBERS, set::MEMBERS);
const RESULT: &[Member] = &joined::<N_RESULT>(collect::MEMBERS, group::MEMBERS);
const ORDER: &[Member] = &joined::<N_ORDER>(order::MEMBERS, number::MEMBERS);
const FIRST: &[Member] = &joined::<{ N_ITEMS + N_SHAPE }>(ITEMS, SHAPE);
const SECOND: &[Member] = &joined::<{ N_RESULT + N_ORDER }>(RESULT, ORDER);

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Linq.Enumerable",
    kind: Kind::Static,
    bases: &[],
    docs: "What can be done with sequences.",
    members: &joined::<{ FIRST.len() + SECOND.len() }>(FIRST, SECOND),
    refused: &[],
};

#[cold]
fn invalid(message: &str) -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, message)
}

#[cold]
fn no_elements() -> Exception {
    invalid("Sequence contains no elements")
}

fn source(a: &Args<'_>) -> Run {
    required(a, 0, "source")
}

fn lazy(cx: &mut Cx<'_>, item: &Ty, source: Source) -> Run {
    cx.lazy(item.clone(), source)
}

/// The lazy sequence that a value is.
fn lazy_source<'c>(cx: &'c Cx<'_>, value: &Value) -> Option<&'c Source> {
    match cx.object_of(value) {
        Some(Object::Sequence(sequence)) => Some(&sequence.source),
        _ => None,
    }
}

/// Whether .NET reaches the items of a sequence by index, so that it looks at no others: arrays, lists, and what
/// `Select` makes of them.
fn is_indexed(cx: &Cx<'_>, value: &Value) -> bool {
    match value {
        Value::Bytes(_) => true,
        _ => match cx.object_of(value) {
            Some(Object::Array { .. } | Object::List { .. }) => true,
            Some(Object::Sequence(sequence)) => match &sequence.source {
                Source::Items(_) | Source::Range(..) | Source::Repeat(..) => true,
                Source::Select { from, indexed: false, .. } => is_indexed(cx, from),
                _ => false,
            },
            _ => false,
        },
    }
}

/// How many items an indexed sequence has.
fn indexed_length(cx: &Cx<'_>, value: &Value) -> Option<usize> {
    match lazy_source(cx, value) {
        Some(Source::Range(_, count) | Source::Repeat(_, count)) => usize::try_from(*count).ok(),
        Some(Source::Select { from, .. }) => {
            let from = from.clone();
            indexed_length(cx, &from)
        }
        _ => cx.known_length(value),
    }
}

/// The item at an index of an indexed sequence.
fn indexed_item(cx: &mut Cx<'_>, value: &Value, index: usize) -> Result<Option<Value>, Exception> {
    let place = i64::from(index_int(index));
    match lazy_source(cx, value) {
        Some(Source::Range(start, count)) => {
            let n = start.saturating_add(place);
            let item = Value::Int(i32::try_from(n).unwrap_or_default());
            return Ok((place < *count).then_some(item));
        }
        Some(Source::Repeat(item, count)) => return Ok((place < *count).then(|| item.clone())),
        Some(Source::Select { from, function, .. }) => {
            let (from, function) = (from.clone(), function.clone());
            return match indexed_item(cx, &from, index)? {
                Some(item) => cx.invoke(&function, &[item]).map(Some),
                None => Ok(None),
            };
        }
        Some(Source::Items(items)) => return Ok(items.get(index).cloned()),
        _ => {}
    }
    Ok(match cx.object_of(value) {
        Some(Object::List { items, .. } | Object::Array { items, .. }) => items.get(index).cloned(),
        _ => cx.array_get(value, place).ok(),
    })
}
