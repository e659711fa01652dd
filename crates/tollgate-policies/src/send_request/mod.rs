//! `send-request`: calls another URL and keeps the answer in a variable.

use std::sync::Arc;

use tollgate_engine::ports::CallError;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, BoxFuture, CompileCx, Completion, Detached, Facts, Flow,
    Limit, PolicyDef, PolicyError, RequestCx, Response, Resumed, Scope, Section, Step, Value,
};

use crate::outgoing_call::{CONTENT, MODE, OutgoingCall, TIMEOUT, failure};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "send-request",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        MODE,
        AttributeDef {
            name: "response-variable-name",
            expression: true,
            doc: "Context variable that gets the response.",
            ..AttributeDef::DEFAULT
        },
        TIMEOUT,
        AttributeDef {
            name: "ignore-error",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether to go on when there is no answer; the variable is then null.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: CONTENT,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Calls another URL, waits for the whole answer, and keeps it in a context variable: an `IResponse` with `StatusCode`,
`StatusReason`, `Headers` and `Body`. Any status is an answer.

```xml
<send-request mode="new" response-variable-name="introspection" timeout="20" ignore-error="false">
    <set-url>https://login.example.com/introspect</set-url>
    <set-method>POST</set-method>
    <set-header name="Content-Type" exists-action="override">
        <value>application/x-www-form-urlencoded</value>
    </set-header>
    <set-body>@("token=" + Uri.EscapeDataString(context.Request.Headers.GetValueOrDefault("Authorization", "")))</set-body>
</send-request>
<set-variable name="active" value="@(((IResponse)context.Variables["introspection"]).Body.As<JObject>()["active"])" />
```

Without an answer the request fails with 500: reason `Timeout`, `BackendConnectionFailure` (the host is not found, the
connection fails or breaks, the address may not be called), `ResponseBodyTooLarge` or `ResponseBodyInvalid`. What the
policies inside evaluate is not covered by `ignore-error`.

A request makes at most `limits.policy-requests` calls. Bodies count towards `limits.buffered-body` and
`limits.buffers-total`. Link-local addresses, metadata services and the gateway's own listeners are refused, however they are
spelled and whatever name leads to them, unless `egress.allow-link-local` names the host.

Differences from Azure:

- Redirects are not followed; a redirect is an answer like any other.
- A compressed body is decoded, and its `Content-Encoding` and `Content-Length` are then not among the headers.
- `set-method` inside may be an expression.
- `response-variable-name` may be absent; the answer is then discarded.
- `body` of a Liquid template inside is the copied body; with `mode="new"` it is empty.
- With `mode="copy"` neither `Host` nor headers of the connection nor the gateway's own subscription key are copied. A body
  that an expression has consumed is not copied.
- A token of `authentication-managed-identity` takes the place of an `Authorization` header, wherever it stands.
- A URL with user information, a backslash or a control character is refused.
- Everything that is to be sent is put together before the call is made, in the order in which it is written.
"#;

#[derive(Debug)]
struct SendRequest {
    outgoing: OutgoingCall,
    variable: Option<Value<Arc<str>>>,
    ignore_error: bool,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let outgoing = OutgoingCall::compile(element, cx);
    let variable = cx.attribute(element, "response-variable-name");
    let ignore_error = cx.literal(element, "ignore-error");
    if variable.is_none() && element.attribute("response-variable-name").is_some() {
        return None;
    }
    Some(Box::new(SendRequest { outgoing: outgoing?, variable, ignore_error: ignore_error? }))
}

impl Step for SendRequest {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        self.outgoing.begin(cx)?;
        Ok(Flow::Enter { block: 0, state: 0 })
    }

    fn blocks(&self) -> &[Block] {
        self.outgoing.blocks()
    }

    fn resume(
        &self,
        cx: &mut RequestCx,
        _resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        match outcome {
            Ok(()) => Ok(Flow::Wait),
            Err(error) => {
                cx.call = None;
                Err(error)
            }
        }
    }

    /// When the future is dropped, the call has ended and the variable is as it was.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let call = OutgoingCall::finish(cx)?;
            let kept = self.kept(cx)?;
            let answer = cx.ports.calls.send(call).await;
            kept.apply(cx, answer)
        })
    }

    fn detach(&self, cx: &mut RequestCx) -> Result<Option<Detached>, PolicyError> {
        if !self.outgoing.can_detach() {
            return Ok(None);
        }
        let call = self.outgoing.at_once(cx)?;
        let kept = self.kept(cx)?;
        let sending = cx.ports.calls.send(call);
        let future = Box::pin(async move {
            let answer = sending.await;
            Box::new(move |cx: &mut RequestCx| kept.apply(cx, answer)) as Completion
        });
        Ok(Some(Detached { future }))
    }

    fn facts(&self) -> Facts {
        let variable = self.variable.as_ref().map_or_else(Facts::default, Value::facts);
        self.outgoing.facts().or(variable)
    }
}

impl SendRequest {
    fn kept(&self, cx: &mut RequestCx) -> Result<Kept, PolicyError> {
        let variable = self.variable.as_ref().map(|name| name.eval(cx)).transpose()?;
        Ok(Kept { variable, ignore_error: self.ignore_error })
    }
}

/// What becomes of the answer.
struct Kept {
    variable: Option<Arc<str>>,
    ignore_error: bool,
}

impl Kept {
    fn apply(
        self,
        cx: &mut RequestCx,
        answer: Result<Response, CallError>,
    ) -> Result<Flow, PolicyError> {
        let value = match answer {
            Ok(response) => tollgate_expr::Value::response(seen(&response)),
            Err(error) if self.ignore_error => {
                if cx.ports.trace.enabled() {
                    let message = format!("No answer; ignore-error is true: {error}");
                    cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
                }
                tollgate_expr::Value::default()
            }
            Err(error) => return Err(failure(&error)),
        };
        if let Some(name) = &self.variable {
            cx.variables.set(name, value);
        }
        Ok(Flow::Continue)
    }
}

/// An answer as expressions see it.
fn seen(response: &Response) -> tollgate_expr::Response {
    let headers = response.headers.keys().map(|name| {
        let values = response.headers.get_all(name).iter().map(text).collect();
        (name.as_str().to_owned(), values)
    });
    tollgate_expr::Response {
        status: i32::from(response.status.as_u16()),
        reason: response.phrase().to_owned(),
        headers: headers.collect(),
        // An answer has a body, if only an empty one.
        body: Some(response.body.bytes().cloned().unwrap_or_default()),
    }
}

/// Bytes past ASCII are read as UTF-8, else as Latin-1.
fn text(value: &http::HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes)
        .map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

#[cfg(test)]
mod tests;
