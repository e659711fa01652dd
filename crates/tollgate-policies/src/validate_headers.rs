//! `validate-headers`: checks the headers of a response against the description of the API.

use std::borrow::Cow;
use std::sync::Arc;

use tollgate_engine::contract::{Contract, DescribedResponse};
use tollgate_engine::json_schema::Overrides;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};

use crate::validation::{
    ACTION, Action, Actions, ERRORS_VARIABLE_NAME, Faults, Place, Subject, check_parameter,
    header_values, incorrect, is_framing, undescribed, unspecified,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-headers",
    sections: &[Section::Outbound, Section::OnError],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[
        AttributeDef {
            name: "specified-header-action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when a described header does not conform.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "unspecified-header-action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when a header is not described.",
            ..AttributeDef::DEFAULT
        },
        ERRORS_VARIABLE_NAME,
    ],
    content: Content::Children(&[ChildDef {
        name: "header",
        attributes: &[
            AttributeDef {
                name: "name",
                required: true,
                doc: "Name of the header, without regard to case.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "action",
                ty: ACTION,
                required: true,
                expression: true,
                doc: "The action for this header, described or not.",
                ..AttributeDef::DEFAULT
            },
        ],
        doc: "An exception.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Checks the headers of a response against those that the API's OpenAPI document describes for the operation and the
status. With `prevent` the client gets a 502 that says nothing of the headers, with `detect` the errors are only recorded.

```xml
<validate-headers specified-header-action="detect" unspecified-header-action="prevent" errors-variable-name="headerErrors">
    <header name="Server" action="ignore" />
</validate-headers>
```

Differences from Azure:

- Headers that frame a message (`Connection`, `Content-Encoding`, `Content-Length`, `Content-Type`, `Date`, `Keep-Alive`, `Trailer`,
  `Transfer-Encoding`, `Upgrade`) do not count as unspecified unless a `header` names them; Azure does not say.
- A missing header that is described as required does not conform; Azure's list of errors does not name that.
- `errors-variable-name` gets a `JArray` of at most 100 errors.
"#;

#[derive(Debug)]
struct ValidateHeaders {
    actions: Actions,
    variable: Option<Arc<str>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let names = ("specified-header-action", "unspecified-header-action");
    let actions = Actions::compile(element, cx, names, "header")?;
    Some(Box::new(ValidateHeaders {
        actions,
        variable: cx.literal(element, "errors-variable-name"),
    }))
}

impl ValidateHeaders {
    fn action(
        &self,
        cx: &mut RequestCx,
        name: &str,
        otherwise: Option<&Value<Action>>,
    ) -> Result<Action, PolicyError> {
        let action = self.actions.named(name).or(otherwise);
        action.map_or(Ok(Action::Ignore), |action| action.eval(cx))
    }

    fn described(
        &self,
        cx: &mut RequestCx,
        response: &DescribedResponse,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        for header in &response.headers {
            let action = self.action(cx, &header.name, self.actions.specified.as_ref())?;
            if action == Action::Ignore {
                continue;
            }
            let headers = cx.response.as_ref().map(|response| &response.headers);
            let values = headers.map(|all| header_values(all, &header.name)).unwrap_or_default();
            if let Err(why) = check_parameter(header, &values, |part| Cow::Borrowed(part)) {
                let place = Place::Header(Subject::Response);
                faults.push(incorrect(&header.name, place, &why, action));
            }
        }
        Ok(())
    }
}

impl Step for ValidateHeaders {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Some(response) = &cx.response else { return Ok(Flow::Continue) };
        let status = response.status.as_u16();
        let names: Vec<_> = response.headers.keys().cloned().collect();
        let mut faults = Faults::of(Subject::Response);
        let Some(contract) = cx.route.info.contract.clone() else {
            let action = self.action(cx, "", self.actions.specified.as_ref())?;
            faults.push(undescribed(action));
            faults.conclude(cx, self.variable.as_ref())?;
            return Ok(Flow::Continue);
        };
        let described = contract.response(status);
        if let Some(response) = described {
            self.described(cx, response, &mut faults)?;
        }
        let known = described.map(|it| it.headers.as_slice()).unwrap_or_default();
        for name in &names {
            if known.iter().any(|header| header.name.eq_ignore_ascii_case(name.as_str()))
                || is_framing(name) && self.actions.named(name.as_str()).is_none()
            {
                continue;
            }
            let action = self.action(cx, name.as_str(), self.actions.unspecified.as_ref())?;
            faults.push(unspecified(name.as_str(), Place::Header(Subject::Response), action));
        }
        faults.conclude(cx, self.variable.as_ref())?;
        Ok(Flow::Continue)
    }

    fn prepare(&self, contract: &Contract) -> Vec<String> {
        let headers = contract.responses.iter().flat_map(|response| &response.headers);
        let schemas = headers.filter_map(|header| header.schema.as_ref());
        let faults = schemas.filter_map(|schema| schema.prepare(Overrides::default()).err());
        faults.map(|fault| fault.to_string()).collect()
    }

    fn facts(&self) -> Facts {
        self.actions.values().map(Value::facts).fold(Facts::default(), Facts::or)
    }
}
