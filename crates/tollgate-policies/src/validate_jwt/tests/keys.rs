//! Keys in the policy and published ones, and encrypted tokens.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey};
use bytes::Bytes;
use serde_json::json;
use tollgate_engine::Secret;
use tollgate_engine::jose::Certificate;

use super::{ISSUER, URL, check, claims, policy, token};
use crate::testing::signer::{Signer, base64, encode, key_set};
use crate::testing::{Case, FakeKeys};

#[test]
fn keys_in_the_policy() {
    let policy = |key: &str| {
        format!(
            r#"<validate-jwt header-name="Authorization"><issuer-signing-keys>{key}</issuer-signing-keys>
               <audiences><audience>api</audience></audiences></validate-jwt>"#
        )
    };
    let secret = Signer::Mac((0..32).collect());
    let text = base64((0..32).collect::<Vec<u8>>());
    let good = secret.token("one", &claims(&json!({ "iss": null })));
    check(&policy(&format!("<key>{text}</key>")), &good, "");
    check(&policy(&format!("<key>\n {text} \n</key>")), &good, "");
    check(&policy(&format!(r#"<key id="one">{text}</key>"#)), &good, "");
    check(&policy(&format!(r#"<key id="two">{text}</key>"#)), &good, "TokenSignatureKeyNotFound");
    let other = base64([1; 32]);
    check(&policy(&format!("<key>{other}</key><key>{text}</key>")), &good, "");
    check(&policy(&format!("<key>{other}</key>")), &good, "TokenSignatureInvalid");
    let jwk = Signer::rsa(0).jwk("one");
    let (n, e) = (jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap());
    check(&policy(&format!(r#"<key n="{n}" e="{e}" />"#)), &token(&json!({})), "");
    check(&policy(&format!(r#"<key n="{n}" e="{e}" />"#)), &good, "TokenSignatureKeyNotFound");
    // The issuer is not looked at when the policy names none.
    check(
        &policy(&format!("<key>{text}</key>")),
        &secret.token("x", &claims(&json!({ "iss": "any" }))),
        "",
    );

    let refused = |key: &str, why: &str| Case::inbound(&policy(key)).refused(why);
    refused("<key>c2hvcnQ=</key>", "needs 32, 48 or 64 bytes");
    refused("<key>not base64!</key>", "expected a Base64 key");
    refused("<key>-----BEGIN CERTIFICATE-----</key>", "`certificate-id`");
    refused("<key />", "expected one of the three forms");
    refused(&format!(r#"<key n="{n}" />"#), "expected one of the three forms");
    refused(&format!(r#"<key n="{n}" e="{e}">{text}</key>"#), "expected one of the three forms");
    refused(r#"<key n="AQAB" e="AQAB" />"#, "an RSA key must have 2048 to 8192 bits");
    refused(r#"<key certificate-id="none" />"#, "there is no certificate `none`");
    let hidden = Case::inbound(&policy("<key>{{signing-key}}</key>"))
        .named_values(&[("signing-key", "c2VjcmV0")]);
    assert!(!hidden.findings().contains("c2VjcmV0"), "{}", hidden.findings());
}

#[test]
fn keys_are_fetched_when_they_are_missing() {
    let fetched = Arc::<FakeKeys>::default();
    fetched.source(URL).next_fetch(key_set(ISSUER, &[Signer::rsa(0).jwk("one")], 1));
    let run = |keys: &Arc<FakeKeys>, token: &str| {
        Case::inbound(&policy("", ""))
            .keys(keys)
            .header("authorization", token.parse().unwrap())
            .run()
    };
    let good = format!("Bearer {}", token(&json!({})));
    assert_eq!(run(&fetched, &good).reason(), "");
    assert_eq!((run(&fetched, &good).waits, fetched.source(URL).fetches()), (0, 1));
    // A key that was rolled over is fetched by its `kid`.
    let rolled = format!("Bearer {}", Signer::rsa(1).token("two", &claims(&json!({}))));
    fetched.source(URL).next_fetch(key_set(ISSUER, &[Signer::rsa(1).jwk("two")], 2));
    assert_eq!(run(&fetched, &rolled).reason(), "");
    // What the old keys had signed is forgotten with them.
    assert_eq!(run(&fetched, &good).reason(), "TokenSignatureKeyNotFound");
    // A signature that does not hold, an unknown algorithm or a malformed token fetch nothing.
    let fetches = fetched.source(URL).fetches();
    for token in [
        format!("Bearer {}", Signer::rsa(0).token("two", &claims(&json!({})))),
        format!("Bearer {}", Signer::rsa(0).sign(r#"{"alg":"XS256","kid":"x"}"#, "{}")),
        "Bearer a.b.c".to_owned(),
    ] {
        run(&fetched, &token);
    }
    assert_eq!(fetched.source(URL).fetches(), fetches);
}

#[test]
fn keys_that_cannot_be_had_refuse_the_token() {
    let none = Arc::<FakeKeys>::default();
    let case = |policy: &str| {
        Case::inbound(policy)
            .keys(&none)
            .header("authorization", format!("Bearer {}", token(&json!({}))).parse().unwrap())
    };
    let run = case(&policy("", "")).run();
    assert_eq!((run.status(), run.reason()), (401, "TokenSignatureKeyNotFound"));
    assert!(run.message().contains("connection refused"), "{}", run.message());
    let run = case(&policy("", "").replace("issuer.example", "refused.example")).run();
    assert_eq!((run.status(), run.reason()), (401, "TokenSignatureKeyNotFound"));
    assert!(run.message().contains("not allowed"), "{}", run.message());
}

/// A certificate for a key.
fn certificate(signer: &Signer) -> Certificate {
    let der = signer.pkcs8();
    let key = rcgen::KeyPair::try_from(der.as_slice()).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let der = Bytes::copy_from_slice(certificate.der());
    Certificate::new(der, Vec::new(), Some(Secret::new(Bytes::from(signer.pkcs8()))))
}

#[test]
fn certificates_by_name() {
    let policy = r#"<validate-jwt header-name="Authorization">
        <issuer-signing-keys><key certificate-id="signer" /></issuer-signing-keys>
        <audiences><audience>api</audience></audiences></validate-jwt>"#;
    for (signer, expected) in [(Signer::rsa(0), ""), (Signer::rsa(1), "TokenSignatureInvalid")] {
        let run = Case::inbound(policy)
            .certificate("signer", certificate(Signer::rsa(0)))
            .header("authorization", signer.token("x", &claims(&json!({}))).parse().unwrap())
            .run();
        assert_eq!(run.reason(), expected, "{}", run.message());
    }
    let ec = Signer::ec();
    let run = Case::inbound(policy)
        .certificate("signer", certificate(&ec))
        .header("authorization", ec.token("x", &claims(&json!({}))).parse().unwrap())
        .run();
    assert_eq!(run.reason(), "", "{}", run.message());
    let thumbprint = certificate(Signer::rsa(0)).thumbprint();
    assert!(
        thumbprint.len() == 40
            && thumbprint.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    );
}

/// Encrypts text: `dir` with a symmetric key, or RSA-OAEP-256 with the certificate's.
fn encrypt(alg: &str, content: &str, extra: &str) -> String {
    let header = encode(format!(r#"{{"alg":"{alg}","enc":"A128GCM"{extra}}}"#));
    let wrapped = if alg == "dir" {
        Vec::new()
    } else {
        let key = PrivateDecryptingKey::from_pkcs8(&Signer::rsa(1).pkcs8()).unwrap().public_key();
        let key = OaepPublicEncryptingKey::new(key).unwrap();
        let mut output = vec![0; key.ciphertext_size()];
        key.encrypt(&OAEP_SHA256_MGF1SHA256, &[9; 16], &mut output, None).unwrap().to_vec()
    };
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[9; 16]).unwrap());
    let mut sealed = content.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([1; 12]);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&header), &mut sealed).unwrap();
    let parts = [header, encode(wrapped), encode([1; 12]), encode(sealed), encode(tag)];
    parts.join(".")
}

#[test]
fn encrypted_tokens() {
    let with_keys = |keys: &str| policy("", &format!("<decryption-keys>{keys}</decryption-keys>"));
    let symmetric = with_keys(&format!("<key>{}</key>", base64([9; 16])));
    let good = token(&json!({}));
    check(&symmetric, &encrypt("dir", &good, ""), "");
    // What is inside is judged like any token.
    check(
        &symmetric,
        &encrypt("dir", &token(&json!({ "aud": "x" })), ""),
        "TokenAudienceNotAllowed",
    );
    check(&symmetric, &encrypt("dir", &Signer::rsa(1).token("one", &claims(&json!({}))), ""), {
        "TokenSignatureInvalid"
    });
    for (content, reason) in [
        (claims(&json!({})).to_string(), "JwtInvalid"),
        (format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode("{}")), "TokenSignatureInvalid"),
        (encrypt("dir", &good, ""), "JwtInvalid"),
    ] {
        check(&symmetric, &encrypt("dir", &content, ""), reason);
    }
    // A token that cannot be opened is refused, also one that would pass without encryption.
    for (policy, token) in [
        (policy("", ""), encrypt("dir", &good, "")),
        (with_keys(&format!("<key>{}</key>", base64([8; 16]))), encrypt("dir", &good, "")),
        (symmetric.clone(), encrypt("RSA-OAEP-256", &good, "")),
        (symmetric.clone(), encrypt("dir", &good, r#","zip":"DEF""#)),
        (symmetric.clone(), encrypt("dir", &good, r#","crit":["exp"]"#)),
        (
            symmetric.clone(),
            encrypt("PBES2-HS256+A128KW", &good, r#","p2c":1000000000,"p2s":"AA""#),
        ),
        (symmetric.clone(), encrypt("RSA1_5", &good, "")),
        (symmetric.clone(), format!("{}A", encrypt("dir", &good, ""))),
    ] {
        check(&policy, &token, "JwtInvalid");
    }
    Case::inbound(&with_keys("<key>AAAA</key>")).refused("must have 16, 24, 32, 48 or 64 bytes");
    Case::inbound(&with_keys(r#"<key n="AQAB" e="AQAB" />"#))
        .refused("a public key decrypts nothing");
}

#[test]
fn certificates_open_tokens() {
    let policy =
        policy("", r#"<decryption-keys><key certificate-id="opener" /></decryption-keys>"#);
    let keys = super::keys();
    let run = |opener: Certificate| {
        let token = format!("Bearer {}", encrypt("RSA-OAEP-256", &token(&json!({})), ""));
        Case::inbound(&policy)
            .keys(&keys)
            .certificate("opener", opener)
            .header("authorization", token.parse().unwrap())
            .run()
            .reason()
            .to_owned()
    };
    assert_eq!(run(certificate(Signer::rsa(1))), "");
    assert_eq!(run(certificate(Signer::rsa(0))), "JwtInvalid");
    let public = certificate(Signer::rsa(1));
    let public = Certificate::new(public.der().clone(), Vec::new(), None);
    Case::inbound(&policy).certificate("opener", public).refused("has no private key");
}
