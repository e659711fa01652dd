//! Requests that want to be more than one, or somebody else's: raw bytes to the gateway, and what arrives at a backend
//! that takes nothing for granted.

use std::net::SocketAddr;

use futures::StreamExt;
use tokio::net::TcpStream;

use crate::harness::{Call, Directory, Gateway, exchange};
use crate::strict::Strict;

/// What has been answered ends soon, and so does what never comes.
const SOON: &str =
    "[timeouts]\nkeep-alive = \"300ms\"\nrequest-header = \"300ms\"\nrequest-body = \"300ms\"\n";

/// Marks every request that a policy has seen; `open` needs no key, `guarded` does, `closed` lets nobody in.
async fn start(more: &str) -> (Strict, Gateway) {
    let (backend, address) = Strict::start().await;
    let config = format!(
        "{SOON}{more}\n[backends.strict]\nurl = \"http://{address}/base\"\n\
         [apis.open]\npath = \"open\"\nbackend = \"strict\"\nsubscription = \"optional\"\n\
         [apis.guarded]\npath = \"guarded\"\nbackend = \"strict\"\n\
         [apis.closed]\npath = \"closed\"\nbackend = \"strict\"\nsubscription = \"optional\"\n\
         [subscriptions.one]\nkeys = [{{ value = \"the-key-of-one\", development = true }}]\nall-apis = true\n"
    );
    let marking = "<policies><inbound><base/><set-header name=\"x-marker\"><value>1</value></set-header>\
         <set-header name=\"x-ip\"><value>@(context.Request.IpAddress)</value></set-header></inbound>\
         <backend><base/></backend><outbound><base/></outbound><on-error><base/></on-error></policies>";
    let closed = "<policies><inbound><return-response><set-status code=\"403\" reason=\"Forbidden\"/>\
         </return-response></inbound><backend><base/></backend></policies>";
    let directory =
        Directory::new(&config).api("open", marking).api("guarded", marking).api("closed", closed);
    (backend, directory.start())
}

/// Sends bytes and reads what comes until the gateway closes, which it does soon with the time-outs of [`SOON`].
async fn send(gateway: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway).await.expect("a connection");
    exchange(&mut stream, bytes).await
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

/// Header lines about the body's length; the second says whether they can be meant seriously.
const LENGTHS: [(&str, bool); 9] = [
    ("", true),
    ("Content-Length: 4\r\n", true),
    ("Content-Length: 0\r\nContent-Length: 4\r\n", false),
    // Said twice, but the same: RFC 9110 §8.6 leaves the choice.
    ("Content-Length: 4\r\nContent-Length: 4\r\n", false),
    ("Content-Length: 4, 4\r\n", false),
    ("Content-Length: +4\r\n", false),
    ("Content-Length: 0x4\r\n", false),
    ("Content-Length : 4\r\n", false),
    ("Content-Length: 4\n", false),
];

/// Header lines about how the body is coded.
const CODINGS: [(&str, bool); 13] = [
    ("", true),
    ("Transfer-Encoding: chunked\r\n", true),
    ("Transfer-Encoding: Chunked\r\n", true),
    ("Transfer-Encoding:\r\n chunked\r\n", false),
    ("Transfer-Encoding : chunked\r\n", false),
    ("Transfer-Encoding: xchunked\r\n", false),
    ("Transfer-Encoding: chunked, identity\r\n", false),
    ("Transfer-Encoding: identity\r\n", false),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", false),
    ("Transfer-Encoding: \x0bchunked\r\n", false),
    ("Transfer-Encoding: chunked\n", false),
    (" Transfer-Encoding: chunked\r\n", false),
    ("X: y\rTransfer-Encoding: chunked\r\n", false),
];

const BODIES: [&str; 3] = ["", "0\r\n\r\n", "4\r\nabcd\r\n0\r\n\r\n"];

/// Every combination, and whether it must be refused.
fn framings() -> Vec<(String, bool)> {
    let mut all = Vec::new();
    let hidden = "GET /closed/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for version in ["1.1", "1.0"] {
        for (length, length_is_fine) in LENGTHS {
            for (coding, coding_is_fine) in CODINGS {
                for body in BODIES {
                    let request = format!(
                        "POST /open/{} HTTP/{version}\r\nHost: a\r\n{length}{coding}\r\n{body}{hidden}",
                        all.len()
                    );
                    let two_ways = !length.is_empty() && !coding.is_empty();
                    let old = version == "1.0" && !coding.is_empty();
                    all.push((request, two_ways || old || !length_is_fine || !coding_is_fine));
                }
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_frame_a_body_is_one_or_refused() {
    let (backend, gateway) = start("").await;
    let framings = framings();
    let sending = framings.iter().enumerate().map(async |(n, (request, refused))| {
        (n, *refused, send(gateway.http, request.as_bytes()).await)
    });
    let answered: Vec<_> = futures::stream::iter(sending).buffer_unordered(64).collect().await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    // What the gateway takes for a body is one, and what it takes for a request was judged.
    assert!(seen.requests.iter().all(|(head, _)| !head.contains("hidden")));
    for (n, refused, answers) in answered {
        let arrived =
            seen.requests.iter().any(|(head, _)| head.starts_with(&format!("POST /base/{n} ")));
        let was_refused = matches!(statuses(&answers).as_slice(), ["400" | "501"]) && !arrived;
        assert!(was_refused || !refused, "{:?}: {answers}", framings[n]);
    }
    assert!(!seen.requests.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_framed_well_arrives() {
    let (backend, gateway) = start("").await;
    let answers = send(
        gateway.http,
        b"POST /open/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd\
          POST /open/2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nef\r\n2;x=y\r\ngh\r\n0\r\n\r\n\
          GET /open/3 HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    assert_eq!(statuses(&answers), ["200", "200", "200"], "{answers}");
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let got: Vec<_> = seen
        .requests
        .iter()
        .map(|(head, body)| (head.lines().next().unwrap_or_default(), body.as_str()))
        .collect();
    assert_eq!(
        got,
        [
            ("POST /base/1 HTTP/1.1", "abcd"),
            ("POST /base/2 HTTP/1.1", "efgh"),
            ("GET /base/3 HTTP/1.1", "")
        ]
    );
}

/// A body that nobody read is never taken for a request, whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_refused_request_is_not_a_request() {
    let (backend, gateway) = start("").await;
    let hidden = "GET /open/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let after = "GET /open/after HTTP/1.1\r\nHost: a\r\n\r\n";
    for path in ["/closed/x", "/guarded/x", "/nowhere"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}{after}",
            hidden.len()
        );
        let answers = send(gateway.http, request.as_bytes()).await;
        let refused = statuses(&answers)[0].to_owned();
        assert!(["401", "403", "404"].contains(&refused.as_str()), "{answers}");
        // The connection may have been closed instead.
        let targets = backend.targets();
        assert!(targets.is_empty() || targets == ["/base/after"], "{path}: {targets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_wrong_are_refused() {
    let limits = "[limits]\nheader-bytes = \"4 KiB\"\nheader-count = 20\nuri-bytes = \"1 KiB\"\n";
    let (backend, gateway) = start(limits).await;
    let long = "x".repeat(1_100);
    let fields = "X: y\r\n".repeat(25);
    let large = format!("X: {}\r\n", "y".repeat(5_000));
    for (request, status) in [
        ("GET /open/x HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /open/x HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), "400"),
        ("GET /open/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "400"),
        ("GET /open/x HTTP/1.1\nHost: a\n\n".to_owned(), "400"),
        ("GET /open/x HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n".to_owned(), "400"),
        ("GET /open/x HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_owned(), "405"),
        ("CONNECT /open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "4"),
        ("TRACE /open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "405"),
        (format!("GET /open/{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "414"),
        (format!("GET /open/x?{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "414"),
        (format!("GET /open/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), "431"),
        (format!("GET /open/x HTTP/1.1\r\nHost: a\r\n{large}\r\n"), "431"),
        ("GET http://other/open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET ftp://a/open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET http://user@a/open/x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
    ] {
        let answers = send(gateway.http, request.as_bytes()).await;
        let all = statuses(&answers);
        assert!(all.len() == 1 && all[0].starts_with(status), "{request:?}: {answers}");
        assert!(backend.targets().is_empty(), "{request:?}");
    }
    // The absolute form of the same address is the same request.
    let answers = send(gateway.http, b"GET http://a/open/x?y HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&answers), ["200"], "{answers}");
    assert_eq!(backend.targets(), ["/base/x?y"]);
}

/// No spelling of a path leads out of an API, into another one, or above the backend's base.
#[tokio::test(flavor = "multi_thread")]
async fn paths_do_not_climb() {
    let (backend, gateway) = start("").await;
    let ways = [
        "/open/../guarded/x",
        "/open/./../guarded/x",
        "/open/%2e%2e/guarded/x",
        "/open/%2E%2e/guarded/x",
        "/open/.%2e/guarded/x",
        "/open/%252e%252e/guarded/x",
        "/open/..%2fguarded/x",
        "/open/..%5cguarded/x",
        "/open/..\\guarded/x",
        "/open%2f..%2fguarded/x",
        "/open%2fx",
        "/open/..;/guarded/x",
        "/open/..;a=b/guarded/x",
        "/open/%c0%ae%c0%ae/guarded/x",
        "/open/%e0%80%ae%e0%80%ae/guarded/x",
        "/open/x/%2e%2e/%2e%2e/%2e%2e/guarded",
        "/open/..",
        "/open/../",
        "/open/%00",
        "/open/%0d%0aX:%20y",
        "//guarded/x",
        "///guarded/x",
        "/./guarded/x",
        "/../guarded/x",
        "/GUARDED/x",
        "/%67uarded/x",
        "/guarded%2fx",
        "/guarded/x",
        "/guarded",
        "/guarded/",
        "/guarded;x/y",
        "/guarded?open/x",
        "http://a//guarded/x",
    ];
    for way in ways {
        let request = format!("GET {way} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answers = send(gateway.http, request.as_bytes()).await;
        let targets = backend.targets();
        assert!(targets.is_empty(), "{way} became {targets:?}: {answers}");
        let all = statuses(&answers);
        assert!(matches!(all.as_slice(), ["400" | "401" | "404"]), "{way}: {answers}");
    }
    // What only looks like climbing passes as it came, but for repeated slashes, which mean one.
    for (way, target) in [
        ("/open/...", "/base/..."),
        ("/open/a..b/c", "/base/a..b/c"),
        ("/open/%2Ehidden", "/base/%2Ehidden"),
        ("/open/a%20b", "/base/a%20b"),
        ("/OPEN/x", "/base/x"),
        ("//open//x", "/base/x"),
    ] {
        let request = format!("GET {way} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answers = send(gateway.http, request.as_bytes()).await;
        assert_eq!(statuses(&answers), ["200"], "{way}: {answers}");
        assert_eq!(backend.targets(), [target]);
    }
}

/// The address of the client as policies and the backend see it.
async fn addresses(
    backend: &Strict,
    gateway: &Gateway,
    forwarded: &[(&str, &str)],
) -> (String, String) {
    let mut call = Call::get("/open/x");
    for (name, value) in forwarded {
        call = call.header(name, value);
    }
    gateway.send(call).await.expect(200);
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let (head, _) = seen.requests.first().expect("a request");
    let header = |name: &str| {
        let line = head.lines().filter_map(|line| line.split_once(": "));
        let found = line.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(header("forwarded"), "");
    (header("x-ip"), header("x-forwarded-for"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_says_who_he_is_but_proxies_that_are_trusted() {
    let (backend, gateway) = start("").await;
    let spoofed = [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-for", "127.0.0.2"),
        ("x-real-ip", "203.0.113.7"),
        ("x-client-ip", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
    ];
    let (ip, chain) = addresses(&backend, &gateway, &spoofed).await;
    assert_eq!((ip.as_str(), chain.as_str()), ("127.0.0.1", "127.0.0.1"));

    let listen = "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
                  trusted-proxies = [\"127.0.0.0/8\"]\n";
    let (backend, gateway) = start(listen).await;
    // The rightmost address that is not a proxy's is the client's: what stands before it is only claimed.
    for (chain, client) in [
        ("203.0.113.7", "203.0.113.7"),
        ("10.1.2.3, 203.0.113.7", "203.0.113.7"),
        ("10.1.2.3, 203.0.113.7, 127.0.0.9", "203.0.113.7"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, nonsense", "127.0.0.1"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
    ] {
        let (ip, sent) = addresses(&backend, &gateway, &[("x-forwarded-for", chain)]).await;
        assert_eq!(ip, client, "{chain}");
        assert_eq!(sent, format!("{chain}, 127.0.0.1"));
    }
}

/// The PROXY protocol is heeded from trusted peers only, and where it is on, a request without it is none.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_protocol_is_for_trusted_peers() {
    let listen = |trusted: &str| {
        format!(
            "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nproxy-protocol = true\n\
             trusted-proxies = [\"{trusted}\"]\n"
        )
    };
    let request = "GET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let line = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n";
    let (backend, gateway) = start(&listen("127.0.0.1")).await;
    let answers = send(gateway.http, format!("{line}{request}").as_bytes()).await;
    assert_eq!(statuses(&answers), ["200"], "{answers}");
    let seen = backend.take();
    assert!(seen.requests[0].0.contains("x-ip: 203.0.113.7"), "{:?}", seen.requests);
    let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
    let answers = exchange(&mut stream, request.as_bytes()).await;
    assert_eq!((answers.as_str(), backend.targets().len()), ("", 0));

    let (backend, gateway) = start(&listen("192.0.2.1")).await;
    let answers = send(gateway.http, format!("{line}{request}").as_bytes()).await;
    assert_eq!(statuses(&answers), ["400"], "{answers}");
    assert!(backend.targets().is_empty());
}
