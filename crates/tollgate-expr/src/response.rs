//! `IResponse` values: answers of requests that policies make.

use bytes::Bytes;

/// A response held in a context variable.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: i32,
    /// Reason phrase.
    pub reason: String,
    /// Headers in order, each name once with its values.
    pub headers: Vec<(String, Vec<String>)>,
    /// Body, when there is one.
    pub body: Option<Bytes>,
}

impl Response {
    /// The values of a header, by name without regard to case.
    pub fn header(&self, name: &str) -> Option<&[String]> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, values)| values.as_slice())
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers and body may hold credentials.
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
