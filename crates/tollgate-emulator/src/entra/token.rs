//! Minting tokens: proper ones in Entra's shape, and every improper one that a test needs.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::EmulatorError;
use crate::entra::keys::{CurveKey, SigningKey};
use crate::ids::{guid, random};

/// The two shapes of Entra's access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenVersion {
    /// `ver` 1.0: issuer of `sts.windows.net`, `appid`, audience as asked for.
    V1,
    /// `ver` 2.0: issuer ending in `/v2.0`, `azp`, audience the API's client id.
    #[default]
    V2,
}

/// How a token is signed.
#[derive(Clone, Debug, Default)]
pub enum Signature {
    /// RS256 with the issuer's current key, or the one of [`TokenSpec::signed_by`]: what Entra does.
    #[default]
    Rs256,
    /// RS384 with the same key.
    Rs384,
    /// RS512 with the same key.
    Rs512,
    /// PS256 with the same key.
    Ps256,
    /// ES256 with the issuer's elliptic curve key, which is published only on demand.
    Es256,
    /// HS256 with this secret; with the issuer's public key in PEM it is the RS/HS confusion attack.
    Hs256(Vec<u8>),
    /// `alg` is `none` and there is no signature.
    None,
    /// RS256 by a key that nobody published, under the `kid` of the current key.
    WrongKey,
    /// A proper RS256 signature with one bit turned.
    Corrupt,
}

/// What a token shall say. Starts as a proper application token; every part can be changed or taken away.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TokenSpec {
    pub(crate) version: TokenVersion,
    pub(crate) tenant: Option<String>,
    pub(crate) audience: String,
    pub(crate) issuer: Option<String>,
    pub(crate) app: Option<String>,
    /// Seconds from now to `iat` and `nbf`.
    pub(crate) starts_in: i64,
    /// Seconds from now to `exp`.
    pub(crate) ends_in: Option<i64>,
    pub(crate) claims: Vec<(String, Option<Value>)>,
    pub(crate) headers: Vec<(String, Option<Value>)>,
    pub(crate) signature: Signature,
    pub(crate) key: Option<Arc<SigningKey>>,
}

impl TokenSpec {
    /// A version 2.0 token for `audience`, usually the API's client id.
    pub fn v2(audience: impl Into<String>) -> Self {
        Self { audience: audience.into(), ..Self::default() }
    }

    /// A version 1.0 token for `audience`, usually a resource URI.
    pub fn v1(audience: impl Into<String>) -> Self {
        Self { version: TokenVersion::V1, ..Self::v2(audience) }
    }

    /// Issued by this tenant (GUID) instead of the first one.
    pub fn tenant(mut self, id: impl Into<String>) -> Self {
        self.tenant = Some(id.into());
        self
    }

    /// With this `iss` whatever the tenant is.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// For this client application: `azp`, or `appid` in version 1.0.
    pub fn app(mut self, client_id: impl Into<String>) -> Self {
        self.app = Some(client_id.into());
        self
    }

    /// With these app roles.
    pub fn roles<'a>(self, roles: impl IntoIterator<Item = &'a str>) -> Self {
        let roles: Vec<&str> = roles.into_iter().collect();
        self.claim("roles", json!(roles))
    }

    /// A user's token with these scopes, separated by spaces.
    pub fn scopes(self, scopes: &str) -> Self {
        let spec = self.claim("scp", json!(scopes)).claim("name", json!("Adele Vance"));
        match spec.version {
            TokenVersion::V1 => spec
                .claim("upn", json!("adele@contoso.example"))
                .claim("unique_name", json!("adele@contoso.example")),
            TokenVersion::V2 => spec.claim("preferred_username", json!("adele@contoso.example")),
        }
    }

    /// Sets a claim to any JSON.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a claim away.
    pub fn without(mut self, name: impl Into<String>) -> Self {
        self.claims.push((name.into(), None));
        self
    }

    /// Sets a header parameter to any JSON, `alg` and `kid` included.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.headers.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a header parameter away.
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push((name.into(), None));
        self
    }

    /// Good from now for this long.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.ends_in = Some(seconds(lifetime));
        self
    }

    /// Good for an hour until this long ago.
    pub fn expired(mut self, ago: Duration) -> Self {
        let ago = seconds(ago);
        self.starts_in = -3_600 - ago;
        self.ends_in = Some(-ago);
        self
    }

    /// Good for an hour from this long in the future.
    pub fn not_yet(mut self, ahead: Duration) -> Self {
        self.starts_in = seconds(ahead);
        self.ends_in = Some(3_600 + seconds(ahead));
        self
    }

    /// Signed in this way.
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }

    /// Signed by this key, whether the issuer publishes it or not.
    pub fn signed_by(mut self, key: Arc<SigningKey>) -> Self {
        self.key = Some(key);
        self
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2)
}

/// What the issuer adds to a [`TokenSpec`].
#[derive(Debug)]
pub(crate) struct Issue<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) issuer: &'a str,
    /// The version 1.0 issuer, which `idp` names.
    pub(crate) idp: &'a str,
    pub(crate) now: i64,
    /// Seconds, for a spec that does not say.
    pub(crate) lifetime: i64,
}

/// The claims of `spec`.
pub(crate) fn claims(spec: &TokenSpec, issue: &Issue<'_>) -> Value {
    let start = issue.now + spec.starts_in;
    let principal = guid();
    let mut claims = json!({
        "aud": spec.audience,
        "iss": spec.issuer.as_deref().unwrap_or(issue.issuer),
        "iat": start,
        "nbf": start,
        "exp": issue.now + spec.ends_in.unwrap_or(issue.lifetime),
        "aio": URL_SAFE_NO_PAD.encode(random::<24>()),
    });
    let app = spec.app.clone().unwrap_or_else(guid);
    let rest = match spec.version {
        TokenVersion::V1 => json!({
            "appid": app, "appidacr": "1", "idp": issue.idp, "oid": principal,
            "rh": format!("0.{}", URL_SAFE_NO_PAD.encode(random::<18>())),
            "sub": principal, "tid": issue.tenant, "uti": URL_SAFE_NO_PAD.encode(random::<16>()), "ver": "1.0",
        }),
        TokenVersion::V2 => json!({
            "azp": app, "azpacr": "1", "oid": principal,
            "rh": format!("0.{}", URL_SAFE_NO_PAD.encode(random::<18>())),
            "sub": principal, "tid": issue.tenant, "uti": URL_SAFE_NO_PAD.encode(random::<16>()), "ver": "2.0",
        }),
    };
    if let (Value::Object(claims), Value::Object(rest)) = (&mut claims, rest) {
        claims.extend(rest);
        edit(claims, &spec.claims);
    }
    claims
}

/// The header of `spec` for a signature by the key `kid`.
pub(crate) fn header(spec: &TokenSpec, kid: &str) -> Value {
    let mut header = Map::new();
    header.insert("typ".to_owned(), json!("JWT"));
    header.insert("alg".to_owned(), json!(spec.signature.algorithm()));
    if spec.version == TokenVersion::V1 {
        header.insert("x5t".to_owned(), json!(kid));
    }
    header.insert("kid".to_owned(), json!(kid));
    edit(&mut header, &spec.headers);
    Value::Object(header)
}

fn edit(object: &mut Map<String, Value>, edits: &[(String, Option<Value>)]) {
    for (name, value) in edits {
        match value {
            Some(value) => {
                object.insert(name.clone(), value.clone());
            }
            None => {
                object.shift_remove(name);
            }
        }
    }
}

/// The keys that [`sign`] may need.
#[derive(Debug)]
pub(crate) struct Signers<'a> {
    pub(crate) current: &'a SigningKey,
    pub(crate) curve: &'a CurveKey,
    pub(crate) wrong: &'a SigningKey,
}

impl Signature {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256 | Self::WrongKey | Self::Corrupt => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Hs256(_) => "HS256",
            Self::None => "none",
        }
    }
}

/// `header.claims.signature` over exactly these texts, which need not even be JSON.
pub(crate) fn sign(
    header: &str,
    claims: &str,
    signature: &Signature,
    signers: &Signers<'_>,
) -> Result<String, EmulatorError> {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let bytes = match signature {
        Signature::None => Vec::new(),
        Signature::Rs256 => rsa(signers.current, &RSA_PKCS1_SHA256, &signed)?,
        Signature::Rs384 => rsa(signers.current, &RSA_PKCS1_SHA384, &signed)?,
        Signature::Rs512 => rsa(signers.current, &RSA_PKCS1_SHA512, &signed)?,
        Signature::Ps256 => rsa(signers.current, &RSA_PSS_SHA256, &signed)?,
        Signature::WrongKey => rsa(signers.wrong, &RSA_PKCS1_SHA256, &signed)?,
        Signature::Corrupt => {
            let mut bytes = rsa(signers.current, &RSA_PKCS1_SHA256, &signed)?;
            if let Some(byte) = bytes.get_mut(17) {
                *byte ^= 0x10;
            }
            bytes
        }
        Signature::Es256 => {
            let signed = signers.curve.pair.sign(&SystemRandom::new(), signed.as_bytes());
            signed.map_err(|_| EmulatorError::Key)?.as_ref().to_vec()
        }
        Signature::Hs256(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        }
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn rsa(
    key: &SigningKey,
    encoding: &'static dyn RsaEncoding,
    text: &str,
) -> Result<Vec<u8>, EmulatorError> {
    let mut signature = vec![0; key.pair().public_modulus_len()];
    key.pair()
        .sign(encoding, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| EmulatorError::Key)?;
    Ok(signature)
}
