//! The cache on the Redis server. A server that is away has nothing and keeps nothing; how long a request waits for it is
//! the connection's matter.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::ports::{Answer, CacheKey};

use crate::redis::Redis;

/// Redis refuses an end that no clock of its own reaches: longer is this long.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

pub(super) struct Shared {
    redis: Arc<Redis>,
}

impl Shared {
    pub(super) fn new(redis: Arc<Redis>) -> Self {
        Self { redis }
    }

    /// A value of no more than so many bytes.
    pub(super) fn get(&self, key: &CacheKey, largest: usize) -> Answer<'static, Option<Bytes>> {
        let redis = Arc::clone(&self.redis);
        let name = self.name(key);
        Answer::Pending(Box::pin(async move {
            let mut command = redis::cmd("GET");
            command.arg(&name);
            // What went wrong has been counted and logged by the connection.
            let value: Option<Vec<u8>> = redis.query(&command).await.unwrap_or_default();
            value.filter(|value| value.len() <= largest).map(Bytes::from)
        }))
    }

    pub(super) fn set(
        &self,
        key: &CacheKey,
        value: &[u8],
        lifetime: Duration,
    ) -> Answer<'static, ()> {
        let milliseconds = lifetime.min(LONGEST).as_millis().max(1);
        // A hundred years fit.
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        command.arg(self.name(key)).arg(value).arg("PX").arg(milliseconds);
        self.send(command)
    }

    pub(super) fn remove(&self, key: &CacheKey) -> Answer<'static, ()> {
        let mut command = redis::cmd("DEL");
        command.arg(self.name(key));
        self.send(command)
    }

    fn send(&self, command: redis::Cmd) -> Answer<'static, ()> {
        let redis = Arc::clone(&self.redis);
        Answer::Pending(Box::pin(async move {
            // Likewise.
            redis.query::<redis::Value>(&command).await.ok();
        }))
    }

    fn name(&self, key: &CacheKey) -> String {
        let mut name = self.redis.key("cache:");
        for byte in key.as_ref() {
            // Writing to a string cannot fail.
            write!(name, "{byte:02x}").ok();
        }
        name
    }
}
