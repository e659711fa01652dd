//! `cache-store`: keeps a response for `cache-lookup`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use tollgate_engine::ports::{Answer, BodyEnd, BodyFilter, Cache, CacheKey, CachePlace, Passed};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Response, Resumed, Scope, Section, Step, Value,
};

use crate::cached_response::{Entry, Missed, varies_by_everything};
use crate::cached_value::Lifetime;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-store",
    sections: &[Section::Outbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[
        AttributeDef {
            name: "duration",
            ty: AttributeType::Seconds,
            required: true,
            expression: true,
            doc: "For how many seconds at most.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "cache-response",
            ty: AttributeType::Bool,
            expression: true,
            doc: "Whether the response is kept; when left out, one with the status 200 is.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Keeps the response to a request that `cache-lookup` has found nothing for. Where it stands in `outbound` counts: what
policies do to the response before it is kept, what they do after it is not.

```xml
<cache-store duration="@(context.Response.Headers.ContainsKey("X-Volatile") ? 5 : 3600)" />
```

The body is kept as it passes to the client, which does not wait for it. It is kept once it is whole; a body that breaks off,
or that a later policy replaces unread, is not.

Differences from Azure:

- `cache-response` that is left out means 200 only, as Microsoft's text says; its table says `false`.
- Never kept are 206 and 304, responses with `Vary: *`, and those larger than an eighth of `cache.size`.
- `Set-Cookie` is not kept: a cookie is one client's. Neither are `Date`, `Age`, `Expires`, `Pragma` and `Cache-Control`.
- `Cache-Control` of the backend does not decide; use `cache-response` where it should.
- A response that comes encoded although nothing was asked for is read to its end first, and kept decoded.
- A `duration` of zero, or a negative one from an expression, keeps nothing; `hh:mm:ss` is understood, too.
"#;

/// What reads the body of the response.
const BODY: Facts = Facts { reads_request_body: false, reads_response_body: true };

#[derive(Debug)]
struct CacheStore {
    lifetime: Value<Lifetime>,
    wanted: Option<Value<bool>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let lifetime = cx.attribute(element, "duration");
    let wanted = cx.attribute(element, "cache-response");
    if wanted.is_none() && element.attribute("cache-response").is_some() {
        return None;
    }
    Some(Box::new(CacheStore { lifetime: lifetime?, wanted }))
}

/// A response that is being kept.
struct Keeping {
    cache: Arc<dyn Cache>,
    place: CachePlace,
    key: CacheKey,
    lifetime: Duration,
    /// The entry, as far as it has come; none when there is no room for it.
    entry: Option<Vec<u8>>,
    largest: usize,
}

impl Keeping {
    fn take(&mut self, piece: &[u8]) {
        let largest = self.largest;
        self.entry = self.entry.take().filter(|entry| entry.len() + piece.len() <= largest);
        if let Some(entry) = &mut self.entry {
            entry.extend_from_slice(piece);
        }
    }

    fn keep(self) -> Option<Answer<'static, ()>> {
        let entry = Bytes::from(self.entry?);
        Some(self.cache.set(self.place, &self.key, entry, self.lifetime))
    }
}

impl BodyFilter for Keeping {
    fn piece(&mut self, piece: Bytes) -> Passed {
        self.take(&piece);
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        self.entry.as_ref().map_or(0, Vec::len)
    }

    fn forget(&mut self) {
        self.entry = None;
    }

    fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        if how != BodyEnd::Whole {
            return None;
        }
        match self.keep()? {
            Answer::Ready(()) => None,
            Answer::Pending(kept) => Some(kept),
        }
    }
}

impl CacheStore {
    /// For how long the response is to be kept, if it is.
    fn lifetime(&self, cx: &mut RequestCx) -> Result<Option<Duration>, PolicyError> {
        let Some(response) = &cx.response else { return Ok(None) };
        let status = response.status;
        let is_part = matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
        if is_part || status.is_informational() || varies_by_everything(&response.headers) {
            return Ok(None);
        }
        let wanted = match &self.wanted {
            Some(wanted) => wanted.eval(cx)?,
            None => status == StatusCode::OK,
        };
        let Lifetime(lifetime) = if wanted { self.lifetime.eval(cx)? } else { return Ok(None) };
        Ok(Some(lifetime).filter(|lifetime| !lifetime.is_zero()))
    }

    /// Keeps the response that is there, or will have come. Without an answer it is kept as it passes.
    fn store(
        &self,
        cx: &mut RequestCx,
        missed: Missed,
    ) -> Result<Option<Answer<'static, ()>>, PolicyError> {
        let Some(lifetime) = self.lifetime(cx)? else { return Ok(None) };
        let Missed { key, place, downstream, headers } = missed;
        let cache = Arc::clone(&cx.ports.cache);
        let largest = cache.largest();
        let ticks = cx.ports.clock.ticks();
        let Some(response) = &mut cx.response else { return Ok(None) };
        let body = match &response.body {
            Body::Stream => None,
            _ if response.consumed => Some(Bytes::new()),
            body => Some(body.bytes().cloned().unwrap_or_default()),
        };
        let entry = match &body {
            // It is kept decoded.
            Some(_) if response.headers.contains_key(CONTENT_ENCODING) => {
                let mut plain = Response { body: Body::Empty, ..response.clone() };
                plain.headers.remove(CONTENT_ENCODING);
                Entry { ticks, lifetime }.head(&plain, &headers)
            }
            _ => Entry { ticks, lifetime }.head(response, &headers),
        };
        let announced = if body.is_some() { None } else { length(response) };
        downstream.write(&mut response.headers, lifetime.as_secs());
        let entry = Some(entry);
        let mut keeping = Keeping { cache, place, key, lifetime, entry, largest };
        match body {
            Some(body) => {
                keeping.take(&body);
                Ok(keeping.keep())
            }
            None if announced.is_some_and(|length| length > largest) => Ok(None),
            None => {
                cx.wire.filter_response(Box::new(keeping));
                Ok(None)
            }
        }
    }
}

/// The length that a response announces.
fn length(response: &Response) -> Option<usize> {
    response.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Step for CacheStore {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(missed) = cx.extensions.get::<Missed>() else { return Ok(Flow::Continue) };
        let encoded = cx.lacks(BODY)
            && cx.response.as_ref().is_some_and(|it| it.headers.contains_key(CONTENT_ENCODING));
        if encoded || !cx.ports.cache.is_local(missed.place) {
            return Ok(Flow::Wait);
        }
        if let Some(missed) = cx.extensions.remove::<Missed>() {
            self.store(cx, missed)?;
        }
        Ok(Flow::Continue)
    }

    /// Reads a body that comes encoded, and tells the server. When the future is dropped, it may have been told.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let Some(missed) = cx.extensions.remove::<Missed>() else { return Ok(Flow::Continue) };
            if self.lifetime(cx)?.is_none() {
                return Ok(Flow::Continue);
            }
            if cx.response.as_ref().is_some_and(|it| it.headers.contains_key(CONTENT_ENCODING)) {
                cx.provide(BODY).await?;
            }
            if let Some(answer) = self.store(cx, missed)? {
                answer.get().await;
            }
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        let own = self.lifetime.facts();
        self.wanted.as_ref().map_or(own, |wanted| own.or(wanted.facts()))
    }
}
