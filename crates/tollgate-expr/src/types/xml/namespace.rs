//! `XNamespace`.

use std::sync::Arc;

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, p};
use super::{Run, name};
use crate::collections::Key;
use crate::eval::{Args, equal_values, null_argument};
use crate::native::Native;
use crate::xml::{Name, XML, XMLNS, verify_name};
use crate::{Exception, ExceptionKind, Value};

/// `XNamespace`. Equal namespaces are one object in .NET.
#[derive(Debug)]
pub(super) struct Namespace(pub(super) Arc<str>);

impl Native for Namespace {
    fn id(&self) -> TypeId {
        TypeId::XNamespace
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Str(self.0.clone()))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// A namespace as a value.
pub(super) fn value(namespace: impl Into<Arc<str>>) -> Value {
    Value::native(Namespace(namespace.into()))
}

/// The namespace among the arguments.
pub(super) fn namespace_at(a: &Args<'_>, index: usize) -> Option<Arc<str>> {
    a.get(index).as_native::<Namespace>().map(|namespace| namespace.0.clone())
}

/// A local name that may be in a namespace.
pub(super) fn local_name(text: Option<&str>) -> Result<Arc<str>, Exception> {
    match text {
        None => Err(null_argument("localName")),
        Some("") => Err(Exception::new(
            ExceptionKind::ArgumentNull,
            "The empty string '' is not a valid local name. (Parameter 'name')",
        )),
        Some(text) => {
            verify_name(text)?;
            Ok(text.into())
        }
    }
}

fn own(a: &Args<'_>) -> Result<Arc<str>, Exception> {
    namespace_at(a, 0).ok_or_else(Exception::null_reference)
}

fn named(namespace: Arc<str>, local: Option<&str>) -> Run {
    Ok(name::value(Name::new(namespace, local_name(local)?)))
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNamespace",
    kind: Kind::Class,
    bases: &[],
    docs: "An XML namespace.",
    members: &[
        p("implicit XNamespace(string namespaceName)", "The namespace of a text.", |_, a| {
            Ok(a.opt_str(0).map_or(Value::Null, value))
        }),
        p("static XNamespace Get(string namespaceName)", "The namespace of a text.", |_, a| {
            Ok(value(a.str(0, "namespaceName")?))
        }),
        p("static XNamespace None", "No namespace.", |_, _| Ok(value(""))),
        p("static XNamespace Xml", "The namespace of the prefix `xml`.", |_, _| Ok(value(XML))),
        p("static XNamespace Xmlns", "The namespace of the prefix `xmlns`.", |_, _| {
            Ok(value(XMLNS))
        }),
        p("string NamespaceName", "Its text.", |_, a| Ok(Value::Str(own(a)?))),
        p("XName GetName(string localName)", "A name in it.", |_, a| named(own(a)?, a.opt_str(1))),
        p("operator XName +(XNamespace ns, string localName)", "A name in a namespace.", |_, a| {
            let namespace = namespace_at(a, 0).ok_or_else(|| null_argument("ns"))?;
            named(namespace, a.opt_str(1))
        }),
        p(
            "operator bool ==(XNamespace left, XNamespace right)",
            "Whether two namespaces are the same.",
            |_, a| Ok(Value::Bool(equal_values(a.get(0), a.get(1)))),
        ),
        p(
            "operator bool !=(XNamespace left, XNamespace right)",
            "Whether two namespaces differ.",
            |_, a| Ok(Value::Bool(!equal_values(a.get(0), a.get(1)))),
        ),
    ],
    refused: &[],
};
