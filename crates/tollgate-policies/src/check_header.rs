//! `check-header`: lets a request pass only with a header, or with one of the values listed for it.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, StatusCode};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, Message,
    PolicyDef, PolicyError, RequestCx, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "check-header",
    sections: &[Section::Inbound],
    toolkit_sections: &[Section::Outbound],
    scopes: &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "name",
            required: true,
            expression: true,
            doc: "Name of the header; case does not matter.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "failed-check-httpcode",
            ty: AttributeType::Int { min: 200, max: 999 },
            required: true,
            expression: true,
            doc: "Status when the header is missing or has another value.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "failed-check-error-message",
            required: true,
            expression: true,
            doc: "What the client then reads.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "ignore-case",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether values compare without regard to the case of ASCII letters.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[ChildDef {
        name: "value",
        content: Content::Text(TextDef {
            ty: AttributeType::Text,
            required: false,
            expression: true,
        }),
        doc: "A value that is allowed; without any the header must only be there.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Refuses a request without a header, or whose header has none of the values that are listed.

```xml
<check-header name="X-Client" failed-check-httpcode="401" failed-check-error-message="Not authorized" ignore-case="true">
    <value>mobile</value>
    <value>web</value>
</check-header>
```

The client gets the status and the message; `context.LastError.Reason` is `HeaderNotFound` or `HeaderValueNotAllowed`.

Differences from Azure:

- `ignore-case` may be left out; it is `false` then.
- A header that appears several times is compared as its values joined with commas.
- `context.LastError.Message` shows `***` in place of the value of `Authorization`, `Proxy-Authorization`, `Cookie` and the
  header of the subscription key, and at most 256 characters of any other.
- In `outbound`, which only Microsoft's snippets do, the header of the response is checked.
"#;

/// Longest value that a message shows.
const SHOWN: usize = 256;

#[derive(Debug)]
struct CheckHeader {
    message: Message,
    name: Value<WrittenName>,
    status: Value<StatusCode>,
    client_message: Value<Arc<str>>,
    ignore_case: Value<bool>,
    allowed: Vec<Value<Arc<str>>>,
}

/// The name of a header, and how the author writes it.
#[derive(Debug, Clone)]
struct WrittenName {
    name: HeaderName,
    written: Arc<str>,
}

impl Typed for WrittenName {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { name: HeaderName::parse(text)?, written: text.trim().into() })
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let name = HeaderName::from_value(value, state)?;
        let written = <Arc<str>>::from_value(value, state)?;
        Ok(Self { name, written: written.trim().into() })
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let message = cx.message();
    let name = cx.attribute(element, "name");
    let status = cx.attribute(element, "failed-check-httpcode");
    let client_message = cx.attribute(element, "failed-check-error-message");
    let ignore_case = cx.attribute(element, "ignore-case");
    let mut allowed = Vec::new();
    for child in element.elements_named("value") {
        let empty = child.text().is_none();
        allowed.push(if empty { Some(Value::Literal("".into())) } else { cx.text(child) });
    }
    Some(Box::new(CheckHeader {
        message,
        name: name?,
        status: status?,
        client_message: client_message?,
        ignore_case: ignore_case?,
        allowed: allowed.into_iter().collect::<Option<_>>()?,
    }))
}

impl CheckHeader {
    fn refuse(
        &self,
        cx: &mut RequestCx,
        reason: &'static str,
        message: String,
    ) -> Result<Flow, PolicyError> {
        let status = self.status.eval(cx)?;
        let client_message = self.client_message.eval(cx)?;
        Err(PolicyError::refused(reason, message, status).client_message(&*client_message))
    }
}

impl Step for CheckHeader {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let WrittenName { name, written } = self.name.eval(cx)?;
        let Some(value) = cx.headers(self.message).and_then(|headers| joined(headers, &name))
        else {
            let message = format!("Header {written} was not found in the request. Access denied.");
            return self.refuse(cx, "HeaderNotFound", message);
        };
        if self.allowed.is_empty() {
            return Ok(Flow::Continue);
        }
        let value = value.into_owned();
        let ignore_case = self.ignore_case.eval(cx)?;
        for allowed in &self.allowed {
            let allowed = allowed.eval(cx)?;
            let same = allowed.as_bytes() == value
                || ignore_case && allowed.as_bytes().eq_ignore_ascii_case(&value);
            if same {
                return Ok(Flow::Continue);
            }
        }
        let shown = shown(cx, &name, &value);
        let message = format!("Header {written} value of {shown} is not allowed. Access denied.");
        self.refuse(cx, "HeaderValueNotAllowed", message)
    }

    fn facts(&self) -> Facts {
        let own = self.name.facts().or(self.status.facts()).or(self.client_message.facts());
        let own = own.or(self.ignore_case.facts());
        self.allowed.iter().fold(own, |facts, value| facts.or(value.facts()))
    }
}

/// The values of a header, joined with commas; `None` when it is not there.
fn joined<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Cow<'h, [u8]>> {
    let mut values = headers.get_all(name).iter();
    let first = Cow::Borrowed(values.next()?.as_bytes());
    Some(values.fold(first, |mut joined, value| {
        joined.to_mut().push(b',');
        joined.to_mut().extend_from_slice(value.as_bytes());
        joined
    }))
}

/// A value as messages show it: credentials do not get into logs.
fn shown(cx: &RequestCx, name: &HeaderName, value: &[u8]) -> String {
    let is_key = |header: &str| name.as_str().eq_ignore_ascii_case(header);
    let holds_key = cx.route.info.api.as_ref().is_some_and(|api| is_key(&api.key_header));
    if holds_key || [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name) {
        return "***".to_owned();
    }
    String::from_utf8_lossy(value).chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use crate::testing::{Case, Run};

    const POLICY: &str = r#"<check-header name="X-Client" failed-check-httpcode="418" failed-check-error-message="No tea"
        ignore-case="@(context.Variables.ContainsKey("lax"))"><value>a</value><value>@("b" + "c")</value></check-header>"#;

    fn run(values: &[&'static str]) -> Run {
        values
            .iter()
            .fold(Case::inbound(POLICY), |case, value| {
                case.header("x-client", HeaderValue::from_static(value))
            })
            .run()
    }

    #[test]
    fn a_listed_value_passes() {
        for value in ["a", "bc"] {
            assert_eq!(run(&[value]).reason(), "");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for values in [&["A"][..], &["a", "a"], &[""], &["aa"]] {
            let run = run(values);
            assert_eq!((run.status(), run.reason()), (418, "HeaderValueNotAllowed"), "{values:?}");
            assert_eq!(run.body(), r#"{ "statusCode": 418, "message": "No tea" }"#);
        }
        let missing = run(&[]);
        assert_eq!(missing.reason(), "HeaderNotFound");
        assert_eq!(
            missing.message(),
            "Header X-Client was not found in the request. Access denied."
        );
        assert_eq!(missing.source(), "check-header");
    }

    #[test]
    fn several_lines_are_one_value() {
        let policy = r#"<check-header name="x" failed-check-httpcode="400" failed-check-error-message=""><value>a,b</value></check-header>"#;
        let case = Case::inbound(policy).header("x", HeaderValue::from_static("a"));
        assert_eq!(case.header("x", HeaderValue::from_static("b")).run().reason(), "");
    }

    #[test]
    fn credentials_do_not_get_into_messages() {
        let policy = r#"<check-header name="Authorization" failed-check-httpcode="401" failed-check-error-message="no"><value>x</value></check-header>"#;
        let case =
            Case::inbound(policy).header("authorization", HeaderValue::from_static("Bearer t0ken"));
        assert_eq!(
            case.run().message(),
            "Header Authorization value of *** is not allowed. Access denied."
        );
        let long = "v".repeat(2000);
        let policy = policy.replace("Authorization", "x");
        let case = Case::inbound(&policy).header("x", HeaderValue::from_str(&long).unwrap());
        assert!(case.run().message().len() < 400);
    }

    #[test]
    fn the_status_must_end_a_response() {
        Case::inbound(&POLICY.replace("418", "100")).refused("expected 200 or more");
        Case::inbound(r#"<check-header name="x" />"#).refused("`failed-check-httpcode` is missing");
    }
}
