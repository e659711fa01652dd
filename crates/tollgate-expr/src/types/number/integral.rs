//! `SByte`, `Byte`, `Int16`, `UInt16`, `Int32`, `UInt32`, `Int64` and `UInt64`.

use super::super::decl::{Kind, Member, TypeDecl, joined};
use super::{numeric, numeric_refused};

macro_rules! integral {
    ($name:ident, $short:literal, $full:literal, $kind:ident, $variant:ident, $rust:ty, $code:literal, $object:literal) => {
        pub(in crate::types) const $name: TypeDecl = {
            const RANGE: &[Member] = &[
                crate::types::decl::p(
                    concat!("static ", $short, " MaxValue"),
                    "The largest.",
                    |_, _| Ok(crate::Value::$variant(<$rust>::MAX)),
                ),
                crate::types::decl::p(
                    concat!("static ", $short, " MinValue"),
                    "The smallest.",
                    |_, _| Ok(crate::Value::$variant(<$rust>::MIN)),
                ),
            ];
            const REST: &[Member] = numeric!($short, $kind, $variant, 0, $code, $object, "obj");
            TypeDecl {
                name: concat!("System.", $full),
                kind: Kind::Struct,
                bases: &[],
                docs: "A whole number.",
                members: &joined::<{ RANGE.len() + REST.len() }>(RANGE, REST),
                refused: numeric_refused!($short),
            }
        };
    };
}

integral!(SBYTE, "sbyte", "SByte", SByte, SByte, i8, 5, "obj");
integral!(BYTE, "byte", "Byte", Byte, Byte, u8, 6, "value");
integral!(INT16, "short", "Int16", Int16, Short, i16, 7, "value");
integral!(UINT16, "ushort", "UInt16", UInt16, UShort, u16, 8, "value");
integral!(INT32, "int", "Int32", Int32, Int, i32, 9, "value");
integral!(UINT32, "uint", "UInt32", UInt32, UInt, u32, 10, "value");
integral!(INT64, "long", "Int64", Int64, Long, i64, 11, "value");
integral!(UINT64, "ulong", "UInt64", UInt64, ULong, u64, 12, "value");
