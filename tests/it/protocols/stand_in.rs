//! A backend of any protocol, which says no to what its protocol does not know.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as the backend got it.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Bytes>,
    ends: bool,
}

impl Reply {
    pub(super) fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(CONTENT_TYPE.as_str(), kind.to_owned())];
        Self { status, headers, pieces: vec![body.into()], ends: true }
    }

    pub(super) fn json(body: &str) -> Self {
        Self::new(200, "application/json", body.to_owned())
    }

    /// Server-sent events, each with its data and a name when it is typed.
    pub(super) fn events(events: &[&str]) -> Self {
        let event = |data: &&str| {
            let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
            let name = json["type"].as_str().map(|name| format!("event: {name}\n"));
            Bytes::from(format!("{}data: {data}\n\n", name.unwrap_or_default()))
        };
        let pieces = events.iter().map(event).collect();
        Self { pieces, ..Self::new(200, "text/event-stream", "") }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The answer does not end by itself.
    pub(super) fn open(mut self) -> Self {
        self.ends = false;
        self
    }
}

/// What answers; `Err` says what of the request is wrong.
pub(super) type Answers = fn(&Received) -> Result<Reply, String>;

/// The backend; gone when dropped.
pub(super) struct StandIn {
    pub(super) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: JoinHandle<()>,
}

impl StandIn {
    pub(super) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let log = Arc::clone(&received);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                let service = service_fn(move |request| answer(request, Arc::clone(&log), answers));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { url, received, server }
    }

    pub(super) fn last(&self) -> Received {
        self.received.lock().expect("no panic").last().expect("a request").clone()
    }

    pub(super) fn count(&self) -> usize {
        self.received.lock().expect("no panic").len()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Received>>>,
    answers: Answers,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let received = Received { method: head.method, uri: head.uri, headers: head.headers, body };
    let reply = answers(&received).unwrap_or_else(|why| Reply::new(400, "text/plain", why));
    log.lock().expect("no panic").push(received);
    let frame = |piece| Ok::<_, Infallible>(Frame::data(piece));
    // Each piece by itself, as a model makes them.
    let pieces = futures::stream::iter(reply.pieces).then(async |piece| {
        tokio::time::sleep(Duration::from_millis(2)).await;
        piece
    });
    let body = if reply.ends {
        BoxBody::new(StreamBody::new(pieces.map(frame)))
    } else {
        BoxBody::new(StreamBody::new(pieces.chain(futures::stream::pending()).map(frame)))
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value.parse().expect("a header"));
    }
    Ok(response)
}
