use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::client::{API, CLIENT, decode, get, start, start_with};
use crate::{CONTOSO, FABRIKAM, Issuers, Running, Signature, TokenSpec, TokenVersion};

#[tokio::test]
async fn discovery_is_at_entras_paths() {
    let running = start().await;
    let base = running.entra.server().url();
    for (path, issuer, keys) in [
        (CONTOSO.to_owned(), format!("{base}/sts/{CONTOSO}/"), format!("{CONTOSO}/discovery/keys")),
        (
            format!("{CONTOSO}/v2.0"),
            format!("{base}/{CONTOSO}/v2.0"),
            format!("{CONTOSO}/discovery/v2.0/keys"),
        ),
        (
            "contoso.onmicrosoft.com/v2.0".into(),
            format!("{base}/{CONTOSO}/v2.0"),
            format!("{CONTOSO}/discovery/v2.0/keys"),
        ),
        (
            "common/v2.0".into(),
            format!("{base}/{{tenantid}}/v2.0"),
            "common/discovery/v2.0/keys".into(),
        ),
        (
            "organizations/v2.0".into(),
            format!("{base}/{{tenantid}}/v2.0"),
            "organizations/discovery/v2.0/keys".into(),
        ),
        ("common".into(), format!("{base}/sts/{{tenantid}}/"), "common/discovery/keys".into()),
    ] {
        let document =
            get(format!("{base}/{path}/.well-known/openid-configuration")).expect(200).await;
        assert_eq!(document.at("/issuer"), json!(issuer), "{path}");
        assert_eq!(document.at("/jwks_uri"), json!(format!("{base}/{keys}")), "{path}");
        let keys = get(document.at("/jwks_uri").as_str().unwrap()).expect(200).await;
        assert_eq!(keys.at("/keys").as_array().unwrap().len(), 2, "{path}");
    }
    let unknown = get(format!("{base}/nobody.example/v2.0/.well-known/openid-configuration"))
        .expect(400)
        .await;
    assert_eq!(unknown.at("/error"), json!("invalid_tenant"));
    assert_eq!(unknown.at("/error_codes"), json!([90002]));
    get(format!("{base}/{CONTOSO}/v3.0/.well-known/openid-configuration")).expect(404).await;
    let custom = get(format!("{base}/{CONTOSO}/v2.0/.well-known/openid-configuration?appid={API}"))
        .expect(200)
        .await;
    assert!(custom.at("/jwks_uri").as_str().unwrap().ends_with(&format!("keys?appid={API}")));
}

#[tokio::test]
async fn keys_look_like_entras() {
    let running = start().await;
    let base = running.entra.server().url();
    let keys = |path: String| async move { get(path).expect(200).await.at("/keys") };
    let common = keys(format!("{base}/common/discovery/v2.0/keys")).await;
    for key in common.as_array().unwrap() {
        assert_eq!(key.get("alg"), None);
        assert_eq!(
            (&key["kty"], &key["use"], &key["kid"]),
            (&json!("RSA"), &json!("sig"), &key["x5t"])
        );
        assert_eq!(key["issuer"], json!(format!("{base}/{{tenantid}}/v2.0")));
        assert_eq!(key["x5c"].as_array().unwrap().len(), 1);
        assert_eq!(URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256);
    }
    let of_tenant = keys(format!("{base}/{CONTOSO}/discovery/v2.0/keys")).await;
    assert_eq!(of_tenant[0]["issuer"], json!(format!("{base}/{CONTOSO}/v2.0")));
    let v1 = keys(format!("{base}/{CONTOSO}/discovery/keys")).await;
    assert_eq!(v1[0].get("issuer"), None);
}

/// Verifies with a published key, as a client does that knows only the document.
async fn verified(running: &Running, token: &str) -> bool {
    let url = format!("{}/common/discovery/v2.0/keys", running.entra.server().url());
    let keys = get(url).expect(200).await.at("/keys");
    let kid = &decode(token).0["kid"];
    let Some(key) = keys.as_array().unwrap().iter().find(|key| &key["kid"] == kid) else {
        return false;
    };
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    RsaPublicKeyComponents { n: part("n"), e: part("e") }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .is_ok()
}

#[tokio::test]
async fn tokens_have_entras_claims_and_a_signature_that_holds() {
    let running = start().await;
    let base = running.entra.server().url();
    let v2 = running.entra.mint(&TokenSpec::v2(API).app(CLIENT).roles(["A", "B"])).unwrap();
    let (header, claims) = decode(&v2);
    assert_eq!(header["alg"], json!("RS256"));
    assert_eq!(header.get("x5t"), None);
    for (name, want) in [
        ("aud", json!(API)),
        ("iss", json!(format!("{base}/{CONTOSO}/v2.0"))),
        ("azp", json!(CLIENT)),
        ("ver", json!("2.0")),
        ("tid", json!(CONTOSO)),
        ("roles", json!(["A", "B"])),
        ("appid", Value::Null),
    ] {
        assert_eq!(claims[name], want, "{name}");
    }
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() >= 3_600);
    assert!(verified(&running, &v2).await);

    let spec = TokenSpec::v1("api://x").tenant(FABRIKAM).app(CLIENT).scopes("read write");
    let (header, claims) = decode(&running.entra.mint(&spec).unwrap());
    assert_eq!(header["x5t"], header["kid"]);
    assert_eq!(claims["iss"], json!(format!("{base}/sts/{FABRIKAM}/")));
    assert_eq!((&claims["appid"], &claims["ver"]), (&json!(CLIENT), &json!("1.0")));
    assert_eq!((&claims["scp"], claims.get("roles")), (&json!("read write"), None));
    assert!(claims["upn"].is_string());
}

#[tokio::test]
async fn improper_tokens_are_improper() {
    let running = start().await;
    let good = TokenSpec::v2(API);
    let public = running.entra.signing_key().public_pem().into_bytes();
    for (signature, algorithm, holds) in [
        (Signature::Rs256, "RS256", true),
        (Signature::WrongKey, "RS256", false),
        (Signature::Corrupt, "RS256", false),
        (Signature::Rs512, "RS512", false),
        (Signature::Ps256, "PS256", false),
        (Signature::Es256, "ES256", false),
        (Signature::Hs256(public), "HS256", false),
        (Signature::None, "none", false),
    ] {
        let token = running.entra.mint(&good.clone().signature(signature)).unwrap();
        assert_eq!(decode(&token).0["alg"], json!(algorithm));
        assert_eq!(verified(&running, &token).await, holds, "{algorithm}");
    }
    let edited =
        good.without("aud").claim("exp", "soon").header("alg", "nOnE").without_header("kid");
    let (header, claims) = decode(&running.entra.mint(&edited).unwrap());
    assert_eq!((&header["alg"], header.get("kid")), (&json!("nOnE"), None));
    assert_eq!((&claims["exp"], claims.get("aud")), (&json!("soon"), None));
    let raw = running.entra.sign("{not json", "{}", &Signature::Rs256).unwrap();
    assert!(raw.starts_with(&URL_SAFE_NO_PAD.encode("{not json")));
}

#[tokio::test]
async fn keys_roll_on_demand() {
    let running = start().await;
    let entra = &running.entra;
    let (old, before) = (entra.signing_key(), entra.mint(&TokenSpec::v2(API)).unwrap());
    let new = entra.roll_keys().unwrap();
    let after = entra.mint(&TokenSpec::v2(API)).unwrap();
    assert_eq!(decode(&after).0["kid"], json!(new.kid()));
    assert!(verified(&running, &before).await && verified(&running, &after).await);
    entra.withdraw_old_keys();
    assert!(!verified(&running, &before).await && verified(&running, &after).await);
    let revived = entra.mint(&TokenSpec::v2(API).signed_by(old)).unwrap();
    assert!(!verified(&running, &revived).await);
    entra.publish_curve_key(true);
    let keys = entra.jwks("common", TokenVersion::V2);
    assert_eq!(keys["keys"][1]["kty"], json!("EC"));
    let literal = entra.publish_key_for_issuer("https://login.example/9188/v2.0").unwrap();
    let keys = entra.jwks(CONTOSO, TokenVersion::V2);
    assert_eq!(keys["keys"][1]["kid"], json!(literal.kid()));
    assert_eq!(keys["keys"][1]["issuer"], json!("https://login.example/9188/v2.0"));
}

#[tokio::test]
async fn issuers_can_be_entras_own() {
    let running = start_with(|options| options.issuers = Issuers::public_cloud()).await;
    let issuer = |version| running.entra.issuer(CONTOSO, version);
    assert_eq!(issuer(TokenVersion::V1), format!("https://sts.windows.net/{CONTOSO}/"));
    assert_eq!(
        issuer(TokenVersion::V2),
        format!("https://login.microsoftonline.com/{CONTOSO}/v2.0")
    );
    let document = get(running.entra.metadata_url("common", TokenVersion::V2)).expect(200).await;
    assert_eq!(document.at("/issuer"), json!("https://login.microsoftonline.com/{tenantid}/v2.0"));
}

#[tokio::test]
async fn instance_discovery_knows_this_instance_only() {
    let running = start().await;
    let base = running.entra.server().url();
    let ask = |of: String| {
        format!("{base}/common/discovery/instance?api-version=1.1&authorization_endpoint={of}")
    };
    let known = get(ask(format!("{base}/{CONTOSO}/oauth2/v2.0/authorize"))).expect(200).await;
    let found = known.at("/tenant_discovery_endpoint");
    assert_eq!(found, json!(format!("{base}/{CONTOSO}/.well-known/openid-configuration")));
    let unknown =
        get(ask("https://login.evil.example/x/oauth2/authorize".into())).expect(400).await;
    assert_eq!(unknown.at("/error"), json!("invalid_instance"));
}
