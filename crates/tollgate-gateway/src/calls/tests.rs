use std::sync::atomic::{AtomicBool, Ordering};

use async_compression::tokio::write::GzipEncoder;
use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tollgate_engine::Secret;
use tollgate_engine::ports::{AccessToken, IdentityError, TokenSource, Via};
use uuid::Uuid;

use super::*;
use crate::loopback::{Loopback, answer, fetcher};

const SETTINGS: CallSettings = CallSettings {
    timeout: Duration::from_secs(5),
    body: 1_000,
    inflated_body: 3_000,
    buffers_total: 10_000,
    detached: 2,
};

fn pool() -> Arc<CallPool> {
    CallPool::new(CallParts {
        fetcher: fetcher(),
        budget: Arc::default(),
        metrics: Arc::new(Metrics::new()),
        otlp: Arc::new(Otlp::idle()),
    })
}

pub(super) fn calls() -> ConfiguredCalls {
    pool().with(SETTINGS)
}

fn call(url: impl Into<String>) -> Call {
    Call {
        method: Method::POST,
        url: url.into().into(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"ping"),
        timeout: None,
        token: None,
        via: Via::default(),
        request_id: Uuid::nil(),
    }
}

async fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(body).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner().into()
}

#[tokio::test]
async fn a_call_brings_the_whole_answer() {
    let server = Loopback::start(|request| answer(404, request.body().clone())).await;
    let calls = calls();
    let url = format!("{}/a b/ü?q=1#fragment", server.url());
    let response = calls.send(call(url)).await.unwrap();
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(response.body.bytes().unwrap(), "ping");
    assert_eq!(server.requests()[0].uri(), "/a%20b/%C3%BC?q=1");
}

#[tokio::test]
async fn an_answer_counts_while_it_is_held() {
    let server = Loopback::start(|_| answer(200, vec![b'x'; 900])).await;
    let calls = pool().with(CallSettings { buffers_total: 1_000, ..SETTINGS });
    let budget = Arc::clone(&calls.pool.parts.budget);
    let first = calls.send(call(server.url())).await.unwrap();
    assert_eq!(budget.used(), 900);
    let refused = calls.send(call(server.url())).await;
    assert!(matches!(refused, Err(CallError::Body(BodyError::MemoryPressure))), "{refused:?}");
    let part = first.body.bytes().unwrap().slice(..10);
    drop(first);
    assert_eq!(budget.used(), 900, "a part keeps the whole");
    drop(part);
    assert_eq!(budget.used(), 0);
    assert!(calls.send(call(server.url())).await.is_ok());
}

#[tokio::test]
async fn bodies_are_bounded_and_decoded() {
    let small = gzip(&[b'x'; 2_500]).await;
    let bomb = gzip(&vec![b'x'; 100_000]).await;
    let server = Loopback::start(move |request| {
        let body = match request.uri().path() {
            "/small" => small.clone(),
            "/bomb" => bomb.clone(),
            _ => Bytes::from(vec![b'x'; 1_001]),
        };
        let mut answer = answer(200, body);
        if request.uri().path() != "/long" {
            answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    })
    .await;
    let calls = calls();
    let send = |path: &str| calls.send(call(format!("{}{path}", server.url())));
    let response = send("/small").await.unwrap();
    assert_eq!(response.body.bytes().unwrap().len(), 2_500);
    assert!(!response.headers.contains_key(CONTENT_ENCODING));
    assert!(calls.pool.parts.budget.used() >= 2_500);
    let long = send("/long").await;
    assert!(matches!(long, Err(CallError::Body(BodyError::TooLarge { limit: 1_000 }))), "{long:?}");
    let bomb = send("/bomb").await;
    assert!(matches!(bomb, Err(CallError::Body(BodyError::InflatesTooFar { .. }))), "{bomb:?}");
}

#[tokio::test]
async fn redirects_are_answers() {
    let server = Loopback::start(|_| {
        let mut answer = answer(302, "");
        let there = HeaderValue::from_static("http://169.254.169.254/metadata");
        answer.headers_mut().insert(http::header::LOCATION, there);
        answer
    })
    .await;
    let response = calls().send(call(server.url())).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn urls_that_lead_astray_are_refused() {
    for url in [
        "",
        "/path",
        "h.test",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http://u@127.0.0.1/",
        "http://u:p@127.0.0.1/",
        "http://127.0.0.1\\@169.254.169.254/",
        "http://127.0.0.1/\r\nx: y",
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::169.254.169.254]/",
        "http://metadata.google.internal./",
        "http://①⑥⑨.254.169.254/",
    ] {
        let sent = calls().send(call(url)).await;
        assert!(matches!(sent, Err(CallError::Refused(_))), "{url}: {sent:?}");
    }
}

#[tokio::test]
async fn a_call_ends_in_its_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let timeout = Duration::from_millis(50);
    let sent = calls().send(Call { timeout: Some(timeout), ..call(url.clone()) }).await;
    assert!(matches!(sent, Err(CallError::Timeout(after)) if after == timeout), "{sent:?}");
    let own = pool().with(CallSettings { timeout, ..SETTINGS });
    assert!(matches!(own.send(call(url)).await, Err(CallError::Timeout(_))));
}

/// A token, or none.
struct Token(Option<&'static str>);

impl TokenSource for Token {
    fn current(&self) -> Option<AccessToken> {
        None
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        let token = self.0.map(|text| AccessToken {
            token: Secret::new(text.into()),
            authorization: format!("Bearer {text}").parse().unwrap(),
            expires_at: i64::MAX,
            claims: Arc::default(),
        });
        let token = token.ok_or_else(|| IdentityError::Failed("none".to_owned()));
        Box::pin(std::future::ready(token))
    }
}

#[tokio::test]
async fn tokens_replace_what_the_policy_wrote() {
    let server = Loopback::start(|_| answer(200, "")).await;
    let send = async |token: Option<&'static str>, is_optional: bool| {
        let mut call = call(server.url());
        call.headers.insert(AUTHORIZATION, HeaderValue::from_static("own"));
        call.token = Some(CallToken { source: Arc::new(Token(token)), is_optional });
        calls().send(call).await.map(|_| {
            let sent = server.requests();
            sent.last().unwrap().headers()[AUTHORIZATION].to_str().unwrap().to_owned()
        })
    };
    assert_eq!(send(Some("t"), false).await.unwrap(), "Bearer t");
    assert_eq!(send(None, true).await.unwrap(), "own");
    assert!(matches!(send(None, false).await, Err(CallError::Identity(_))));
}

#[tokio::test]
async fn calls_that_nobody_waits_for_are_bounded_and_drained() {
    let server = Loopback::start(|_| answer(200, "")).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}/", silent.local_addr().unwrap());
    let calls = calls();
    assert!(calls.send_detached(call(server.url())).is_ok());
    calls.pool.drain(Duration::from_secs(5)).await;
    assert_eq!(server.requests().len(), 1);
    assert!(calls.send_detached(call(hanging.clone())).is_ok());
    assert!(calls.send_detached(call(hanging.clone())).is_ok());
    assert!(matches!(calls.send_detached(call(server.url())), Err(CallError::TooMany(2))));
    assert_eq!(calls.pool.parts.budget.used(), 8, "what waits is held");
    calls.pool.drain(Duration::from_millis(20)).await;
    let ended = AtomicBool::new(false);
    for _ in 0..500 {
        if calls.pool.parts.budget.used() == 0 {
            ended.store(true, Ordering::Relaxed);
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(ended.load(Ordering::Relaxed), "what is left has ended");
    let metrics = calls.pool.parts.metrics.encode().unwrap();
    for line in [r#"one_way_requests_total{result="answered"} 1"#, r#"{result="dropped"} 1"#] {
        assert!(metrics.contains(line), "{metrics}");
    }
}
