//! `forward-request`: sends the request to the backend and waits for status and headers of the response.

use std::time::Duration;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{BodyError, ForwardError, ForwardOptions, HttpVersion};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "forward-request",
    sections: &[Section::Backend],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "http-version",
            ty: AttributeType::Word(&["1", "2or1", "2"]),
            default: Some("1"),
            doc: "HTTP version towards the backend; `2or1` prefers HTTP/2.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "timeout",
            ty: NOT_NEGATIVE,
            expression: true,
            doc: "Seconds to wait for status and headers of the response; 300 when absent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "timeout-ms",
            ty: NOT_NEGATIVE,
            expression: true,
            doc: "The same in milliseconds.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "continue-timeout",
            ty: NOT_NEGATIVE,
            expression: true,
            doc: "Seconds to wait for `100 Continue` before the body is sent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "follow-redirects",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether redirects are followed here or given to the client.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "buffer-request-body",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether the body of the request is kept so that `retry` can send it again.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "buffer-response",
            ty: AttributeType::Bool,
            default: Some("true"),
            doc: "`false` passes each chunk of the response on at once, which is always done here.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "fail-on-error-status-code",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether a status from 400 to 599 is an error.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const NOT_NEGATIVE: AttributeType = AttributeType::Int { min: 0, max: 86_400_000 };

const DOCS: &str = r#"Sends the request to the backend and waits for status and headers of the response, which becomes `context.Response`.
A status of 400 or above is not an error unless `fail-on-error-status-code` says so.

```xml
<forward-request timeout="60" buffer-request-body="true" />
```

Failures end in `on-error` with 500: reason `Timeout` when there was no response in time, `BackendConnectionFailure` when
the connection could not be made or broke, `BackendNotFound` when there is no such backend. While the circuit breaker of the
backend is open, nothing is sent, and the failure is 503 with `Retry-After` and the reason `BackendConnectionFailure`.

Of a pool each `forward-request` chooses a member: one with the best priority, by weight, whose circuit breaker is not open, and if
possible one that the request was not sent to before, so that `retry` around `forward-request` goes on to the next. Then
`context.Backend.Id` is that member. When all are open, the failure is the same 503, with the least of their times as
`Retry-After` and `Backend pool '…' is temporarily unavailable.` as reason phrase.

Differences from Azure:

- With `fail-on-error-status-code` the reason is `BackendErrorStatusCode`, and `context.Response` stays the backend's.
- `buffer-response="true"` does not gather chunks of the response into pieces of 8 KB: each is passed on as it comes, unless a
  policy reads the body.
- `timeout="0"` waits for nothing: it fails at once, and nothing is sent.
- A body that was streamed to the backend cannot be sent again; a second `forward-request` then fails with
  `RequestBodyConsumed`. `buffer-request-body="true"` on the first one prevents it.
- `follow-redirects` follows at most ten. A redirect goes to the client when it needs a body that was not kept, or leads from
  `https` to `http`; what leads to another origin takes only headers along that describe the request, such as `Accept`.
- A circuit breaker whose time is over lets one request through, and closes only when that one does not fail; Azure documents
  no half-open state. Until it has ended, other requests fail with 503, or go to another member of the pool.
- The cookie of `session-affinity` holds a hash that names the member; it is set with `Path=/; HttpOnly` and goes to the backend
  as it comes. A member that is left alone, or that the request was sent to before, is not waited for.
- A failure to get the gateway's own token for a backend has the reason `ManagedIdentityTokenFailed`.
"#;

#[derive(Debug)]
struct ForwardRequest {
    timeout: Option<Value<WholeNumber>>,
    /// What one unit of `timeout` is.
    unit: Duration,
    continue_timeout: Option<Value<WholeNumber>>,
    http_version: HttpVersion,
    follow_redirects: Value<bool>,
    buffer_request_body: bool,
    fail_on_error: bool,
}

/// A whole number that is not negative.
#[derive(Debug, Clone, Copy)]
struct WholeNumber(u32);

impl Typed for WholeNumber {
    const TARGET: Target = Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| "expected a whole number, 0 or more".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        u32::try_from(i64::from_value(value, state)?)
            .map(Self)
            .map_err(|_| PolicyError::unfit_value("A time-out cannot be negative or that long."))
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    if let (Some(_), Some(second)) = (element.attribute("timeout"), element.attribute("timeout-ms"))
    {
        let message = "`timeout` and `timeout-ms` exclude each other";
        cx.report(
            Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, second.name_span)
                .label("one of the two is enough"),
        );
        return None;
    }
    let milliseconds = element.attribute("timeout-ms").is_some();
    let (name, unit) =
        if milliseconds { ("timeout-ms", Duration::from_millis(1)) } else { ("timeout", SECOND) };
    let timeout = optional(cx, element, name);
    let continue_timeout = optional(cx, element, "continue-timeout");
    let http_version = cx.literal::<std::sync::Arc<str>>(element, "http-version");
    let follow_redirects = cx.attribute(element, "follow-redirects");
    let http_version = match &*http_version? {
        "2" => HttpVersion::Two,
        "2or1" => HttpVersion::TwoOrOne,
        _ => HttpVersion::One,
    };
    Some(Box::new(ForwardRequest {
        timeout: timeout.ok()?,
        unit,
        continue_timeout: continue_timeout.ok()?,
        http_version,
        follow_redirects: follow_redirects?,
        buffer_request_body: cx.literal(element, "buffer-request-body")?,
        fail_on_error: cx.literal(element, "fail-on-error-status-code")?,
    }))
}

const SECOND: Duration = Duration::from_secs(1);

/// An attribute without default; an error when it is wrong, which has been reported.
fn optional(
    cx: &mut CompileCx<'_>,
    element: &Element,
    name: &str,
) -> Result<Option<Value<WholeNumber>>, ()> {
    let value = cx.attribute(element, name);
    if value.is_none() && element.attribute(name).is_some() { Err(()) } else { Ok(value) }
}

impl Step for ForwardRequest {
    fn run(&self, _cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(Flow::Wait)
    }

    /// When the client goes away the future is dropped while the backend is awaited; the wire then ends the call.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let options = self.options(cx)?;
            // No answer comes in no time; a call that is cut off at some moment would only sometimes have been seen.
            if options.timeout == Some(Duration::ZERO) {
                return Err(failure(&ForwardError::Timeout(Duration::ZERO)));
            }
            if matches!(cx.request.body, Body::Sent) {
                let message = "The body of the request has already been sent and was not kept.";
                return Err(PolicyError::internal("RequestBodyConsumed", message));
            }
            if cx.route.names.wants_request_body(&cx.request, &cx.route.info) {
                cx.provide(Facts { reads_request_body: true, ..Facts::default() }).await?;
            }
            // What an earlier call answered is not the response of one that fails.
            cx.response = None;
            let response = cx.forward(options).await.map_err(|error| failure(&error))?;
            let status = response.status;
            cx.response = Some(response);
            cx.answered().await?;
            if self.fail_on_error && (status.is_client_error() || status.is_server_error()) {
                let message = format!("The backend answered with status {}.", status.as_u16());
                return Err(PolicyError::internal("BackendErrorStatusCode", message)
                    .status(status)
                    .keep_response());
            }
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        let values = [self.timeout.as_ref(), self.continue_timeout.as_ref()];
        let own = values
            .into_iter()
            .flatten()
            .fold(self.follow_redirects.facts(), |facts, v| facts.or(v.facts()));
        Facts { reads_request_body: own.reads_request_body || self.buffer_request_body, ..own }
    }
}

impl ForwardRequest {
    fn options(&self, cx: &mut RequestCx) -> Result<ForwardOptions, PolicyError> {
        let mut time = |value: &Option<Value<WholeNumber>>, unit: Duration| match value {
            Some(value) => {
                value.eval(cx).map(|WholeNumber(number)| Some(unit.saturating_mul(number)))
            }
            None => Ok(None),
        };
        let timeout = time(&self.timeout, self.unit)?;
        let continue_timeout = time(&self.continue_timeout, SECOND)?;
        Ok(ForwardOptions {
            timeout,
            continue_timeout,
            http_version: self.http_version,
            follow_redirects: self.follow_redirects.eval(cx)?,
        })
    }
}

/// What a failure to forward is to the request.
fn failure(error: &ForwardError) -> PolicyError {
    let reason = match error {
        ForwardError::Timeout(_) => "Timeout",
        ForwardError::Connection(_)
        | ForwardError::Refused(_)
        | ForwardError::BreakerOpen { .. }
        | ForwardError::PoolUnavailable { .. }
        | ForwardError::Body(BodyError::Backend(_)) => "BackendConnectionFailure",
        ForwardError::ClientGone
        | ForwardError::Body(BodyError::ClientGone | BodyError::ClientTimeout) => {
            "ClientConnectionFailure"
        }
        ForwardError::Body(BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. }) => {
            "RequestBodyTooLarge"
        }
        ForwardError::Body(BodyError::Encoding(_)) => "RequestBodyInvalid",
        ForwardError::Body(BodyError::MemoryPressure) => "MemoryPressure",
        ForwardError::UnknownBackend(_) | ForwardError::NoTarget => "BackendNotFound",
        ForwardError::Identity(_) => "ManagedIdentityTokenFailed",
    };
    let failure = PolicyError::internal(reason, error.to_string());
    match error {
        ForwardError::Body(BodyError::ClientTimeout) => failure
            .status(http::StatusCode::REQUEST_TIMEOUT)
            .client_message("The request body was not received in time."),
        ForwardError::Body(BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. }) => {
            failure
                .status(http::StatusCode::PAYLOAD_TOO_LARGE)
                .client_message("The request body is too large.")
        }
        ForwardError::Body(BodyError::Encoding(_)) => failure
            .status(http::StatusCode::BAD_REQUEST)
            .client_message("The request body is malformed."),
        ForwardError::Body(BodyError::MemoryPressure) => failure
            .status(http::StatusCode::SERVICE_UNAVAILABLE)
            .client_message("Service Unavailable"),
        ForwardError::BreakerOpen { retry_after, .. } => unavailable(failure, *retry_after),
        // Policies in the field look for these words.
        ForwardError::PoolUnavailable { pool, retry_after } => unavailable(failure, *retry_after)
            .status_reason(format!("Backend pool '{pool}' is temporarily unavailable.")),
        _ => failure,
    }
}

fn unavailable(failure: PolicyError, retry_after: Duration) -> PolicyError {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    failure
        .status(http::StatusCode::SERVICE_UNAVAILABLE)
        .client_message("Service Unavailable")
        .header(http::header::RETRY_AFTER, seconds.max(1).into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use tollgate_engine::ports::{
        BodyError, ForwardError, ForwardOptions, HttpVersion, IdentityError,
    };
    use tollgate_engine::{Body, Response};

    use crate::testing::Case;

    fn options(policy: &str) -> ForwardOptions {
        let run = Case::backend(policy).answer(Ok(Response::new(StatusCode::OK))).run();
        run.forwarded().first().unwrap().options
    }

    #[test]
    fn settings_reach_the_wire() {
        let default = ForwardOptions {
            timeout: None,
            continue_timeout: None,
            http_version: HttpVersion::One,
            follow_redirects: false,
        };
        assert_eq!(options("<forward-request />"), default);
        assert_eq!(
            options(
                r#"<forward-request timeout="@(30 + 30)" continue-timeout="2" http-version="2or1"
                    follow-redirects="@(1 == 1)" buffer-response="false" />"#
            ),
            ForwardOptions {
                timeout: Some(Duration::from_mins(1)),
                continue_timeout: Some(Duration::from_secs(2)),
                http_version: HttpVersion::TwoOrOne,
                follow_redirects: true,
            }
        );
        let timeout = Some(Duration::from_millis(1500));
        assert_eq!(options(r#"<forward-request timeout-ms="1500" http-version="2" />"#), {
            ForwardOptions { timeout, http_version: HttpVersion::Two, ..default }
        });
        let run = Case::backend(r#"<forward-request timeout="0" />"#).run();
        assert_eq!((run.reason(), run.forwarded().len()), ("Timeout", 0));
    }

    #[test]
    fn failures_have_reasons() {
        let check = |error: ForwardError, status: u16, reason: &str| {
            let run = Case::backend("<forward-request />").answer(Err(error)).run();
            assert_eq!(
                (run.status(), run.reason(), run.source()),
                (status, reason, "forward-request")
            );
        };
        check(ForwardError::Timeout(Duration::from_secs(1)), 500, "Timeout");
        check(ForwardError::Connection("refused".into()), 500, "BackendConnectionFailure");
        check(ForwardError::Refused("link-local".into()), 500, "BackendConnectionFailure");
        check(ForwardError::ClientGone, 500, "ClientConnectionFailure");
        let retry_after = Duration::from_millis(1_500);
        let open = ForwardError::BreakerOpen { backend: "b".into(), retry_after };
        check(open, 503, "BackendConnectionFailure");
        let open = ForwardError::PoolUnavailable { pool: "p".into(), retry_after };
        check(open, 503, "BackendConnectionFailure");
        check(ForwardError::UnknownBackend("b".into()), 500, "BackendNotFound");
        check(ForwardError::NoTarget, 500, "BackendNotFound");
        let identity = IdentityError::Unavailable("none".into());
        check(ForwardError::Identity(identity), 500, "ManagedIdentityTokenFailed");
        check(ForwardError::Body(BodyError::ClientTimeout), 408, "ClientConnectionFailure");
        check(ForwardError::Body(BodyError::TooLarge { limit: 1 }), 413, "RequestBodyTooLarge");
        check(ForwardError::Body(BodyError::Encoding(String::new())), 400, "RequestBodyInvalid");
        check(ForwardError::Body(BodyError::MemoryPressure), 503, "MemoryPressure");
    }

    #[test]
    fn an_error_status_is_an_error_when_asked() {
        for (attribute, status, failed) in [
            ("", 500, false),
            (r#"fail-on-error-status-code="true""#, 399, false),
            (r#"fail-on-error-status-code="true""#, 400, true),
            (r#"fail-on-error-status-code="true""#, 599, true),
        ] {
            let mut answer = Response::new(StatusCode::from_u16(status).unwrap());
            answer.headers.insert("x-backend", "1".parse().unwrap());
            let run =
                Case::backend(&format!("<forward-request {attribute} />")).answer(Ok(answer)).run();
            assert_eq!(run.status(), status);
            assert_eq!(run.cx.last_error.as_ref().map(|e| e.reason.as_str()), {
                failed.then_some("BackendErrorStatusCode")
            });
            assert!(run.cx.response.unwrap().headers.contains_key("x-backend"));
        }
    }

    #[test]
    fn a_streamed_body_is_sent_once_and_a_kept_one_again() {
        let twice = "<choose><when condition=\"true\"><forward-request ATTR /><forward-request /></when></choose>";
        let ok = || Ok(Response::new(StatusCode::OK));
        let run = Case::backend(&twice.replace("ATTR", ""))
            .body("b")
            .streaming()
            .answer(ok())
            .answer(ok())
            .run();
        assert_eq!(run.reason(), "RequestBodyConsumed");
        assert!(matches!(run.cx.request.body, Body::Sent));
        let kept = twice.replace("ATTR", "buffer-request-body=\"true\"");
        let run = Case::backend(&kept).body("b").streaming().answer(ok()).answer(ok()).run();
        assert_eq!(run.forwarded().len(), 2);
    }

    #[test]
    fn settings_that_cannot_be() {
        Case::backend(r#"<forward-request timeout="1" timeout-ms="1" />"#)
            .refused("exclude each other");
        Case::backend(r#"<forward-request timeout="-1" />"#).refused("expected 0 or more");
        Case::backend(r#"<forward-request http-version="3" />"#)
            .refused("expected one of `1`, `2or1`, `2`");
        Case::inbound("<forward-request />").refused("is not allowed in `inbound`");
        let run = Case::backend(r#"<forward-request timeout="@(0 - 1)" />"#).run();
        assert_eq!(run.reason(), "ExpressionValueEvaluationFailure");
    }
}
