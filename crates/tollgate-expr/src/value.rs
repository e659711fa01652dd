//! Values at run time.

use std::sync::Arc;

use bytes::Bytes;

use crate::{EvalState, Exception, Jwt, Response};

/// A .NET value. The static type of an expression says what it may be; the tag says what it is, so boxing is exact.
///
/// Objects that can change live in the [`EvalState`](crate::EvalState) of the request; a value holds a handle, so it is
/// cheap to clone and may be sent between threads.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `System.Boolean`.
    Bool(bool),
    /// `System.Int32`.
    Int(i32),
    /// `System.Int64`.
    Long(i64),
    /// `System.Double`.
    Double(f64),
    /// `System.String`.
    Str(Arc<str>),
    /// `System.Byte[]`. The allocation is the array's identity.
    Bytes(Arc<Bytes>),
    /// `Jwt`.
    Jwt(Arc<Jwt>),
    /// `IResponse` of a policy's own request.
    Response(Arc<Response>),
}

impl Value {
    /// A byte array.
    pub fn bytes(bytes: Bytes) -> Value {
        Value::Bytes(Arc::new(bytes))
    }

    /// A token.
    pub fn jwt(jwt: Jwt) -> Value {
        Value::Jwt(Arc::new(jwt))
    }

    /// A response.
    pub fn response(response: Response) -> Value {
        Value::Response(Arc::new(response))
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
        match self {
            Value::Int(value) => Some(i64::from(*value)),
            Value::Long(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, when it is of a numeric type.
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Value::Double(value) => Some(*value),
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
    pub fn as_bytes(&self, _state: &EvalState) -> Option<Bytes> {
        match self {
            Value::Bytes(bytes) => Some(Bytes::clone(bytes)),
            _ => None,
        }
    }

    /// The full .NET name of its type; none for null.
    pub fn type_name(&self, _state: &EvalState) -> Option<String> {
        let name = match self {
            Value::Null => return None,
            Value::Bool(_) => "System.Boolean",
            Value::Int(_) => "System.Int32",
            Value::Long(_) => "System.Int64",
            Value::Double(_) => "System.Double",
            Value::Str(_) => "System.String",
            Value::Bytes(_) => "System.Byte[]",
            Value::Jwt(_) => "Jwt",
            Value::Response(_) => "IResponse",
        };
        Some(name.to_owned())
    }

    /// `ToString()`; none for null.
    pub fn to_text(&self, state: &EvalState) -> Result<Option<Arc<str>>, Exception> {
        let text = match self {
            Value::Null => return Ok(None),
            Value::Str(text) => return Ok(Some(text.clone())),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(value) => value.to_string(),
            Value::Long(value) => value.to_string(),
            Value::Double(value) => value.to_string(),
            other => other.type_name(state).unwrap_or_default(),
        };
        Ok(Some(text.into()))
    }
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
        let name = match self {
            Value::Null => "null",
            Value::Bool(value) => return write!(f, "{value}"),
            Value::Int(value) => return write!(f, "{value}"),
            Value::Long(value) => return write!(f, "{value}L"),
            Value::Double(value) => return write!(f, "{value:?}"),
            Value::Str(_) => "string",
            Value::Bytes(_) => "byte[]",
            Value::Jwt(_) => "Jwt",
            Value::Response(_) => "IResponse",
        };
        f.write_str(name)
    }
}

impl Value {
    pub(crate) fn json_tree(_tree: &serde_json::Value, _state: &mut EvalState) -> Value {
        Value::Null
    }
    pub(crate) fn utc(ticks: i64) -> Value {
        Value::Long(ticks)
    }
    pub(crate) fn strings(_items: Vec<Value>, _state: &mut EvalState) -> Value {
        Value::Null
    }
}
