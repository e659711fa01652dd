//! Bodies that do not announce how long they are, against `max-size` of `validate-content` and `limits.buffered-body`.

use std::fmt::Write as _;

use crate::harness::{Call, Directory, Gateway, azure};

/// Five thousand letters.
const GZIP: [u8; 40] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00,
    0x00, 0xc2, 0xa0, 0xda, 0x8b, 0x6f, 0x0a, 0x3f, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x80, 0xb7, 0x01,
    0x26, 0xf0, 0xdb, 0x00, 0x88, 0x13, 0x00, 0x00,
];

/// A policy that checks the size of requests and tells what it recorded.
fn document(max_size: usize, action: &str) -> String {
    format!(
        r#"<policies>
    <inbound>
        <base />
        <validate-content unspecified-content-type-action="ignore" max-size="{max_size}" size-exceeded-action="{action}" errors-variable-name="errors" />
        <set-header name="x-errors"><value>@(context.Variables.ContainsKey("errors").ToString())</value></set-header>
    </inbound>
    <backend><base /></backend>
    <on-error>
        <set-header name="x-reason"><value>@(context.LastError.Reason)</value></set-header>
        <set-header name="x-details"><value>@(context.Variables.ContainsKey("errors") ? (string)((JArray)context.Variables["errors"])[0]["Details"] : "none")</value></set-header>
    </on-error>
</policies>"#
    )
}

/// Sends so many bytes in chunks; what comes back.
async fn chunked(gateway: &Gateway, api: &str, length: usize) -> String {
    let mut sent = format!(
        "POST /{api} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut left = length;
    while left > 0 {
        let chunk = left.min(1000);
        write!(sent, "{chunk:x}\r\n{}\r\n", "x".repeat(chunk)).expect("text");
        left -= chunk;
    }
    sent.push_str("0\r\n\r\n");
    gateway.raw(sent.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_judges_what_the_limit_cuts_off() {
    const LIMIT: usize = 64 << 10;
    let azure = azure().await;
    let mut config = format!(
        "[limits]\nbuffered-body = \"64 KiB\"\n[backends.echo]\nurl = \"{}/echo\"\n",
        azure.echo.server().url()
    );
    let mut directory = Directory::new("").file(
        "global.xml",
        "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>",
    );
    for (api, max_size, action) in [
        ("prevent", 3000, "prevent"),
        ("detect", 3000, "detect"),
        ("ignore", 3000, "ignore"),
        ("wide", LIMIT + 1, "prevent"),
    ] {
        writeln!(
            config,
            "[apis.{api}]\npath = \"{api}\"\nbackend = \"echo\"\nsubscription = \"optional\""
        )
        .expect("text");
        directory = directory.api(api, &document(max_size, action));
    }
    directory.configure(&config);
    let gateway = directory.start();
    for (api, length, expected) in [
        ("prevent", 3000, &["HTTP/1.1 200", "[\"x-errors\",\"False\"]"][..]),
        (
            "prevent",
            3001,
            &[
                "HTTP/1.1 400 ",
                "x-details: Request's body is 3001 bytes long and it exceeds the configured limit of 3000 bytes.\r\n",
                r#"{ "statusCode": 400, "message": "Request's body is 3001 bytes long and it exceeds the limit of 3000 bytes." }"#,
            ],
        ),
        (
            "prevent",
            2 * LIMIT,
            &[
                "HTTP/1.1 400 ",
                "x-reason: Bad request\r\n",
                "x-details: Request's body is more than 65536 bytes long and it exceeds the configured limit of 3000 bytes.\r\n",
                r#"{ "statusCode": 400, "message": "Request's body is more than 65536 bytes long and it exceeds the limit of 3000 bytes." }"#,
            ],
        ),
        ("detect", 3001, &["HTTP/1.1 200", "[\"x-errors\",\"True\"]"]),
        (
            "detect",
            2 * LIMIT,
            &[
                "HTTP/1.1 413 ",
                "x-reason: RequestBodyTooLarge\r\n",
                "x-details: Request's body is more than 65536 bytes long",
            ],
        ),
        // What is not to be looked at is not read, and streams through.
        ("ignore", 2 * LIMIT, &["HTTP/1.1 200", "[\"x-errors\",\"False\"]"]),
        // Nobody knows whether it is longer than the policy allows.
        (
            "wide",
            2 * LIMIT,
            &["HTTP/1.1 413 ", "x-reason: RequestBodyTooLarge\r\n", "x-details: none\r\n"],
        ),
    ] {
        let answer = chunked(&gateway, api, length).await;
        for part in expected {
            assert!(answer.contains(part), "{api}, {length} bytes: no `{part}` in\n{answer}");
        }
    }
    // What counts of an encoded body is what it holds.
    let packed = Call::post("/prevent", GZIP.to_vec()).header("content-encoding", "gzip");
    let answer = gateway.send(packed).await.expect(400);
    let expected = "Request's body is 5000 bytes long and it exceeds the limit of 3000 bytes.";
    assert_eq!(answer.json()["message"], expected);
}
