use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Call, decode, get, start, start_with};
use crate::{Fault, ManagedIdentity, Running};

const RESOURCE: &str = "https://cognitiveservices.azure.com";
const FIRST: &str = "cccccccc-0000-4000-8000-000000000001";
const SECOND: &str = "cccccccc-0000-4000-8000-000000000002";

fn imds(running: &Running, query: &str) -> Call {
    get(format!("{}{}?{query}", running.imds.server().url(), running.imds.token_path()))
}

fn good() -> String {
    format!("api-version=2018-02-01&resource={RESOURCE}")
}

#[tokio::test]
async fn imds_answers_in_strings() {
    let running = start().await;
    for (asked, audience) in [
        ("https://cognitiveservices.azure.com", "https://cognitiveservices.azure.com"),
        ("https://cognitiveservices.azure.com/", "https://cognitiveservices.azure.com/"),
        ("https%3A%2F%2Fai.azure.com%2F.default", "https://ai.azure.com"),
    ] {
        let query = format!("api-version=2018-02-01&resource={asked}");
        let answer = imds(&running, &query).header("metadata", "true").expect(200).await;
        let body = answer.json();
        for name in ["expires_in", "expires_on", "not_before"] {
            assert!(body[name].as_str().unwrap().parse::<i64>().is_ok(), "{name}");
        }
        assert_eq!((&body["token_type"], &body["refresh_token"]), (&json!("Bearer"), &json!("")));
        assert_eq!(body["resource"], json!(audience));
        let (_, claims) = decode(body["access_token"].as_str().unwrap());
        assert_eq!(claims["aud"], json!(audience));
        assert_eq!(claims["exp"].to_string(), body["expires_on"].as_str().unwrap());
        assert_eq!(claims["oid"], json!(running.imds.identities()[0].object_id));
        assert_eq!(claims["idtyp"], json!("app"));
    }
}

#[tokio::test]
async fn imds_is_strict() {
    let running = start().await;
    let ask = |query: &str| imds(&running, query);
    let good = good();
    for (call, error) in [
        (ask(&good), "bad_request_102"),
        (ask(&good).header("metadata", "True"), "bad_request_102"),
        (ask(&good).header("metadata", "false"), "bad_request_102"),
        (ask(&good).header("metadata", "true").header("metadata", "true"), "bad_request_102"),
        (
            ask(&good).header("metadata", "true").header("x-forwarded-for", "10.0.0.1"),
            "invalid_request",
        ),
        (ask("api-version=2018-02-01").header("metadata", "true"), "invalid_request"),
        (ask("api-version=2018-02-01&resource=").header("metadata", "true"), "invalid_request"),
        (
            ask("api-version=2018-02-01&resource=https://x.example").header("metadata", "true"),
            "invalid_resource",
        ),
        (ask(&format!("{good}&client_id=nobody")).header("metadata", "true"), "invalid_request"),
    ] {
        assert_eq!(call.expect(400).await.at("/error"), json!(error));
    }
    for query in
        [format!("resource={RESOURCE}"), format!("api-version=2017-01-01&resource={RESOURCE}")]
    {
        let answer = ask(&query).header("metadata", "true").expect(400).await;
        assert_eq!(answer.at("/newest-versions"), json!(["2018-02-01"]));
    }
    ask(&good).method("POST").header("metadata", "true").expect(405).await;
    get(format!("{}/metadata/instance", running.imds.server().url()))
        .header("metadata", "true")
        .expect(404)
        .await;
    assert_eq!(running.imds.server().count(running.imds.token_path()), 12);
}

#[tokio::test]
async fn an_identity_must_be_chosen_among_several() {
    let users = vec![ManagedIdentity::user("one", FIRST), ManagedIdentity::user("two", SECOND)];
    let (object, resource) = (users[1].object_id.clone(), users[1].resource_id.clone());
    let running = start_with(|options| options.identities = users).await;
    let ask = |rest: &str| imds(&running, &format!("{}{rest}", good())).header("metadata", "true");
    for (rest, client) in [
        (format!("&client_id={FIRST}"), FIRST),
        (format!("&object_id={object}"), SECOND),
        (format!("&msi_res_id={resource}"), SECOND),
        (format!("&msi_res_id={}", resource.to_uppercase()), SECOND),
    ] {
        let answer = ask(&rest).expect(200).await;
        assert_eq!(answer.at("/client_id"), json!(client), "{rest}");
        let (_, claims) = decode(answer.at("/access_token").as_str().unwrap());
        assert_eq!(claims["appid"], json!(client), "{rest}");
    }
    let none = ask("").expect(400).await;
    assert!(
        none.at("/error_description")
            .as_str()
            .unwrap()
            .starts_with("Multiple user assigned identities")
    );
    ask(&format!("&client_id={SECOND}&object_id={object}")).expect(400).await;
}

#[tokio::test]
async fn imds_fails_on_demand_in_its_own_shape() {
    let running = start().await;
    let server = running.imds.server();
    for status in [404, 410, 429, 500] {
        server.fail_next(running.imds.token_path(), 1, Fault::Status(status));
        let answer = imds(&running, &good()).header("metadata", "true").expect(status).await;
        assert!(answer.at("/error").is_string());
        assert_eq!(answer.header("retry-after"), if status == 429 { "1" } else { "" });
    }
    running.imds.set_token_lifetime(Duration::from_mins(5));
    let answer = imds(&running, &good()).header("metadata", "true").expect(200).await;
    assert_eq!(answer.at("/expires_in"), json!("300"));
}

#[tokio::test]
async fn app_service_wants_its_header() {
    let running = start().await;
    let service = &running.app_service;
    let ask = |query: &str| get(format!("{}?{query}", service.endpoint()));
    let good = format!("api-version=2019-08-01&resource={RESOURCE}");
    let answer = ask(&good).header("x-identity-header", service.header()).expect(200).await;
    assert!(answer.at("/expires_on").as_str().unwrap().parse::<i64>().is_ok());
    assert_eq!(answer.at("/resource"), json!(RESOURCE));
    assert_eq!(answer.at("/token_type"), json!("Bearer"));
    assert_eq!(answer.at("/expires_in"), Value::Null);
    let identity = &service.identities()[0];
    assert_eq!(answer.at("/client_id"), json!(identity.client_id));
    let by_principal = format!("{good}&principal_id={}", identity.object_id);
    ask(&by_principal).header("x-identity-header", service.header()).expect(200).await;
    for (query, header, status) in [
        (good.clone(), "", 401),
        (good.clone(), "wrong", 401),
        (format!("resource={RESOURCE}"), service.header(), 400),
        ("api-version=2017-09-01&resource=x".to_owned(), service.header(), 400),
        ("api-version=2019-08-01".to_owned(), service.header(), 400),
        (format!("{good}&client_id=nobody"), service.header(), 400),
        (format!("{good}&client_id=a&principal_id=b"), service.header(), 400),
        ("api-version=2019-08-01&resource=https://x.example".to_owned(), service.header(), 500),
    ] {
        let answer = ask(&query).header("x-identity-header", header).expect(status).await;
        assert_eq!(answer.at("/statusCode"), json!(status), "{query}");
        assert!(answer.at("/message").is_string());
    }
}
