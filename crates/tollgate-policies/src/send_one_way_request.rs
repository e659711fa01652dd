//! `send-one-way-request`: calls another URL and waits for nothing.

use tollgate_engine::read::Element;
use tollgate_engine::{
    Block, CompileCx, Facts, Flow, Limit, PolicyDef, PolicyError, RequestCx, Resumed, Scope,
    Section, Step,
};

use crate::outgoing_call::{CONTENT, MODE, OutgoingCall, TIMEOUT};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "send-one-way-request",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[MODE, TIMEOUT],
    content: CONTENT,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Calls another URL and goes on at once: whether and what it answers does not matter to the request. Everything that is
sent is evaluated first.

```xml
<send-one-way-request mode="new">
    <set-url>https://hooks.example.com/services/alerts</set-url>
    <set-method>POST</set-method>
    <set-body>@("Request " + context.RequestId + " ended with " + context.Response?.StatusCode)</set-body>
</send-one-way-request>
```

The call outlives the request, and a graceful stop waits for it. At most `limits.one-way-requests` are under way in the whole
process; more are dropped, logged and counted (`tollgate_one_way_requests`). Failures are logged.

Differences from Azure:

- What `send-request` says of addresses, redirects, copying and tokens holds here too. Each call counts towards
  `limits.policy-requests`.
- A token of `authentication-managed-identity` is fetched by the call, not by the request, unless it goes into a variable.
"#;

#[derive(Debug)]
struct SendOneWayRequest(OutgoingCall);

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    Some(Box::new(SendOneWayRequest(OutgoingCall::compile(element, cx)?)))
}

impl Step for SendOneWayRequest {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        self.0.begin(cx)?;
        Ok(Flow::Enter { block: 0, state: 0 })
    }

    fn blocks(&self) -> &[Block] {
        self.0.blocks()
    }

    fn resume(
        &self,
        cx: &mut RequestCx,
        _resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        let call = OutgoingCall::finish(cx);
        outcome?;
        if let Err(error) = cx.ports.calls.send_detached(call?)
            && cx.ports.trace.enabled()
        {
            let message = format!("The request was dropped: {error}");
            cx.ports.trace.message(cx.client.request_id, POLICY.name, &message);
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.0.facts()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    const CALL: &str = r#"<set-url>http://hook.test/x</set-url><set-method>POST</set-method>
        <set-header name="x-a"><value>1</value></set-header><set-body>@("b" + 1)</set-body>"#;

    #[test]
    fn the_request_does_not_wait() {
        let run =
            Case::inbound(&format!("<send-one-way-request>{CALL}</send-one-way-request>")).run();
        assert_eq!(run.waits, 0);
        let [call] = &*run.calls() else { panic!("{:?}", run.calls()) };
        assert_eq!(call.shown(), "one-way POST http://hook.test/x x-a=1 b1");
        assert_eq!(call.call.timeout, None);
    }

    #[test]
    fn attributes_and_sections() {
        let policy = format!(
            r#"<send-one-way-request mode="@("new")" timeout="@(2 + 3)">{CALL}</send-one-way-request>"#
        );
        let run = Case::outbound(&policy).run();
        assert_eq!(run.calls()[0].call.timeout.map(|it| it.as_secs()), Some(5));
        let ignore = CALL.replace("<set-url>", "<set-urls>").replace("</set-url>", "</set-urls>");
        Case::inbound(&format!("<send-one-way-request>{ignore}</send-one-way-request>"))
            .refused("did you mean `set-url`");
        Case::inbound(r#"<send-one-way-request response-variable-name="r" />"#)
            .refused("unknown attribute `response-variable-name`");
    }

    #[test]
    fn what_is_dropped_does_not_matter() {
        let policy = format!("<send-one-way-request>{CALL}</send-one-way-request>");
        let run = Case::inbound(&policy).busy().run();
        assert_eq!(run.reason(), "");
        assert!(
            run.trace().contains("The request was dropped: more than 0 calls"),
            "{}",
            run.trace()
        );
    }

    #[test]
    fn an_error_while_it_is_put_together_counts() {
        let policy =
            CALL.replace(r#"@("b" + 1)"#, r#"@(((string)context.Variables["no"]).Trim())"#);
        let run =
            Case::inbound(&format!("<send-one-way-request>{policy}</send-one-way-request>")).run();
        assert_eq!((run.source(), run.reason()), ("set-body", "ExpressionValueEvaluationFailure"));
        assert!(run.calls().is_empty() && run.cx.call.is_none());
    }
}
