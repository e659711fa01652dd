//! `validate-status-code`: checks the status of a response against the description of the API.

use std::sync::Arc;

use http::StatusCode;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, Value,
};

use crate::validation::{
    ACTION, Action, ERRORS_VARIABLE_NAME, Fault, Faults, Place, Rule, Subject,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-status-code",
    sections: &[Section::Outbound, Section::OnError],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "unspecified-status-code-action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when the operation describes no response with this status.",
            ..AttributeDef::DEFAULT
        },
        ERRORS_VARIABLE_NAME,
    ],
    content: Content::Children(&[ChildDef {
        name: "status-code",
        attributes: &[
            AttributeDef {
                name: "code",
                ty: AttributeType::Int { min: 100, max: 999 },
                required: true,
                doc: "A status that is not described.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "action",
                ty: ACTION,
                required: true,
                expression: true,
                doc: "What happens when the response has it.",
                ..AttributeDef::DEFAULT
            },
        ],
        doc: "An exception; it has no effect for a status that is described.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Checks the status of a response against the responses that the API's OpenAPI document describes for the operation:
by its code, by its class (`4XX`), or as `default`. With `prevent` the client gets a 502 that says nothing of the status, with `detect`
the error is only recorded.

```xml
<validate-status-code unspecified-status-code-action="prevent" errors-variable-name="statusCodeErrors">
    <status-code code="404" action="ignore" />
</validate-status-code>
```

Differences from Azure:

- A response that is described as `default` or for a class of statuses describes all of them; Azure does not say.
- An operation without a description describes no status.
- `errors-variable-name` gets a `JArray`.
"#;

#[derive(Debug)]
struct ValidateStatusCode {
    unspecified: Value<Action>,
    exceptions: Vec<(StatusCode, Value<Action>)>,
    variable: Option<Arc<str>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let unspecified = cx.attribute(element, "unspecified-status-code-action");
    let mut exceptions = Vec::new();
    for exception in element.elements_named("status-code") {
        let code = cx.literal(exception, "code");
        exceptions.push(code.zip(cx.attribute(exception, "action")));
    }
    Some(Box::new(ValidateStatusCode {
        unspecified: unspecified?,
        exceptions: exceptions.into_iter().collect::<Option<_>>()?,
        variable: cx.literal(element, "errors-variable-name"),
    }))
}

impl Step for ValidateStatusCode {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(status) = cx.response.as_ref().map(|response| response.status) else {
            return Ok(Flow::Continue);
        };
        let contract = cx.route.info.contract.as_ref();
        if contract.is_some_and(|contract| contract.response(status.as_u16()).is_some()) {
            return Ok(Flow::Continue);
        }
        let exception = self.exceptions.iter().find(|(code, _)| *code == status);
        let action = exception.map_or(&self.unspecified, |(_, action)| action).eval(cx)?;
        let mut faults = Faults::of(Subject::Response);
        faults.push(Fault {
            name: status.as_str().to_owned(),
            place: Place::StatusCode,
            rule: Rule::Unspecified,
            details: format!("Response status code {} is not allowed.", status.as_str()),
            public: None,
            action,
        });
        faults.conclude(cx, self.variable.as_ref())?;
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let exceptions = self.exceptions.iter().map(|(_, action)| action.facts());
        exceptions.fold(self.unspecified.facts(), Facts::or)
    }
}
