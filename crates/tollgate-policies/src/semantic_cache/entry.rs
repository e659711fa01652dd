//! An answer as it is kept, and as it is sent again.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tollgate_engine::{Body, Response};
use tollgate_llm::{Answer, Api, Usage};

use super::question::Form;

/// How an entry is laid out; another one is not read.
const LAYOUT: u8 = 1;

/// What is kept of a response: its status, and its body in one piece.
pub(super) fn write(status: StatusCode, body: &[u8]) -> Bytes {
    let mut entry = Vec::with_capacity(body.len() + 3);
    entry.push(LAYOUT);
    entry.extend_from_slice(&status.as_u16().to_le_bytes());
    entry.extend_from_slice(body);
    entry.into()
}

/// The response that an entry holds, in the form that is wanted; `None` when the entry is not one of ours.
pub(crate) fn replay(entry: &Bytes, api: Api, form: Form) -> Option<Response> {
    let (&[layout, low, high], _) = entry.split_first_chunk::<3>()?;
    let status = StatusCode::from_u16(u16::from_le_bytes([low, high])).ok()?;
    if layout != LAYOUT {
        return None;
    }
    let body = entry.slice(3..);
    let mut response = Response::new(status);
    let kind = match form {
        Form::Json => {
            response.body = Body::Replaced(body);
            "application/json"
        }
        Form::Stream { usage: include_usage } => {
            let answer = Answer::of_response(&body, body.len().saturating_mul(2))?;
            let usage = Usage::of_response(&body).unwrap_or_default();
            let stream = answer.to_stream(api, usage, include_usage)?;
            response.body = Body::Replaced(stream.into());
            response.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            "text/event-stream"
        }
    };
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Some(response)
}
