//! Answers on the Redis server.
//!
//! Each is a hash of its own with its partition, its embedding and the answer, and ends by itself; an index for each partition
//! numbers them. Where the server has vector search (`RediSearch`) it finds the nearest one. Where it has none the gateway
//! searches, in copies of the embeddings. Either way the distance that counts is computed here.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use redis::Value;
use tollgate_engine::ports::{CacheKey, Distance, Embedding, Near};

use super::memory::{Bounds, Held};
use super::mirror::{Copy, Mirror};
use super::partition::{Mark, Slot};
use crate::redis::{Redis, RedisFailure, RedisSettings, Script};

/// Entries that are read at once: some hundred kilobytes.
const BATCH: usize = 64;
/// Batches that one look-up reads at most. A large partition is so copied over several look-ups.
const BATCHES: usize = 16;
/// Entries that may turn out to have gone before a look-up gives up.
const GONE: usize = 3;
/// How long it is believed what a server can do.
const KNOWN_FOR: Duration = Duration::from_mins(1);

pub(super) struct Server {
    redis: Arc<Redis>,
    mirror: Mirror,
    keep: Script,
    read: Script,
    settings: Mutex<Option<RedisSettings>>,
    /// What is known of the server.
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    since: Instant,
    /// Dimensions for which it has an index; none when it has no vector search.
    indexes: Option<Vec<usize>>,
}

/// The keys of one partition.
struct Keys {
    /// What keys of entries begin with that have as many dimensions.
    family: String,
    /// The partition as text.
    partition: String,
    dimensions: usize,
}

impl Keys {
    fn new(redis: &Redis, key: &CacheKey, dimensions: usize) -> Self {
        let mut partition = String::with_capacity(64);
        for byte in key.as_ref() {
            // Writing to a string cannot fail.
            write!(partition, "{byte:02x}").ok();
        }
        Self { family: redis.key(&format!("semantic:{dimensions}:")), partition, dimensions }
    }

    fn entries(&self) -> String {
        format!("{}{}:", self.family, self.partition)
    }

    fn entry(&self, mark: Mark) -> String {
        format!("{}{}", self.entries(), mark.name())
    }

    /// The numbers of the entries; not below `family`, where the search of the server looks.
    fn index(&self, redis: &Redis) -> String {
        redis.key(&format!("semantic-index:{}:{}", self.dimensions, self.partition))
    }
}

impl Server {
    pub(super) fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            mirror: Mirror::default(),
            keep: Script::new(include_str!("keep.lua")),
            read: Script::new(include_str!("read.lua")),
            settings: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Keeps an answer. When the future is dropped, the server may have it.
    pub(super) async fn keep(
        &self,
        key: &CacheKey,
        question: &Embedding,
        answer: &[u8],
        lifetime: Duration,
        entries: usize,
    ) -> Result<(), RedisFailure> {
        let keys = Keys::new(&self.redis, key, question.dimensions());
        let mark = Mark::of(question);
        let milliseconds = lifetime.as_millis().max(1);
        let names = [keys.index(&self.redis), keys.entry(mark)];
        let arguments = [
            mark.name().into_bytes(),
            keys.partition.clone().into_bytes(),
            question.to_bytes(),
            answer.to_vec(),
            milliseconds.to_string().into_bytes(),
            entries.to_string().into_bytes(),
            keys.entries().into_bytes(),
        ];
        self.redis.run::<i64>(&self.keep, &names, &arguments).await.map(drop)
    }

    /// The nearest answer. When the future is dropped, what was copied stays.
    pub(super) async fn nearest(
        &self,
        key: &CacheKey,
        question: &Embedding,
        most: Distance,
        bounds: Bounds,
    ) -> Result<Option<Near>, RedisFailure> {
        let keys = Keys::new(&self.redis, key, question.dimensions());
        if self.has_index(&keys).await? {
            match self.search(&keys, question).await {
                Ok(near) => return Ok(near.filter(|near| near.distance <= most)),
                Err(RedisFailure::Refused(_)) => *self.known.lock() = None,
                Err(failure) => return Err(failure),
            }
        }
        let copy = self.mirror.of(*key, question.dimensions());
        self.bring_up_to_date(&keys, &copy, bounds).await?;
        for _ in 0..GONE {
            let questions = copy.questions();
            let found = questions.nearest(question.clone(), most, Instant::now()).await;
            let Some((_, slot)) = found else { return Ok(None) };
            let near = self.get(&keys.entry(slot.mark), question).await?;
            if near.is_some() {
                return Ok(near);
            }
            copy.forget(slot.mark);
        }
        Ok(None)
    }

    /// What the copies of the server's embeddings hold.
    pub(super) fn shrink(&self, size: usize) -> Held {
        self.mirror.shrink(size)
    }

    /// Which server it is from now on. What is known of another one is forgotten.
    pub(super) fn is_now(&self, settings: Option<&RedisSettings>) {
        let mut before = self.settings.lock();
        if before.as_ref() != settings {
            *before = settings.cloned();
            *self.known.lock() = None;
            self.mirror.clear();
        }
    }

    /// An answer with its own distance; `None` when it has gone.
    async fn get(&self, entry: &str, question: &Embedding) -> Result<Option<Near>, RedisFailure> {
        let mut command = redis::cmd("HMGET");
        command.arg(entry).arg("v").arg("a");
        let found: (Option<Vec<u8>>, Option<Vec<u8>>) = self.redis.query(&command).await?;
        let (Some(embedding), Some(answer)) = found else { return Ok(None) };
        let embedding = Embedding::of_bytes(&embedding);
        let comparable = embedding.filter(|it| it.dimensions() == question.dimensions());
        Ok(comparable.map(|embedding| Near {
            distance: embedding.distance(question),
            answer: Bytes::from(answer),
        }))
    }

    async fn bring_up_to_date(
        &self,
        keys: &Keys,
        copy: &Copy,
        bounds: Bounds,
    ) -> Result<(), RedisFailure> {
        let Some(_reading) = copy.read() else { return Ok(()) };
        let names = [keys.index(&self.redis)];
        for _ in 0..BATCHES {
            let before = copy.seen();
            let arguments = [before.to_string(), BATCH.to_string(), keys.entries()];
            let read: Vec<(u64, String, i64, Vec<u8>)> =
                self.redis.run(&self.read, &names, &arguments).await?;
            let (n_read, now) = (read.len(), Instant::now());
            let seen = read.last().map_or(before, |(number, ..)| *number);
            let slots = read.into_iter().filter_map(|(_, mark, left, embedding)| {
                let embedding = Embedding::of_bytes(&embedding)
                    .filter(|embedding| embedding.dimensions() == keys.dimensions)?;
                let ends = now + Duration::from_millis(u64::try_from(left).unwrap_or(0));
                let mark = Mark::of_name(&mark)?;
                Some(Slot { mark, ..Slot::new(0, embedding, ends, (), 0) })
            });
            copy.add(slots.collect(), seen, bounds.entries, now);
            if n_read < BATCH {
                break;
            }
        }
        Ok(())
    }

    /// Whether the server searches itself among embeddings of this kind.
    async fn has_index(&self, keys: &Keys) -> Result<bool, RedisFailure> {
        let now = Instant::now();
        let is_fresh = |known: &Known| now.saturating_duration_since(known.since) < KNOWN_FOR;
        let known = self.known.lock().clone().filter(is_fresh);
        let indexes = match known.map(|known| known.indexes) {
            Some(None) => return Ok(false),
            Some(Some(indexes)) if indexes.contains(&keys.dimensions) => return Ok(true),
            Some(Some(indexes)) => Some(indexes),
            None => self.has_search().await?.then(Vec::new),
        };
        let indexes = match indexes {
            None => None,
            Some(mut indexes) => match self.make_index(keys).await {
                Ok(()) => {
                    indexes.push(keys.dimensions);
                    Some(indexes)
                }
                // Who may not make one searches itself.
                Err(RedisFailure::Refused(_)) => None,
                Err(failure) => return Err(failure),
            },
        };
        let has_index = indexes.is_some();
        *self.known.lock() = Some(Known { since: now, indexes });
        Ok(has_index)
    }

    /// Whether the server has `RediSearch`.
    async fn has_search(&self) -> Result<bool, RedisFailure> {
        let mut command = redis::cmd("MODULE");
        command.arg("LIST");
        match self.redis.query::<Value>(&command).await {
            Ok(modules) => Ok(holds(&modules, &[b"search", b"searchlight", b"ft"])),
            // Who may not ask searches itself.
            Err(RedisFailure::Refused(_)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Sees to it that the server has an index of these embeddings.
    async fn make_index(&self, keys: &Keys) -> Result<(), RedisFailure> {
        let name = index_name(keys);
        let listed: Value = self.redis.query(&redis::cmd("FT._LIST")).await?;
        if holds(&listed, &[name.as_bytes()]) {
            return Ok(());
        }
        let mut command = redis::cmd("FT.CREATE");
        command.arg(&name).arg(&["ON", "HASH", "PREFIX", "1"]).arg(&keys.family);
        command.arg(&["SCHEMA", "p", "TAG", "v", "VECTOR", "FLAT", "6", "TYPE", "FLOAT32", "DIM"]);
        command.arg(keys.dimensions).arg(&["DISTANCE_METRIC", "COSINE"]);
        match self.redis.query::<Value>(&command).await {
            Ok(_) => Ok(()),
            // Another gateway was first.
            Err(RedisFailure::Refused(why)) if why.contains("exists") => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// The nearest answer, as the server finds it.
    async fn search(
        &self,
        keys: &Keys,
        question: &Embedding,
    ) -> Result<Option<Near>, RedisFailure> {
        let mut command = redis::cmd("FT.SEARCH");
        command.arg(index_name(keys));
        command.arg(format!("(@p:{{{}}})=>[KNN 1 @v $q AS d]", keys.partition));
        command.arg(&["PARAMS", "2", "q"]).arg(question.to_bytes());
        command.arg(&["SORTBY", "d", "ASC", "RETURN", "1", "d", "LIMIT", "0", "1", "DIALECT", "2"]);
        let found: Value = self.redis.query(&command).await?;
        let Some(entry) = first_key(&found) else { return Ok(None) };
        // Whatever the server answers, other partitions are none of this request's business.
        if !entry.starts_with(&keys.entries()) {
            return Ok(None);
        }
        self.get(entry, question).await
    }
}

fn index_name(keys: &Keys) -> String {
    format!("{}index", keys.family)
}

/// The key of the first result of `FT.SEARCH`: a count, then keys with what belongs to them.
fn first_key(found: &Value) -> Option<&str> {
    let Value::Array(found) = found else { return None };
    match found.get(1)? {
        Value::BulkString(key) => std::str::from_utf8(key).ok(),
        Value::SimpleString(key) => Some(key),
        _ => None,
    }
}

/// Whether one of these names is among what a server lists, however deep.
fn holds(value: &Value, names: &[&[u8]]) -> bool {
    match value {
        Value::BulkString(text) => names.contains(&&**text),
        Value::SimpleString(text) => names.contains(&text.as_bytes()),
        Value::Array(values) | Value::Set(values) => values.iter().any(|it| holds(it, names)),
        Value::Map(pairs) => pairs.iter().any(|(name, it)| holds(name, names) || holds(it, names)),
        _ => false,
    }
}
