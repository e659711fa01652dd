//! Tokens whose signature was found to hold.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;

use super::{Claims, Verified};

/// Shards, so that workers seldom wait for one another.
const SHARDS: usize = 16;
/// Most tokens of a half of a shard: 8,192 of the whole.
const MAX_TOKENS: usize = 256;
/// Most bytes of tokens of a half of a shard: 16 MiB of the whole.
const MAX_BYTES: usize = 512 * 1024;

/// SHA-256 of a token, whole: a collision would let one token pass for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token in compact form.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        for (byte, hashed) in
            bytes.iter_mut().zip(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
        {
            *byte = *hashed;
        }
        Self(bytes)
    }

    fn shard(self) -> usize {
        let [.., last] = self.0;
        usize::from(last) % SHARDS
    }
}

impl std::hash::Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first = self.0.first_chunk::<8>().copied().unwrap_or_default();
        state.write_u64(u64::from_le_bytes(first));
    }
}

/// Takes the first eight bytes of a [`TokenHash`] as they are. Only tokens with a good signature are stored, so nobody
/// else can choose what collides.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// What is known of a token.
#[derive(Clone)]
enum Known {
    /// The place of the key by which its signature held. Many tokens are seen once; keeping their claims would cost more than
    /// reading them when they are seen again.
    Signer(usize),
    /// Its claims, too.
    Token(Arc<Verified<Claims>>),
}

/// What a [`Known::Signer`] counts, in bytes.
const SIGNER_BYTES: usize = 64;

type Half = HashMap<TokenHash, Known, BuildHasherDefault<FirstBytes>>;

/// Tokens whose signature held with one generation of keys, with their claims from the second time on. Nothing else is
/// remembered: no audience, issuer or time was judged.
///
/// Bounded by number and bytes: when the young half of a shard is full it becomes the old one, and what nobody asked for
/// meanwhile is forgotten.
pub(super) struct VerifiedTokens([Mutex<Shard>; SHARDS]);

#[derive(Default)]
struct Shard {
    young: Half,
    young_bytes: usize,
    old: Half,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedTokens")
    }
}

impl VerifiedTokens {
    /// A token that is known with its claims.
    pub(super) fn get(&self, hash: TokenHash) -> Option<Arc<Verified<Claims>>> {
        match self.known(hash)? {
            Known::Token(token) => Some(token),
            Known::Signer(_) => None,
        }
    }

    /// The place of the key by which a token's signature held.
    pub(super) fn signer(&self, hash: TokenHash) -> Option<usize> {
        match self.known(hash)? {
            Known::Signer(place) => Some(place),
            Known::Token(_) => None,
        }
    }

    fn known(&self, hash: TokenHash) -> Option<Known> {
        let mut shard = self.0.get(hash.shard())?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.young.get(&hash) {
            return Some(known.clone());
        }
        let known = shard.old.remove(&hash)?;
        shard.insert(hash, known.clone(), 0);
        Some(known)
    }

    pub(super) fn insert(&self, hash: TokenHash, token: Arc<Verified<Claims>>, bytes: usize) {
        self.remember(hash, Known::Token(token), bytes);
    }

    pub(super) fn insert_signer(&self, hash: TokenHash, place: usize) {
        self.remember(hash, Known::Signer(place), SIGNER_BYTES);
    }

    fn remember(&self, hash: TokenHash, known: Known, bytes: usize) {
        if let Some(shard) = self.0.get(hash.shard()) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, known, bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0
            .iter()
            .map(|shard| shard.lock().unwrap())
            .map(|shard| shard.young.len() + shard.old.len())
            .sum()
    }
}

impl Shard {
    fn insert(&mut self, hash: TokenHash, known: Known, bytes: usize) {
        if self.young.len() >= MAX_TOKENS || self.young_bytes + bytes > MAX_BYTES {
            mem::swap(&mut self.old, &mut self.young);
            // It keeps its memory: it will hold as much again.
            self.young.clear();
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(hash, known);
    }
}
