//! `XElement`.

use std::sync::Arc;

use super::super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::super::{Ty, TypeId};
use super::namespace::{self, namespace_at};
use super::{
    NO_STREAMS, Run, content, conversions, name, name_at, parse, some_id, some_name, this, walk,
    xml,
};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::xml::{Axis, XmlId, XmlKind, verify_attribute};
use crate::{Exception, ExceptionKind, Value};

fn new(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = cx.state.xml.element(some_name(a, 0)?, &mut cx.state.budget)?;
    if a.len() > 1 {
        content::add(cx, id, &a.value(1))?;
    }
    Ok(Value::Xml(id))
}

/// `Value = value`.
pub(super) fn set_text(cx: &mut Cx<'_>, id: XmlId, text: &str) -> Result<(), Exception> {
    let state = &mut *cx.state;
    state.xml.remove_nodes(id, &mut state.budget)?;
    state.xml.add_text(id, text, &mut state.budget)
}

fn value(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    cx.state.xml.text(this(a)?, &mut cx.state.budget).map(Value::Str)
}

fn set_attribute(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let name = name_at(a, 1);
    let known = match &name {
        Some(name) => cx.state.xml.attribute_named(id, name, &mut cx.state.budget)?,
        None => None,
    };
    if a.get(2).is_null() {
        return match known {
            Some(known) => cx.state.xml.remove(known).map(|()| Value::Null),
            None => Ok(Value::Null),
        };
    }
    let text = content::string_value(cx, &a.value(2))?;
    let name = name.ok_or_else(|| null_argument("name"))?;
    verify_attribute(&name, &text)?;
    let state = &mut *cx.state;
    if let Some(known) = known {
        state.xml.set_value(known, text);
    } else {
        let made = state.xml.attribute(name, text, &mut state.budget)?;
        state.xml.add_attribute(id, made, &mut state.budget)?;
    }
    Ok(Value::Null)
}

fn set_element(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let name = name_at(a, 1);
    let known = match &name {
        Some(name) => cx.state.xml.element_named(id, name, &mut cx.state.budget)?,
        None => None,
    };
    if a.get(2).is_null() {
        return match known {
            Some(known) => cx.state.xml.remove(known).map(|()| Value::Null),
            None => Ok(Value::Null),
        };
    }
    let text = content::string_value(cx, &a.value(2))?;
    if let Some(known) = known {
        set_text(cx, known, &text)?;
        return Ok(Value::Null);
    }
    let name = name.ok_or_else(|| null_argument("name"))?;
    let state = &mut *cx.state;
    let made = state.xml.element(name, &mut state.budget)?;
    state.xml.add_text(made, &text, &mut state.budget)?;
    state.xml.add_node(id, made, &mut state.budget).map(|()| Value::Null)
}

fn remove_all(cx: &mut Cx<'_>, id: XmlId) -> Result<(), Exception> {
    let state = &mut *cx.state;
    state.xml.remove_attributes(id, &mut state.budget)?;
    state.xml.remove_nodes(id, &mut state.budget)
}

fn replace_all(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let contents = content::snapshot(cx, &a.value(1))?;
    remove_all(cx, id)?;
    content::add_all(cx, id, &contents).map(|()| Value::Null)
}

fn replace_attributes(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let contents = content::snapshot(cx, &a.value(1))?;
    cx.state.xml.remove_attributes(id, &mut cx.state.budget)?;
    content::add_all(cx, id, &contents).map(|()| Value::Null)
}

fn namespace_of(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let prefix = a.str(1, "prefix")?;
    if prefix.is_empty() {
        return Err(Exception::new(ExceptionKind::Argument, "'' is an invalid prefix."));
    }
    let found = cx.state.xml.namespace_of_prefix(this(a)?, &prefix, &mut cx.state.budget)?;
    Ok(found.map_or(Value::Null, namespace::value))
}

fn prefix_of(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let namespace = namespace_at(a, 1).ok_or_else(|| null_argument("ns"))?;
    let found: Option<Arc<str>> =
        cx.state.xml.prefix_of_namespace(this(a)?, &namespace, &mut cx.state.budget)?;
    Ok(found.map_or(Value::Null, Value::Str))
}

const MAKING: &[Member] = &[
    m("new(XElement other)", "A copy.", |cx, a| {
        let other = some_id(a, 0, "other")?;
        cx.state.xml.copy(other, &mut cx.state.budget).map(Value::Xml)
    }),
    m("new(XName name)", "Empty.", |cx, a| new(cx, a)),
    m("new(XName name, object content)", "Of content.", |cx, a| new(cx, a)),
    m("new(XName name, params object[] content)", "Of content.", |cx, a| new(cx, a)),
    m("static XElement Parse(string text)", "Reads an element.", |cx, a| parse::element(cx, a)),
    m("static XElement Parse(string text, LoadOptions options)", "Reads an element.", |cx, a| {
        parse::element(cx, a)
    }),
    m("static IEnumerable<XElement> EmptySequence", "No elements.", |cx, _| {
        cx.lazy(Ty::Named(TypeId::XElement), Source::Items(Vec::new()))
    }),
];

const OWN: &[Member] = &[
    rw(
        "XName Name",
        "Its name.",
        |cx, a| Ok(cx.state.xml.name(this(a)?).cloned().map_or(Value::Null, name::value)),
        |cx, a| {
            let new = name_at(a, 1).ok_or_else(|| null_argument("value"))?;
            cx.state.xml.set_name(this(a)?, new);
            Ok(a.value(1))
        },
    ),
    rw(
        "string Value",
        "All text in it.",
        |cx, a| value(cx, a),
        |cx, a| {
            let text = a.str(1, "value")?;
            set_text(cx, this(a)?, &text)?;
            Ok(a.value(1))
        },
    ),
    m("bool IsEmpty", "Whether nothing is in it, not even nothing between two tags.", |cx, a| {
        Ok(Value::Bool(cx.state.xml.is_empty(this(a)?)))
    }),
    m("bool HasElements", "Whether elements are in it.", |cx, a| {
        let found = cx.state.xml.first_of(this(a)?, XmlKind::Element, &mut cx.state.budget)?;
        Ok(Value::Bool(found.is_some()))
    }),
    m("bool HasAttributes", "Whether it has attributes.", |cx, a| {
        Ok(Value::Bool(cx.state.xml.first_attribute(this(a)?).is_some()))
    }),
    m("XAttribute FirstAttribute", "Its first attribute, or null.", |cx, a| {
        Ok(xml(cx.state.xml.first_attribute(this(a)?)))
    }),
    m("XAttribute LastAttribute", "Its last attribute, or null.", |cx, a| {
        Ok(xml(cx.state.xml.last_attribute(this(a)?)))
    }),
    m("XAttribute Attribute(XName name)", "The attribute of a name, or null.", |cx, a| {
        let id = this(a)?;
        let Some(name) = name_at(a, 1) else { return Ok(Value::Null) };
        cx.state.xml.attribute_named(id, &name, &mut cx.state.budget).map(xml)
    }),
    m("IEnumerable<XAttribute> Attributes()", "Its attributes.", |cx, a| {
        walk::all(cx, a, Axis::Attributes)
    }),
    m("IEnumerable<XAttribute> Attributes(XName name)", "Those with a name.", |cx, a| {
        walk::named(cx, a, Axis::Attributes)
    }),
    m("IEnumerable<XElement> AncestorsAndSelf()", "It and the elements it is in.", |cx, a| {
        walk::all(cx, a, Axis::AncestorsAndSelf)
    }),
    m("IEnumerable<XElement> AncestorsAndSelf(XName name)", "Those with a name.", |cx, a| {
        walk::named(cx, a, Axis::AncestorsAndSelf)
    }),
    m("IEnumerable<XElement> DescendantsAndSelf()", "It and all elements below it.", |cx, a| {
        walk::all(cx, a, Axis::DescendantsAndSelf)
    }),
    m("IEnumerable<XElement> DescendantsAndSelf(XName name)", "Those with a name.", |cx, a| {
        walk::named(cx, a, Axis::DescendantsAndSelf)
    }),
    m("IEnumerable<XNode> DescendantNodesAndSelf()", "It and all nodes below it.", |cx, a| {
        walk::all(cx, a, Axis::DescendantNodesAndSelf)
    }),
    m("XNamespace GetDefaultNamespace()", "The namespace of names without prefix.", |cx, a| {
        cx.state.xml.default_namespace(this(a)?, &mut cx.state.budget).map(namespace::value)
    }),
    m("XNamespace GetNamespaceOfPrefix(string prefix)", "What a prefix stands for.", |cx, a| {
        namespace_of(cx, a)
    }),
    m("string GetPrefixOfNamespace(XNamespace ns)", "A prefix of a namespace.", |cx, a| {
        prefix_of(cx, a)
    }),
    m("void RemoveAll()", "Takes all attributes and nodes out.", |cx, a| {
        remove_all(cx, this(a)?).map(|()| Value::Null)
    }),
    m("void RemoveAttributes()", "Takes all attributes out.", |cx, a| {
        cx.state.xml.remove_attributes(this(a)?, &mut cx.state.budget).map(|()| Value::Null)
    }),
    m("void ReplaceAll(object content)", "Puts other content in.", |cx, a| replace_all(cx, a)),
    m("void ReplaceAll(params object[] content)", "Puts other content in.", |cx, a| {
        replace_all(cx, a)
    }),
    m("void ReplaceAttributes(object content)", "Puts other attributes in.", |cx, a| {
        replace_attributes(cx, a)
    }),
    m("void ReplaceAttributes(params object[] content)", "Puts other attributes in.", |cx, a| {
        replace_attributes(cx, a)
    }),
    m(
        "void SetAttributeValue(XName name, object value)",
        "Sets, adds or, for null, removes an attribute.",
        |cx, a| set_attribute(cx, a),
    ),
    m(
        "void SetElementValue(XName name, object value)",
        "Sets, adds or, for null, removes an element.",
        |cx, a| set_element(cx, a),
    ),
    m("void SetValue(object value)", "Puts the text of a value in.", |cx, a| {
        let text = content::some_string_value(cx, &a.value(1))?;
        set_text(cx, this(a)?, &text).map(|()| Value::Null)
    }),
];

const MADE: &[Member] = &joined::<{ MAKING.len() + OWN.len() }>(MAKING, OWN);

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XElement",
    kind: Kind::Class,
    bases: &["XContainer"],
    docs: "An element.",
    members: &joined::<{ MADE.len() + conversions::ELEMENT.len() }>(MADE, conversions::ELEMENT),
    refused: &[
        refused("new(XStreamingElement other)", NO_STREAMS),
        refused("Load", NO_STREAMS),
        refused("LoadAsync", NO_STREAMS),
        refused("Save", NO_STREAMS),
        refused("SaveAsync", NO_STREAMS),
    ],
};
