//! `System.Math` and `System.MidpointRounding`.

use rust_decimal::{Decimal, RoundingStrategy};

use super::decl::{Kind, Member, TypeDecl, joined, p};
use super::number::{bad_mode, rounded, whole_number};
use crate::eval::{Args, arith, compare};
use crate::number::NAN;
use crate::state::confusion;
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
    kind: Kind::Enum(&[
        ("ToEven", 0),
        ("AwayFromZero", 1),
        ("ToZero", 2),
        ("ToNegativeInfinity", 3),
        ("ToPositiveInfinity", 4),
    ]),
    bases: &[],
    docs: "Where halves are rounded, or everything.",
    members: &[],
    refused: &[],
};

fn negative(value: &Value) -> bool {
    value.as_double().is_some_and(f64::is_sign_negative)
}

/// `Max` and `Min`: NaN wins, and of two zeros the one with the sign that is asked for.
#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn pick(a: &Args<'_>, op: BinaryOp) -> Result<Value, Exception> {
    let (left, right) = (a.get(0), a.get(1));
    let nan = |value: &Value| value.as_double().is_some_and(f64::is_nan);
    let equal = compare(BinaryOp::Ge, left, right) && compare(BinaryOp::Le, left, right);
    let first = if equal && matches!(left, Value::Double(_) | Value::Float(_)) {
        negative(left) == (op == BinaryOp::Lt)
    } else {
        nan(left) || !nan(right) && compare(op, left, right)
    };
    Ok(if first { left.clone() } else { right.clone() })
}

/// `MaxMagnitude` and `MinMagnitude`.
fn pick_magnitude(a: &Args<'_>, op: BinaryOp) -> Value {
    let (left, right) = (a.double(0), a.double(1));
    let (x, y) = (left.abs(), right.abs());
    let max = op == BinaryOp::Ge;
    let first = match x.partial_cmp(&y) {
        None => x.is_nan(),
        Some(std::cmp::Ordering::Equal) => left.is_sign_negative() != max,
        Some(order) => order.is_gt() == max,
    };
    Value::Double(if first { left } else { right })
}

fn abs(a: &Args<'_>) -> Result<Value, Exception> {
    let overflow = || {
        let message = "Negating the minimum value of a twos complement number is invalid.";
        Exception::new(ExceptionKind::Overflow, message)
    };
    Ok(match a.get(0) {
        Value::SByte(value) => Value::SByte(value.checked_abs().ok_or_else(overflow)?),
        Value::Short(value) => Value::Short(value.checked_abs().ok_or_else(overflow)?),
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
    let (mut digits, mut mode) = (0, 0);
    for index in 1..a.len() {
        match a.get(index) {
            Value::Enum(_, number) => mode = *number,
            _ => digits = a.int(index),
        }
    }
    if let Value::Decimal(value) = a.get(0) {
        return rounded(*value, digits, mode).map(Value::Decimal);
    }
    let value = a.double(0);
    if !(0..=15).contains(&digits) {
        let message = "Rounding digits must be between 0 and 15, inclusive. (Parameter 'digits')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    let whole: fn(f64) -> f64 = match mode {
        0 => f64::round_ties_even,
        1 => f64::round,
        2 => f64::trunc,
        3 => f64::floor,
        4 => f64::ceil,
        _ => return Err(bad_mode(mode)),
    };
    // Beyond this no number has a fraction.
    if value.abs() >= 1e16 || value.is_nan() {
        return Ok(Value::Double(value));
    }
    let power = 10f64.powi(digits);
    Ok(Value::Double(whole(value * power) / power))
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

fn clamp(a: &Args<'_>) -> Result<Value, Exception> {
    let (value, least, most) = (a.get(0), a.get(1), a.get(2));
    if compare(BinaryOp::Gt, least, most) {
        let text = |value: &Value| value.number().map(crate::number::Number::text);
        let (least, most) = (text(least).unwrap_or_default(), text(most).unwrap_or_default());
        let message = format!("'{least}' cannot be greater than {most}.");
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    Ok(if compare(BinaryOp::Lt, value, least) {
        least.clone()
    } else if compare(BinaryOp::Gt, value, most) {
        most.clone()
    } else {
        value.clone()
    })
}

fn div_rem(a: &mut Args<'_>) -> Result<Value, Exception> {
    let (left, right) = (a.value(0), a.value(1));
    let quotient = arith(BinaryOp::Div, true, &left, &right)?;
    a.set(2, arith(BinaryOp::Rem, true, &left, &right)?);
    Ok(quotient)
}

fn log(value: f64, base: f64) -> f64 {
    if value.is_nan() {
        return value;
    }
    if base.is_nan() {
        return base;
    }
    #[expect(clippy::float_cmp, reason = "exactly one")]
    let undefined = base == 1.0 || value != 1.0 && (base == 0.0 || base == f64::INFINITY);
    if undefined { NAN } else { ln(value) / ln(base) }
}

/// The natural logarithm. That of a negative number is a NaN without a sign, whatever the machine gives.
fn ln(value: f64) -> f64 {
    if value < 0.0 { f64::NAN } else { value.ln() }
}

fn log2(value: f64) -> f64 {
    if value < 0.0 { f64::NAN } else { value.log2() }
}

/// The rest of a division whose quotient is rounded to the nearest, halves to even.
fn ieee_remainder(x: f64, y: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if y.is_nan() {
        return y;
    }
    let rest = x % y;
    if rest.is_nan() {
        return NAN;
    }
    if rest == 0.0 {
        return rest.copysign(x);
    }
    let other = rest - y.abs().copysign(x);
    let (near, far) = (other.abs(), rest.abs());
    if near < far {
        return other;
    }
    if near > far {
        return rest;
    }
    let quotient = x / y;
    let to_even = quotient.round_ties_even();
    if to_even.abs() > quotient.abs() { other } else { rest }
}

/// The exponent of 2 in a number.
fn exponent(value: f64) -> i32 {
    if value == 0.0 {
        return i32::MIN;
    }
    if !value.is_finite() {
        return i32::MAX;
    }
    let bits = (value.to_bits() >> 52 & 0x7ff) as i32;
    if bits > 0 {
        return bits - 1023;
    }
    // Numbers without full precision: where the first bit stands.
    let mantissa = value.to_bits() & ((1 << 52) - 1);
    -1011 - mantissa.leading_zeros().cast_signed()
}

fn scale(value: f64, power: i32) -> f64 {
    let mut value = value;
    let mut power = power.clamp(-3000, 3000);
    while power != 0 {
        let step = power.clamp(-1022, 1023);
        value *= 2f64.powi(step);
        power -= step;
    }
    value
}

macro_rules! numbers {
    ($name:literal, $doc:literal, $params:literal, $run:expr, [$($ty:literal),*]) => {
        &[$(p(concat!("static ", $ty, " ", $name, "(", $ty, " ", $params, ")"), $doc, $run)),*]
    };
}

macro_rules! both {
    ($name:literal, $doc:literal, $op:ident, [$($ty:literal),*]) => {
        &[$(p(
            concat!("static ", $ty, " ", $name, "(", $ty, " val1, ", $ty, " val2)"),
            $doc,
            |_, a| pick(a, BinaryOp::$op),
        )),*]
    };
}

macro_rules! clamps {
    ($($ty:literal),*) => {
        &[$(p(
            concat!("static ", $ty, " Clamp(", $ty, " value, ", $ty, " min, ", $ty, " max)"),
            "Not less than one number and not more than another.",
            |_, a| clamp(a),
        )),*]
    };
}

macro_rules! functions {
    ($($name:literal $param:literal $doc:literal $run:expr;)*) => {
        &[$(p(concat!("static double ", $name, "(double ", $param, ")"), $doc, |_, a| {
            let run: fn(f64) -> f64 = $run;
            Ok(Value::Double(run(a.double(0))))
        })),*]
    };
}

macro_rules! signs {
    ($($ty:literal),*) => {
        &[$(p(concat!("static int Sign(", $ty, " value)"), "-1, 0 or 1.", |_, a| sign(a))),*]
    };
}

const MAX: &[Member] = both!(
    "Max",
    "The larger.",
    Ge,
    [
        "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double",
        "decimal"
    ]
);
const MIN: &[Member] = both!(
    "Min",
    "The smaller.",
    Lt,
    [
        "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double",
        "decimal"
    ]
);
const CLAMP: &[Member] = clamps!(
    "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double",
    "decimal"
);
const ABS: &[Member] = numbers!(
    "Abs",
    "Without its sign.",
    "value",
    |_, a| abs(a),
    ["sbyte", "short", "int", "long", "float", "double", "decimal"]
);
const SIGN: &[Member] = signs!("sbyte", "short", "int", "long", "float", "double", "decimal");

/// Beyond this, a square and the square plus one are one number.
const HUGE: f64 = 268_435_456.0;

/// The inverse hyperbolic sine, in the steps of the C library that .NET asks.
fn asinh(x: f64) -> f64 {
    let whole = x.abs();
    let found = if !x.is_finite() || whole < HUGE.recip() {
        return x;
    } else if whole > HUGE {
        whole.ln() + std::f64::consts::LN_2
    } else if whole > 2.0 {
        (2.0 * whole + 1.0 / ((x * x + 1.0).sqrt() + whole)).ln()
    } else {
        let square = x * x;
        (whole + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    found.copysign(x)
}

/// The inverse hyperbolic cosine, likewise.
fn acosh(x: f64) -> f64 {
    if x.is_infinite() && x > 0.0 {
        x
    } else if x > HUGE {
        x.ln() + std::f64::consts::LN_2
    } else if x > 2.0 {
        (2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())).ln()
    } else if x >= 1.0 {
        let rest = x - 1.0;
        (rest + (2.0 * rest + rest * rest).sqrt()).ln_1p()
    } else {
        NAN
    }
}

/// The inverse hyperbolic tangent, likewise.
fn atanh(x: f64) -> f64 {
    let whole = x.abs();
    let found = if whole < HUGE.recip() {
        return x;
    } else if whole < 0.5 {
        let twice = whole + whole;
        0.5 * (twice + twice * whole / (1.0 - whole)).ln_1p()
    } else if whole < 1.0 {
        0.5 * ((whole + whole) / (1.0 - whole)).ln_1p()
    } else if whole > 1.0 || x.is_nan() {
        return NAN;
    } else {
        f64::INFINITY
    };
    found.copysign(x)
}

const FUNCTIONS: &[Member] = functions!(
    "Floor" "d" "Rounded down." f64::floor;
    "Ceiling" "a" "Rounded up." f64::ceil;
    "Truncate" "d" "Without its fraction." f64::trunc;
    "Sqrt" "d" "The square root." f64::sqrt;
    "Cbrt" "d" "The cube root." f64::cbrt;
    "Exp" "d" "e to the power." f64::exp;
    "Log" "d" "The natural logarithm." ln;
    "Log2" "x" "The logarithm of base 2." log2;
    "Log10" "d" "The logarithm of base 10." f64::log10;
    "Sin" "a" "The sine." f64::sin;
    "Cos" "d" "The cosine." f64::cos;
    "Tan" "a" "The tangent." f64::tan;
    "Asin" "d" "The arc sine." f64::asin;
    "Acos" "d" "The arc cosine." f64::acos;
    "Atan" "d" "The arc tangent." f64::atan;
    "Sinh" "value" "The hyperbolic sine." f64::sinh;
    "Cosh" "value" "The hyperbolic cosine." f64::cosh;
    "Tanh" "value" "The hyperbolic tangent." f64::tanh;
    "Asinh" "d" "The inverse hyperbolic sine." asinh;
    "Acosh" "d" "The inverse hyperbolic cosine." acosh;
    "Atanh" "d" "The inverse hyperbolic tangent." atanh;
    "BitIncrement" "x" "The next larger number." |x| if x.is_nan() { x } else { x.next_up() };
    "BitDecrement" "x" "The next smaller number." |x| if x.is_nan() { x } else { x.next_down() };
);

const ROUNDS: &[Member] = &[
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
        Value::Decimal(value) => Ok(whole_number(*value, RoundingStrategy::ToNegativeInfinity)),
        _ => Err(confusion()),
    }),
    p("static decimal Ceiling(decimal d)", "Rounded up.", |_, a| match a.get(0) {
        Value::Decimal(value) => Ok(whole_number(*value, RoundingStrategy::ToPositiveInfinity)),
        _ => Err(confusion()),
    }),
    p("static decimal Truncate(decimal d)", "Without its fraction.", |_, a| match a.get(0) {
        Value::Decimal(value) => Ok(whole_number(*value, RoundingStrategy::ToZero)),
        _ => Err(confusion()),
    }),
];

const OTHER: &[Member] = &[
    p("static double PI", "π.", |_, _| Ok(Value::Double(std::f64::consts::PI))),
    p("static double E", "e.", |_, _| Ok(Value::Double(std::f64::consts::E))),
    p("static double Log(double a, double newBase)", "The logarithm of a base.", |_, a| {
        Ok(Value::Double(log(a.double(0), a.double(1))))
    }),
    p("static double Pow(double x, double y)", "A power.", |_, a| {
        Ok(Value::Double(a.double(0).powf(a.double(1))))
    }),
    p("static double Atan2(double y, double x)", "The angle of a point.", |_, a| {
        Ok(Value::Double(a.double(0).atan2(a.double(1))))
    }),
    p(
        "static double IEEERemainder(double x, double y)",
        "What a division with a rounded quotient leaves.",
        |_, a| Ok(Value::Double(ieee_remainder(a.double(0), a.double(1)))),
    ),
    p("static double CopySign(double x, double y)", "A number with another's sign.", |_, a| {
        Ok(Value::Double(a.double(0).copysign(a.double(1))))
    }),
    p(
        "static double FusedMultiplyAdd(double x, double y, double z)",
        "x · y + z, rounded once.",
        |_, a| Ok(Value::Double(a.double(0).mul_add(a.double(1), a.double(2)))),
    ),
    p("static int ILogB(double x)", "The exponent of 2 in a number.", |_, a| {
        Ok(Value::Int(exponent(a.double(0))))
    }),
    p("static double ScaleB(double x, int n)", "A number times a power of 2.", |_, a| {
        Ok(Value::Double(scale(a.double(0), a.int(1))))
    }),
    p("static double MaxMagnitude(double x, double y)", "The larger but for its sign.", |_, a| {
        Ok(pick_magnitude(a, BinaryOp::Ge))
    }),
    p("static double MinMagnitude(double x, double y)", "The smaller but for its sign.", |_, a| {
        Ok(pick_magnitude(a, BinaryOp::Le))
    }),
    p("static long BigMul(int a, int b)", "The whole product.", |_, a| {
        Ok(Value::Long(i64::from(a.int(0)) * i64::from(a.int(1))))
    }),
    p(
        "static int DivRem(int a, int b, out int result)",
        "The quotient; the rest goes out.",
        |_, a| div_rem(a),
    ),
    p(
        "static long DivRem(long a, long b, out long result)",
        "The quotient; the rest goes out.",
        |_, a| div_rem(a),
    ),
];

const EXTREMES: &[Member] = &joined::<{ MAX.len() + MIN.len() }>(MAX, MIN);
const CLAMPED: &[Member] = &joined::<{ EXTREMES.len() + CLAMP.len() }>(EXTREMES, CLAMP);
const SIGNS: &[Member] = &joined::<{ ABS.len() + SIGN.len() }>(ABS, SIGN);
const INTEGRAL: &[Member] = &joined::<{ CLAMPED.len() + SIGNS.len() }>(CLAMPED, SIGNS);
const ROUNDED: &[Member] = &joined::<{ FUNCTIONS.len() + ROUNDS.len() }>(FUNCTIONS, ROUNDS);
const REAL: &[Member] = &joined::<{ ROUNDED.len() + OTHER.len() }>(ROUNDED, OTHER);
const MATH: &[Member] = &joined::<{ INTEGRAL.len() + REAL.len() }>(INTEGRAL, REAL);
