//! JSON as a tree, as Json.NET's `XmlNodeConverter` reads it.

use std::sync::Arc;

use super::super::TypeId;
use super::{Run, declaration};
use crate::eval::{Cx, null_argument};
use crate::json::{JsonId, JsonType, Scalar};
use crate::xml::{
    Declared, DocumentType, Name, XMLNS, XmlId, XmlKind, encode_name, simple_text,
    verify_attribute, verify_name,
};
use crate::{Exception, ExceptionKind, Value};

#[cold]
fn fault(message: impl Into<String>) -> Exception {
    Exception::new(ExceptionKind::JsonSerialization, message)
}

/// Whether JSON is read as the type by way of a document.
pub(in crate::types) fn is_tree(ty: TypeId) -> bool {
    matches!(
        ty,
        TypeId::XElement
            | TypeId::XDocument
            | TypeId::XContainer
            | TypeId::XNode
            | TypeId::XObject
            | TypeId::XAttribute
            | TypeId::XText
            | TypeId::XCData
            | TypeId::XComment
            | TypeId::XProcessingInstruction
            | TypeId::XDocumentType
    )
}

/// A token as an element or a document.
pub(in crate::types) fn from_json(cx: &mut Cx<'_>, token: JsonId, ty: TypeId) -> Run {
    match cx.state.json.token_type(token) {
        JsonType::Null => return Ok(Value::Null),
        JsonType::Object => {}
        _ => {
            let message = "XmlNodeConverter can only convert JSON that begins with an object.";
            return Err(fault(message));
        }
    }
    let whole =
        matches!(ty, TypeId::XDocument | TypeId::XContainer | TypeId::XNode | TypeId::XObject);
    if !whole && ty != TypeId::XElement {
        let message = "XmlNodeConverter only supports deserializing XDocument, XElement, XContainer, XNode or XObject.";
        return Err(fault(message));
    }
    let document = cx.state.xml.document(&mut cx.state.budget)?;
    let mut reader = Reader { cx, document, scope: vec![("xmlns".into(), XMLNS.into())], start: 0 };
    reader.node(token, document)?;
    if whole {
        return Ok(Value::Xml(document));
    }
    let state = &mut *cx.state;
    let root = state.xml.first_of(document, XmlKind::Element, &mut state.budget)?;
    let root = root.ok_or_else(Exception::null_reference)?;
    state.xml.remove(root)?;
    Ok(Value::Xml(root))
}

struct Reader<'a, 'c> {
    cx: &'a mut Cx<'c>,
    document: XmlId,
    /// Prefixes and namespaces, innermost last.
    scope: Vec<(Arc<str>, Arc<str>)>,
    /// Where those of the object that is read begin.
    start: usize,
}

impl Reader<'_, '_> {
    fn namespace(&self, prefix: &str) -> Option<Arc<str>> {
        let found = self.scope.iter().rfind(|(own, _)| **own == *prefix);
        found.map(|(_, namespace)| namespace.clone())
    }

    /// The expanded form of a property's name.
    fn name(&self, name: &str, element: bool) -> Result<Name, Exception> {
        let encoded = encode_name(name);
        let prefix = encoded.split_once(':').map(|(prefix, _)| prefix);
        let namespace = match prefix {
            Some(prefix) => self.namespace(prefix),
            None if element => self.namespace(""),
            None => None,
        };
        match namespace.filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => {
                let local = encoded.split_once(':').map_or(&*encoded, |(_, local)| local);
                verify_name(local)?;
                Ok(Name::new(namespace, local.into()))
            }
            None => Name::parse(&encoded),
        }
    }

    /// The properties of an object become the nodes and attributes of a container.
    fn node(&mut self, object: JsonId, container: XmlId) -> Result<(), Exception> {
        for (name, value) in self.properties(object)? {
            self.property(&name, value, container)?;
        }
        Ok(())
    }

    fn properties(&mut self, object: JsonId) -> Result<Vec<(Arc<str>, JsonId)>, Exception> {
        let json = &self.cx.state.json;
        let ids = json.children(object, &mut self.cx.state.budget)?;
        let pair = |id| Some((json.name(id)?.clone(), json.property_value(id)?));
        Ok(ids.into_iter().filter_map(pair).collect())
    }

    fn property(&mut self, name: &str, value: JsonId, container: XmlId) -> Result<(), Exception> {
        self.cx.step(1)?;
        if container == self.document {
            let state = &mut *self.cx.state;
            let element = state.xml.first_of(container, XmlKind::Element, &mut state.budget)?;
            let ty = state.xml.first_of(container, XmlKind::DocumentType, &mut state.budget)?;
            if element.or(ty).is_some() {
                return Err(fault(
                    "JSON root object has multiple properties. The root object must have a single property in order to create a valid XML document. Consider specifying a DeserializeRootElementName.",
                ));
            }
        }
        if self.cx.state.json.token_type(value) != JsonType::Array {
            return self.value(name, value, container);
        }
        for item in self.cx.state.json.children(value, &mut self.cx.state.budget)? {
            self.value(name, item, container)?;
        }
        Ok(())
    }

    fn value(&mut self, name: &str, value: JsonId, container: XmlId) -> Result<(), Exception> {
        match name {
            "#text" | "#whitespace" | "#significant-whitespace" => {
                let text = self.text(value)?.ok_or_else(|| null_argument("value"))?;
                let state = &mut *self.cx.state;
                let node = state.xml.text_node(text, &mut state.budget)?;
                return state.xml.add_node(container, node, &mut state.budget);
            }
            "#cdata-section" => {
                let text = self.text(value)?.ok_or_else(|| null_argument("value"))?;
                let state = &mut *self.cx.state;
                let node = state.xml.cdata(text, &mut state.budget)?;
                return state.xml.add_node(container, node, &mut state.budget);
            }
            "?xml" => return self.declaration(value),
            "" => {
                return Err(fault(
                    "XmlNodeConverter cannot convert JSON with an empty property name to XML.",
                ));
            }
            _ => {}
        }
        if let Some(target) = name.strip_prefix('?') {
            let data = self.text(value)?.ok_or_else(|| null_argument("data"))?;
            verify_name(target)?;
            let state = &mut *self.cx.state;
            let node = state.xml.instruction(target.into(), data, &mut state.budget)?;
            return state.xml.add_node(container, node, &mut state.budget);
        }
        if name.eq_ignore_ascii_case("!DOCTYPE") {
            return self.document_type(value, container);
        }
        if let Some(attribute) = name.strip_prefix('@') {
            if container == self.document {
                return Err(fault(format!(
                    "JSON root object has property '{name}' that will be converted to an attribute. A root object cannot have any attribute properties. Consider specifying a DeserializeRootElementName."
                )));
            }
            let text = self.text(value)?.ok_or_else(|| null_argument("value"))?;
            return self.attribute(container, attribute, text);
        }
        self.cx.state.budget.enter()?;
        let made = self.element(name, value, container);
        self.cx.state.budget.leave();
        made
    }

    fn attribute(&mut self, element: XmlId, name: &str, text: Arc<str>) -> Result<(), Exception> {
        let name = self.name(name, false)?;
        verify_attribute(&name, &text)?;
        let state = &mut *self.cx.state;
        let id = state.xml.attribute(name, text, &mut state.budget)?;
        state.xml.add_attribute(element, id, &mut state.budget)
    }

    fn element(&mut self, name: &str, value: JsonId, container: XmlId) -> Result<(), Exception> {
        let kind = self.cx.state.json.token_type(value);
        let mut properties =
            if kind == JsonType::Object { self.properties(value)? } else { Vec::new() };
        let n_attributes = properties.iter().take_while(|(name, _)| name.starts_with('@')).count();
        let children = properties.split_off(n_attributes);
        let mut attributes = Vec::new();
        for (attribute, value) in properties {
            let text = self.text(value)?.ok_or_else(|| null_argument("value"))?;
            let attribute: Arc<str> = attribute.strip_prefix('@').unwrap_or_default().into();
            if &*attribute == "xmlns" {
                self.scope.push(("".into(), text.clone()));
            } else if let Some(prefix) = attribute.strip_prefix("xmlns:") {
                self.scope.push((prefix.into(), text.clone()));
            }
            attributes.push((attribute, text));
        }
        let made = self.name(name, true)?;
        let state = &mut *self.cx.state;
        let made = state.xml.element(made, &mut state.budget)?;
        state.xml.add_node(container, made, &mut state.budget)?;
        for (attribute, text) in attributes {
            self.attribute(made, &attribute, text)?;
        }
        match kind {
            JsonType::Object => {
                let (around, scope) = (self.start, self.scope.len());
                self.start = scope;
                for (name, value) in children {
                    self.property(&name, value, made)?;
                }
                self.start = around;
                // Prefixes stay known to what follows, a default namespace does not.
                let mut index = 0;
                self.scope.truncate(scope);
                self.scope.retain(|(prefix, _)| {
                    index += 1;
                    index <= around || !prefix.is_empty()
                });
            }
            JsonType::Array => {
                for item in self.cx.state.json.children(value, &mut self.cx.state.budget)? {
                    self.value(name, item, made)?;
                }
            }
            _ => {
                if let Some(text) = self.text(value)? {
                    let state = &mut *self.cx.state;
                    let node = state.xml.text_node(text, &mut state.budget)?;
                    state.xml.add_node(made, node, &mut state.budget)?;
                }
            }
        }
        Ok(())
    }

    /// What an object says by one of its properties.
    fn part(&mut self, object: JsonId, name: &str) -> Result<Option<Arc<str>>, Exception> {
        match self.cx.state.json.get(object, name) {
            Some(value) => self.text(value),
            None => Ok(None),
        }
    }

    fn declaration(&mut self, value: JsonId) -> Result<(), Exception> {
        let declared = Declared {
            version: self.part(value, "@version")?,
            encoding: self.part(value, "@encoding")?,
            standalone: self.part(value, "@standalone")?,
        };
        let declaration = declaration::value(self.cx, declared)?;
        self.cx.state.xml.set_declaration(self.document, declaration);
        Ok(())
    }

    fn document_type(&mut self, value: JsonId, container: XmlId) -> Result<(), Exception> {
        let ty = DocumentType {
            name: self.part(value, "@name")?.unwrap_or_default(),
            public_id: self.part(value, "@public")?,
            system_id: self.part(value, "@system")?,
            internal_subset: self.part(value, "@internalSubset")?,
        };
        let state = &mut *self.cx.state;
        let node = state.xml.document_type(ty, &mut state.budget)?;
        state.xml.add_node(container, node, &mut state.budget)
    }

    /// The text of a value; none of null.
    fn text(&mut self, value: JsonId) -> Result<Option<Arc<str>>, Exception> {
        let found = match self.cx.state.json.scalar(value) {
            Some(value) if value.is_null() => return Ok(None),
            Some(Scalar::Str(text) | Scalar::Char(text)) => return Ok(Some(text.clone())),
            Some(Scalar::Bool(value)) => simple_text(&Value::Bool(*value)),
            Some(Scalar::Double(value)) => simple_text(&Value::Double(*value)),
            Some(Scalar::Date(value)) => simple_text(&Value::DateTime(*value)),
            _ => None,
        };
        match found {
            Some(text) => {
                self.cx.charge(text.len())?;
                Ok(Some(text.into()))
            }
            None => self.cx.text(&Value::Json(value)),
        }
    }
}
