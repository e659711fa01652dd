//! What the element says, before and after its expressions are evaluated.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, PolicyError, RequestCx,
    TextDef, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

use super::check::{Category, Levels, Rules};
use super::windows::{LARGEST, Windows};

pub(super) const BACKEND: &str = "backend-id";
pub(super) const SHIELD: &str = "shield-prompt";
pub(super) const ENFORCE: &str = "enforce-on-completions";
pub(super) const WINDOW: &str = "window-size";
pub(super) const OVERLAP: &str = "window-overlap-size";
const CATEGORIES: &str = "categories";
const CATEGORY: &str = "category";
const OUTPUT_TYPE: &str = "output-type";
const NAME: &str = "name";
const THRESHOLD: &str = "threshold";
const BLOCKLISTS: &str = "blocklists";
/// How the policy toolkit writes it.
const TOOLKIT_BLOCKLISTS: &str = "block-lists";
const ID: &str = "id";

pub(super) const ATTRIBUTES: &[AttributeDef] = &[
    AttributeDef {
        name: BACKEND,
        required: true,
        expression: true,
        doc: "Name of the configured backend that is the Azure AI Content Safety resource.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: SHIELD,
        ty: AttributeType::Bool,
        expression: true,
        default: Some("false"),
        doc: "Whether prompts are also checked for attacks (prompt shields).",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: ENFORCE,
        ty: AttributeType::Bool,
        expression: true,
        default: Some("false"),
        doc: "In `inbound`: whether what the model answers is checked too. No effect in `outbound`, where that is what is checked.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: WINDOW,
        ty: AttributeType::Int { min: 1, max: LARGEST },
        expression: true,
        default: Some("10000"),
        doc: "Characters of an answer that are checked together. Prompts are always checked in one piece.",
        ..AttributeDef::DEFAULT
    },
    AttributeDef {
        name: OVERLAP,
        ty: AttributeType::Int { min: 0, max: LARGEST - 1 },
        expression: true,
        default: Some("0"),
        doc: "Characters at the end of a window that are checked again at the beginning of the next; fewer than `window-size`.",
        ..AttributeDef::DEFAULT
    },
];

pub(super) const CHILDREN: &[ChildDef] = &[
    ChildDef {
        name: CATEGORIES,
        attributes: &[AttributeDef {
            name: OUTPUT_TYPE,
            ty: AttributeType::Word(&["FourSeverityLevels", "EightSeverityLevels"]),
            expression: true,
            default: Some("FourSeverityLevels"),
            doc: "Whether severities are 0, 2, 4 and 6, or 0 to 7.",
            ..AttributeDef::DEFAULT
        }],
        content: Content::Children(&[ChildDef {
            name: CATEGORY,
            attributes: &[
                AttributeDef {
                    name: NAME,
                    ty: AttributeType::Word(&["Hate", "SelfHarm", "Sexual", "Violence"]),
                    required: true,
                    expression: true,
                    doc: "The category of harm.",
                    ..AttributeDef::DEFAULT
                },
                AttributeDef {
                    name: THRESHOLD,
                    ty: AttributeType::Int { min: 0, max: 7 },
                    required: true,
                    expression: true,
                    doc: "Texts of this severity or above are refused: 0 refuses everything.",
                    ..AttributeDef::DEFAULT
                },
            ],
            doc: "A category that texts are checked for.",
            ..ChildDef::DEFAULT
        }]),
        max: 1,
        doc: "What texts are checked for.",
        ..ChildDef::DEFAULT
    },
    ChildDef {
        name: BLOCKLISTS,
        content: Content::Children(BLOCKLIST),
        max: 1,
        doc: "Blocklists of the resource, of which no term may occur.",
        ..ChildDef::DEFAULT
    },
    ChildDef {
        name: TOOLKIT_BLOCKLISTS,
        content: Content::Children(BLOCKLIST),
        max: 1,
        doc: "How the policy toolkit writes `blocklists`; accepted with a warning.",
        ..ChildDef::DEFAULT
    },
];

const BLOCKLIST: &[ChildDef] = &[ChildDef {
    name: ID,
    content: Content::Text(TextDef { ty: AttributeType::Filled, required: true, expression: true }),
    doc: "Name of a blocklist.",
    ..ChildDef::DEFAULT
}];

impl Typed for Category {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|category| category.name() == text.trim());
        known.ok_or_else(|| "expected `Hate`, `SelfHarm`, `Sexual` or `Violence`".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| unfit("category", &why))
    }
}

impl Typed for Levels {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let known = [Self::Four, Self::Eight].into_iter().find(|it| it.name() == text.trim());
        known.ok_or_else(|| "expected `FourSeverityLevels` or `EightSeverityLevels`".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| unfit("output type", &why))
    }
}

fn unfit(what: &str, why: &str) -> PolicyError {
    PolicyError::unfit_value(format!("The {what} does not fit: {why}."))
}

/// What texts are judged by.
#[derive(Debug)]
pub(super) struct Rulebook {
    categories: Vec<(Value<Category>, Value<i64>)>,
    levels: Value<Levels>,
    blocklists: Vec<Value<Arc<str>>>,
}

impl Rulebook {
    pub(super) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let mut levels = Some(Value::Literal(Levels::Four));
        let mut categories = Some(Vec::new());
        for list in element.elements_named(CATEGORIES) {
            levels = cx.attribute(list, OUTPUT_TYPE);
            let literal = levels.as_ref().and_then(Value::literal).copied();
            for child in list.elements_named(CATEGORY) {
                let name = cx.attribute::<Category>(child, NAME);
                let threshold = cx.attribute::<i64>(child, THRESHOLD);
                let known = threshold.as_ref().and_then(Value::literal).copied();
                report_threshold(child, known, literal, cx);
                match (name, threshold, &mut categories) {
                    (Some(name), Some(threshold), Some(all)) => all.push((name, threshold)),
                    _ => categories = None,
                }
            }
        }
        let mut blocklists = Some(Vec::new());
        for spelling in [BLOCKLISTS, TOOLKIT_BLOCKLISTS] {
            for list in element.elements_named(spelling) {
                if spelling == TOOLKIT_BLOCKLISTS {
                    report_toolkit(list, cx);
                }
                for child in list.elements_named(ID) {
                    match (cx.text(child), &mut blocklists) {
                        (Some(name), Some(all)) => all.push(name),
                        _ => blocklists = None,
                    }
                }
            }
        }
        let (categories, levels, blocklists) = (categories?, levels?, blocklists?);
        Some(Self { categories, levels, blocklists })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.categories.is_empty() && self.blocklists.is_empty()
    }

    pub(super) fn eval(&self, cx: &mut RequestCx) -> Result<Rules, PolicyError> {
        let levels = self.levels.eval(cx)?;
        let mut categories = Vec::with_capacity(self.categories.len());
        for (name, threshold) in &self.categories {
            let (name, threshold) = (name.eval(cx)?, threshold.eval(cx)?);
            if !(0..=7).contains(&threshold) {
                return Err(unfit("threshold", "expected a whole number from 0 to 7"));
            }
            categories.push((name, threshold));
        }
        let blocklists = self.blocklists.iter().map(|name| name.eval(cx)).collect::<Result<_, _>>();
        Ok(Rules { categories, levels, blocklists: blocklists? })
    }

    pub(super) fn facts(&self) -> Facts {
        let categories = self.categories.iter().map(|(name, it)| name.facts().or(it.facts()));
        let blocklists = self.blocklists.iter().map(Value::facts);
        categories.chain(blocklists).fold(self.levels.facts(), Facts::or)
    }
}

fn report_threshold(
    category: &Element,
    threshold: Option<i64>,
    levels: Option<Levels>,
    cx: &mut CompileCx<'_>,
) {
    let Some(written) = category.attribute(THRESHOLD) else { return };
    let (message, help) = match (threshold, levels) {
        (Some(0), _) => (
            "a threshold of 0 refuses every text".to_owned(),
            "harmless texts have severity 0: the lowest that lets them pass is 1",
        ),
        (Some(threshold @ ..=7), Some(levels)) if threshold > levels.highest() => (
            format!("no text has severity {threshold} with `{}`", levels.name()),
            "its highest is 6; write `output-type=\"EightSeverityLevels\"`",
        ),
        _ => return,
    };
    cx.report(
        Diagnostic::new(Code::SUSPICIOUS, message, written.value.span())
            .label("most likely not what is meant")
            .help(help),
    );
}

fn report_toolkit(list: &Element, cx: &mut CompileCx<'_>) {
    let message = format!("`{TOOLKIT_BLOCKLISTS}` is how the policy toolkit writes `{BLOCKLISTS}`");
    cx.report(
        Diagnostic::new(Code::SUSPICIOUS, message, list.name_span)
            .label("Azure's documents do not know it")
            .help(format!("write `{BLOCKLISTS}`")),
    );
}

/// How answers are cut.
#[derive(Debug)]
pub(super) struct Cut {
    size: Value<i64>,
    overlap: Value<i64>,
}

impl Cut {
    pub(super) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let size = cx.attribute(element, WINDOW);
        let overlap = cx.attribute(element, OVERLAP);
        let (size, overlap) = (size?, overlap?);
        if let (Value::Literal(size), Value::Literal(overlap)) = (&size, &overlap)
            && Windows::new(*size, *overlap).is_none()
        {
            let written = element.attribute(OVERLAP).or_else(|| element.attribute(WINDOW));
            let span = written.map_or(element.name_span, |written| written.value.span());
            let message =
                format!("`{OVERLAP}` is {overlap}, which is not less than `{WINDOW}`, {size}");
            cx.report(
                Diagnostic::new(Code::INVALID_VALUE, message, span)
                    .label("the next window would never begin")
                    .help("an overlap as long as what is looked for is enough, such as 200"),
            );
            return None;
        }
        Some(Self { size, overlap })
    }

    pub(super) fn eval(&self, cx: &mut RequestCx) -> Result<Windows, PolicyError> {
        let (size, overlap) = (self.size.eval(cx)?, self.overlap.eval(cx)?);
        Windows::new(size, overlap).ok_or_else(|| {
            let why = format!(
                "expected 1 to {LARGEST} characters and an overlap of less, and got {size} and {overlap}"
            );
            unfit("window", &why)
        })
    }

    pub(super) fn facts(&self) -> Facts {
        self.size.facts().or(self.overlap.facts())
    }
}
