//! `cache-lookup`: answers from a cache in place of the backend.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, UPGRADE};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{Answer, CacheKey, CachePlace, CacheStatus};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, BoxFuture, ChildDef, CompileCx, Content, Facts, Flow, Limit,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use crate::cached_response::{
    Dimensions, Downstream, KeyParts, Missed, Sharing, StoredResponse, key,
};
use crate::cached_value::{CACHING_TYPE, caching_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cache-lookup",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[
        AttributeDef {
            name: "vary-by-developer",
            ty: AttributeType::Bool,
            required: true,
            expression: true,
            doc: "Whether each user, or else each subscription, has responses of its own.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "vary-by-developer-groups",
            ty: AttributeType::Bool,
            required: true,
            expression: true,
            doc: "Whether users share responses only with those of the same groups.",
            ..AttributeDef::DEFAULT
        },
        CACHING_TYPE,
        AttributeDef {
            name: "downstream-caching-type",
            ty: AttributeType::Word(&["none", "private", "public"]),
            expression: true,
            default: Some("none"),
            doc: "Who else may keep a response: nobody, the client, or every cache on the way to it.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "must-revalidate",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether those must ask again when a response has ended.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "allow-private-response-caching",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether requests with the header `Authorization` are cached.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[
        ChildDef {
            name: "vary-by-header",
            content: TEXT,
            doc: "Header whose values have responses of their own.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "vary-by-query-parameter",
            content: TEXT,
            doc: "Query parameter, or several separated by `;`: only these tell responses apart. Without any the whole query does.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: DOCS,
    compile,
};

const TEXT: Content =
    Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: false });

const DOCS: &str = r#"Answers a `GET` with what `cache-store` has kept of an earlier response. The rest of `inbound` and `backend` are then
skipped, and `outbound` runs. It needs a `cache-store` in `outbound`.

```xml
<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" downstream-caching-type="private">
    <vary-by-header>Accept</vary-by-header>
    <vary-by-query-parameter>version;page</vary-by-query-parameter>
</cache-lookup>
```

Responses are told apart by workspace, API with its revision, operation and product; by scheme, host and path as the client
called; by the URL that the request has for the backend at this place, with its query; and by what the attributes and elements
name. What else tells responses apart must be named: when it depends on a cookie, `vary-by-header` with `Cookie`.

Neither looked up nor stored are requests of other methods, with a body, with `Upgrade`, and with `Authorization` unless
`allow-private-response-caching` is `true`.

A response that is stored or comes from the cache says `Cache-Control: no-store, must-revalidate, no-cache` with
`downstream-caching-type` `none`, else `private` or `public` with `must-revalidate` and the seconds that are left in `max-age`,
whatever the backend said. `Age` and `Expires` are left out.

The access line of a request has the field `cache`: `hit`, `miss`, or `bypass` for a request that is neither looked up nor stored.
`tollgate_cache_lookups_total` counts them by API and operation.

Differences from Azure:

- What a hit does is not documented for Azure; here `outbound` runs.
- What `Vary` of a response names is compared, too: when it differs the stored response is not used. One with `Vary: *` is not
  stored.
- When nothing is found the backend is not told the client's `Accept-Encoding`, so that what is stored suits every client.
- Headers that make some backends answer for another request (`X-Original-URL`, `X-Rewrite-URL`, `X-HTTP-Method-Override`,
  `Forwarded` and their like) tell responses apart. So do the parameters that `vary-by-query-parameter` names in any case, as
  they were sent, and all of a query that holds `;`.
- `allow-private-response-caching` without `vary-by-developer` or a `vary-by-header` of `Authorization` is a warning at load.
- A cache that cannot be reached has nothing. Put `rate-limit` behind `cache-lookup` to shield the backend then.
"#;

#[derive(Debug)]
struct CacheLookup {
    developer: Value<bool>,
    groups: Value<bool>,
    place: CachePlace,
    sharing: Value<Sharing>,
    must_revalidate: Value<bool>,
    private: Value<bool>,
    dimensions: Dimensions,
}

impl Typed for Sharing {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => Ok(Self::None),
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err("expected `none`, `private` or `public`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|why| PolicyError::unfit_value(format!("downstream-caching-type: {why}.")))
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let developer: Option<Value<bool>> = cx.attribute(element, "vary-by-developer");
    let groups = cx.attribute(element, "vary-by-developer-groups");
    let place = caching_type(element, cx);
    let sharing = cx.attribute(element, "downstream-caching-type");
    let must_revalidate = cx.attribute(element, "must-revalidate");
    let private: Option<Value<bool>> = cx.attribute(element, "allow-private-response-caching");
    let mut dimensions = Dimensions::default();
    for child in element.elements_named("vary-by-header") {
        match cx.text(child) {
            Some(Value::Literal(name)) => dimensions.headers.push(name),
            _ => return None,
        }
    }
    for child in element.elements_named("vary-by-query-parameter") {
        let text = child.text();
        let names = text.as_ref().map_or("", |text| text.as_str()).split(';').map(str::trim);
        dimensions.query.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let (developer, private) = (developer?, private?);
    let told_apart =
        developer.literal() == Some(&true) || dimensions.headers.contains(&AUTHORIZATION);
    if private.literal() == Some(&true) && !told_apart {
        cx.report(
            Diagnostic::new(
                Code::INSECURE,
                "responses to one caller are served to others",
                element.name_span,
            )
            .label("requests with `Authorization` are cached, and callers are not told apart")
            .help("add `<vary-by-header>Authorization</vary-by-header>` unless all callers get the same"),
        );
    }
    Some(Box::new(CacheLookup {
        developer,
        groups: groups?,
        place: place?,
        sharing: sharing?,
        must_revalidate: must_revalidate?,
        private,
        dimensions,
    }))
}

impl CacheLookup {
    /// The key of a request that may be cached.
    fn key(&self, cx: &mut RequestCx) -> Result<Option<CacheKey>, PolicyError> {
        let request = &cx.request;
        let has_body = !matches!(request.body, Body::Empty);
        if request.method != Method::GET || has_body || request.headers.contains_key(UPGRADE) {
            return Ok(None);
        }
        if request.headers.contains_key(AUTHORIZATION) && !self.private.eval(cx)? {
            return Ok(None);
        }
        let parts = KeyParts { developer: self.developer.eval(cx)?, groups: self.groups.eval(cx)? };
        Ok(Some(key(cx, &self.dimensions, parts)))
    }

    /// Goes on with what the cache has for a key.
    fn found(
        &self,
        cx: &mut RequestCx,
        key: CacheKey,
        entry: Option<&Bytes>,
    ) -> Result<Flow, PolicyError> {
        let downstream = Downstream {
            sharing: self.sharing.eval(cx)?,
            must_revalidate: self.must_revalidate.eval(cx)?,
        };
        let ticks = cx.ports.clock.ticks();
        let stored = entry.and_then(|entry| StoredResponse::read(entry, ticks));
        let Some(stored) = stored.filter(|stored| stored.answers(&cx.request.headers)) else {
            let headers = Arc::new(cx.request.headers.clone());
            cx.request.headers.remove(ACCEPT_ENCODING);
            cx.extensions.insert(Missed { key, place: self.place, downstream, headers });
            cx.extensions.insert(CacheStatus::Miss);
            trace(cx, "The cache has no response to this request.");
            return Ok(Flow::Continue);
        };
        let StoredResponse { age, lifetime, mut response, .. } = stored;
        downstream.write(&mut response.headers, lifetime.saturating_sub(age).as_secs());
        cx.response = Some(response);
        // What a look-up of a wider scope has missed is not the response that this one has found.
        cx.extensions.remove::<Missed>();
        cx.extensions.insert(CacheStatus::Hit);
        trace(cx, "The response comes from the cache.");
        Ok(Flow::Answered)
    }
}

/// A request that is not for a cache goes on.
fn bypass(cx: &mut RequestCx) -> Flow {
    cx.extensions.insert(CacheStatus::Bypass);
    Flow::Continue
}

fn trace(cx: &RequestCx, message: &str) {
    if cx.ports.trace.enabled() {
        cx.ports.trace.message(cx.client.request_id, POLICY.name, message);
    }
}

impl Step for CacheLookup {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if cx.request.method != Method::GET {
            return Ok(bypass(cx));
        }
        if !cx.ports.cache.is_local(self.place) {
            return Ok(Flow::Wait);
        }
        let Some(key) = self.key(cx)? else { return Ok(bypass(cx)) };
        match cx.ports.cache.get(self.place, &key) {
            Answer::Ready(entry) => self.found(cx, key, entry.as_ref()),
            Answer::Pending(_) => Ok(Flow::Wait),
        }
    }

    /// Asks the server. Dropping the future leaves the request as it was.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let Some(key) = self.key(cx)? else { return Ok(bypass(cx)) };
            let entry = cx.ports.cache.get(self.place, &key).get().await;
            self.found(cx, key, entry.as_ref())
        })
    }

    fn facts(&self) -> Facts {
        let own = self.developer.facts().or(self.groups.facts()).or(self.sharing.facts());
        own.or(self.must_revalidate.facts()).or(self.private.facts())
    }
}
