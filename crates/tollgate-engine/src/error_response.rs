//! The responses APIM makes up itself.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use uuid::Uuid;

use crate::{Body, PolicyError, Response};

/// APIM's error body on one line, as captured from the wire:
/// `{ "statusCode": 401, "message": "…" }`, with `activityId` for failures the client is told nothing about.
pub fn error_body(status: StatusCode, message: &str, activity_id: Option<Uuid>) -> Bytes {
    let message = serde_json::Value::from(message);
    let code = status.as_u16();
    let text = match activity_id {
        None => format!("{{ \"statusCode\": {code}, \"message\": {message} }}"),
        Some(id) => format!(
            "{{ \"statusCode\": {code}, \"message\": {message}, \"activityId\": \"{id}\" }}"
        ),
    };
    Bytes::from(text)
}

/// The response for an error that no policy has handled.
pub fn error_response(error: &PolicyError, request_id: Uuid) -> Response {
    let status = error.status_code();
    let body = match error.for_client() {
        Some(message) => error_body(status, message, None),
        None => error_body(status, "Internal server error", Some(request_id)),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in error.response_headers() {
        headers.append(name.clone(), value.clone());
    }
    Response {
        status,
        reason: error.phrase().map(Into::into),
        headers,
        body: Body::Replaced(body),
        consumed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_captured() {
        let body = error_body(StatusCode::NOT_FOUND, "Resource not found", None);
        assert_eq!(body, r#"{ "statusCode": 404, "message": "Resource not found" }"#);
        let message = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.";
        assert_eq!(error_body(StatusCode::UNAUTHORIZED, message, None).len(), 152);
        let body = error_body(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error",
            Some(Uuid::nil()),
        );
        assert_eq!(
            body,
            r#"{ "statusCode": 500, "message": "Internal server error", "activityId": "00000000-0000-0000-0000-000000000000" }"#
        );
    }
}
