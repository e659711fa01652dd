//! From policy XML to a compiled pipeline, and the ports it runs against.
//!
//! Reading order: [`read`] turns text into a tree with spans, [`CompileCx`] turns the tree into [`Block`]s of
//! [`Step`]s with the help of the [`PolicyDef`]s it is given, and [`process`] runs the [`Chain`] of documents that
//! applies to a request against its [`RequestCx`].
//!
//! INVARIANT: the engine opens no socket or file and reads no clock; the outside is reached through [`Ports`] and the
//! request's own [`Wire`]. It names no policy but `base` and `include-fragment`.

mod compile;
pub mod contract;
pub mod counters;
mod error;
mod error_response;
mod finally;
mod forwarding;
pub mod jose;
pub mod json_schema;
mod pipeline;
mod policy;
pub mod ports;
pub mod read;
mod request;
mod secret;
mod section;
mod step;
mod typed;
mod value;

pub use compile::{
    CompileCx, CompileEnv, DocumentInfo, Fragments, TokenLimits, compile_document, compile_fragment,
};
pub use error::PolicyError;
pub use error_response::{error_body, error_response};
pub use finally::{Finally, Responding, Sent, Traffic};
pub use forwarding::{Forwarding, Forwardings};
pub use pipeline::{
    Chain, CompiledDocument, Outcome, UnreadBody, process, process_error, process_unmatched,
    unpaired,
};
pub use policy::{
    AttributeDef, AttributeType, ChildDef, Content, Limit, PolicyDef, Support, TextDef,
};
pub use ports::{Clock, Names, Ports, Randomness, TraceSink, Wire};
pub use request::{
    Body, BufferedBody, ClientCertificate, ClientInfo, Message, Request, RequestCx, Response,
    Route, RouteInfo, Target, Uri, Variables,
};
pub use secret::Secret;
pub use section::{Scope, Section};
pub use step::{
    Block, BoxFuture, Companion, CompiledStep, Completion, Detached, Facts, Flow, Resumed, Step,
    Until,
};
pub use typed::Typed;
pub use value::Value;

// What expressions see of the world is also what whoever routes requests fills in; it comes through here, so that only
// the engine and the policies know the expression language.
pub use tollgate_expr::{
    Api, Deployment, EvalState, Group, LastError, Limits as ExpressionLimits, Operation, Pkcs12,
    Pkcs12Fault, Product, ProductState, Subscription, TrustStore, Url, User, UserIdentity,
    Workspace,
};
