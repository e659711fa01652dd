//! `IEnumerator` and `IEnumerator<T>`: a walk over a sequence by hand.

use super::super::decl::{TypeDecl, m};
use super::super::{Ty, TypeId};
use super::{Run, not_supported};
use crate::eval::{Args, Cursor, Cx, Source, default_value};
use crate::native::Native;
use crate::state::{Object, confusion};
use crate::{Exception, ExceptionKind, Value};

/// A walk over a sequence.
#[derive(Debug)]
struct Enumerator {
    item: Ty,
    source: Value,
    cursor: Cursor,
    now: Now,
    strict: bool,
    resets: bool,
}

/// Where it is.
#[derive(Debug, Clone)]
enum Now {
    Before,
    At(Value),
    After,
}

impl Native for Enumerator {
    fn id(&self) -> TypeId {
        TypeId::IEnumerator1
    }

    fn ty(&self) -> Ty {
        Ty::generic(TypeId::IEnumerator1, [self.item.clone()])
    }
}

/// `GetEnumerator()`.
pub(in crate::types) fn start(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let source = a.value(0);
    let item = cx.state.type_of(&source).item().unwrap_or(Ty::OBJECT);
    start_as(cx, source, item)
}

/// A walk over a sequence whose items have a type.
pub(in crate::types) fn start_as(cx: &mut Cx<'_>, source: Value, item: Ty) -> Run {
    let resets = match cx.object_of(&source) {
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::View(inner) => {
                let inner = inner.clone();
                return start_as(cx, inner, item);
            }
            other => matches!(other, Source::Pairs(..)),
        },
        _ => true,
    };
    let cursor = cx.cursor(&source)?;
    // Arrays, strings, queues and stacks say it when there is no current item; others give a default.
    let strict = matches!(source, Value::Str(_) | Value::Bytes(_))
        || matches!(cx.object_of(&source), Some(Object::Array { .. } | Object::Line { .. }));
    cx.state.add_native(Enumerator { item, source, cursor, now: Now::Before, strict, resets })
}

fn enumerator<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Enumerator, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

fn move_next(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    cx.step(1)?;
    let mut cursor = std::mem::take(&mut enumerator(cx, a)?.cursor);
    let next = cx.advance(&mut cursor);
    let walk = enumerator(cx, a)?;
    walk.cursor = cursor;
    let next = next?;
    let more = next.is_some();
    walk.now = next.map_or(Now::After, Now::At);
    Ok(Value::Bool(more))
}

#[cold]
fn nothing(message: &str) -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, message)
}

fn current(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let walk = enumerator(cx, a)?;
    match &walk.now {
        Now::At(item) => Ok(item.clone()),
        Now::Before if walk.strict => Err(nothing("Enumeration has not started. Call MoveNext.")),
        Now::After if walk.strict => Err(nothing("Enumeration already finished.")),
        _ => Ok(default_value(&walk.item)),
    }
}

/// `IEnumerator.Current`, which says it when there is none, but for lazy sequences.
fn current_object(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let walk = enumerator(cx, a)?;
    if matches!(walk.now, Now::At(_)) || walk.strict || !walk.resets {
        return current(cx, a);
    }
    Err(nothing("Enumeration has either not started or has already finished."))
}

fn reset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let walk = enumerator(cx, a)?;
    if !walk.resets {
        return Err(not_supported("Specified method is not supported."));
    }
    let source = walk.source.clone();
    let cursor = cx.cursor(&source)?;
    let walk = enumerator(cx, a)?;
    walk.cursor = cursor;
    walk.now = Now::Before;
    Ok(Value::Null)
}

pub(in crate::types) const ENUMERATOR0: TypeDecl = interface!(
    "System.Collections.IEnumerator",
    &[],
    "A walk over a sequence.",
    &[
        m("bool MoveNext()", "Goes to the next item; whether there is one.", move_next),
        m("object Current", "The item it is at.", current_object),
        m("void Reset()", "Goes back to the start.", reset),
    ]
);

pub(in crate::types) const ENUMERATOR: TypeDecl = interface!(
    "System.Collections.Generic.IEnumerator<T>",
    &["IEnumerator", "IDisposable"],
    "A walk over a sequence.",
    &[m("T Current", "The item it is at.", current)]
);
