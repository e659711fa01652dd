//! Values in the caches: what `cache-*-value` policies have in common.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{CacheKey, CacheKeyBuilder, CachePlace};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, PolicyError, RequestCx, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

/// `key`.
pub(crate) const KEY: AttributeDef = AttributeDef {
    name: "key",
    required: true,
    expression: true,
    doc: "Name of the entry. All APIs share one space of names.",
    ..AttributeDef::DEFAULT
};

/// `caching-type`.
pub(crate) const CACHING_TYPE: AttributeDef = AttributeDef {
    name: "caching-type",
    ty: AttributeType::Word(&["internal", "external", "prefer-external"]),
    default: Some("prefer-external"),
    doc: "Which cache: the gateway's own, the Redis server's, or the server's when one is configured.",
    ..AttributeDef::DEFAULT
};

/// How the entry is laid out; another one is not read.
const LAYOUT: u8 = 1;

/// The name of an entry.
#[derive(Debug)]
pub(crate) struct Key(Value<Arc<str>>);

impl Key {
    /// The attribute `key`.
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        cx.attribute(element, "key").map(Self)
    }

    pub(crate) fn eval(&self, cx: &mut RequestCx) -> Result<CacheKey, PolicyError> {
        let text = self.0.eval(cx)?;
        let mut builder = CacheKeyBuilder::new("value");
        builder.part(&*text);
        Ok(builder.finish())
    }

    pub(crate) fn facts(&self) -> tollgate_engine::Facts {
        self.0.facts()
    }
}

/// A `caching-type`.
#[derive(Debug, Clone, Copy)]
struct CachingType(CachePlace);

impl Typed for CachingType {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "internal" => Ok(Self(CachePlace::Internal)),
            "external" => Ok(Self(CachePlace::External)),
            "prefer-external" => Ok(Self(CachePlace::PreferExternal)),
            _ => Err("expected `internal`, `external` or `prefer-external`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("{why}.")))
    }
}

/// The attribute `caching-type`.
pub(crate) fn caching_type(element: &Element, cx: &mut CompileCx<'_>) -> Option<CachePlace> {
    let CachingType(place) = cx.literal(element, "caching-type")?;
    if place == CachePlace::External
        && !cx.ports().cache.has_external()
        && let Some(attribute) = element.attribute("caching-type")
    {
        cx.report(
            Diagnostic::new(
                Code::SUSPICIOUS,
                "there is no external cache, so nothing is cached",
                attribute.value.span(),
            )
            .label("needs a Redis server")
            .help("configure one in `[redis]`, or write `prefer-external`"),
        );
    }
    Some(place)
}

/// How long an entry is kept, in seconds; what is over already is no time at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) Duration);

impl Typed for Lifetime {
    const TARGET: Target = Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        Duration::parse(text).map(Self)
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        if let Some(seconds) = value.as_double() {
            // Longer than any cache keeps something is long enough.
            return Ok(Self(
                Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX),
            ));
        }
        let text = value.to_text(state).map_err(|error| PolicyError::expression(&error))?;
        let text = text.as_deref().unwrap_or_default().trim();
        if let Some(past) = text.strip_prefix('-')
            && Duration::parse(past).is_ok()
        {
            return Ok(Self(Duration::ZERO));
        }
        Duration::parse(text)
            .map(Self)
            .map_err(|_| PolicyError::unfit_value("The value is not a duration."))
    }
}

/// A value that was kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) value: tollgate_expr::Value,
    /// For how long already, as far as clocks agree.
    pub(crate) age: Duration,
}

/// A value as a cache keeps it; `None` when it is not kept: null, or longer than the cache takes.
pub(crate) fn write(
    cx: &RequestCx,
    value: &tollgate_expr::Value,
) -> Result<Option<Bytes>, PolicyError> {
    if value.is_null() {
        return Ok(None);
    }
    let mut entry = vec![LAYOUT];
    entry.extend_from_slice(&cx.ports.clock.ticks().to_le_bytes());
    let room = cx.ports.cache.largest().saturating_sub(entry.len());
    match cx.eval.store(value, room) {
        Ok(bytes) => {
            entry.extend_from_slice(&bytes);
            Ok(Some(entry.into()))
        }
        Err(tollgate_expr::Unstorable::Length(_)) => {
            if cx.ports.trace.enabled() {
                let message = "The value is longer than the cache takes and is not kept.";
                cx.ports.trace.message(cx.client.request_id, "cache", message);
            }
            Ok(None)
        }
        Err(error) => {
            let message = format!("The value cannot be put into the cache: {error}.");
            Err(PolicyError::internal("CacheValueInvalid", message))
        }
    }
}

/// The value that an entry holds, as an object of this request; `None` when it is not one of ours.
pub(crate) fn read(cx: &mut RequestCx, entry: &[u8]) -> Result<Option<Kept>, PolicyError> {
    let Some((&LAYOUT, rest)) = entry.split_first() else { return Ok(None) };
    let Some((ticks, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    let age = cx.ports.clock.ticks().saturating_sub(i64::from_le_bytes(*ticks));
    // Ticks are 100 ns. What comes from a clock ahead of ours is new.
    let age = Duration::from_nanos(u64::try_from(age).unwrap_or(0).saturating_mul(100));
    let value = cx.eval.restore(rest).map_err(|error| PolicyError::expression(&error))?;
    Ok(value.map(|value| Kept { value, age }))
}
