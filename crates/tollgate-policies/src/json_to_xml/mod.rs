//! `json-to-xml`: converts a body from JSON to XML.

mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};
use tollgate_expr::{Dates, EvalState};

use self::write::{Names, write};
use crate::conversion::When;
use crate::message_body::{LIMITS, Rewrite, Rewriting, content_type, unreadable};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "json-to-xml",
    sections: &[Section::Inbound, Section::Outbound, Section::OnError],
    toolkit_sections: &[Section::Backend],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "apply",
            ty: AttributeType::Word(&["always", "content-type-json"]),
            required: true,
            expression: true,
            doc: "Whether to convert always, or only when `Content-Type` says that the body is JSON.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "consider-accept-header",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether to convert only when the request's `Accept` asks for XML.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "parse-date",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether text that looks like a date is written as .NET writes one; otherwise it is copied.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "namespace-separator",
            expression: true,
            default: Some("_"),
            doc: "What separates a prefix from a name in the keys of objects.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "namespace-prefix",
            expression: true,
            doc: "Keys that begin with this, such as `xmlns`, declare namespaces.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "attribute-block-name",
            expression: true,
            doc: "Key of an object whose members are attributes of the element.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r##"Converts the body of the request (in `inbound` and `backend`) or of the response (in `outbound` and `on-error`) from
JSON to XML. `Content-Type` becomes `text/xml; charset=utf-8`.

A member of an object is an element, an array is an element for each of its items. Values are written as .NET writes
them (`True`, `1.5`, `03/21/2012 05:40:00`), null as an empty element with `xsi:nil`. JSON that is not an object with
one member gets a root element `Document`.

```xml
<json-to-xml apply="always" consider-accept-header="false" parse-date="false"
    namespace-separator=":" namespace-prefix="xmlns" attribute-block-name="#attrs" />
```

makes of `{"s:Envelope": {"xmlns:s": "urn:s", "s:Body": {"#attrs": {"id": "1"}, "item": ["a", "b"]}}}`

```text
<s:Envelope xmlns:s="urn:s"><s:Body id="1"><item>a</item><item>b</item></s:Body></s:Envelope>
```

Differences from Azure:

- A key is split into prefix and name only when the prefix is declared, so that `user_id` stays a name with the default
  separator.
- Characters that a name in XML cannot hold are written as `_x0020_`; an empty key is `_`. Characters that XML cannot
  hold at all are left out of text.
- Items of a root array are elements `Item`. An empty array is an empty element, and an array inside an array an element
  of the same name.
- `Accept` asks for XML when it names a media type of XML and no media type of JSON that it would rather have; `*/*`
  names none.
- A message without a body is left alone. A body that is not JSON is an error of the request (500, `JsonInvalid`), and
  so is one that nests deeper than 256 levels (`BodyTooDeep`) or is larger than the conversion may handle
  (`BodyTooLarge`).
"##;

#[derive(Debug)]
struct JsonToXml {
    message: Message,
    when: When,
    dates: Value<bool>,
    separator: Value<Arc<str>>,
    prefix: Option<Value<Arc<str>>>,
    block: Option<Value<Arc<str>>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let apply = cx.attribute(element, "apply");
    let consider_accept = cx.attribute(element, "consider-accept-header");
    let dates = cx.attribute(element, "parse-date");
    let separator = cx.attribute(element, "namespace-separator");
    let prefix = cx.attribute(element, "namespace-prefix");
    let block = cx.attribute(element, "attribute-block-name");
    let is_wrong = |name: &str, value: &Option<Value<Arc<str>>>| {
        value.is_none() && element.attribute(name).is_some()
    };
    if is_wrong("namespace-prefix", &prefix) || is_wrong("attribute-block-name", &block) {
        return None;
    }
    let when = When { apply: apply?, consider_accept: consider_accept?, from: "json", to: "xml" };
    Some(Box::new(Rewriting(JsonToXml {
        message: cx.message(),
        when,
        dates: dates?,
        separator: separator?,
        prefix,
        block,
    })))
}

impl Rewrite for JsonToXml {
    type Settings = (Dates, Names);

    fn message(&self) -> Message {
        self.message
    }

    fn facts(&self) -> Facts {
        let optional = [&self.prefix, &self.block].into_iter().flatten();
        let own = self.when.facts().or(self.dates.facts()).or(self.separator.facts());
        optional.fold(own, |facts, value| facts.or(value.facts()))
    }

    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Self::Settings>, PolicyError> {
        if !self.when.holds(cx, self.message)? {
            return Ok(None);
        }
        let dates = if self.dates.eval(cx)? { Dates::Parsed } else { Dates::Kept };
        let mut text = |value: &Option<Value<Arc<str>>>| match value {
            Some(value) => value.eval(cx).map(|text| Some(text).filter(|text| !text.is_empty())),
            None => Ok(None),
        };
        let (prefix, block) = (text(&self.prefix)?, text(&self.block)?);
        let separator = self.separator.eval(cx)?;
        Ok(Some((dates, Names { separator, prefix, block })))
    }

    fn rewrite(
        &self,
        cx: &mut RequestCx,
        body: Bytes,
        (dates, names): Self::Settings,
    ) -> Result<(), PolicyError> {
        let mut state = EvalState::new(LIMITS);
        let text = tollgate_expr::body_text(&body, content_type(cx.headers(self.message)));
        let root = state.read_json(&text, dates);
        let root = root.map_err(|exception| unreadable("JsonInvalid", &exception))?;
        let xml = write(&mut state, &root, &names)?;
        cx.set_body(self.message, xml.into());
        let headers = cx.headers_mut(self.message);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
        Ok(())
    }
}
