//! Azure OpenAI's errors: the front's and the model's shapes differ, and so do their fields.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::openai::behaviour::prompt_filter_results;
use crate::reply::{Reply, json as json_reply};
use crate::server::retry_after;

/// One refusal.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Value,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// `{"error":{"code","message"}}`, as the service's front writes it.
    pub(crate) fn front(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({"error": {"code": code, "message": message}}),
            retry_after: None,
        }
    }

    /// `{"error":{"message","type","param","code"}}`, as the model side writes it for a bad request.
    pub(crate) fn invalid(message: &str, param: Option<&str>, code: Option<&str>) -> Self {
        let error = json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
        Self { status: StatusCode::BAD_REQUEST, body: json!({ "error": error }), retry_after: None }
    }

    /// A required parameter is not there.
    pub(crate) fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self::invalid(&message, Some(param), Some("missing_required_parameter"))
    }

    /// A parameter is of the wrong type.
    pub(crate) fn wrong_type(param: &str, expected: &str) -> Self {
        let message = format!("Invalid type for '{param}': expected {expected}.");
        Self::invalid(&message, Some(param), Some("invalid_type"))
    }

    /// A parameter has a value that is not accepted.
    pub(crate) fn wrong_value(param: &str, message: &str) -> Self {
        Self::invalid(message, Some(param), Some("invalid_value"))
    }

    /// A path or an api-version that is not there.
    pub(crate) fn no_resource() -> Self {
        Self::front(StatusCode::NOT_FOUND, "404", "Resource not found")
    }

    pub(crate) fn no_deployment() -> Self {
        let message = "The API deployment for this resource does not exist. If you created the deployment within the \
                       last 5 minutes, please wait a moment and try again.";
        Self::front(StatusCode::NOT_FOUND, "DeploymentNotFound", message)
    }

    pub(crate) fn version_not_supported() -> Self {
        Self::front(StatusCode::BAD_REQUEST, "BadRequest", "API version not supported")
    }

    pub(crate) fn bad_key() -> Self {
        let message = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a \
                       valid key for an active subscription and use a correct regional API endpoint for your resource.";
        Self::front(StatusCode::UNAUTHORIZED, "401", message)
    }

    pub(crate) fn keys_disabled() -> Self {
        let message = "Key based authentication is disabled for this resource.";
        Self::front(StatusCode::FORBIDDEN, "AuthenticationTypeDisabled", message)
    }

    /// No token, or one that does not hold.
    pub(crate) fn bad_token(audience: &str) -> Self {
        let message = format!(
            "Unauthorized. Access token is missing, invalid, audience is incorrect ({audience}), or have expired."
        );
        let status = StatusCode::UNAUTHORIZED;
        Self { status, body: json!({"statusCode": 401, "message": message}), retry_after: None }
    }

    pub(crate) fn other_tenant(tenant: &str) -> Self {
        let message = format!("Token tenant {tenant} does not match resource tenant.");
        let code = "Tenant provided in token does not match resource token";
        Self::front(StatusCode::BAD_REQUEST, code, &message)
    }

    pub(crate) fn no_permission() -> Self {
        let message = "Principal does not have access to API/Operation.";
        Self::front(StatusCode::UNAUTHORIZED, "PermissionDenied", message)
    }

    pub(crate) fn no_foundry_permission(principal: &str, method: &str) -> Self {
        let message = format!(
            "The principal `{principal}` lacks the required data action \
             `Microsoft.CognitiveServices/accounts/AIServices/agents/read` to perform `{method} \
             /api/projects/{{projectName}}/assistants` operation. For instructions on granting the necessary \
             permissions, see https://aka.ms/FoundryPermissions."
        );
        Self::front(StatusCode::UNAUTHORIZED, "PermissionDenied", &message)
    }

    /// The operation is none of the deployed model's.
    pub(crate) fn wrong_operation(operation: &str, model: &str) -> Self {
        let message = format!(
            "The {operation} operation does not work with the specified model, {model}. Please choose different model \
             and try again. You can learn more about which models can be used with each operation here: \
             https://go.microsoft.com/fwlink/?linkid=2197993."
        );
        Self::front(StatusCode::BAD_REQUEST, "OperationNotSupported", &message)
    }

    /// Over the deployment's limit of `token` or `call` rate.
    pub(crate) fn too_many(operation: &str, version: &str, limit: &str, after: Duration) -> Self {
        let seconds = after.as_millis().div_ceil(1_000);
        let message = format!(
            "Requests to the {operation} Operation under Azure OpenAI API version {version} have exceeded {limit} rate \
             limit of your current OpenAI S0 pricing tier. Please retry after {seconds} seconds. Please go here: \
             https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
        );
        let error = Self::front(StatusCode::TOO_MANY_REQUESTS, "429", &message);
        Self { retry_after: Some(after), ..error }
    }

    /// The prompt was refused by the content filter for `category`.
    pub(crate) fn filtered(category: &str) -> Self {
        let message = "The response was filtered due to the prompt triggering Azure OpenAI's content management \
                       policy. Please modify your prompt and retry. To learn more about our content filtering \
                       policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
        let results = prompt_filter_results(Some(category));
        let body = json!({"error": {
            "message": message, "type": null, "param": "prompt", "code": "content_filter", "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
        }});
        Self { status: StatusCode::BAD_REQUEST, body, retry_after: None }
    }

    /// A stored response that is not there.
    pub(crate) fn no_response(id: &str) -> Self {
        let message = format!("Response with id '{id}' not found.");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(&message, None, None) }
    }

    /// What the service would write for a planted status.
    pub(crate) fn planted(status: StatusCode, after: Option<Duration>) -> Self {
        let error = match status.as_u16() {
            401 => Self::bad_key(),
            403 => Self::front(
                status,
                "AccessDenied",
                "Access denied due to Virtual Network/Firewall rules.",
            ),
            404 => Self::no_deployment(),
            408 => Self::front(status, "Timeout", "The operation was timeout."),
            429 => Self::too_many(
                "ChatCompletions_Create",
                "2024-10-21",
                "token",
                after.unwrap_or(Duration::from_secs(1)),
            ),
            503 => {
                let message = "The service is temporarily unable to process your request. Please try again later.";
                Self::front(status, "ServiceUnavailable", message)
            }
            500..=599 => {
                let message =
                    "The server had an error while processing your request. Sorry about that!";
                let error = json!({"message": message, "type": "server_error", "param": null, "code": null});
                Self { status, body: json!({ "error": error }), retry_after: None }
            }
            _ => Self::front(status, status.as_str(), status.canonical_reason().unwrap_or("Error")),
        };
        Self { status, retry_after: after, ..error }
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut reply = json_reply(self.status, &self.body);
        if let Some(after) = self.retry_after {
            retry_after(&mut reply, after);
        }
        reply
    }
}
