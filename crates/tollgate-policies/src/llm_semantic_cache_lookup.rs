//! `llm-semantic-cache-lookup`: answers with what a model has said to a question that means the same.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{
    CacheKey, Distance, Embedding, Near, Scores, SemanticCacheUnavailable, SemanticLookup,
};
use tollgate_engine::read::{self, Element};
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, ChildDef, Companion, CompileCx, Content, Facts, Flow,
    Limit, PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};
use tollgate_llm::SystemMessages;

use crate::llm::{ModelCall, needed_body};
use crate::semantic_cache::{
    Asking, Embedder, Missed, Question, STORES, Unasked, Unembedded, is_call, replay, trace,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "llm-semantic-cache-lookup",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: SCOPES,
    limit: Limit::OncePerSection,
    attributes: ATTRIBUTES,
    content: CONTENT,
    docs: DOCS,
    compile,
};

pub(crate) const SCOPES: &[Scope] = &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation];

pub(crate) const ATTRIBUTES: &[AttributeDef] = &[
    AttributeDef {
        name: THRESHOLD,
        required: true,
        expression: true,
        doc: "How far a question may be from the one that was answered: 0.0 (the same text) to 1.0. Begin with 0.05.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: BACKEND,
        ty: AttributeType::Filled,
        required: true,
        expression: true,
        doc: "Backend whose URL is that of a deployment of an embeddings model: `https://….openai.azure.com/openai/deployments/<name>/embeddings`.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: "embeddings-backend-auth",
        ty: AttributeType::Word(&["system-assigned"]),
        required: true,
        doc: "How the gateway proves itself to that backend, unless the backend has credentials of its own.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: IGNORE_SYSTEM,
        ty: AttributeType::Bool,
        expression: true,
        default: Some("false"),
        doc: "Whether system messages are no part of the question.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: MOST_MESSAGES,
        ty: AttributeType::Int { min: 0, max: i32::MAX as i64 },
        expression: true,
        doc: "Most messages of a request that is looked up, without system messages that are ignored; no limit when absent.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: "cache-id",
        expression: true,
        doc: "Which cache, as the policy toolkit writes it.",
        support: tollgate_engine::Support::NoEffect("there is one semantic cache"),
        ..AttributeDef::DEFAULT
    },
];

pub(crate) const CONTENT: Content = Content::Children(&[ChildDef {
    name: VARY_BY,
    content: Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: true }),
    doc: "What callers must have in common to share answers, such as `@(context.Subscription.Id)`; all values together count.",
    ..ChildDef::DEFAULT
}]);

const THRESHOLD: &str = "score-threshold";
const BACKEND: &str = "embeddings-backend-id";
const IGNORE_SYSTEM: &str = "ignore-system-messages";
const MOST_MESSAGES: &str = "max-message-count";
const VARY_BY: &str = "vary-by";

/// Farther than this, answers to other questions are served.
const USUAL_MOST: f64 = 0.2;
/// At this, a question on the same subject is as good as the same question.
const SUBJECT: f64 = 0.4;

const DOCS: &str = r#"Answers a request to a model with what `llm-semantic-cache-store` has kept of the answer to a question that means the same. The
rest of `inbound` and `backend` are then skipped, and `outbound` runs. It needs the store in `outbound`.
`azure-openai-semantic-cache-lookup` is the same policy.

```xml
<llm-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="openai" embeddings-backend-auth="system-assigned"
    ignore-system-messages="true" max-message-count="10">
    <vary-by>@(context.Subscription?.Id)</vary-by>
</llm-semantic-cache-lookup>
```

The text of all messages goes to the embeddings model, and its vector is compared with those of earlier questions. The
`score-threshold` is a distance, one minus the cosine: 0 is the same text, and smaller is stricter. A value above 0.2 is a warning
at load, because it serves answers to other questions; with `semantic-cache.scores = "similarity"` in `tollgate.toml` it is read as a
similarity, of which larger is stricter.

Without `vary-by` all callers share answers. Name whatever an answer may depend on that is not in the prompt: the subscription, the
user, a tenant, a header. Each `vary-by` counts by itself; none can be made to look like two. A key or token that only the backend
checks is not checked when the answer comes from the cache.

Besides, these tell answers apart: workspace, API with its revision, operation and product; the backend, path and query of the
request at this place, so also the deployment; the embeddings backend; who speaks in which turn, names, and whatever else of the
messages is not text; and everything in the body but the prompt, `stream`, `stream_options`, `user`, `metadata`, `service_tier` and what is for the provider's own caches: so the model, `tools`,
`tool_choice`, `response_format`, `temperature`, `max_tokens`, `n` and their like.

When nothing is found the backend is not told the client's `Accept-Encoding`, so that the answer can be kept.

The backend is called with its own credentials and its own circuit breaker. Without credentials, the gateway's identity is used, for
`https://cognitiveservices.azure.com/`. Its `query` may name an `api-version`; otherwise deployments of Azure OpenAI are asked with
2024-10-21. The call counts as a request of a policy (`limits.policy-requests`) and may take `semantic-cache.timeout`.

Whatever fails counts as nothing found: the request goes on, the trace says why, and so does
`tollgate_semantic_cache_lookups_total` by `result` (`hit`, `miss`, `bypass`, `embeddings_failed`, `cache_failed`). Put `rate-limit` or
`llm-token-limit` behind the look-up to shield the model then. An answer from the cache costs no tokens: limits are charged
nothing, and `tokens-consumed` is 0.

Answers are kept in memory (`semantic-cache.size`), or on the Redis server when `[redis]` is configured: with its own vector search
(RediSearch) when it has that, else searched by the gateway.

Differences from Azure:

- No Redis is needed, and none with RediSearch.
- What Azure does with streams is not documented. Here a question is looked up whether or not the answer is wanted as a stream, and
  an answer that was kept is sent in the form that is wanted. What it had besides text, ending and usage is only in an answer that was no stream
  and is wanted as none.
- Never looked up or stored: requests with images, audio or files; with `logprobs`; with `previous_response_id`, `conversation` or Google's
  `cachedContent`; with more than 64 KiB of text; Google's streams without `alt=sse`; embeddings, images and audio.
- Parameters of the request tell answers apart, as above; for Azure that is not documented.
- Distances are rounded to six digits; one that is equal to the threshold is a hit.
- Expressions are allowed in all attributes but `embeddings-backend-auth`. One that gives an unknown backend counts as nothing found.
- `max-message-count` has no default, as Microsoft's reference says; the policy toolkit says 4. `cache-id`, which only the toolkit
  knows, has no effect.
- The backend may be a pool, and may be another provider's that understands `{"input": "…"}`.
"#;

/// A `score-threshold`, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Threshold(f64);

impl Threshold {
    fn new(number: f64) -> Result<Self, String> {
        let fits = (0.0..=1.0).contains(&number);
        if fits { Ok(Self(number)) } else { Err("expected a number from 0.0 to 1.0".to_owned()) }
    }

    /// As a distance.
    fn distance(self, scores: Scores) -> f64 {
        match scores {
            Scores::Distance => self.0,
            Scores::Similarity => 1.0 - self.0,
        }
    }
}

impl Typed for Threshold {
    const TARGET: Target = Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        Self::new(text.trim().parse().unwrap_or(f64::NAN))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = value.to_text(state).map_err(|error| PolicyError::expression(&error))?;
        Self::parse(text.as_deref().unwrap_or_default())
            .map_err(|why| PolicyError::unfit_value(format!("{THRESHOLD}: {why}.")))
    }
}

#[derive(Debug)]
struct Lookup {
    name: Arc<str>,
    span: tollgate_diagnostics::Span,
    threshold: Value<Threshold>,
    scores: Scores,
    backend: Value<Arc<str>>,
    embedder: Embedder,
    ignore_system: Value<bool>,
    most_messages: Option<Value<i64>>,
    vary_by: Vec<Value<Arc<str>>>,
}

pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let scores = cx.ports().semantic_cache.settings().scores;
    let threshold: Option<Value<Threshold>> = cx.attribute(element, THRESHOLD);
    let backend: Option<Value<Arc<str>>> = cx.attribute(element, BACKEND);
    let ignore_system = cx.attribute(element, IGNORE_SYSTEM);
    let most_messages = cx.attribute(element, MOST_MESSAGES);
    let vary_by: Vec<_> = element.elements_named(VARY_BY).map(|child| cx.text(child)).collect();
    if let (Some(Value::Literal(threshold)), Some(written)) =
        (&threshold, element.attribute(THRESHOLD))
    {
        warn(*threshold, scores, &written.value, cx);
    }
    if let (Some(Value::Literal(id)), Some(written)) = (&backend, element.attribute(BACKEND)) {
        cx.check_backend(id, written.value.span());
    }
    if most_messages.is_none() && element.attribute(MOST_MESSAGES).is_some() {
        return None;
    }
    Some(Box::new(Lookup {
        name: element.name.as_str().into(),
        span: element.name_span,
        threshold: threshold?,
        scores,
        backend: backend?,
        embedder: Embedder::new(cx.ports()),
        ignore_system: ignore_system?,
        most_messages,
        vary_by: vary_by.into_iter().collect::<Option<_>>()?,
    }))
}

/// Says what a threshold would serve that is larger than any in use.
fn warn(threshold: Threshold, scores: Scores, written: &read::Value, cx: &mut CompileCx<'_>) {
    let distance = threshold.distance(scores);
    // In millionths, as distances are compared: one minus a decimal is no decimal.
    if Distance::new(distance) <= Distance::new(USUAL_MOST) {
        return;
    }
    let serves = if distance > SUBJECT {
        "nearly every question gets the answer to an earlier one, whatever that was about"
    } else {
        "a question gets the answer to another one that is merely about the same subject"
    };
    let Threshold(number) = threshold;
    let found = Diagnostic::new(
        Code::SUSPICIOUS,
        format!("with a `{THRESHOLD}` of {number} {serves}"),
        written.span(),
    );
    cx.report(match scores {
        Scores::Distance => found
            .label("a distance: 0 is the same text, and smaller is stricter")
            .help("begin with 0.05")
            .help("if it was meant as a similarity, set `semantic-cache.scores = \"similarity\"`"),
        Scores::Similarity => found
            .label("a similarity, as the configuration says: 1 is the same text")
            .help("begin with 0.95"),
    });
}

/// Why nothing was found.
enum Unfound {
    /// It was not looked for.
    Bypass(Unasked),
    /// The question has no embedding.
    Embedding(Unembedded),
    /// The cache could not be asked.
    Cache(SemanticCacheUnavailable),
}

impl Lookup {
    /// What the policy says of this request's question, and how far an answer may be.
    fn asking(&self, cx: &mut RequestCx) -> Result<(Asking, Distance), PolicyError> {
        let ignores = self.ignore_system.eval(cx)?;
        let system = if ignores { SystemMessages::Ignore } else { SystemMessages::Include };
        let most = self.most_messages.as_ref().map(|most| most.eval(cx)).transpose()?;
        let vary_by = self.vary_by.iter().map(|value| value.eval(cx)).collect::<Result<_, _>>()?;
        let embedder = self.backend.eval(cx)?;
        let distance = self.threshold.eval(cx)?.distance(self.scores);
        let most_messages = most.map(|most| usize::try_from(most).unwrap_or(0));
        let asking = Asking { system, most_messages, vary_by, embedder };
        Ok((asking, Distance::new(distance)))
    }

    /// Looks for an answer. What the store needs to know is left for it.
    async fn find(
        &self,
        cx: &mut RequestCx,
        asking: &Asking,
        most: Distance,
    ) -> Result<(Question, Option<Near>), Unfound> {
        let question = Question::read(cx, asking).map_err(Unfound::Bypass)?;
        let embedding = self.embedder.embed(cx, &asking.embedder, &question.text).await;
        let embedding: Embedding = embedding.map_err(Unfound::Embedding)?;
        let partition: CacheKey = question.partition;
        cx.extensions.insert(Missed {
            partition,
            embedding: embedding.clone(),
            api: question.api,
            model: question.model.clone(),
            body: question.body.clone(),
        });
        let cache = Arc::clone(&cx.ports.semantic_cache);
        let near = cache.nearest(&partition, &embedding, most).await.map_err(Unfound::Cache)?;
        Ok((question, near))
    }

    /// Ends the look-up.
    fn found(
        &self,
        cx: &mut RequestCx,
        found: Result<(Question, Option<Near>), Unfound>,
        most: Distance,
    ) -> Flow {
        let (how, why) = match found {
            Ok((question, Some(near))) => match replay(&near.answer, question.api, question.form) {
                Some(response) => {
                    cx.response = Some(response);
                    // It is kept already; and what a look-up of a wider scope has missed is not this answer.
                    cx.extensions.remove::<Missed>();
                    ModelCall::answered_without(cx);
                    let distance = near.distance;
                    trace(cx, &self.name, || {
                        format!(
                            "The answer comes from the semantic cache: its question is {distance} away, and {most} are allowed."
                        )
                    });
                    cx.ports.semantic_cache.looked_up(SemanticLookup::Hit);
                    return Flow::Answered;
                }
                None => (SemanticLookup::Miss, "What was found cannot be read.".to_owned()),
            },
            Ok((_, None)) => {
                let message = format!("The semantic cache has no answer within {most}.");
                (SemanticLookup::Miss, message)
            }
            Err(Unfound::Bypass(why)) => (
                SemanticLookup::Bypass,
                format!("The request is not for the semantic cache: {why}."),
            ),
            Err(Unfound::Embedding(why)) => {
                (SemanticLookup::EmbeddingsFailed, format!("Nothing is looked up: {why}."))
            }
            Err(Unfound::Cache(why)) => {
                (SemanticLookup::CacheFailed, format!("Nothing is looked up: {why}."))
            }
        };
        if cx.extensions.get::<Missed>().is_some() {
            // An answer that is to be kept must be one that can be read.
            cx.request.headers.remove(http::header::ACCEPT_ENCODING);
        }
        trace(cx, &self.name, || why);
        cx.ports.semantic_cache.looked_up(how);
        Flow::Continue
    }
}

impl Step for Lookup {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if is_call(&cx.request) {
            return Ok(Flow::Wait);
        }
        cx.ports.semantic_cache.looked_up(SemanticLookup::Bypass);
        Ok(Flow::Continue)
    }

    /// Asks for the embedding and looks for an answer. When the future is dropped, both have ended.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            cx.provide(needed_body(&cx.request)).await?;
            let (asking, most) = self.asking(cx)?;
            let found = self.find(cx, &asking, most).await;
            Ok(self.found(cx, found, most))
        })
    }

    fn companion(&self) -> Option<Companion> {
        Some(Companion { section: Section::Outbound, names: STORES, span: self.span })
    }

    fn facts(&self) -> Facts {
        let own = self.threshold.facts().or(self.backend.facts());
        let own = own.or(self.ignore_system.facts());
        let most = self.most_messages.iter().map(Value::facts);
        most.chain(self.vary_by.iter().map(Value::facts)).fold(own, Facts::or)
    }
}
