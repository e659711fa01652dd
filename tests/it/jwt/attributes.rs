//! Each attribute and child of `validate-azure-ad-token` that needs a token of an issuer, and the keys of `validate-jwt`.

use serde_json::json;
use tollgate_emulator::{CONTOSO, FABRIKAM, Running, SigningKey, TokenSpec, TokenVersion};

use super::{AUDIENCE, directory, good, minted};
use crate::harness::{Call, Gateway, azure};

const CLIENT: &str = "7d8e9f00-1a2b-4c3d-8e4f-5a6b7c8d9e0f";

/// A document that tells the subject's application and, when it refuses, why.
fn document(guard: &str) -> String {
    format!(
        r#"<policies>
    <inbound><base />{guard}</inbound>
    <backend><base /></backend>
    <outbound>
        <base />
        <set-header name="x-issuer"><value>@(context.Variables.ContainsKey("jwt") ? ((Jwt)context.Variables["jwt"]).Issuer : "none")</value></set-header>
    </outbound>
    <on-error>
        <base />
        <set-header name="x-reason"><value>@(context.LastError.Reason)</value></set-header>
        <set-header name="x-message"><value>@(context.LastError.Message)</value></set-header>
    </on-error>
</policies>"#
    )
}

fn entra(azure: &Running, attributes: &str, children: &str) -> String {
    let endpoint = azure.entra.server().url();
    document(&format!(
        r#"<validate-azure-ad-token {attributes} authentication-endpoint="{endpoint}" output-token-variable-name="jwt">{children}</validate-azure-ad-token>"#
    ))
}

fn jwt(children: &str) -> String {
    document(&format!(
        r#"<validate-jwt header-name="Authorization" output-token-variable-name="jwt">{children}
            <audiences><audience>{AUDIENCE}</audience></audiences></validate-jwt>"#
    ))
}

/// Asks an API with a token; `passed`, or the reason and the message.
async fn ask(gateway: &Gateway, path: &str, call: impl Fn(Call) -> Call) -> String {
    let answer = gateway.send(call(Call::get(path))).await;
    match answer.status.as_u16() {
        200 => "passed".to_owned(),
        401 => format!("{}: {}", answer.header("x-reason"), answer.header("x-message")),
        _ => format!("{} {}", answer.status, answer.text()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_audiences_and_claims() {
    let azure = azure().await;
    let tenant = format!("tenant-id=\"{CONTOSO}\"");
    let ids = |list: &str, ids: &[&str]| {
        let ids: Vec<String> =
            ids.iter().map(|id| format!("<application-id> {id} </application-id>")).collect();
        format!("<{list}>{}</{list}>", ids.concat())
    };
    let upper = CLIENT.to_uppercase();
    let clients = ids("client-application-ids", &[FABRIKAM, &upper]);
    let backends = ids("backend-application-ids", &[FABRIKAM, AUDIENCE]);
    let audiences = format!(
        r#"<audiences><audience>other</audience><audience>@("api://" + "{AUDIENCE}")</audience></audiences>"#
    );
    let claims = r#"<required-claims><claim name="scp" match="any" separator=" "><value>write</value><value>@("read")</value></claim></required-claims>"#;
    let apis = [
        ("clients", entra(&azure, &tenant, &clients)),
        ("backends", entra(&azure, &tenant, &backends)),
        ("audiences", entra(&azure, &tenant, &audiences)),
        ("both", entra(&azure, &tenant, &format!("{backends}{audiences}"))),
        ("claims", entra(&azure, &tenant, claims)),
    ];
    let gateway = directory(&azure, "", &apis).start();
    let (v1, v2) = (|| TokenSpec::v1(AUDIENCE), || TokenSpec::v2(AUDIENCE));
    let uri = format!("api://{AUDIENCE}");
    let audience = "TokenAudienceNotAllowed: Audience validation failed. Audiences: ";
    let client = format!("={FABRIKAM},{upper}.");
    for (api, spec, expected) in [
        ("clients", v2().app(CLIENT), "passed".to_owned()),
        ("clients", v1().app(CLIENT), "passed".to_owned()),
        (
            "clients",
            v2().app(AUDIENCE),
            format!("TokenClaimValueMismatch: Claim value mismatch: azp{client}"),
        ),
        (
            "clients",
            v1().app(AUDIENCE),
            format!("TokenClaimValueMismatch: Claim value mismatch: appid{client}"),
        ),
        // The claim of the other version says nothing.
        (
            "clients",
            v2().without("azp").claim("appid", CLIENT),
            "TokenClaimNotFound: JWT is missing the following claims: azp. Access denied."
                .to_owned(),
        ),
        ("backends", v2(), "passed".to_owned()),
        ("backends", TokenSpec::v1(&uri), "passed".to_owned()),
        ("backends", v2().claim("aud", json!(["x", uri])), "passed".to_owned()),
        (
            "backends",
            TokenSpec::v2(CLIENT),
            format!("{audience}'{CLIENT}' did not match. Access denied."),
        ),
        ("backends", v2().without("aud"), format!("{audience}'' did not match. Access denied.")),
        ("audiences", TokenSpec::v1(&uri), "passed".to_owned()),
        ("audiences", v2(), format!("{audience}'{AUDIENCE}' did not match. Access denied.")),
        ("both", TokenSpec::v1(&uri), "passed".to_owned()),
        (
            "both",
            TokenSpec::v2("other"),
            format!("{audience}'other' did not match. Access denied."),
        ),
        ("claims", v2().scopes("x read"), "passed".to_owned()),
        (
            "claims",
            v2().scopes("reads"),
            "TokenClaimValueMismatch: Claim value mismatch: scp=write,read.".to_owned(),
        ),
        (
            "claims",
            v2(),
            "TokenClaimNotFound: JWT is missing the following claims: scp. Access denied."
                .to_owned(),
        ),
    ] {
        let token = minted(&azure, &spec);
        let found = ask(&gateway, &format!("/{api}/x"), |call| call.bearer(&token)).await;
        assert_eq!(found, expected, "{api} {spec:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_places_of_a_token() {
    let azure = azure().await;
    let any = "<audiences><audience>@(context.Request.Headers.GetValueOrDefault(\"x-audience\", \"none\"))</audience></audiences>";
    let attributes = [
        ("upper", format!("tenant-id=\"{}\"", CONTOSO.to_uppercase())),
        ("expression", "tenant-id=\"@(context.Request.Headers.GetValueOrDefault(&quot;x-tenant&quot;, &quot;&quot;))\"".to_owned()),
        ("organizations", "tenant-id=\"organizations\"".to_owned()),
        ("query", format!("tenant-id=\"{CONTOSO}\" query-parameter-name=\"token\"")),
        ("header", format!("tenant-id=\"{CONTOSO}\" header-name=\"x-token\"")),
        ("value", format!("tenant-id=\"{CONTOSO}\" token-value=\"@(context.Request.Headers.GetValueOrDefault(&quot;x-token&quot;, &quot;&quot;))\"")),
    ];
    let apis: Vec<_> = attributes
        .iter()
        .map(|(name, attributes)| (*name, entra(&azure, attributes, any)))
        .collect();
    let gateway = directory(&azure, "", &apis).start();
    let (own, other) = (
        minted(&azure, &TokenSpec::v2(AUDIENCE)),
        minted(&azure, &TokenSpec::v1(AUDIENCE).tenant(FABRIKAM)),
    );
    for (api, tenant, token, passes) in [
        ("upper", "", &own, true),
        ("upper", "", &other, false),
        ("expression", CONTOSO, &own, true),
        ("expression", CONTOSO, &other, false),
        ("expression", FABRIKAM, &other, true),
        ("expression", "common", &other, true),
        ("organizations", "", &own, true),
        ("organizations", "", &other, true),
    ] {
        let path = format!("/{api}/x");
        let found = ask(&gateway, &path, |call| {
            call.bearer(token).header("x-audience", AUDIENCE).header("x-tenant", tenant)
        });
        let found = found.await;
        assert_eq!(found == "passed", passes, "{api} {tenant}: {found}");
    }
    let with = |call: Call| call.header("x-audience", AUDIENCE);
    let path = format!("/query/x?token={own}");
    assert_eq!(ask(&gateway, &path, with).await, "passed");
    for api in ["header", "value"] {
        let path = format!("/{api}/x");
        let found = ask(&gateway, &path, |call| with(call).header("x-token", &own)).await;
        assert_eq!(found, "passed", "{api}");
        let elsewhere = ask(&gateway, &path, |call| with(call).bearer(&own)).await;
        assert_eq!(elsewhere, "TokenNotPresent: JWT not present.", "{api}");
    }
    // What the variable gets is the token that was checked.
    let answer = gateway.send(with(Call::get("/upper/x")).bearer(&own)).await.expect(200);
    assert_eq!(answer.header("x-issuer"), azure.entra.issuer(CONTOSO, TokenVersion::V2));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_certificates_and_of_configurations() {
    let azure = azure().await;
    let signer = azure.entra.signing_key();
    let (n, e) = signer.components();
    let kid = signer.kid();
    let keys = |keys: &str| format!("<issuer-signing-keys>{keys}</issuer-signing-keys>");
    let url = azure.entra.metadata_url(CONTOSO, TokenVersion::V2);
    let missing = azure.entra.metadata_url("nobody.example", TokenVersion::V2);
    let apis = [
        ("certificate", jwt(&keys(r#"<key certificate-id="signer" />"#))),
        ("named", jwt(&keys(&format!(r#"<key id="{kid}" certificate-id="signer" />"#)))),
        ("misnamed", jwt(&keys(r#"<key id="other" certificate-id="signer" />"#))),
        ("modulus", jwt(&keys(&format!(r#"<key n="{n}" e="{e}" />"#)))),
        (
            "expression",
            jwt(
                r#"<openid-config url="@(context.Request.Headers.GetValueOrDefault(&quot;x-url&quot;, &quot;&quot;))" validate-connectivity="true" />"#,
            ),
        ),
        (
            "two",
            jwt(&format!(
                r#"<openid-config url="{missing}" /><openid-config url="{url}" validate-connectivity="false" />"#
            )),
        ),
    ];
    let pem = format!("{}{}", signer.certificate_pem(), signer.private_pem());
    let config = "\n[certificates.signer]\nfile = \"signer.pem\"\n";
    let gateway = directory(&azure, config, &apis).file("signer.pem", &pem).start();
    let own = minted(&azure, &good());
    let stranger = SigningKey::generate("stranger").expect("a key");
    let forged = minted(&azure, &good().signed_by(stranger.into()));
    let unknown = "TokenSignatureKeyNotFound: Signature validation failed. Unable to match key. Access denied.";
    let asked = async |api: &str, token: &str| {
        let path = format!("/{api}/x");
        ask(&gateway, &path, |call| call.bearer(token).header("x-url", &url)).await
    };
    for api in ["certificate", "named", "modulus", "expression", "two"] {
        assert_eq!(asked(api, &own).await, "passed", "{api}");
        let found = asked(api, &forged).await;
        assert!(found.starts_with("TokenSignature"), "{api}: {found}");
    }
    assert_eq!(asked("misnamed", &own).await, unknown);
    let nowhere = ask(&gateway, "/expression/x", |call| call.bearer(&own)).await;
    assert!(nowhere.starts_with("500"), "{nowhere}");
    let away = ask(&gateway, "/expression/x", |call| {
        call.bearer(&own).header("x-url", "http://127.0.0.1:9/.well-known/openid-configuration")
    });
    assert!(away.await.starts_with("TokenSignatureKeyNotFound: "));
}
