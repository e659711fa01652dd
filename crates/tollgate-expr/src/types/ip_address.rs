//! `System.Net.IPAddress`, as far as the allow-list goes, and `AddressFamily`.

use std::net::{IpAddr, Ipv6Addr};

use super::TypeId;
use super::decl::{Kind, TypeDecl, not_allowed, p, refused};
use crate::collections::Key;
use crate::eval::{Args, null_argument};
use crate::native::Native;
use crate::uri::{ipv6_text, parse_ipv4, parse_ipv6};
use crate::{Exception, ExceptionKind, Value};

/// An address and the zone of an IPv6 one.
#[derive(Debug)]
struct Address {
    ip: IpAddr,
    zone: u32,
}

impl Native for Address {
    fn id(&self) -> TypeId {
        TypeId::IPAddress
    }

    fn text(&self) -> Option<String> {
        Some(match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) if self.zone != 0 => format!("{}%{}", ipv6_text(ip), self.zone),
            IpAddr::V6(ip) => ipv6_text(ip),
        })
    }

    fn key(&self) -> Option<Key> {
        Native::text(self).map(|text| Key::Str(text.into()))
    }
}

impl Address {
    fn read(text: &str) -> Option<Address> {
        if !text.contains(':') {
            return Some(Address { ip: parse_ipv4(text)?.into(), zone: 0 });
        }
        let inner = match text.strip_prefix('[') {
            Some(rest) => {
                let (inner, port) = rest.split_once(']')?;
                let digits = port.strip_prefix(':');
                let good = port.is_empty()
                    || digits.is_some_and(|port| {
                        port.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'x')
                    });
                Some(inner).filter(|_| good)?
            }
            None => text,
        };
        let (address, zone) = inner.split_once('%').unwrap_or((inner, "0"));
        // Names of network interfaces are not known here.
        let zone = zone.parse().unwrap_or(0);
        Some(Address { ip: parse_ipv6(address)?.into(), zone })
    }

    fn is_loopback(&self) -> bool {
        match self.ip {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => {
                ip == Ipv6Addr::LOCALHOST
                    || ip.to_ipv4_mapped().is_some_and(|ip| ip.octets() == [127, 0, 0, 1])
            }
        }
    }
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Address, Exception> {
    a.get(0).as_native().ok_or_else(Exception::null_reference)
}

const NOT_LISTED: &str = "the allow-list of `IPAddress` does not have it";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Net.IPAddress",
    kind: Kind::Class,
    bases: &[],
    docs: "An address of the Internet.",
    members: &[
        p("static IPAddress Parse(string ipString)", "Reads an address.", |_, a| {
            let text = a.opt_str(0).ok_or_else(|| null_argument("ipString"))?;
            Address::read(text).map(Value::native).ok_or_else(|| {
                let reason = Exception::new(ExceptionKind::Socket, "Invalid argument");
                Exception::new(ExceptionKind::Format, "An invalid IP address was specified.")
                    .with_inner(reason)
            })
        }),
        p(
            "static bool TryParse(string ipString, out IPAddress address)",
            "Reads an address, if it is one.",
            |_, a| {
                let read = a.opt_str(0).and_then(Address::read);
                let ok = read.is_some();
                a.set(1, read.map_or(Value::Null, Value::native));
                Ok(Value::Bool(ok))
            },
        ),
        p("static bool IsLoopback(IPAddress address)", "Whether it is this machine.", |_, a| {
            let address: Option<&Address> = a.get(0).as_native();
            let address = address.ok_or_else(|| null_argument("address"))?;
            Ok(Value::Bool(address.is_loopback()))
        }),
        p("AddressFamily AddressFamily", "`InterNetwork` or `InterNetworkV6`.", |_, a| {
            let number = if this(a)?.ip.is_ipv4() { 2 } else { 23 };
            Ok(Value::Enum(TypeId::AddressFamily, number))
        }),
        p("byte[] GetAddressBytes()", "Its 4 or 16 bytes.", |_, a| {
            Ok(Value::Bytes(match this(a)?.ip {
                IpAddr::V4(ip) => ip.octets().as_slice().into(),
                IpAddr::V6(ip) => ip.octets().as_slice().into(),
            }))
        }),
    ],
    refused: &[
        refused(
            "static IPAddress Parse(ReadOnlySpan<char> ipString)",
            "spans are not in the allow-list",
        ),
        refused(
            "static bool TryParse(ReadOnlySpan<char> ipString, out IPAddress address)",
            "spans are not in the allow-list",
        ),
        not_allowed("new(long newAddress)", NOT_LISTED),
        not_allowed("new(byte[] address)", NOT_LISTED),
        not_allowed("new(byte[] address, long scopeid)", NOT_LISTED),
        not_allowed("new(ReadOnlySpan<byte> address)", NOT_LISTED),
        not_allowed("new(ReadOnlySpan<byte> address, long scopeid)", NOT_LISTED),
        not_allowed("Address", NOT_LISTED),
        not_allowed("Any", NOT_LISTED),
        not_allowed("Broadcast", NOT_LISTED),
        not_allowed("HostToNetworkOrder", NOT_LISTED),
        not_allowed("IPv6Any", NOT_LISTED),
        not_allowed("IPv6Loopback", NOT_LISTED),
        not_allowed("IPv6None", NOT_LISTED),
        not_allowed("IsIPv4MappedToIPv6", NOT_LISTED),
        not_allowed("IsIPv6LinkLocal", NOT_LISTED),
        not_allowed("IsIPv6Multicast", NOT_LISTED),
        not_allowed("IsIPv6SiteLocal", NOT_LISTED),
        not_allowed("IsIPv6Teredo", NOT_LISTED),
        not_allowed("Loopback", NOT_LISTED),
        not_allowed("MapToIPv4", NOT_LISTED),
        not_allowed("MapToIPv6", NOT_LISTED),
        not_allowed("NetworkToHostOrder", NOT_LISTED),
        not_allowed("None", NOT_LISTED),
        not_allowed("ScopeId", NOT_LISTED),
        not_allowed("TryFormat", NOT_LISTED),
        not_allowed("TryWriteBytes", NOT_LISTED),
    ],
};

pub(super) const FAMILY: TypeDecl = TypeDecl {
    name: "System.Net.Sockets.AddressFamily",
    kind: Kind::Enum(&[
        ("Unknown", -1),
        ("Unspecified", 0),
        ("Unix", 1),
        ("InterNetwork", 2),
        ("ImpLink", 3),
        ("Pup", 4),
        ("Chaos", 5),
        ("NS", 6),
        ("Ipx", 6),
        ("Iso", 7),
        ("Osi", 7),
        ("Ecma", 8),
        ("DataKit", 9),
        ("Ccitt", 10),
        ("Sna", 11),
        ("DecNet", 12),
        ("DataLink", 13),
        ("Lat", 14),
        ("HyperChannel", 15),
        ("AppleTalk", 16),
        ("NetBios", 17),
        ("VoiceView", 18),
        ("FireFox", 19),
        ("Banyan", 21),
        ("Atm", 22),
        ("InterNetworkV6", 23),
        ("Cluster", 24),
        ("Ieee12844", 25),
        ("Irda", 26),
        ("NetworkDesigners", 28),
        ("Max", 29),
        ("Packet", 65536),
        ("ControllerAreaNetwork", 65537),
    ]),
    bases: &[],
    docs: "What kind of address it is.",
    members: &[],
    refused: &[],
};
