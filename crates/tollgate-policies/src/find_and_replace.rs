//! `find-and-replace`: replaces text in the body.

use std::sync::Arc;

use bytes::Bytes;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};

use crate::message_body::{LONGEST, Rewrite, Rewriting, content_type, in_utf8, too_large};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "find-and-replace",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "from",
            ty: AttributeType::Filled,
            required: true,
            expression: true,
            doc: "Text to find; may not be empty.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "to",
            required: true,
            expression: true,
            doc: "Text to put in its place; may be empty.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Replaces every occurrence of a text in the body of the request (in `inbound` and `backend`) or of the response (in
`outbound` and `on-error`). Case matters, and nothing in the text is a pattern.

```xml
<find-and-replace from="http://internal.contoso.com" to="https://api.contoso.com" />
```

Differences from Azure:

- A body in a character set other than UTF-8, as `Content-Type` names it, is decoded, and written in the same one.
- A message without a body, or whose body was consumed, is left alone, and so is one without an occurrence.
- A `from` that is empty is an error at load, and from an expression an error of the request.
- A body that would grow past 32 MiB is an error of the request (500, `BodyTooLarge`).
"#;

#[derive(Debug)]
struct FindAndReplace {
    message: Message,
    from: Value<Arc<str>>,
    to: Value<Arc<str>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let from = cx.attribute(element, "from");
    let to = cx.attribute(element, "to");
    let step = FindAndReplace { message: cx.message(), from: from?, to: to? };
    Some(Box::new(Rewriting(step)))
}

impl Rewrite for FindAndReplace {
    type Settings = (Arc<str>, Arc<str>);

    fn message(&self) -> Message {
        self.message
    }

    fn facts(&self) -> Facts {
        self.from.facts().or(self.to.facts())
    }

    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Self::Settings>, PolicyError> {
        let (from, to) = (self.from.eval(cx)?, self.to.eval(cx)?);
        if from.is_empty() {
            return Err(PolicyError::unfit_value("The text to find is empty."));
        }
        Ok(Some((from, to)))
    }

    fn rewrite(
        &self,
        cx: &mut RequestCx,
        body: Bytes,
        (from, to): Self::Settings,
    ) -> Result<(), PolicyError> {
        let content_type = content_type(cx.headers(self.message));
        let replaced = in_utf8(&body, content_type, |text| {
            replace(text, &[(from.as_bytes(), to.as_bytes())])
        })?;
        if let Some(replaced) = replaced {
            cx.set_body(self.message, replaced);
        }
        Ok(())
    }
}

/// Replaces every occurrence of the first of each pair by the second; where several fit, the first pair wins. None when
/// there is no occurrence. UTF-8 is found byte by byte, so what is no text passes through.
pub(crate) fn replace(
    body: &[u8],
    pairs: &[(&[u8], &[u8])],
) -> Result<Option<Vec<u8>>, PolicyError> {
    let starts: [bool; 256] = std::array::from_fn(|byte| {
        pairs.iter().any(|(from, _)| from.first().is_some_and(|first| usize::from(*first) == byte))
    });
    let may_start = |byte: &u8| starts.get(usize::from(*byte)).copied().unwrap_or(false);
    let mut out: Option<Vec<u8>> = None;
    let mut rest = body;
    let mut copied = body;
    while let Some(at) = rest.iter().position(may_start) {
        let tail = rest.get(at..).unwrap_or_default();
        let found = pairs.iter().find(|(from, _)| tail.starts_with(from));
        let Some((from, to)) = found else {
            rest = tail.get(1..).unwrap_or_default();
            continue;
        };
        let out = out.get_or_insert_with(|| Vec::with_capacity(body.len()));
        out.extend_from_slice(copied.get(..copied.len() - tail.len()).unwrap_or_default());
        out.extend_from_slice(to);
        if out.len() > LONGEST {
            return Err(too_large());
        }
        rest = tail.get(from.len()..).unwrap_or_default();
        copied = rest;
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(copied);
        if out.len() > LONGEST {
            return Err(too_large());
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::replace;
    use crate::testing::Case;

    fn check(policy: &str, body: &str, expected: &str) {
        let run = Case::inbound(policy).body(body).run();
        let bytes = run.cx.request.body.bytes().unwrap();
        assert_eq!(std::str::from_utf8(bytes).unwrap(), expected, "{policy}");
        let run = Case::inbound(policy).body(body).streaming().run();
        assert_eq!(run.cx.request.body.bytes().unwrap(), expected, "{policy}");
    }

    #[test]
    fn every_occurrence_is_replaced() {
        check(r#"<find-and-replace from="a" to="b" />"#, "aAa", "bAb");
        check(r#"<find-and-replace from="aa" to="a" />"#, "aaaaa", "aaa");
        check(r#"<find-and-replace from="a.c" to="x" />"#, "abc a.c", "abc x");
        check(r#"<find-and-replace from="ä" to="" />"#, "xäy", "xy");
        check(r#"<find-and-replace from="a&quot;" to="&lt;" />"#, "a\"", "<");
        check(
            r#"<find-and-replace from="@("a" + "b")" to="@(context.Request.Method)" />"#,
            "ab",
            "GET",
        );
        check(r#"<find-and-replace from="x" to="@((string)null)" />"#, "axb", "ab");
    }

    #[test]
    fn a_body_without_an_occurrence_stays_as_it_is() {
        let run = Case::inbound(r#"<find-and-replace from="x" to="y" />"#).body("abc").run();
        assert!(matches!(run.cx.request.body, tollgate_engine::Body::Buffered(_)));
        let run = Case::inbound(r#"<find-and-replace from="x" to="y" />"#).run();
        assert!(matches!(run.cx.request.body, tollgate_engine::Body::Empty));
    }

    #[test]
    fn other_character_sets_are_kept() {
        let latin = HeaderValue::from_static("text/plain; charset=iso-8859-1");
        let case = Case::inbound(r#"<find-and-replace from="b" to="é" />"#);
        let run = case.header("content-type", latin).body("abc").run();
        assert_eq!(&run.cx.request.body.bytes().unwrap()[..], b"a\xe9c");
        assert_eq!(replace(b"\xff-\xfe", &[(b"-", b"+")]).unwrap().unwrap(), b"\xff+\xfe");
    }

    #[test]
    fn growth_is_bounded() {
        let body = "a".repeat(1 << 20);
        let policy =
            r#"<find-and-replace from="a" to="0123456789012345678901234567890123456789" />"#;
        let run = Case::inbound(policy).body(&body).run();
        assert_eq!(
            (run.status(), run.reason(), run.source()),
            (500, "BodyTooLarge", "find-and-replace")
        );
    }

    #[test]
    fn an_empty_text_is_not_found() {
        Case::inbound(r#"<find-and-replace from="" to="y" />"#)
            .refused("attribute `from` is empty");
        Case::inbound(r#"<find-and-replace from="x" />"#).refused("needs the attribute `to`");
        let run =
            Case::inbound(r#"<find-and-replace from="@(context.Request.Headers.GetValueOrDefault(&quot;x&quot;, &quot;&quot;))" to="y" />"#).body("x").run();
        assert_eq!(run.reason(), "ExpressionValueEvaluationFailure");
    }
}
