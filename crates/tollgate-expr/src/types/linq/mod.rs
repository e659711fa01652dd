//! `System.Linq.Enumerable`: one file per family of methods, and here what they share.

mod collect;
mod element;
mod filter;
mod group;
mod number;
mod order;
mod project;
mod reach;
mod set;

use super::Ty;
use super::collections::comparers::{comparer, equal_by};
use super::collections::{holds, index_int};
use super::decl::{Kind, Member, TypeDecl, joined};
use super::object::required;
use crate::eval::{Args, Cx, Source};
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
