//! Requests that two parties could frame in two ways: one request or none gets through, never a hidden second one.

use super::backend::Upstream;
use super::harness::{Gateway, TestSite, header, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What the client gets: statuses in order, to the end of the connection.
async fn check(request: &str, expected: &[&str]) {
    let upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send(request).await;
    client.shutdown().await;
    let answers = client.rest().await;
    let statuses: Vec<&str> =
        answers.split("HTTP/1.1 ").skip(1).filter_map(|it| it.get(..3)).collect();
    assert_eq!(statuses, expected, "{request:?}: {answers}");
}

#[tokio::test]
async fn two_framings_are_refused_and_what_follows_is_not_read() {
    let hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        // CL.TE and TE.CL
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length : 3\r\n\r\n0\r\n\r\n",
        // CL.CL
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        // TE that does not end in chunked, or is obscured.
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // Lines that some split and others do not.
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        // Authority.
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        // Targets.
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        // Nominations.
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: a,b,c,d,e,f,g,h,i,j,k\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/3.7\r\nHost: a\r\n\r\n",
    ] {
        check(&format!("{head}{hidden}"), &["400"]).await;
    }
    check(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{hidden}"), &["501"])
        .await;
    check(&format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n{hidden}"), &["405"]).await;
    check(&format!("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n{hidden}"), &["405"]).await;
}

#[tokio::test]
async fn malformed_chunks_end_the_connection() {
    for chunks in [
        "zz\r\n",
        "5\r\nhelloX\r\n",
        "-1\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "5 5\r\nhello\r\n",
        "\r\nhi\r\n0\r\n\r\n",
        "2;\nhi\r\n0\r\n\r\n",
    ] {
        let upstream = Upstream::start().await;
        let site = ["<t do=\"read-request\"/>", "<forward/>", ""];
        let gateway =
            Gateway::start(TestSite::new(Some(super::harness::target(upstream.address)), site))
                .await;
        let mut client = gateway.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        client.shutdown().await;
        let answers = client.rest().await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {answers}");
        assert!(status(&answers) >= "400", "{chunks:?}: {answers}");
        assert_eq!(upstream.accepted(), 0, "{chunks:?}");
    }
}

#[tokio::test]
async fn malformed_chunks_of_a_body_that_passes_are_the_clients_fault() {
    for chunks in ["zz\r\n", "5\r\nhelloX\r\n", "-1\r\n", "5\r\nhello\r\n-\r\n"] {
        let mut upstream = Upstream::start().await;
        let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
        let mut client = gateway.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let answers = client.rest().await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{chunks:?}: {answers}");
        // What the engine makes of it is the policy's business; here it is told whose body it was.
        assert_eq!(header(&answers, "x-reason"), Some("Body"), "{chunks:?}: {answers}");
        let error = gateway.records.nth(0).await.error.unwrap();
        assert!(error.message.contains("the chunks of the body are malformed"), "{error:?}");
        let seen = upstream.connection().await.rest().await;
        assert!(!seen.contains("0\r\n\r\n"), "{chunks:?}: the body looks whole: {seen}");
    }
}

#[tokio::test]
async fn an_unread_body_never_becomes_a_request() {
    let hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    let site = || TestSite::new(None, ["<t do=\"answer\" a=\"401\" b=\"no\"/>", "", ""]);
    // A short body is read to its end and the connection goes on.
    let gateway = Gateway::start(site()).await;
    let mut client = gateway.client().await;
    client
        .send(format!(
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        ))
        .await;
    assert_eq!(status(&client.response().await), "401");
    client.send("POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    assert_eq!(status(&client.response().await), "401");
    assert_eq!(
        (gateway.records.nth(0).await.path, gateway.records.nth(1).await.path),
        ("/1".into(), "/2".into())
    );
    // For a long one the connection is closed, and it is said so.
    let mut client = gateway.client().await;
    client
        .send(format!("POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n{hidden}"))
        .await;
    client.shutdown().await;
    let answers = client.rest().await;
    assert_eq!(
        (status(&answers), super::harness::header(&answers, "connection")),
        ("401", Some("close"))
    );
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1);
    // One that was not asked for is not waited for.
    let mut client = gateway.client().await;
    client
        .send("POST /4 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    client.shutdown().await;
    let answers = client.rest().await;
    assert_eq!(
        (status(&answers), super::harness::header(&answers, "connection")),
        ("401", Some("close"))
    );
}

#[tokio::test]
async fn a_refused_upgrade_does_not_pass_what_follows() {
    let upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    let upgrade = "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send(format!("{upgrade}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    assert_eq!(status(&client.response().await), "200");
    assert_eq!(status(&client.response().await), "200");
    // Both went through the gateway as requests of their own.
    assert_eq!(
        (gateway.records.nth(0).await.path, gateway.records.nth(1).await.path),
        ("/1".into(), "/2".into())
    );
}
