//! `mock-response`: ends the pipeline with a response that the API's description gives as an example.

mod generate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::contract::{Contract, MediaType, Statuses, essence, media_type};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Body, CompileCx, Content, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Response, Scope, Section, Step,
};

use crate::message_body::is_of;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "mock-response",
    sections: &[Section::Inbound, Section::Outbound, Section::OnError],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "status-code",
            ty: AttributeType::Int { min: 200, max: 999 },
            default: Some("200"),
            doc: "Status of the response, and of the example to look for.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "content-type",
            doc: "Content type of the example to look for; the first one that is described when absent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "index",
            ty: AttributeType::Int { min: 0, max: 100_000 },
            doc: "Place of the example among all examples of the operation's responses, from 0; it brings its own status and content type.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Ends the pipeline with a made-up response: an example of the operation's responses in the OpenAPI document of the API,
else a value made from the schema of the response, else an empty body. No further policy runs, in no section.

```xml
<mock-response status-code="200" content-type="application/json" />
```

Differences from Azure:

- A status is looked for as it stands, then by its class (`4XX`), then as `default`.
- A `content-type` that is not described gives the first one that is, as in Microsoft's policy toolkit; without any
  described content the body is empty and has no content type.
- `index` counts from 0 over all responses, content types and examples in the order of the document; beyond the last
  example it is ignored.
- From a schema come its `const`, `default`, `example` or first `enum` value, otherwise `string`, `0`, `true`, one item of
  an array and every property of an object. It ends after 16 levels and 5000 values; for a content type of XML it is
  written as elements, for others a text is written as it is.
- Headers that the document describes are not made up.
"#;

#[derive(Debug)]
struct MockResponse {
    status: StatusCode,
    content_type: Option<Arc<str>>,
    index: Option<usize>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let status = cx.literal(element, "status-code")?;
    let content_type = cx.literal::<Arc<str>>(element, "content-type");
    let index = cx.literal::<i64>(element, "index");
    if let Some(text) = &content_type
        && let Some(attribute) = element.attribute("content-type")
        && !essence(text).contains('/')
    {
        cx.report(
            Diagnostic::new(
                Code::INVALID_VALUE,
                "invalid value for attribute `content-type`",
                attribute.value.span(),
            )
            .label("expected a media type such as `application/json`"),
        );
        return None;
    }
    let index = index.and_then(|index| usize::try_from(index).ok());
    Some(Box::new(MockResponse { status, content_type, index }))
}

/// A response that was found.
struct Mock {
    status: StatusCode,
    content: Option<(HeaderValue, Bytes)>,
}

impl Step for MockResponse {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let contract = cx.route.info.contract.as_deref();
        let mock = contract.and_then(|contract| self.find(contract));
        let mock = mock.unwrap_or(Mock { status: self.status, content: None });
        let mut response = Response::new(mock.status);
        if let Some((content_type, body)) = mock.content {
            response.headers.insert(CONTENT_TYPE, content_type);
            response.body = Body::Replaced(body);
        }
        cx.response = Some(response);
        Ok(Flow::Return)
    }
}

impl MockResponse {
    fn find(&self, contract: &Contract) -> Option<Mock> {
        if let Some(found) = self.index.and_then(|index| self.example_at(contract, index)) {
            return Some(found);
        }
        let content = &contract.response(self.status.as_u16())?.content;
        let wanted = self.content_type.as_deref();
        let described = wanted
            .and_then(|wanted| media_type(content, wanted))
            .or_else(|| content.iter().find(|media| !media.examples.is_empty()))
            .or_else(|| content.first())?;
        let content = self.body(described, None).and_then(|body| {
            let content_type = self.written_type(described)?;
            Some((content_type, body))
        });
        Some(Mock { status: self.status, content })
    }

    /// The example at a place among all of the operation.
    fn example_at(&self, contract: &Contract, index: usize) -> Option<Mock> {
        let all = contract.responses.iter().flat_map(|response| {
            response.content.iter().flat_map(move |media| {
                (0..media.examples.len()).map(move |example| (response, media, example))
            })
        });
        let (response, media, example) = all.into_iter().nth(index)?;
        let status = match response.status {
            Statuses::Code(code) => StatusCode::from_u16(code).ok()?,
            Statuses::Class(_) | Statuses::Default => self.status,
        };
        let content = self.body(media, Some(example)).and_then(|body| {
            let content_type = self.written_type(media)?;
            Some((content_type, body))
        });
        Some(Mock { status, content })
    }

    /// The content type of the response: as described, but of a range the one that is asked for, or its plainest.
    fn written_type(&self, media: &MediaType) -> Option<HeaderValue> {
        let described = media.content_type.as_str();
        let text = match (essence(described), &self.content_type) {
            (range, Some(wanted)) if range.ends_with("/*") => wanted,
            ("*/*", None) => "application/json",
            (range, None) if range.ends_with("/*") => "text/plain",
            _ => described,
        };
        HeaderValue::from_str(text).ok()
    }

    /// The body: an example, else one that fits the schema.
    fn body(&self, media: &MediaType, example: Option<usize>) -> Option<Bytes> {
        let wanted = self.content_type.as_deref().unwrap_or("");
        let described = media.content_type.as_str();
        let kind = if essence(described).ends_with("/*") { wanted } else { described };
        if let Some(example) = media.examples.get(example.unwrap_or(0)) {
            return Some(written(&example.value, kind));
        }
        let schema = media.schema.as_ref()?;
        let value = generate::value(schema);
        if is_of(kind, "xml") {
            return Some(generate::xml(schema, &value).into());
        }
        Some(written(&value, kind))
    }
}

/// A value as the body of a content type. Examples of JSON are often written as text that holds it.
fn written(value: &serde_json::Value, kind: &str) -> Bytes {
    match value {
        serde_json::Value::String(text)
            if !is_of(kind, "json") || serde_json::from_str::<serde_json::Value>(text).is_ok() =>
        {
            Bytes::copy_from_slice(text.as_bytes())
        }
        value => Bytes::from(value.to_string()),
    }
}
