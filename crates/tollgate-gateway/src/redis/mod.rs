//! The one connection to Redis or Valkey, which counters and caches share.
//!
//! INVARIANT: no request waits for the server longer than [`RedisSettings::response_timeout`]. While the server is away,
//! callers are told so at once; a task of its own connects again, and only a server that has answered a `PING` is used.
//! INVARIANT: credentials are in no message, log line or status.

mod link;
mod script;
mod settings;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::{Cmd, FromRedisValue, ServerErrorKind, ToRedisArgs};

use crate::fetch::Fetcher;
use crate::telemetry::Metrics;

use link::Link;

pub use script::Script;
pub use settings::RedisSettings;

/// Why a command has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisFailure {
    /// The configuration names no server.
    #[error("no Redis server is configured")]
    NotConfigured,
    /// The server cannot be reached, or did not answer in time.
    #[error("the Redis server is away")]
    Away,
    /// The server answered that it will not.
    #[error("the Redis server refused: {0}")]
    Refused(String),
}

/// What the server is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisStatus {
    /// `host:port`.
    pub server: String,
    /// Whether commands reach it.
    pub connected: bool,
    /// Why not, or why it last was not.
    pub error: Option<String>,
}

/// The server, when one is configured. It outlives configurations that do not change it.
pub struct Redis {
    fetcher: Arc<Fetcher>,
    metrics: Arc<Metrics>,
    link: ArcSwapOption<Link>,
    /// Commands that have no answer yet.
    n_under_way: AtomicUsize,
}

/// Counts a command while it lives.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Redis {
    /// No server yet.
    pub fn new(fetcher: Arc<Fetcher>, metrics: Arc<Metrics>) -> Self {
        Self { fetcher, metrics, link: ArcSwapOption::empty(), n_under_way: AtomicUsize::new(0) }
    }

    /// Takes over changed settings. Waits until the new server answers or its connect time-out has passed, so that the
    /// first requests find it; until then the old one serves.
    pub async fn apply(&self, settings: Option<RedisSettings>) {
        let Some(settings) = settings else {
            self.link.store(None);
            return;
        };
        if self.link.load().as_ref().is_some_and(|link| *link.settings() == settings) {
            return;
        }
        let link = Link::start(settings, Arc::clone(&self.fetcher), Arc::clone(&self.metrics));
        link.first_attempt().await;
        self.link.store(Some(Arc::new(link)));
    }

    /// Whether a server is configured.
    pub fn is_configured(&self) -> bool {
        self.link.load().is_some()
    }

    /// A key as it is called on the server, where others may live as well.
    pub fn key(&self, name: &str) -> String {
        let prefix = self.link.load();
        let prefix = prefix.as_ref().map_or("", |link| &link.settings().key_prefix);
        format!("{prefix}{name}")
    }

    /// Sends one command. When the future is dropped, the server may still do what it says.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisFailure> {
        let link = self.link.load_full().ok_or(RedisFailure::NotConfigured)?;
        let _under_way = UnderWay::new(&self.n_under_way);
        link.query(command).await
    }

    /// Waits until all commands have been carried out, those included that tasks are just about to send, but no longer than
    /// this.
    pub async fn settle(&self, within: Duration) {
        const LOOK: Duration = Duration::from_millis(10);
        if !self.is_configured() {
            return;
        }
        let settled = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if self.n_under_way.load(Ordering::Acquire) == 0 {
                    return;
                }
            }
        };
        if tokio::time::timeout(within, settled).await.is_err() {
            tracing::warn!("what counters in Redis were still to be told is lost");
        }
    }

    /// Runs a script over these keys (see [`Redis::key`]), atomically. The server is taught it when it does not know it.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: impl ToRedisArgs,
    ) -> Result<T, RedisFailure> {
        let link = self.link.load_full().ok_or(RedisFailure::NotConfigured)?;
        let _under_way = UnderWay::new(&self.n_under_way);
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.hash()).arg(keys.len()).arg(keys).arg(arguments);
        match link.send(&command).await {
            Err(link::Failure::Server(ServerErrorKind::NoScript, _)) => {}
            other => return link.settle(other),
        }
        link.load(script).await?;
        link.query(&command).await
    }

    /// What the server is doing; `None` when there is none.
    pub fn status(&self) -> Option<RedisStatus> {
        self.link.load().as_ref().map(|link| link.status())
    }
}
