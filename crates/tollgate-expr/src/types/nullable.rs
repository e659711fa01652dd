//! `System.Nullable<T>` and `System.Nullable`.

use super::decl::{Kind, TypeDecl, m, p, refused};
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Nullable<T>",
    kind: Kind::Struct,
    bases: &[],
    docs: "A value that may be missing.",
    members: &[
        m("new(T value)", "The value.", |_, a| Ok(a.value(0))),
        m("bool HasValue", "Whether there is a value.", |_, a| {
            Ok(Value::Bool(!a.get(0).is_null()))
        }),
        m("T Value", "The value; an exception when there is none.", |_, a| match a.get(0) {
            Value::Null => Err(Exception::new(
                ExceptionKind::InvalidOperation,
                "Nullable object must have a value.",
            )),
            value => Ok(value.clone()),
        }),
        m("T GetValueOrDefault()", "The value, or the default of its type.", |_, a| {
            match a.get(0) {
                Value::Null => Ok(crate::eval::default_value(a.ty(0))),
                value => Ok(value.clone()),
            }
        }),
        m("T GetValueOrDefault(T defaultValue)", "The value, or another.", |_, a| match a.get(0) {
            Value::Null => Ok(a.value(1)),
            value => Ok(value.clone()),
        }),
        m(
            "bool Equals(object other)",
            "Whether both are missing, or the values equal.",
            |cx, a| super::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool),
        ),
    ],
    refused: &[],
};

pub(super) const STATIC: TypeDecl = TypeDecl {
    name: "System.Nullable",
    kind: Kind::Static,
    bases: &[],
    docs: "Compares values that may be missing.",
    members: &[
        p(
            "static int Compare<T>(T? n1, T? n2)",
            "The order of the two; a missing value is less.",
            |cx, a| cx.compare_objects(a.get(0), a.get(1)).map(Value::Int),
        ),
        p(
            "static bool Equals<T>(T? n1, T? n2)",
            "Whether both are equal, or both are missing.",
            |cx, a| super::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool),
        ),
    ],
    refused: &[refused("GetUnderlyingType", "expressions cannot look at types at run time")],
};
