//! What the settings do.

mod attacks;
mod issuers;
mod keys;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::testing::signer::{Signer, key_set};
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
fn required_claims() {
    let required =
        |inside: &str| policy("", &format!("<required-claims>{inside}</required-claims>"));
    let claim = |attributes: &str, values: &[&str]| {
        let values: Vec<_> = values.iter().map(|value| format!("<value>{value}</value>")).collect();
        let values = values.concat();
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
