//! Makes the bodies that a step reads available just before it runs.

use http::StatusCode;

use crate::ports::BodyError;
use crate::{Body, BufferedBody, Facts, PolicyError, RequestCx};

impl RequestCx {
    /// Whether a body that these facts speak of is still on the wire.
    pub fn lacks(&self, facts: Facts) -> bool {
        let response = self.response.as_ref();
        facts.reads_request_body && matches!(self.request.body, Body::Stream)
            || facts.reads_response_body
                && response.is_some_and(|response| matches!(response.body, Body::Stream))
    }

    /// Makes the bodies that these facts speak of available. The pipeline does so for the facts of a step; a step that
    /// may need a body only later asks for it itself, from its `wait`.
    pub async fn provide(&mut self, facts: Facts) -> Result<(), PolicyError> {
        provide(self, facts).await
    }
}

/// Makes the bodies a step reads available, just before it runs.
pub(super) async fn provide(cx: &mut RequestCx, facts: Facts) -> Result<(), PolicyError> {
    if facts.reads_request_body && matches!(cx.request.body, Body::Stream) {
        let body = cx.wire.read_request_body(&cx.request.headers).await;
        cx.request.body = Body::Buffered(body.map_err(|error| request_body_error(&error))?);
    }
    if facts.reads_response_body
        && let Some(response) = &mut cx.response
        && matches!(response.body, Body::Stream)
    {
        let body: Result<BufferedBody, BodyError> =
            cx.wire.read_response_body(&response.headers).await;
        match body {
            Ok(body) => response.body = Body::Buffered(body),
            Err(error) => {
                response.body = Body::Empty;
                return Err(response_body_error(&error));
            }
        }
    }
    Ok(())
}

fn request_body_error(error: &BodyError) -> PolicyError {
    let message = error.to_string();
    match error {
        BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. } => {
            PolicyError::refused("RequestBodyTooLarge", message, StatusCode::PAYLOAD_TOO_LARGE)
                .client_message("The request body is too large.")
        }
        BodyError::Encoding(_) => {
            PolicyError::refused("RequestBodyInvalid", message, StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .client_message("The content encoding of the request body is not supported.")
        }
        BodyError::MemoryPressure => {
            PolicyError::refused("MemoryPressure", message, StatusCode::SERVICE_UNAVAILABLE)
                .client_message("Service Unavailable")
        }
        BodyError::ClientTimeout => {
            PolicyError::refused("ClientConnectionFailure", message, StatusCode::REQUEST_TIMEOUT)
                .client_message("The request body was not received in time.")
        }
        BodyError::ClientGone | BodyError::Backend(_) => {
            PolicyError::internal("ClientConnectionFailure", message)
        }
    }
}

fn response_body_error(error: &BodyError) -> PolicyError {
    let reason = match error {
        BodyError::TooLarge { .. } | BodyError::InflatesTooFar { .. } => "ResponseBodyTooLarge",
        BodyError::Encoding(_) => "ResponseBodyInvalid",
        BodyError::MemoryPressure => "MemoryPressure",
        BodyError::ClientGone | BodyError::ClientTimeout => "ClientConnectionFailure",
        BodyError::Backend(_) => "BackendConnectionFailure",
    };
    let failure = PolicyError::internal(reason, error.to_string());
    match error {
        // As when the connection breaks before the header.
        BodyError::Backend(_) => failure,
        _ => failure.status(StatusCode::BAD_GATEWAY),
    }
}
