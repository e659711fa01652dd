//! `XDocumentType`.

use std::sync::Arc;

use super::super::decl::{Kind, TypeDecl, m, rw};
use super::{Run, some_id, this};
use crate::eval::{Args, Cx, null_argument};
use crate::xml::{DocumentType, verify_colon_name};
use crate::{Exception, ExceptionKind, Value};

fn text_at(a: &Args<'_>, index: usize) -> Option<Arc<str>> {
    match a.get(index) {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// The name among the arguments. Where its colons may stand is looked at when it is written.
fn verified(a: &Args<'_>, index: usize) -> Result<Arc<str>, Exception> {
    let text = text_at(a, index).ok_or_else(|| null_argument("name"))?;
    if text.is_empty() {
        let message = "The empty string '' is not a valid name. (Parameter 'name')";
        return Err(Exception::new(ExceptionKind::ArgumentNull, message));
    }
    verify_colon_name(&text)?;
    Ok(text)
}

fn get(cx: &Cx<'_>, a: &Args<'_>, part: impl FnOnce(&DocumentType) -> Option<Arc<str>>) -> Run {
    let ty = cx.state.xml.doctype(this(a)?).ok_or_else(Exception::null_reference)?;
    Ok(part(ty).map_or(Value::Null, Value::Str))
}

fn set(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    part: impl FnOnce(&mut DocumentType) -> &mut Option<Arc<str>>,
) -> Run {
    let ty = cx.state.xml.doctype_mut(this(a)?).ok_or_else(Exception::null_reference)?;
    *part(ty) = text_at(a, 1);
    Ok(a.value(1))
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XDocumentType",
    kind: Kind::Class,
    bases: &["XNode"],
    docs: "A document type.",
    members: &[
        m(
            "new(string name, string publicId, string systemId, string internalSubset)",
            "Of its parts.",
            |cx, a| {
                let ty = DocumentType {
                    name: verified(a, 0)?,
                    public_id: text_at(a, 1),
                    system_id: text_at(a, 2),
                    internal_subset: text_at(a, 3),
                };
                cx.state.xml.document_type(ty, &mut cx.state.budget).map(Value::Xml)
            },
        ),
        m("new(XDocumentType other)", "A copy.", |cx, a| {
            let other = some_id(a, 0, "other")?;
            cx.state.xml.copy(other, &mut cx.state.budget).map(Value::Xml)
        }),
        rw(
            "string Name",
            "The name of the root element.",
            |cx, a| get(cx, a, |ty| Some(ty.name.clone())),
            |cx, a| {
                let name = verified(a, 1)?;
                if let Some(ty) = cx.state.xml.doctype_mut(this(a)?) {
                    ty.name = name;
                }
                Ok(a.value(1))
            },
        ),
        rw(
            "string PublicId",
            "The public identifier, or null.",
            |cx, a| get(cx, a, |ty| ty.public_id.clone()),
            |cx, a| set(cx, a, |ty| &mut ty.public_id),
        ),
        rw(
            "string SystemId",
            "The system identifier, or null.",
            |cx, a| get(cx, a, |ty| ty.system_id.clone()),
            |cx, a| set(cx, a, |ty| &mut ty.system_id),
        ),
        rw(
            "string InternalSubset",
            "The declarations between brackets, or null.",
            |cx, a| get(cx, a, |ty| ty.internal_subset.clone()),
            |cx, a| set(cx, a, |ty| &mut ty.internal_subset),
        ),
    ],
    refused: &[],
};
