//! When a token is good.

use serde_json::Value as Json;
use tollgate_engine::jose::Claims;

use super::Rejection;
use super::rejection::UtcTime;

/// What a policy says about times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeRules {
    /// Whether there must be an `exp`.
    pub(crate) require_expiration: bool,
    /// Seconds that clocks may differ.
    pub(crate) skew: i64,
}

/// Checks `exp`, `nbf` and `iat` at a time.
///
/// A claim of the wrong JSON type refuses the token: treated as absent it would be a way around the check.
pub(crate) fn times(claims: &Claims, rules: TimeRules, now: i64) -> Result<(), Rejection> {
    let expires = numeric_date(claims, "exp", f64::floor)?;
    let begins = numeric_date(claims, "nbf", f64::ceil)?;
    numeric_date(claims, "iat", f64::floor)?;
    match expires {
        None if rules.require_expiration => return Err(Rejection::NoExpiration),
        Some(at) if at.saturating_add(rules.skew) < now => {
            return Err(Rejection::Expired { at: UtcTime(at), now: UtcTime(now) });
        }
        _ => {}
    }
    match begins {
        Some(from) if from.saturating_sub(rules.skew) > now => {
            Err(Rejection::NotYetValid { from: UtcTime(from), now: UtcTime(now) })
        }
        Some(from) if expires.is_some_and(|to| from > to) => {
            let to = UtcTime(expires.unwrap_or_default());
            Err(Rejection::Lifetime { from: UtcTime(from), to })
        }
        _ => Ok(()),
    }
}

fn numeric_date(
    claims: &Claims,
    name: &str,
    round: fn(f64) -> f64,
) -> Result<Option<i64>, Rejection> {
    // Null is not absence here: whoever writes it means something by it.
    let number = match claims.members().get(name) {
        None => return Ok(None),
        Some(Json::Number(number)) => number,
        Some(_) => return Err(Rejection::NotWellFormed("a time is not a number")),
    };
    if let Some(seconds) = number.as_i64() {
        return Ok(Some(seconds));
    }
    match number.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and the ends are far past any time"
        )]
        Some(seconds) if seconds.is_finite() => Ok(Some(round(seconds) as i64)),
        _ => Err(Rejection::NotWellFormed("a time is not a number")),
    }
}
