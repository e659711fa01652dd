//! The instructions of templates.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, closest};
use tollgate_engine::read::{Element, Node};

use super::{Compiler, INSTRUCTIONS, Own, XSL};
use crate::xsl_transform::run::itself;
use crate::xsl_transform::style::{
    Apply, Binding, Bound, Instr, Level, Literal, MadeAttribute, MadeElement, Numbering, Scope,
    Sort,
};
use crate::xsl_transform::tree::Name;

impl Compiler<'_, '_> {
    /// `xsl:variable`, `xsl:param` or `xsl:with-param`.
    pub(super) fn binding(&mut self, element: &Element) -> Option<Binding> {
        self.check_attributes(element, &["name", "select"]);
        let name = self.name_of(element)?;
        let value = if let Some(attribute) = element.attribute("select") {
            Bound::Select(self.expr_of(attribute)?)
        } else {
            let body = self.body(element);
            if body.is_empty() { Bound::Nothing } else { Bound::Body(body) }
        };
        Some(Binding { name, value })
    }

    /// The instructions inside an element; its variables are known to none behind it.
    pub(super) fn body(&mut self, element: &Element) -> Vec<Instr> {
        let known = self.variables.len();
        let keeps = keeps_space(element);
        let mut body = Vec::new();
        let mut pending = String::new();
        for child in &element.children {
            match child {
                Node::Text(text) => pending.push_str(text.value.as_str()),
                Node::Comment(_) => {}
                Node::Element(child) => {
                    flush(&mut pending, keeps, &mut body);
                    let before = self.enter(child);
                    body.extend(self.instruction(child, &element.name));
                    self.scope.truncate(before);
                }
            }
        }
        flush(&mut pending, keeps, &mut body);
        self.variables.truncate(known);
        body
    }

    pub(super) fn instruction(&mut self, element: &Element, parent: &str) -> Option<Instr> {
        let own = self.own(element);
        if !own.is_xsl {
            return self.literal(element, &own);
        }
        let local = &*own.name.local;
        match local {
            "apply-templates" => self.apply(element),
            "call-template" => self.call(element),
            "for-each" => self.for_each(element),
            "if" => {
                self.check_attributes(element, &["test"]);
                let test = self.required_expr(element, "test");
                let body = self.body(element);
                Some(Instr::If(test?, body))
            }
            "choose" => self.choose(element),
            "value-of" => {
                self.check_attributes(element, &["select", "disable-output-escaping"]);
                let is_raw = self.yes(element, "disable-output-escaping").unwrap_or(false);
                Some(Instr::ValueOf { select: self.required_expr(element, "select")?, is_raw })
            }
            "text" => {
                self.check_attributes(element, &["disable-output-escaping"]);
                let is_raw = self.yes(element, "disable-output-escaping").unwrap_or(false);
                let text = element.untrimmed_text().as_str().into();
                Some(Instr::Text { text, is_raw })
            }
            "copy" => {
                self.check_attributes(element, &["use-attribute-sets"]);
                let sets = self.names(element.attribute("use-attribute-sets"));
                Some(Instr::Copy(sets, self.body(element)))
            }
            "copy-of" => {
                self.check_attributes(element, &["select"]);
                Some(Instr::CopyOf(self.required_expr(element, "select")?))
            }
            "element" | "attribute" => self.made(element, local == "element"),
            "comment" => Some(Instr::Comment(self.body(element))),
            "processing-instruction" => {
                self.check_attributes(element, &["name"]);
                let name = self.required(element, "name").and_then(|it| self.avt_of(it));
                let body = self.body(element);
                Some(Instr::Instruction(name?, body))
            }
            "variable" | "param" => {
                let binding = self.binding(element)?;
                self.variables.push(binding.name.clone());
                let is_parameter = local == "param";
                if is_parameter {
                    Some(Instr::Parameter(binding))
                } else {
                    Some(Instr::Variable(binding))
                }
            }
            "number" => self.number(element),
            "message" => {
                self.check_attributes(element, &["terminate"]);
                let terminates = self.yes(element, "terminate").unwrap_or(false);
                Some(Instr::Message { body: self.body(element), terminates })
            }
            // Every instruction is known, so it is never needed.
            "fallback" => None,
            "sort" | "with-param" => {
                let takes = parent.ends_with("apply-templates")
                    || parent.ends_with(if local == "sort" { "for-each" } else { "call-template" });
                if !takes {
                    let message = format!("`{}` is out of place", element.name);
                    self.wrong(element.name_span, message, format!("`{parent}` does not take it"));
                }
                None
            }
            local => {
                self.unknown(element, local, &INSTRUCTIONS);
                None
            }
        }
    }

    pub(super) fn literal(&mut self, element: &Element, own: &Own<'_>) -> Option<Instr> {
        let excluded = self.excluded.len();
        let xsl = |name: &str| {
            let prefixes = self.scope.iter().filter(|(_, namespace)| &**namespace == XSL);
            prefixes.map(|(prefix, _)| format!("{prefix}:{name}")).collect::<Vec<_>>()
        };
        let (sets_names, own_names) = (xsl("use-attribute-sets"), xsl(""));
        for prefix in &own_names {
            self.exclude(element, prefix);
        }
        let sets = sets_names.iter().find_map(|name| element.attribute(name));
        let sets = self.names(sets);
        let mut attributes = Vec::new();
        for attribute in &element.attributes {
            let name = attribute.name.as_str();
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let expanded = self.qname(name, attribute.name_span);
            if &*expanded.namespace == XSL {
                continue;
            }
            let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
            let (prefix, expanded) = self.aliased(prefix, expanded);
            attributes.push((prefix, expanded, self.avt_of(attribute)?));
        }
        let mut namespaces: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (prefix, namespace) in self.scope.iter().rev() {
            let is_known = namespaces.iter().any(|(known, _)| known == prefix);
            if !is_known && !self.excluded.contains(namespace) {
                namespaces.push((prefix.clone(), namespace.clone()));
            }
        }
        namespaces.retain(|(_, namespace)| !namespace.is_empty());
        namespaces.reverse();
        for declared in &mut namespaces {
            if let Some((_, target)) = self.aliases.iter().find(|(from, _)| *from == declared.1) {
                declared.clone_from(target);
            }
        }
        let (prefix, name) = self.aliased(own.prefix, own.name.clone());
        let body = self.body(element);
        self.excluded.truncate(excluded);
        Some(Instr::Literal(Box::new(Literal { prefix, name, namespaces, attributes, sets, body })))
    }

    pub(super) fn aliased(&self, prefix: &str, name: Name) -> (Arc<str>, Name) {
        match self.aliases.iter().find(|(from, _)| *from == name.namespace) {
            Some((_, (prefix, target))) if !name.namespace.is_empty() => {
                (prefix.clone(), Name::new(target.clone(), name.local))
            }
            _ => (prefix.into(), name),
        }
    }

    pub(super) fn current_scope(&self) -> Scope {
        self.scope.clone().into()
    }

    pub(super) fn made(&mut self, element: &Element, is_element: bool) -> Option<Instr> {
        let known: &[&'static str] = if is_element {
            &["name", "namespace", "use-attribute-sets"]
        } else {
            &["name", "namespace"]
        };
        self.check_attributes(element, known);
        let name = self.required(element, "name").and_then(|it| self.avt_of(it));
        let namespace = self.optional_avt(element, "namespace");
        let sets = self.names(element.attribute("use-attribute-sets"));
        let scope = self.current_scope();
        let body = self.body(element);
        let name = name?;
        Some(if is_element {
            Instr::Element(Box::new(MadeElement { name, namespace, scope, sets, body }))
        } else {
            Instr::Attribute(Box::new(MadeAttribute { name, namespace, scope, body }))
        })
    }

    pub(super) fn sorts(&mut self, element: &Element) -> Vec<Sort> {
        let mut sorts = Vec::new();
        for child in element.elements() {
            let before = self.enter(child);
            let own = self.own(child);
            if own.is_xsl && &*own.name.local == "sort" {
                self.check_attributes(
                    child,
                    &["select", "lang", "data-type", "order", "case-order"],
                );
                let select = match child.attribute("select") {
                    Some(attribute) => self.expr_of(attribute),
                    None => Some(itself()),
                };
                let order = self.optional_avt(child, "order");
                let data_type = self.optional_avt(child, "data-type");
                let case_order = self.optional_avt(child, "case-order");
                sorts.extend(select.map(|select| Sort { select, order, data_type, case_order }));
            }
            self.scope.truncate(before);
        }
        sorts
    }

    pub(super) fn parameters(&mut self, element: &Element) -> Vec<Binding> {
        let mut parameters = Vec::new();
        for child in element.elements() {
            let before = self.enter(child);
            let own = self.own(child);
            match (own.is_xsl, &*own.name.local) {
                (true, "with-param") => parameters.extend(self.binding(child)),
                (true, "sort" | "fallback") => {}
                _ => {
                    let message = format!("`{}` is out of place", child.name);
                    self.wrong(
                        child.name_span,
                        message,
                        format!("`{}` does not take it", element.name),
                    );
                }
            }
            self.scope.truncate(before);
        }
        parameters
    }

    pub(super) fn apply(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(element, &["select", "mode"]);
        let select = match element.attribute("select") {
            Some(attribute) => Some(self.expr_of(attribute)?),
            None => None,
        };
        let mode =
            element.attribute("mode").map(|it| self.qname(it.value.as_str(), it.value.span()));
        let sorts = self.sorts(element);
        let parameters = self.parameters(element);
        Some(Instr::Apply(Box::new(Apply { select, mode, sorts, parameters })))
    }

    pub(super) fn call(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(element, &["name"]);
        let attribute = self.required(element, "name")?;
        let name = self.qname(attribute.value.as_str(), attribute.value.span());
        let parameters = self.parameters(element);
        if let Some((_, index)) = self.named.iter().find(|(known, _)| *known == name) {
            return Some(Instr::Call(*index, parameters));
        }
        self.is_wrong = true;
        let known = self.named.iter().map(|(name, _)| &*name.local);
        let suggestion = closest(&name.local, known).map(str::to_owned);
        self.cx.report(
            Diagnostic::new(
                Code::INVALID_VALUE,
                format!("there is no template `{}`", name.local),
                attribute.value.span(),
            )
            .label("no template has this name")
            .suggest(suggestion.as_deref()),
        );
        None
    }

    pub(super) fn for_each(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(element, &["select"]);
        let select = self.required_expr(element, "select");
        let sorts = self.sorts(element);
        let body = self.body(element);
        Some(Instr::ForEach(select?, sorts, body))
    }

    pub(super) fn choose(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(element, &[]);
        let mut branches = Vec::new();
        for child in element.elements() {
            let before = self.enter(child);
            let own = self.own(child);
            match (own.is_xsl, &*own.name.local) {
                (true, "when") => {
                    self.check_attributes(child, &["test"]);
                    let test = self.required_expr(child, "test");
                    let body = self.body(child);
                    branches.extend(test.map(|test| (Some(test), body)));
                }
                (true, "otherwise") => {
                    self.check_attributes(child, &[]);
                    branches.push((None, self.body(child)));
                }
                _ => {
                    let message = format!("`{}` is out of place", child.name);
                    self.wrong(child.name_span, message, "expected `when` or `otherwise`");
                }
            }
            self.scope.truncate(before);
        }
        if branches.is_empty() {
            self.wrong(element.name_span, "`choose` has no branches", "`when` is missing");
            return None;
        }
        Some(Instr::Choose(branches))
    }

    pub(super) fn number(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(
            element,
            &[
                "level",
                "count",
                "from",
                "value",
                "format",
                "lang",
                "letter-value",
                "grouping-separator",
                "grouping-size",
            ],
        );
        let level = match element.attribute("level").map(|it| (it, it.value.as_str().trim())) {
            None | Some((_, "single")) => Level::Single,
            Some((_, "multiple")) => Level::Multiple,
            Some((_, "any")) => Level::Any,
            Some((attribute, _)) => {
                let label = "expected `single`, `multiple` or `any`";
                self.wrong(attribute.value.span(), "invalid value for attribute `level`", label);
                return None;
            }
        };
        let value = match element.attribute("value") {
            Some(attribute) => Some(self.expr_of(attribute)?),
            None => None,
        };
        let count = element.attribute("count").and_then(|it| self.patterns(it));
        let from = element.attribute("from").and_then(|it| self.patterns(it));
        Some(Instr::Number(Box::new(Numbering {
            value,
            level,
            count,
            from,
            format: self.optional_avt(element, "format"),
            separator: self.optional_avt(element, "grouping-separator"),
            group: self.optional_avt(element, "grouping-size"),
        })))
    }
}

/// Whether `xml:space` keeps the white space of an element of the stylesheet.
fn keeps_space(element: &Element) -> bool {
    element.attribute("xml:space").is_some_and(|it| it.value.as_str() == "preserve")
}

/// Adds the text that stands between elements, unless it is white space alone.
fn flush(pending: &mut String, keeps: bool, body: &mut Vec<Instr>) {
    let is_blank = pending.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    if !pending.is_empty() && (keeps || !is_blank) {
        body.push(Instr::Text { text: pending.as_str().into(), is_raw: false });
    }
    pending.clear();
}
