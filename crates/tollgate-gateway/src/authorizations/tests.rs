use http::StatusCode;

use super::*;
use crate::loopback::{Loopback, answer, fetcher};
use crate::system::{SystemClock, SystemRandomness};
use crate::telemetry::Metrics;

fn grant(token_url: &str) -> ClientCredentials {
    ClientCredentials {
        token_url: token_url.to_owned(),
        client_id: "my client".to_owned(),
        client_secret: Secret::new("p:w&d".to_owned()),
        scope: "a b".to_owned(),
        audience: None,
        secret_in_body: false,
    }
}

fn pool() -> AuthorizationPool {
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        metrics: Arc::new(Metrics::new()),
    };
    AuthorizationPool::new(fetcher(), around)
}

fn connection(grant: ClientCredentials) -> ConnectionConfig {
    ConnectionConfig { provider: "p".to_owned(), id: "c".to_owned(), grant }
}

fn shown(request: &Request<Bytes>) -> String {
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap());
    format!("{} {}", authorization.unwrap_or("-"), String::from_utf8_lossy(request.body()))
}

#[test]
fn what_is_asked() {
    let own = grant("http://h/token");
    // my+client:p%3Aw%26d
    assert_eq!(
        shown(&request(&own).unwrap()),
        "Basic bXkrY2xpZW50OnAlM0F3JTI2ZA== grant_type=client_credentials&scope=a+b"
    );
    let other = ClientCredentials {
        secret_in_body: true,
        scope: String::new(),
        audience: Some("https://api".to_owned()),
        ..own.clone()
    };
    assert_eq!(
        shown(&request(&other).unwrap()),
        "- grant_type=client_credentials&audience=https%3A%2F%2Fapi&client_id=my+client&client_secret=p%3Aw%26d"
    );
    assert!(!format!("{own:?}").contains("p:w"));
}

#[test]
fn what_is_accepted() {
    let check = |answer: &str, expected: Result<i64, &str>| {
        let read = serde_json::from_str(answer).unwrap_or_default();
        let accepted = accept(read, 1_000).map(|acquired| acquired.expires_at - 1_000);
        let accepted = accepted.map_err(|error| error.to_string());
        match (accepted, expected) {
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (accepted, expected) => assert_eq!(accepted.as_ref().ok(), expected.as_ref().ok()),
        }
    };
    check(r#"{"access_token":"t","expires_in":60}"#, Ok(60));
    check(r#"{"access_token":"t","expires_in":"60"}"#, Ok(60));
    check(r#"{"access_token":"t"}"#, Ok(300));
    check(r#"{"access_token":"t","expires_in":1e300}"#, Ok(300));
    check(r#"{"access_token":"t","expires_in":9999999999}"#, Ok(LONGEST_LIFE));
    check(r#"{"access_token":1}"#, Err("holds no `access_token`"));
    check("[]", Err("holds no `access_token`"));
    let read = serde_json::from_str(r#"{"access_token":"t","refresh_token":"r","scope":"a"}"#);
    let claims = accept(read.unwrap(), 0).unwrap().claims;
    assert_eq!(claims.keys().collect::<Vec<_>>(), ["scope"]);
}

#[test]
fn what_an_endpoint_says_of_a_refusal_is_its_code() {
    let check = |answer: &str, expected: &str| {
        let read = serde_json::from_str(answer).unwrap_or_default();
        assert!(refused(StatusCode::BAD_REQUEST, &read).to_string().ends_with(expected));
    };
    check(
        r#"{"error":"invalid_client","error_description":"secret p:w&d is wrong"}"#,
        "status 400: invalid_client",
    );
    check(r#"{"error":"<script>"}"#, "status 400");
    check("nonsense", "status 400");
}

#[tokio::test]
async fn one_token_serves_all_and_outlives_configurations() {
    let server = Loopback::start(|_| {
        answer(200, r#"{"access_token":"t1","expires_in":3600,"scope":"a","tier":2}"#)
    })
    .await;
    let pool = pool();
    let connections = [connection(grant(&server.url()))];
    let first = pool.with(&connections);
    let source = first.connection("p", "c").unwrap();
    assert!(first.connection("p", "other").is_none() && first.connection("c", "p").is_none());
    assert!(source.current().is_none());
    let both = futures::future::join(source.fetch(), source.fetch()).await;
    assert_eq!(&**both.0.unwrap().token.expose(), "t1");
    assert_eq!(both.1.unwrap().claims.get("tier"), Some(&Value::from(2)));
    // Another configuration has the same connection under another name.
    let renamed = ConnectionConfig { id: "d".to_owned(), ..connection(grant(&server.url())) };
    let second = pool.with(std::slice::from_ref(&renamed));
    assert!(second.connection("p", "d").unwrap().current().is_some());
    assert_eq!(server.requests().len(), 1);
    // What no configuration has any more is forgotten.
    drop((first, source, second));
    drop(pool.with(&[]));
    assert!(pool.sources.lock().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_is_away() {
    let pool = pool();
    let configured = pool.with(&[connection(grant("http://127.0.0.1:9/token"))]);
    let error = configured.connection("p", "c").unwrap().fetch().await.unwrap_err().to_string();
    assert!(error.contains("the token endpoint gave no answer"), "{error}");
    let configured = pool.with(&[connection(grant("not a url"))]);
    let error = configured.connection("p", "c").unwrap().fetch().await.unwrap_err().to_string();
    assert!(error.contains("malformed") || error.contains("not an absolute"), "{error}");
}
