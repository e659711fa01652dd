//! `xml-to-json`: converts a body from XML to JSON.

mod read;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use crate::conversion::When;
use crate::message_body::{LIMITS, Rewrite, Rewriting, content_type};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "xml-to-json",
    sections: &[Section::Inbound, Section::Outbound, Section::OnError],
    toolkit_sections: &[Section::Backend],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "kind",
            ty: AttributeType::Word(&["javascript-friendly", "direct"]),
            required: true,
            expression: true,
            doc: "Whether the JSON mirrors the XML, or has names as JavaScript likes them.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "apply",
            ty: AttributeType::Word(&["always", "content-type-xml"]),
            required: true,
            expression: true,
            doc: "Whether to convert always, or only when `Content-Type` says that the body is XML.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "consider-accept-header",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether to convert only when the request's `Accept` asks for JSON.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "always-array-child-elements",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether every child element is in an array, or only those whose name repeats.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "always-array-children",
            ty: AttributeType::Bool,
            expression: true,
            doc: "The older name of `always-array-child-elements`.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r##"Converts the body of the request (in `inbound` and `backend`) or of the response (in `outbound` and `on-error`) from
XML to JSON. `Content-Type` becomes `application/json`.

An element is a member of the object around it, elements of one name together are an array, and an element with nothing
but text is a string.

- `direct`: an attribute is a member `@name`, a prefix is separated by `$`, text beside attributes or elements is
  `#text`, a CDATA section `#cdata-section`, a processing instruction `?name`. `<a/>` is null, `<a></a>` an empty
  string. What the XML declaration says stands before the root: `"version":"1.0"`.
- `javascript-friendly`: prefixes, declarations of namespaces and processing instructions are left out, an attribute is a
  member like an element, text beside them is `text`, and an empty element is an empty string.

```xml
<xml-to-json kind="direct" apply="always" consider-accept-header="false" />
```

makes of `<s:a xmlns:s="urn:s" id="1"><b>x</b><b>y</b></s:a>`

```text
{"s$a":{"@xmlns$s":"urn:s","@id":"1","b":["x","y"]}}
```

Differences from Azure:

- Azure does not document what `javascript-friendly` does; the form above is ours.
- Comments are left out, and so is text of white space alone.
- With `always-array-child-elements` the root element is not in an array.
- `Accept` asks for JSON when it names a media type of JSON and no media type of XML that it would rather have; `*/*`
  names none.
- A message without a body is left alone. A body that is not XML is an error of the request (500, `XmlInvalid`), and so is
  one with a document type, one that nests deeper than 256 levels (`BodyTooDeep`), and one that is larger than the
  conversion may handle (`BodyTooLarge`).
"##;

/// The form of the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Direct,
    JavaScriptFriendly,
}

impl Typed for Kind {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "direct" => Ok(Self::Direct),
            "javascript-friendly" => Ok(Self::JavaScriptFriendly),
            _ => Err("expected `direct` or `javascript-friendly`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|_| PolicyError::unfit_value("The value is not a kind of conversion."))
    }
}

#[derive(Debug)]
struct XmlToJson {
    message: Message,
    kind: Value<Kind>,
    when: When,
    arrays: Value<bool>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    const ARRAYS: &str = "always-array-child-elements";
    const OLD_ARRAYS: &str = "always-array-children";
    let kind = cx.attribute(element, "kind");
    let apply = cx.attribute(element, "apply");
    let consider_accept = cx.attribute(element, "consider-accept-header");
    let arrays = match element.attribute(OLD_ARRAYS) {
        Some(old) if element.attribute(ARRAYS).is_some() => {
            let message = format!("`{ARRAYS}` and `{OLD_ARRAYS}` say the same");
            cx.report(
                Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, old.name_span)
                    .label("remove this one, the older name"),
            );
            None
        }
        Some(_) => cx.attribute(element, OLD_ARRAYS),
        None => cx.attribute(element, ARRAYS),
    };
    let when = When { apply: apply?, consider_accept: consider_accept?, from: "xml", to: "json" };
    let step = XmlToJson { message: cx.message(), kind: kind?, when, arrays: arrays? };
    Some(Box::new(Rewriting(step)))
}

impl Rewrite for XmlToJson {
    type Settings = (Kind, bool);

    fn message(&self) -> Message {
        self.message
    }

    fn facts(&self) -> Facts {
        self.when.facts().or(self.kind.facts()).or(self.arrays.facts())
    }

    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Self::Settings>, PolicyError> {
        if !self.when.holds(cx, self.message)? {
            return Ok(None);
        }
        Ok(Some((self.kind.eval(cx)?, self.arrays.eval(cx)?)))
    }

    fn rewrite(
        &self,
        cx: &mut RequestCx,
        body: Bytes,
        (kind, arrays): Self::Settings,
    ) -> Result<(), PolicyError> {
        let mut state = EvalState::new(LIMITS);
        let text = tollgate_expr::xml_body_text(&body, content_type(cx.headers(self.message)));
        let document = read::read(&mut state, &text)?;
        let json = write::write(&document, kind, arrays)?;
        cx.set_body(self.message, json.into());
        let headers = cx.headers_mut(self.message);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(())
    }
}
