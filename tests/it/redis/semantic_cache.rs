//! Gateways that share answers of models in a real Redis server, which has no search of its own.

use super::{RedisServer, connected};
use crate::harness::{Call, Gateway, azure, until};
use crate::semantic_cache::{self, Setup, send};

fn config(server: &RedisServer) -> String {
    format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}\"\nresponse-timeout = \"2s\"\nconnect-timeout = \"2s\"\n",
        server.port
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_semantic_cache_hits_misses_and_keeps_to_the_threshold() {
    let Some(server) = RedisServer::plain() else { return };
    semantic_cache::hit_miss_and_threshold(&config(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_semantic_cache_gives_nobody_what_was_said_to_another() {
    let Some(server) = RedisServer::plain() else { return };
    semantic_cache::nobody_gets_what_was_said_to_another(&config(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_semantic_cache_forgets_in_time() {
    let Some(server) = RedisServer::plain() else { return };
    semantic_cache::answers_end(&config(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_semantic_cache_keeps_whole_streams() {
    let Some(server) = RedisServer::plain() else { return };
    semantic_cache::streams_are_kept_once_they_are_whole(&config(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_semantic_cache_answers_many_at_once() {
    let Some(server) = RedisServer::plain() else { return };
    semantic_cache::questions_beside_one_another(&config(&server)).await;
}

fn ask(text: &str) -> Call {
    let body = serde_json::json!({"messages": [{"role": "user", "content": text}]});
    Call::json("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", &body)
}

async fn is_hit(gateway: &Gateway, text: &str) -> bool {
    send(gateway, ask(text)).await.header("x-from") == "cache"
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_answers_and_bear_a_server_that_goes() {
    let Some(mut server) = RedisServer::plain() else { return };
    let azure = azure().await;
    let config = config(&server) + "[semantic-cache]\nentries = 20\n";
    let gateways = [(); 2].map(|()| Setup::with(&config).start(&azure));
    for gateway in &gateways {
        connected(gateway, true).await;
    }
    let [one, two] = &gateways;
    assert!(!is_hit(one, "what do the gateways share").await);
    until("the other gateway has it", async || {
        is_hit(two, "What do the gateways share?").await.then_some(())
    })
    .await;
    // More than may be kept: the oldest go, on the server as well.
    for n in 0..30 {
        assert!(!is_hit(one, &format!("w{n}a x{n}b y{n}c")).await);
    }
    until("the last is kept", async || is_hit(two, "w29a x29b y29c").await.then_some(())).await;
    assert!(!is_hit(two, "w0a x0b y0c").await);
    server.kill();
    connected(one, false).await;
    assert!(!is_hit(one, "w29a x29b y29c").await);
    server.start_again();
    connected(one, true).await;
    assert!(!is_hit(one, "w29a x29b y29c").await, "the server has forgotten it");
    until("it is kept again", async || is_hit(one, "w29a x29b y29c").await.then_some(())).await;
}
