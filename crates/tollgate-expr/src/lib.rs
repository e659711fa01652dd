//! C# policy expressions: parse, check, lower, evaluate.
//!
//! An expression is compiled once, at load, against the declarations of the types policies may use, and evaluated per
//! request against a [`Host`]. Evaluation does no I/O, reads no clock but the host's, is bounded by a [`Budget`], and
//! ends in a value or a .NET [`Exception`]; it cannot panic.

mod budget;
pub mod cases;
mod context;
mod exception;
mod fixed_host;
#[expect(dead_code, unused_imports, reason = "bound by the evaluator")]
mod json;
mod jwt;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "bound by the evaluator"))]
mod number;
mod program;
mod response;
mod state;
#[expect(dead_code, reason = "bound by the evaluator")]
mod time;
mod value;

pub use budget::{Budget, Limits};
pub use context::{
    Api, Deployment, Group, Host, LastError, MessageKind, Operation, Product, ProductState,
    Subscription, Url, UrlKind, User, UserIdentity, Workspace,
};
pub use exception::{Exception, ExceptionKind};
pub use fixed_host::FixedHost;
pub use jwt::Jwt;
pub use program::{CompileOptions, Facts, Program, Target, compile};
pub use response::Response;
pub use state::{EvalCx, EvalState};
pub use value::Value;
