//! Keys that are the same in every run, and tokens that they signed and sealed.

use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tollgate_engine::jose::{DecryptionKey, KeySet, VerificationKey};

use super::outside::NOW;

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "api://chat";

/// A secret of 64 bytes, for all three algorithms of HMAC.
pub(crate) const SECRET: &[u8] =
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const SEAL: &[u8] = b"abcdef0123456789abcdef0123456789";

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pair() -> &'static Ed25519KeyPair {
    static PAIR: OnceLock<Ed25519KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap())
}

/// The public key, as its publisher would write it.
pub(crate) fn jwk() -> Map<String, Value> {
    let x = encode(pair().public_key());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "x": x });
    jwk.as_object().unwrap().clone()
}

/// The keys that an issuer publishes.
pub(crate) fn published() -> KeySet {
    let configuration = json!({ "issuer": ISSUER, "jwks_uri": "https://issuer.example/keys" });
    let jwks = json!({ "keys": [jwk()] });
    KeySet::from_documents(configuration.to_string().as_bytes(), jwks.to_string().as_bytes(), 1)
        .unwrap()
}

/// A secret that an author wrote down, and the issuer's key.
pub(crate) fn keys() -> Vec<VerificationKey> {
    vec![
        VerificationKey::from_symmetric(Some("mac".to_owned()), SECRET).unwrap(),
        VerificationKey::from_jwk(&jwk()).unwrap(),
    ]
}

pub(crate) fn decryption_keys() -> Vec<DecryptionKey> {
    vec![DecryptionKey::from_symmetric(Some("seal".to_owned()), SEAL).unwrap()]
}

/// Claims that every rule of the policies under test likes.
pub(crate) fn good_claims() -> String {
    let (from, to) = (NOW - 60, NOW + 600);
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "scp": "chat", "nbf": from, "exp": to })
        .to_string()
}

/// How a header and a payload are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Mac(hmac::Algorithm),
    Ed25519,
}

/// Signs header and payload as they are written.
pub(crate) fn sign(key: Key, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = match key {
        Key::Mac(algorithm) => {
            encode(hmac::sign(&hmac::Key::new(algorithm, SECRET), input.as_bytes()))
        }
        Key::Ed25519 => encode(pair().sign(input.as_bytes())),
    };
    format!("{input}.{signature}")
}

fn seal(content: &str) -> String {
    let header = encode(r#"{"alg":"dir","enc":"A256GCM","kid":"seal"}"#);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, SEAL).unwrap());
    let mut sealed = content.as_bytes().to_vec();
    let iv = [9; 12];
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&header), &mut sealed).unwrap();
    format!("{header}..{}.{}.{}", encode(iv), encode(sealed), encode(tag))
}

/// All tokens of the fixed keys that are used anywhere: what else is accepted was made by somebody else. The last one is
/// encrypted.
pub(crate) fn tokens() -> &'static [String] {
    static TOKENS: OnceLock<Vec<String>> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let claims = good_claims();
        let mac = sign(Key::Mac(hmac::HMAC_SHA256), r#"{"alg":"HS256","kid":"mac"}"#, &claims);
        let mac512 = sign(Key::Mac(hmac::HMAC_SHA512), r#"{"alg":"HS512"}"#, &claims);
        let ed = sign(Key::Ed25519, r#"{"alg":"EdDSA","typ":"JWT","kid":"ed"}"#, &claims);
        let sealed = seal(&ed);
        vec![mac, mac512, ed, sealed]
    })
}
