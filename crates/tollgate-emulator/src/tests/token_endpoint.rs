use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::client::{API, Answer, CLIENT, SECRET, decode, get, post_form, start, start_with};
use crate::ids::unix_now;
use crate::{
    Application, CONTOSO, FABRIKAM, Running, Signature, SigningKey, TokenSpec, TokenVersion,
};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
const SUBJECT: &str = "system:serviceaccount:apps:gateway";
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn token_url(running: &Running, tenant: &str) -> String {
    format!("{}/{tenant}/oauth2/v2.0/token", running.entra.server().url())
}

/// Asks with a client secret, one pair replaced (or left out, when its value is empty).
async fn ask(running: &Running, tenant: &str, replaced: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("scope", SCOPE),
    ];
    for (name, value) in replaced {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    post_form(token_url(running, tenant), form(&pairs)).send().await
}

#[tokio::test]
async fn a_secret_buys_a_token() {
    let running = start().await;
    let answer = ask(&running, CONTOSO, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store, no-cache");
    assert_eq!(answer.at("/token_type"), json!("Bearer"));
    let expires_in = answer.at("/expires_in").as_i64().unwrap();
    assert!((3_599..5_400).contains(&expires_in), "{expires_in}");
    let (_, claims) = decode(answer.at("/access_token").as_str().unwrap());
    assert_eq!(
        (&claims["aud"], &claims["ver"]),
        (&json!("https://cognitiveservices.azure.com"), &json!("1.0"))
    );
    assert_eq!((&claims["appid"], &claims["oid"]), (&json!(CLIENT), &claims["sub"]));

    for scope in [
        format!("{API}/.default"),
        format!("api://{API}/.default"),
        "https://api.contoso.example/.default".into(),
    ] {
        let answer = ask(&running, "contoso.onmicrosoft.com", &[("scope", scope.as_str())]).await;
        let (_, claims) = decode(answer.at("/access_token").as_str().unwrap());
        assert_eq!((&claims["aud"], &claims["ver"]), (&json!(API), &json!("2.0")), "{scope}");
        assert_eq!(claims["roles"], json!(["Gateway.Call"]), "{scope}");
    }
    let slash =
        ask(&running, CONTOSO, &[("scope", "https://cognitiveservices.azure.com//.default")]).await;
    let (_, claims) = decode(slash.at("/access_token").as_str().unwrap());
    assert_eq!(claims["aud"], json!("https://cognitiveservices.azure.com/"));
}

#[tokio::test]
async fn basic_authentication_is_url_encoded_inside() {
    let running = start().await;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    let body = form(&[("grant_type", "client_credentials"), ("scope", SCOPE)]);
    let call = post_form(token_url(&running, CONTOSO), body);
    call.header("authorization", &format!("Basic {basic}")).expect(200).await;
}

/// Tenant, replaced pairs, and the status, error and code that they are refused with.
type Refusal<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str, u32);

#[tokio::test]
async fn refusals_carry_aadsts_codes() {
    let running = start().await;
    let two = format!("{SCOPE} https://graph.microsoft.com/.default");
    let cases: &[Refusal<'_>] = &[
        (CONTOSO, &[("grant_type", "")], 400, "invalid_request", 900_144),
        (CONTOSO, &[("grant_type", "password")], 400, "unsupported_grant_type", 70_003),
        (CONTOSO, &[("client_id", "")], 400, "invalid_request", 900_144),
        (CONTOSO, &[("client_id", API), ("client_secret", "x")], 401, "invalid_client", 7_000_215),
        (CONTOSO, &[("client_id", "bbbb")], 400, "unauthorized_client", 700_016),
        (FABRIKAM, &[], 400, "unauthorized_client", 700_016),
        (CONTOSO, &[("client_secret", "")], 401, "invalid_client", 7_000_216),
        (CONTOSO, &[("client_secret", "wrong")], 401, "invalid_client", 7_000_215),
        (CONTOSO, &[("client_secret", "old")], 401, "invalid_client", 7_000_222),
        (CONTOSO, &[("scope", "")], 400, "invalid_request", 900_144),
        (
            CONTOSO,
            &[("scope", "https://cognitiveservices.azure.com")],
            400,
            "invalid_scope",
            1_002_012,
        ),
        (CONTOSO, &[("scope", &two)], 400, "invalid_scope", 28_000),
        (
            CONTOSO,
            &[("scope", "https://nobody.example/.default")],
            400,
            "invalid_resource",
            500_011,
        ),
        ("common", &[], 400, "invalid_request", 50_059),
        ("nobody.example", &[], 400, "invalid_request", 90_002),
        (CONTOSO, &[("client_assertion", "x")], 400, "invalid_request", 900_144),
        (
            CONTOSO,
            &[("client_assertion", "x"), ("client_assertion_type", "saml")],
            400,
            "invalid_request",
            9_002_313,
        ),
        (
            CONTOSO,
            &[("client_assertion", "x"), ("client_assertion_type", BEARER)],
            400,
            "invalid_request",
            50_027,
        ),
    ];
    for (tenant, replaced, status, error, code) in cases {
        let answer = ask(&running, tenant, replaced).await;
        assert_eq!(
            (answer.status, answer.at("/error")),
            (*status, json!(error)),
            "{tenant} {replaced:?}"
        );
        assert_eq!(answer.at("/error_codes"), json!([code]), "{tenant} {replaced:?}");
        let description = answer.at("/error_description");
        assert!(
            description.as_str().unwrap().starts_with(&format!("AADSTS{code}: ")),
            "{description}"
        );
        for name in ["timestamp", "trace_id", "correlation_id"] {
            assert!(answer.json()[name].is_string(), "{name}");
        }
    }
    let get = get(token_url(&running, CONTOSO)).expect(400).await;
    assert_eq!(get.at("/error_codes"), json!([900_561]));
    let body = form(&[("grant_type", "client_credentials")]);
    let untyped = post_form(token_url(&running, CONTOSO), "").method("POST").body(body);
    assert_eq!(untyped.expect(400).await.at("/error_codes"), json!([900_144]));
}

#[tokio::test]
async fn the_first_version_answers_in_strings() {
    let running = start().await;
    let url = format!("{}/{CONTOSO}/oauth2/token", running.entra.server().url());
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("resource", "https://management.azure.com/"),
    ];
    let answer = post_form(&url, form(&pairs)).expect(200).await;
    for name in ["expires_in", "expires_on", "not_before", "ext_expires_in"] {
        assert!(answer.json()[name].as_str().unwrap().parse::<i64>().is_ok(), "{name}");
    }
    assert_eq!(answer.at("/resource"), json!("https://management.azure.com/"));
    let (_, claims) = decode(answer.at("/access_token").as_str().unwrap());
    assert_eq!(claims["aud"], json!("https://management.azure.com/"));
    assert_eq!(
        post_form(&url, form(&pairs[..3])).expect(400).await.at("/error_codes"),
        json!([900_144])
    );
}

async fn assert_with(running: &Running, assertion: &str) -> (u16, Value) {
    let replaced =
        [("client_secret", ""), ("client_assertion", assertion), ("client_assertion_type", BEARER)];
    let answer = ask(running, CONTOSO, &replaced).await;
    (answer.status, answer.at("/error_codes/0"))
}

#[tokio::test]
async fn workload_identity_trusts_one_service_account() {
    let running = start().await;
    let entra = &running.entra;
    let hour = Duration::from_hours(1);
    let token =
        |subject: &str, audience: &str| entra.workload_token(subject, audience, hour).unwrap();
    assert_eq!(assert_with(&running, &token(SUBJECT, AUDIENCE)).await, (200, Value::Null));
    for (assertion, code) in [
        (token("system:serviceaccount:apps:other", AUDIENCE), 700_213),
        (token(SUBJECT, "https://kubernetes.default.svc"), 700_212),
        (entra.workload_token(SUBJECT, AUDIENCE, Duration::ZERO).unwrap(), 0),
        (entra.mint(&TokenSpec::v2(AUDIENCE).claim("sub", SUBJECT)).unwrap(), 700_211),
        (
            entra
                .mint(&TokenSpec::v2(AUDIENCE).issuer(entra.cluster_issuer()).claim("sub", SUBJECT))
                .unwrap(),
            700_027,
        ),
    ] {
        let want = if code == 0 { (200, Value::Null) } else { (401, json!(code)) };
        assert_eq!(assert_with(&running, &assertion).await, want, "{:?}", decode(&assertion));
    }
    let keys = get(format!("{}/openid/v1/jwks", entra.cluster_issuer())).expect(200).await;
    assert_eq!(keys.at("/keys/0/kid"), decode(&token(SUBJECT, AUDIENCE)).0["kid"]);
    let document = get(format!("{}/.well-known/openid-configuration", entra.cluster_issuer()))
        .expect(200)
        .await;
    assert_eq!(document.at("/issuer"), json!(entra.cluster_issuer()));
}

#[tokio::test]
async fn certificates_sign_assertions() {
    let key = std::sync::Arc::new(SigningKey::generate("client").unwrap());
    let pem = key.certificate_pem().to_owned();
    let running = start_with(|options| {
        options.applications = vec![Application::new(CLIENT).certificate(&pem).unwrap()];
    })
    .await;
    let url = token_url(&running, CONTOSO);
    let assertion = |audience: &str, subject: &str, ends_in: i64| {
        TokenSpec::v2(audience)
            .issuer(CLIENT)
            .claim("sub", subject)
            .claim("exp", unix_now() + ends_in)
            .header("x5t#S256", key.thumbprint_sha256())
            .signed_by(key.clone())
    };
    let mint = |spec: TokenSpec| running.entra.mint(&spec).unwrap();
    let good = assertion(&url, CLIENT, 300);
    let rs256_by_x5t = good.clone().without_header("x5t#S256").header("x5t", key.kid());
    for (spec, want) in [
        (good.clone(), None),
        (good.clone().signature(Signature::Ps256), None),
        (rs256_by_x5t, None),
        (
            assertion(
                &format!("{}/contoso.onmicrosoft.com/v2.0", running.entra.server().url()),
                CLIENT,
                300,
            ),
            Some(700_023),
        ),
        (assertion(&format!("{}/{CONTOSO}/v2.0", running.entra.server().url()), CLIENT, 300), None),
        (assertion(&url, "someone else", 300), Some(700_021)),
        (assertion(&url, CLIENT, -301), Some(700_024)),
        (good.clone().signature(Signature::Corrupt), Some(700_027)),
        (good.clone().signature(Signature::WrongKey), Some(700_027)),
        (good.clone().header("x5t#S256", "AAAA"), Some(700_027)),
        (good.clone().signature(Signature::Hs256(key.public_pem().into_bytes())), Some(700_027)),
    ] {
        let want = want.map_or((200, Value::Null), |code: u32| (401, json!(code)));
        assert_eq!(assert_with(&running, &mint(spec.clone())).await, want, "{spec:?}");
    }
    assert!(matches!(
        Application::new("x").certificate("not a certificate"),
        Err(crate::EmulatorError::Pem)
    ));
}

#[tokio::test]
async fn lifetimes_are_as_told() {
    let running = start().await;
    running.entra.set_token_lifetime(Some(Duration::from_secs(90)));
    let answer = ask(&running, CONTOSO, &[]).await;
    assert_eq!(answer.at("/expires_in"), json!(89));
    let (_, claims) = decode(answer.at("/access_token").as_str().unwrap());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 90);
    let api = Application::new("late").uri("https://late.example").accepts(TokenVersion::V1);
    running.entra.register(api);
    let late = ask(&running, CONTOSO, &[("scope", "https://late.example/.default")]).await;
    let (_, claims) = decode(late.at("/access_token").as_str().unwrap());
    assert_eq!((&claims["aud"], &claims["ver"]), (&json!("https://late.example"), &json!("1.0")));
}
