//! Pools of backends: provisioned throughput that spills over, weights, sessions, and a pool that has nobody left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_emulator::{Fault, Running};

use crate::harness::{Answer, Call, Connection, Directory, Gateway, azure, find, until};

/// As Microsoft's samples fail over, and says who answered.
const POLICY: &str = r#"<policies>
    <inbound><base /><set-header name="x-before" exists-action="override"><value>@(context.Backend.Id + " " + context.Backend.Type)</value></set-header></inbound>
    <backend>
        <retry count="2" interval="0" first-fast-retry="true"
            condition="@(context.Response.StatusCode == 429 || (context.Response.StatusCode == 503 && !context.Response.StatusReason.Contains("Backend pool")))">
            <set-backend-service backend-id="openai" />
            <forward-request buffer-request-body="true" />
        </retry>
    </backend>
    <outbound>
        <base />
        <set-header name="x-backend" exists-action="override"><value>@(context.Backend.Id)</value></set-header>
        <set-header name="x-type" exists-action="override"><value>@(context.Backend.Type.ToString())</value></set-header>
    </outbound>
    <on-error>
        <set-header name="x-reason" exists-action="override"><value>@(context.LastError.Source + " " + context.LastError.Reason)</value></set-header>
    </on-error>
</policies>"#;

struct Pool {
    /// Provisioned, and two to pay as you go.
    members: [Running; 3],
    gateway: Gateway,
}

const NAMES: [&str; 3] = ["ptu", "payg-1", "payg-2"];

impl Pool {
    async fn start(more: &str) -> Self {
        let members = [azure().await, azure().await, azure().await];
        let mut config = String::from(
            "[apis.a]\npath = \"a\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
             [pools.openai.members]\nptu = {}\npayg-1 = { priority = 2, weight = 3 }\n\
             payg-2 = { priority = 2 }\n",
        );
        config += more;
        for (name, member) in NAMES.iter().zip(&members) {
            let backend = format!(
                "[backends.{name}]\nurl = \"{}\"\n[backends.{name}.circuit-breaker.throttled]\n\
                 count = 1\nstatus-codes = [\"429\"]\naccept-retry-after = true\n",
                member.echo.server().url()
            );
            config.push_str(&backend);
        }
        let gateway = Directory::new(&config).api("a", POLICY).start();
        Self { members, gateway }
    }

    fn throttle(&self, member: usize, after: Duration) {
        self.members[member].echo.server().fail_next("/echo", 1, Fault::Throttle(after));
    }

    async fn send(&self) -> Answer {
        self.gateway.send(Call::post("/a/echo", "question")).await
    }

    async fn available(&self) -> Vec<bool> {
        let status = self.gateway.admin("/status").await.expect(200).json();
        let members = status["backend_pools"][0]["members"].as_array().cloned();
        let members = members.expect("members").into_iter();
        members.map(|member| member["available"] == true).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_provisioned_throughput_cannot_take_spills_over_by_weight() {
    let pool = Pool::start("").await;
    let answer = pool.send().await.expect(200);
    assert_eq!((answer.header("x-backend"), answer.header("x-type")), ("ptu", "Single"));
    let before = pool.members[0].echo.server().received();
    let before = before[0].headers.iter().find(|(name, _)| name == "x-before");
    let before = before.map(|(_, value)| value.as_str());
    assert_eq!(before, Some("openai Pool"));

    pool.throttle(0, Duration::from_secs(4));
    let throttled = Instant::now();
    let mut connection = Connection::to(pool.gateway.http).await;
    let mut by_member: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..400 {
        let answer = connection.send(Call::post("/a/echo", "question")).await.expect("an answer");
        let answer = answer.expect(200);
        *by_member.entry(answer.header("x-backend").to_owned()).or_default() += 1;
    }
    assert!(throttled.elapsed() < Duration::from_secs(4), "too slow to see the spill-over");
    let expected = [("payg-1", 300), ("payg-2", 100)].map(|(id, n)| (id.to_owned(), n));
    assert_eq!(by_member, BTreeMap::from(expected));
    assert_eq!(pool.available().await, [false, true, true]);
    let metrics = pool.gateway.admin("/metrics").await.text();
    for line in [
        "tollgate_backend_pool_members_available{pool=\"openai\"} 2",
        "tollgate_backend_pool_requests_total{pool=\"openai\",backend=\"payg-1\"} 300",
        "tollgate_backend_breaker_open{backend=\"ptu\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }

    until("it recovers", async || pool.available().await[0].then_some(())).await;
    assert_eq!(pool.send().await.expect(200).header("x-backend"), "ptu");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_members_left_says_when_to_come_back() {
    let pool = Pool::start("").await;
    for (member, seconds) in [(0, 60), (1, 20), (2, 40)] {
        pool.throttle(member, Duration::from_secs(seconds));
    }
    // Each attempt finds another member, and the last one's answer is the client's.
    pool.send().await.expect(429);
    let answer = pool.send().await.expect(503);
    assert_eq!(answer.phrase, "Backend pool 'openai' is temporarily unavailable.");
    assert_eq!(answer.header("x-reason"), "forward-request BackendConnectionFailure");
    let after: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((10..=20).contains(&after), "{after}");
    let received: usize =
        pool.members.iter().map(|member| member.echo.server().received().len()).sum();
    assert_eq!(received, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_keeps_a_client_with_its_member() {
    let pool = Pool::start("[pools.openai.session-affinity]\ncookie = \"SessionId\"\n").await;
    pool.throttle(0, Duration::from_mins(1));
    let answer = pool.send().await.expect(200);
    let cookie = answer.header("set-cookie").to_owned();
    let (pair, rest) = cookie.split_once(';').expect("attributes");
    assert!(pair.starts_with("SessionId=") && rest == " Path=/; HttpOnly", "{cookie}");
    for _ in 0..8 {
        let call = Call::post("/a/echo", "more").header("cookie", pair);
        let next = pool.gateway.send(call).await.expect(200);
        assert_eq!(next.header("x-backend"), answer.header("x-backend"));
        assert_eq!(next.header("set-cookie"), "");
    }
    // The backends' own cookies stay.
    let headers = vec![("set-cookie".to_owned(), "own=1".to_owned())];
    let own = Fault::Answer { status: 200, headers, body: Bytes::new() };
    for member in &pool.members[1..] {
        member.echo.server().fail_next("/echo", 1, own.clone());
    }
    let answer = pool.send().await.expect(200);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.len() == 2 && cookies[0] == "own=1", "{cookies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_line_names_the_member() {
    let pool = Pool::start("").await;
    pool.send().await.expect(200);
    let line = pool.gateway.access("/a/echo").await;
    assert_eq!(find(&line, "backend"), Some(&Value::from("ptu")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_go_on_where_they_began() {
    let members = [azure().await, azure().await];
    let mut config = String::from(
        "[apis.a]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [pools.openai]\nstate-affinity = true\nmembers = { one = {}, two = {} }\n",
    );
    for (name, member) in ["one", "two"].iter().zip(&members) {
        let backend = format!(
            "[backends.{name}]\nurl = \"{}\"\n\
             headers = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
             circuit-breaker.throttled = {{ count = 1, status-codes = [\"429\"] }}\n",
            member.openai.base(),
            member.openai.key()
        );
        config.push_str(&backend);
    }
    let gateway = Directory::new(&config).api("a", POLICY).start();
    let create = async |previous: Option<&str>, stream: bool| {
        let mut body = json!({ "model": "gpt-4o", "input": "Hello", "stream": stream });
        if let Some(previous) = previous {
            body["previous_response_id"] = previous.into();
        }
        let call = Call::json("/openai/v1/responses", &body).header("accept-encoding", "gzip");
        gateway.send(call).await
    };
    for stream in [false, true] {
        let first = create(None, stream).await.expect(200);
        let (text, home) = (first.text(), first.header("x-backend").to_owned());
        let at = text.find("resp_").expect("an identifier");
        let mut id = text[at..].split('"').next().expect("an identifier").to_owned();
        let stored = format!("/openai/v1/responses/{id}");
        for _ in 0..4 {
            let next = create(Some(&id), false).await.expect(200);
            assert_eq!(next.header("x-backend"), home);
            id = next.json()["id"].as_str().expect("an identifier").to_owned();
            // Others begin meanwhile, so that the turns are not in step.
            create(None, false).await.expect(200);
            gateway.send(Call::get(&stored)).await.expect(200);
        }
    }
    create(Some("resp_unknown"), false).await.expect(400);

    let first = create(None, false).await.expect(200);
    let (home, id) = (first.header("x-backend").to_owned(), first.json()["id"].clone());
    let home = &members[usize::from(home == "two")];
    home.openai.server().fail_next("/openai/v1/responses*", 1, Fault::Status(429));
    // The retry finds that nobody else can go on with it.
    let answer = create(id.as_str(), false).await.expect(503);
    assert!(answer.phrase.starts_with("Backend pool 'openai'"), "{}", answer.phrase);
    create(None, false).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_may_have_another_name_at_the_backend() {
    let azure = azure().await;
    let config = format!(
        "[apis.a]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [pools.openai.members]\none = {{}}\n[backends.one]\nurl = \"{}\"\n\
         deployments = {{ \"team.chat\" = \"gpt-4o\" }}\n\
         headers = {{ api-key = {{ value = \"{}\", development = true }} }}\n",
        azure.openai.base(),
        azure.openai.key()
    );
    let gateway = Directory::new(&config).api("a", POLICY).start();
    let messages = json!([{ "role": "user", "content": "Hello" }]);
    let path = "/openai/deployments/team.chat/chat/completions?api-version=2024-10-21";
    gateway.send(Call::json(path, &json!({ "messages": messages }))).await.expect(200);
    let v1 = |model: &str| {
        let body = json!({ "messages": messages, "model": model });
        gateway.send(Call::json("/openai/v1/chat/completions", &body))
    };
    v1("team.chat").await.expect(200);
    v1("gpt-4o").await.expect(200);
    v1("other").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_may_name_a_deployment() {
    let azure = azure().await;
    let config = format!(
        "[apis.a]\npath = \"a\"\nbackend = \"one\"\nsubscription = \"optional\"\n\
         [backends.one]\nurl = \"{}\"\ndeployments = {{ \"team.speech\" = \"whisper\" }}\n",
        azure.echo.server().url()
    );
    let gateway = Directory::new(&config).start();
    let form = |model: &str| {
        format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nteam.speech\r\n\
             --x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--x--\r\n"
        )
    };
    for (sent, expected) in [("team.speech", "whisper"), ("another", "another")] {
        let call = Call::post("/a/echo", form(sent));
        let call = call.header("content-type", "multipart/form-data; boundary=x");
        gateway.send(call).await.expect(200);
        let received = azure.echo.server().received();
        assert_eq!(received.last().expect("a call").body, form(expected));
    }
}
