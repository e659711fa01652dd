//! Calls of configured backends, for policies.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use tokio::time::Instant;
use tollgate_engine::ports::{BodyError, Call, CallError, CallToken};
use tollgate_engine::{Clock as _, Response};

use super::{ConfiguredCalls, Whose};
use crate::breaker::{ErrorReason, Outcome, Permit};
use crate::wire::target;
use crate::{Backend, SystemClock};

impl ConfiguredCalls {
    /// Calls a backend, and tells whoever has admitted the call how it went. When the future is dropped, the call has ended and
    /// nothing is said about the backend.
    pub(crate) async fn call_backend(
        self,
        backend: Arc<Backend>,
        permit: Option<Permit>,
        call: Call,
    ) -> Result<Response, CallError> {
        let call = addressed(&backend, call)?;
        let whose = Whose::Backend(&backend);
        let span = self.span(&call, whose);
        let answer = self.make(call, whose, span).await;
        if let Some(permit) = permit {
            permit.ended(outcome(&answer), Instant::now(), || SystemClock.unix_seconds());
        }
        answer
    }
}

/// The call as the backend wants it: its credentials are applied last.
fn addressed(backend: &Backend, mut call: Call) -> Result<Call, CallError> {
    let credentials = &backend.credentials;
    let (path, query) = call.url.split_once('?').unwrap_or((&call.url, ""));
    let target = target(&backend.url.path, path, query, Some(credentials));
    let target = target.map_err(|error| CallError::Refused(error.to_string()))?;
    let tollgate_engine::Url { scheme, host, port, .. } = &backend.url;
    let is_bare = host.contains(':') && !host.starts_with('[');
    let host = if is_bare { format!("[{host}]") } else { host.clone() };
    call.url = format!("{scheme}://{host}:{port}{target}").into();
    if credentials.prove_something() {
        // Whose token a policy has at hand is no business of a backend that knows the gateway by something else.
        call.headers.remove(AUTHORIZATION);
        call.token = None;
    }
    credentials.put_headers(&mut call.headers);
    if let Some(authorization) = &credentials.authorization {
        call.headers.insert(AUTHORIZATION, authorization.clone());
    }
    if let Some(source) = &credentials.managed_identity {
        call.token = Some(CallToken { source: Arc::clone(source), is_optional: false });
    }
    if call.via.certificate.is_none() {
        call.via.certificate.clone_from(&credentials.certificate);
    }
    Ok(call)
}

/// What an answer says about the backend.
fn outcome(answer: &Result<Response, CallError>) -> Outcome<'_> {
    match answer {
        Ok(answer) => Outcome::Answered(answer.status, &answer.headers),
        Err(CallError::Timeout(_)) => Outcome::Failed(ErrorReason::Timeout),
        Err(CallError::Connection(_) | CallError::Body(BodyError::Backend(_))) => {
            Outcome::Failed(ErrorReason::Connection)
        }
        Err(_) => Outcome::Unknown,
    }
}
