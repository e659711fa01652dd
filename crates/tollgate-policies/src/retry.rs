//! `retry`: runs policies again while a condition holds.

use std::time::Duration;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, BoxFuture, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "retry",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "condition",
            ty: AttributeType::Bool,
            required: true,
            expression: true,
            doc: "Whether the policies are run again; asked after each run.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "count",
            ty: AttributeType::Int { min: 1, max: MAX_COUNT as i64 },
            required: true,
            expression: true,
            doc: "How often they are run again at most.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "interval",
            ty: SECONDS,
            expression: true,
            doc: "Seconds to wait before the first retry.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "max-interval",
            ty: SECONDS,
            expression: true,
            doc: "Seconds to wait at most; with `delta`, the wait grows exponentially.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "delta",
            ty: SECONDS,
            expression: true,
            doc: "Seconds by which the wait grows.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "first-fast-retry",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether the first retry comes at once.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Policies,
    docs: DOCS,
    compile,
};

const MAX_COUNT: u32 = 50;

/// A wait is bounded by a day: it holds the client's connection.
const MAX_SECONDS: u32 = 86_400;

const SECONDS: AttributeType = AttributeType::Int { min: 0, max: MAX_SECONDS as i64 };

const DOCS: &str = r#"Runs the policies inside once, and again while the condition holds, at most `count` times more. After the last run what
it left stands: the last response goes on to `outbound`.

```xml
<retry condition="@(context.Response.StatusCode == 429 || context.Response.StatusCode >= 500)"
       count="3" interval="1" max-interval="10" delta="1" first-fast-retry="true">
    <forward-request buffer-request-body="true" />
</retry>
```

Before retry *n*, counted from 0, it waits

- `interval` when there is neither `delta` nor `max-interval`;
- `interval` + *n* × `delta` with `delta`;
- `interval` + (2ⁿ − 1) × `delta` with both, each time with a `delta` up to a fifth smaller or larger, and at most
  `max-interval`;
- not at all when *n* is 0 and `first-fast-retry` is `true`.

`forward-request` can send the body again when `buffer-request-body="true"` has kept it. `return-response` inside ends
everything. A client that goes away ends the wait.

Differences from Azure:

- An error inside is retried when the condition holds; `context.Response` is then `null` unless the backend had answered.
  When the condition is false or itself fails, or `count` is used up, the error goes on. Azure documents nothing.
- `count` is evaluated once, `condition` after each run, and the rest before each wait, so `interval` can follow the
  response's `Retry-After`.
- `interval` may be 0, as many documents have it, and may be absent with a warning, which is the same.
- `max-interval` without `delta` bounds `interval`.
"#;

#[derive(Debug)]
struct Retry {
    condition: Value<bool>,
    count: Value<Count>,
    interval: Option<Value<Seconds>>,
    max_interval: Option<Value<Seconds>>,
    delta: Option<Value<Seconds>>,
    first_fast: Value<bool>,
    block: [Block; 1],
}

/// From 1 to [`MAX_COUNT`].
#[derive(Debug, Clone, Copy)]
struct Count(u32);

impl Typed for Count {
    const TARGET: Target = Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        let count = text.trim().parse().ok().filter(|count| (1..=MAX_COUNT).contains(count));
        count.map(Self).ok_or_else(|| format!("expected a whole number from 1 to {MAX_COUNT}"))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let number = i64::from_value(value, state)?;
        let count = u32::try_from(number).ok().filter(|count| (1..=MAX_COUNT).contains(count));
        count.map(Self).ok_or_else(|| {
            PolicyError::unfit_value(format!(
                "The count {number} is not between 1 and {MAX_COUNT}."
            ))
        })
    }
}

/// Up to [`MAX_SECONDS`].
#[derive(Debug, Clone, Copy)]
struct Seconds(u32);

impl Typed for Seconds {
    const TARGET: Target = Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        let seconds = text.trim().parse().ok().filter(|seconds| *seconds <= MAX_SECONDS);
        seconds.map(Self).ok_or_else(|| format!("expected a whole number from 0 to {MAX_SECONDS}"))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let number = i64::from_value(value, state)?;
        let seconds = u32::try_from(number).ok().filter(|seconds| *seconds <= MAX_SECONDS);
        seconds.map(Self).ok_or_else(|| {
            PolicyError::unfit_value(format!(
                "The interval {number} is not between 0 and {MAX_SECONDS}."
            ))
        })
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let condition = cx.attribute(element, "condition");
    let count = cx.attribute(element, "count");
    let interval = optional(cx, element, "interval");
    if element.attribute("interval").is_none() {
        let message = "`retry` without `interval` is not documented";
        cx.report(
            Diagnostic::new(Code::TOOLKIT_ONLY, message, element.name_span)
                .label("retries at once"),
        );
    }
    let max_interval = optional(cx, element, "max-interval");
    let delta = optional(cx, element, "delta");
    let first_fast = cx.attribute(element, "first-fast-retry");
    let block = [cx.block(element, "")];
    Some(Box::new(Retry {
        condition: condition?,
        count: count?,
        interval: interval.ok()?,
        max_interval: max_interval.ok()?,
        delta: delta.ok()?,
        first_fast: first_fast?,
        block,
    }))
}

/// An attribute without default; an error when it is wrong, which has been reported.
fn optional(
    cx: &mut CompileCx<'_>,
    element: &Element,
    name: &str,
) -> Result<Option<Value<Seconds>>, ()> {
    let value = cx.attribute(element, name);
    if value.is_none() && element.attribute(name).is_some() { Err(()) } else { Ok(value) }
}

/// How far a `retry` has got, as the state of its block.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Retries made.
    made: u32,
    /// Retries it may make.
    count: u32,
}

impl Progress {
    fn enter(self) -> Flow {
        Flow::Enter { block: 0, state: u64::from(self.made) << 32 | u64::from(self.count) }
    }

    fn of(resumed: &Resumed) -> Self {
        let low = resumed.state & u64::from(u32::MAX);
        let part = |bits: u64| u32::try_from(bits).unwrap_or(u32::MAX);
        Self { made: part(resumed.state >> 32), count: part(low) }
    }
}

impl Step for Retry {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Count(count) = self.count.eval(cx)?;
        Ok(Progress { made: 0, count }.enter())
    }

    fn resume(
        &self,
        _cx: &mut RequestCx,
        resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        let Progress { made, count } = Progress::of(&resumed);
        if made < count { Ok(Flow::Wait) } else { outcome.map(|()| Flow::Continue) }
    }

    /// When the client goes away the future is dropped before the next run.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let Some(resumed) = resumed else { return Ok(Flow::Continue) };
            let progress = Progress::of(&resumed);
            match (self.holds(cx).await, resumed.error) {
                (Ok(true), error) => {
                    let pause = self.pause(cx, progress.made).await?;
                    trace(cx, progress.made, pause, error.as_ref());
                    if !pause.is_zero() {
                        cx.wire.sleep(pause).await.map_err(|gone| {
                            PolicyError::internal("ClientConnectionFailure", gone.to_string())
                        })?;
                    }
                    Ok(Progress { made: progress.made + 1, ..progress }.enter())
                }
                // A condition that fails on what the error left must not hide the error.
                (_, Some(error)) | (Err(error), None) => Err(error),
                (Ok(false), None) => Ok(Flow::Continue),
            }
        })
    }

    fn blocks(&self) -> &[Block] {
        &self.block
    }

    fn facts(&self) -> Facts {
        self.count.facts()
    }
}

impl Retry {
    async fn holds(&self, cx: &mut RequestCx) -> Result<bool, PolicyError> {
        cx.provide(self.condition.facts()).await?;
        self.condition.eval(cx)
    }

    /// How long to wait before the next retry.
    async fn pause(&self, cx: &mut RequestCx, made: u32) -> Result<Duration, PolicyError> {
        cx.provide(self.first_fast.facts()).await?;
        if made == 0 && self.first_fast.eval(cx)? {
            return Ok(Duration::ZERO);
        }
        let values = [&self.interval, &self.delta, &self.max_interval];
        let facts = values.into_iter().flatten().map(Value::facts);
        cx.provide(facts.fold(Facts::default(), Facts::or)).await?;
        let mut seconds = |value: &Option<Value<Seconds>>| match value {
            Some(value) => value.eval(cx).map(|Seconds(seconds)| Some(f64::from(seconds))),
            None => Ok(None),
        };
        let interval = seconds(&self.interval)?.unwrap_or(0.0);
        let delta = seconds(&self.delta)?;
        let max = seconds(&self.max_interval)?;
        let random = cx.ports.randomness.next();
        Ok(pause(interval, delta, max, made, random))
    }
}

/// The wait before retry `n`, counted from 0, in each of the modes.
fn pause(interval: f64, delta: Option<f64>, max: Option<f64>, n: u32, random: u64) -> Duration {
    let seconds = match (delta, max) {
        (None, None) => interval,
        (None, Some(max)) => interval.min(max),
        (Some(delta), None) => interval + f64::from(n) * delta,
        (Some(delta), Some(max)) => {
            // The upper half of the bits fits a float exactly; from 0.8 to 1.2.
            let share = f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX);
            let grown = (f64::from(n).exp2() - 1.0) * delta * (0.8 + 0.4 * share);
            (interval + grown).min(max)
        }
    };
    // `n` × `delta` can be 50 days.
    Duration::from_secs_f64(seconds.min(f64::from(MAX_SECONDS)))
}

fn trace(cx: &RequestCx, made: u32, pause: Duration, error: Option<&PolicyError>) {
    let trace = &cx.ports.trace;
    if !trace.enabled() {
        return;
    }
    let why = error.map(|error| format!(" after {}", error.reason())).unwrap_or_default();
    let message = format!("retry {} in {} s{why}", made + 1, pause.as_secs_f64());
    trace.message(cx.client.request_id, POLICY.name, &message);
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use tollgate_engine::ports::ForwardError;
    use tollgate_engine::{Outcome, Response};

    use super::*;
    use crate::testing::{Case, Run};

    type Answer = Result<Response, ForwardError>;

    fn answer(status: u16) -> Answer {
        StatusCode::from_u16(status).map(Response::new).map_err(|_| ForwardError::NoTarget)
    }

    fn refused() -> Answer {
        Err(ForwardError::Connection("refused".to_owned()))
    }

    fn forwards(attributes: &str, answers: Vec<Answer>) -> Run {
        let policy = format!("<retry {attributes}><forward-request /></retry>");
        answers.into_iter().fold(Case::backend(&policy), Case::answer).run()
    }

    const ON_429: &str = r#"condition="@(context.Response.StatusCode == 429)" interval="0""#;

    #[test]
    fn it_runs_again_while_the_condition_holds() {
        let check = |count: &str, answers: &[u16], calls: usize, status: u16| {
            let answers = answers.iter().map(|status| answer(*status)).collect();
            let run = forwards(&format!(r#"{ON_429} count="{count}""#), answers);
            assert_eq!((run.forwarded().len(), run.status()), (calls, status));
        };
        check("3", &[200], 1, 200);
        check("3", &[429, 200], 2, 200);
        check("1", &[429, 429, 200], 2, 429);
        check("@(1 + 1)", &[429, 429, 429, 200], 3, 429);
    }

    #[test]
    fn an_error_inside_is_retried_when_the_condition_holds() {
        let gone = r#"condition="@(context.Response == null)" count="2" interval="0""#;
        let run = forwards(gone, vec![refused(), answer(200)]);
        assert_eq!((run.forwarded().len(), run.status()), (2, 200));
        assert!(run.cx.last_error.is_none());
        assert_eq!(run.trace(), "retry: retry 1 in 0 s after BackendConnectionFailure");
        let run = forwards(gone, vec![refused(), refused(), refused(), answer(200)]);
        let error = run.cx.last_error.as_ref().unwrap();
        assert_eq!(
            (run.forwarded().len(), error.reason.as_str(), error.path.as_str()),
            (3, "BackendConnectionFailure", r"retry[1]\forward-request[1]")
        );
        // The condition fails: there is no response. The error inside is the one that counts.
        let run = forwards(&format!(r#"{ON_429} count="3""#), vec![refused(), answer(200)]);
        assert_eq!((run.forwarded().len(), run.reason()), (1, "BackendConnectionFailure"));
        // What an earlier call answered is not the response of one that failed.
        let run =
            forwards(&format!(r#"{ON_429} count="3""#), vec![answer(429), refused(), answer(200)]);
        assert_eq!((run.forwarded().len(), run.reason()), (2, "BackendConnectionFailure"));
    }

    #[test]
    fn a_failing_condition_is_the_policy_s_error() {
        let run = forwards(
            r#"condition="@(int.Parse(context.Request.Method) == 1)" count="3" interval="0""#,
            vec![answer(200)],
        );
        let error = run.cx.last_error.as_ref().unwrap();
        assert_eq!(
            (error.source.as_str(), error.reason.as_str(), error.path.as_str()),
            ("retry", "ExpressionValueEvaluationFailure", "retry[1]")
        );
    }

    #[test]
    fn an_error_status_that_is_an_error_can_be_retried() {
        let policy = format!(
            r#"<retry {ON_429} count="2"><forward-request fail-on-error-status-code="true" /></retry>"#
        );
        let run = Case::backend(&policy).answer(answer(429)).answer(answer(200)).run();
        assert_eq!((run.forwarded().len(), run.status(), run.reason()), (2, 200, ""));
    }

    #[test]
    fn a_return_inside_ends_everything() {
        let policy =
            r#"<retry condition="true" count="3" interval="0"><return-response /></retry>"#;
        assert_eq!(Case::inbound(policy).run().outcome, Outcome::Returned);
    }

    #[test]
    fn waits_go_through_the_wire() {
        let waits = |attributes: &str| {
            let attributes = format!(r#"condition="true" count="4" {attributes}"#);
            let answers = (0..5).map(|_| answer(200)).collect();
            forwards(&attributes, answers).slept()
        };
        let seconds =
            |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(waits(r#"interval="2""#), seconds(&[2, 2, 2, 2]));
        assert_eq!(waits(r#"interval="2" first-fast-retry="true""#), seconds(&[2, 2, 2]));
        assert_eq!(
            waits(r#"interval="@(1 + 1)" first-fast-retry="@(1 == 1)""#),
            seconds(&[2, 2, 2])
        );
        assert_eq!(waits(r#"interval="2" delta="3""#), seconds(&[2, 5, 8, 11]));
        assert_eq!(
            waits(r#"interval="2" delta="@(3)" first-fast-retry="true""#),
            seconds(&[5, 8, 11])
        );
        assert_eq!(waits(r#"interval="9" max-interval="4""#), seconds(&[4, 4, 4, 4]));
        assert_eq!(waits(r#"interval="1" delta="10" max-interval="@(1)""#), seconds(&[1, 1, 1, 1]));
        assert_eq!(waits(r#"interval="0""#), seconds(&[]));
    }

    #[test]
    fn exponential_waits_spread_around_the_delta() {
        let check = |n: u32, random: u64, seconds: f64| {
            let found = pause(10.0, Some(10.0), Some(100.0), n, random).as_secs_f64();
            assert!((found - seconds).abs() < 1e-6, "{n} {found}");
        };
        check(0, 0, 10.0);
        check(0, u64::MAX, 10.0);
        check(1, 0, 18.0);
        check(1, u64::MAX, 22.0);
        check(2, 1 << 63, 40.0 + 30.0 * 0.2 / f64::from(u32::MAX));
        check(3, 0, 66.0);
        check(4, 0, 100.0);
        check(50, u64::MAX, 100.0);
        let longest = pause(86_400.0, Some(86_400.0), None, 50, 0);
        assert_eq!(longest, Duration::from_hours(24));
    }

    #[test]
    fn expressions_that_do_not_fit() {
        let reason = |attributes: &str| {
            let attributes = format!(r#"condition="@(context.Response != null)" {attributes}"#);
            forwards(&attributes, vec![answer(429), answer(200)]).message().to_owned()
        };
        let check = |attributes: &str, why: &str| {
            assert_eq!(reason(attributes), format!("Expression evaluation failed. {why}"));
        };
        check(r#"interval="1" count="@(0)""#, "The count 0 is not between 1 and 50.");
        check(r#"interval="1" count="@(51)""#, "The count 51 is not between 1 and 50.");
        check(r#"interval="@(0 - 1)" count="1""#, "The interval -1 is not between 0 and 86400.");
    }

    #[test]
    fn attributes_that_cannot_be() {
        let refused = |attributes: &str, why: &str| {
            Case::inbound(&format!("<retry {attributes} />")).refused(why);
        };
        refused(r#"count="1" interval="1""#, "needs the attribute `condition`");
        refused(r#"condition="true" interval="1""#, "needs the attribute `count`");
        refused(r#"condition="true" count="0" interval="1""#, "expected 1 or more");
        refused(r#"condition="true" count="51" interval="1""#, "expected 50 or less");
        refused(r#"condition="true" count="1" interval="-1""#, "expected 0 or more");
        refused(r#"condition="true" count="1" interval="1" delta="x""#, "expected a whole number");
        refused(r#"condition="maybe" count="1" interval="1""#, "expected `true` or `false`");
        Case::inbound(r#"<retry condition="true" count="1"></retry>"#)
            .warned("`retry` without `interval` is not documented");
    }
}
