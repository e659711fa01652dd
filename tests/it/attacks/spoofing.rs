//! Clients that say they are somebody else, or take away what the gateway says of them.

use std::time::Instant;

use futures::StreamExt as _;
use tokio::net::TcpStream;

use super::{talk, tell};
use crate::harness::{Directory, Gateway};
use crate::strict::{Strict, values};

/// Headers that say who the client is, where it comes from and how; what a client writes there never arrives.
const CLAIMS: &[&str] = &[
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-real-ip",
    "x-client-ip",
    "forwarded",
    // Those of the configuration.
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-name",
    "x-ms-client-principal-idp",
    "x-ms-token-aad-access-token",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-forwarded-client-cert",
    "x-arr-clientcert",
    "x-user",
];

const SAID: &str = "spoofed";

async fn start() -> (Strict, Gateway) {
    let (backend, address) = Strict::start().await;
    let configured: Vec<String> = CLAIMS[8..].iter().map(|name| format!("{name:?}")).collect();
    let config = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nidentity-headers = [{}]\n\
         [timeouts]\nkeep-alive = \"100ms\"\nrequest-header = \"1s\"\nrequest-body = \"1s\"\n\
         [backends.strict]\nurl = \"http://{address}/base\"\nheaders = {{ x-backend-key = {{ value = \"key-of-the-backend\", development = true }} }}\n\
         [apis.open]\npath = \"open\"\nbackend = \"strict\"\nsubscription = \"optional\"\n\
         [apis.keyed]\npath = \"keyed\"\nbackend = \"strict\"\nsubscription-bearer = true\n\
         [subscriptions.one]\nkeys = [{{ value = \"the-key-of-one\", development = true }}]\nall-apis = true\n",
        configured.join(", ")
    );
    let policy = "<policies><inbound><base /><set-header name=\"x-marker\"><value>1</value></set-header>\
         <set-header name=\"x-verified\"><value>@(context.Request.IpAddress)</value></set-header></inbound>\
         <backend><base /></backend></policies>";
    (backend, Directory::new(&config).api("open", policy).api("keyed", policy).start())
}

/// Ways to write a name that some backend takes for the same.
fn spellings(name: &str) -> Vec<String> {
    let capital: String = name
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect::<Vec<_>>()
        .join("-");
    vec![
        name.to_owned(),
        name.to_uppercase(),
        capital,
        name.replace('-', "_"),
        name.to_uppercase().replace('-', "_"),
        name.replacen('-', "_", 1),
    ]
}

/// Lines that are sent beside the claim, and must not change what becomes of it.
const BESIDE: &[&str] = &[
    "",
    "Connection: close\r\n",
    "Connection: x-verified\r\n",
    "Connection: x-verified, x-marker, x-backend-key\r\n",
    "Connection: keep-alive, X-Verified\r\n",
    "Connection: x-marker\r\nConnection: x-backend-key\r\n",
    "Proxy-Connection: x-verified\r\n",
    "Keep-Alive: x-verified\r\n",
    "TE: x-verified\r\n",
    "Trailer: x-verified\r\n",
    "X-Verified: 127.0.0.99\r\nX-VERIFIED: 127.0.0.98\r\nx_verified: 127.0.0.97\r\n",
    "X-Backend-Key: mine\r\nx-backend-key: mine\r\n",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_somebody_else() {
    let began = Instant::now();
    let (backend, gateway) = start().await;
    let mut inputs = Vec::new();
    for claim in CLAIMS {
        for name in spellings(claim) {
            for beside in BESIDE {
                inputs.push(format!("{name}: {SAID}\r\n{beside}{name}: {SAID}, 127.0.0.1\r\n"));
            }
        }
    }
    let n_heads = inputs.len();
    let http = gateway.http;
    let sending = inputs.iter().map(async |lines| {
        let mut stream = TcpStream::connect(http).await.expect("a connection");
        let request = format!("GET /open/x HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        talk(&mut stream, request.as_bytes()).await
    });
    let answers: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(64).collect().await;
    assert!(
        answers.iter().all(
            |answer| answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 400")
        )
    );
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    assert_eq!(seen.requests.len(), n_heads, "some were refused");
    for (head, _) in &seen.requests {
        assert!(!head.contains(SAID), "a claim arrived: {head}");
        assert_eq!(values(head, "x-verified"), ["127.0.0.1"], "{head}");
        assert_eq!(values(head, "x-backend-key"), ["key-of-the-backend"], "{head}");
        assert_eq!(values(head, "x-forwarded-for"), ["127.0.0.1"], "{head}");
        assert_eq!(values(head, "x-forwarded-host"), ["a"], "{head}");
    }
    tell(
        "identity headers",
        n_heads,
        began,
        &format!("{n_heads} requests arrived without their claims"),
    );
}

/// The key of a subscription, wherever it may stand, is the gateway's alone.
#[tokio::test(flavor = "multi_thread")]
async fn keys_end_at_the_gateway() {
    const KEY: &str = "the-key-of-one";
    let began = Instant::now();
    let (backend, gateway) = start().await;
    let mut inputs: Vec<(String, bool)> = Vec::new();
    for name in
        ["api-key", "Api-Key", "API-KEY", "Ocp-Apim-Subscription-Key", "ocp-apim-subscription-key"]
    {
        for lines in [
            format!("{name}: {KEY}"),
            format!("{name}:   {KEY}  "),
            format!("{name}: {KEY}\r\n{name}: {KEY}"),
            format!("{name}: {KEY}\r\nConnection: {name}"),
            format!("{name}: {KEY}\r\nConnection: close"),
        ] {
            inputs.push((format!("GET /keyed/x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), true));
            inputs.push((format!("GET /open/x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), true));
            inputs.push((
                format!(
                    "POST /keyed/x HTTP/1.1\r\nHost: a\r\n{lines}\r\nContent-Length: 2\r\n\r\nhi"
                ),
                true,
            ));
        }
    }
    for query in [
        "subscription-key=KEY",
        "a=b&subscription-key=KEY&c=d",
        "subscription%2Dkey=KEY",
        "subscription-key=the%2Dkey-of-one",
        "subscription-key=KEY&subscription-key=KEY",
        "api-key=KEY",
    ] {
        let query = query.replace("KEY", KEY);
        inputs.push((format!("GET /keyed/x?{query} HTTP/1.1\r\nHost: a\r\n\r\n"), true));
        inputs.push((format!("GET http://a/keyed/x?{query} HTTP/1.1\r\nHost: a\r\n\r\n"), true));
    }
    inputs.push((
        format!("GET /keyed/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n\r\n"),
        true,
    ));
    inputs.push((
        format!("GET /keyed/x HTTP/1.1\r\nHost: a\r\nauthorization: bearer {KEY}\r\n\r\n"),
        true,
    ));
    for wrong in [
        "api_key: the-key-of-one",
        "api-key: the-key-of-one,x",
        "api-key: the-key-of-on",
        "api-key: the-key-of-onee",
        "api-key: THE-KEY-OF-ONE",
        "api-key:",
        "x-api-key-: the-key-of-one",
        "cookie: api-key=the-key-of-one",
    ] {
        inputs.push((format!("GET /keyed/x HTTP/1.1\r\nHost: a\r\n{wrong}\r\n\r\n"), false));
    }
    let http = gateway.http;
    let (mut n_right, mut n_arrived) = (0, 0);
    for (request, may_arrive) in &inputs {
        let mut stream = TcpStream::connect(http).await.expect("a connection");
        let answer =
            String::from_utf8_lossy(&talk(&mut stream, request.as_bytes()).await).into_owned();
        assert!(!answer.contains(KEY), "{request}: {answer}");
        let seen = backend.take();
        assert!(seen.violations.is_empty(), "{:?}", seen.violations);
        for (head, _) in &seen.requests {
            assert!(may_arrive, "{request} arrived: {head}");
            assert!(!head.contains(KEY) && !head.contains("the%2D"), "the key arrived: {head}");
        }
        n_right += usize::from(*may_arrive);
        n_arrived += seen.requests.len();
    }
    assert!(n_arrived * 10 > n_right * 8, "only {n_arrived} of {n_right} keys were good");
    assert_eq!(gateway.count_log(|line| line.contains(KEY)), 0);
    tell(
        "subscription keys",
        inputs.len(),
        began,
        &format!("{n_arrived} requests arrived without their key"),
    );
}
