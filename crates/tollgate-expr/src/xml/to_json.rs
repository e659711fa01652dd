//! A tree as JSON, as Json.NET's `XmlNodeConverter` writes it.

use std::collections::HashMap;
use std::sync::Arc;

use super::heap::{XmlHeap, XmlId, XmlKind};
use super::name::{XML, XMLNS, is_name_char, is_name_start};
use crate::json::{JsonWriter, Scalar};
use crate::{Budget, Exception};

type Result<T> = std::result::Result<T, Exception>;

/// The namespace of attributes that say how JSON is written.
const JSON: &str = "http://james.newtonking.com/projects/json";

/// A child as the converter sees it.
#[derive(Debug, Clone)]
enum Child {
    /// The declaration of a document: version, encoding, standalone.
    Declaration([Option<Arc<str>>; 3]),
    Node(XmlId),
}

struct Converter<'a> {
    heap: &'a XmlHeap,
    writer: &'a mut JsonWriter,
    budget: &'a mut Budget,
    /// Prefixes and namespaces, innermost last.
    scope: Vec<(Arc<str>, Arc<str>)>,
}

/// Writes a node or attribute as a JSON object; `declaration` belongs to a document.
pub(crate) fn write_json(
    heap: &XmlHeap,
    id: XmlId,
    declaration: Option<[Option<Arc<str>>; 3]>,
    writer: &mut JsonWriter,
    budget: &mut Budget,
) -> Result<()> {
    let mut scope: Vec<(Arc<str>, Arc<str>)> =
        vec![("xmlns".into(), XMLNS.into()), ("xml".into(), XML.into())];
    let mut around = Vec::new();
    let mut parent = heap.parent_element(id);
    while let Some(element) = parent {
        budget.step(1)?;
        around.push(element);
        parent = heap.parent_element(element);
    }
    for element in around.into_iter().rev() {
        scope.extend(declared(heap, element));
    }
    let mut converter = Converter { heap, writer, budget, scope };
    converter.writer.start_object(converter.budget)?;
    if heap.kind(id) == XmlKind::Document {
        let children = declaration.map(Child::Declaration).into_iter();
        let children = children.chain(heap.nodes(id).map(Child::Node)).collect();
        converter.grouped(children, true)?;
    } else {
        converter.node(id, true)?;
    }
    converter.writer.end_object(converter.budget)
}

/// The prefixes an element declares, the default one left out.
fn declared(heap: &XmlHeap, element: XmlId) -> impl Iterator<Item = (Arc<str>, Arc<str>)> + '_ {
    heap.attributes(element).filter_map(|attribute| {
        let name = heap.name(attribute).filter(|name| *name.namespace == *XMLNS)?;
        Some((name.local.clone(), heap.value(attribute)?.clone()))
    })
}

impl Converter<'_> {
    /// The name with the innermost prefix of its namespace.
    fn full_name(&self, namespace: &str, local: &str) -> String {
        let mut found = None;
        if !namespace.is_empty() {
            let index = self.scope.iter().rposition(|(_, own)| **own == *namespace);
            found = index.and_then(|index| {
                let (prefix, _) = self.scope.get(index)?;
                let hidden = self.scope.iter().skip(index + 1).any(|(own, _)| own == prefix);
                (!hidden && !prefix.is_empty()).then_some(prefix)
            });
        }
        let local = decode_name(local);
        match found {
            Some(prefix) => format!("{prefix}:{local}"),
            None => local,
        }
    }

    fn property(&self, child: &Child) -> String {
        match child {
            Child::Declaration(_) => "?xml".to_owned(),
            Child::Node(id) => self.property_of(*id),
        }
    }

    fn property_of(&self, id: XmlId) -> String {
        let heap = self.heap;
        let named = |own: &str| {
            let Some(name) = heap.name(id) else { return String::new() };
            if *name.namespace == *JSON {
                format!("${}", name.local)
            } else {
                format!("{own}{}", self.full_name(&name.namespace, &name.local))
            }
        };
        match heap.kind(id) {
            XmlKind::Element => named(""),
            XmlKind::Attribute => named("@"),
            XmlKind::Text => "#text".to_owned(),
            XmlKind::CData => "#cdata-section".to_owned(),
            XmlKind::Comment => "#comment".to_owned(),
            XmlKind::Instruction => {
                format!("?{}", decode_name(heap.target(id).map_or("", |target| target)))
            }
            XmlKind::DocumentType => "!DOCTYPE".to_owned(),
            XmlKind::Document => String::new(),
        }
    }

    /// Whether an attribute asks for an array.
    fn is_array(&self, id: XmlId) -> bool {
        self.heap.attributes(id).any(|attribute| {
            self.heap
                .name(attribute)
                .is_some_and(|name| *name.namespace == *JSON && &*name.local == "Array")
                && self
                    .heap
                    .value(attribute)
                    .is_some_and(|value| matches!(value.trim(), "true" | "1"))
        })
    }

    /// Whether an attribute only steers the conversion.
    fn steers(&self, attribute: XmlId) -> bool {
        let value = self.heap.value(attribute).map_or("", |value| value);
        self.heap.name(attribute).is_some_and(|name| {
            *name.namespace == *JSON || *name.namespace == *XMLNS && value == JSON
        })
    }

    fn name(&mut self, name: &str) -> Result<()> {
        self.writer.name(name, self.budget)
    }

    fn string(&mut self, value: &str) -> Result<()> {
        self.writer.string(value, self.budget)
    }

    /// Writes children, those of one name together.
    fn grouped(&mut self, children: Vec<Child>, named: bool) -> Result<()> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(String, Vec<Child>)> = Vec::new();
        for child in children {
            self.budget.step(1)?;
            let name = self.property(&child);
            self.budget.step(self.scope.len() as u64 / 16)?;
            self.budget.memory(name.len() + 64)?;
            let place = *places.entry(name.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, group)) => group.push(child),
                None => groups.push((name, vec![child])),
            }
        }
        for (name, group) in groups {
            if let [only] = group.as_slice()
                && !matches!(only, Child::Node(id) if self.is_array(*id))
            {
                self.child(only, named)?;
                continue;
            }
            if named {
                self.name(&name)?;
            }
            self.writer.start_array(self.budget)?;
            for child in &group {
                self.child(child, false)?;
            }
            self.writer.end_array(self.budget)?;
        }
        Ok(())
    }

    fn child(&mut self, child: &Child, named: bool) -> Result<()> {
        match child {
            Child::Node(id) => {
                self.budget.enter()?;
                let written = self.node(*id, named);
                self.budget.leave();
                written
            }
            Child::Declaration([version, encoding, standalone]) => {
                let parts = [
                    ("@version", version.clone()),
                    ("@encoding", encoding.clone()),
                    ("@standalone", standalone.clone()),
                ];
                self.parts("?xml", parts)
            }
        }
    }

    /// An object of the texts that are not empty.
    fn parts<const N: usize>(
        &mut self,
        name: &str,
        parts: [(&str, Option<Arc<str>>); N],
    ) -> Result<()> {
        self.name(name)?;
        self.writer.start_object(self.budget)?;
        for (name, value) in parts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                self.name(name)?;
                self.string(&value)?;
            }
        }
        self.writer.end_object(self.budget)
    }

    fn node(&mut self, id: XmlId, named: bool) -> Result<()> {
        let value = self.heap.value(id).cloned().unwrap_or_default();
        match self.heap.kind(id) {
            XmlKind::Element => self.element(id, named),
            XmlKind::Comment if named => self.writer.value(&Scalar::Comment(value), self.budget),
            XmlKind::Comment | XmlKind::Document => Ok(()),
            XmlKind::DocumentType => {
                let Some(ty) = self.heap.doctype(id).cloned() else { return Ok(()) };
                let parts = [
                    ("@name", Some(ty.name)),
                    ("@public", ty.public_id),
                    ("@system", ty.system_id),
                    ("@internalSubset", ty.internal_subset),
                ];
                self.parts("!DOCTYPE", parts)
            }
            _ => {
                if named {
                    self.budget.step(self.scope.len() as u64 / 16)?;
                    let name = self.property_of(id);
                    self.name(&name)?;
                }
                self.string(&value)
            }
        }
    }

    fn element(&mut self, id: XmlId, named: bool) -> Result<()> {
        let heap = self.heap;
        let children = || heap.nodes(id).map(Child::Node).collect::<Vec<_>>();
        let own = heap.name(id);
        let alike =
            heap.first_node(id).is_some() && heap.nodes(id).all(|node| heap.name(node) == own);
        if alike && self.is_array(id) {
            return self.grouped(children(), false);
        }
        let scope = self.scope.len();
        self.scope.extend(declared(heap, id));
        self.budget.memory((self.scope.len() - scope) * 32)?;
        if named {
            let name = self.property_of(id);
            self.name(&name)?;
        }
        let first = heap.first_node(id);
        let implied = self.implied(id)?;
        let only_text = first
            .filter(|first| heap.next(*first).is_none() && heap.kind(*first) == XmlKind::Text)
            .filter(|_| implied.is_none())
            .filter(|_| heap.attributes(id).all(|attribute| self.steers(attribute)));
        if let Some(text) = only_text {
            let value = heap.value(text).cloned().unwrap_or_default();
            self.string(&value)?;
        } else if first.is_none() && implied.is_none() && heap.first_attribute(id).is_none() {
            if heap.is_empty(id) {
                self.writer.value(&Scalar::Null, self.budget)?;
            } else {
                self.string("")?;
            }
        } else {
            self.writer.start_object(self.budget)?;
            if let Some(namespace) = implied {
                self.name("@xmlns")?;
                self.string(&namespace)?;
            }
            for attribute in heap.attributes(id) {
                if !self.hidden(attribute) {
                    self.node(attribute, true)?;
                }
            }
            self.grouped(children(), true)?;
            self.writer.end_object(self.budget)?;
        }
        self.scope.truncate(scope);
        Ok(())
    }

    /// The namespace of an element when neither it nor its parent says it.
    fn implied(&mut self, id: XmlId) -> Result<Option<Arc<str>>> {
        let heap = self.heap;
        let Some(name) = heap.name(id) else { return Ok(None) };
        let namespace = &name.namespace;
        let around = heap.parent_element(id).and_then(|parent| heap.name(parent));
        if namespace.is_empty() || around.is_some_and(|name| name.namespace == *namespace) {
            return Ok(None);
        }
        let prefix = heap.prefix_of_namespace(id, namespace, self.budget)?;
        let declared = prefix.is_some()
            || heap.attributes(id).any(|attribute| {
                let name = heap.name(attribute);
                name.is_some_and(|name| name.namespace.is_empty() && &*name.local == "xmlns")
                    && heap.value(attribute) == Some(namespace)
            });
        Ok((!declared).then(|| namespace.clone()))
    }

    /// Whether an attribute is left out.
    fn hidden(&self, attribute: XmlId) -> bool {
        self.steers(attribute)
            && self
                .heap
                .name(attribute)
                .is_some_and(|name| *name.namespace == *XMLNS || &*name.local == "Array")
    }
}

/// `XmlConvert.DecodeName`: `_x0020_` is a space.
fn decode_name(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        let (before, mark) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let digits = mark.get(2..).and_then(|after| after.split_once('_')).map(|(hex, _)| hex);
        let decoded = digits
            .filter(|hex| matches!(hex.len(), 4 | 8) && hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| Some((hex.len(), u32::from_str_radix(hex, 16).ok()?)))
            .and_then(|(len, number)| Some((len, char::from_u32(number)?)));
        if let Some((len, c)) = decoded {
            out.push(c);
            rest = mark.get(len + 3..).unwrap_or_default();
        } else {
            out.push_str("_x");
            rest = mark.get(2..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// `XmlConvert.EncodeName`: a space is `_x0020_`.
pub(crate) fn encode_name(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.char_indices() {
        let fits = if index == 0 { is_name_start(c) } else { is_name_char(c) };
        let rest = name.get(index..).unwrap_or_default();
        let looks_encoded = c == '_' && is_encoded(rest);
        if (fits || c == ':') && !looks_encoded {
            out.push(c);
        } else if c > '\u{ffff}' {
            out.extend(["_x", &format!("{:08X}", u32::from(c)), "_"]);
        } else {
            out.extend(["_x", &format!("{:04X}", u32::from(c)), "_"]);
        }
    }
    out
}

/// Whether a text begins as an encoded character does.
fn is_encoded(text: &str) -> bool {
    let hex = text.strip_prefix("_x").and_then(|rest| rest.split_once('_'));
    hex.is_some_and(|(hex, _)| hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
