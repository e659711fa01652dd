//! The attack table: forged, damaged and hostile tokens.

use aws_lc_rs::signature::KeyPair;
use serde_json::{Value, json};

use super::{URL, check, check_claims, claims, keys, policy, token};
use crate::testing::signer::{Signer, base64, encode};
use crate::testing::{Case, NOW};

#[test]
fn algorithms_belong_to_keys() {
    let rsa = Signer::rsa(0);
    let payload = claims(&json!({})).to_string();
    let signed = |header: &str| rsa.sign(header, &payload);
    check(&policy("", ""), &signed(r#"{"alg":"PS256","kid":"one"}"#), "");
    for (header, reason) in [
        (r#"{"alg":"RS384","kid":"one"}"#, "TokenSignatureInvalid"),
        (r#"{"alg":"ES256","kid":"one"}"#, "TokenSignatureKeyNotFound"),
        (r#"{"alg":"HS256","kid":"one"}"#, "TokenSignatureKeyNotFound"),
        (r#"{"alg":"none","kid":"one"}"#, "TokenSignatureInvalid"),
        (r#"{"alg":"None","kid":"one"}"#, "JwtInvalid"),
        (r#"{"alg":"nOnE","kid":"one"}"#, "JwtInvalid"),
        (r#"{"alg":"RS256","kid":"one","crit":["exp"],"exp":1}"#, "JwtInvalid"),
        (r#"{"alg":"RS256","kid":"one","b64":true}"#, "JwtInvalid"),
        (r#"{"alg":"RS256","alg":"RS256","kid":"one"}"#, "JwtInvalid"),
        (r#"{"alg":"RS256","kid":["one"]}"#, "JwtInvalid"),
        (r#"{"kid":"one"}"#, "JwtInvalid"),
    ] {
        check(&policy("", ""), &signed(header), reason);
    }
    // The public key as an HMAC secret, in the forms an attacker has it.
    let Signer::Rsa(key) = rsa else { panic!("not an RSA key") };
    let der = key.public_key().as_ref().to_vec();
    let pem =
        format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", base64(&der));
    for secret in [der, pem.into_bytes(), rsa.jwk("one").to_string().into_bytes()] {
        let forged = Signer::Mac(secret).token("one", &claims(&json!({})));
        check(&policy("", ""), &forged, "TokenSignatureKeyNotFound");
    }
}

#[test]
fn signatures_and_shapes() {
    let good = token(&json!({}));
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = Signer::rsa(1).token("one", &claims(&json!({})));
    for (token, reason) in [
        (format!("{header}.{payload}."), "TokenSignatureInvalid"),
        (format!("{header}.{payload}.AAAA"), "TokenSignatureInvalid"),
        (other, "TokenSignatureInvalid"),
        (
            format!(
                "{header}.{}.{signature}",
                encode(claims(&json!({ "aud": "api", "x": 1 })).to_string())
            ),
            { "TokenSignatureInvalid" },
        ),
        (format!("{header}.{payload}"), "JwtInvalid"),
        (format!("{good}.{signature}"), "JwtInvalid"),
        (format!("{good}.."), "JwtInvalid"),
        (format!("{header}.{payload}.{signature}="), "JwtInvalid"),
        ("x".repeat(70_000), "JwtInvalid"),
        ("not a token".to_owned(), "JwtInvalid"),
        (format!("{}.{payload}.", encode(r#"{"alg":"none"}"#)), "TokenSignatureInvalid"),
    ] {
        check(&policy("", ""), &token, reason);
    }
}

#[test]
fn keys_in_the_header_are_ignored_and_nothing_is_fetched() {
    let attacker = Signer::ec();
    let keys = keys();
    for extra in [
        json!({ "jwk": attacker.jwk("one") }),
        json!({ "jku": "https://attacker.example/jwks" }),
        json!({ "x5u": "https://attacker.example/x5u" }),
        json!({ "x5c": ["MIIB"] }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let token = attacker.sign(&header.to_string(), &claims(&json!({})).to_string());
        let run = Case::inbound(&policy("", ""))
            .keys(&keys)
            .header("authorization", format!("Bearer {token}").parse().unwrap())
            .run();
        assert_eq!(run.reason(), "TokenSignatureKeyNotFound", "{extra}");
    }
    assert_eq!(keys.addresses(), [URL]);
    assert_eq!(keys.source(URL).fetches(), 0);
}

#[test]
fn times() {
    check_claims(&json!({ "exp": NOW }), "");
    check_claims(&json!({ "exp": NOW - 1 }), "TokenExpired");
    check_claims(&json!({ "exp": f64::from(i32::try_from(NOW).unwrap()) + 0.9 }), "");
    check_claims(&json!({ "exp": f64::from(i32::try_from(NOW).unwrap()) - 0.1 }), "TokenExpired");
    check_claims(&json!({ "exp": -1 }), "TokenExpired");
    check_claims(&json!({ "exp": 0 }), "TokenExpired");
    check_claims(&json!({ "exp": 1e300 }), "");
    check_claims(&json!({ "exp": u64::MAX }), "");
    check_claims(&json!({ "exp": -1e300 }), "TokenExpired");
    check_claims(&json!({ "exp": null }), "JwtInvalid");
    check_claims(&json!({ "nbf": NOW }), "");
    check_claims(&json!({ "nbf": NOW + 1 }), "JwtInvalid");
    check_claims(&json!({ "nbf": null }), "");
    check_claims(&json!({ "nbf": u64::MAX }), "JwtInvalid");
    check_claims(&json!({ "iat": NOW + 100 }), "");
    for name in ["exp", "nbf", "iat"] {
        for wrong in
            [json!("1"), json!(NOW.to_string()), json!([NOW]), json!({}), json!(true), json!("")]
        {
            check_claims(&json!({ name: wrong }), "JwtInvalid");
        }
        for wrong in ["null", "1e400", "01", "NaN"] {
            let text = claims(&json!({ name: "WRONG" })).to_string().replace("\"WRONG\"", wrong);
            let token = Signer::rsa(0).sign(r#"{"alg":"RS256","kid":"one"}"#, &text);
            check(&policy("", ""), &token, "JwtInvalid");
        }
    }
    let text = claims(&json!({})).to_string().replacen('{', &format!("{{\"exp\":{},", NOW + 1), 1);
    check(
        &policy("", ""),
        &Signer::rsa(0).sign(r#"{"alg":"RS256","kid":"one"}"#, &text),
        "JwtInvalid",
    );
}

#[test]
fn clock_skew_and_tokens_without_end() {
    let skew = |text: &str| policy(&format!(r#"clock-skew="{text}""#), "");
    check(&skew("60"), &token(&json!({ "exp": NOW - 60 })), "");
    check(&skew("60"), &token(&json!({ "exp": NOW - 61 })), "TokenExpired");
    check(&skew("00:01:00"), &token(&json!({ "nbf": NOW + 60 })), "");
    check(&skew("60"), &token(&json!({ "nbf": NOW + 61 })), "JwtInvalid");
    check(&skew("60"), &token(&json!({ "exp": NOW - 30, "nbf": NOW - 20 })), "JwtInvalid");
    check(&skew("9223372036854775807"), &token(&json!({ "exp": 1, "nbf": 0 })), "");
    let endless = policy(r#"require-expiration-time="false""#, "");
    check(&endless, &token(&json!({ "exp": null })), "");
    check(&endless, &token(&json!({ "exp": NOW - 1 })), "TokenExpired");
    Case::inbound(&skew("-1")).refused("expected seconds");
}

#[test]
fn audiences() {
    let two = policy("", "")
        .replace("<audience>api</audience>", "<audience>api</audience><audience>b</audience>");
    for (audience, expected) in [
        (json!("api"), ""),
        (json!("b"), ""),
        (json!(["x", "b"]), ""),
        (json!("API"), "TokenAudienceNotAllowed"),
        (json!("api "), "TokenAudienceNotAllowed"),
        (json!(""), "TokenAudienceNotAllowed"),
        (json!([]), "TokenAudienceNotAllowed"),
        (Value::Null, "TokenAudienceNotAllowed"),
        (json!("api,b"), "TokenAudienceNotAllowed"),
        (json!(7), "JwtInvalid"),
        (json!(["api", 7]), "JwtInvalid"),
        (json!(["api", ["b"]]), "JwtInvalid"),
        (json!({ "api": true }), "JwtInvalid"),
        (json!(true), "JwtInvalid"),
    ] {
        check(&two, &token(&json!({ "aud": audience })), expected);
    }
    let none = policy("", "").replace("<audiences><audience>api</audience></audiences>", "");
    check(&none, &token(&json!({ "aud": "any" })), "");
    check(&none, &token(&json!({ "aud": 7 })), "JwtInvalid");
    Case::inbound(&none).warned("accepts tokens for any audience");
}

#[test]
fn unsigned_tokens_when_asked_for() {
    let policy = policy(r#"require-signed-tokens="false""#, "");
    let bare = |payload: &Value| {
        format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(payload.to_string()))
    };
    let listed = policy.replace(
        "<audiences>",
        "<issuers><issuer>https://issuer.example</issuer></issuers><audiences>",
    );
    check(&listed, &bare(&claims(&json!({}))), "");
    check(&listed, &bare(&claims(&json!({ "aud": "x" }))), "TokenAudienceNotAllowed");
    check(&listed, &bare(&claims(&json!({ "exp": NOW - 1 }))), "TokenExpired");
    check(&listed, &format!("{}AAAA", bare(&claims(&json!({})))), "TokenSignatureInvalid");
    check(&policy, &token(&json!({})), "");
    Case::inbound(&policy).warned("accepts unsigned tokens");
}
