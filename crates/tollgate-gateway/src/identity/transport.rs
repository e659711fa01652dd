//! `azure_identity`'s calls over our own client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use tollgate_engine::Secret;
use url::Url;

use crate::fetch::{FetchError, FetchOptions, Fetcher, Guard};

/// Longest answer of an identity endpoint that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// The host that `azure_identity` is hard-wired to ask for tokens of managed identities.
pub(super) const IMDS_HOST: &str = "169.254.169.254";

/// Version of the metadata service's token endpoint.
const IMDS_API_VERSION: &str = "2018-02-01";

/// Stands for an authority without TLS, because `azure_identity` takes none: an emulator on this machine.
pub(super) const STAND_IN_AUTHORITY: &str = "https://authority.invalid";

/// Where calls go instead of where `azure_identity` sends them.
#[derive(Clone)]
pub(super) enum Endpoint {
    /// The metadata service, perhaps elsewhere.
    Imds(Url),
    /// App Service's: `azure_identity` would read its address and secret from the process's environment, ours may be another.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        url: Url,
        /// `IDENTITY_HEADER`.
        secret: Secret<String>,
    },
    /// Entra, or an emulator of it.
    Authority(Url),
}

/// An HTTP client in `azure_core`'s sense. One is made per attempt, so that it can tell what the attempt last met.
pub(super) struct Transport {
    fetcher: Arc<Fetcher>,
    endpoint: Endpoint,
    timeout: Duration,
    last_failure: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(super) fn new(
        fetcher: Arc<Fetcher>,
        endpoint: Endpoint,
        timeout: Duration,
        last_failure: Arc<Mutex<Option<String>>>,
    ) -> Self {
        Self { fetcher, endpoint, timeout, last_failure }
    }

    fn build(&self, request: &Request) -> Result<http::Request<Bytes>, String> {
        let url = self.endpoint.rewrite(request.url());
        let mut builder =
            http::Request::builder().method(request.method().as_str()).uri(url.as_str());
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        if let Endpoint::AppService { secret, .. } = &self.endpoint {
            builder = builder.header("x-identity-header", secret.expose());
        }
        let Body::Bytes(body) = request.body() else {
            return Err("a streamed body is not expected here".to_owned());
        };
        builder.body(body.clone()).map_err(|error| error.to_string())
    }

    async fn call(&self, request: &Request) -> azure_core::Result<http::Response<Bytes>> {
        let request = self
            .build(request)
            .map_err(|why| Error::with_message(ErrorKind::DataConversion, why))?;
        let guard = match self.endpoint {
            Endpoint::Imds(_) | Endpoint::AppService { .. } => Guard::Machine,
            Endpoint::Authority(_) => Guard::Configured,
        };
        let options = FetchOptions { guard, timeout: self.timeout, max_bytes: MAX_ANSWER };
        self.fetcher.send(request, options).await.map_err(|error| {
            let kind = if matches!(error, FetchError::Connect(_)) {
                ErrorKind::Connection
            } else {
                ErrorKind::Io
            };
            Error::with_message(kind, error.to_string())
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = self.call(request).await;
        *self.last_failure.lock() = match &response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let (parts, body) = response?.into_parts();
        let mut headers = Headers::new();
        for (name, value) in &parts.headers {
            if let Ok(value) = value.to_str() {
                let name = HeaderName::from(name.as_str().to_owned());
                headers.insert(name, HeaderValue::from(value.to_owned()));
            }
        }
        let is_managed = !matches!(self.endpoint, Endpoint::Authority(_));
        let body = if is_managed && parts.status.is_success() { mended(body) } else { body };
        Ok(AsyncRawResponse::from_bytes(parts.status.as_u16().into(), headers, body))
    }
}

impl Endpoint {
    fn rewrite(&self, url: &Url) -> Url {
        match self {
            Self::Imds(base) if url.host_str() == Some(IMDS_HOST) => {
                let mut url = joined(base, url.path(), url.query());
                set_api_version(&mut url);
                url
            }
            Self::AppService { url: endpoint, .. } => joined(endpoint, "", url.query()),
            Self::Authority(base) if base.scheme() == "http" => {
                joined(base, url.path(), url.query())
            }
            Self::Imds(_) | Self::Authority(_) => url.clone(),
        }
    }
}

/// `azure_identity` asks with App Service's version, which metadata services need not know; this is the documented one.
fn set_api_version(url: &mut Url) {
    let asked: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut pairs = url.query_pairs_mut();
    pairs.clear().append_pair("api-version", IMDS_API_VERSION);
    pairs.extend_pairs(asked.iter().filter(|(name, _)| name != "api-version"));
}

/// Makes the answer of a managed identity endpoint one that `azure_identity` reads: it wants `expires_on` as text, as Azure
/// gives it, and fields that it does not use; some endpoints give a number and leave them out.
fn mended(body: Bytes) -> Bytes {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(&body) else { return body };
    if let Some(Value::Number(at)) = answer.get("expires_on") {
        let at = at.to_string();
        answer.insert("expires_on".to_owned(), at.into());
    }
    for name in ["token_type", "resource"] {
        answer.entry(name).or_insert_with(|| "".into());
    }
    Value::Object(answer).to_string().into()
}

fn joined(base: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = base.clone();
    if !path.is_empty() {
        let path = format!("{}{path}", base.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url.set_query(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &Endpoint, url: &str, expected: &str) {
        assert_eq!(endpoint.rewrite(&Url::parse(url).unwrap()).as_str(), expected);
    }

    #[test]
    fn calls_go_where_they_should() {
        let url = |text: &str| Url::parse(text).unwrap();
        let asked = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fa.test&client_id=x";
        let expected = "http://127.0.0.1:9/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fa.test&client_id=x";
        check(&Endpoint::Imds(url("http://127.0.0.1:9")), asked, expected);
        check(&Endpoint::Imds(url("http://127.0.0.1:9/")), asked, expected);
        // Where the process's own environment leads elsewhere, that is not the metadata service.
        check(&Endpoint::Imds(url("http://127.0.0.1:9")), "http://x.test/a?b", "http://x.test/a?b");
        let app_service = Endpoint::AppService {
            url: url("http://127.0.0.1:9/msi/token"),
            secret: Secret::new("header".to_owned()),
        };
        check(
            &app_service,
            "http://169.254.169.254/metadata?resource=r",
            "http://127.0.0.1:9/msi/token?resource=r",
        );
        let token = "https://authority.invalid/t/oauth2/v2.0/token";
        check(
            &Endpoint::Authority(url("http://127.0.0.1:9")),
            token,
            "http://127.0.0.1:9/t/oauth2/v2.0/token",
        );
        let real = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
        check(&Endpoint::Authority(url("https://login.microsoftonline.com")), real, real);
    }

    #[test]
    fn answers_are_mended() {
        let check = |body: &'static str, expected: &str| {
            assert_eq!(mended(Bytes::from_static(body.as_bytes())), expected);
        };
        check(
            r#"{"expires_on":1700000000}"#,
            r#"{"expires_on":"1700000000","token_type":"","resource":""}"#,
        );
        let whole = r#"{"expires_on":"1700000000","token_type":"Bearer","resource":"r"}"#;
        check(whole, whole);
        check("[1]", "[1]");
        check("<html>", "<html>");
    }
}
