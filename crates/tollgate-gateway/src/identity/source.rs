//! One token, kept fresh.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::time::Instant;
use tollgate_engine::ports::{AccessToken, Clock, IdentityError, Randomness, TokenSource};
use tollgate_engine::{BoxFuture, Secret};

use crate::fetch::flight::{Flight, begin};
use crate::telemetry::{Ended, Metrics};

/// How often a token that could not be renewed is asked for again, first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A token is not renewed more often, unless it lives for less than twice this.
const MIN_RENEWAL: Duration = Duration::from_secs(30);

/// This long before its end a token is renewed at the latest.
const MARGIN: Duration = Duration::from_mins(5);

/// No token is believed to live longer.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Gets one token from wherever tokens come from.
pub(crate) trait Acquire: Send + Sync + std::fmt::Debug {
    /// Asks for a token, never giving one that was given before when it can get a newer.
    fn acquire(&self) -> BoxFuture<'_, Result<Acquired, IdentityError>>;
}

/// A token as it was given.
#[derive(Debug, Clone)]
pub(crate) struct Acquired {
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: i64,
    /// What else the endpoint said.
    pub(crate) claims: serde_json::Map<String, serde_json::Value>,
}

/// What sources share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) metrics: Arc<Metrics>,
}

/// One token: that of an identity for a resource, or of a connection.
///
/// INVARIANT: at most one call to the identity endpoint is under way. A token is given until its end, whatever becomes of
/// its renewal.
pub(crate) struct Source {
    /// Itself, for the tasks it begins: they end when nobody holds it any more.
    this: Weak<Source>,
    name: String,
    acquire: Arc<dyn Acquire>,
    timeout: Duration,
    around: Surroundings,
    token: ArcSwapOption<Held>,
    /// Whether the token was asked for since it was last renewed. What nobody uses is not renewed.
    is_used: AtomicBool,
    state: Mutex<State>,
}

/// A token and when it ends. Both clocks must agree that it has not: one that was set back would give it past its end, and
/// the other one may have stood still while the machine slept.
struct Held {
    token: AccessToken,
    until: Instant,
}

impl Held {
    fn new(token: AccessToken, now: i64) -> Self {
        let left = u64::try_from(token.expires_at.saturating_sub(now)).unwrap_or(0);
        Self { token, until: Instant::now() + Duration::from_secs(left).min(LONGEST) }
    }

    /// How long it is good for, when it is `now` by the wall clock; `None` when it is not.
    fn left(&self, now: i64) -> Option<Duration> {
        let by_wall = u64::try_from(self.token.expires_at.saturating_sub(now)).unwrap_or(0);
        let left = self.until.saturating_duration_since(Instant::now());
        let left = left.min(Duration::from_secs(by_wall));
        (!left.is_zero()).then_some(left)
    }
}

#[derive(Default)]
struct State {
    flight: Option<Flight<Result<AccessToken, IdentityError>>>,
    failure: Option<Failure>,
    is_renewing: bool,
}

#[derive(Clone)]
struct Failure {
    error: IdentityError,
    in_a_row: u32,
    /// Until then nothing is asked.
    until: Instant,
}

/// What a source says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenStatus {
    /// The identity: `own`, or a client id.
    pub identity: String,
    /// The resource as it was written.
    pub resource: String,
    /// Seconds since 1970 at which the token ends; `None` when there is none.
    pub expires_at: Option<i64>,
    /// Why the last call failed, when it did.
    pub error: Option<String>,
}

impl Source {
    /// A source that has not asked yet. `name` is for the log.
    pub(crate) fn new(
        name: String,
        acquire: Arc<dyn Acquire>,
        timeout: Duration,
        around: Surroundings,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            name,
            acquire,
            timeout,
            around,
            token: ArcSwapOption::empty(),
            is_used: AtomicBool::new(true),
            state: Mutex::default(),
        })
    }

    /// Whether the token was asked for since it was last renewed.
    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    pub(super) fn status(&self, identity: String, resource: String) -> TokenStatus {
        let now = self.around.clock.unix_seconds();
        TokenStatus {
            identity,
            resource,
            expires_at: self.good_at(now).map(|token| token.expires_at),
            error: self.state.lock().failure.as_ref().map(|failure| failure.error.to_string()),
        }
    }

    fn good_at(&self, now: i64) -> Option<AccessToken> {
        let held = self.token.load();
        held.as_ref().filter(|held| held.left(now).is_some()).map(|held| held.token.clone())
    }

    /// Joins the call under way or begins one.
    fn flight(&self, state: &mut State) -> Flight<Result<AccessToken, IdentityError>> {
        let begin_call = || {
            let this = self.this.clone();
            let gone = || Err(IdentityError::Unavailable("the gateway is stopping".to_owned()));
            let call = async move {
                let Some(this) = this.upgrade() else { return gone() };
                let asked = tokio::time::timeout(this.timeout, this.acquire.acquire()).await;
                let late = || format!("no answer within {} ms", this.timeout.as_millis());
                let asked = asked.unwrap_or_else(|_| Err(IdentityError::Failed(late())));
                this.land(asked)
            };
            begin(call, move |_| gone())
        };
        // A flight that ended without landing has been lost; the next one must not wait for it.
        if state.flight.as_ref().is_some_and(|flight| flight.peek().is_some()) {
            state.flight = None;
        }
        state.flight.get_or_insert_with(begin_call).clone()
    }

    /// Takes over the result of a call.
    fn land(&self, asked: Result<Acquired, IdentityError>) -> Result<AccessToken, IdentityError> {
        let now = self.around.clock.unix_seconds();
        let landed = asked.and_then(|acquired| accept(acquired, now));
        let mut state = self.state.lock();
        state.flight = None;
        match landed {
            Ok(token) => {
                self.around.metrics.token_fetched(Ended::ok);
                tracing::debug!(
                    token = self.name,
                    expires_at = token.expires_at,
                    "a token was fetched"
                );
                state.failure = None;
                self.token.store(Some(Arc::new(Held::new(token.clone(), now))));
                if !state.is_renewing {
                    state.is_renewing = true;
                    tokio::spawn(renew(self.this.clone()));
                }
                Ok(token)
            }
            Err(error) => {
                self.around.metrics.token_fetched(Ended::failed);
                tracing::warn!(token = self.name, %error, "a token could not be fetched");
                let in_a_row = state.failure.as_ref().map_or(0, |failure| failure.in_a_row) + 1;
                let until = Instant::now() + self.jittered(retry_after(in_a_row));
                state.failure = Some(Failure { error: error.clone(), in_a_row, until });
                // Who waited for a renewal that failed has no reason to suffer.
                self.good_at(now).ok_or(error)
            }
        }
    }

    /// Up to a tenth less, so that many gateways do not ask at once.
    fn jittered(&self, delay: Duration) -> Duration {
        let share = u32::try_from(self.around.randomness.next() % 1_000).unwrap_or(0);
        delay.saturating_sub(delay / 10_000 * share)
    }

    /// What is to be done next by the renewing task.
    fn next_renewal(&self) -> Renewal {
        let now = self.around.clock.unix_seconds();
        let mut state = self.state.lock();
        let Some(left) = self.token.load().as_ref().and_then(|held| held.left(now)) else {
            // It ended: whoever needs the next one asks for it.
            state.is_renewing = false;
            return Renewal::Ended;
        };
        match &state.failure {
            Some(failure) if failure.until > Instant::now() => Renewal::At(failure.until),
            _ => Renewal::At(Instant::now() + self.jittered(renewal_delay(left))),
        }
    }

    /// Renews the token when it is used; otherwise lets it come nearer to its end.
    async fn renew_now(&self) {
        if !self.is_used.swap(false, Ordering::Relaxed) {
            return;
        }
        let flight = self.flight(&mut self.state.lock());
        // The result has landed, and failures were logged there. One that failed is still owed.
        drop(flight.await);
        if self.state.lock().failure.is_some() {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }
}

enum Renewal {
    At(Instant),
    Ended,
}

/// Renews the token of a source until nobody holds the source, or the token has ended.
async fn renew(source: Weak<Source>) {
    loop {
        let next = match source.upgrade() {
            Some(source) => source.next_renewal(),
            None => return,
        };
        let Renewal::At(instant) = next else { return };
        tokio::time::sleep_until(instant).await;
        let Some(source) = source.upgrade() else { return };
        source.renew_now().await;
    }
}

/// How long to wait with the renewal of a token that has this long to live: half of it, but until five minutes before the
/// end at most.
fn renewal_delay(left: Duration) -> Duration {
    let half = left / 2;
    let delay = match left.saturating_sub(MARGIN) {
        Duration::ZERO => half,
        before_margin => half.min(before_margin),
    };
    delay.max(MIN_RENEWAL.min(half)).max(Duration::from_millis(500))
}

fn retry_after(failures: u32) -> Duration {
    let (first, most) = RETRY;
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most)
}

fn accept(acquired: Acquired, now: i64) -> Result<AccessToken, IdentityError> {
    let text = acquired.token.expose();
    if acquired.expires_at <= now {
        return Err(IdentityError::Failed("the token it gave has already ended".to_owned()));
    }
    let authorization = HeaderValue::try_from(format!("Bearer {text}"));
    let mut authorization = authorization.ok().filter(|_| !text.is_empty()).ok_or_else(|| {
        IdentityError::Failed("the token it gave cannot be put in a header".to_owned())
    })?;
    authorization.set_sensitive(true);
    Ok(AccessToken {
        token: Secret::new(Arc::from(text.as_str())),
        authorization,
        expires_at: acquired.expires_at,
        claims: Arc::new(acquired.claims),
    })
}

impl TokenSource for Source {
    fn current(&self) -> Option<AccessToken> {
        let token = self.good_at(self.around.clock.unix_seconds())?;
        // A write only when it changes something: every request passes here.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
        Some(token)
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(async move {
            if let Some(token) = self.current() {
                return Ok(token);
            }
            self.is_used.store(true, Ordering::Relaxed);
            let flight = {
                let mut state = self.state.lock();
                match &state.failure {
                    Some(failure) if state.flight.is_none() && Instant::now() < failure.until => {
                        return Err(failure.error.clone());
                    }
                    _ => self.flight(&mut state),
                }
            };
            flight.await
        })
    }
}

#[cfg(test)]
mod tests;
