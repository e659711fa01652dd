//! Compiles policies from text and runs them against fakes.

mod cache;
mod ports;
mod semantic_cache;
pub(crate) mod signer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tollgate_diagnostics::{Diagnostic, Sources, has_errors, render};
use tollgate_engine::contract::Contract;
use tollgate_engine::counters::MemoryCounters;
use tollgate_engine::ports::{BodyEnd, CallError, Counters, ForwardError, ForwardOptions, Via};
use tollgate_engine::read::{NamedValue, NamedValues, ReadOptions};
use tollgate_engine::{
    Body, BufferedBody, Chain, ClientInfo, CompileEnv, CompiledDocument, DocumentInfo, Fragments,
    Outcome, Ports, Request, RequestCx, Response, Route, RouteInfo, Scope, TokenLimits, Traffic,
    Uri, Variables, compile_document, process, read, unpaired,
};
use tollgate_expr::{Deployment, EvalState, Limits, Operation, Url};

pub(crate) use cache::FakeCache;
use ports::{
    FakeCalls, FakeIdentities, FakeNames, FakeTasks, FakeWire, Filters, HandClock, Sequence,
    TraceLog, block_on,
};
pub(crate) use ports::{FakeKeys, NOW, Sent, World};
pub(crate) use semantic_cache::FakeSemanticCache;

use crate::{ALL, UNSUPPORTED};

/// What is done to a request before its policies.
type Prepare = Box<dyn FnOnce(&mut RequestCx)>;

/// One request through one policy document, and what surrounds it.
pub(crate) struct Case {
    sections: [String; 4],
    scope: Scope,
    wider: Option<(Scope, String)>,
    method: Method,
    url: String,
    ip: Option<std::net::IpAddr>,
    headers: HeaderMap,
    body: Option<String>,
    streaming: bool,
    response: bool,
    answers: Vec<Result<Response, ForwardError>>,
    variables: Vec<(String, tollgate_expr::Value)>,
    matched: Vec<(String, String)>,
    operation: Option<String>,
    contract: Option<Arc<Contract>>,
    template_parameters: Option<Vec<String>>,
    names: FakeNames,
    named_values: Values,
    identity_ready: bool,
    keys: Arc<FakeKeys>,
    cache: Arc<FakeCache>,
    semantic_cache: Arc<FakeSemanticCache>,
    calls: Arc<FakeCalls>,
    clock: Arc<HandClock>,
    counters: Arc<dyn Counters>,
    tasks: Arc<FakeTasks>,
    info: RouteInfo,
    token_limits: TokenLimits,
    prepare: Option<Prepare>,
}

/// How a case ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) cx: RequestCx,
    pub(crate) outcome: Outcome,
    /// How often the pipeline did not go through in one go.
    pub(crate) waits: usize,
    forwarded: Arc<Mutex<Vec<Forwarded>>>,
    slept: Arc<Mutex<Vec<Duration>>>,
    calls: Arc<FakeCalls>,
    trace: Arc<TraceLog>,
    pub(crate) cache: Arc<FakeCache>,
    filters: Filters,
}

/// What is written down of the wire.
type Recorded = (Arc<Mutex<Vec<Forwarded>>>, Arc<Mutex<Vec<Duration>>>, Filters);

/// What the wire was asked to send.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded {
    pub(crate) options: ForwardOptions,
    pub(crate) request: Request,
}

#[derive(Default)]
struct Values(Vec<(String, String)>);

impl NamedValues for Values {
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
        let (_, text) = self.0.iter().find(|(known, _)| known == name)?;
        Some(NamedValue { text, secret: name.contains("key") })
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl Case {
    fn new(section: usize, policies: &str) -> Self {
        let mut sections: [String; 4] = Default::default();
        policies.clone_into(&mut sections[section]);
        let clock = Arc::new(HandClock::new(NOW));
        let calls = Arc::<FakeCalls>::default();
        Self {
            sections,
            scope: Scope::Operation,
            wider: None,
            method: Method::GET,
            url: "/".to_owned(),
            ip: None,
            headers: HeaderMap::new(),
            body: None,
            streaming: false,
            response: false,
            answers: Vec::new(),
            variables: Vec::new(),
            matched: Vec::new(),
            operation: None,
            contract: None,
            prepare: None,
            template_parameters: None,
            names: FakeNames { calls: Arc::clone(&calls), ..FakeNames::default() },
            named_values: Values::default(),
            identity_ready: true,
            keys: Arc::default(),
            cache: Arc::default(),
            semantic_cache: Arc::default(),
            calls,
            counters: Arc::new(MemoryCounters::new(Arc::clone(&clock) as _, 100)),
            tasks: FakeTasks::new(&clock),
            clock,
            info: RouteInfo::default(),
            token_limits: TokenLimits::default(),
        }
    }

    /// Policies of `inbound`.
    pub(crate) fn inbound(policies: &str) -> Self {
        Self::new(0, policies)
    }

    /// Policies of `backend`.
    pub(crate) fn backend(policies: &str) -> Self {
        Self::new(1, policies)
    }

    /// Policies of `outbound`, with a response that is there already.
    pub(crate) fn outbound(policies: &str) -> Self {
        Self { response: true, ..Self::new(2, policies) }
    }

    /// The whole `on-error` section.
    pub(crate) fn on_error(mut self, section: &str) -> Self {
        section.clone_into(&mut self.sections[3]);
        self
    }

    /// Policies of `inbound` in a document of a wider scope.
    pub(crate) fn wider(mut self, scope: Scope, policies: &str) -> Self {
        self.wider = Some((scope, policies.to_owned()));
        self
    }

    pub(crate) fn url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// Address of the client.
    pub(crate) fn ip(mut self, ip: &str) -> Self {
        self.ip = Some(ip.parse().unwrap());
        self
    }

    /// Policies of `outbound` besides those of another section.
    pub(crate) fn outbound_too(mut self, policies: &str) -> Self {
        policies.clone_into(&mut self.sections[2]);
        self
    }

    /// A header of the request, or of the response in `outbound`.
    pub(crate) fn header(mut self, name: &str, value: HeaderValue) -> Self {
        self.headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// The body is still on the wire.
    pub(crate) fn streaming(mut self) -> Self {
        self.streaming = true;
        self
    }

    /// Policies of `inbound` besides those of another section.
    pub(crate) fn inbound_too(mut self, policies: &str) -> Self {
        policies.clone_into(&mut self.sections[0]);
        self
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The body of the last answer stays on the wire.
    pub(crate) fn streaming_answer(mut self) -> Self {
        if let Some(Ok(answer)) = self.answers.last_mut() {
            answer.body = Body::Stream;
        }
        self
    }

    /// What the backend answers to the next call.
    pub(crate) fn answer(mut self, answer: Result<Response, ForwardError>) -> Self {
        self.answers.push(answer);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: tollgate_expr::Value) -> Self {
        self.variables.push((name.to_owned(), value));
        self
    }

    /// Template parameters of the request.
    pub(crate) fn matched(mut self, parameters: &[(&str, &str)]) -> Self {
        self.matched = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self
    }

    /// What is described of the operation.
    pub(crate) fn contract(mut self, contract: Contract) -> Self {
        self.contract = Some(Arc::new(contract));
        self
    }

    /// URL template of the operation.
    pub(crate) fn operation(mut self, url_template: &str) -> Self {
        self.operation = Some(url_template.to_owned());
        self
    }

    /// Template parameters that are known at load.
    pub(crate) fn template_parameters(mut self, names: &[&str]) -> Self {
        self.template_parameters = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    pub(crate) fn backends(mut self, ids: &[&str]) -> Self {
        self.names.backends = ids.iter().map(|id| (*id).to_owned()).collect();
        self
    }

    /// Loggers of the configuration.
    pub(crate) fn loggers(mut self, ids: &[&str]) -> Self {
        self.names.loggers = ids.iter().map(|id| (*id).to_owned()).collect();
        self
    }

    pub(crate) fn certificate(
        mut self,
        id: &str,
        certificate: tollgate_engine::jose::Certificate,
    ) -> Self {
        self.names.certificates.push((id.to_owned(), Arc::new(certificate)));
        self
    }

    pub(crate) fn named_values(mut self, values: &[(&str, &str)]) -> Self {
        self.named_values =
            Values(values.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        self
    }

    /// Whether tokens of the gateway's identity are at hand.
    pub(crate) fn identity(mut self, ready: bool) -> Self {
        self.identity_ready = ready;
        self
    }

    pub(crate) fn keys(mut self, keys: &Arc<FakeKeys>) -> Self {
        self.keys = Arc::clone(keys);
        self
    }

    /// What the next call of a policy brings.
    pub(crate) fn called(self, answer: Result<Response, CallError>) -> Self {
        self.calls.answers.lock().unwrap().push_back(answer);
        self
    }

    /// No further call may be made that nobody waits for.
    pub(crate) fn busy(self) -> Self {
        self.calls.is_busy.store(true, std::sync::atomic::Ordering::Relaxed);
        self
    }

    /// Whether there is a cache on a server, which answers late.
    pub(crate) fn external_cache(mut self, external: bool) -> Self {
        self.cache = Arc::new(FakeCache::new(external));
        self
    }

    /// The cache of an earlier run.
    pub(crate) fn cache(mut self, cache: &Arc<FakeCache>) -> Self {
        self.cache = Arc::clone(cache);
        self
    }

    /// The semantic cache of an earlier run.
    pub(crate) fn semantic_cache(mut self, cache: &Arc<FakeSemanticCache>) -> Self {
        self.semantic_cache = Arc::clone(cache);
        self
    }

    /// Policies that no request of the document meets together with the one that they need, rendered.
    pub(crate) fn unpaired(&self) -> String {
        let (documents, findings, errors) = self.compile(&self.ports(&Arc::default()));
        assert!(!errors, "{findings}");
        let alone = unpaired([&Chain::new(documents)]);
        alone.into_iter().map(|finding| finding.message + "\n").collect()
    }

    /// Seconds since 1970.
    pub(crate) fn at(self, now: i64) -> Self {
        self.clock.set(now * 1_000);
        self
    }

    /// With the counters, the clock and the matched entities of a world that several requests share.
    pub(crate) fn within(mut self, world: &World) -> Self {
        self.clock = Arc::clone(&world.clock);
        self.counters = Arc::clone(&world.counters) as _;
        self.tasks = Arc::clone(&world.tasks);
        self.info = world.info.clone();
        self
    }

    /// Does something to the request before its policies.
    pub(crate) fn prepared(mut self, prepare: impl FnOnce(&mut RequestCx) + 'static) -> Self {
        self.prepare = Some(Box::new(prepare));
        self
    }

    /// How limits of tokens admit.
    pub(crate) fn token_limits(mut self, mode: TokenLimits) -> Self {
        self.token_limits = mode;
        self
    }

    /// What a request may use at most is reserved; so much for the completion when it states no bound.
    pub(crate) fn strict_tokens(mut self, completion: u64) -> Self {
        self.token_limits = TokenLimits::Strict { completion };
        self
    }

    /// Scope of the document; an operation's unless said otherwise.
    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    fn ports(&self, trace: &Arc<TraceLog>) -> Ports {
        Ports {
            keys: Arc::clone(&self.keys) as _,
            identities: Arc::new(FakeIdentities { ready: self.identity_ready }),
            authorizations: Arc::new(FakeIdentities { ready: self.identity_ready }),
            calls: Arc::clone(&self.calls) as _,
            cache: Arc::clone(&self.cache) as _,
            semantic_cache: Arc::clone(&self.semantic_cache) as _,
            counters: Arc::clone(&self.counters) as _,
            clock: Arc::clone(&self.clock) as _,
            randomness: Arc::new(Sequence::default()),
            trace: Arc::clone(trace) as _,
            events: Arc::clone(trace) as _,
            tasks: Arc::clone(&self.tasks) as _,
        }
    }

    fn document(&self) -> String {
        let [inbound, backend, outbound, on_error] = &self.sections;
        format!(
            "<policies><inbound>{inbound}</inbound><backend>{backend}</backend><outbound>{outbound}</outbound>{on_error}</policies>"
        )
    }

    fn compile(&self, ports: &Ports) -> (Vec<Arc<CompiledDocument>>, String, bool) {
        let env = CompileEnv {
            policies: ALL,
            unsupported: UNSUPPORTED,
            names: &self.names,
            ports,
            fragments: Fragments::default(),
            standalone: false,
            token_limits: self.token_limits,
        };
        let mut sources = Sources::default();
        let mut findings: Vec<Diagnostic> = Vec::new();
        let mut documents = Vec::new();
        let wider = self.wider.as_ref().map(|(scope, policies)| {
            (*scope, format!("<policies><inbound>{policies}</inbound></policies>"))
        });
        for (scope, text) in [(self.scope, self.document())].into_iter().chain(wider) {
            let file = sources.add("policy.xml", text.as_str());
            let (document, found) = read::read(file, &text, &ReadOptions::new(&self.named_values));
            findings.extend(found);
            let info =
                DocumentInfo { scope, template_parameters: self.template_parameters.as_deref() };
            if let Some(document) = document {
                documents.push(Arc::new(compile_document(
                    &document.root,
                    info,
                    &env,
                    &mut findings,
                )));
            }
        }
        let rendered: String =
            findings.iter().map(|finding| render::human(finding, &sources)).collect();
        (documents, rendered, has_errors(&findings))
    }

    /// Everything that was found at load, rendered.
    pub(crate) fn findings(&self) -> String {
        self.compile(&self.ports(&Arc::default())).1
    }

    /// The findings and the compiled documents as `Debug` prints them.
    pub(crate) fn printed(&self) -> String {
        let (documents, findings, errors) = self.compile(&self.ports(&Arc::default()));
        assert!(!errors, "{findings}");
        format!("{findings}{documents:?}{documents:#?}")
    }

    /// The document does not load, for this reason.
    pub(crate) fn refused(self, why: &str) {
        let (_, findings, errors) = self.compile(&self.ports(&Arc::default()));
        assert!(errors && findings.contains(why), "expected an error `{why}` in:\n{findings}");
    }

    /// The document loads with this warning.
    pub(crate) fn warned(self, why: &str) {
        let (_, findings, errors) = self.compile(&self.ports(&Arc::default()));
        assert!(!errors && findings.contains(why), "expected a warning `{why}` in:\n{findings}");
    }

    pub(crate) fn run(mut self) -> Run {
        let trace = Arc::clone(&self.names.log);
        let cache = Arc::clone(&self.cache);
        let ports = self.ports(&trace);
        let (documents, findings, errors) = self.compile(&ports);
        assert!(!errors, "{findings}");
        let chain = Chain::new(documents);
        let forwarded = Arc::default();
        let slept = Arc::default();
        let filters = Filters::default();
        let recorded = (Arc::clone(&forwarded), Arc::clone(&slept), filters.clone());
        let calls = Arc::clone(&self.calls);
        let prepare = self.prepare.take();
        let mut cx = self.request(ports, recorded);
        if let Some(prepare) = prepare {
            prepare(&mut cx);
        }
        let mut waits = 0;
        let outcome = block_on(process(&mut cx, &chain), &mut waits);
        Run { cx, outcome, waits, forwarded, slept, calls, trace, cache, filters }
    }

    fn request(self, ports: Ports, (forwarded, slept, filters): Recorded) -> RequestCx {
        let tasks = Arc::clone(&ports.tasks);
        let (path, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let original_url = Url {
            scheme: "https".to_owned(),
            host: "gateway.example".to_owned(),
            port: 443,
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let bytes = self.body.clone().map(bytes::Bytes::from);
        let body = match &bytes {
            None => Body::Empty,
            Some(_) if self.streaming => Body::Stream,
            Some(bytes) => Body::Buffered(BufferedBody::from(bytes.clone())),
        };
        let (headers, response) = if self.response {
            let mut response = Response::new(StatusCode::OK);
            response.headers = self.headers;
            (HeaderMap::new(), Some(response))
        } else {
            (self.headers, None)
        };
        let mut variables = Variables::default();
        for (name, value) in self.variables {
            variables.set(&name.into(), value);
        }
        let operation =
            self.operation.map(|url_template| Operation { url_template, ..Operation::default() });
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
                headers,
                body,
                consumed: false,
            },
            response,
            reply: None,
            call: None,
            calls_left: 3,
            variables,
            last_error: None,
            client: ClientInfo {
                request_id: uuid::Uuid::nil(),
                timestamp: 0,
                ip: self.ip,
                certificate: None,
                tracing: false,
            },
            route: Route {
                info: RouteInfo {
                    contract: self.contract,
                    operation: operation.map(Arc::new).or(self.info.operation),
                    ..self.info
                },
                matched_parameters: self.matched,
                names: Arc::new(self.names),
                deployment: Arc::new(Deployment::default()),
            },
            ports,
            wire: Box::new(FakeWire {
                body: bytes,
                answers: self.answers,
                forwarded,
                slept,
                filters,
            }),
            eval: EvalState::new(Limits::default()),
            counted: tollgate_engine::counters::Counted::default(),
            forwardings: tollgate_engine::Forwardings::default(),
            finally: tollgate_engine::Finally::new(tasks),
            extensions: http::Extensions::default(),
        }
    }
}

impl Run {
    /// Status of the response.
    pub(crate) fn status(&self) -> u16 {
        self.cx.response.as_ref().map_or(0, |response| response.status.as_u16())
    }

    /// `context.LastError.Reason`; empty when nothing failed.
    pub(crate) fn reason(&self) -> &str {
        self.cx.last_error.as_ref().map_or("", |error| &error.reason)
    }

    /// `context.LastError.Source`.
    pub(crate) fn source(&self) -> &str {
        self.cx.last_error.as_ref().map_or("", |error| &error.source)
    }

    /// `context.LastError.Message`.
    pub(crate) fn message(&self) -> &str {
        self.cx.last_error.as_ref().map_or("", |error| &error.message)
    }

    /// Body of the response.
    pub(crate) fn body(&self) -> String {
        let body = self.cx.response.as_ref().and_then(|response| response.body.bytes());
        body.map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default()
    }

    /// A header of the response; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.cx.response.as_ref().and_then(|response| response.headers.get(name));
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The response was sent, with bodies of so many bytes.
    pub(crate) fn sent(&mut self, request: u64, response: u64) {
        let finally = std::mem::take(&mut self.cx.finally);
        for work in finally.sent(Traffic { request, response }) {
            block_on(work, &mut self.waits);
        }
    }

    /// The body that the backend streams, `body`, passes to its end.
    pub(crate) fn pass_stream(&self) {
        self.pass(&["bo", "dy"], BodyEnd::Whole);
    }

    /// The body that the backend streams passes in these pieces and ends so; gives what the client gets of it.
    pub(crate) fn pass(&self, pieces: &[&str], how: BodyEnd) -> String {
        self.filters.pass(pieces, how, || {})
    }

    /// A piece of it passes; gives what the client gets, and whether the body has ended with it.
    pub(crate) fn piece(&self, piece: &str) -> (String, bool) {
        self.filters.piece(piece)
    }

    /// The body is over; gives what the client gets at last.
    pub(crate) fn end(&self, how: BodyEnd) -> String {
        self.filters.end(how)
    }

    /// Likewise to its end, and just before that something happens.
    pub(crate) fn pass_and(&self, pieces: &[&str], before_end: impl FnOnce()) {
        self.filters.pass(pieces, BodyEnd::Whole, before_end);
    }

    /// A variable as text; empty when it is not set.
    pub(crate) fn variable(&self, name: &str) -> String {
        let value = self.cx.variables.get(name);
        value.and_then(tollgate_expr::Value::as_int).map(|it| it.to_string()).unwrap_or_default()
    }

    pub(crate) fn forwarded(&self) -> Vec<Forwarded> {
        self.forwarded.lock().unwrap().clone()
    }

    /// How long the wire was asked to wait, each time.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }

    /// The calls that policies made.
    pub(crate) fn calls(&self) -> Vec<Sent> {
        self.calls.sent.lock().unwrap().clone()
    }

    pub(crate) fn trace(&self) -> String {
        self.trace.0.lock().unwrap().join("\n")
    }
}
