//! `set-variable`: gives a context variable a value.

use std::sync::Arc;

use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Flow, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Value,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-variable",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "name",
            ty: AttributeType::Filled,
            required: true,
            doc: "Name of the variable in `context.Variables`; case matters.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "value",
            required: true,
            expression: true,
            doc: "A literal is a string; an expression keeps its type.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Gives a context variable a value. Variables live as long as the request and are shared by all sections and scopes.

```xml
<set-variable name="is-mobile" value="@(context.Request.Headers.GetValueOrDefault("User-Agent", "").Contains("iPhone"))" />
```

Differences from Azure:

- Any value may be stored, also the objects that Azure's reference does not list.
- Null is stored as null.
"#;

#[derive(Debug)]
struct SetVariable {
    name: Arc<str>,
    value: Value<tollgate_expr::Value>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let name = cx.literal(element, "name");
    let value = cx.attribute(element, "value");
    Some(Box::new(SetVariable { name: name?, value: value? }))
}

impl Step for SetVariable {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let value = self.value.eval(cx)?;
        cx.variables.set(&self.name, value);
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.value.facts()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    #[test]
    fn literals_are_strings_and_expressions_keep_their_type() {
        let run = Case::inbound(
            r#"<set-variable name="a" value="1" /><set-variable name="b" value="@(1 + 1)" />
               <set-variable name="c" value="@((string)null)" /><set-variable name="d" value="" />
               <set-variable name="A" value="other" /><set-variable name="a" value="@(1 == 1)" />"#,
        )
        .run();
        let variable = |name: &str| run.cx.variables.get(name).unwrap();
        assert_eq!(variable("a").as_bool(), Some(true));
        assert_eq!(variable("b").as_int(), Some(2));
        assert!(variable("c").is_null());
        assert_eq!(variable("d").as_str(), Some(""));
        assert_eq!(variable("A").as_str(), Some("other"));
        assert_eq!(run.cx.variables.names().collect::<Vec<_>>(), ["a", "b", "c", "d", "A"]);
    }

    #[test]
    fn the_name_is_a_literal() {
        Case::inbound(r#"<set-variable name="@(1)" value="1" />"#)
            .refused("takes no policy expression");
        Case::inbound(r#"<set-variable name="a" />"#).refused("needs the attribute `value`");
    }
}
