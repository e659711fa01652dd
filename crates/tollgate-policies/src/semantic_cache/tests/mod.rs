mod kept;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tollgate_engine::ports::{CallError, SemanticLookup};
use tollgate_engine::{Body, Response, Scope};
use tollgate_expr::Subscription;

use crate::testing::{Case, FakeSemanticCache, Run, World};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// One request through both policies.
#[derive(Clone)]
struct Ask {
    lookup: String,
    vary_by: Vec<String>,
    store: String,
    outbound: String,
    before: String,
    url: String,
    body: Value,
    /// What the embeddings model says.
    embedding: Result<Response, CallError>,
    answer: Response,
    subscription: Option<&'static str>,
    backends: Vec<&'static str>,
}

fn response(status: u16, kind: &'static str, body: impl Into<bytes::Bytes>) -> Response {
    let mut response = Response::new(StatusCode::from_u16(status).unwrap());
    response.headers.insert("content-type", HeaderValue::from_static(kind));
    response.body = Body::Replaced(body.into());
    response
}

/// An answer of a model for embeddings, at so much of a distance from the first axis.
fn at(distance: f64) -> Response {
    let cosine = 1.0 - distance;
    embedded(&[cosine, (1.0 - cosine * cosine).sqrt()])
}

fn embedded(numbers: &[f64]) -> Response {
    let body = json!({"data": [{"index": 0, "embedding": numbers}]}).to_string();
    response(200, "application/json", body)
}

fn chat(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

/// A whole answer of chat completions.
fn said(text: &str, finish: &str) -> Response {
    let message = json!({"role": "assistant", "content": text});
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    });
    response(200, "application/json", body.to_string())
}

impl Ask {
    fn new(text: &str) -> Self {
        Self {
            lookup: r#"score-threshold="0.05""#.to_owned(),
            vary_by: Vec::new(),
            store: r#"duration="60""#.to_owned(),
            outbound: String::new(),
            before: String::new(),
            url: CHAT.to_owned(),
            body: chat(text),
            embedding: Ok(at(0.0)),
            answer: said("It is sunny.", "stop"),
            subscription: None,
            backends: vec!["emb"],
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn at(self, distance: f64) -> Self {
        self.with(|ask| ask.embedding = Ok(at(distance)))
    }

    fn lookup(self, attributes: &str) -> Self {
        self.with(|ask| attributes.clone_into(&mut ask.lookup))
    }

    fn body(self, body: Value) -> Self {
        self.with(|ask| ask.body = body)
    }

    fn answer(self, answer: Response) -> Self {
        self.with(|ask| ask.answer = answer)
    }

    fn policies(&self) -> String {
        let vary_by: Vec<_> =
            self.vary_by.iter().map(|value| format!("<vary-by>{value}</vary-by>")).collect();
        format!(
            r#"{}<llm-semantic-cache-lookup {} embeddings-backend-id="emb" embeddings-backend-auth="system-assigned">{}</llm-semantic-cache-lookup>"#,
            self.before,
            self.lookup,
            vary_by.concat()
        )
    }

    fn case(self, cache: &Arc<FakeSemanticCache>) -> Case {
        let mut world = World::new();
        world.info.subscription = self
            .subscription
            .map(|id| Arc::new(Subscription { id: id.to_owned(), ..Subscription::default() }));
        let (policies, outbound) = (self.policies(), self.outbound);
        Case::backend("<forward-request />")
            .inbound_too(&policies)
            .outbound_too(&format!("<llm-semantic-cache-store {} />{outbound}", self.store))
            .url(&self.url)
            .method(Method::POST)
            .body(&self.body.to_string())
            .backends(&self.backends)
            .within(&world)
            .semantic_cache(cache)
            .called(self.embedding)
            .answer(Ok(self.answer))
    }

    fn run(self, cache: &Arc<FakeSemanticCache>) -> Run {
        let mut run = self.case(cache).run();
        assert_eq!(run.reason(), "", "{}", run.message());
        run.sent(0, 0);
        run
    }

    /// Whether the model was asked.
    fn asks(self, cache: &Arc<FakeSemanticCache>) -> bool {
        !self.run(cache).forwarded().is_empty()
    }
}

fn cache() -> Arc<FakeSemanticCache> {
    Arc::new(FakeSemanticCache::default())
}

/// Whether the second request is answered by what was kept of the first.
#[track_caller]
fn shared(first: Ask, second: Ask) -> bool {
    let cache = cache();
    assert!(first.asks(&cache), "the first request finds something");
    !second.asks(&cache)
}

#[test]
fn the_second_question_is_answered_by_the_cache() {
    let cache = cache();
    let first = Ask::new("What is the weather?").run(&cache);
    assert_eq!((first.status(), first.forwarded().len()), (200, 1));
    let sent = first.calls();
    assert_eq!(
        sent[0].shown(),
        r#"POST backend:emb accept=application/json content-type=application/json {"input":"What is the weather?"}"#
    );
    assert_eq!(sent[0].call.timeout, Some(Duration::from_secs(5)));
    assert!(sent[0].call.token.is_some());
    let kept = cache.kept();
    assert_eq!((kept.len(), kept[0].1), (1, Duration::from_mins(1)));
    let second = Ask::new("how's the weather").at(0.03).run(&cache);
    assert_eq!((second.status(), second.forwarded().len(), second.calls().len()), (200, 0, 1));
    assert_eq!(second.body(), first.body());
    assert_eq!(second.header("content-type"), "application/json");
    assert!(second.trace().contains("its question is 0.03 away, and 0.05 are allowed"));
    assert_eq!(cache.kept().len(), 1, "a hit is kept again");
    assert_eq!(cache.lookups(), [SemanticLookup::Miss, SemanticLookup::Hit]);
}

#[test]
fn the_threshold_is_the_largest_distance() {
    for (threshold, distance, hit) in [
        ("0.05", 0.049_999, true),
        ("0.05", 0.05, true),
        ("0.05", 0.050_001, false),
        ("0.0", 0.0, true),
        ("0", 0.000_001, false),
        ("1.0", 1.0, true),
        ("1", 1.000_001, false),
        ("@(0.1 + 0.1)", 0.2, true),
        (r#"@("0.2")"#, 0.200_001, false),
        ("@(0.2m)", 0.2, true),
    ] {
        let ask = || Ask::new("a").lookup(&format!(r#"score-threshold="{threshold}""#));
        assert_eq!(shared(ask(), ask().at(distance)), hit, "{threshold} {distance}");
    }
    let cache = Arc::new(FakeSemanticCache::of_similarities());
    let ask = || Ask::new("a").lookup(r#"score-threshold="0.95""#);
    assert!(ask().asks(&cache));
    assert!(!ask().at(0.05).asks(&cache));
    assert!(ask().at(0.050_001).asks(&cache));
}

#[test]
fn values_of_vary_by_do_not_run_into_one_another() {
    let vary = |values: &[&str]| {
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        Ask::new("a").with(|ask| ask.vary_by = values)
    };
    assert!(shared(vary(&["a", "b"]), vary(&["a", "b"])));
    for other in
        [&["ab", ""][..], &["", "ab"], &["ab"], &["a"], &["b", "a"], &["a", "b", ""], &[], &["a,b"]]
    {
        let other: Vec<_> =
            other.iter().map(|it| if it.is_empty() { "@(\"\")" } else { it }).collect();
        assert!(!shared(vary(&["a", "b"]), vary(&other)), "{other:?}");
    }
}

/// Many users ask questions that are all much the same; nobody ever gets what was said to somebody else.
#[test]
fn nobody_gets_the_answer_to_another_subscriber() {
    const USERS: [&str; 12] = ["a", "b", "ab", "ba", "a b", "A", "aa", "1", "11", "1 1", "", "é"];
    let cache = cache();
    let mut state = 0x9e37_79b9_u64;
    let mut random = |most: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let (mut hits, mut asked) = (0, HashSet::new());
    for _ in 0..600 {
        let user = USERS[usize::try_from(random(12)).unwrap()];
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let distance = random(100) as f64 / 1_000.0;
        let owner = format!("the answer to <{user}>");
        let ask = Ask::new(&format!("question {}", random(3)))
            .at(distance)
            .answer(said(&owner, "stop"))
            .with(|ask| {
                ask.subscription = Some(user);
                ask.vary_by = vec!["@(context.Subscription.Id)".to_owned()];
            });
        let run = ask.run(&cache);
        assert!(run.body().contains(&owner), "{user}: {}", run.body());
        if run.forwarded().is_empty() {
            hits += 1;
            assert!(asked.contains(user), "{user} has asked for the first time");
        }
        asked.insert(user);
    }
    assert!(hits > 400, "{hits}");
}

#[test]
fn what_shapes_an_answer_tells_questions_apart() {
    let same = || Ask::new("a");
    assert!(shared(same(), same()));
    for more in [
        json!({"temperature": 0.5}),
        json!({"max_tokens": 5}),
        json!({"n": 2}),
        json!({"model": "gpt-4o-mini"}),
        json!({"response_format": {"type": "json_object"}}),
        json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
        json!({"unknown": 1}),
    ] {
        let mut body = chat("a");
        body.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        assert!(!shared(same(), same().body(body.clone())), "{more}");
        assert!(shared(same().body(body.clone()), same().body(body)), "{more}");
    }
    for more in [json!({"user": "u"}), json!({"metadata": {}}), json!({"service_tier": "flex"})] {
        let mut body = chat("a");
        body.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        assert!(shared(same(), same().body(body)), "{more}");
    }
    let at = |url: &str| same().with(|ask| url.clone_into(&mut ask.url));
    for url in [
        "/openai/deployments/gpt-4/chat/completions?api-version=2024-10-21",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01",
        "/other/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
    ] {
        assert!(!shared(same(), at(url)), "{url}");
    }
    let before = |policy: &str| same().with(|ask| policy.clone_into(&mut ask.before));
    for policy in [
        r#"<set-backend-service base-url="https://other.example" />"#,
        r#"<set-backend-service backend-id="emb" />"#,
        r#"<rewrite-uri template="/v1/chat/completions" />"#,
    ] {
        assert!(!shared(same(), before(policy)), "{policy}");
        assert!(shared(before(policy), before(policy)), "{policy}");
    }
    // Who says what.
    let turns = |roles: [&str; 2]| {
        let messages = roles.map(|role| json!({"role": role, "content": "a"}));
        same().body(json!({"messages": messages}))
    };
    assert!(!shared(turns(["user", "assistant"]), turns(["assistant", "user"])));
    assert!(!shared(turns(["system", "user"]), turns(["user", "user"])));
    // What stands beside the words.
    let named = |name: &str| {
        same().body(json!({"messages": [{"role": "user", "name": name, "content": "a"}]}))
    };
    assert!(!shared(named("x"), named("y")));
    assert!(!shared(named("x"), same()));
    let completions = |prompt: Value| {
        let answer = json!({"choices": [{"index": 0, "text": "yes", "finish_reason": "stop"}]});
        let answer = response(200, "application/json", answer.to_string());
        let ask = same().body(json!({"model": "m", "prompt": prompt})).answer(answer);
        ask.with(|ask| "/v1/completions".clone_into(&mut ask.url))
    };
    assert!(shared(completions(json!("a")), completions(json!("b"))));
    assert!(!shared(completions(json!("a\nb")), completions(json!(["a", "b"]))));
}

#[test]
fn system_messages_are_part_of_the_question_unless_they_are_ignored() {
    let with = |system: &str, attributes: &str| {
        Ask::new("").lookup(&format!(r#"score-threshold="0.05" {attributes}"#)).body(json!({"messages": [
            {"role": "system", "content": system}, {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "yes?"}]}, {"role": "user", "content": "why"},
        ]}))
    };
    let text = |ask: Ask| {
        let body = ask.run(&cache()).calls()[0].call.body.clone();
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["input"].as_str().unwrap().to_owned()
    };
    assert_eq!(text(with("be kind", "")), "be kind\nhi\nyes?\nwhy");
    assert_eq!(
        text(with("be kind", r#"ignore-system-messages="false""#)),
        "be kind\nhi\nyes?\nwhy"
    );
    assert_eq!(text(with("be kind", r#"ignore-system-messages="@(true)""#)), "hi\nyes?\nwhy");
    let ignored = r#"ignore-system-messages="true""#;
    assert!(shared(with("be kind", ignored), with("be rude", ignored)));
    let mut without = with("", ignored);
    without.body["messages"].as_array_mut().unwrap().remove(0);
    assert!(shared(with("be kind", ignored), without));
    assert!(!shared(with("a", ignored), with("a", "")));
    for (most, attributes, looked_up) in [
        (3, "", false),
        (4, "", true),
        (2, ignored, false),
        (3, ignored, true),
        (0, ignored, false),
    ] {
        let cache = cache();
        let run = with("a", &format!(r#"max-message-count="{most}" {attributes}"#)).run(&cache);
        assert_eq!(run.calls().len(), usize::from(looked_up), "{most} {attributes}");
        assert_eq!(cache.kept().len(), usize::from(looked_up), "{most} {attributes}");
    }
}

#[test]
fn requests_that_the_text_does_not_stand_for_are_not_looked_up() {
    let long = "a ".repeat(40_000);
    let part = json!([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:x"}}]);
    let google = |query: &str| format!("/v1beta/models/gemini:streamGenerateContent{query}");
    let contents = || json!({"contents": [{"role": "user", "parts": [{"text": "a"}]}]});
    for (url, body, why) in [
        (
            CHAT,
            json!({"messages": [{"role": "user", "content": part}]}),
            "content that is not text",
        ),
        (CHAT, json!({"messages": []}), "it has no text"),
        (CHAT, chat(" \n"), "it has no text"),
        (CHAT, chat(&long), "80000 bytes"),
        (
            CHAT,
            json!({"messages": [{"role": "user", "content": "a"}], "logprobs": true}),
            "probabilities",
        ),
        ("/v1/embeddings", json!({"input": ["a"]}), "asks no model for an answer in text"),
        ("/v1/x", json!({"x": 1}), "asks no model"),
        (
            "/v1/responses",
            json!({"input": "a", "previous_response_id": "r"}),
            "a conversation that the backend keeps",
        ),
        (
            "/v1/responses",
            json!({"input": "a", "conversation": {"id": "c"}}),
            "a conversation that the backend keeps",
        ),
        (&google(""), contents(), "no event stream"),
    ] {
        let cache = cache();
        let run = Ask::new("").body(body).with(|ask| url.clone_into(&mut ask.url)).run(&cache);
        assert!(run.trace().contains(why), "{why}: {}", run.trace());
        assert_eq!(
            (run.calls().len(), run.forwarded().len(), cache.kept().len()),
            (0, 1, 0),
            "{why}"
        );
        assert_eq!(cache.lookups(), [SemanticLookup::Bypass], "{why}");
    }
    let cache = cache();
    let get = Ask::new("a").case(&cache).method(Method::GET).run();
    assert_eq!((get.calls().len(), cache.lookups()), (0, vec![SemanticLookup::Bypass]));
    let asked = Ask::new("a")
        .body(json!({"messages": [{"role": "user", "content": "a"}], "logprobs": false}));
    assert!(shared(asked.clone(), asked));
}

#[test]
fn whatever_fails_is_a_miss() {
    let cases = [
        (Err(CallError::Timeout(Duration::from_secs(5))), "no answer within 5000 ms"),
        (Err(CallError::Connection("refused".to_owned())), "refused"),
        (Ok(response(429, "application/json", "{}")), "answered 429"),
        (Ok(response(200, "application/json", "{")), "answered with no embedding"),
        (Ok(response(200, "application/json", r#"{"data":[]}"#)), "answered with no embedding"),
        (Ok(embedded(&[])), "answered with no embedding"),
        (Ok(embedded(&[0.0, 0.0])), "answered with no embedding"),
        (Ok(embedded(&vec![1.0; 8_193])), "answered with no embedding"),
        (
            Ok(response(200, "text/html", r#"{"data":[{"embedding":["1"]}]}"#)),
            "answered with no embedding",
        ),
        (Ok(response(200, "application/json", "")), "answered with no embedding"),
    ];
    for (embedding, why) in cases {
        let cache = cache();
        let run = Ask::new("a").with(|ask| ask.embedding = embedding).run(&cache);
        assert_eq!((run.status(), run.forwarded().len()), (200, 1), "{why}");
        assert!(run.trace().contains(why), "{why}: {}", run.trace());
        assert_eq!(cache.lookups(), [SemanticLookup::EmbeddingsFailed], "{why}");
        assert!(cache.kept().is_empty(), "{why}");
    }
    let away = Arc::new(FakeSemanticCache::away());
    let run = Ask::new("a").run(&away);
    assert_eq!((run.status(), run.forwarded().len()), (200, 1));
    assert!(run.trace().contains("the server of the semantic cache is not available"));
    assert_eq!(away.lookups(), [SemanticLookup::CacheFailed]);
    // A backend that an expression makes up.
    let unknown = r#"score-threshold="0.05" embeddings-backend-id="@("em" + context.Request.Method)" embeddings-backend-auth="system-assigned""#;
    let case = Ask::new("a")
        .case(&cache())
        .inbound_too(&format!("<llm-semantic-cache-lookup {unknown} />"));
    let run = case.run();
    assert!(run.trace().contains("there is no backend `emPOST`"), "{}", run.trace());
    assert_eq!(run.status(), 200);
    // Too many requests of policies.
    let call = r#"<send-request mode="new" response-variable-name="r"><set-url>https://x.example</set-url><set-method>GET</set-method></send-request>"#;
    let cache = cache();
    let run = Ask::new("a").with(|ask| ask.before = call.repeat(3)).run(&cache);
    assert!(run.trace().contains("may make no more requests"), "{}", run.trace());
}

#[test]
fn an_answer_from_the_cache_costs_no_tokens() {
    let limit = r#"<llm-token-limit counter-key="k" tokens-per-minute="100" estimate-prompt-tokens="true"
        remaining-tokens-header-name="x-left" tokens-consumed-header-name="x-used" tokens-consumed-variable-name="used" />"#;
    let world = World::new();
    let cache = cache();
    let run = |wanted_left: &str| {
        let ask = Ask::new("a").with(|ask| limit.clone_into(&mut ask.before));
        let mut run = ask.case(&cache).within(&world).run();
        run.sent(0, 0);
        assert_eq!(run.header("x-left"), wanted_left);
        (run.header("x-used").to_owned(), run.variable("used"))
    };
    assert_eq!(run("92"), ("12".to_owned(), "12".to_owned()));
    assert_eq!(run("80"), ("0".to_owned(), "0".to_owned()));
    assert_eq!(run("80"), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn a_hit_passes_through_outbound() {
    let cache = cache();
    let ask = || {
        Ask::new("a").with(|ask| {
            ask.outbound = r#"<set-header name="x-out"><value>@(context.Response.StatusCode.ToString())</value></set-header>"#.to_owned();
        })
    };
    assert!(ask().asks(&cache));
    assert_eq!(ask().run(&cache).header("x-out"), "200");
}

#[test]
fn look_ups_of_two_scopes_do_not_get_in_each_others_way() {
    let cache = cache();
    let ask = Ask::new("a");
    let wider = ask.policies().replace("0.05", "0.1");
    let mut first = ask.clone().case(&cache).wider(Scope::Api, &wider).called(Ok(at(0.0))).run();
    first.sent(0, 0);
    assert_eq!(cache.kept().len(), 1);
}

#[test]
fn what_is_wrong_is_said_at_load() {
    let lookup = |attributes: &str| {
        Case::inbound(&format!(
            r#"<llm-semantic-cache-lookup embeddings-backend-auth="system-assigned" {attributes} />"#
        ))
        .backends(&["emb"])
    };
    let backend = r#"embeddings-backend-id="emb""#;
    for wrong in ["1.1", "-0.1", "NaN", "x", "", "inf"] {
        lookup(&format!(r#"{backend} score-threshold="{wrong}""#)).refused("score-threshold");
    }
    lookup(r#"embeddings-backend-id="emv" score-threshold="0.05""#)
        .refused("there is no backend `emv`");
    lookup(&format!(r#"{backend} score-threshold="0.05" max-message-count="-1""#))
        .refused("max-message-count");
    let auth = r#"<llm-semantic-cache-lookup embeddings-backend-auth="user" embeddings-backend-id="emb" score-threshold="0" />"#;
    Case::inbound(auth).backends(&["emb"]).refused("system-assigned");
    let good = format!(r#"{backend} score-threshold="0.05""#);
    assert_eq!(lookup(&good).findings(), "");
    lookup(&good).scope(Scope::Workspace).refused("workspace");
    let twice = Ask::new("a").policies().repeat(2);
    Case::inbound(&twice).backends(&["emb"]).refused("once");
    Case::outbound(r#"<llm-semantic-cache-store />"#).refused("`duration`");
    Case::inbound(r#"<llm-semantic-cache-store duration="1" />"#)
        .refused("not allowed in `inbound`");
    lookup(&format!(r#"{good} cache-id="x""#)).warned("there is one semantic cache");
}

#[test]
fn thresholds_that_serve_other_questions_are_a_warning() {
    let lookup = |threshold: &str| {
        Case::inbound(&format!(
            r#"<llm-semantic-cache-lookup embeddings-backend-auth="system-assigned" embeddings-backend-id="emb" score-threshold="{threshold}" />"#
        ))
        .backends(&["emb"])
    };
    assert_eq!(lookup("0.2").findings(), "");
    lookup("0.21")
        .warned("with a `score-threshold` of 0.21 a question gets the answer to another one");
    lookup("0.8").warned(
        "with a `score-threshold` of 0.8 nearly every question gets the answer to an earlier one",
    );
    let similar = Arc::new(FakeSemanticCache::of_similarities());
    assert_eq!(lookup("0.8").semantic_cache(&similar).findings(), "");
    lookup("0.79").semantic_cache(&similar).warned("a question gets the answer to another one");
    lookup("0.05").semantic_cache(&similar).warned("nearly every question gets the answer");
}

#[test]
fn each_of_the_two_needs_the_other() {
    let (lookup, store) =
        (Ask::new("a").policies(), r#"<llm-semantic-cache-store duration="1" />"#);
    let older = r#"<azure-openai-semantic-cache-store duration="1" />"#;
    let alone = Case::inbound(&lookup).backends(&["emb"]);
    assert_eq!(
        alone.unpaired(),
        "`llm-semantic-cache-lookup` does nothing without `llm-semantic-cache-store` in `outbound`\n"
    );
    let alone = Case::outbound(store);
    assert_eq!(
        alone.unpaired(),
        "`llm-semantic-cache-store` does nothing without `llm-semantic-cache-lookup` in `inbound`\n"
    );
    for store in [store, older] {
        let both = Case::inbound(&lookup).outbound_too(store).backends(&["emb"]);
        assert_eq!(both.unpaired(), "");
    }
    let wider = |inbound: &str| {
        Case::inbound(inbound).outbound_too(store).wider(Scope::Api, &lookup).backends(&["emb"])
    };
    assert_eq!(wider("<base />").unpaired(), "");
    assert!(wider("").unpaired().contains("llm-semantic-cache-store"));
}
