//! The call of a model that a request makes, shared by all policies that have to do with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use tollgate_engine::ports::Counters;
use tollgate_engine::{
    Body, BoxFuture, Clock, Facts, Forwarding, Message, PolicyError, Request, RequestCx, Sent,
    Traffic,
};
use tollgate_expr::Value;

use super::ledger::{Account, Ledger, tell};
use super::metering::{Bound, Metered, Whole, used_by, used_by_read_stream};
use super::request::Asked;

/// Where the tokens that a request consumed are told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumed {
    /// A header of the response.
    pub(crate) header: Option<HeaderName>,
    /// A variable.
    pub(crate) variable: Option<Arc<str>>,
}

/// What is known of a request to a model and of what it used.
///
/// INVARIANT: when the request is over, each of its accounts has been charged what the backend says was used, or what was
/// counted where it says nothing.
pub(crate) struct ModelCall {
    counters: Arc<dyn Counters>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ledger: Ledger,
    consumed: Vec<Consumed>,
    /// Tokens that the completion may have, when somebody has reserved them.
    bound: Option<u64>,
    /// The last request that was looked at, with the tokens of its prompt once somebody has asked.
    asked: Option<(Asked, Option<u64>)>,
}

impl ModelCall {
    /// That of a request; made with the first policy that asks.
    pub(crate) fn of(cx: &mut RequestCx) -> Arc<Self> {
        if let Some(known) = cx.extensions.get::<Arc<Self>>() {
            return Arc::clone(known);
        }
        let counters = Arc::clone(&cx.ports.counters);
        let clock = Arc::clone(&cx.ports.clock);
        let call = Arc::new(Self { counters, clock, state: Mutex::default() });
        cx.extensions.insert(Arc::clone(&call));
        cx.forwardings.add(Arc::new(Calling(Arc::clone(&call))));
        cx.finally.when_sent(Over(Arc::clone(&call)));
        call
    }

    /// The tokens of the request's prompt, as it stands. Counted once for each text of it.
    pub(crate) fn prompt_tokens(&self, request: &Request) -> u64 {
        self.look(Asked::read(request));
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
    pub(crate) fn completion(request: &Request, unstated: u64) -> u64 {
        Asked::read(request).and_then(|asked| asked.completion(unstated)).unwrap_or(0)
    }

    /// Holds the completion to so many tokens: the backend is told, and a stream ends there.
    pub(crate) fn bound(&self, tokens: u64) {
        let bound = &mut self.state().bound;
        *bound = Some(bound.map_or(tokens, |bound| bound.min(tokens)));
    }

    /// Charges a counter for the request, from what it has been charged already.
    pub(crate) fn open(&self, account: Account) {
        self.state().ledger.open(account);
    }

    /// Tells the tokens there once they are known.
    pub(crate) fn tell_consumed(&self, consumed: Consumed) {
        self.state().consumed.push(consumed);
    }

    /// A response is over and has used so many tokens.
    pub(super) fn spend(&self, tokens: u64) -> Option<BoxFuture<'static, ()>> {
        let corrections = self.state().ledger.spend(tokens, self.now());
        tell(&self.counters, corrections)
    }

    /// A stream has produced so many tokens by now.
    pub(super) fn progress(&self, completion: u64) {
        // A server cannot be told from here; it is told at the end.
        if !self.counters.waits() {
            let corrections = self.state().ledger.progress(completion, self.now());
            drop(tell(&self.counters, corrections));
        }
    }

    /// The tokens of the prompt of the request that was sent last.
    pub(super) fn prompt_tokens_asked(&self) -> u64 {
        let asked = match &self.state().asked {
            Some((_, Some(tokens))) => return *tokens,
            Some((asked, None)) => asked.clone(),
            None => return 0,
        };
        // Without the lock: a long prompt takes a while.
        let tokens = asked.prompt_tokens();
        if let Some((now, counted)) = &mut self.state().asked
            && now.is_same(&asked)
        {
            *counted = Some(tokens);
        }
        tokens
    }

    fn look(&self, asked: Option<Asked>) {
        let mut state = self.state();
        let before = state.asked.take();
        state.asked = asked.map(|asked| {
            let same = before.filter(|(known, _)| known.is_same(&asked));
            (asked, same.and_then(|(_, tokens)| tokens))
        });
    }

    fn asked(&self) -> Option<Asked> {
        self.state().asked.as_ref().map(|(asked, _)| asked.clone())
    }

    /// Milliseconds since 1970.
    fn now(&self) -> i64 {
        const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
        (self.clock.ticks() - TICKS_AT_UNIX_EPOCH).div_euclid(10_000)
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

/// An `int` of expressions.
pub(crate) fn number(number: u64) -> Value {
    Value::from(i32::try_from(number).unwrap_or(i32::MAX))
}

/// Meters each response of the backend.
struct Calling(Arc<ModelCall>);

impl Forwarding for Calling {
    fn sending(&self, request: &mut Request) {
        let asked = Asked::read(request);
        if let Some(asked) = &asked {
            asked.send(request, self.0.state().bound);
        }
        self.0.look(asked);
    }

    /// When the future is dropped, the response is not metered: it was never sent.
    fn answered<'a>(&'a self, cx: &'a mut RequestCx) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async move {
            let call = &self.0;
            let (Some(asked), Some(response)) = (call.asked(), &cx.response) else { return Ok(()) };
            // Errors use no tokens, and what is no HTTP has no body.
            if !response.status.is_success() {
                call.tell(cx, call.spent());
                return Ok(());
            }
            let is_stream = is_event_stream(&response.headers);
            let is_encoded = response.headers.contains_key(CONTENT_ENCODING);
            if is_encoded || call.is_told() && !is_stream {
                cx.provide(BODY).await?;
            }
            let Some(response) = &cx.response else { return Ok(()) };
            if matches!(response.body, Body::Stream) {
                if is_stream && call.is_told() {
                    call.tell(cx, call.spent().saturating_add(call.prompt_tokens_asked()));
                }
                cx.wire.filter_response(if is_stream {
                    Box::new(Metered::new(call, &asked, call.stream_bound()))
                } else {
                    Box::new(Whole::new(call, asked))
                });
                return Ok(());
            }
            let body = response.body.bytes().cloned().unwrap_or_default();
            let tokens = if is_stream {
                let (tokens, seen) = used_by_read_stream(call, &asked, call.stream_bound(), body);
                cx.set_body(Message::Response, seen);
                tokens
            } else {
                used_by(call, &asked, &body)
            };
            if let Some(told) = call.spend(tokens) {
                told.await;
            }
            call.tell(cx, call.spent());
            Ok(())
        })
    }
}

/// What reads the body of the response.
const BODY: Facts = Facts { reads_request_body: false, reads_response_body: true };

fn is_event_stream(headers: &HeaderMap) -> bool {
    const NAME: &[u8] = b"text/event-stream";
    let start = headers.get(CONTENT_TYPE).and_then(|it| it.as_bytes().get(..NAME.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(NAME))
}

/// Gives back what was charged for a response that never came.
struct Over(Arc<ModelCall>);

impl Sent for Over {
    fn run(self: Box<Self>, _traffic: Traffic) -> Option<BoxFuture<'static, ()>> {
        let corrections = self.0.state().ledger.settle(self.0.now());
        tell(&self.0.counters, corrections)
    }
}
