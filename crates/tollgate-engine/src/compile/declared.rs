//! Checks an element against its declaration.

use tollgate_diagnostics::{Code, Diagnostic, closest};

use super::{CompileCx, invalid_value};
use crate::read::{Attribute, Element, Value};
use crate::{AttributeDef, AttributeType, ChildDef, Content, PolicyDef, Support, TextDef, Typed};

/// The declaration of an attribute of a policy or of one of its children.
pub(super) fn attribute(
    def: &'static PolicyDef,
    element: &str,
    name: &str,
) -> Option<&'static AttributeDef> {
    if element == def.name {
        return def.attribute(name);
    }
    child(&def.content, element)?.attributes.iter().find(|attribute| attribute.name == name)
}

fn child(content: &Content, element: &str) -> Option<&'static ChildDef> {
    let children = content.children();
    children
        .iter()
        .find(|child| child.name == element)
        .or_else(|| children.iter().find_map(|child_def| child(&child_def.content, element)))
}

/// Reports everything about a policy's element that its declaration does not allow. False when the element asks for
/// something that is not supported, so that nothing else needs to be said about it.
pub(super) fn check_policy(
    cx: &mut CompileCx<'_>,
    element: &Element,
    def: &'static PolicyDef,
) -> bool {
    attributes(cx, element, def.attributes, &["id"]);
    content(cx, element, &def.content);
    let is_refused = |name: &str| {
        def.attribute(name).is_some_and(|def| matches!(def.support, Support::Refused(_)))
    };
    !element.attributes.iter().any(|attribute| is_refused(&attribute.name))
}

fn attributes(
    cx: &mut CompileCx<'_>,
    element: &Element,
    declared: &'static [AttributeDef],
    also: &[&'static str],
) {
    for attribute in &element.attributes {
        if also.contains(&attribute.name.as_str()) {
            continue;
        }
        if let Some(def) = declared.iter().find(|def| def.name == attribute.name) {
            check_attribute(cx, attribute, def);
        } else {
            let names = declared.iter().map(|def| def.name).chain(also.iter().copied());
            let suggestion = closest(&attribute.name, names);
            cx.report(
                Diagnostic::new(
                    Code::UNKNOWN_ATTRIBUTE,
                    format!("unknown attribute `{}`", attribute.name),
                    attribute.name_span,
                )
                .label(format!("not an attribute of `{}`", element.name))
                .suggest(suggestion),
            );
        }
    }
    for def in declared.iter().filter(|def| def.required && element.attribute(def.name).is_none()) {
        cx.report(
            Diagnostic::new(
                Code::MISSING_ATTRIBUTE,
                format!("`{}` needs the attribute `{}`", element.name, def.name),
                element.name_span,
            )
            .label(format!("`{}` is missing", def.name)),
        );
    }
}

fn check_attribute(cx: &mut CompileCx<'_>, attribute: &Attribute, def: &AttributeDef) {
    match def.support {
        Support::Done => {}
        Support::NoEffect(why) => {
            let message = format!("attribute `{}` has no effect", attribute.name);
            let span = attribute.name_span;
            cx.report(Diagnostic::new(Code::NO_EFFECT, message, span).label(why));
        }
        Support::Refused(why) => {
            let message = format!("attribute `{}` is not supported", attribute.name);
            let span = attribute.name_span;
            let diagnostic = Diagnostic::new(Code::UNSUPPORTED_POLICY, message, span);
            cx.report(diagnostic.label("not supported").help(why));
            return;
        }
    }
    let subject = format!("attribute `{}`", attribute.name);
    if attribute.value.is_expression {
        if !def.expression {
            cx.report(not_an_expression(&attribute.value, &subject));
        }
    } else {
        literal(cx, &attribute.value, def.ty, &subject);
    }
}

pub(super) fn not_an_expression(value: &Value, subject: &str) -> Diagnostic {
    Diagnostic::new(
        Code::EXPRESSION_NOT_ALLOWED,
        format!("{subject} takes no policy expression"),
        value.span(),
    )
    .label("write a literal or a named value")
}

/// Checks a literal against its declared type.
fn literal(cx: &mut CompileCx<'_>, written: &Value, ty: AttributeType, subject: &str) {
    if written.is_opaque {
        return;
    }
    let value = written.as_str().trim();
    let wrong = match ty {
        AttributeType::Text => None,
        AttributeType::Filled => {
            written.as_str().is_empty().then(|| "expected some text".to_owned())
        }
        AttributeType::Bool => bool::parse(value).err(),
        AttributeType::Seconds => std::time::Duration::parse(value).err(),
        AttributeType::Int { min, max } => match i64::parse(value) {
            Err(why) => Some(why),
            Ok(number) if number < min => Some(format!("expected {min} or more")),
            Ok(number) if number > max => Some(format!("expected {max} or less")),
            Ok(_) => None,
        },
        AttributeType::Word(words) if words.contains(&value) => None,
        AttributeType::Word(words) => Some(format!("expected one of {}", word_list(words))),
        AttributeType::Url => {
            let absolute = value.starts_with("https://") || value.starts_with("http://");
            (!absolute).then(|| "expected an `https://` or `http://` URL".to_owned())
        }
    };
    if let Some(why) = wrong {
        let mut diagnostic = invalid_value(&written.text, subject, &why);
        if let AttributeType::Word(words) = ty {
            diagnostic = diagnostic.suggest(closest(value, words.iter().copied()));
        }
        cx.report(diagnostic);
    }
}

/// Words as people list them.
fn word_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn content(cx: &mut CompileCx<'_>, element: &Element, declared: &Content) {
    match declared {
        Content::Foreign => {}
        Content::Empty => {
            no_children(cx, element);
            no_text(cx, element);
        }
        Content::Text(def) => {
            no_children(cx, element);
            text(cx, element, def);
        }
        Content::Raw(def) => {
            let text = element.text();
            if def.required && text.is_none() {
                cx.report(missing_text(element));
            }
            if let Some(text) = text.filter(|text| text.is_expression && !def.expression) {
                cx.report(not_an_expression(&text, &format!("`{}`", element.name)));
            }
        }
        Content::ChildrenOrText(_, def)
            if element.elements().next().is_none() && element.stray_text().is_some() =>
        {
            text(cx, element, def);
        }
        Content::Children(defs) | Content::ChildrenOrText(defs, _) => {
            no_text(cx, element);
            no_other_children(cx, element, defs);
            children(cx, element, defs);
        }
        Content::Call { children: defs, .. } => {
            no_text(cx, element);
            children(cx, element, defs);
        }
        Content::Only(names) => {
            no_text(cx, element);
            only(cx, element, names);
        }
        Content::Policies | Content::Response { .. } => no_text(cx, element),
    }
}

/// Policies that hold some policies only.
fn only(cx: &mut CompileCx<'_>, element: &Element, names: &[&str]) {
    if element.elements().next().is_none() {
        cx.report(
            Diagnostic::new(
                Code::MISSING_CHILD,
                format!("`{}` is empty", element.name),
                element.name_span,
            )
            .label(format!("expected one of {}", word_list(names))),
        );
    }
    for child in element.elements().filter(|child| !names.contains(&child.name.as_str())) {
        cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ELEMENT,
                format!("`{}` may not stand directly in `{}`", child.name, element.name),
                child.name_span,
            )
            .label(format!("expected one of {}", word_list(names)))
            .suggest(closest(&child.name, names.iter().copied())),
        );
    }
}

fn text(cx: &mut CompileCx<'_>, element: &Element, def: &TextDef) {
    let subject = format!("`{}`", element.name);
    match element.text() {
        None if def.required => cx.report(missing_text(element)),
        None => {}
        Some(text) if text.is_expression && !def.expression => {
            cx.report(not_an_expression(&text, &subject));
        }
        Some(text) if text.is_expression => {}
        Some(text) => literal(cx, &text, def.ty, &subject),
    }
}

fn missing_text(element: &Element) -> Diagnostic {
    Diagnostic::new(Code::MISSING_CHILD, format!("`{}` is empty", element.name), element.span)
        .label("expected text here")
}

pub(super) fn no_text(cx: &mut CompileCx<'_>, element: &Element) {
    if let Some(text) = element.stray_text() {
        cx.report(
            Diagnostic::new(
                Code::UNEXPECTED_TEXT,
                format!("text is not allowed in `{}`", element.name),
                text.span,
            )
            .label("expected elements only"),
        );
    }
}

pub(super) fn no_children(cx: &mut CompileCx<'_>, element: &Element) {
    for child in element.elements() {
        cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ELEMENT,
                format!("unknown element `{}`", child.name),
                child.name_span,
            )
            .label(format!("`{}` has no child elements", element.name)),
        );
    }
}

fn no_other_children(cx: &mut CompileCx<'_>, element: &Element, defs: &'static [ChildDef]) {
    for child in element.elements() {
        if defs.iter().all(|def| def.name != child.name) {
            let suggestion = closest(&child.name, defs.iter().map(|def| def.name));
            cx.report(
                Diagnostic::new(
                    Code::UNKNOWN_ELEMENT,
                    format!("unknown element `{}`", child.name),
                    child.name_span,
                )
                .label(format!("not a child of `{}`", element.name))
                .suggest(suggestion),
            );
        }
    }
}

fn children(cx: &mut CompileCx<'_>, element: &Element, defs: &'static [ChildDef]) {
    for child in element.elements() {
        let def = defs.iter().find(|def| def.name == child.name);
        if let Some(def) = def.filter(|def| !matches!(def.content, Content::Foreign)) {
            attributes(cx, child, def.attributes, &[]);
            content(cx, child, &def.content);
        }
    }
    for def in defs {
        let mut found = element.elements().filter(|child| child.name == def.name);
        let count = found.by_ref().count();
        if count < def.min {
            cx.report(
                Diagnostic::new(
                    Code::MISSING_CHILD,
                    format!("`{}` needs a `{}` element", element.name, def.name),
                    element.name_span,
                )
                .label(format!("`{}` is missing", def.name)),
            );
        }
        if count > def.max
            && let Some(extra) =
                element.elements().filter(|child| child.name == def.name).nth(def.max)
        {
            cx.report(
                Diagnostic::new(
                    Code::REPEATED,
                    format!("`{}` appears more often than it may", def.name),
                    extra.name_span,
                )
                .label(format!("`{}` takes at most {}", element.name, def.max)),
            );
        }
    }
}
