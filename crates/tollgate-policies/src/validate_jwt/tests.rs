//! The attack table, the settings, and what is shared between policies.

use std::sync::Arc;

use aws_lc_rs::signature::KeyPair;
use serde_json::{Value, json};
use tollgate_engine::Scope;

use crate::testing::signer::{Signer, base64, encode, key_set};
use crate::testing::{Case, FakeKeys, NOW, Run};

const URL: &str = "https://issuer.example/.well-known/openid-configuration";
const ISSUER: &str = "https://issuer.example";

/// Claims that the policies below accept, with some of them replaced; null removes one.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": "api", "exp": NOW + 600, "nbf": NOW - 600, "iat": NOW - 600 });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn token(changes: &Value) -> String {
    Signer::rsa(0).token("one", &claims(changes))
}

/// The issuer's keys at hand.
fn keys() -> Arc<FakeKeys> {
    let keys = Arc::<FakeKeys>::default();
    keys.source(URL).at_hand(key_set(ISSUER, &[Signer::rsa(0).jwk("one")], 1));
    keys
}

fn policy(attributes: &str, children: &str) -> String {
    format!(
        r#"<validate-jwt header-name="Authorization" {attributes}><openid-config url="{URL}" />
           <audiences><audience>api</audience></audiences>{children}</validate-jwt>"#
    )
}

fn run(policy: &str, authorization: &str) -> Run {
    Case::inbound(policy)
        .keys(&keys())
        .header("authorization", authorization.parse().unwrap())
        .run()
}

/// Whether a token passes, else the reason.
fn check(policy: &str, token: &str, expected: &str) {
    let run = run(policy, &format!("Bearer {token}"));
    assert_eq!(run.reason(), expected, "{}\n{token:.300}", run.message());
    assert_eq!(run.status(), if expected.is_empty() { 200 } else { 401 });
}

fn check_claims(changes: &Value, expected: &str) {
    check(&policy("", ""), &token(changes), expected);
}

#[test]
fn a_good_token_passes_and_stays() {
    let run = run(
        &policy(r#"output-token-variable-name="jwt""#, ""),
        &format!("Bearer {}", token(&json!({ "sub": "me" }))),
    );
    assert_eq!((run.reason(), run.waits), ("", 0));
    assert!(run.cx.request.headers.contains_key("authorization"));
    let jwt = run.cx.variables.get("jwt").unwrap().as_jwt().unwrap();
    assert_eq!((jwt.first("sub"), jwt.header("alg")), (Some("me"), Some("RS256")));
}

#[test]
fn messages_are_azure_s() {
    let check = |authorization: Option<&str>, children: &str, reason: &str, message: &str| {
        let mut case = Case::inbound(&policy("", children)).keys(&keys());
        if let Some(value) = authorization {
            case = case.header("authorization", value.parse().unwrap());
        }
        let run = case.run();
        assert_eq!((run.reason(), run.source(), run.message()), (reason, "validate-jwt", message));
        let body: Value = serde_json::from_str(&run.body()).unwrap();
        assert_eq!(body, json!({ "statusCode": 401, "message": message }));
    };
    let role = |value: &str| {
        format!(
            r#"<required-claims><claim name="roles"><value>{value}</value></claim></required-claims>"#
        )
    };
    check(None, "", "TokenNotPresent", "JWT not present.");
    check(Some("Bearer "), "", "TokenNotPresent", "JWT not present.");
    let good = format!("Bearer {}", token(&json!({ "roles": ["Reader"] })));
    check(
        Some(&good),
        &role("Basic"),
        "TokenClaimValueMismatch",
        "Claim value mismatch: roles=Basic.",
    );
    let missing = r#"<required-claims><claim name="a" /><claim name="iss" /><claim name="b" /></required-claims>"#;
    let text = "JWT is missing the following claims: a, b. Access denied.";
    check(Some(&good), missing, "TokenClaimNotFound", text);
    let expired = format!("Bearer {}", token(&json!({ "exp": NOW - 1 })));
    let text = "Lifetime validation failed. The token is expired. ValidTo (UTC): '01/15/2027 07:59:59', \
                Current time (UTC): '01/15/2027 08:00:00'. Access denied.";
    check(Some(&expired), "", "TokenExpired", text);
}

#[test]
fn status_and_message_of_a_refusal() {
    let attributes = r#"failed-validation-httpcode="403" failed-validation-error-message="Say &quot;please&quot;.""#;
    let run = run(&policy(attributes, ""), "Bearer x");
    assert_eq!(run.body(), r#"{ "statusCode": 403, "message": "Say \"please\"." }"#);
    assert_eq!((run.status(), run.reason()), (403, "JwtInvalid"));
    assert!(run.cx.response.unwrap().headers.get("www-authenticate").is_none());
    Case::inbound(&policy(r#"failed-validation-httpcode="99""#, ""))
        .refused("expected 200 or more");
}

#[test]
fn expressions_in_settings() {
    let policy = policy(
        r#"failed-validation-httpcode="@(400 + 3)" failed-validation-error-message="@("no" + "pe")""#,
        r#"<required-claims><claim name="a" match="@("a" + "ny")"><value>@("x" + 1)</value></claim></required-claims>"#,
    );
    check(&policy, &token(&json!({ "a": "x1" })), "");
    let run = run(&policy, &format!("Bearer {}", token(&json!({ "a": "x2" }))));
    assert_eq!((run.status(), run.reason()), (403, "TokenClaimValueMismatch"));
    assert!(run.body().contains("nope"));
}

#[test]
fn where_the_token_is() {
    let check = |location: &str, url: &str, headers: &[(&str, String)], expected: &str| {
        let policy = format!(
            r#"<validate-jwt {location}><openid-config url="{URL}" />
               <audiences><audience>api</audience></audiences></validate-jwt>"#
        );
        let mut case = Case::inbound(&policy).keys(&keys()).url(url);
        for (name, value) in headers {
            case = case.header(name, value.parse().unwrap());
        }
        let run = case.run();
        assert_eq!(run.reason(), expected, "{location} {headers:?}");
    };
    let token = token(&json!({}));
    let header = |value: String| [("authorization", value)];
    let authorization = r#"header-name="Authorization""#;
    check(authorization, "/", &header(format!("Bearer {token}")), "");
    check(authorization, "/", &header(format!("bEARER   {token} ")), "");
    check(authorization, "/", &header(token.clone()), "");
    check(authorization, "/", &header(format!("Basic {token}")), "JwtInvalid");
    check(authorization, "/", &header(format!("Bearer{token}")), "JwtInvalid");
    check(authorization, "/", &header(String::new()), "TokenNotPresent");
    check(authorization, "/", &header("Bearer".to_owned()), "TokenNotPresent");
    let twice = [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("Bearer {token}")),
    ];
    check(authorization, "/", &twice, "JwtInvalid");
    let scheme = |scheme: &str| format!(r#"header-name="Authorization" require-scheme="{scheme}""#);
    check(&scheme("Bearer"), "/", &header(format!("bearer {token}")), "");
    check(&scheme("Bearer"), "/", &header(token.clone()), "JwtInvalid");
    check(&scheme("DPoP"), "/", &header(format!("Bearer {token}")), "JwtInvalid");
    check(&scheme("DPoP"), "/", &header(format!("DPoP {token}")), "");
    check(&scheme("DPoP"), "/", &header("DPoP".to_owned()), "TokenNotPresent");
    let other = r#"header-name="X-Token" require-scheme="Bearer""#;
    check(other, "/", &[("x-token", token.clone())], "");
    check(other, "/", &[("x-token", format!("Bearer {token}"))], "JwtInvalid");
    let query = r#"query-parameter-name="access_token""#;
    check(query, &format!("/p?a=1&access_token={token}"), &[], "");
    check(query, &format!("/p?Access_Token={token}"), &[], "TokenNotPresent");
    check(query, "/p?access_token=", &[], "TokenNotPresent");
    check(&format!(r#"token-value="{token}""#), "/", &[], "");
    check(r#"token-value="""#, "/", &[], "TokenNotPresent");
    let refused = |location: &str, label: &str| {
        Case::inbound(&format!("<validate-jwt {location} />")).refused(label);
    };
    refused("", "none is given");
    refused(r#"header-name="a" token-value="b""#, "several are given");
}

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
    let Signer::Rsa(key) = rsa else { unreachable!() };
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
    check_claims(&json!({ "exp": NOW as f64 + 0.9 }), "");
    check_claims(&json!({ "exp": NOW as f64 - 0.1 }), "TokenExpired");
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
fn issuers() {
    for (issuer, expected) in [
        (json!(ISSUER), ""),
        (json!(format!("{ISSUER}/")), "TokenIssuerNotAllowed"),
        (json!("HTTPS://issuer.example"), "TokenIssuerNotAllowed"),
        (json!(""), "TokenIssuerNotAllowed"),
        (Value::Null, "TokenIssuerNotAllowed"),
        (json!([ISSUER]), "JwtInvalid"),
        (json!(7), "JwtInvalid"),
    ] {
        check_claims(&json!({ "iss": issuer }), expected);
    }
    let more = policy("", "<issuers><issuer>https://old.example</issuer></issuers>");
    check(&more, &token(&json!({})), "");
    check(&more, &token(&json!({ "iss": "https://old.example" })), "");
    check(&more, &token(&json!({ "iss": "https://other.example" })), "TokenIssuerNotAllowed");
}

#[test]
fn required_claims() {
    let required =
        |inside: &str| policy("", &format!("<required-claims>{inside}</required-claims>"));
    let claim = |attributes: &str, values: &[&str]| {
        let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
        required(&format!(r#"<claim name="c" {attributes}>{values}</claim>"#))
    };
    let (missing, mismatch) = ("TokenClaimNotFound", "TokenClaimValueMismatch");
    for (policy, value, expected) in [
        (claim("", &[]), json!("x"), ""),
        (claim("", &[]), json!(false), ""),
        (claim("", &[]), Value::Null, missing),
        (claim("", &[]), json!([]), missing),
        (claim("", &["a"]), json!("a"), ""),
        (claim("", &["a"]), json!("A"), mismatch),
        (claim("", &["a"]), json!(["b", "a"]), ""),
        (claim("", &["a", "b"]), json!(["b", "a", "c"]), ""),
        (claim("", &["a", "b"]), json!(["a"]), mismatch),
        (claim("", &["a", "b"]), json!("a b"), mismatch),
        (claim(r#"match="any""#, &["a", "b"]), json!(["c", "b"]), ""),
        (claim(r#"match="any""#, &["a", "b"]), json!(["c"]), mismatch),
        (claim(r#"separator=" ""#, &["a", "b"]), json!("b c a"), ""),
        (claim(r#"separator=",""#, &["a"]), json!("b, a"), mismatch),
        (claim(r#"match="any" separator=" ""#, &["a b"]), json!("a b"), mismatch),
        (claim("", &["true"]), json!(true), ""),
        (claim("", &["7"]), json!(7), ""),
        (claim("", &["7"]), json!([7, 8]), ""),
        (claim("", &[""]), json!(""), ""),
    ] {
        check(&policy, &token(&json!({ "c": value })), expected);
    }
    Case::inbound(&required(r#"<claim name="c" match="some" />"#))
        .refused("expected one of `all`, `any`");
    Case::inbound(&required("<claim />")).refused("needs the attribute `name`");
    Case::inbound(&required("")).refused("`required-claims` needs a `claim` element");
}

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

#[test]
fn a_token_good_for_one_policy_is_judged_anew_by_another() {
    let keys = keys();
    let token = format!("Bearer {}", token(&json!({})));
    let reason = |policy: &str, now: i64| {
        let case = Case::inbound(policy)
            .keys(&keys)
            .at(now)
            .header("authorization", token.parse().unwrap());
        let run = case.run();
        assert_eq!(run.waits, 0);
        run.reason().to_owned()
    };
    let one = policy("", "");
    let other = one.replace("<audience>api</audience>", "<audience>other</audience>");
    for _ in 0..3 {
        assert_eq!(reason(&one, NOW), "");
        assert_eq!(reason(&other, NOW), "TokenAudienceNotAllowed");
    }
    // Both in one request, and when the token has ended.
    let both = format!("<base />{other}");
    let run = Case::inbound(&both)
        .wider(Scope::Global, &one)
        .keys(&keys)
        .header("authorization", token.parse().unwrap())
        .run();
    let error = run.cx.last_error.unwrap();
    assert_eq!(
        (error.scope.as_str(), error.reason.as_str()),
        ("operation", "TokenAudienceNotAllowed")
    );
    assert_eq!(reason(&one, NOW + 601), "TokenExpired");
    assert_eq!(reason(&one, NOW - 601), "JwtInvalid");
}

#[test]
fn a_key_of_one_issuer_does_not_sign_for_another() {
    let other_url = "https://other.example/.well-known/openid-configuration";
    let keys = keys();
    keys.source(other_url).at_hand(key_set(
        "https://other.example",
        &[Signer::rsa(1).jwk("two")],
        1,
    ));
    let both = policy("", &format!(r#"<openid-config url="{other_url}" />"#));
    let check = |signer: &Signer, kid: &str, issuer: &str, expected: &str| {
        let token = signer.token(kid, &claims(&json!({ "iss": issuer })));
        let case = Case::inbound(&both).keys(&keys);
        let run = case.header("authorization", format!("Bearer {token}").parse().unwrap()).run();
        assert_eq!(run.reason(), expected, "{kid} {issuer}");
    };
    for _ in 0..2 {
        check(Signer::rsa(0), "one", ISSUER, "");
        check(Signer::rsa(1), "two", "https://other.example", "");
        check(Signer::rsa(1), "two", ISSUER, "TokenIssuerNotAllowed");
        check(Signer::rsa(0), "one", "https://other.example", "TokenIssuerNotAllowed");
    }
    // Two issuers that publish the same key answer each for its own tokens, whatever was remembered first.
    keys.source(other_url).at_hand(key_set(
        "https://other.example",
        &[Signer::rsa(0).jwk("one")],
        2,
    ));
    for issuer in [ISSUER, "https://other.example", ISSUER] {
        check(Signer::rsa(0), "one", issuer, "");
    }
    let alone = policy("", "");
    let token =
        Signer::rsa(0).token("one", &claims(&json!({ "iss": "https://other.example", "n": 1 })));
    let run = |policy: &str| {
        let case = Case::inbound(policy).keys(&keys);
        case.header("authorization", format!("Bearer {token}").parse().unwrap())
            .run()
            .reason()
            .to_owned()
    };
    assert_eq!(run(&alone), "TokenIssuerNotAllowed");
    assert_eq!(run(&both), "");
}

#[test]
fn tenants_of_shared_configurations() {
    let tid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    let url = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let issuer = template.replace("{tenantid}", tid);
    let policy = policy("", "").replace(URL, url);
    let check = |key_issuer: Option<&str>, changes: &Value, expected: &str| {
        let keys = Arc::<FakeKeys>::default();
        let mut jwk = Signer::rsa(0).jwk("one");
        if let Some(issuer) = key_issuer {
            jwk["issuer"] = json!(issuer);
        }
        keys.source(url).at_hand(key_set(template, &[jwk], 1));
        let token = token(changes);
        let case = Case::inbound(&policy).keys(&keys);
        let run = case.header("authorization", format!("Bearer {token}").parse().unwrap()).run();
        assert_eq!(run.reason(), expected, "{key_issuer:?} {changes}");
    };
    let refused = "TokenIssuerNotAllowed";
    check(None, &json!({ "iss": issuer, "tid": tid }), "");
    check(Some(template), &json!({ "iss": issuer, "tid": tid }), "");
    check(Some(&issuer), &json!({ "iss": issuer, "tid": tid }), "");
    check(
        Some("https://login.microsoftonline.com/other/v2.0"),
        &json!({ "iss": issuer, "tid": tid }),
        refused,
    );
    check(None, &json!({ "iss": issuer, "tid": "00000000-0000-4000-8000-000000000000" }), refused);
    check(None, &json!({ "iss": issuer }), refused);
    check(None, &json!({ "iss": "https://login.microsoftonline.com/x/v2.0", "tid": "x" }), refused);
    check(None, &json!({ "iss": template, "tid": "{tenantid}" }), refused);
    Case::inbound(&policy).warned("accepts tokens of any tenant");
    let limited = policy.replace("</validate-jwt>", {
        r#"<required-claims><claim name="tid"><value>t</value></claim></required-claims></validate-jwt>"#
    });
    assert_eq!(Case::inbound(&limited).findings(), "");
}

#[test]
fn a_v1_token_with_keys_of_v2() {
    // A common way to write policies: the v2 configuration, and the v1 issuer listed.
    let tid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    let listed = format!("https://sts.windows.net/{tid}/");
    let keys = Arc::<FakeKeys>::default();
    let mut jwk = Signer::rsa(0).jwk("one");
    jwk["issuer"] = json!(format!("https://login.microsoftonline.com/{tid}/v2.0"));
    keys.source(URL).at_hand(key_set(
        &format!("https://login.microsoftonline.com/{tid}/v2.0"),
        &[jwk],
        1,
    ));
    let policy = policy("", &format!("<issuers><issuer>{listed}</issuer></issuers>"));
    let token = token(&json!({ "iss": listed, "tid": tid, "ver": "1.0" }));
    let case = Case::inbound(&policy).keys(&keys);
    let run = case.header("authorization", format!("Bearer {token}").parse().unwrap()).run();
    assert_eq!(run.reason(), "", "{}", run.message());
}

#[test]
fn doubtful_policies_are_told() {
    let policy = r#"<validate-jwt header-name="a"><audiences><audience>x</audience></audiences></validate-jwt>"#;
    Case::inbound(policy).warned("`validate-jwt` has no keys");
    Case::outbound(&self::policy("", "")).refused("is not allowed in `outbound`");
    Case::inbound(&self::policy("", r#"<openid-config url="issuer" />"#))
        .refused("expected an `https://`");
    Case::inbound(&self::policy("", r#"<openid-config url="https://h/../x" />"#))
        .refused("without dot segments");
    Case::inbound(&self::policy("", "<audience>x</audience>"))
        .refused("not a child of `validate-jwt`");
}
