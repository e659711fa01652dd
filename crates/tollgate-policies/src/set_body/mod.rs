//! `set-body`: replaces the body of the request or the response.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, TextDef, Value,
};
use tollgate_expr::Dates;

use crate::liquid::{Reading, Template};
use crate::message_body::reading;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-body",
    sections: &Section::ALL,
    toolkit_sections: &[],
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
            default: Some("blank"),
            doc: "Whether Liquid sees XML elements with `xsi:nil` as an empty text or as null.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "parse-date",
            ty: AttributeType::Bool,
            default: Some("true"),
            doc: "Whether Liquid reads text in JSON that looks like a date as one.",
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

With `template="liquid"` the content is a Liquid template as DotLiquid 2.0 renders it, with C# names of filters and .NET
formats of dates. `body` is the body by its `Content-Type`: JSON, XML, or text. Elements of XML are found by their name
without a prefix, in any case. `context` has `Request` (`Url`, `Method`, `OriginalMethod`, `OriginalUrl`, `IpAddress`,
`MatchedParameters`, `HasBody`, `ClientCertificates`, `Headers`), `Response` (`StatusCode`, `Method`, `Headers`) and
`Variables`; a URL has `Scheme`, `Host`, `Port`, `Path`, `Query` (by name), `QueryString`, `ToUri` and `ToString`. What is missing is
empty.

Tags: `assign`, `break`, `capture`, `case`, `comment`, `continue`, `cycle`, `decrement`, `for`, `if`, `ifchanged`,
`increment`, `literal`, `raw`, `tablerow`, `unless`, and `JSONArrayFor`, a `for` with commas between its items. Filters:
`Abs`, `Append`, `AtLeast`, `AtMost`, `Capitalize`, `Ceil`, `Compact`, `Concat`, `Currency`, `Date`, `Default`,
`DividedBy`, `Downcase`, `Escape`, `First`, `Floor`, `H`, `Join`, `Last`, `Lstrip`, `Map`, `Minus`, `Modulo`,
`NewlineToBr`, `Plus`, `Prepend`, `Remove`, `RemoveFirst`, `Replace`, `ReplaceFirst`, `Reverse`, `Round`, `Rstrip`,
`Size`, `Slice`, `Sort`, `Split`, `Strip`, `StripHtml`, `StripNewlines`, `Times`, `Truncate`, `TruncateWords`, `Uniq`,
`Upcase`, `UrlDecode`, `UrlEncode`.

```xml
<set-body template="liquid">{
    "name": "{{ body.envelope.body.customer.name }}",
    "items": [{% JSONArrayFor item in body.envelope.body.customer.items %}"{{ item.id }}"{% endJSONArrayFor %}]
}</set-body>
```

Differences from Azure:

- Literal text is the body as it stands, white space included; markup inside it too.
- An empty element sets an empty body, and so does null. Bytes stay bytes; anything else is its text in UTF-8.
- `Content-Encoding` and `Content-MD5` go with the old body, because they no longer describe it.
- Setting the body of a message without one is allowed; to a template such a body, and one that was consumed, is an empty
  text.
- `xsi-nil` and `parse-date` have no effect without `template="liquid"`; `parse-date` is about JSON only.
- A template is text, not an expression. A tag that does not exist or does not end, and a filter with the wrong number of
  arguments, are errors at load. A filter that does not exist is a warning, and the value passes unchanged, as DotLiquid
  does it; so is a member that `context` has not. `include` and `extends` are refused.
- What DotLiquid writes into the body as `Liquid error` is an error of the request (500, `LiquidError`), and so is a body
  that is not what its content type says, and a template that takes more than a million steps. Output beyond 32 MiB is
  `BodyTooLarge`.
- `{{name}}` is a named value when there is one of this name, and otherwise a variable of the template.
"#;

#[derive(Debug)]
struct SetBody {
    message: Message,
    body: Value<Bytes>,
}

/// A body that a template makes.
#[derive(Debug)]
struct SetByTemplate {
    template: Template,
    reading: Reading,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let is_liquid = element
        .attribute("template")
        .is_some_and(|template| template.value.as_str().trim() == "liquid");
    // The policy toolkit can write the content inside a `value` element.
    let content = element.elements_named("value").next().unwrap_or(element);
    if is_liquid {
        return template(element, content, cx);
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
    let body =
        if content.text().is_none() { Value::Literal(Bytes::new()) } else { cx.raw(content)? };
    Some(Box::new(SetBody { message: cx.message(), body }))
}

fn template(element: &Element, content: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let nil = cx.literal::<std::sync::Arc<str>>(element, "xsi-nil");
    let dates = cx.literal::<bool>(element, "parse-date");
    if let Some(text) = content.text().filter(|text| text.is_expression) {
        cx.report(
            Diagnostic::new(
                Code::EXPRESSION_NOT_ALLOWED,
                "a Liquid template is text, not a policy expression",
                text.span(),
            )
            .label("write the template, or remove `template`"),
        );
        return None;
    }
    let text = content.untrimmed_text();
    let (template, findings) = Template::parse(text.as_str());
    for finding in findings {
        let place = text.span(finding.range);
        cx.report(
            Diagnostic::new(finding.code, finding.message, place)
                .label(finding.label)
                .suggest(finding.suggestion),
        );
    }
    let reading = Reading {
        message: cx.message(),
        dates: if dates? { Dates::Parsed } else { Dates::Kept },
        nil_is_null: nil?.trim() == "null",
    };
    Some(Box::new(SetByTemplate { template: template?, reading }))
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

impl Step for SetByTemplate {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let body = self.template.render(cx, self.reading)?;
        cx.set_body(self.reading.message, body.into());
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        if self.template.reads_body() { reading(self.reading.message) } else { Facts::default() }
    }
}
