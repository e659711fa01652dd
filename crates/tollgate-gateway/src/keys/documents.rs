//! The two documents of an issuer.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use tollgate_engine::BoxFuture;
use tollgate_engine::jose::OpenIdConfiguration;
use tollgate_engine::ports::KeyError;
use url::{Host, Url};

use super::KeySettings;
use crate::fetch::{FetchError, FetchOptions, Fetcher, Guard};

/// Longest document that is read.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// Longest URL that is fetched.
const MAX_URL: usize = 2_048;

/// OpenID configuration and key document, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) configuration: Bytes,
    pub(super) keys: Bytes,
}

/// Fetches the documents of an issuer.
pub(super) trait Documents: Send + Sync + fmt::Debug {
    /// Both documents.
    fn fetch<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Result<Pair, KeyError>>;
}

/// Over HTTP.
#[derive(Debug)]
pub(super) struct HttpDocuments {
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) settings: Arc<ArcSwap<KeySettings>>,
}

impl Documents for HttpDocuments {
    fn fetch<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Result<Pair, KeyError>> {
        Box::pin(async move {
            let settings = self.settings.load_full();
            let configuration = self.get(url, &settings).await?;
            let read = OpenIdConfiguration::parse(&configuration).map_err(KeyError::Invalid)?;
            let keys_url = checked_url(&read.jwks_uri, settings.allow_http)
                .map_err(|error| KeyError::Invalid(format!("its `jwks_uri`: {error}")))?;
            let keys = self.get(&keys_url, &settings).await?;
            Ok(Pair { configuration, keys })
        })
    }
}

impl HttpDocuments {
    async fn get(&self, url: &Url, settings: &KeySettings) -> Result<Bytes, KeyError> {
        let accept = HeaderValue::from_static("application/json");
        let request = Request::get(url.as_str()).header(header::ACCEPT, accept).body(Bytes::new());
        let request = request.map_err(|error| KeyError::Refused(error.to_string()))?;
        // The URL may come from an expression, and `jwks_uri` comes from a document.
        let options = FetchOptions {
            guard: Guard::Policy,
            timeout: settings.timeout,
            max_bytes: MAX_DOCUMENT,
        };
        let place = place(url);
        let response = self.fetcher.send(request, options).await.map_err(|error| match error {
            FetchError::Refused(why) => KeyError::Refused(format!("{place}: {why}")),
            FetchError::TooLarge(_) => KeyError::Invalid(format!("{place}: {error}")),
            error => KeyError::Unavailable(format!("{place}: {error}")),
        })?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status if status.is_redirection() => {
                let status = status.as_u16();
                Err(KeyError::Invalid(format!(
                    "{place}: status {status}; redirects are not followed"
                )))
            }
            status => Err(KeyError::Unavailable(format!("{place}: status {}", status.as_u16()))),
        }
    }
}

/// A URL for logs: without its query, which may be long or private.
pub(super) fn place(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// A URL that may be fetched: `https`, or `http` where nobody is between.
pub(super) fn checked_url(text: &str, allow_http: bool) -> Result<Url, KeyError> {
    let refused = |why: &str| Err(KeyError::Refused(why.to_owned()));
    if text.len() > MAX_URL {
        return refused("its URL is too long");
    }
    let mut url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => return refused(&format!("its URL cannot be read: {error}")),
    };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return refused("its URL has no host"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("its URL has a user name or password");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback || allow_http => {}
        "http" => {
            return refused(
                "its URL is not `https`, and keys fetched without TLS can be anybody's",
            );
        }
        _ => return refused("its URL is not `https`"),
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, allow_http: bool, expected: Option<&str>) {
        let url = checked_url(text, allow_http).ok().map(String::from);
        assert_eq!(url.as_deref(), expected, "{text}");
    }

    #[test]
    fn urls_that_may_be_fetched() {
        let entra =
            "https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration?appid=1";
        check(entra, false, Some(entra));
        check(" HTTPS://Issuer.Test:443/a#b ", false, Some("https://issuer.test/a"));
        check("http://127.0.0.1:99/x", false, Some("http://127.0.0.1:99/x"));
        check("http://[::1]/x", false, Some("http://[::1]/x"));
        check("http://issuer.test/", true, Some("http://issuer.test/"));
        for refused in [
            "http://issuer.test/",
            "http://127.0.0.1.evil.test/",
            "file:///etc/keys",
            "/x",
            "",
            "https://",
        ] {
            check(refused, false, None);
        }
        check("https://user:pw@issuer.test/", true, None);
        check("ftp://issuer.test/", true, None);
        check(&format!("https://issuer.test/{}", "a".repeat(MAX_URL)), false, None);
        assert_eq!(place(&Url::parse("https://a.test/b?secret=1").unwrap()), "https://a.test/b");
    }
}
