//! `cache-value`: a value out of a cache, or made by the policies inside.

use std::sync::Arc;
use std::time::Duration;

use tollgate_engine::ports::{Answer, CacheKey, CachePlace, Lease};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, BoxFuture, ChildDef, CompileCx, Content, Facts, Flow,
    Limit, PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

use crate::cache_store_value::keep;
use crate::cached_value::{self, CACHING_TYPE, KEY, Kept, Key, Lifetime, caching_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-value",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        KEY,
        AttributeDef {
            name: "variable-name",
            required: true,
            doc: "Context variable that gets the value, and that the policies inside set.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "expires-after",
            ty: AttributeType::Seconds,
            expression: true,
            default: Some("28800"),
            doc: "For how many seconds the value is kept.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "refresh-after",
            ty: AttributeType::Seconds,
            expression: true,
            doc: "After how many seconds it is made anew; `0` is always. When it expires, if left out.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "default-value",
            expression: true,
            doc: "Value when there is none and the policies inside set none.",
            ..AttributeDef::DEFAULT
        },
        CACHING_TYPE,
    ],
    content: Content::Children(&[ChildDef {
        name: "value",
        content: Content::Policies,
        min: 1,
        max: 1,
        doc: "Policies that make the value and set the variable to it.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Puts a value of the cache into a context variable. When there is none, the policies inside make it and set the variable,
and what they set is kept for `expires-after` seconds.

```xml
<cache-value key="settings" variable-name="settings" expires-after="3600" refresh-after="600" default-value="none">
    <value>
        <set-variable name="settings" value="@("made at " + DateTime.UtcNow.ToString("o"))" />
    </value>
</cache-value>
```

A value that is older than `refresh-after` is made anew, too; when that fails or gives null, the old one is used until it
expires. Of requests that need the same value at the same time, one makes it, and the others wait for it, for ten seconds at
most, or use the old one. An error inside without an old value is an error of the request.

Values are kept and copied as `cache-store-value` says, under the same names: `cache-remove-value` removes them.

Differences from Azure:

- Microsoft's reference of this policy could not be read when this was written; it does what the policy toolkit does.
- The variable is unset before the policies inside run.
- Requests wait for one another within one gateway, not across gateways that share a cache.
- `expires-after` is eight hours when it is left out.
"#;

#[derive(Debug)]
struct CacheValue {
    key: Key,
    variable: Arc<str>,
    expires: Value<Lifetime>,
    refresh: Option<Value<Lifetime>>,
    default: Option<Value<tollgate_expr::Value>>,
    place: CachePlace,
    block: [Block; 1],
}

/// The values that policies of this request are making. Inside `wait` any of them may be ready first.
#[derive(Debug, Clone, Default)]
struct Making {
    all: Vec<Made>,
    n_begun: u64,
}

impl Making {
    /// Notes a value; the number stands for it.
    fn begin(&mut self, made: Made) -> u64 {
        self.n_begun += 1;
        self.all.push(Made { number: self.n_begun, ..made });
        self.n_begun
    }

    fn end(&mut self, number: u64) -> Option<Made> {
        let index = self.all.iter().position(|made| made.number == number)?;
        Some(self.all.remove(index))
    }
}

#[derive(Debug, Clone)]
struct Made {
    number: u64,
    key: CacheKey,
    old: Option<tollgate_expr::Value>,
    /// Held until the value is there.
    #[expect(dead_code, reason = "it is only held")]
    lease: Option<Arc<Lease>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let block = match element.elements_named("value").next() {
        Some(value) => cx.block(value, "value[1]"),
        None => Block::default(),
    };
    let key = Key::compile(element, cx);
    let variable = cx.literal(element, "variable-name");
    let expires = cx.attribute(element, "expires-after");
    let refresh = cx.attribute(element, "refresh-after");
    let default = cx.attribute(element, "default-value");
    let place = caching_type(element, cx)?;
    let wrong = |name: &str, missing: bool| missing && element.attribute(name).is_some();
    if wrong("refresh-after", refresh.is_none()) || wrong("default-value", default.is_none()) {
        return None;
    }
    let (key, variable, expires) = (key?, variable?, expires?);
    Some(Box::new(CacheValue { key, variable, expires, refresh, default, place, block: [block] }))
}

impl CacheValue {
    /// The value that is kept, and whether it need not be made anew.
    fn judge(
        &self,
        cx: &mut RequestCx,
        entry: Option<&[u8]>,
    ) -> Result<Option<(Kept, bool)>, PolicyError> {
        let Some(entry) = entry else { return Ok(None) };
        let Some(kept) = cached_value::read(cx, entry)? else { return Ok(None) };
        let is_fresh = match self.refresh_after(cx)? {
            Some(after) => kept.age < after,
            None => true,
        };
        Ok(Some((kept, is_fresh)))
    }

    fn refresh_after(&self, cx: &mut RequestCx) -> Result<Option<Duration>, PolicyError> {
        match &self.refresh {
            Some(refresh) => refresh.eval(cx).map(|Lifetime(after)| Some(after)),
            None => Ok(None),
        }
    }

    fn take(&self, cx: &mut RequestCx, value: tollgate_expr::Value) -> Flow {
        cx.variables.set(&self.variable, value);
        Flow::Continue
    }

    /// Takes the value out of the cache, or has the policies inside make it.
    async fn look(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let key = self.key.eval(cx)?;
        let cache = Arc::clone(&cx.ports.cache);
        let entry = cache.get(self.place, &key).get().await;
        let mut old = None;
        match self.judge(cx, entry.as_deref())? {
            Some((kept, true)) => return Ok(self.take(cx, kept.value)),
            Some((kept, false)) => old = Some(kept.value),
            None => {}
        }
        let making = cx.extensions.get_or_insert_default::<Making>();
        let is_ours = making.all.iter().any(|made| made.key == key);
        let always = self.refresh_after(cx)?.is_some_and(|after| after.is_zero());
        let mut lease = None;
        if !is_ours && !always {
            match (cache.lease(&key), old) {
                (Answer::Ready(held), value) => {
                    lease = Some(Arc::new(held));
                    old = value;
                }
                // Somebody is making it.
                (Answer::Pending(_), Some(value)) => return Ok(self.take(cx, value)),
                (Answer::Pending(held), None) => {
                    lease = Some(Arc::new(held.await));
                    old = None;
                    let entry = cache.get(self.place, &key).get().await;
                    if let Some((kept, true)) = self.judge(cx, entry.as_deref())? {
                        return Ok(self.take(cx, kept.value));
                    }
                }
            }
        }
        let making = cx.extensions.get_or_insert_default::<Making>();
        let state = making.begin(Made { number: 0, key, old, lease });
        cx.variables.remove(&self.variable);
        Ok(Flow::Enter { block: 0, state })
    }

    /// Keeps what the policies inside have made.
    fn keep(
        &self,
        cx: &mut RequestCx,
        resumed: &Resumed,
    ) -> Result<Answer<'static, ()>, PolicyError> {
        let value = cx.variables.get(&self.variable).cloned().unwrap_or_default();
        let made = cx.extensions.get_or_insert_default::<Making>().end(resumed.state);
        let Some(made) = made else { return Ok(Answer::Ready(())) };
        if !value.is_null() {
            let expires = self.expires.eval(cx)?;
            let entry = cached_value::write(cx, &value)?;
            let kept = keep(cx, self.place, &made.key, entry, expires);
            return Ok(match kept {
                Answer::Ready(()) => Answer::Ready(()),
                // Who waits for the lease finds the value when it gets it.
                Answer::Pending(kept) => Answer::Pending(Box::pin(async move {
                    kept.await;
                    drop(made);
                })),
            });
        }
        match (made.old, &self.default) {
            (Some(old), _) => cx.variables.set(&self.variable, old),
            (None, Some(default)) => {
                let default = default.eval(cx)?;
                cx.variables.set(&self.variable, default);
            }
            (None, None) => {}
        }
        Ok(Answer::Ready(()))
    }
}

impl Step for CacheValue {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        let key = self.key.eval(cx)?;
        let Answer::Ready(entry) = cx.ports.cache.get(self.place, &key) else {
            return Ok(Flow::Wait);
        };
        match self.judge(cx, entry.as_deref())? {
            Some((kept, true)) => Ok(self.take(cx, kept.value)),
            Some((_, false)) | None => Ok(Flow::Wait),
        }
    }

    /// Looks the value up, or keeps the one that was made. When the future is dropped, a lease that it holds ends.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let Some(resumed) = resumed else { return self.look(cx).await };
            self.keep(cx, &resumed)?.get().await;
            Ok(Flow::Continue)
        })
    }

    fn blocks(&self) -> &[Block] {
        &self.block
    }

    fn resume(
        &self,
        cx: &mut RequestCx,
        resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        if let Err(error) = outcome {
            let made = cx.extensions.get_or_insert_default::<Making>().end(resumed.state);
            let Some(old) = made.and_then(|made| made.old) else { return Err(error) };
            if cx.ports.trace.enabled() {
                let message = format!("The value is not made anew: {}", error.message());
                let message = cx.route.names.redact(&message).into_owned();
                cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
            }
            return Ok(self.take(cx, old));
        }
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        self.keep(cx, &resumed).map(|_| Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let own = self.key.facts().or(self.expires.facts());
        let own = self.refresh.as_ref().map_or(own, |refresh| own.or(refresh.facts()));
        self.default.as_ref().map_or(own, |default| own.or(default.facts()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::testing::{Case, FakeCache, NOW, Run};

    fn text(run: &Run) -> Option<String> {
        let value = run.cx.variables.get("v")?;
        Some(
            value.to_text(&run.cx.eval).unwrap().map_or("null".to_owned(), |text| text.to_string()),
        )
    }

    /// One request at a time since the first, whose block gives this.
    fn request(cache: &Arc<FakeCache>, attributes: &str, seconds: i64, block: &str) -> Run {
        let policy = format!(
            r#"<cache-value key="k" variable-name="v" {attributes}><value>{block}</value></cache-value>"#
        );
        Case::inbound(&policy).cache(cache).at(NOW + seconds).run()
    }

    fn set(value: &str) -> String {
        format!(r#"<set-variable name="v" value="{value}" />"#)
    }

    const FAILS: &str = r#"<set-variable name="v" value="@(int.Parse("x"))" />"#;

    #[test]
    fn the_first_makes_it_and_others_use_it() {
        for external in [false, true] {
            let cache = Arc::new(FakeCache::new(external));
            assert_eq!(text(&request(&cache, "", 0, &set("@(1)"))).as_deref(), Some("1"));
            assert_eq!(cache.lifetimes(), [Duration::from_hours(8)]);
            let again = request(&cache, "", 5, FAILS);
            assert_eq!((text(&again).as_deref(), again.reason()), (Some("1"), ""));
        }
    }

    #[test]
    fn an_old_value_is_made_anew_and_stands_in_for_a_failure() {
        for external in [false, true] {
            let cache = Arc::new(FakeCache::new(external));
            let attributes = r#"expires-after="@(60)" refresh-after="@(10)""#;
            let at = |seconds, block: &str| text(&request(&cache, attributes, seconds, block));
            assert_eq!(at(0, &set("one")).as_deref(), Some("one"));
            assert_eq!(at(9, &set("two")).as_deref(), Some("one"));
            assert_eq!(at(10, FAILS).as_deref(), Some("one"));
            assert_eq!(at(10, "").as_deref(), Some("one"));
            assert_eq!(at(10, &set("two")).as_deref(), Some("two"));
            assert_eq!(at(19, &set("three")).as_deref(), Some("two"));
            assert_eq!(cache.lifetimes(), [Duration::from_mins(1)]);
        }
    }

    #[test]
    fn zero_makes_it_always() {
        let cache = Arc::new(FakeCache::new(false));
        for value in ["one", "two"] {
            let run = request(&cache, r#"refresh-after="0""#, 0, &set(value));
            assert_eq!(text(&run).as_deref(), Some(value));
        }
    }

    #[test]
    fn without_a_value_there_is_the_default_or_the_error() {
        let cache = Arc::new(FakeCache::new(false));
        let empty = request(&cache, r#"default-value="@("de" + "fault")""#, 0, "");
        assert_eq!(text(&empty).as_deref(), Some("default"));
        assert_eq!(text(&request(&cache, "", 0, "")), None);
        assert!(cache.lifetimes().is_empty());
        let failed = request(&cache, r#"default-value="d""#, 0, FAILS);
        assert_eq!(failed.reason(), "ExpressionValueEvaluationFailure");
        assert_eq!(failed.source(), "set-variable");
    }

    #[test]
    fn who_waits_uses_what_somebody_else_has_made() {
        let cache = Arc::new(FakeCache::new(false));
        cache.lease_all();
        let waited = request(&cache, "", 0, &set("own"));
        assert_eq!((text(&waited).as_deref(), waited.waits), (Some("own"), 1));
        let old = request(&cache, r#"refresh-after="10""#, 5, &set("never"));
        assert_eq!(text(&old).as_deref(), Some("own"));
        cache.lease_all();
        let busy = request(&cache, r#"refresh-after="10""#, 20, &set("never"));
        assert_eq!((text(&busy).as_deref(), busy.waits), (Some("own"), 0));
    }

    #[test]
    fn one_inside_another_does_not_wait_for_itself() {
        let cache = Arc::new(FakeCache::new(false));
        let inner = format!(
            r#"<cache-value key="k" variable-name="w"><value>{}</value></cache-value><set-variable name="v" value="@((string)context.Variables["w"] + "!")" />"#,
            r#"<set-variable name="w" value="inner" />"#
        );
        let run = request(&cache, "", 0, &inner);
        assert_eq!(text(&run).as_deref(), Some("inner!"));
    }

    #[test]
    fn it_shares_names_with_the_other_policies() {
        let policies = r#"<cache-store-value key="k" value="stored" duration="5" />
            <cache-value key="k" variable-name="v" refresh-after="3"><value /></cache-value>"#;
        assert_eq!(text(&Case::inbound(policies).run()).as_deref(), Some("stored"));
    }

    #[test]
    fn what_is_wrong_is_said_at_load() {
        Case::inbound(r#"<cache-value key="k" variable-name="v" />"#).refused("`value` is missing");
        Case::inbound(r#"<cache-value key="k"><value /></cache-value>"#)
            .refused("`variable-name` is missing");
        Case::inbound(
            r#"<cache-value key="k" variable-name="v" expires-after="soon"><value /></cache-value>"#,
        )
        .refused("expected seconds");
    }
}
