//! `XAttribute`.

use super::super::decl::{Kind, Member, TypeDecl, joined, m, rw};
use super::super::{Ty, TypeId};
use super::{Run, content, conversions, name, node, some_id, some_name, this, xml};
use crate::Value;
use crate::eval::{Args, Cx, Source};
use crate::xml::verify_attribute;

fn new(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let name = some_name(a, 0)?;
    let text = content::some_string_value(cx, &a.value(1))?;
    verify_attribute(&name, &text)?;
    cx.state.xml.attribute(name, text, &mut cx.state.budget).map(Value::Xml)
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let id = this(a)?;
    let text = content::some_string_value(cx, &a.value(1))?;
    if let Some(name) = cx.state.xml.name(id) {
        verify_attribute(name, &text)?;
    }
    cx.state.xml.set_value(id, text);
    Ok(a.value(1))
}

const OWN: &[Member] = &[
    m("new(XAttribute other)", "A copy.", |cx, a| {
        let other = some_id(a, 0, "other")?;
        cx.state.xml.copy(other, &mut cx.state.budget).map(Value::Xml)
    }),
    m("new(XName name, object value)", "Of a name and a value.", |cx, a| new(cx, a)),
    m("static IEnumerable<XAttribute> EmptySequence", "No attributes.", |cx, _| {
        cx.lazy(Ty::Named(TypeId::XAttribute), Source::Items(Vec::new()))
    }),
    m("XName Name", "Its name.", |cx, a| {
        Ok(cx.state.xml.name(this(a)?).cloned().map_or(Value::Null, name::value))
    }),
    rw(
        "string Value",
        "Its text.",
        |cx, a| Ok(cx.state.xml.value(this(a)?).cloned().map_or(Value::Null, Value::Str)),
        set,
    ),
    m("bool IsNamespaceDeclaration", "Whether it declares a namespace.", |cx, a| {
        let name = cx.state.xml.name(this(a)?);
        Ok(Value::Bool(name.is_some_and(crate::xml::Name::is_declaration)))
    }),
    m("XAttribute NextAttribute", "The attribute after it, or null.", |cx, a| {
        Ok(xml(cx.state.xml.next(this(a)?)))
    }),
    m("XAttribute PreviousAttribute", "The attribute before it, or null.", |cx, a| {
        Ok(xml(cx.state.xml.previous(this(a)?)))
    }),
    m("void Remove()", "Takes it out.", |cx, a| node::remove(cx, a)),
    m("void SetValue(object value)", "Sets its text to that of a value.", |cx, a| {
        set(cx, a).map(|_| Value::Null)
    }),
    m("string ToString()", "`name=\"value\"`.", super::super::object::to_string),
];

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XAttribute",
    kind: Kind::Class,
    bases: &["XObject"],
    docs: "An attribute.",
    members: &joined::<{ OWN.len() + conversions::ATTRIBUTE.len() }>(OWN, conversions::ATTRIBUTE),
    refused: &[],
};
