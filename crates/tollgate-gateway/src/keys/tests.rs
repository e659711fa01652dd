use http::{Request, Response};
use serde_json::json;
use tollgate_emulator::{CONTOSO, Emulator, Options, TokenVersion};
use tollgate_engine::ports::Refresh;

use super::*;
use crate::loopback::{Loopback, answer, fetcher};

struct NoJitter;

impl Randomness for NoJitter {
    fn next(&self) -> u64 {
        0
    }
}

fn pool() -> KeyPool {
    let parts = KeyParts {
        fetcher: fetcher(),
        randomness: Arc::new(NoJitter),
        metrics: Arc::new(Metrics::new()),
    };
    KeyPool::new(parts, KeySettings { timeout: Duration::from_secs(2), ..KeySettings::default() })
}

/// An Ed25519 key of RFC 8037, appendix A.2.
const JWKS: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"one","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"unknown","kid":"two"}]}"#;

/// An issuer in Entra's shape, wherever it listens.
fn issuer(request: &Request<bytes::Bytes>) -> Response<bytes::Bytes> {
    let host = request.headers()["host"].to_str().unwrap();
    let configured = |jwks_uri: String| {
        answer(
            200,
            json!({"issuer": "https://login.test/{tenantid}/v2.0", "jwks_uri": jwks_uri})
                .to_string(),
        )
    };
    match request.uri().path() {
        "/v2.0/.well-known/openid-configuration" => configured(format!(
            "http://{host}/discovery/v2.0/keys?{}",
            request.uri().query().unwrap_or_default()
        )),
        "/discovery/v2.0/keys" => answer(200, JWKS),
        "/plain" => configured("http://issuer.test/keys".to_owned()),
        "/metadata" => configured("https://169.254.169.254/keys".to_owned()),
        "/gone" => configured(format!("http://{host}/nowhere")),
        "/moved" => answer(302, ""),
        "/long" => answer(200, vec![b' '; 1024 * 1024 + 1]),
        "/not-json" => answer(200, "<html>"),
        "/no-uri" => answer(200, r#"{"issuer":"x"}"#),
        _ => answer(404, ""),
    }
}

async fn check(pool: &KeyPool, url: &str, expected: Result<&str, &str>) {
    let fetched = match pool.source(url) {
        Ok(source) => source.refresh(Refresh::Missing).await,
        Err(error) => Err(error),
    };
    match (fetched, expected) {
        (Ok(keys), Ok(issuer)) => assert_eq!(keys.issuer(), Some(issuer), "{url}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{url}: {error}"),
        (fetched, expected) => panic!("{url}: {fetched:?} instead of {expected:?}"),
    }
}

#[tokio::test]
async fn documents_come_from_an_issuer() {
    let server = Loopback::start(issuer).await;
    let pool = pool();
    let url = format!("{}/v2.0/.well-known/openid-configuration?appid=1", server.url());
    check(&pool, &url, Ok("https://login.test/{tenantid}/v2.0")).await;
    let source = pool.source(&format!("{url}#fragment")).unwrap();
    let keys = source.current().unwrap();
    assert!(keys.has_key("one") && !keys.has_key("two"));
    // What the issuer puts into `jwks_uri` is asked for as it stands.
    let asked: Vec<_> = server.requests().iter().map(|request| request.uri().to_string()).collect();
    assert_eq!(
        asked,
        ["/v2.0/.well-known/openid-configuration?appid=1", "/discovery/v2.0/keys?appid=1"]
    );
    assert_eq!(server.requests()[0].headers()["accept"], "application/json");
    assert_eq!(pool.status().len(), 1);
}

#[tokio::test]
async fn what_an_issuer_may_not_do() {
    let server = Loopback::start(issuer).await;
    let pool = pool();
    for (path, part) in [
        ("/plain", "could not be read: its `jwks_uri`"),
        ("/metadata", "169.254.169.254, which may not be called"),
        ("/gone", "/nowhere: status 404"),
        ("/moved", "status 302; redirects are not followed"),
        ("/long", "longer than 1048576 bytes"),
        ("/not-json", "is not a JSON object"),
        ("/no-uri", "has no `jwks_uri`"),
        ("/missing", "/missing: status 404"),
    ] {
        check(&pool, &format!("{}{path}", server.url()), Err(part)).await;
    }
    check(&pool, "http://issuer.test/x", Err("not `https`")).await;
    check(&pool, "https://169.254.169.254/x", Err("may not be called")).await;
    let n_failed = "tollgate_key_fetches_total{result=\"failed\"} 9";
    assert!(pool.around.metrics.encode().unwrap().contains(n_failed));
}

#[tokio::test]
async fn an_emulated_entra_rolls_its_keys_over_and_goes_away() {
    let azure = Emulator::start(Options::default()).await.unwrap();
    let pool = pool();
    for (tenant, version) in [(CONTOSO, TokenVersion::V1), ("common", TokenVersion::V2)] {
        let source = pool.source(&azure.entra.metadata_url(tenant, version)).unwrap();
        let old = azure.entra.signing_key();
        let keys = source.refresh(Refresh::Missing).await.unwrap();
        assert!(keys.has_key(old.kid()), "{tenant}");
        let new = azure.entra.roll_keys().unwrap();
        assert!(!keys.has_key(new.kid()));
        let keys = source.refresh(Refresh::UnknownKid(new.kid())).await.unwrap();
        assert!(keys.has_key(new.kid()));
        azure.entra.server().go_offline();
        let kept = source.refresh(Refresh::UnknownKid("none")).await.unwrap();
        assert!(Arc::ptr_eq(&keys, &kept) && source.current().is_some());
        azure.entra.server().go_online();
    }
    azure.stop().await;
}

#[tokio::test]
async fn settings_can_change_while_keys_stay() {
    let server = Loopback::start(issuer).await;
    let pool = pool();
    let url = format!("{}/v2.0/.well-known/openid-configuration", server.url());
    check(&pool, &url, Ok("https://login.test/{tenantid}/v2.0")).await;
    let source = pool.source(&url).unwrap();
    pool.apply(KeySettings { lifetime: Duration::ZERO, ..KeySettings::default() });
    assert!(source.current().is_none(), "keys are judged by the new settings");
    pool.apply(KeySettings { allow_http: true, ..KeySettings::default() });
    assert!(source.current().is_some());
    assert!(pool.source("http://issuer.test/x").is_ok());
}

#[tokio::test]
async fn sources_are_bounded_unless_held() {
    let pool = pool();
    let held = pool.source("https://held.test/").unwrap();
    for n in 0..3 * MAX_SOURCES {
        pool.source(&format!("https://issuer.test/{n}")).unwrap();
    }
    assert!(pool.status().len() <= MAX_SOURCES);
    assert!(Arc::ptr_eq(&held, &pool.source("https://held.test/").unwrap()));
    let all: Vec<_> = (0..2 * MAX_SOURCES)
        .map_while(|n| pool.source(&format!("https://other.test/{n}")).ok())
        .collect();
    assert_eq!(all.len(), MAX_SOURCES - 1);
}
