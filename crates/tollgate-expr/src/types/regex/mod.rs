//! `System.Text.RegularExpressions`: the declarations. The engine is [`crate::regex`].

mod capture;
mod expression;
mod group;
mod matches;
mod options;

use std::sync::Arc;

pub(super) use capture::{CAPTURE, CAPTURES};
pub(super) use expression::REGEX;
pub(crate) use expression::json_path_match;
pub(super) use group::{GROUP, GROUPS};
pub(super) use matches::{MATCH, MATCHES};
pub(super) use options::OPTIONS;

use super::TypeId;
use super::decl::{Kind, TypeDecl};
use crate::collections::Key;
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::regex::{Found, Regex, Subject};
use crate::state::confusion;
use crate::{Budget, Exception, ExceptionKind, Value};

pub(super) const EVALUATOR: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.MatchEvaluator",
    kind: Kind::Delegate,
    bases: &[],
    docs: "A function that makes the replacement of a match.",
    members: &[],
    refused: &[],
};

/// What an object of the library costs beside its content.
const OBJECT_COST: usize = 96;

/// A match, or that there was none.
#[derive(Debug)]
struct MatchData {
    /// None for `Match.Empty` and whatever did not match.
    found: Option<(Arc<Regex>, Found)>,
    subject: Subject,
}

impl MatchData {
    /// Where a capture of a group is: the last one, or by index.
    fn span(&self, slot: usize, index: Option<usize>) -> Option<(usize, usize)> {
        let (_, found) = self.found.as_ref()?;
        match index {
            None => found.group(slot),
            Some(index) => {
                let (start, len) = found.captures(slot).get(index)?;
                Some((*start as usize, *len as usize))
            }
        }
    }
}

/// A match, a group of one, or a capture of a group.
#[derive(Debug)]
struct Part {
    id: TypeId,
    data: Arc<MatchData>,
    /// None for a group that the pattern does not have.
    slot: Option<usize>,
    /// Which capture; none for the last one.
    index: Option<usize>,
}

impl Part {
    fn span(&self) -> Option<(usize, usize)> {
        self.data.span(self.slot?, self.index)
    }

    /// Whether it is the one match or group of .NET that stands for none.
    fn is_nothing(&self) -> bool {
        self.data.found.is_none() || self.slot.is_none()
    }

    fn value(&self) -> String {
        let (start, len) = self.span().unwrap_or_default();
        self.data.subject.slice(start, len)
    }
}

impl Native for Part {
    fn id(&self) -> TypeId {
        self.id
    }

    fn text(&self) -> Option<String> {
        Some(self.value())
    }

    fn key(&self) -> Option<Key> {
        self.is_nothing().then(|| Key::Str(Arc::from("")))
    }

    fn is_interned(&self) -> bool {
        self.is_nothing()
    }
}

/// The receiver: a match, a group or a capture.
fn part<'a>(a: &'a Args<'_>) -> Result<&'a Part, Exception> {
    a.get(0).as_native().ok_or_else(confusion)
}

/// The match itself.
fn match_value(cx: &mut Cx<'_>, data: Arc<MatchData>) -> Result<Value, Exception> {
    cx.charge(OBJECT_COST)?;
    Ok(Value::native(Part { id: TypeId::Match, data, slot: Some(0), index: None }))
}

fn budget<'c>(cx: &'c mut Cx<'_>) -> &'c mut Budget {
    &mut cx.state.budget
}

fn int(n: usize) -> Value {
    Value::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

#[cold]
fn out_of_range(name: &str) -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        format!("Specified argument was out of the range of valid values. (Parameter '{name}')"),
    )
}
