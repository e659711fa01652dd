//! `set-header`: adds, replaces, appends to or removes a header.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, DATE, EXPIRES, Entry, IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, PROXY_AUTHENTICATE, RETRY_AFTER, SET_COOKIE,
    TRANSFER_ENCODING, USER_AGENT, WARNING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, Message,
    PolicyDef, PolicyError, RequestCx, Scope, Section, Step, TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use crate::exists_action::{ExistsAction, WORDS};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-header",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "name",
            required: true,
            expression: true,
            doc: "Name of the header; case does not matter.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "exists-action",
            ty: AttributeType::Word(WORDS),
            expression: true,
            default: Some("override"),
            doc: "What to do when the header is there already.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[ChildDef {
        name: "value",
        content: Content::Text(TextDef {
            ty: AttributeType::Text,
            required: false,
            expression: true,
        }),
        doc: "One value; several make a header with several values.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Sets a header of the request (in `inbound` and `backend`) or of the response (in `outbound` and `on-error`); inside
`return-response`, of the response that it makes.

`override` replaces all values, `skip` leaves a header that is there, `append` adds values after those that are there,
`delete` removes the header. Several values become one line, separated by commas, but for `User-Agent`,
`WWW-Authenticate`, `Proxy-Authenticate`, `Cookie`, `Set-Cookie`, `Warning`, `Date`, `Expires`, `If-Modified-Since`,
`If-Unmodified-Since`, `Last-Modified` and `Retry-After`, which become a line for each value.

```xml
<set-header name="api-key" exists-action="override">
    <value>{{openai-api-key}}</value>
</set-header>
<set-header name="X-Correlation-Id" exists-action="skip">
    <value>@(context.RequestId.ToString())</value>
</set-header>
```

Differences from Azure:

- `Connection`, `Content-Length`, `Keep-Alive` and `Transfer-Encoding` cannot be changed, as in Azure; a literal name is
  a warning at load, and the step is skipped with a line in the trace.
- A value that HTTP does not allow, such as one with a line break, is an evaluation error (500), never sent.
- A null value is an empty value.
- A literal `exists-action` other than `delete` without any `value` is an error at load; from an expression it is an
  evaluation error.
- `Server` of the backend's response can be removed.
"#;

/// Names that describe the connection or the framing of a message; only the gateway knows what they must be.
const FRAMING: [HeaderName; 4] =
    [CONNECTION, CONTENT_LENGTH, HeaderName::from_static("keep-alive"), TRANSFER_ENCODING];

/// Names whose values are not joined with commas.
const SEPARATE_LINES: [HeaderName; 12] = [
    USER_AGENT,
    WWW_AUTHENTICATE,
    PROXY_AUTHENTICATE,
    COOKIE,
    SET_COOKIE,
    WARNING,
    DATE,
    EXPIRES,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    LAST_MODIFIED,
    RETRY_AFTER,
];

/// Text that a header may hold.
#[derive(Debug, Clone)]
struct HeaderText(HeaderValue);

impl Typed for HeaderText {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let value = HeaderValue::from_bytes(text.as_bytes());
        value
            .map(Self)
            .map_err(|_| "a header cannot hold a line break or other control character".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| {
            PolicyError::unfit_value(format!("The value is not one of a header: {why}."))
        })
    }
}

#[derive(Debug)]
struct SetHeader {
    message: Message,
    name: Value<HeaderName>,
    /// Whether the name is one that cannot be set, or is not known at load.
    may_be_framing: bool,
    action: Value<ExistsAction>,
    values: Vec<HeaderItem>,
}

#[derive(Debug)]
struct HeaderItem {
    value: Value<HeaderText>,
    /// Whether a secret is part of it, so that it never prints.
    secret: bool,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let name: Option<Value<HeaderName>> = cx.attribute(element, "name");
    let action: Option<Value<ExistsAction>> = cx.attribute(element, "exists-action");
    if let Some(Value::Literal(name)) = &name
        && FRAMING.contains(name)
        && let Some(attribute) = element.attribute("name")
    {
        cx.report(
            Diagnostic::new(
                Code::NO_EFFECT,
                format!("header `{name}` cannot be set"),
                attribute.value.span(),
            )
            .label("the gateway decides this header; the policy is skipped"),
        );
    }
    let mut values = Vec::new();
    let mut complete = true;
    for child in element.elements_named("value") {
        let Some(text) = child.text() else {
            values.push(HeaderItem {
                value: Value::Literal(HeaderText(HeaderValue::from_static(""))),
                secret: false,
            });
            continue;
        };
        let secret = text.text.has_secret();
        match cx.text::<HeaderText>(child) {
            Some(value) => values.push(HeaderItem { value: sensitive(value, secret), secret }),
            None => complete = false,
        }
    }
    let action = action?;
    let deletes = matches!(action, Value::Literal(ExistsAction::Delete) | Value::Expression(_));
    if values.is_empty() && complete && !deletes {
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                "`set-header` needs a `value` element",
                element.name_span,
            )
            .label("`value` is missing")
            .help("to remove the header write `exists-action=\"delete\"`"),
        );
        return None;
    }
    if !complete {
        return None;
    }
    let name = name?;
    let may_be_framing = name.literal().is_none_or(|name| FRAMING.contains(name));
    Some(Box::new(SetHeader { message: cx.message(), name, may_be_framing, action, values }))
}

fn sensitive(value: Value<HeaderText>, secret: bool) -> Value<HeaderText> {
    match value {
        Value::Literal(HeaderText(mut text)) => {
            text.set_sensitive(secret);
            Value::Literal(HeaderText(text))
        }
        expression @ Value::Expression(_) => expression,
    }
}

impl Step for SetHeader {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let name = self.name.eval(cx)?;
        let action = self.action.eval(cx)?;
        if self.may_be_framing && FRAMING.contains(&name) {
            if cx.ports.trace.enabled() {
                let message = format!("Header {name} cannot be set and is left as it is.");
                cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
            }
            return Ok(Flow::Continue);
        }
        let exists =
            |cx: &RequestCx| cx.headers(self.message).is_some_and(|it| it.contains_key(&name));
        match action {
            ExistsAction::Skip if exists(cx) => return Ok(Flow::Continue),
            ExistsAction::Delete => {
                if exists(cx) {
                    cx.headers_mut(self.message).remove(&name);
                }
                return Ok(Flow::Continue);
            }
            _ => {}
        }
        if self.values.is_empty() {
            return Err(PolicyError::unfit_value("There is no value to set."));
        }
        let mut values = SmallVec::<[HeaderValue; 2]>::new();
        for item in &self.values {
            let HeaderText(mut value) = item.value.eval(cx)?;
            value.set_sensitive(item.secret);
            values.push(value);
        }
        let headers = cx.headers_mut(self.message);
        if action == ExistsAction::Append {
            values.insert_many(0, headers.get_all(&name).iter().cloned());
        }
        store(headers, name, values);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let own = self.name.facts().or(self.action.facts());
        self.values.iter().fold(own, |facts, item| facts.or(item.value.facts()))
    }
}

/// Makes these the values of a header.
fn store(headers: &mut HeaderMap, name: HeaderName, values: SmallVec<[HeaderValue; 2]>) {
    if values.len() > 1 && !SEPARATE_LINES.contains(&name) {
        let bytes = values.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b","[..]);
        // What allowed bytes are joined of is allowed.
        if let Ok(mut joined) = HeaderValue::from_maybe_shared(Bytes::from(bytes)) {
            joined.set_sensitive(values.iter().any(HeaderValue::is_sensitive));
            headers.insert(name, joined);
            return;
        }
    }
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return };
    let mut lines = match headers.entry(name) {
        Entry::Occupied(mut lines) => {
            lines.insert(first);
            lines
        }
        Entry::Vacant(none) => none.insert_entry(first),
    };
    values.for_each(|value| lines.append(value));
}

#[cfg(test)]
mod tests;
