//! `set-backend-service`: sends the request to another backend.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError, RequestCx, Scope,
    Section, Step, Support, Target, Value,
};

use crate::base_url::BaseUrl;
use crate::query;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-backend-service",
    sections: &[Section::Inbound, Section::Backend],
    toolkit_sections: &[Section::Outbound, Section::OnError],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "base-url",
            expression: true,
            doc: "New base URL; path and query of the request are added.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "backend-id",
            expression: true,
            doc: "Name of a configured backend or pool.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef { name: "sf-resolve-condition", ..SERVICE_FABRIC },
        AttributeDef { name: "sf-service-instance-name", ..SERVICE_FABRIC },
        AttributeDef { name: "sf-partition-key", ..SERVICE_FABRIC },
        AttributeDef { name: "sf-replica-type", ..SERVICE_FABRIC },
        AttributeDef { name: "sf-listener-name", ..SERVICE_FABRIC },
        AttributeDef { name: "dapr-app-id", ..DAPR },
        AttributeDef { name: "dapr-method", ..DAPR },
        AttributeDef { name: "dapr-namespace", ..DAPR },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const SERVICE_FABRIC: AttributeDef = AttributeDef {
    expression: true,
    doc: "Service Fabric.",
    support: Support::NoEffect("Service Fabric is not resolved outside Azure"),
    ..AttributeDef::DEFAULT
};

const DAPR: AttributeDef = AttributeDef {
    expression: true,
    doc: "Dapr.",
    support: Support::Refused(
        "call the sidecar with `base-url=\"http://localhost:3500/v1.0/invoke/…\"`",
    ),
    ..AttributeDef::DEFAULT
};

const DOCS: &str = r#"Sends the request to another backend than the API's: to a base URL, or to a configured backend with its credentials
and TLS settings, or to a pool of them. The final URL is the base, then the request's path and query.

```xml
<set-backend-service base-url="https://orders.example.com/v2" />
<set-backend-service backend-id="@((string)context.Variables["backend"])" />
```

Differences from Azure:

- `base-url` does nothing when a policy of a wider scope has chosen a backend by `backend-id`; Azure documents the rule
  and not what happens. The trace says so.
- A `backend-id` that does not exist is an error at load, and from an expression an error of the request (500, reason
  `BackendNotFound`).
- A query in `base-url` is put before the request's own; `ws://` and `wss://` mean `http://` and `https://`.
- A URL with user information, white space, backslashes or a fragment is refused.
- The Service Fabric attributes have no effect, with a warning; Dapr is not supported.
"#;

#[derive(Debug)]
struct SetBackendService {
    scope: Scope,
    backend: Choice,
}

#[derive(Debug)]
enum Choice {
    Url(Value<BaseUrl>),
    Named(Value<Arc<str>>),
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let backend = match (element.attribute("base-url"), element.attribute("backend-id")) {
        (Some(_), None) => Choice::Url(cx.attribute(element, "base-url")?),
        (None, Some(written)) => {
            let id: Value<Arc<str>> = cx.attribute(element, "backend-id")?;
            if let Value::Literal(id) = &id
                && !written.value.is_opaque
                && !cx.check_backend(id, written.value.span())
            {
                return None;
            }
            Choice::Named(id)
        }
        (url, _) => {
            let message = "`set-backend-service` needs one of `base-url` and `backend-id`";
            let label = if url.is_some() { "both are given" } else { "none is given" };
            cx.report(
                Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, element.name_span)
                    .label(label),
            );
            return None;
        }
    };
    Some(Box::new(SetBackendService { scope: cx.scope(), backend }))
}

impl Step for SetBackendService {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        match &self.backend {
            Choice::Url(url) => {
                let BaseUrl { url, query } = url.eval(cx)?;
                if cx.request.backend_chosen_by.is_some_and(|scope| scope < self.scope) {
                    if cx.ports.trace.enabled() {
                        let message = "A policy of a wider scope has chosen a backend by name; base-url does nothing.";
                        cx.ports.trace.message(cx.client.request_id, POLICY.name, message);
                    }
                    return Ok(Flow::Continue);
                }
                cx.request.set_target(Target::Url(url));
                cx.request.backend_chosen_by = None;
                if !query.is_empty() {
                    let mut joined = query.to_string();
                    if !cx.request.uri.query.is_empty() {
                        query::push(&mut joined, &cx.request.uri.query);
                    }
                    cx.request.uri.query = joined;
                }
            }
            Choice::Named(id) => {
                let literal = id.literal().is_some();
                let id = id.eval(cx)?;
                if !literal && cx.route.names.backend(&id).is_none() {
                    let message = format!("There is no backend {id}.");
                    return Err(PolicyError::internal("BackendNotFound", message));
                }
                cx.request.set_target(Target::Backend(id));
                cx.request.backend_chosen_by = Some(self.scope);
            }
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        match &self.backend {
            Choice::Url(url) => url.facts(),
            Choice::Named(id) => id.facts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_engine::{Scope, Target};

    use crate::testing::Case;

    fn shown(url: &tollgate_expr::Url) -> String {
        let query = if url.query.is_empty() { String::new() } else { format!("?{}", url.query) };
        format!("{}://{}:{}{}{query}", url.scheme, url.host, url.port, url.path)
    }

    fn target(case: Case) -> String {
        let run = case.run();
        match run.cx.request.target {
            Some(Target::Backend(id)) => format!("backend {id}"),
            Some(Target::Url(_)) => shown(&run.cx.url()),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn a_url_or_a_name() {
        let case = |policy: &str| Case::inbound(policy).url("/orders/1?x=1").backends(&["openai"]);
        let url = |policy| target(case(policy));
        assert_eq!(
            url(r#"<set-backend-service base-url="https://h/v2/" />"#),
            "https://h:443/v2/orders/1?x=1"
        );
        assert_eq!(
            url(r#"<set-backend-service base-url="@("http://h" + ":81")" />"#),
            "http://h:81/orders/1?x=1"
        );
        assert_eq!(
            url(r#"<set-backend-service base-url="https://h?v=2" />"#),
            "https://h:443/orders/1?v=2&x=1"
        );
        assert_eq!(url(r#"<set-backend-service backend-id="openai" />"#), "backend openai");
        assert_eq!(
            url(r#"<set-backend-service backend-id="@("open" + "ai")" />"#),
            "backend openai"
        );
    }

    #[test]
    fn an_inherited_name_is_not_overridden_by_a_url() {
        let global = r#"<set-backend-service backend-id="openai" />"#;
        let own = |policy: &str| {
            let policy = format!("<base />{policy}");
            Case::inbound(&policy).wider(Scope::Global, global).backends(&["openai", "other"])
        };
        assert_eq!(
            target(own(r#"<set-backend-service base-url="https://h/" />"#)),
            "backend openai"
        );
        assert_eq!(target(own(r#"<set-backend-service backend-id="other" />"#)), "backend other");
        // In one document the later one wins.
        let both = format!(r#"{global}<set-backend-service base-url="https://h/" />"#);
        assert_eq!(target(Case::inbound(&both).backends(&["openai"])), "https://h:443/");
    }

    #[test]
    fn unknown_backends() {
        let case = |policy: &str| Case::inbound(policy).backends(&["openai"]);
        case(r#"<set-backend-service backend-id="opnai" />"#).refused("did you mean `openai`");
        case(r#"<set-backend-service backend-id="@("op" + "nai")" />"#)
            .refused("there is no backend");
        let dynamic = r#"<set-backend-service backend-id="@((string)context.Variables["b"])" />"#;
        assert_eq!(target(case(dynamic).variable("b", "openai".into())), "backend openai");
        let run = case(dynamic).variable("b", "opnai".into()).run();
        assert_eq!(
            (run.status(), run.reason(), run.source()),
            (500, "BackendNotFound", "set-backend-service")
        );
        let run = case(r#"<set-backend-service base-url="@("file://" + "etc")" />"#).run();
        assert_eq!(run.reason(), "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn attributes_that_exclude_each_other_or_do_nothing() {
        let case = |policy: &str| Case::inbound(policy).backends(&["b", "dapr"]);
        case("<set-backend-service />").refused("needs one of `base-url` and `backend-id`");
        case(r#"<set-backend-service base-url="https://h" backend-id="b" />"#)
            .refused("both are given");
        case(r#"<set-backend-service base-url="h" />"#)
            .refused("expected an `https://` or `http://` URL");
        case(r#"<set-backend-service backend-id="b" sf-listener-name="x" />"#)
            .warned("has no effect");
        case(r#"<set-backend-service backend-id="dapr" dapr-app-id="x" dapr-method="y" />"#)
            .refused("attribute `dapr-app-id` is not supported");
    }
}
