//! HTTP/2 that no library would send: frames written here, over TLS as the listener offers it.

mod frames;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Header, PADDED, PING, PREFACE,
    PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, block, frame, get, head, literal, post, setting,
    window,
};
use super::{bystander, connect_from, memory_below, source, tell};
use crate::harness::{DEADLINE, Directory, Gateway, azure};
use crate::strict::{Strict, target, values};
use crate::tls::Authority;

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What a connection sends behind its preface, and the targets at the backend that it leads to.
struct Attack {
    name: String,
    bytes: Vec<u8>,
    expected: &'static [&'static str],
    /// The connection or stream may end before the backend has got what was in order.
    is_certain: bool,
}

fn attack(name: &str, frames: &[Vec<u8>], expected: &'static [&'static str]) -> Attack {
    Attack { name: name.to_owned(), bytes: frames.concat(), expected, is_certain: true }
}

/// Likewise, when what is wrong comes behind a request in order.
fn late(name: &str, frames: &[Vec<u8>], expected: &'static [&'static str]) -> Attack {
    Attack { is_certain: false, ..attack(name, frames, expected) }
}

/// A request with these headers and no body, which must not pass.
fn refused(name: &str, headers: &[Header<'_>]) -> Attack {
    attack(name, &[frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(headers))], &[])
}

/// Each pseudo-header left out, twice, too late, and with what does not belong there.
fn pseudo_headers() -> Vec<Attack> {
    let mut all = Vec::new();
    for n in 0..4 {
        let whole = head("GET", "/open/1");
        let name = String::from_utf8_lossy(whole[n].0).into_owned();
        let mut less = whole.clone();
        less.remove(n);
        // Without an authority nobody says which host is asked for.
        all.push(refused(&format!("no {name}"), &less));
        for other in ["/closed/1", "/open/2", "", "POST", "http", "other.test"] {
            let twice = [whole.clone(), vec![(whole[n].0, other.as_bytes())]].concat();
            all.push(refused(&format!("{name} twice, {other}"), &twice));
        }
        let late = [less.clone(), vec![(b"x".as_slice(), b"y".as_slice()), whole[n]]].concat();
        all.push(refused(&format!("{name} too late"), &late));
        for value in [
            "",
            " ",
            "\r\n",
            "\n",
            "\0",
            "\t",
            "a\r\nx: y",
            "a\nb",
            "a\0b",
            "\u{7f}",
            "\r\n\r\nGET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /open/2 HTTP/1.1\r\nHost: a\r\nx: ",
            "/open/1 HTTP/1.1\r\nx: y",
            "/open/1 x",
            "open/1",
            "http://other/open/1",
            "@/open/1",
            "*",
            "a@b",
            "a/b",
            "a?b",
            "a b",
            "a, b",
            "a:99999",
            "https://",
            "ftp",
            "CONNECT",
            "TRACE",
        ] {
            // These are what the header may well be.
            if matches!(
                (n, value),
                (0, "*" | "ftp")
                    | (1, "ftp" | "CONNECT" | "TRACE")
                    | (2, "*" | "ftp" | "CONNECT" | "TRACE")
            ) {
                continue;
            }
            let mut odd = whole.clone();
            odd[n].1 = value.as_bytes();
            all.push(refused(&format!("{name} `{}`", value.escape_debug()), &odd));
        }
    }
    for extra in [":foo", ":status", ":protocol", ":", "::path", ":Path", ": path"] {
        let more = [head("GET", "/open/1"), vec![(extra.as_bytes(), b"x".as_slice())]].concat();
        all.push(refused(&format!("an extra {extra}"), &more));
    }
    all
}

/// A name, headers, a body, and the targets that they lead to.
type Body = (&'static str, &'static [Header<'static>], &'static [u8], &'static [&'static str]);

fn headers() -> Vec<Attack> {
    let mut all = Vec::new();
    for (name, value) in [
        ("connection", "close"),
        ("connection", "x-marker"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("upgrade", "h2c"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
        ("host", "other.test"),
        ("X-Upper", "y"),
        ("transfer-encoding ", "chunked"),
        ("x y", "z"),
        ("x:y", "z"),
        ("x\r\ny", "z"),
        ("x\ny: z\r\n", "z"),
        ("x\0", "z"),
        ("", "z"),
        ("\u{e9}", "z"),
        ("x", "a\r\ny: z"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("cookie", "a=1\r\nx: y"),
        ("x", "a\r\n\r\nGET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("content-length", "+0"),
        ("content-length", "0x0"),
        ("content-length", "3"),
        ("content-length", "-1"),
        ("content-length", "99999999999999999999"),
        ("content-length", "0, 0"),
    ] {
        let more = [head("GET", "/open/1"), vec![(name.as_bytes(), value.as_bytes())]].concat();
        all.push(refused(
            &format!("header `{}: {}`", name.escape_debug(), value.escape_debug()),
            &more,
        ));
    }
    let hidden = b"GET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n";
    // A request whose length is nothing is whole before what it must not bring has come.
    all.push(late(
        "the length is nothing",
        &[post(1, "/open/1", &[(b"content-length", b"0")]), frame(DATA, END_STREAM, 1, hidden)],
        &["/base/1"],
    ));
    let bodies: [Body; 7] = [
        ("the length is too short", &[(b"content-length", b"3")], b"hello", &[]),
        ("the length is too long", &[(b"content-length", b"9")], b"hello", &[]),
        ("two lengths", &[(b"content-length", b"0"), (b"content-length", b"33")], hidden, &[]),
        (
            "two equal lengths",
            &[(b"content-length", b"33"), (b"content-length", b"33")],
            hidden,
            &[],
        ),
        (
            "chunks",
            &[(b"transfer-encoding", b"chunked")],
            b"0\r\n\r\nGET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n",
            &[],
        ),
        (
            "chunks that nobody named",
            &[],
            b"0\r\n\r\nGET /open/2 HTTP/1.1\r\nHost: a\r\n\r\n",
            &["/base/1"],
        ),
        ("a request as the body", &[(b"content-length", b"33")], hidden, &["/base/1"]),
    ];
    for (name, more, body, expected) in bodies {
        let frames = [post(1, "/open/1", more), frame(DATA, END_STREAM, 1, body)];
        all.push(attack(name, &frames, expected));
    }
    all
}

/// Frames of streams that are not there, not yet, or no longer.
fn streams() -> Vec<Attack> {
    let data = |flags, stream, text: &[u8]| frame(DATA, flags, stream, text);
    vec![
        late("a stream twice", &[get(1, "/open/1"), get(1, "/open/2")], &["/base/1"]),
        late("a lower stream", &[get(5, "/open/1"), get(3, "/open/2")], &["/base/1"]),
        attack("an even stream", &[get(2, "/open/1")], &[]),
        attack("stream 0", &[get(0, "/open/1")], &[]),
        attack("data for nobody", &[data(0, 0, b"x")], &[]),
        attack("data before the headers", &[data(0, 1, b"x"), get(1, "/open/1")], &[]),
        late("data behind the end", &[get(1, "/open/1"), data(0, 1, b"x")], &["/base/1"]),
        attack(
            "reset before the end",
            &[post(1, "/open/1", &[]), data(0, 1, b"x"), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])],
            &[],
        ),
        attack(
            "reset of nothing",
            &[frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), get(1, "/open/1")],
            &[],
        ),
        attack(
            "reset of another length",
            &[post(1, "/open/1", &[]), frame(RST_STREAM, 0, 1, &[0, 0, 8])],
            &[],
        ),
        late(
            "trailers with a path, which nobody reads",
            &[
                post(1, "/open/1", &[]),
                frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&head("GET", "/open/2"))),
            ],
            &["/base/1"],
        ),
        attack(
            "trailers without an end",
            &[post(1, "/open/1", &[]), frame(HEADERS, END_HEADERS, 1, &block(&[(b"x", b"y")]))],
            &[],
        ),
    ]
}

/// Headers in several frames.
fn continuations() -> Vec<Attack> {
    let whole = block(&head("GET", "/open/1"));
    let (start, rest) = whole.split_at(20);
    let begun = frame(HEADERS, END_STREAM, 1, start);
    vec![
        attack(
            "in two parts",
            &[begun.clone(), frame(CONTINUATION, END_HEADERS, 1, rest)],
            &["/base/1"],
        ),
        attack("never whole", std::slice::from_ref(&begun), &[]),
        attack(
            "whole, but for another",
            &[begun.clone(), frame(CONTINUATION, END_HEADERS, 3, rest)],
            &[],
        ),
        attack(
            "interrupted",
            &[begun.clone(), frame(PING, 0, 0, &[0; 8]), frame(CONTINUATION, END_HEADERS, 1, rest)],
            &[],
        ),
        attack(
            "interrupted by another",
            &[begun, get(3, "/open/3"), frame(CONTINUATION, END_HEADERS, 1, rest)],
            &[],
        ),
        attack(
            "continued without a beginning",
            &[frame(CONTINUATION, END_HEADERS, 1, &whole)],
            &[],
        ),
        attack(
            "a promise",
            &[frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &whole].concat())],
            &[],
        ),
    ]
}

/// Frames of the connection, and what is wrong with frames of any kind.
fn connections() -> Vec<Attack> {
    let whole = block(&head("GET", "/open/1"));
    let data = |flags, stream, text: &[u8]| frame(DATA, flags, stream, text);
    vec![
        attack(
            "depends on itself",
            &[frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 0]), get(1, "/open/1")],
            &[],
        ),
        attack(
            "padding beyond the end",
            &[post(1, "/open/1", &[]), data(END_STREAM | PADDED, 1, &[200, 1, 2])],
            &[],
        ),
        attack(
            "padding of the headers",
            &[frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, &[&[255][..], &whole].concat())],
            &[],
        ),
        attack("a frame that is too long", &[frame(DATA, 0, 1, &vec![0; 20_000])], &[]),
        attack(
            "settings that are acknowledged and said",
            &[frame(SETTINGS, 1, 0, &[0, 1, 0, 0, 0, 0]), get(1, "/open/1")],
            &[],
        ),
        attack("settings of a stream", &[frame(SETTINGS, 0, 1, &[]), get(1, "/open/1")], &[]),
        attack("half a setting", &[frame(SETTINGS, 0, 0, &[0, 1, 0]), get(1, "/open/1")], &[]),
        attack("push that is neither on nor off", &[setting(2, 2), get(1, "/open/1")], &[]),
        attack("a window that is too large", &[setting(4, 1 << 31), get(1, "/open/1")], &[]),
        attack("frames that are too small", &[setting(5, 1), get(1, "/open/1")], &[]),
        attack("a window by nothing", &[window(0, 0), get(1, "/open/1")], &[]),
        attack("a window beyond all", &[window(0, 0x7fff_ffff), get(1, "/open/1")], &[]),
        attack("half a ping", &[frame(PING, 0, 0, &[0; 7]), get(1, "/open/1")], &[]),
        attack("a ping of a stream", &[frame(PING, 0, 1, &[0; 8]), get(1, "/open/1")], &[]),
        attack(
            "an unknown frame",
            &[frame(0xfa, 0xff, 7, b"what"), get(1, "/open/1")],
            &["/base/1"],
        ),
        attack("an unknown setting", &[setting(0x1a1a, 7), get(1, "/open/1")], &["/base/1"]),
        attack("HTTP/1.1", &[b"GET /open/1 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()], &[]),
        attack("refused, then another", &[get(1, "/closed/1"), get(3, "/open/3")], &["/base/3"]),
        attack(
            "the mark of a policy",
            &[frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &block(&[head("GET", "/open/1"), vec![(b"x-marker", b"127.0.0.9 x")]].concat()),
            )],
            &["/base/1"],
        ),
    ]
}

/// Blocks of headers that cannot be read.
fn compression() -> Vec<Attack> {
    let whole = block(&head("GET", "/open/1"));
    let mut all = Vec::new();
    for (name, broken) in [
        ("index 0", &[0x80][..]),
        ("an index beyond the table", &[0xff, 0xff, 0x7f]),
        ("an index without an end", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a table beyond what is allowed", &[0x3f, 0xe1, 0xff, 0xff, 0x07]),
        ("a name that is cut off", &[0x00, 0x05, b'a']),
        ("Huffman that is none", &[0x00, 0x81, 0xff, 0x01, b'a']),
        ("Huffman that says the end", &[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]),
    ] {
        let block = [&whole, broken].concat();
        all.push(attack(name, &[frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)], &[]));
    }
    all
}

/// `open` lets everybody in, and `closed` nobody; `large` is a backend that has much to say.
async fn start(large: &str) -> (Strict, Gateway, TlsConnector) {
    let (backend, address) = Strict::start().await;
    let authority = Authority::new();
    let (pem, _) = authority.issue(&["gw.test"]);
    let config = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ncertificates = [\"front\"]\n\
         [certificates.front]\nfile = \"front.pem\"\n\
         [timeouts]\nkeep-alive = \"1s\"\nrequest-header = \"1s\"\nrequest-body = \"1s\"\nclient-write = \"1s\"\n\
         [backends.strict]\nurl = \"http://{address}/base\"\n\
         [apis.open]\npath = \"open\"\nbackend = \"strict\"\nsubscription = \"optional\"\n\
         [apis.large]\npath = \"large\"\nservice-url = \"{large}\"\nsubscription = \"optional\"\n\
         [apis.closed]\npath = \"closed\"\nbackend = \"strict\"\nsubscription = \"optional\"\n"
    );
    let marking = "<policies><inbound><base/><set-header name=\"x-marker\" exists-action=\"override\">\
         <value>@(context.Request.IpAddress + \" \" + context.RequestId)</value></set-header></inbound>\
         <backend><base/></backend></policies>";
    let closed = "<policies><inbound><return-response><set-status code=\"403\"/></return-response></inbound>\
         <backend><base/></backend></policies>";
    let gateway = Directory::new(&config)
        .file("front.pem", &pem)
        .api("open", marking)
        .api("closed", closed)
        .start();
    (backend, gateway, authority.client(&[b"h2"]))
}

/// A connection that has said what a connection says first.
async fn open(gateway: &Gateway, client: &TlsConnector, n: usize) -> TlsStream<TcpStream> {
    let stream = connect_from(n, gateway.https.expect("an HTTPS listener")).await;
    let name = ServerName::try_from("gw.test").expect("a name");
    let connecting = client.connect(name, stream);
    let mut stream =
        tokio::time::timeout(DEADLINE, connecting).await.expect("in time").expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.expect("a preface");
    stream
}

/// After so long a silence nothing more is expected.
const QUIET: Duration = Duration::from_millis(400);

/// Kinds of the frames that come until it is quiet, or the connection ends.
async fn listen(stream: &mut TlsStream<TcpStream>, quiet: Duration) -> Vec<u8> {
    let mut received = Vec::new();
    while let Ok(Ok(1..)) = tokio::time::timeout(quiet, stream.read_buf(&mut received)).await {}
    kinds(&received)
}

/// Likewise, until there is an answer, however long that takes.
async fn answered(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut received = Vec::new();
    let answering = async {
        while !kinds(&received).contains(&HEADERS) {
            if !stream.read_buf(&mut received).await.is_ok_and(|n| n > 0) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, answering).await.expect("an answer in time");
    // There may be a second one.
    [kinds(&received), listen(stream, QUIET).await].concat()
}

fn kinds(received: &[u8]) -> Vec<u8> {
    let (mut kinds, mut at) = (Vec::new(), 0);
    while let Some([a, b, c, kind]) = received.get(at..at + 4) {
        kinds.push(*kind);
        at += 9 + usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).expect("a length");
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn only_well_formed_streams_are_requests() {
    let began = Instant::now();
    let (backend, gateway, client) = start(NOWHERE).await;
    let attacks: Vec<Attack> =
        [pseudo_headers(), headers(), streams(), continuations(), connections(), compression()]
            .into_iter()
            .flatten()
            .collect();
    let sending = attacks.iter().enumerate().map(async |(n, attack)| {
        let mut stream = open(&gateway, &client, n).await;
        // The gateway may end the connection before it has got everything.
        stream.write_all(&attack.bytes).await.ok();
        stream.flush().await.ok();
        if attack.expected.is_empty() || !attack.is_certain {
            listen(&mut stream, QUIET).await
        } else {
            answered(&mut stream).await
        }
    });
    let answers: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(48).collect().await;
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let mut arrived: HashMap<String, Vec<String>> = HashMap::new();
    for (head, _) in &seen.requests {
        let mark = values(head, "x-marker").join("");
        let from = mark.split(' ').next().unwrap_or_default().to_owned();
        arrived.entry(from).or_default().push(target(head).to_owned());
    }
    let mut wrong = Vec::new();
    for (n, (attack, kinds)) in attacks.iter().zip(&answers).enumerate() {
        let targets = arrived.remove(&source(n).to_string()).unwrap_or_default();
        let is_whole = targets == attack.expected;
        if !is_whole && (attack.is_certain || !targets.is_empty()) {
            wrong.push(format!(
                "{}: {targets:?}, not {:?}; frames {kinds:?}",
                attack.name, attack.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(arrived.is_empty(), "requests of nobody: {arrived:?}");
    let memory = memory_below(&gateway, 256);
    tell(
        "HTTP/2 frames",
        attacks.len(),
        began,
        &format!("{} requests in order arrived; {memory}", seen.requests.len()),
    );
}

/// Frames that cost their sender little: `next` makes them by number, `n` of them are sent as long as they are taken.
struct Flood {
    name: &'static str,
    n: u32,
    begin: Vec<u8>,
    next: fn(u32) -> Vec<u8>,
    is_heard: bool,
}

fn floods() -> Vec<Flood> {
    fn stream(n: u32) -> u32 {
        2 * n + 1
    }
    fn bomb() -> Vec<u8> {
        // One long header is remembered, and then named again and again by one byte.
        let mut first = block(&head("GET", "/open/1"));
        literal(&mut first, true, b"x", &[b'y'; 4_000]);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &first)
    }
    let plain = |name, n, next, is_heard| Flood { name, n, begin: Vec::new(), next, is_heard };
    vec![
        plain(
            "rapid reset",
            20_000,
            |n| {
                [get(stream(n), "/open/1?never"), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])]
                    .concat()
            },
            true,
        ),
        plain(
            "reset by windows of nothing",
            20_000,
            |n| [get(stream(n), "/open/1?never"), window(stream(n), 0)].concat(),
            true,
        ),
        plain(
            "reset by windows beyond all",
            20_000,
            |n| [get(stream(n), "/open/1?never"), window(stream(n), 0x7fff_ffff)].concat(),
            true,
        ),
        plain(
            "reset by data behind the end",
            20_000,
            |n| [get(stream(n), "/open/1?never"), frame(DATA, 0, stream(n), b"x")].concat(),
            true,
        ),
        plain(
            "malformed requests",
            20_000,
            |n| frame(HEADERS, END_STREAM | END_HEADERS, stream(n), &block(&[(b":path", b"/")])),
            true,
        ),
        plain("settings", 100_000, |_| frame(SETTINGS, 0, 0, &[]), false),
        plain("pings", 100_000, |_| frame(PING, 0, 0, &[7; 8]), false),
        plain("priorities", 100_000, |n| frame(PRIORITY, 0, stream(n), &[0, 0, 0, 0, 9]), true),
        Flood {
            name: "empty data",
            n: 200_000,
            begin: post(1, "/open/1", &[]),
            next: |_| frame(DATA, 0, 1, &[]),
            is_heard: true,
        },
        Flood {
            name: "endless trailers",
            n: 10_000,
            begin: [post(1, "/open/1", &[]), frame(HEADERS, END_STREAM, 1, &[])].concat(),
            next: |_| frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y']),
            is_heard: true,
        },
        Flood {
            name: "continuations",
            n: 4_000,
            begin: frame(HEADERS, END_STREAM, 1, &block(&head("GET", "/open/1"))),
            next: |_| {
                let mut block = Vec::new();
                literal(&mut block, false, b"x", &[b'y'; 15_000]);
                frame(CONTINUATION, 0, 1, &block)
            },
            is_heard: true,
        },
        Flood {
            name: "empty continuations",
            n: 100_000,
            begin: frame(HEADERS, END_STREAM, 1, &[]),
            next: |_| frame(CONTINUATION, 0, 1, &[]),
            is_heard: true,
        },
        Flood {
            name: "a bomb of headers",
            n: 1_000,
            begin: bomb(),
            next: |n| {
                frame(
                    HEADERS,
                    END_STREAM | END_HEADERS,
                    stream(n + 1),
                    &[block(&head("GET", "/open/1")), vec![0xbe; 16_000]].concat(),
                )
            },
            is_heard: true,
        },
    ]
}

/// Sends a flood until it is over, the connection ends, or two seconds have passed. How many were sent.
async fn pour(gateway: &Gateway, client: &TlsConnector, n: usize, flood: &Flood) -> u32 {
    const BATCH: u32 = 50;
    const PATIENCE: Duration = Duration::from_secs(2);
    let (mut read, mut write) = tokio::io::split(open(gateway, client, n).await);
    let (mut sent, is_heard) = (0, flood.is_heard);
    let hearing = tokio::spawn(async move {
        let mut sink = vec![0; 64 << 10];
        while is_heard && read.read(&mut sink).await.is_ok_and(|n| n > 0) {}
        // Whoever does not listen keeps the connection all the same.
        read
    });
    let pouring = async {
        write.write_all(&flood.begin).await?;
        while sent < flood.n {
            let batch: Vec<u8> =
                (sent..flood.n.min(sent + BATCH)).flat_map(|n| (flood.next)(n)).collect();
            write.write_all(&batch).await?;
            write.flush().await?;
            sent += BATCH;
        }
        std::io::Result::Ok(())
    };
    // A flood that is not taken any more has been stopped, too.
    drop(tokio::time::timeout(PATIENCE, pouring).await);
    hearing.abort();
    sent.min(flood.n)
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_end_and_others_are_served() {
    let began = Instant::now();
    let (backend, gateway, client) = start(NOWHERE).await;
    let (done, served, task) = bystander(gateway.http, "/open/plain");
    let mut told = Vec::new();
    let mut n_sent = 0;
    for (n, flood) in floods().iter().enumerate() {
        let sent = pour(&gateway, &client, n, flood).await;
        n_sent += usize::try_from(sent).expect("a number");
        told.push(format!("{} {sent}", flood.name));
    }
    done.store(true, Ordering::Relaxed);
    let longest = task.await.expect("others are served");
    let served = served.load(Ordering::Relaxed);
    assert!(served > 2, "only {served} others were served");
    assert!(longest < super::PATIENCE, "another waited for {longest:?}");
    let seen = backend.take();
    assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    let memory = memory_below(&gateway, 512);
    let more = format!(
        "{served} others served, the slowest in {longest:.1?}; {memory}; {}",
        told.join(", ")
    );
    tell("HTTP/2 floods", n_sent, began, &more);
}

/// Clients that let nothing in: the answers to all their streams wait in the gateway, until it gives them up.
#[tokio::test(flavor = "multi_thread")]
async fn closed_windows_hold_bounded_memory() {
    const CONNECTIONS: usize = 8;
    const STREAMS: u32 = 90;
    let began = Instant::now();
    let azure = azure().await;
    let (_backend, gateway, client) = start(azure.echo.server().url()).await;
    let (done, served, task) = bystander(gateway.http, "/open/plain");
    let closed = futures::future::join_all((0..CONNECTIONS).map(async |n| {
        let mut stream = open(&gateway, &client, n).await;
        let asks = (0..STREAMS).flat_map(|n| get(2 * n + 1, "/large/bytes/1000000"));
        let bytes: Vec<u8> = setting(4, 0).into_iter().chain(asks).collect();
        stream.write_all(&bytes).await.expect("requests");
        stream.flush().await.expect("requests");
        listen(&mut stream, Duration::from_secs(2)).await
    }))
    .await;
    let n_given_up: usize =
        closed.iter().flatten().filter(|kind| matches!(**kind, RST_STREAM | GOAWAY)).count();
    done.store(true, Ordering::Relaxed);
    task.await.expect("others are served");
    assert!(n_given_up > 0, "nothing was given up: {:?}", closed.first());
    let memory = memory_below(&gateway, 768);
    let more = format!(
        "{n_given_up} streams given up, {} others served; {memory}",
        served.load(Ordering::Relaxed)
    );
    tell("HTTP/2 closed windows", CONNECTIONS * STREAMS as usize, began, &more);
}
