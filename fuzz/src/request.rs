//! A request through pipelines of many policies, with a backend and other servers that answer what the input says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tollgate_engine::counters::Counted;
use tollgate_engine::ports::{Call, Via};
use tollgate_engine::{
    Api, Body, BufferedBody, Chain, ClientInfo, Deployment, EvalState, ExpressionLimits, Finally,
    Forwardings, Operation, Outcome, Request, RequestCx, Response, Route, RouteInfo, Subscription,
    Traffic, Uri, Url, Variables, process,
};

use super::outside::{CANARY, OneWire, Outside, Recorded, Values, block_on};
use super::policy::compiled;
use super::signer::tokens;

/// Stands on a line of its own between what the client sends, what the backend answers, and what other servers answer.
const SEPARATOR: &[u8] = b"\n----\n";

/// Each pipeline and what it is called.
const PIPELINES: [(&str, &str); 5] = [
    ("identity", include_str!("pipelines/identity.xml")),
    ("headers", include_str!("pipelines/headers.xml")),
    ("models", include_str!("pipelines/models.xml")),
    ("bodies", include_str!("pipelines/bodies.xml")),
    ("calls", include_str!("pipelines/calls.xml")),
];

/// Sends an input through every pipeline.
pub(crate) fn process_all(data: &[u8]) {
    static CHAINS: OnceLock<Vec<(&str, Chain)>> = OnceLock::new();
    if data.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()) {
        return;
    }
    let chains = CHAINS.get_or_init(|| PIPELINES.map(|(name, text)| (name, chain(text))).into());
    let exchange = Exchange::read(data);
    for (name, chain) in chains {
        let ended = exchange.run(chain);
        ended.check(name);
        if *name == "identity" {
            ended.check_identity(&exchange);
        }
        // Not every one, so that more are tried.
        if data.len().is_multiple_of(4) {
            let again = exchange.run(chain).shown();
            assert_eq!(ended.shown(), again, "{name}: the same request, another answer");
        }
    }
}

/// The chain of one document, which must be good.
pub(crate) fn chain(document: &str) -> Chain {
    let outside = Outside::new(None);
    let fragment = "<fragment><set-variable name=\"shared\" value=\"yes\" /></fragment>";
    let (compiled, found) =
        compiled(document, fragment, &Values::new("plain", ""), &*outside, &outside.ports());
    let compiled = compiled.unwrap_or_else(|| panic!("{found}"));
    Chain::new([Arc::new(compiled)])
}

/// What a client, a backend and other servers say.
pub(crate) struct Exchange {
    method: Method,
    target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    body: Bytes,
    /// Whether the body is still on the wire.
    is_streaming: bool,
    answer: Option<(Response, Bytes)>,
    called: Option<Response>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            method: Method::GET,
            target: PathAndQuery::from_static("/"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_streaming: false,
            answer: Some((Response::new(StatusCode::OK), Bytes::new())),
            called: None,
        }
    }
}

impl Exchange {
    /// Reads as much as there is; what HTTP would not let pass is left out.
    fn read(data: &[u8]) -> Self {
        let mut messages = split(data);
        let mut exchange = Self::default();
        let (line, headers, body) = message(messages.next().unwrap_or_default());
        let mut words = line.split(|byte| *byte == b' ');
        if let Some(Ok(method)) = words.next().map(Method::from_bytes) {
            exchange.method = method;
        }
        let target = words.next().filter(|target| target.starts_with(b"/"));
        if let Some(Ok(target)) = target.map(PathAndQuery::try_from) {
            exchange.target = target;
        }
        exchange.is_streaming = words.next().is_some();
        exchange.headers = headers;
        exchange.body = body;
        exchange.answer = messages.next().map(|bytes| {
            let (mut response, body) = response(bytes);
            if !body.is_empty() {
                response.body = Body::Stream;
            }
            (response, body)
        });
        exchange.called = messages.next().map(|bytes| {
            let (mut response, body) = response(bytes);
            response.body = Body::Buffered(BufferedBody::from(body));
            response
        });
        exchange
    }

    pub(crate) fn run(&self, chain: &Chain) -> Ended {
        let recorded = Recorded::default();
        let outside = Outside::new(self.called.clone());
        let mut cx = self.context(&outside, &recorded);
        let outcome = block_on(process(&mut cx, chain));
        let response = cx.response.take();
        let body = match response.as_ref().map(|response| &response.body) {
            Some(Body::Buffered(body)) => body.raw.to_vec(),
            Some(Body::Replaced(body)) => body.to_vec(),
            Some(Body::Stream) => {
                let body = self.answer.as_ref().map(|(_, body)| body.clone()).unwrap_or_default();
                recorded.pass(body.chunks(11))
            }
            Some(Body::Empty | Body::Sent) | None => Vec::new(),
        };
        let traffic = Traffic { request: self.body.len() as u64, response: body.len() as u64 };
        for work in cx.finally.sent(traffic) {
            block_on(work);
        }
        let forwarded = std::mem::take(&mut *recorded.forwarded.lock().unwrap());
        let calls = std::mem::take(&mut *outside.calls.lock().unwrap());
        let failed = cx.last_error.is_some();
        Ended { outcome, response, body, forwarded, calls, failed }
    }

    fn context(&self, outside: &Arc<Outside>, recorded: &Recorded) -> RequestCx {
        let (path, query) = (self.target.path(), self.target.query().unwrap_or_default());
        let original_url = Url {
            scheme: "https".to_owned(),
            host: "gateway.example".to_owned(),
            port: 443,
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let body = if self.body.is_empty() {
            Body::Empty
        } else if self.is_streaming {
            Body::Stream
        } else {
            Body::Buffered(BufferedBody::from(self.body.clone()))
        };
        let ports = outside.ports();
        RequestCx {
            request: Request {
                method: self.method.clone(),
                original_method: self.method.clone(),
                original_url: Arc::new(original_url),
                uri: Uri { path: path.to_owned(), query: query.to_owned() },
                target: None,
                pool_member: None,
                backend_chosen_by: None,
                via: Via::default(),
                headers: self.headers.clone(),
                body,
                consumed: false,
            },
            response: None,
            reply: None,
            call: None,
            calls_left: 8,
            variables: Variables::default(),
            last_error: None,
            client: ClientInfo {
                request_id: uuid::Uuid::nil(),
                timestamp: 0,
                ip: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))),
                certificate: None,
                tracing: false,
            },
            route: Route {
                info: RouteInfo {
                    api: Some(Arc::new(Api::default())),
                    operation: Some(Arc::new(Operation::default())),
                    subscription: Some(Arc::new(Subscription::default())),
                    ..RouteInfo::default()
                },
                matched_parameters: vec![("id".to_owned(), "7".to_owned())],
                names: Arc::clone(outside) as _,
                deployment: Arc::new(Deployment::default()),
            },
            wire: Box::new(OneWire {
                body: self.body.clone(),
                answer: self.answer.clone(),
                recorded: recorded.clone(),
            }),
            eval: EvalState::new(ExpressionLimits { steps: 100_000, memory: 8 << 20, depth: 32 }),
            counted: Counted::default(),
            forwardings: Forwardings::default(),
            finally: Finally::new(Arc::clone(&ports.tasks)),
            extensions: http::Extensions::default(),
            ports,
        }
    }
}

fn split(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let bytes = rest.take()?;
        let at = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        let Some(at) = at else { return Some(bytes) };
        rest = bytes.get(at + SEPARATOR.len()..);
        bytes.get(..at)
    })
}

/// First line, headers and body.
fn message(bytes: &[u8]) -> (&[u8], HeaderMap, Bytes) {
    let (mut rest, mut headers, mut first) = (bytes, HeaderMap::new(), None);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        rest = rest.get(end + 1..).unwrap_or_default();
        if first.is_none() {
            first = Some(line);
            continue;
        }
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    (first.unwrap_or_default(), headers, Bytes::copy_from_slice(rest))
}

fn response(bytes: &[u8]) -> (Response, Bytes) {
    let (line, headers, body) = message(bytes);
    let mut response = Response::new(StatusCode::from_bytes(line).unwrap_or(StatusCode::OK));
    response.headers = headers;
    (response, body)
}

/// What became of it.
pub(crate) struct Ended {
    outcome: Outcome,
    response: Option<Response>,
    body: Vec<u8>,
    pub(crate) forwarded: Vec<Request>,
    calls: Vec<Call>,
    failed: bool,
}

impl Ended {
    /// What holds for every pipeline.
    fn check(&self, name: &str) {
        let shown = self.shown();
        assert!(!shown.contains(CANARY), "{name}: the client sees the secret: {shown}");
        assert!(self.response.is_some(), "{name}: no response");
        assert!(self.failed || self.outcome != Outcome::Failed, "{name}: failed without an error");
        let phrase = self.response.as_ref().map(Response::phrase).unwrap_or_default();
        assert!(!phrase.contains(['\r', '\n', '\0']), "{name}: the reason {phrase:?}");
        for request in &self.forwarded {
            let Uri { path, query } = &request.uri;
            assert!(path.is_empty() || path.starts_with('/'), "{name}: path {path:?}");
            let is_sendable = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
            assert!(is_sendable(path) && is_sendable(query), "{name}: {path:?} {query:?}");
        }
        let hosts = ["https://callee.example/", "https://safety.example/", "https://main.example/"];
        for call in &self.calls {
            let url = &call.url;
            assert!(
                !url.contains("://") || hosts.iter().any(|host| url.starts_with(host)),
                "{name}: a call of {url}"
            );
        }
    }

    /// Whoever is let through has a token that was signed, and what the backend learns of them is from the token.
    fn check_identity(&self, exchange: &Exchange) {
        for request in &self.forwarded {
            let mut sent = exchange.headers.get_all(header::AUTHORIZATION).iter();
            let token = sent.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
            let known = |signed: &&String| token.trim_end().ends_with(signed.as_str());
            assert!(tokens().iter().any(|signed| known(&signed)), "{token} is let through");
            assert!(sent.next().is_none(), "of two tokens one is chosen");
            let values = |name: &str| {
                let values = request.headers.get_all(name).iter();
                values.map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>()
            };
            assert_eq!(values("x-user"), [b"ada".to_vec()], "who the backend thinks it is");
            assert_eq!(values("x-groups"), Vec::<Vec<u8>>::new());
            let own = format!("Bearer {CANARY}").into_bytes();
            assert_eq!(values("authorization"), [own], "the client's token goes on");
        }
    }

    /// What the client gets, and how much left besides.
    fn shown(&self) -> String {
        let head = self.response.as_ref().map(|response| {
            let headers = response.headers.iter();
            let headers = headers.map(|(name, value)| {
                format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
            });
            let headers: String = headers.collect();
            format!("{} {}\n{headers}", response.status, response.phrase())
        });
        let body = String::from_utf8_lossy(&self.body);
        let (forwarded, calls) = (self.forwarded.len(), self.calls.len());
        format!("{:?} {forwarded} {calls}\n{}\n{body}", self.outcome, head.unwrap_or_default())
    }
}
