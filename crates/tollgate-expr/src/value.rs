//! Values at run time.

use std::sync::Arc;

use bytes::Bytes;
use rust_decimal::Decimal;

use crate::collections::{Comparer, Dictionary, Key};
use crate::json::{JsonId, format_guid};
use crate::native::Native;
use crate::number::Number;
use crate::state::{Object, ObjectId, text_of};
use crate::time::{DateTime, DateTimeOffset, Kind, TimeSpan};
use crate::types::{Ty, TypeId, is_tuple};
use crate::xml::XmlId;
use crate::{EvalState, Exception, Jwt, MessageKind, Response, UrlKind};

/// A .NET value. The static type of an expression says what it may be; the tag says what it is, so boxing is exact.
///
/// Objects that can change live in the [`EvalState`](crate::EvalState) of the request; a value holds a handle, so it is
/// cheap to clone and may be sent between threads.
#[derive(Clone, Default)]
#[non_exhaustive]
#[expect(private_interfaces, reason = "the payloads of most variants are opaque outside the crate")]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `System.Boolean`.
    Bool(bool),
    /// `System.Char`: a UTF-16 unit.
    Char(u16),
    /// `System.SByte`.
    SByte(i8),
    /// `System.Byte`.
    Byte(u8),
    /// `System.Int16`.
    Short(i16),
    /// `System.UInt16`.
    UShort(u16),
    /// `System.Int32`.
    Int(i32),
    /// `System.UInt32`.
    UInt(u32),
    /// `System.Int64`.
    Long(i64),
    /// `System.UInt64`.
    ULong(u64),
    /// `System.Single`.
    Float(f32),
    /// `System.Double`.
    Double(f64),
    /// `System.Decimal`.
    Decimal(Decimal),
    /// `System.String`.
    Str(Arc<str>),
    /// `System.Byte[]`. The allocation is the array's identity.
    Bytes(Arc<[u8]>),
    /// `System.DateTime`.
    DateTime(DateTime),
    /// `System.DateTimeOffset`.
    DateTimeOffset(DateTimeOffset),
    /// `System.TimeSpan`.
    TimeSpan(TimeSpan),
    /// `System.Guid`, in the order of its text.
    Guid([u8; 16]),
    /// A constant of an enumeration, or another well-known object of a type, by number.
    Enum(TypeId, i32),
    /// A `JToken`.
    Json(JsonId),
    /// A node or attribute of XML.
    Xml(XmlId),
    /// An object of the request.
    Object(ObjectId),
    /// A part of `context`.
    Host(HostRef),
    /// `Jwt`.
    Jwt(Arc<Jwt>),
    /// `Jwt.Claims`.
    Claims(Arc<Jwt>),
    /// `IResponse` of a policy's own request.
    Response(Arc<Response>),
    /// Headers or body of such a response.
    ResponsePart(Arc<Response>, ResponsePart),
    /// An immutable object with members: anonymous types, tuples, pairs and others.
    Record(Arc<Record>),
    /// An exception object.
    Exception(Exception),
    /// An object that never changes, of a type with data of its own.
    Native(Arc<dyn Native>),
}

/// A part of `context`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HostRef {
    Context,
    Api,
    ServiceUrl,
    KeyNames,
    Operation,
    Product,
    ProductGroup(u32),
    ProductApi(u32),
    Subscription,
    User,
    UserGroup(u32),
    UserIdentity(u32),
    Workspace,
    Backend,
    Deployment,
    Certificates,
    Sustainability,
    Gateway,
    LastError,
    Request,
    Response,
    Headers(MessageKind),
    Body(MessageKind),
    Url(UrlKind),
    Query(UrlKind),
    ServiceQuery,
    Matched,
    Variables,
}

/// A part of an `IResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ResponsePart {
    Headers,
    Body,
}

/// An immutable object: its type and the values of its members.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) ty: Ty,
    pub(crate) values: Box<[Value]>,
}

impl Record {
    /// Whether it equals others that hold the same, as anonymous types, tuples and pairs do; others are compared by identity.
    pub(crate) fn has_value(&self) -> bool {
        match &self.ty {
            Ty::Record(_) => true,
            Ty::Generic(id, _) => *id == TypeId::KeyValuePair || is_tuple(*id),
            _ => false,
        }
    }
}

impl Value {
    /// A byte array.
    #[expect(clippy::needless_pass_by_value, reason = "hosts hand over what they have")]
    pub fn bytes(bytes: Bytes) -> Value {
        Value::Bytes(bytes.as_ref().into())
    }

    /// A token.
    pub fn jwt(jwt: Jwt) -> Value {
        Value::Jwt(Arc::new(jwt))
    }

    /// A response.
    pub fn response(response: Response) -> Value {
        Value::Response(Arc::new(response))
    }

    /// What `get-authorization-context` stores: a token, and what else came with it.
    pub fn authorization(
        state: &mut EvalState,
        token: &str,
        claims: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Value, Exception> {
        let mut all = Dictionary::new(Ty::STRING, Ty::OBJECT, Comparer::Exact);
        for (name, claim) in claims {
            all.set(Key::Str(name.as_str().into()), Value::from(name.as_str()), claim);
        }
        let claims = state.add(Object::Dictionary(Box::new(all)))?;
        Ok(Value::record(Ty::Named(TypeId::Authorization), [Value::from(token), claims]))
    }

    /// The response, when it is one.
    pub fn as_response(&self) -> Option<&Response> {
        match self {
            Value::Response(response) => Some(response),
            _ => None,
        }
    }

    /// The token, when it is one.
    pub fn as_jwt(&self) -> Option<&Jwt> {
        match self {
            Value::Jwt(jwt) => Some(jwt),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The `bool`, when it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, when it is of an integral type and fits.
    pub fn as_int(&self) -> Option<i64> {
        Some(match self {
            Value::SByte(value) => i64::from(*value),
            Value::Byte(value) => i64::from(*value),
            Value::Short(value) => i64::from(*value),
            Value::UShort(value) => i64::from(*value),
            Value::Int(value) => i64::from(*value),
            Value::UInt(value) => i64::from(*value),
            Value::Long(value) => *value,
            Value::ULong(value) => i64::try_from(*value).ok()?,
            _ => return None,
        })
    }

    /// The number, when it is of a numeric type.
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Value::Double(value) => Some(*value),
            Value::Float(value) => Some(f64::from(*value)),
            Value::Decimal(value) => Some(crate::number::double_of(*value)),
            #[expect(clippy::cast_precision_loss, reason = "as .NET converts")]
            Value::ULong(value) => Some(*value as f64),
            #[expect(clippy::cast_precision_loss, reason = "as .NET converts")]
            other => other.as_int().map(|value| value as f64),
        }
    }

    /// The text, when it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, when it is a byte array.
    pub fn as_bytes(&self, state: &EvalState) -> Option<Bytes> {
        match self {
            Value::Bytes(bytes) => Some(match state.promoted(bytes) {
                Some(changed) => Bytes::copy_from_slice(changed),
                None => Bytes::from_owner(bytes.clone()),
            }),
            _ => None,
        }
    }

    /// The full .NET name of its type; none for null.
    pub fn type_name(&self, state: &EvalState) -> Option<String> {
        match self {
            Value::Null => None,
            Value::Json(id) => Some(state.json.class_name(*id).to_owned()),
            Value::Enum(id, number) => Some(crate::types::class_of(*id, *number).to_owned()),
            other => Some(state.type_of(other).full_name()),
        }
    }

    /// `ToString()`; none for null.
    pub fn to_text(&self, state: &EvalState) -> Result<Option<Arc<str>>, Exception> {
        text_of(self, state, &mut state.budget.clone())
    }

    pub(crate) fn number(&self) -> Option<Number> {
        Some(match self {
            Value::SByte(value) => Number::SByte(*value),
            Value::Byte(value) => Number::Byte(*value),
            Value::Short(value) => Number::Int16(*value),
            Value::UShort(value) => Number::UInt16(*value),
            Value::Int(value) => Number::Int32(*value),
            Value::UInt(value) => Number::UInt32(*value),
            Value::Long(value) => Number::Int64(*value),
            Value::ULong(value) => Number::UInt64(*value),
            Value::Float(value) => Number::Single(*value),
            Value::Double(value) => Number::Double(*value),
            Value::Decimal(value) => Number::Decimal(*value),
            _ => return None,
        })
    }

    pub(crate) fn guid(guid: u128) -> Value {
        Value::Guid(guid.to_be_bytes())
    }

    pub(crate) fn record(ty: Ty, values: impl Into<Box<[Value]>>) -> Value {
        Value::Record(Arc::new(Record { ty, values: values.into() }))
    }

    pub(crate) fn pair(ty: Ty, key: Value, value: Value) -> Value {
        Value::record(ty, [key, value])
    }

    /// A `DateTime` in UTC; times that .NET cannot hold are its first.
    pub(crate) fn utc(ticks: i64) -> Value {
        Value::DateTime(DateTime::from_ticks(ticks, Kind::Utc).unwrap_or(DateTime::MIN))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::SByte(value) => Value::SByte(value),
            Number::Byte(value) => Value::Byte(value),
            Number::Int16(value) => Value::Short(value),
            Number::UInt16(value) => Value::UShort(value),
            Number::Int32(value) => Value::Int(value),
            Number::UInt32(value) => Value::UInt(value),
            Number::Int64(value) => Value::Long(value),
            Number::UInt64(value) => Value::ULong(value),
            Number::Single(value) => Value::Float(value),
            Number::Double(value) => Value::Double(value),
            Number::Decimal(value) => Value::Decimal(value),
        }
    }
}

/// Text of a GUID.
pub(crate) fn guid_text(guid: [u8; 16]) -> String {
    format_guid(u128::from_be_bytes(guid), None).unwrap_or_default()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Str(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Value::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Long(value)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Texts may be secrets.
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Str(_) => f.write_str("string"),
            Value::Bytes(_) => f.write_str("byte[]"),
            Value::Char(_) => f.write_str("char"),
            Value::Json(_) => f.write_str("JToken"),
            Value::Xml(_) => f.write_str("XObject"),
            Value::Enum(id, n) => write!(f, "{id:?}({n})"),
            other => match other.number() {
                Some(number) => write!(f, "{number:?}"),
                None => f.write_str("object"),
            },
        }
    }
}

const _: () = assert!(size_of::<Value>() <= 24);
