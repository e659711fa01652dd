//! Everything in `policies/` and `examples/` starts, and does what it says.

use std::time::Duration;

use serde_json::json;
use tollgate_emulator::{CONTOSO, Fault, Received, Running, Signature, TokenSpec, TokenVersion};

use crate::harness::{Answer, Call, Directory, Gateway, azure, repository, until};

const AUDIENCE: &str = "0a5e7d0c-9a43-4f0b-8a57-2f1c9a55e002";
const CLIENT: &str = "6d1c5a37-6f0e-4d68-9f5a-3b8f1c1de001";
const TEAM_KEY: &str = "a-key-of-team-a";

/// A directory with everything that the READMEs list; it takes from the environment what it wants.
fn start(folder: &str, azure: &Running) -> Gateway {
    start_with(folder, azure, &[])
}

/// Likewise, with variables of its own.
fn start_with(folder: &str, azure: &Running, more: &[(&'static str, String)]) -> Gateway {
    let path = repository().join(folder);
    let config = std::fs::read_to_string(path.join("tollgate.toml")).expect("tollgate.toml");
    let variables = [
        ("AZURE_OPENAI_ENDPOINT", azure.openai.server().url().to_owned()),
        ("AZURE_OPENAI_API_KEY", azure.openai.key()),
        ("TENANT_ID", CONTOSO.to_owned()),
        ("CLIENT_APP_ID", CLIENT.to_owned()),
        ("API_AUDIENCE", AUDIENCE.to_owned()),
        ("ENTRA_ENDPOINT", azure.entra.server().url().to_owned()),
        ("OPENID_CONFIGURATION_URL", azure.entra.metadata_url(CONTOSO, TokenVersion::V2)),
        ("ISSUER_URL", azure.entra.issuer(CONTOSO, TokenVersion::V2)),
        ("TEAM_A_KEY", TEAM_KEY.to_owned()),
        ("TEAM_A_OTHER_KEY", "another-key-of-team-a".to_owned()),
        ("TEAM_B_KEY", "a-key-of-team-b".to_owned()),
    ];
    let readme = std::fs::read_to_string(path.join("README.md"))
        .or_else(|_| std::fs::read_to_string(repository().join("README.md")))
        .expect("a README");
    let mut directory = Directory::copy_of(&path)
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds.server().url());
    for (name, value) in variables.into_iter().chain(more.iter().cloned()) {
        if config.contains(&format!("env = \"{name}\"")) {
            assert!(readme.contains(name), "the README of `{folder}` does not name `{name}`");
            directory = directory.env(name, value);
        }
    }
    let checked = directory.check();
    let found = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(found.trim(), "0 errors, 0 warnings", "{folder}");
    directory.start()
}

#[test]
fn no_example_is_without_a_test() {
    let entries = std::fs::read_dir(repository().join("examples")).expect("the examples");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("a folder").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "api-key",
            "backend-credentials",
            "benchmark",
            "benchmark-managed-identity",
            "benchmark-metered",
            "chargeback",
            "content-safety",
            "multi-team",
            "openid-provider",
            "per-operation",
            "responses-affinity",
            "semantic-cache",
            "spill-over"
        ]
    );
}

fn token(azure: &Running, spec: TokenSpec) -> String {
    azure.entra.mint(&spec.app(CLIENT)).expect("a token")
}

fn chat(deployment: &str) -> Call {
    let path = format!("/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21");
    Call::json(&path, &json!({"messages": [{"role": "user", "content": "Hello"}]}))
}

/// Whether the last call of the backend came with a key; otherwise it came with a token.
fn came_with_key(azure: &Running) -> bool {
    let calls = azure.openai.server().received();
    let last = calls.last().expect("a call");
    assert!(last.header("ocp-apim-subscription-key").is_none());
    last.header("api-key").is_some_and(|key| key == azure.openai.key())
}

fn model(answer: Answer) -> String {
    answer.expect(200).json()["model"].as_str().expect("a model").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn shipped_policies() {
    let azure = azure().await;
    let gateway = start("policies", &azure);
    let token = token(&azure, TokenSpec::v2(AUDIENCE));
    gateway.send(chat("gpt-4o")).await.expect(401);
    gateway.send(chat("gpt-4o").bearer(&token)).await.expect(200);
    assert!(!came_with_key(&azure));
    // The client's own key must not take the place of the gateway's token.
    gateway.send(chat("gpt-4o").bearer(&token).header("api-key", "x")).await.expect(200);
    let v1 = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]});
    let v1 = Call::json("/openai/v1/chat/completions", &v1).bearer(&token);
    gateway.send(v1).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_hide_what_is_inside() {
    let azure = azure().await;
    let gateway = start("policies", &azure);
    let token = token(&azure, TokenSpec::v2(AUDIENCE));
    azure.openai.server().go_offline();
    let answer = gateway.send(chat("gpt-4o").bearer(&token)).await.expect(502);
    let body = answer.json();
    assert_eq!(body["error"]["type"], "gateway_error");
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("The model could not be reached. Request id: "), "{message}");
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn api_key() {
    let azure = azure().await;
    let gateway = start("examples/api-key", &azure);
    gateway.send(chat("gpt-4o")).await.expect(401);
    for key in [TEAM_KEY, "another-key-of-team-a"] {
        gateway.send(chat("gpt-4o").header("api-key", key)).await.expect(200);
        assert!(came_with_key(&azure));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_credentials() {
    let azure = azure().await;
    let gateway = start("examples/backend-credentials", &azure);
    let call = chat("gpt-4o").header("api-key", TEAM_KEY);
    gateway.send(call.clone()).await.expect(200);
    assert!(came_with_key(&azure));
    gateway.send(call.header("x-use-identity", "true")).await.expect(200);
    assert!(!came_with_key(&azure));
}

#[tokio::test(flavor = "multi_thread")]
async fn content_safety() {
    let azure = azure().await;
    let safety = &azure.content_safety;
    let variables = [
        ("CONTENT_SAFETY_ENDPOINT", safety.server().url().to_owned()),
        ("CONTENT_SAFETY_KEY", safety.key()),
    ];
    let gateway = start_with("examples/content-safety", &azure, &variables);
    let ask = async |prompt: &str, stream: bool| {
        let body = json!({"messages": [{"role": "user", "content": prompt}], "stream": stream});
        let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
        gateway.send(Call::json(path, &body).header("api-key", TEAM_KEY)).await
    };
    ask("Hello", false).await.expect(200);
    // The prompt for its harm and for attacks, and the answer.
    assert_eq!(
        (safety.server().count("*:analyze"), safety.server().count("*:shieldPrompt")),
        (2, 1)
    );
    ask("hate-3", false).await.expect(200);
    for prompt in ["hate-4", "selfharm-5", "sexual-6", "violence-7", "a jailbreak"] {
        ask(prompt, false).await.expect(403);
    }
    assert!(ask("Hello", true).await.expect(200).text().ends_with("data: [DONE]\n\n"));
    azure.openai.set_answer(Some("Something violence-6".to_owned()));
    ask("Hello", false).await.expect(403);
    let ended = ask("Hello", true).await.expect(200).text();
    assert!(!ended.contains("Something") && !ended.contains("[DONE]"), "{ended}");
    safety.server().go_offline();
    ask("Hello", false).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn spill_over() {
    let members = [azure().await, azure().await, azure().await];
    let names = [
        ("PTU_ENDPOINT", "PTU_KEY"),
        ("PAYG_1_ENDPOINT", "PAYG_1_KEY"),
        ("PAYG_2_ENDPOINT", "PAYG_2_KEY"),
    ];
    let variables: Vec<_> = names
        .into_iter()
        .zip(&members)
        .flat_map(|((endpoint, key), member)| {
            [(endpoint, member.openai.server().url().to_owned()), (key, member.openai.key())]
        })
        .collect();
    let gateway = start_with("examples/spill-over", &members[0], &variables);
    let received = || members.each_ref().map(|member| member.openai.server().received().len());
    let send = async || gateway.send(chat("gpt-4o").header("api-key", TEAM_KEY)).await;
    send().await.expect(200);
    assert_eq!(received(), [1, 0, 0]);
    members[0].openai.throttle("gpt-4o", None, Duration::from_mins(1));
    for _ in 0..8 {
        send().await.expect(200);
    }
    assert_eq!(received(), [2, 6, 2]);
    members[1].openai.throttle("gpt-4o", None, Duration::from_mins(2));
    for _ in 0..4 {
        send().await.expect(200);
    }
    assert_eq!(received()[2], 6);
    members[2].openai.throttle("gpt-4o", None, Duration::from_secs(30));
    let answer = send().await.expect(503);
    let after: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((20..=30).contains(&after), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn benchmark() {
    let azure = azure().await;
    let (_, calls) = measured("examples/benchmark", &azure).await;
    assert_eq!(calls, ["Bearer backend-token"; 2]);
    assert_eq!(azure.imds.server().count("*"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn benchmark_managed_identity() {
    let azure = azure().await;
    let (_, calls) = measured("examples/benchmark-managed-identity", &azure).await;
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    // One token for both requests, and not the client's.
    assert!(first == second && first.starts_with("Bearer eyJ"), "{calls:?}");
    assert_eq!(azure.imds.server().count("*"), 1);
    assert!(azure.openai.server().received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn benchmark_metered() {
    let azure = azure().await;
    let (gateway, calls) = measured("examples/benchmark-metered", &azure).await;
    assert_eq!(calls, ["Bearer backend-token"; 2]);
    let metrics = gateway.admin("/metrics").await.expect(200).text();
    let counted = metrics.lines().filter(|line| line.contains(r#"namespace="bench""#)).count();
    assert!(counted > 0, "{metrics}");
}

/// A gateway over a benchmark's entry, and what its backend got as `Authorization` of two requests, after some that are refused.
async fn measured(folder: &str, azure: &Running) -> (Gateway, Vec<String>) {
    let key = azure.entra.signing_key();
    let (n, e) = key.components();
    let variables = [
        ("BENCH_JWK_KID", key.kid().to_owned()),
        ("BENCH_JWK_N", n),
        ("BENCH_JWK_E", e),
        ("BENCH_BACKEND", format!("{}/echo", azure.echo.server().url())),
    ];
    let gateway = start_with(folder, azure, &variables);
    let token = |audience: &str| {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.kid()});
        let issuer = "https://login.example.test/tenant/v2.0";
        let claims = json!({"iss": issuer, "aud": audience, "exp": 4_000_000_000_u32});
        let signature = Signature::Rs256;
        azure.entra.sign(&header.to_string(), &claims.to_string(), &signature).expect("a token")
    };
    gateway.send(chat("gpt-4o")).await.expect(401);
    gateway.send(chat("gpt-4o").bearer(&token("api://other"))).await.expect(401);
    let good = token("api://ai-gateway");
    for _ in 0..2 {
        gateway.send(chat("gpt-4o").bearer(&good)).await.expect(200);
    }
    let sent = |call: &Received| call.header("authorization").unwrap_or_default().to_owned();
    let calls: Vec<_> = azure.echo.server().received().iter().map(sent).collect();
    assert!(calls.iter().all(|sent| !sent.contains(&good)), "the client's token went on");
    (gateway, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn semantic_cache() {
    let azure = azure().await;
    let gateway = start("examples/semantic-cache", &azure);
    let ask = async |text: &str, key: &str| {
        let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
        let body = json!({"messages": [{"role": "user", "content": text}]});
        let answer = gateway.send(Call::json(path, &body).header("api-key", key)).await.expect(200);
        (answer.header("x-answered-by").to_owned(), answer.text())
    };
    let paris = "What is the weather in Paris?";
    assert_eq!(ask(paris, TEAM_KEY).await.0, "model");
    // Its client may see the end of an answer a moment before the cache does.
    until("the answer is kept", async || (ask(paris, TEAM_KEY).await.0 == "cache").then_some(()))
        .await;
    let (by, text) = ask("what is the weather in paris", TEAM_KEY).await;
    assert!(by == "cache" && text.contains(paris), "{by}: {text}");
    assert_eq!(ask("What is the weather in Rome?", TEAM_KEY).await.0, "model");
    assert_eq!(ask(paris, "a-key-of-team-b").await.0, "model");
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_provider() {
    let azure = azure().await;
    let gateway = start("examples/openid-provider", &azure);
    let spec = || TokenSpec::v2(AUDIENCE);
    let good = token(&azure, spec().claim("scope", "chat more"));
    gateway.send(chat("gpt-4o").bearer(&good)).await.expect(200);
    let calls = azure.openai.server().received();
    assert!(calls.last().expect("a call").header("x-client-subject").is_some());
    for spec in
        [spec(), spec().claim("scope", "chatter"), TokenSpec::v2("other").claim("scope", "chat")]
    {
        gateway.send(chat("gpt-4o").bearer(&token(&azure, spec))).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn per_operation() {
    let azure = azure().await;
    let gateway = start("examples/per-operation", &azure);
    let spec = || TokenSpec::v2(AUDIENCE);
    let nobody = token(&azure, spec());
    gateway.send(chat("gpt-4o").bearer(&nobody)).await.expect(403);
    let caller = token(&azure, spec().roles(["Chat.Invoke"]));
    let spender = token(&azure, spec().roles(["Chat.Invoke", "Chat.LargeModels"]));
    let small = model(gateway.send(chat("gpt-4o").bearer(&caller)).await);
    let large = model(gateway.send(chat("gpt-4o").bearer(&spender)).await);
    assert!(
        small.starts_with("gpt-4o-mini") && !large.starts_with("gpt-4o-mini"),
        "{small} {large}"
    );
    let embeddings = Call::json(
        "/openai/deployments/any/embeddings?api-version=2024-10-21",
        &json!({"input": "x"}),
    );
    let used = model(gateway.send(embeddings.bearer(&nobody)).await);
    assert_eq!(used, "text-embedding-3-small");
    let other = Call::json(
        "/openai/deployments/gpt-4o/completions?api-version=2024-10-21",
        &json!({"prompt": "x"}),
    );
    let unknown = gateway.send(other.bearer(&spender)).await.expect(404);
    assert_eq!(unknown.text(), "{ \"statusCode\": 404, \"message\": \"Resource not found\" }");
}

#[tokio::test(flavor = "multi_thread")]
async fn chargeback() {
    let azure = azure().await;
    let keys = ["SEARCH_KEY", "SUPPORT_KEY", "SEARCH_BATCH_KEY"];
    let variables = keys.map(|name| (name, format!("the {name} of a team")));
    let gateway = start_with("examples/chargeback", &azure, &variables);
    let send = async |call: Call, key: usize| {
        gateway.send(call.header("api-key", &variables[key].1)).await.expect(200);
    };
    send(chat("gpt-4o"), 0).await;
    send(chat("gpt-4o"), 1).await;
    send(chat("gpt-4o"), 1).await;
    let streamed = json!({"messages": [{"role": "user", "content": "Hello"}], "stream": true});
    let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    send(Call::json(path, &streamed), 2).await;
    let readme = std::fs::read_to_string(repository().join("examples/chargeback/README.md"));
    let readme = readme.expect("a README");
    // What the README shows is what there is to read.
    let shown = readme.lines().filter(|line| line.starts_with("tollgate_custom_"));
    let mut wanted: Vec<String> = shown.map(str::to_owned).collect();
    assert_eq!(wanted.len(), 3);
    for (subscription, product, team, tokens) in [
        ("support-assistant", "assistants", "Support", "32.0"),
        ("search-batch", "batch", "Search", "16.0"),
    ] {
        wanted.push(format!(
            "tollgate_custom_total_tokens_total{{namespace=\"chargeback\",model=\"gpt-4o\",product_id=\"{product}\",subscription_id=\"{subscription}\",team=\"{team}\"}} {tokens}"
        ));
    }
    for line in wanted {
        until(&line, async || {
            let metrics = gateway.admin("/metrics").await.expect(200).text();
            metrics.lines().any(|found| found == line).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_affinity() {
    let members = [azure().await, azure().await];
    let names = [("EAST_ENDPOINT", "EAST_KEY"), ("WEST_ENDPOINT", "WEST_KEY")];
    let variables: Vec<_> = names
        .into_iter()
        .zip(&members)
        .flat_map(|((endpoint, key), member)| {
            [(endpoint, member.openai.server().url().to_owned()), (key, member.openai.key())]
        })
        .collect();
    let gateway = start_with("examples/responses-affinity", &members[0], &variables);
    let ask = async |previous: Option<&str>, stream: bool| {
        let mut body = json!({"model": "gpt-4o", "input": "Hello", "stream": stream});
        if let Some(previous) = previous {
            body["previous_response_id"] = previous.into();
        }
        let call = Call::json("/openai/v1/responses", &body).header("api-key", TEAM_KEY);
        gateway.send(call).await
    };
    let mut begun = Vec::new();
    for stream in [false, true] {
        for _ in 0..2 {
            let answer = ask(None, stream).await.expect(200);
            let (text, home) = (answer.text(), answer.header("x-resource").to_owned());
            let id = &text[text.find("resp_").expect("an identifier")..];
            begun.push((home, id.split('"').next().expect("an identifier").to_owned()));
        }
    }
    begun.sort();
    let homes: Vec<&str> = begun.iter().map(|(home, _)| home.as_str()).collect();
    assert_eq!(homes, ["east", "east", "west", "west"]);
    for (home, id) in &begun {
        for stream in [false, true] {
            assert_eq!(ask(Some(id), stream).await.expect(200).header("x-resource"), home);
        }
    }
    // At its limit a resource begins nothing new, and what it has waits for it.
    let (east, west) = (&begun[0].1, &begun[2].1);
    let limit = Fault::Throttle(Duration::from_mins(1));
    members[0].openai.server().fail("/openai/v1/responses*", limit);
    let answer = ask(Some(east), false).await.expect(503);
    let after: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((50..=60).contains(&after), "{after}");
    for previous in [None, Some(west.as_str())] {
        assert_eq!(ask(previous, false).await.expect(200).header("x-resource"), "west");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn multi_team() {
    let azure = azure().await;
    let keys = [("SHOP_KEY", "shop"), ("SEARCH_KEY", "search"), ("LAB_KEY", "lab")];
    let variables: Vec<_> = keys.map(|(name, key)| (name, key.to_owned())).into();
    let gateway = start_with("examples/multi-team", &azure, &variables);
    let send = async |key: &str| gateway.send(chat("gpt-4o").header("api-key", key)).await;
    send("nobody").await.expect(401);
    let number = |answer: &Answer, name: &str| -> u64 {
        answer.header(name).parse().unwrap_or_else(|_| panic!("no number in {name}"))
    };
    let first = send("shop").await.expect(200);
    let used = number(&first, "x-consumed-tokens");
    assert_eq!(used, first.json()["usage"]["total_tokens"].as_u64().expect("usage"));
    let calls = azure.openai.server().received();
    assert_eq!(calls.last().expect("a call").header("x-team"), Some("shop"));
    // What is left is said before the answer is known, so the second one tells of the first.
    let second = send("shop").await.expect(200);
    assert!(number(&second, "x-remaining-tokens") <= 20_000 - used);
    assert!(number(&send("search").await.expect(200), "x-remaining-tokens") > 20_000 - used);

    let quota = number(&send("lab").await.expect(200), "x-remaining-quota");
    let limited = 'limit: {
        for _ in 0..100 {
            let answer = send("lab").await;
            if answer.status == 429 {
                break 'limit answer;
            }
            assert!(number(&answer.expect(200), "x-remaining-quota") < quota);
        }
        panic!("the limit is never reached");
    };
    assert!((1..=60).contains(&number(&limited, "retry-after")));
    assert!(limited.text().contains("Token limit is exceeded."), "{}", limited.text());
    for key in ["shop", "search"] {
        send(key).await.expect(200);
    }
}
