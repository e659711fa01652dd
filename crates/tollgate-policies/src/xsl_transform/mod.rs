//! `xsl-transform`: transforms a body with a stylesheet of XSLT 1.0.

mod compile;
mod format_number;
mod number;
mod output;
mod pattern;
mod run;
mod style;
mod tree;
mod xpath;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Limit, Message, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, TextDef, Value,
};
use tollgate_expr::{EvalState, is_foreign_charset};

use self::style::Stylesheet;
use self::tree::{Name, Unread};
use self::xpath::Value as XPathValue;
use crate::message_body::{LIMITS, Rewrite, Rewriting, content_type, too_deep, unreadable};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "xsl-transform",
    sections: &[Section::Inbound, Section::Outbound],
    toolkit_sections: &[Section::OnError],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[],
    content: Content::Children(&[
        ChildDef {
            name: "parameter",
            attributes: &[
                AttributeDef {
                    name: "name",
                    doc: "Name of the parameter.",
                    ..AttributeDef::DEFAULT
                },
                AttributeDef {
                    name: "parameter-name",
                    doc: "The name, as Microsoft's statement of the policy spells the attribute.",
                    ..AttributeDef::DEFAULT
                },
            ],
            content: Content::Text(TextDef {
                ty: AttributeType::Text,
                required: false,
                expression: true,
            }),
            doc: "A parameter of the stylesheet: a text, number or bool.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "xsl:stylesheet",
            content: Content::Foreign,
            max: 1,
            doc: "The stylesheet.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "xsl:transform",
            content: Content::Foreign,
            max: 1,
            doc: "Another name of the stylesheet.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Transforms the body of the request (in `inbound`) or of the response (in `outbound` and `on-error`) with a stylesheet
of XSLT 1.0. `Content-Type` stays as it is, but for another character set than UTF-8.

```xml
<xsl-transform>
    <parameter name="user">@(context.Subscription.Id)</parameter>
    <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
        <xsl:output method="xml" omit-xml-declaration="yes" />
        <xsl:param name="user" />
        <xsl:template match="/">
            <orders user="{$user}">
                <xsl:apply-templates select="//order"><xsl:sort select="@id" data-type="number" /></xsl:apply-templates>
            </orders>
        </xsl:template>
        <xsl:template match="order"><order id="{@id}"><xsl:value-of select="name" /></order></xsl:template>
    </xsl:stylesheet>
</xsl-transform>
```

All of XSLT 1.0 and XPath 1.0 is there but `xsl:import`, `xsl:include`, `xsl:apply-imports` and `document()`, which would
read other documents; `node-set()` of Microsoft's and of EXSLT's extensions is there too.

Differences from Azure:

- The stylesheet is checked at load, expressions and names of templates, variables and functions included. Its element is
  written `xsl:stylesheet` or `xsl:transform`, and it may not come from a policy expression.
- The result is always UTF-8 and says so in its declaration, and in `Content-Type` where that named another character
  set, whatever `encoding` asks for. Empty elements are written
  `<a />`.
- `{{name}}` is a named value, also where XSLT takes `{{` for a brace; write `{'{'}` for one.
- An expression of a `parameter` that gives a bool or a number is one in the stylesheet; anything else is text.
- White space of the body is kept, as XSLT says, unless `xsl:strip-space` names the element. Texts are sorted without
  regard to case first and to language.
- `xsl:message` writes nowhere; with `terminate="yes"` it is an error of the request.
- A message without a body is left alone. A body that is not XML or has a document type is an error of the request (500,
  `XmlInvalid`), and so is one that nests deeper than 256 levels (`BodyTooDeep`), a transformation that fails, takes more
  than three million steps or nests too deep (`TransformationFailed`), and a result beyond 32 MiB (`BodyTooLarge`).
"#;

#[derive(Debug)]
struct XslTransform {
    message: Message,
    parameters: Vec<(Name, Value<tollgate_expr::Value>)>,
    stylesheet: Arc<Stylesheet>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut parameters = Vec::new();
    let mut is_complete = true;
    for child in element.elements_named("parameter") {
        let parameter = parameter(child, cx);
        is_complete = is_complete && parameter.is_some();
        parameters.extend(parameter);
    }
    let mut sheets = element
        .elements()
        .filter(|it| matches!(it.name.as_str(), "xsl:stylesheet" | "xsl:transform"));
    let Some(sheet) = sheets.next() else {
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                "`xsl-transform` needs a `xsl:stylesheet` element",
                element.name_span,
            )
            .label("the stylesheet is missing"),
        );
        return None;
    };
    let stylesheet = Arc::new(compile::compile(sheet, cx)?);
    for child in element.elements_named("parameter") {
        unused(child, &stylesheet, cx);
    }
    let step = XslTransform { message: cx.message(), parameters, stylesheet };
    is_complete.then(|| Box::new(Rewriting(step)) as Box<dyn Step>)
}

fn parameter(
    element: &Element,
    cx: &mut CompileCx<'_>,
) -> Option<(Name, Value<tollgate_expr::Value>)> {
    let attribute = element.attribute("name").or_else(|| element.attribute("parameter-name"));
    let Some(attribute) = attribute else {
        cx.report(
            Diagnostic::new(
                Code::MISSING_ATTRIBUTE,
                "`parameter` needs the attribute `name`",
                element.name_span,
            )
            .label("`name` is missing"),
        );
        return None;
    };
    let name = Name::new("", attribute.value.as_str().trim());
    let value = if element.text().is_some() {
        cx.text(element)?
    } else {
        Value::Literal(tollgate_expr::Value::from(""))
    };
    Some((name, value))
}

/// Says that the stylesheet has no such parameter.
fn unused(element: &Element, stylesheet: &Stylesheet, cx: &mut CompileCx<'_>) {
    let attribute = element.attribute("name").or_else(|| element.attribute("parameter-name"));
    let Some(attribute) = attribute else { return };
    let name = attribute.value.as_str().trim();
    let parameters = stylesheet.globals.iter().filter(|global| global.is_parameter);
    let names: Vec<&str> = parameters.map(|global| &*global.binding.name.local).collect();
    if !names.contains(&name) {
        cx.report(
            Diagnostic::new(
                Code::SUSPICIOUS,
                format!("the stylesheet has no parameter `{name}`"),
                attribute.value.span(),
            )
            .label("nothing reads it")
            .suggest(tollgate_diagnostics::closest(name, names)),
        );
    }
}

impl Rewrite for XslTransform {
    type Settings = Vec<(Name, XPathValue)>;

    fn message(&self) -> Message {
        self.message
    }

    fn facts(&self) -> Facts {
        self.parameters.iter().fold(Facts::default(), |facts, (_, value)| facts.or(value.facts()))
    }

    fn settings(&self, cx: &mut RequestCx) -> Result<Option<Self::Settings>, PolicyError> {
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for (name, value) in &self.parameters {
            let value = value.eval(cx)?;
            let value = match (value.as_bool(), value.as_double()) {
                (Some(value), _) => XPathValue::Bool(value),
                (None, Some(number)) => XPathValue::Number(number),
                (None, None) => {
                    let text = value.to_text(&cx.eval);
                    let text = text.map_err(|exception| PolicyError::expression(&exception))?;
                    XPathValue::text(text.unwrap_or_default())
                }
            };
            parameters.push((name.clone(), value));
        }
        Ok(Some(parameters))
    }

    fn rewrite(
        &self,
        cx: &mut RequestCx,
        body: Bytes,
        parameters: Self::Settings,
    ) -> Result<(), PolicyError> {
        let text = tollgate_expr::xml_body_text(&body, content_type(cx.headers(self.message)));
        let mut state = EvalState::new(LIMITS);
        let style = &*self.stylesheet;
        let keeps = |name: &Name| style.keeps_space(name);
        let source = tree::read(&mut state, &text, &keeps).map_err(|why| match why {
            Unread::TooDeep => too_deep(),
            Unread::Failed(exception) => unreadable("XmlInvalid", &exception),
        })?;
        let result = run::transform(style, source, parameters)?;
        let text = output::write(&result, &style.output)?;
        cx.set_body(self.message, text.into());
        let headers = cx.headers_mut(self.message);
        // Another character set was the old body's.
        if let Some(written) = content_type(Some(headers)).filter(|it| is_foreign_charset(it)) {
            let essence = written.split(';').next().unwrap_or("").trim();
            if let Ok(value) = HeaderValue::from_str(&format!("{essence}; charset=utf-8")) {
                headers.insert(CONTENT_TYPE, value);
            }
        }
        Ok(())
    }
}

impl Stylesheet {
    /// Whether white space alone in an element of the source is kept.
    fn keeps_space(&self, name: &Name) -> bool {
        let fits = |test: &xpath::Test| match test {
            xpath::Test::Any => true,
            xpath::Test::InNamespace(namespace) => name.namespace == *namespace,
            xpath::Test::Name(own) => own == name,
            _ => false,
        };
        self.spaces.iter().find(|space| fits(&space.test)).is_none_or(|space| space.keeps)
    }
}
