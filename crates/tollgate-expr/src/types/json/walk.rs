//! What sequences of tokens give as they are walked over: nothing is looked at before it is asked for.

use std::sync::Arc;

use super::index_by;
use crate::eval::Cx;
use crate::json::{JsonPath, NoMatch};
use crate::state::SLOT_COST;
use crate::{Exception, Value};

/// What is given of each token.
#[derive(Debug, Clone)]
pub(crate) enum Walk {
    /// What it holds; a value gives itself.
    Held,
    /// What it holds of a key, if anything.
    Key(Value),
    Children,
    Ancestors,
    AncestorsAndSelf,
    Descendants,
    DescendantsAndSelf,
    /// What stands before it.
    Before,
    /// What a path leads to.
    Path(Arc<JsonPath>, NoMatch),
}

/// A walk from the tokens of a sequence, or from one.
#[derive(Debug)]
pub(crate) struct TokenWalk {
    pub(crate) from: Value,
    /// Whether `from` is the only token it begins at.
    pub(crate) single: bool,
    pub(crate) walk: Walk,
}

/// What a walk gives of a token, and the fault that ends it behind that.
pub(crate) type Given = (Vec<Value>, Option<Exception>);

/// What a walk gives of a token.
pub(crate) fn given(cx: &mut Cx<'_>, token: &Value, walk: &Walk) -> Result<Given, Exception> {
    let &Value::Json(id) = token else { return Err(Exception::null_reference()) };
    let state = &mut *cx.state;
    let (json, budget) = (&state.json, &mut state.budget);
    let mut fault = None;
    let mut ids = Vec::new();
    match walk {
        Walk::Held if !json.is_container(id) => ids.push(id),
        Walk::Held | Walk::Children => ids = json.children(id, budget)?,
        Walk::Key(key) => {
            let key = key.clone();
            let held = index_by(cx, id, &key)?;
            return Ok((if held.is_null() { Vec::new() } else { vec![held] }, None));
        }
        Walk::Ancestors => ids = json.ancestors(id, budget)?,
        Walk::AncestorsAndSelf => {
            ids.push(id);
            ids.extend(json.ancestors(id, budget)?);
        }
        Walk::Descendants => ids = json.descendants(id, budget)?,
        Walk::DescendantsAndSelf => {
            ids.push(id);
            ids.extend(json.descendants(id, budget)?);
        }
        Walk::Before => {
            json.parent(id).ok_or_else(Exception::null_reference)?;
            let mut at = id;
            while let Some(previous) = json.previous(at) {
                budget.step(1)?;
                ids.push(previous);
                at = previous;
            }
            ids.reverse();
        }
        Walk::Path(path, no_match) => (ids, fault) = json.select(id, path, *no_match, budget),
    }
    cx.charge(ids.len().saturating_mul(SLOT_COST))?;
    Ok((ids.into_iter().map(Value::Json).collect(), fault))
}
