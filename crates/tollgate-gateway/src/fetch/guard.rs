//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};

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
    own: OwnListeners,
}

/// Where the gateway itself listens: a policy that calls it could go round and round, or ask the admin listener. Known once
/// the listeners are bound, which they are for good; clones share it.
#[derive(Debug, Clone, Default)]
pub struct OwnListeners(Arc<OnceLock<Vec<SocketAddr>>>);

/// Names under which clouds serve metadata; refused even where a proxy does the look-up.
const METADATA_HOSTS: &[&str] =
    &["metadata.google.internal", "metadata.goog", "metadata", "instance-data"];

/// Azure's wire server, and the metadata services of Alibaba and Oracle, which are not link-local.
const METADATA_V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Amazon's metadata service and its identities of pods, and Google's metadata service, over IPv6.
const METADATA_V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

impl OwnListeners {
    /// Says where the gateway listens. Only the first call counts.
    pub fn set(&self, addresses: Vec<SocketAddr>) {
        // A second gateway over the same adapters does not exist.
        self.0.set(addresses).ok();
    }

    fn contain(&self, ip: IpAddr, port: u16) -> bool {
        let of_port = self.0.get().into_iter().flatten().filter(|own| own.port() == port);
        of_port
            .map(|own| unwrap_embedded(own.ip()))
            .any(|own| own == ip || own.is_unspecified() && is_of_this_machine(ip))
    }
}

impl From<Vec<SocketAddr>> for OwnListeners {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(OnceLock::from(addresses)))
    }
}

/// The same when they speak of the same gateway.
impl PartialEq for OwnListeners {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OwnListeners {}

impl AddressGuard {
    /// A guard that lets policies call these hosts whatever their addresses are, and otherwise never the gateway's own
    /// listeners.
    pub fn new(
        allowed_hosts: impl IntoIterator<Item = String>,
        own: impl Into<OwnListeners>,
    ) -> Self {
        let allowed_hosts = allowed_hosts.into_iter().map(|host| canonical(&host)).collect();
        Self { allowed_hosts, own: own.into() }
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
        if is_refused(ip) && !self.allows(&canonical(host)) {
            return Err(format!("`{host}` is at {ip}, which may not be called by a policy"));
        }
        if self.own.contain(ip, address.port()) && !self.allows(&canonical(host)) {
            return Err(format!(
                "`{host}` is at {ip}, where port {} is the gateway's own listener: a policy may not call it",
                address.port()
            ));
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

/// Whether an address is one of this machine's: then a connection to it also comes from it. Nothing is sent to find out.
fn is_of_this_machine(ip: IpAddr) -> bool {
    const ANY_PORT: u16 = 9;
    let unspecified = match ip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let source = || {
        let socket = UdpSocket::bind((unspecified, 0))?;
        socket.connect((ip, ANY_PORT))?;
        socket.local_addr()
    };
    ip.is_loopback() || source().is_ok_and(|source| source.ip() == ip)
}

/// The IPv4 address inside an IPv6 one, for every form that a network or a kernel translates back.
fn unwrap_embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [first, second, third, fourth, fifth, sixth, high, low] = v6.segments();
    let v4 = |high: u16, low: u16| {
        IpAddr::V4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
    };
    match [first, second, third, fourth, fifth, sixth] {
        // IPv4-mapped, IPv4-translated (RFC 2765), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            v4(high, low)
        }
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
            "fd00:ec2::23",
            "fd20:ce::254",
            "192.0.0.192",
            "::ffff:0:169.254.169.254",
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
    fn own_listeners_are_refused_once_they_are_bound() {
        let own = OwnListeners::default();
        let guard = AddressGuard::new(["allowed.test".to_owned()], own.clone());
        let judge =
            |address: &str| guard.check_address("host.test", address.parse().unwrap()).is_err();
        assert!(!judge("127.0.0.1:8081"));
        own.set(
            ["127.0.0.1:8081", "0.0.0.0:9000", "[::]:443"].map(|it| it.parse().unwrap()).into(),
        );
        assert!(judge("127.0.0.1:8081"));
        assert!(judge("[::ffff:127.0.0.1]:8081"));
        assert!(!judge("127.0.0.1:8080"));
        assert!(judge("127.0.0.1:9000") && judge("127.3.2.1:9000") && judge("[::1]:443"));
        // A listener on all addresses of this machine is on no other machine's.
        assert!(!judge("192.0.2.1:9000") && !judge("192.0.2.1:443") && !judge("[2001:db8::1]:443"));
        assert_eq!(guard.check_address("allowed.test", "127.0.0.1:9000".parse().unwrap()), Ok(()));
    }

    #[test]
    fn the_addresses_of_this_machine_are_known() {
        // Where the machine has an address besides loopback, a connection to elsewhere comes from it.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let outward = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
        for own in outward.iter().map(SocketAddr::ip).chain(["127.0.0.1".parse().unwrap()]) {
            assert!(is_of_this_machine(own), "{own}");
        }
        assert!(!is_of_this_machine("192.0.2.1".parse().unwrap()));
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
