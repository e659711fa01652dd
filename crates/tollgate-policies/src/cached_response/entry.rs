//! A response as bytes.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, DATE, EXPIRES, PRAGMA,
    SET_COOKIE, TRAILER, TRANSFER_ENCODING, UPGRADE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tollgate_engine::ports::{CacheKey, CacheKeyBuilder};
use tollgate_engine::{Body, Response};

/// How the entry is laid out; another one is not read.
const LAYOUT: u8 = 1;

/// More headers than a gateway lets through are not read.
const MAX_HEADERS: usize = 1_000;

/// Headers that are about one message and not about what it holds, and cookies, which are one client's.
const LEFT_OUT: [HeaderName; 13] = [
    AGE,
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_LENGTH,
    DATE,
    EXPIRES,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PRAGMA,
    SET_COOKIE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What is written before the body of a response.
#[derive(Debug)]
pub(crate) struct Entry {
    /// When it is kept, in .NET ticks.
    pub(crate) ticks: i64,
    /// For how long.
    pub(crate) lifetime: Duration,
}

/// A response that was kept.
#[derive(Debug)]
pub(crate) struct StoredResponse {
    /// For how long already.
    pub(crate) age: Duration,
    /// For how long altogether.
    pub(crate) lifetime: Duration,
    pub(crate) response: Response,
    /// Headers of the request that the response varies by, and the hash of their values.
    varies: Vec<(HeaderName, [u8; 32])>,
}

/// Whether no two requests have the same response.
pub(crate) fn varies_by_everything(headers: &HeaderMap) -> bool {
    varied(headers).any(|name| name == b"*")
}

/// The names in `Vary`.
fn varied(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(VARY).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn hash(headers: &HeaderMap, name: &HeaderName) -> CacheKey {
    let mut hash = CacheKeyBuilder::new("vary");
    for value in headers.get_all(name) {
        hash.part(value.as_bytes());
    }
    hash.finish()
}

impl Entry {
    /// The entry of a response, but for its body, which follows. `request` are the headers it was asked for with.
    pub(crate) fn head(&self, response: &Response, request: &HeaderMap) -> Vec<u8> {
        let mut out = vec![LAYOUT];
        out.extend_from_slice(&self.ticks.to_le_bytes());
        out.extend_from_slice(&self.lifetime.as_secs().to_le_bytes());
        out.extend_from_slice(&response.status.as_u16().to_le_bytes());
        run(&mut out, response.reason.as_deref().unwrap_or_default().as_bytes());
        let names: Vec<HeaderName> = varied(&response.headers)
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            // The backend is asked for none.
            .filter(|name| *name != ACCEPT_ENCODING)
            .collect();
        count(&mut out, names.len());
        for name in &names {
            run(&mut out, name.as_str().as_bytes());
            out.extend_from_slice(hash(request, name).as_ref());
        }
        let kept: Vec<_> =
            response.headers.iter().filter(|(name, _)| !LEFT_OUT.contains(name)).collect();
        count(&mut out, kept.len());
        for (name, value) in kept {
            run(&mut out, name.as_str().as_bytes());
            run(&mut out, value.as_bytes());
        }
        out
    }
}

fn count(out: &mut Vec<u8>, count: usize) {
    // Headers are far fewer and shorter than this.
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn run(out: &mut Vec<u8>, bytes: &[u8]) {
    count(out, bytes.len());
    out.extend_from_slice(bytes);
}

impl StoredResponse {
    /// Reads an entry; `None` when it is not one of ours, or has ended by this clock.
    pub(crate) fn read(entry: &Bytes, ticks: i64) -> Option<Self> {
        let mut rest = entry.clone();
        if take::<1>(&mut rest)? != [LAYOUT] {
            return None;
        }
        let began = i64::from_le_bytes(take(&mut rest)?);
        let lifetime = Duration::from_secs(u64::from_le_bytes(take(&mut rest)?));
        // Ticks are 100 ns. What comes from a clock ahead of ours is new.
        let age = u64::try_from(ticks.saturating_sub(began)).unwrap_or(0);
        let age = Duration::from_nanos(age.saturating_mul(100));
        let status = StatusCode::from_u16(u16::from_le_bytes(take(&mut rest)?)).ok()?;
        let mut response = Response::new(status);
        let reason = text(&mut rest)?;
        response.reason =
            std::str::from_utf8(&reason).ok().filter(|reason| !reason.is_empty()).map(Into::into);
        let mut varies = Vec::new();
        for _ in 0..number(&mut rest)? {
            let name = HeaderName::from_bytes(&text(&mut rest)?).ok()?;
            varies.push((name, take(&mut rest)?));
        }
        for _ in 0..number(&mut rest)? {
            let name = HeaderName::from_bytes(&text(&mut rest)?).ok()?;
            let value = HeaderValue::from_maybe_shared(text(&mut rest)?).ok()?;
            response.headers.append(name, value);
        }
        response.body = Body::Replaced(rest);
        (age < lifetime).then_some(Self { age, lifetime, response, varies })
    }

    /// Whether it is the response to a request with these headers.
    pub(crate) fn answers(&self, request: &HeaderMap) -> bool {
        self.varies.iter().all(|(name, known)| hash(request, name).as_ref() == known)
    }
}

fn take<const N: usize>(rest: &mut Bytes) -> Option<[u8; N]> {
    let bytes = rest.first_chunk::<N>().copied()?;
    drop(rest.split_to(N));
    Some(bytes)
}

/// How many of something follow.
fn number(rest: &mut Bytes) -> Option<usize> {
    let number = u32::from_le_bytes(take(rest)?) as usize;
    (number <= MAX_HEADERS).then_some(number)
}

fn text(rest: &mut Bytes) -> Option<Bytes> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    (length <= rest.len()).then(|| rest.split_to(length))
}
