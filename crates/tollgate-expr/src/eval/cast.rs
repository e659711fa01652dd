//! Casts, type tests, and values as the JSON library sees them.

use std::sync::Arc;

use super::{Cx, Result};
use crate::json::{HeldUri, JsonType, Primitive, PrimitiveType, Scalar};
use crate::time::{DateTime, DateTimeOffset, TimeSpan};
use crate::types::{BigInteger, Numeric, Ty, TypeId, info, is_assignable};
use crate::{Exception, ExceptionKind, Value};

impl Cx<'_> {
    /// Whether a value is of a type; null is of none.
    pub(crate) fn is_instance(&self, value: &Value, ty: &Ty) -> bool {
        let ty = ty.strip_nullable();
        match (value, ty) {
            (Value::Null, _) => false,
            (Value::Str(_), Ty::Named(TypeId::String))
            | (Value::Int(_), Ty::Named(TypeId::Int32))
            | (Value::Bool(_), Ty::Named(TypeId::Boolean))
            | (Value::Json(_), Ty::Named(TypeId::JToken))
            | (Value::Response(_), Ty::Named(TypeId::IResponse))
            | (Value::Jwt(_), Ty::Named(TypeId::Jwt))
            | (_, Ty::Named(TypeId::Object)) => true,
            (Value::Json(id), Ty::Named(TypeId::JObject)) => self.state.json.is_object(*id),
            (Value::Json(id), Ty::Named(TypeId::JArray)) => {
                self.state.json.token_type(*id) == JsonType::Array
            }
            _ => is_assignable(&self.state.type_of(value), ty),
        }
    }

    /// An unboxing or reference cast.
    pub(crate) fn cast(&self, value: Value, ty: &Ty) -> Result<Value> {
        if value.is_null() {
            return if ty.takes_null() { Ok(value) } else { Err(Exception::null_reference()) };
        }
        if self.is_instance(&value, ty) {
            return Ok(value);
        }
        // Enumerations and the numbers below them unbox from each other.
        if let Ty::Named(id) = ty {
            let number = match &value {
                Value::Int(number) => Some(*number),
                Value::Enum(own, number) if info(*own).is_enum() => Some(*number),
                _ => None,
            };
            match number {
                Some(number) if ty.is_enum() => return Ok(Value::Enum(*id, number)),
                Some(number) if *id == TypeId::Int32 => return Ok(Value::Int(number)),
                _ => {}
            }
        }
        let own = self.cast_name(&value);
        let message =
            format!("Unable to cast object of type '{own}' to type '{}'.", ty.full_name());
        Err(Exception::new(ExceptionKind::InvalidCast, message))
    }

    /// What a failed cast calls the class of a value: the runtime names a class within another without the other.
    pub(crate) fn cast_name(&self, value: &Value) -> String {
        let own = self.state.type_of(value);
        let name = value.type_name(self.state).unwrap_or_default();
        let nested = matches!(value, Value::Enum(..))
            || own.id().is_some_and(|id| info(id).full.contains('+'));
        match name.split_once('+') {
            Some((_, inner)) if nested => inner.to_owned(),
            _ => name,
        }
    }
}

/// `default(T)`.
pub(crate) fn default_value(ty: &Ty) -> Value {
    if let Ty::Generic(TypeId::KeyValuePair, args) = ty {
        let values: Vec<Value> = args.iter().map(default_value).collect();
        return Value::record(ty.clone(), values);
    }
    if let Ty::Generic(TypeId::JEnumerable, _) = ty {
        return crate::types::unmade_row(ty);
    }
    if let Ty::Record(record) = ty
        && record.tuple
    {
        let values = record.members.iter().map(|(_, ty)| default_value(ty));
        return Value::record(ty.clone(), values.collect::<Vec<_>>());
    }
    let Ty::Named(id) = ty else { return Value::Null };
    match id {
        TypeId::Boolean => Value::Bool(false),
        TypeId::Char => Value::Char(0),
        TypeId::SByte => Value::SByte(0),
        TypeId::Byte => Value::Byte(0),
        TypeId::Int16 => Value::Short(0),
        TypeId::UInt16 => Value::UShort(0),
        TypeId::Int32 => Value::Int(0),
        TypeId::UInt32 => Value::UInt(0),
        TypeId::Int64 => Value::Long(0),
        TypeId::UInt64 => Value::ULong(0),
        TypeId::Single => Value::Float(0.0),
        TypeId::Double => Value::Double(0.0),
        TypeId::Decimal => Value::Decimal(rust_decimal::Decimal::ZERO),
        TypeId::DateTime => Value::DateTime(DateTime::MIN),
        TypeId::DateTimeOffset => Value::DateTimeOffset(DateTimeOffset::default()),
        TypeId::TimeSpan => Value::TimeSpan(TimeSpan::ZERO),
        TypeId::Guid => Value::Guid([0; 16]),
        TypeId::HashAlgorithmName => crate::types::no_hash_name(),
        _ if ty.is_enum() => Value::Enum(*id, 0),
        _ => Value::Null,
    }
}

/// The JSON library's name of a type that tokens convert to, and whether it takes null.
pub(crate) fn primitive_type(ty: &Ty) -> Option<(PrimitiveType, bool)> {
    let nullable = ty.nullable_inner().is_some();
    let kind = match ty.strip_nullable() {
        Ty::Array(item) if **item == Ty::BYTE => PrimitiveType::Bytes,
        Ty::Named(id) => match id {
            TypeId::Boolean => PrimitiveType::Bool,
            TypeId::String => PrimitiveType::Str,
            TypeId::DateTime => PrimitiveType::DateTime,
            TypeId::DateTimeOffset => PrimitiveType::DateTimeOffset,
            TypeId::TimeSpan => PrimitiveType::TimeSpan,
            TypeId::Guid => PrimitiveType::Guid,
            TypeId::Uri => PrimitiveType::Uri,
            id => match Numeric::of(*id)? {
                Numeric::SByte => PrimitiveType::SByte,
                Numeric::Byte => PrimitiveType::Byte,
                Numeric::Short => PrimitiveType::Int16,
                Numeric::UShort => PrimitiveType::UInt16,
                Numeric::Char => PrimitiveType::Char,
                Numeric::Int => PrimitiveType::Int32,
                Numeric::UInt => PrimitiveType::UInt32,
                Numeric::Long => PrimitiveType::Int64,
                Numeric::ULong => PrimitiveType::UInt64,
                Numeric::Float => PrimitiveType::Single,
                Numeric::Double => PrimitiveType::Double,
                Numeric::Decimal => PrimitiveType::Decimal,
            },
        },
        _ => return None,
    };
    Some((kind, nullable))
}

/// A value the JSON library gave.
pub(crate) fn primitive_value(primitive: Primitive) -> Value {
    match primitive {
        Primitive::Null => Value::Null,
        Primitive::Bool(value) => Value::Bool(value),
        Primitive::Char(value) => Value::Char(value),
        Primitive::SByte(value) => Value::SByte(value),
        Primitive::Byte(value) => Value::Byte(value),
        Primitive::Int16(value) => Value::Short(value),
        Primitive::UInt16(value) => Value::UShort(value),
        Primitive::Int32(value) => Value::Int(value),
        Primitive::UInt32(value) => Value::UInt(value),
        Primitive::Int64(value) => Value::Long(value),
        Primitive::UInt64(value) => Value::ULong(value),
        Primitive::Single(value) => Value::Float(value),
        Primitive::Double(value) => Value::Double(value),
        Primitive::Decimal(value) => Value::Decimal(value),
        Primitive::Str(value) => Value::Str(value),
        Primitive::DateTime(value) => Value::DateTime(value),
        Primitive::DateTimeOffset(value) => Value::DateTimeOffset(value),
        Primitive::TimeSpan(value) => Value::TimeSpan(value),
        Primitive::Guid(value) => Value::guid(value),
        Primitive::Uri(uri) => uri.into_value(),
        Primitive::Bytes(value) => Value::Bytes(value),
    }
}

/// A value as the content of a `JValue`.
pub(crate) fn scalar_of(value: &Value) -> Option<Scalar> {
    Some(match value {
        Value::Null => Scalar::Null,
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Str(text) => Scalar::Str(text.clone()),
        Value::Char(unit) => Scalar::Char(String::from_utf16_lossy(&[*unit]).into()),
        Value::ULong(value) => Scalar::UInt(*value),
        Value::Double(value) => Scalar::Double(*value),
        Value::Float(value) => Scalar::Single(*value),
        Value::Decimal(value) => Scalar::Decimal(*value),
        Value::DateTime(value) => Scalar::Date(*value),
        Value::DateTimeOffset(value) => Scalar::DateOffset(*value),
        Value::TimeSpan(value) => Scalar::TimeSpan(*value),
        Value::Guid(guid) => Scalar::Guid(*guid),
        Value::Bytes(bytes) => Scalar::Bytes(Arc::clone(bytes)),
        Value::Enum(id, number) if crate::types::info(*id).is_enum() => {
            Scalar::Small(*id, i64::from(*number))
        }
        Value::Native(native) => match native.get::<BigInteger>() {
            Some(number) => Scalar::BigInt(number.0.clone()),
            None => Scalar::Uri(HeldUri::of(value)?),
        },
        Value::Long(value) => Scalar::Int(*value),
        Value::SByte(value) => Scalar::Small(TypeId::SByte, i64::from(*value)),
        Value::Byte(value) => Scalar::Small(TypeId::Byte, i64::from(*value)),
        Value::Short(value) => Scalar::Small(TypeId::Int16, i64::from(*value)),
        Value::UShort(value) => Scalar::Small(TypeId::UInt16, i64::from(*value)),
        Value::Int(value) => Scalar::Small(TypeId::Int32, i64::from(*value)),
        Value::UInt(value) => Scalar::Small(TypeId::UInt32, i64::from(*value)),
        _ => return None,
    })
}
