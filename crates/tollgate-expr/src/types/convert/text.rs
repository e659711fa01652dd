//! `Convert.ToString`.

use super::super::decl::{Member, p};
use crate::eval::{Args, Cx, null_argument};
use crate::{Exception, ExceptionKind, Value};

/// Null strings stay null; other nulls are empty.
fn to_string(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    super::super::object::to_string(cx, a)
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn same(_: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    Ok(a.value(0))
}

/// Text of one unit.
pub(super) fn character(a: &Args<'_>) -> Result<Value, Exception> {
    let text = a.opt_str(0).ok_or_else(|| null_argument("value"))?;
    if let (Some(unit), 1) = (crate::text::unit_at(text, 0), crate::text::length(text)) {
        return Ok(Value::Char(unit));
    }
    let message = "String must be exactly one character long.";
    Err(Exception::new(ExceptionKind::Format, message))
}

#[cold]
pub(super) fn no_character() -> Exception {
    let message = "Value was either too large or too small for a character.";
    Exception::new(ExceptionKind::Overflow, message)
}

macro_rules! texts {
    ($($ty:literal $run:ident),*) => {
        &[$(
            p(concat!("static string ToString(", $ty, " value)"), "A value as text.", $run),
            p(
                concat!("static string ToString(", $ty, " value, IFormatProvider provider)"),
                "A value as text of the invariant culture.",
                $run,
            ),
        )*]
    };
}

pub(super) const MEMBERS: &[Member] = texts!(
    "object" to_string,
    "bool" to_string,
    "char" to_string,
    "sbyte" to_string,
    "byte" to_string,
    "short" to_string,
    "ushort" to_string,
    "int" to_string,
    "uint" to_string,
    "long" to_string,
    "ulong" to_string,
    "float" to_string,
    "double" to_string,
    "decimal" to_string,
    "DateTime" to_string,
    "string" same
);
