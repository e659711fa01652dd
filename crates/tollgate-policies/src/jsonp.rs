//! `jsonp`: wraps a response in a call of the client's JavaScript function.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, Body, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Response, Resumed, Scope, Section, Step, Value,
};

use crate::query;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "jsonp",
    sections: &[Section::Outbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[AttributeDef {
        name: "callback-parameter-name",
        required: true,
        expression: true,
        doc: "Query parameter in which the client names its function.",
        ..AttributeDef::DEFAULT
    }],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Wraps the body of the response in a call of a JavaScript function, `function(body);`, when the query of the client's
request names one; otherwise the response stays as it is. Browsers that may not read answers of other sites can load such
a response as a script. `cors` is the better way.

```xml
<jsonp callback-parameter-name="callback" />
```

What is not a JavaScript identifier is refused with 400 and `context.LastError.Reason` `CallbackParameterInvalid`.

Differences from Azure:

- The response becomes `Content-Type: application/javascript` with `X-Content-Type-Options: nosniff`.
- An identifier has at most 128 characters; reserved words and escapes (`\u0061`) are no identifiers.
- The parameter goes to the backend, too, unless a policy removes it.
"#;

/// Longest identifier.
const LONGEST: usize = 128;

/// Words of ECMAScript that are not identifiers, in strict mode included.
const RESERVED: [&str; 48] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

#[derive(Debug)]
struct Jsonp {
    parameter: Value<Arc<str>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    Some(Box::new(Jsonp { parameter: cx.attribute(element, "callback-parameter-name")? }))
}

/// Facts of the part that wraps: only then the body is read.
const WRAPS: Facts = Facts { reads_request_body: false, reads_response_body: true };

impl Jsonp {
    /// The client's function; `None` when it names none.
    fn callback(&self, cx: &mut RequestCx) -> Result<Option<String>, PolicyError> {
        let parameter = self.parameter.eval(cx)?;
        let Some(callback) = query::value(&cx.request.original_url.query, &parameter) else {
            return Ok(None);
        };
        if is_identifier(&callback) {
            return Ok(Some(callback.into_owned()));
        }
        let message = format!(
            "Value of callback parameter {parameter} is not a valid JavaScript identifier."
        );
        let status = StatusCode::BAD_REQUEST;
        Err(PolicyError::refused("CallbackParameterInvalid", message, status))
    }
}

impl Step for Jsonp {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(callback) = self.callback(cx)? else { return Ok(Flow::Continue) };
        if cx.lacks(WRAPS) {
            return Ok(Flow::Wait);
        }
        wrap(cx, &callback);
        Ok(Flow::Continue)
    }

    /// Reads the body and wraps it. Dropping the future leaves the response as it was.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> tollgate_engine::BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            if let Some(callback) = self.callback(cx)? {
                cx.provide(WRAPS).await?;
                wrap(cx, &callback);
            }
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        self.parameter.facts()
    }
}

fn wrap(cx: &mut RequestCx, callback: &str) {
    let body = cx.response.as_ref().map(content).unwrap_or_default();
    let mut script = BytesMut::with_capacity(callback.len() + body.len() + 3);
    script.put_slice(callback.as_bytes());
    script.put_u8(b'(');
    script.put_slice(&body);
    script.put_slice(b");");
    cx.set_body(Message::Response, script.freeze());
    let headers = cx.headers_mut(Message::Response);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/javascript"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn content(response: &Response) -> Bytes {
    match &response.body {
        _ if response.consumed => Bytes::new(),
        Body::Stream | Body::Sent | Body::Empty => Bytes::new(),
        body => body.bytes().cloned().unwrap_or_default(),
    }
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    let first = |c: char| c.is_alphabetic() || matches!(c, '$' | '_');
    let begins = chars.next().is_some_and(first);
    begins
        && chars.all(|c| first(c) || c.is_ascii_digit())
        && text.chars().take(LONGEST + 1).count() <= LONGEST
        && !RESERVED.contains(&text)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};
    use tollgate_engine::{Body, Response};

    use crate::testing::{Case, Run};

    fn run(query: &str) -> Run {
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert("content-type", HeaderValue::from_static("application/json"));
        response.body = Body::Replaced("{}".into());
        Case::backend("<forward-request />")
            .answer(Ok(response))
            .url(&format!("/?{query}"))
            .outbound_too(r#"<jsonp callback-parameter-name="cb" />"#)
            .run()
    }

    #[test]
    fn the_body_becomes_a_call() {
        for (query, body) in
            [("cb=f", "f({});"), ("a=1&cb=%24x_1", "$x_1({});"), ("cb=%C3%A9t%C3%A9", "été({});")]
        {
            let run = run(query);
            assert_eq!(run.body(), body);
            let headers = &run.cx.response.as_ref().unwrap().headers;
            assert_eq!(headers["content-type"], "application/javascript");
            assert_eq!(headers["x-content-type-options"], "nosniff");
        }
    }

    #[test]
    fn without_the_parameter_nothing_changes() {
        let run = run("CB=f");
        assert_eq!(run.body(), "{}");
        assert_eq!(run.cx.response.unwrap().headers["content-type"], "application/json");
    }

    #[test]
    fn only_identifiers_are_called() {
        let long = format!("cb={}", "a".repeat(129));
        for query in ["cb=", "cb", "cb=a.b", "cb=1a", "cb=alert(1)//", "cb=a%00", "cb=while", &long]
        {
            let run = run(query);
            assert_eq!((run.status(), run.reason()), (400, "CallbackParameterInvalid"), "{query}");
            assert_eq!(
                run.message(),
                "Value of callback parameter cb is not a valid JavaScript identifier."
            );
        }
    }
}
