//! C# policy expressions: parse, check, lower, evaluate.
//!
//! An expression is compiled once, at load, against the declarations of the types policies may use, and evaluated per
//! request against a [`Host`]. Evaluation does no I/O, reads no clock but the host's, is bounded by a [`Budget`], and
//! ends in a value or a .NET [`Exception`]; it cannot panic.

mod budget;
mod context;
mod exception;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "bound by the evaluator"))]
mod json;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "bound by the evaluator"))]
mod number;
#[cfg_attr(not(test), expect(dead_code, reason = "bound by the evaluator"))]
mod time;
mod value;

pub use budget::{Budget, Limits};
pub use context::{
    Api, Deployment, Group, Host, LastError, MessageKind, Operation, Product, ProductState,
    Subscription, Url, UrlKind, User, UserIdentity, Workspace,
};
pub use exception::{Exception, ExceptionKind};
pub use value::Value;
