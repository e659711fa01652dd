//! What is kept from one request for others.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use super::Answer;

/// Caches of bytes: one in the gateway, and one that gateways share when it is configured.
///
/// Nothing is kept for ever and nothing is sure to be there: a cache that cannot be reached has nothing and keeps
/// nothing, and is no error.
pub trait Cache: Send + Sync {
    /// The bytes of a key.
    fn get(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, Option<Bytes>>;

    /// Keeps bytes for so long, in place of those of the key. Bytes longer than [`Cache::largest`] are not kept.
    fn set(
        &self,
        place: CachePlace,
        key: &CacheKey,
        value: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()>;

    /// Forgets the bytes of a key.
    fn remove(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, ()>;

    /// Makes whoever else asks for the lease of this key wait until it is dropped. After a bounded time it is given all
    /// the same, so a holder must not rely on being alone. It holds within this gateway.
    fn lease(&self, key: &CacheKey) -> Answer<'static, Lease>;

    /// Whether answers for this place come at once.
    fn is_local(&self, place: CachePlace) -> bool;

    /// The longest value, in bytes.
    fn largest(&self) -> usize;

    /// Whether gateways share a cache.
    fn has_external(&self) -> bool;
}

/// The right to make the value of a key while others wait. It ends when it is dropped.
pub struct Lease(#[expect(dead_code, reason = "it is only held")] Box<dyn Any + Send + Sync>);

impl Lease {
    /// A lease that lasts as long as this.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Box::new(held))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

/// Which cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CachePlace {
    /// The gateway's own.
    Internal,
    /// The shared one; when there is none, nothing is kept.
    External,
    /// The shared one, or else the gateway's own.
    PreferExternal,
}

/// What a cache of responses has done for a request, for the log and the metrics; policies leave it in
/// [`RequestCx::extensions`](crate::RequestCx::extensions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// The response came from it.
    Hit,
    /// It had none.
    Miss,
    /// It was not asked: such a request is not for a cache.
    Bypass,
}

impl CacheStatus {
    /// As it stands in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// The name of an entry: the hash of what it is about, so that it is short, says nothing, and cannot be made to look like
/// another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Puts together what an entry is about.
pub struct CacheKeyBuilder(Context);

impl fmt::Debug for CacheKeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKeyBuilder")
    }
}

impl CacheKeyBuilder {
    /// A key of this kind of entry; keys of different kinds never meet.
    pub fn new(kind: &'static str) -> Self {
        let mut builder = Self(Context::new(&SHA256));
        builder.part(kind);
        builder
    }

    /// Adds a part. Each is hashed with its length, so that parts cannot run into one another.
    pub fn part(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Adds a part that may be absent, which is not the same as an empty one.
    pub fn optional(&mut self, part: Option<impl AsRef<[u8]>>) {
        match part {
            Some(part) => {
                self.0.update(&[1]);
                self.part(part);
            }
            None => self.0.update(&[0]),
        }
    }

    /// The key.
    pub fn finish(self) -> CacheKey {
        let mut key = [0; 32];
        for (slot, byte) in key.iter_mut().zip(self.0.finish().as_ref()) {
            *slot = *byte;
        }
        CacheKey(key)
    }
}

impl AsRef<[u8]> for CacheKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &'static str, parts: &[Option<&str>]) -> CacheKey {
        let mut builder = CacheKeyBuilder::new(kind);
        for part in parts {
            builder.optional(*part);
        }
        builder.finish()
    }

    #[test]
    fn only_what_is_the_same_has_the_same_key() {
        let all = [
            key("a", &[]),
            key("b", &[]),
            key("a", &[None]),
            key("a", &[Some("")]),
            key("a", &[Some(""), Some("")]),
            key("a", &[Some("bc"), Some("d")]),
            key("a", &[Some("b"), Some("cd")]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(index));
        }
        assert_eq!(key("a", &[Some("x"), None]), key("a", &[Some("x"), None]));
    }
}
