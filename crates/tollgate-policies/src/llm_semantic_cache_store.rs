//! `llm-semantic-cache-store`: keeps the answer of a model for `llm-semantic-cache-lookup`.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tollgate_diagnostics::Span;
use tollgate_engine::ports::Answer;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, Companion, CompileCx, Content, Facts, Flow,
    Limit, PolicyDef, PolicyError, RequestCx, Response, Section, Sent, Step, Traffic, Value,
};

use crate::cached_value::Lifetime;
use crate::llm_semantic_cache_lookup::SCOPES;
use crate::semantic_cache::{Keeping, LOOKUPS, Missed, keep_at_hand, trace};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "llm-semantic-cache-store",
    sections: &[Section::Outbound],
    toolkit_sections: &[],
    scopes: SCOPES,
    limit: Limit::OncePerSection,
    attributes: ATTRIBUTES,
    content: Content::Empty,
    docs: DOCS,
    compile,
};

pub(crate) const ATTRIBUTES: &[AttributeDef] = &[
    AttributeDef {
        name: "duration",
        ty: AttributeType::Seconds,
        required: true,
        expression: true,
        doc: "For how many seconds at most.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: WANTED,
        ty: AttributeType::Bool,
        expression: true,
        doc: "Whether the answer is kept; when left out, one with the status 200 is.",
        ..AttributeDef::DEFAULT
    },
];

const WANTED: &str = "cache-response";

const DOCS: &str = r#"Keeps the answer to a question that `llm-semantic-cache-lookup` has found nothing for. `azure-openai-semantic-cache-store` is the
same policy. Where it stands in `outbound` counts: what policies do to the answer before it is kept, and they run on it again when it
comes from the cache.

```xml
<llm-semantic-cache-store duration="3600" />
```

The answer is kept as it passes to the client, which does not wait for it, and belongs to the question as it was embedded by the look-up: the
embeddings model is not asked again. One that comes as a stream is put together, and kept when the stream has come to its end.

Kept are whole answers in text only. Not kept are answers that call tools or functions, were cut off (`length`, `max_tokens`,
`incomplete`), were filtered, or are refusals; empty ones; those with images or audio; those that break off or that the client leaves; those
that are still encoded; those that are larger than an eighth of `semantic-cache.size`; and everything that is no answer of a model, such as
errors. The trace says why, where that is known when `outbound` runs.

Differences from Azure:

- `cache-response` that is left out means 200 only, as Microsoft's text says; its table says `false`. With `true` any status will do,
  but what is no whole answer is never kept.
- Of the headers nothing is kept: an answer from the cache has `Content-Type` and what policies of `outbound` set.
- An answer of the Responses API is written anew, because it repeats the instructions, the metadata and the user of whoever asked first.
- The usage in an answer from the cache is that of the first one. A stream that said none gets the tokens that were counted.
- A `duration` of zero, or a negative one from an expression, keeps nothing; `hh:mm:ss` is understood, too.
- Nothing is kept when the look-up could not ask for an embedding.
"#;

#[derive(Debug)]
struct Store {
    name: Arc<str>,
    span: Span,
    lifetime: Value<Lifetime>,
    wanted: Option<Value<bool>>,
}

pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let lifetime = cx.attribute(element, "duration");
    let wanted = cx.attribute(element, WANTED);
    if wanted.is_none() && element.attribute(WANTED).is_some() {
        return None;
    }
    let name = element.name.as_str().into();
    Some(Box::new(Store { name, span: element.name_span, lifetime: lifetime?, wanted }))
}

impl Store {
    /// What is to be kept of the response, if anything.
    fn keeping(&self, cx: &mut RequestCx, missed: Missed) -> Result<Option<Keeping>, PolicyError> {
        let Some(Response { status, .. }) = cx.response else { return Ok(None) };
        let wanted = match &self.wanted {
            Some(wanted) => wanted.eval(cx)?,
            None => status == StatusCode::OK,
        };
        let Lifetime(lifetime) = if wanted { self.lifetime.eval(cx)? } else { return Ok(None) };
        let Some(response) = &cx.response else { return Ok(None) };
        if lifetime.is_zero() {
            return Ok(None);
        }
        let on_the_wire = matches!(response.body, Body::Stream);
        if on_the_wire && response.headers.contains_key(CONTENT_ENCODING) {
            trace(cx, &self.name, || "The answer is not kept: it is encoded.".to_owned());
            return Ok(None);
        }
        let is_stream = is_event_stream(response);
        let cache = &cx.ports.semantic_cache;
        Ok(Some(Keeping::new(cache, missed, status, lifetime, is_stream)))
    }
}

fn is_event_stream(response: &Response) -> bool {
    const NAME: &[u8] = b"text/event-stream";
    let start = response.headers.get(CONTENT_TYPE).and_then(|it| it.as_bytes().get(..NAME.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(NAME))
}

/// Tells the server when the client has its answer.
struct Later(BoxFuture<'static, ()>);

impl Sent for Later {
    fn run(self: Box<Self>, _traffic: Traffic) -> Option<BoxFuture<'static, ()>> {
        Some(self.0)
    }
}

impl Step for Store {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(missed) = cx.extensions.remove::<Missed>() else { return Ok(Flow::Continue) };
        let Some(keeping) = self.keeping(cx, missed)? else { return Ok(Flow::Continue) };
        let Some(response) = &cx.response else { return Ok(Flow::Continue) };
        if matches!(response.body, Body::Stream) {
            cx.wire.filter_response(Box::new(keeping));
            return Ok(Flow::Continue);
        }
        let body = response.body.bytes().filter(|_| !response.consumed).cloned();
        match keep_at_hand(keeping, &body.unwrap_or_default()) {
            Ok(Answer::Ready(())) => {}
            Ok(Answer::Pending(kept)) => cx.finally.when_sent(Later(kept)),
            Err(why) => trace(cx, &self.name, || format!("The answer is not kept: {why}.")),
        }
        Ok(Flow::Continue)
    }

    fn companion(&self) -> Option<Companion> {
        Some(Companion { section: Section::Inbound, names: LOOKUPS, span: self.span })
    }

    fn facts(&self) -> Facts {
        let own = self.lifetime.facts();
        self.wanted.as_ref().map_or(own, |wanted| own.or(wanted.facts()))
    }
}
