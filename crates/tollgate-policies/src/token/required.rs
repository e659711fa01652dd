//! Claims a token must have.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;
use tollgate_engine::jose::Claims;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, PolicyError, RequestCx,
    TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use super::{Failure, Rejection};

/// `required-claims` with its children.
pub(crate) const REQUIRED_CLAIMS: ChildDef = ChildDef {
    name: "required-claims",
    max: 1,
    doc: "Claims that the token must have, all of them.",
    content: Content::Children(&[ChildDef {
        name: "claim",
        min: 1,
        attributes: &[
            AttributeDef {
                name: "name",
                required: true,
                expression: true,
                doc: "Name of the claim.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "match",
                ty: AttributeType::Word(&["all", "any"]),
                expression: true,
                default: Some("all"),
                doc: "Whether the claim must have all of the values or any of them.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "separator",
                expression: true,
                doc: "Splits a claim that is one string into several values.",
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
            doc: "A value; without any the claim must only be there.",
            ..ChildDef::DEFAULT
        }]),
        doc: "One claim.",
        ..ChildDef::DEFAULT
    }]),
    ..ChildDef::DEFAULT
};

/// A claim the token must have.
#[derive(Debug)]
pub(crate) struct RequiredClaim {
    name: Value<Arc<str>>,
    matching: Value<Match>,
    separator: Option<Value<Arc<str>>>,
    values: Vec<Value<Arc<str>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    All,
    Any,
}

impl Typed for Match {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self::All),
            "any" => Ok(Self::Any),
            _ => Err("expected `all` or `any`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("match: {why}.")))
    }
}

/// Reads `required-claims` of a policy; nothing when something in it is wrong.
pub(crate) fn required_claims(
    element: &Element,
    cx: &mut CompileCx<'_>,
) -> Option<Vec<RequiredClaim>> {
    let mut claims = Vec::new();
    for claim in element.elements_named("required-claims").flat_map(Element::elements) {
        claims.push(required_claim(claim, cx));
    }
    claims.into_iter().collect()
}

fn required_claim(claim: &Element, cx: &mut CompileCx<'_>) -> Option<RequiredClaim> {
    let name = cx.attribute(claim, "name");
    let matching = cx.attribute(claim, "match");
    let separator = cx.attribute(claim, "separator");
    let separator_wrong = separator.is_none() && claim.attribute("separator").is_some();
    let values: Vec<_> =
        claim.elements_named("value").map(|value| text_or_empty(value, cx)).collect();
    let values = values.into_iter().collect::<Option<Vec<_>>>();
    if separator_wrong {
        return None;
    }
    Some(RequiredClaim { name: name?, matching: matching?, separator, values: values? })
}

/// The text of an element; an empty one is empty text.
fn text_or_empty(element: &Element, cx: &mut CompileCx<'_>) -> Option<Value<Arc<str>>> {
    if element.text().is_none() { Some(Value::Literal("".into())) } else { cx.text(element) }
}

impl RequiredClaim {
    /// Checks all of them: first that none is missing, then their values in order.
    pub(crate) fn check_all(
        required: &[Self],
        cx: &mut RequestCx,
        claims: &Claims,
    ) -> Result<(), Failure> {
        let mut names = Vec::with_capacity(required.len());
        for claim in required {
            names.push(claim.name.eval(cx)?);
        }
        let missing: Vec<&str> =
            names.iter().map(|name| &**name).filter(|name| !present(claims, name)).collect();
        if !missing.is_empty() {
            return Err(Rejection::ClaimsMissing(missing.join(", ")).into());
        }
        for (claim, name) in required.iter().zip(&names) {
            claim.check(cx, claims, name)?;
        }
        Ok(())
    }

    fn check(&self, cx: &mut RequestCx, claims: &Claims, name: &Arc<str>) -> Result<(), Failure> {
        if self.values.is_empty() {
            return Ok(());
        }
        let matching = self.matching.eval(cx)?;
        let separator = self.separator.as_ref().map(|separator| separator.eval(cx)).transpose()?;
        let mut expected = Vec::with_capacity(self.values.len());
        for value in &self.values {
            expected.push(value.eval(cx)?);
        }
        let found =
            claims.get(name).map(|claim| values(claim, separator.as_deref())).unwrap_or_default();
        let has = |value: &Arc<str>| found.iter().any(|known| **known == **value);
        let unmatched = match matching {
            Match::All => expected.iter().find(|value| !has(value)).map(ToString::to_string),
            Match::Any if expected.iter().any(has) => None,
            Match::Any => Some(expected.iter().map(|value| &**value).collect::<Vec<_>>().join(",")),
        };
        match unmatched {
            None => Ok(()),
            Some(expected) => {
                Err(Rejection::ClaimMismatch { name: Arc::clone(name), expected }.into())
            }
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let own = self.name.facts().or(self.matching.facts());
        let own = self.separator.as_ref().map_or_else(Facts::default, Value::facts).or(own);
        self.values.iter().fold(own, |facts, value| facts.or(value.facts()))
    }
}

/// Whether the claim has a value; an empty array has none, as for .NET.
fn present(claims: &Claims, name: &str) -> bool {
    match claims.get(name) {
        Some(Json::Array(items)) => items.iter().any(|item| !item.is_null()),
        Some(_) => true,
        None => false,
    }
}

/// The values of a claim as text.
fn values<'a>(claim: &'a Json, separator: Option<&str>) -> Vec<Cow<'a, str>> {
    match claim {
        Json::Array(items) => items.iter().filter(|item| !item.is_null()).map(text).collect(),
        Json::String(whole) => match separator.filter(|separator| !separator.is_empty()) {
            Some(separator) => whole.split(separator).map(Cow::Borrowed).collect(),
            None => vec![Cow::Borrowed(whole)],
        },
        other => vec![text(other)],
    }
}

fn text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
