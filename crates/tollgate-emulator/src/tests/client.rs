//! A small client for the tests.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Application, Emulator, Options, Running};

/// Longer than anything here takes, so that what hangs fails.
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) const CLIENT: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(super) const API: &str = "aaaaaaaa-0000-4000-8000-000000000002";
pub(super) const SECRET: &str = "s3cret~&+ value";

/// Starts an emulator with a client application and an API.
pub(super) async fn start() -> Running {
    start_with(|_| {}).await
}

pub(super) async fn start_with(change: impl FnOnce(&mut Options)) -> Running {
    let client = Application::new(CLIENT)
        .secret(SECRET)
        .expired_secret("old")
        .workload("system:serviceaccount:apps:gateway")
        .granted(API, "Gateway.Call");
    let api = Application::new(API).uri("https://api.contoso.example");
    let mut options = Options { applications: vec![client, api], ..Options::default() };
    change(&mut options);
    Emulator::start(options).await.unwrap()
}

/// One request to be.
#[must_use]
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    http2: bool,
}

pub(super) fn get(url: impl Into<String>) -> Call {
    Call { method: "GET", url: url.into(), headers: Vec::new(), body: Bytes::new(), http2: false }
}

pub(super) fn post_json(url: impl Into<String>, body: &Value) -> Call {
    let call = Call { method: "POST", body: body.to_string().into(), ..get(url) };
    call.header("content-type", "application/json")
}

pub(super) fn post_form(url: impl Into<String>, form: impl Into<Bytes>) -> Call {
    let call = Call { method: "POST", body: form.into(), ..get(url) };
    call.header("content-type", "application/x-www-form-urlencoded")
}

impl Call {
    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(super) fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// The head of the answer, its body yet to come.
    pub(super) async fn open(
        self,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut request = Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).unwrap();
        let client = Client::builder(TokioExecutor::new()).http2_only(self.http2).build_http();
        timeout(SOON, client.request(request)).await.expect("an answer in time")
    }

    /// The whole answer.
    pub(super) async fn send(self) -> Answer {
        let (parts, body) = self.open().await.unwrap().into_parts();
        let collected = timeout(SOON, body.collect()).await.expect("a body in time").unwrap();
        let trailers = collected.trailers().cloned();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: collected.to_bytes(),
            trailers,
        }
    }

    /// Sends and asserts the status.
    pub(super) async fn expect(self, status: u16) -> Answer {
        let answer = self.clone().send().await;
        assert_eq!(answer.status, status, "{self:?} → {}", String::from_utf8_lossy(&answer.body));
        answer
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The member at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }
}

/// Header and claims of a JWT, unverified.
pub(super) fn decode(token: &str) -> (Value, Value) {
    let part = |n: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

/// Sends bytes as they are and returns what comes until the connection ends or `enough` is there.
pub(super) async fn raw(url: &str, sent: &[u8], enough: &str) -> (TcpStream, Vec<u8>) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4_096];
    while !String::from_utf8_lossy(&received).contains(enough) {
        let n = timeout(SOON, stream.read(&mut buffer)).await.expect("bytes in time").unwrap();
        if n == 0 {
            break;
        }
        received.extend_from_slice(&buffer[..n]);
    }
    (stream, received)
}
