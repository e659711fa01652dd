//! `trace`: writes a message of the author's into the trace of the request and the gateway's log.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use tollgate_engine::ports::{Severity, TraceLine};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, TextDef, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "trace",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "source",
            required: true,
            doc: "What the message is from, in the author's words.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "severity",
            ty: AttributeType::Word(&["verbose", "information", "error"]),
            default: Some("verbose"),
            doc: "How much the message matters.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::ChildrenOrText(
        &[
            ChildDef {
                name: "message",
                content: Content::Text(MESSAGE),
                min: 1,
                max: 1,
                doc: "The message.",
                ..ChildDef::DEFAULT
            },
            ChildDef {
                name: "metadata",
                attributes: &[
                    AttributeDef {
                        name: "name",
                        required: true,
                        expression: true,
                        doc: "Name of a property.",
                        ..AttributeDef::DEFAULT
                    },
                    AttributeDef {
                        name: "value",
                        required: true,
                        expression: true,
                        doc: "Its value.",
                        ..AttributeDef::DEFAULT
                    },
                ],
                doc: "A property of the message.",
                ..ChildDef::DEFAULT
            },
        ],
        MESSAGE,
    ),
    docs: DOCS,
    compile,
};

const MESSAGE: TextDef = TextDef { ty: AttributeType::Text, required: true, expression: true };

const DOCS: &str = r#"Writes a message into the trace of the request and into the gateway's log. The response does not change.

```xml
<trace source="orders" severity="information">
    <message>@("Order of " + context.Subscription?.Name)</message>
    <metadata name="operation" value="@(context.Operation.Id)" />
</trace>
```

In the log, `error` is level `ERROR`, `information` level `INFO` and `verbose` level `DEBUG`, which is written when
`log.level` says `debug` or `tollgate::policy=debug`. The line has the fields `source`, `request_id`, `api`, `operation` and
`metadata`. Values of secrets are masked.

Differences from Azure:

- The log takes the place of Application Insights and of resource logs; the level of the log takes that of their verbosity.
- A message or value is cut after 32 KiB.
- `<trace source="orders">text</trace>` is taken too: an older form, in which the text is the message.
- In `on-error` it is allowed, as Azure's page on error handling says.
"#;

/// Bytes of a message, and of each name and value.
const LONGEST: usize = 32 * 1024;

#[derive(Debug)]
struct Trace {
    source: Arc<str>,
    severity: Severity,
    message: Value<Arc<str>>,
    metadata: Vec<Property>,
}

/// A name and a value of the message.
type Property = (Value<Arc<str>>, Value<Arc<str>>);

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let source = cx.literal(element, "source");
    let severity = match &*cx.literal::<Arc<str>>(element, "severity")? {
        "error" => Severity::Error,
        "information" => Severity::Information,
        _ => Severity::Verbose,
    };
    let message = cx.text(element.elements_named("message").next().unwrap_or(element));
    let mut metadata = Vec::new();
    for property in element.elements_named("metadata") {
        let (name, value) = (cx.attribute(property, "name"), cx.attribute(property, "value"));
        metadata.push(name.zip(value));
    }
    Some(Box::new(Trace {
        source: source?,
        severity,
        message: message?,
        metadata: metadata.into_iter().collect::<Option<Vec<_>>>()?,
    }))
}

impl Step for Trace {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        // Evaluated whether anybody listens or not: what an expression does must not depend on the log's level.
        let message = cut(self.message.eval(cx)?);
        let mut metadata = Vec::with_capacity(self.metadata.len());
        for (name, value) in &self.metadata {
            metadata.push((cut(name.eval(cx)?), cut(value.eval(cx)?)));
        }
        let (request_id, info) = (cx.client.request_id, &cx.route.info);
        let trace = &cx.ports.trace;
        if trace.enabled() {
            let text = cx.route.names.redact(&message);
            trace.message(request_id, &self.source, &with_properties(text, &metadata, cx));
        }
        if cx.ports.events.writes(self.severity) {
            cx.ports.events.write(&TraceLine {
                request_id,
                api: info.api.as_ref().map(|api| api.id.as_str()),
                operation: info.operation.as_ref().map(|operation| operation.id.as_str()),
                source: &self.source,
                severity: self.severity,
                message: &message,
                metadata: &metadata,
            });
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let metadata = self.metadata.iter().map(|(name, value)| name.facts().or(value.facts()));
        metadata.fold(self.message.facts(), Facts::or)
    }
}

/// The message as the trace of the request shows it.
fn with_properties<'a>(
    message: Cow<'a, str>,
    metadata: &[(Arc<str>, Arc<str>)],
    cx: &RequestCx,
) -> Cow<'a, str> {
    if metadata.is_empty() {
        return message;
    }
    let mut text = message.into_owned();
    for (name, value) in metadata {
        let value = cx.route.names.redact(value);
        // Writing to a string cannot fail.
        write!(text, " [{name}: {value}]").ok();
    }
    Cow::Owned(text)
}

/// The text up to the longest that is kept.
fn cut(text: Arc<str>) -> Arc<str> {
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(kept) if kept.len() < text.len() => kept.into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Case;

    #[test]
    fn messages_reach_the_trace_and_the_log() {
        let policy = r#"<trace source="mine"><message>plain</message></trace>
            <trace source="mine" severity="error"><message>@("of " + context.Request.Method)</message>
                <metadata name="a" value="1" /><metadata name="@("b" + 1)" value="@(1 + 1)" /></trace>"#;
        let run = Case::inbound(policy).run();
        assert_eq!(
            run.trace(),
            "mine: plain\nlog Verbose mine: plain\nmine: of GET [a: 1] [b1: 2]\nlog Error mine: of GET a=1 b1=2"
        );
        assert!(run.cx.response.unwrap().headers.is_empty());
    }

    #[test]
    fn text_alone_is_the_message() {
        let policy = r#"<trace source="old">plain</trace>
            <trace source="old" severity="information">@(context.Request.Method + "!")</trace>"#;
        assert_eq!(
            Case::inbound(policy).run().trace(),
            "old: plain\nlog Verbose old: plain\nold: GET!\nlog Information old: GET!"
        );
        Case::inbound(r#"<trace source="s">m<metadata name="n" value="v" /></trace>"#)
            .refused("text is not allowed in `trace`");
    }

    #[test]
    fn a_failing_expression_is_the_policy_s_error() {
        let policy = r#"<trace source="s"><message>@(((string)context.Variables["absent"]).Trim())</message></trace>"#;
        let run = Case::inbound(policy).run();
        assert_eq!((run.source(), run.reason()), ("trace", "ExpressionValueEvaluationFailure"));
    }

    #[test]
    fn long_texts_are_cut() {
        let long: Arc<str> = "é".repeat(LONGEST).into();
        let kept = cut(long);
        assert_eq!(kept.len(), LONGEST);
        assert_eq!(&*cut("short".into()), "short");
    }

    #[test]
    fn what_it_takes() {
        let refused = |policy: &str, why: &str| Case::inbound(policy).refused(why);
        refused("<trace><message>m</message></trace>", "needs the attribute `source`");
        refused(r#"<trace source="s" />"#, "`trace` needs a `message` element");
        refused(r#"<trace source="s"><message /></trace>"#, "`message` is empty");
        refused(
            r#"<trace source="s" severity="warning"><message>m</message></trace>"#,
            "expected one of `verbose`, `information`, `error`",
        );
        refused(
            r#"<trace source="@("s")"><message>m</message></trace>"#,
            "takes no policy expression",
        );
        refused(
            r#"<trace source="s"><message>m</message><metadata name="n" /></trace>"#,
            "`metadata` needs the attribute `value`",
        );
    }
}
