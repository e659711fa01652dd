//! Format strings.

use super::{Cx, Result};
use crate::json::format_guid;
use crate::number::{Piece, pad, pieces};
use crate::{Exception, Value};

/// A value as text with a format, padded.
pub(crate) fn format_value(
    cx: &mut Cx<'_>,
    value: &Value,
    format: Option<&str>,
    align: i32,
) -> Result<String> {
    let text = match format.filter(|format| !format.is_empty()) {
        Some(format) => formatted(cx, value, format)?,
        None => cx.text(value)?.map(|text| text.to_string()).unwrap_or_default(),
    };
    if align == 0 {
        return Ok(text);
    }
    let mut out = String::new();
    pad(&text, align, &mut out, &mut cx.state.budget)?;
    Ok(out)
}

/// `ToString(format)` of values that have one; others ignore the format.
pub(crate) fn formatted(cx: &mut Cx<'_>, value: &Value, format: &str) -> Result<String> {
    let budget = &mut cx.state.budget;
    match value {
        Value::DateTime(value) => value.format(format, budget),
        Value::DateTimeOffset(value) => value.format(format, budget),
        Value::TimeSpan(value) => value.format(format, budget),
        Value::Guid(guid) => format_guid(u128::from_be_bytes(*guid), Some(format)),
        Value::Json(id) => cx.state.json.value_format(*id, Some(format), budget),
        Value::Enum(id, number) if crate::types::info(*id).is_enum() => {
            enum_format(*id, *number, format)
        }
        other => match other.number() {
            Some(number) => number.format(format, budget),
            None => Ok(cx.text(other)?.map(|text| text.to_string()).unwrap_or_default()),
        },
    }
}

/// `ToString(format)` of a constant of an enumeration.
pub(crate) fn enum_format(id: crate::types::TypeId, number: i32, format: &str) -> Result<String> {
    match format {
        "" | "G" | "g" | "F" | "f" => Ok(crate::state::enum_text(id, number)),
        "D" | "d" => Ok(number.to_string()),
        "X" | "x" => Ok(format!("{number:08X}")),
        _ => Err(Exception::new(
            crate::ExceptionKind::Format,
            "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".",
        )),
    }
}

/// `string.Format(format, args)`.
pub(crate) fn composite(cx: &mut Cx<'_>, format: &str, args: &[Value]) -> Result<String> {
    let parts = pieces(format, args.len(), &mut cx.state.budget)?;
    let mut out = String::new();
    for part in parts {
        match part {
            Piece::Text(text) => {
                cx.charge(text.len())?;
                out.push_str(text);
            }
            Piece::Hole { index, align, format } => {
                let value = args.get(index).cloned().unwrap_or_default();
                let text = format_value(cx, &value, format, align)?;
                cx.charge(text.len())?;
                out.push_str(&text);
            }
        }
    }
    Ok(out)
}
