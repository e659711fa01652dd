//! Connections of the credential manager: tokens that the gateway holds for services that are not Azure's.
//!
//! A token belongs to what it was asked for with, wherever that is written; it outlives configurations.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tollgate_engine::ports::{Authorizations, Clock, IdentityError, TokenSource};
use tollgate_engine::{BoxFuture, Secret};
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::config::{ClientCredentials, ConnectionConfig};
use crate::fetch::{FetchOptions, Fetcher, Guard};
use crate::identity::{Acquire, Acquired, Source, Surroundings};

/// Longest answer of a token endpoint.
const MAX_ANSWER: usize = 64 << 10;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a token is kept when the endpoint does not say.
const DEFAULT_LIFE: i64 = 300;

/// A token that claims to live longer is renewed all the same.
const LONGEST_LIFE: i64 = 24 * 3_600;

/// The tokens of all connections.
pub(crate) struct AuthorizationPool {
    fetcher: Arc<Fetcher>,
    around: Surroundings,
    sources: Mutex<HashMap<ClientCredentials, Arc<Source>>>,
}

impl fmt::Debug for AuthorizationPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationPool")
            .field("n_sources", &self.sources.lock().len())
            .finish_non_exhaustive()
    }
}

impl AuthorizationPool {
    /// No tokens yet.
    pub(crate) fn new(fetcher: Arc<Fetcher>, around: Surroundings) -> Self {
        Self { fetcher, around, sources: Mutex::default() }
    }

    /// The connections of one configuration. Tokens of others go with the last configuration that has them.
    pub(crate) fn with(&self, connections: &[ConnectionConfig]) -> ConfiguredAuthorizations {
        let mut sources = self.sources.lock();
        let found = connections.iter().map(|connection| {
            let ConnectionConfig { provider, id, grant } = connection;
            let source = sources
                .entry(grant.clone())
                .or_insert_with(|| self.source(format!("{provider}.{id}"), grant));
            ((provider.clone(), id.clone()), Arc::clone(source))
        });
        let found = found.collect();
        sources.retain(|_, source| Arc::strong_count(source) > 1);
        ConfiguredAuthorizations(found)
    }

    fn source(&self, name: String, grant: &ClientCredentials) -> Arc<Source> {
        let endpoint = TokenEndpoint {
            fetcher: Arc::clone(&self.fetcher),
            clock: Arc::clone(&self.around.clock),
            grant: grant.clone(),
        };
        Source::new(name, Arc::new(endpoint), TIMEOUT, self.around.clone())
    }
}

/// The connections of one configuration.
pub(crate) struct ConfiguredAuthorizations(HashMap<(String, String), Arc<Source>>);

impl Authorizations for ConfiguredAuthorizations {
    fn connection(&self, provider: &str, id: &str) -> Option<Arc<dyn TokenSource>> {
        let source = self.0.get(&(provider.to_owned(), id.to_owned()))?;
        Some(Arc::clone(source) as Arc<dyn TokenSource>)
    }

    fn connections(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> =
            self.0.keys().map(|(provider, id)| (provider.as_str(), id.as_str())).collect();
        all.sort_unstable();
        all
    }
}

/// Asks a token endpoint (RFC 6749 §4.4).
struct TokenEndpoint {
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    grant: ClientCredentials,
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Acquire for TokenEndpoint {
    fn acquire(&self) -> BoxFuture<'_, Result<Acquired, IdentityError>> {
        Box::pin(async move {
            let options =
                FetchOptions { guard: Guard::Configured, timeout: TIMEOUT, max_bytes: MAX_ANSWER };
            let request = request(&self.grant).map_err(IdentityError::Unavailable)?;
            let answer = self.fetcher.send(request, options).await;
            let answer = answer.map_err(|error| {
                IdentityError::Failed(format!("the token endpoint gave no answer: {error}"))
            })?;
            let read = serde_json::from_slice(answer.body()).unwrap_or_default();
            if !answer.status().is_success() {
                return Err(refused(answer.status(), &read));
            }
            accept(read, self.clock.unix_seconds())
        })
    }
}

fn request(grant: &ClientCredentials) -> Result<Request<Bytes>, String> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !grant.scope.is_empty() {
        form.append_pair("scope", &grant.scope);
    }
    if let Some(audience) = &grant.audience {
        form.append_pair("audience", audience);
    }
    let mut request = Request::post(&grant.token_url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json");
    if grant.secret_in_body {
        form.append_pair("client_id", &grant.client_id);
        form.append_pair("client_secret", grant.client_secret.expose());
    } else {
        // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair =
            format!("{}:{}", encoded(&grant.client_id), encoded(grant.client_secret.expose()));
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
        let mut value = value.map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let body = Bytes::from(form.finish());
    request.body(body).map_err(|_| "the URL of the token endpoint is malformed".to_owned())
}

/// What the endpoint says went wrong, as far as RFC 6749 §5.2 lets it: its code, not its prose.
fn refused(status: http::StatusCode, answer: &Map<String, Value>) -> IdentityError {
    let is_code = |code: &&str| {
        code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let code = answer.get("error").and_then(Value::as_str).filter(is_code);
    let code = code.map(|code| format!(": {code}")).unwrap_or_default();
    IdentityError::Failed(format!(
        "the token endpoint answered with status {}{code}",
        status.as_u16()
    ))
}

fn accept(mut answer: Map<String, Value>, now: i64) -> Result<Acquired, IdentityError> {
    let failed = |why: &str| IdentityError::Failed(why.to_owned());
    let Some(Value::String(token)) = answer.remove("access_token") else {
        return Err(failed("the answer of the token endpoint holds no `access_token`"));
    };
    // Some endpoints write the number as text.
    let life = match answer.get("expires_in") {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let life = life.unwrap_or(DEFAULT_LIFE).min(LONGEST_LIFE);
    // It would let its holder have any number of tokens.
    answer.remove("refresh_token");
    Ok(Acquired { token: Secret::new(token), expires_at: now.saturating_add(life), claims: answer })
}

#[cfg(test)]
mod tests;
