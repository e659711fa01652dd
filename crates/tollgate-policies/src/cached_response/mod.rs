//! Responses in the caches: what `cache-lookup` and `cache-store` have in common.

mod entry;
mod key;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderValue};
use tollgate_engine::ports::{CacheKey, CachePlace};

pub(crate) use entry::{Entry, StoredResponse, varies_by_everything};
pub(crate) use key::{Dimensions, KeyParts, key};

/// What `cache-lookup` leaves for `cache-store` when it found nothing.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    pub(crate) key: CacheKey,
    pub(crate) place: CachePlace,
    pub(crate) downstream: Downstream,
    /// The headers that were looked up with: what the response varies by is compared with these.
    pub(crate) headers: Arc<HeaderMap>,
}

/// What clients and the caches on the way to them may do with a cached response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Downstream {
    pub(crate) sharing: Sharing,
    pub(crate) must_revalidate: bool,
}

/// Who may keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody.
    None,
    /// The client.
    Private,
    /// Everybody.
    Public,
}

impl Downstream {
    /// Says so in the headers of a response that is good for so many seconds more.
    pub(crate) fn write(self, headers: &mut HeaderMap, seconds: u64) {
        headers.remove(http::header::EXPIRES);
        headers.remove(http::header::AGE);
        headers.remove(PRAGMA);
        let who = match self.sharing {
            Sharing::None => {
                let never = HeaderValue::from_static("no-store, must-revalidate, no-cache");
                headers.insert(CACHE_CONTROL, never);
                headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
                return;
            }
            Sharing::Private => "private",
            Sharing::Public => "public",
        };
        let revalidate = if self.must_revalidate { " must-revalidate," } else { "" };
        let text = format!("{who},{revalidate} max-age={seconds}");
        // Words and a number are fit for a header.
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(CACHE_CONTROL, value);
        }
    }
}
