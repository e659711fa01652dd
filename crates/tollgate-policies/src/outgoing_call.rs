//! Requests of a policy's own: what `send-request` and `send-one-way-request` have in common.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{BodyError, Call, CallError, Via};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, Body, ChildDef, CompileCx, Content, Facts, PolicyError,
    RequestCx, Section, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const MODE: AttributeDef = AttributeDef {
    name: "mode",
    ty: AttributeType::Word(&["new", "copy"]),
    expression: true,
    default: Some("new"),
    doc: "`new` begins with an empty request, `copy` with method, URL, headers and body of the current one.",
    ..AttributeDef::DEFAULT
};

pub(crate) const TIMEOUT: AttributeDef = AttributeDef {
    name: "timeout",
    ty: AttributeType::Seconds,
    expression: true,
    doc: "Seconds until the answer must be there; 60 when absent (`timeouts.policy-request`).",
    ..AttributeDef::DEFAULT
};

/// What stands inside: the URL, and policies that work on the request.
pub(crate) const CONTENT: Content = Content::Call {
    children: &[ChildDef {
        name: SET_URL,
        content: Content::Text(TextDef {
            ty: AttributeType::Url,
            required: true,
            expression: true,
        }),
        max: 1,
        doc: "The URL to call; needed with `mode=\"new\"`.",
        ..ChildDef::DEFAULT
    }],
    once: &[
        SET_METHOD,
        SET_BODY,
        "authentication-certificate",
        "authentication-managed-identity",
        "proxy",
    ],
    many: &["set-header"],
};

const SET_URL: &str = "set-url";
const SET_METHOD: &str = "set-method";
const SET_BODY: &str = "set-body";

/// What a call begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    New,
    Copy,
}

impl Typed for Mode {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "new" => Ok(Self::New),
            "copy" => Ok(Self::Copy),
            _ => Err("expected `new` or `copy`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("The mode: {why}.")))
    }
}

/// What a copy has of the current request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopiedBody {
    /// Nothing: it gets another one, or it is made in `outbound`.
    Nothing,
    /// All of it, as it would go on.
    AsItIs,
    /// What policies read of it: a template makes another body of it.
    Decoded,
}

/// A compiled request.
#[derive(Debug)]
pub(crate) struct OutgoingCall {
    mode: Value<Mode>,
    url: Option<Value<Arc<str>>>,
    timeout: Option<Value<Duration>>,
    copied_body: CopiedBody,
    /// The policies inside.
    block: [Block; 1],
    /// Whether one of them may have to wait.
    may_wait: bool,
}

impl OutgoingCall {
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let mode: Option<Value<Mode>> = cx.attribute(element, MODE.name);
        let timeout = cx.attribute(element, TIMEOUT.name);
        let has = |name: &'static str| element.elements_named(name).next();
        let url = has(SET_URL).map(|child| cx.text(child));
        let block = [cx.call_block(element)];
        // The policies inside have the same name as ours for the declaration; what is missing is only known here.
        if matches!(mode, Some(Value::Literal(Mode::New))) {
            for name in [SET_URL, SET_METHOD] {
                if has(name).is_none() {
                    let message = format!("`{}` needs a `{name}` element", element.name);
                    cx.report(
                        Diagnostic::new(Code::MISSING_CHILD, message, element.name_span)
                            .label(format!("`{name}` is missing"))
                            .help("with `mode=\"copy\"` it is taken from the current request"),
                    );
                }
            }
        }
        if timeout.is_none() && element.attribute(TIMEOUT.name).is_some() {
            return None;
        }
        let url = match url {
            None => None,
            Some(url) => Some(url?),
        };
        // A token that goes into a variable must be there before the next element sees it.
        let may_wait =
            element.elements().any(|child| child.attribute("output-token-variable-name").is_some());
        let copied_body = match has(SET_BODY) {
            _ if cx.section() == Section::Outbound => CopiedBody::Nothing,
            None => CopiedBody::AsItIs,
            Some(child) if child.attribute("template").is_some() => CopiedBody::Decoded,
            Some(_) => CopiedBody::Nothing,
        };
        Some(Self { mode: mode?, url, timeout, copied_body, block, may_wait })
    }

    /// The policies inside, as the step's blocks.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.block
    }

    /// Whether the call can be put together without waiting.
    pub(crate) fn can_detach(&self) -> bool {
        !self.may_wait
    }

    /// What putting it together needs, the policies inside included.
    pub(crate) fn facts(&self) -> Facts {
        let may_copy = !matches!(self.mode, Value::Literal(Mode::New));
        let reads_request_body = may_copy && self.copied_body != CopiedBody::Nothing;
        let copied = Facts { reads_request_body, ..Facts::default() };
        let url = self.url.as_ref().map_or_else(Facts::default, Value::facts);
        let timeout = self.timeout.as_ref().map_or_else(Facts::default, Value::facts);
        let inside = self.block.iter().fold(Facts::default(), |all, block| all.or(block.facts()));
        copied.or(self.mode.facts()).or(url).or(timeout).or(inside)
    }

    /// Makes the call what it is before the policies inside work on it.
    pub(crate) fn begin(&self, cx: &mut RequestCx) -> Result<(), PolicyError> {
        let mode = self.mode.eval(cx)?;
        let url = self.url.as_ref().map(|url| url.eval(cx)).transpose()?;
        let timeout = self.timeout.as_ref().map(|timeout| timeout.eval(cx)).transpose()?;
        cx.calls_left = cx.calls_left.checked_sub(1).ok_or_else(|| {
            let message = "The policies of this request have made as many requests as they may.";
            PolicyError::internal("PolicyRequestLimitExceeded", message)
        })?;
        let url = match (url, mode) {
            (Some(url), _) => url,
            (None, Mode::Copy) => current_url(cx),
            (None, Mode::New) => {
                let message = "There is no URL: set-url is missing and the mode is new.";
                return Err(PolicyError::internal("BackendConnectionFailure", message));
            }
        };
        let (method, headers, body) = match mode {
            Mode::New => (Method::GET, HeaderMap::new(), Bytes::new()),
            Mode::Copy => self.copy(cx),
        };
        let request_id = cx.client.request_id;
        let (token, via) = (None, Via::default());
        cx.call =
            Some(Box::new(Call { method, url, headers, body, timeout, token, via, request_id }));
        Ok(())
    }

    fn copy(&self, cx: &RequestCx) -> (Method, HeaderMap, Bytes) {
        let mut headers = cx.wire.headers_for_others(&cx.request.headers);
        let body = self.body(cx);
        if body.is_none() || self.copied_body == CopiedBody::Decoded {
            headers.remove(http::header::CONTENT_ENCODING);
            headers.remove("content-md5");
        }
        (cx.request.method.clone(), headers, body.unwrap_or_default())
    }

    /// The current request's body for a copy; none when there is none or it has gone.
    fn body(&self, cx: &RequestCx) -> Option<Bytes> {
        let body = Some(&cx.request.body).filter(|_| !cx.request.consumed)?;
        match (self.copied_body, body) {
            (CopiedBody::Nothing, _) => None,
            (CopiedBody::AsItIs, Body::Buffered(body)) => Some(body.raw.clone()),
            (CopiedBody::AsItIs | CopiedBody::Decoded, body) => body.bytes().cloned(),
        }
    }

    /// The call, when the policies inside are through.
    pub(crate) fn finish(cx: &mut RequestCx) -> Result<Call, PolicyError> {
        let call = cx.call.take().map(|call| *call);
        call.ok_or_else(|| PolicyError::internal("InternalError", "there is no call to make"))
    }

    /// Puts the whole call together at once.
    pub(crate) fn at_once(&self, cx: &mut RequestCx) -> Result<Call, PolicyError> {
        self.begin(cx)?;
        for block in &self.block {
            if let Err(error) = block.run_at_once(cx) {
                cx.call = None;
                return Err(error);
            }
        }
        Self::finish(cx)
    }
}

fn current_url(cx: &RequestCx) -> Arc<str> {
    let tollgate_expr::Url { scheme, host, port, path, query } = cx.url();
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{host}:{port}{path}{separator}{query}").into()
}

/// What a call without an answer is to the request.
pub(crate) fn failure(error: &CallError) -> PolicyError {
    let reason = match error {
        CallError::Timeout(_) => "Timeout",
        CallError::Refused(_) | CallError::Connection(_) | CallError::Unavailable { .. } => {
            "BackendConnectionFailure"
        }
        CallError::UnknownBackend(_) => "BackendNotFound",
        CallError::Identity(_) => "ManagedIdentityTokenFailed",
        CallError::TooMany(_) => "TooManyRequests",
        CallError::Body(error) => match error {
            BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. } => "ResponseBodyTooLarge",
            BodyError::Encoding(_) => "ResponseBodyInvalid",
            BodyError::MemoryPressure => "MemoryPressure",
            BodyError::ClientGone | BodyError::ClientTimeout => "ClientConnectionFailure",
            BodyError::Backend(_) => "BackendConnectionFailure",
        },
    };
    PolicyError::internal(reason, error.to_string())
}
