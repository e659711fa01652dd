//! `cache-remove-value`: removes a value from a cache.

use tollgate_engine::ports::CachePlace;
use tollgate_engine::read::Element;
use tollgate_engine::{
    BoxFuture, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError, RequestCx, Resumed,
    Scope, Section, Step,
};

use crate::cached_value::{CACHING_TYPE, KEY, Key, caching_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-remove-value",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[KEY, CACHING_TYPE],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Removes what `cache-store-value` or `cache-value` has kept under a name. Without such an entry nothing happens.

```xml
<cache-remove-value key="@("token-" + context.Api.Id)" />
```

Differences from Azure:

- While the Redis server is away nothing is removed from it, and no request fails because of that.
"#;

#[derive(Debug)]
struct CacheRemoveValue {
    key: Key,
    place: CachePlace,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let key = Key::compile(element, cx);
    let place = caching_type(element, cx)?;
    Some(Box::new(CacheRemoveValue { key: key?, place }))
}

impl Step for CacheRemoveValue {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        let key = self.key.eval(cx)?;
        drop(cx.ports.cache.remove(self.place, &key));
        Ok(Flow::Continue)
    }

    /// Tells the server. When the future is dropped, it may have been told.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let key = self.key.eval(cx)?;
            cx.ports.cache.remove(self.place, &key).get().await;
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        self.key.facts()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    #[test]
    fn only_the_entry_of_the_name_goes() {
        let policy = r#"<cache-store-value key="a" value="1" duration="60" /><cache-store-value key="b" value="2" duration="60" />
            <cache-remove-value key="@("a" + "")" /><cache-remove-value key="never" />
            <cache-lookup-value key="a" variable-name="a" /><cache-lookup-value key="b" variable-name="b" />"#;
        for external in [false, true] {
            let run = Case::inbound(policy).external_cache(external).run();
            assert!(run.cx.variables.get("a").is_none() && run.cx.variables.get("b").is_some());
        }
        Case::inbound("<cache-remove-value />").refused("`key` is missing");
    }
}
