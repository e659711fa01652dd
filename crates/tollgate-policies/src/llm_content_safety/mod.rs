//! `llm-content-safety`: has Azure AI Content Safety judge what models are asked and what they answer.

mod answer;
mod check;
mod guard;
mod prompt;
mod settings;
mod windows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::StatusCode;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    BoxFuture, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError, RequestCx, Resumed,
    Scope, Section, Step, Value,
};

use answer::{Enforced, judge};
use check::{Check, Refusal};
use prompt::text_of;
use settings::{BACKEND, Cut, ENFORCE, Rulebook, SHIELD};
use windows::Windows;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "llm-content-safety",
    sections: &[Section::Inbound, Section::Outbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: settings::ATTRIBUTES,
    content: Content::Children(settings::CHILDREN),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Has Azure AI Content Safety judge what a model is asked, and what it answers. In `inbound` all text of the prompt is
sent to the service before the request goes on; in `outbound`, or with `enforce-on-completions="true"` in `inbound`, what the model
says is.

```xml
<llm-content-safety backend-id="content-safety" shield-prompt="true" enforce-on-completions="true" window-size="1000" window-overlap-size="100">
    <categories output-type="EightSeverityLevels">
        <category name="Hate" threshold="4" />
        <category name="SelfHarm" threshold="4" />
        <category name="Sexual" threshold="4" />
        <category name="Violence" threshold="4" />
    </categories>
    <blocklists>
        <id>company-secrets</id>
    </blocklists>
</llm-content-safety>
```

A text is refused when a category has its threshold's severity or more, when a term of a blocklist occurs, and a prompt also when
`shield-prompt` finds an attack in it. A prompt of more than 10,000 characters is refused. So is everything that could not be
checked: the service is away, slow or refuses, the prompt or the answer cannot be read. The answer is then 403 with

```text
{ "statusCode": 403, "message": "Request failed content safety check." }
```

and `context.LastError.Reason` is `ContentSafetyPolicyViolated`, whatever the reason was; the log and the trace say it.

The backend is the resource, `https://NAME.cognitiveservices.azure.com`, with its credentials: a managed identity for the resource
`https://cognitiveservices.azure.com`, or the key in the header `Ocp-Apim-Subscription-Key`. A backend without any gets the
`Authorization` that the request carries when the policy runs, as in Azure: set a token before.

Answers that are no streams are read and checked before any of them goes on. Streams go on in steps: events are held until the
text of a window has been judged, and at the end of the stream. So a small window lets the client read sooner, and costs more calls;
an overlap catches what stands across two windows. When a stream is refused, or its check fails, no further event is sent and the
response ends there, in order and without an event for it: `[DONE]` is missing, and so is a `finish_reason`. The log says why.

Each choice of an answer, its visible reasoning and the arguments of each of its calls are texts of their own in a stream. Of prompts the
text of all messages counts, also arguments of calls and what tools answered; the tools that a request offers do not.

Differences from Azure:

- `shield-prompt` and the categories are asked for at the same time.
- Everything but embeddings is checked, in all protocols: chat completions, completions, Responses, Anthropic's Messages, Google's
  `generateContent`, images. JSON of no known protocol is checked with all its strings. Bodies that are not JSON, such as
  uploaded files, pictures and sound, and realtime sessions are not checked.
- Prompts that are given as tokens are refused, since the service cannot read them.
- Calls for prompts count towards `limits.policy-requests`; those for windows of answers do not.
- Only answers with a status of 2xx are checked. In `on-error` there is nothing to check.
- An answer in a stream that a policy has read before is checked like any other answer, with 403.
- Azure does not allow the policy at operation scope; here it is allowed.
- The version of the service's interface is 2024-09-01.
- `block-lists`, as the policy toolkit writes it, is accepted with a warning.
"#;

#[derive(Debug)]
struct ContentSafety {
    section: Section,
    backend: Value<Arc<str>>,
    shield: Value<bool>,
    enforce: Value<bool>,
    cut: Cut,
    rules: Rulebook,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let backend = backend(element, cx);
    let shield = cx.attribute::<bool>(element, SHIELD);
    let enforce = cx.attribute(element, ENFORCE);
    let cut = Cut::compile(element, cx);
    let rules = Rulebook::compile(element, cx)?;
    let shields = shield.as_ref().is_none_or(|it| it.literal() != Some(&false));
    if rules.is_empty() && !(shields && cx.section() != Section::Outbound) {
        let message = format!("this `{}` checks nothing", POLICY.name);
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, message, element.name_span)
                .label("every text passes")
                .help("name `categories` with thresholds, or `blocklists`"),
        );
    }
    Some(Box::new(ContentSafety {
        section: cx.section(),
        backend: backend?,
        shield: shield?,
        enforce: enforce?,
        cut: cut?,
        rules,
    }))
}

fn backend(element: &Element, cx: &mut CompileCx<'_>) -> Option<Value<Arc<str>>> {
    let id: Value<Arc<str>> = cx.attribute(element, BACKEND)?;
    let written = element.attribute(BACKEND)?;
    let exists = match &id {
        Value::Literal(id) if !written.value.is_opaque => {
            cx.check_backend(id, written.value.span())
        }
        _ => true,
    };
    exists.then_some(id)
}

/// What a refusal is to the request.
fn refused(refusal: &Refusal) -> PolicyError {
    let message = "Request failed content safety check.";
    PolicyError::refused("ContentSafetyPolicyViolated", message, StatusCode::FORBIDDEN)
        .detail(refusal.to_string())
}

/// What one request is to be judged by.
struct Wanted {
    check: Arc<Check>,
    shield: bool,
    enforce: bool,
    windows: Windows,
}

impl ContentSafety {
    fn eval(&self, cx: &mut RequestCx) -> Result<Wanted, PolicyError> {
        let backend = self.backend.eval(cx)?;
        let shield = self.shield.eval(cx)?;
        let enforce = self.enforce.eval(cx)?;
        let windows = self.cut.eval(cx)?;
        let rules = self.rules.eval(cx)?;
        let check = Arc::new(Check::new(cx, backend, rules));
        Ok(Wanted { check, shield, enforce, windows })
    }

    async fn judge_request(cx: &mut RequestCx, wanted: &Wanted) -> Result<(), Refusal> {
        let text = text_of(&cx.request)?;
        let Wanted { check, shield, .. } = wanted;
        // The service refuses what is empty, and blanks harm nobody.
        if text.trim().is_empty() {
            return Ok(());
        }
        let calls = usize::from(check.analyzes()) + usize::from(*shield);
        cx.calls_left = cx.calls_left.checked_sub(calls).ok_or(Refusal::Calls)?;
        check.prompt(&text, *shield).await
    }
}

impl Step for ContentSafety {
    fn run(&self, _cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        Ok(Flow::Wait)
    }

    /// When the future is dropped, calls that are under way have ended.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            let wanted = self.eval(cx)?;
            let judged = match self.section {
                Section::Outbound => judge(cx, &wanted.check, wanted.windows).await,
                _ => Self::judge_request(cx, &wanted).await,
            };
            judged.map_err(|refusal| refused(&refusal))?;
            let Wanted { check, windows, enforce, .. } = wanted;
            if self.section == Section::Inbound && enforce && check.analyzes() {
                cx.forwardings.add(Arc::new(Enforced { check, windows }));
            }
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        let reads_request_body = self.section == Section::Inbound;
        let own = Facts { reads_request_body, reads_response_body: false };
        let flags = self.backend.facts().or(self.shield.facts()).or(self.enforce.facts());
        own.or(flags).or(self.cut.facts()).or(self.rules.facts())
    }
}
