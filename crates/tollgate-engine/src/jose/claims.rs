//! The content of a signed token.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use tollgate_expr::Jwt;

use super::json::parse_strict_json;
use super::{Header, JoseError};

/// Header and claims of a token.
#[derive(Clone)]
pub struct Claims {
    header: Arc<Header>,
    members: Map<String, Value>,
    /// As expressions see the token; made when a policy first asks for it.
    jwt: OnceLock<Option<Arc<Jwt>>>,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claims describe people.
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

impl Claims {
    /// Reads a payload; a repeated member at any depth makes it malformed.
    pub fn read(header: Arc<Header>, payload: &[u8]) -> Result<Self, JoseError> {
        let wrong = JoseError::Malformed("the payload is not a JSON object with distinct members");
        let members = parse_strict_json(payload).ok_or(wrong)?;
        Ok(Self { header, members, jwt: OnceLock::new() })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A claim; null counts as absent, as it does for .NET.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// All claims, in order.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The token as expressions see it.
    pub fn jwt(&self) -> Option<Arc<Jwt>> {
        let make = || {
            let header = Value::Object(self.header.members().clone());
            Jwt::from_parts(&header, &Value::Object(self.members.clone())).map(Arc::new)
        };
        self.jwt.get_or_init(make).clone()
    }
}
