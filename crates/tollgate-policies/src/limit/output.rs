//! What a rate limit tells the client and the policies after it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tollgate_engine::ports::{Charge, Verdict};
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, CompileCx, PolicyError, RequestCx};
use tollgate_expr::Value;

use super::exceeded::{rate_exceeded, whole_seconds};

pub(crate) const RETRY_AFTER_HEADER: AttributeDef = AttributeDef {
    name: "retry-after-header-name",
    default: Some("Retry-After"),
    doc: "Header of the refusal with the seconds after which to try again.",
    ..AttributeDef::DEFAULT
};
pub(crate) const RETRY_AFTER_VARIABLE: AttributeDef = AttributeDef {
    name: "retry-after-variable-name",
    doc: "Variable with the same number, set when the rate is exceeded.",
    ..AttributeDef::DEFAULT
};
pub(crate) const REMAINING_HEADER: AttributeDef = AttributeDef {
    name: "remaining-calls-header-name",
    doc: "Response header with the calls that are left.",
    ..AttributeDef::DEFAULT
};
pub(crate) const REMAINING_VARIABLE: AttributeDef = AttributeDef {
    name: "remaining-calls-variable-name",
    doc: "Variable with the same number.",
    ..AttributeDef::DEFAULT
};
pub(crate) const TOTAL_HEADER: AttributeDef = AttributeDef {
    name: "total-calls-header-name",
    doc: "Response header with the value of `calls`.",
    ..AttributeDef::DEFAULT
};

/// Where the numbers go.
#[derive(Debug)]
pub(crate) struct Output {
    pub(super) retry_after_header: HeaderName,
    retry_after_variable: Option<Arc<str>>,
    remaining_header: Option<HeaderName>,
    remaining_variable: Option<Arc<str>>,
    total_header: Option<HeaderName>,
}

impl Output {
    /// From the attributes; `None` when one is wrong, which has been reported.
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let retry_after_header = cx.literal(element, RETRY_AFTER_HEADER.name);
        let mut header = |name| {
            let header = cx.literal::<HeaderName>(element, name);
            // A header whose name is wrong must not become one that is not asked for.
            if header.is_none() && element.attribute(name).is_some() { None } else { Some(header) }
        };
        let (remaining_header, total_header) =
            (header(REMAINING_HEADER.name), header(TOTAL_HEADER.name));
        Some(Self {
            retry_after_header: retry_after_header?,
            retry_after_variable: cx.literal(element, RETRY_AFTER_VARIABLE.name),
            remaining_header: remaining_header?,
            remaining_variable: cx.literal(element, REMAINING_VARIABLE.name),
            total_header: total_header?,
        })
    }

    /// Says how things stand, and refuses the request when there was no room. `total` is the limit that is named to the
    /// client.
    pub(crate) fn judge(
        &self,
        cx: &mut RequestCx,
        total: u64,
        charges: &[Charge],
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        let all = || charges.iter().zip(&verdict.standings);
        let left = all().map(|(charge, standing)| charge.limit.saturating_sub(standing.used)).min();
        self.tell(cx, total, left.unwrap_or(total));
        if verdict.admitted {
            return Ok(());
        }
        // All of them must have room again; a limit that has none even for itself says its whole window.
        let wait = all()
            .filter(|(_, standing)| !standing.fits)
            .map(|(charge, standing)| standing.wait.unwrap_or_else(|| window_of(charge)))
            .max()
            .unwrap_or_default();
        if let Some(name) = &self.retry_after_variable {
            cx.variables.set(name, number(whole_seconds(wait)));
        }
        Err(rate_exceeded(self, wait))
    }

    fn tell(&self, cx: &mut RequestCx, total: u64, left: u64) {
        if let Some(name) = &self.remaining_variable {
            cx.variables.set(name, number(left));
        }
        if let Some(name) = &self.remaining_header {
            cx.finally.set_header(name.clone(), HeaderValue::from(left));
        }
        if let Some(name) = &self.total_header {
            cx.finally.set_header(name.clone(), HeaderValue::from(total));
        }
    }
}

fn window_of(charge: &Charge) -> Duration {
    match charge.counter.window {
        tollgate_engine::ports::Window::Sliding { ms }
        | tollgate_engine::ports::Window::Fixed { ms, .. } => Duration::from_millis(ms),
        tollgate_engine::ports::Window::Forever => Duration::ZERO,
    }
}

/// An `int` of expressions.
fn number(number: u64) -> Value {
    Value::from(i32::try_from(number).unwrap_or(i32::MAX))
}
