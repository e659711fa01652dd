//! `HashAlgorithmName`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, p};
use super::Run;
use crate::Value;
use crate::collections::Key;
use crate::eval::Args;
use crate::native::Native;

/// A name; none is `null`.
#[derive(Debug)]
struct Name(Option<String>);

impl Native for Name {
    fn id(&self) -> TypeId {
        TypeId::HashAlgorithmName
    }

    fn text(&self) -> Option<String> {
        Some(self.0.clone().unwrap_or_default())
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Many(vec![Key::Str(self.0.as_deref().unwrap_or_default().into())]))
    }
}

/// A name of a hash function.
pub(super) fn name(name: Option<&str>) -> Value {
    Value::native(Name(name.map(str::to_owned)))
}

/// `default(HashAlgorithmName)`.
pub(crate) fn no_name() -> Value {
    name(None)
}

/// The text of a name; none for null and for `default`.
pub(super) fn name_of(value: &Value) -> Option<&str> {
    value.as_native::<Name>()?.0.as_deref()
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn equal(a: &Args<'_>) -> Run {
    let same = name_of(a.get(0)) == name_of(a.get(1));
    let both = a.get(1).is_null() || a.get(1).as_native::<Name>().is_some();
    Ok(Value::Bool(same && both))
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.HashAlgorithmName",
    kind: Kind::Struct,
    bases: &[],
    docs: "The name of a hash function.",
    members: &[
        p("new(string name)", "A name.", |_, a| Ok(name(a.opt_str(0)))),
        p("static HashAlgorithmName MD5", "MD5.", |_, _| Ok(name(Some("MD5")))),
        p("static HashAlgorithmName SHA1", "SHA-1.", |_, _| Ok(name(Some("SHA1")))),
        p("static HashAlgorithmName SHA256", "SHA-256.", |_, _| Ok(name(Some("SHA256")))),
        p("static HashAlgorithmName SHA384", "SHA-384.", |_, _| Ok(name(Some("SHA384")))),
        p("static HashAlgorithmName SHA512", "SHA-512.", |_, _| Ok(name(Some("SHA512")))),
        m("string Name", "The text of the name.", |_, a| {
            Ok(name_of(a.get(0)).map_or(Value::Null, Value::from))
        }),
        m("string ToString()", "The text of the name.", |_, a| {
            Ok(Value::from(name_of(a.get(0)).unwrap_or_default()))
        }),
        m("bool Equals(HashAlgorithmName other)", "Whether it is the same name.", |_, a| equal(a)),
        m("bool Equals(object obj)", "Whether it is the same name.", |_, a| {
            if a.get(1).is_null() { Ok(Value::Bool(false)) } else { equal(a) }
        }),
        p(
            "operator bool ==(HashAlgorithmName left, HashAlgorithmName right)",
            "Whether they are the same name.",
            |_, a| equal(a),
        ),
        p(
            "operator bool !=(HashAlgorithmName left, HashAlgorithmName right)",
            "Whether they are different names.",
            |_, a| match equal(a)? {
                Value::Bool(same) => Ok(Value::Bool(!same)),
                other => Ok(other),
            },
        ),
    ],
    refused: &[],
};
