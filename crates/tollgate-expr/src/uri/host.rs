//! Names of hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

/// `System.UriHostNameType`, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKind {
    Unknown,
    Basic,
    Dns,
    Ipv4,
    Ipv6,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) kind: HostKind,
    /// As it is shown, in lower case.
    pub(crate) name: String,
    /// The zone of an IPv6 address, with its `%`.
    pub(crate) zone: String,
}

impl Host {
    pub(crate) fn none(kind: HostKind) -> Host {
        Host { kind, name: String::new(), zone: String::new() }
    }

    /// Reads a host that is not empty.
    pub(crate) fn read(text: &str) -> Option<Host> {
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']')?;
            let (address, zone) = match inner.find('%') {
                Some(at) => inner.split_at_checked(at)?,
                None => (inner, ""),
            };
            let address = parse_ipv6(address)?;
            let name = format!("[{}]", ipv6_text(address));
            return Some(Host { kind: HostKind::Ipv6, name, zone: zone.to_owned() });
        }
        let plain = |kind, name| Some(Host { kind, name, zone: String::new() });
        if let Some(address) = parse_ipv4(text) {
            return plain(HostKind::Ipv4, address.to_string());
        }
        if is_dns(text) {
            let name = crate::text::lower(text);
            let name = if name.is_ascii() { name } else { crate::text::composed(&name) };
            return plain(HostKind::Dns, name);
        }
        if is_share(text) { plain(HostKind::Basic, crate::text::lower(text)) } else { None }
    }

    /// Without brackets, with the zone.
    pub(crate) fn dns_safe(&self) -> String {
        match self.kind {
            HostKind::Ipv6 => {
                format!("{}{}", self.name.trim_start_matches('[').trim_end_matches(']'), self.zone)
            }
            _ => self.name.clone(),
        }
    }

    /// With names in other scripts in Punycode.
    pub(crate) fn idn(&self) -> String {
        match self.kind {
            HostKind::Dns => {
                let labels: Vec<String> = self.name.split(DOTS).map(to_ascii).collect();
                labels.join(".")
            }
            _ => self.dns_safe(),
        }
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.kind {
            HostKind::Dns => matches!(self.name.as_str(), "localhost" | "loopback"),
            HostKind::Ipv4 => self.name.starts_with("127."),
            HostKind::Ipv6 => matches!(self.name.as_str(), "[::1]" | "[::ffff:127.0.0.1]"),
            HostKind::Basic => self.name.is_empty(),
            HostKind::Unknown => false,
        }
    }
}

/// What stands between the labels of a name.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Whether it is a name of labels: letters, digits, `-` and `_`, and nearly all that is not ASCII.
fn is_dns(text: &str) -> bool {
    let text = text.strip_suffix(DOTS).unwrap_or(text);
    let label = |label: &str| {
        let other = |c: char| c >= '\u{a0}';
        // Counted as .NET does: UTF-16 units, those past Latin-1 twice, and the prefix of Punycode.
        let units = label.encode_utf16().map(|unit| if unit > 0xff { 2 } else { 1 });
        let prefix = if label.contains(other) { 4 } else { 0 };
        let mut chars = label.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || other(c))
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || other(c))
            && units.sum::<usize>() + prefix <= 63
    };
    text.split(DOTS).all(label)
}

/// Whether it may be the name of a server of files: parts of letters, digits, `-` and `_`. The first is no number, the
/// third and those behind it begin with a letter or digit.
fn is_share(text: &str) -> bool {
    let (first, rest) = text.split_once('.').unwrap_or((text, ""));
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let named = first.chars().all(fits) && first.contains(|c: char| !c.is_ascii_digit());
    let mut parts = rest.strip_suffix('.').unwrap_or(rest).split('.');
    let second = parts.next().is_some_and(|part| !part.is_empty() && part.chars().all(fits));
    let others = |part: &str| part.starts_with(char::is_alphanumeric) && part.chars().all(fits);
    named && (rest.is_empty() || second && parts.all(others))
}

/// One to four numbers, decimal, octal or hexadecimal; the last takes all bytes that are left.
pub(crate) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let number = |part: &str| {
        let hex = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
        let (digits, base) = match (hex, part.strip_prefix('0')) {
            (Some(hex), _) => (hex, 16),
            (None, Some(octal)) if !octal.is_empty() => (octal, 8),
            _ => (part, 10),
        };
        let signed = digits.starts_with(['+', '-']);
        u64::from_str_radix(digits, base).ok().filter(|_| !signed)
    };
    let mut address: u64 = 0;
    for part in first {
        address = address << 8 | number(part).filter(|part| *part < 256)?;
    }
    let left = 8 * (4 - first.len());
    let last = number(last).filter(|last| *last < 1 << left)?;
    u32::try_from(address << left | last).ok().map(Ipv4Addr::from)
}

/// An address without its zone; a prefix length behind it is ignored.
pub(crate) fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok()
}

/// An address as .NET writes it: an IPv4 address in it is written as one.
pub(crate) fn ipv6_text(address: Ipv6Addr) -> String {
    let embedded = match address.segments() {
        [0, 0, 0, 0, 0, 0, seventh, _] => seventh != 0,
        [0, 0, 0, 0, 0xffff, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [.., 0, 0x5efe, _, _] => true,
        _ => false,
    };
    if !embedded {
        return address.to_string();
    }
    let bits = address.to_bits();
    // The IPv4 part must not count in the run of zeros that is left out. Rust writes some of them as one itself.
    let head = Ipv6Addr::from_bits(bits | 0xffff_ffff).to_string();
    let head = head.strip_suffix("ffff:ffff").or_else(|| head.strip_suffix("255.255.255.255"));
    let [.., first, second, third, fourth] = address.octets();
    format!("{}{}", head.unwrap_or_default(), Ipv4Addr::new(first, second, third, fourth))
}

/// A label in Punycode (RFC 3492), if it needs to be.
fn to_ascii(label: &str) -> String {
    if label.is_ascii() {
        return label.to_owned();
    }
    if label.contains(char::is_whitespace) {
        return label.to_owned();
    }
    let label = crate::text::composed(&label.to_lowercase().replace('ß', "ss"));
    if label.is_ascii() {
        return label;
    }
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).unwrap_or_default();
    if basic > 0 {
        out.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    let total = u32::try_from(points.len()).unwrap_or_default();
    while handled < total {
        let Some(least) = points.iter().copied().filter(|point| *point >= next).min() else {
            break;
        };
        delta = delta.saturating_add((least - next).saturating_mul(handled + 1));
        next = least;
        for point in &points {
            if *point < next {
                delta = delta.saturating_add(1);
            }
            if *point == next {
                push_variable(&mut out, delta, bias);
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.saturating_add(1);
        next += 1;
    }
    format!("xn--{out}")
}

fn push_variable(out: &mut String, number: u32, bias: u32) {
    let digit = |digit: u32| {
        char::from_digit(digit + 10, 36)
            .filter(|_| digit < 26)
            .or_else(|| char::from_digit(digit.wrapping_sub(26), 10))
    };
    let mut rest = number;
    let mut k = 36;
    loop {
        let threshold = if k <= bias { 1 } else { (k - bias).min(26) };
        if rest < threshold {
            break;
        }
        out.extend(digit(threshold + (rest - threshold) % (36 - threshold)));
        rest = (rest - threshold) / (36 - threshold);
        k += 36;
    }
    out.extend(digit(rest));
}

fn adapted(delta: u32, handled: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / handled;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_as_dotnet_shows_them() {
        for (text, expected) in [
            ("Example.COM", "Dns example.com"),
            ("127.1", "Ipv4 127.0.0.1"),
            ("0x7f.0.0.1", "Ipv4 127.0.0.1"),
            ("256.1.1.1", "Dns 256.1.1.1"),
            ("[2001:DB8::0001%251]", "Ipv6 [2001:db8::1]"),
            ("[::ffff:1.2.3.4]", "Ipv6 [::ffff:1.2.3.4]"),
            ("-host", "Basic -host"),
        ] {
            let host = Host::read(text).unwrap();
            assert_eq!(format!("{:?} {}", host.kind, host.name), expected);
        }
        assert_eq!(Host::read("bücher.example").unwrap().idn(), "xn--bcher-kva.example");
        assert_eq!(to_ascii("你好"), "xn--6qq79v");
        for text in ["ho%20st", "a..b", "[zz]", "exa mple"] {
            assert_eq!(Host::read(text), None, "{text}");
        }
    }
}
