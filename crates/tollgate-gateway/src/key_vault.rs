//! Secrets of Azure Key Vault, for named values.
//!
//! INVARIANT: a secret that was fetched once stays until a newer one is there: a vault that is away, a role that was taken
//! back or a secret that was deleted leaves the old value in force and says so. Nothing here logs a value.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use tollgate_engine::Secret;
use tollgate_engine::ports::{Clock, Identities};

use crate::config::SecretReference;
use crate::directory::{VaultSecret, VaultSecrets};
use crate::fetch::{FetchOptions, Fetcher, Guard};
use crate::telemetry::{Ended, Metrics};

/// The version of Key Vault's interface that is spoken.
const API_VERSION: &str = "7.4";

/// One call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Key Vault's secrets have at most 25 KiB, which JSON may double.
const MAX_ANSWER: usize = 64 * 1024;

/// Characters of a named value, as in Azure.
const LONGEST: usize = 4096;

/// Calls at a time.
const AT_A_TIME: usize = 8;

/// Pauses before a secret that no policy can do without is asked for again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Longest text of a vault's error that is repeated.
const LONGEST_ERROR: usize = 300;

/// The secrets that were fetched. It outlives configurations.
pub struct KeyVault {
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    kept: Mutex<BTreeMap<SecretReference, Kept>>,
}

#[derive(Default)]
struct Kept {
    value: Option<Secret<String>>,
    /// Seconds since 1970.
    fetched_at: Option<i64>,
    error: Option<String>,
}

/// What a vault's secret says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretStatus {
    /// Its address.
    pub url: String,
    /// Who reads it.
    pub identity: String,
    /// When it was last fetched, in seconds since 1970.
    pub fetched_at: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// What a refresh brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// Whether a secret is another one now.
    pub(crate) changed: bool,
    /// Whether one could not be fetched.
    pub(crate) failed: bool,
}

/// Why there is no secret.
struct Failure {
    why: String,
    /// Whether asking again soon may help.
    passing: bool,
}

impl fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyVault")
    }
}

/// The secrets that were asked for, and why there are none.
impl VaultSecrets for &KeyVault {
    fn secret(&self, reference: &SecretReference) -> VaultSecret {
        let kept = self.kept.lock();
        match kept.get(reference) {
            Some(Kept { value: Some(value), .. }) => VaultSecret::Known(value.clone()),
            Some(Kept { error: Some(why), .. }) => VaultSecret::Failed(why.clone()),
            _ => VaultSecret::Failed("it was not asked for".to_owned()),
        }
    }
}

/// The secrets of a vault that were fetched; what is missing is to be fetched before they are used.
#[derive(Debug)]
pub(crate) struct AtHand<'a>(&'a KeyVault);

impl VaultSecrets for AtHand<'_> {
    fn secret(&self, reference: &SecretReference) -> VaultSecret {
        match self.0.secret(reference) {
            VaultSecret::Failed(_) => VaultSecret::Unasked,
            known => known,
        }
    }
}

impl KeyVault {
    /// Nothing fetched yet.
    pub fn new(fetcher: Arc<Fetcher>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self { fetcher, clock, metrics, kept: Mutex::default() }
    }

    /// What was fetched so far.
    pub(crate) fn at_hand(&self) -> AtHand<'_> {
        AtHand(self)
    }

    /// Those of some secrets that have never been fetched.
    pub(crate) fn missing(&self, wanted: &[SecretReference]) -> Vec<SecretReference> {
        let kept = self.kept.lock();
        let is_there = |it: &SecretReference| kept.get(it).is_some_and(|kept| kept.value.is_some());
        wanted.iter().filter(|reference| !is_there(reference)).cloned().collect()
    }

    /// Fetches secrets, trying again a few times. When the future is dropped, those fetched so far are kept.
    pub(crate) async fn provide(&self, identities: &dyn Identities, wanted: &[SecretReference]) {
        let fetch = |reference: SecretReference| async move {
            let mut fetched = self.fetch(identities, &reference).await;
            for pause in PAUSES {
                if !matches!(&fetched, Err(failure) if failure.passing) {
                    break;
                }
                tokio::time::sleep(pause).await;
                fetched = self.fetch(identities, &reference).await;
            }
            self.keep(&reference, fetched)
        };
        for reference in wanted {
            self.kept.lock().entry(reference.clone()).or_default();
        }
        let fetches = stream::iter(wanted.to_vec()).map(fetch).buffer_unordered(AT_A_TIME);
        fetches.for_each(|_| async {}).await;
    }

    /// Forgets all secrets but these.
    pub(crate) fn forget_others(&self, wanted: &[SecretReference]) {
        self.kept.lock().retain(|reference, _| wanted.contains(reference));
    }

    /// Fetches these secrets again. What is forgotten meanwhile stays forgotten.
    pub(crate) async fn refresh(
        &self,
        identities: &dyn Identities,
        wanted: &[SecretReference],
    ) -> Refreshed {
        let fetch = |reference: SecretReference| async move {
            let fetched = self.fetch(identities, &reference).await;
            self.keep(&reference, fetched)
        };
        let fetches = stream::iter(wanted.to_vec()).map(fetch).buffer_unordered(AT_A_TIME);
        let none = Refreshed { changed: false, failed: false };
        fetches
            .fold(none, |all, one| async move {
                Refreshed { changed: all.changed || one.changed, failed: all.failed || one.failed }
            })
            .await
    }

    /// What all secrets say of themselves.
    pub fn status(&self) -> Vec<SecretStatus> {
        let kept = self.kept.lock();
        let status = |(reference, kept): (&SecretReference, &Kept)| SecretStatus {
            url: reference.url.clone(),
            identity: reference.client_id.clone().unwrap_or_else(|| "own".to_owned()),
            fetched_at: kept.fetched_at,
            error: kept.error.clone(),
        };
        kept.iter().map(status).collect()
    }

    fn keep(
        &self,
        reference: &SecretReference,
        fetched: Result<Secret<String>, Failure>,
    ) -> Refreshed {
        let ended = if fetched.is_ok() { Ended::ok } else { Ended::failed };
        self.metrics.secret_fetched(ended);
        let now = self.clock.unix_seconds();
        let mut all = self.kept.lock();
        let Some(kept) = all.get_mut(reference) else {
            return Refreshed { changed: false, failed: false };
        };
        match fetched {
            Ok(value) => {
                let changed = kept.value.as_ref().is_none_or(|old| old.expose() != value.expose());
                if kept.error.take().is_some() {
                    tracing::info!(secret = reference.url, "Key Vault answers again");
                }
                kept.value = Some(value);
                kept.fetched_at = Some(now);
                Refreshed { changed, failed: false }
            }
            Err(Failure { why, .. }) => {
                // Said once per cause, not at each attempt.
                if kept.error.as_ref() != Some(&why) {
                    let keeps_old = kept.value.is_some();
                    tracing::warn!(
                        secret = reference.url,
                        why,
                        keeps_old,
                        "a secret cannot be read from Key Vault"
                    );
                }
                kept.error = Some(why);
                Refreshed { changed: false, failed: true }
            }
        }
    }

    async fn fetch(
        &self,
        identities: &dyn Identities,
        reference: &SecretReference,
    ) -> Result<Secret<String>, Failure> {
        let lasting = |why: String| Failure { why, passing: false };
        let source = identities
            .source(reference.client_id.as_deref(), &reference.resource)
            .map_err(|error| lasting(error.to_string()))?;
        let token = match source.current() {
            Some(token) => token,
            None => source
                .fetch()
                .await
                .map_err(|error| Failure { why: error.to_string(), passing: true })?,
        };
        let request = Request::get(format!("{}?api-version={API_VERSION}", reference.url))
            .header(header::AUTHORIZATION, token.authorization)
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|error| lasting(error.to_string()))?;
        let options =
            FetchOptions { guard: Guard::Configured, timeout: TIMEOUT, max_bytes: MAX_ANSWER };
        let response = self
            .fetcher
            .send(request, options)
            .await
            .map_err(|error| Failure { why: error.to_string(), passing: true })?;
        let (status, body) = (response.status(), response.into_body());
        if status != StatusCode::OK {
            let passing = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            return Err(Failure { why: refusal(status, &body), passing });
        }
        secret(&body).map_err(lasting)
    }
}

/// The secret in an answer.
fn secret(body: &[u8]) -> Result<Secret<String>, String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let value = answer.get("value").and_then(Value::as_str);
    let value = value.ok_or_else(|| "the answer has no `value`".to_owned())?;
    match value.chars().count() {
        1..=LONGEST => Ok(Secret::new(value.to_owned())),
        n => Err(format!("the secret has {n} characters, and a named value 1 to {LONGEST}")),
    }
}

/// What a vault that refuses says.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let code = text("/error/innererror/code").or_else(|| text("/error/code"));
    let mut why = format!("status {}", status.as_u16());
    for part in [code, text("/error/message")].into_iter().flatten() {
        why.push_str(": ");
        why.extend(part.chars().take(LONGEST_ERROR).map(|c| if c.is_control() { ' ' } else { c }));
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_within_bounds() {
        let of = |body: &str| secret(body.as_bytes()).map(|secret| secret.expose().clone());
        assert_eq!(of(r#"{"value":"x"}"#), Ok("x".to_owned()));
        assert_eq!(
            of(r#"{"value":""}"#).unwrap_err(),
            "the secret has 0 characters, and a named value 1 to 4096"
        );
        assert!(of(&format!(r#"{{"value":"{}"}}"#, "x".repeat(4096))).is_ok());
        assert!(of(&format!(r#"{{"value":"{}"}}"#, "x".repeat(4097))).is_err());
        assert_eq!(of("[]").unwrap_err(), "the answer has no `value`");
        assert_eq!(of("canary").unwrap_err(), "the answer is not JSON");
    }

    #[test]
    fn refusals_say_the_vaults_reason() {
        let body = br#"{"error":{"code":"Forbidden","message":"no\nrole","innererror":{"code":"AccessDenied"}}}"#;
        assert_eq!(refusal(StatusCode::FORBIDDEN, body), "status 403: AccessDenied: no role");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"<html>"), "status 502");
        let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "x".repeat(1000));
        assert_eq!(
            refusal(StatusCode::BAD_REQUEST, long.as_bytes()).len(),
            "status 400: ".len() + 300
        );
    }

    #[test]
    fn references_lead_to_vaults_only() {
        let of = |url: &str| SecretReference::parse(url, None).map(|it| (it.url, it.resource));
        let good = |url: &str, resource: &str| {
            assert_eq!(of(url), Ok((url.to_owned(), resource.to_owned())), "{url}");
        };
        good("https://contoso.vault.azure.net/secrets/a-1", "https://vault.azure.net");
        good("https://contoso.vault.azure.net/secrets/a-1/0123", "https://vault.azure.net");
        good("https://contoso.vault.azure.cn/secrets/a", "https://vault.azure.cn");
        good("http://127.0.0.1:8080/secrets/a", "https://vault.azure.net");
        for bad in [
            "http://contoso.vault.azure.net/secrets/a",
            "https://contoso.vault.azure.net:8443/secrets/a",
            "https://contoso.vault.azure.net.evil.example/secrets/a",
            "https://vault.azure.net/secrets/a",
            "https://evil.example/secrets/a",
            "https://contoso.vault.azure.net/keys/a",
            "https://contoso.vault.azure.net/secrets/",
            "https://contoso.vault.azure.net/secrets/a/b/c",
            "https://contoso.vault.azure.net/secrets/a?x=y",
            "https://user@contoso.vault.azure.net/secrets/a",
            "contoso",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
