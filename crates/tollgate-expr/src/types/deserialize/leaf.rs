//! Plain values of JSON as values of a type.

use std::sync::Arc;

use super::{Contract, Deserializer, Run, takes_null};
use crate::eval::{null_argument, primitive_value};
use crate::json::{
    Primitive, PrimitiveType, Scalar, Want, bare_text, bytes_of_base64, change_type, char_as_text,
    date_of_json, parse_guid,
};
use crate::time::{DateTimeOffset, TimeSpan};
use crate::types::{Ty, TypeId, info, is_assignable, json};
use crate::{Exception, ExceptionKind, Value};

/// What a reader reads for a type; none for types that are converted from what there is.
pub(super) fn leaf_want(primitive: PrimitiveType) -> Option<Want> {
    Some(match primitive {
        PrimitiveType::Byte | PrimitiveType::Int16 | PrimitiveType::Int32 => Want::Int32,
        PrimitiveType::Single | PrimitiveType::Double => Want::Double,
        PrimitiveType::Decimal => Want::Decimal,
        PrimitiveType::Bool => Want::Bool,
        PrimitiveType::Str => Want::Str,
        PrimitiveType::Bytes => Want::Bytes,
        PrimitiveType::DateTime => Want::DateTime,
        PrimitiveType::DateTimeOffset => Want::DateTimeOffset,
        _ => return None,
    })
}

impl Deserializer<'_, '_, '_> {
    /// A value as a type.
    pub(super) fn ensure(&mut self, value: &Scalar, ty: Option<&Ty>, contract: &Contract) -> Run {
        if let Scalar::Char(_) = value {
            return Err(char_as_text());
        }
        let Some(ty) = ty.filter(|_| *contract != Contract::Any) else {
            return Ok(json::scalar_value(value));
        };
        if let Scalar::Str(text) = value {
            if *contract == Contract::Leaf(PrimitiveType::Bytes) {
                let bytes = bytes_of_base64(text, &mut self.cx.state.budget)?;
                return Ok(primitive_value(Primitive::Bytes(bytes)));
            }
            if text.is_empty() && ty.takes_null() && *ty != Ty::STRING {
                return Ok(Value::Null);
            }
        }
        if value.is_null() && takes_null(Some(ty)) {
            return Ok(Value::Null);
        }
        let made = match contract {
            Contract::Leaf(primitive) => self.leaf(value, *primitive).map(primitive_value),
            Contract::Enum => enumeration(value, ty.strip_nullable()),
            _ => match value {
                Scalar::Str(text) if is_assignable(&Ty::STRING, ty) => {
                    return Ok(Value::Str(Arc::clone(text)));
                }
                value => Err(no_conversion(value, ty)),
            },
        };
        made.map_err(|cause| self.bad_value(value, ty, cause))
    }

    /// `JsonSerializationException`: a value that is none of the type.
    #[cold]
    fn bad_value(&mut self, value: &Scalar, ty: &Ty, cause: Exception) -> Exception {
        if cause.is_bound() {
            return cause;
        }
        let shown = match value {
            Scalar::Str(text) => format!("\"{text}\""),
            value if value.is_null() => "{null}".to_owned(),
            other => match bare_text(other, &mut self.cx.state.budget) {
                Ok(text) => text.to_string(),
                Err(bound) => return bound,
            },
        };
        let ty = ty.full_name();
        self.fault(&format!("Error converting value {shown} to type '{ty}'.")).with_inner(cause)
    }

    fn leaf(&mut self, value: &Scalar, to: PrimitiveType) -> Result<Primitive, Exception> {
        let budget = &mut self.cx.state.budget;
        match (value, to) {
            (Scalar::Str(text), PrimitiveType::DateTime) => match date_of_json(text) {
                Some(date) => Ok(Primitive::DateTime(date)),
                None => change_type(value, to, budget),
            },
            (Scalar::Str(text), PrimitiveType::Guid) => match parse_guid(Some(text)) {
                Ok(guid) => Ok(Primitive::Guid(guid)),
                Err(_) => Err(no_conversion(value, &guid())),
            },
            (Scalar::Str(text), PrimitiveType::TimeSpan) => match TimeSpan::parse(Some(text)) {
                Ok(span) => Ok(Primitive::TimeSpan(span)),
                Err(_) => Err(no_conversion(value, &Ty::Named(TypeId::TimeSpan))),
            },
            (Scalar::Str(text), PrimitiveType::Uri) => Ok(Primitive::Uri((&**text).into())),
            (Scalar::Date(date), PrimitiveType::DateTimeOffset) => {
                Ok(Primitive::DateTimeOffset(DateTimeOffset::from_date_time(*date)))
            }
            (
                Scalar::Guid(_)
                | Scalar::TimeSpan(_)
                | Scalar::Uri(_)
                | Scalar::Bytes(_)
                | Scalar::DateOffset(_),
                _,
            ) => change_type(value, to, budget),
            (value, _) if value.is_null() => Err(Exception::new(
                ExceptionKind::InvalidCast,
                "Null object cannot be converted to a value type.",
            )),
            (_, PrimitiveType::Guid) => Err(no_conversion(value, &guid())),
            (_, PrimitiveType::TimeSpan) => Err(no_conversion(value, &Ty::Named(TypeId::TimeSpan))),
            (_, PrimitiveType::Uri) => Err(no_conversion(value, &Ty::Named(TypeId::Uri))),
            (_, PrimitiveType::DateTimeOffset) => {
                Err(no_conversion(value, &Ty::Named(TypeId::DateTimeOffset)))
            }
            (Scalar::BigInt(_), _) => crate::json::of_big(value, to, budget),
            _ => change_type(value, to, budget),
        }
    }
}

/// A constant of an enumeration, by name or number.
pub(in crate::types) fn enumeration(value: &Scalar, ty: &Ty) -> Run {
    let number = match value {
        Scalar::Str(text) => return enumeration_name(ty, text),
        Scalar::Bool(value) => Some(i32::from(*value)),
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits, as .NET takes them")]
        Scalar::Int(number) | Scalar::Small(_, number) => Some(*number as i32),
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits, as .NET takes them")]
        Scalar::UInt(number) => Some(*number as i32),
        _ => None,
    };
    if let (Some(id), Some(number)) = (ty.id(), number) {
        return Ok(Value::Enum(id, number));
    }
    let message = "The value passed in must be an enum base or an underlying type for an enum, such as an Int32. (Parameter 'value')";
    Err(Exception::new(ExceptionKind::Argument, message))
}

fn guid() -> Ty {
    Ty::Named(TypeId::Guid)
}

#[cold]
fn no_conversion(value: &Scalar, ty: &Ty) -> Exception {
    let (from, to) = (value.type_name(), ty.full_name());
    let message = format!("Could not cast or convert from {from} to {to}.");
    Exception::new(ExceptionKind::Argument, message)
}

/// A constant of an enumeration by the text of its name or number.
pub(super) fn enumeration_name(ty: &Ty, text: &str) -> Run {
    let Some(id) = ty.id() else { return Err(null_argument("enumType")) };
    constant(id, text).map(|number| Value::Enum(id, number)).ok_or_else(|| {
        let message = if text.trim().is_empty() {
            "Must specify valid information for parsing in the string.".to_owned()
        } else {
            format!("Requested value '{text}' was not found.")
        };
        Exception::new(ExceptionKind::Argument, message)
    })
}

/// The number of a constant's name, of several joined by commas, or of digits.
fn constant(enumeration: TypeId, text: &str) -> Option<i32> {
    if let Ok(number) = text.trim().parse() {
        return Some(number);
    }
    let constants = info(enumeration).constants();
    let mut all = 0;
    for name in text.split(',') {
        let name = name.trim();
        let exact = constants.iter().find(|(known, _)| *known == name);
        let any_case = || constants.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        all |= exact.or_else(any_case)?.1;
    }
    Some(all)
}
