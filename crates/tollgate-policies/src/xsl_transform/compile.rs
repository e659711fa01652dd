//! From the elements of a stylesheet to instructions.

mod instructions;
mod top_level;

use std::ops::Range;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span, closest};
use tollgate_engine::CompileCx;
use tollgate_engine::read::{Attribute, Element};

use super::pattern::Pattern;
use super::style::{Avt, AvtPart, Stylesheet};
use super::tree::Name;
use super::xpath::Expr;
use super::xpath::parse::{Surroundings, parse};

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
