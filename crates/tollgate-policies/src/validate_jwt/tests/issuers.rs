//! Issuers, tenants, and what policies share.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_engine::Scope;

use super::{ISSUER, URL, check, check_claims, claims, keys, policy, token};
use crate::testing::signer::{Signer, key_set};
use crate::testing::{Case, FakeKeys, NOW};

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
