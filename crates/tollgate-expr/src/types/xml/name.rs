//! `XName`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, p};
use super::Run;
use super::namespace::{Namespace, local_name};
use crate::Value;
use crate::collections::Key;
use crate::eval::{Args, equal_values};
use crate::native::Native;
use crate::xml::Name;

/// `XName`. Equal names are one object in .NET.
#[derive(Debug)]
pub(super) struct ExpandedName(pub(super) Name);

impl Native for ExpandedName {
    fn id(&self) -> TypeId {
        TypeId::XName
    }

    fn text(&self) -> Option<String> {
        Some(self.0.text())
    }

    fn key(&self) -> Option<Key> {
        let (namespace, local) = (self.0.namespace.clone(), self.0.local.clone());
        Some(Key::Many(vec![Key::Str(namespace), Key::Str(local)]))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// A name as a value.
pub(super) fn value(name: Name) -> Value {
    Value::native(ExpandedName(name))
}

fn name<'a>(a: &'a Args<'_>) -> Result<&'a Name, crate::Exception> {
    let name = a.get(0).as_native::<ExpandedName>();
    name.map(|name| &name.0).ok_or_else(crate::Exception::null_reference)
}

fn convert(a: &Args<'_>) -> Run {
    match a.opt_str(0) {
        Some(text) => Name::parse(text).map(value),
        None => Ok(Value::Null),
    }
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XName",
    kind: Kind::Class,
    bases: &[],
    docs: "The name of an element or attribute: a local name, and the namespace it is in.",
    members: &[
        p(
            "implicit XName(string expandedName)",
            "The name written as `local` or `{namespace}local`.",
            |_, a| convert(a),
        ),
        p(
            "static XName Get(string expandedName)",
            "The name written as `local` or `{namespace}local`.",
            |_, a| {
                a.str(0, "expandedName")?;
                convert(a)
            },
        ),
        p(
            "static XName Get(string localName, string namespaceName)",
            "The name in a namespace.",
            |_, a| {
                let namespace = a.str(1, "namespaceName")?;
                let local = local_name(a.opt_str(0))?;
                Ok(value(Name::new(namespace, local)))
            },
        ),
        p("string LocalName", "The name without its namespace.", |_, a| {
            Ok(Value::Str(name(a)?.local.clone()))
        }),
        p("XNamespace Namespace", "The namespace.", |_, a| {
            Ok(Value::native(Namespace(name(a)?.namespace.clone())))
        }),
        p("string NamespaceName", "The text of the namespace.", |_, a| {
            Ok(Value::Str(name(a)?.namespace.clone()))
        }),
        p(
            "operator bool ==(XName left, XName right)",
            "Whether two names are the same.",
            |_, a| Ok(Value::Bool(equal_values(a.get(0), a.get(1)))),
        ),
        p("operator bool !=(XName left, XName right)", "Whether two names differ.", |_, a| {
            Ok(Value::Bool(!equal_values(a.get(0), a.get(1))))
        }),
    ],
    refused: &[],
};
