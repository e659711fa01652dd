//! `get-authorization-context`: a token of a connection that the gateway holds.

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{AccessToken, TokenSource};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, BoxFuture, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Resumed, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "get-authorization-context",
    sections: &[Section::Inbound],
    toolkit_sections: &[Section::Backend, Section::Outbound],
    scopes: &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "provider-id",
            required: true,
            expression: true,
            doc: "Provider of the connection: the first name in `[connections.<provider>.<connection>]`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "authorization-id",
            required: true,
            expression: true,
            doc: "The connection: the second name there.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "context-variable-name",
            required: true,
            expression: true,
            doc: "Context variable that gets the `Authorization` with `AccessToken` and `Claims`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "identity-type",
            ty: AttributeType::Word(&["managed", "jwt"]),
            expression: true,
            default: Some("managed"),
            doc: "Who asks for the token: `managed` is the gateway.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "identity",
            expression: true,
            doc: "Token of the caller, with `identity-type=\"jwt\"`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "ignore-error",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether to go on when there is no token; the variable is then null.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Puts a token of a connection into a context variable: an `Authorization` with `AccessToken` and `Claims`, which are
the other members of the token endpoint's answer. It sets no header. Connections are part of the configuration; their
tokens come by the client credentials grant of OAuth 2.0, are shared by all requests, and are renewed in the background.

```xml
<get-authorization-context provider-id="@(context.Request.Headers.GetValueOrDefault("x-provider", ""))"
    authorization-id="main" context-variable-name="auth" identity-type="managed" ignore-error="false" />
<set-header name="Authorization" exists-action="override">
    <value>@("Bearer " + ((Authorization)context.Variables.GetValueOrDefault("auth"))?.AccessToken)</value>
</set-header>
```

Without a token the request fails with 500: reason `AuthorizationNotFound` when there is no such connection, else
`AuthorizationTokenFailed`.

Differences from Azure:

- Connections with the grants of a user (authorization code) do not exist.
- `identity-type="jwt"` is not supported: in Azure it looks up whom the connection's access policies let in, and connections
  of the client credentials grant have none here: whoever passes the policies before this one may use them, and gets the same
  token. It is an error at load, and from an expression a failure with the reason `AuthorizationTokenFailed`; any other word is
  an evaluation error. `identity` is evaluated by nobody.
- A literal `provider-id` and `authorization-id` that name no connection are an error at load.
- In `backend` and `outbound` only the policy toolkit allows it.
"#;

struct GetAuthorization {
    connection: Connection,
    variable: Value<Arc<str>>,
    identity_type: Value<IdentityType>,
    ignore_error: Value<bool>,
}

/// Who asks for the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdentityType {
    /// The gateway.
    Managed,
    /// Whoever the token in `identity` is of.
    Jwt,
}

impl Typed for IdentityType {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "managed" => Ok(Self::Managed),
            "jwt" => Ok(Self::Jwt),
            _ => Err("expected `managed` or `jwt`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|why| PolicyError::unfit_value(format_args!("identity-type: {why}.")))
    }
}

enum Connection {
    /// Known at load.
    Fixed(Arc<dyn TokenSource>),
    /// By names that depend on the request.
    Named { provider: Value<Arc<str>>, id: Value<Arc<str>> },
}

impl fmt::Debug for GetAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetAuthorization").field("variable", &self.variable).finish_non_exhaustive()
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let provider: Option<Value<Arc<str>>> = cx.attribute(element, "provider-id");
    let id: Option<Value<Arc<str>>> = cx.attribute(element, "authorization-id");
    let variable = cx.attribute(element, "context-variable-name");
    let identity_type: Option<Value<IdentityType>> = cx.attribute(element, "identity-type");
    let ignore_error = cx.attribute(element, "ignore-error");
    if let (Some(Value::Literal(IdentityType::Jwt)), Some(written)) =
        (&identity_type, element.attribute("identity-type"))
    {
        cx.report(
            Diagnostic::new(
                Code::UNSUPPORTED_POLICY,
                "`identity-type=\"jwt\"` is not supported",
                written.value.span(),
            )
            .label("connections have no access policies here")
            .help("check the caller with `validate-azure-ad-token`, then use `managed`"),
        );
        return None;
    }
    let (provider, id) = (provider?, id?);
    let connection = match (provider.literal(), id.literal()) {
        (Some(known), Some(literal)) => {
            let written = element.attribute("authorization-id")?;
            if written.value.is_opaque || !cx.check_connection(known, literal, written.value.span())
            {
                return None;
            }
            Connection::Fixed(cx.ports().authorizations.connection(known, literal)?)
        }
        _ => Connection::Named { provider, id },
    };
    Some(Box::new(GetAuthorization {
        connection,
        variable: variable?,
        identity_type: identity_type?,
        ignore_error: ignore_error?,
    }))
}

impl GetAuthorization {
    fn source(
        &self,
        cx: &mut RequestCx,
    ) -> Result<Result<Arc<dyn TokenSource>, PolicyError>, PolicyError> {
        if self.identity_type.eval(cx)? == IdentityType::Jwt {
            let message = "The identity type jwt is not supported.";
            return Ok(Err(PolicyError::internal("AuthorizationTokenFailed", message)));
        }
        let (provider, id) = match &self.connection {
            Connection::Fixed(source) => return Ok(Ok(Arc::clone(source))),
            Connection::Named { provider, id } => (provider.eval(cx)?, id.eval(cx)?),
        };
        let found = cx.ports.authorizations.connection(&provider, &id);
        Ok(found.ok_or_else(|| {
            let message = format!("There is no connection {id} of the provider {provider}.");
            PolicyError::internal("AuthorizationNotFound", message)
        }))
    }

    fn apply(
        &self,
        cx: &mut RequestCx,
        token: Result<AccessToken, PolicyError>,
    ) -> Result<Flow, PolicyError> {
        let ignore_error = self.ignore_error.eval(cx)?;
        let variable = self.variable.eval(cx)?;
        let value = match token {
            Ok(token) => {
                let claims =
                    token.claims.iter().map(|(name, claim)| (name.clone(), claim_value(claim)));
                let value =
                    tollgate_expr::Value::authorization(&mut cx.eval, token.token.expose(), claims);
                value.map_err(|exception| PolicyError::expression(&exception))?
            }
            Err(error) if ignore_error => {
                if cx.ports.trace.enabled() {
                    let message = format!("No token; ignore-error is true: {}", error.message());
                    cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
                }
                tollgate_expr::Value::default()
            }
            Err(error) => return Err(error),
        };
        cx.variables.set(&variable, value);
        Ok(Flow::Continue)
    }
}

/// A member of the answer: text, whole numbers and truth as such, all else as JSON.
fn claim_value(claim: &serde_json::Value) -> tollgate_expr::Value {
    match claim {
        serde_json::Value::Null => tollgate_expr::Value::default(),
        serde_json::Value::Bool(flag) => tollgate_expr::Value::Bool(*flag),
        serde_json::Value::String(text) => text.as_str().into(),
        other => match other.as_i64() {
            Some(number) => tollgate_expr::Value::Long(number),
            None => other.to_string().as_str().into(),
        },
    }
}

fn failed(error: &tollgate_engine::ports::IdentityError) -> PolicyError {
    PolicyError::internal("AuthorizationTokenFailed", error.to_string())
}

impl Step for GetAuthorization {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        match self.source(cx)? {
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
                Ok(source) => source.fetch().await.map_err(|error| failed(&error)),
                Err(error) => Err(error),
            };
            self.apply(cx, token)
        })
    }

    fn facts(&self) -> Facts {
        let own =
            self.variable.facts().or(self.identity_type.facts()).or(self.ignore_error.facts());
        match &self.connection {
            Connection::Fixed(_) => own,
            Connection::Named { provider, id } => own.or(provider.facts()).or(id.facts()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Case, Run};

    fn policy(attributes: &str) -> String {
        format!(
            r#"<get-authorization-context context-variable-name="auth" {attributes} />
            <set-variable name="seen" value="@{{
                var auth = (Authorization)context.Variables["auth"];
                if (auth == null) {{ return "null"; }}
                var claims = auth.Claims;
                return auth.AccessToken + " " + claims["scope"] + " " + ((long)claims["tier"] + 1) + " " + (bool)claims["ok"] + " " + claims["more"];
            }}" />"#
        )
    }

    fn seen(run: &Run) -> String {
        let seen = run.cx.variables.get("seen").and_then(|value| value.as_str().map(str::to_owned));
        seen.unwrap_or_else(|| format!("{}: {}", run.reason(), run.message()))
    }

    const TOKEN: &str = r#"token of the connection a b 3 True {"x":1}"#;

    #[test]
    fn a_token_and_what_came_with_it() {
        let literal = policy(r#"provider-id="good" authorization-id="main""#);
        let run = Case::inbound(&literal).run();
        assert_eq!((seen(&run).as_str(), run.waits), (TOKEN, 0));
        let run = Case::inbound(&literal).identity(false).run();
        assert_eq!((seen(&run).as_str(), run.waits), (TOKEN, 1));
        let dynamic = policy(
            r#"provider-id="@((string)context.Variables["p"])" authorization-id="@("ma" + "in")" identity-type="@("managed")" identity="ignored" ignore-error="@(false)""#,
        );
        assert_eq!(seen(&Case::inbound(&dynamic).variable("p", "good".into()).run()), TOKEN);
        let run = Case::inbound(&dynamic).variable("p", "other".into()).run();
        assert_eq!(
            seen(&run),
            "AuthorizationNotFound: There is no connection main of the provider other."
        );
        assert_eq!((run.status(), run.source()), (500, "get-authorization-context"));
        assert!(run.cx.request.headers.is_empty());
    }

    #[test]
    fn failures() {
        let check = |attributes: &str, expected: &str| {
            let run = Case::inbound(&policy(attributes))
                .variable("v", "jwt".into())
                .variable("p", "no".into())
                .run();
            assert_eq!(seen(&run), expected, "{attributes}");
        };
        let fails = r#"provider-id="fails" authorization-id="main""#;
        check(
            fails,
            "AuthorizationTokenFailed: the identity endpoint refused or failed: status 400",
        );
        check(&format!(r#"{fails} ignore-error="true""#), "null");
        check(&format!(r#"{fails} ignore-error="@(context.Request.Method == "GET")""#), "null");
        let missing = r#"provider-id="@((string)context.Variables["p"])" authorization-id="main""#;
        check(&format!(r#"{missing} ignore-error="true""#), "null");
        let caller = r#"provider-id="good" authorization-id="main" identity-type="@((string)context.Variables["v"])" identity="x""#;
        check(caller, "AuthorizationTokenFailed: The identity type jwt is not supported.");
        check(&format!(r#"{caller} ignore-error="true""#), "null");
    }

    #[test]
    fn what_does_not_load() {
        let refused = |attributes: &str, why: &str| Case::inbound(&policy(attributes)).refused(why);
        refused(r#"provider-id="good""#, "needs the attribute `authorization-id`");
        refused(r#"provider-id="god" authorization-id="main""#, "did you mean `good.main`");
        refused(
            r#"provider-id="good" authorization-id="main" identity-type="jwt""#,
            "is not supported",
        );
        refused(
            r#"provider-id="good" authorization-id="main" identity-type="user""#,
            "expected one of",
        );
    }
}
