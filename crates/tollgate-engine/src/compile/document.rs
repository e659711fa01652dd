//! Documents, sections and the policies in them.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, closest};

use super::{CompileCx, CompileEnv, CompiledFragment, Limited, declared};
use crate::read::Element;
use crate::step::StepKind;
use crate::{
    Block, ChildDef, CompiledDocument, CompiledStep, Content, Facts, Limit, Message, PolicyDef,
    Scope, Section,
};

const BASE: &str = "base";
const INCLUDE_FRAGMENT: &str = "include-fragment";

/// Bytes of a fragment, as in Azure.
const LARGEST_FRAGMENT: usize = 512 * 1024;

/// What a document belongs to.
#[derive(Debug, Clone, Copy)]
pub struct DocumentInfo<'a> {
    /// Scope.
    pub scope: Scope,
    /// Template parameters of the operation; `None` for wider scopes.
    pub template_parameters: Option<&'a [String]>,
}

/// Where a block stands; decides whether `<base/>` may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Section,
    Nested,
    Fragment,
    /// Inside a policy that makes a message of its own.
    Message,
}

/// Compiles a `<policies>` document. A document with an error among its findings must not be used.
pub fn compile_document(
    root: &Element,
    info: DocumentInfo<'_>,
    env: &CompileEnv<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> CompiledDocument {
    let mut document = CompiledDocument { scope: info.scope, sections: [None, None, None, None] };
    if root.name != "policies" {
        let mut wrong = Diagnostic::new(
            Code::UNKNOWN_ELEMENT,
            format!("a policy document begins with `policies`, not `{}`", root.name),
            root.name_span,
        )
        .label("expected `policies`");
        if root.name == "fragment" {
            wrong = wrong.help("a fragment belongs in `fragments/<id>.xml`");
        } else if Section::from_name(&root.name).is_some() {
            wrong = wrong.help("put the sections inside a `policies` element");
        }
        diagnostics.push(wrong);
        return document;
    }
    outside_policies(root, diagnostics);
    let mut limited = Vec::new();
    for element in root.elements() {
        let Some(section) = Section::from_name(&element.name) else {
            diagnostics.push(unknown_section(element, env));
            continue;
        };
        let mut cx = CompileCx {
            env,
            diagnostics: &mut *diagnostics,
            def: None,
            section,
            scope: info.scope,
            message: message_of(section),
            in_fragment: false,
            included: Place::Section,
            place: Place::Section,
            limited: &mut limited,
            template_parameters: info.template_parameters,
        };
        outside_attributes(&mut cx, element);
        let compiled = block(&mut cx, element, String::new(), Place::Section);
        if section == Section::Backend {
            warn_about_backend(&mut cx, element);
        }
        let Some(slot) = document.sections.get_mut(section.index()) else { continue };
        if slot.is_some() {
            cx.report(
                Diagnostic::new(
                    Code::REPEATED,
                    format!("section `{section}` appears twice"),
                    element.name_span,
                )
                .label("a document has each section once"),
            );
        }
        *slot = Some(compiled);
    }
    document
}

/// Compiles a `<fragment>` for one section and scope.
pub fn compile_fragment(
    root: &Element,
    section: Section,
    scope: Scope,
    env: &CompileEnv<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Block {
    fragment(root, (section, scope, Place::Section), env, (diagnostics, &mut Vec::new()))
}

/// Compiles a fragment and adds its limited policies to those of the place.
fn fragment(
    root: &Element,
    (section, scope, included): (Section, Scope, Place),
    env: &CompileEnv<'_>,
    (diagnostics, limited): (&mut Vec<Diagnostic>, &mut Vec<Limited>),
) -> Block {
    let mut cx = CompileCx {
        env,
        diagnostics,
        def: None,
        section,
        scope,
        message: message_of(section),
        in_fragment: true,
        included,
        place: Place::Fragment,
        limited,
        template_parameters: None,
    };
    if root.name != "fragment" {
        cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ELEMENT,
                format!("a fragment begins with `fragment`, not `{}`", root.name),
                root.name_span,
            )
            .label("expected `fragment`"),
        );
        return Block::default();
    }
    outside_attributes(&mut cx, root);
    if root.elements().next().is_none() {
        cx.report(
            Diagnostic::new(Code::SUSPICIOUS, "the fragment holds no policy", root.name_span)
                .label("Azure API Management refuses this"),
        );
    }
    let size = root.span.range().len();
    if size > LARGEST_FRAGMENT {
        let message = format!("the fragment is larger than {LARGEST_FRAGMENT} bytes");
        cx.report(
            Diagnostic::new(Code::TOO_LARGE, message, root.name_span)
                .label(format!("{size} bytes"))
                .help("split it into several fragments"),
        );
    }
    block(&mut cx, root, String::new(), Place::Fragment)
}

fn message_of(section: Section) -> Message {
    match section {
        Section::Inbound | Section::Backend => Message::Request,
        Section::Outbound | Section::OnError => Message::Response,
    }
}

fn outside_policies(root: &Element, diagnostics: &mut Vec<Diagnostic>) {
    for attribute in &root.attributes {
        diagnostics.push(
            Diagnostic::new(
                Code::UNKNOWN_ATTRIBUTE,
                format!("unknown attribute `{}`", attribute.name),
                attribute.name_span,
            )
            .label(format!("`{}` has no attributes", root.name)),
        );
    }
    if let Some(text) = root.stray_text() {
        diagnostics.push(
            Diagnostic::new(Code::UNEXPECTED_TEXT, "text is not allowed in `policies`", text.span)
                .label("expected sections only"),
        );
    }
}

fn outside_attributes(cx: &mut CompileCx<'_>, element: &Element) {
    for attribute in &element.attributes {
        cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ATTRIBUTE,
                format!("unknown attribute `{}`", attribute.name),
                attribute.name_span,
            )
            .label(format!("`{}` has no attributes", element.name)),
        );
    }
    declared::no_text(cx, element);
}

fn unknown_section(element: &Element, env: &CompileEnv<'_>) -> Diagnostic {
    let names = Section::ALL.map(Section::name);
    let diagnostic = Diagnostic::new(
        Code::UNKNOWN_ELEMENT,
        format!("unknown section `{}`", element.name),
        element.name_span,
    )
    .label("expected `inbound`, `backend`, `outbound` or `on-error`")
    .suggest(closest(&element.name, names));
    let is_policy = env.policies.iter().any(|def| def.name == element.name);
    if is_policy {
        diagnostic.help(format!("put `{}` inside a section", element.name))
    } else {
        diagnostic
    }
}

/// Azure allows one policy in `backend`; several run here one after the other.
fn warn_about_backend(cx: &mut CompileCx<'_>, element: &Element) {
    if let Some(second) = element.elements().nth(1) {
        cx.report(
            Diagnostic::new(
                Code::SUSPICIOUS,
                "`backend` holds more than one policy",
                second.name_span,
            )
            .label("Azure API Management refuses this")
            .help("wrap the policies in one container such as `choose` or `retry`"),
        );
    }
}

/// Compiles the policies inside an element.
pub(super) fn block(
    cx: &mut CompileCx<'_>,
    element: &Element,
    label: String,
    place: Place,
) -> Block {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut steps = Vec::new();
    let own: &[ChildDef] = match cx.def.map(|def| def.content) {
        Some(Content::Call { children, .. }) if place == Place::Message => children,
        _ => &[],
    };
    for child in element.elements() {
        if own.iter().any(|def| def.name == child.name) {
            continue;
        }
        let index = counts.entry(child.name.as_str()).or_default();
        *index += 1;
        steps.extend(step(cx, child, *index, place));
    }
    Block { label, steps }
}

fn step(
    cx: &mut CompileCx<'_>,
    element: &Element,
    index: usize,
    place: Place,
) -> Option<CompiledStep> {
    match element.name.as_str() {
        BASE => base(cx, element, index, place),
        INCLUDE_FRAGMENT => include_fragment(cx, element, index, place),
        _ => policy(cx, element, index, place),
    }
}

fn base(
    cx: &mut CompileCx<'_>,
    element: &Element,
    index: usize,
    place: Place,
) -> Option<CompiledStep> {
    outside_attributes(cx, element);
    declared::no_children(cx, element);
    let refused = match place {
        _ if cx.in_fragment => Some((Code::NESTED_FRAGMENT, "`base` is not allowed in a fragment")),
        Place::Section if index > 1 => Some((Code::REPEATED, "`base` appears twice in a section")),
        Place::Section => None,
        Place::Nested | Place::Fragment | Place::Message => {
            Some((Code::WRONG_SECTION, "`base` must stand directly in a section"))
        }
    };
    if let Some((code, message)) = refused {
        cx.report(Diagnostic::new(code, message, element.name_span).label("not allowed here"));
        return None;
    }
    Some(CompiledStep {
        name: BASE,
        index,
        id: None,
        facts: Facts::default(),
        kind: StepKind::Base,
    })
}

fn include_fragment(
    cx: &mut CompileCx<'_>,
    element: &Element,
    index: usize,
    place: Place,
) -> Option<CompiledStep> {
    include_attributes(cx, element);
    declared::no_children(cx, element);
    declared::no_text(cx, element);
    if cx.in_fragment {
        cx.report(
            Diagnostic::new(
                Code::NESTED_FRAGMENT,
                "a fragment may not include another fragment",
                element.name_span,
            )
            .label("not allowed in a fragment"),
        );
        return None;
    }
    let Some(attribute) = element.attribute("fragment-id") else {
        cx.report(
            Diagnostic::new(
                Code::MISSING_ATTRIBUTE,
                "`include-fragment` needs the attribute `fragment-id`",
                element.name_span,
            )
            .label("`fragment-id` is missing"),
        );
        return None;
    };
    if attribute.value.is_expression {
        let diagnostic = declared::not_an_expression(&attribute.value, "attribute `fragment-id`");
        cx.report(diagnostic);
        return None;
    }
    let id = attribute.value.as_str().trim();
    let Some(root) = cx.env.fragments.documents.get(id) else {
        let suggestion = closest(id, cx.env.fragments.ids()).map(str::to_owned);
        cx.unresolved(
            Code::UNKNOWN_FRAGMENT,
            "fragment",
            id,
            attribute.value.span(),
            suggestion.as_deref(),
        );
        return None;
    };
    let compiled = included(cx, id, root, place);
    for limited in &compiled.limited {
        let is_nested = limited.is_nested || place == Place::Nested;
        check_limit(cx, element, Limited { is_nested, ..*limited });
    }
    let id = policy_id(element);
    Some(CompiledStep {
        name: INCLUDE_FRAGMENT,
        index,
        id,
        facts: Facts::default(),
        kind: StepKind::Fragment(Arc::clone(&compiled.block)),
    })
}

fn include_attributes(cx: &mut CompileCx<'_>, element: &Element) {
    for attribute in element.attributes.iter().filter(|a| a.name != "fragment-id" && a.name != "id")
    {
        cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ATTRIBUTE,
                format!("unknown attribute `{}`", attribute.name),
                attribute.name_span,
            )
            .label("not an attribute of `include-fragment`")
            .suggest(closest(&attribute.name, ["fragment-id", "id"])),
        );
    }
}

/// A fragment as it is compiled for this section, scope and place; once, however often it is included.
fn included(
    cx: &mut CompileCx<'_>,
    id: &str,
    root: &Element,
    place: Place,
) -> Arc<CompiledFragment> {
    let key = (id.to_owned(), cx.section, cx.scope, place);
    if let Some(known) = cx.env.fragments.compiled.borrow().get(&key) {
        return Arc::clone(known);
    }
    let mut limited = Vec::new();
    let found = (&mut *cx.diagnostics, &mut limited);
    let block = Arc::new(fragment(root, (cx.section, cx.scope, place), cx.env, found));
    let compiled = Arc::new(CompiledFragment { block, limited });
    cx.env.fragments.compiled.borrow_mut().insert(key, Arc::clone(&compiled));
    compiled
}

fn policy_id(element: &Element) -> Option<Arc<str>> {
    element.attribute("id").map(|attribute| attribute.value.as_str().into())
}

fn policy(
    cx: &mut CompileCx<'_>,
    element: &Element,
    index: usize,
    place: Place,
) -> Option<CompiledStep> {
    let Some(def) = cx.env.policies.iter().find(|def| def.name == element.name) else {
        let diagnostic = unknown_policy(cx, element);
        cx.report(diagnostic);
        return None;
    };
    check_place(cx, element, def, place);
    let is_nested = place == Place::Nested;
    check_limit(cx, element, Limited { def, section: cx.section, is_nested });
    let outer = (cx.def.replace(def), std::mem::replace(&mut cx.place, place));
    let is_supported = declared::check_policy(cx, element, def);
    match def.content {
        Content::Response { once, many } => check_message(cx, element, &[], once, many),
        Content::Call { children, once, many } => {
            check_message(cx, element, children, once, many);
        }
        _ => {}
    }
    let step = if is_supported { (def.compile)(element, cx) } else { None };
    (cx.def, cx.place) = outer;
    let step = step?;
    let facts = step.facts();
    let id = policy_id(element);
    Some(CompiledStep { name: def.name, index, id, facts, kind: StepKind::Policy(step) })
}

/// The policies inside a policy that makes a message of its own, beside its own children.
fn check_message(
    cx: &mut CompileCx<'_>,
    element: &Element,
    children: &[ChildDef],
    once: &[&str],
    many: &[&str],
) {
    let mut seen: Vec<&str> = Vec::new();
    let is_child = |name: &str| children.iter().any(|def| def.name == name);
    for child in element.elements().filter(|child| !is_child(&child.name)) {
        let name = child.name.as_str();
        if once.contains(&name) {
            if seen.contains(&name) {
                cx.report(
                    Diagnostic::new(
                        Code::REPEATED,
                        format!("`{name}` appears twice"),
                        child.name_span,
                    )
                    .label(format!("`{}` takes it once", element.name)),
                );
            }
        } else if !many.contains(&name) {
            cx.report(
                Diagnostic::new(
                    Code::UNKNOWN_ELEMENT,
                    format!("unknown element `{name}`"),
                    child.name_span,
                )
                .label(format!("not allowed in `{}`", element.name))
                .suggest(closest(
                    name,
                    once.iter().chain(many).copied().chain(children.iter().map(|def| def.name)),
                )),
            );
        }
        seen.push(name);
    }
}

fn unknown_policy(cx: &CompileCx<'_>, element: &Element) -> Diagnostic {
    let name = element.name.as_str();
    if Section::from_name(name).is_some() {
        let code = if cx.in_fragment { Code::NESTED_FRAGMENT } else { Code::UNKNOWN_ELEMENT };
        return Diagnostic::new(
            code,
            format!("section `{name}` is not allowed here"),
            element.name_span,
        )
        .label("a section stands directly in `policies`");
    }
    if let Some((_, instead)) = cx.env.unsupported.iter().find(|(known, _)| *known == name) {
        let diagnostic = Diagnostic::new(
            Code::UNSUPPORTED_POLICY,
            format!("policy `{name}` is not supported"),
            element.name_span,
        )
        .label("Azure API Management has this policy, Tollgate does not");
        return if instead.is_empty() { diagnostic } else { diagnostic.help(*instead) };
    }
    let known = cx.env.policies.iter().map(|def| def.name).chain([BASE, INCLUDE_FRAGMENT]);
    let known = known.chain(cx.env.unsupported.iter().map(|(name, _)| *name));
    Diagnostic::new(Code::UNKNOWN_ELEMENT, format!("unknown policy `{name}`"), element.name_span)
        .label("Azure API Management has no such policy")
        .suggest(closest(name, known))
}

fn check_place(cx: &mut CompileCx<'_>, element: &Element, def: &PolicyDef, place: Place) {
    if place == Place::Message {
        return;
    }
    let section = cx.section;
    if !def.sections.contains(&section) {
        if def.toolkit_sections.contains(&section) {
            cx.report(
                Diagnostic::new(
                    Code::TOOLKIT_ONLY,
                    format!("`{}` in `{section}` is not documented", def.name),
                    element.name_span,
                )
                .label("Microsoft's documents do not list this section"),
            );
        } else {
            let allowed: Vec<String> =
                def.sections.iter().map(|section| format!("`{section}`")).collect();
            cx.report(
                Diagnostic::new(
                    Code::WRONG_SECTION,
                    format!("`{}` is not allowed in `{section}`", def.name),
                    element.name_span,
                )
                .label("wrong section")
                .help(format!("it may stand in {}", allowed.join(", "))),
            );
        }
    }
    // Of a document that is checked alone nobody knows the scope.
    if !def.scopes.contains(&cx.scope) && !cx.env.standalone {
        cx.report(
            Diagnostic::new(
                Code::WRONG_SECTION,
                format!("`{}` is not allowed at {} scope", def.name, cx.scope),
                element.name_span,
            )
            .label("wrong scope"),
        );
    }
}

/// Notes a policy that may not appear as often as one likes, and reports when it appears too often. Occurrences of which a
/// condition may let only one run are a warning: documents in the field have one in each branch of a `choose`.
fn check_limit(cx: &mut CompileCx<'_>, element: &Element, this: Limited) {
    let Limited { def, section, is_nested } = this;
    let within = match def.limit {
        Limit::Any => return,
        Limit::OncePerSection => "section",
        Limit::OncePerDocument => "policy document",
    };
    let is_same = |other: &&Limited| {
        other.def.name == def.name
            && (def.limit == Limit::OncePerDocument || other.section == section)
    };
    let before: Vec<bool> =
        cx.limited.iter().filter(is_same).map(|other| other.is_nested).collect();
    if !before.is_empty() {
        let may_exclude = is_nested && before.iter().all(|nested| *nested);
        let code = if may_exclude { Code::SUSPICIOUS } else { Code::REPEATED };
        let message = format!("`{}` appears more than once in a {within}", def.name);
        let label = if element.name == def.name { "appears again" } else { "holds it again" };
        cx.report(Diagnostic::new(code, message, element.name_span).label(label));
    }
    cx.limited.push(this);
}
