//! Policies that rewrite the body of a message: when they wait for it, what they read, and what they may make of it.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tollgate_engine::{BoxFuture, Facts, Flow, Message, PolicyError, RequestCx, Resumed, Step};
use tollgate_expr::{Exception, Limits};

/// Bytes that a rewritten body may have: as many as a body that is decoded may inflate to.
pub(crate) const LONGEST: usize = 32 << 20;

/// Elements, objects and arrays inside one another in a body that is converted.
pub(crate) const DEEPEST: usize = 256;

/// What one conversion of a body may use up. The memory counts what is read and what is made of it together.
pub(crate) const LIMITS: Limits = Limits { steps: 20_000_000, memory: 160 << 20, depth: 128 };

/// A policy that makes a new body of the old one.
///
/// Whether it does is decided before the body is waited for, so that a message it leaves alone stays a stream.
pub(crate) trait Rewrite: std::fmt::Debug + Send + Sync {
    /// What the settings of this request are; kept from the decision to the rewriting.
    type Settings: Send;

    /// The message whose body it is.
    fn message(&self) -> Message;

    /// What evaluating the settings needs.
    fn facts(&self) -> Facts;

    /// The settings for this request; none when the body stays as it is.
    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Self::Settings>, PolicyError>;

    /// Makes the new body. It is called only with a body that is at hand and not empty.
    fn rewrite(
        &self,
        cx: &mut RequestCx,
        body: Bytes,
        settings: Self::Settings,
    ) -> Result<(), PolicyError>;
}

/// The step of such a policy.
#[derive(Debug)]
pub(crate) struct Rewriting<R>(pub(crate) R);

impl<R: Rewrite> Rewriting<R> {
    fn finish(&self, cx: &mut RequestCx, settings: R::Settings) -> Result<Flow, PolicyError> {
        if let Some(body) = body_of(cx, self.0.message()) {
            self.0.rewrite(cx, body, settings)?;
        }
        Ok(Flow::Continue)
    }
}

impl<R: Rewrite + 'static> Step for Rewriting<R> {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if cx.lacks(reading(self.0.message())) {
            return Ok(Flow::Wait);
        }
        match self.0.settings(cx)? {
            Some(settings) => self.finish(cx, settings),
            None => Ok(Flow::Continue),
        }
    }

    /// Dropping it leaves the body on the wire, as it was.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let Some(settings) = self.0.settings(cx)? else { return Ok(Flow::Continue) };
            cx.provide(reading(self.0.message())).await?;
            self.finish(cx, settings)
        })
    }

    fn facts(&self) -> Facts {
        self.0.facts()
    }
}

/// What a rewriting of UTF-8 makes of a body in the character set that its `Content-Type` names, in the same one. None when
/// it changes nothing. Without a character set, bytes that are no text are given as they are.
pub(crate) fn in_utf8(
    body: &[u8],
    content_type: Option<&str>,
    rewrite: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, PolicyError>,
) -> Result<Option<Bytes>, PolicyError> {
    let foreign = content_type.filter(|value| tollgate_expr::is_foreign_charset(value));
    let Some(foreign) = foreign else { return Ok(rewrite(body)?.map(Bytes::from)) };
    let text = tollgate_expr::body_text(body, Some(foreign));
    let rewritten = rewrite(text.as_bytes())?;
    Ok(rewritten.map(|text| {
        tollgate_expr::body_bytes(&String::from_utf8_lossy(&text), Some(foreign)).into()
    }))
}

/// The body of a message, when it has one that is at hand and was not consumed.
pub(crate) fn body_of(cx: &RequestCx, message: Message) -> Option<Bytes> {
    let (body, consumed) = match message {
        Message::Request => (&cx.request.body, cx.request.consumed),
        Message::Response => {
            let response = cx.response.as_ref()?;
            (&response.body, response.consumed)
        }
        Message::Reply => {
            let response = cx.reply.as_ref()?;
            (&response.body, response.consumed)
        }
        Message::Call => {
            let body = &cx.call.as_ref()?.body;
            return Some(body.clone()).filter(|bytes| !bytes.is_empty());
        }
    };
    body.bytes().filter(|bytes| !consumed && !bytes.is_empty()).cloned()
}

/// What reading the body of a message needs.
pub(crate) fn reading(message: Message) -> Facts {
    match message {
        Message::Request => Facts { reads_request_body: true, ..Facts::default() },
        Message::Response => Facts { reads_response_body: true, ..Facts::default() },
        Message::Reply | Message::Call => Facts::default(),
    }
}

/// The `Content-Type` of a message, when it is text.
pub(crate) fn content_type(headers: Option<&HeaderMap>) -> Option<&str> {
    headers?.get(CONTENT_TYPE)?.to_str().ok()
}

/// Whether a media type is `application/<name>`, `text/<name>` or anything that ends in `+<name>`.
pub(crate) fn is_of(media_type: &str, name: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    subtype.rsplit_once('+').is_some_and(|(_, suffix)| suffix == name)
        || matches!(kind, "application" | "text") && subtype == name
}

/// A body that could not be read as what it should be, or that grew past a limit.
#[cold]
pub(crate) fn unreadable(reason: &'static str, exception: &Exception) -> PolicyError {
    if exception.is_bound() {
        return too_large();
    }
    PolicyError::internal(reason, exception.message())
}

/// A body that is, or would become, larger than a conversion may handle.
#[cold]
pub(crate) fn too_large() -> PolicyError {
    PolicyError::internal("BodyTooLarge", "The body is too large to be converted.")
}

/// A body whose parts are inside one another deeper than a conversion may follow.
#[cold]
pub(crate) fn too_deep() -> PolicyError {
    let message = format!("The body is nested deeper than {DEEPEST} levels.");
    PolicyError::internal("BodyTooDeep", message)
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn media_types() {
        for json in ["application/json", "text/json; charset=utf-8", "application/problem+JSON"] {
            assert!(is_of(json, "json"), "{json}");
        }
        for other in ["application/jsonp", "json", "image/json", "application/json+xml", ""] {
            assert!(!is_of(other, "json"), "{other}");
        }
        assert!(is_of("image/svg+xml", "xml") && is_of("application/xml", "xml"));
    }
}
