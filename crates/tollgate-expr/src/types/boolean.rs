//! `System.Boolean`.

use super::TypeId;
use super::decl::{Kind, TypeDecl, p, refused};
use crate::Value;
use crate::number::{parse_bool, try_parse_bool};

const SPANS: &str = "spans are not in the allow-list";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Boolean",
    kind: Kind::Struct,
    bases: &[],
    docs: "True or false.",
    members: &[
        p("static string TrueString", "`True`.", |_, _| Ok(Value::from("True"))),
        p("static string FalseString", "`False`.", |_, _| Ok(Value::from("False"))),
        p("static bool Parse(string value)", "Reads `true` or `false`, in any case.", |_, a| {
            parse_bool(a.opt_str(0)).map(Value::Bool)
        }),
        p(
            "static bool TryParse(string value, out bool result)",
            "Reads a bool, if it is one.",
            |_, a| {
                let read = try_parse_bool(a.opt_str(0));
                a.set(1, Value::Bool(read.unwrap_or_default()));
                Ok(Value::Bool(read.is_some()))
            },
        ),
        p(
            "string ToString(IFormatProvider provider)",
            "`True` or `False`.",
            super::object::to_string,
        ),
        p("int CompareTo(bool value)", "The order of two values.", |_, a| {
            Ok(Value::Int(a.bool(0).cmp(&a.bool(1)) as i32))
        }),
        p(
            "int CompareTo(object obj)",
            "The order of two values; null is less.",
            super::object::compare_to,
        ),
        p("bool Equals(bool obj)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(a.bool(0) == a.bool(1)))
        }),
        p("TypeCode GetTypeCode()", "The code of its type.", |_, _| {
            Ok(Value::Enum(TypeId::TypeCode, 3))
        }),
    ],
    refused: &[
        refused("static bool Parse(ReadOnlySpan<char> value)", SPANS),
        refused("static bool TryParse(ReadOnlySpan<char> value, out bool result)", SPANS),
        refused("TryFormat", SPANS),
    ],
};
