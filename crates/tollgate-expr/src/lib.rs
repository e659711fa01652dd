//! C# policy expressions: parse, check, lower, evaluate.
//!
//! An expression is compiled once, at load, against the declarations of the types policies may use, and evaluated per
//! request against a [`Host`]. Evaluation does no I/O, reads no clock but the host's, is bounded by a [`Budget`], and
//! ends in a value or a .NET [`Exception`]; it cannot panic.

mod budget;
mod context;
mod exception;
#[expect(
    dead_code,
    unused_variables,
    unused_imports,
    reason = "bound to C# types by the evaluator"
)]
mod json;
#[expect(dead_code, unused_imports, reason = "bound to C# types by the evaluator")]
mod number;
#[expect(
    dead_code,
    unused_variables,
    unused_imports,
    reason = "bound to C# types by the evaluator"
)]
mod time;
mod value;

pub use budget::{Budget, Limits};
pub use context::{
    Api, Deployment, Group, Host, LastError, MessageKind, Operation, Product, ProductState,
    Subscription, Url, UrlKind, User, UserIdentity, Workspace,
};
pub use exception::{Exception, ExceptionKind};
pub use value::Value;
