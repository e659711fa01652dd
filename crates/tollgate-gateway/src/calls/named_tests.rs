//! Calls of backends by name, as policies make them.

use std::collections::HashMap;

use http::{HeaderName, Method, StatusCode};
use prometheus_client::metrics::counter::Counter;
use tollgate_engine::ports::Via;
use tollgate_engine::{Names as _, Secret, Url};
use uuid::Uuid;

use super::tests::calls;
use super::{
    AUTHORIZATION, Arc, Bytes, Call, CallError, Duration, HeaderMap, HeaderValue, Response,
};
use crate::breaker::{Breaker, BreakerState, ErrorReason, Rule, Threshold};
use crate::loopback::{Loopback, answer};
use crate::snapshot::SnapshotNames;
use crate::{Backend, BackendPool, Credentials, Member, TlsOptions};

fn guarded(id: &str, port: u16, credentials: Credentials) -> Arc<Backend> {
    let rule = Rule {
        name: "rule".to_owned(),
        threshold: Threshold::Count(1),
        interval: Duration::from_mins(1),
        statuses: vec![(429, 429)],
        reasons: vec![ErrorReason::Connection],
        trip: Duration::from_mins(1),
        accept_retry_after: false,
    };
    let url = Url {
        scheme: "http".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        path: "/base/".to_owned(),
        query: String::new(),
    };
    Arc::new(Backend {
        id: id.into(),
        url,
        credentials,
        tls: TlsOptions::default(),
        http_version: None,
        connect_timeout: None,
        first_byte_timeout: None,
        deployments: HashMap::default(),
        breaker: Some(Arc::new(Breaker::new(id.into(), &[rule], Counter::default()))),
    })
}

fn names(backends: impl IntoIterator<Item = Arc<Backend>>) -> SnapshotNames {
    let backends: Vec<_> = backends.into_iter().collect();
    let member = |it: &Arc<Backend>| Member::new("all", Arc::clone(it), 1, 1, Counter::default());
    let pool = BackendPool::new("all".into(), backends.iter().map(member).collect(), None, false);
    SnapshotNames {
        backends: backends.into_iter().map(|it| (Arc::clone(&it.id), it)).collect(),
        pools: HashMap::from([("all".into(), Arc::new(pool))]),
        calls: Some(calls()),
        ..SnapshotNames::default()
    }
}

async fn send(names: &SnapshotNames, id: &str, url: &str) -> Result<Response, CallError> {
    let call = Call {
        method: Method::POST,
        url: url.into(),
        headers: HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("own"))]),
        body: Bytes::from_static(b"ping"),
        timeout: None,
        token: None,
        via: Via::default(),
        request_id: Uuid::nil(),
    };
    names.call_backend(id, call).await
}

#[tokio::test]
async fn a_backend_gets_its_own_credentials() {
    let server = Loopback::start(|request| answer(200, request.body().clone())).await;
    let credentials = Credentials {
        headers: vec![(HeaderName::from_static("x-key"), HeaderValue::from_static("k"))],
        query: vec![("api-version".to_owned(), Secret::new("1".to_owned()))],
        authorization: Some(HeaderValue::from_static("Bearer theirs")),
        ..Credentials::default()
    };
    let names = self::names([guarded("b", server.address.port(), credentials)]);
    for (written, expected) in [
        ("", "/base?api-version=1"),
        ("/text:analyze?api-version=2&a=b", "/base/text:analyze?a=b&api-version=1"),
        ("?a=b", "/base?a=b&api-version=1"),
    ] {
        let response = send(&names, "b", written).await.unwrap();
        assert_eq!(response.body.bytes().unwrap(), "ping");
        let requests = server.requests();
        let request = requests.last().unwrap();
        assert_eq!(request.uri(), expected);
        assert_eq!(request.headers()["x-key"], "k");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer theirs");
    }
    let key = Credentials {
        headers: vec![(HeaderName::from_static("api-key"), HeaderValue::from_static("k"))],
        ..Credentials::default()
    };
    let version = vec![("api-version".to_owned(), Secret::new("1".to_owned()))];
    let open = Credentials { query: version, ..Credentials::default() };
    let port = server.address.port();
    let names = self::names([
        guarded("key", port, key),
        guarded("open", port, open),
        guarded("b", port, Credentials::default()),
    ]);
    for (id, expected) in [("key", None), ("open", Some("own"))] {
        send(&names, id, "").await.unwrap();
        let requests = server.requests();
        let sent = requests.last().unwrap().headers().get(AUTHORIZATION);
        assert_eq!(sent.map(|it| it.to_str().unwrap()), expected, "{id}");
    }
    let astray = send(&names, "b", "/../secret").await;
    assert!(matches!(astray, Err(CallError::Refused(_))), "{astray:?}");
    let unknown = send(&names, "c", "").await;
    assert!(matches!(unknown, Err(CallError::UnknownBackend(id)) if id == "c"));
}

#[tokio::test]
async fn calls_of_policies_open_and_respect_circuit_breakers() {
    let throttled = Loopback::start(|_| answer(429, "")).await;
    let well = Loopback::start(|_| answer(200, "")).await;
    let [one, two] = [("one", &throttled), ("two", &well)]
        .map(|(id, server)| guarded(id, server.address.port(), Credentials::default()));
    let names = self::names([Arc::clone(&one), two]);
    let response = send(&names, "one", "").await.unwrap();
    assert_eq!(response.status, StatusCode::TOO_MANY_REQUESTS);
    let refused = send(&names, "one", "").await;
    let Err(CallError::Unavailable { backend, retry_after }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(backend, "one");
    assert!(retry_after > Duration::from_secs(50), "{retry_after:?}");
    for _ in 0..4 {
        assert_eq!(send(&names, "all", "").await.unwrap().status, StatusCode::OK);
    }
    assert_eq!((throttled.n_requests(), well.n_requests()), (1, 4));
    // What cannot be reached counts as well.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = guarded("gone", closed, Credentials::default());
    let names = self::names([Arc::clone(&gone)]);
    assert!(matches!(send(&names, "gone", "").await, Err(CallError::Connection(_))));
    assert!(matches!(send(&names, "all", "").await, Err(CallError::Unavailable { .. })));
    let state = gone.breaker.as_ref().unwrap().state(tokio::time::Instant::now());
    assert!(matches!(state, BreakerState::Open(_)));
}
