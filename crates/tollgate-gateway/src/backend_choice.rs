//! Which backend a request for a name goes to: the one that is called so, or a member of the pool.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::breaker::Permit;
use crate::{Backend, BackendPool, Picked};

/// What counts in the choice of a member of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Headers of the request.
    pub headers: &'a HeaderMap,
    /// Members that the request was sent to before; others are better.
    pub tried: &'a [Arc<str>],
    /// The member that holds what the request is about: no other can answer it.
    pub home: Option<&'a str>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named<'a> {
    /// A backend.
    Backend(&'a Arc<Backend>),
    /// Several.
    Pool(&'a BackendPool),
}

/// A backend that a request may be sent to.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    /// The backend.
    pub(crate) backend: &'a Arc<Backend>,
    /// Whom to tell how it went, when the backend has a circuit breaker.
    pub(crate) permit: Option<Permit>,
    /// The cookie to give to the client.
    pub(crate) set_cookie: Option<HeaderValue>,
}

impl<'a> Named<'a> {
    /// Chooses, or says how long to wait until a request may be sent again.
    pub(crate) fn choose(self, asked: Asked<'_>) -> Result<Choice<'a>, Duration> {
        let now = Instant::now();
        match self {
            Self::Backend(backend) => {
                let permit = backend.breaker.as_ref().map(|breaker| breaker.admit(now));
                Ok(Choice { backend, permit: permit.transpose()?, set_cookie: None })
            }
            Self::Pool(pool) => {
                let Picked { member, permit, set_cookie } = pool.pick(asked, now)?;
                Ok(Choice { backend: &member.backend, permit, set_cookie })
            }
        }
    }
}
