//! Whether and how much a request counts.

use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Facts, PolicyError, RequestCx, Typed, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const INCREMENT_CONDITION: AttributeDef = AttributeDef {
    name: "increment-condition",
    ty: AttributeType::Bool,
    expression: true,
    doc: "Whether the request counts; with an expression that reads `context.Response` it is decided when the response is known.",
    ..AttributeDef::DEFAULT
};
pub(crate) const INCREMENT_COUNT: AttributeDef = AttributeDef {
    name: "increment-count",
    ty: AttributeType::Int { min: 1, max: i32::MAX as i64 },
    expression: true,
    default: Some("1"),
    doc: "By how much the request counts; with an expression that reads `context.Response` it is decided when the response is known.",
    ..AttributeDef::DEFAULT
};

/// By how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) u64);

impl Typed for Amount {
    const TARGET: Target = Target::Int;

    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| "expected a whole number, 0 or more".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        u64::try_from(i64::from_value(value, state)?)
            .map(Self)
            .map_err(|_| PolicyError::unfit_value("The value is negative."))
    }
}

/// What decides about it.
#[derive(Debug, Clone)]
pub(crate) struct Counting {
    condition: Option<Value<bool>>,
    count: Value<Amount>,
    late: bool,
}

impl Counting {
    /// From the attributes; `None` when one is wrong, which has been reported. `late` when the author wants it decided
    /// when the response is known.
    pub(crate) fn compile(element: &Element, cx: &mut CompileCx<'_>, late: bool) -> Option<Self> {
        let condition = cx.attribute(element, INCREMENT_CONDITION.name);
        let count = cx.attribute(element, INCREMENT_COUNT.name);
        if condition.is_none() && element.attribute(INCREMENT_CONDITION.name).is_some() {
            return None;
        }
        let count = count?;
        let late = late || condition.as_ref().is_some_and(reads_response) || reads_response(&count);
        Some(Self { condition, count, late })
    }

    /// Whether it is decided only when the response is known.
    pub(crate) fn is_late(&self) -> bool {
        self.late
    }

    /// By how much the request counts.
    pub(crate) fn amount(&self, cx: &mut RequestCx) -> Result<u64, PolicyError> {
        let counts = self.condition.as_ref().map_or(Ok(true), |condition| condition.eval(cx))?;
        if counts { Ok(self.count.eval(cx)?.0) } else { Ok(0) }
    }

    /// What deciding needs.
    pub(crate) fn facts(&self) -> Facts {
        self.condition.as_ref().map(Value::facts).unwrap_or_default().or(self.count.facts())
    }
}

fn reads_response<T>(value: &Value<T>) -> bool {
    match value {
        Value::Literal(_) => false,
        Value::Expression(program) => {
            let facts = program.facts();
            facts.reads_response || facts.reads_response_body
        }
    }
}
