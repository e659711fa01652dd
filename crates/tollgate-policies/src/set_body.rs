//! `set-body`: replaces the body of the request or the response.

use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, TextDef, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-body",
    sections: &[Section::Inbound, Section::Backend, Section::Outbound],
    toolkit_sections: &[Section::OnError],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "template",
            ty: AttributeType::Word(&["none", "liquid"]),
            default: Some("none"),
            doc: "Kind of template the content is.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "xsi-nil",
            ty: AttributeType::Word(&["blank", "null"]),
            doc: "How Liquid sees XML elements with `xsi:nil`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "parse-date",
            ty: AttributeType::Bool,
            doc: "Whether Liquid reads text that looks like a date as one.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Raw(TextDef { ty: AttributeType::Text, required: false, expression: true }),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Replaces the body of the request (in `inbound` and `backend`) or of the response (in `outbound` and `on-error`);
inside `return-response`, of the response that it makes. `Content-Type` stays, `Content-Length` is computed.

```xml
<set-body>@{
    var body = context.Request.Body.As<JObject>(preserveContent: true);
    body["user"] = context.Subscription.Id;
    return body.ToString();
}</set-body>
```

Differences from Azure:

- Literal text is the body as it stands, white space included; markup inside it too.
- An empty element sets an empty body, and so does null. Bytes stay bytes; anything else is its text in UTF-8.
- `Content-Encoding` and `Content-MD5` go with the old body, because they no longer describe it.
- Setting the body of a message without one is allowed.
- `template="liquid"` is not supported; `xsi-nil` and `parse-date` have no effect without it.
"#;

#[derive(Debug)]
struct SetBody {
    message: Message,
    body: Value<Bytes>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    if let Some(template) = element.attribute("template")
        && template.value.as_str().trim() == "liquid"
    {
        cx.report(
            Diagnostic::new(
                Code::UNSUPPORTED_POLICY,
                "Liquid templates in `set-body` are not supported",
                template.span(),
            )
            .label("write the body as a policy expression"),
        );
        return None;
    }
    for name in ["xsi-nil", "parse-date"] {
        if let Some(attribute) = element.attribute(name) {
            let message = format!("attribute `{name}` has no effect");
            cx.report(
                Diagnostic::new(Code::NO_EFFECT, message, attribute.name_span)
                    .label("it belongs to `template=\"liquid\"`"),
            );
        }
    }
    // The policy toolkit can write the content inside a `value` element.
    let content = element.elements_named("value").next().unwrap_or(element);
    let body =
        if content.text().is_none() { Value::Literal(Bytes::new()) } else { cx.raw(content)? };
    Some(Box::new(SetBody { message: cx.message(), body }))
}

impl Step for SetBody {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let body = self.body.eval(cx)?;
        cx.set_body(self.message, body);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.body.facts()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use crate::testing::Case;

    fn check(policy: &str, body: &str) {
        let run = Case::inbound(policy).body("old").run();
        let bytes = run.cx.request.body.bytes().unwrap();
        assert_eq!(std::str::from_utf8(bytes).unwrap(), body, "{policy}");
    }

    #[test]
    fn text_markup_and_expressions() {
        check("<set-body>Hello</set-body>", "Hello");
        check("<set-body>\n  { \"a\": 1 }\n</set-body>", "\n  { \"a\": 1 }\n");
        check("<set-body>a &lt; b &amp;amp;</set-body>", "a < b &amp;");
        check("<set-body><![CDATA[<x/>]]></set-body>", "<x/>");
        check("<set-body><soap a=\"1\">x</soap></set-body>", "<soap a=\"1\">x</soap>");
        check("<set-body>\n   @(\"a\" + 1)\n</set-body>", "a1");
        check("<set-body template=\"none\">x</set-body>", "x");
        check("<set-body/>", "");
        check("<set-body>  </set-body>", "");
        check("<set-body>@((string)null)</set-body>", "");
        check("<set-body><value>plain</value></set-body>", "plain");
        check("<set-body>\n <value>@(\"a\" + \"&\" + 1)</value>\n</set-body>", "a&1");
    }

    #[test]
    fn a_message_without_a_body_gets_one() {
        let run = Case::inbound("<set-body>new</set-body>").run();
        assert_eq!(run.cx.request.body.bytes().unwrap(), "new");
    }

    #[test]
    fn bodies_that_are_read() {
        check("<set-body>@(context.Request.Body.As<string>() + \"!\")</set-body>", "old!");
        check("<set-body>@(context.Request.Body.As<byte[]>())</set-body>", "old");
    }

    #[test]
    fn what_described_the_old_body_goes() {
        let mut case = Case::outbound("<set-body>new</set-body>");
        for name in ["content-encoding", "content-md5", "content-type"] {
            case = case.header(name, HeaderValue::from_static("x"));
        }
        let response = case.run().cx.response.unwrap();
        assert_eq!(
            response.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(),
            ["content-type"]
        );
    }

    #[test]
    fn liquid_is_refused_by_name() {
        Case::inbound("<set-body template=\"liquid\">{{body.x}}</set-body>")
            .refused("Liquid templates");
        Case::inbound("<set-body template=\"razor\">x</set-body>")
            .refused("expected one of `none`, `liquid`");
        Case::inbound("<set-body xsi-nil=\"null\">x</set-body>").warned("`xsi-nil` has no effect");
    }
}
