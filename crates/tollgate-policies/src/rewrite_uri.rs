//! `rewrite-uri`: replaces path and query of the request that goes to the backend.

use std::fmt::Write as _;
use std::sync::Arc;

use http::StatusCode;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tollgate_diagnostics::{Code, Diagnostic, Span, closest};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};

use crate::query;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "rewrite-uri",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "template",
            required: true,
            expression: true,
            doc: "Path below the backend's base URL, with a query if wanted; `{name}` stands for a template parameter of the operation.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "copy-unmatched-params",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether query parameters that the operation's template does not name are kept.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Replaces path and query of the request that goes to the backend. `{name}` in the template stands for the value of a
template parameter of the operation. Query parameters that the operation's own template does not name are added unless
the new query has them; `copy-unmatched-params="false"` drops them.

```xml
<rewrite-uri template="/v2/orders?view=full" copy-unmatched-params="false" />
```

Differences from Azure:

- A `{name}` that the operation does not have is an error at load where the operation is known, else an error of the
  request (500). Braces in the result of an expression stay as they are when they name no parameter.
- Parameters are encoded where they are put. One that would make a dot segment of the path is refused with 400.
- What a URL cannot hold (white space, control characters, quotes, text beyond ASCII) is encoded; the rest of a template
  stays as written. A missing leading slash is added.
- A wildcard of the operation's template is not appended by itself.
"#;

/// What cannot stand in a path or query as itself.
const NOT_IN_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'#');

/// What cannot stand in a path segment that came from a parameter.
const NOT_IN_SEGMENT: &AsciiSet = &NOT_IN_URL.add(b'%').add(b'?').add(b';');

/// … of a single segment.
const NOT_IN_SEGMENT_NOR_SLASH: AsciiSet = NOT_IN_SEGMENT.add(b'/');

#[derive(Debug)]
struct RewriteUri {
    template: Value<Arc<str>>,
    /// Whether the author wrote an expression: braces in its result need not be parameters.
    computed: bool,
    copy: Value<bool>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let written = element.attribute("template").map(|attribute| &attribute.value);
    let computed = written.is_some_and(|value| value.is_expression);
    let template: Option<Value<Arc<str>>> = cx.attribute(element, "template");
    let copy = cx.attribute(element, "copy-unmatched-params");
    if let (Some(Value::Literal(text)), Some(written), false) = (&template, written, computed) {
        check_template(cx, text, written.span())?;
    }
    Some(Box::new(RewriteUri { template: template?, computed, copy: copy? }))
}

/// Reports what a template cannot be. Nothing when it is not even a path.
fn check_template(cx: &mut CompileCx<'_>, text: &str, span: Span) -> Option<()> {
    if text.starts_with("http://") || text.starts_with("https://") {
        cx.report(
            Diagnostic::new(Code::INVALID_VALUE, "`template` is a path, not a URL", span)
                .label("expected a path such as `/v2/orders`")
                .help("use `set-backend-service` for the host"),
        );
        return None;
    }
    let known = cx.template_parameters().map(<[String]>::to_vec);
    for name in placeholders(text).filter_map(Result::ok) {
        let Some(known) = &known else { break };
        if !known.iter().any(|parameter| bare(parameter) == name) {
            let message = format!("the operation has no template parameter `{name}`");
            cx.report(
                Diagnostic::new(Code::INVALID_VALUE, message, span)
                    .label("not in the operation's URL template")
                    .suggest(closest(name, known.iter().map(|parameter| bare(parameter)))),
            );
        }
    }
    Some(())
}

/// A parameter's name; a wildcard is written `*name`.
fn bare(name: &str) -> &str {
    name.trim_start_matches('*')
}

/// The pieces of a template: text as `Err`, names of parameters as `Ok`.
fn placeholders(template: &str) -> impl Iterator<Item = Result<&str, &str>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('{')
            && let Some((name, after)) = inside.split_once('}')
            && !name.contains(['{', '/', '?'])
        {
            rest = after;
            return Some(Ok(bare(name)));
        }
        let skip = usize::from(rest.starts_with('{'));
        let end = rest
            .get(skip..)
            .and_then(|text| text.find('{'))
            .map_or(rest.len(), |found| found + skip);
        let (text, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(Err(text))
    })
}

impl Step for RewriteUri {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let template = self.template.eval(cx)?;
        let copy = self.copy.eval(cx)?;
        let strict = !self.computed;
        let (path, new_query) = template.split_once('?').unwrap_or((&template, ""));
        let parameters = &cx.route.matched_parameters;
        let operation = cx.route.info.operation.as_deref();
        let own = operation.map_or("", |operation| operation.url_template.as_str());
        let mut path = fill(path, parameters, strict, Place::Path { own })?;
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        let mut new_query = fill(new_query, parameters, strict, Place::Query)?;
        if copy {
            let declared = own.split_once('?').map_or("", |(_, query)| query);
            let set: Vec<_> =
                query::parameters(&new_query).map(|p| query::name(p).into_owned()).collect();
            let is_declared =
                |name: &str| query::parameters(declared).any(|p| query::name(p) == name);
            for parameter in query::parameters(&cx.request.uri.query) {
                let name = query::name(parameter);
                if !is_declared(&name) && !set.iter().any(|known| *known == *name) {
                    query::push(&mut new_query, parameter);
                }
            }
        }
        cx.request.uri.path = path;
        cx.request.uri.query = new_query;
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.template.facts().or(self.copy.facts())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// With the operation's own template, which says what the rest of a path is.
    Path {
        own: &'a str,
    },
    Query,
}

/// Whether a parameter is the rest of a path, whose slashes separate segments.
fn is_rest(place: Place<'_>, name: &str) -> bool {
    let Place::Path { own } = place else { return false };
    name == "*" || name.is_empty() || own.contains(&format!("{{*{name}}}"))
}

/// The template with the parameters filled in, encoded.
fn fill(
    template: &str,
    parameters: &[(String, String)],
    strict: bool,
    place: Place<'_>,
) -> Result<String, PolicyError> {
    let mut filled = String::with_capacity(template.len());
    for piece in placeholders(template) {
        // Writing to a string cannot fail.
        let _ok = match piece {
            Err(text) => write!(filled, "{}", utf8_percent_encode(text, NOT_IN_URL)),
            Ok(name) => match parameters.iter().find(|(known, _)| bare(known) == name) {
                Some((_, value)) if place == Place::Query => {
                    write!(filled, "{}", query::encode(value))
                }
                Some((_, value)) => {
                    if value.split('/').any(|segment| segment == "." || segment == "..") {
                        let message = format!("Template parameter {name} would change the path.");
                        return Err(PolicyError::refused(
                            "RewriteUriFailed",
                            message,
                            StatusCode::BAD_REQUEST,
                        )
                        .client_message("Bad Request"));
                    }
                    // The rest of a path keeps its slashes; one inside a segment stays inside it.
                    let unsafe_here = if is_rest(place, name) {
                        NOT_IN_SEGMENT
                    } else {
                        &NOT_IN_SEGMENT_NOR_SLASH
                    };
                    write!(filled, "{}", utf8_percent_encode(value, unsafe_here))
                }
                None if strict => {
                    let message = format!("The operation has no template parameter {name}.");
                    return Err(PolicyError::internal("RewriteUriFailed", message));
                }
                None => write!(filled, "%7B{}%7D", utf8_percent_encode(name, NOT_IN_URL)),
            },
        };
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    fn case(template: &str, copy: &str) -> Case {
        let policy =
            format!(r#"<rewrite-uri template="{template}" copy-unmatched-params="{copy}" />"#);
        Case::inbound(&policy)
            .operation("/get/{store}/{*rest}?a={b}")
            .url("/get/s%201/x/y?a=b&c=d&e")
            .matched(&[("store", "s 1"), ("rest", "x/y%"), ("b", "b&")])
    }

    fn check(template: &str, copy: &str, path: &str, query: &str) {
        let run = case(template, copy).run();
        let uri = &run.cx.request.uri;
        assert_eq!((uri.path.as_str(), uri.query.as_str()), (path, query), "{template}");
    }

    #[test]
    fn parameters_and_queries() {
        check("/put", "true", "/put", "c=d&e");
        check("/put", "false", "/put", "");
        check("put?", "true", "/put", "c=d&e");
        check("/put?c=1", "true", "/put", "c=1&e");
        check("/put?x={b}&amp;a=1", "true", "/put", "x=b%26&a=1&c=d&e");
        check("/{store}/{rest}", "false", "/s%201/x/y%25", "");
        let inside = case("/{store}", "false").matched(&[("store", "a/b")]).run();
        assert_eq!(inside.cx.request.uri.path, "/a%2Fb");
        check("/{*rest}", "@(1 == 2)", "/x/y%25", "");
        check("", "false", "/", "");
        check("/a b\u{e9}&quot;", "false", "/a%20b%C3%A9%22", "");
    }

    #[test]
    fn expressions() {
        check(r#"@("/v" + "2?x=1")"#, "true", "/v2", "x=1&c=d&e");
        check(r#"@("/{st" + "ore}/{no" + "ne}")"#, "false", "/s%201/%7Bnone%7D", "");
        check(r#"@("/a\r\nHost: " + "b")"#, "false", "/a%0D%0AHost:%20b", "");
        check(r#"@("https://evil.example/" + "x")"#, "false", "/https://evil.example/x", "");
    }

    #[test]
    fn unknown_parameters_are_refused() {
        case("/{stroe}", "true")
            .template_parameters(&["store", "*rest", "b"])
            .refused("did you mean `store`");
        let run = case("/{none}", "true").run();
        assert_eq!((run.status(), run.reason()), (500, "RewriteUriFailed"));
        case("https://host/path", "true").refused("is a path, not a URL");
    }

    #[test]
    fn parameters_cannot_climb() {
        let run = case("/a/{b}", "true").matched(&[("b", "../admin")]).run();
        assert_eq!((run.status(), run.reason()), (400, "RewriteUriFailed"));
    }
}
