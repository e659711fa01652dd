//! `Sum`, `Average`, `Min` and `Max`.

use rust_decimal::Decimal;

use super::{Run, no_elements, source};
use crate::eval::{Args, Cx, arith};
use crate::syntax::ast::BinaryOp;
use crate::types::decl::{Member, joined, m};
use crate::types::object::required;
use crate::{Exception, Value};

/// Looks at each value to add up or compare, of a selector when there is one, until `visit` says no.
fn each_number(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    visit: &mut dyn FnMut(&mut Cx<'_>, Value) -> Result<bool, Exception>,
) -> Result<(), Exception> {
    let from = source(a)?;
    let select = if a.len() > 1 { Some(required(a, 1, "selector")?) } else { None };
    cx.each(&from, &mut |cx, item| {
        cx.step(1)?;
        let value = match &select {
            Some(select) => cx.invoke(select, &[item])?,
            None => item,
        };
        visit(cx, value)
    })?;
    Ok(())
}

/// The sum: `float` is added up as `double`.
fn sum(cx: &mut Cx<'_>, a: &Args<'_>, zero: Value) -> Run {
    let single = matches!(zero, Value::Float(_));
    let mut total = if single { Value::Double(0.0) } else { zero };
    each_number(cx, a, &mut |_, value| {
        if let Value::Float(value) = value {
            total = arith(BinaryOp::Add, true, &total, &Value::Double(f64::from(value)))?;
        } else if !value.is_null() {
            total = arith(BinaryOp::Add, true, &total, &value)?;
        }
        Ok(true)
    })?;
    Ok(match total {
        #[expect(clippy::cast_possible_truncation, reason = "as .NET rounds")]
        Value::Double(total) if single => Value::Float(total as f32),
        total => total,
    })
}

/// Which value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Largest,
    Smallest,
    /// Of numbers: nothing is smaller than NaN, so that there is no need to look any further.
    SmallestNumber,
}

/// The largest or smallest; of none, null when that is a value.
fn extreme(cx: &mut Cx<'_>, a: &Args<'_>, end: End, nullable: bool) -> Run {
    let mut best: Option<Value> = None;
    each_number(cx, a, &mut |cx, value| {
        if value.is_null() {
            return Ok(true);
        }
        let better = match &best {
            None => true,
            Some(known) => {
                let order = cx.order_of(&value, known)?;
                if end == End::Largest { order.is_gt() } else { order.is_lt() }
            }
        };
        let done = end == End::SmallestNumber && value.as_double().is_some_and(f64::is_nan);
        if better {
            best = Some(value);
        }
        Ok(!done)
    })?;
    match best {
        Some(best) => Ok(best),
        None if nullable => Ok(Value::Null),
        None => Err(no_elements()),
    }
}

fn average(cx: &mut Cx<'_>, a: &Args<'_>, nullable: bool) -> Run {
    let mut total = Value::Null;
    let mut single = false;
    let mut n = 0_u32;
    each_number(cx, a, &mut |_, value| {
        let value = match value {
            Value::Null => return Ok(true),
            Value::Int(value) => Value::Long(i64::from(value)),
            Value::Float(value) => {
                single = true;
                Value::Double(f64::from(value))
            }
            other => other,
        };
        n = n.saturating_add(1);
        total = if total.is_null() { value } else { arith(BinaryOp::Add, true, &total, &value)? };
        Ok(true)
    })?;
    Ok(match total {
        Value::Null if nullable => Value::Null,
        Value::Null => return Err(no_elements()),
        total @ Value::Decimal(_) => {
            arith(BinaryOp::Div, true, &total, &Value::Decimal(Decimal::from(n)))?
        }
        #[expect(clippy::cast_possible_truncation, reason = "as .NET rounds")]
        Value::Double(total) if single => Value::Float((total / f64::from(n)) as f32),
        other => Value::Double(other.as_double().unwrap_or_default() / f64::from(n)),
    })
}

macro_rules! numbers {
    ($($ty:literal, $mean:literal, $zero:expr;)*) => {
        &[$(
            m(concat!("static ", $ty, " Sum(this IEnumerable<", $ty, "> source)"), "The sum.", |cx, a| sum(cx, a, $zero)),
            m(concat!("static ", $ty, "? Sum(this IEnumerable<", $ty, "?> source)"), "The sum without nulls.", |cx, a| sum(cx, a, $zero)),
            m(concat!("static ", $ty, " Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"), "The sum of values.", |cx, a| sum(cx, a, $zero)),
            m(concat!("static ", $ty, "? Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"), "The sum of values without nulls.", |cx, a| sum(cx, a, $zero)),
            m(concat!("static ", $mean, " Average(this IEnumerable<", $ty, "> source)"), "The mean.", |cx, a| average(cx, a, false)),
            m(concat!("static ", $mean, "? Average(this IEnumerable<", $ty, "?> source)"), "The mean without nulls.", |cx, a| average(cx, a, true)),
            m(concat!("static ", $mean, " Average<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"), "The mean of values.", |cx, a| average(cx, a, false)),
            m(concat!("static ", $mean, "? Average<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"), "The mean of values without nulls.", |cx, a| average(cx, a, true)),
            m(concat!("static ", $ty, " Max(this IEnumerable<", $ty, "> source)"), "The largest.", |cx, a| extreme(cx, a, End::Largest, false)),
            m(concat!("static ", $ty, "? Max(this IEnumerable<", $ty, "?> source)"), "The largest, or null.", |cx, a| extreme(cx, a, End::Largest, true)),
            m(concat!("static ", $ty, " Max<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"), "The largest value.", |cx, a| extreme(cx, a, End::Largest, false)),
            m(concat!("static ", $ty, "? Max<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"), "The largest value, or null.", |cx, a| extreme(cx, a, End::Largest, true)),
            m(concat!("static ", $ty, " Min(this IEnumerable<", $ty, "> source)"), "The smallest.", |cx, a| extreme(cx, a, End::SmallestNumber, false)),
            m(concat!("static ", $ty, "? Min(this IEnumerable<", $ty, "?> source)"), "The smallest, or null.", |cx, a| extreme(cx, a, End::SmallestNumber, true)),
            m(concat!("static ", $ty, " Min<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"), "The smallest value.", |cx, a| extreme(cx, a, End::SmallestNumber, false)),
            m(concat!("static ", $ty, "? Min<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"), "The smallest value, or null.", |cx, a| extreme(cx, a, End::SmallestNumber, true)),
        )*]
    };
}

const NUMBERS: &[Member] = numbers! {
    "int", "double", Value::Int(0);
    "long", "double", Value::Long(0);
    "double", "double", Value::Double(0.0);
    "decimal", "decimal", Value::Decimal(Decimal::ZERO);
    "float", "float", Value::Float(0.0);
};

const ANY: &[Member] = &[
    m("static T Max<T>(this IEnumerable<T> source)", "The largest.", |cx, a| {
        let nullable = a.ty(0).takes_null();
        extreme(cx, a, End::Largest, nullable)
    }),
    m("static T Min<T>(this IEnumerable<T> source)", "The smallest.", |cx, a| {
        let nullable = a.ty(0).takes_null();
        extreme(cx, a, End::Smallest, nullable)
    }),
    m(
        "static R Max<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "The largest value.",
        |cx, a| {
            let nullable = a.ty(1).takes_null();
            extreme(cx, a, End::Largest, nullable)
        },
    ),
    m(
        "static R Min<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        "The smallest value.",
        |cx, a| {
            let nullable = a.ty(1).takes_null();
            extreme(cx, a, End::Smallest, nullable)
        },
    ),
];

pub(super) const MEMBERS: &[Member] = &joined::<{ NUMBERS.len() + ANY.len() }>(NUMBERS, ANY);
