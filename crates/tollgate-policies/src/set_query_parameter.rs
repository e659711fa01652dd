//! `set-query-parameter`: adds, replaces, appends to or removes a query parameter of the request.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Secret, Section, Step, TextDef, Value,
};

use crate::exists_action::{ExistsAction, WORDS};
use crate::query;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "set-query-parameter",
    sections: &[Section::Inbound, Section::Backend],
    toolkit_sections: &[Section::Outbound, Section::OnError],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "name",
            ty: AttributeType::Filled,
            required: true,
            expression: true,
            doc: "Name of the parameter; case matters.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "exists-action",
            ty: AttributeType::Word(WORDS),
            expression: true,
            default: Some("override"),
            doc: "What to do when the parameter is there already.",
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
        doc: "One value; several repeat the parameter.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Sets a query parameter of the request that goes to the backend. `override` replaces the parameter where it stands,
`skip` leaves one that is there, `append` adds another occurrence at the end, `delete` removes all occurrences. Several
values repeat the parameter. All other parameters stay as the client sent them, in order.

```xml
<set-query-parameter name="api-version" exists-action="skip">
    <value>2024-10-21</value>
</set-query-parameter>
```

Differences from Azure:

- Name and values are encoded, so a value cannot add a parameter of its own.
- Names compare with regard to case, after decoding.
- A `value` is needed unless the action is `delete`, for which it is ignored; where an expression says which action it
  is, its absence is an evaluation error.
"#;

#[derive(Debug)]
struct SetQueryParameter {
    name: Value<Arc<str>>,
    action: Value<ExistsAction>,
    values: Vec<Value<Arc<str>>>,
    /// The parameters as they are written, when none of them depends on the request. One may be a secret.
    written: Option<Secret<String>>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let name: Option<Value<Arc<str>>> = cx.attribute(element, "name");
    let action: Value<ExistsAction> = cx.attribute(element, "exists-action")?;
    let mut values = Vec::<Option<Value<Arc<str>>>>::new();
    for child in element.elements_named("value") {
        let value =
            if child.text().is_none() { Some(Value::Literal("".into())) } else { cx.text(child) };
        values.push(value);
    }
    if values.is_empty()
        && matches!(action.literal(), Some(action) if *action != ExistsAction::Delete)
    {
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                "`set-query-parameter` needs a `value` element",
                element.name_span,
            )
            .label("`value` is missing")
            .help("to remove the parameter write `exists-action=\"delete\"`"),
        );
        return None;
    }
    let (name, values) = (name?, values.into_iter().collect::<Option<Vec<_>>>()?);
    let literals = values.iter().map(|value| value.literal().map(|value| &**value));
    let literals = literals.collect::<Option<Vec<_>>>();
    let written =
        name.literal().zip(literals).map(|(name, values)| Secret::new(written(name, values)));
    Some(Box::new(SetQueryParameter { name, action, values, written }))
}

impl Step for SetQueryParameter {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let name = self.name.eval(cx)?;
        let action = self.action.eval(cx)?;
        if self.values.is_empty() && action != ExistsAction::Delete {
            let message = "Expression evaluation failed. There is no value to set.";
            return Err(PolicyError::internal("ExpressionValueEvaluationFailure", message));
        }
        let added = match &self.written {
            _ if action == ExistsAction::Delete => Cow::Borrowed(""),
            Some(written) => Cow::Borrowed(written.expose().as_str()),
            None => {
                let values = self.values.iter().map(|value| value.eval(cx));
                let values = values.collect::<Result<SmallVec<[Arc<str>; 2]>, _>>()?;
                Cow::Owned(written(&name, values.iter().map(|value| &**value)))
            }
        };
        let query = &mut cx.request.uri.query;
        let exists = query::parameters(query).any(|parameter| query::name(parameter) == *name);
        match action {
            ExistsAction::Skip if exists => {}
            ExistsAction::Override | ExistsAction::Delete if exists => {
                *query = replaced(query, &name, &added);
            }
            ExistsAction::Delete => {}
            _ => query::push(query, &added),
        }
        Ok(Flow::Continue)
    }

    fn facts(&self) -> Facts {
        let own = self.name.facts().or(self.action.facts());
        self.values.iter().fold(own, |facts, value| facts.or(value.facts()))
    }
}

/// A parameter with each of its values.
fn written<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut added = String::new();
    for value in values {
        query::push(&mut added, &query::parameter(name, value));
    }
    added
}

/// The query with other parameters in place of the first occurrence of a name, and without the further ones.
fn replaced(query: &str, name: &str, added: &str) -> String {
    let mut result = String::with_capacity(query.len() + added.len());
    let mut placed = added.is_empty();
    for parameter in query::parameters(query) {
        if query::name(parameter) != name {
            query::push(&mut result, parameter);
        } else if !placed {
            query::push(&mut result, added);
            placed = true;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use crate::testing::Case;

    fn check(before: &str, name: &str, action: &str, values: &str, after: &str) {
        let policy = format!(
            r#"<set-query-parameter name="{name}" exists-action="{action}">{values}</set-query-parameter>"#
        );
        let run = Case::inbound(&policy).url(&format!("/p?{before}")).run();
        assert_eq!(run.cx.request.uri.query, after, "{policy} on {before}");
    }

    #[test]
    fn actions() {
        let v = "<value>v</value>";
        let two = "<value>v</value><value>w</value>";
        check("", "p", "override", v, "p=v");
        check("a=1&p=2&b=3&p=4&c", "p", "override", v, "a=1&p=v&b=3&c");
        check("a=1&p=2&b=3", "p", "override", two, "a=1&p=v&p=w&b=3");
        check("a=1&p=2", "p", "skip", v, "a=1&p=2");
        check("a=1&p", "p", "skip", v, "a=1&p");
        check("a=1", "p", "skip", v, "a=1&p=v");
        check("p=1&a=2", "p", "append", v, "p=1&a=2&p=v");
        check("", "p", "append", two, "p=v&p=w");
        check("a=1&p=2&b=3&p=4", "p", "delete", "", "a=1&b=3");
        check("p=1", "p", "delete", v, "");
        check("a=1", "p", "delete", "", "a=1");
        check("a=1&P=2", "p", "override", v, "a=1&P=2&p=v");
        check("%70=1&a", "p", "override", v, "p=v&a");
        check("a%20b=1", "a b", "delete", "", "");
        check("p=1", "p", r#"@("app" + "end")"#, v, "p=1&p=v");
    }

    #[test]
    fn values_are_encoded_and_the_rest_stays_as_it_was() {
        check("z=%2f%2F+&&y", "p q", "override", "<value>a&amp;b=c d/é%41#</value>", {
            "z=%2f%2F+&&y&p%20q=a%26b%3Dc%20d%2F%C3%A9%2541%23"
        });
        check(
            "",
            "p",
            "override",
            r#"<value>@("x&admin=" + "true")</value>"#,
            "p=x%26admin%3Dtrue",
        );
        check("", "p", "override", "<value></value>", "p=");
        check("", "p", "override", "<value>@((string)null)</value>", "p=");
    }

    #[test]
    fn a_value_is_needed() {
        Case::inbound(r#"<set-query-parameter name="p" />"#).refused("needs a `value` element");
        Case::inbound(r#"<set-query-parameter name="p" exists-action="add"><value>1</value></set-query-parameter>"#)
            .refused("expected one of `override`");
    }
}
