//! What a service answers with.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

/// A response body; an error in it ends the connection without a proper end of the message.
pub(crate) type Body = UnsyncBoxBody<Bytes, Closed>;

/// A whole response.
pub(crate) type Reply = Response<Body>;

/// The connection ends here, on purpose or because the client went away.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed")]
pub(crate) struct Closed;

/// A body that is known in full.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A response of `status` with a body of `content_type`.
pub(crate) fn bytes(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(whole(body));
    *reply.status_mut() = status;
    if !content_type.is_empty() {
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    reply
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: &Value) -> Reply {
    bytes(status, "application/json", body.to_string())
}

/// A JSON response as Entra writes it.
pub(crate) fn json_utf8(status: StatusCode, body: &Value) -> Reply {
    bytes(status, "application/json; charset=utf-8", body.to_string())
}

/// `reply` with one more header; a value that is not legal in a header is left out.
pub(crate) fn with_header(mut reply: Reply, name: &'static str, value: impl AsRef<str>) -> Reply {
    set_header(&mut reply, name, value);
    reply
}

/// Sets one header; a value that is not legal in a header is left out.
pub(crate) fn set_header(reply: &mut Reply, name: &'static str, value: impl AsRef<str>) {
    if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
        reply.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The status code `code`, or 500 when it is not one.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
