//! JSON and XML for those who evaluate: reading text, and walking over what was read or what an expression made.

use std::borrow::Cow;
use std::sync::Arc;

use crate::json::{DateParse, JsonType, Scalar, date_of_json, quoted};
use crate::regex;
use crate::time::{DateStyles, DateTime, Kind};
use crate::types::{self, decode_text, decode_xml, encode_text, header_charset, scalar_value};
use crate::xml::{
    Dtd, Name, ReadOptions, XML, XMLNS, XmlHeap, XmlId, XmlKind, encode_name, simple_text,
};
use crate::{Budget, EvalState, Exception, Value};

/// Whether text that looks like a date becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// As Json.NET reads by default.
    Parsed,
    /// Text stays text.
    Kept,
}

/// What a JSON token is.
#[derive(Debug, Clone)]
pub enum Json {
    /// A value, as .NET has it.
    Scalar(Value),
    /// An array (or constructor) of so many items.
    Array(usize),
    /// An object of so many members.
    Object(usize),
}

/// Whether texts of white space alone are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhiteSpace {
    /// They are kept.
    Kept,
    /// They are left out.
    LeftOut,
}

/// A name in XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlName<'a> {
    /// The prefix, empty when there is none: the innermost one that stands for the namespace.
    pub prefix: &'a str,
    /// The namespace, empty when there is none. Declarations are in that of the prefix `xmlns`.
    pub namespace: &'a str,
    /// The name behind the prefix.
    pub local: &'a str,
}

/// An attribute of an element; declarations of namespaces are among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlAttribute<'a> {
    /// The name; `xmlns` alone is a local name with no prefix.
    pub name: XmlName<'a>,
    /// The value.
    pub value: &'a str,
}

/// What is met on the way through XML.
#[derive(Debug, Clone, Copy)]
pub enum XmlEvent<'a> {
    /// The declaration of a document: version, encoding, standalone; only when the text was read for this walk.
    Declaration([Option<&'a str>; 3]),
    /// An element begins.
    Start {
        /// Its name.
        name: XmlName<'a>,
        /// Its attributes, in order.
        attributes: &'a [XmlAttribute<'a>],
        /// Whether it is written as one tag: `<a/>`.
        is_empty: bool,
    },
    /// The element that began last ends.
    End,
    /// Text.
    Text(&'a str),
    /// A CDATA section.
    CData(&'a str),
    /// A comment.
    Comment(&'a str),
    /// A processing instruction.
    Instruction {
        /// Its name.
        target: &'a str,
        /// What stands behind the name.
        data: &'a str,
    },
}

/// Takes the events of a walk, in document order.
pub type XmlVisitor<'v> = dyn FnMut(XmlEvent<'_>) -> Result<(), Exception> + 'v;

impl EvalState {
    /// Reads JSON as `JToken.Parse` does.
    pub fn read_json(&mut self, text: &str, dates: Dates) -> Result<Value, Exception> {
        let dates = match dates {
            Dates::Parsed => DateParse::DateTime,
            Dates::Kept => DateParse::None,
        };
        self.json.parse(text, dates, &mut self.budget).map(Value::Json)
    }

    /// What a token is; none when the value is no token.
    pub fn json(&self, value: &Value) -> Option<Json> {
        let Value::Json(id) = value else { return None };
        if let Some(scalar) = self.json.scalar(*id) {
            return Some(Json::Scalar(match scalar {
                Scalar::BigInt(digits) => Value::Str(digits.clone()),
                scalar => scalar_value(scalar),
            }));
        }
        let count = self.json.count(*id);
        Some(match self.json.token_type(*id) {
            JsonType::Object => Json::Object(count),
            JsonType::Property => {
                return self.json(&Value::Json(self.json.property_value(*id)?));
            }
            _ => Json::Array(count),
        })
    }

    /// The member of an object; none when it has none of this name or is no object.
    pub fn json_member(&self, object: &Value, name: &str) -> Option<Value> {
        let Value::Json(id) = object else { return None };
        if !self.json.is_object(*id) {
            return None;
        }
        self.json.get(*id, name).map(Value::Json)
    }

    /// An item of an array, or a member of an object with its name.
    pub fn json_item(&self, container: &Value, index: usize) -> Option<(Option<Arc<str>>, Value)> {
        let Value::Json(id) = container else { return None };
        let child = self.json.child(*id, index)?;
        match (self.json.token_type(child), self.json.property_value(child)) {
            (JsonType::Property, Some(value)) => {
                Some((self.json.name(child).cloned(), Value::Json(value)))
            }
            _ => Some((None, Value::Json(child))),
        }
    }

    /// Reads an XML document and walks over it. Document types are refused.
    pub fn read_xml(
        &mut self,
        text: &str,
        white_space: WhiteSpace,
        visit: &mut XmlVisitor<'_>,
    ) -> Result<(), Exception> {
        let preserve_whitespace = white_space == WhiteSpace::Kept;
        let options = ReadOptions { preserve_whitespace, dtd: Dtd::Prohibit };
        let parsed = self.xml.parse(text, options, &mut self.budget)?;
        if let Some(declared) = &parsed.declared {
            visit(XmlEvent::Declaration([
                declared.version.as_deref(),
                declared.encoding.as_deref(),
                declared.standalone.as_deref(),
            ]))?;
        }
        self.walk(parsed.document, visit)
    }

    /// Walks over a node that an expression made; false when the value is none.
    pub fn walk_xml(
        &mut self,
        value: &Value,
        visit: &mut XmlVisitor<'_>,
    ) -> Result<bool, Exception> {
        let Value::Xml(id) = value else { return Ok(false) };
        self.walk(*id, visit)?;
        Ok(true)
    }

    fn walk(&mut self, top: XmlId, visit: &mut XmlVisitor<'_>) -> Result<(), Exception> {
        let heap = &self.xml;
        let mut scope = Scope::default();
        let mut at = top;
        loop {
            self.budget.step(1)?;
            if heap.is_element(at) {
                self.budget.step(scope.0.len() as u64 / 16)?;
                scope.enter(heap, at);
                start(heap, at, &scope, visit)?;
            } else {
                leaf(heap, at, visit)?;
            }
            if let Some(first) = heap.first_node(at) {
                at = first;
                continue;
            }
            loop {
                if heap.is_element(at) {
                    scope.leave();
                    visit(XmlEvent::End)?;
                }
                if at == top {
                    return Ok(());
                }
                if let Some(next) = heap.next(at) {
                    at = next;
                    break;
                }
                let Some(parent) = heap.parent(at) else { return Ok(()) };
                at = parent;
            }
        }
    }

    /// `ToString(format)` of a number or time; none of other values.
    pub fn format(&mut self, value: &Value, format: &str) -> Option<Result<String, Exception>> {
        let budget = &mut self.budget;
        Some(match value {
            Value::DateTime(value) => value.format(format, budget),
            Value::DateTimeOffset(value) => value.format(format, budget),
            Value::TimeSpan(value) => value.format(format, budget),
            other => other.number()?.format(format, budget),
        })
    }
}

impl EvalState {
    /// `Regex.Replace(text, pattern, replacement)` for up to `count` matches, all when it is negative.
    pub fn regex_replace(
        &mut self,
        text: &Arc<str>,
        pattern: &Arc<str>,
        replacement: &str,
        count: i32,
    ) -> Result<Arc<str>, Exception> {
        let budget = &mut self.budget;
        let regex = regex::cached(pattern, regex::Options::default(), budget)?;
        let replacement = regex::Replacement::new(replacement, &regex)?;
        let subject = regex::Subject::new(text.clone(), budget)?;
        let expand = |budget: &mut Budget, found, out: &mut regex::Assembly| {
            replacement.expand(&regex, &subject, &found, out, budget)
        };
        let range = regex.whole(&subject);
        let replaced = regex.replace(&subject, range, count, budget, |budget| budget, expand)?;
        Ok(replaced.map_or_else(|| text.clone(), Arc::from))
    }
}

/// Prefixes and namespaces in scope, innermost last, with where those of each open element begin.
#[derive(Default)]
struct Scope(Vec<(Arc<str>, Arc<str>)>, Vec<usize>);

impl Scope {
    fn enter(&mut self, heap: &XmlHeap, element: XmlId) {
        self.1.push(self.0.len());
        for attribute in heap.attributes(element) {
            let (Some(name), Some(value)) = (heap.name(attribute), heap.value(attribute)) else {
                continue;
            };
            if name.is_declaration() {
                let default = name.namespace.is_empty();
                let prefix = if default { "".into() } else { name.local.clone() };
                self.0.push((prefix, value.clone()));
            }
        }
    }

    fn leave(&mut self) {
        self.0.truncate(self.1.pop().unwrap_or_default());
    }

    /// The innermost prefix of a namespace that no other declaration hides.
    fn prefix(&self, namespace: &str, attribute: bool) -> &str {
        match namespace {
            "" => return "",
            XML => return "xml",
            XMLNS => return "xmlns",
            _ => {}
        }
        let fits = |index: &usize| {
            self.0.get(*index).is_some_and(|(prefix, own)| {
                **own == *namespace
                    && !(attribute && prefix.is_empty())
                    && !self.0.iter().skip(index + 1).any(|(hiding, _)| hiding == prefix)
            })
        };
        let found = (0..self.0.len()).rev().find(fits).and_then(|index| self.0.get(index));
        found.map_or("", |(prefix, _)| prefix)
    }

    fn name<'a>(&'a self, name: &'a Name, attribute: bool) -> XmlName<'a> {
        let namespace = if attribute && name.is_declaration() { XMLNS } else { &*name.namespace };
        let prefix = if name.namespace.is_empty() { "" } else { self.prefix(namespace, attribute) };
        XmlName { prefix, namespace, local: &name.local }
    }
}

fn start(
    heap: &XmlHeap,
    element: XmlId,
    scope: &Scope,
    visit: &mut XmlVisitor<'_>,
) -> Result<(), Exception> {
    let Some(name) = heap.name(element) else { return Ok(()) };
    let attributes: Vec<XmlAttribute<'_>> = heap
        .attributes(element)
        .filter_map(|id| {
            let name = scope.name(heap.name(id)?, true);
            Some(XmlAttribute { name, value: heap.value(id)? })
        })
        .collect();
    let is_empty = heap.is_empty(element);
    visit(XmlEvent::Start { name: scope.name(name, false), attributes: &attributes, is_empty })
}

fn leaf(heap: &XmlHeap, node: XmlId, visit: &mut XmlVisitor<'_>) -> Result<(), Exception> {
    let value = heap.value(node).map_or("", |value| value);
    match heap.kind(node) {
        XmlKind::Text => visit(XmlEvent::Text(value)),
        XmlKind::CData => visit(XmlEvent::CData(value)),
        XmlKind::Comment => visit(XmlEvent::Comment(value)),
        XmlKind::Instruction => {
            let target = heap.target(node).map_or("", |target| target);
            visit(XmlEvent::Instruction { target, data: value })
        }
        XmlKind::Element | XmlKind::Attribute | XmlKind::Document | XmlKind::DocumentType => Ok(()),
    }
}

impl Value {
    /// `DateTime.Parse(text)`; `now` in ticks, UTC, gives the date to a time without one. None when it is no date.
    pub fn date(text: &str, now: i64) -> Option<Value> {
        let now = DateTime::from_ticks(now, Kind::Utc).ok()?;
        DateTime::parse(Some(text), DateStyles::NONE, now).ok().map(Value::DateTime)
    }

    /// A text that Json.NET takes for a date.
    pub fn json_date(text: &str) -> Option<Value> {
        date_of_json(text).map(Value::DateTime)
    }

    /// A time in ticks, UTC.
    pub fn time(ticks: i64) -> Value {
        Value::utc(ticks)
    }

    /// Whether it is a time or a span of time.
    pub fn is_time(&self) -> bool {
        matches!(self, Value::DateTime(_) | Value::DateTimeOffset(_) | Value::TimeSpan(_))
    }

    /// `XmlConvert.ToString` of values that XML writes in its own way; none of others.
    pub fn xml_text(&self) -> Option<String> {
        simple_text(self)
    }
}

/// Appends text as a string of JSON, in quotes, as Json.NET writes it.
pub fn write_json_string(text: &str, out: &mut String) {
    quoted(text, out);
}

/// `WebUtility.HtmlEncode`.
pub fn html_encode(text: &str) -> String {
    types::html_encode(text)
}

/// `WebUtility.UrlEncode`.
pub fn url_encode(text: &str) -> String {
    types::url_encode(text)
}

/// `WebUtility.UrlDecode`.
pub fn url_decode(text: &str) -> String {
    types::url_decode(text)
}

/// `XmlConvert.EncodeName`: a space is `_x0020_`. The name may still hold colons.
pub fn xml_name(text: &str) -> String {
    encode_name(text)
}

/// The text of a body as `Body.As<string>()` reads it: in the character set that `Content-Type` names, else UTF-8.
pub fn body_text<'b>(bytes: &'b [u8], content_type: Option<&str>) -> Cow<'b, str> {
    match (content_type.and_then(header_charset), std::str::from_utf8(bytes)) {
        (None, Ok(text)) if !text.starts_with('\u{feff}') => Cow::Borrowed(text),
        (charset, _) => Cow::Owned(decode_text(charset.as_deref(), bytes)),
    }
}

/// Text as the bytes of a body in the character set that `Content-Type` names, else UTF-8.
pub fn body_bytes(text: &str, content_type: Option<&str>) -> Vec<u8> {
    encode_text(content_type.and_then(header_charset).as_deref(), text)
}

/// Whether `Content-Type` names a character set other than UTF-8 and ASCII.
pub fn is_foreign_charset(content_type: &str) -> bool {
    header_charset(content_type).is_some_and(|name| {
        !["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|own| name.eq_ignore_ascii_case(own))
    })
}

/// The text of a body of XML: in the character set that `Content-Type`, a byte order mark or the declaration names.
pub fn xml_body_text(bytes: &[u8], content_type: Option<&str>) -> String {
    decode_xml(bytes, content_type.and_then(header_charset).as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn events(text: &str) -> String {
        let mut state = EvalState::new(Limits::default());
        let mut out = String::new();
        let written =
            |name: XmlName<'_>| format!("{}|{}|{}", name.prefix, name.namespace, name.local);
        let read = state.read_xml(text, WhiteSpace::LeftOut, &mut |event| {
            let shown = match event {
                XmlEvent::Declaration(parts) => format!("?{parts:?}"),
                XmlEvent::Start { name, attributes, .. } => {
                    let attributes: Vec<String> = attributes
                        .iter()
                        .map(|attribute| {
                            format!(" {}={}", written(attribute.name), attribute.value)
                        })
                        .collect();
                    format!("<{}{}>", written(name), attributes.concat())
                }
                XmlEvent::End => "</>".to_owned(),
                XmlEvent::Text(text) => text.to_owned(),
                XmlEvent::CData(text) => format!("[{text}]"),
                XmlEvent::Comment(text) => format!("!{text}!"),
                XmlEvent::Instruction { target, data } => format!("?{target} {data}?"),
            };
            out.push_str(&shown);
            Ok(())
        });
        read.map_or_else(|exception| exception.message().to_owned(), |()| out)
    }

    #[test]
    fn xml_is_walked_in_order() {
        assert_eq!(events("<a><b/>x<c>y</c></a>"), "<||a><||b></>x<||c>y</></>");
        assert_eq!(
            events(
                r#"<?xml version="1.0"?><p:a xmlns:p="u" p:x="1" y="2"><p:b xmlns="v"><c/></p:b></p:a>"#
            ),
            "?[Some(\"1.0\"), None, None]<p|u|a xmlns|http://www.w3.org/2000/xmlns/|p=u p|u|x=1 ||y=2>\
             <p|u|b |http://www.w3.org/2000/xmlns/|xmlns=v><|v|c></></></>"
        );
        assert_eq!(events("<a><!--c--><?t d?><![CDATA[<]]></a>"), "<||a>!c!?t d?[<]</>");
        assert!(events("<!DOCTYPE a><a/>").contains("DTD is prohibited"));
        assert!(events("<a><b></a>").contains("does not match the end tag"));
    }

    #[test]
    fn json_is_walked() {
        let mut state = EvalState::new(Limits::default());
        let root = state.read_json(r#"{"a":[1,"x"],"b":null}"#, Dates::Parsed).unwrap();
        assert!(matches!(state.json(&root), Some(Json::Object(2))));
        let (name, array) = state.json_item(&root, 0).unwrap();
        assert_eq!(name.as_deref(), Some("a"));
        assert!(matches!(state.json(&array), Some(Json::Array(2))));
        let (name, item) = state.json_item(&array, 1).unwrap();
        assert!(name.is_none());
        assert!(matches!(state.json(&item), Some(Json::Scalar(Value::Str(text))) if &*text == "x"));
        let member = state.json_member(&root, "b").unwrap();
        assert!(matches!(state.json(&member), Some(Json::Scalar(Value::Null))));
        assert!(state.json_member(&array, "b").is_none() && state.json(&Value::Null).is_none());
    }

    #[test]
    fn patterns_are_replaced() {
        let mut state = EvalState::new(Limits::default());
        let mut check = |text: &str, pattern: &str, with: &str, count, expected: &str| {
            let replaced = state.regex_replace(&text.into(), &pattern.into(), with, count);
            assert_eq!(replaced.as_deref().unwrap_or("bad"), expected);
        };
        check("a1b2", "[0-9]", "<$0>", -1, "a<1>b<2>");
        check("a1b2", "[0-9]", "", 1, "ab2");
        check("ab", "x", "y", -1, "ab");
        check("ab", "(", "y", -1, "bad");
    }

    #[test]
    fn times_are_read_and_formatted() {
        let mut state = EvalState::new(Limits::default());
        let date = Value::date("2024-01-31T10:00:00Z", 0).unwrap();
        assert_eq!(state.format(&date, "yyyy/MM").unwrap().unwrap(), "2024/01");
        assert!(Value::date("x", 0).is_none() && state.format(&"x".into(), "d").is_none());
        assert!(Value::json_date("/Date(0)/").is_some() && Value::json_date("2024").is_none());
    }
}
