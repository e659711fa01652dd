//! `Jwt`, `BasicAuthCredentials`, `Authorization`.

use base64::Engine as _;

use super::decl::{Kind, TypeDecl, m};
use super::{Ty, TypeId};
use crate::eval::Args;
use crate::jwt::Jwt;
use crate::state::confusion;
use crate::time::DateTimeOffset;
use crate::{Exception, Value};

fn jwt<'a>(a: &'a Args<'_>) -> Result<&'a Jwt, Exception> {
    match a.get(0) {
        Value::Jwt(jwt) => Ok(jwt),
        _ => Err(confusion()),
    }
}

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn time(jwt: &Jwt, name: &str) -> Value {
    let time =
        jwt.seconds(name).and_then(|seconds| DateTimeOffset::from_unix_seconds(seconds).ok());
    time.map_or(Value::Null, |time| Value::DateTime(time.utc_date_time()))
}

pub(super) const JWT: TypeDecl = TypeDecl {
    name: "Jwt",
    kind: Kind::Class,
    bases: &[],
    docs: "A JSON Web Token whose signature was not checked.",
    members: &[
        m("string Algorithm", "`alg` of the header.", |_, a| Ok(text(jwt(a)?.header("alg")))),
        m("string Type", "`typ` of the header.", |_, a| Ok(text(jwt(a)?.header("typ")))),
        m("string Id", "The claim `jti`.", |_, a| Ok(text(jwt(a)?.first("jti")))),
        m("string Issuer", "The claim `iss`.", |_, a| Ok(text(jwt(a)?.first("iss")))),
        m("string Subject", "The claim `sub`.", |_, a| Ok(text(jwt(a)?.first("sub")))),
        m("IEnumerable<string> Audiences", "The claim `aud`.", |cx, a| {
            let items = jwt(a)?.claim("aud").unwrap_or_default();
            let items = items.iter().map(|item| Value::from(item.as_str())).collect();
            cx.state.array(Ty::STRING, items)
        }),
        m("IReadOnlyDictionary<string, string[]> Claims", "The claims.", |_, a| match a.get(0) {
            Value::Jwt(jwt) => Ok(Value::Claims(jwt.clone())),
            _ => Err(confusion()),
        }),
        m("DateTime? ExpirationTime", "The claim `exp`.", |_, a| Ok(time(jwt(a)?, "exp"))),
        m("DateTime? IssuedAt", "The claim `iat`.", |_, a| Ok(time(jwt(a)?, "iat"))),
        m("DateTime? NotBefore", "The claim `nbf`.", |_, a| Ok(time(jwt(a)?, "nbf"))),
    ],
    refused: &[],
};

fn member(a: &Args<'_>, index: usize) -> Result<Value, Exception> {
    match a.get(0) {
        Value::Record(record) => Ok(record.values.get(index).cloned().unwrap_or_default()),
        _ => Err(confusion()),
    }
}

pub(super) const BASIC: TypeDecl = TypeDecl {
    name: "BasicAuthCredentials",
    kind: Kind::Class,
    bases: &[],
    docs: "User and password of basic authentication.",
    members: &[
        m("string UserId", "The user.", |_, a| member(a, 0)),
        m("string Username", "The user.", |_, a| member(a, 0)),
        m("string Password", "The password.", |_, a| member(a, 1)),
    ],
    refused: &[],
};

pub(super) const AUTHORIZATION: TypeDecl = TypeDecl {
    name: "Authorization",
    kind: Kind::Class,
    bases: &[],
    docs: "What `get-authorization-context` stores.",
    members: &[
        m("string AccessToken", "The token.", |_, a| member(a, 0)),
        m("IReadOnlyDictionary<string, object> Claims", "Claims of the token.", |_, a| {
            member(a, 1)
        }),
    ],
    refused: &[],
};

/// What `AsBasic` reads: Latin-1 text, split at its last colon.
fn basic(text: Option<&str>) -> Value {
    let read = || {
        let encoded = text?.trim().strip_prefix("Basic ")?.trim();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let (user, password) = text.rsplit_once(':')?;
        let values = [Value::from(user), Value::from(password)];
        (!user.is_empty()).then(|| Value::record(Ty::Named(TypeId::BasicAuthCredentials), values))
    };
    read().unwrap_or_default()
}

pub(super) const EXTENSIONS: TypeDecl = TypeDecl {
    name: "CredentialExtensions",
    kind: Kind::Static,
    bases: &[],
    docs: "Credentials in text.",
    members: &[
        m("static Jwt AsJwt(this string input)", "The token in text, or null.", |_, a| {
            Ok(a.opt_str(0).and_then(Jwt::parse).map_or(Value::Null, Value::jwt))
        }),
        m(
            "static bool TryParseJwt(this string input, out Jwt result)",
            "The token in text, if it is one.",
            |_, a| {
                let read = a.opt_str(0).and_then(Jwt::parse);
                let found = read.is_some();
                a.set(1, read.map_or(Value::Null, Value::jwt));
                Ok(Value::Bool(found))
            },
        ),
        m(
            "static BasicAuthCredentials AsBasic(this string input)",
            "The credentials in text, or null.",
            |_, a| Ok(basic(a.opt_str(0))),
        ),
        m(
            "static bool TryParseBasic(this string input, out BasicAuthCredentials result)",
            "The credentials in text, if there are any.",
            |_, a| {
                let read = basic(a.opt_str(0));
                let found = !read.is_null();
                a.set(1, read);
                Ok(Value::Bool(found))
            },
        ),
    ],
    refused: &[],
};
