//! `llm-emit-token-metric`: counts the tokens of language models by dimensions.

use std::fmt;
use std::sync::Arc;

use tollgate_engine::ports::{CustomMetric, Events, Severity, TokenUsage, TraceLine};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, BoxFuture, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Resumed, Scope, Section, Step,
};
use tollgate_llm::{Api, Encoding, Usage};

use crate::dimension::{DIMENSIONS, Dimension, Evaluated, dimensions};
use crate::llm::{ModelCall, ModelResponse, ResponseEnd, Watch, Watcher, needed_body};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "llm-emit-token-metric",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: ATTRIBUTES,
    content: Content::Children(DIMENSIONS),
    docs: DOCS,
    compile,
};

pub(crate) const ATTRIBUTES: &[AttributeDef] = &[AttributeDef {
    name: "namespace",
    default: Some("API Management"),
    doc: "Namespace of the metrics.",
    ..AttributeDef::DEFAULT
}];

const DOCS: &str = r#"Counts the tokens that language models use, by dimensions: `Total Tokens`, `Prompt Tokens` and `Completion Tokens` of each
response, and `Prompt Cached Tokens` and `Completion Reasoning Tokens` of those that say so. `azure-openai-emit-token-metric` is the
same policy.

```xml
<llm-emit-token-metric namespace="Teams">
    <dimension name="Subscription ID" />
    <dimension name="Team" value="@(context.Request.Headers.GetValueOrDefault("X-Team", "-"))" />
</llm-emit-token-metric>
```

Prometheus reads each of them from the admin listener as two counters, named as those of `emit-metric` are:
`tollgate_custom_total_tokens_total` is the sum of the tokens, and `tollgate_emitted_total_tokens_total` how many responses there were.
The namespace and the dimensions are labels: `Subscription ID` is `subscription_id`. A collector of OpenTelemetry gets the sums under
Azure's names, dimensions included. Both also get `gen_ai.client.token.usage` of OpenTelemetry's conventions for generative AI, a
histogram of the tokens of each response, by `gen_ai.token.type` (`input`, `output`), operation, provider and models, with the
dimensions of the first such policy of a request.

The numbers are those of the response's `usage`, also in a stream: chat completions and completions give it there only when asked, so
the gateway asks, and takes it out again unless the client has asked, too. Where a response says nothing, and when a stream breaks
off or its client leaves, the prompt and what has passed are counted by the model's tokenizer. Protocols and estimates are those of
`llm-token-limit`. Each response of a backend counts, of which `retry` can make several; errors use no tokens.

Values of dimensions are evaluated where the policy stands. Dimensions that need no value: `API ID`, `Operation ID`, `Product ID`,
`User ID`, `Subscription ID`, `Location`, `Gateway ID`, and `Backend ID`; these are what they are when the backend answers, so
`Backend ID` is the member of a pool that did.

The policy never fails a request: a dimension whose expression fails is empty, and the gateway's log says why.

Differences from Azure:

- Metrics go to Prometheus and to a collector of OpenTelemetry, not to Application Insights.
- Streams count what their `usage` says; Azure estimates them.
- The names of the metrics for cached and reasoning tokens are not documented by Azure.
- The bounds of `emit-metric` hold: a process keeps 200 metrics and 5,000 series, and counts values of dimensions beyond them as
  `other`; names and values are cut after 256 bytes.
- `dimension` elements past the fifth are a warning, and past the tenth an error: pages of Azure's documentation differ.
"#;

/// The metrics of one namespace.
struct Metrics {
    total: Arc<dyn CustomMetric>,
    prompt: Arc<dyn CustomMetric>,
    completion: Arc<dyn CustomMetric>,
    cached: Arc<dyn CustomMetric>,
    reasoning: Arc<dyn CustomMetric>,
}

impl Metrics {
    fn of(events: &dyn Events, namespace: &str) -> Self {
        let metric = |name| events.metric(namespace, name);
        Self {
            total: metric("Total Tokens"),
            prompt: metric("Prompt Tokens"),
            completion: metric("Completion Tokens"),
            cached: metric("Prompt Cached Tokens"),
            reasoning: metric("Completion Reasoning Tokens"),
        }
    }

    fn add(&self, usage: &Usage, dimensions: &[(Arc<str>, Arc<str>)]) {
        let add = |metric: &Arc<dyn CustomMetric>, tokens: u64| {
            // No response has so many tokens that this would be inexact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            metric.add(tokens as f64, dimensions);
        };
        add(&self.total, usage.total);
        add(&self.prompt, usage.prompt);
        add(&self.completion, usage.completion);
        for (metric, tokens) in [(&self.cached, usage.cached), (&self.reasoning, usage.reasoning)] {
            if tokens > 0 {
                add(metric, tokens);
            }
        }
    }
}

struct EmitTokenMetric {
    metrics: Arc<Metrics>,
    dimensions: Vec<Dimension>,
}

impl fmt::Debug for EmitTokenMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dimensions, .. } = self;
        f.debug_struct("EmitTokenMetric").field("dimensions", dimensions).finish_non_exhaustive()
    }
}

pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let namespace: Option<Arc<str>> = cx.literal(element, "namespace");
    let dimensions = dimensions(element, cx);
    let metrics = Arc::new(Metrics::of(&*cx.ports().events, &namespace?));
    Encoding::read_ahead();
    Some(Box::new(EmitTokenMetric { metrics, dimensions: dimensions? }))
}

/// Says that the calls of a request are counted by the conventions of OpenTelemetry already.
#[derive(Clone)]
struct CountedByConvention;

impl Step for EmitTokenMetric {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        // The request is read to see what it asks of which model, and to have it ask for the usage.
        if cx.lacks(needed_body(&cx.request)) {
            return Ok(Flow::Wait);
        }
        let dimensions = self.dimensions.iter().map(|it| evaluated(it, cx)).collect();
        let is_first = cx.extensions.insert(CountedByConvention).is_none();
        let metrics = Arc::clone(&self.metrics);
        ModelCall::of(cx).watch(Arc::new(Emitting { metrics, dimensions, is_first }));
        Ok(Flow::Continue)
    }

    /// When the future is dropped, the client has gone.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            cx.provide(needed_body(&cx.request)).await?;
            self.run(cx)
        })
    }

    fn facts(&self) -> Facts {
        self.dimensions.iter().map(Dimension::facts).fold(Facts::default(), Facts::or)
    }
}

/// A dimension as the request stands; empty, and in the log, when it fails.
fn evaluated(dimension: &Dimension, cx: &mut RequestCx) -> Evaluated {
    dimension.early(cx).unwrap_or_else(|(name, error)| {
        let info = &cx.route.info;
        cx.ports.events.write(&TraceLine {
            request_id: cx.client.request_id,
            api: info.api.as_ref().map(|api| api.id.as_str()),
            operation: info.operation.as_ref().map(|operation| operation.id.as_str()),
            source: POLICY.name,
            severity: Severity::Error,
            message: error.message(),
            metadata: &[],
        });
        Evaluated::Given(name, "".into())
    })
}

/// What counts the responses of one request.
struct Emitting {
    metrics: Arc<Metrics>,
    dimensions: Vec<Evaluated>,
    /// Whether it is the one that counts by the conventions of OpenTelemetry.
    is_first: bool,
}

impl Watcher for Emitting {
    fn begin(&self, cx: &RequestCx, response: &ModelResponse<'_>) -> Option<Box<dyn Watch>> {
        let dimensions = self.dimensions.iter().map(|it| it.late(cx)).collect();
        let events = self.is_first.then(|| Arc::clone(&cx.ports.events));
        Some(Box::new(Counting {
            metrics: Arc::clone(&self.metrics),
            dimensions,
            events,
            api: response.api,
            provider: response.api.provider(&cx.request.uri.path),
            model: response.model.into(),
        }))
    }
}

/// What counts one response.
struct Counting {
    metrics: Arc<Metrics>,
    dimensions: Vec<(Arc<str>, Arc<str>)>,
    /// Where it is counted by the conventions of OpenTelemetry, if it is.
    events: Option<Arc<dyn Events>>,
    api: Api,
    provider: &'static str,
    model: Arc<str>,
}

impl Watch for Counting {
    fn end(self: Box<Self>, end: &ResponseEnd<'_>) -> Option<BoxFuture<'static, ()>> {
        self.metrics.add(&end.usage, &self.dimensions);
        if let Some(events) = &self.events {
            events.token_usage(&TokenUsage {
                operation: self.api.operation(),
                provider: self.provider,
                request_model: &self.model,
                response_model: end.model,
                input: end.usage.prompt,
                output: end.usage.completion,
                dimensions: &self.dimensions,
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::CONTENT_TYPE;
    use http::{HeaderValue, Method, StatusCode};
    use tollgate_engine::{Body, Response};

    use crate::testing::Case;

    const TEAM: &str = r#"<dimension name="API ID" /><dimension name="Team" value="@(context.Request.Headers.GetValueOrDefault("x-team", "-"))" />"#;

    fn answer(kind: &'static str, body: &'static str) -> Response {
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.body = Body::Replaced(Bytes::from_static(body.as_bytes()));
        response
    }

    /// What is emitted for a chat, whatever else is traced left out.
    fn emitted(policies: &str, answer: Response) -> Vec<String> {
        let run = Case::backend("<forward-request />")
            .inbound_too(policies)
            .method(Method::POST)
            .url("/openai/deployments/gpt-4o/chat/completions")
            .body(r#"{"messages":[{"role":"user","content":"hello"}]}"#)
            .answer(Ok(answer))
            .run();
        assert_eq!(run.status(), 200, "the request does not fail");
        let is_told =
            |line: &&str| ["metric ", "tokens ", "log "].iter().any(|kind| line.starts_with(kind));
        run.trace().lines().filter(is_told).map(str::to_owned).collect()
    }

    fn policy(namespace: &str, dimensions: &str) -> String {
        format!("<llm-emit-token-metric {namespace}>{dimensions}</llm-emit-token-metric>")
    }

    const USED: &str = r#"{"model":"gpt-4o-2024","choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}}"#;

    #[test]
    fn what_the_response_says_is_counted() {
        let lines =
            emitted(&policy(r#"namespace="Teams""#, TEAM), answer("application/json", USED));
        assert_eq!(
            lines,
            [
                "metric Teams/Total Tokens 10 API ID= Team=-",
                "metric Teams/Prompt Tokens 8 API ID= Team=-",
                "metric Teams/Completion Tokens 2 API ID= Team=-",
                "metric Teams/Prompt Cached Tokens 4 API ID= Team=-",
                "metric Teams/Completion Reasoning Tokens 1 API ID= Team=-",
                "tokens chat azure.ai.openai gpt-4o/gpt-4o-2024 8+2 API ID= Team=-",
            ]
        );
    }

    #[test]
    fn the_model_is_known_of_answers_without_text() {
        let body = r#"{"object":"list","data":[{"embedding":[0.1]}],"model":"text-embedding-3","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let lines = emitted(&policy("", TEAM), answer("application/json", body));
        let told = "tokens chat azure.ai.openai gpt-4o/text-embedding-3 8+0 API ID= Team=-";
        assert_eq!(lines.last().unwrap(), told);
    }

    #[test]
    fn a_stream_without_usage_is_estimated() {
        let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi there\"}}]}\n\n";
        let lines = emitted(&policy("", TEAM), answer("text/event-stream", stream));
        assert_eq!(lines[0], "metric API Management/Total Tokens 10 API ID= Team=-");
        assert_eq!(lines[2], "metric API Management/Completion Tokens 2 API ID= Team=-");
    }

    #[test]
    fn several_policies_count_for_themselves_and_once_by_convention() {
        let two = policy(r#"namespace="a""#, TEAM) + &policy(r#"namespace="b""#, TEAM);
        let lines = emitted(&two, answer("application/json", USED));
        let of = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!((of("metric a/"), of("metric b/"), of("tokens ")), (5, 5, 1), "{lines:?}");
    }

    #[test]
    fn errors_use_no_tokens_and_failures_of_dimensions_fail_nothing() {
        let mut refused = answer("application/json", USED);
        refused.status = StatusCode::TOO_MANY_REQUESTS;
        let case = Case::backend("<forward-request />").inbound_too(&policy("", TEAM));
        let run = case.method(Method::POST).answer(Ok(refused)).run();
        assert!(!run.trace().contains("metric "), "{}", run.trace());
        let failing = r#"<dimension name="Team" value="@(context.Request.Headers["none"][0])" />"#;
        let lines = emitted(&policy("", failing), answer("application/json", USED));
        assert!(lines[0].starts_with("log Error llm-emit-token-metric: "), "{lines:?}");
        assert_eq!(lines[1], "metric API Management/Total Tokens 10 Team=");
    }

    #[test]
    fn what_it_takes() {
        let refused = |policy: &str, why: &str| Case::inbound(policy).refused(why);
        refused("<llm-emit-token-metric />", "needs a `dimension` element");
        refused(&policy("", r#"<dimension value="x" />"#), "needs the attribute `name`");
        refused(&policy("", r#"<dimension name="Team" />"#), "needs the attribute `value`");
        refused(&policy("", r#"<dimension name="Api ID" />"#), "did you mean `API ID`?");
        let named = r#"namespace="@("x")""#;
        refused(&policy(named, r#"<dimension name="API ID" />"#), "expression");
        let n = |n: usize| policy("", &r#"<dimension name="a" value="b" />"#.repeat(n));
        assert_eq!(Case::inbound(&n(5)).findings(), "");
        Case::inbound(&n(10)).warned("more than 5 dimensions");
        refused(&n(11), "takes at most 10");
        let outbound =
            "<llm-emit-token-metric><dimension name=\"API ID\" /></llm-emit-token-metric>";
        Case::outbound(outbound).refused("inbound");
    }
}
