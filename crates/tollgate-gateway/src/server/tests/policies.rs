//! Policies that do to a request what the tests want done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tollgate_engine::ports::{ForwardCall, ForwardError, ForwardOptions, HttpVersion};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, CompileCx, Content, Facts, Flow, Limit, Message,
    PolicyDef, PolicyError, RequestCx, Response, Resumed, Scope, Section, Step, Target,
};

const OPTIONAL: AttributeDef = AttributeDef { ty: AttributeType::Text, ..AttributeDef::DEFAULT };

/// `<forward/>` calls the backend; `<t do="…"/>` does what it says.
pub(super) const POLICIES: &[PolicyDef] = &[
    PolicyDef {
        name: "forward",
        sections: &Section::ALL,
        toolkit_sections: &[],
        scopes: &Scope::ALL,
        limit: Limit::Any,
        attributes: &[
            AttributeDef { name: "timeout-ms", ..OPTIONAL },
            AttributeDef { name: "continue-ms", ..OPTIONAL },
            AttributeDef { name: "http-version", ..OPTIONAL },
            AttributeDef { name: "follow", ..OPTIONAL },
        ],
        content: Content::Empty,
        docs: "",
        compile: compile_forward,
    },
    PolicyDef {
        name: "t",
        sections: &Section::ALL,
        toolkit_sections: &[],
        scopes: &Scope::ALL,
        limit: Limit::Any,
        attributes: &[
            AttributeDef { name: "do", required: true, ..OPTIONAL },
            AttributeDef { name: "a", ..OPTIONAL },
            AttributeDef { name: "b", ..OPTIONAL },
        ],
        content: Content::Empty,
        docs: "",
        compile: compile_do,
    },
];

#[derive(Debug)]
struct Forward(ForwardOptions);

#[expect(clippy::unnecessary_wraps, reason = "the declaration of a policy wants it so")]
fn compile_forward(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut text = |name: &str| cx.literal::<Arc<str>>(element, name);
    let millis =
        |text: Option<Arc<str>>| text.map(|text| Duration::from_millis(text.parse().unwrap()));
    let options = ForwardOptions {
        timeout: millis(text("timeout-ms")),
        continue_timeout: millis(text("continue-ms")),
        http_version: match text("http-version").as_deref() {
            Some("2") => HttpVersion::Two,
            Some("2or1") => HttpVersion::TwoOrOne,
            _ => HttpVersion::One,
        },
        follow_redirects: text("follow").is_some(),
    };
    Some(Box::new(Forward(options)))
}

impl Step for Forward {
    fn run(&self, _: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(Flow::Wait)
    }

    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let request_id = cx.client.request_id;
            let call = ForwardCall { request: &cx.request, options: self.0, request_id };
            match cx.wire.forward(call).await {
                Ok(response) => cx.response = Some(response),
                Err(error) => return Err(failed(&error)),
            }
            if matches!(cx.request.body, Body::Stream) {
                cx.request.body = Body::Sent;
            }
            Ok(Flow::Continue)
        })
    }
}

fn failed(error: &ForwardError) -> PolicyError {
    let reason = match error {
        ForwardError::Connection(_) => "Connection",
        ForwardError::Timeout(_) => "Timeout",
        ForwardError::ClientGone => "ClientGone",
        ForwardError::Body(_) => "Body",
        ForwardError::UnknownBackend(_) => "UnknownBackend",
        ForwardError::NoTarget => "NoTarget",
        ForwardError::Refused(_) => "Refused",
        ForwardError::BreakerOpen { .. } => "BreakerOpen",
        ForwardError::PoolUnavailable { .. } => "PoolUnavailable",
        ForwardError::Identity(_) => "Identity",
    };
    PolicyError::internal(reason, error.to_string()).status(StatusCode::BAD_GATEWAY)
}

#[derive(Debug)]
struct Do {
    what: String,
    a: String,
    b: String,
}

#[expect(clippy::unnecessary_wraps, reason = "the declaration of a policy wants it so")]
fn compile_do(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut text = |name: &str| {
        cx.literal::<Arc<str>>(element, name).map(|it| it.to_string()).unwrap_or_default()
    };
    Some(Box::new(Do { what: text("do"), a: text("a"), b: text("b") }))
}

impl Step for Do {
    fn facts(&self) -> Facts {
        Facts {
            reads_request_body: self.what == "read-request",
            reads_response_body: self.what == "read-response",
        }
    }

    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let name = || HeaderName::from_bytes(self.a.as_bytes()).unwrap();
        match self.what.as_str() {
            "read-request" | "read-response" => {}
            "set-request-body" => cx.set_body(Message::Request, text(&self.a)),
            "set-response-body" => cx.set_body(Message::Response, text(&self.a)),
            // The body as a policy reads it, in the response.
            "echo-request" => {
                let body = cx.request.body.bytes().cloned().unwrap_or_default();
                cx.set_body(Message::Response, body);
            }
            "echo-response" => {
                let body = cx.response.as_ref().and_then(|it| it.body.bytes().cloned());
                cx.response
                    .get_or_insert_with(|| Response::new(StatusCode::OK))
                    .headers
                    .insert("x-read", HeaderValue::from_bytes(&body.unwrap_or_default()).unwrap());
            }
            "set-header" => {
                cx.request.headers.insert(name(), self.b.parse().unwrap());
            }
            "append-header" => {
                cx.request.headers.append(name(), self.b.parse().unwrap());
            }
            "set-secret-header" => {
                let mut value: HeaderValue = self.b.parse().unwrap();
                value.set_sensitive(true);
                cx.request.headers.insert(name(), value);
            }
            "set-response-header" => {
                cx.response_mut(Message::Response).headers.insert(name(), self.b.parse().unwrap());
            }
            "set-method" => cx.request.method = Method::from_bytes(self.a.as_bytes()).unwrap(),
            "set-path" => cx.request.uri.path.clone_from(&self.a),
            "set-backend" => cx.request.target = Some(Target::Backend(self.a.as_str().into())),
            "set-status" => {
                let response = cx.response_mut(Message::Response);
                response.status = self.a.parse().unwrap();
                response.reason = Some(self.b.as_str().into());
            }
            "answer" => {
                let mut response = Response::new(self.a.parse().unwrap());
                response.body = Body::Replaced(text(&self.b));
                cx.response = Some(response);
                return Ok(Flow::Return);
            }
            "tell" => {
                let ip = cx.client.ip.unwrap();
                let url = &cx.request.original_url;
                let told = format!(
                    "{ip} {}://{}:{}{}?{}",
                    url.scheme, url.host, url.port, url.path, url.query
                );
                let mut response = Response::new(StatusCode::OK);
                response.body = Body::Replaced(text(&told));
                cx.response = Some(response);
                return Ok(Flow::Return);
            }
            "note-error" => {
                let reason = cx.last_error.as_ref().unwrap().reason.parse().unwrap();
                cx.response_mut(Message::Response).headers.insert("x-reason", reason);
            }
            "sleep" => return Ok(Flow::Wait),
            what => panic!("`{what}` is not a thing to do"),
        }
        Ok(Flow::Continue)
    }

    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let slept = cx.wire.sleep(Duration::from_millis(self.a.parse().unwrap())).await;
            slept.map_err(|error| PolicyError::internal("Sleep", error.to_string()))?;
            Ok(Flow::Continue)
        })
    }
}
