use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::client::{SOON, get, raw, start};

#[tokio::test]
async fn echo_says_what_it_received() {
    let running = start().await;
    let url = running.echo.server().url();
    for http2 in [false, true] {
        let call = get(format!("{url}/echo/a%20b?x=1&x=2&y=%2B"))
            .method("PUT")
            .body("hello")
            .header("x-test", "yes");
        let answer = if http2 { call.http2() } else { call }.expect(200).await;
        assert_eq!(answer.at("/version"), json!(if http2 { "HTTP/2.0" } else { "HTTP/1.1" }));
        assert_eq!(
            (answer.at("/method"), answer.at("/path")),
            (json!("PUT"), json!("/echo/a%20b"))
        );
        assert_eq!(answer.at("/query"), json!([["x", "1"], ["x", "2"], ["y", "+"]]));
        assert_eq!((answer.at("/length"), answer.at("/body")), (json!(5), json!("hello")));
        let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(answer.at("/sha256"), json!(hash));
        assert!(answer.at("/headers").as_array().unwrap().contains(&json!(["x-test", "yes"])));
    }
    assert_eq!(&running.echo.server().received()[0].body[..], b"hello");
    let big = vec![b'x'; 3 << 20];
    let answer = get(format!("{url}/upload")).method("POST").body(big).expect(200).await;
    assert_eq!((answer.at("/length"), answer.at("/body")), (json!(3 << 20), json!(null)));
    let teapot = get(format!("{url}/status/418")).expect(418).await;
    assert_eq!(teapot.at("/method"), json!("GET"));
    assert!(get(format!("{url}/status/204")).expect(204).await.body.is_empty());
    assert!(get(format!("{url}/echo")).method("HEAD").expect(200).await.body.is_empty());
    assert_eq!(running.echo.server().calls().aborted, 0);
}

#[tokio::test]
async fn bodies_come_in_every_form() {
    let running = start().await;
    let url = running.echo.server().url();
    let stream = get(format!("{url}/stream?n=3&ms=1&size=4")).expect(200).await;
    assert_eq!(stream.text(), "0..\n1..\n2..\n");
    assert_eq!(get(format!("{url}/sse?n=2")).expect(200).await.text(), "data: 0\n\ndata: 1\n\n");
    let sized = get(format!("{url}/bytes/100000")).expect(200).await;
    assert_eq!((sized.header("content-length"), sized.body.len()), ("100000", 100_000));
    let trailed = get(format!("{url}/trailers?n=1&size=2"))
        .header("te", "trailers")
        .http2()
        .expect(200)
        .await;
    assert_eq!(trailed.trailers.unwrap().get("x-checksum").unwrap(), "emulated");
    let mut cut = get(format!("{url}/cut?n=2")).open().await.unwrap().into_body();
    let mut n_bytes = 0;
    let broken = loop {
        match timeout(SOON, cut.frame()).await.unwrap() {
            Some(Ok(frame)) => n_bytes += frame.into_data().unwrap().len(),
            ended => break ended,
        }
    };
    assert!(matches!(broken, Some(Err(_))));
    assert_eq!(n_bytes, 32);
    let slow = get(format!("{url}/slow?ms=5")).expect(200).await;
    assert_eq!(slow.at("/path"), json!("/slow"));
}

#[tokio::test]
async fn frames_come_back() {
    let running = start().await;
    let handshake = "GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let frames =
        [0x01, 0x81, 0, 0, 0, 0, b'a', 0x80, 0x81, 0, 0, 0, 0, b'b', 0x88, 0x80, 0, 0, 0, 0];
    let sent = [handshake.as_bytes(), &frames[..]].concat();
    let (_, received) = raw(running.echo.server().url(), &sent, "never there").await;
    assert!(received.ends_with(&[0x01, 1, b'a', 0x80, 1, b'b', 0x88, 0]), "{received:?}");
    assert_eq!(running.echo.sockets().counts().completed, 1);
}
