//! The call of a model that a request makes, shared by all policies that have to do with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tollgate_engine::ports::{Charge, Counters, Tasks};
use tollgate_engine::{
    Body, BoxFuture, Clock, Facts, Forwarding, Message, Names, PolicyError, Request, RequestCx,
    Sent, Target, Traffic,
};
use tollgate_expr::Value;
use tollgate_llm::Api;

use super::ledger::{Account, Corrections, Ledger};
use super::metering::{Bound, Metered, Metering, Realtime, Whole};
use super::request::Asked;
use super::watch::{Later, ModelResponse, Watcher, Watches};

/// Where the tokens that a request consumed are told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumed {
    /// A header of the response.
    pub(crate) header: Option<HeaderName>,
    /// A variable.
    pub(crate) variable: Option<Arc<str>>,
}

/// What is reserved is charged anew after so long, which is well before it leaves the minute.
const RENEWAL: Duration = Duration::from_secs(20);

/// What is known of a request to a model and of what it used.
///
/// INVARIANT: when the request is over, each of its accounts has been charged what the backend says was used, or what was
/// counted where it says nothing; until then a minute holds what was reserved and has not been used.
pub(crate) struct ModelCall {
    counters: Arc<dyn Counters>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
    names: Arc<dyn Names>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ledger: Ledger,
    consumed: Vec<Consumed>,
    watchers: Vec<Arc<dyn Watcher>>,
    /// Tokens that the completion may have, when somebody has reserved them.
    bound: Option<u64>,
    /// The last request that was looked at, with the tokens of its prompt once somebody has asked.
    asked: Option<(Arc<Asked>, Option<u64>)>,
    /// What counters that are waited for have not been told yet.
    untold: Corrections,
    /// Whether they are being told.
    is_telling: bool,
    renews: bool,
}

impl ModelCall {
    /// That of a request; made with the first policy that asks.
    pub(crate) fn of(cx: &mut RequestCx) -> Arc<Self> {
        if let Some(known) = cx.extensions.get::<Arc<Self>>() {
            return Arc::clone(known);
        }
        let call = Arc::new(Self {
            counters: Arc::clone(&cx.ports.counters),
            clock: Arc::clone(&cx.ports.clock),
            tasks: Arc::clone(&cx.ports.tasks),
            names: Arc::clone(&cx.route.names),
            state: Mutex::default(),
        });
        cx.extensions.insert(Arc::clone(&call));
        cx.forwardings.add(Arc::new(Calling(Arc::clone(&call))));
        cx.finally.when_sent(Over(Arc::clone(&call)));
        call
    }

    /// The tokens of the request's prompt, as it stands. Counted once for each text of it.
    pub(crate) fn prompt_tokens(&self, request: &Request) -> u64 {
        self.look(request);
        self.prompt_tokens_asked()
    }

    /// The request has its answer without a model: it consumed nothing.
    pub(crate) fn answered_without(cx: &mut RequestCx) {
        if let Some(call) = cx.extensions.get::<Arc<Self>>().map(Arc::clone) {
            call.tell(cx, 0);
        }
    }

    /// The most tokens that the completion of the request may have: as it states, else `unstated`; 0 when its protocol
    /// knows no bound.
    pub(crate) fn completion(&self, request: &Request, unstated: u64) -> u64 {
        self.look(request).and_then(|asked| asked.completion(unstated)).unwrap_or(0)
    }

    /// Holds the completion to so many tokens: the backend is told, and a stream ends there.
    pub(crate) fn bound(&self, tokens: u64) {
        let bound = &mut self.state().bound;
        *bound = Some(bound.map_or(tokens, |bound| bound.min(tokens)));
    }

    /// Charges a counter for the request, which it has been charged as `charge` says at `at` by the counters' clock: so much
    /// for the prompt, the rest is reserved.
    pub(crate) fn open(self: &Arc<Self>, charge: &Charge, at: i64, prompt: u64) {
        let account = Account::new(charge, at, self.now(), prompt);
        let mut state = self.state();
        state.ledger.open(account);
        if state.ledger.reserves() && !std::mem::replace(&mut state.renews, true) {
            drop(state);
            self.tasks.spawn(Box::pin(renewing(Arc::downgrade(self), Arc::clone(&self.tasks))));
        }
    }

    /// Tells the tokens there once they are known.
    pub(crate) fn tell_consumed(&self, consumed: Consumed) {
        self.state().consumed.push(consumed);
    }

    /// Has somebody look on at each response of a model that the request gets.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.state().watchers.push(watcher);
    }

    fn watches(&self, cx: &RequestCx, response: &ModelResponse<'_>) -> Watches {
        // Without the lock: watchers may ask the call.
        let watchers = self.state().watchers.clone();
        Watches::new(watchers.iter().filter_map(|watcher| watcher.begin(cx, response)).collect())
    }

    /// A response is over and has used so many tokens.
    pub(super) fn spend(self: &Arc<Self>, tokens: u64) {
        let corrections = self.state().ledger.spend(tokens);
        self.tell_counters(corrections);
    }

    /// A stream has produced so many tokens by now.
    pub(super) fn progress(self: &Arc<Self>, completion: u64) {
        let corrections = self.state().ledger.progress(completion);
        self.tell_counters(corrections);
    }

    /// Tells the counters, in the order of the calls: at once, or in a task where that has to be waited for.
    fn tell_counters(self: &Arc<Self>, corrections: Corrections) {
        if corrections.is_empty() {
            return;
        }
        if !self.counters.waits() {
            return drop(self.counters.correct(&corrections));
        }
        let mut state = self.state();
        state.untold.extend(corrections);
        if !std::mem::replace(&mut state.is_telling, true) {
            drop(state);
            self.tasks.spawn(Box::pin(telling(Arc::clone(self))));
        }
    }

    /// The tokens of the prompt of the request that was sent last.
    pub(super) fn prompt_tokens_asked(&self) -> u64 {
        let asked = match &self.state().asked {
            Some((_, Some(tokens))) => return *tokens,
            Some((asked, None)) => Arc::clone(asked),
            None => return 0,
        };
        // Without the lock: a long prompt takes a while.
        let tokens = asked.prompt_tokens();
        if let Some((now, counted)) = &mut self.state().asked
            && Arc::ptr_eq(now, &asked)
        {
            *counted = Some(tokens);
        }
        tokens
    }

    /// What the request asks for, as it stands. Read once for each text of it.
    fn look(&self, request: &Request) -> Option<Arc<Asked>> {
        let path = self.path(request);
        if let Some((known, _)) = &self.state().asked
            && known.is_of(request, &path)
        {
            return Some(Arc::clone(known));
        }
        let asked = Asked::read(request, path).map(Arc::new);
        let mut state = self.state();
        let before = state.asked.take();
        state.asked = asked.clone().map(|asked| {
            let same = before.filter(|(known, _)| known.has_same_prompt(&asked));
            (asked, same.and_then(|(_, tokens)| tokens))
        });
        asked
    }

    /// The path that the backend sees, as far as it is known: its own may name the deployment.
    fn path(&self, request: &Request) -> String {
        let base = match &request.target {
            Some(Target::Url(url)) => url.path.clone(),
            Some(Target::Backend(id)) => {
                self.names.backend(id).map_or_else(String::new, |it| it.path)
            }
            None => String::new(),
        };
        format!("{}/{}", base.trim_end_matches('/'), request.uri.path.trim_start_matches('/'))
    }

    fn asked(&self) -> Option<Arc<Asked>> {
        self.state().asked.as_ref().map(|(asked, _)| Arc::clone(asked))
    }

    /// Milliseconds by the clock that the counters go by.
    fn now(&self) -> i64 {
        self.clock.steady_ms()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock panics half way, so what a poisoned one guards is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the headers and variables of those who want to know.
    fn tell(&self, cx: &mut RequestCx, tokens: u64) {
        for Consumed { header, variable } in &self.state().consumed {
            if let Some(name) = header {
                cx.finally.set_header(name.clone(), HeaderValue::from(tokens));
            }
            if let Some(name) = variable {
                cx.variables.set(name, number(tokens));
            }
        }
    }

    fn spent(&self) -> u64 {
        self.state().ledger.spent()
    }

    /// What a stream is held to, and the tokens of its prompt.
    fn stream_bound(&self) -> Option<Bound> {
        let completion = self.state().bound?;
        Some(Bound { completion, prompt: self.prompt_tokens_asked() })
    }

    fn is_told(&self) -> bool {
        let told = |it: &Consumed| it.header.is_some() || it.variable.is_some();
        self.state().consumed.iter().any(told)
    }
}

/// Tells counters that are waited for what they have not been told.
async fn telling(call: Arc<ModelCall>) {
    loop {
        let untold = {
            let mut state = call.state();
            if state.untold.is_empty() {
                state.is_telling = false;
                return;
            }
            std::mem::take(&mut state.untold)
        };
        // Who cannot be told now is not told: the response stands, and the setting for it has been obeyed.
        call.counters.correct(&untold).get().await.ok();
    }
}

/// Keeps what a request has reserved within the minute for as long as the request lasts: while its backend thinks and while
/// it streams.
async fn renewing(call: Weak<ModelCall>, tasks: Arc<dyn Tasks>) {
    loop {
        tasks.sleep(RENEWAL).await;
        let Some(call) = call.upgrade() else { return };
        let corrections = {
            let mut state = call.state();
            if !state.ledger.reserves() {
                state.renews = false;
                return;
            }
            state.ledger.renew(call.now())
        };
        call.tell_counters(corrections);
    }
}

/// An `int` of expressions.
pub(crate) fn number(number: u64) -> Value {
    Value::from(i32::try_from(number).unwrap_or(i32::MAX))
}

/// Meters each response of the backend.
struct Calling(Arc<ModelCall>);

impl Forwarding for Calling {
    fn sending(&self, request: &mut Request) {
        if let Some(asked) = self.0.look(request) {
            let bound = self.0.state().bound;
            asked.send(request, bound);
        }
    }

    /// When the future is dropped, the response is not metered: it was never sent.
    fn answered<'a>(&'a self, cx: &'a mut RequestCx) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async move {
            let call = &self.0;
            let (Some(asked), Some(response)) = (call.asked(), &cx.response) else { return Ok(()) };
            let is_tunnel = response.status == StatusCode::SWITCHING_PROTOCOLS;
            let is_answer = response.status.is_success() || is_tunnel && asked.api == Api::Realtime;
            // Errors use no tokens.
            if !is_answer {
                call.tell(cx, call.spent());
                return Ok(());
            }
            let is_stream = is_of_type(&response.headers, b"text/event-stream");
            // Recordings and pictures as they are; what says nothing of itself is looked at.
            let can_tell = is_stream
                || !response.headers.contains_key(CONTENT_TYPE)
                || is_of_type(&response.headers, b"application/json");
            let is_encoded = response.headers.contains_key(CONTENT_ENCODING);
            if !is_tunnel && can_tell && (is_encoded || call.is_told() && !is_stream) {
                cx.provide(BODY).await?;
            }
            let Some(response) = &cx.response else { return Ok(()) };
            let seen = ModelResponse { api: asked.api, model: asked.model() };
            let metering = Metering {
                watches: call.watches(cx, &seen),
                bound: call.stream_bound(),
                call: Arc::clone(call),
                asked,
            };
            if matches!(response.body, Body::Stream) {
                if call.is_told() {
                    call.tell(cx, call.spent().saturating_add(call.prompt_tokens_asked()));
                }
                cx.wire.filter_response(if is_tunnel {
                    Box::new(Realtime::new(metering))
                } else if is_stream {
                    Box::new(Metered::new(metering))
                } else {
                    Box::new(Whole::new(metering, can_tell))
                });
                return Ok(());
            }
            let body = response.body.bytes().cloned().unwrap_or_default();
            let over = if is_stream {
                let (seen, over) = metering.read_stream(body);
                cx.set_body(Message::Response, seen);
                over
            } else {
                metering.read_whole(&body)
            };
            for work in over {
                cx.finally.when_sent(Later(work));
            }
            call.tell(cx, call.spent());
            Ok(())
        })
    }
}

/// What reads the body of the response.
const BODY: Facts = Facts { reads_request_body: false, reads_response_body: true };

fn is_of_type(headers: &HeaderMap, kind: &[u8]) -> bool {
    let start = headers.get(CONTENT_TYPE).and_then(|it| it.as_bytes().get(..kind.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(kind))
}

/// Gives back what was charged for a response that never came.
struct Over(Arc<ModelCall>);

impl Sent for Over {
    fn run(self: Box<Self>, _traffic: Traffic) -> Option<BoxFuture<'static, ()>> {
        let corrections = self.0.state().ledger.settle();
        self.0.tell_counters(corrections);
        None
    }
}
