//! Gateways that share a cache in a real Redis server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{RedisServer, connected};
use crate::harness::{Call, Directory, Gateway, azure, until};

const POLICY: &str = r#"<policies>
    <inbound>
        <cache-lookup vary-by-developer="false" vary-by-developer-groups="false" />
        <cache-lookup-value key="a secret name" variable-name="v" default-value="none" />
        <cache-store-value key="a secret name" value="@(context.Request.Url.Path + context.Request.Headers.GetValueOrDefault("x-who", ""))" duration="300" />
    </inbound>
    <backend><forward-request /></backend>
    <outbound>
        <cache-store duration="300" />
        <set-header name="x-v"><value>@(context.Variables.ContainsKey("v") ? (string)context.Variables["v"] : "from the cache")</value></set-header>
    </outbound>
</policies>"#;

fn start(server: &RedisServer, echo: &str) -> Gateway {
    start_with(server, echo, POLICY)
}

fn start_with(server: &RedisServer, echo: &str, policy: &str) -> Gateway {
    let config = format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}\"\nresponse-timeout = \"100ms\"\nconnect-timeout = \"300ms\"\n\
         [backends.echo]\nurl = \"{echo}/echo\"\n\
         [apis.it]\npath = \"it\"\nbackend = \"echo\"\nsubscription = \"optional\"\n",
        server.port
    );
    let global =
        "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>";
    Directory::new(&config).file("global.xml", global).api("it", policy).start()
}

/// What the server answers to an inline command.
fn ask(server: &RedisServer, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("the server");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).expect("the command is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_share_values_and_responses() {
    let Some(server) = RedisServer::plain() else { return };
    let azure = azure().await;
    let echo = azure.echo.server();
    // The key of a response says how the client called, so both are called alike.
    let gateways = [start(&server, echo.url()), start(&server, echo.url())];
    for gateway in &gateways {
        connected(gateway, true).await;
    }
    let [one, two] = &gateways;
    let call = |path: &str| Call::get(path).header("host", "shared.example").header("x-who", "!");
    let first = one.send(call("/it/a")).await.expect(200);
    assert_eq!(first.header("x-v"), "none");
    assert_eq!(echo.received().len(), 1);
    // The value was stored under one name for all paths.
    let second = two.send(call("/it/b")).await.expect(200);
    assert_eq!(second.header("x-v"), "/echo/a!");
    assert_eq!(echo.received().len(), 2);
    // The response is there once its body has passed, which its client may see a moment before.
    until("the response is shared", async || {
        let before = echo.received().len();
        let hit = two.send(call("/it/a")).await.expect(200);
        (echo.received().len() == before && hit.text() == first.text()).then_some(())
    })
    .await;
    // Nothing of names and URLs is in the keys, and everything ends.
    let keys = ask(&server, "KEYS *");
    assert!(keys.contains("tollgate:cache:"), "{keys}");
    assert!(!keys.contains("secret") && !keys.contains("shared.example"), "{keys}");
    for key in keys.split_whitespace().filter(|word| word.starts_with("tollgate:")) {
        let left = ask(&server, &format!("TTL {key}"));
        let seconds: i64 = left
            .trim_start_matches(':')
            .split_whitespace()
            .next()
            .expect("a number")
            .parse()
            .expect("seconds");
        assert!((1..=300).contains(&seconds), "{key}: {left}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_or_is_gone_is_a_cache_without_entries() {
    let Some(mut server) = RedisServer::plain() else { return };
    let azure = azure().await;
    let gateway = start(&server, azure.echo.server().url());
    connected(&gateway, true).await;
    let call = || Call::get("/it/a");
    gateway.send(call()).await.expect(200);
    server.signal("STOP");
    let began = Instant::now();
    let hung = gateway.send(call()).await.expect(200);
    assert_eq!(hung.header("x-v"), "none");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.signal("CONT");
    server.kill();
    connected(&gateway, false).await;
    for _ in 0..3 {
        assert_eq!(gateway.send(call()).await.expect(200).header("x-v"), "none");
    }
    server.start_again();
    connected(&gateway, true).await;
    gateway.send(call()).await.expect(200);
    until("the cache is used again", async || {
        let hit = gateway.send(call()).await.expect(200);
        (hit.header("x-v") == "from the cache").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_there_is_no_entry() {
    let Some(server) = RedisServer::plain() else { return };
    let azure = azure().await;
    let gateway = start(&server, azure.echo.server().url());
    connected(&gateway, true).await;
    for strange in ["x", "\\x01", "\"\\x01\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\""] {
        until("the response is kept", async || {
            let answer = gateway.send(Call::get("/it/a")).await.expect(200);
            (answer.header("x-v") == "from the cache").then_some(())
        })
        .await;
        let keys = ask(&server, "KEYS *");
        for key in keys.split_whitespace().filter(|word| word.starts_with("tollgate:cache:")) {
            ask(&server, &format!("SET {key} {strange}"));
        }
        assert_eq!(gateway.send(Call::get("/it/a")).await.expect(200).header("x-v"), "none");
    }
}

/// Keeps `outside` without saying where and `inside` in the gateway, and says what each kind of look-up finds.
const KINDS: &str = r#"<policies>
    <inbound>
        <cache-store-value key="outside" value="kept" duration="300" />
        <cache-store-value key="inside" value="kept" duration="300" caching-type="internal" />
        <include-fragment fragment-id="look-up" />
        <set-variable name="before" value="@((string)context.Variables["found"])" />
        <cache-remove-value key="outside" />
        <include-fragment fragment-id="look-up" />
        <return-response>
            <set-body>@(context.Variables["before"] + "\n" + context.Variables["found"])</set-body>
        </return-response>
    </inbound>
</policies>"#;

const LOOK_UP: &str = r#"<fragment>
    <cache-lookup-value key="outside" variable-name="a" default-value="-" />
    <cache-lookup-value key="outside" variable-name="b" default-value="-" caching-type="external" />
    <cache-lookup-value key="outside" variable-name="c" default-value="-" caching-type="internal" />
    <cache-lookup-value key="inside" variable-name="d" default-value="-" />
    <cache-lookup-value key="inside" variable-name="e" default-value="-" caching-type="external" />
    <cache-lookup-value key="inside" variable-name="f" default-value="-" caching-type="internal" />
    <set-variable name="found" value="@(string.Join(" ", new[] { "a", "b", "c", "d", "e", "f" }.Select(name => context.Variables[name])))" />
</fragment>"#;

#[tokio::test(flavor = "multi_thread")]
async fn with_a_server_values_are_there_unless_they_ask_for_the_gateway() {
    let Some(server) = RedisServer::plain() else { return };
    let config = format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}\"\n[apis.it]\npath = \"it\"\nsubscription = \"optional\"\n",
        server.port
    );
    let gateway =
        Directory::new(&config).file("fragments/look-up.xml", LOOK_UP).api("it", KINDS).start();
    connected(&gateway, true).await;
    let found = gateway.send(Call::get("/it")).await.expect(200).text();
    assert_eq!(found, "kept kept - - - kept\n- - - - - kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_beyond_all_clocks_is_a_long_one() {
    const LONG: &str = r#"<policies><inbound>
        <cache-store-value key="k" value="kept" duration="@(long.MaxValue)" />
        <cache-lookup-value key="k" variable-name="v" default-value="none" />
        <return-response><set-body>@((string)context.Variables["v"])</set-body></return-response>
    </inbound></policies>"#;
    let Some(server) = RedisServer::plain() else { return };
    let azure = azure().await;
    let gateway = start_with(&server, azure.echo.server().url(), LONG);
    connected(&gateway, true).await;
    assert_eq!(gateway.send(Call::get("/it")).await.expect(200).text(), "kept");
}
