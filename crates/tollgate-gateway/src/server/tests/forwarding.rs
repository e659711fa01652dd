//! What reaches the backend, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use tollgate_engine::ports::{AccessToken, HttpVersion, IdentityError, TokenSource};
use tollgate_engine::{BoxFuture, Secret};

use super::backend::Upstream;
use super::harness::{Gateway, TestSite, backend, body, header, status, target};
use crate::fetch::AddressGuard;
use crate::{Credentials, PresentedKey};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Sends one request through and returns what the backend got and what the client got.
async fn through(
    site: impl FnOnce(&Upstream) -> TestSite,
    request: &str,
    answer: &str,
) -> (String, String) {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(site(&upstream)).await;
    let mut client = gateway.client().await;
    client.send(request).await;
    let mut connection = upstream.connection().await;
    let seen = connection.request().await;
    connection.send(answer).await;
    let answer = client.response().await;
    (seen, answer)
}

fn forwarding(upstream: &Upstream) -> TestSite {
    TestSite::forwarding(upstream.address)
}

#[tokio::test]
async fn requests_and_responses_pass() {
    let request =
        "POST /a/b?c=d HTTP/1.1\r\nHost: gw.test\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello";
    let (seen, answer) = through(
        forwarding,
        request,
        "HTTP/1.1 201 Made\r\nX-Two: 2\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    assert!(seen.starts_with("POST /a/b?c=d HTTP/1.1\r\n"), "{seen}");
    assert_eq!(body(&seen), "hello");
    assert_eq!(header(&seen, "x-one"), Some("1"));
    assert!(answer.starts_with("HTTP/1.1 201 Made\r\n"), "{answer}");
    assert_eq!((header(&answer, "x-two"), body(&answer)), (Some("2"), "ok"));
}

#[tokio::test]
async fn headers_of_the_connection_stay_here_and_headers_of_the_gateway_are_added() {
    let request = "GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
                   TE: trailers\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nX-Forwarded-For: 1.2.3.4\r\n\
                   Forwarded: for=1.2.3.4\r\nAuthorization: Bearer client\r\n\r\n";
    let (seen, _) = through(forwarding, request, OK).await;
    for gone in
        ["x-hop", "keep-alive", "te", "proxy-authorization", "upgrade", "forwarded", "connection"]
    {
        assert_eq!(header(&seen, gone), None, "{gone}");
    }
    assert!(header(&seen, "host").unwrap().starts_with("127.0.0.1:"), "{seen}");
    assert_eq!(header(&seen, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header(&seen, "x-forwarded-host"), Some("gw.test"));
    assert_eq!(header(&seen, "x-forwarded-proto"), Some("http"));
    assert_eq!(header(&seen, "authorization"), Some("Bearer client"));
    assert_eq!(header(&seen, "traceparent").map(str::len), Some(55));
    assert_eq!(header(&seen, "content-length"), None);
}

#[tokio::test]
async fn a_host_that_a_policy_sets_is_kept_even_when_it_is_the_clients() {
    let site = |upstream: &Upstream| {
        let inbound = "<t do=\"set-header\" a=\"host\" b=\"gw.test\"/>";
        TestSite::new(Some(target(upstream.address)), [inbound, "<forward/>", ""])
    };
    let (seen, _) = through(site, "GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n", OK).await;
    assert_eq!(header(&seen, "host"), Some("gw.test"));
}

#[tokio::test]
async fn credentials_are_applied_last_and_the_gateways_key_goes() {
    let site = |upstream: &Upstream| {
        let mut backend = backend("http", upstream.address);
        backend.url.path = "/base".to_owned();
        let name = HeaderName::from_static("api-key");
        backend.credentials = Credentials {
            headers: vec![(name.clone(), HeaderValue::from_static("backend-key"))],
            query: vec![("code".to_owned(), Secret::new("a b".to_owned()))],
            authorization: Some(HeaderValue::from_static("Bearer gateway")),
            ..Credentials::default()
        };
        TestSite::new(None, ["", "<forward/>", ""]).backend(backend).with(|site| {
            let header = HeaderName::from_static("x-key");
            site.keys = vec![PresentedKey { header, value: Secret::new("client-key".to_owned()) }];
        })
    };
    let request = "GET /x?q=1&code=evil HTTP/1.1\r\nHost: gw.test\r\nX-Key: client-key\r\nApi-Key: client\r\n\
                   Authorization: Bearer client\r\n\r\n";
    let (seen, _) = through(site, request, OK).await;
    assert!(seen.starts_with("GET /base/x?q=1&code=a%20b HTTP/1.1\r\n"), "{seen}");
    assert_eq!(header(&seen, "x-key"), None);
    assert_eq!(header(&seen, "api-key"), Some("backend-key"));
    assert_eq!(header(&seen, "authorization"), Some("Bearer gateway"));
    assert!(!seen.contains("client-key"), "{seen}");
}

#[tokio::test]
async fn the_gateways_key_goes_and_what_policies_wrote_stays() {
    for (inbound, expected) in [
        ("", &[][..]),
        ("<t do=\"append-header\" a=\"x-key\" b=\"own\"/>", &["own"]),
        ("<t do=\"set-header\" a=\"x-key\" b=\"own\"/>", &["own"]),
        (
            "<t do=\"set-header\" a=\"x-key\" b=\"one\"/><t do=\"append-header\" a=\"x-key\" b=\"client-key\"/>\
             <t do=\"append-header\" a=\"x-key\" b=\"two\"/>",
            &["one", "two"],
        ),
    ] {
        let site = |upstream: &Upstream| {
            let target = Some(target(upstream.address));
            TestSite::new(target, [inbound, "<forward/>", ""]).with(|site| {
                let header = HeaderName::from_static("x-key");
                let value = Secret::new("client-key".to_owned());
                site.keys = vec![PresentedKey { header, value }];
            })
        };
        let request = "GET / HTTP/1.1\r\nHost: gw.test\r\nX-Key: client-key\r\n\r\n";
        let (seen, _) = through(site, request, OK).await;
        let values: Vec<&str> = seen
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-key"))
            .map(|(_, value)| value)
            .collect();
        assert_eq!(values, expected, "{inbound}");
    }
}

struct Tokens(Option<AccessToken>, Result<AccessToken, IdentityError>);

impl TokenSource for Tokens {
    fn current(&self) -> Option<AccessToken> {
        self.0.clone()
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(std::future::ready(self.1.clone()))
    }
}

#[tokio::test]
async fn a_managed_identitys_token_replaces_the_clients() {
    let token = |text: &str| AccessToken {
        token: Secret::new(text.into()),
        authorization: format!("Bearer {text}").parse().unwrap(),
        expires_at: 0,
        claims: Arc::default(),
    };
    let unavailable = || IdentityError::Unavailable("none".to_owned());
    for (tokens, expected) in [
        (Tokens(Some(token("kept")), Err(unavailable())), Some("Bearer kept")),
        (Tokens(None, Ok(token("fetched"))), Some("Bearer fetched")),
        (Tokens(None, Err(unavailable())), None),
    ] {
        let mut upstream = Upstream::start().await;
        let mut own = backend("http", upstream.address);
        own.credentials.managed_identity = Some(Arc::new(tokens));
        let gateway =
            Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(own)).await;
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer client\r\n\r\n").await;
        if let Some(expected) = expected {
            let seen = upstream.connection().await.request().await;
            assert_eq!(header(&seen, "authorization"), Some(expected));
        } else {
            let answer = client.response().await;
            assert_eq!(header(&answer, "x-reason"), Some("Identity"));
            assert_eq!(upstream.accepted(), 0);
        }
    }
}

#[tokio::test]
async fn connections_that_were_idle_for_too_long_are_not_used_again() {
    let upstream = Upstream::answering(OK).await;
    let idle = Duration::from_millis(30);
    let site =
        TestSite::forwarding(upstream.address).with(|site| site.timeouts.backend_idle = idle);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    for expected in [1, 2] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(body(&client.response().await), "ok");
        assert_eq!(upstream.accepted(), expected);
        tokio::time::sleep(idle * 2).await;
    }
}

#[tokio::test]
async fn a_connection_with_more_than_its_response_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let upstream = Upstream::answering(answer).await;
        let gateway = Gateway::start(forwarding(&upstream)).await;
        let mut client = gateway.client().await;
        for expected in [1, 2] {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!(body(&client.response().await), "ok", "{answer}");
            assert_eq!(upstream.accepted(), expected, "{answer}");
        }
    }
}

#[tokio::test]
async fn responses_that_are_no_http_are_errors() {
    for answer in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
    ] {
        let upstream = Upstream::answering(answer).await;
        let gateway = Gateway::start(forwarding(&upstream)).await;
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let got = client.response().await;
        assert_eq!(
            (status(&got), header(&got, "x-reason")),
            ("502", Some("Connection")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_a_backend_sends_is_not_quoted_in_errors() {
    for answer in [
        "HTTP/1.1 200 OK\r\nSet-Cookie: canary=1\r\nX\0: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: canary=1\r\ncanary\r\n\r\n",
        "HTTP/1.1 canary\r\n\r\n",
        "canary canary\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: canary=1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n",
    ] {
        let mut upstream = Upstream::start().await;
        let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let mut connection = upstream.connection().await;
        connection.request().await;
        connection.send(answer).await;
        connection.shutdown().await;
        client.rest().await;
        let record = gateway.records.nth(0).await;
        let error = record.error.unwrap_or_else(|| panic!("{answer:?} is taken for a response"));
        assert!(!error.message.contains("canary"), "{answer:?}: {}", error.message);
        assert!(error.message.contains("broke: "), "{answer:?}: {}", error.message);
    }
}

#[tokio::test]
async fn policies_change_method_path_and_body() {
    let site = |upstream: &Upstream| {
        let inbound = "<t do=\"set-method\" a=\"PUT\"/><t do=\"set-path\" a=\"/other\"/>\
                       <t do=\"set-request-body\" a=\"replaced\"/>";
        TestSite::new(Some(target(upstream.address)), [inbound, "<forward/>", ""])
    };
    let (seen, answer) = through(site, "GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n", OK).await;
    assert!(seen.starts_with("PUT /other HTTP/1.1\r\n"), "{seen}");
    assert_eq!((header(&seen, "content-length"), body(&seen)), (Some("8"), "replaced"));
    assert_eq!(body(&answer), "ok");
}

#[tokio::test]
async fn a_method_that_expects_a_body_says_when_there_is_none() {
    let (seen, _) =
        through(forwarding, "POST / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n", OK)
            .await;
    assert_eq!(header(&seen, "content-length"), Some("0"));
}

#[tokio::test]
async fn outbound_policies_replace_status_headers_and_body() {
    let site = |upstream: &Upstream| {
        let outbound = "<t do=\"set-status\" a=\"299\" b=\"Just Fine\"/>\
                        <t do=\"set-response-header\" a=\"content-length\" b=\"999\"/>\
                        <t do=\"set-response-header\" a=\"transfer-encoding\" b=\"chunked\"/>\
                        <t do=\"set-response-body\" a=\"new\"/>";
        TestSite::new(Some(target(upstream.address)), ["", "<forward/>", outbound])
    };
    let (_, answer) = through(site, "GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n", OK).await;
    assert!(answer.starts_with("HTTP/1.1 299 Just Fine\r\n"), "{answer}");
    assert_eq!((header(&answer, "content-length"), body(&answer)), (Some("3"), "new"));
    assert_eq!(header(&answer, "transfer-encoding"), None);
}

#[tokio::test]
async fn connections_are_used_again() {
    let upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(forwarding(&upstream)).await;
    let mut client = gateway.client().await;
    for _ in 0..20 {
        client.send("GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
        assert_eq!(body(&client.response().await), "ok");
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn a_connection_outlives_a_reload() {
    let upstream = Upstream::answering(OK).await;
    let site =
        || TestSite::new(None, ["", "<forward/>", ""]).backend(backend("http", upstream.address));
    let gateway = Gateway::start(site()).await;
    let mut client = gateway.client().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
        assert_eq!(body(&client.response().await), "ok");
        gateway.site.store(site().into());
    }
    assert_eq!(upstream.accepted(), 1);
}

/// A connection that has been used and then closes behind the next request, once that has been read: as when a close
/// crosses a request, or a backend dies at work.
async fn closed_unanswered(inbound: &str, method: &str, body: &str, repeated: bool) {
    let mut upstream = Upstream::start().await;
    let site = TestSite::new(Some(target(upstream.address)), [inbound, "<forward/>", ""]);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET /1 HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send(OK).await;
    client.response().await;
    let length = body.len();
    client
        .send(format!(
            "{method} /2 HTTP/1.1\r\nHost: gw.test\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    let start = format!("{method} /2 ");
    assert!(connection.request().await.starts_with(&start));
    drop(connection);
    if repeated {
        let mut connection = upstream.connection().await;
        let seen = connection.request().await;
        assert!(seen.starts_with(&start) && seen.ends_with(body), "{seen}");
        connection.send(OK).await;
        assert_eq!(status(&client.until("\r\n\r\n").await), "200", "{method}");
        assert_eq!(upstream.accepted(), 2, "{method}");
    } else {
        let answer = client.until("\r\n\r\n").await;
        assert_eq!(
            (status(&answer), header(&answer, "x-reason"), upstream.accepted()),
            ("502", Some("Connection"), 1),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_stale_connection_is_not_noticed_where_twice_is_as_good_as_once() {
    let read = "<t do=\"read-request\"/>";
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        closed_unanswered("", method, "", true).await;
        closed_unanswered(read, method, "hello", true).await;
        // A body that has passed through is gone.
        closed_unanswered("", method, "hello", false).await;
    }
    for method in ["POST", "PATCH"] {
        closed_unanswered("", method, "", false).await;
        closed_unanswered(read, method, "hello", false).await;
        closed_unanswered("", method, "hello", false).await;
    }
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_an_error() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(forwarding(&upstream)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    drop(connection);
    let answer = client.response().await;
    assert_eq!((status(&answer), header(&answer, "x-reason")), ("502", Some("Connection")));
    assert_eq!(upstream.accepted(), 1);
    // The client's connection is as good as before.
    client.send("GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send(OK).await;
    assert_eq!(status(&client.response().await), "200");
}

#[tokio::test]
async fn half_a_header_on_a_used_connection_is_not_repeated() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(forwarding(&upstream)).await;
    let mut client = gateway.client().await;
    client.send("GET /1 HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send(OK).await;
    client.response().await;
    client.send("GET /2 HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-").await;
    drop(connection);
    assert_eq!(status(&client.response().await), "502");
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn nobody_listening_no_answer_and_no_target_are_errors() {
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let gateway = Gateway::start(TestSite::forwarding(free)).await;
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status(&answer), header(&answer, "x-reason")), ("502", Some("Connection")));

    let upstream = Upstream::start().await;
    let silent = [
        ("", "<forward timeout-ms=\"50\"/>"),
        ("<t do=\"set-backend\" a=\"nobody\"/>", "<forward/>"),
    ];
    for ((inbound, policy), reason) in silent.into_iter().zip(["Timeout", "UnknownBackend"]) {
        let site = TestSite::new(Some(target(upstream.address)), [inbound, policy, ""]);
        let gateway = Gateway::start(site).await;
        let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!((status(&answer), header(&answer, "x-reason")), ("502", Some(reason)));
    }
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""])).await;
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(header(&answer, "x-reason"), Some("NoTarget"));
}

#[tokio::test]
async fn guarded_addresses_are_refused_unless_they_are_a_configured_backends() {
    let metadata = "169.254.169.254:80".parse().unwrap();
    let gateway = Gateway::start(TestSite::forwarding(metadata)).await;
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(header(&answer, "x-reason"), Some("Refused"));
    // One that is on loopback, so that nothing leaves the machine.
    let upstream = Upstream::answering(OK).await;
    let guard = || AddressGuard::new([], vec![upstream.address]);
    let gateway = Gateway::start(
        TestSite::forwarding(upstream.address).with(|site| site.addresses = guard()),
    )
    .await;
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(header(&answer, "x-reason"), Some("Refused"));
    let site =
        TestSite::new(None, ["", "<forward/>", ""]).backend(backend("http", upstream.address));
    let gateway = Gateway::start(site.with(|site| site.addresses = guard())).await;
    assert_eq!(
        status(&gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await),
        "200"
    );
    // The connection that waits in its pool is not lent to a policy.
    gateway
        .site
        .store(TestSite::forwarding(upstream.address).with(|site| site.addresses = guard()).into());
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(header(&answer, "x-reason"), Some("Refused"));
}

#[tokio::test]
async fn informational_responses_pass_and_are_bounded() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(forwarding(&upstream)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\n\r\n").await;
    let hint = client.until("\r\n\r\n").await;
    assert_eq!(
        (status(&hint), header(&hint, "link"), header(&hint, "connection")),
        ("103", Some("</a>"), None)
    );
    connection.send(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}")).await;
    assert_eq!(body(&client.response().await), "ok");
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    connection.request().await;
    connection.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(50)).await;
    let rest = client.until("502").await;
    assert!(rest.matches("102 Processing").count() <= 16);
}

#[tokio::test]
async fn an_unasked_switch_of_protocols_is_refused() {
    let (_, answer) = through(
        forwarding,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    )
    .await;
    assert_eq!((status(&answer), header(&answer, "x-reason")), ("502", Some("Connection")));
}

#[tokio::test]
async fn responses_without_a_body_have_none() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let gateway = Gateway::start(forwarding(&upstream)).await;
    let mut client = gateway.client().await;
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert_eq!(header(&head, "content-length"), Some("1234"));
    // The next response comes right behind it.
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    for (answer, length) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", None),
        ("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", None),
    ] {
        let upstream = Upstream::answering(answer).await;
        let gateway = Gateway::start(forwarding(&upstream)).await;
        let mut client = gateway.client().await;
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let head = client.until("\r\n\r\n").await;
            assert_eq!(
                (status(&head), header(&head, "content-length")),
                (status(answer), length),
                "{head}"
            );
            assert_eq!(header(&head, "transfer-encoding"), None);
        }
    }
}

#[tokio::test]
async fn redirects_are_followed_when_asked_and_only_harmless_headers_cross_origins() {
    let mut second = Upstream::start().await;
    let mut first = Upstream::start().await;
    let policy = "<forward follow=\"true\"/>";
    let inbound = "<t do=\"set-header\" a=\"x-backend-token\" b=\"t\"/>\
                   <t do=\"set-secret-header\" a=\"accept-secret\" b=\"s\"/>";
    let gateway =
        Gateway::start(TestSite::new(Some(target(first.address)), [inbound, policy, ""])).await;
    let mut client = gateway.client().await;
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nApi-Key: k\r\nCookie: c=1\r\nX-Any: 1\r\nAccept-Language: de\r\nUser-Agent: u\r\nIf-Match: \"e\"\r\nRange: bytes=0-1\r\nContent-Language: de\r\nTraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nTraceState: a=b\r\nX-Ms-Client-Request-Id: r\r\nContent-Length: 0\r\n\r\n").await;
    let mut connection = first.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 302 Found\r\nLocation: /b?c\r\nContent-Length: 4\r\n\r\ngone").await;
    let same = connection.request().await;
    assert!(same.starts_with("GET /b?c HTTP/1.1\r\n"), "{same}");
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("x-any", "1"),
        ("x-backend-token", "t"),
        ("accept-secret", "s"),
    ] {
        assert_eq!(header(&same, name), Some(value), "{same}");
    }
    let location = format!(
        "HTTP/1.1 307 Temporary\r\nLocation: http://{}/d\r\nContent-Length: 0\r\n\r\n",
        second.address
    );
    connection.send(location).await;
    let mut connection = second.connection().await;
    let other = connection.request().await;
    assert!(other.starts_with("GET /d HTTP/1.1\r\n"), "{other}");
    let mut names: Vec<String> = other
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0.to_ascii_lowercase()))
        .collect();
    names.sort_unstable();
    let kept = [
        "accept-language",
        "content-language",
        "host",
        "if-match",
        "range",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-ms-client-request-id",
    ];
    assert_eq!(names, kept, "{other}");
    assert_eq!(header(&other, "host"), Some(second.address.to_string().as_str()));
    connection
        .send(
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
    let answer = client.response().await;
    assert_eq!((status(&answer), header(&answer, "x-reason")), ("502", Some("Refused")));
}

#[tokio::test]
async fn redirects_are_bounded_and_passed_on_when_not_asked_for() {
    let upstream =
        Upstream::answering("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
            .await;
    for policy in ["<forward follow=\"true\"/>", "<forward/>"] {
        let gateway =
            Gateway::start(TestSite::new(Some(target(upstream.address)), ["", policy, ""])).await;
        let mut client = gateway.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!((status(&answer), header(&answer, "location")), ("302", Some("/again")));
    }
}

#[tokio::test]
async fn access_records_tell_what_happened() {
    let upstream = Upstream::answering(OK).await;
    let site =
        TestSite::new(None, ["", "<forward/>", ""]).backend(backend("http", upstream.address));
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("POST /p?key=secret HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
    client.response().await;
    let record = gateway.records.nth(0).await;
    assert_eq!((record.method.as_str(), record.path.as_str(), record.status), ("POST", "/p", 200));
    assert_eq!((record.bytes_in, record.bytes_out, record.backend_status), (3, 2, Some(200)));
    assert_eq!(
        (record.backend_id.as_deref(), record.client_ip.to_string().as_str()),
        (Some("main"), "127.0.0.1")
    );
    assert_eq!(record.protocol, http::Version::HTTP_11);
    assert!(record.error.is_none() && record.backend.is_some() && record.first_byte.is_some());
    assert!(record.total >= record.backend.unwrap());
    assert!(!format!("{record:?}").contains("secret"));
}

#[tokio::test]
async fn http_version_two_cannot_be_had_from_a_backend_that_lacks_it() {
    let upstream = Upstream::answering(OK).await;
    let mut lacking = backend("http", upstream.address);
    lacking.http_version = Some(HttpVersion::TwoOrOne);
    let gateway =
        Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(lacking)).await;
    assert_eq!(
        status(&gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await),
        "200"
    );
}
