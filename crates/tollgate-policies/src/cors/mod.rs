//! `cors`: answers preflights and lets scripts of other sites read responses.

mod docs;
mod origin;
#[cfg(test)]
mod tests;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Response, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use origin::{AllowedOrigin, Origin};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "cors",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[
        AttributeDef {
            name: "allow-credentials",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("false"),
            doc: "Whether scripts may send cookies and other credentials.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "terminate-unmatched-request",
            ty: AttributeType::Bool,
            expression: true,
            default: Some("true"),
            doc: "Whether a request that this policy does not allow ends here, with an empty 200.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[
        ChildDef {
            name: "allowed-origins",
            content: Content::Children(&[ChildDef {
                name: "origin",
                min: 1,
                content: TEXT,
                doc: "`*`, or scheme, host and port of a site; the port is that of the scheme when it is left out.",
                ..ChildDef::DEFAULT
            }]),
            min: 1,
            max: 1,
            doc: "Sites whose scripts may call.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "allowed-methods",
            attributes: &[AttributeDef {
                name: "preflight-result-max-age",
                ty: AttributeType::Int { min: 0, max: i64::MAX },
                expression: true,
                default: Some("0"),
                doc: "For how many seconds browsers may remember the answer to a preflight.",
                ..AttributeDef::DEFAULT
            }],
            content: Content::Children(&[ChildDef {
                name: "method",
                min: 1,
                content: TEXT,
                doc: "A method, or `*` for all.",
                ..ChildDef::DEFAULT
            }]),
            max: 1,
            doc: "Methods that scripts may use; `GET` and `POST` when it is left out.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "allowed-headers",
            content: HEADERS,
            max: 1,
            doc: "Headers that scripts may set besides those that the Fetch standard always allows.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "expose-headers",
            content: HEADERS,
            max: 1,
            doc: "Headers of the response that scripts may read.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: docs::DOCS,
    compile,
};

const TEXT: Content =
    Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: true });

const HEADERS: Content = Content::Children(&[ChildDef {
    name: "header",
    min: 1,
    content: TEXT,
    doc: "Name of a header, or `*` for all.",
    ..ChildDef::DEFAULT
}]);

#[derive(Debug)]
struct Cors {
    credentials: Value<bool>,
    terminate: Value<bool>,
    max_age: Value<i64>,
    origins: Vec<Value<AllowedOrigin>>,
    methods: Vec<Value<OneOrAll<Method>>>,
    headers: Vec<Value<OneOrAll<HeaderName>>>,
    exposed: Vec<Value<OneOrAll<HeaderName>>>,
}

/// A name, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OneOrAll<T> {
    One(T),
    All,
}

impl<T: Typed> Typed for OneOrAll<T> {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" { Ok(Self::All) } else { T::parse(text).map(Self::One) }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        match value.as_str().map(str::trim) {
            Some("*") => Ok(Self::All),
            _ => T::from_value(value, state).map(Self::One),
        }
    }
}

/// Says that a `cors` policy of a wider or narrower scope has allowed this request.
#[derive(Debug, Clone, Copy)]
struct Allowed;

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    if cx.is_nested() {
        let message = "`cors` inside another policy is not asked about preflights";
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, message, element.name_span)
                .label("not directly in `inbound`")
                .help("let an expression in `origin` decide instead of a condition around it"),
        );
    }
    let credentials: Option<Value<bool>> = cx.attribute(element, "allow-credentials");
    let terminate = cx.attribute(element, "terminate-unmatched-request");
    let origins = texts(element, "allowed-origins", cx);
    origin::check(element, credentials.as_ref().and_then(|it| it.literal().copied()), cx);
    let list = element.elements_named("allowed-methods").next();
    let methods = if list.is_some() {
        texts(element, "allowed-methods", cx)
    } else {
        let default = [Method::GET, Method::POST];
        Some(default.map(|method| Value::Literal(OneOrAll::One(method))).into())
    };
    let max_age = match list {
        Some(list) => cx.attribute(list, "preflight-result-max-age"),
        None => Some(Value::Literal(0)),
    };
    let headers = texts(element, "allowed-headers", cx);
    let exposed = texts(element, "expose-headers", cx);
    Some(Box::new(Cors {
        credentials: credentials?,
        terminate: terminate?,
        max_age: max_age?,
        origins: origins?,
        methods: methods?,
        headers: headers?,
        exposed: exposed?,
    }))
}

/// The texts inside a list; nothing when one of them is wrong.
fn texts<T: Typed>(element: &Element, list: &str, cx: &mut CompileCx<'_>) -> Option<Vec<Value<T>>> {
    let children = element.elements_named(list).flat_map(Element::elements);
    let found: Vec<Option<Value<T>>> = children.map(|child| cx.text(child)).collect();
    found.into_iter().collect()
}

impl Cors {
    /// What `Access-Control-Allow-Origin` says to this site; `None` when it is not allowed.
    fn allow(
        &self,
        cx: &mut RequestCx,
        asking: &HeaderValue,
        credentials: bool,
    ) -> Result<Option<HeaderValue>, PolicyError> {
        let site = asking.to_str().ok().and_then(Origin::read);
        for origin in &self.origins {
            match origin.eval(cx)? {
                // With credentials browsers do not take `*`.
                AllowedOrigin::Any if credentials => return Ok(Some(asking.clone())),
                AllowedOrigin::Any => return Ok(Some(HeaderValue::from_static("*"))),
                AllowedOrigin::Site(known) if site.as_ref() == Some(&known) => {
                    return Ok(Some(asking.clone()));
                }
                AllowedOrigin::Site(_) | AllowedOrigin::Never => {}
            }
        }
        Ok(None)
    }

    /// The methods to answer with, when the one asked for is among them.
    fn methods(
        &self,
        cx: &mut RequestCx,
        asked: &Method,
    ) -> Result<Option<HeaderValue>, PolicyError> {
        let mut names: Vec<String> = Vec::with_capacity(self.methods.len());
        let mut found = false;
        for method in &self.methods {
            match method.eval(cx)? {
                OneOrAll::All => return Ok(HeaderValue::from_str(asked.as_str()).ok()),
                OneOrAll::One(method) => {
                    found |= method == *asked;
                    names.push(method.as_str().to_owned());
                }
            }
        }
        Ok(if found { HeaderValue::from_str(&names.join(",")).ok() } else { None })
    }

    /// The headers to answer with, when all that are asked for are among them.
    fn headers(
        &self,
        cx: &mut RequestCx,
        asked: &[HeaderName],
    ) -> Result<Option<HeaderValue>, PolicyError> {
        let mut known = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            match header.eval(cx)? {
                OneOrAll::All => return Ok(Some(list(asked))),
                OneOrAll::One(header) => known.push(header),
            }
        }
        Ok(asked.iter().all(|header| known.contains(header)).then(|| list(&known)))
    }

    /// The answer to a preflight that is allowed.
    fn preflight(&self, cx: &mut RequestCx) -> Result<Option<Response>, PolicyError> {
        let Some(Preflight { origin, method: Some(method), headers: Some(headers) }) =
            Preflight::read(cx)
        else {
            return Ok(None);
        };
        let credentials = self.credentials.eval(cx)?;
        let Some(allowed) = self.allow(cx, &origin, credentials)? else { return Ok(None) };
        let Some(methods) = self.methods(cx, &method)? else { return Ok(None) };
        let Some(headers) = self.headers(cx, &headers)? else { return Ok(None) };
        let max_age = self.max_age.eval(cx)?.max(0);
        let mut answer = Response::new(StatusCode::OK);
        let lines = &mut answer.headers;
        lines.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if !headers.is_empty() {
            lines.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        lines.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(max_age));
        if credentials {
            lines.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if allowed != "*" {
            lines.insert(VARY, HeaderValue::from_static("Origin"));
        }
        lines.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        Ok(Some(answer))
    }

    /// Puts on the response, whoever makes it, what lets the script read it.
    fn open_response(
        &self,
        cx: &mut RequestCx,
        allowed: HeaderValue,
        credentials: bool,
    ) -> Result<(), PolicyError> {
        let mut exposed = Vec::with_capacity(self.exposed.len());
        let mut all = false;
        for header in &self.exposed {
            match header.eval(cx)? {
                OneOrAll::All => all = true,
                OneOrAll::One(header) => exposed.push(header),
            }
        }
        let finally = &mut cx.finally;
        if allowed != "*" {
            finally.add_header(VARY, HeaderValue::from_static("Origin"));
        }
        finally.set_header(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if credentials {
            let yes = HeaderValue::from_static("true");
            finally.set_header(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if all {
            finally.set_header(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        } else if !exposed.is_empty() {
            finally.set_header(ACCESS_CONTROL_EXPOSE_HEADERS, list(&exposed));
        }
        Ok(())
    }
}

impl Step for Cors {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(origin) = cx.request.headers.get(ORIGIN).cloned() else {
            return Ok(Flow::Continue);
        };
        if cx.extensions.get::<Allowed>().is_some() {
            return Ok(Flow::Continue);
        }
        let credentials = self.credentials.eval(cx)?;
        match self.allow(cx, &origin, credentials)? {
            Some(allowed) => {
                self.open_response(cx, allowed, credentials)?;
                cx.extensions.insert(Allowed);
                Ok(Flow::Continue)
            }
            None if self.terminate.eval(cx)? => {
                cx.response = Some(Response::new(StatusCode::OK));
                Ok(Flow::Return)
            }
            None => Ok(Flow::Continue),
        }
    }

    fn unmatched(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        // Of a path that is no API's nothing may be said, and other requests are not ours to answer.
        if cx.route.info.api.is_none() || Preflight::read(cx).is_none() {
            return Ok(Flow::Continue);
        }
        if let Some(answer) = self.preflight(cx)? {
            cx.response = Some(answer);
            return Ok(Flow::Return);
        }
        cx.response = Some(Response::new(StatusCode::OK));
        Ok(if self.terminate.eval(cx)? { Flow::Return } else { Flow::Continue })
    }

    fn facts(&self) -> Facts {
        let own = self.credentials.facts().or(self.terminate.facts()).or(self.max_age.facts());
        let own = self.origins.iter().fold(own, |facts, it| facts.or(it.facts()));
        let own = self.methods.iter().fold(own, |facts, it| facts.or(it.facts()));
        self.headers.iter().chain(&self.exposed).fold(own, |facts, it| facts.or(it.facts()))
    }
}

/// What a browser asks before it lets a script make a request.
struct Preflight {
    origin: HeaderValue,
    /// `None` when what is asked for can be no method; so no policy allows it.
    method: Option<Method>,
    /// Likewise for names of headers.
    headers: Option<Vec<HeaderName>>,
}

impl Preflight {
    /// `None` when the request is not one.
    fn read(cx: &RequestCx) -> Option<Self> {
        let lines = &cx.request.headers;
        if cx.request.method != Method::OPTIONS {
            return None;
        }
        let origin = lines.get(ORIGIN)?.clone();
        let method = lines.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let method = Method::from_bytes(method.as_bytes()).ok();
        let headers = lines
            .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty())
            .map(|name| HeaderName::from_bytes(name).ok())
            .collect();
        Some(Self { origin, method, headers })
    }
}

fn list(names: &[HeaderName]) -> HeaderValue {
    let joined = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(",");
    // Names of headers are fit for a value.
    HeaderValue::from_str(&joined).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A finding about the policy as a whole.
fn insecure(element: &Element, message: &str, label: &str) -> Diagnostic {
    Diagnostic::new(Code::INSECURE, message, element.name_span).label(label)
}
