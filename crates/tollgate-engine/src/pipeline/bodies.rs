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
        self.read(facts).await.map_err(PolicyError::from)
    }

    /// Likewise, for a step that has an answer of its own to a body that could not be had.
    pub async fn read(&mut self, facts: Facts) -> Result<(), UnreadBody> {
        if facts.reads_request_body && matches!(self.request.body, Body::Stream) {
            let body = self.wire.read_request_body(&self.request.headers).await;
            self.request.body = Body::Buffered(body.map_err(UnreadBody::Request)?);
        }
        if facts.reads_response_body
            && let Some(response) = &mut self.response
            && matches!(response.body, Body::Stream)
        {
            let body: Result<BufferedBody, BodyError> =
                self.wire.read_response_body(&response.headers).await;
            match body {
                Ok(body) => response.body = Body::Buffered(body),
                Err(error) => {
                    response.body = Body::Empty;
                    return Err(UnreadBody::Response(error));
                }
            }
        }
        Ok(())
    }
}

/// A body that could not be had. It is an error of the request, unless whoever asked for the body knows better.
#[derive(Debug, Clone)]
pub enum UnreadBody {
    /// That of the request.
    Request(BodyError),
    /// That of the response.
    Response(BodyError),
}

impl UnreadBody {
    /// Bytes that the body is longer than, when that is why it was not read to its end.
    pub fn exceeds(&self) -> Option<usize> {
        let (Self::Request(error) | Self::Response(error)) = self;
        match error {
            BodyError::TooLarge { limit } | BodyError::InflatesTooFar { limit } => Some(*limit),
            _ => None,
        }
    }
}

impl From<UnreadBody> for PolicyError {
    fn from(unread: UnreadBody) -> Self {
        match unread {
            UnreadBody::Request(error) => request_body_error(&error),
            UnreadBody::Response(error) => response_body_error(&error),
        }
    }
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
