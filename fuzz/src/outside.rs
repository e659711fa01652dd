//! The outside of a pipeline under test: nothing waits for anything but itself, nothing is fetched, the clock stands, and
//! what leaves is written down.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tollgate_engine::counters::MemoryCounters;
use tollgate_engine::jose::KeySet;
use tollgate_engine::ports::{
    AccessToken, Answer, Authorizations, BodyEnd, BodyError, BodyFilter, Cache, CacheKey,
    CachePlace, Call, CallError, Calls, CustomMetric, Distance, Embedding, Event, EventLogger,
    Events, ForwardCall, ForwardError, Identities, IdentityError, KeyError, KeySets, KeySource,
    Lease, Near, NoTasks, Passed, Refresh, SemanticCache, SemanticCacheSettings,
    SemanticCacheUnavailable, SemanticLookup, Severity, TokenSource, TraceLine,
};
use tollgate_engine::read::{NamedValue, NamedValues};
use tollgate_engine::{
    BoxFuture, BufferedBody, Clock, Names, Ports, Randomness, Request, Response, Secret, TraceSink,
    Url, Wire,
};

use super::signer;

/// The time: seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

/// Stands in everything that is secret.
pub(crate) const CANARY: &str = "canary-5b1f8e0c7d92";

/// Polls of one future after which it counts as hanging.
const MOST_POLLS: usize = 10_000;

/// Runs a future to its end on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
    }
    panic!("the future does not end");
}

/// Is not ready once.
async fn once() {
    let mut polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Everything outside, of one request or one load.
#[derive(Default)]
pub(crate) struct Outside {
    /// What answers the calls of policies, and how often it was asked.
    pub(crate) answer: Option<Response>,
    /// The calls that policies made.
    pub(crate) calls: Mutex<Vec<Call>>,
    random: AtomicU64,
    kept: Mutex<HashMap<CacheKey, Bytes>>,
    questions: Mutex<Vec<(CacheKey, Embedding, Bytes)>>,
}

impl Outside {
    pub(crate) fn new(answer: Option<Response>) -> Arc<Self> {
        Arc::new(Self { answer, ..Self::default() })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            keys: Arc::clone(self) as _,
            identities: Arc::clone(self) as _,
            authorizations: Arc::clone(self) as _,
            cache: Arc::clone(self) as _,
            semantic_cache: Arc::clone(self) as _,
            calls: Arc::clone(self) as _,
            counters: Arc::new(MemoryCounters::new(Arc::clone(self) as _, 100)),
            clock: Arc::clone(self) as _,
            randomness: Arc::clone(self) as _,
            trace: Arc::clone(self) as _,
            events: Arc::clone(self) as _,
            tasks: Arc::new(NoTasks),
        }
    }
}

impl Clock for Outside {
    fn ticks(&self) -> i64 {
        621_355_968_000_000_000 + NOW * 10_000_000
    }
}

impl Randomness for Outside {
    fn next(&self) -> u64 {
        self.random.fetch_add(1, Ordering::Relaxed)
    }

    fn fill(&self, target: &mut [u8]) -> bool {
        target.fill(7);
        true
    }
}

impl TraceSink for Outside {
    fn enabled(&self) -> bool {
        true
    }

    fn message(&self, _: uuid::Uuid, _: &str, _: &str) {}
}

impl Events for Outside {
    fn writes(&self, _: Severity) -> bool {
        true
    }

    fn write(&self, _: &TraceLine<'_>) {}

    fn metric(&self, _: &str, _: &str) -> Arc<dyn CustomMetric> {
        Arc::new(Self::default())
    }
}

impl CustomMetric for Outside {
    fn add(&self, _: f64, _: &[(Arc<str>, Arc<str>)]) {}
}

impl EventLogger for Outside {
    fn send(&self, _: Event) {}
}

impl Names for Outside {
    fn backend(&self, id: &str) -> Option<Url> {
        (id == "main").then(|| Url {
            scheme: "https".to_owned(),
            host: "main.example".to_owned(),
            port: 443,
            path: "/base".to_owned(),
            query: String::new(),
        })
    }

    fn call_backend(&self, _: &str, call: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        self.send_call(call)
    }

    fn backend_ids(&self) -> Vec<&str> {
        vec!["main"]
    }

    fn certificate(&self, _: &str) -> Option<Arc<tollgate_engine::jose::Certificate>> {
        None
    }

    fn certificate_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn logger(&self, id: &str) -> Option<Arc<dyn EventLogger>> {
        (id == "hub").then(|| Arc::new(Self::default()) as _)
    }

    fn logger_ids(&self) -> Vec<&str> {
        vec!["hub"]
    }
}

impl Outside {
    fn send_call(&self, call: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answer.clone();
        Box::pin(async move {
            once().await;
            answer.ok_or_else(|| CallError::Connection("refused".to_owned()))
        })
    }
}

impl Calls for Outside {
    fn send(&self, call: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        self.send_call(call)
    }

    fn send_detached(&self, call: Call) -> Result<(), CallError> {
        self.calls.lock().unwrap().push(call);
        Ok(())
    }
}

/// A token of the gateway's own: it is a secret.
impl TokenSource for Outside {
    fn current(&self) -> Option<AccessToken> {
        Some(AccessToken {
            token: Secret::new(CANARY.into()),
            authorization: HeaderValue::from_str(&format!("Bearer {CANARY}")).unwrap(),
            expires_at: NOW + 3600,
            claims: Arc::default(),
        })
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(async { Err(IdentityError::Failed("status 400".to_owned())) })
    }
}

impl Identities for Outside {
    fn source(&self, _: Option<&str>, _: &str) -> Result<Arc<dyn TokenSource>, IdentityError> {
        Ok(Arc::new(Self::default()))
    }
}

impl Authorizations for Outside {
    fn connection(&self, _: &str, id: &str) -> Option<Arc<dyn TokenSource>> {
        (id == "main").then(|| Arc::new(Self::default()) as _)
    }

    fn connections(&self) -> Vec<(&str, &str)> {
        vec![("provider", "main")]
    }
}

/// Every issuer has the keys of [`signer`].
impl KeySets for Outside {
    fn source(&self, _: &str) -> Result<Arc<dyn KeySource>, KeyError> {
        Ok(Arc::new(Self::default()))
    }
}

impl KeySource for Outside {
    fn current(&self) -> Option<Arc<KeySet>> {
        Some(Arc::new(signer::published()))
    }

    fn refresh<'a>(&'a self, _: Refresh<'a>) -> BoxFuture<'a, Result<Arc<KeySet>, KeyError>> {
        Box::pin(async { Ok(Arc::new(signer::published())) })
    }
}

impl Cache for Outside {
    fn get(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, Option<Bytes>> {
        let found = self.kept.lock().unwrap().get(key).cloned();
        if self.is_local(place) {
            return Answer::Ready(found);
        }
        Answer::Pending(Box::pin(async move {
            once().await;
            found
        }))
    }

    fn set(&self, _: CachePlace, key: &CacheKey, value: Bytes, _: Duration) -> Answer<'static, ()> {
        assert!(value.len() <= Cache::largest(self), "more is kept than the cache takes");
        self.kept.lock().unwrap().insert(*key, value);
        Answer::Ready(())
    }

    fn remove(&self, _: CachePlace, key: &CacheKey) -> Answer<'static, ()> {
        self.kept.lock().unwrap().remove(key);
        Answer::Ready(())
    }

    fn lease(&self, _: &CacheKey) -> Answer<'static, Lease> {
        Answer::Ready(Lease::new(()))
    }

    fn is_local(&self, place: CachePlace) -> bool {
        place == CachePlace::Internal
    }

    fn largest(&self) -> usize {
        64 << 10
    }

    fn has_external(&self) -> bool {
        true
    }
}

impl SemanticCache for Outside {
    fn nearest(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        most: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>> {
        let known = self.questions.lock().unwrap();
        let near = known.iter().filter(|(of, ..)| of == partition).map(|(_, embedding, answer)| {
            Near { distance: embedding.distance(question), answer: answer.clone() }
        });
        let near = near.min_by_key(|near| near.distance).filter(|near| near.distance <= most);
        Box::pin(async move {
            once().await;
            Ok(near)
        })
    }

    fn keep(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        answer: Bytes,
        _: Duration,
    ) -> Answer<'static, ()> {
        self.questions.lock().unwrap().push((*partition, question.clone(), answer));
        Answer::Ready(())
    }

    fn largest(&self) -> usize {
        64 << 10
    }

    fn settings(&self) -> SemanticCacheSettings {
        SemanticCacheSettings { scores: Default::default(), timeout: Duration::from_secs(5) }
    }

    fn looked_up(&self, _: SemanticLookup) {}
}

/// Two named values: `plain`, and `secret`, whose text begins with the canary.
pub(crate) struct Values {
    plain: String,
    secret: String,
}

impl Values {
    pub(crate) fn new(plain: &str, secret: &str) -> Self {
        Self { plain: plain.to_owned(), secret: format!("{CANARY}{secret}") }
    }
}

impl NamedValues for Values {
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
        match name {
            "plain" => Some(NamedValue { text: &self.plain, secret: false }),
            "secret" => Some(NamedValue { text: &self.secret, secret: true }),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["plain", "secret"]
    }
}

/// What the backend was sent, and the filters that policies put before what it answers.
#[derive(Default, Clone)]
pub(crate) struct Recorded {
    pub(crate) forwarded: Arc<Mutex<Vec<Request>>>,
    filters: Arc<Mutex<Vec<Box<dyn BodyFilter>>>>,
}

impl Recorded {
    /// The rest of a body passes the filters in these pieces.
    pub(crate) fn pass<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut filters = std::mem::take(&mut *self.filters.lock().unwrap());
        let mut through = Vec::new();
        let mut how = BodyEnd::Whole;
        for piece in pieces {
            let (passed, is_last) = passed(&mut filters, Bytes::copy_from_slice(piece));
            through.extend_from_slice(&passed);
            if is_last {
                how = BodyEnd::Early;
                break;
            }
        }
        if how == BodyEnd::Whole {
            for n in 0..filters.len() {
                let rest = filters[n].finish();
                let rest = bytes_of(waited(&mut *filters[n], rest)).0;
                through.extend_from_slice(&passed(&mut filters[n + 1..], rest).0);
            }
        }
        for filter in filters {
            if let Some(work) = filter.end(how) {
                block_on(work);
            }
        }
        through
    }
}

/// What has come through, and whether the body has ended with it.
fn passed(filters: &mut [Box<dyn BodyFilter>], mut piece: Bytes) -> (Bytes, bool) {
    let mut ends = false;
    for filter in filters {
        let passed = filter.piece(piece);
        let (bytes, is_last) = bytes_of(waited(&mut **filter, passed));
        piece = bytes;
        ends |= is_last;
    }
    (piece, ends)
}

fn waited(filter: &mut dyn BodyFilter, mut passed: Passed) -> Passed {
    for _ in 0..MOST_POLLS {
        if passed != Passed::Wait {
            return passed;
        }
        passed = block_on(std::future::poll_fn(|cx| filter.poll(cx)));
    }
    panic!("the filter waits for ever");
}

fn bytes_of(passed: Passed) -> (Bytes, bool) {
    match passed {
        Passed::On(piece) => (piece, false),
        Passed::Last(piece) => (piece, true),
        Passed::Wait => (Bytes::new(), false),
    }
}

/// The connections of a request.
pub(crate) struct OneWire {
    pub(crate) body: Bytes,
    pub(crate) answer: Option<(Response, Bytes)>,
    pub(crate) recorded: Recorded,
}

impl Wire for OneWire {
    fn read_request_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        let body = self.body.clone();
        Box::pin(async move { Ok(BufferedBody::from(body)) })
    }

    fn read_response_body<'a>(
        &'a mut self,
        _: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        let body = self.answer.as_ref().map(|(_, body)| body.clone()).unwrap_or_default();
        let through = Bytes::from(self.recorded.pass(body.chunks(7)));
        Box::pin(async move { Ok(BufferedBody::from(through)) })
    }

    fn forward<'a>(
        &'a mut self,
        call: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>> {
        self.recorded.forwarded.lock().unwrap().push(call.request.clone());
        let answer = self.answer.as_ref().map(|(response, _)| response.clone());
        Box::pin(async move {
            once().await;
            answer.ok_or_else(|| ForwardError::Connection("refused".to_owned()))
        })
    }

    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap {
        headers.clone()
    }

    fn filter_response(&mut self, filter: Box<dyn BodyFilter>) {
        self.recorded.filters.lock().unwrap().push(filter);
    }

    fn sleep(&mut self, _: Duration) -> BoxFuture<'_, Result<(), BodyError>> {
        Box::pin(async { Ok(()) })
    }
}
