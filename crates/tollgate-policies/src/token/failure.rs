//! How a refusal reaches the client.

use std::sync::Arc;

use http::StatusCode;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Facts, PolicyError, RequestCx, Value,
};

use super::Rejection;

pub(crate) const FAILED_HTTP_CODE: AttributeDef = AttributeDef {
    name: "failed-validation-httpcode",
    ty: AttributeType::Int { min: 200, max: 999 },
    expression: true,
    default: Some("401"),
    doc: "Status when the token is refused.",
    ..AttributeDef::DEFAULT
};

pub(crate) const FAILED_ERROR_MESSAGE: AttributeDef = AttributeDef {
    name: "failed-validation-error-message",
    expression: true,
    doc: "What the client reads when the token is refused; the reason when absent.",
    ..AttributeDef::DEFAULT
};

/// Why validation ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The token is refused.
    Rejected(Rejection),
    /// The policy itself failed: an expression threw.
    Error(PolicyError),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::Error(error)
    }
}

/// What the author wants of a refusal.
#[derive(Debug)]
pub(crate) struct Failed {
    status: Value<StatusCode>,
    message: Option<Value<Arc<str>>>,
}

impl Failed {
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let status = cx.attribute(element, "failed-validation-httpcode");
        let message = cx.attribute(element, "failed-validation-error-message");
        if message.is_none() && element.attribute("failed-validation-error-message").is_some() {
            return None;
        }
        Some(Self { status: status?, message })
    }

    /// The error of the request; `default` is what the client reads when the author says nothing.
    pub(crate) fn error(
        &self,
        cx: &mut RequestCx,
        failure: Failure,
        default: impl FnOnce(&Rejection) -> String,
    ) -> PolicyError {
        let rejection = match failure {
            Failure::Error(error) => return error,
            Failure::Rejected(rejection) => rejection,
        };
        let status = match self.status.eval(cx) {
            Ok(status) => status,
            Err(error) => return error,
        };
        let message = match self.message.as_ref().map(|message| message.eval(cx)).transpose() {
            Ok(message) => {
                message.map_or_else(|| default(&rejection), |message| message.to_string())
            }
            Err(error) => return error,
        };
        PolicyError::refused(rejection.reason(), rejection.to_string(), status)
            .client_message(message)
    }

    pub(crate) fn facts(&self) -> Facts {
        self.message.as_ref().map_or_else(Facts::default, Value::facts).or(self.status.facts())
    }
}
