//! Patterns that are computed at run time are compiled once, as long as they are used.

use std::sync::{Arc, Mutex};

use super::{Options, Regex};
use crate::{Budget, Exception};

/// How many patterns are kept.
const MOST: usize = 64;
/// How long a pattern may be, in bytes, to be kept.
const LONGEST: usize = 4096;

static PATTERNS: Mutex<Vec<Arc<Regex>>> = Mutex::new(Vec::new());

/// The compiled pattern.
pub(crate) fn cached(
    pattern: &Arc<str>,
    options: Options,
    budget: &mut Budget,
) -> Result<Arc<Regex>, Exception> {
    if let Some(found) = kept(pattern, options) {
        budget.step(1 + pattern.len() as u64 / 4)?;
        return Ok(found);
    }
    let made = Arc::new(Regex::new(pattern.clone(), options, budget)?);
    if pattern.len() <= LONGEST
        && let Ok(mut patterns) = PATTERNS.lock()
    {
        patterns.truncate(MOST - 1);
        patterns.insert(0, made.clone());
    }
    Ok(made)
}

/// The kept pattern; it moves to the front.
fn kept(pattern: &str, options: Options) -> Option<Arc<Regex>> {
    let mut patterns = PATTERNS.lock().ok()?;
    let is_it = |known: &Arc<Regex>| known.options == options && *known.pattern == *pattern;
    let index = patterns.iter().position(is_it)?;
    patterns.get_mut(..=index)?.rotate_right(1);
    patterns.first().cloned()
}
