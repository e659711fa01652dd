//! Fakes of everything outside.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tollgate_engine::counters::{MemoryCounters, Slot};
use tollgate_engine::jose::{Certificate, KeySet};
use tollgate_engine::ports::{
    AccessToken, Answer, Authorizations, BodyEnd, BodyError, BodyFilter, Call, CallError, Calls,
    Charge, Correction, CounterKey, Counters, CountersUnavailable, CustomMetric, Event,
    EventLogger, Events, ForwardCall, ForwardError, Identities, IdentityError, KeyError, KeySets,
    KeySource, Names, Passed, Refresh, Severity, Tasks, TokenSource, TokenUsage, TraceLine,
    Verdict,
};
use tollgate_engine::{
    BoxFuture, BufferedBody, Clock, Randomness, Response, RouteInfo, Secret, TraceSink, Wire,
};

use super::Forwarded;

/// The time of all cases unless they say otherwise: seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

/// Runs a future to its end on this thread, counting how often it was not ready.
pub(super) fn block_on<T>(future: impl Future<Output = T>, waits: &mut usize) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        *waits += 1;
    }
    panic!("the pipeline does not end");
}

/// Is not ready once.
pub(super) async fn once() {
    let mut polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// A clock that stands until it is moved: milliseconds since 1970.
pub(super) struct HandClock(AtomicI64);

impl HandClock {
    pub(super) fn new(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1_000))
    }

    pub(super) fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn ticks(&self) -> i64 {
        621_355_968_000_000_000 + self.0.load(Ordering::SeqCst) * 10_000
    }
}

/// Tasks that go on whenever the clock is moved and whenever another one begins.
pub(super) struct FakeTasks {
    clock: Arc<HandClock>,
    running: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl FakeTasks {
    pub(super) fn new(clock: &Arc<HandClock>) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), running: Mutex::default() })
    }

    /// Takes every task as far as it comes.
    fn go_on(&self) {
        // What is not ready three times waits for the clock.
        for _ in 0..3 {
            let running = std::mem::take(&mut *self.running.lock().unwrap());
            let mut cx = Context::from_waker(Waker::noop());
            let still = running
                .into_iter()
                .filter_map(|mut work| work.as_mut().poll(&mut cx).is_pending().then_some(work));
            let still: Vec<_> = still.collect();
            self.running.lock().unwrap().extend(still);
        }
    }

    fn is_idle(&self) -> bool {
        self.running.lock().unwrap().is_empty()
    }
}

impl Tasks for FakeTasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.running.lock().unwrap().push(work);
        self.go_on();
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.clock);
        let then = clock.0.load(Ordering::SeqCst) + i64::try_from(duration.as_millis()).unwrap();
        Box::pin(std::future::poll_fn(move |_| {
            if clock.0.load(Ordering::SeqCst) >= then { Poll::Ready(()) } else { Poll::Pending }
        }))
    }
}

/// Counters, a clock and matched entities that several requests share.
pub(crate) struct World {
    pub(super) clock: Arc<HandClock>,
    pub(super) counters: Arc<dyn Counters>,
    pub(super) tasks: Arc<FakeTasks>,
    pub(crate) info: RouteInfo,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(HandClock::new(NOW));
        let counters = Arc::new(MemoryCounters::new(Arc::clone(&clock) as _, 1_000));
        let tasks = FakeTasks::new(&clock);
        Self { clock, counters, tasks, info: RouteInfo::default() }
    }

    /// With counters that have to be waited for.
    pub(crate) fn waiting() -> Self {
        let mut world = Self::new();
        let memory = MemoryCounters::new(Arc::clone(&world.clock) as _, 1_000);
        world.counters = Arc::new(WaitingCounters(Some(memory)));
        world
    }

    /// With counters that cannot be reached.
    pub(crate) fn unreachable() -> Self {
        Self { counters: Arc::new(WaitingCounters(None)), ..Self::new() }
    }

    /// Moves the clock to so many milliseconds after [`NOW`].
    pub(crate) fn at(&self, ms: i64) -> &Self {
        let then = NOW * 1_000 + ms;
        // By the second, as long as there is anybody who could notice.
        while !self.tasks.is_idle() && self.clock.0.load(Ordering::SeqCst) + 1_000 < then {
            self.clock.set(self.clock.0.load(Ordering::SeqCst) + 1_000);
            self.tasks.go_on();
        }
        self.clock.set(then);
        self.tasks.go_on();
        self
    }
}

/// Counters that have to be waited for, or that cannot be reached.
struct WaitingCounters(Option<MemoryCounters>);

impl Counters for WaitingCounters {
    fn waits(&self) -> bool {
        true
    }

    fn charge<'a>(
        &'a self,
        charges: &'a [Charge],
    ) -> Answer<'a, Result<Verdict, CountersUnavailable>> {
        Answer::Pending(Box::pin(async {
            once().await;
            self.0.as_ref().map(|memory| memory.charge_now(charges)).ok_or(CountersUnavailable)
        }))
    }

    fn correct<'a>(
        &'a self,
        corrections: &'a [Correction],
    ) -> Answer<'a, Result<(), CountersUnavailable>> {
        Answer::Pending(Box::pin(async {
            once().await;
            let memory = self.0.as_ref().ok_or(CountersUnavailable)?;
            memory.correct_now(corrections);
            Ok(())
        }))
    }

    fn enter(&self, key: CounterKey, most: u64) -> Option<Slot> {
        self.0.as_ref()?.enter(key, most)
    }
}

#[derive(Default)]
pub(super) struct Sequence(AtomicU64);

impl Randomness for Sequence {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Debug, Default, Clone)]
pub(super) struct TraceLog(pub(super) Arc<Mutex<Vec<String>>>);

impl TraceSink for TraceLog {
    fn enabled(&self) -> bool {
        true
    }

    fn message(&self, _request_id: uuid::Uuid, source: &str, message: &str) {
        self.0.lock().unwrap().push(format!("{source}: {message}"));
    }
}

impl Events for TraceLog {
    fn writes(&self, _: Severity) -> bool {
        true
    }

    fn write(&self, line: &TraceLine<'_>) {
        let TraceLine { source, severity, message, metadata, .. } = line;
        let line = format!("log {severity:?} {source}: {message}{}", listed(metadata));
        self.0.lock().unwrap().push(line);
    }

    fn token_usage(&self, usage: &TokenUsage<'_>) {
        let TokenUsage { operation, provider, request_model, response_model, .. } = *usage;
        let TokenUsage { input, output, dimensions, .. } = *usage;
        let dimensions = listed(dimensions);
        self.0.lock().unwrap().push(format!(
            "tokens {operation} {provider} {request_model}/{response_model} {input}+{output}{dimensions}"
        ));
    }

    fn metric(&self, namespace: &str, name: &str) -> Arc<dyn CustomMetric> {
        Arc::new(FakeMetric(format!("{namespace}/{name}"), self.clone()))
    }
}

struct FakeMetric(String, TraceLog);

impl CustomMetric for FakeMetric {
    fn add(&self, value: f64, dimensions: &[(Arc<str>, Arc<str>)]) {
        let Self(name, log) = self;
        log.0.lock().unwrap().push(format!("metric {name} {value}{}", listed(dimensions)));
    }
}

impl EventLogger for TraceLog {
    fn send(&self, event: Event) {
        let body = String::from_utf8(event.body.to_vec()).unwrap();
        self.0.lock().unwrap().push(format!("event {:?} {body}", event.partition));
    }
}

/// Pairs as ` a=b c=d`.
fn listed(pairs: &[(Arc<str>, Arc<str>)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    pairs.concat()
}

#[derive(Default)]
pub(super) struct FakeNames {
    pub(super) log: Arc<TraceLog>,
    pub(super) loggers: Vec<String>,
    pub(super) backends: Vec<String>,
    pub(super) certificates: Vec<(String, Arc<Certificate>)>,
    /// What answers calls of backends.
    pub(super) calls: Arc<FakeCalls>,
}

impl Names for FakeNames {
    fn backend(&self, id: &str) -> Option<tollgate_expr::Url> {
        self.backends.iter().any(|known| known == id).then(|| tollgate_expr::Url {
            scheme: "https".to_owned(),
            host: format!("{id}.example"),
            port: 443,
            path: "/".to_owned(),
            query: String::new(),
        })
    }

    fn call_backend(
        &self,
        id: &str,
        mut call: Call,
    ) -> BoxFuture<'static, Result<Response, CallError>> {
        if !self.backends.iter().any(|known| known == id) {
            let unknown = CallError::UnknownBackend(id.to_owned());
            return Box::pin(async { Err(unknown) });
        }
        call.url = format!("backend:{id}{}", call.url).into();
        self.calls.send(call)
    }

    fn backend_ids(&self) -> Vec<&str> {
        self.backends.iter().map(String::as_str).collect()
    }

    fn certificate(&self, id: &str) -> Option<Arc<Certificate>> {
        self.certificates
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, certificate)| Arc::clone(certificate))
    }

    fn certificate_ids(&self) -> Vec<&str> {
        self.certificates.iter().map(|(id, _)| id.as_str()).collect()
    }

    fn logger(&self, id: &str) -> Option<Arc<dyn EventLogger>> {
        let known = self.loggers.iter().any(|known| known == id);
        known.then(|| Arc::clone(&self.log) as _)
    }

    fn logger_ids(&self) -> Vec<&str> {
        self.loggers.iter().map(String::as_str).collect()
    }
}

/// Gives `token of <identity> for <resource>`; the resources `fails` and `unavailable` do what they say.
pub(super) struct FakeIdentities {
    pub(super) ready: bool,
}

impl Identities for FakeIdentities {
    fn source(
        &self,
        client_id: Option<&str>,
        resource: &str,
    ) -> Result<Arc<dyn TokenSource>, IdentityError> {
        match resource {
            "unavailable" => Err(IdentityError::Unavailable("none is configured".to_owned())),
            "fails" => Ok(Arc::new(FakeToken { text: None, ready: false })),
            _ => {
                let text = Some(format!("token of {} for {resource}", client_id.unwrap_or("-")));
                Ok(Arc::new(FakeToken { text, ready: self.ready }))
            }
        }
    }
}

/// `good.main` gives `token of the connection`, `fails.main` does what it says.
impl Authorizations for FakeIdentities {
    fn connection(&self, provider: &str, id: &str) -> Option<Arc<dyn TokenSource>> {
        let text = match (provider, id) {
            ("good", "main") => Some("token of the connection".to_owned()),
            ("fails", "main") => None,
            _ => return None,
        };
        let ready = self.ready && text.is_some();
        Some(Arc::new(FakeToken { text, ready }))
    }

    fn connections(&self) -> Vec<(&str, &str)> {
        vec![("good", "main"), ("fails", "main")]
    }
}

struct FakeToken {
    text: Option<String>,
    ready: bool,
}

impl FakeToken {
    fn token(&self) -> Option<AccessToken> {
        let text = self.text.as_ref()?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).unwrap();
        authorization.set_sensitive(true);
        Some(AccessToken {
            token: Secret::new(text.as_str().into()),
            authorization,
            expires_at: NOW + 3600,
            claims: Arc::new(claims()),
        })
    }
}

fn claims() -> serde_json::Map<String, serde_json::Value> {
    let claims = r#"{"scope":"a b","tier":2,"ok":true,"more":{"x":1}}"#;
    serde_json::from_str(claims).unwrap()
}

impl TokenSource for FakeToken {
    fn current(&self) -> Option<AccessToken> {
        self.token().filter(|_| self.ready)
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(async {
            once().await;
            self.token().ok_or_else(|| IdentityError::Failed("status 400".to_owned()))
        })
    }
}

/// Key sets by address: what is at hand, and what a fetch brings.
#[derive(Default)]
pub(crate) struct FakeKeys(Mutex<HashMap<String, Arc<FakeKeySource>>>);

#[derive(Default)]
pub(crate) struct FakeKeySource {
    at_hand: Mutex<Option<Arc<KeySet>>>,
    next: Mutex<Option<Arc<KeySet>>>,
    fetches: AtomicUsize,
}

impl FakeKeys {
    pub(crate) fn source(&self, url: &str) -> Arc<FakeKeySource> {
        Arc::clone(self.0.lock().unwrap().entry(url.to_owned()).or_default())
    }

    /// Addresses that were asked for.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<_> = self.0.lock().unwrap().keys().cloned().collect();
        addresses.sort();
        addresses
    }
}

impl FakeKeySource {
    pub(crate) fn at_hand(&self, keys: KeySet) {
        *self.at_hand.lock().unwrap() = Some(Arc::new(keys));
    }

    pub(crate) fn next_fetch(&self, keys: KeySet) {
        *self.next.lock().unwrap() = Some(Arc::new(keys));
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

impl KeySets for FakeKeys {
    fn source(&self, url: &str) -> Result<Arc<dyn KeySource>, KeyError> {
        if url.contains("refused") {
            return Err(KeyError::Refused("the address is not allowed".to_owned()));
        }
        Ok(FakeKeys::source(self, url))
    }
}

impl KeySource for FakeKeySource {
    fn current(&self) -> Option<Arc<KeySet>> {
        self.at_hand.lock().unwrap().clone()
    }

    fn refresh<'a>(&'a self, _why: Refresh<'a>) -> BoxFuture<'a, Result<Arc<KeySet>, KeyError>> {
        Box::pin(async {
            once().await;
            self.fetches.fetch_add(1, Ordering::Relaxed);
            let next = self.next.lock().unwrap().take();
            let mut at_hand = self.at_hand.lock().unwrap();
            if next.is_some() {
                *at_hand = next;
            }
            at_hand.clone().ok_or_else(|| KeyError::Unavailable("connection refused".to_owned()))
        })
    }
}

pub(super) struct FakeWire {
    pub(super) body: Option<Bytes>,
    pub(super) answers: Vec<Result<Response, ForwardError>>,
    pub(super) forwarded: Arc<Mutex<Vec<Forwarded>>>,
    pub(super) slept: Arc<Mutex<Vec<Duration>>>,
    pub(super) filters: Filters,
}

/// What the body of the response passes.
#[derive(Clone, Default)]
pub(super) struct Filters(Arc<Mutex<Vec<Box<dyn BodyFilter>>>>);

impl std::fmt::Debug for Filters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filters")
    }
}

impl Filters {
    /// The body passes in these pieces and ends so, and before it ends something happens; gives what has come through.
    pub(super) fn pass(&self, pieces: &[&str], how: BodyEnd, before_end: impl FnOnce()) -> String {
        let mut through = String::new();
        for piece in pieces {
            let (passed, is_last) = self.piece(piece);
            through.push_str(&passed);
            if is_last {
                before_end();
                return through + &self.end(BodyEnd::Early);
            }
        }
        before_end();
        through + &self.end(how)
    }

    /// A piece of the body passes; gives what has come through, and whether a filter has ended the body with it.
    pub(super) fn piece(&self, piece: &str) -> (String, bool) {
        let mut piece = Bytes::from(piece.to_owned());
        let mut is_last = false;
        for filter in self.0.lock().unwrap().iter_mut() {
            let passed = filter.piece(piece);
            let passed = waited(&mut **filter, passed);
            is_last |= matches!(passed, Passed::Last(_));
            piece = bytes_of(passed);
        }
        (String::from_utf8(piece.to_vec()).unwrap(), is_last)
    }

    fn finish(&self) -> String {
        let mut filters = self.0.lock().unwrap();
        let mut through = Vec::new();
        for n in 0..filters.len() {
            let rest = filters[n].finish();
            let mut rest = bytes_of(waited(&mut *filters[n], rest));
            for filter in &mut filters[n + 1..] {
                let passed = filter.piece(rest);
                rest = bytes_of(waited(&mut **filter, passed));
            }
            through.extend_from_slice(&rest);
        }
        String::from_utf8(through).unwrap()
    }

    /// The body is over; gives what the filters still had of it when the backend has sent all.
    pub(super) fn end(&self, how: BodyEnd) -> String {
        let rest = if how == BodyEnd::Whole { self.finish() } else { String::new() };
        for filter in std::mem::take(&mut *self.0.lock().unwrap()) {
            if let Some(work) = filter.end(how) {
                block_on(work, &mut 0);
            }
        }
        rest
    }
}

/// What a filter gives in the end.
fn waited(filter: &mut dyn BodyFilter, mut passed: Passed) -> Passed {
    for _ in 0..1000 {
        if passed != Passed::Wait {
            return passed;
        }
        passed = block_on(std::future::poll_fn(|cx| filter.poll(cx)), &mut 0);
    }
    panic!("the filter waits for ever");
}

fn bytes_of(passed: Passed) -> Bytes {
    match passed {
        Passed::On(piece) | Passed::Last(piece) => piece,
        Passed::Wait => Bytes::new(),
    }
}

impl Wire for FakeWire {
    fn filter_response(&mut self, filter: Box<dyn BodyFilter>) {
        self.filters.0.lock().unwrap().push(filter);
    }

    fn read_request_body<'a>(
        &'a mut self,
        _headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        let body = self.body.clone().unwrap_or_default();
        Box::pin(async move { Ok(BufferedBody::from(body)) })
    }

    fn read_response_body<'a>(
        &'a mut self,
        _headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(async { Ok(BufferedBody::from(Bytes::new())) })
    }

    fn forward<'a>(
        &'a mut self,
        call: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>> {
        Box::pin(async move {
            once().await;
            let forwarded = Forwarded { options: call.options, request: call.request.clone() };
            self.forwarded.lock().unwrap().push(forwarded);
            if self.answers.is_empty() {
                Err(ForwardError::NoTarget)
            } else {
                self.answers.remove(0)
            }
        })
    }

    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        headers.remove("host");
        headers
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), BodyError>> {
        self.slept.lock().unwrap().push(duration);
        Box::pin(async { Ok(()) })
    }
}

/// Notes calls and answers them in order; without an answer, an empty 200.
#[derive(Debug, Default)]
pub(super) struct FakeCalls {
    pub(super) answers: Mutex<VecDeque<Result<Response, CallError>>>,
    pub(super) is_busy: AtomicBool,
    pub(super) sent: Mutex<Vec<Sent>>,
}

/// A call that a policy made.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) call: Call,
    pub(crate) one_way: bool,
}

impl Sent {
    /// Method, URL, headers and body in one line.
    pub(crate) fn shown(&self) -> String {
        let Call { method, url, headers, body, .. } = &self.call;
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()))
            .collect();
        let headers = headers.concat();
        let one_way = if self.one_way { "one-way " } else { "" };
        format!("{one_way}{method} {url}{headers} {}", String::from_utf8_lossy(body))
    }
}

impl Calls for FakeCalls {
    fn send(&self, call: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        self.sent.lock().unwrap().push(Sent { call, one_way: false });
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            once().await;
            answer.unwrap_or_else(|| Ok(Response::new(http::StatusCode::OK)))
        })
    }

    fn send_detached(&self, call: Call) -> Result<(), CallError> {
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(CallError::TooMany(0));
        }
        self.sent.lock().unwrap().push(Sent { call, one_way: true });
        Ok(())
    }
}
