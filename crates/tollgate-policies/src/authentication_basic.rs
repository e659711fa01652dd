//! `authentication-basic`: proves itself to the backend with a user name and a password.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError, RequestCx, Scope,
    Section, Step, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "authentication-basic",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "username",
            required: true,
            expression: true,
            doc: "User name.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "password",
            required: true,
            expression: true,
            doc: "Password.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Sets the request's `Authorization` header to basic authentication with a user name and a password, in UTF-8, in the
place of what the client sent.

```xml
<authentication-basic username="tollgate" password="{{backend-password}}" />
```

Differences from Azure:

- A null `username` or `password` is an empty one.
"#;

#[derive(Debug)]
struct Basic {
    username: Value<Arc<str>>,
    password: Value<Arc<str>>,
    /// The whole value, when it does not depend on the request; sensitive, so that it never prints.
    fixed: Option<HeaderValue>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let username: Option<Value<Arc<str>>> = cx.attribute(element, "username");
    let password: Option<Value<Arc<str>>> = cx.attribute(element, "password");
    let (username, password) = (username?, password?);
    let fixed = match (username.literal(), password.literal()) {
        (Some(username), Some(password)) => Some(authorization(username, password)?),
        _ => None,
    };
    Some(Box::new(Basic { username, password, fixed }))
}

/// The value of basic authentication; base64 always fits a header.
pub(crate) fn authorization(username: &str, password: &str) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Step for Basic {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let value = match &self.fixed {
            Some(value) => Some(value.clone()),
            None => authorization(&self.username.eval(cx)?, &self.password.eval(cx)?),
        };
        if let Some(value) = value {
            cx.request.headers.insert(AUTHORIZATION, value);
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.username.facts().or(self.password.facts())
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use crate::testing::Case;

    fn check(username: &str, password: &str, expected: &str) {
        let policy =
            format!(r#"<authentication-basic username="{username}" password="{password}" />"#);
        let client = "Bearer client".parse().unwrap();
        let run = Case::inbound(&policy).header(AUTHORIZATION.as_str(), client).run();
        let value = &run.cx.request.headers[AUTHORIZATION];
        assert_eq!(value.to_str().unwrap(), expected);
        assert!(value.is_sensitive());
    }

    #[test]
    fn user_and_password_replace_what_the_client_sent() {
        check("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        check("test", "123£", "Basic dGVzdDoxMjPCow==");
        check("@(\"te\" + \"st\")", "@(context.Request.Method)", "Basic dGVzdDpHRVQ=");
        check("", "", "Basic Og==");
    }

    #[test]
    fn both_are_needed_and_neither_prints() {
        Case::inbound(r#"<authentication-basic username="u" />"#)
            .refused("needs the attribute `password`");
        let policy = r#"<authentication-basic username="u" password="{{pw-key}}" />"#;
        let printed = Case::inbound(policy).named_values(&[("pw-key", "hunter2")]).printed();
        assert!(!printed.contains("hunter2") && !printed.contains("dTpodW50ZXIy"), "{printed}");
    }
}
