//! C# policy expressions: parse, check, lower, evaluate.
//!
//! An expression is compiled once, at load, against the declarations of the types policies may use, and evaluated per
//! request against a [`Host`]. Evaluation does no I/O, reads no clock but the host's, is bounded by a [`Budget`], and
//! ends in a value or a .NET [`Exception`]; it cannot panic.
//!
//! ```
//! use tollgate_diagnostics::{MappedText, Sources};
//! use tollgate_expr::{CompileOptions, EvalCx, EvalState, FixedHost, Limits, compile};
//!
//! let source = r#"@(context.Request.Method + " " + context.Request.Url.Path.ToUpper())"#;
//! let file = Sources::default().add("policy.xml", source);
//! let text = MappedText::verbatim(source, file.span(0..source.len()));
//! let (program, diagnostics) = compile(&text, &CompileOptions::default());
//! let program = program.ok_or(diagnostics).map_err(|all| all.len()).unwrap();
//!
//! let mut state = EvalState::new(Limits::default());
//! let context = serde_json::json!({ "request": { "method": "POST", "url": "https://h/a/b" } });
//! let mut host = FixedHost::from_json(&context, &mut state).unwrap();
//! let value = program.eval(&mut EvalCx { host: &mut host, state: &mut state }).unwrap();
//! assert_eq!(value.as_str(), Some("POST /A/B"));
//! ```

mod budget;
pub mod cases;
mod check;
mod collections;
mod context;
mod cryptography;
mod eval;
mod exception;
mod fixed_host;
mod json;
mod jwt;
mod native;
mod number;
mod program;
pub mod reference;
mod regex;
mod response;
mod state;
mod stored;
mod syntax;
mod text;
mod time;
mod trees;
mod types;
mod unicode;
mod uri;
mod value;
mod xml;

pub use budget::{Budget, Limits};
pub use context::{
    Api, Backend, Deployment, Group, Host, LastError, MessageKind, Operation, Product,
    ProductState, Subscription, Url, UrlKind, User, UserIdentity, Workspace,
};
pub use cryptography::{Certificate, Pkcs12, Pkcs12Fault, Revocation, TrustStore, Untrusted};
pub use exception::{Exception, ExceptionKind};
pub use fixed_host::FixedHost;
pub use jwt::Jwt;
pub use program::{CompileOptions, Facts, Program, Target, compile};
pub use response::Response;
pub use state::{EvalCx, EvalState};
pub use stored::Unstorable;
pub use trees::{
    Dates, Json, WhiteSpace, XmlAttribute, XmlEvent, XmlName, XmlVisitor, body_bytes, body_text,
    html_encode, is_foreign_charset, url_decode, url_encode, write_json_string, xml_body_text,
    xml_name,
};
pub use value::Value;
