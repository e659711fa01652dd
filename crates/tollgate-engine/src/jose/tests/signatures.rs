//! Signatures: every algorithm round trips; every known trick is refused.

use aws_lc_rs::signature::Ed25519KeyPair;
use serde_json::json;

use super::signer::{Signer, encode, map, rsa, rsa_jwk};
use crate::jose::{
    JoseError, Jws, KeySet, OpenIdConfiguration, SignedBy, TokenHash, VerificationKey,
};

fn verify(token: &str, keys: &[VerificationKey]) -> Result<String, JoseError> {
    let verified = Jws::parse(token)?.verify_payload(keys)?;
    Ok(String::from_utf8(verified.get().clone()).unwrap())
}

#[test]
fn every_algorithm_round_trips_and_only_its_own_family_verifies() {
    let signers = [
        (Signer::Rsa, vec!["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (Signer::ec("P-256"), vec!["ES256"]),
        (Signer::ec("P-384"), vec!["ES384"]),
        (Signer::ec("P-521"), vec!["ES512"]),
        (Signer::Ed(Ed25519KeyPair::generate().unwrap()), vec!["EdDSA"]),
        (Signer::Mac(vec![7; 64]), vec!["HS256", "HS384", "HS512"]),
    ];
    let all: Vec<&str> = signers.iter().flat_map(|(_, algorithms)| algorithms.clone()).collect();
    for (signer, own) in &signers {
        let key = VerificationKey::from_jwk(&signer.jwk()).unwrap();
        assert_eq!(key.algorithms().map(super::super::Algorithm::name).collect::<Vec<_>>(), *own);
        let keys = [key];
        for alg in own {
            let header = format!(r#"{{"alg":"{alg}"}}"#);
            let token = signer.token(&header, alg, "{}");
            assert_eq!(verify(&token, &keys), Ok("{}".to_owned()), "{alg}");
            for other in &all {
                if other != alg {
                    let relabelled = signer.token(&format!(r#"{{"alg":"{other}"}}"#), alg, "{}");
                    assert!(verify(&relabelled, &keys).is_err(), "{alg} as {other}");
                }
            }
            // Each bit of the signature counts: damage the first, a middle and the last byte, shorten, lengthen.
            let input = format!("{}.{}", encode(&header), encode("{}"));
            let signature = signer.signature(alg, input.as_bytes());
            let n = signature.len();
            let mut damaged: Vec<Vec<u8>> = vec![
                vec![],
                signature[..n - 1].to_vec(),
                [&signature[..], &[0]].concat(),
                vec![0; n],
            ];
            for at in [0, n / 2, n - 1] {
                let mut copy = signature.clone();
                copy[at] ^= 1;
                damaged.push(copy);
            }
            for bad in damaged {
                let token = format!("{input}.{}", encode(&bad));
                assert_eq!(verify(&token, &keys), Err(JoseError::Signature), "{alg} {bad:?}");
            }
        }
    }
}

#[test]
fn a_public_key_is_never_a_secret() {
    let public = rsa_jwk();
    let key = VerificationKey::from_jwk(&public).unwrap();
    let der = aws_lc_rs::signature::KeyPair::public_key(rsa()).as_ref().to_vec();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(&der));
    for secret in [der.clone(), pem.into_bytes(), public["n"].as_str().unwrap().as_bytes().to_vec()]
    {
        let token = Signer::Mac(secret).token(r#"{"alg":"HS256"}"#, "HS256", "{}");
        assert_eq!(verify(&token, std::slice::from_ref(&key)), Err(JoseError::NoKey));
    }
}

#[test]
fn damaged_and_hostile_tokens_are_refused() {
    let keys = [VerificationKey::from_jwk(&rsa_jwk()).unwrap()];
    let good = Signer::Rsa.token(r#"{"alg":"RS256"}"#, "RS256", "{}");
    assert!(verify(&good, &keys).is_ok());
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let long = "A".repeat(70_000);
    let shapes = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature} "),
        format!(" {header}.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}+"),
        format!("{header}.{payload}\n.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{long}"),
        long,
    ];
    for token in shapes {
        assert!(verify(&token, &keys).is_err(), "{token:.80}");
    }
    let headers = [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"nOnE"}"#,
        r#"{"alg":"NONE"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"rs256"}"#,
        r#"{"alg":"RS256 "}"#,
        r#"{"alg":"RS1"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"alg":256}"#,
        "{}",
        "[]",
        "\"RS256\"",
        "",
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"none","alg":"RS256"}"#,
        r#"{"alg":"RS256","crit":["exp"]}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","crit":null}"#,
        r#"{"alg":"RS256","b64":false}"#,
        r#"{"alg":"RS256","b64":true}"#,
        r#"{"alg":"RS256","kid":7}"#,
        r#"{"alg":"RS256","kid":null}"#,
        r#"{"alg":"RS256","x":{"a":1,"a":2}}"#,
        r#"{"alg":"RS256"} {}"#,
        r#"{"alg":"RS256",}"#,
    ];
    for header in headers {
        assert!(verify(&Signer::Rsa.token(header, "RS256", "{}"), &keys).is_err(), "{header}");
    }
    let kid = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(1025));
    assert!(matches!(
        verify(&Signer::Rsa.token(&kid, "RS256", "{}"), &keys),
        Err(JoseError::Malformed(_))
    ));
    let big = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(8000));
    assert!(matches!(
        verify(&Signer::Rsa.token(&big, "RS256", "{}"), &keys),
        Err(JoseError::Malformed(_))
    ));
}

#[test]
fn keys_inside_the_header_are_not_keys() {
    let own = Signer::ec("P-256");
    let attacker = Signer::ec("P-256");
    let keys = [VerificationKey::from_jwk(&own.jwk()).unwrap()];
    let jwk = serde_json::Value::Object(attacker.jwk());
    for member in [
        json!({ "alg": "ES256", "jwk": jwk }),
        json!({ "alg": "ES256", "jku": "https://attacker.example/keys" }),
        json!({ "alg": "ES256", "x5u": "https://attacker.example/cert" }),
        json!({ "alg": "ES256", "x5c": ["MIIB"] }),
    ] {
        let header = member.to_string();
        assert_eq!(
            verify(&attacker.token(&header, "ES256", "{}"), &keys),
            Err(JoseError::Signature),
            "{header}"
        );
        assert!(verify(&own.token(&header, "ES256", "{}"), &keys).is_ok(), "{header}");
    }
}

#[test]
fn unsigned_tokens_need_asking_for_and_an_empty_signature() {
    let bare = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode("{}"));
    let keys = [VerificationKey::from_jwk(&rsa_jwk()).unwrap()];
    assert_eq!(verify(&bare, &keys), Err(JoseError::Unsigned));
    let accepted = Jws::parse(&bare).unwrap().accept_unsigned().unwrap();
    assert_eq!(*accepted.signed_by(), SignedBy::Nobody);
    for other in [
        format!("{bare}AAAA"),
        format!("{}.{}.", encode(r#"{"alg":"None"}"#), encode("{}")),
        Signer::Rsa.token(r#"{"alg":"RS256"}"#, "RS256", "{}"),
    ] {
        assert_eq!(
            Jws::parse(&other).unwrap().accept_unsigned().unwrap_err(),
            JoseError::Signature,
            "{other}"
        );
    }
}

#[test]
fn kid_chooses_exactly() {
    let mut named = rsa_jwk();
    named.insert("kid".to_owned(), json!("one"));
    named.insert("issuer".to_owned(), json!("https://login.example/{tenantid}/v2.0"));
    let keys = [VerificationKey::from_jwk(&named).unwrap()];
    let token = |kid: &str| {
        Signer::Rsa.token(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), "RS256", "{}")
    };
    for unknown in ["two", "ONE", "one ", "../one", "' OR 1=1 --", ""] {
        assert_eq!(verify(&token(unknown), &keys), Err(JoseError::NoKey), "{unknown}");
    }
    let verified = Jws::parse(&token("one")).unwrap().verify(&keys).unwrap();
    let issuer = Some("https://login.example/{tenantid}/v2.0".to_owned());
    assert_eq!(*verified.signed_by(), SignedBy::Key { id: Some("one".to_owned()), issuer });
    // A key without an identifier serves any `kid`, and a token without one is tried with every key.
    let anonymous = [VerificationKey::from_jwk(&rsa_jwk()).unwrap()];
    assert!(verify(&token("two"), &anonymous).is_ok());
    assert!(verify(&Signer::Rsa.token(r#"{"alg":"RS256"}"#, "RS256", "{}"), &keys).is_ok());
}

#[test]
fn malformed_keys_are_refused() {
    let ec = Signer::ec("P-256").jwk();
    let with = |jwk: &serde_json::Map<_, _>, name: &str, value: serde_json::Value| {
        let mut copy = jwk.clone();
        copy.insert(name.to_owned(), value);
        copy
    };
    let rsa = rsa_jwk();
    let cases = [
        with(&rsa, "use", json!("enc")),
        with(&rsa, "use", json!(null)),
        with(&rsa, "key_ops", json!(["encrypt"])),
        with(&rsa, "key_ops", json!("verify")),
        with(&rsa, "alg", json!("RSA-OAEP")),
        with(&rsa, "alg", json!("HS256")),
        with(&rsa, "alg", json!("ES256")),
        with(&rsa, "alg", json!(256)),
        with(&rsa, "e", json!("AQ")),
        with(&rsa, "e", json!("Ag")),
        with(&rsa, "e", json!("")),
        with(&rsa, "e", json!("AQABAQABAQ")),
        with(&rsa, "n", json!(encode([0xc1; 128]))),
        with(&rsa, "n", json!(encode([0xc1; 1025]))),
        with(&rsa, "n", json!(encode([0xc2; 256]))),
        with(&rsa, "n", json!("not base64!")),
        with(&rsa, "kty", json!("EC")),
        with(&rsa, "kty", json!("rsa")),
        with(&rsa, "kid", json!("k".repeat(1025))),
        with(&ec, "crv", json!("P-384")),
        with(&ec, "crv", json!("secp256k1")),
        with(&ec, "y", ec["x"].clone()),
        with(&ec, "x", json!(encode([0; 33]))),
        with(&ec, "alg", json!("ES384")),
        map(json!({ "kty": "oct", "k": encode([1; 31]) })),
        map(json!({ "kty": "oct", "k": encode([1; 47]), "alg": "HS384" })),
        map(json!({ "kty": "oct", "k": "" })),
        map(json!({ "kty": "OKP", "crv": "X25519", "x": encode([1; 32]) })),
        map(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode([1; 31]) })),
        map(json!({ "kty": 1 })),
        map(json!({})),
    ];
    for jwk in cases {
        assert!(VerificationKey::from_jwk(&jwk).is_err(), "{jwk:?}");
    }
}

#[test]
fn a_key_of_the_weak_generator_is_refused() {
    // A product of the small primes times k, plus a power of 65537, has the fingerprint without being a real key.
    let mut modulus = vec![0u8; 256];
    modulus[0] = 0x80;
    let primes = [11u32, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    let mut product: u128 = primes.iter().map(|prime| u128::from(*prime)).product();
    product *= 2;
    // Bring the low 16 bytes to 1 modulo every prime and modulo 2.
    let rest = modulus.iter().fold(0u128, |rest, byte| (rest * 256 + u128::from(*byte)) % product);
    let low = (product - rest + 1) % product;
    modulus[240..].copy_from_slice(&low.to_be_bytes());
    let error = VerificationKey::from_modulus(None, &encode(&modulus), "AQAB").unwrap_err();
    assert!(error.contains("CVE-2017-15361"), "{error}");
}

#[test]
fn key_sets_take_what_can_verify_and_tolerate_the_rest() {
    let configuration =
        json!({ "issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys" });
    let entra = |kid: &str| {
        let mut jwk = rsa_jwk();
        jwk.insert("kid".to_owned(), json!(kid));
        jwk.insert("use".to_owned(), json!("sig"));
        jwk.insert("x5c".to_owned(), json!(["MIIC"]));
        serde_json::Value::Object(jwk)
    };
    let jwks = json!({ "keys": [
        entra("a"), { "kty": "AKP", "alg": "ML-DSA-44" }, { "kty": "EC", "crv": "secp256k1" }, 7, entra("b"),
        { "kty": "oct", "k": encode([1; 64]), "kid": "secret" },
    ] });
    let set = KeySet::from_documents(
        configuration.to_string().as_bytes(),
        jwks.to_string().as_bytes(),
        3,
    )
    .unwrap();
    assert_eq!(
        (set.issuer(), set.generation(), set.keys().len()),
        (Some("https://issuer.example"), 3, 2)
    );
    assert!(set.has_key("b") && !set.has_key("secret") && !set.has_key("B"));

    let many = json!({ "keys": vec![entra("x"); 300] }).to_string();
    let set =
        KeySet::from_documents(configuration.to_string().as_bytes(), many.as_bytes(), 1).unwrap();
    assert_eq!(set.keys().len(), 256);

    for (configuration, jwks) in [
        ("", "{}"),
        ("[]", r#"{"keys":[]}"#),
        (r#"{"issuer":"i"}"#, r#"{"keys":[]}"#),
        (r#"{"issuer":"","jwks_uri":"u"}"#, r#"{"keys":[]}"#),
        (r#"{"issuer":"i","jwks_uri":"u"}"#, "{}"),
        (r#"{"issuer":"i","jwks_uri":"u"}"#, r#"{"keys":{}}"#),
    ] {
        assert!(
            KeySet::from_documents(configuration.as_bytes(), jwks.as_bytes(), 1).is_err(),
            "{configuration}"
        );
    }
    let parsed = OpenIdConfiguration::parse(configuration.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.jwks_uri, "https://issuer.example/keys");
}

#[test]
fn what_is_remembered_is_bounded_and_belongs_to_its_keys() {
    let signer = Signer::Mac(vec![7; 32]);
    let set = KeySet::new(vec![VerificationKey::from_jwk(&signer.jwk()).unwrap()]);
    let other = KeySet::new(Vec::new());
    for n in 0..12_000 {
        let token = signer.token(r#"{"alg":"HS256"}"#, "HS256", &format!(r#"{{"n":{n}}}"#));
        let hash = TokenHash::of(&token);
        assert!(set.recall(hash).is_none());
        // The first time only the signature is remembered.
        assert!(set.verify(&Jws::parse(&token).unwrap(), hash).is_ok());
        assert!(set.recall(hash).is_none());
        let again = set.verify(&Jws::parse(&token).unwrap(), hash).unwrap();
        assert_eq!(*again.signed_by(), SignedBy::Key { id: None, issuer: None });
        assert_eq!(set.recall(hash).unwrap().get().get("n"), Some(&json!(n)));
        assert!(other.recall(hash).is_none());
        let forged = format!("{token}A");
        assert!(set.recall(TokenHash::of(&forged)).is_none());
    }
    assert!((2048..=8192).contains(&set.remembered()), "{}", set.remembered());
    // Large tokens count by their bytes.
    let padding = "x".repeat(40_000);
    for n in 0..1000 {
        let payload = format!(r#"{{"n":{n},"p":"{padding}"}}"#);
        let token = signer.token(r#"{"alg":"HS256"}"#, "HS256", &payload);
        for _ in 0..2 {
            set.verify(&Jws::parse(&token).unwrap(), TokenHash::of(&token)).unwrap();
        }
    }
    assert!(set.remembered() < 700, "{}", set.remembered());
}

#[test]
fn claims_are_strict_json() {
    let key = [VerificationKey::from_symmetric(None, &[7; 32]).unwrap()];
    let signer = Signer::Mac(vec![7; 32]);
    for payload in [
        "",
        "[]",
        "7",
        r#"{"exp":1,"exp":2}"#,
        r#"{"a":{"b":1,"b":1}}"#,
        r#"{"exp":1e400}"#,
        r#"{"exp":NaN}"#,
        r#"{"a":1}x"#,
        "{\"a\":\"\u{1}\"}",
    ] {
        let token = signer.token(r#"{"alg":"HS256"}"#, "HS256", payload);
        let refused = Jws::parse(&token).unwrap().verify(&key).unwrap_err();
        assert!(matches!(refused, JoseError::Malformed(_)), "{payload}");
    }
    let token = signer.token(r#"{"alg":"HS256"}"#, "HS256", r#"{"sub":"s","nbf":null}"#);
    let verified = Jws::parse(&token).unwrap().verify(&key).unwrap();
    assert_eq!((verified.get().text("sub"), verified.get().get("nbf")), (Some("s"), None));
    assert_eq!(verified.get().jwt().unwrap().first("sub"), Some("s"));
}
