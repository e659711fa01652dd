//! `Match` and `MatchCollection`.

use std::sync::Arc;

use super::super::decl::{Kind, TypeDecl, m, not_allowed};
use super::group::Groups;
use super::{MatchData, OBJECT_COST, budget, int, match_value, out_of_range, part};
use crate::eval::{Args, Cx};
use crate::native::{ItemAt, Native};
use crate::regex::{Assembly, Range, Regex, Replacement, Subject};
use crate::state::{SLOT_COST, confusion};
use crate::types::TypeId;
use crate::{Exception, ExceptionKind, Value};

pub(in crate::types) const MATCH: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.Match",
    kind: Kind::Class,
    bases: &["Group"],
    docs: "A match of a pattern.",
    members: &[
        m("static Match Empty", "No match.", |cx, _| {
            let subject = Subject::new("".into(), budget(cx))?;
            match_value(cx, Arc::new(MatchData { found: None, subject }))
        }),
        m("GroupCollection Groups", "The groups, the match itself first.", |cx, a| {
            let data = part(a)?.data.clone();
            cx.charge(OBJECT_COST)?;
            Ok(Value::native(Groups(data)))
        }),
        m("string Result(string replacement)", "A replacement pattern, filled in.", result),
    ],
    refused: &[
        not_allowed("NextMatch", "use `Regex.Matches`"),
        not_allowed("Synchronized", "nothing here runs at the same time"),
    ],
};

fn result(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let replacement = a.str(1, "replacement")?;
    let data = &part(a)?.data;
    let Some((regex, found)) = &data.found else {
        return Err(Exception::new(
            ExceptionKind::NotSupported,
            "Result cannot be called on a failed Match.",
        ));
    };
    let replacement = Replacement::new(&replacement, regex)?;
    let mut out = Assembly::of(&data.subject);
    replacement.expand(regex, &data.subject, found, &mut out, budget(cx))?;
    cx.string(out.finish())
}

pub(in crate::types) const MATCHES: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.MatchCollection",
    kind: Kind::Class,
    bases: &["IEnumerable<Match>"],
    docs: "The matches of a pattern, found one by one as they are asked for.",
    members: &[
        m("int Count", "How many there are.", |cx, a| {
            let matches = a.value(0);
            item(cx, &matches, usize::MAX)?;
            let found: Option<&Matches> = cx.state.native(&matches);
            Ok(int(found.map_or(0, |matches| matches.found.len())))
        }),
        m("Match this[int i]", "One of them.", |cx, a| {
            let index = usize::try_from(a.long(1)).map_err(|_| out_of_range("i"))?;
            item(cx, &a.value(0), index)?.ok_or_else(|| out_of_range("i"))
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

/// The matches found so far, and where to look for the next.
#[derive(Debug)]
pub(super) struct Matches {
    regex: Arc<Regex>,
    subject: Subject,
    found: Vec<Value>,
    /// None when there are no more.
    next: Option<Range>,
}

impl Native for Matches {
    fn id(&self) -> TypeId {
        TypeId::MatchCollection
    }

    fn items(&self) -> Option<ItemAt> {
        Some(item)
    }
}

/// The matches from a place on.
pub(super) fn matches(
    cx: &mut Cx<'_>,
    regex: Arc<Regex>,
    subject: Subject,
    range: Range,
) -> Result<Value, Exception> {
    cx.charge(OBJECT_COST)?;
    cx.state.add_native(Matches { regex, subject, found: Vec::new(), next: Some(range) })
}

/// A match by index; searches as far as it must.
fn item(cx: &mut Cx<'_>, matches: &Value, index: usize) -> Result<Option<Value>, Exception> {
    loop {
        let known: &mut Matches = cx.state.native_mut(matches).ok_or_else(confusion)?;
        if let Some(found) = known.found.get(index) {
            return Ok(Some(found.clone()));
        }
        let Some(range) = known.next.take() else { return Ok(None) };
        let (regex, subject) = (known.regex.clone(), known.subject.clone());
        let found = regex.find(&subject, range, budget(cx))?;
        let Some(found) = found else { continue };
        let next = found.after(range.window);
        let data = Arc::new(MatchData { found: Some((regex, found)), subject });
        cx.charge(SLOT_COST)?;
        let value = match_value(cx, data)?;
        let known: &mut Matches = cx.state.native_mut(matches).ok_or_else(confusion)?;
        known.found.push(value);
        known.next = Some(next);
    }
}
