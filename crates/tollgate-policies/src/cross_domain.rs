//! `cross-domain`: serves the file in which old plug-ins look for permission to call.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeType, Body, CompileCx, Content, Flow, Limit, PolicyDef, PolicyError, RequestCx,
    Response, Scope, Section, Step, TextDef,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cross-domain",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &[Scope::Global],
    limit: Limit::Any,
    attributes: &[],
    content: Content::Raw(TextDef { ty: AttributeType::Text, required: false, expression: false }),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Serves `/crossdomain.xml`, in which Adobe Flash and Microsoft Silverlight looked for permission to call this host. The
element holds the file.

```xml
<cross-domain>
    <cross-domain-policy>
        <allow-http-request-headers-from domain="*" headers="*" />
    </cross-domain-policy>
</cross-domain>
```

Only `GET` and `HEAD` of exactly this path are answered, before anything else is asked of the request.

Differences from Azure:

- Only `/crossdomain.xml` is served, with `Content-Type: text/x-cross-domain-policy`; what else Azure answers is not
  documented.
- The content must begin with `cross-domain-policy`; what is inside is not checked against Adobe's specification.
"#;

/// Where plug-ins look.
const PATH: &str = "/crossdomain.xml";

#[derive(Debug)]
struct CrossDomain {
    file: Bytes,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let content = element.raw_content();
    let root = element.elements().next();
    if root.is_none_or(|root| root.name != "cross-domain-policy") || element.elements().count() > 1
    {
        let span = root.map_or(element.name_span, |root| root.name_span);
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                "`cross-domain` holds one `cross-domain-policy` element",
                span,
            )
            .label("expected `cross-domain-policy`"),
        );
        return None;
    }
    let file = format!("<?xml version=\"1.0\"?>\n{}\n", content.as_str().trim());
    Some(Box::new(CrossDomain { file: Bytes::from(file) }))
}

impl CrossDomain {
    fn answer(&self, cx: &mut RequestCx) -> Flow {
        let asks = matches!(cx.request.method, Method::GET | Method::HEAD);
        if !asks || cx.request.original_url.path != PATH {
            return Flow::Continue;
        }
        let mut response = Response::new(StatusCode::OK);
        let kind = HeaderValue::from_static("text/x-cross-domain-policy");
        response.headers.insert(CONTENT_TYPE, kind);
        response.body = Body::Replaced(self.file.clone());
        cx.response = Some(response);
        Flow::Return
    }
}

impl Step for CrossDomain {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(self.answer(cx))
    }

    fn unmatched(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(self.answer(cx))
    }
}

#[cfg(test)]
mod tests {
    use tollgate_engine::Scope;

    use crate::testing::Case;

    const POLICY: &str = r#"<cross-domain>
        <cross-domain-policy><site-control permitted-cross-domain-policies="none" /></cross-domain-policy></cross-domain>"#;

    #[test]
    fn only_its_path_is_answered() {
        let run = |url: &str| Case::inbound("<base />").wider(Scope::Global, POLICY).url(url).run();
        assert_eq!(
            run("/crossdomain.xml").body(),
            "<?xml version=\"1.0\"?>\n<cross-domain-policy><site-control permitted-cross-domain-policies=\"none\" /></cross-domain-policy>\n"
        );
        for url in ["/", "/CrossDomain.xml", "/a/crossdomain.xml"] {
            assert_eq!(run(url).body(), "", "{url}");
        }
    }

    #[test]
    fn it_is_global_and_holds_one_document() {
        Case::inbound(POLICY).refused("`cross-domain` is not allowed at operation scope");
        let global = |policy: &str| Case::inbound("<base />").wider(Scope::Global, policy);
        global("<cross-domain><a /></cross-domain>").refused("expected `cross-domain-policy`");
        global("<cross-domain />").refused("cross-domain");
    }
}
