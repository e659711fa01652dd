//! Dimensions of metrics: those that the gateway knows, and the author's own.

use std::borrow::Cow;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, ChildDef, CompileCx, Facts, PolicyError, RequestCx, Value};

/// More dimensions than this are refused; more than [`DOCUMENTED_DIMENSIONS`] are a warning.
const MAX_DIMENSIONS: usize = 10;
const DOCUMENTED_DIMENSIONS: usize = 5;

/// Bytes of a dimension's name or value.
const LONGEST: usize = 256;

/// The elements of a policy for its dimensions.
pub(crate) const DIMENSIONS: &[ChildDef] = &[ChildDef {
    name: "dimension",
    attributes: &[
        AttributeDef {
            name: "name",
            required: true,
            expression: true,
            doc: "Name of the dimension.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "value",
            expression: true,
            doc: "Its value; not needed for a default dimension.",
            ..AttributeDef::DEFAULT
        },
    ],
    min: 1,
    max: MAX_DIMENSIONS,
    doc: "A dimension; a series is counted for each combination of their values.",
    ..ChildDef::DEFAULT
}];

/// A dimension.
#[derive(Debug)]
pub(crate) enum Dimension {
    /// With a value.
    Given(Value<Arc<str>>, Value<Arc<str>>),
    /// One that the gateway knows.
    Known(Known),
    /// One whose name is known only with the request; it must be one that the gateway knows.
    Named(Value<Arc<str>>),
}

/// What the gateway knows of a request by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    Api,
    Operation,
    Product,
    User,
    Subscription,
    Location,
    Gateway,
    Backend,
}

const KNOWN: [(&str, Known); 8] = [
    ("API ID", Known::Api),
    ("Operation ID", Known::Operation),
    ("Product ID", Known::Product),
    ("User ID", Known::User),
    ("Subscription ID", Known::Subscription),
    ("Location", Known::Location),
    ("Gateway ID", Known::Gateway),
    ("Backend ID", Known::Backend),
];

impl Known {
    pub(crate) fn of(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, known)| *known)
    }

    pub(crate) fn name(self) -> &'static str {
        let Some((name, _)) = KNOWN.get(self as usize) else { return "" };
        name
    }

    pub(crate) fn value(self, cx: &RequestCx) -> Arc<str> {
        let (info, deployment) = (&cx.route.info, &cx.route.deployment);
        let id = match self {
            Self::Api => info.api.as_ref().map(|api| api.id.as_str()),
            Self::Operation => info.operation.as_ref().map(|operation| operation.id.as_str()),
            Self::Product => info.product.as_ref().map(|product| product.id.as_str()),
            Self::User => info.user.as_ref().map(|user| user.id.as_str()),
            Self::Subscription => info.subscription.as_ref().map(|it| it.id.as_str()),
            Self::Location => Some(deployment.region.as_str()),
            Self::Gateway => Some(deployment.gateway_id.as_str()),
            Self::Backend => cx.request.backend_id().map(|id| &**id),
        };
        id.unwrap_or_default().into()
    }
}

/// Compiles the dimensions of a policy.
pub(crate) fn dimensions(element: &Element, cx: &mut CompileCx<'_>) -> Option<Vec<Dimension>> {
    if let Some(extra) = element.elements_named("dimension").nth(DOCUMENTED_DIMENSIONS) {
        let name = &element.name;
        let message = format!("`{name}` has more than {DOCUMENTED_DIMENSIONS} dimensions");
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, message, extra.name_span)
                .label("Azure API Management may refuse this"),
        );
    }
    let dimensions: Vec<_> =
        element.elements_named("dimension").map(|child| dimension(child, cx)).collect();
    dimensions.into_iter().collect()
}

fn dimension(element: &Element, cx: &mut CompileCx<'_>) -> Option<Dimension> {
    let name: Value<Arc<str>> = cx.attribute(element, "name")?;
    if element.attribute("value").is_some() {
        return Some(Dimension::Given(name, cx.attribute(element, "value")?));
    }
    let Some(literal) = name.literal() else { return Some(Dimension::Named(name)) };
    let known = Known::of(literal);
    if known.is_none() {
        cx.report(
            Diagnostic::new(
                Code::MISSING_ATTRIBUTE,
                format!("the dimension `{literal}` needs the attribute `value`"),
                element.name_span,
            )
            .label("not a default dimension")
            .suggest(tollgate_diagnostics::closest(literal, KNOWN.iter().map(|(name, _)| *name))),
        );
    }
    known.map(Dimension::Known)
}

impl Dimension {
    /// Name and value, as the request stands.
    pub(crate) fn eval(&self, cx: &mut RequestCx) -> Result<(Arc<str>, Arc<str>), PolicyError> {
        match self {
            Self::Given(name, value) => Ok((shown(name.eval(cx)?, cx), shown(value.eval(cx)?, cx))),
            Self::Known(known) => Ok((known.name().into(), cut(known.value(cx)))),
            Self::Named(name) => {
                let name = name.eval(cx)?;
                let value = Known::of(&name).map(|known| known.value(cx)).unwrap_or_default();
                Ok((shown(name, cx), cut(value)))
            }
        }
    }

    /// What it reads.
    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::Given(name, value) => name.facts().or(value.facts()),
            Self::Known(_) => Facts::default(),
            Self::Named(name) => name.facts(),
        }
    }
}

/// A dimension of a policy that counts later than it stands.
#[derive(Debug, Clone)]
pub(crate) enum Evaluated {
    /// With its name and value.
    Given(Arc<str>, Arc<str>),
    /// One that the gateway knows when it counts.
    Known(Known),
}

impl Dimension {
    /// What of it is known where the policy stands. An error comes with the name, as far as that is known.
    pub(crate) fn early(&self, cx: &mut RequestCx) -> Result<Evaluated, (Arc<str>, PolicyError)> {
        let unnamed = |error| ("".into(), error);
        match self {
            Self::Given(name, value) => {
                let name = name.eval(cx).map_err(unnamed)?;
                let name = shown(name, cx);
                match value.eval(cx) {
                    Ok(value) => Ok(Evaluated::Given(name, shown(value, cx))),
                    Err(error) => Err((name, error)),
                }
            }
            Self::Known(known) => Ok(Evaluated::Known(*known)),
            Self::Named(name) => {
                let name = name.eval(cx).map_err(unnamed)?;
                let known = Known::of(&name).map(Evaluated::Known);
                Ok(known.unwrap_or_else(|| Evaluated::Given(shown(name, cx), "".into())))
            }
        }
    }
}

impl Evaluated {
    /// Name and value when it counts.
    pub(crate) fn late(&self, cx: &RequestCx) -> (Arc<str>, Arc<str>) {
        match self {
            Self::Given(name, value) => (Arc::clone(name), Arc::clone(value)),
            Self::Known(known) => (known.name().into(), cut(known.value(cx))),
        }
    }
}

/// The text as metrics show it: without the values of secrets, up to the longest that is kept.
fn shown(text: Arc<str>, cx: &RequestCx) -> Arc<str> {
    let masked = match cx.route.names.redact(&text) {
        Cow::Owned(masked) => Some(masked.into()),
        Cow::Borrowed(_) => None,
    };
    cut(masked.unwrap_or(text))
}

/// The text up to the longest that is kept.
pub(crate) fn cut(text: Arc<str>) -> Arc<str> {
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(kept) if kept.len() < text.len() => kept.into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dimensions_are_in_the_order_of_their_table() {
        for (name, known) in KNOWN {
            assert_eq!(known.name(), name);
        }
    }
}
