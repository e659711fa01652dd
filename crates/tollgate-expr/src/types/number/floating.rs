//! `Single` and `Double`.

use super::super::decl::{Kind, Member, TypeDecl, joined};
use super::{numeric, numeric_refused};

macro_rules! floating {
    ($name:ident, $short:literal, $full:literal, $kind:ident, $variant:ident, $rust:ty, $code:literal, $arg:literal) => {
        pub(in crate::types) const $name: TypeDecl = {
            use crate::Value;
            use crate::eval::Args;
            use crate::types::decl::p;

            fn own(a: &Args<'_>) -> $rust {
                match a.get(0) {
                    Value::$variant(value) => *value,
                    _ => 0.0,
                }
            }
            const CONSTANTS: &[Member] = &[
                p(concat!("static ", $short, " MaxValue"), "The largest.", |_, _| {
                    Ok(Value::$variant(<$rust>::MAX))
                }),
                p(concat!("static ", $short, " MinValue"), "The smallest.", |_, _| {
                    Ok(Value::$variant(<$rust>::MIN))
                }),
                p(concat!("static ", $short, " Epsilon"), "The smallest above zero.", |_, _| {
                    Ok(Value::$variant(<$rust>::from_bits(1)))
                }),
                p(concat!("static ", $short, " NaN"), "Not a number.", |_, _| {
                    Ok(Value::$variant(-<$rust>::NAN))
                }),
                p(concat!("static ", $short, " PositiveInfinity"), "Infinity.", |_, _| {
                    Ok(Value::$variant(<$rust>::INFINITY))
                }),
                p(concat!("static ", $short, " NegativeInfinity"), "Minus infinity.", |_, _| {
                    Ok(Value::$variant(<$rust>::NEG_INFINITY))
                }),
                p(
                    concat!("static bool IsNaN(", $short, " ", $arg, ")"),
                    "Whether it is no number.",
                    |_, a| Ok(Value::Bool(own(a).is_nan())),
                ),
                p(
                    concat!("static bool IsInfinity(", $short, " ", $arg, ")"),
                    "Whether it is infinite.",
                    |_, a| Ok(Value::Bool(own(a).is_infinite())),
                ),
                p(
                    concat!("static bool IsPositiveInfinity(", $short, " ", $arg, ")"),
                    "Whether it is infinity.",
                    |_, a| Ok(Value::Bool(own(a).is_infinite() && own(a) > 0.0)),
                ),
                p(
                    concat!("static bool IsNegativeInfinity(", $short, " ", $arg, ")"),
                    "Whether it is minus infinity.",
                    |_, a| Ok(Value::Bool(own(a).is_infinite() && own(a) < 0.0)),
                ),
                p(
                    concat!("static bool IsFinite(", $short, " ", $arg, ")"),
                    "Whether it is a finite number.",
                    |_, a| Ok(Value::Bool(own(a).is_finite())),
                ),
                p(
                    concat!("static bool IsNegative(", $short, " ", $arg, ")"),
                    "Whether its sign is minus.",
                    |_, a| Ok(Value::Bool(own(a).is_sign_negative())),
                ),
                p(
                    concat!("static bool IsNormal(", $short, " ", $arg, ")"),
                    "Whether it has full precision.",
                    |_, a| Ok(Value::Bool(own(a).is_normal())),
                ),
                p(
                    concat!("static bool IsSubnormal(", $short, " ", $arg, ")"),
                    "Whether it is too small for full precision.",
                    |_, a| Ok(Value::Bool(own(a).is_subnormal())),
                ),
            ];
            const REST: &[Member] = numeric!($short, $kind, $variant, 0.0, $code, "value", "obj");
            TypeDecl {
                name: concat!("System.", $full),
                kind: Kind::Struct,
                bases: &[],
                docs: "A binary floating-point number.",
                members: &joined::<{ CONSTANTS.len() + REST.len() }>(CONSTANTS, REST),
                refused: numeric_refused!($short),
            }
        };
    };
}

floating!(SINGLE, "float", "Single", Single, Float, f32, 13, "f");
floating!(DOUBLE, "double", "Double", Double, Double, f64, 14, "d");
