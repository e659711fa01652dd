//! The semantic cache of models' answers: in memory here, and by the same tests on a Redis server in `redis`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tollgate_emulator::{Fault, Pace, Running, StreamPlan};

use crate::harness::{Answer, Call, Directory, Gateway, azure, until};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const EMBEDDINGS: &str = "/openai/deployments/text-embedding-3-small/embeddings";

/// What a gateway is set up with.
pub(crate) struct Setup<'a> {
    /// More of the configuration: the store.
    pub(crate) config: &'a str,
    pub(crate) threshold: &'a str,
    pub(crate) vary_by: &'a str,
    pub(crate) duration: u32,
}

impl<'a> Setup<'a> {
    pub(crate) fn with(config: &'a str) -> Self {
        let vary_by = "@(context.Subscription?.Id ?? \"\")";
        Self { config, threshold: "0.05", vary_by, duration: 600 }
    }

    pub(crate) fn start(&self, azure: &Running) -> Gateway {
        let (url, key) = (azure.openai.server().url(), azure.openai.key());
        let key = format!("headers = {{ api-key = {{ value = \"{key}\", development = true }} }}");
        let users: Vec<String> = (0..USERS)
            .map(|user| {
                let key = format!("{{ value = \"{}\", development = true }}", key_of(user));
                format!("[subscriptions.user-{user}]\nkeys = [{key}]\nall-apis = true\n")
            })
            .collect();
        let config = format!(
            "{}\n[backends.openai]\nurl = \"{url}/openai\"\n{key}\n[backends.emb]\nurl = \"{url}{EMBEDDINGS}\"\n{key}\n\
             [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\nsubscription-headers = [\"api-key\"]\n{}",
            self.config,
            users.concat()
        );
        let Self { threshold, vary_by, duration, .. } = self;
        let policy = format!(
            "<policies><inbound><llm-semantic-cache-lookup score-threshold=\"{threshold}\" embeddings-backend-id=\"emb\" \
             embeddings-backend-auth=\"system-assigned\"><vary-by>{vary_by}</vary-by></llm-semantic-cache-lookup>\
             <set-variable name=\"asked\" value=\"model\" /></inbound><backend><forward-request /></backend>\
             <outbound><llm-semantic-cache-store duration=\"{duration}\" />\
             <set-header name=\"x-from\"><value>@((string)context.Variables.GetValueOrDefault(\"asked\", \"cache\"))</value></set-header></outbound></policies>"
        );
        Directory::new(&config).api("openai", &policy).start()
    }
}

/// Users that there are.
const USERS: usize = 12;

fn key_of(user: usize) -> String {
    format!("a-key-of-user-{user:02}")
}

fn body(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

fn ask(text: &str) -> Call {
    Call::json(CHAT, &body(text))
}

pub(crate) async fn send(gateway: &Gateway, call: Call) -> Answer {
    gateway.send(call).await.expect(200)
}

/// Who has answered.
fn from(answer: &Answer) -> &str {
    answer.header("x-from")
}

/// What the model was asked when it said this: it repeats the question.
fn question(answer: &Answer) -> String {
    let said = answer.json()["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    said.split_once("says: ").expect("the question").1.to_owned()
}

/// Asks until the answer comes from the cache: it is there when the one before has been sent.
async fn until_kept(gateway: &Gateway, call: &Call) -> Answer {
    until("the answer is kept", async || {
        let answer = send(gateway, call.clone()).await;
        (from(&answer) == "cache").then_some(answer)
    })
    .await
}

/// The next question is at so much of a distance from the first axis.
fn next_is_at(azure: &Running, distance: f64) {
    let cosine = 1.0 - distance;
    let embedding = [cosine, (1.0 - cosine * cosine).sqrt()];
    let body = json!({"data": [{"index": 0, "embedding": embedding}]}).to_string();
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let fault = Fault::Answer { status: 200, headers, body: Bytes::from(body) };
    azure.openai.server().fail_next(EMBEDDINGS, 1, fault);
}

pub(crate) async fn hit_miss_and_threshold(config: &str) {
    let azure = azure().await;
    let gateway = Setup::with(config).start(&azure);
    let first = ask("What is the weather in Paris?");
    assert_eq!(from(&send(&gateway, first.clone()).await), "model");
    until_kept(&gateway, &first).await;
    let hit = send(&gateway, ask("what is the weather in PARIS")).await;
    assert_eq!((from(&hit), question(&hit).as_str()), ("cache", "What is the weather in Paris?"));
    assert_eq!(from(&send(&gateway, ask("Translate this sentence, please.")).await), "model");
    // Just below the threshold, at it, and just above it.
    let alone = ask("alone").header("api-key", &key_of(0));
    next_is_at(&azure, 0.0);
    assert_eq!(from(&send(&gateway, alone.clone()).await), "model");
    until("the answer is kept", async || {
        next_is_at(&azure, 0.0);
        (from(&send(&gateway, alone.clone()).await) == "cache").then_some(())
    })
    .await;
    for (distance, expected) in [(0.049_998, "cache"), (0.05, "cache"), (0.050_002, "model")] {
        next_is_at(&azure, distance);
        let answer = send(&gateway, alone.clone()).await;
        assert_eq!(from(&answer), expected, "at {distance}");
    }
    let metrics = gateway.admin("/metrics").await.text();
    let count = |result: &str| {
        let name = format!("tollgate_semantic_cache_lookups_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse::<u32>().expect("a number"))
    };
    assert!(count("hit") >= 4 && count("miss") >= 4, "{metrics}");
    assert_eq!((count("embeddings_failed"), count("cache_failed")), (0, 0));
}

pub(crate) async fn faults_are_misses(config: &str) {
    let azure = azure().await;
    let config = format!("{config}\n[semantic-cache]\ntimeout = \"300ms\"");
    let gateway = Setup::with(&config).start(&azure);
    send(&gateway, ask("hello")).await;
    until_kept(&gateway, &ask("hello")).await;
    for fault in [Fault::Status(500), Fault::Status(429), Fault::Close, Fault::Hang] {
        azure.openai.server().fail_next(EMBEDDINGS, 2, fault.clone());
        for _ in 0..2 {
            assert_eq!(from(&send(&gateway, ask("hello")).await), "model", "{fault:?}");
        }
        azure.openai.server().clear_faults();
        assert_eq!(from(&send(&gateway, ask("hello")).await), "cache", "after {fault:?}");
    }
}

/// Many users ask questions that differ in one word: a threshold that is far too large would serve any of them. `vary-by` keeps
/// them apart; without it they are not kept apart, so the test can fail. One user's answer is there before the others ask, or
/// each might have an answer of its own by the time it looks, which is always nearest.
pub(crate) async fn nobody_gets_what_was_said_to_another(config: &str) {
    const ROUNDS: usize = 25;
    let azure = azure().await;
    for vary_by in ["@(context.Subscription.Id)", "everybody"] {
        let setup = Setup { threshold: "0.19", vary_by, ..Setup::with(config) };
        let gateway = setup.start(&azure);
        let about = |topic: &str, user: usize| {
            let text = format!(
                "please tell me in a few words what the current {topic} says about the plans of tenant{user} for next year"
            );
            ask(&text).header("api-key", &key_of(user))
        };
        until_kept(&gateway, &about("budget", 0)).await;
        let mut users = tokio::task::JoinSet::new();
        for user in 0..USERS {
            let mut connection = gateway.connect().await;
            users.spawn(async move {
                let (mut hits, mut others) = (0, 0);
                let mut state = user as u64 + 1;
                for _ in 0..ROUNDS {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let topic = ["budget", "roadmap", "forecast"][(state >> 33) as usize % 3];
                    let answer = connection.send(about(topic, user)).await;
                    let answer = answer.expect("an answer").expect(200);
                    let own = question(&answer).contains(&format!("tenant{user} "));
                    hits += usize::from(from(&answer) == "cache");
                    others += usize::from(!own);
                }
                (hits, others)
            });
        }
        let all = users.join_all().await;
        let hits: usize = all.iter().map(|(hits, _)| hits).sum();
        let others: usize = all.iter().map(|(_, others)| others).sum();
        println!(
            "{USERS} users, {} questions, vary-by {vary_by}: {hits} hits, {others} answers to others",
            USERS * ROUNDS
        );
        assert!(hits > ROUNDS * USERS / 2, "{hits}");
        assert_eq!(others > 0, vary_by == "everybody", "{others} answers to other users");
    }
}

pub(crate) async fn answers_end(config: &str) {
    let azure = azure().await;
    let gateway = Setup { duration: 2, ..Setup::with(config) }.start(&azure);
    send(&gateway, ask("hello")).await;
    until_kept(&gateway, &ask("hello")).await;
    let models = || azure.openai.server().count("*/chat/completions");
    let before = models();
    until("the answer has ended", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (from(&send(&gateway, ask("hello")).await) == "model").then_some(())
    })
    .await;
    assert_eq!(models() - before, 1);
}

pub(crate) async fn streams_are_kept_once_they_are_whole(config: &str) {
    let azure = azure().await;
    let gateway = Setup::with(config).start(&azure);
    let streamed = |text: &str| {
        let mut body = body(text);
        body["stream"] = true.into();
        Call::json(CHAT, &body)
    };
    // A client that leaves in the middle.
    azure.openai.plan_next_stream(StreamPlan {
        pace: Pace::Every(Duration::from_millis(100)),
        ..StreamPlan::default()
    });
    let mut open = gateway.open(streamed("a question that is left alone")).await;
    assert!(open.body_mut().frame().await.is_some());
    drop(open);
    let whole = send(&gateway, streamed("hello world")).await;
    let kind = whole.header("content-type");
    assert_eq!((from(&whole), kind), ("model", "text/event-stream; charset=utf-8"));
    until_kept(&gateway, &streamed("hello world")).await;
    let replayed = send(&gateway, streamed("Hello, world")).await;
    assert_eq!(from(&replayed), "cache");
    assert_eq!(replayed.header("content-type"), "text/event-stream");
    let text = replayed.text();
    assert!(text.contains("says: hello world") && text.ends_with("data: [DONE]\n\n"), "{text}");
    let json = send(&gateway, ask("Hello, world!")).await;
    assert_eq!((from(&json), question(&json).as_str()), ("cache", "hello world"));
    assert_eq!(from(&send(&gateway, ask("a question that is left alone")).await), "model");
}

pub(crate) async fn questions_beside_one_another(config: &str) {
    let azure = azure().await;
    let gateway = Setup::with(config).start(&azure);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8 {
        let mut connection = gateway.connect().await;
        clients.spawn(async move {
            let mut hits = 0;
            for n in 0..24 {
                let text = format!("question number{} of the concurrent clients", (n + client) % 6);
                let answer = connection.send(ask(&text)).await.expect("an answer").expect(200);
                assert_eq!(question(&answer), text);
                hits += usize::from(from(&answer) == "cache");
            }
            hits
        });
    }
    let hits: usize = clients.join_all().await.into_iter().sum();
    // The first of each kind find nothing, however many ask at once.
    assert!(hits >= 8 * 24 - 6 * 8, "{hits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_hits_misses_and_keeps_to_the_threshold() {
    hit_miss_and_threshold("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_faults_are_misses() {
    faults_are_misses("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_gives_nobody_what_was_said_to_another() {
    nobody_gets_what_was_said_to_another("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_forgets_in_time() {
    answers_end("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_keeps_whole_streams() {
    streams_are_kept_once_they_are_whole("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_answers_many_at_once() {
    questions_beside_one_another("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_stays_within_its_memory_under_a_flood() {
    const SIZE: u64 = 1 << 20;
    let azure = azure().await;
    let gateway = Setup::with("[semantic-cache]\nsize = \"1 MiB\"").start(&azure);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..4 {
        let mut connection = gateway.connect().await;
        clients.spawn(async move {
            for n in 0..100 {
                let text = format!("x{client}a{n} y{n}b{client} z{}", n * 7 + client);
                connection.send(ask(&text)).await.expect("an answer").expect(200);
            }
        });
    }
    clients.join_all().await;
    let metrics = gateway.admin("/metrics").await.text();
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("the metric");
        line.trim().parse().expect("a number")
    };
    let (bytes, entries) =
        (value("tollgate_semantic_cache_bytes "), value("tollgate_semantic_cache_entries "));
    println!(
        "400 distinct questions: {entries} kept, {bytes} bytes of {SIZE}; peak {}",
        gateway.peak_memory()
    );
    assert!(bytes <= SIZE && bytes > SIZE / 2, "{bytes}");
    assert!((50..400).contains(&entries), "{entries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache_thresholds_may_be_similarities() {
    let azure = azure().await;
    let config = "[semantic-cache]\nscores = \"similarity\"";
    let setup = Setup { threshold: "0.95", ..Setup::with(config) };
    let gateway = setup.start(&azure);
    next_is_at(&azure, 0.0);
    send(&gateway, ask("a")).await;
    until("the answer is kept", async || {
        next_is_at(&azure, 0.05);
        (from(&send(&gateway, ask("a")).await) == "cache").then_some(())
    })
    .await;
    next_is_at(&azure, 0.050_002);
    assert_eq!(from(&send(&gateway, ask("a")).await), "model");
}
