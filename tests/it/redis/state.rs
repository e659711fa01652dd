//! Gateways that share where the state of AI services lives.

use serde_json::json;

use super::{RedisServer, connected};
use crate::harness::{Call, Directory, azure, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gateway_has_seen_another_one_finds() {
    let Some(server) = RedisServer::plain() else { return };
    let members = [azure().await, azure().await];
    let mut config = format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}\"\n\
         [apis.a]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [pools.openai]\nstate-affinity = true\nmembers = {{ one = {{}}, two = {{}} }}\n",
        server.port
    );
    for (name, member) in ["one", "two"].iter().zip(&members) {
        let backend = format!(
            "[backends.{name}]\nurl = \"{}\"\n\
             headers = {{ api-key = {{ value = \"{}\", development = true }} }}\n",
            member.openai.base(),
            member.openai.key()
        );
        config.push_str(&backend);
    }
    let start = || Directory::new(&config).start();
    let (first, second) = (start(), start());
    for gateway in [&first, &second] {
        connected(gateway, true).await;
    }
    for n in 0..4 {
        let body = json!({ "model": "gpt-4o", "input": "Hello", "stream": n % 2 == 1 });
        let answer = first.send(Call::json("/openai/v1/responses", &body)).await.expect(200);
        let text = answer.text();
        let id = &text[text.find("resp_").expect("an identifier")..];
        let stored = format!("/openai/v1/responses/{}", id.split('"').next().expect("its end"));
        // The other gateway is told by a task that nobody waits for.
        until("the other one knows", async || {
            (second.send(Call::get(&stored)).await.status == 200).then_some(())
        })
        .await;
        for _ in 0..3 {
            second.send(Call::get(&stored)).await.expect(200);
        }
    }
    // Without the server each goes on with what it knows.
    drop(server);
    let body = json!({ "model": "gpt-4o", "input": "Hello" });
    let answer = first.send(Call::json("/openai/v1/responses", &body)).await.expect(200);
    let stored = answer.json()["id"].as_str().expect("an identifier").to_owned();
    for _ in 0..4 {
        first.send(Call::get(&format!("/openai/v1/responses/{stored}"))).await.expect(200);
    }
}
