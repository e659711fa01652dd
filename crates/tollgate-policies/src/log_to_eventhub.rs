//! `log-to-eventhub`: sends an event to a logger of the configuration.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::ports::{Event, EventLogger, Partition};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, TextDef, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "log-to-eventhub",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &[Scope::Global, Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "logger-id",
            required: true,
            expression: true,
            doc: "Logger of the configuration, by its name in `[loggers]`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "partition-id",
            doc: "Partition that the event goes to.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "partition-key",
            expression: true,
            doc: "Key of which all events go to the same partition.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: true }),
    docs: DOCS,
    compile,
};

/// Bytes of an event; Azure documents 200 KB.
const LONGEST: usize = 200 * 1024;

const DOCS: &str = r#"Sends its text as an event to a logger. The request does not wait for it: when events come faster than the logger takes
them, they are dropped and counted in `tollgate_events_dropped_total`.

```xml
<log-to-eventhub logger-id="audit" partition-key="@(context.Subscription?.Id ?? "-")">
    @(string.Join(",", DateTime.UtcNow, context.RequestId, context.Request.IpAddress, context.Operation?.Name))
</log-to-eventhub>
```

`[loggers.audit]` in `tollgate.toml` says where its events go: `kind = "file"` appends lines of JSON to a file outside the policy directory, `http` posts
them, `otlp` sends them to an OpenTelemetry collector as log records. An event is cut after 200 KB.

Differences from Azure:

- Events go to files, HTTP or OpenTelemetry. `partition-id` and `partition-key` are fields of the line or record.
- `logger-id` may be an expression, with a warning. When the logger does not exist then, the event is dropped, and the trace says
  so.
- Values of secrets in an event are not masked, as in Azure: an event may have to carry them.
"#;

struct LogToEventhub {
    logger: Logger,
    partition: PartitionOf,
    text: Value<Arc<str>>,
}

impl fmt::Debug for LogToEventhub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogToEventhub").field("text", &self.text).finish_non_exhaustive()
    }
}

enum Logger {
    Known(Arc<dyn EventLogger>),
    Expression(Value<Arc<str>>),
}

enum PartitionOf {
    Any,
    Id(Arc<str>),
    Key(Value<Arc<str>>),
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let logger = logger(element, cx);
    let partition = partition(element, cx);
    let text = cx.text(element);
    Some(Box::new(LogToEventhub { logger: logger?, partition: partition?, text: text? }))
}

fn logger(element: &Element, cx: &mut CompileCx<'_>) -> Option<Logger> {
    let attribute = element.attribute("logger-id")?;
    let id: Value<Arc<str>> = cx.attribute(element, "logger-id")?;
    let span = attribute.value.span();
    if let Some(id) = id.literal() {
        if attribute.value.is_opaque || !cx.check_logger(id, span) {
            return None;
        }
        return cx.names().logger(id).map(Logger::Known);
    }
    cx.report(
        Diagnostic::new(Code::TOOLKIT_ONLY, "an expression as `logger-id` is not documented", span)
            .label("Microsoft's documents ask for a literal"),
    );
    Some(Logger::Expression(id))
}

fn partition(element: &Element, cx: &mut CompileCx<'_>) -> Option<PartitionOf> {
    let key = element.attribute("partition-key");
    match (element.attribute("partition-id"), key) {
        (None, None) => Some(PartitionOf::Any),
        (Some(_), None) => cx.literal(element, "partition-id").map(PartitionOf::Id),
        (None, Some(_)) => cx.attribute(element, "partition-key").map(PartitionOf::Key),
        (Some(_), Some(key)) => {
            let message = "`partition-id` and `partition-key` exclude each other";
            cx.report(
                Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, key.name_span)
                    .label("one of the two is enough"),
            );
            None
        }
    }
}

impl Step for LogToEventhub {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let partition = match &self.partition {
            PartitionOf::Any => Partition::Any,
            PartitionOf::Id(id) => Partition::Id(Arc::clone(id)),
            PartitionOf::Key(key) => Partition::Key(key.eval(cx)?),
        };
        let text = self.text.eval(cx)?;
        let kept = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
        let event = Event {
            request_id: cx.client.request_id,
            ticks: cx.ports.clock.ticks(),
            partition,
            body: Bytes::copy_from_slice(kept.as_bytes()),
        };
        match &self.logger {
            Logger::Known(logger) => logger.send(event),
            Logger::Expression(id) => {
                let id = id.eval(cx)?;
                match cx.route.names.logger(&id) {
                    Some(logger) => logger.send(event),
                    None if cx.ports.trace.enabled() => {
                        let message = format!("there is no logger `{id}`; the event is dropped");
                        let request = cx.client.request_id;
                        cx.ports.trace.message(
                            request,
                            POLICY.name,
                            &cx.route.names.redact(&message),
                        );
                    }
                    None => {}
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let partition = match &self.partition {
            PartitionOf::Key(key) => key.facts(),
            PartitionOf::Any | PartitionOf::Id(_) => Facts::default(),
        };
        let logger = match &self.logger {
            Logger::Expression(id) => id.facts(),
            Logger::Known(_) => Facts::default(),
        };
        self.text.facts().or(partition).or(logger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Case;

    fn sent(attributes: &str, text: &str) -> String {
        let policy = format!("<log-to-eventhub {attributes}>{text}</log-to-eventhub>");
        Case::inbound(&policy).loggers(&["audit"]).run().trace()
    }

    #[test]
    fn events_reach_their_logger() {
        let audit = r#"logger-id="audit""#;
        assert_eq!(sent(audit, "plain"), "event Any plain");
        assert_eq!(sent(audit, r#"@(context.Request.Method + 1)"#), "event Any GET1");
        assert_eq!(sent(&format!(r#"{audit} partition-id="3""#), "x"), r#"event Id("3") x"#);
        assert_eq!(sent(&format!(r#"{audit} partition-key="k""#), "x"), r#"event Key("k") x"#);
        let key = format!(r#"{audit} partition-key="@(context.Request.Method)""#);
        assert_eq!(sent(&key, "x"), r#"event Key("GET") x"#);
        assert_eq!(sent(r#"logger-id="@("au" + "dit")""#, "x"), "event Any x");
        let dropped = "log-to-eventhub: there is no logger `GET`; the event is dropped";
        assert_eq!(sent(r#"logger-id="@(context.Request.Method)""#, "x"), dropped);
    }

    #[test]
    fn long_events_are_cut() {
        let text = sent(r#"logger-id="audit""#, "@(new string('é', 150000))");
        assert_eq!(text.len() - "event Any ".len(), LONGEST);
    }

    #[test]
    fn a_failing_expression_is_the_policy_s_error() {
        let policy = r#"<log-to-eventhub logger-id="audit">@(((string)context.Variables["absent"]).Trim())</log-to-eventhub>"#;
        let run = Case::inbound(policy).loggers(&["audit"]).run();
        assert_eq!(
            (run.source(), run.reason()),
            ("log-to-eventhub", "ExpressionValueEvaluationFailure")
        );
    }

    #[test]
    fn what_it_takes() {
        let case = |attributes: &str, text: &str| {
            let policy = format!("<log-to-eventhub {attributes}>{text}</log-to-eventhub>");
            Case::inbound(&policy).loggers(&["audit"])
        };
        case("", "x").refused("needs the attribute `logger-id`");
        case(r#"logger-id="audit""#, "").refused("`log-to-eventhub` is empty");
        case(r#"logger-id="audti""#, "x").refused("did you mean `audit`?");
        case(r#"logger-id="audit" partition-id="1" partition-key="k""#, "x")
            .refused("exclude each other");
        case(r#"logger-id="audit" partition-id="@("1")""#, "x")
            .refused("takes no policy expression");
        case(r#"logger-id="@("audit" + context.Request.Method)""#, "x")
            .warned("an expression as `logger-id` is not documented");
    }
}
