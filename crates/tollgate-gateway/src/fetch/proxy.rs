//! Forward proxies: plain HTTP through them, TLS in a tunnel (`CONNECT`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tollgate_engine::Secret;
use tollgate_engine::ports::Proxy;
use url::{Host, Url};

use super::guard::canonical;

/// Longest answer to `CONNECT` that is read.
const MAX_ANSWER: usize = 8 * 1024;

/// `[egress]`'s proxy, for calls of the gateway's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressProxy {
    pub(super) proxy: Proxy,
    direct: Vec<String>,
}

impl EgressProxy {
    /// From `http://[user:password@]host[:port]` and the hosts to call directly: `host`, or `.domain` for all below it.
    /// Loopback addresses are always called directly.
    pub fn new(url: &str, direct: impl IntoIterator<Item = String>) -> Result<Self, String> {
        // The URL may hold a password, so it is in no message.
        let url = Url::parse(url)
            .map_err(|error| format!("the URL of the egress proxy cannot be read: {error}"))?;
        if url.scheme() != "http" {
            return Err("the egress proxy is not an `http` URL".to_owned());
        }
        let host = url.host_str().ok_or("the URL of the egress proxy has no host")?;
        let authorization = (!url.username().is_empty()).then(|| {
            let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
            pair.push(b':');
            pair.extend(percent_decode_str(url.password().unwrap_or_default()));
            Secret::new(format!("Basic {}", STANDARD.encode(pair)))
        });
        let direct = direct.into_iter().map(|host| canonical(&host)).collect();
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Self { proxy: Proxy { host: canonical(host), port, authorization }, direct })
    }

    /// The password of the URL, to be masked.
    pub(crate) fn password(&self) -> Option<Secret<String>> {
        let pair = self.proxy.authorization.as_ref()?.expose().strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
        let (_, password) = pair.split_once(':').filter(|(_, password)| !password.is_empty())?;
        Some(Secret::new(password.to_owned()))
    }

    /// Whether a host is called through the proxy.
    pub(super) fn is_for(&self, host: &str) -> bool {
        let host = canonical(host);
        let is_loopback = match Host::parse(&host) {
            Ok(Host::Ipv4(ip)) => ip.is_loopback(),
            _ => host == "localhost" || host == "::1" || host.ends_with(".localhost"),
        };
        let is_direct = self.direct.iter().any(|direct| match direct.strip_prefix('.') {
            Some(domain) => {
                host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            None => *direct == host,
        });
        !is_loopback && !is_direct
    }
}

/// Opens a tunnel over a connection to a proxy.
pub(crate) async fn open_tunnel(
    proxy: &Proxy,
    stream: &mut TcpStream,
    host: &str,
    port: u16,
) -> Result<(), String> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization.expose());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let broken = |error: std::io::Error| format!("the proxy broke off: {error}");
    stream.write_all(request.as_bytes()).await.map_err(broken)?;

    // One byte at a time: what follows the answer belongs to the tunnel. It is read once per connection.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER {
            return Err("the proxy's answer is too long".to_owned());
        }
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    let answer = String::from_utf8_lossy(&answer);
    let status =
        answer.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
    match status.trim() {
        "200" => Ok(()),
        "407" => Err("the proxy wants other credentials".to_owned()),
        status => Err(format!("the proxy refused the tunnel with `{}`", status.escape_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls() {
        let check = |url: &str| {
            EgressProxy::new(url, []).map(|egress| (egress.proxy.host, egress.proxy.port))
        };
        assert_eq!(check("http://proxy.test:3128"), Ok(("proxy.test".to_owned(), 3128)));
        assert_eq!(check("http://proxy.test"), Ok(("proxy.test".to_owned(), 80)));
        assert!(check("https://proxy.test").is_err());
        assert!(check("proxy.test:3128").is_err());
        let proxy = EgressProxy::new("http://me:p%40ss@proxy.test", []).unwrap();
        assert_eq!(
            proxy.proxy.authorization.as_ref().unwrap().expose(),
            &format!("Basic {}", STANDARD.encode("me:p@ss"))
        );
        assert!(!format!("{proxy:?}").contains("p@ss"));
        let error = EgressProxy::new("ftp://me:hidden@proxy.test", []).unwrap_err();
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn some_hosts_are_called_directly() {
        let direct = ["internal.test".to_owned(), ".corp.test".to_owned()];
        let proxy = EgressProxy::new("http://proxy.test", direct).unwrap();
        for (host, expected) in [
            ("login.microsoftonline.com", true),
            ("internal.test", false),
            ("Internal.Test.", false),
            ("sub.internal.test", true),
            ("a.b.corp.test", false),
            ("corp.test", false),
            ("notcorp.test", true),
            ("localhost", false),
            ("127.0.0.9", false),
            ("[::1]", false),
        ] {
            assert_eq!(proxy.is_for(host), expected, "{host}");
        }
    }
}
