//! `emit-metric`: adds to a metric of the author's own.

use std::fmt;
use std::sync::Arc;

use tollgate_engine::ports::CustomMetric;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Typed, Value,
};
use tollgate_expr::EvalState;

use crate::dimension::{DIMENSIONS, Dimension, dimensions};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "emit-metric",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "name",
            required: true,
            doc: "Name of the metric.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "namespace",
            default: Some("API Management"),
            doc: "Namespace of the metric.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "value",
            ty: AttributeType::Text,
            expression: true,
            default: Some("1"),
            doc: "What is added; a number.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Children(DIMENSIONS),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Adds a value to a metric with dimensions. Prometheus reads it from the admin listener as two counters:
`tollgate_custom_<name>_total`, the sum of the values, and `tollgate_emitted_<name>_total`, how often it was emitted.

```xml
<emit-metric name="Orders" namespace="Shop" value="1">
    <dimension name="API ID" />
    <dimension name="Tenant" value="@(context.Request.Headers.GetValueOrDefault("X-Tenant", "-"))" />
</emit-metric>
```

The namespace and the dimensions are labels. In names, everything but ASCII letters and digits becomes `_`, and letters become
lower-case: `API ID` is the label `api_id`.

Dimensions that need no value: `API ID`, `Operation ID`, `Product ID`, `User ID`, `Subscription ID`, `Location`, `Gateway ID`,
and `Backend ID`. One that has no value in a request is empty.

Differences from Azure:

- Metrics go to Prometheus, not to Application Insights.
- A process keeps 200 metrics and 5,000 series. Beyond that, values of dimensions are counted as `other`, names that come from
  requests not at all, and further metrics are not counted.
- A `value` that is negative or not finite counts as an emission and adds nothing.
- Names and values of dimensions are cut after 256 bytes.
- `Backend ID` is known wherever a configured backend was chosen, not in `outbound` only.
- `dimension` elements past the fifth are a warning, and past the tenth an error: pages of Azure's documentation differ.
"#;

struct EmitMetric {
    metric: Arc<dyn CustomMetric>,
    value: Value<Number>,
    dimensions: Vec<Dimension>,
}

impl fmt::Debug for EmitMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitMetric").field("dimensions", &self.dimensions).finish_non_exhaustive()
    }
}

/// A number.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl Typed for Number {
    const TARGET: tollgate_expr::Target = tollgate_expr::Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Self).ok_or_else(|| "expected a number".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        if let Some(number) = value.as_double() {
            return Ok(Self(number));
        }
        let text = Arc::<str>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|_| PolicyError::unfit_value("The value of the metric is not a number."))
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let name: Option<Arc<str>> = cx.literal(element, "name");
    let namespace: Option<Arc<str>> = cx.literal(element, "namespace");
    let value = cx.attribute(element, "value");
    let dimensions = dimensions(element, cx);
    let metric = cx.ports().events.metric(&namespace?, &name?);
    Some(Box::new(EmitMetric { metric, value: value?, dimensions: dimensions? }))
}

impl Step for EmitMetric {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let Number(value) = self.value.eval(cx)?;
        let mut dimensions = Vec::with_capacity(self.dimensions.len());
        for dimension in &self.dimensions {
            dimensions.push(dimension.eval(cx)?);
        }
        self.metric.add(value, &dimensions);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.dimensions.iter().map(Dimension::facts).fold(self.value.facts(), Facts::or)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    #[test]
    fn values_and_dimensions() {
        let emitted = |attributes: &str, dimensions: &str| {
            let policy = format!("<emit-metric {attributes}>{dimensions}</emit-metric>");
            Case::inbound(&policy).operation("/t").run().trace()
        };
        let known = r#"<dimension name="Operation ID" />"#;
        assert_eq!(emitted(r#"name="m""#, known), "metric API Management/m 1 Operation ID=");
        assert_eq!(
            emitted(r#"name="m" namespace="n" value="2.5""#, known),
            "metric n/m 2.5 Operation ID="
        );
        let given = r#"<dimension name="a" value="b" /><dimension name="@("Gateway" + " ID")" />
            <dimension name="@("c")" value="@(1 + 2)" />"#;
        assert_eq!(
            emitted(r#"name="m" value="@(1.5 + 1)""#, given),
            "metric API Management/m 2.5 a=b Gateway ID=managed c=3"
        );
        assert_eq!(
            emitted(r#"name="m" value="@("7")""#, known),
            "metric API Management/m 7 Operation ID="
        );
    }

    #[test]
    fn a_value_that_is_no_number() {
        let policy = r#"<emit-metric name="m" value="@(context.Request.Method)"><dimension name="API ID" /></emit-metric>"#;
        let run = Case::inbound(policy).run();
        assert_eq!(
            (run.source(), run.reason()),
            ("emit-metric", "ExpressionValueEvaluationFailure")
        );
    }

    #[test]
    fn what_it_takes() {
        let refused = |policy: &str, why: &str| Case::inbound(policy).refused(why);
        refused(r#"<emit-metric name="m" />"#, "needs a `dimension` element");
        refused(
            r#"<emit-metric><dimension name="API ID" /></emit-metric>"#,
            "needs the attribute `name`",
        );
        refused(
            r#"<emit-metric name="m" value="many"><dimension name="API ID" /></emit-metric>"#,
            "expected a number",
        );
        refused(
            r#"<emit-metric name="m"><dimension name="Api ID" /></emit-metric>"#,
            "did you mean `API ID`?",
        );
        let dimensions = |n: usize| {
            let one = r#"<dimension name="a" value="b" />"#;
            format!(r#"<emit-metric name="m">{}</emit-metric>"#, one.repeat(n))
        };
        assert_eq!(Case::inbound(&dimensions(5)).findings(), "");
        Case::inbound(&dimensions(10)).warned("more than 5 dimensions");
        refused(&dimensions(11), "takes at most 10");
    }
}
