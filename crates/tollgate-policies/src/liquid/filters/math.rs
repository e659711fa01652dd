//! Filters of numbers.

use rust_decimal::prelude::FromPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::super::render::{Render, Result};
use super::super::value::{Number, Value};
use super::text::int;

/// What an operation does with each kind of number. None is an overflow, or a division by zero.
struct Operation {
    ints: fn(i64, i64) -> Option<i64>,
    decimals: fn(Decimal, Decimal) -> Option<Decimal>,
    doubles: fn(f64, f64) -> f64,
}

/// As `DotLiquid` calculates: whole numbers stay whole, others are decimals as long as these hold them.
fn calculate(
    render: &mut Render<'_>,
    left: &Value,
    right: &Value,
    operation: &Operation,
) -> Result<Value> {
    if matches!(left, Value::Nil) || matches!(right, Value::Nil) {
        return Ok(Value::Nil);
    }
    let (Some(left), Some(right)) = (left.parsed_number(), right.parsed_number()) else {
        return Err(render.fault("A filter of numbers got something else."));
    };
    if let (Number::Int(left), Number::Int(right)) = (left, right) {
        let result = (operation.ints)(left, right);
        return result.map(Value::Int).ok_or_else(|| {
            let zero = right == 0;
            render.fault(if zero { "Division by zero." } else { "A number is too large." })
        });
    }
    if let (Some(left), Some(right)) = (left.decimal(), right.decimal())
        && let Some(result) = (operation.decimals)(left, right)
    {
        return Ok(Value::Decimal(result));
    }
    Ok(Value::Double((operation.doubles)(left.double(), right.double())))
}

fn second(arguments: &[Value]) -> Value {
    arguments.first().cloned().unwrap_or(Value::Nil)
}

/// A text takes the operand behind it.
pub(super) fn plus(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    const PLUS: Operation = Operation {
        ints: i64::checked_add,
        decimals: Decimal::checked_add,
        doubles: |left, right| left + right,
    };
    if matches!(value, Value::Text(_)) {
        return super::text::append(render, value, arguments);
    }
    calculate(render, value, &second(arguments), &PLUS)
}

pub(super) fn minus(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    const MINUS: Operation = Operation {
        ints: i64::checked_sub,
        decimals: Decimal::checked_sub,
        doubles: |left, right| left - right,
    };
    calculate(render, value, &second(arguments), &MINUS)
}

/// A text is repeated.
pub(super) fn times(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    const TIMES: Operation = Operation {
        ints: i64::checked_mul,
        decimals: Decimal::checked_mul,
        doubles: |left, right| left * right,
    };
    let right = second(arguments);
    if let (Value::Text(text), Value::Int(count)) = (value, &right) {
        let count = usize::try_from(*count)
            .map_err(|_| render.fault("A text cannot be repeated less than never."))?;
        render.charge(text.len().saturating_mul(count))?;
        render.step(count as u64)?;
        return Ok(Value::text(text.repeat(count)));
    }
    calculate(render, value, &right, &TIMES)
}

pub(super) fn divided_by(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    const DIVIDE: Operation = Operation {
        ints: i64::checked_div,
        decimals: Decimal::checked_div,
        doubles: |left, right| left / right,
    };
    calculate(render, value, &second(arguments), &DIVIDE)
}

pub(super) fn modulo(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    const MODULO: Operation = Operation {
        ints: i64::checked_rem,
        decimals: Decimal::checked_rem,
        doubles: |left, right| left % right,
    };
    calculate(render, value, &second(arguments), &MODULO)
}

/// 0 of what is no number.
#[expect(clippy::unnecessary_wraps, reason = "as every filter")]
pub(super) fn abs(_: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    let number = value.parsed_number().map_or(0.0, Number::double);
    Ok(Value::Double(number.abs()))
}

/// One of two numbers as `DotLiquid` gives it; what is no number passes.
fn bounded(value: &Value, arguments: &[Value], choose: fn(f64, f64) -> f64) -> Value {
    match (value.parsed_number(), second(arguments).parsed_number()) {
        (Some(number), Some(bound)) => Value::Double(choose(number.double(), bound.double())),
        _ => value.clone(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as every filter")]
pub(super) fn at_least(_: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    Ok(bounded(value, arguments, f64::max))
}

#[expect(clippy::unnecessary_wraps, reason = "as every filter")]
pub(super) fn at_most(_: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    Ok(bounded(value, arguments, f64::min))
}

/// Halves go to the even number; nothing of what is no number.
pub(super) fn round(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let places = int(render, arguments, 0, 0)?;
    let number = value.parsed_number().and_then(Number::decimal);
    let places = u32::try_from(places).ok().filter(|places| *places <= 28);
    Ok(match (number, places) {
        (Some(number), Some(places)) => {
            let strategy = RoundingStrategy::MidpointNearestEven;
            Value::Decimal(number.round_dp_with_strategy(places, strategy))
        }
        _ => Value::Nil,
    })
}

fn whole(value: &Value, round: fn(&Decimal) -> Decimal) -> Value {
    let number = value.parsed_number().and_then(Number::decimal);
    number.map_or(Value::Nil, |number| Value::Decimal(round(&number)))
}

#[expect(clippy::unnecessary_wraps, reason = "as every filter")]
pub(super) fn ceil(_: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    Ok(whole(value, Decimal::ceil))
}

#[expect(clippy::unnecessary_wraps, reason = "as every filter")]
pub(super) fn floor(_: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    Ok(whole(value, Decimal::floor))
}

/// How a language writes money.
struct Money {
    language: &'static str,
    symbol: &'static str,
    /// Behind the number, with a space that does not break.
    is_behind: bool,
    group: &'static str,
    point: &'static str,
    digits: u32,
}

const fn money(
    language: &'static str,
    symbol: &'static str,
    group: &'static str,
    point: &'static str,
) -> Money {
    Money { language, symbol, is_behind: false, group, point, digits: 2 }
}

const MONEY: [Money; 11] = [
    money("", "¤", ",", "."),
    money("en-US", "$", ",", "."),
    money("en-CA", "$", ",", "."),
    money("en-AU", "$", ",", "."),
    money("en-GB", "£", ",", "."),
    money("en-IE", "€", ",", "."),
    Money { is_behind: true, ..money("de-DE", "€", ".", ",") },
    Money { is_behind: true, ..money("fr-FR", "€", "\u{202f}", ",") },
    Money { is_behind: true, ..money("es-ES", "€", ".", ",") },
    Money { is_behind: true, ..money("it-IT", "€", ".", ",") },
    Money { digits: 0, ..money("ja-JP", "¥", ",", ".") },
];

/// A number as money, in American English unless another language is named; what is no number passes.
pub(super) fn currency(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let language = match arguments.first() {
        Some(language) => render.text(language)?,
        None => "en-US".into(),
    };
    let language = language.trim();
    let Some(money) = MONEY.iter().find(|own| own.language.eq_ignore_ascii_case(language)) else {
        return Err(render.fault(format!("Currency does not know the language '{language}'.")));
    };
    let plain = match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Text(text) => {
            render.charge(text.len())?;
            Value::text(text.replace(['$', ','], ""))
        }
        other => other.clone(),
    };
    let Some(amount) = plain.parsed_number().and_then(Number::decimal) else {
        return Ok(value.clone());
    };
    let strategy = RoundingStrategy::MidpointAwayFromZero;
    let amount = amount.round_dp_with_strategy(money.digits, strategy);
    let digits = usize::try_from(money.digits).unwrap_or(0);
    let text = format!("{:.digits$}", amount.abs());
    let (units, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut number = String::new();
    for (index, digit) in units.chars().enumerate() {
        if index > 0 && (units.len() - index).is_multiple_of(3) {
            number.push_str(money.group);
        }
        number.push(digit);
    }
    if !rest.is_empty() {
        number.extend([money.point, rest]);
    }
    let sign = if amount < Decimal::from_i64(0).unwrap_or_default() { "-" } else { "" };
    Ok(Value::text(if money.is_behind {
        format!("{sign}{number}\u{a0}{}", money.symbol)
    } else {
        format!("{sign}{}{number}", money.symbol)
    }))
}
