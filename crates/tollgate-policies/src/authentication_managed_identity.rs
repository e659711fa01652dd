//! `authentication-managed-identity`: puts a token of the gateway's own identity on the request.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{AccessToken, CallToken, IdentityError, TokenSource};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, CompileCx, Content, Facts, Flow, Limit, Message,
    PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "authentication-managed-identity",
    sections: &[Section::Inbound],
    toolkit_sections: &[Section::Outbound],
    scopes: &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "resource",
            required: true,
            expression: true,
            doc: "What the token is for: an application id or a resource URI, with or without `/.default`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "client-id",
            expression: true,
            doc: "Client id of a user-assigned identity; the gateway's own when absent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "output-token-variable-name",
            doc: "Context variable that gets the token, without `Bearer `; the request is then left as it is.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "ignore-error",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether to go on without a token when none can be had.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Gets a Microsoft Entra token for the gateway's identity and sets the request's `Authorization` header to it; with
`output-token-variable-name` it only sets the variable. Inside `send-request` it is that request that gets the token. Tokens are shared by all policies that ask for the same, and
renewed in the background before they end, so a request seldom waits.

```xml
<authentication-managed-identity resource="https://cognitiveservices.azure.com" />
```

Differences from Azure:

- The identity is the first available of environment credentials, workload identity, managed identity and, for
  development, Azure CLI.
- When no token can be had, the request fails with 500 and the reason `ManagedIdentityTokenFailed`. With
  `ignore-error="true"` it goes on: the variable is an empty string, and `Authorization` stays as the client sent it.
- In `outbound`, which only the policy toolkit allows, it is still the request that changes.
"#;

struct ManagedIdentity {
    message: Message,
    source: Source,
    variable: Option<Arc<str>>,
    ignore_error: bool,
}

enum Source {
    /// Resource and identity are known at load.
    Fixed(Result<Arc<dyn TokenSource>, IdentityError>),
    /// They depend on the request.
    PerRequest { resource: Value<Arc<str>>, client_id: Option<Value<Arc<str>>> },
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentity").field("variable", &self.variable).finish_non_exhaustive()
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let resource: Option<Value<Arc<str>>> = cx.attribute(element, "resource");
    let client_id: Option<Value<Arc<str>>> = cx.attribute(element, "client-id");
    if client_id.is_none() && element.attribute("client-id").is_some() {
        return None;
    }
    if let (Some(Value::Literal(name)), Some(written)) = (&resource, element.attribute("resource"))
        && name.trim().is_empty()
        && !written.value.is_opaque
    {
        cx.report(
            Diagnostic::new(Code::INVALID_VALUE, "`resource` is empty", written.value.span())
                .label("expected an application id or a resource URI"),
        );
        return None;
    }
    let variable = cx.literal(element, "output-token-variable-name");
    let ignore_error = cx.literal(element, "ignore-error");
    let source = match (resource?, client_id) {
        (Value::Literal(resource), None) => Source::Fixed(find(cx, None, &resource)),
        (Value::Literal(resource), Some(Value::Literal(id))) => {
            Source::Fixed(find(cx, Some(&*id), &resource))
        }
        (resource, client_id) => Source::PerRequest { resource, client_id },
    };
    let message = cx.message();
    Some(Box::new(ManagedIdentity { message, source, variable, ignore_error: ignore_error? }))
}

fn find(
    cx: &CompileCx<'_>,
    client_id: Option<&str>,
    resource: &str,
) -> Result<Arc<dyn TokenSource>, IdentityError> {
    let client_id = client_id.map(str::trim).filter(|id| !id.is_empty());
    cx.ports().identities.source(client_id, resource.trim())
}

impl ManagedIdentity {
    fn source(
        &self,
        cx: &mut RequestCx,
    ) -> Result<Result<Arc<dyn TokenSource>, IdentityError>, PolicyError> {
        match &self.source {
            Source::Fixed(source) => Ok(source.clone()),
            Source::PerRequest { resource, client_id } => {
                let resource = resource.eval(cx)?;
                let client_id = client_id.as_ref().map(|id| id.eval(cx)).transpose()?;
                let client_id = client_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
                Ok(cx.ports.identities.source(client_id, resource.trim()))
            }
        }
    }

    fn apply(
        &self,
        cx: &mut RequestCx,
        token: Result<AccessToken, IdentityError>,
    ) -> Result<Flow, PolicyError> {
        let token = match token {
            Ok(token) => Some(token),
            Err(error) if self.ignore_error => {
                if cx.ports.trace.enabled() {
                    let message = format!("No token; ignore-error is true: {error}");
                    cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
                }
                None
            }
            Err(error) => {
                return Err(PolicyError::internal("ManagedIdentityTokenFailed", error.to_string()));
            }
        };
        match (&self.variable, token) {
            (Some(name), token) => {
                let text =
                    token.map_or_else(|| Arc::from(""), |token| Arc::clone(token.token.expose()));
                cx.variables.set(name, text.into());
            }
            (None, Some(token)) => {
                cx.request.headers.insert(AUTHORIZATION, token.authorization);
            }
            (None, None) => {}
        }
        Ok(Flow::Continue)
    }
}

impl Step for ManagedIdentity {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let source = self.source(cx)?;
        if self.message == Message::Call
            && self.variable.is_none()
            && let (Ok(source), Some(call)) = (&source, &mut cx.call)
        {
            // The call itself waits for its token, so that several calls can be under way at once.
            let (source, is_optional) = (Arc::clone(source), self.ignore_error);
            call.token = Some(CallToken { source, is_optional });
            return Ok(Flow::Continue);
        }
        match source {
            Ok(source) => match source.current() {
                Some(token) => self.apply(cx, Ok(token)),
                None => Ok(Flow::Wait),
            },
            Err(error) => self.apply(cx, Err(error)),
        }
    }

    /// Dropping the future leaves the request as it was; the shared fetch goes on for others.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let token = match self.source(cx)? {
                Ok(source) => source.fetch().await,
                Err(error) => Err(error),
            };
            self.apply(cx, token)
        })
    }

    fn facts(&self) -> Facts {
        match &self.source {
            Source::Fixed(_) => Facts::default(),
            Source::PerRequest { resource, client_id } => {
                client_id.as_ref().map_or_else(Facts::default, Value::facts).or(resource.facts())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use crate::testing::Case;

    const AOAI: &str = "https://cognitiveservices.azure.com";

    fn authorization(case: Case) -> String {
        let run = case.run();
        let value = run.cx.request.headers.get(AUTHORIZATION).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_header_is_replaced() {
        let policy = format!(r#"<authentication-managed-identity resource="{AOAI}" />"#);
        let case = |ready: bool| {
            Case::inbound(&policy)
                .header(AUTHORIZATION.as_str(), "Bearer client".parse().unwrap())
                .identity(ready)
        };
        // A token at hand is used at once; else the request waits for one.
        assert_eq!(authorization(case(true)), format!("Bearer token of - for {AOAI}"));
        assert_eq!(authorization(case(false)), format!("Bearer token of - for {AOAI}"));
        let run = case(true).run();
        assert!(run.cx.request.headers[AUTHORIZATION].is_sensitive());
        assert_eq!(run.waits, 0);
        assert_eq!(case(false).run().waits, 1);
    }

    #[test]
    fn identity_and_resource() {
        let check = |attributes: &str, expected: &str| {
            let policy = format!("<authentication-managed-identity {attributes} />");
            assert_eq!(
                authorization(Case::inbound(&policy).identity(true)),
                format!("Bearer token of {expected}")
            );
            assert_eq!(
                authorization(Case::inbound(&policy).identity(false)),
                format!("Bearer token of {expected}")
            );
        };
        check(r#"resource="r" client-id="abc""#, "abc for r");
        check(r#"resource="r" client-id="""#, "- for r");
        check(r#"resource="@("r" + 1)" client-id="@("a" + "b")""#, "ab for r1");
        check(r#"resource="@("r" + 1)" client-id="@((string)null)""#, "- for r1");
    }

    #[test]
    fn a_variable_instead_of_the_header() {
        let policy = r#"<authentication-managed-identity resource="r" output-token-variable-name="t" ignore-error="false" />"#;
        let run = Case::inbound(policy).identity(true).run();
        assert_eq!(run.cx.variables.get("t").unwrap().as_str(), Some("token of - for r"));
        assert!(!run.cx.request.headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn failures() {
        let policy =
            |more: &str| format!(r#"<authentication-managed-identity resource="fails" {more} />"#);
        let run = Case::inbound(&policy("")).run();
        assert_eq!((run.status(), run.reason()), (500, "ManagedIdentityTokenFailed"));
        assert!(run.body().contains("Internal server error"), "{}", run.body());
        let run =
            Case::inbound(&policy(r#"ignore-error="true" output-token-variable-name="t""#)).run();
        assert_eq!(run.cx.variables.get("t").unwrap().as_str(), Some(""));
        let ignoring = policy(r#"ignore-error="true""#);
        let case = Case::inbound(&ignoring)
            .header(AUTHORIZATION.as_str(), "Bearer client".parse().unwrap());
        assert_eq!(authorization(case), "Bearer client");
        let unavailable =
            Case::inbound(r#"<authentication-managed-identity resource="unavailable" />"#).run();
        assert_eq!(unavailable.reason(), "ManagedIdentityTokenFailed");
    }

    #[test]
    fn where_it_may_stand() {
        let policy = r#"<authentication-managed-identity resource="r" />"#;
        Case::backend(policy).refused("is not allowed in `backend`");
        Case::outbound(policy).warned("is not documented");
        assert_eq!(authorization(Case::outbound(policy)), "Bearer token of - for r");
        Case::inbound("<authentication-managed-identity />")
            .refused("needs the attribute `resource`");
    }
}
