//! `cache-store-value`: keeps a value for other requests.

use bytes::Bytes;
use tollgate_engine::ports::{Answer, CacheKey, CachePlace};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

use crate::cached_value::{self, CACHING_TYPE, KEY, Key, Lifetime, caching_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-store-value",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        KEY,
        AttributeDef {
            name: "value",
            required: true,
            expression: true,
            doc: "What is kept; a literal is a string.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "duration",
            ty: AttributeType::Seconds,
            required: true,
            expression: true,
            doc: "For how many seconds at most.",
            ..AttributeDef::DEFAULT
        },
        CACHING_TYPE,
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Keeps a value for `cache-lookup-value`, at most for `duration` seconds. All APIs share one space of names.

```xml
<cache-store-value key="@("profile-" + context.Subscription.Id)" value="@(new JObject(new JProperty("tier", "gold")))" duration="300" />
```

Kept with their types are strings, numbers, `bool`, `char`, `Guid`, `DateTime`, `DateTimeOffset`, `TimeSpan`, `byte[]`, `JObject`
and every other `JToken`, `XElement`, `XDocument`, `Jwt`, the `IResponse` of `send-request`, and arrays, lists and dictionaries of
these. An object is copied: what happens to it afterwards changes nothing in the cache, and each request that looks it up has a
copy of its own.

The internal cache is in the memory of the gateway, as large as `cache.size` says, and lost when it stops; when it is full,
what is used least goes. The external one is the Redis server of `[redis]`, which gateways share; while it is away nothing is
stored, and no request fails because of it.

Differences from Azure:

- A null `value` is not kept, and neither is one larger than an eighth of `cache.size`; an entry that was there is removed.
- A `value` of another type, such as `context.Request` or an anonymous object, is an error of the request (500) with the reason
  `CacheValueInvalid`.
- A `duration` from an expression that is zero or negative removes the entry; `hh:mm:ss` is understood, too. Ten years are the
  longest.
- The internal cache holds the value as soon as the policy has run.
"#;

#[derive(Debug)]
struct CacheStoreValue {
    key: Key,
    value: Value<tollgate_expr::Value>,
    lifetime: Value<Lifetime>,
    place: CachePlace,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let key = Key::compile(element, cx);
    let value = cx.attribute(element, "value");
    let lifetime = cx.attribute(element, "duration");
    let place = caching_type(element, cx)?;
    Some(Box::new(CacheStoreValue { key: key?, value: value?, lifetime: lifetime?, place }))
}

impl CacheStoreValue {
    fn store(&self, cx: &mut RequestCx) -> Result<Answer<'static, ()>, PolicyError> {
        let key = self.key.eval(cx)?;
        let value = self.value.eval(cx)?;
        let lifetime = self.lifetime.eval(cx)?;
        let entry = cached_value::write(cx, &value)?;
        Ok(keep(cx, self.place, &key, entry, lifetime))
    }
}

/// Keeps an entry, or removes the one that is there.
pub(crate) fn keep(
    cx: &RequestCx,
    place: CachePlace,
    key: &CacheKey,
    entry: Option<Bytes>,
    Lifetime(lifetime): Lifetime,
) -> Answer<'static, ()> {
    match entry {
        Some(entry) if !lifetime.is_zero() => cx.ports.cache.set(place, key, entry, lifetime),
        _ => cx.ports.cache.remove(place, key),
    }
}

impl Step for CacheStoreValue {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        self.store(cx).map(|_| Flow::Continue)
    }

    /// Tells the server. When the future is dropped, it may have been told.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            self.store(cx)?.get().await;
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        self.key.facts().or(self.value.facts()).or(self.lifetime.facts())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tollgate_engine::Typed as _;

    use super::Lifetime;
    use crate::testing::Case;

    fn stored(attributes: &str) -> (String, Vec<Duration>) {
        let policy = format!("<cache-store-value key=\"k\" {attributes} />");
        let run = Case::inbound(&policy).run();
        (run.reason().to_owned(), run.cache.lifetimes())
    }

    #[test]
    fn durations_are_seconds_of_any_kind() {
        for (written, seconds) in [
            ("60", 60),
            ("00:01:00", 60),
            ("2147483647", 2_147_483_647),
            ("@(30 * 2)", 60),
            ("@(60L)", 60),
            ("@(\"60\")", 60),
            ("@(60.0)", 60),
        ] {
            let kept =
                stored(&format!("value=\"v\" duration=\"{}\"", written.replace('"', "&quot;")));
            assert_eq!(kept, (String::new(), vec![Duration::from_secs(seconds)]), "{written}");
        }
        assert_eq!(Lifetime::parse("0"), Ok(Lifetime(Duration::ZERO)));
    }

    #[test]
    fn what_is_over_or_null_is_not_kept() {
        for attributes in [
            r#"value="v" duration="0""#,
            r#"value="v" duration="@(-5)""#,
            r#"value="v" duration="@("-5")""#,
            r#"value="@((string)null)" duration="5""#,
        ] {
            assert_eq!(stored(attributes), (String::new(), vec![]), "{attributes}");
        }
        let policy = r#"<cache-store-value key="k" value="v" duration="5" /><cache-store-value key="k" value="@((string)null)" duration="5" />"#;
        assert!(Case::inbound(policy).run().cache.lifetimes().is_empty());
    }

    #[test]
    fn what_cannot_be_kept_is_an_error() {
        assert_eq!(stored(r#"value="@(context.Request)" duration="5""#).0, "CacheValueInvalid");
        assert_eq!(stored(r#"value="@(new { A = 1 })" duration="5""#).0, "CacheValueInvalid");
        assert_eq!(
            stored(r#"value="v" duration="@("soon")""#).0,
            "ExpressionValueEvaluationFailure"
        );
        assert_eq!(
            stored(r#"value="@(new string('a', 100000))" duration="5""#),
            (String::new(), vec![])
        );
    }

    #[test]
    fn attributes_are_checked_at_load() {
        Case::inbound(r#"<cache-store-value key="k" value="v" />"#)
            .refused("`duration` is missing");
        Case::inbound(r#"<cache-store-value key="k" value="v" duration="-1" />"#)
            .refused("expected seconds");
    }
}
