//! `traceparent`: the request's place in a trace, by W3C's Trace Context.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of version 00.
const LENGTH: usize = 55;

/// Continues the client's trace with a span of our own, or begins one whose identifier is the request's.
pub(super) fn continue_or_begin(headers: &mut HeaderMap, request_id: Uuid) {
    let (high, low) = request_id.as_u64_pair();
    // The span is ours alone: any other number than the identifiers of trace and request will do, but zero.
    let span = (high.rotate_left(17) ^ low) | 1;
    let value = match received(headers) {
        Some((trace, flags)) => format!("00-{trace}-{span:016x}-{flags:02x}"),
        None => {
            // Without a parent, the vendor's part has nothing to belong to.
            headers.remove(TRACESTATE);
            format!("00-{}-{span:016x}-01", request_id.simple())
        }
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(TRACEPARENT, value);
    }
}

/// Trace and flags of a header that is as it should be.
fn received(headers: &HeaderMap) -> Option<(String, u8)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let mut parts = value.splitn(5, '-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next();
    let is_version_ok = hex(version, 2)
        && version != "ff"
        && (version != "00" || (rest.is_none() && value.len() == LENGTH));
    if !is_version_ok
        || !hex(trace, 32)
        || !hex(parent, 16)
        || !hex(flags, 2)
        || is_zero(trace)
        || is_zero(parent)
    {
        return None;
    }
    // Of the flags, only the one of version 00 means anything to us.
    Some((trace.to_owned(), u8::from_str_radix(flags, 16).ok()? & 0x01))
}

fn hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Uuid = Uuid::from_u128(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);

    fn check(given: &[&str], trace: &str, flags: &str) {
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(TRACEPARENT, value.parse().unwrap());
        }
        headers.insert(TRACESTATE, "a=1".parse().unwrap());
        continue_or_begin(&mut headers, REQUEST);
        let sent = headers.get(TRACEPARENT).unwrap().to_str().unwrap();
        assert_eq!(
            (&sent[..36], &sent[52..], sent.len()),
            (format!("00-{trace}-").as_str(), format!("-{flags}").as_str(), LENGTH)
        );
        assert_ne!(&sent[36..52], "00f067aa0ba902b7");
        assert_eq!(headers.contains_key(TRACESTATE), trace != REQUEST.simple().to_string());
    }

    #[test]
    fn traces_go_on() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], trace, "01");
        check(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"], trace, "00");
        check(
            &["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-the-future"],
            trace,
            "01",
        );
    }

    #[test]
    fn what_is_malformed_begins_anew() {
        let own = REQUEST.simple().to_string();
        for wrong in [
            [].as_slice(),
            &[""],
            &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
            &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"],
            &[
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ],
        ] {
            check(wrong, &own, "01");
        }
    }
}
