//! What a model answers.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use tollgate_engine::{
    Body, BoxFuture, Facts, Forwarding, PolicyError, Request, RequestCx, Response,
};
use tollgate_llm::{StreamTexts, Unreadable, texts_of_response};

use super::check::{Check, Refusal};
use super::guard::Guard;
use super::prompt::asks_for_text;
use super::windows::Windows;
use super::{POLICY, refused};

/// What reads the body of the response.
const BODY: Facts = Facts { reads_request_body: false, reads_response_body: true };

/// Checks each answer of the backend, for a policy in `inbound`.
pub(super) struct Enforced {
    pub(super) check: Arc<Check>,
    pub(super) windows: Windows,
}

impl Forwarding for Enforced {
    fn sending(&self, request: &mut Request) {
        // A stream that is encoded could only be read as a whole.
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }

    /// When the future is dropped, the answer is not sent: the client has gone.
    fn answered<'a>(&'a self, cx: &'a mut RequestCx) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async move {
            let judged = judge(cx, &self.check, self.windows).await;
            judged.map_err(|refusal| refused(&refusal).source(POLICY.name))
        })
    }
}

/// Checks the response: a stream that is still to come as it passes, anything else before it goes on.
pub(super) async fn judge(
    cx: &mut RequestCx,
    check: &Arc<Check>,
    windows: Windows,
) -> Result<(), Refusal> {
    let Some(response) = &cx.response else { return Ok(()) };
    let is_nothing = response.consumed || cx.request.method == Method::HEAD;
    if is_nothing || !response.status.is_success() || !check.analyzes() {
        return Ok(());
    }
    let is_stream = says(&response.headers, "text/event-stream");
    let is_encoded = response.headers.contains_key(CONTENT_ENCODING);
    if is_stream && !is_encoded && matches!(response.body, Body::Stream) {
        let guard = Guard::new(POLICY.name, Arc::clone(check), windows);
        cx.wire.filter_response(Box::new(guard));
        return Ok(());
    }
    let must_be_read = is_stream || asks_for_text(&cx.request);
    if !must_be_read && !says(&response.headers, "json") {
        return Ok(());
    }
    cx.read(BODY).await?;
    let said = cx.response.as_ref().map(|response| said(response, is_stream)).transpose();
    match said {
        Ok(said) => check.texts(&said.into_iter().collect::<Vec<_>>(), windows).await,
        // The answers of other interfaces say nothing that a model said.
        Err(Unreadable::NotJson | Unreadable::UnknownProtocol) if !must_be_read => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the content type has a word in it.
fn says(headers: &HeaderMap, word: &str) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|it| it.to_ascii_lowercase().contains(word))
}

/// Everything that an answer says, one text after the other.
fn said(response: &Response, is_stream: bool) -> Result<String, Unreadable> {
    let Some(body) = response.body.bytes().filter(|body| !body.is_empty()) else {
        return Ok(String::new());
    };
    let mut texts = Vec::<String>::new();
    let mut take = |number: usize, text: &str| {
        if texts.len() <= number {
            texts.resize(number + 1, String::new());
        }
        if let Some(known) = texts.get_mut(number) {
            known.push_str(text);
        }
    };
    if is_stream {
        let mut reader = StreamTexts::new(body.len());
        reader.push(body, &mut take)?;
        reader.finish(&mut take)?;
    } else {
        texts_of_response(body, &mut take)?;
    }
    Ok(texts.join("\n"))
}
