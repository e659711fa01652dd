//! `traceparent`: the request's place in a trace, by W3C's Trace Context.

use std::sync::Arc;

use http::HeaderMap;
use http::header::HeaderName;
use uuid::Uuid;

use crate::telemetry::Otlp;
use crate::telemetry::otlp::{Place, TRACEPARENT, Traced};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Longest `tracestate` that is handed on to a collector, in bytes.
const MAX_STATE: usize = 512;

/// Length of version 00.
const LENGTH: usize = 55;

/// Continues the client's trace with a span of our own, or begins one whose identifier is the request's. Answers the span
/// when the trace is sampled and a collector takes it.
pub(super) fn continue_or_begin(
    headers: &mut HeaderMap,
    request_id: Uuid,
    otlp: &Arc<Otlp>,
) -> Option<Traced> {
    let (high, low) = request_id.as_u64_pair();
    // The span is ours alone: any other number than the identifiers of trace and request will do, but zero.
    let span = (high.rotate_left(17) ^ low) | 1;
    let (trace, parent, sampled) =
        if let Some(Received { trace, parent, sampled }) = received(headers) {
            (trace, Some(parent), sampled)
        } else {
            // Without a parent, the vendor's part has nothing to belong to.
            headers.remove(TRACESTATE);
            let trace = request_id.as_u128();
            // Without a collector it is for those behind us to decide.
            (trace, None, !otlp.is_tracing() || otlp.samples(trace))
        };
    if let Some(value) = Place::header(trace, span, sampled) {
        headers.insert(TRACEPARENT, value);
    }
    if !sampled || !otlp.is_tracing() {
        return None;
    }
    let states = headers.get_all(TRACESTATE).iter().filter_map(|state| state.to_str().ok());
    let state = states.collect::<Vec<_>>().join(",");
    let state = Some(state).filter(|state| state.len() <= MAX_STATE).unwrap_or_default();
    otlp.begin(request_id, Place { trace, span, parent, state })
}

/// What a header says that is as it should be.
struct Received {
    trace: u128,
    parent: u64,
    sampled: bool,
}

fn received(headers: &HeaderMap) -> Option<Received> {
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
    if !is_version_ok || !hex(trace, 32) || !hex(parent, 16) || !hex(flags, 2) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
    let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
    // Of the flags, only the one of version 00 means anything to us.
    Some(Received { trace, parent, sampled: u8::from_str_radix(flags, 16).ok()? & 0x01 != 0 })
}

fn hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
        assert!(continue_or_begin(&mut headers, REQUEST, &Arc::new(Otlp::idle())).is_none());
        let sent = headers.get(TRACEPARENT).unwrap().to_str().unwrap();
        let parts: Vec<&str> = sent.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3], sent.len()), ("00", trace, flags, LENGTH));
        assert_ne!(parts[2], "00f067aa0ba902b7");
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
