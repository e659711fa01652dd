//! What stands at the top of a stylesheet.

use std::sync::Arc;

use tollgate_engine::read::Element;

use super::{Compiler, TOP};
use crate::xsl_transform::format_number::DecimalFormat;
use crate::xsl_transform::style::{AttributeSet, Global, Key, Method, Rule, Space};
use crate::xsl_transform::tree::Name;
use crate::xsl_transform::xpath::Test;

impl Compiler<'_, '_> {
    pub(super) fn top_level(&mut self, element: &Element) {
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

    pub(super) fn template(&mut self, element: &Element) {
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

    pub(super) fn global(&mut self, element: &Element, is_parameter: bool) {
        if let Some(binding) = self.binding(element) {
            self.style.globals.push(Global { binding, is_parameter });
        }
    }

    pub(super) fn output(&mut self, element: &Element) {
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

    pub(super) fn key(&mut self, element: &Element) {
        self.check_attributes(element, &["name", "match", "use"]);
        let name = self.name_of(element);
        let patterns = self.required(element, "match").and_then(|it| self.patterns(it));
        let by = self.required_expr(element, "use");
        if let (Some(name), Some(patterns), Some(by)) = (name, patterns, by) {
            self.style.keys.push(Key { name, patterns, by });
        }
    }

    pub(super) fn decimal_format(&mut self, element: &Element) {
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

    pub(super) fn attribute_set(&mut self, element: &Element) {
        self.check_attributes(element, &["name", "use-attribute-sets"]);
        let name = self.name_of(element);
        let uses = self.names(element.attribute("use-attribute-sets"));
        let attributes = self.body(element);
        if let Some(name) = name {
            self.style.attribute_sets.push(AttributeSet { name, uses, attributes });
        }
    }

    pub(super) fn space(&mut self, element: &Element, keeps: bool) {
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
}
