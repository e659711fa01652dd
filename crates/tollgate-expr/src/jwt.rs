//! JSON Web Tokens as `Jwt` shows them. Nothing here verifies a signature.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde_json::{Map, Value as Json};

/// Longest token that is read; longer text is not a token.
const LONGEST: usize = 1 << 20;

/// A token's header and claims.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwt {
    token: String,
    header: Map<String, Json>,
    claims: Vec<(String, Vec<String>)>,
    payload: Map<String, Json>,
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Claims describe people and the token is a credential.
        f.debug_struct("Jwt").finish_non_exhaustive()
    }
}

impl Jwt {
    /// What `AsJwt` does: reads a token in compact form, with or without `Bearer ` before it.
    pub fn parse(text: &str) -> Option<Jwt> {
        const SCHEME: &str = "Bearer ";
        let text = text.trim();
        let token = match text.get(..SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => text.get(SCHEME.len()..)?.trim(),
            _ => text,
        };
        if token.len() > LONGEST {
            return None;
        }
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        decode(signature)?;
        let header = serde_json::from_slice::<Json>(&decode(header)?).ok()?;
        let payload = serde_json::from_slice::<Json>(&decode(payload)?).ok()?;
        let mut jwt = Self::from_parts(&header, &payload)?;
        token.clone_into(&mut jwt.token);
        Some(jwt)
    }

    /// A token of a decoded header and payload; none unless both are objects.
    pub fn from_parts(header: &Json, payload: &Json) -> Option<Jwt> {
        let (header, payload) = (header.as_object()?.clone(), payload.as_object()?.clone());
        let claims = payload.iter().map(|(name, value)| (name.clone(), claim_values(value)));
        Some(Jwt { token: String::new(), claims: claims.collect(), header, payload })
    }

    /// The compact form it was read from; empty when it was made of parts.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The claims in order: arrays give a value per element, everything else one.
    pub fn claims(&self) -> &[(String, Vec<String>)] {
        &self.claims
    }

    /// The values of a claim.
    pub fn claim(&self, name: &str) -> Option<&[String]> {
        self.claims.iter().find(|(key, _)| key == name).map(|(_, values)| values.as_slice())
    }

    /// The first value of a claim.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.claim(name)?.first().map(String::as_str)
    }

    /// A text member of the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A time claim, in seconds since 1970.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        match self.payload.get(name)? {
            #[expect(clippy::cast_possible_truncation, reason = "saturates, and dates are bounded")]
            Json::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|n| n as i64)),
            Json::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

fn claim_values(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().map(claim_text).collect(),
        Json::Null => Vec::new(),
        other => vec![claim_text(other)],
    }
}

fn claim_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);
    ENGINE.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_leniently_and_others_refused() {
        let token =
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSIsInJvbGVzIjpbImEiLCJiIl0sImV4cCI6MTd9.c2ln";
        for text in [token.to_owned(), format!("Bearer {token}"), format!("bearer {token}")] {
            let jwt = Jwt::parse(&text).unwrap();
            assert_eq!(jwt.first("sub"), Some("u1"));
            assert_eq!(jwt.claim("roles").map(<[String]>::len), Some(2));
            assert_eq!((jwt.header("alg"), jwt.seconds("exp")), (Some("HS256"), Some(17)));
            assert_eq!(jwt.token(), token);
        }
        for text in ["", "a.b", "a.b.c", "Basic abc", "e30.W10.", "a.b.c.d"] {
            assert_eq!(Jwt::parse(text), None, "{text}");
        }
    }
}
