//! Versions, tenants, applications.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::testing::signer::{Signer, encode, key_set};
use crate::testing::{Case, FakeKeys, NOW, Run};

const HOME: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const AWAY: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const CLIENT: &str = "c0ffee00-0000-4000-8000-000000000000";

fn v1_issuer(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

fn v2_issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// Entra as a policy sees it: all tenants share the signing key.
fn entra() -> Arc<FakeKeys> {
    let keys = Arc::<FakeKeys>::default();
    let publish = |name: &str, tenant: &str| {
        let base = format!("https://login.microsoftonline.com/{name}");
        let mut jwk = Signer::rsa(0).jwk("one");
        jwk["issuer"] = json!(v2_issuer("{tenantid}"));
        let one = key_set(&v1_issuer(tenant), &[Signer::rsa(0).jwk("one")], 1);
        let two = key_set(&v2_issuer(tenant), &[jwk], 1);
        keys.source(&format!("{base}/.well-known/openid-configuration")).at_hand(one);
        keys.source(&format!("{base}/v2.0/.well-known/openid-configuration")).at_hand(two);
    };
    publish(HOME, HOME);
    publish(AWAY, AWAY);
    publish("contoso.example", HOME);
    publish("consumers", CONSUMERS);
    for shared in ["common", "organizations"] {
        publish(shared, "{tenantid}");
    }
    keys
}

/// Claims of a v2 token of the home tenant, with some of them replaced; null removes one.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "ver": "2.0", "iss": v2_issuer(HOME), "tid": HOME, "aud": "api", "azp": CLIENT, "exp": NOW + 600, "nbf": NOW,
        "iat": NOW,
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn of_tenant(tenant: &str) -> Value {
    json!({ "iss": v2_issuer(tenant), "tid": tenant })
}

fn v1(tenant: &str) -> Value {
    json!({ "ver": "1.0", "iss": v1_issuer(tenant), "tid": tenant, "azp": null, "appid": CLIENT })
}

const AUDIENCES: &str = "<audiences><audience>api</audience></audiences>";

fn policy(tenant: &str, children: &str) -> String {
    format!(
        r#"<validate-azure-ad-token tenant-id="{tenant}">{AUDIENCES}{children}</validate-azure-ad-token>"#
    )
}

fn run(keys: &Arc<FakeKeys>, policy: &str, token: &str) -> Run {
    let case = Case::inbound(policy).keys(keys);
    case.header("authorization", format!("Bearer {token}").parse().unwrap()).run()
}

/// Judges a token twice: when it is new, and when its signature is remembered.
fn check(policy: &str, changes: &Value, expected: &str) {
    let keys = entra();
    let token = Signer::rsa(0).token("one", &claims(changes));
    for _ in 0..2 {
        let run = run(&keys, policy, &token);
        assert_eq!(run.reason(), expected, "{policy}\n{changes}\n{}", run.message());
    }
}

const REFUSED: &str = "TokenIssuerNotAllowed";

#[test]
fn both_versions_of_the_tenant_pass() {
    for tenant in [
        HOME,
        &HOME.to_uppercase(),
        "contoso.example",
        &format!("https://login.microsoftonline.com/{HOME}"),
    ] {
        check(&policy(tenant, ""), &json!({}), "");
        check(&policy(tenant, ""), &v1(HOME), "");
    }
}

#[test]
fn tokens_of_another_tenant_are_refused() {
    for tenant in [HOME, "contoso.example"] {
        check(&policy(tenant, ""), &of_tenant(AWAY), REFUSED);
        check(&policy(tenant, ""), &v1(AWAY), REFUSED);
    }
    // Not even when it says it is of this one in one of the two places.
    check(&policy(HOME, ""), &json!({ "tid": AWAY }), REFUSED);
    check(&policy(HOME, ""), &json!({ "iss": v2_issuer(AWAY) }), REFUSED);
    check(&policy(HOME, ""), &json!({ "tid": null }), REFUSED);
    check(&policy(HOME, ""), &json!({ "tid": [HOME] }), REFUSED);
    // A token accepted for one tenant is refused for the other, also when its signature is remembered.
    let keys = entra();
    let token = Signer::rsa(0).token("one", &claims(&json!({})));
    for _ in 0..2 {
        assert_eq!(run(&keys, &policy(HOME, ""), &token).reason(), "");
        assert_eq!(run(&keys, &policy(AWAY, ""), &token).reason(), REFUSED);
    }
}

#[test]
fn version_and_issuer_belong_together() {
    let policy = policy(HOME, "");
    check(&policy, &json!({ "ver": "1.0" }), REFUSED);
    check(&policy, &json!({ "iss": v1_issuer(HOME) }), REFUSED);
    check(&policy, &json!({ "iss": format!("{}/", v2_issuer(HOME)) }), REFUSED);
    check(&policy, &json!({ "iss": v2_issuer(&HOME.to_uppercase()) }), REFUSED);
    check(&policy, &json!({ "iss": null }), REFUSED);
    for version in [json!("3.0"), json!(2.0), json!(""), Value::Null] {
        check(&policy, &json!({ "ver": version }), "JwtInvalid");
    }
}

#[test]
fn any_tenant() {
    for shared in ["common", "organizations", "https://login.microsoftonline.com/common"] {
        let policy = policy(shared, "");
        for tenant in [HOME, AWAY] {
            check(&policy, &of_tenant(tenant), "");
            check(&policy, &v1(tenant), "");
        }
        check(&policy, &json!({ "tid": AWAY }), REFUSED);
        check(&policy, &json!({ "iss": v2_issuer("x"), "tid": "x" }), REFUSED);
        check(&policy, &json!({ "iss": v2_issuer("{tenantid}"), "tid": "{tenantid}" }), REFUSED);
        check(&policy, &json!({ "iss": v2_issuer("a/b"), "tid": "a/b" }), REFUSED);
        check(&policy, &json!({ "iss": "https://evil.example", "tid": HOME }), REFUSED);
    }
    check(&policy("common", ""), &of_tenant(CONSUMERS), "");
    check(&policy("organizations", ""), &of_tenant(CONSUMERS), REFUSED);
    check(&policy("consumers", ""), &of_tenant(CONSUMERS), "");
    check(&policy("consumers", ""), &of_tenant(HOME), REFUSED);
}

#[test]
fn a_key_published_for_one_issuer_signs_for_it_only() {
    let keys = entra();
    let url = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";
    let mut jwk = Signer::rsa(0).jwk("one");
    jwk["issuer"] = json!(v2_issuer(CONSUMERS));
    keys.source(url).at_hand(key_set(&v2_issuer("{tenantid}"), &[jwk], 2));
    let reason = |tenant: &str| {
        let token = Signer::rsa(0).token("one", &claims(&of_tenant(tenant)));
        run(&keys, &policy("common", ""), &token).reason().to_owned()
    };
    assert_eq!(reason(CONSUMERS), "");
    assert_eq!(reason(HOME), REFUSED);
}

#[test]
fn applications() {
    let client = |id: &str| {
        policy(
            HOME,
            &format!(
                "<client-application-ids><application-id>{id}</application-id></client-application-ids>"
            ),
        )
    };
    check(&client(CLIENT), &json!({}), "");
    check(&client(&CLIENT.to_uppercase()), &json!({}), "");
    check(&client(CLIENT), &v1(HOME), "");
    check(&client(AWAY), &json!({}), "TokenClaimValueMismatch");
    check(&client(CLIENT), &json!({ "azp": null }), "TokenClaimNotFound");
    // The claim of the other version does not count.
    check(&client(CLIENT), &json!({ "azp": AWAY, "appid": CLIENT }), "TokenClaimValueMismatch");
    check(&client(CLIENT), &json!({ "azp": [CLIENT] }), "TokenClaimNotFound");

    let backend = |id: &str| {
        let ids = format!(
            "<backend-application-ids><application-id>{id}</application-id></backend-application-ids>"
        );
        policy(HOME, &ids).replace(AUDIENCES, "")
    };
    check(&backend(CLIENT), &json!({ "aud": CLIENT }), "");
    check(&backend(CLIENT), &json!({ "aud": format!("api://{CLIENT}") }), "");
    check(&backend(CLIENT), &json!({ "aud": "api" }), "TokenAudienceNotAllowed");
    check(&policy(HOME, ""), &json!({ "aud": "other" }), "TokenAudienceNotAllowed");
}

#[test]
fn times_and_signatures_are_checked_as_everywhere() {
    check(&policy(HOME, ""), &json!({ "exp": null }), "JwtInvalid");
    check(&policy(HOME, ""), &json!({ "exp": NOW - 1 }), "TokenExpired");
    check(&policy(HOME, ""), &json!({ "nbf": NOW + 1 }), "JwtInvalid");
    check(&policy(HOME, ""), &json!({ "exp": "1900000000" }), "JwtInvalid");
    let role =
        r#"<required-claims><claim name="roles"><value>Admin</value></claim></required-claims>"#;
    check(&policy(HOME, role), &json!({ "roles": ["Admin"] }), "");
    check(&policy(HOME, role), &json!({ "roles": ["User"] }), "TokenClaimValueMismatch");
    let keys = entra();
    let payload = claims(&json!({}));
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(payload.to_string()));
    for (token, reason) in [
        (unsigned, "TokenSignatureInvalid"),
        (Signer::rsa(1).token("one", &payload), "TokenSignatureInvalid"),
        (Signer::rsa(0).token("unknown", &payload), "TokenSignatureKeyNotFound"),
        (Signer::Mac(vec![1; 32]).token("one", &payload), "TokenSignatureKeyNotFound"),
        ("x.y.z".to_owned(), "JwtInvalid"),
    ] {
        assert_eq!(run(&keys, &policy(HOME, ""), &token).reason(), reason, "{token}");
    }
}

#[test]
fn what_the_client_reads() {
    let keys = entra();
    let body = |policy: &str, authorization: Option<&str>| {
        let mut case = Case::inbound(policy).keys(&keys);
        if let Some(value) = authorization {
            case = case.header("authorization", value.parse().unwrap());
        }
        case.run().body()
    };
    let plain = policy(HOME, "");
    assert_eq!(
        body(&plain, None),
        r#"{ "statusCode": 401, "message": "Azure AD JWT not present" }"#
    );
    for wrong in ["Bearer x", "Basic abc", "x"] {
        assert_eq!(
            body(&plain, Some(wrong)),
            r#"{ "statusCode": 401, "message": "Invalid Azure AD JWT" }"#
        );
    }
    let own = plain.replace(
        "tenant-id",
        r#"failed-validation-httpcode="403" failed-validation-error-message="No." tenant-id"#,
    );
    assert_eq!(body(&own, None), r#"{ "statusCode": 403, "message": "No." }"#);
}

#[test]
fn where_the_token_is() {
    let token = Signer::rsa(0).token("one", &claims(&json!({})));
    let reason = |location: &str, url: &str, headers: &[(&str, &str)]| {
        let policy = policy(HOME, "").replace("tenant-id", &format!("{location} tenant-id"));
        let mut case = Case::inbound(&policy).keys(&entra()).url(url);
        for (name, value) in headers {
            case = case.header(name, value.parse().unwrap());
        }
        case.run().reason().to_owned()
    };
    let bearer = format!("Bearer {token}");
    assert_eq!(reason("", "/", &[("authorization", &bearer)]), "");
    assert_eq!(reason("", "/", &[("authorization", &token)]), "JwtInvalid");
    assert_eq!(reason(r#"header-name="X-Token""#, "/", &[("x-token", &token)]), "");
    assert_eq!(reason(r#"query-parameter-name="t""#, &format!("/?t={token}"), &[]), "");
    assert_eq!(reason(&format!(r#"token-value="{token}""#), "/", &[]), "");
}

#[test]
fn keys_are_fetched_for_the_token_s_version_only() {
    let keys = Arc::<FakeKeys>::default();
    let url =
        format!("https://login.microsoftonline.com/{HOME}/v2.0/.well-known/openid-configuration");
    keys.source(&url).next_fetch(key_set(&v2_issuer(HOME), &[Signer::rsa(0).jwk("one")], 1));
    let token = Signer::rsa(0).token("one", &claims(&json!({})));
    assert_eq!(run(&keys, &policy(HOME, ""), &token).reason(), "");
    assert_eq!(run(&keys, &policy(HOME, ""), &token).waits, 0);
    let one = format!("https://login.microsoftonline.com/{HOME}/.well-known/openid-configuration");
    assert_eq!((keys.source(&url).fetches(), keys.source(&one).fetches()), (1, 0));
    assert_eq!(keys.addresses(), [one.clone(), url]);
    let token = Signer::rsa(0).token("one", &claims(&v1(HOME)));
    assert_eq!(run(&keys, &policy(HOME, ""), &token).reason(), "TokenSignatureKeyNotFound");
    assert_eq!(keys.source(&one).fetches(), 1);
}

#[test]
fn other_clouds() {
    let keys = Arc::<FakeKeys>::default();
    let url =
        format!("https://login.microsoftonline.us/{HOME}/v2.0/.well-known/openid-configuration");
    let issuer = format!("https://login.microsoftonline.us/{HOME}/v2.0");
    keys.source(&url).at_hand(key_set(&issuer, &[Signer::rsa(0).jwk("one")], 1));
    let token = Signer::rsa(0).token("one", &claims(&json!({ "iss": issuer })));
    let policy = policy(HOME, "")
        .replace("tenant-id", r#"authentication-endpoint="login.microsoftonline.us" tenant-id"#);
    assert_eq!(run(&keys, &policy, &token).reason(), "");
}

#[test]
fn tenants_from_expressions() {
    let keys = entra();
    let token = Signer::rsa(0).token("one", &claims(&json!({})));
    let case = |tenant: &str| {
        Case::inbound(&policy(r#"@((string)context.Variables["tenant"])"#, ""))
            .keys(&keys)
            .variable("tenant", tenant.into())
            .header("authorization", format!("Bearer {token}").parse().unwrap())
    };
    assert_eq!(case(HOME).run().reason(), "");
    assert_eq!(case(AWAY).run().reason(), REFUSED);
    let before = keys.addresses();
    for injected in
        ["../common", "common/../x", "a.b/x", "https://evil.example/common", "a.b?x", "", "x y"]
    {
        assert_eq!(case(injected).run().reason(), "ExpressionValueEvaluationFailure", "{injected}");
    }
    assert_eq!(keys.addresses(), before);
}

#[test]
fn doubtful_policies_are_told() {
    let bare = |tenant: &str, children: &str| {
        Case::inbound(&policy(tenant, children).replace(AUDIENCES, ""))
    };
    let clients =
        "<client-application-ids><application-id>x</application-id></client-application-ids>";
    bare(HOME, "").warned("any token of the tenant passes");
    bare(HOME, clients).warned("accepts tokens for any audience");
    Case::inbound(&policy("common", "")).warned("accepts tokens of any tenant");
    assert_eq!(Case::inbound(&policy("common", clients)).findings(), "");
    assert_eq!(Case::inbound(&policy(HOME, "")).findings(), "");
    Case::inbound(&policy("contoso", "")).refused("expected a GUID, a domain");
    Case::inbound(&policy("https://login.microsoftonline.us/common", clients))
        .refused("is of another endpoint");
    Case::inbound("<validate-azure-ad-token />").refused("needs the attribute `tenant-id`");
}
