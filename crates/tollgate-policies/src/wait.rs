//! `wait`: runs policies beside one another.

use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step, Typed, Until, Value,
};
use tollgate_expr::{EvalState, Target};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "wait",
    sections: &[Section::Inbound, Section::Backend, Section::Outbound],
    toolkit_sections: &[Section::OnError],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[AttributeDef {
        name: "for",
        ty: AttributeType::Word(&["all", "any"]),
        expression: true,
        default: Some("all"),
        doc: "Whether every policy inside is awaited, or the first that ends.",
        ..AttributeDef::DEFAULT
    }],
    content: Content::Only(&["send-request", "cache-lookup-value", "choose"]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Runs the policies directly inside it at the same time and goes on when all of them have ended, or the first. Those are
`send-request`, `cache-lookup-value` and `choose`; a `choose` may hold anything.

```xml
<wait for="all">
    <send-request mode="new" response-variable-name="stock">
        <set-url>@("https://stock.example/" + context.Request.MatchedParameters["id"])</set-url>
        <set-method>GET</set-method>
    </send-request>
    <cache-lookup-value key="@("price-" + context.Request.MatchedParameters["id"])" variable-name="price" />
</wait>
```

With `for="any"` what has not ended is cut off, and its variable is not set. The policies begin in the order written; when one
ends without waiting, `any` begins no other.

An error inside ends the others: with `for="all"` the first, with `for="any"` the first of them when all have failed.
`return-response` inside a `choose` ends everything.

Differences from Azure:

- Calls and look-ups run beside one another, also inside `choose`. Any other policy that waits, such as `retry`, keeps the
  others from going on until it has ended, though their calls are under way meanwhile.
- What happens to the others on an error is not documented for Azure.
"#;

#[derive(Debug)]
struct Wait {
    until: Value<For>,
    block: [Block; 1],
}

/// When it goes on.
#[derive(Debug, Clone, Copy)]
struct For(Until);

impl Typed for For {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self(Until::All)),
            "any" => Ok(Self(Until::Any)),
            _ => Err("expected `all` or `any`".to_owned()),
        }
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = std::sync::Arc::<str>::from_value(value, state)?;
        Self::parse(&text)
            .map_err(|_| PolicyError::unfit_value("The value of `for` is neither all nor any."))
    }
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let until = cx.attribute(element, "for");
    let block = [cx.block(element, "")];
    Some(Box::new(Wait { until: until?, block }))
}

impl Step for Wait {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let For(until) = self.until.eval(cx)?;
        Ok(Flow::Concurrent { block: 0, until })
    }

    fn blocks(&self) -> &[Block] {
        &self.block
    }

    fn facts(&self) -> Facts {
        self.until.facts()
    }
}

#[cfg(test)]
mod tests {
    use tollgate_engine::Outcome;

    use crate::testing::Case;

    /// The variables that are set after two policies, of which the first is given, and the reason of the error.
    fn after(wait: &str, first: &str) -> String {
        let second = r#"<choose><when condition="true"><set-variable name="two" value="2" /></when></choose>"#;
        let run = Case::inbound(&format!("<wait {wait}>{first}{second}</wait>")).run();
        let names: Vec<&str> = run.cx.variables.names().collect();
        format!("{} {}", names.join(","), run.reason()).trim().to_owned()
    }

    #[test]
    fn all_are_awaited_or_the_first() {
        let one = r#"<choose><when condition="true"><set-variable name="one" value="1" /></when></choose>"#;
        assert_eq!(after("", one), "one,two");
        assert_eq!(after(r#"for="all""#, one), "one,two");
        assert_eq!(after(r#"for="any""#, one), "one");
        assert_eq!(after(r#"for="@("a" + "ny")""#, one), "one");
        let wrong = after(r#"for="@(context.Request.Method)""#, one);
        assert_eq!(wrong, "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn an_error_inside_counts_for_any_only_when_all_fail() {
        let failing =
            r#"<choose><when condition="@(int.Parse(context.Request.Method) == 1)" /></choose>"#;
        assert_eq!(after("", failing), "ExpressionValueEvaluationFailure");
        assert_eq!(after(r#"for="any""#, failing), "two");
        let run = Case::inbound(&format!(r#"<wait for="any">{failing}{failing}</wait>"#)).run();
        let error = run.cx.last_error.unwrap();
        assert_eq!(
            (error.source.as_str(), error.path.as_str()),
            ("choose", r"wait[1]\choose[1]\when[1]")
        );
    }

    #[test]
    fn a_return_inside_ends_everything() {
        let policy = r#"<wait><choose><when condition="true"><return-response><set-status code="299" />
            </return-response></when></choose></wait><set-variable name="after" value="1" />"#;
        let run = Case::inbound(policy).run();
        assert_eq!((run.outcome, run.status()), (Outcome::Returned, 299));
        assert!(run.cx.variables.get("after").is_none());
    }

    #[test]
    fn what_may_stand_inside() {
        let refused = |inside: &str, why: &str| Case::inbound(inside).refused(why);
        refused("<wait />", "`wait` is empty");
        refused(
            r#"<wait><set-variable name="a" value="b" /></wait>"#,
            "may not stand directly in `wait`",
        );
        refused(
            r#"<wait for="some"><choose><when condition="true" /></choose></wait>"#,
            "expected one of `all`, `any`",
        );
        let policy =
            r#"<on-error><wait><choose><when condition="true" /></choose></wait></on-error>"#;
        Case::inbound("").on_error(policy).warned("`wait` in `on-error` is not documented");
    }
}
