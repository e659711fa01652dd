//! From the elements of a stylesheet to instructions.

use std::ops::Range;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span, closest};
use tollgate_engine::CompileCx;
use tollgate_engine::read::{Attribute, Element, Node};

use super::format_number::DecimalFormat;
use super::pattern::Pattern;
use super::run::itself;
use super::style::{
    Apply, AttributeSet, Avt, AvtPart, Binding, Bound, Global, Instr, Key, Level, Literal,
    MadeAttribute, MadeElement, Method, Numbering, Rule, Scope, Sort, Space, Stylesheet,
};
use super::tree::Name;
use super::xpath::parse::{Surroundings, parse};
use super::xpath::{Expr, Test};

const XSL: &str = "http://www.w3.org/1999/XSL/Transform";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

const INSTRUCTIONS: [&str; 20] = [
    "apply-templates",
    "attribute",
    "call-template",
    "choose",
    "comment",
    "copy",
    "copy-of",
    "element",
    "fallback",
    "for-each",
    "if",
    "message",
    "number",
    "param",
    "processing-instruction",
    "sort",
    "text",
    "value-of",
    "variable",
    "with-param",
];

const TOP: [&str; 12] = [
    "attribute-set",
    "decimal-format",
    "import",
    "include",
    "key",
    "namespace-alias",
    "output",
    "param",
    "preserve-space",
    "strip-space",
    "template",
    "variable",
];

/// Whether there is an instruction of this name.
pub(super) fn is_instruction(local: &str) -> bool {
    INSTRUCTIONS.contains(&local)
}

/// What an expression may refer to.
struct Around<'a> {
    scope: &'a [(Arc<str>, Arc<str>)],
    variables: &'a [Name],
    globals: &'a [Name],
}

impl Surroundings for Around<'_> {
    fn namespace(&self, prefix: &str) -> Option<Arc<str>> {
        if prefix == "xml" {
            return Some(XML.into());
        }
        let found = self.scope.iter().rev().find(|(own, _)| **own == *prefix);
        found.map(|(_, namespace)| namespace.clone())
    }

    fn has_variable(&self, name: &Name) -> bool {
        self.variables.contains(name) || self.globals.contains(name)
    }
}

/// A prefix and its namespace.
type Declared = (Arc<str>, Arc<str>);

struct Compiler<'c, 'x> {
    cx: &'c mut CompileCx<'x>,
    style: Stylesheet,
    scope: Vec<(Arc<str>, Arc<str>)>,
    variables: Vec<Name>,
    globals: Vec<Name>,
    /// Named templates with their place.
    named: Vec<(Name, usize)>,
    /// Namespaces that are not copied to the result.
    excluded: Vec<Arc<str>>,
    aliases: Vec<(Arc<str>, Declared)>,
    /// How many templates are compiled.
    compiled: usize,
    is_wrong: bool,
}

/// Compiles a stylesheet; none when it is wrong, which has been reported.
pub(super) fn compile(root: &Element, cx: &mut CompileCx<'_>) -> Option<Stylesheet> {
    let mut compiler = Compiler {
        cx,
        style: Stylesheet::default(),
        scope: Vec::new(),
        variables: Vec::new(),
        globals: Vec::new(),
        named: Vec::new(),
        excluded: vec![XSL.into()],
        aliases: Vec::new(),
        compiled: 0,
        is_wrong: false,
    };
    compiler.enter(root);
    compiler.sheet(root);
    let Compiler { mut style, is_wrong, .. } = compiler;
    // The last of equal rules wins.
    style.rules.reverse();
    style.rules.sort_by(|left, right| right.priority.total_cmp(&left.priority));
    (!is_wrong).then_some(style)
}

/// The local name of an element, and whether it is one of XSLT.
struct Own<'e> {
    is_xsl: bool,
    prefix: &'e str,
    name: Name,
}

impl Compiler<'_, '_> {
    fn wrong(&mut self, span: Span, message: impl Into<String>, label: impl Into<String>) {
        self.is_wrong = true;
        self.cx.report(Diagnostic::new(Code::INVALID_VALUE, message, span).label(label));
    }

    /// Takes the declarations of an element into scope; how many there are.
    fn enter(&mut self, element: &Element) -> usize {
        let before = self.scope.len();
        for attribute in &element.attributes {
            let value: Arc<str> = attribute.value.as_str().into();
            if attribute.name == "xmlns" {
                self.scope.push(("".into(), value));
            } else if let Some(prefix) = attribute.name.strip_prefix("xmlns:") {
                self.scope.push((prefix.into(), value));
            }
        }
        before
    }

    fn namespace(&self, prefix: &str) -> Option<Arc<str>> {
        Around { scope: &self.scope, variables: &[], globals: &[] }.namespace(prefix)
    }

    fn own<'e>(&mut self, element: &'e Element) -> Own<'e> {
        let (prefix, local) = element.name.split_once(':').unwrap_or(("", &element.name));
        let namespace = self.namespace(prefix);
        if namespace.is_none() && !prefix.is_empty() {
            let message = format!("prefix `{prefix}` is not declared");
            self.wrong(element.name_span, message, "no `xmlns` attribute declares it");
        }
        let namespace = namespace.unwrap_or_default();
        Own { is_xsl: &*namespace == XSL, prefix, name: Name::new(namespace, local) }
    }

    /// A name in an attribute; without a prefix it is in no namespace.
    fn qname(&mut self, text: &str, span: Span) -> Name {
        let (prefix, local) = text.trim().split_once(':').unwrap_or(("", text.trim()));
        if prefix.is_empty() {
            return Name::new("", local);
        }
        let namespace = self.namespace(prefix);
        if namespace.is_none() {
            let message = format!("prefix `{prefix}` is not declared");
            self.wrong(span, message, "no `xmlns` attribute declares it");
        }
        Name::new(namespace.unwrap_or_default(), local)
    }

    fn required<'e>(&mut self, element: &'e Element, name: &str) -> Option<&'e Attribute> {
        let found = element.attribute(name);
        if found.is_none() {
            let message = format!("`{}` needs the attribute `{name}`", element.name);
            self.wrong(element.name_span, message, format!("`{name}` is missing"));
        }
        found
    }

    fn name_of(&mut self, element: &Element) -> Option<Name> {
        let attribute = self.required(element, "name")?;
        Some(self.qname(attribute.value.as_str(), attribute.value.span()))
    }

    /// Reports attributes of an instruction that XSLT does not know.
    fn check_attributes(&mut self, element: &Element, known: &[&'static str]) {
        for attribute in &element.attributes {
            let name = attribute.name.as_str();
            // Attributes with a prefix are extensions or declarations.
            if known.contains(&name) || name.contains(':') || name == "xmlns" {
                continue;
            }
            self.is_wrong = true;
            self.cx.report(
                Diagnostic::new(
                    Code::UNKNOWN_ATTRIBUTE,
                    format!("unknown attribute `{name}`"),
                    attribute.name_span,
                )
                .label(format!("not an attribute of `{}`", element.name))
                .suggest(closest(name, known.iter().copied())),
            );
        }
    }

    fn expr(&mut self, text: &MappedText, range: Range<usize>) -> Option<Expr> {
        let part = text.as_str().get(range.clone()).unwrap_or("");
        let around =
            Around { scope: &self.scope, variables: &self.variables, globals: &self.globals };
        match parse(part, &around) {
            Ok(expr) => Some(expr),
            Err(fault) => {
                let place = range.start + fault.range.start..range.start + fault.range.end;
                self.wrong(text.span(place), "not an XPath 1.0 expression", fault.message);
                None
            }
        }
    }

    fn expr_of(&mut self, attribute: &Attribute) -> Option<Expr> {
        let text = &attribute.value.text;
        self.expr(text, 0..text.as_str().len())
    }

    fn required_expr(&mut self, element: &Element, name: &str) -> Option<Expr> {
        let attribute = self.required(element, name)?;
        self.expr_of(attribute)
    }

    fn patterns(&mut self, attribute: &Attribute) -> Option<Vec<Pattern>> {
        let expr = self.expr_of(attribute)?;
        let patterns = Pattern::of(&expr);
        if patterns.is_none() {
            let label = "only child and attribute steps, and `key()`, may be in one";
            self.wrong(attribute.value.span(), "not a pattern of XSLT", label);
        }
        patterns
    }

    fn avt_of(&mut self, attribute: &Attribute) -> Option<Avt> {
        let text = attribute.value.text.clone();
        let whole = text.as_str();
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(rest) = whole.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push_str(rest.get(..1).unwrap_or(""));
                at += 2;
            } else if rest.starts_with('{') {
                let Some(length) = expression_length(rest.get(1..).unwrap_or("")) else {
                    self.wrong(text.span(at..at + 1), "`{` is not closed", "`}` is missing");
                    return None;
                };
                if !plain.is_empty() {
                    parts.push(AvtPart::Text(std::mem::take(&mut plain).into()));
                }
                parts.push(AvtPart::Expr(self.expr(&text, at + 1..at + 1 + length)?));
                at += length + 2;
            } else {
                let c = rest.chars().next().unwrap_or(' ');
                plain.push(c);
                at += c.len_utf8();
            }
        }
        if !plain.is_empty() {
            parts.push(AvtPart::Text(plain.into()));
        }
        Some(Avt(parts))
    }

    fn optional_avt(&mut self, element: &Element, name: &str) -> Option<Avt> {
        let attribute = element.attribute(name)?;
        self.avt_of(attribute)
    }

    fn yes(&mut self, element: &Element, name: &str) -> Option<bool> {
        let attribute = element.attribute(name)?;
        match attribute.value.as_str().trim() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => {
                let message = format!("invalid value for attribute `{name}`");
                self.wrong(attribute.value.span(), message, "expected `yes` or `no`");
                None
            }
        }
    }

    fn names(&mut self, attribute: Option<&Attribute>) -> Vec<Name> {
        let Some(attribute) = attribute else { return Vec::new() };
        let span = attribute.value.span();
        attribute.value.as_str().split_whitespace().map(|name| self.qname(name, span)).collect()
    }

    fn sheet(&mut self, root: &Element) {
        let own = self.own(root);
        if !own.is_xsl {
            let label = format!("its prefix must be declared as `{XSL}`");
            self.wrong(root.name_span, "this is no stylesheet of XSLT", label);
            return;
        }
        self.check_attributes(
            root,
            &["id", "version", "exclude-result-prefixes", "extension-element-prefixes"],
        );
        self.version(root);
        self.exclude(root, "");
        for element in root.elements() {
            let before = self.enter(element);
            self.collect(element);
            self.scope.truncate(before);
        }
        for element in root.elements() {
            let before = self.enter(element);
            self.top_level(element);
            self.scope.truncate(before);
            self.variables.clear();
        }
        if let Some(text) = root.stray_text() {
            self.wrong(
                text.span,
                "text is not allowed at the top of a stylesheet",
                "expected elements",
            );
        }
    }

    fn version(&mut self, root: &Element) {
        let Some(attribute) = self.required(root, "version") else { return };
        if attribute.value.as_str().trim() != "1.0" {
            self.cx.report(
                Diagnostic::new(
                    Code::SUSPICIOUS,
                    "the stylesheet is of another version than XSLT 1.0",
                    attribute.value.span(),
                )
                .label("it is read as XSLT 1.0, as Azure does"),
            );
        }
    }

    /// Namespaces that an attribute says are not for the result.
    fn exclude(&mut self, element: &Element, prefix: &str) {
        for name in ["exclude-result-prefixes", "extension-element-prefixes"] {
            let Some(attribute) = element.attribute(&format!("{prefix}{name}")) else { continue };
            for prefix in attribute.value.as_str().split_whitespace() {
                let prefix = if prefix == "#default" { "" } else { prefix };
                if let Some(namespace) = self.namespace(prefix) {
                    self.excluded.push(namespace);
                }
            }
        }
    }

    /// Takes note of names that may be used before they are declared.
    fn collect(&mut self, element: &Element) {
        let own = self.own(element);
        if !own.is_xsl {
            return;
        }
        match &*own.name.local {
            "template" => {
                let index = self.style.templates.len();
                self.style.templates.push(Vec::new());
                let Some(attribute) = element.attribute("name") else { return };
                let name = self.qname(attribute.value.as_str(), attribute.value.span());
                if self.named.iter().any(|(known, _)| *known == name) {
                    let message = format!("template `{}` is there twice", name.local);
                    self.wrong(attribute.value.span(), message, "the name is taken");
                }
                self.named.push((name, index));
            }
            "param" | "variable" => {
                let Some(attribute) = element.attribute("name") else { return };
                let name = self.qname(attribute.value.as_str(), attribute.value.span());
                if self.globals.contains(&name) {
                    let message = format!("variable `{}` is there twice", name.local);
                    self.wrong(attribute.value.span(), message, "the name is taken");
                }
                self.globals.push(name);
            }
            "namespace-alias" => {
                let prefix = |name: &str| {
                    let prefix = element.attribute(name)?.value.as_str().trim();
                    Some(if prefix == "#default" { "" } else { prefix })
                };
                let (Some(from), Some(to)) = (prefix("stylesheet-prefix"), prefix("result-prefix"))
                else {
                    return;
                };
                let from = self.namespace(from).unwrap_or_default();
                let target = self.namespace(to).unwrap_or_default();
                self.aliases.push((from, (to.into(), target)));
            }
            _ => {}
        }
    }

    fn top_level(&mut self, element: &Element) {
        let own = self.own(element);
        if !own.is_xsl {
            if own.name.namespace.is_empty() {
                let message = format!("unknown element `{}`", element.name);
                self.wrong(element.name_span, message, "not at the top of a stylesheet");
            }
            return;
        }
        match &*own.name.local {
            "template" => self.template(element),
            "param" | "variable" => self.global(element, &*own.name.local == "param"),
            "output" => self.output(element),
            "key" => self.key(element),
            "decimal-format" => self.decimal_format(element),
            "attribute-set" => self.attribute_set(element),
            "strip-space" | "preserve-space" => {
                self.space(element, &*own.name.local == "preserve-space");
            }
            "namespace-alias" => {
                self.check_attributes(element, &["stylesheet-prefix", "result-prefix"]);
                self.required(element, "stylesheet-prefix");
                self.required(element, "result-prefix");
            }
            "import" | "include" => {
                let message = format!("`{}` is refused", element.name);
                self.wrong(element.name_span, message, "a stylesheet stands alone");
            }
            local => self.unknown(element, local, &TOP),
        }
    }

    fn unknown(&mut self, element: &Element, local: &str, known: &[&'static str]) {
        self.is_wrong = true;
        self.cx.report(
            Diagnostic::new(
                Code::UNKNOWN_ELEMENT,
                format!("unknown element `{}`", element.name),
                element.name_span,
            )
            .label("not an element of XSLT 1.0 at this place")
            .suggest(closest(local, known.iter().copied())),
        );
    }

    fn template(&mut self, element: &Element) {
        self.check_attributes(element, &["match", "name", "priority", "mode"]);
        // Templates were numbered in the order they stand in.
        let index = self.compiled;
        self.compiled += 1;
        let mode =
            element.attribute("mode").map(|it| self.qname(it.value.as_str(), it.value.span()));
        let priority = element.attribute("priority").and_then(|attribute| {
            let priority = attribute.value.as_str().trim().parse().ok();
            if priority.is_none() {
                let label = "expected a number";
                self.wrong(attribute.value.span(), "invalid value for attribute `priority`", label);
            }
            priority
        });
        if element.attribute("match").is_none() && element.attribute("name").is_none() {
            let label = "`match` or `name` is missing";
            self.wrong(element.name_span, "a template has neither pattern nor name", label);
        }
        let patterns = element.attribute("match").and_then(|it| self.patterns(it));
        let body = self.body(element);
        if let Some(slot) = self.style.templates.get_mut(index) {
            *slot = body;
        }
        for pattern in patterns.unwrap_or_default() {
            let priority = priority.unwrap_or_else(|| pattern.priority());
            let mode = mode.clone();
            self.style.rules.push(Rule { pattern, mode, priority, template: index });
        }
    }

    fn global(&mut self, element: &Element, is_parameter: bool) {
        if let Some(binding) = self.binding(element) {
            self.style.globals.push(Global { binding, is_parameter });
        }
    }

    fn output(&mut self, element: &Element) {
        self.check_attributes(
            element,
            &[
                "method",
                "version",
                "encoding",
                "omit-xml-declaration",
                "standalone",
                "doctype-public",
                "doctype-system",
                "cdata-section-elements",
                "indent",
                "media-type",
            ],
        );
        if let Some(attribute) = element.attribute("method") {
            match attribute.value.as_str().trim() {
                "xml" => self.style.output.method = Some(Method::Xml),
                "html" => self.style.output.method = Some(Method::Html),
                "text" => self.style.output.method = Some(Method::Text),
                _ => {
                    let label = "expected `xml`, `html` or `text`";
                    self.wrong(
                        attribute.value.span(),
                        "invalid value for attribute `method`",
                        label,
                    );
                }
            }
        }
        let omits = self.yes(element, "omit-xml-declaration");
        let standalone = self.yes(element, "standalone");
        let indent = self.yes(element, "indent");
        let cdata = self.names(element.attribute("cdata-section-elements"));
        let text =
            |name: &str| element.attribute(name).map(|it| Arc::from(it.value.as_str().trim()));
        let output = &mut self.style.output;
        output.omits_declaration = omits.or(output.omits_declaration);
        output.standalone = standalone.or(output.standalone);
        output.indent = indent.or(output.indent);
        output.cdata.extend(cdata);
        output.version = text("version").or(output.version.take());
        output.doctype_public = text("doctype-public").or(output.doctype_public.take());
        output.doctype_system = text("doctype-system").or(output.doctype_system.take());
        output.media_type = text("media-type").or(output.media_type.take());
    }

    fn key(&mut self, element: &Element) {
        self.check_attributes(element, &["name", "match", "use"]);
        let name = self.name_of(element);
        let patterns = self.required(element, "match").and_then(|it| self.patterns(it));
        let by = self.required_expr(element, "use");
        if let (Some(name), Some(patterns), Some(by)) = (name, patterns, by) {
            self.style.keys.push(Key { name, patterns, by });
        }
    }

    fn decimal_format(&mut self, element: &Element) {
        self.check_attributes(
            element,
            &[
                "name",
                "decimal-separator",
                "grouping-separator",
                "infinity",
                "minus-sign",
                "NaN",
                "percent",
                "per-mille",
                "zero-digit",
                "digit",
                "pattern-separator",
            ],
        );
        let name = match element.attribute("name") {
            Some(attribute) => self.qname(attribute.value.as_str(), attribute.value.span()),
            None => Name::new("", ""),
        };
        let mut format = DecimalFormat::default();
        let text = |name: &str| element.attribute(name).map(|it| it.value.as_str().to_owned());
        for (name, slot) in [
            ("decimal-separator", &mut format.point),
            ("grouping-separator", &mut format.group),
            ("minus-sign", &mut format.minus),
            ("percent", &mut format.percent),
            ("per-mille", &mut format.per_mille),
            ("zero-digit", &mut format.zero),
            ("digit", &mut format.digit),
            ("pattern-separator", &mut format.separator),
        ] {
            if let Some(c) = text(name).and_then(|text| text.chars().next()) {
                *slot = c;
            }
        }
        format.infinity = text("infinity").unwrap_or(format.infinity);
        format.nan = text("NaN").unwrap_or(format.nan);
        self.style.formats.push((name, format));
    }

    fn attribute_set(&mut self, element: &Element) {
        self.check_attributes(element, &["name", "use-attribute-sets"]);
        let name = self.name_of(element);
        let uses = self.names(element.attribute("use-attribute-sets"));
        let attributes = self.body(element);
        if let Some(name) = name {
            self.style.attribute_sets.push(AttributeSet { name, uses, attributes });
        }
    }

    fn space(&mut self, element: &Element, keeps: bool) {
        self.check_attributes(element, &["elements"]);
        let Some(attribute) = self.required(element, "elements") else { return };
        let span = attribute.value.span();
        for name in attribute.value.as_str().split_whitespace() {
            let test = match name.strip_suffix(":*") {
                _ if name == "*" => Test::Any,
                Some(prefix) => Test::InNamespace(self.namespace(prefix).unwrap_or_default()),
                None => Test::Name(self.qname(name, span)),
            };
            let rank = |test: &Test| match test {
                Test::Any => 2,
                Test::InNamespace(_) => 1,
                _ => 0,
            };
            let place = self.style.spaces.partition_point(|known| rank(&known.test) < rank(&test));
            self.style.spaces.insert(place, Space { test, keeps });
        }
    }

    /// `xsl:variable`, `xsl:param` or `xsl:with-param`.
    fn binding(&mut self, element: &Element) -> Option<Binding> {
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
    fn body(&mut self, element: &Element) -> Vec<Instr> {
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

    fn instruction(&mut self, element: &Element, parent: &str) -> Option<Instr> {
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

    fn literal(&mut self, element: &Element, own: &Own<'_>) -> Option<Instr> {
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

    fn aliased(&self, prefix: &str, name: Name) -> (Arc<str>, Name) {
        match self.aliases.iter().find(|(from, _)| *from == name.namespace) {
            Some((_, (prefix, target))) if !name.namespace.is_empty() => {
                (prefix.clone(), Name::new(target.clone(), name.local))
            }
            _ => (prefix.into(), name),
        }
    }

    fn current_scope(&self) -> Scope {
        self.scope.clone().into()
    }

    fn made(&mut self, element: &Element, is_element: bool) -> Option<Instr> {
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

    fn sorts(&mut self, element: &Element) -> Vec<Sort> {
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

    fn parameters(&mut self, element: &Element) -> Vec<Binding> {
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

    fn apply(&mut self, element: &Element) -> Option<Instr> {
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

    fn call(&mut self, element: &Element) -> Option<Instr> {
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

    fn for_each(&mut self, element: &Element) -> Option<Instr> {
        self.check_attributes(element, &["select"]);
        let select = self.required_expr(element, "select");
        let sorts = self.sorts(element);
        let body = self.body(element);
        Some(Instr::ForEach(select?, sorts, body))
    }

    fn choose(&mut self, element: &Element) -> Option<Instr> {
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

    fn number(&mut self, element: &Element) -> Option<Instr> {
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

/// How long the expression in braces is; quoted text may hold braces.
fn expression_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match quote {
            Some(own) => quote = Some(own).filter(|own| *own != c),
            None if c == '}' => return Some(index),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    None
}
