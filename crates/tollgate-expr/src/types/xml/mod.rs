//! `System.Xml.Linq`.

mod attribute;
mod comment;
mod comparers;
mod container;
mod content;
mod conversions;
mod declaration;
mod document;
mod document_type;
mod element;
mod extensions;
mod from_json;
mod instruction;
mod name;
mod namespace;
mod node;
mod object;
mod options;
mod parse;
mod text;
mod walk;

pub(super) use attribute::DECL as ATTRIBUTE;
pub(super) use comment::DECL as COMMENT;
pub(super) use comparers::{EQUALITY as EQUALITY_COMPARER, ORDER as ORDER_COMPARER};
pub(super) use container::DECL as CONTAINER;
pub(super) use declaration::DECL as DECLARATION;
pub(super) use declaration::parts as declaration_parts;
pub(super) use document::DECL as DOCUMENT;
pub(super) use document_type::DECL as DOCUMENT_TYPE;
pub(super) use element::DECL as ELEMENT;
pub(super) use extensions::DECL as EXTENSIONS;
pub(super) use from_json::{from_json, is_tree};
pub(super) use instruction::DECL as INSTRUCTION;
pub(super) use name::DECL as NAME;
pub(super) use namespace::DECL as NAMESPACE;
pub(super) use node::DECL as NODE;
pub(super) use object::DECL as OBJECT;
pub(super) use options::{
    LOAD as LOAD_OPTIONS, NODE_TYPE, READER as READER_OPTIONS, SAVE as SAVE_OPTIONS,
};
pub(crate) use parse::decoded;
pub(super) use parse::read_body;
pub(super) use text::{CDATA, TEXT};
pub(crate) use walk::XmlSource;

use super::TypeId;
use crate::eval::{Args, null_argument};
use crate::xml::{Name, XmlId, XmlKind};
use crate::{EvalState, Exception, Value};

type Run = Result<Value, Exception>;

const NO_STREAMS: &str = "expressions have no files, streams, readers or writers";
const NO_EVENTS: &str = "nothing runs between the steps of an expression that an event could call";
const NO_TYPES: &str = "expressions have no `System.Type`; name the type as a type argument";

/// A node or attribute, or null.
fn xml(id: Option<XmlId>) -> Value {
    id.map_or(Value::Null, Value::Xml)
}

/// The node or attribute among the arguments.
fn id_at(a: &Args<'_>, index: usize) -> Option<XmlId> {
    match a.get(index) {
        Value::Xml(id) => Some(*id),
        _ => None,
    }
}

/// The receiver.
fn this(a: &Args<'_>) -> Result<XmlId, Exception> {
    id_at(a, 0).ok_or_else(Exception::null_reference)
}

/// A node that must not be null.
fn some_id(a: &Args<'_>, index: usize, name: &str) -> Result<XmlId, Exception> {
    id_at(a, index).ok_or_else(|| null_argument(name))
}

/// The `XName` among the arguments.
fn name_at(a: &Args<'_>, index: usize) -> Option<Name> {
    a.get(index).as_native::<name::ExpandedName>().map(|name| name.0.clone())
}

/// An `XName` that must not be null.
fn some_name(a: &Args<'_>, index: usize) -> Result<Name, Exception> {
    name_at(a, index).ok_or_else(|| null_argument("name"))
}

/// The class of a node or attribute.
pub(crate) fn xml_type(kind: XmlKind) -> TypeId {
    match kind {
        XmlKind::Element => TypeId::XElement,
        XmlKind::Attribute => TypeId::XAttribute,
        XmlKind::Text => TypeId::XText,
        XmlKind::CData => TypeId::XCData,
        XmlKind::Instruction => TypeId::XProcessingInstruction,
        XmlKind::Comment => TypeId::XComment,
        XmlKind::Document => TypeId::XDocument,
        XmlKind::DocumentType => TypeId::XDocumentType,
    }
}

/// The members that JSON shows of a name, a namespace or a declaration.
pub(super) fn json_members(state: &EvalState, value: &Value) -> Option<Vec<(String, Value)>> {
    let member = |name: &str, value: Value| (name.to_owned(), value);
    if let Some(name) = value.as_native::<name::ExpandedName>() {
        let namespace = Value::Str(name.0.namespace.clone());
        return Some(vec![
            member("LocalName", Value::Str(name.0.local.clone())),
            member("Namespace", namespace::value(name.0.namespace.clone())),
            member("NamespaceName", namespace),
        ]);
    }
    if let Some(namespace) = value.as_native::<namespace::Namespace>() {
        return Some(vec![member("NamespaceName", Value::Str(namespace.0.clone()))]);
    }
    let [version, encoding, standalone] = declaration::parts(state, value)?;
    let text = |text: Option<std::sync::Arc<str>>| text.map_or(Value::Null, Value::Str);
    Some(vec![
        member("Encoding", text(encoding)),
        member("Standalone", text(standalone)),
        member("Version", text(version)),
    ])
}
