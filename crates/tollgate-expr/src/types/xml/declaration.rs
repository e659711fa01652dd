//! `XDeclaration`.

use std::sync::Arc;

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, rw};
use super::Run;
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::xml::Declared;
use crate::{EvalState, Exception, Value};

/// `XDeclaration`.
#[derive(Debug, Clone)]
struct Declaration(Declared);

impl Native for Declaration {
    fn id(&self) -> TypeId {
        TypeId::XDeclaration
    }

    fn text(&self) -> Option<String> {
        let mut text = "<?xml".to_owned();
        let Declared { version, encoding, standalone } = &self.0;
        let parts = [("version", version), ("encoding", encoding), ("standalone", standalone)];
        for (name, value) in parts {
            if let Some(value) = value {
                text.extend([" ", name, "=\"", value, "\""]);
            }
        }
        text.push_str("?>");
        Some(text)
    }
}

/// A declaration as a value.
pub(super) fn value(cx: &mut Cx<'_>, declared: Declared) -> Run {
    cx.charge(96)?;
    cx.state.add_native(Declaration(declared))
}

/// A copy of a declaration; null of null.
pub(super) fn copy(cx: &mut Cx<'_>, declaration: &Value) -> Run {
    match cx.state.native::<Declaration>(declaration) {
        Some(Declaration(declared)) => {
            let declared = declared.clone();
            value(cx, declared)
        }
        None => Ok(Value::Null),
    }
}

/// Version, encoding and standalone of a declaration; none of null.
pub(crate) fn parts(state: &EvalState, declaration: &Value) -> Option<[Option<Arc<str>>; 3]> {
    let Declared { version, encoding, standalone } =
        state.native::<Declaration>(declaration)?.0.clone();
    Some([version, encoding, standalone])
}

fn text_at(a: &Args<'_>, index: usize) -> Option<Arc<str>> {
    match a.get(index) {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn get(
    cx: &Cx<'_>,
    a: &Args<'_>,
    part: impl FnOnce(&Declared) -> Option<Arc<str>>,
) -> Result<Value, Exception> {
    let found = cx.state.native::<Declaration>(a.get(0));
    let found = found.ok_or_else(Exception::null_reference)?;
    Ok(part(&found.0).map_or(Value::Null, Value::Str))
}

fn set(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    part: impl FnOnce(&mut Declared) -> &mut Option<Arc<str>>,
) -> Result<Value, Exception> {
    let found = cx.state.native_mut::<Declaration>(a.get(0));
    let found = found.ok_or_else(Exception::null_reference)?;
    *part(&mut found.0) = text_at(a, 1);
    Ok(a.value(1))
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XDeclaration",
    kind: Kind::Class,
    bases: &[],
    docs: "What `<?xml …?>` says.",
    members: &[
        m("new(string version, string encoding, string standalone)", "Of its parts.", |cx, a| {
            let declared = Declared {
                version: text_at(a, 0),
                encoding: text_at(a, 1),
                standalone: text_at(a, 2),
            };
            value(cx, declared)
        }),
        m("new(XDeclaration other)", "A copy.", |cx, a| match a.get(0) {
            Value::Null => Err(null_argument("other")),
            other => copy(cx, &other.clone()),
        }),
        rw(
            "string Version",
            "The version of XML, or null.",
            |cx, a| get(cx, a, |declared| declared.version.clone()),
            |cx, a| set(cx, a, |declared| &mut declared.version),
        ),
        rw(
            "string Encoding",
            "The character set, or null.",
            |cx, a| get(cx, a, |declared| declared.encoding.clone()),
            |cx, a| set(cx, a, |declared| &mut declared.encoding),
        ),
        rw(
            "string Standalone",
            "Whether it stands alone, or null.",
            |cx, a| get(cx, a, |declared| declared.standalone.clone()),
            |cx, a| set(cx, a, |declared| &mut declared.standalone),
        ),
    ],
    refused: &[],
};
