//! Backends that break off at every byte of an answer over HTTP/1.1.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::{talk, tell};
use super::{End, Understood, counted, metric, understood};
use crate::harness::{Call, DEADLINE, Directory, Gateway, read_until};
use crate::streaming::gzip;
use crate::strict::target;

/// What a backend says when it is left alone.
struct Answer {
    name: &'static str,
    bytes: Vec<u8>,
    /// The body as it is sent, and as it reads.
    body: Vec<u8>,
    text: String,
    /// How many bytes of it make the body whole: trailers are nobody's.
    enough: usize,
    /// Only the end of the connection ends it.
    is_open_ended: bool,
}

const TEXT: &str = "zw\u{f6}lf K\u{e4}rtchen f\u{fc}r 12 \u{20ac}.";

impl Answer {
    fn new(name: &'static str, head: &str, body: &[u8], text: &str) -> Self {
        let bytes = [b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n\r\n", body].concat();
        let enough = bytes.len();
        let (body, text) = (body.to_vec(), text.to_owned());
        Self { name, bytes, body, text, enough, is_open_ended: false }
    }

    /// In chunks of these sizes, with an extension and trailers where they are asked for.
    fn chunked(
        name: &'static str,
        head: &str,
        body: &[u8],
        text: &str,
        (size, trailers): (usize, &str),
    ) -> Self {
        let mut coded = Vec::new();
        for (n, chunk) in body.chunks(size).enumerate() {
            let extension = if n == 1 { ";x=y" } else { "" };
            coded.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
            coded.extend_from_slice(chunk);
            coded.extend_from_slice(b"\r\n");
        }
        coded.extend_from_slice(b"0\r\n");
        let head = format!("{head}\r\nTransfer-Encoding: chunked");
        let mut this = Self::new(name, &head, &coded, text);
        this.body = body.to_vec();
        this.enough = this.bytes.len();
        this.bytes.extend_from_slice(format!("{trailers}\r\n").as_bytes());
        this
    }
}

/// With a length, in chunks, in events, packed, and up to the end of the connection.
async fn answers() -> Vec<Answer> {
    let plain = "Content-Type: text/plain; charset=utf-8";
    let packed = format!("{plain}\r\nContent-Encoding: gzip");
    let zipped = gzip(TEXT.as_bytes()).await;
    let events = "data: {\"a\":\"zw\u{f6}lf K\"}\n\ndata: [DONE]\n\n";
    let text = TEXT.as_bytes();
    let with_length = |head: &str, body: &[u8]| format!("{head}\r\nContent-Length: {}", body.len());
    let mut all = vec![
        Answer::new("length", &with_length(plain, text), text, TEXT),
        Answer::chunked(
            "chunks",
            &format!("{plain}\r\nTrailer: x-sum"),
            text,
            TEXT,
            (3, "x-sum: 1\r\n"),
        ),
        Answer::chunked(
            "events",
            "Content-Type: text/event-stream",
            events.as_bytes(),
            events,
            (22, ""),
        ),
        Answer::new("packed", &with_length(&packed, &zipped), &zipped, TEXT),
        Answer::chunked("packed-chunks", &packed, &zipped, TEXT, (10, "")),
        Answer::new("open", &format!("{plain}\r\nConnection: close"), text, TEXT),
    ];
    for answer in &mut all {
        answer.is_open_ended = answer.name == "open";
    }
    all
}

/// Says so many bytes of an answer as the path wants, and ends as it wants: `/<answer>/<bytes>/<end>`.
async fn breaking(answers: &Arc<Vec<Answer>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let answers = Arc::clone(answers);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let head = read_until(&mut stream, "\r\n\r\n").await;
                let mut wish = target(&head).split('/').skip(1);
                let name = wish.next().unwrap_or_default();
                let answer = answers.iter().find(|known| known.name == name).expect("an answer");
                let n: usize = wish.next().and_then(|n| n.parse().ok()).expect("a number");
                stream.write_all(&answer.bytes[..n]).await.ok();
                let end = if wish.next() == Some("Reset") { End::Reset } else { End::Close };
                end.of(stream).await;
            });
        }
    });
    address
}

/// What policies do with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Pass,
    Read,
    Edit,
}

impl Api {
    const ALL: [Self; 3] = [Self::Pass, Self::Read, Self::Edit];

    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Read => "read",
            Self::Edit => "edit",
        }
    }

    fn outbound(self) -> &'static str {
        match self {
            Self::Pass => "",
            Self::Read => {
                "<set-variable name=\"v\" value=\"@(context.Response.Body.As<string>(preserveContent: true).Length)\" />"
            }
            Self::Edit => "<find-and-replace from=\"K\" to=\"C\" />",
        }
    }
}

fn start(backend: SocketAddr) -> Gateway {
    let mut config =
        "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nh2c = true\n".to_owned();
    let mut directory = Directory::new("");
    for api in Api::ALL {
        let name = api.name();
        writeln!(
            config,
            "[apis.{name}]\npath = \"{name}\"\nservice-url = \"http://{backend}\"\nsubscription = \"optional\""
        )
        .expect("text");
        let policy = format!(
            "<policies><inbound /><backend><forward-request /></backend><outbound>{}</outbound>\
             <on-error><return-response><set-status code=\"502\" /><set-body>broken</set-body></return-response></on-error></policies>",
            api.outbound()
        );
        directory = directory.api(name, &policy);
    }
    directory.configure(&config);
    directory.start()
}

/// One answer that breaks off.
struct Input<'a> {
    api: Api,
    answer: &'a Answer,
    n: usize,
    end: End,
}

impl Input<'_> {
    fn path(&self) -> String {
        format!("/{}/{}/{}/{:?}", self.api.name(), self.answer.name, self.n, self.end)
    }

    /// Whether the backend has said all of its answer.
    fn is_all(&self) -> bool {
        if self.answer.is_open_ended { self.is_whole() } else { self.n == self.answer.bytes.len() }
    }

    /// Whether the backend has said a whole body.
    fn is_whole(&self) -> bool {
        let Answer { bytes, body, enough, is_open_ended, .. } = self.answer;
        if *is_open_ended {
            // Whatever came before an orderly end is all there was.
            return self.end == End::Close && self.n >= bytes.len() - body.len();
        }
        self.n >= *enough
    }

    /// What a whole answer is to look like.
    fn is_right(&self, head: &str, got: &[u8]) -> bool {
        let answer = self.answer;
        let left_out = if answer.is_open_ended { answer.bytes.len() - self.n } else { 0 };
        let sent = &answer.body[..answer.body.len() - left_out];
        if head.contains("content-encoding: gzip") {
            return self.api != Api::Edit && got == sent;
        }
        // A character may have lost its other half, which is none of an edit's business.
        let text = if answer.is_open_ended { sent } else { answer.text.as_bytes() };
        match self.api {
            Api::Edit => {
                got.iter().eq(text.iter().map(|byte| if *byte == b'K' { &b'C' } else { byte }))
            }
            Api::Pass | Api::Read => got == text || got == sent,
        }
    }
}

fn inputs(answers: &[Answer]) -> Vec<Input<'_>> {
    let mut inputs = Vec::new();
    for answer in answers {
        for n in 0..=answer.bytes.len() {
            for end in End::ALL {
                inputs.extend(Api::ALL.map(|api| Input { api, answer, n, end }));
            }
        }
    }
    inputs
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_anywhere_has_a_truthful_end() {
    let began = Instant::now();
    let answers = Arc::new(answers().await);
    let gateway = start(breaking(&answers).await);
    let inputs = inputs(&answers);
    let sending = inputs.iter().map(async |input| {
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let path = input.path();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        talk(&mut stream, request.as_bytes()).await
    });
    let replies: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(64).collect().await;
    let (mut wrong, mut n_whole, mut n_cut, mut n_errors) = (Vec::new(), 0, 0, 0);
    for (input, bytes) in inputs.iter().zip(&replies) {
        let fits = match understood(bytes) {
            Understood::Whole(502, ..) => {
                n_errors += 1;
                !input.is_all()
            }
            Understood::Whole(200, head, got) => {
                n_whole += 1;
                input.is_whole() && input.is_right(&head, &got)
            }
            Understood::Cut => {
                n_cut += 1;
                input.api == Api::Pass && !input.is_all()
            }
            _ => false,
        };
        if !fits {
            let said = String::from_utf8_lossy(bytes);
            wrong.push(format!("{} of {}: {said:?}", input.path(), input.answer.bytes.len()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} times:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(n_whole > 0 && n_cut > 0 && n_errors > 0);
    counted(&gateway, inputs.len()).await;
    let metrics = gateway.admin("/metrics").await.text();
    let broken = metric(&metrics, "tollgate_broken_responses_total", "side=\"backend\"");
    assert_eq!(broken, n_cut, "those that were cut, and each once");
    let more = format!("{n_whole} whole, {n_cut} visibly cut, {n_errors} answered with an error");
    tell("answers that break off", inputs.len(), began, &more);
}

/// Sends requests over one connection and says what was wrong with their answers.
async fn ask_over_http2(gateway: SocketAddr, inputs: &[Input<'_>]) -> Vec<String> {
    let stream = TcpStream::connect(gateway).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a handshake");
    tokio::spawn(connection);
    let mut wrong = Vec::new();
    for input in inputs {
        let mut request = Call::get(&input.path()).into_request();
        *request.uri_mut() = format!("http://a.test{}", input.path()).parse().expect("a URL");
        request.headers_mut().remove("host");
        sender.ready().await.expect("a connection");
        let sent = tokio::time::timeout(DEADLINE, sender.send_request(request)).await;
        let (head, body) = sent.expect("in time").expect("an answer").into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("in time");
        let whole = body.ok().map(|body| body.to_bytes());
        let fits = match (head.status.as_u16(), &whole) {
            (502, Some(_)) | (200, None) => !input.is_all(),
            (200, Some(got)) => {
                let packed = head.headers.get("content-encoding").is_some();
                let shown = if packed { "content-encoding: gzip" } else { "" };
                input.is_whole() && input.is_right(shown, got)
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("{}: {} {whole:?}", input.path(), head.status));
        }
    }
    wrong
}

/// Likewise, with clients that speak HTTP/2.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_has_a_truthful_end_over_http2() {
    let began = Instant::now();
    let answers = Arc::new(answers().await);
    let gateway = start(breaking(&answers).await);
    let mut inputs = inputs(&answers);
    inputs.retain(|input| input.api == Api::Pass);
    let asking = inputs.chunks(50).map(|inputs| ask_over_http2(gateway.http, inputs));
    let wrong = join_all(asking).await.concat();
    assert!(
        wrong.is_empty(),
        "{} times:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    counted(&gateway, inputs.len()).await;
    tell("answers that break off, over HTTP/2", inputs.len(), began, "streams were reset instead");
}
