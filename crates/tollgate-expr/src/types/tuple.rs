//! `System.Tuple`, static and of one to eight values.

use super::decl::{Kind, Member, TypeDecl, p};
use super::{Ty, TypeId};
use crate::eval::Args;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

fn item(a: &Args<'_>, index: usize) -> Result<Value, Exception> {
    match a.get(0) {
        Value::Record(record) => Ok(record.values.get(index).cloned().unwrap_or_default()),
        _ => Err(confusion()),
    }
}

const TUPLES: [TypeId; 8] = [
    TypeId::Tuple1,
    TypeId::Tuple2,
    TypeId::Tuple3,
    TypeId::Tuple4,
    TypeId::Tuple5,
    TypeId::Tuple6,
    TypeId::Tuple7,
    TypeId::Tuple8,
];

/// Whether it is a type of tuples.
pub(crate) fn is_tuple(id: TypeId) -> bool {
    TUPLES.contains(&id)
}

/// A tuple of all the arguments.
fn made(a: &Args<'_>) -> Result<Value, Exception> {
    let types: Vec<Ty> = (0..a.len()).map(|index| a.ty(index).clone()).collect();
    let values: Vec<Value> = (0..a.len()).map(|index| a.value(index)).collect();
    let id = a.len().checked_sub(1).and_then(|index| TUPLES.get(index)).ok_or_else(confusion)?;
    if *id == TypeId::Tuple8 {
        let rest = match values.last() {
            Some(Value::Record(record)) => record.ty.id(),
            _ => None,
        };
        if !rest.is_some_and(is_tuple) {
            let message = "The last element of an eight element tuple must be a Tuple.";
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
    }
    Ok(Value::record(Ty::generic(*id, types), values))
}

/// `Tuple.Create` of eight values: the last in a tuple of its own.
#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn made_of_eight(a: &Args<'_>) -> Result<Value, Exception> {
    let last = Ty::generic(TypeId::Tuple1, [a.ty(7).clone()]);
    let rest = Value::record(last.clone(), [a.value(7)]);
    let mut types: Vec<Ty> = (0..7).map(|index| a.ty(index).clone()).collect();
    let mut values: Vec<Value> = (0..7).map(|index| a.value(index)).collect();
    types.push(last);
    values.push(rest);
    Ok(Value::record(Ty::generic(TypeId::Tuple8, types), values))
}

const fn tuple(name: &'static str, members: &'static [Member]) -> TypeDecl {
    TypeDecl {
        name,
        kind: Kind::Class,
        bases: &[],
        docs: "Values of several types.",
        members,
        refused: &[],
    }
}

macro_rules! tuples {
    ($($id:ident $name:literal $new:literal [$($index:literal $item:literal),*];)*) => {
        $(pub(super) const $id: TypeDecl = tuple($name, &[
            p($new, "Of its values.", |_, a| made(a)),
            $(p($item, "One of the values.", |_, a| item(a, $index))),*
        ]);)*
    };
}

tuples! {
    OF1 "System.Tuple<T1>" "new(T1 item1)" [0 "T1 Item1"];
    OF2 "System.Tuple<T1, T2>" "new(T1 item1, T2 item2)" [0 "T1 Item1", 1 "T2 Item2"];
    OF3 "System.Tuple<T1, T2, T3>" "new(T1 item1, T2 item2, T3 item3)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3"];
    OF4 "System.Tuple<T1, T2, T3, T4>" "new(T1 item1, T2 item2, T3 item3, T4 item4)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3", 3 "T4 Item4"];
    OF5 "System.Tuple<T1, T2, T3, T4, T5>" "new(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3", 3 "T4 Item4", 4 "T5 Item5"];
    OF6 "System.Tuple<T1, T2, T3, T4, T5, T6>"
        "new(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3", 3 "T4 Item4", 4 "T5 Item5", 5 "T6 Item6"];
    OF7 "System.Tuple<T1, T2, T3, T4, T5, T6, T7>"
        "new(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6, T7 item7)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3", 3 "T4 Item4", 4 "T5 Item5", 5 "T6 Item6", 6 "T7 Item7"];
    OF8 "System.Tuple<T1, T2, T3, T4, T5, T6, T7, TRest>"
        "new(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6, T7 item7, TRest rest)"
        [0 "T1 Item1", 1 "T2 Item2", 2 "T3 Item3", 3 "T4 Item4", 4 "T5 Item5", 5 "T6 Item6", 6 "T7 Item7", 7 "TRest Rest"];
}

macro_rules! creations {
    ($($signature:literal)*) => {
        [$(p(concat!("static ", $signature), "A tuple of the values.", |_, a| made(a))),*]
    };
}

const CREATIONS: &[Member] = &creations!(
    "Tuple<T1> Create<T1>(T1 item1)"
    "Tuple<T1, T2> Create<T1, T2>(T1 item1, T2 item2)"
    "Tuple<T1, T2, T3> Create<T1, T2, T3>(T1 item1, T2 item2, T3 item3)"
    "Tuple<T1, T2, T3, T4> Create<T1, T2, T3, T4>(T1 item1, T2 item2, T3 item3, T4 item4)"
    "Tuple<T1, T2, T3, T4, T5> Create<T1, T2, T3, T4, T5>(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5)"
    "Tuple<T1, T2, T3, T4, T5, T6> Create<T1, T2, T3, T4, T5, T6>(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6)"
    "Tuple<T1, T2, T3, T4, T5, T6, T7> Create<T1, T2, T3, T4, T5, T6, T7>(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6, T7 item7)"
);

const OF_EIGHT: &[Member] = &[p(
    "static Tuple<T1, T2, T3, T4, T5, T6, T7, Tuple<T8>> Create<T1, T2, T3, T4, T5, T6, T7, T8>(T1 item1, T2 item2, T3 item3, T4 item4, T5 item5, T6 item6, T7 item7, T8 item8)",
    "A tuple of the values: the last in a tuple of its own.",
    |_, a| made_of_eight(a),
)];

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Tuple",
    kind: Kind::Static,
    bases: &[],
    docs: "Makes tuples.",
    members: &super::decl::joined::<{ CREATIONS.len() + OF_EIGHT.len() }>(CREATIONS, OF_EIGHT),
    refused: &[],
};
