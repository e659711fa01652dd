//! What a server received, kept for assertions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::pairs::Pairs;
use crate::pattern;

/// Requests kept; older ones are forgotten (they stay counted).
const MAX_KEPT: usize = 10_000;
/// Bytes of all kept bodies together; older requests are forgotten first.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// Distinct paths counted; requests to further ones are counted under `*`.
const MAX_PATHS: usize = 10_000;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counts up from 1 for each server.
    pub id: u64,
    /// Method.
    pub method: String,
    /// Path as sent, not decoded.
    pub path: String,
    /// Query as sent, without `?`.
    pub query: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Headers in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as far as it was read.
    pub body: Bytes,
    /// Status of the answer, once there is one.
    pub status: Option<u16>,
}

impl Received {
    /// The first value of header `name`, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// The decoded first value of query parameter `name`.
    pub fn query_value(&self, name: &str) -> Option<String> {
        Pairs::parse(&self.query).first(name).map(str::to_owned)
    }

    /// The body as JSON, `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The requests of one server.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    log: Arc<Mutex<Log>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Log {
    kept: VecDeque<Received>,
    kept_bytes: usize,
    n_received: u64,
    by_path: BTreeMap<String, u64>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { log: Arc::default(), changed: watch::Sender::new(0) }
    }
}

impl Recorder {
    /// Notes the head of a request and returns its id.
    pub(crate) fn begin(&self, parts: &Parts) -> u64 {
        let headers = parts.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let mut received = Received {
            id: 0,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            version: format!("{:?}", parts.version),
            headers: headers.collect(),
            body: Bytes::new(),
            status: None,
        };
        let mut log = self.log.lock();
        log.n_received += 1;
        received.id = log.n_received;
        log.count(&received.path);
        log.kept.push_back(received);
        log.forget();
        let id = log.n_received;
        drop(log);
        self.changed.send_replace(id);
        id
    }

    /// Adds the body of request `id`.
    pub(crate) fn body(&self, id: u64, body: &Bytes) {
        let mut log = self.log.lock();
        if let Some(received) = log.find(id) {
            received.body = body.clone();
            log.kept_bytes += body.len();
            log.forget();
        }
    }

    /// Adds the status of the answer to request `id`.
    pub(crate) fn answered(&self, id: u64, status: u16) {
        if let Some(received) = self.log.lock().find(id) {
            received.status = Some(status);
        }
        self.changed.send_modify(|_| {});
    }

    /// The kept requests to paths like `pattern`, oldest first.
    pub(crate) fn received(&self, pattern: &str) -> Vec<Received> {
        let log = self.log.lock();
        log.kept
            .iter()
            .filter(|received| pattern::matches(pattern, &received.path))
            .cloned()
            .collect()
    }

    /// How many requests went to paths like `pattern`, also those no longer kept.
    pub(crate) fn count(&self, pattern: &str) -> u64 {
        let log = self.log.lock();
        log.by_path.iter().filter(|(path, _)| pattern::matches(pattern, path)).map(|(_, n)| n).sum()
    }

    /// Waits until at least `n` requests went to paths like `pattern`.
    pub(crate) async fn wait_for(&self, pattern: &str, n: u64, within: Duration) -> bool {
        let mut changed = self.changed.subscribe();
        let reached = async { changed.wait_for(|_| self.count(pattern) >= n).await.is_ok() };
        timeout(within, reached).await.unwrap_or(false)
    }

    /// Forgets everything, counts too.
    pub(crate) fn clear(&self) {
        let mut log = self.log.lock();
        // Ids go on counting, so that a request that is still being answered cannot be taken for a later one.
        *log = Log { n_received: log.n_received, ..Log::default() };
    }
}

impl Log {
    fn count(&mut self, path: &str) {
        if let Some(count) = self.by_path.get_mut(path) {
            *count += 1;
        } else {
            let key = if self.by_path.len() < MAX_PATHS { path } else { "*" };
            *self.by_path.entry(key.to_owned()).or_default() += 1;
        }
    }

    fn forget(&mut self) {
        while self.kept.len() > MAX_KEPT || self.kept_bytes > MAX_KEPT_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.kept_bytes = self.kept_bytes.saturating_sub(oldest.body.len());
        }
    }

    /// Ids are consecutive, so the position follows from the newest one.
    fn find(&mut self, id: u64) -> Option<&mut Received> {
        let first = self.kept.front()?.id;
        let position = usize::try_from(id.checked_sub(first)?).ok()?;
        self.kept.get_mut(position)
    }
}
