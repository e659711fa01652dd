//! What a policy says of content types.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::contract::essence;
use tollgate_engine::json_schema::{AdditionalProperties, Overrides, PropertyNames, Schema};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, PolicyError, RequestCx, Value,
};

use crate::validation::{ACTION, Action};

pub(super) const CONTENT_TYPE_MAP: ChildDef = ChildDef {
    name: "content-type-map",
    attributes: &[
        AttributeDef {
            name: "any-content-type-value",
            doc: "Content type that messages of any content type are checked as.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "missing-content-type-value",
            doc: "Content type that messages without one are checked as.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(&[ChildDef {
        name: "type",
        attributes: &[
            AttributeDef {
                name: "from",
                doc: "Content type of the message, without regard to case and parameters.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "when",
                ty: AttributeType::Bool,
                expression: true,
                doc: "Instead of `from`: whether the message is meant.",
                ..AttributeDef::DEFAULT
            },
            AttributeDef {
                name: "to",
                required: true,
                doc: "Content type it is checked as.",
                ..AttributeDef::DEFAULT
            },
        ],
        doc: "One content type; the first that fits counts, before the two attributes.",
        ..ChildDef::DEFAULT
    }]),
    max: 1,
    doc: "Checks messages as if they had another content type.",
    ..ChildDef::DEFAULT
};

pub(super) const CONTENT: ChildDef = ChildDef {
    name: "content",
    attributes: &[
        AttributeDef {
            name: "type",
            doc: "Content type it is for, without regard to case; every described one when absent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "validate-as",
            ty: AttributeType::Word(&["json", "xml", "soap"]),
            required: true,
            doc: "How the body is read.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "schema-id",
            doc: "A schema of `[schemas]`; that of the API's description when absent.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "schema-ref",
            doc: "Place inside `schema-id`, such as `#/components/schemas/address`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "action",
            ty: ACTION,
            required: true,
            expression: true,
            doc: "What happens when the body does not conform.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "allow-additional-properties",
            ty: AttributeType::Bool,
            doc: "Whether objects may have properties that are not described, whatever the schema says of that.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "case-insensitive-property-names",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether names of properties compare without regard to case.",
            ..AttributeDef::DEFAULT
        },
    ],
    doc: "What is checked of bodies of a content type; the first that fits counts.",
    ..ChildDef::DEFAULT
};

/// `content-type-map`.
#[derive(Debug, Default)]
pub(super) struct TypeMap {
    any: Option<Arc<str>>,
    missing: Option<Arc<str>>,
    types: Vec<(Selector, Arc<str>)>,
}

#[derive(Debug)]
enum Selector {
    From(Arc<str>),
    When(Value<bool>),
}

impl TypeMap {
    pub(super) fn compile(policy: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let Some(map) = policy.elements_named("content-type-map").next() else {
            return Some(Self::default());
        };
        let mut types = Vec::new();
        for element in map.elements_named("type") {
            let selector = match (element.attribute("from"), element.attribute("when")) {
                (Some(_), None) => cx.literal(element, "from").map(Selector::From),
                (None, Some(_)) => cx.attribute(element, "when").map(Selector::When),
                (from, _) => {
                    let label = if from.is_none() { "neither is given" } else { "both are given" };
                    let message = "`type` needs one of `from` and `when`";
                    let code = Code::CONFLICTING_ATTRIBUTES;
                    cx.report(Diagnostic::new(code, message, element.name_span).label(label));
                    None
                }
            };
            types.push(selector.zip(cx.literal(element, "to")));
        }
        Some(Self {
            any: cx.literal(map, "any-content-type-value"),
            missing: cx.literal(map, "missing-content-type-value"),
            types: types.into_iter().collect::<Option<_>>()?,
        })
    }

    /// What a message of this content type is checked as; empty when it has none.
    pub(super) fn map(&self, cx: &mut RequestCx, found: &str) -> Result<String, PolicyError> {
        for (selector, to) in &self.types {
            let fits = match selector {
                Selector::From(from) => essence(from).eq_ignore_ascii_case(found),
                Selector::When(condition) => condition.eval(cx)?,
            };
            if fits {
                return Ok(essence(to).to_owned());
            }
        }
        let missing = self.missing.as_ref().filter(|_| found.is_empty());
        let mapped = missing.or(self.any.as_ref()).map(|mapped| essence(mapped));
        Ok(mapped.unwrap_or(found).to_owned())
    }

    pub(super) fn facts(&self) -> Facts {
        let conditions = self.types.iter().filter_map(|(selector, _)| match selector {
            Selector::From(_) => None,
            Selector::When(condition) => Some(condition.facts()),
        });
        conditions.fold(Facts::default(), Facts::or)
    }
}

/// `content`.
#[derive(Debug)]
pub(super) struct ContentRule {
    content_type: Option<Arc<str>>,
    pub(super) engine: Engine,
    pub(super) action: Value<Action>,
    pub(super) overrides: Overrides,
    pub(super) names: PropertyNames,
}

/// How a body is read, and against what it is checked.
#[derive(Debug)]
pub(super) enum Engine {
    /// JSON, against the schema given or the one that is described.
    Json(Option<Schema>),
    /// Well-formed XML.
    Xml,
    /// A SOAP envelope.
    Soap,
}

impl ContentRule {
    pub(super) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let content_type = cx.literal::<Arc<str>>(element, "type");
        let action = cx.attribute(element, "action");
        let additional = match cx.literal::<bool>(element, "allow-additional-properties") {
            None => AdditionalProperties::AsWritten,
            Some(true) => AdditionalProperties::Allowed,
            Some(false) => AdditionalProperties::Refused,
        };
        let names = match cx.literal::<bool>(element, "case-insensitive-property-names") {
            Some(true) => PropertyNames::CaseInsensitive,
            _ => PropertyNames::CaseSensitive,
        };
        let overrides = Overrides::new(additional, names);
        let engine = match &*cx.literal::<Arc<str>>(element, "validate-as")? {
            "json" => Engine::Json(schema(element, cx, overrides)?),
            "soap" => xml(element, cx, Engine::Soap)?,
            "xml" => xml(element, cx, Engine::Xml)?,
            _ => return None,
        };
        let content_type = content_type
            .filter(|it| !it.trim().is_empty())
            .map(|it| essence(&it).to_ascii_lowercase().into());
        Some(Self { content_type, engine, action: action?, overrides, names })
    }

    /// Whether it is for messages of this content type.
    pub(super) fn applies(&self, content_type: &str, is_described: bool) -> bool {
        match &self.content_type {
            Some(own) => own.eq_ignore_ascii_case(essence(content_type)),
            None => is_described,
        }
    }

    /// Whether it needs no description of the API.
    pub(super) fn has_own_schema(&self) -> bool {
        match self.engine {
            Engine::Json(Some(_)) | Engine::Xml | Engine::Soap => true,
            Engine::Json(None) => false,
        }
    }
}

/// The schema of `schema-id` and `schema-ref`; the inner `None` when there is none. Compiled here, so that a fault shows
/// at load.
#[expect(
    clippy::option_option,
    reason = "the outer one is an error that was reported, as in all that compiles"
)]
fn schema(
    element: &Element,
    cx: &mut CompileCx<'_>,
    overrides: Overrides,
) -> Option<Option<Schema>> {
    let reference = cx.literal::<Arc<str>>(element, "schema-ref");
    let Some(id) = cx.literal::<Arc<str>>(element, "schema-id") else {
        if let Some(attribute) = element.attribute("schema-ref") {
            let message = "`schema-ref` needs `schema-id`";
            let code = Code::CONFLICTING_ATTRIBUTES;
            cx.report(Diagnostic::new(code, message, attribute.span()).label("a place in what?"));
            return None;
        }
        return Some(None);
    };
    let span = element.attribute("schema-id")?.value.span();
    if !cx.check_schema(&id, span) {
        return None;
    }
    // Unknown only when the document is checked alone.
    let Some(document) = cx.names().schema(&id) else { return Some(None) };
    let place = reference.as_deref().unwrap_or("#");
    let pointer = place.strip_prefix('#').unwrap_or(place);
    let schema = document.schema(pointer);
    let fault = match &schema {
        None => Some(format!("there is no schema at `{place}` of `{id}`")),
        Some(schema) => schema
            .prepare(overrides)
            .err()
            .map(|fault| format!("the schema `{id}` cannot be used: {fault}")),
    };
    if let Some(message) = fault {
        let span = element.attribute("schema-ref").map_or(span, |it| it.value.span());
        cx.report(Diagnostic::new(Code::INVALID_VALUE, message, span).label("not usable"));
        return None;
    }
    Some(schema)
}

/// XML is not checked against a schema: there is no maintained validator of XSD to do it with.
fn xml(element: &Element, cx: &mut CompileCx<'_>, engine: Engine) -> Option<Engine> {
    for name in ["schema-id", "schema-ref"] {
        if let Some(attribute) = element.attribute(name) {
            let diagnostic = Diagnostic::new(
                Code::INVALID_VALUE,
                format!("`{name}` cannot be used with XML: XML schemas (XSD) are not supported"),
                attribute.span(),
            );
            cx.report(diagnostic.label("only JSON has schemas here").help(
                "remove it to check that the body is well-formed, and let the backend check the rest",
            ));
            return None;
        }
    }
    if let Some(attribute) = element.attribute("validate-as") {
        let message = "the body is checked to be well-formed, not against a schema";
        cx.report(
            Diagnostic::new(Code::INSECURE, message, attribute.span())
                .label("XML schemas (XSD) are not supported"),
        );
    }
    Some(engine)
}
