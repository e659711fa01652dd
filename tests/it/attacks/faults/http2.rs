//! Backends that break off at every byte of an answer over HTTP/2.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::{talk, tell};
use super::{End, Understood, counted, understood};
use crate::harness::Directory;

const TEXT: &str = "zw\u{f6}lf K\u{e4}rtchen f\u{fc}r 12 \u{20ac}.";

/// Backends that break off at a time. Each has connections of its own, so that none is cut that carries another request.
const BACKENDS: usize = 8;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Settings and their acknowledgement, and an answer with one header in three frames of data on stream 1.
fn answer() -> Vec<u8> {
    // `:status: 200` from the static table, and a literal without indexing named 31 (`content-type`) there.
    let head = [&[0x88, 0x0f, 0x10, 25], &b"text/plain; charset=utf-8"[..]].concat();
    let mut all = [frame(4, 0, 0, &[]), frame(4, 1, 0, &[]), frame(1, 4, 1, &head)].concat();
    for (n, piece) in TEXT.as_bytes().chunks(12).enumerate() {
        let is_last = (n + 1) * 12 >= TEXT.len();
        all.extend(frame(0, u8::from(is_last), 1, piece));
    }
    all
}

/// Reads the preface and frames until a request has begun.
async fn request(stream: &mut TcpStream) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == 1 {
            return Some(());
        }
    }
}

type Wish = Arc<Mutex<(usize, End)>>;

/// Says so many bytes of its answer as is wished for at that moment, and ends so.
async fn breaking(wish: Wish) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let answer = answer();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (n, end) = *wish.lock().expect("a wish");
            let answer = answer.clone();
            tokio::spawn(async move {
                if request(&mut stream).await.is_some() {
                    stream.write_all(&answer[..n]).await.ok();
                    end.of(stream).await;
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_answer_that_breaks_off_anywhere_has_a_truthful_end() {
    let began = Instant::now();
    let wishes: Vec<Wish> = (0..BACKENDS).map(|_| Arc::new(Mutex::new((0, End::Close)))).collect();
    let addresses = join_all(wishes.iter().map(|wish| breaking(Arc::clone(wish)))).await;
    let (mut config, mut directory) = (String::new(), Directory::new(""));
    for (n, address) in addresses.iter().enumerate() {
        writeln!(config, "[backends.b{n}]\nurl = \"http://{address}\"\nhttp-version = \"2\"")
            .expect("text");
        for (api, outbound) in [("pass", ""), ("edit", "<find-and-replace from=\"K\" to=\"C\" />")]
        {
            let name = format!("{api}{n}");
            writeln!(
                config,
                "[apis.{name}]\npath = \"{name}\"\nbackend = \"b{n}\"\nsubscription = \"optional\""
            )
            .expect("text");
            let policy = format!(
                "<policies><inbound /><backend><forward-request /></backend><outbound>{outbound}</outbound>\
                 <on-error><return-response><set-status code=\"502\" /></return-response></on-error></policies>"
            );
            directory = directory.api(&name, &policy);
        }
    }
    directory.configure(&config);
    let gateway = directory.start();
    let whole = answer().len();
    let mut inputs = Vec::new();
    for n in 0..=whole {
        for end in End::ALL {
            inputs.extend(["pass", "edit"].map(|api| (api, n, end)));
        }
    }
    let lanes = wishes.iter().enumerate().map(async |(lane, wish)| {
        let mut seen = [0_usize; 3];
        for (api, n, end) in inputs.iter().skip(lane).step_by(BACKENDS) {
            *wish.lock().expect("a wish") = (*n, *end);
            let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
            let request =
                format!("GET /{api}{lane}/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let bytes = talk(&mut stream, request.as_bytes()).await;
            let expected = if *api == "edit" { TEXT.replace('K', "C") } else { TEXT.to_owned() };
            let (kind, fits) = match understood(&bytes) {
                Understood::Whole(200, _, got) => (0, *n == whole && got == expected.as_bytes()),
                Understood::Cut => (1, *n < whole && *api == "pass"),
                Understood::Whole(502, ..) => (2, *n < whole),
                _ => (2, false),
            };
            let said = String::from_utf8_lossy(&bytes);
            assert!(fits, "{api} {n} of {whole} {end:?}: {said:?}");
            seen[kind] += 1;
        }
        seen
    });
    let seen = join_all(lanes).await;
    let [n_whole, n_cut, n_errors] =
        [0, 1, 2].map(|kind| seen.iter().map(|it| it[kind]).sum::<usize>());
    assert!(n_whole > 0 && n_cut > 0 && n_errors > 0);
    counted(&gateway, inputs.len()).await;
    let more = format!("{n_whole} whole, {n_cut} visibly cut, {n_errors} answered with an error");
    tell("answers over HTTP/2 that break off", inputs.len(), began, &more);
}
