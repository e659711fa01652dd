//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whose idea a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// A policy's, or a document's that was fetched: the address may come from a request. Link-local and metadata
    /// addresses are refused unless their host is allowed by name.
    Policy,
    /// The configuration's: any address.
    Configured,
    /// The configuration's, to a service of this machine such as the metadata service: any address, never through the
    /// egress proxy.
    Machine,
}

/// Refuses addresses that would hand out what belongs to the machine: its metadata service gives tokens to whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressGuard {
    allowed_hosts: Vec<String>,
    own: Vec<SocketAddr>,
}

/// Names under which clouds serve metadata; refused even where a proxy does the look-up.
const METADATA_HOSTS: &[&str] = &["metadata.google.internal", "metadata", "instance-data"];

/// Azure's wire server and Alibaba's metadata service, which are not link-local.
const METADATA_V4: &[Ipv4Addr] =
    &[Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200)];

/// Amazon's metadata service over IPv6.
const METADATA_V6: &[Ipv6Addr] = &[Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

impl AddressGuard {
    /// A guard that lets policies call these hosts whatever their addresses are, and never these own listeners (the
    /// admin listener, a local identity endpoint).
    pub fn new(allowed_hosts: impl IntoIterator<Item = String>, own: Vec<SocketAddr>) -> Self {
        let allowed_hosts = allowed_hosts.into_iter().map(|host| canonical(&host)).collect();
        Self { allowed_hosts, own }
    }

    /// Judges a host before it is looked up.
    pub fn check_host(&self, host: &str) -> Result<(), String> {
        let host = canonical(host);
        if METADATA_HOSTS.contains(&host.as_str()) && !self.allows(&host) {
            return Err(format!(
                "`{host}` serves machine metadata and may not be called by a policy"
            ));
        }
        Ok(())
    }

    /// Judges an address that a host was found at.
    pub fn check_address(&self, host: &str, address: SocketAddr) -> Result<(), String> {
        let ip = unwrap_embedded(address.ip());
        let is_own = self.own.iter().any(|own| {
            own.port() == address.port()
                && (unwrap_embedded(own.ip()) == ip || own.ip().is_unspecified())
        });
        if (is_refused(ip) || is_own) && !self.allows(&canonical(host)) {
            return Err(format!("`{host}` is at {ip}, which may not be called by a policy"));
        }
        Ok(())
    }

    fn allows(&self, host: &str) -> bool {
        self.allowed_hosts.iter().any(|allowed| allowed == host)
    }
}

/// Lower case, without the root dot and the brackets of IPv6.
pub(super) fn canonical(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_refused(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // 0.0.0.0/8 reaches the machine itself on many systems.
            ip.is_link_local()
                || ip.octets().first() == Some(&0)
                || ip.is_broadcast()
                || ip.is_multicast()
                || METADATA_V4.contains(&ip)
        }
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || METADATA_V6.contains(&ip)
        }
    }
}

/// The IPv4 address inside an IPv6 one, for every form that a network or a kernel translates back.
fn unwrap_embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [first, second, third, fourth, fifth, sixth, high, low] = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
    };
    match [first, second, third, fourth, fifth, sixth] {
        // IPv4-mapped, and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(high, low),
        // IPv4-compatible; `::` and `::1` stay what they are.
        [0, 0, 0, 0, 0, 0] if high != 0 => v4(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, refused: bool) {
        let guard = AddressGuard::new(
            ["Allowed.Test.".to_owned()],
            vec!["127.0.0.1:8081".parse().unwrap()],
        );
        let ip: IpAddr = address.parse().unwrap();
        let judged = guard.check_address("host.test", SocketAddr::new(ip, 443));
        assert_eq!(judged.is_err(), refused, "{address}: {judged:?}");
        assert_eq!(
            guard.check_address("allowed.test", SocketAddr::new(ip, 443)),
            Ok(()),
            "{address}"
        );
    }

    #[test]
    fn metadata_and_link_local_addresses_are_refused_in_every_notation() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "168.63.129.16",
            "100.100.100.200",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            check(address, true);
        }
    }

    #[test]
    fn other_addresses_pass() {
        for address in
            ["127.0.0.1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "2001:db8::1", "fd12::1"]
        {
            check(address, false);
        }
    }

    #[test]
    fn own_listeners_are_refused_by_port() {
        let guard = AddressGuard::new(
            [],
            vec!["127.0.0.1:8081".parse().unwrap(), "0.0.0.0:9000".parse().unwrap()],
        );
        let judge =
            |address: &str| guard.check_address("host.test", address.parse().unwrap()).is_err();
        assert!(judge("127.0.0.1:8081"));
        assert!(judge("[::ffff:127.0.0.1]:8081"));
        assert!(judge("10.1.2.3:9000"));
        assert!(!judge("127.0.0.1:8080"));
    }

    #[test]
    fn metadata_names_are_refused_before_they_are_looked_up() {
        let guard = AddressGuard::default();
        assert!(guard.check_host("Metadata.Google.Internal.").is_err());
        assert!(guard.check_host("login.microsoftonline.com").is_ok());
        let guard = AddressGuard::new(["metadata.google.internal".to_owned()], Vec::new());
        assert!(guard.check_host("metadata.google.internal").is_ok());
    }
}
