//! `proxy`: sends the request through a forward proxy.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::Proxy;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Scope, Secret, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use crate::authentication_basic::authorization;
use crate::base_url::BaseUrl;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "proxy",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "url",
            required: true,
            expression: true,
            doc: "The proxy, as `http://host:port`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "username",
            expression: true,
            doc: "User name at the proxy.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "password",
            expression: true,
            doc: "Password at the proxy.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Sends the request to the backend through a forward proxy; inside `send-request` and `send-one-way-request`, that
request. A backend over `https` is reached in a tunnel (`CONNECT`), so the proxy sees only its name.

```xml
<proxy url="http://proxy.example.com:3128" username="tollgate" password="{{proxy-password}}" />
```

Differences from Azure:

- `username` and `password` are sent as basic authentication; NTLM is not supported.
- The proxy's address is judged like any other that a policy chooses: one that is link-local, or one of the gateway's own
  listeners, is refused unless it is allowed by name (`egress.allow-link-local`).
- Hosts that policies choose are looked up here too, as far as they can be, so that none leads through the proxy to where
  policies may not call.
"#;

/// Host and port of a proxy.
#[derive(Debug, Clone)]
struct ProxyUrl {
    host: String,
    port: u16,
}

impl Typed for ProxyUrl {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected `http://host:port`".to_owned();
        let BaseUrl { url, query } = BaseUrl::parse(text).map_err(|_| wrong())?;
        if url.scheme != "http" || url.path != "/" || !query.is_empty() {
            return Err(wrong());
        }
        let host = url.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port })
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|why| PolicyError::unfit_value(format!("The URL of the proxy: {why}.")))
    }
}

#[derive(Debug)]
struct UseProxy {
    message: Message,
    url: Value<ProxyUrl>,
    username: Option<Value<Arc<str>>>,
    password: Option<Value<Arc<str>>>,
    /// The proxy, when it does not depend on the request.
    fixed: Option<Arc<Proxy>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    if element.attribute("username").is_none()
        && let Some(password) = element.attribute("password")
    {
        let message = "`password` of `proxy` has no effect without `username`";
        cx.report(
            Diagnostic::new(Code::NO_EFFECT, message, password.name_span)
                .label("no user to whom it belongs"),
        );
    }
    let url = cx.attribute(element, "url");
    let username = optional(cx, element, "username")?;
    let password = optional(cx, element, "password")?;
    let url: Value<ProxyUrl> = url?;
    let literal = |value: &Option<Value<Arc<str>>>| match value {
        None => Some(None),
        Some(value) => value.literal().cloned().map(Some),
    };
    let fixed = match (url.literal(), literal(&username), literal(&password)) {
        (Some(url), Some(username), Some(password)) => {
            Some(proxy(url, username.as_deref(), password.as_deref()))
        }
        _ => None,
    };
    Some(Box::new(UseProxy { message: cx.message(), url, username, password, fixed }))
}

/// An attribute that may be absent; `None` when it is wrong, which has been reported.
#[expect(clippy::option_option, reason = "absent and wrong are different things")]
fn optional(
    cx: &mut CompileCx<'_>,
    element: &Element,
    name: &str,
) -> Option<Option<Value<Arc<str>>>> {
    match (cx.attribute(element, name), element.attribute(name)) {
        (None, Some(_)) => None,
        (value, _) => Some(value),
    }
}

fn proxy(url: &ProxyUrl, username: Option<&str>, password: Option<&str>) -> Arc<Proxy> {
    let value = username.and_then(|name| authorization(name, password.unwrap_or_default()));
    let value = value.and_then(|value| value.to_str().map(str::to_owned).ok());
    Arc::new(Proxy {
        host: url.host.clone(),
        port: url.port,
        authorization: value.map(Secret::new),
    })
}

impl Step for UseProxy {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let proxy = if let Some(proxy) = &self.fixed {
            Arc::clone(proxy)
        } else {
            let url = self.url.eval(cx)?;
            let username = self.username.as_ref().map(|value| value.eval(cx)).transpose()?;
            let password = self.password.as_ref().map(|value| value.eval(cx)).transpose()?;
            proxy(&url, username.as_deref(), password.as_deref())
        };
        cx.via_mut(self.message).proxy = Some(proxy);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let values = [self.username.as_ref(), self.password.as_ref()];
        let own = self.url.facts();
        values.into_iter().flatten().fold(own, |facts, value| facts.or(value.facts()))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    fn check(attributes: &str, expected: (&str, u16, Option<&str>)) {
        let run = Case::inbound(&format!("<proxy {attributes} />")).run();
        assert_eq!(run.reason(), "", "{}", run.message());
        let proxy = run.cx.request.via.proxy.unwrap();
        let authorization = proxy.authorization.as_ref().map(|value| value.expose().as_str());
        assert_eq!((proxy.host.as_str(), proxy.port, authorization), expected);
    }

    #[test]
    fn url_and_credentials() {
        check(r#"url="http://Proxy.test:3128""#, ("proxy.test", 3128, None));
        check(r#"url="http://proxy.test""#, ("proxy.test", 80, None));
        check(r#"url="http://[::1]:81/""#, ("::1", 81, None));
        let basic = Some("Basic dTpw");
        check(r#"url="http://p:1" username="u" password="p""#, ("p", 1, basic));
        check(r#"url="http://p:1" username="u""#, ("p", 1, Some("Basic dTo=")));
        check(
            r#"url="@("http://" + "p:1")" username="@("u")" password="@(context.Request.Method == "GET" ? "p" : "")""#,
            ("p", 1, basic),
        );
    }

    #[test]
    fn what_is_no_proxy() {
        for url in ["https://p:1", "p:1", "http://p:1/path", "http://u:secret@p", "http://p?x=1"] {
            Case::inbound(&format!(r#"<proxy url="{url}" />"#))
                .refused("expected `http://host:port`");
        }
        Case::inbound("<proxy />").refused("needs the attribute `url`");
        Case::inbound(r#"<proxy url="http://p" password="x" />"#)
            .warned("has no effect without `username`");
        let url = r#"<proxy url="@((string)context.Variables["p"])" />"#;
        let run = Case::inbound(url).variable("p", "https://p".into()).run();
        assert_eq!((run.source(), run.reason()), ("proxy", "ExpressionValueEvaluationFailure"));
    }

    #[test]
    fn the_password_does_not_print() {
        let policy = r#"<proxy url="http://p" username="u" password="{{pw-key}}" />"#;
        let printed = Case::inbound(policy).named_values(&[("pw-key", "hunter2")]).printed();
        assert!(!printed.contains("hunter2") && !printed.contains("dTpodW50ZXIy"), "{printed}");
    }
}
