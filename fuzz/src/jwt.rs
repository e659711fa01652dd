//! Tokens: raw ones, of which only those that were really signed may be accepted; and headers and payloads that are signed
//! as they are written, whose verdict is compared with a slow one.

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_engine::Chain;
use tollgate_engine::jose::{Jwe, Jws, TokenHash};

use super::outside::NOW;
use super::plain_json::Json;
use super::request::{Exchange, chain};
use super::signer::{
    AUDIENCE, ISSUER, Key, SECRET, decryption_keys, encode, keys, published, sign, tokens,
};

/// Longest header, as Base64, and longest `kid`.
const MAX_HEADER: usize = 8 * 1024;
const MAX_KID: usize = 1024;
const MAX_TOKEN: usize = 64 * 1024;

/// Judges an input: a token; or, when it has two lines, header and payload to be signed.
pub(crate) fn verify(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.split_once('\n') {
        None => raw(text),
        Some((header, payload)) => signed(header, payload),
    }
}

fn raw(token: &str) {
    let is_ours = tokens().iter().any(|known| known == token);
    let keys = keys();
    if let Ok(jws) = Jws::parse(token) {
        assert!(is_ours || jws.verify(&keys).is_err(), "a forged token is accepted");
        let published = published();
        assert!(is_ours || published.verify(&jws, TokenHash::of(token)).is_err());
        assert!(is_ours || published.recall(TokenHash::of(token)).is_none());
        if jws.accept_unsigned().is_ok() {
            assert!(jws.header().alg() == "none" && token.ends_with('.'));
        }
    }
    if let Ok(jwe) = Jwe::parse(token) {
        assert!(is_ours || jwe.decrypt(&decryption_keys()).is_err(), "a forged token opens");
    }
    let through = passes_policy(token);
    // White space around a header's value is not part of it, nor is a scheme.
    let inner = token.trim_matches([' ', '\t']);
    let inner = match inner.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
        _ => inner,
    };
    let is_ours = tokens().iter().any(|known| known == inner);
    assert_eq!(through, is_ours, "what the policy says of a token that was not signed");
}

/// Signs what is written and compares the verdicts: of the signature, and of `validate-jwt`.
fn signed(header: &str, payload: &str) {
    let (key, name, id) = match () {
        () if header.contains("EdDSA") => (Key::Ed25519, "EdDSA", "ed"),
        () if header.contains("512") => (Key::Mac(hmac::HMAC_SHA512), "HS512", "mac"),
        () if header.contains("384") => (Key::Mac(hmac::HMAC_SHA384), "HS384", "mac"),
        () => (Key::Mac(hmac::HMAC_SHA256), "HS256", "mac"),
    };
    let token = sign(key, header, payload);
    let accepted = Jws::parse(&token).and_then(|jws| jws.verify(&keys()).map(drop)).is_ok();
    let fits = token.len() <= MAX_TOKEN && encode(header).len() <= MAX_HEADER;
    let claims = Json::read(payload).filter(|claims| matches!(claims, Json::Object(_)));
    let holds = fits && header_holds(header, name, id) && claims.is_some();
    assert_eq!(accepted, holds, "signature of {header} {payload}");
    let claims = claims.filter(|_| holds);
    let good = claims.is_some_and(|claims| claims_hold(&claims));
    assert_eq!(passes_policy(&token), good, "claims of {header} {payload}");
}

fn header_holds(header: &str, name: &str, id: &str) -> bool {
    let Some(header @ Json::Object(_)) = Json::read(header) else { return false };
    let fits = match header.get("kid") {
        None => true,
        Some(Json::Text(kid)) => kid.len() <= MAX_KID && kid == id,
        Some(_) => false,
    };
    let names_key = header.get("alg").and_then(Json::text) == Some(name);
    fits && names_key && header.get("crit").is_none() && header.get("b64").is_none()
}

/// What the policy below asks for.
fn claims_hold(claims: &Json) -> bool {
    let number = |name: &str| match claims.get(name) {
        None => Some(None),
        Some(Json::Number(number)) => Some(Some(*number)),
        Some(_) => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "times are far below where it begins")]
    let now = NOW as f64;
    let (Some(Some(exp)), Some(nbf), Some(_)) = (number("exp"), number("nbf"), number("iat"))
    else {
        return false;
    };
    let audience = match claims.get("aud") {
        Some(Json::Text(audience)) => audience == AUDIENCE,
        Some(Json::List(items)) => {
            let texts: Option<Vec<_>> = items.iter().map(Json::text).collect();
            texts.is_some_and(|texts| texts.contains(&AUDIENCE))
        }
        _ => false,
    };
    let scope = match claims.get("scp") {
        Some(Json::Text(scope)) => scope.split(' ').any(|scope| scope == "chat"),
        Some(Json::List(items)) => items.iter().any(|item| item.text() == Some("chat")),
        _ => false,
    };
    let issuer = claims.get("iss").and_then(Json::text) == Some(ISSUER);
    exp.floor() >= now && nbf.is_none_or(|nbf| nbf.ceil() <= now) && audience && scope && issuer
}

/// Whether `validate-jwt` lets a request with this token pass.
fn passes_policy(token: &str) -> bool {
    static CHAIN: OnceLock<Chain> = OnceLock::new();
    let chain = CHAIN.get_or_init(|| {
        let (mac, seal) = (STANDARD.encode(SECRET), "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=");
        chain(&format!(
            r#"<policies><inbound><validate-jwt header-name="Authorization">
                <openid-config url="https://issuer.example/.well-known/openid-configuration" />
                <issuer-signing-keys><key id="mac">{mac}</key></issuer-signing-keys>
                <decryption-keys><key id="seal">{seal}</key></decryption-keys>
                <audiences><audience>{AUDIENCE}</audience></audiences>
                <required-claims><claim name="scp" separator=" "><value>chat</value></claim></required-claims>
            </validate-jwt></inbound><backend><forward-request /></backend></policies>"#
        ))
    });
    let mut exchange = Exchange::default();
    let Ok(value) = http::HeaderValue::from_str(&format!("Bearer {token}")) else { return false };
    exchange.headers.insert(http::header::AUTHORIZATION, value);
    let ended = exchange.run(chain);
    !ended.forwarded.is_empty()
}
