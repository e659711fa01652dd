//! `XObject`.

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::{Ty, TypeId};
use super::{NO_EVENTS, NO_TYPES, Run, this, xml};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::state::SLOT_COST;
use crate::{Exception, Value};

/// The annotations of the receiver that are of a type, or the others.
fn annotations(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    ty: &Ty,
    wanted: bool,
) -> Result<Vec<Value>, Exception> {
    let all: Vec<Value> = cx.state.xml.annotations(this(a)?).to_vec();
    cx.step(all.len() as u64)?;
    Ok(all.into_iter().filter(|value| cx.is_instance(value, ty) == wanted).collect())
}

fn annotate(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    if a.get(1).is_null() {
        return Err(null_argument("annotation"));
    }
    cx.charge(2 * SLOT_COST)?;
    cx.state.xml.annotate(this(a)?, a.value(1));
    Ok(Value::Null)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XObject",
    kind: Kind::Class,
    bases: &[],
    docs: "A node or an attribute.",
    members: &[
        m("XmlNodeType NodeType", "What it is.", |cx, a| {
            Ok(Value::Enum(TypeId::XmlNodeType, cx.state.xml.kind(this(a)?) as i32))
        }),
        m("XElement Parent", "The element it is in, or null.", |cx, a| {
            Ok(xml(cx.state.xml.parent_element(this(a)?)))
        }),
        m("XDocument Document", "The document it is in, or null.", |cx, a| {
            cx.state.xml.document_of(this(a)?, &mut cx.state.budget).map(xml)
        }),
        m("string BaseUri", "Where it was loaded from: empty.", |_, _| Ok(Value::from(""))),
        m("void AddAnnotation(object annotation)", "Attaches an object.", |cx, a| annotate(cx, a)),
        m(
            "T Annotation<T>() where T : class",
            "The first attached object of a type, or null.",
            |cx, a| {
                let ty = a.ty(0).clone();
                Ok(annotations(cx, a, &ty, true)?.into_iter().next().unwrap_or_default())
            },
        ),
        m(
            "IEnumerable<T> Annotations<T>() where T : class",
            "The attached objects of a type.",
            |cx, a| {
                let ty = a.ty(0).clone();
                let found = annotations(cx, a, &ty, true)?;
                cx.lazy(ty, Source::Items(found))
            },
        ),
        m(
            "void RemoveAnnotations<T>() where T : class",
            "Takes the attached objects of a type off.",
            |cx, a| {
                let ty = a.ty(0).clone();
                let left = annotations(cx, a, &ty, false)?;
                cx.state.xml.set_annotations(this(a)?, left);
                Ok(Value::Null)
            },
        ),
    ],
    refused: &[
        refused("object Annotation(Type type)", NO_TYPES),
        refused("IEnumerable<object> Annotations(Type type)", NO_TYPES),
        refused("void RemoveAnnotations(Type type)", NO_TYPES),
        refused("Changed", NO_EVENTS),
        refused("Changing", NO_EVENTS),
    ],
};
