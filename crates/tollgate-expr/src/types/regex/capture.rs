//! `Capture` and `CaptureCollection`.

use super::super::decl::{Kind, TypeDecl, m, not_allowed};
use super::group::group;
use super::{OBJECT_COST, Part, int, out_of_range, part};
use crate::eval::{Args, Cx};
use crate::native::{ItemAt, Native};
use crate::state::confusion;
use crate::types::TypeId;
use crate::{Exception, Value};

pub(in crate::types) const CAPTURE: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.Capture",
    kind: Kind::Class,
    bases: &[],
    docs: "A part of a text that was matched.",
    members: &[
        m("int Index", "Where it begins.", |_, a| Ok(int(part(a)?.span().unwrap_or_default().0))),
        m("int Length", "How long it is.", |_, a| Ok(int(part(a)?.span().unwrap_or_default().1))),
        m("string Value", "Its text; empty when nothing was matched.", |cx, a| {
            let part = part(a)?;
            cx.charge(part.span().unwrap_or_default().1)?;
            Ok(Value::from(part.value()))
        }),
    ],
    refused: &[],
};

pub(in crate::types) const CAPTURES: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.CaptureCollection",
    kind: Kind::Class,
    bases: &["IEnumerable<Capture>"],
    docs: "The captures of a group, the first one first.",
    members: &[
        m("int Count", "How many there are.", |_, a| Ok(int(captures(a)?.len()))),
        m("Capture this[int i]", "One of them.", |cx, a| {
            let index = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            item(cx, a.get(0), index)?.ok_or_else(|| out_of_range("i"))
        }),
    ],
    refused: &[
        not_allowed("GetEnumerator", "walk over it with `foreach`"),
        not_allowed("CopyTo", "use `Count` and the index"),
        not_allowed("IsReadOnly", "it always is"),
        not_allowed("IsSynchronized", "nothing here runs at the same time"),
        not_allowed("SyncRoot", "nothing here runs at the same time"),
    ],
};

/// The captures of a group.
#[derive(Debug)]
pub(super) struct Captures {
    pub(super) data: std::sync::Arc<super::MatchData>,
    pub(super) slot: Option<usize>,
}

impl Captures {
    fn len(&self) -> usize {
        match (&self.data.found, self.slot) {
            (Some((_, found)), Some(slot)) => found.captures(slot).len(),
            _ => 0,
        }
    }
}

impl Native for Captures {
    fn id(&self) -> TypeId {
        TypeId::CaptureCollection
    }

    fn items(&self) -> Option<ItemAt> {
        Some(item)
    }
}

fn captures<'a>(a: &'a Args<'_>) -> Result<&'a Captures, Exception> {
    a.get(0).as_native().ok_or_else(confusion)
}

fn item(cx: &mut Cx<'_>, captures: &Value, index: usize) -> Result<Option<Value>, Exception> {
    let captures: &Captures = captures.as_native().ok_or_else(confusion)?;
    if index >= captures.len() {
        return Ok(None);
    }
    let data = captures.data.clone();
    if index + 1 == captures.len() {
        // The last capture is the group.
        return group(cx, &data, captures.slot).map(Some);
    }
    cx.charge(OBJECT_COST)?;
    let part = Part { id: TypeId::Capture, data, slot: captures.slot, index: Some(index) };
    Ok(Some(Value::native(part)))
}
