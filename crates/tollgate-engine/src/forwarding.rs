//! The call of the backend, and what policies before it want of every such call.

use std::fmt;
use std::sync::Arc;

use crate::ports::{ForwardCall, ForwardError, ForwardOptions};
use crate::{Body, BoxFuture, PolicyError, Request, RequestCx, Response};

/// What a policy of `inbound` does to each call of the backend, of which `retry` can make several.
pub trait Forwarding: Send + Sync {
    /// Changes the request that is about to be sent. It is a copy: policies go on with what they have written.
    fn sending(&self, request: &mut Request);

    /// The backend has answered: `cx.response` is there, and its body is still on the wire. When the future is dropped,
    /// the client has gone.
    fn answered<'a>(&'a self, cx: &'a mut RequestCx) -> BoxFuture<'a, Result<(), PolicyError>>;
}

/// What policies want of the calls of one request. Empty for most, and then it costs nothing.
#[derive(Default, Clone)]
pub struct Forwardings(Vec<Arc<dyn Forwarding>>);

impl fmt::Debug for Forwardings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwardings").finish_non_exhaustive()
    }
}

impl Forwardings {
    /// Adds one, behind those that are there.
    pub fn add(&mut self, forwarding: Arc<dyn Forwarding>) {
        self.0.push(forwarding);
    }
}

impl RequestCx {
    /// Calls the backend. When the future is dropped, the wire ends the call.
    pub async fn forward(&mut self, options: ForwardOptions) -> Result<Response, ForwardError> {
        let Self { request, wire, client, forwardings, .. } = self;
        let mut changed = None;
        for forwarding in &forwardings.0 {
            forwarding.sending(changed.get_or_insert_with(|| request.clone()));
        }
        let sent = changed.as_ref().unwrap_or(request);
        let call = ForwardCall { request: sent, options, request_id: client.request_id };
        let answer = wire.forward(call).await;
        request.pool_member = wire.pool_member();
        if matches!(request.body, Body::Stream) {
            request.body = Body::Sent;
        }
        answer
    }

    /// Has policies of `inbound` see the response that [`forward`](Self::forward) brought, once it is `response`.
    pub async fn answered(&mut self) -> Result<(), PolicyError> {
        let forwardings = self.forwardings.clone();
        for forwarding in forwardings.0 {
            forwarding.answered(self).await?;
        }
        Ok(())
    }
}
