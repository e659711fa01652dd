use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::client::{Call, get, start};
use crate::{FABRIKAM, Fault, Running, TokenSpec};

const VAULT: &str = "https://vault.azure.net";

fn read(running: &Running, path: &str, token: &TokenSpec) -> Call {
    let token = running.entra.mint(token).unwrap();
    let url = format!("{}{path}", running.key_vault.server().url());
    get(url).bearer(&token)
}

#[tokio::test]
async fn the_newest_version_is_read() {
    let running = start().await;
    let first = running.key_vault.set_secret("Api-Key", "one");
    let second = running.key_vault.set_secret("api-key", "two");
    let token = TokenSpec::v1(VAULT);
    for (path, value, version) in [
        ("/secrets/api-key?api-version=7.4", "two", &second),
        ("/secrets/API-KEY/?api-version=7.4", "two", &second),
        (&*format!("/secrets/api-key/{first}?api-version=7.0"), "one", &first),
    ] {
        let answer = read(&running, path, &token).expect(200).await;
        assert_eq!(answer.at("/value"), json!(value));
        let id = format!("{}/secrets/Api-Key/{version}", running.key_vault.server().url());
        assert_eq!(answer.at("/id"), json!(id));
    }
}

#[tokio::test]
async fn requests_are_judged_as_azure_does() {
    let running = start().await;
    running.key_vault.set_secret("a", "one");
    let good = TokenSpec::v1(VAULT);
    for (path, code) in [
        ("/secrets/a", "BadParameter"),
        ("/secrets/a?api-version=1.0", "BadParameter"),
        ("/secrets/a_b?api-version=7.4", "BadParameter"),
    ] {
        let answer = read(&running, path, &good).expect(400).await;
        assert_eq!(answer.at("/error/code"), json!(code));
    }
    for path in ["/secrets/b?api-version=7.4", "/secrets/a/0123?api-version=7.4"] {
        let answer = read(&running, path, &good).expect(404).await;
        assert_eq!(answer.at("/error/code"), json!("SecretNotFound"));
    }
    read(&running, "/secrets/a?api-version=7.4", &good).method("PUT").expect(405).await;
    running.key_vault.disable_secret("A");
    let answer = read(&running, "/secrets/a?api-version=7.4", &good).expect(403).await;
    assert_eq!(answer.at("/error/innererror/code"), json!("SecretDisabled"));
    running.key_vault.delete_secret("a");
    read(&running, "/secrets/a?api-version=7.4", &good).expect(404).await;
}

#[tokio::test]
async fn tokens_are_judged_as_azure_does() {
    let running = start().await;
    running.key_vault.set_secret("a", "one");
    let path = "/secrets/a?api-version=7.4";
    let url = format!("{}{path}", running.key_vault.server().url());
    let challenge = format!(
        "Bearer authorization=\"{}/{}\", resource=\"{VAULT}\"",
        running.entra.server().url(),
        running.entra.tenant_id()
    );
    let refused = [
        get(url.clone()),
        get(url.clone()).header("authorization", "Basic eA=="),
        get(url).header("authorization", "Bearer x"),
        read(&running, path, &TokenSpec::v1("https://management.azure.com")),
        read(&running, path, &TokenSpec::v1(VAULT).tenant(FABRIKAM)),
    ];
    for call in refused {
        let answer = call.expect(401).await;
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert_eq!(answer.at("/error/code"), json!("Unauthorized"));
    }
    read(&running, path, &TokenSpec::v1("https://vault.azure.net/")).expect(200).await;
    running.key_vault.permit(Some(BTreeSet::from(["somebody".to_owned()])));
    let answer = read(&running, path, &TokenSpec::v1(VAULT)).expect(403).await;
    assert_eq!(answer.at("/error/innererror/code"), json!("AccessDenied"));
    running.key_vault.permit(None);
    running.key_vault.server().fail_next("*", 1, Fault::Throttle(Duration::from_secs(2)));
    let answer = read(&running, path, &TokenSpec::v1(VAULT)).expect(429).await;
    assert_eq!((answer.at("/error/code"), answer.header("retry-after")), (json!("Throttled"), "2"));
}
