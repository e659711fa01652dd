//! `azure_identity`'s calls over our own client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use bytes::Bytes;
use parking_lot::Mutex;
use tollgate_engine::Secret;
use url::Url;

use crate::fetch::{FetchError, FetchOptions, Fetcher, Guard};

/// Longest answer of an identity endpoint that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// The host that `azure_identity` is hard-wired to ask for tokens of managed identities.
pub(super) const IMDS_HOST: &str = "169.254.169.254";

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
        Ok(AsyncRawResponse::from_bytes(parts.status.as_u16().into(), headers, body))
    }
}

impl Endpoint {
    fn rewrite(&self, url: &Url) -> Url {
        match self {
            Self::Imds(base) if url.host_str() == Some(IMDS_HOST) => {
                joined(base, url.path(), url.query())
            }
            Self::AppService { url: endpoint, .. } => joined(endpoint, "", url.query()),
            Self::Authority(base) if base.scheme() == "http" => {
                joined(base, url.path(), url.query())
            }
            Self::Imds(_) | Self::Authority(_) => url.clone(),
        }
    }
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
