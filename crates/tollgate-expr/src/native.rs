//! Objects whose data no other kind of value holds.

use std::any::Any;
use std::fmt::Debug;

use crate::EvalState;
use crate::Exception;
use crate::collections::Key;
use crate::eval::Cx;
use crate::state::{Object, ObjectId};
use crate::types::{Ty, TypeId};
use crate::value::Value;

/// Gives an item of a collection by index; none behind the last.
pub(crate) type ItemAt = fn(&mut Cx<'_>, &Value, usize) -> Result<Option<Value>, Exception>;

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

    /// The object whose text it has, when that is not its own.
    fn text_of(&self) -> Option<&Value> {
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

impl EvalState {
    /// What an object with data of its own is compared by, when that is not its identity.
    pub(crate) fn native_key(&self, id: ObjectId) -> Option<Key> {
        match self.object(id) {
            Object::Native(native) => native.key(),
            _ => None,
        }
    }

    /// How to walk over an object, when it is a collection with data of its own.
    pub(crate) fn native_items(&self, collection: &Value) -> Option<ItemAt> {
        match collection {
            Value::Native(native) => native.items(),
            Value::Object(id) => match self.object(*id) {
                Object::Native(native) => native.items(),
                _ => None,
            },
            _ => None,
        }
    }
}
