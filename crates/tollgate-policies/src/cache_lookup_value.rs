//! `cache-lookup-value`: takes a value out of a cache.

use std::sync::Arc;

use tollgate_engine::ports::CachePlace;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, BoxFuture, CompileCx, Completion, Content, Detached, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

use crate::cached_value::{self, CACHING_TYPE, KEY, Key, caching_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-lookup-value",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        KEY,
        AttributeDef {
            name: "variable-name",
            required: true,
            doc: "Context variable that gets the value.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "default-value",
            expression: true,
            doc: "Value when there is no entry; without it the variable is left as it is.",
            ..AttributeDef::DEFAULT
        },
        CACHING_TYPE,
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Looks up a value that `cache-store-value` has kept and puts it into a context variable. Without an entry the variable
becomes `default-value`, or is left as it is when there is none.

```xml
<cache-lookup-value key="@("token-" + context.Api.Id)" variable-name="token" />
<choose>
    <when condition="@(!context.Variables.ContainsKey("token"))">
        <set-variable name="token" value="new" />
        <cache-store-value key="@("token-" + context.Api.Id)" value="@((string)context.Variables["token"])" duration="3600" />
    </when>
</choose>
```

The value has the type with which it was stored; `cache-store-value` says which can be. An object is a copy of this request's
own. A cache that cannot be reached has no entries. Inside `wait`, look-ups on the Redis server run beside others.

Differences from Azure:

- Without an entry and a `default-value` the variable is not set; Microsoft's documents also say that it becomes null.
- With `caching-type="external"` and no Redis server configured nothing is found, which is a warning at load.
"#;

#[derive(Debug)]
struct CacheLookupValue {
    key: Key,
    place: CachePlace,
    put: Arc<Put>,
}

/// What happens with what was found.
#[derive(Debug)]
struct Put {
    variable: Arc<str>,
    default: Option<Value<tollgate_expr::Value>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let key = Key::compile(element, cx);
    let variable = cx.literal(element, "variable-name");
    let default = cx.attribute(element, "default-value");
    let place = caching_type(element, cx)?;
    if default.is_none() && element.attribute("default-value").is_some() {
        return None;
    }
    let put = Arc::new(Put { variable: variable?, default });
    Some(Box::new(CacheLookupValue { key: key?, place, put }))
}

impl Put {
    fn found(&self, cx: &mut RequestCx, entry: Option<&[u8]>) -> Result<Flow, PolicyError> {
        let kept = match entry {
            Some(entry) => cached_value::read(cx, entry)?,
            None => None,
        };
        let value = match (kept, &self.default) {
            (Some(kept), _) => kept.value,
            (None, Some(default)) => default.eval(cx)?,
            (None, None) => return Ok(Flow::Continue),
        };
        cx.variables.set(&self.variable, value);
        Ok(Flow::Continue)
    }
}

impl Step for CacheLookupValue {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        let key = self.key.eval(cx)?;
        match cx.ports.cache.get(self.place, &key) {
            tollgate_engine::ports::Answer::Ready(entry) => self.put.found(cx, entry.as_deref()),
            tollgate_engine::ports::Answer::Pending(_) => Ok(Flow::Wait),
        }
    }

    /// Asks the server. Dropping the future leaves the request as it was.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let key = self.key.eval(cx)?;
            let entry = cx.ports.cache.get(self.place, &key).get().await;
            self.put.found(cx, entry.as_deref())
        })
    }

    fn detach(&self, cx: &mut RequestCx) -> Result<Option<Detached>, PolicyError> {
        if cx.ports.cache.is_local(self.place) {
            return Ok(None);
        }
        let key = self.key.eval(cx)?;
        let answer = cx.ports.cache.get(self.place, &key);
        let put = Arc::clone(&self.put);
        Ok(Some(Detached {
            future: Box::pin(async move {
                let entry = answer.get().await;
                let found: Completion = Box::new(move |cx| put.found(cx, entry.as_deref()));
                found
            }),
        }))
    }

    fn facts(&self) -> Facts {
        let default = self.put.default.as_ref().map_or_else(Facts::default, Value::facts);
        self.key.facts().or(default)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_expr::Value;

    use crate::testing::{Case, Run};

    fn text(run: &Run, name: &str) -> Option<String> {
        let value = run.cx.variables.get(name)?;
        Some(
            value.to_text(&run.cx.eval).unwrap().map_or("null".to_owned(), |text| text.to_string()),
        )
    }

    #[test]
    fn what_is_not_there_is_the_default_or_nothing() {
        let run = Case::inbound(
            r#"<cache-lookup-value key="k" variable-name="a" />
            <cache-lookup-value key="k" variable-name="b" default-value="d" />
            <cache-lookup-value key="k" variable-name="c" default-value="@(1 + 1)" />
            <cache-lookup-value key="k" variable-name="v" />"#,
        )
        .variable("v", Value::from(7))
        .run();
        assert_eq!(text(&run, "a"), None);
        assert_eq!(text(&run, "b").as_deref(), Some("d"));
        assert!(matches!(run.cx.variables.get("c"), Some(Value::Int(2))));
        assert_eq!(text(&run, "v").as_deref(), Some("7"));
    }

    #[test]
    fn values_come_back_with_their_type() {
        let policies = |place: &str| {
            format!(
                r#"<set-variable name="tree" value="@(JObject.Parse("{{\"a\":1}}"))" />
                <cache-store-value key="number" value="@(5)" duration="60" caching-type="{place}" />
                <cache-store-value key="tree" value="@((JObject)context.Variables["tree"])" duration="60" caching-type="{place}" />
                <cache-lookup-value key="@("num" + "ber")" variable-name="n" caching-type="{place}" />
                <cache-lookup-value key="tree" variable-name="t" caching-type="{place}" />
                <set-variable name="changed" value="@{{ ((JObject)context.Variables["t"])["a"] = 2; return 0; }}" />
                <set-variable name="seen" value="@(((JObject)context.Variables["tree"])["a"].ToString() + (((int)context.Variables["n"]) + 1))" />"#
            )
        };
        for (place, external) in [
            ("internal", false),
            ("prefer-external", false),
            ("prefer-external", true),
            ("external", true),
        ] {
            let run = Case::inbound(&policies(place)).external_cache(external).run();
            assert_eq!(run.reason(), "", "{place}");
            assert_eq!(text(&run, "seen").as_deref(), Some("16"), "{place}");
            assert_eq!(run.waits > 0, external, "{place}");
        }
    }

    #[test]
    fn look_ups_run_beside_one_another() {
        let policy = r#"<cache-store-value key="a" value="1" duration="60" />
            <wait for="all"><cache-lookup-value key="a" variable-name="a" />
            <cache-lookup-value key="b" variable-name="b" default-value="none" /></wait>"#;
        for external in [false, true] {
            let run = Case::inbound(policy).external_cache(external).run();
            assert_eq!(text(&run, "a").as_deref(), Some("1"));
            assert_eq!(text(&run, "b").as_deref(), Some("none"));
        }
    }

    #[test]
    fn the_external_cache_is_not_the_internal_one() {
        let policy = r#"<cache-store-value key="a" value="1" duration="60" caching-type="internal" />
            <cache-lookup-value key="a" variable-name="a" caching-type="external" default-value="none" />"#;
        for external in [false, true] {
            let run = Case::inbound(policy).external_cache(external).run();
            assert_eq!(text(&run, "a").as_deref(), Some("none"));
        }
        Case::inbound(policy).warned("there is no external cache, so nothing is cached");
    }

    #[test]
    fn what_is_wrong_is_said_at_load() {
        Case::inbound(r#"<cache-lookup-value key="k" />"#).refused("`variable-name` is missing");
        Case::inbound(r#"<cache-lookup-value key="k" variable-name="@("v")" />"#)
            .refused("takes no policy expression");
        Case::inbound(r#"<cache-lookup-value key="k" variable-name="v" caching-type="redis" />"#)
            .refused("expected one of `internal`");
    }
}
