//! Arguments of a call of a declared member.

use std::sync::Arc;

use super::Cx;
use crate::json::JsonId;
use crate::state::{ObjectId, confusion};
use crate::time::{DateTime, DateTimeOffset, TimeSpan};
use crate::types::Ty;
use crate::{Exception, ExceptionKind, Value};

/// The arguments, the receiver first, and the type arguments.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    values: &'a mut [Value],
    types: &'a [Ty],
}

impl<'a> Args<'a> {
    pub(crate) fn new(values: &'a mut [Value], types: &'a [Ty]) -> Self {
        Self { values, types }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn get(&self, index: usize) -> &Value {
        const NULL: &Value = &Value::Null;
        self.values.get(index).unwrap_or(NULL)
    }

    pub(crate) fn value(&self, index: usize) -> Value {
        self.get(index).clone()
    }

    pub(crate) fn set(&mut self, index: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(index) {
            *slot = value;
        }
    }

    /// Type argument `index`: those of the class first.
    pub(crate) fn ty(&self, index: usize) -> &Ty {
        self.types.get(index).unwrap_or(&Ty::OBJECT)
    }

    pub(crate) fn int(&self, index: usize) -> i32 {
        match self.get(index) {
            Value::Int(value) | Value::Enum(_, value) => *value,
            other => other.as_int().and_then(|n| i32::try_from(n).ok()).unwrap_or_default(),
        }
    }

    pub(crate) fn long(&self, index: usize) -> i64 {
        self.get(index).as_int().unwrap_or_default()
    }

    pub(crate) fn double(&self, index: usize) -> f64 {
        self.get(index).as_double().unwrap_or_default()
    }

    pub(crate) fn bool(&self, index: usize) -> bool {
        matches!(self.get(index), Value::Bool(true))
    }

    pub(crate) fn char(&self, index: usize) -> u16 {
        match self.get(index) {
            Value::Char(unit) => *unit,
            _ => 0,
        }
    }

    /// Text that may be null.
    pub(crate) fn opt_str(&self, index: usize) -> Option<&str> {
        self.get(index).as_str()
    }

    /// Text that must not be null: `ArgumentNullException` names the parameter.
    pub(crate) fn str(&self, index: usize, name: &str) -> Result<Arc<str>, Exception> {
        match self.get(index) {
            Value::Str(text) => Ok(text.clone()),
            _ => Err(null_argument(name)),
        }
    }

    /// The receiver of a member of `string`.
    pub(crate) fn this_str(&self) -> Result<Arc<str>, Exception> {
        match self.get(0) {
            Value::Str(text) => Ok(text.clone()),
            _ => Err(Exception::null_reference()),
        }
    }

    pub(crate) fn json(&self, index: usize) -> Option<JsonId> {
        match self.get(index) {
            Value::Json(id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn this_json(&self) -> Result<JsonId, Exception> {
        self.json(0).ok_or_else(Exception::null_reference)
    }

    pub(crate) fn this_object(&self) -> Result<ObjectId, Exception> {
        match self.get(0) {
            Value::Object(id) => Ok(*id),
            _ => Err(confusion()),
        }
    }

    pub(crate) fn date(&self, index: usize) -> DateTime {
        match self.get(index) {
            Value::DateTime(value) => *value,
            _ => DateTime::MIN,
        }
    }

    pub(crate) fn offset(&self, index: usize) -> DateTimeOffset {
        match self.get(index) {
            Value::DateTimeOffset(value) => *value,
            _ => DateTimeOffset::default(),
        }
    }

    pub(crate) fn span(&self, index: usize) -> TimeSpan {
        match self.get(index) {
            Value::TimeSpan(value) => *value,
            _ => TimeSpan::ZERO,
        }
    }

    /// Bytes that must not be null.
    pub(crate) fn bytes(
        &self,
        cx: &Cx<'_>,
        index: usize,
        name: &str,
    ) -> Result<Vec<u8>, Exception> {
        match self.get(index) {
            Value::Bytes(bytes) => Ok(match cx.state.promoted(bytes) {
                Some(changed) => changed.to_vec(),
                None => bytes.to_vec(),
            }),
            _ => Err(null_argument(name)),
        }
    }

    /// A value that must not be null.
    pub(crate) fn some(&self, index: usize, name: &str) -> Result<Value, Exception> {
        match self.get(index) {
            Value::Null => Err(null_argument(name)),
            value => Ok(value.clone()),
        }
    }
}

/// `ArgumentNullException`.
#[cold]
pub(crate) fn null_argument(name: &str) -> Exception {
    let message = format!("Value cannot be null. (Parameter '{name}')");
    Exception::new(ExceptionKind::ArgumentNull, message)
}
