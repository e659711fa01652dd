//! `choose`: runs the policies of the first branch whose condition holds.

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, BoxFuture, ChildDef, CompileCx, Content, Facts, Flow,
    Limit, PolicyDef, PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "choose",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[],
    content: Content::Children(&[
        ChildDef {
            name: "when",
            attributes: &[AttributeDef {
                name: "condition",
                ty: AttributeType::Bool,
                required: true,
                expression: true,
                doc: "Whether the branch is taken.",
                ..AttributeDef::DEFAULT
            }],
            content: Content::Policies,
            min: 1,
            doc: "A branch.",
            ..ChildDef::DEFAULT
        },
        ChildDef {
            name: "otherwise",
            content: Content::Policies,
            max: 1,
            doc: "The branch taken when no condition holds; the last one.",
            ..ChildDef::DEFAULT
        },
    ]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Evaluates the conditions in order and runs the policies of the first branch whose condition holds; when none does,
those of `otherwise`, if there is one. Later conditions are not evaluated.

```xml
<choose>
    <when condition="@(context.Request.Method == "GET")">
        <set-header name="X-Read" exists-action="override"><value>true</value></set-header>
    </when>
    <otherwise>
        <set-header name="X-Read" exists-action="delete" />
    </otherwise>
</choose>
```

Differences from Azure:

- `context.LastError.Path` names the branch also when its condition failed: `choose[1]\when[2]`.
"#;

#[derive(Debug)]
struct Choose {
    /// One for each `when`, in order.
    conditions: Vec<Value<bool>>,
    /// The branches in the same order, then `otherwise` if there is one.
    blocks: Vec<Block>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let mut conditions = Vec::new();
    let mut blocks = Vec::new();
    for branch in element.elements_named("when") {
        let index = blocks.len() + 1;
        blocks.push(cx.block(branch, format!("when[{index}]")));
        conditions.push(cx.attribute::<bool>(branch, "condition"));
    }
    if let Some(otherwise) = element.elements_named("otherwise").next() {
        blocks.push(cx.block(otherwise, "otherwise[1]"));
        if let Some(late) = element.elements().skip_while(|child| child.name != "otherwise").nth(1)
            && late.name == "when"
        {
            cx.report(
                Diagnostic::new(
                    Code::INVALID_VALUE,
                    "`otherwise` must be the last branch",
                    late.name_span,
                )
                .label("this branch comes after it"),
            );
        }
    }
    let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Box::new(Choose { conditions, blocks }))
}

impl Choose {
    /// Whether a branch is taken; an error names it.
    fn holds(&self, cx: &mut RequestCx, branch: usize) -> Result<bool, PolicyError> {
        let condition = self.conditions.get(branch).map(|condition| condition.eval(cx));
        condition.unwrap_or(Ok(false)).map_err(|error| error.inside(label(branch)))
    }

    fn otherwise(&self) -> Flow {
        let block = self.conditions.len();
        if block < self.blocks.len() { Flow::Enter { block, state: 0 } } else { Flow::Continue }
    }

    /// What any of the conditions needs.
    fn needs(&self) -> Facts {
        self.conditions.iter().map(Value::facts).fold(Facts::default(), Facts::or)
    }
}

/// A branch as a path prints it.
fn label(branch: usize) -> String {
    format!("when[{}]", branch + 1)
}

impl Step for Choose {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        if cx.lacks(self.needs()) {
            return Ok(Flow::Wait);
        }
        for block in 0..self.conditions.len() {
            if self.holds(cx, block)? {
                return Ok(Flow::Enter { block, state: 0 });
            }
        }
        Ok(self.otherwise())
    }

    /// A condition that reads a body has it read only when it is its turn: an earlier branch that is taken leaves the
    /// body on the wire. Dropping the future leaves it there, too.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            for (block, condition) in self.conditions.iter().enumerate() {
                cx.provide(condition.facts()).await.map_err(|error| error.inside(label(block)))?;
                if self.holds(cx, block)? {
                    return Ok(Flow::Enter { block, state: 0 });
                }
            }
            Ok(self.otherwise())
        })
    }

    fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use tollgate_engine::Body;

    use crate::testing::Case;

    #[test]
    fn a_body_is_read_only_for_the_condition_that_needs_it() {
        let policy = r#"<choose><when condition="@(context.Variables.ContainsKey("x"))" />
            <when condition="@(context.Request.Body.As<string>(preserveContent: true) == "b")">
            <set-variable name="y" value="1" /></when></choose>"#;
        let case = || Case::inbound(policy).body("b").streaming();
        let run = case().run();
        assert!(matches!(run.cx.request.body, Body::Buffered(_)));
        assert!(run.cx.variables.get("y").is_some());
        let run = case().variable("x", "1".into()).run();
        assert!(matches!(run.cx.request.body, Body::Stream));
        assert!(run.cx.variables.get("y").is_none());
    }

    fn branch(conditions: [&str; 2], otherwise: &str) -> Option<String> {
        let [one, two] = conditions;
        let policy = format!(
            r#"<choose><when condition="{one}"><set-variable name="x" value="one" /></when>
               <when condition="{two}"><set-variable name="x" value="two" /></when>{otherwise}</choose>"#
        );
        let run = Case::inbound(&policy).run();
        run.cx.variables.get("x").and_then(|value| value.as_str()).map(str::to_owned)
    }

    #[test]
    fn the_first_true_branch_runs() {
        let otherwise = r#"<otherwise><set-variable name="x" value="none" /></otherwise>"#;
        assert_eq!(branch(["true", "true"], otherwise).as_deref(), Some("one"));
        assert_eq!(branch(["@(1 == 2)", "@(1 == 1)"], otherwise).as_deref(), Some("two"));
        assert_eq!(branch(["false", "False"], otherwise).as_deref(), Some("none"));
        assert_eq!(branch(["false", "false"], ""), None);
        assert_eq!(branch(["false", "false"], "<otherwise />"), None);
    }

    #[test]
    fn a_failing_condition_names_its_branch() {
        let policy = r#"<choose><when condition="false" /></choose><choose><when condition="false" />
            <when condition="@(((string)context.Variables["absent"]).Length == 1)" /></choose>"#;
        let run = Case::inbound(policy).run();
        let error = run.cx.last_error.unwrap();
        assert_eq!((error.source.as_str(), error.path.as_str()), ("choose", r"choose[2]\when[2]"));
        assert_eq!(error.reason, "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn branches_that_cannot_be() {
        Case::inbound("<choose><otherwise /></choose>").refused("`choose` needs a `when` element");
        Case::inbound(r#"<choose><otherwise /><when condition="true" /></choose>"#)
            .refused("must be the last branch");
        Case::inbound(r#"<choose><when condition="maybe" /></choose>"#)
            .refused("expected `true` or `false`");
        Case::inbound("<choose><when /></choose>")
            .refused("`when` needs the attribute `condition`");
        Case::inbound(r#"<choose><when condition="true"><base /></when></choose>"#)
            .refused("directly in a section");
    }
}
