//! `validate-parameters`: checks path, query and headers of a request against the description of the API.

mod docs;

use std::borrow::Cow;
use std::sync::Arc;

use tollgate_engine::contract::{Contract, Location, Parameter};
use tollgate_engine::json_schema::Overrides;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};

use crate::query;
use crate::validation::{
    ACTION, Action, Actions, ERRORS_VARIABLE_NAME, Faults, Place, Properties, Subject,
    check_parameter, check_properties, header_values, incorrect, is_framing, is_from_gateway,
    undescribed, unspecified,
};

const SPECIFIED: &str = "specified-parameter-action";
const UNSPECIFIED: &str = "unspecified-parameter-action";

const OWN_SPECIFIED: AttributeDef = AttributeDef {
    name: SPECIFIED,
    ty: ACTION,
    expression: true,
    doc: "Instead of the policy's own attribute of this name.",
    ..AttributeDef::DEFAULT
};

const OWN_UNSPECIFIED: AttributeDef = AttributeDef { name: UNSPECIFIED, ..OWN_SPECIFIED };

const PARAMETER: ChildDef = ChildDef {
    name: "parameter",
    attributes: &[
        AttributeDef {
            name: "name",
            required: true,
            doc: "Name of the parameter, without regard to case.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "The action for this parameter, described or not.",
            ..AttributeDef::DEFAULT
        },
    ],
    doc: "An exception.",
    ..ChildDef::DEFAULT
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "validate-parameters",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::OncePerSection,
    attributes: &[
        AttributeDef {
            name: SPECIFIED,
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when a described parameter does not conform.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: UNSPECIFIED,
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when a parameter is not described.",
            ..AttributeDef::DEFAULT
        },
        ERRORS_VARIABLE_NAME,
    ],
    content: Content::Children(&[
        ChildDef {
            name: "headers",
            attributes: &[OWN_SPECIFIED, OWN_UNSPECIFIED],
            content: Content::Children(&[PARAMETER]),
            max: 1,
            doc: "Actions for headers.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "query",
            attributes: &[OWN_SPECIFIED, OWN_UNSPECIFIED],
            content: Content::Children(&[PARAMETER]),
            max: 1,
            doc: "Actions for query parameters.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "path",
            attributes: &[OWN_SPECIFIED],
            content: Content::Children(&[PARAMETER]),
            max: 1,
            doc: "Actions for path parameters.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: docs::DOCS,
    compile,
};

#[derive(Debug)]
struct ValidateParameters {
    all: Actions,
    path: Option<Actions>,
    query: Option<Actions>,
    headers: Option<Actions>,
    variable: Option<Arc<str>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut own = |name: &str| match element.elements_named(name).next() {
        Some(part) => Actions::compile(part, cx, (SPECIFIED, UNSPECIFIED), "parameter").map(Some),
        None => Some(None),
    };
    let (path, query, headers) = (own("path"), own("query"), own("headers"));
    Some(Box::new(ValidateParameters {
        all: Actions::compile(element, cx, (SPECIFIED, UNSPECIFIED), "parameter")?,
        path: path?,
        query: query?,
        headers: headers?,
        variable: cx.literal(element, "errors-variable-name"),
    }))
}

/// Whether the description names a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Described {
    Yes,
    No,
}

impl Described {
    fn of(self, actions: &Actions) -> Option<&Value<Action>> {
        match self {
            Self::Yes => actions.specified.as_ref(),
            Self::No => actions.unspecified.as_ref(),
        }
    }
}

impl ValidateParameters {
    /// The action for a parameter: its own, else that of its place, else the policy's.
    fn action(
        &self,
        cx: &mut RequestCx,
        place: Place,
        name: &str,
        described: Described,
    ) -> Result<Action, PolicyError> {
        let own = match place {
            Place::Path => self.path.as_ref(),
            Place::Query => self.query.as_ref(),
            _ => self.headers.as_ref(),
        };
        let exception = own.and_then(|own| own.named(name));
        let action = exception.or_else(|| described.of(own?)).or_else(|| described.of(&self.all));
        action.map_or(Ok(Action::Ignore), |action| action.eval(cx))
    }

    fn path(
        &self,
        cx: &mut RequestCx,
        contract: &Contract,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        for parameter in of(contract, Location::Path) {
            let action = self.action(cx, Place::Path, &parameter.name, Described::Yes)?;
            if action == Action::Ignore {
                continue;
            }
            // A template that was written by hand may have left it out.
            let matched = cx.route.matched_parameters.iter();
            let mut matched =
                matched.filter(|(name, _)| name.eq_ignore_ascii_case(&parameter.name));
            let values: Vec<String> =
                matched.next().map(|(_, it)| it.clone()).into_iter().collect();
            if let Err(why) = check_parameter(parameter, &values, |part| Cow::Borrowed(part)) {
                faults.push(incorrect(&parameter.name, Place::Path, &why, action));
            }
        }
        Ok(())
    }

    fn query(
        &self,
        cx: &mut RequestCx,
        contract: &Contract,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        let given: Vec<(String, String)> = query::parameters(&cx.request.uri.query)
            .map(|parameter| {
                let value = parameter.split_once('=').map_or("", |(_, value)| value);
                (query::name(parameter).into_owned(), value.to_owned())
            })
            .collect();
        let mut known: Vec<&str> = Vec::new();
        for parameter in of(contract, Location::Query) {
            let properties = Properties::of(parameter);
            known.push(&parameter.name);
            let action = self.action(cx, Place::Query, &parameter.name, Described::Yes)?;
            if action == Action::Ignore {
                continue;
            }
            let outcome = if let Some(properties) = &properties {
                check_properties(parameter, properties, &given)
            } else {
                let same = |name: &str| name.eq_ignore_ascii_case(&parameter.name);
                let values = given.iter().filter(|(name, _)| same(name));
                let values: Vec<String> = values.map(|(_, value)| value.clone()).collect();
                check_parameter(parameter, &values, query::decode)
            };
            if let Err(why) = outcome {
                faults.push(incorrect(&parameter.name, Place::Query, &why, action));
            }
        }
        for (name, _) in &given {
            let in_object = |parameter: &Parameter| {
                Properties::of(parameter).is_some_and(|properties| properties.has(parameter, name))
            };
            if known.iter().any(|known| known.eq_ignore_ascii_case(name))
                || of(contract, Location::Query).any(in_object)
            {
                continue;
            }
            let action = self.action(cx, Place::Query, name, Described::No)?;
            faults.push(unspecified(name, Place::Query, action));
        }
        Ok(())
    }

    fn headers(
        &self,
        cx: &mut RequestCx,
        contract: &Contract,
        faults: &mut Faults,
    ) -> Result<(), PolicyError> {
        let place = Place::Header(Subject::Request);
        for parameter in of(contract, Location::Header) {
            let action = self.action(cx, place, &parameter.name, Described::Yes)?;
            if action == Action::Ignore {
                continue;
            }
            let values = header_values(&cx.request.headers, &parameter.name);
            if let Err(why) = check_parameter(parameter, &values, |part| Cow::Borrowed(part)) {
                faults.push(incorrect(&parameter.name, place, &why, action));
            }
        }
        let names: Vec<_> = cx.request.headers.keys().cloned().collect();
        let api = cx.route.info.api.clone();
        let key = api.as_ref().map(|api| api.key_header.as_str()).unwrap_or_default();
        for name in &names {
            let own = self.headers.as_ref().and_then(|own| own.named(name.as_str()));
            let is_ours = is_framing(name)
                || is_from_gateway(name)
                || name.as_str().eq_ignore_ascii_case(key);
            let described = of(contract, Location::Header)
                .any(|parameter| parameter.name.eq_ignore_ascii_case(name.as_str()));
            if described || is_ours && own.is_none() {
                continue;
            }
            let action = self.action(cx, place, name.as_str(), Described::No)?;
            faults.push(unspecified(name.as_str(), place, action));
        }
        Ok(())
    }
}

fn of(contract: &Contract, location: Location) -> impl Iterator<Item = &Parameter> {
    contract.parameters.iter().filter(move |parameter| parameter.location == location)
}

impl Step for ValidateParameters {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let mut faults = Faults::of(Subject::Request);
        match cx.route.info.contract.clone() {
            None => {
                let action =
                    self.all.specified.as_ref().map(|action| action.eval(cx)).transpose()?;
                faults.push(undescribed(action.unwrap_or(Action::Prevent)));
            }
            Some(contract) => {
                self.path(cx, &contract, &mut faults)?;
                self.query(cx, &contract, &mut faults)?;
                self.headers(cx, &contract, &mut faults)?;
            }
        }
        faults.conclude(cx, self.variable.as_ref())?;
        Ok(Flow::Continue)
    }

    fn prepare(&self, contract: &Contract) -> Vec<String> {
        let schemas = contract.parameters.iter().filter_map(|parameter| parameter.schema.as_ref());
        let faults = schemas.filter_map(|schema| schema.prepare(Overrides::default()).err());
        faults.map(|fault| fault.to_string()).collect()
    }

    fn facts(&self) -> Facts {
        let parts = [&self.path, &self.query, &self.headers].into_iter().flatten();
        let values = parts.flat_map(Actions::values).chain(self.all.values());
        values.map(Value::facts).fold(Facts::default(), Facts::or)
    }
}
