//! `retry` around `forward-request`: what a second backend gets, and what the client gets in the end.

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tollgate_emulator::{Fault, Running};

use crate::harness::{Answer, Call, Directory, Gateway, azure, find};

/// The first run goes to one backend, the others to another.
const POLICY: &str = r#"<policies>
    <inbound><base /></inbound>
    <backend>
        <retry condition="@(context.Response.StatusCode == 429)" count="2" interval="0" first-fast-retry="true">
            <choose>
                <when condition="@(context.Variables.ContainsKey("again"))">
                    <set-backend-service backend-id="second" />
                </when>
            </choose>
            <set-variable name="again" value="@(true)" />
            <forward-request buffer-request-body="true" />
        </retry>
    </backend>
    <outbound><base /></outbound>
</policies>"#;

const LENGTH: usize = 20 << 20;

fn gateway(first: &Running, second: &Running) -> Gateway {
    let config = format!(
        "[limits]\nbuffered-body = \"24 MiB\"\nbuffers-total = \"64 MiB\"\n\
         [backends.first]\nurl = \"{}/echo\"\n[backends.second]\nurl = \"{}/echo\"\n\
         [apis.large]\npath = \"large\"\nbackend = \"first\"\nsubscription = \"optional\"\n",
        first.echo.server().url(),
        second.echo.server().url(),
    );
    Directory::new(&config).api("large", POLICY).start()
}

/// 20 MiB in which no part is like another.
fn body() -> Bytes {
    (0..LENGTH / 8)
        .flat_map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect()
}

fn throttled(status: u16, from: &str) -> Fault {
    let headers = vec![("x-from".to_owned(), from.to_owned())];
    Fault::Answer { status, headers, body: Bytes::from(from.to_owned()) }
}

async fn send(gateway: &Gateway) -> Answer {
    gateway.send(Call::post("/large/upload", body())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_sent_again_to_a_second_backend() {
    let (first, second) = (azure().await, azure().await);
    let gateway = gateway(&first, &second);
    first.echo.server().fail_next("/echo/upload", 1, throttled(429, "first"));
    let answer = send(&gateway).await.expect(200).json();
    assert_eq!(answer["length"], LENGTH);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body());
    let hash = hash.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(answer["sha256"], hash);
    assert_eq!(
        (first.echo.server().received().len(), second.echo.server().received().len()),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_response_stays_when_the_count_is_used_up() {
    let (first, second) = (azure().await, azure().await);
    let gateway = gateway(&first, &second);
    first.echo.server().fail("/echo/upload", throttled(429, "first"));
    second.echo.server().fail("/echo/upload", throttled(429, "second"));
    let answer = send(&gateway).await.expect(429);
    assert_eq!((answer.header("x-from"), answer.text().as_str()), ("second", "second"));
    assert_eq!(
        (first.echo.server().received().len(), second.echo.server().received().len()),
        (1, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_the_wait_also_with_an_unread_body() {
    const WAITS: &str = r#"<policies><inbound>
        <retry condition="true" count="2" interval="3600"><set-variable name="n" value="1" /></retry>
    </inbound></policies>"#;
    let config = "[apis.waits]\npath = \"waits\"\nsubscription = \"optional\"\n";
    let gateway = Directory::new(config).api("waits", WAITS).start();
    for (path, length) in [("/waits/none", 0), ("/waits/whole", 4), ("/waits/part", 400)] {
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        let body = if length > 0 { "body" } else { "" };
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("a request");
        drop(stream);
        let line = gateway.access(path).await;
        let reason = find(&line, "error_reason").and_then(|reason| reason.as_str());
        assert_eq!(reason, Some("ClientConnectionFailure"), "{line}");
    }
}
