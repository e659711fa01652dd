//! What goes wrong around the gateway: backends that break off, certificates that end, issuers, identity endpoints and Redis
//! servers that are away, logs that nobody takes, an end under load. Names that move and clocks that are set are tried where they
//! can be replaced: `server::tests::dns`, `fetch::resolver`, `identity::source` of the gateway and `counters` of the engine.
//!
//! INVARIANT: the client gets a truthful end: what is not whole does not look whole. Nothing is counted twice or lost.

mod answers;
mod certificates;
mod ending;
mod http2;
mod logs;
mod metered;
mod outages;
mod partition;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::Gateway;

/// How a backend ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In order.
    Close,
    Reset,
}

impl End {
    const ALL: [Self; 2] = [Self::Close, Self::Reset];

    /// What was said is to arrive before the end does.
    async fn of(self, mut stream: TcpStream) {
        stream.flush().await.ok();
        match self {
            Self::Close => {
                stream.shutdown().await.ok();
                // What the other side still says must not turn the end into a reset.
                let mut rest = Vec::new();
                let reading = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
                tokio::time::timeout(std::time::Duration::from_secs(1), reading).await.ok();
            }
            Self::Reset => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                stream.set_zero_linger().ok();
            }
        }
    }
}

/// What a client makes of bytes of HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
enum Understood {
    /// An answer that is whole: its status, its head in lower case, and its body.
    Whole(u16, String, Vec<u8>),
    /// One that is not, and does not look so.
    Cut,
    Nothing,
}

fn understood(bytes: &[u8]) -> Understood {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.is_empty() { Understood::Nothing } else { Understood::Cut };
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    let rest = &bytes[end + 4..];
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    if let Some(length) = length {
        return if rest.len() == length {
            Understood::Whole(status, head, rest.to_vec())
        } else {
            Understood::Cut
        };
    }
    assert!(head.contains("transfer-encoding: chunked"), "a body without an end: {head}");
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = rest[at..].windows(2).position(|two| two == b"\r\n") else {
            return Understood::Cut;
        };
        let size = std::str::from_utf8(&rest[at..at + line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let Some(chunk) = rest.get(at + line + 2..at + line + 4 + size) else {
            return Understood::Cut;
        };
        body.extend_from_slice(&chunk[..size]);
        at += line + 4 + size;
        if size == 0 {
            assert_eq!(at, rest.len(), "more than was said");
            return Understood::Whole(status, head, body);
        }
    }
}

/// Waits until every request has its access line, and no more than that: nothing is counted twice or lost, in the log and in
/// the metrics. `n` are those of APIs.
async fn counted(gateway: &Gateway, n: usize) {
    let is_access = |line: &str| line.contains(r#""target":"access""#);
    gateway.logged_times(n, is_access).await;
    let text = gateway.admin("/metrics").await.expect(200).text();
    assert_eq!(metric(&text, "tollgate_requests_total", ""), n as u64, "metrics of requests");
    assert_eq!(gateway.count_log(is_access), n, "access lines");
}

/// The sum of all series of a metric whose labels contain a text.
fn metric(text: &str, name: &str, label: &str) -> u64 {
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        let is_it = labels.is_empty() || labels.starts_with('{');
        (is_it && labels.contains(label)).then(|| value.parse::<u64>().ok())?
    };
    text.lines().filter_map(of).sum()
}
