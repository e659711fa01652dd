//! Errors in Entra's shape: OAuth error, `AADSTS` code, trace ids.

use hyper::StatusCode;
use serde_json::json;

use crate::ids::{entra_timestamp, guid, unix_now};
use crate::reply::{Reply, json_utf8, set_header};

/// One refusal of the token endpoint.
#[derive(Debug)]
pub(crate) struct EntraError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl EntraError {
    pub(crate) fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        // Only a client that failed to prove who it is gets a 401.
        let status = if error == "invalid_client" {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        Self { status, error, code, text: text.into() }
    }

    /// A required parameter is missing or empty.
    pub(crate) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, text)
    }

    /// No tenant has this id or domain name.
    pub(crate) fn no_tenant(tenant: &str, error: &'static str) -> Self {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into \
             the correct cloud. Check with your subscription administrator, this may happen if there are no \
             active subscriptions for the tenant."
        );
        Self::new(error, 90_002, text)
    }

    pub(crate) fn reply(&self, origin: &str) -> Reply {
        let (trace, correlation) = (guid(), guid());
        let timestamp = entra_timestamp(unix_now());
        let body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
                self.code, self.text
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{origin}/error?code={}", self.code),
        });
        let mut reply = json_utf8(self.status, &body);
        set_header(&mut reply, "cache-control", "no-store, no-cache");
        set_header(&mut reply, "pragma", "no-cache");
        set_header(&mut reply, "x-ms-request-id", &trace);
        reply
    }
}
