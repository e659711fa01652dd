//! Objects whose data no other kind of value holds.

use std::any::Any;
use std::fmt::Debug;

use crate::collections::Key;
use crate::types::{Ty, TypeId};
use crate::value::Value;

/// An object of a declared type with data of its own. Those that never change are [`Value::Native`]; those that do are
/// [`Object::Native`](crate::state::Object::Native) and belong to the request.
pub(crate) trait Native: Any + Debug + Send + Sync {
    /// The run-time type.
    fn id(&self) -> TypeId;

    /// The run-time type, with its arguments.
    fn ty(&self) -> Ty {
        Ty::Named(self.id())
    }

    /// What `ToString()` gives, when it is not the name of the type.
    fn text(&self) -> Option<String> {
        None
    }

    /// What `Equals` and hashed collections compare it by; by identity when there is none.
    fn key(&self) -> Option<Key> {
        None
    }

    /// Whether .NET has one object for all equal ones, so that references are equal when they are.
    fn is_interned(&self) -> bool {
        false
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
