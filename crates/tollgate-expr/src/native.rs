//! Objects whose data no other kind of value holds.

use std::any::Any;
use std::fmt::Debug;

use crate::Exception;
use crate::collections::Key;
use crate::eval::Cx;
use crate::state::{Object, confusion};
use crate::types::{Ty, TypeId};
use crate::value::Value;

/// Gives an item of a collection by index; none behind the last.
pub(crate) type ItemAt = fn(&mut Cx<'_>, &Value, usize) -> Result<Option<Value>, Exception>;

/// An object of a declared type with data of its own. Those that never change are [`Value::Native`]; those that do are
/// [`Object::Native`](crate::state::Object::Native) and belong to the request.
pub(crate) trait Native: Any + Debug + Send + Sync {
    /// The run-time type.
    fn id(&self) -> TypeId;

    /// What `ToString()` gives, when it is not the name of the type.
    fn text(&self) -> Option<String> {
        None
    }

    /// How to walk over it, when it is a collection.
    fn items(&self) -> Option<ItemAt> {
        None
    }

    /// What `Equals` and hashed collections compare it by; by identity when there is none.
    fn key(&self) -> Option<Key> {
        None
    }
}

impl dyn Native {
    /// The data, when it is of the type.
    pub(crate) fn get<T: Native>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// The data, when it is of the type.
    pub(crate) fn get_mut<T: Native>(&mut self) -> Option<&mut T> {
        (self as &mut dyn Any).downcast_mut()
    }

    /// The run-time type.
    pub(crate) fn ty(&self) -> Ty {
        Ty::Named(self.id())
    }
}

impl Value {
    /// An object that never changes.
    pub(crate) fn native(object: impl Native) -> Value {
        Value::Native(std::sync::Arc::new(object))
    }

    /// The data of an object that never changes, when it is of the type.
    pub(crate) fn as_native<T: Native>(&self) -> Option<&T> {
        match self {
            Value::Native(object) => object.get(),
            _ => None,
        }
    }
}

impl Cx<'_> {
    /// Walks over a collection until `visit` says no; whether it came to the end.
    pub(crate) fn each_native(
        &mut self,
        collection: &Value,
        visit: &mut dyn FnMut(&mut Cx<'_>, Value) -> Result<bool, Exception>,
    ) -> Result<bool, Exception> {
        let native = match collection {
            Value::Native(native) => Some(&**native),
            Value::Object(id) => match self.state.object(*id) {
                Object::Native(native) => Some(&**native),
                _ => None,
            },
            _ => None,
        };
        let item_at = native.and_then(Native::items).ok_or_else(confusion)?;
        let mut index = 0;
        while let Some(item) = item_at(self, collection, index)? {
            if !visit(self, item)? {
                return Ok(false);
            }
            index += 1;
        }
        Ok(true)
    }
}
