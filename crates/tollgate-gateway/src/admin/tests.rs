use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tollgate_engine::ports::{Identities as _, KeySets as _, Refresh};
use tollgate_engine::{Clock, Secret};

use super::serve::answer;
use super::*;
use crate::fetch::{FetchOptions, Guard};
use crate::identity::{Environment, IdentityParts, IdentityPool, IdentitySettings};
use crate::key_vault::KeyVault;
use crate::keys::{KeyParts, KeyPool, KeySettings};
use crate::loopback::fetcher;
use crate::redis::Redis;
use crate::system::SystemRandomness;
use crate::telemetry::{Metrics, SharedRedactor};

struct Stopped;

impl Clock for Stopped {
    fn ticks(&self) -> i64 {
        621_355_968_000_000_000 + 1_700_000_100 * 10_000_000
    }
}

struct Setup {
    state: Arc<AdminState>,
    keys: Arc<KeyPool>,
    identities: Arc<IdentityPool>,
    redactor: Arc<SharedRedactor>,
}

fn setup() -> Setup {
    let metrics = Arc::new(Metrics::new());
    let (fetcher, clock) = (fetcher(), Arc::new(Stopped));
    let identities = IdentityPool::new(IdentityParts {
        fetcher: Arc::clone(&fetcher),
        environment: Environment::fixed([]),
        clock: Arc::clone(&clock) as _,
        randomness: Arc::new(SystemRandomness),
        metrics: Arc::clone(&metrics),
    });
    let redis = Arc::new(Redis::new(Arc::clone(&fetcher), Arc::clone(&metrics)));
    let vault = KeyVault::new(Arc::clone(&fetcher), Arc::clone(&clock) as _, Arc::clone(&metrics));
    let parts =
        KeyParts { fetcher, randomness: Arc::new(SystemRandomness), metrics: Arc::clone(&metrics) };
    let keys = Arc::new(KeyPool::new(parts, KeySettings::default()));
    let redactor = Arc::new(SharedRedactor::default());
    let state = AdminState::new(
        metrics,
        Arc::clone(&identities),
        Arc::clone(&keys),
        redis,
        Arc::new(vault),
        Arc::clone(&redactor),
        clock,
    );
    Setup { state: Arc::new(state), keys, identities, redactor }
}

fn loaded(generation: Option<u64>) -> Reload {
    let diagnostics = json!([{ "code": "E0203", "message": "near canary-value" }]);
    Reload { unix_seconds: 1_700_000_000, generation, diagnostics }
}

impl Setup {
    fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        is_loopback: bool,
    ) -> (StatusCode, String) {
        let mut request =
            Request::builder().method(method).uri(path).header("host", "localhost:8081");
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, key);
        }
        let response = answer(&request.body(()).unwrap(), &self.state, is_loopback);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    fn check(&self, path: &str, status: u16, part: &str) {
        let (found, body) = self.ask(Method::GET, path, None, true);
        assert_eq!(found, status, "{path}: {body}");
        assert!(body.contains(part), "{path}: {body}");
    }

    fn check_key(&self, key: Option<&str>, is_loopback: bool, status: u16) {
        let (found, body) = self.ask(Method::GET, "/status", key, is_loopback);
        assert_eq!(found, status, "{key:?}: {body}");
    }

    fn status(&self) -> Value {
        let (_, body) = self.ask(Method::GET, "/status", None, true);
        assert!(!body.contains("canary-value"), "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn readiness_follows_load_and_drain() {
    let setup = setup();
    setup.check("/health/live", 200, "live");
    setup.check("/health/ready", 503, "starting");
    setup.state.loaded(loaded(None));
    setup.check("/health/ready", 503, "starting");
    setup.state.loaded(loaded(Some(1)));
    setup.check("/health/ready", 200, "ready");
    setup.state.loaded(loaded(None));
    setup.check("/health/ready", 200, "ready");
    setup.state.drain();
    setup.check("/health/ready", 503, "draining");
    setup.check("/health/live", 200, "live");
    setup.check("/metrics", 200, "tollgate_reloads_total{result=\"failed\"} 2");
    setup.check("/", 404, "nothing here");
    let (status, _) = setup.ask(Method::POST, "/metrics", None, true);
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn the_status_needs_the_key_beyond_loopback() {
    let setup = setup();
    setup.check_key(None, true, 200);
    setup.check_key(None, false, 401);
    setup.check_key(Some("Bearer "), false, 401);
    setup.state.set_key(Some(Secret::new("admin-key".to_owned())));
    for is_loopback in [true, false] {
        setup.check_key(None, is_loopback, 401);
        setup.check_key(Some("Bearer wrong-key"), is_loopback, 401);
        setup.check_key(Some("Bearer admin-key2"), is_loopback, 401);
        setup.check_key(Some("Basic admin-key"), is_loopback, 401);
        setup.check_key(Some("bearer admin-key"), is_loopback, 200);
    }
    setup.state.set_key(Some(Secret::new(String::new())));
    setup.check_key(Some("Bearer "), false, 401);
}

#[test]
fn a_page_that_resolves_to_loopback_is_not_answered() {
    let setup = setup();
    for (host, expected) in [
        ("127.0.0.1:8081", 200),
        ("[::1]:8081", 200),
        ("[::1]", 200),
        ("LOCALHOST", 200),
        ("rebound.test:8081", 401),
        ("127.0.0.1.rebound.test", 401),
        ("", 401),
    ] {
        let request = Request::get("/status").header("host", host).body(()).unwrap();
        assert_eq!(answer(&request, &setup.state, true).status(), expected, "{host}");
    }
}

#[tokio::test]
async fn the_status_says_what_is_in_force_and_no_secret() {
    let setup = setup();
    setup.redactor.know(["canary-value"]);
    assert_eq!(setup.status()["snapshot"], Value::Null);
    setup.state.loaded(loaded(Some(7)));
    setup.state.loaded(loaded(None));
    let source =
        setup.keys.source("http://127.0.0.1:1/.well-known/openid-configuration?k=1").unwrap();
    assert!(source.refresh(Refresh::Missing).await.is_err());
    let identities = setup.identities.with(IdentitySettings::default());
    let _held = identities.source(Some("app"), "https://ai.azure.com").unwrap();

    let status = setup.status();
    assert_eq!(
        status["snapshot"],
        json!({ "generation": 7, "loaded_at": 1_700_000_000, "age_seconds": 100 })
    );
    assert_eq!(status["ready"], true);
    assert_eq!(status["last_reload"]["ok"], false);
    assert_eq!(status["last_reload"]["diagnostics"][0]["message"], "near ***");
    let keys = &status["key_sets"][0];
    assert_eq!(keys["url"], "http://127.0.0.1:1/.well-known/openid-configuration");
    assert_eq!(keys["keys"], 0);
    assert!(keys["error"].as_str().unwrap().contains("cannot connect"), "{keys}");
    assert_eq!(
        status["identities"][0],
        json!({
            "identity": "app",
            "resource": "https://ai.azure.com",
            "expires_in_seconds": null,
            "error": null,
        })
    );
}

#[tokio::test]
async fn it_is_served_over_http() {
    let setup = setup();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = serve_admin(listener, Arc::clone(&setup.state)).unwrap();
    let address = server.address();
    let options = FetchOptions {
        guard: Guard::Configured,
        timeout: Duration::from_secs(5),
        max_bytes: 100_000,
    };
    let get =
        |path: &str| Request::get(format!("http://{address}{path}")).body(Bytes::new()).unwrap();
    let fetcher = fetcher();
    let ready = fetcher.send(get("/health/ready"), options).await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let metrics = fetcher.send(get("/metrics"), options).await.unwrap();
    assert!(metrics.body().ends_with(b"# EOF\n"));
    drop(server);
    // The task that held the listener ends soon after.
    let gone = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

#[tokio::test]
async fn connections_that_are_left_alone_do_not_silence_it() {
    let setup = setup();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = serve_admin(listener, Arc::clone(&setup.state)).unwrap();
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
    }
    let options = FetchOptions {
        guard: Guard::Configured,
        timeout: Duration::from_secs(5),
        max_bytes: 1_000,
    };
    let live = Request::get(format!("http://{}/health/live", server.address()));
    let live = fetcher().send(live.body(Bytes::new()).unwrap(), options).await.unwrap();
    assert_eq!(live.status(), StatusCode::OK);
}
