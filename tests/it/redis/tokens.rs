//! Limits of tokens that two gateways share, under clients that stream for longer than a minute.
//!
//! `TOLLGATE_TOKENS_SECONDS` says how long; 70 when it says nothing, so that the minute moves on.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tollgate_emulator::{Pace, Running, StreamPlan};

use super::{RedisServer, connected};
use crate::harness::{Call, Connection, DEADLINE, Directory, Gateway, azure, until};

const LIMIT: u64 = 1_500;
/// So large that it only counts.
const QUOTA: u64 = 1_000_000_000;
const CLIENTS: usize = 40;
/// Words of an answer; each is a token for the tokenizer and for the emulated model.
const WORDS: u64 = 40;
/// The most that a request uses.
const MOST: u64 = WORDS + 20;
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// Two gateways on one server, with a limit in one of the modes, before one Azure.
struct World {
    _server: RedisServer,
    azure: Running,
    gateways: [Gateway; 2],
}

impl World {
    async fn new(more: &str) -> Option<Self> {
        let server = RedisServer::plain()?;
        let azure = azure().await;
        azure.openai.set_answer(Some("word ".repeat(usize::try_from(WORDS).ok()?)));
        let pace = Pace::Every(Duration::from_millis(25));
        azure.openai.plan_streams(StreamPlan { pace, ..StreamPlan::default() });
        let config = format!(
            "{more}\n[counters]\nwhen-unavailable = \"fail-closed\"\n[redis]\nurl = \"redis://127.0.0.1:{}\"\n\
             response-timeout = \"10s\"\n[backends.openai]\nurl = \"{}\"\n\
             headers = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
             [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
             [apis.left]\npath = \"left\"\nsubscription = \"optional\"\n",
            server.port,
            azure.openai.base(),
            azure.openai.key(),
        );
        let policy = |then: &str| {
            format!(
                "<policies><inbound><llm-token-limit counter-key=\"it\" tokens-per-minute=\"{LIMIT}\" token-quota=\"{QUOTA}\"
                 token-quota-period=\"Yearly\" remaining-quota-tokens-header-name=\"x-left\" />{then}</inbound>
                 <backend><base /></backend><outbound /><on-error /></policies>"
            )
        };
        let start = || {
            let directory = Directory::new(&config).api("openai", &policy(""));
            directory.api("left", &policy("<return-response />")).start()
        };
        let gateways = [start(), start()];
        for gateway in &gateways {
            connected(gateway, true).await;
        }
        Some(Self { _server: server, azure, gateways })
    }

    /// What the counter has counted in all.
    async fn counted(&self) -> u64 {
        let [gateway, _] = &self.gateways;
        let answer = gateway.send(Call::get("/left")).await;
        QUOTA - answer.header("x-left").parse::<u64>().expect("a number of tokens")
    }
}

/// What clients have seen.
#[derive(Default)]
struct Seen {
    /// When and how many tokens came.
    delivered: Vec<(Instant, u64)>,
    admitted: u64,
    refused: u64,
    left: u64,
}

impl Seen {
    fn and(mut self, other: Self) -> Self {
        self.delivered.extend(other.delivered);
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.left += other.left;
        self
    }

    fn all(&self) -> u64 {
        self.delivered.iter().map(|(_, tokens)| tokens).sum()
    }

    /// The most that came within a minute. A second less than one: what a client sees at the edge of a minute left the
    /// gateway a little before.
    fn within_a_minute(&self) -> u64 {
        const MINUTE: Duration = Duration::from_secs(59);
        let mut sorted = self.delivered.clone();
        sorted.sort_unstable();
        let (mut most, mut sum, mut first) = (0, 0, 0);
        for (at, tokens) in &sorted {
            sum += tokens;
            while at.duration_since(sorted[first].0) >= MINUTE {
                sum -= sorted[first].1;
                first += 1;
            }
            most = most.max(sum);
        }
        most
    }
}

/// Events of a chat that have come: text, and the usage.
fn events(text: &str) -> (u64, Option<Value>) {
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let (mut words, mut usage) = (0, None);
    for event in events.filter_map(|event| serde_json::from_str::<Value>(event).ok()) {
        let content = event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
        words += content.matches("word").count() as u64;
        usage = Some(event["usage"].clone()).filter(Value::is_object).or(usage);
    }
    (words, usage)
}

/// Whether clients leave streams half way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Endless,
    /// Every third stream is left.
    Short,
}

/// Streams one answer after the other until the time is up.
async fn client(n: u64, gateway: std::net::SocketAddr, until: Instant, patience: Patience) -> Seen {
    let mut seen = Seen::default();
    let mut connection = Connection::to(gateway).await;
    let body = json!({
        "messages": [{"role": "user", "content": "Count."}], "stream": true,
        "stream_options": {"include_usage": true}, "max_tokens": WORDS,
    });
    while Instant::now() < until {
        let answer = connection.open(Call::json(CHAT, &body)).await.expect("an answer");
        if answer.status() == 429 {
            seen.refused += 1;
            answer.into_body().collect().await.expect("a body");
            tokio::time::sleep(Duration::from_millis(300)).await;
            continue;
        }
        assert_eq!(answer.status(), 200);
        seen.admitted += 1;
        let leaves = patience == Patience::Short && (n + seen.admitted).is_multiple_of(3);
        let mut body = answer.into_body();
        let mut words = 0;
        while let Some(piece) = piece(&mut body).await {
            let (new, usage) = events(&String::from_utf8_lossy(&piece));
            words += new;
            seen.delivered.push((Instant::now(), new));
            if let Some(usage) = usage {
                // What is not among the words: the prompt.
                let rest = usage["total_tokens"].as_u64().expect("tokens") - words;
                seen.delivered.push((Instant::now(), rest));
            }
            if leaves && words > WORDS / 2 {
                break;
            }
        }
        if leaves {
            seen.left += 1;
            connection = Connection::to(gateway).await;
        }
    }
    seen
}

async fn piece(body: &mut hyper::body::Incoming) -> Option<Bytes> {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("a piece in time")?;
    Some(frame.expect("an unbroken body").into_data().expect("no trailers"))
}

async fn run(world: &World, patience: Patience) -> Seen {
    let seconds = std::env::var("TOLLGATE_TOKENS_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(70);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..CLIENTS {
        clients.spawn(client(n as u64, world.gateways[n % 2].http, until, patience));
    }
    clients.join_all().await.into_iter().fold(Seen::default(), Seen::and)
}

fn print(mode: &str, seen: &Seen, counted: u64) {
    println!(
        "{mode}: two gateways, one Redis, {CLIENTS} clients: {} admitted, {} refused, {} left; {} tokens delivered, {} of them \
         within a minute; counted {counted}, limit {LIMIT} a minute",
        seen.admitted,
        seen.refused,
        seen.left,
        seen.all(),
        seen.within_a_minute(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_limits_of_tokens_hold_for_all_gateways_together() {
    let Some(world) = World::new("[token-limits]\nmode = \"strict\"").await else { return };
    let seen = run(&world, Patience::Short).await;
    // The gateway may have passed on more than a client has read that left, never less.
    until("every stream is over", async || {
        (world.azure.openai.streams().counts().open() == 0).then_some(())
    })
    .await;
    let counted = world.counted().await;
    print("strict", &seen, counted);
    assert!(seen.within_a_minute() <= LIMIT && seen.refused > 0 && seen.left > 0);
    assert!(seen.all() <= counted && counted <= seen.all() + seen.left * MOST);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_limits_of_tokens_are_trued_up_for_all_gateways_together() {
    let Some(world) = World::new("").await else { return };
    let seen = run(&world, Patience::Endless).await;
    let all = seen.all();
    until("the counter is the sum of all usage", async || {
        (world.counted().await == all).then_some(())
    })
    .await;
    print("standard", &seen, world.counted().await);
    let true_up = CLIENTS as u64 * MOST;
    assert!(seen.within_a_minute() <= LIMIT + true_up && seen.refused > 0);
}
