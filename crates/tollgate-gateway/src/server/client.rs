//! Whose request it is: addresses, and the headers that tell the backend about them.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, HeaderName, HeaderValue};
use ipnet::IpNet;
use tollgate_engine::ClientCertificate;

use crate::wire::strip_named;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers with which a client could claim to be somebody else, or to have come another way.
fn is_claim(name: &str) -> bool {
    is_disguised_claim(name) || is_plain_claim(name)
}

/// Backends that make variables of headers (CGI and its heirs) read `X_Forwarded_For` as `X-Forwarded-For`.
fn is_disguised_claim(name: &str) -> bool {
    name.contains('_') && is_plain_claim(&name.replace('_', "-"))
}

fn is_plain_claim(name: &str) -> bool {
    matches!(
        name,
        "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-forwarded-port"
            | "x-forwarded-prefix"
            | "x-real-ip"
            | "x-client-ip"
            | "forwarded"
    )
}

/// More hops than this are not followed.
const MAX_HOPS: usize = 32;

/// One connection of a client.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// Its address: the connection's, or the one a trusted PROXY header names.
    ip: IpAddr,
    /// The address as a header value.
    text: HeaderValue,
    /// Whether its `X-Forwarded-*` are believed.
    trusted: bool,
    /// Whether the connection is encrypted.
    pub(super) secure: bool,
    /// Address of the listener.
    pub(super) local: SocketAddr,
    /// The client's certificate.
    pub(super) certificate: Option<ClientCertificate>,
}

impl Peer {
    /// A peer at this address.
    pub(super) fn new(ip: IpAddr, local: SocketAddr, secure: bool, trusted: &[IpNet]) -> Self {
        let ip = ip.to_canonical();
        let text = HeaderValue::try_from(ip.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Self { ip, text, trusted: is_trusted(ip, trusted), secure, local, certificate: None }
    }

    /// Address of the peer itself.
    pub(super) fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Removes headers that only a trusted peer may set, unless this is one; and what others may take for one of them.
    pub(super) fn strip_identity(&self, headers: &mut HeaderMap, names: &[HeaderName]) {
        if names.is_empty() {
            return;
        }
        let found: Vec<HeaderName> = headers
            .keys()
            .filter(|found| {
                match names.iter().find(|name| reads_as(found.as_str(), name.as_str())) {
                    Some(name) => !self.trusted || *name != *found,
                    None => false,
                }
            })
            .cloned()
            .collect();
        for name in found {
            headers.remove(name);
        }
    }

    /// Finds the client behind the peer, and rewrites the headers that tell of it.
    ///
    /// A trusted peer's `X-Forwarded-For` is read from the right: the first address that is not itself trusted is the
    /// client, because everything left of it is what that client claimed. From anybody else all such headers are removed:
    /// neither a policy nor the backend gets to see them. Then the peer is added, as Azure does it.
    pub(super) fn identify(&self, headers: &mut HeaderMap, trusted: &[IpNet]) -> IpAddr {
        let client = if self.trusted {
            strip_named(headers, is_disguised_claim);
            self.behind(headers, trusted)
        } else {
            strip_named(headers, is_claim);
            self.ip
        };
        let chain = match join(headers) {
            None => self.text.clone(),
            Some(mut chain) => {
                chain.extend_from_slice(b", ");
                chain.extend_from_slice(self.text.as_bytes());
                HeaderValue::try_from(chain).unwrap_or_else(|_| self.text.clone())
            }
        };
        headers.insert(X_FORWARDED_FOR, chain);
        if !headers.contains_key(X_FORWARDED_PROTO) {
            let scheme = if self.secure { "https" } else { "http" };
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        }
        if !headers.contains_key(X_FORWARDED_HOST)
            && let Some(host) = headers.get(HOST).cloned()
        {
            headers.insert(X_FORWARDED_HOST, host);
        }
        client
    }

    /// Whether the client came over an encrypted connection, as far as we or a trusted proxy know.
    pub(super) fn came_encrypted(&self, headers: &HeaderMap) -> bool {
        if !self.trusted {
            return self.secure;
        }
        headers
            .get(X_FORWARDED_PROTO)
            .map_or(self.secure, |scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    fn behind(&self, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
        let mut client = self.ip;
        let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MAX_HOPS) {
            let Some(ip) = std::str::from_utf8(hop).ok().and_then(address) else { break };
            client = ip;
            if !is_trusted(ip, trusted) {
                break;
            }
        }
        client
    }
}

/// Whether a backend may take one name for the other: some know no difference between `-` and `_`.
fn reads_as(name: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == other.len() && name.bytes().map(plain).eq(other.bytes().map(plain))
}

fn join(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut values = headers.get_all(X_FORWARDED_FOR).iter();
    let mut chain = values.next()?.as_bytes().to_vec();
    for value in values {
        chain.extend_from_slice(b", ");
        chain.extend_from_slice(value.as_bytes());
    }
    Some(chain)
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    ip.ok().map(|ip| ip.to_canonical())
}

fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, given: &[&str], client: &str, sent: &str) {
        let trusted: Vec<IpNet> =
            vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let local = "127.0.0.1:80".parse().unwrap();
        let peer = Peer::new(peer.parse().unwrap(), local, false, &trusted);
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        headers.insert("forwarded", "for=1.1.1.1".parse().unwrap());
        headers.insert("x_forwarded_for", "1.1.1.1".parse().unwrap());
        assert_eq!(
            peer.identify(&mut headers, &trusted),
            client.parse::<IpAddr>().unwrap(),
            "{given:?}"
        );
        assert_eq!(
            headers.get_all(X_FORWARDED_FOR).iter().collect::<Vec<_>>(),
            [sent],
            "{given:?}"
        );
        assert_eq!(headers.contains_key("forwarded"), is_trusted(peer.ip, &trusted));
        assert!(!headers.contains_key("x_forwarded_for"), "{given:?}");
    }

    #[test]
    fn only_trusted_peers_set_identity_headers() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let names = [HeaderName::from_static("x-forwarded-client-cert")];
        for (peer, stays) in [("10.0.0.1", true), ("203.0.113.9", false)] {
            let local = "127.0.0.1:80".parse().unwrap();
            let peer = Peer::new(peer.parse().unwrap(), local, false, &trusted);
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-client-cert", "Hash=1".parse().unwrap());
            headers.append("X-Forwarded-Client-Cert", "Hash=2".parse().unwrap());
            headers.insert("x-other", "1".parse().unwrap());
            // What only reads as the header is nobody's to set.
            headers.insert("x_forwarded-client_cert", "Hash=3".parse().unwrap());
            peer.strip_identity(&mut headers, &names);
            assert_eq!(headers.len(), if stays { 3 } else { 1 });
        }
    }

    #[test]
    fn claims_of_strangers_are_not_believed() {
        check("203.0.113.9", &[], "203.0.113.9", "203.0.113.9");
        check("203.0.113.9", &["127.0.0.1"], "203.0.113.9", "203.0.113.9");
        check("::ffff:203.0.113.9", &["1.2.3.4", "10.0.0.1"], "203.0.113.9", "203.0.113.9");
    }

    #[test]
    fn the_rightmost_stranger_is_the_client() {
        check("10.0.0.1", &[], "10.0.0.1", "10.0.0.1");
        check("10.0.0.1", &["203.0.113.9"], "203.0.113.9", "203.0.113.9, 10.0.0.1");
        check(
            "10.0.0.1",
            &["127.0.0.1, 203.0.113.9, 10.0.0.2"],
            "203.0.113.9",
            "127.0.0.1, 203.0.113.9, 10.0.0.2, 10.0.0.1",
        );
        check(
            "10.0.0.1",
            &["1.1.1.1", "203.0.113.9:4711"],
            "203.0.113.9",
            "1.1.1.1, 203.0.113.9:4711, 10.0.0.1",
        );
        check(
            "::ffff:10.0.0.1",
            &["[2001:db8::5]:80", "10.9.9.9"],
            "2001:db8::5",
            "[2001:db8::5]:80, 10.9.9.9, 10.0.0.1",
        );
        // What cannot be read ends the walk: nothing left of it can be trusted.
        check(
            "10.0.0.1",
            &["1.1.1.1, unknown, 10.0.0.2"],
            "10.0.0.2",
            "1.1.1.1, unknown, 10.0.0.2, 10.0.0.1",
        );
    }
}
