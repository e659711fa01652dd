//! One request on its way through the pipeline.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, StatusCode};
use tollgate_expr::{
    Api, Deployment, EvalState, Host, LastError, Limits, MessageKind, Operation, Product,
    Subscription, Url, UrlKind, User, Workspace,
};
use uuid::Uuid;

use crate::contract::Contract;
use crate::counters::Counted;
use crate::ports::{Call, Names, TraceSink, Via};
use crate::{Clock, Finally, Forwardings, PolicyError, Ports, Randomness, Scope, Wire};

/// Everything the steps of one request share.
pub struct RequestCx {
    /// The request as it will go to the backend.
    pub request: Request,
    /// `context.Response`: the backend's answer, or one that policies or an error made.
    pub response: Option<Response>,
    /// The response that `return-response` is putting together; its children work on it while expressions still see
    /// `response`.
    pub reply: Option<Response>,
    /// The call that a policy is putting together; its children work on it.
    pub call: Option<Box<Call>>,
    /// How many calls policies may still make for this request.
    pub calls_left: usize,
    /// Context variables.
    pub variables: Variables,
    /// `context.LastError`.
    pub last_error: Option<LastError>,
    /// Who and when.
    pub client: ClientInfo,
    /// What the request was matched to.
    pub route: Route,
    /// The outside.
    pub ports: Ports,
    /// The connections of this request.
    pub wire: Box<dyn Wire>,
    /// Objects and budget of this request's expressions.
    pub eval: EvalState,
    /// What has counted the request.
    pub counted: Counted,
    /// What policies want of each call of the backend.
    pub forwardings: Forwardings,
    /// What is left for the end of the request.
    pub finally: Finally,
    /// What the policies of this request leave for each other, by type.
    pub extensions: Extensions,
}

impl fmt::Debug for RequestCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, bodies and variables can hold secrets.
        f.debug_struct("RequestCx").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Who sent the request, and when.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    /// `context.RequestId`.
    pub request_id: Uuid,
    /// Arrival in .NET ticks, UTC.
    pub timestamp: i64,
    /// The client's address, as `trusted-proxies` makes it known.
    pub ip: Option<IpAddr>,
    /// The certificate of the client's TLS connection.
    pub certificate: Option<ClientCertificate>,
    /// Whether this request is traced.
    pub tracing: bool,
}

/// A certificate that a client presented. The client has its key; nothing else is known to be true of it.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// DER of the certificate.
    pub der: Bytes,
    /// DER of what the client sent to lead to its authority.
    pub chain: Arc<[Bytes]>,
}

/// What the request was matched to, and the names it may use.
#[derive(Clone)]
pub struct Route {
    /// The API and its operation, and whose subscription was used.
    pub info: RouteInfo,
    /// Template parameters of the operation, in order.
    pub matched_parameters: Vec<(String, String)>,
    /// Backends and certificates of the snapshot this request began with.
    pub names: Arc<dyn Names>,
    /// The gateway.
    pub deployment: Arc<Deployment>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("info", &self.info).finish_non_exhaustive()
    }
}

/// The entities of a route.
#[derive(Debug, Clone, Default)]
pub struct RouteInfo {
    /// `context.Api`.
    pub api: Option<Arc<Api>>,
    /// Where the API is at the gateway: its URL suffix with the version, where that is a segment of it; without slashes
    /// at its ends.
    pub api_path: Arc<str>,
    /// `context.Operation`.
    pub operation: Option<Arc<Operation>>,
    /// What the API's description says of the operation.
    pub contract: Option<Arc<Contract>>,
    /// `context.Product`.
    pub product: Option<Arc<Product>>,
    /// `context.Subscription`.
    pub subscription: Option<Arc<Subscription>>,
    /// `context.User`.
    pub user: Option<Arc<User>>,
    /// `context.Workspace`.
    pub workspace: Option<Arc<Workspace>>,
}

/// The request as it will go to the backend.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// As the client sent it.
    pub original_method: Method,
    /// As the client sent it.
    pub original_url: Arc<Url>,
    /// Path and query relative to the target's base URL.
    pub uri: Uri,
    /// Where it goes.
    pub target: Option<Target>,
    /// The member of the pool that is the target, once the request was sent to it.
    pub pool_member: Option<Arc<str>>,
    /// Scope of the policy that chose a configured backend, if one did: a narrower scope may then replace it only by
    /// another configured backend.
    pub backend_chosen_by: Option<Scope>,
    /// How the connection to the target is made, as far as policies say.
    pub via: Via,
    /// Headers; names are case-insensitive.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
    /// Whether an expression consumed the body without `preserveContent`.
    pub consumed: bool,
}

impl Request {
    /// The configured backend that is the target: of a pool the member that the request was last sent to, and before that the
    /// pool itself.
    pub fn backend_id(&self) -> Option<&Arc<str>> {
        match &self.target {
            Some(Target::Backend(id)) => Some(self.pool_member.as_ref().unwrap_or(id)),
            Some(Target::Url(_)) | None => None,
        }
    }

    /// Sends the request elsewhere.
    pub fn set_target(&mut self, target: Target) {
        self.target = Some(target);
        self.pool_member = None;
    }
}

/// Path and query of the request, relative to the target's base URL, as on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    /// Path with its leading slash; empty for the base itself.
    pub path: String,
    /// Query without the question mark; empty when there is none.
    pub query: String,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A base URL, with nothing known about the server.
    Url(Arc<Url>),
    /// A configured backend, by identifier.
    Backend(Arc<str>),
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Reason phrase, when it is not the standard one.
    pub reason: Option<Arc<str>>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
    /// Whether an expression consumed the body without `preserveContent`.
    pub consumed: bool,
}

impl Response {
    /// A response without headers and body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: None, headers: HeaderMap::new(), body: Body::Empty, consumed: false }
    }

    /// Whether both are sent as the same response. A body that was read meanwhile is not the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same_body = match (&self.body, &other.body) {
            (Body::Empty, Body::Empty) | (Body::Stream, Body::Stream) => true,
            (Body::Replaced(own), Body::Replaced(other)) => own == other,
            _ => false,
        };
        same_body
            && self.status == other.status
            && self.reason == other.reason
            && self.headers == other.headers
    }

    /// The reason phrase.
    pub fn phrase(&self) -> &str {
        self.reason.as_deref().or_else(|| self.status.canonical_reason()).unwrap_or("")
    }
}

/// Where the body of a message is.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// There is none.
    #[default]
    Empty,
    /// On the wire, untouched.
    Stream,
    /// Read because a step needed it; goes on unchanged.
    Buffered(BufferedBody),
    /// Set by a policy.
    Replaced(Bytes),
    /// It has gone by: the request was forwarded while streaming.
    Sent,
}

/// A body that was read from the wire.
#[derive(Debug, Clone)]
pub struct BufferedBody {
    /// As received; this is what goes on.
    pub raw: Bytes,
    /// Decoded, when `Content-Encoding` said it was encoded; this is what policies read.
    pub decoded: Option<Bytes>,
}

impl Body {
    /// The bytes policies read; `None` when there is no body or it is not at hand.
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Buffered(body) => Some(body.decoded.as_ref().unwrap_or(&body.raw)),
            Self::Replaced(bytes) => Some(bytes),
            Self::Empty | Self::Stream | Self::Sent => None,
        }
    }
}

/// The message a policy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// `context.Request`.
    Request,
    /// `context.Response`.
    Response,
    /// The response inside `return-response`.
    Reply,
    /// The call that a policy makes.
    Call,
}

impl RequestCx {
    /// Headers of a message; a response is made when there is none.
    pub fn headers_mut(&mut self, message: Message) -> &mut HeaderMap {
        match message {
            Message::Response | Message::Reply => &mut self.response_mut(message).headers,
            Message::Request | Message::Call => match &mut self.call {
                Some(call) if message == Message::Call => &mut call.headers,
                _ => &mut self.request.headers,
            },
        }
    }

    /// Headers of a message, when it exists.
    pub fn headers(&self, message: Message) -> Option<&HeaderMap> {
        match message {
            Message::Request => Some(&self.request.headers),
            Message::Response => self.response.as_ref().map(|response| &response.headers),
            Message::Reply => self.reply.as_ref().map(|response| &response.headers),
            Message::Call => self.call.as_ref().map(|call| &call.headers),
        }
    }

    /// How the connection for a message is made: that of the call which is being put together, else the backend's.
    pub fn via_mut(&mut self, message: Message) -> &mut Via {
        match (message, &mut self.call) {
            (Message::Call, Some(call)) => &mut call.via,
            _ => &mut self.request.via,
        }
    }

    /// The response that a policy changes; made as an empty 200 when there is none.
    pub fn response_mut(&mut self, message: Message) -> &mut Response {
        let slot = if message == Message::Reply { &mut self.reply } else { &mut self.response };
        slot.get_or_insert_with(|| Response::new(StatusCode::OK))
    }

    /// Replaces the body of a message. What described the old bytes (`Content-Encoding`, validators of their digest)
    /// goes; `Content-Type` stays; `Content-Length` is computed when the message is sent. The headers of a call and of a
    /// reply are all the author's own and stay as they are.
    pub fn set_body(&mut self, message: Message, body: Bytes) {
        if matches!(message, Message::Request | Message::Response) {
            let headers = self.headers_mut(message);
            headers.remove(http::header::CONTENT_ENCODING);
            headers.remove("content-md5");
        }
        let (slot, consumed) = match (message, &mut self.call) {
            (Message::Call, Some(call)) => {
                call.body = body;
                return;
            }
            (Message::Response | Message::Reply, _) => {
                let response = self.response_mut(message);
                (&mut response.body, &mut response.consumed)
            }
            (Message::Request | Message::Call, _) => {
                (&mut self.request.body, &mut self.request.consumed)
            }
        };
        *slot = Body::Replaced(body);
        *consumed = false;
    }

    /// Evaluates an expression against this request.
    pub fn evaluate(
        &mut self,
        program: &tollgate_expr::Program,
    ) -> Result<tollgate_expr::Value, PolicyError> {
        let Self { request, response, variables, last_error, client, route, ports, eval, .. } =
            self;
        let mut view = View {
            request,
            response: response.as_mut(),
            variables,
            last_error: last_error.as_ref(),
            client,
            route,
            clock: &*ports.clock,
            randomness: &*ports.randomness,
            trace: &*ports.trace,
        };
        let mut cx = tollgate_expr::EvalCx { host: &mut view, state: eval };
        program.eval(&mut cx).map_err(|exception| {
            let kind = exception.kind().full_name();
            let place = route.names.place(program.place(&exception));
            let detail =
                place.map_or_else(|| kind.to_owned(), |place| format!("{kind} at {place}"));
            PolicyError::expression(&exception).detail(detail)
        })
    }

    /// The URL the request will go to.
    pub fn url(&self) -> Url {
        current_url(&self.request, &self.route)
    }

    /// A fresh evaluation state.
    pub fn eval_state(limits: Limits) -> EvalState {
        EvalState::new(limits)
    }
}

/// The URL the request will go to: the target's base, then path and query.
fn current_url(request: &Request, route: &Route) -> Url {
    let base = match (&request.target, request.backend_id()) {
        (_, Some(id)) => route.names.backend(id).map(Cow::Owned),
        (Some(Target::Url(url)), None) => Some(Cow::Borrowed(&**url)),
        (Some(Target::Backend(_)) | None, None) => None,
    };
    let mut url = base.map_or_else(
        || Url { path: String::new(), ..(*request.original_url).clone() },
        Cow::into_owned,
    );
    url.path = join_path(&url.path, &request.uri.path);
    url.query.clone_from(&request.uri.query);
    url
}

/// A base path and a path below it; always begins with a slash.
pub(crate) fn join_path(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
    let joined = format!("{base}{slash}{path}");
    if joined.starts_with('/') { joined } else { format!("/{joined}") }
}

/// Context variables by name, in the order they were first set. Names are case-sensitive.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<(Arc<str>, tollgate_expr::Value)>);

impl Variables {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&tollgate_expr::Value> {
        // A request has a handful of variables: comparing them beats hashing.
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &Arc<str>, value: tollgate_expr::Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((Arc::clone(name), value)),
        }
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| &**known != name);
    }

    /// Names in the order they were first set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

/// The parts of a request that expressions see.
struct View<'a> {
    request: &'a mut Request,
    response: Option<&'a mut Response>,
    variables: &'a Variables,
    last_error: Option<&'a LastError>,
    client: &'a ClientInfo,
    route: &'a Route,
    clock: &'a dyn Clock,
    randomness: &'a dyn Randomness,
    trace: &'a dyn TraceSink,
}

impl View<'_> {
    fn headers(&self, message: MessageKind) -> Option<&HeaderMap> {
        match message {
            MessageKind::Request => Some(&self.request.headers),
            MessageKind::Response => self.response.as_ref().map(|response| &response.headers),
        }
    }
}

/// A header's text. Bytes past ASCII are read as UTF-8, else as Latin-1, so that nothing is lost without a trace.
fn header_text(value: &http::HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

impl Host for View<'_> {
    fn utc_now(&self) -> i64 {
        self.clock.ticks()
    }

    fn timestamp(&self) -> i64 {
        self.client.timestamp
    }

    fn random(&mut self) -> u64 {
        self.randomness.next()
    }

    fn fill_random(&mut self, target: &mut [u8]) -> bool {
        self.randomness.fill(target)
    }

    fn request_id(&self) -> u128 {
        self.client.request_id.as_u128()
    }

    fn tracing(&self) -> bool {
        self.client.tracing
    }

    fn trace(&mut self, message: &str) {
        if self.trace.enabled() {
            self.trace.message(self.client.request_id, "context.Trace", message);
        }
    }

    fn api(&self) -> Option<&Api> {
        self.route.info.api.as_deref()
    }

    fn operation(&self) -> Option<&Operation> {
        self.route.info.operation.as_deref()
    }

    fn product(&self) -> Option<&Product> {
        self.route.info.product.as_deref()
    }

    fn subscription(&self) -> Option<&Subscription> {
        self.route.info.subscription.as_deref()
    }

    fn user(&self) -> Option<&User> {
        self.route.info.user.as_deref()
    }

    fn workspace(&self) -> Option<&Workspace> {
        self.route.info.workspace.as_deref()
    }

    fn backend(&self) -> Option<tollgate_expr::Backend> {
        let id = self.request.backend_id()?;
        let is_pool = self.route.names.is_pool(id);
        Some(tollgate_expr::Backend { id: id.to_string(), is_pool, ..Default::default() })
    }

    fn deployment(&self) -> &Deployment {
        &self.route.deployment
    }

    fn last_error(&self) -> Option<&LastError> {
        self.last_error
    }

    fn certificate(&self, name: &str) -> Option<tollgate_expr::Certificate> {
        self.route.names.certificate(name)?.for_expressions()
    }

    fn certificate_names(&self) -> Vec<&str> {
        self.route.names.certificate_ids()
    }

    fn trust(&self) -> Option<&tollgate_expr::TrustStore> {
        self.route.names.trust()
    }

    fn method(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.request.method.as_str())
    }

    fn url(&self, kind: UrlKind) -> Cow<'_, Url> {
        match kind {
            UrlKind::Original => Cow::Borrowed(&*self.request.original_url),
            UrlKind::Current => Cow::Owned(current_url(self.request, self.route)),
        }
    }

    fn ip_address(&self) -> Cow<'_, str> {
        self.client.ip.map_or(Cow::Borrowed(""), |ip| Cow::Owned(ip.to_string()))
    }

    fn client_certificate(&self) -> Option<tollgate_expr::Certificate> {
        tollgate_expr::Certificate::new(&self.client.certificate.as_ref()?.der, None)
    }

    fn matched_parameters(&self) -> &[(String, String)] {
        &self.route.matched_parameters
    }

    fn has_response(&self) -> bool {
        self.response.is_some()
    }

    fn status(&self) -> i32 {
        self.response.as_ref().map_or(0, |response| i32::from(response.status.as_u16()))
    }

    fn status_reason(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.response.as_ref().map_or("", |response| response.phrase()))
    }

    fn header(&self, message: MessageKind, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.headers(message)?.get_all(name).iter().map(header_text);
        let first = values.next()?;
        Some(values.fold(first, |joined, value| {
            let mut joined = joined.into_owned();
            joined.push(',');
            joined.push_str(&value);
            Cow::Owned(joined)
        }))
    }

    fn header_values(&self, message: MessageKind, name: &str) -> Vec<Cow<'_, str>> {
        self.headers(message)
            .map(|headers| headers.get_all(name).iter().map(header_text).collect())
            .unwrap_or_default()
    }

    fn header_names(&self, message: MessageKind) -> Vec<Cow<'_, str>> {
        self.headers(message)
            .map(|headers| headers.keys().map(|name| Cow::Borrowed(name.as_str())).collect())
            .unwrap_or_default()
    }

    fn body(&self, message: MessageKind) -> Option<Bytes> {
        let (body, consumed) = match message {
            MessageKind::Request => (&self.request.body, self.request.consumed),
            MessageKind::Response => {
                let response = self.response.as_ref()?;
                (&response.body, response.consumed)
            }
        };
        if consumed { None } else { body.bytes().cloned() }
    }

    fn body_consumed(&self, message: MessageKind) -> bool {
        match message {
            MessageKind::Request => self.request.consumed,
            MessageKind::Response => {
                self.response.as_ref().is_some_and(|response| response.consumed)
            }
        }
    }

    fn consume_body(&mut self, message: MessageKind) {
        match message {
            MessageKind::Request => self.request.consumed = true,
            MessageKind::Response => {
                if let Some(response) = self.response.as_mut() {
                    response.consumed = true;
                }
            }
        }
    }

    fn variable(&self, name: &str) -> Option<&tollgate_expr::Value> {
        self.variables.get(name)
    }

    fn variable_names(&self) -> Vec<&str> {
        self.variables.names().collect()
    }
}
