//! `Group` and `GroupCollection`.

use std::sync::Arc;

use super::super::decl::{Kind, TypeDecl, m, not_allowed};
use super::capture::Captures;
use super::{MatchData, OBJECT_COST, Part, int, match_value, part};
use crate::eval::{Args, Cx};
use crate::native::{ItemAt, Native};
use crate::state::confusion;
use crate::types::TypeId;
use crate::{Exception, Value};

pub(in crate::types) const GROUP: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.Group",
    kind: Kind::Class,
    bases: &["Capture"],
    docs: "What a group of a pattern captured; as a capture, the last of them.",
    members: &[
        m("bool Success", "Whether it captured anything.", |_, a| {
            Ok(Value::Bool(part(a)?.span().is_some()))
        }),
        m("CaptureCollection Captures", "All captures.", |cx, a| {
            let part = part(a)?;
            cx.charge(OBJECT_COST)?;
            Ok(Value::native(Captures { data: part.data.clone(), slot: part.slot }))
        }),
    ],
    refused: &[
        not_allowed("Name", "the name is known where the group is asked for"),
        not_allowed("Synchronized", "nothing here runs at the same time"),
    ],
};

pub(in crate::types) const GROUPS: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.GroupCollection",
    kind: Kind::Class,
    bases: &["IEnumerable"],
    docs: "The groups of a match, the match itself first.",
    members: &[
        m("int Count", "How many there are, the match itself included.", |_, a| {
            Ok(int(groups(a)?.len()))
        }),
        m(
            "Group this[int groupnum]",
            "A group; one without success when there is none.",
            |cx, a| {
                let groups = groups(a)?;
                group(cx, &groups.0, groups.slot(a.int(1)))
            },
        ),
        m(
            "Group this[string groupname]",
            "A group by name or written number; one without success when there is none.",
            |cx, a| {
                let groups = groups(a)?;
                // Of what did not match no name is looked at.
                let slot = match &groups.0.found {
                    Some((regex, _)) => regex.slot_by_name(&a.str(1, "name")?),
                    None => None,
                };
                group(cx, &groups.0, slot)
            },
        ),
    ],
    refused: &[
        not_allowed("Keys", "ask for groups by name"),
        not_allowed("Values", "walk over it with `foreach`"),
        not_allowed("ContainsKey", "a group that there is not has no `Success`"),
        not_allowed("TryGetValue", "a group that there is not has no `Success`"),
        not_allowed("GetEnumerator", "walk over it with `foreach`"),
        not_allowed("CopyTo", "use `Count` and the index"),
        not_allowed("IsReadOnly", "it always is"),
        not_allowed("IsSynchronized", "nothing here runs at the same time"),
        not_allowed("SyncRoot", "nothing here runs at the same time"),
    ],
};

/// The groups of a match.
#[derive(Debug)]
pub(super) struct Groups(pub(super) Arc<MatchData>);

impl Groups {
    fn len(&self) -> usize {
        self.0.found.as_ref().map_or(1, |(regex, _)| regex.n_groups())
    }

    /// The place of a group, by number.
    fn slot(&self, number: i32) -> Option<usize> {
        match &self.0.found {
            Some((regex, _)) => regex.slot(number),
            None => (number == 0).then_some(0),
        }
    }
}

impl Native for Groups {
    fn id(&self) -> TypeId {
        TypeId::GroupCollection
    }

    fn items(&self) -> Option<ItemAt> {
        Some(|cx, groups, index| {
            let groups: &Groups = groups.as_native().ok_or_else(confusion)?;
            if index >= groups.len() {
                return Ok(None);
            }
            // By number, as .NET does it even when numbers are missing.
            let number = i32::try_from(index).unwrap_or(i32::MAX);
            group(cx, &groups.0, groups.slot(number)).map(Some)
        })
    }
}

fn groups<'a>(a: &'a Args<'_>) -> Result<&'a Groups, Exception> {
    a.get(0).as_native().ok_or_else(confusion)
}

/// A group by its place; the first is the match itself.
pub(super) fn group(
    cx: &mut Cx<'_>,
    data: &Arc<MatchData>,
    slot: Option<usize>,
) -> Result<Value, Exception> {
    if slot == Some(0) {
        return match_value(cx, data.clone());
    }
    cx.charge(OBJECT_COST)?;
    Ok(Value::native(Part { id: TypeId::Group, data: data.clone(), slot, index: None }))
}
