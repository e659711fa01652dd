//! Runs each vector the way a policy would.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tollgate_engine::jose::{DecryptionKey, JoseError, Jwe, Jws, KeySet, VerificationKey};

#[test]
fn nothing_invalid_is_accepted() {
    let Some(directory) = std::env::var_os("TOLLGATE_WYCHEPROOF") else {
        println!("TOLLGATE_WYCHEPROOF is not set: the Wycheproof vectors were not run");
        return;
    };
    let directory = Path::new(&directory);
    for (file, run) in [
        ("json_web_signature_test.json", signature as fn(&Value, &Value) -> Result<(), String>),
        ("json_web_key_test.json", signature),
        ("json_web_encryption_test.json", encryption),
    ] {
        check(&directory.join(file), run);
    }
}

fn check(file: &Path, run: fn(&Value, &Value) -> Result<(), String>) {
    let vectors: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    let mut refused_valid: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut accepted_invalid, mut contradictory) = (Vec::new(), Vec::new());
    for group in vectors["testGroups"].as_array().unwrap() {
        // A few tokens stand in the vectors twice, once as valid and once as invalid.
        let valid = |token: &Value| {
            let tests = group["tests"].as_array().unwrap();
            tests.iter().any(|test| test["result"] == "valid" && test["jws"] == *token)
        };
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            match (test["result"].as_str().unwrap(), run(group, test)) {
                ("valid", Ok(())) => accepted += 1,
                ("valid", Err(why)) => refused_valid.entry(why).or_default().push(id),
                ("invalid", Ok(())) if valid(&test["jws"]) => contradictory.push(id),
                ("invalid", Ok(())) => accepted_invalid.push(id),
                _ => refused += 1,
            }
        }
    }
    println!(
        "{}: {accepted} valid accepted, {refused} invalid refused",
        file.file_name().unwrap().display()
    );
    if !contradictory.is_empty() {
        println!("  the same token is valid and invalid: {contradictory:?}");
    }
    for (why, ids) in refused_valid {
        println!("  {} valid refused, {why}: {ids:?}", ids.len());
    }
    assert!(accepted_invalid.is_empty(), "invalid accepted: {accepted_invalid:?}");
}

fn text_error(error: JoseError) -> String {
    error.to_string()
}

/// Verifies with the public key, which for symmetric keys is the private one; a set of several keys is read as an
/// issuer publishes it.
fn signature(group: &Value, test: &Value) -> Result<(), String> {
    let published = group.get("public").unwrap_or(&group["private"]);
    let token = test["jws"].as_str().ok_or("the token is not in compact form")?;
    let jws = Jws::parse(token).map_err(text_error)?;
    let verified = match published.get("keys").and_then(Value::as_array) {
        Some(keys) if keys.len() > 1 => {
            let configuration =
                br#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"}"#;
            let set = KeySet::from_documents(configuration, published.to_string().as_bytes(), 1)?;
            jws.verify_payload(set.keys())
        }
        Some(keys) => {
            jws.verify_payload(&[VerificationKey::from_jwk(keys[0].as_object().unwrap())?])
        }
        None => jws.verify_payload(&[VerificationKey::from_jwk(published.as_object().unwrap())?]),
    };
    verified.map(drop).map_err(text_error)
}

fn encryption(group: &Value, test: &Value) -> Result<(), String> {
    let jwk = group["private"].as_object().unwrap();
    let token = test["jwe"].as_str().ok_or("the token is not in compact form")?;
    let jwe = Jwe::parse(token).map_err(text_error)?;
    // What the key says of itself is the author's choice of key here; a token that names another algorithm is refused.
    let named = jwk["alg"].as_str().unwrap();
    let direct = jwe.header().alg() == "dir" && jwe.header().members()["enc"] == *named;
    if jwe.header().alg() != named && !direct {
        return Err("the token names another algorithm than the key".to_owned());
    }
    let key = match jwk["kty"].as_str().unwrap() {
        "oct" => DecryptionKey::from_symmetric(None, &bytes(jwk, "k"))?,
        "RSA" => DecryptionKey::from_pkcs8(None, &pkcs8(jwk))?,
        _ => return Err("the key is of a type that decryption does not use".to_owned()),
    };
    let content = jwe.decrypt([&key]).map_err(text_error)?;
    match test.get("pt").and_then(Value::as_str) {
        Some(expected) if !same(&content, expected) => Err("the content differs".to_owned()),
        _ => Ok(()),
    }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
}

fn same(content: &[u8], hex: &str) -> bool {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap();
    let expected = hex.as_bytes().chunks(2).map(|pair| digit(&pair[0]) * 16 + digit(&pair[1]));
    content.iter().map(|byte| u32::from(*byte)).eq(expected)
}

fn pkcs8(jwk: &Map<String, Value>) -> Vec<u8> {
    let part = |name| bytes(jwk, name);
    let public_key = PublicKeyComponents { n: part("n"), e: part("e") };
    let components = KeyPairComponents {
        public_key,
        d: part("d"),
        p: part("p"),
        q: part("q"),
        dP: part("dp"),
        dQ: part("dq"),
        qInv: part("qi"),
    };
    let key = KeyPair::from_components(&components).unwrap();
    key.as_der().unwrap().as_ref().to_vec()
}
