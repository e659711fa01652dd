//! `XProcessingInstruction`.

use std::sync::Arc;

use super::super::decl::{Kind, TypeDecl, m, rw};
use super::text::{copy, set_value, value};
use super::this;
use crate::eval::Args;
use crate::xml::verify_name;
use crate::{Exception, ExceptionKind, Value};

/// The target among the arguments.
fn target(a: &Args<'_>, index: usize, name: &str) -> Result<Arc<str>, Exception> {
    let target = a.str(index, name)?;
    if target.is_empty() {
        return Err(Exception::new(
            ExceptionKind::ArgumentNull,
            "The empty string '' is not a valid local name. (Parameter 'name')",
        ));
    }
    verify_name(&target)?;
    if target.eq_ignore_ascii_case("xml") {
        return Err(Exception::new(
            ExceptionKind::Argument,
            format!("'{target}' is an invalid name for a processing instruction."),
        ));
    }
    Ok(target)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XProcessingInstruction",
    kind: Kind::Class,
    bases: &["XNode"],
    docs: "A processing instruction.",
    members: &[
        m("new(string target, string data)", "Of its parts.", |cx, a| {
            let data = a.str(1, "data")?;
            let target = target(a, 0, "name")?;
            cx.state.xml.instruction(target, data, &mut cx.state.budget).map(Value::Xml)
        }),
        m("new(XProcessingInstruction other)", "A copy.", copy),
        rw("string Data", "What it says.", value, set_value),
        rw(
            "string Target",
            "Whom it is for.",
            |cx, a| Ok(cx.state.xml.target(this(a)?).cloned().map_or(Value::Null, Value::Str)),
            |cx, a| {
                let target = target(a, 1, "name")?;
                cx.state.xml.set_target(this(a)?, target);
                Ok(a.value(1))
            },
        ),
    ],
    refused: &[],
};
