//! HTTP calls that policies make.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use uuid::Uuid;

use super::{BodyError, IdentityError, TokenSource};
use crate::jose::Certificate;
use crate::{BoxFuture, Response, Secret};

/// Calls of policies, through the gateway's one resolver and address guard. Redirects are not followed.
pub trait Calls: Send + Sync {
    /// Makes a call and reads the whole answer, whatever its status; the body is decoded and stays within the limits.
    /// Dropping the future ends the call.
    fn send(&self, call: Call) -> BoxFuture<'static, Result<Response, CallError>>;

    /// Makes a call whose answer nobody waits for; it outlives the request. An error says that it was not even begun.
    fn send_detached(&self, call: Call) -> Result<(), CallError>;
}

/// One call.
#[derive(Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Absolute URL, as the policy gave it.
    pub url: Arc<str>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// How long it may take from beginning to end; none is the gateway's default.
    pub timeout: Option<Duration>,
    /// A token of the gateway's own that becomes `Authorization`.
    pub token: Option<CallToken>,
    /// How the connection is made.
    pub via: Via,
    /// The request on whose way it is made.
    pub request_id: Uuid,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URL, headers and body can hold secrets.
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A token for a call.
#[derive(Clone)]
pub struct CallToken {
    /// Where it comes from.
    pub source: Arc<dyn TokenSource>,
    /// Whether the call is made without it when it cannot be had.
    pub is_optional: bool,
}

impl fmt::Debug for CallToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallToken").field("is_optional", &self.is_optional).finish_non_exhaustive()
    }
}

/// How a connection is made, where a policy has a say in it.
#[derive(Debug, Clone, Default)]
pub struct Via {
    /// The client certificate.
    pub certificate: Option<Arc<Certificate>>,
    /// The forward proxy.
    pub proxy: Option<Arc<Proxy>>,
}

/// A forward proxy, spoken to in plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Host, in lower case; IPv6 addresses without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<Secret<String>>,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The address may not be called, or the URL or a header is malformed.
    #[error("{0}")]
    Refused(String),
    /// The connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
    /// Not ended in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The answer's body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The token could not be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No such backend.
    #[error("there is no backend `{0}`")]
    UnknownBackend(String),
    /// Circuit breakers are open: the backend's, or those of all members of the pool.
    #[error("backend `{backend}` fails too often and is left alone for a while")]
    Unavailable {
        /// The backend or pool.
        backend: String,
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// Too many calls are under way that nobody waits for.
    #[error("more than {0} calls are under way already")]
    TooMany(usize),
}
