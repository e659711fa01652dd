//! `set-status`: sets status code and reason phrase of the response.

use std::sync::Arc;

use http::StatusCode;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-status",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "code",
            ty: AttributeType::Int { min: 200, max: 999 },
            required: true,
            expression: true,
            doc: "Status code.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "reason",
            expression: true,
            doc: "Reason phrase; the standard one of the code when absent or empty.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Sets status code and reason phrase of the response. Before there is one, it is made with an empty body, and
forwarding the request replaces it.

```xml
<set-status code="401" reason="Unauthorized" />
```

Differences from Azure:

- `reason` is optional; HTTP/2 does not carry it.
- Informational codes (below 200) are refused: they cannot end a response.
- A reason phrase with a line break or other control character is an error at load, and from an expression an evaluation
  error.
"#;

#[derive(Debug)]
struct SetStatus {
    message: Message,
    code: Value<StatusCode>,
    reason: Option<Value<Phrase>>,
}

/// A reason phrase; none when empty.
#[derive(Debug, Clone)]
struct Phrase(Option<Arc<str>>);

impl Typed for Phrase {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(
                "a reason phrase cannot hold a line break or other control character".to_owned()
            );
        }
        Ok(Self(Some(text.trim()).filter(|text| !text.is_empty()).map(Into::into)))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("{why}.")))
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let message = match cx.message() {
        Message::Reply => Message::Reply,
        Message::Request | Message::Response | Message::Call => Message::Response,
    };
    let code = cx.attribute(element, "code");
    let reason = cx.attribute(element, "reason");
    if reason.is_none() && element.attribute("reason").is_some() {
        return None;
    }
    Some(Box::new(SetStatus { message, code: code?, reason }))
}

impl Step for SetStatus {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let status = self.code.eval(cx)?;
        let reason = match &self.reason {
            Some(reason) => reason.eval(cx)?.0,
            None => None,
        };
        let response = cx.response_mut(self.message);
        response.status = status;
        response.reason = reason;
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.reason.as_ref().map_or_else(Facts::default, Value::facts).or(self.code.facts())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    fn check(policy: &str, status: u16, phrase: &str) {
        let run = Case::outbound(policy).run();
        let response = run.cx.response.as_ref().unwrap();
        assert_eq!((response.status.as_u16(), response.phrase()), (status, phrase), "{policy}");
    }

    #[test]
    fn code_and_reason() {
        check(
            r#"<set-status code="401" reason="Unauthorized model access" />"#,
            401,
            "Unauthorized model access",
        );
        check(r#"<set-status code="404" />"#, 404, "Not Found");
        check(r#"<set-status code="404" reason="" />"#, 404, "Not Found");
        check(r#"<set-status code="799" />"#, 799, "");
        check(r#"<set-status code="@(400 + 9)" reason="@("a" + "b")" />"#, 409, "ab");
    }

    #[test]
    fn before_there_is_a_response_one_is_made() {
        let run = Case::inbound(r#"<set-status code="503" />"#).run();
        assert_eq!(run.cx.response.unwrap().status, 503);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        Case::outbound(r#"<set-status code="101" />"#).refused("expected 200 or more");
        Case::outbound(r#"<set-status code="1000" />"#).refused("expected 999 or less");
        Case::outbound(r#"<set-status reason="x" />"#)
            .refused("`set-status` needs the attribute `code`");
        Case::outbound("<set-status code=\"200\" reason=\"a&#10;b\" />")
            .refused("a reason phrase cannot hold");
        for policy in [
            r#"<set-status code="@(100 + 1)" />"#,
            r#"<set-status code="@(10 + 1)" />"#,
            r#"<set-status code="200" reason="@("a\r" + "\nSet-Cookie: b")" />"#,
        ] {
            assert_eq!(
                Case::outbound(policy).run().reason(),
                "ExpressionValueEvaluationFailure",
                "{policy}"
            );
        }
    }
}
