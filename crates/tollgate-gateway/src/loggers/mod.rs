//! Loggers of the configuration: where events of policies go.
//!
//! INVARIANT: taking an event never waits. What waits is bounded in number and bytes; past that, events are dropped and
//! counted. A logger belongs to its settings and not to a generation of the configuration, so a reload that leaves it
//! alone loses nothing.

mod encode;
mod file;
mod sink;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tollgate_engine::ports::{Event, EventLogger, Partition};

use crate::fetch::Fetcher;
use crate::telemetry::{Lost, Metrics};
use sink::Sink;

/// Events that may wait in a logger, and their bytes.
const MAX_WAITING: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;

/// Events that are written together, and their bytes.
const MAX_BATCH: usize = 500;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// How long a stopping gateway waits for events to leave.
const FLUSH: Duration = Duration::from_secs(5);

/// `[loggers.<name>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggerSettings {
    /// Its name.
    pub name: String,
    /// Where events go.
    pub kind: LoggerKind,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggerKind {
    /// Lines of JSON in a file.
    File {
        /// The file.
        path: PathBuf,
        /// Bytes after which it is put aside and a new one begun.
        max_bytes: u64,
        /// Files that are kept, the one being written included.
        max_files: u32,
    },
    /// Lines of JSON in the body of a POST.
    Http(Endpoint),
    /// OpenTelemetry log records in JSON.
    Otlp(Endpoint),
}

/// A server that takes events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its URL.
    pub url: Uri,
    /// Headers of each call; values are secret and marked so.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The loggers of all configurations that are in use.
pub(crate) struct LoggerPool {
    fetcher: Arc<Fetcher>,
    metrics: Arc<Metrics>,
    loggers: Mutex<Vec<Known>>,
}

/// A logger. What it took may still be on its way when no configuration has it any more.
struct Known {
    logger: Weak<Logger>,
    shared: Weak<Shared>,
}

impl fmt::Debug for LoggerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoggerPool")
    }
}

impl LoggerPool {
    pub(crate) fn new(fetcher: Arc<Fetcher>, metrics: Arc<Metrics>) -> Self {
        Self { fetcher, metrics, loggers: Mutex::default() }
    }

    /// The logger of these settings, which may be in use already.
    pub(crate) fn logger(&self, settings: &LoggerSettings) -> Arc<dyn EventLogger> {
        let mut loggers = self.loggers.lock();
        loggers.retain(|known| known.shared.strong_count() > 0);
        let known = loggers.iter().filter_map(|known| known.logger.upgrade());
        if let Some(logger) = known.into_iter().find(|logger| logger.settings == *settings) {
            return logger;
        }
        let logger = Arc::new(Logger {
            settings: settings.clone(),
            shared: Arc::new(Shared {
                state: Mutex::default(),
                wake: Notify::new(),
                idle: Notify::new(),
                sink: Sink::new(&settings.kind, Arc::clone(&self.fetcher)),
                name: settings.name.as_str().into(),
                metrics: Arc::clone(&self.metrics),
            }),
        });
        let shared = Arc::downgrade(&logger.shared);
        loggers.push(Known { logger: Arc::downgrade(&logger), shared });
        logger
    }

    /// Waits until everything that was taken has left, for a moment at most.
    pub(crate) async fn flush(&self) {
        let all: Vec<Arc<Shared>> =
            self.loggers.lock().iter().filter_map(|known| known.shared.upgrade()).collect();
        let flushing = async {
            for logger in &all {
                logger.emptied().await;
            }
        };
        if tokio::time::timeout(FLUSH, flushing).await.is_err() {
            tracing::warn!("events of policies were not all sent before the gateway stopped");
        }
    }
}

/// One logger. Its task begins with the first event, and ends when the logger is gone and everything has left.
struct Logger {
    settings: LoggerSettings,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the task.
    wake: Notify,
    /// Tells those who flush.
    idle: Notify,
    sink: Sink,
    name: Arc<str>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Event>,
    bytes: usize,
    has_task: bool,
    is_writing: bool,
    is_ended: bool,
}

impl EventLogger for Logger {
    fn send(&self, event: Event) {
        let mut state = self.shared.state.lock();
        let bytes = state.bytes.saturating_add(size(&event));
        if state.waiting.len() >= MAX_WAITING || bytes > MAX_BYTES {
            drop(state);
            self.shared.metrics.events_lost(&self.shared.name, Lost::queue_full, 1);
            return;
        }
        state.bytes = bytes;
        state.waiting.push(event);
        let begins = !std::mem::replace(&mut state.has_task, true);
        drop(state);
        if begins {
            tokio::spawn(Arc::clone(&self.shared).write_all());
        }
        self.shared.wake.notify_one();
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        self.shared.state.lock().is_ended = true;
        self.shared.wake.notify_one();
    }
}

/// Bytes of an event that its policy chooses.
fn size(event: &Event) -> usize {
    let partition = match &event.partition {
        Partition::Any => 0,
        Partition::Id(text) | Partition::Key(text) => text.len(),
    };
    event.body.len() + partition
}

impl Shared {
    async fn write_all(self: Arc<Self>) {
        loop {
            let Some(batch) = self.next_batch() else {
                self.idle.notify_waiters();
                if self.state.lock().is_ended {
                    return;
                }
                self.wake.notified().await;
                continue;
            };
            match self.sink.write(&self.name, &batch).await {
                Ok(()) => self.metrics.events_sent(&self.name, batch.len()),
                Err(error) => {
                    tracing::warn!(logger = %self.name, %error, events = batch.len(), "events of policies are lost");
                    self.metrics.events_lost(&self.name, Lost::failed, batch.len());
                }
            }
        }
    }

    /// Takes what is written next; `None` when nothing waits.
    fn next_batch(&self) -> Option<Vec<Event>> {
        let mut state = self.state.lock();
        let mut bytes = 0_usize;
        let fits = |event: &&Event| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(size(event).max(1));
            is_first || bytes <= MAX_BATCH_BYTES
        };
        let n_events = state.waiting.iter().take(MAX_BATCH).take_while(fits).count();
        state.is_writing = n_events > 0;
        if n_events == 0 {
            return None;
        }
        let batch: Vec<Event> = state.waiting.drain(..n_events).collect();
        let taken: usize = batch.iter().map(size).sum();
        state.bytes = state.bytes.saturating_sub(taken);
        Some(batch)
    }

    /// Waits until nothing waits and nothing is being written.
    async fn emptied(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Told from now on, so that what happens before the look is not missed.
            idle.as_mut().enable();
            {
                let state = self.state.lock();
                if state.waiting.is_empty() && !state.is_writing {
                    return;
                }
            }
            idle.await;
        }
    }
}
