//! The keys of one issuer, kept fresh.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tollgate_engine::BoxFuture;
use tollgate_engine::jose::KeySet;
use tollgate_engine::ports::{KeyError, KeySource, Randomness, Refresh};
use url::Url;

use super::KeySettings;
use super::documents::{Documents, Pair, place};
use crate::fetch::flight::{Flight, begin};
use crate::telemetry::{Ended, Metrics};

/// How often documents that could not be fetched are asked for again, first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// What sources share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) settings: Arc<ArcSwap<KeySettings>>,
    pub(super) randomness: Arc<dyn Randomness>,
    pub(super) metrics: Arc<Metrics>,
    /// Numbers key sets across all sources, so that equal numbers mean equal keys.
    pub(super) generations: Arc<AtomicU64>,
}

type Fetched = Result<Arc<KeySet>, KeyError>;

/// The keys behind one URL.
///
/// INVARIANT: at most one fetch is under way, and one that an unknown `kid` caused is followed by another such one only
/// after the cool-down.
pub(super) struct Source {
    /// Itself, for the tasks it begins: they end when nobody holds it any more.
    this: Weak<Source>,
    url: Url,
    documents: Arc<dyn Documents>,
    around: Surroundings,
    held: ArcSwapOption<Held>,
    /// Whether keys were asked for since they were last fetched.
    is_used: AtomicBool,
    state: Mutex<State>,
    /// Tells the renewing task that a fetch it did not begin has failed, so that it tries again soon.
    failed: Arc<Notify>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    documents: Pair,
    fetched: Instant,
}

#[derive(Default)]
struct State {
    flight: Option<Flight<Fetched>>,
    failure: Option<Failure>,
    /// When an unknown `kid` last caused a fetch.
    sought: Option<Instant>,
    is_renewing: bool,
}

struct Failure {
    error: KeyError,
    in_a_row: u32,
    /// Until then nothing is asked.
    until: Instant,
}

/// What a source says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// URL of the OpenID configuration, without its query.
    pub url: String,
    /// `issuer` of the configuration; `None` when nothing was fetched yet.
    pub issuer: Option<String>,
    /// Number of keys at hand.
    pub n_keys: usize,
    /// Their generation.
    pub generation: Option<u64>,
    /// How long ago they were fetched.
    pub age: Option<Duration>,
    /// Why the last fetch failed, when it did.
    pub error: Option<String>,
}

impl Source {
    pub(super) fn new(url: Url, documents: Arc<dyn Documents>, around: Surroundings) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            url,
            documents,
            around,
            held: ArcSwapOption::empty(),
            is_used: AtomicBool::new(true),
            state: Mutex::default(),
            failed: Arc::default(),
        })
    }

    /// Whether keys were asked for since they were last fetched.
    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    pub(super) fn status(&self) -> KeyStatus {
        let held = self.held.load_full();
        let error = self.state.lock().failure.as_ref().map(|failure| failure.error.to_string());
        KeyStatus {
            url: place(&self.url),
            issuer: held.as_ref().and_then(|held| held.keys.issuer()).map(str::to_owned),
            n_keys: held.as_ref().map_or(0, |held| held.keys.keys().len()),
            generation: held.as_ref().map(|held| held.keys.generation()),
            age: held.as_ref().map(|held| held.fetched.elapsed()),
            error,
        }
    }

    /// Keys that the issuer's absence does not rule out yet.
    fn last_resort(&self) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        let held = held
            .as_ref()
            .filter(|held| held.fetched.elapsed() < self.around.settings.load().stale)?;
        Some(Arc::clone(&held.keys))
    }

    /// Joins the fetch under way or begins one.
    fn flight(&self, state: &mut State) -> Flight<Fetched> {
        let begin_fetch = || {
            let this = self.this.clone();
            let gone = || Err(KeyError::Unavailable("the gateway is stopping".to_owned()));
            let fetch = async move {
                let Some(this) = this.upgrade() else { return gone() };
                let fetched = this.documents.fetch(&this.url).await;
                this.land(fetched)
            };
            begin(fetch, move |_| gone())
        };
        // A flight that ended without landing has been lost; the next one must not wait for it.
        if state.flight.as_ref().is_some_and(|flight| flight.peek().is_some()) {
            state.flight = None;
        }
        state.flight.get_or_insert_with(begin_fetch).clone()
    }

    /// Takes over the result of a fetch.
    fn land(&self, fetched: Result<Pair, KeyError>) -> Fetched {
        let landed = fetched.and_then(|documents| self.accept(documents));
        let mut state = self.state.lock();
        state.flight = None;
        let url = place(&self.url);
        match landed {
            Ok(held) => {
                self.around.metrics.keys_fetched(Ended::ok);
                let (n_keys, generation) = (held.keys.keys().len(), held.keys.generation());
                tracing::debug!(url, n_keys, generation, "keys were fetched");
                state.failure = None;
                let keys = Arc::clone(&held.keys);
                self.held.store(Some(Arc::new(held)));
                if !state.is_renewing {
                    state.is_renewing = true;
                    tokio::spawn(renew(self.this.clone(), Arc::clone(&self.failed)));
                }
                Ok(keys)
            }
            Err(error) => {
                self.around.metrics.keys_fetched(Ended::failed);
                let last_resort = self.last_resort();
                let has_keys = last_resort.is_some();
                tracing::warn!(url, %error, has_keys, "keys could not be fetched");
                let in_a_row = state.failure.as_ref().map_or(0, |failure| failure.in_a_row) + 1;
                let until = Instant::now() + self.jittered(retry_after(in_a_row));
                state.failure = Some(Failure { error: error.clone(), in_a_row, until });
                self.failed.notify_one();
                last_resort.ok_or(error)
            }
        }
    }

    /// Reads the documents, unless they are the ones at hand: equal keys keep their generation, and with it what others
    /// remember about signatures they verified.
    fn accept(&self, documents: Pair) -> Result<Held, KeyError> {
        let fetched = Instant::now();
        if let Some(held) = self.held.load().as_ref().filter(|held| held.documents == documents) {
            return Ok(Held { keys: Arc::clone(&held.keys), documents, fetched });
        }
        let generation = self.around.generations.fetch_add(1, Ordering::Relaxed);
        let keys = KeySet::from_documents(&documents.configuration, &documents.keys, generation)
            .map_err(KeyError::Invalid)?;
        if keys.keys().is_empty() {
            return Err(KeyError::Invalid("the key document has no key for signatures".to_owned()));
        }
        Ok(Held { keys: Arc::new(keys), documents, fetched })
    }

    /// Up to a tenth less, so that many gateways do not ask at once.
    fn jittered(&self, delay: Duration) -> Duration {
        let share = u32::try_from(self.around.randomness.next() % 1_000).unwrap_or(0);
        delay.saturating_sub(delay / 10_000 * share)
    }

    /// When the renewing task is to wake.
    fn next_renewal(&self) -> Instant {
        let now = Instant::now();
        if let Some(failure) = &self.state.lock().failure {
            return failure.until.max(now);
        }
        let lifetime = self.around.settings.load().lifetime;
        let held = self.held.load();
        let fetched = held.as_ref().map_or(now, |held| held.fetched);
        let ahead = self.jittered(lifetime / 5 * 4).max(Duration::from_secs(1));
        (fetched + ahead).max(now)
    }

    /// The state when keys were asked for because of an unknown `kid`: a flight to join, or the answer.
    fn seek(&self, kid: &str) -> Result<Flight<Fetched>, Fetched> {
        let mut state = self.state.lock();
        let held = self.held.load();
        if let Some(held) = held.as_ref().filter(|held| held.keys.has_key(kid)) {
            return Err(Ok(Arc::clone(&held.keys)));
        }
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.peek().is_none()) {
            return Ok(flight.clone());
        }
        let cooldown = self.around.settings.load().cooldown;
        if state.sought.is_some_and(|sought| sought.elapsed() < cooldown) {
            return Err(self.at_hand(&state));
        }
        state.sought = Some(Instant::now());
        Ok(self.flight(&mut state))
    }

    fn at_hand(&self, state: &State) -> Fetched {
        let why_not = || match &state.failure {
            Some(failure) => failure.error.clone(),
            None => KeyError::Unavailable("its keys are too old".to_owned()),
        };
        self.last_resort().ok_or_else(why_not)
    }
}

/// Fetches the keys of a source ahead of their end, until nobody holds the source or uses it.
async fn renew(source: Weak<Source>, failed: Arc<Notify>) {
    loop {
        let next = match source.upgrade() {
            Some(source) => source.next_renewal(),
            None => return,
        };
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = failed.notified() => continue,
        }
        let Some(source) = source.upgrade() else { return };
        // The pool holds it, and so does this task; whoever else does is a policy.
        let is_held = Arc::strong_count(&source) > 2;
        let flight = {
            let mut state = source.state.lock();
            let was_used = source.is_used.swap(false, Ordering::Relaxed);
            if !is_held && !was_used {
                state.is_renewing = false;
                return;
            }
            source.flight(&mut state)
        };
        // The result has landed, and failures were logged there.
        drop(flight.await);
    }
}

fn retry_after(failures: u32) -> Duration {
    let (first, most) = RETRY;
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most)
}

impl KeySource for Source {
    fn current(&self) -> Option<Arc<KeySet>> {
        // A write only when it changes something: every request passes here.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
        let held = self.held.load();
        let held = held.as_ref()?;
        if held.fetched.elapsed() < self.around.settings.load().lifetime {
            return Some(Arc::clone(&held.keys));
        }
        // Old keys count only when newer ones could not be had.
        let has_failed = self.state.lock().failure.is_some();
        if has_failed { self.last_resort() } else { None }
    }

    fn refresh<'a>(&'a self, why: Refresh<'a>) -> BoxFuture<'a, Fetched> {
        Box::pin(async move {
            let flight = match why {
                Refresh::UnknownKid(kid) => self.seek(kid),
                Refresh::Missing => {
                    if let Some(keys) = self.current() {
                        return Ok(keys);
                    }
                    let mut state = self.state.lock();
                    match &state.failure {
                        Some(failure)
                            if state.flight.is_none() && Instant::now() < failure.until =>
                        {
                            Err(self.at_hand(&state))
                        }
                        _ => Ok(self.flight(&mut state)),
                    }
                }
            };
            match flight {
                Ok(flight) => flight.await,
                Err(answer) => answer,
            }
        })
    }
}

#[cfg(test)]
mod tests;
