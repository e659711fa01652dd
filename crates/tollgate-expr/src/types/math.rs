//! `System.Math` and `System.Random`.

use rust_decimal::{Decimal, RoundingStrategy};

use super::decl::{Kind, Member, TypeDecl, joined, m, p};
use crate::eval::{Args, Cx, arith, compare};
use crate::state::{Object, confusion};
use crate::syntax::ast::BinaryOp;
use crate::{Exception, ExceptionKind, Value};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Math",
    kind: Kind::Static,
    bases: &[],
    docs: "Mathematics.",
    members: MATH,
    refused: &[],
};

pub(super) const ROUNDING: TypeDecl = TypeDecl {
    name: "System.MidpointRounding",
    kind: Kind::Enum(&[("ToEven", 0), ("AwayFromZero", 1)]),
    bases: &[],
    docs: "Where halves are rounded.",
    members: &[],
    refused: &[],
};

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn pick(a: &Args<'_>, op: BinaryOp) -> Result<Value, Exception> {
    let (left, right) = (a.get(0), a.get(1));
    if left.as_double().is_some_and(f64::is_nan) {
        return Ok(left.clone());
    }
    if right.as_double().is_some_and(f64::is_nan) {
        return Ok(right.clone());
    }
    Ok(if compare(op, left, right) { left.clone() } else { right.clone() })
}

fn abs(a: &Args<'_>) -> Result<Value, Exception> {
    let overflow = || {
        let message = "Negating the minimum value of a twos complement number is invalid.";
        Exception::new(ExceptionKind::Overflow, message)
    };
    Ok(match a.get(0) {
        Value::Int(value) => Value::Int(value.checked_abs().ok_or_else(overflow)?),
        Value::Long(value) => Value::Long(value.checked_abs().ok_or_else(overflow)?),
        Value::Double(value) => Value::Double(value.abs()),
        Value::Float(value) => Value::Float(value.abs()),
        Value::Decimal(value) => Value::Decimal(value.abs()),
        other => other.clone(),
    })
}

/// `Round(value[, digits][, mode])`.
fn round(a: &Args<'_>) -> Result<Value, Exception> {
    let (mut digits, mut away) = (0, false);
    for index in 1..a.len() {
        match a.get(index) {
            Value::Enum(_, mode) => away = *mode == 1,
            other => digits = other.as_int().unwrap_or_default(),
        }
    }
    match a.get(0) {
        Value::Decimal(value) => {
            let digits = u32::try_from(digits).ok().filter(|digits| *digits <= 28).ok_or_else(|| {
                let message = "Decimal can only round to between 0 and 28 digits of precision. (Parameter 'decimals')";
                Exception::new(ExceptionKind::ArgumentOutOfRange, message)
            })?;
            let strategy = if away {
                RoundingStrategy::MidpointAwayFromZero
            } else {
                RoundingStrategy::MidpointNearestEven
            };
            Ok(Value::Decimal(value.round_dp_with_strategy(digits, strategy)))
        }
        other => {
            let value = other.as_double().unwrap_or_default();
            let digits = i32::try_from(digits).ok().filter(|digits| (0..=15).contains(digits));
            let Some(digits) = digits else {
                let message =
                    "Rounding digits must be between 0 and 15, inclusive. (Parameter 'digits')";
                return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
            };
            let whole = |value: f64| if away { value.round() } else { value.round_ties_even() };
            if digits == 0 {
                return Ok(Value::Double(whole(value)));
            }
            if value.abs() >= 1e16 {
                return Ok(Value::Double(value));
            }
            let power = 10f64.powi(digits);
            Ok(Value::Double(whole(value * power) / power))
        }
    }
}

fn sign(a: &Args<'_>) -> Result<Value, Exception> {
    let value = match a.get(0) {
        Value::Decimal(value) => value.cmp(&Decimal::ZERO) as i32,
        other => {
            let value = other.as_double().unwrap_or_default();
            if value.is_nan() {
                let message = "Function does not accept floating point Not-a-Number values.";
                return Err(Exception::new(ExceptionKind::Arithmetic, message));
            }
            if value > 0.0 { 1 } else { -i32::from(value < 0.0) }
        }
    };
    Ok(Value::Int(value))
}

macro_rules! both {
    ($op:literal, $doc:literal, $how:expr, [$($ty:literal),*]) => {
        &[$(p(concat!("static ", $ty, " ", $op, "(", $ty, " val1, ", $ty, " val2)"), $doc, |_, a| pick(a, $how))),*]
    };
}

const MAX: &[Member] = both!(
    "Max",
    "The larger.",
    BinaryOp::Ge,
    ["byte", "short", "int", "uint", "long", "ulong", "float", "double", "decimal"]
);
const MIN: &[Member] = both!(
    "Min",
    "The smaller.",
    BinaryOp::Le,
    ["byte", "short", "int", "uint", "long", "ulong", "float", "double", "decimal"]
);

macro_rules! function {
    ($name:literal, $doc:literal, $run:expr) => {
        p(concat!("static double ", $name, "(double d)"), $doc, |_, a| {
            let run: fn(f64) -> f64 = $run;
            Ok(Value::Double(run(a.double(0))))
        })
    };
}

const OTHER: &[Member] = &[
    p("static double PI", "π.", |_, _| Ok(Value::Double(std::f64::consts::PI))),
    p("static double E", "e.", |_, _| Ok(Value::Double(std::f64::consts::E))),
    p("static int Abs(int value)", "Without its sign.", |_, a| abs(a)),
    p("static long Abs(long value)", "Without its sign.", |_, a| abs(a)),
    p("static float Abs(float value)", "Without its sign.", |_, a| abs(a)),
    p("static double Abs(double value)", "Without its sign.", |_, a| abs(a)),
    p("static decimal Abs(decimal value)", "Without its sign.", |_, a| abs(a)),
    p("static int Sign(int value)", "-1, 0 or 1.", |_, a| sign(a)),
    p("static int Sign(long value)", "-1, 0 or 1.", |_, a| sign(a)),
    p("static int Sign(double value)", "-1, 0 or 1.", |_, a| sign(a)),
    p("static int Sign(decimal value)", "-1, 0 or 1.", |_, a| sign(a)),
    p("static double Round(double a)", "Rounded, halves to even.", |_, a| round(a)),
    p("static double Round(double value, int digits)", "Rounded, halves to even.", |_, a| round(a)),
    p("static double Round(double value, MidpointRounding mode)", "Rounded.", |_, a| round(a)),
    p(
        "static double Round(double value, int digits, MidpointRounding mode)",
        "Rounded.",
        |_, a| round(a),
    ),
    p("static decimal Round(decimal d)", "Rounded, halves to even.", |_, a| round(a)),
    p("static decimal Round(decimal d, int decimals)", "Rounded, halves to even.", |_, a| round(a)),
    p("static decimal Round(decimal d, MidpointRounding mode)", "Rounded.", |_, a| round(a)),
    p(
        "static decimal Round(decimal d, int decimals, MidpointRounding mode)",
        "Rounded.",
        |_, a| round(a),
    ),
    p("static decimal Floor(decimal d)", "Rounded down.", |_, a| match a.get(0) {
        Value::Decimal(value) => Ok(Value::Decimal(value.floor())),
        _ => Err(confusion()),
    }),
    p("static decimal Ceiling(decimal d)", "Rounded up.", |_, a| match a.get(0) {
        Value::Decimal(value) => Ok(Value::Decimal(value.ceil())),
        _ => Err(confusion()),
    }),
    p("static decimal Truncate(decimal d)", "Without its fraction.", |_, a| match a.get(0) {
        Value::Decimal(value) => Ok(Value::Decimal(value.trunc())),
        _ => Err(confusion()),
    }),
    function!("Floor", "Rounded down.", f64::floor),
    function!("Ceiling", "Rounded up.", f64::ceil),
    function!("Truncate", "Without its fraction.", f64::trunc),
    function!("Sqrt", "The square root.", f64::sqrt),
    function!("Exp", "e to the power.", f64::exp),
    function!("Log", "The natural logarithm.", f64::ln),
    function!("Log10", "The logarithm of base 10.", f64::log10),
    function!("Sin", "The sine.", f64::sin),
    function!("Cos", "The cosine.", f64::cos),
    function!("Tan", "The tangent.", f64::tan),
    function!("Asin", "The arc sine.", f64::asin),
    function!("Acos", "The arc cosine.", f64::acos),
    function!("Atan", "The arc tangent.", f64::atan),
    p("static double Log(double a, double newBase)", "The logarithm of a base.", |_, a| {
        Ok(Value::Double(a.double(0).ln() / a.double(1).ln()))
    }),
    p("static double Pow(double x, double y)", "A power.", |_, a| {
        Ok(Value::Double(a.double(0).powf(a.double(1))))
    }),
    p("static double Atan2(double y, double x)", "The angle of a point.", |_, a| {
        Ok(Value::Double(a.double(0).atan2(a.double(1))))
    }),
    m(
        "static int DivRem(int a, int b, out int result)",
        "The quotient; the rest goes out.",
        |_, a| {
            let (left, right) = (a.value(0), a.value(1));
            let quotient = arith(BinaryOp::Div, true, &left, &right)?;
            a.set(2, arith(BinaryOp::Rem, true, &left, &right)?);
            Ok(quotient)
        },
    ),
];

const EXTREMES: &[Member] = &joined::<{ MAX.len() + MIN.len() }>(MAX, MIN);
const MATH: &[Member] = &joined::<{ EXTREMES.len() + OTHER.len() }>(EXTREMES, OTHER);

pub(super) const RANDOM: TypeDecl = TypeDecl {
    name: "System.Random",
    kind: Kind::Class,
    bases: &[],
    docs: "Random numbers.",
    members: &[
        m("new()", "Seeded at random.", |cx, _| {
            let seed = cx.host.random();
            cx.state.add(Object::Random(seed))
        }),
        m("new(int Seed)", "With a seed: the numbers are other than .NET's.", |cx, a| {
            let seed = a.long(0).unsigned_abs();
            cx.state.add(Object::Random(seed))
        }),
        m("int Next()", "From 0 to below int.MaxValue.", |cx, a| {
            next(cx, a, 0, i64::from(i32::MAX))
        }),
        m("int Next(int maxValue)", "From 0 to below a number.", |cx, a| {
            let most = a.long(1);
            if most < 0 {
                let message = "'maxValue' must be greater than zero. (Parameter 'maxValue')";
                return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
            }
            next(cx, a, 0, most)
        }),
        m("int Next(int minValue, int maxValue)", "From a number to below another.", |cx, a| {
            let (least, most) = (a.long(1), a.long(2));
            if least > most {
                let message = "'minValue' cannot be greater than maxValue. (Parameter 'minValue')";
                return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
            }
            next(cx, a, least, most)
        }),
        m("double NextDouble()", "From 0 to below 1.", |cx, a| {
            #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
            let value = (draw(cx, a)? >> 11) as f64;
            Ok(Value::Double(value / 9_007_199_254_740_992.0))
        }),
        m("void NextBytes(byte[] buffer)", "Fills bytes.", |cx, a| {
            let buffer = a.some(1, "buffer")?;
            let n = cx.known_length(&buffer).unwrap_or_default();
            cx.step(n as u64)?;
            for index in (0i64..).take(n) {
                let [byte, ..] = draw(cx, a)?.to_le_bytes();
                cx.array_set(&buffer, index, Value::Byte(byte))?;
            }
            Ok(Value::Null)
        }),
    ],
    refused: &[],
};

fn draw(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<u64, Exception> {
    let Some(Object::Random(state)) = cx.state.object_mut(a.this_object()?) else {
        return Err(confusion());
    };
    // SplitMix64.
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Ok(z ^ (z >> 31))
}

fn next(cx: &mut Cx<'_>, a: &Args<'_>, least: i64, most: i64) -> Result<Value, Exception> {
    let drawn = draw(cx, a)?;
    let range = u128::from((most - least).unsigned_abs());
    let offset = i64::try_from((u128::from(drawn) * range) >> 64).unwrap_or_default();
    Ok(Value::Int(i32::try_from(least + offset).unwrap_or_default()))
}
