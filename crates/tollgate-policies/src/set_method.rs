//! `set-method`: replaces the method of the request that goes to the backend.

use http::Method;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeType, CompileCx, Content, Facts, Flow, Limit, Message, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, TextDef, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-method",
    sections: &[Section::Inbound, Section::OnError],
    toolkit_sections: &[Section::Backend, Section::Outbound],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[],
    content: Content::Text(TextDef { ty: AttributeType::Text, required: true, expression: true }),
    docs: DOCS,
    compile,
};

const DOCS: &str = r"Replaces the method of the request that goes to the backend; inside `send-request`, of the request that it makes.

```xml
<set-method>POST</set-method>
```

Differences from Azure:

- Any method that HTTP allows is accepted, in upper case however it is written. Anything else is an error at load, and
  from an expression an evaluation error.
";

#[derive(Debug)]
struct SetMethod {
    message: Message,
    method: Value<Method>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let method = cx.text(element)?;
    Some(Box::new(SetMethod { message: cx.message(), method }))
}

impl Step for SetMethod {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let method = self.method.eval(cx)?;
        match &mut cx.call {
            Some(call) if self.message == Message::Call => call.method = method,
            _ => cx.request.method = method,
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.method.facts()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    #[test]
    fn literal_and_expression() {
        let case = Case::inbound("<set-method>post</set-method>");
        assert_eq!(case.run().cx.request.method, "POST");
        let case = Case::inbound(r#"<set-method>@("get" + "x")</set-method>"#);
        assert_eq!(case.run().cx.request.method, "GETX");
    }

    #[test]
    fn what_is_not_a_method_is_refused() {
        Case::inbound("<set-method>a b</set-method>").refused("expected an HTTP method");
        Case::inbound("<set-method/>").refused("`set-method` is empty");
        let failed = Case::inbound(r#"<set-method>@("a" + " b")</set-method>"#).run();
        assert_eq!(failed.status(), 500);
        assert_eq!(failed.reason(), "ExpressionValueEvaluationFailure");
    }
}
