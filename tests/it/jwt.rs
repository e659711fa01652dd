//! Who gets past `validate-jwt` and `validate-azure-ad-token`, and what that asks of the issuer.

mod attacks;
mod attributes;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use serde_json::{Value, json};
use tollgate_emulator::{CONTOSO, FABRIKAM, Running, Signature, TokenSpec, TokenVersion};

use crate::harness::{Answer, Call, Directory, Gateway, azure, until};

/// What the tokens are for.
const AUDIENCE: &str = "5e1f0a77-0b3c-4c55-9a51-6f2d3c1b7a90";
/// The role that every guard asks for.
const ROLE: &str = "Chat.Invoke";
/// Those for every tenant.
const ANY_TENANT: &[&str] = &["common", "any"];
/// All of them.
const ALL: &[&str] = &["jwt", "strict", "both", "any", "entra", "common"];

fn document(guard: &str) -> String {
    format!(
        "<policies><inbound><base />{guard}</inbound><backend><base /></backend>\
         <outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

fn claims(audience: &str) -> String {
    format!(
        "<audiences><audience>{audience}</audience></audiences>\
         <required-claims><claim name=\"roles\"><value>{ROLE}</value></claim></required-claims>"
    )
}

/// `validate-jwt` with these OpenID configurations.
fn jwt_guard(
    azure: &Running,
    attributes: &str,
    configurations: &[(&str, TokenVersion)],
    issuers: &str,
) -> String {
    let mut urls = String::new();
    for (tenant, version) in configurations {
        let url = azure.entra.metadata_url(tenant, *version);
        write!(urls, "<openid-config url=\"{url}\" />").expect("text");
    }
    // The order of the elements is Azure's.
    let claims =
        claims(AUDIENCE).replace("<required-claims>", &format!("{issuers}<required-claims>"));
    document(&format!(
        "<validate-jwt header-name=\"Authorization\" {attributes}>{urls}{claims}</validate-jwt>"
    ))
}

fn entra_guard(azure: &Running, tenant: &str, audience: &str) -> String {
    let (endpoint, claims) = (azure.entra.server().url(), claims(audience));
    document(&format!(
        "<validate-azure-ad-token tenant-id=\"{tenant}\" authentication-endpoint=\"{endpoint}\">\
         {claims}</validate-azure-ad-token>"
    ))
}

/// A directory with an API for each name, in front of the echo backend.
fn directory(azure: &Running, keys: &str, apis: &[(&str, String)]) -> Directory {
    let mut config = format!("[keys]\n{keys}\n");
    let mut directory = Directory::new("");
    let echo = azure.echo.server().url();
    for (name, policy) in apis {
        write!(
            config,
            "\n[apis.{name}]\npath = \"{name}\"\nsubscription = \"optional\"\nservice-url = \"{echo}/echo\"\n"
        )
        .expect("text");
        directory = directory.api(name, policy);
    }
    directory.configure(&config);
    directory
}

/// All guards, by the names above.
fn guards(azure: &Running) -> Vec<(&'static str, String)> {
    let v1 = azure.entra.issuer(CONTOSO, TokenVersion::V1);
    let v2 = azure.entra.issuer(CONTOSO, TokenVersion::V2);
    let issuers = format!("<issuers><issuer>{v2}</issuer></issuers>");
    let both = format!("<issuers><issuer>{v1}</issuer><issuer>{v2}</issuer></issuers>");
    let one = [(CONTOSO, TokenVersion::V2)];
    let two = [(CONTOSO, TokenVersion::V1), (CONTOSO, TokenVersion::V2)];
    let any = [("common", TokenVersion::V2)];
    vec![
        ("jwt", jwt_guard(azure, "", &one, &issuers)),
        ("strict", jwt_guard(azure, "require-scheme=\"Bearer\"", &one, "")),
        ("both", jwt_guard(azure, "", &two, &both)),
        ("any", jwt_guard(azure, "", &any, "")),
        ("entra", entra_guard(azure, CONTOSO, AUDIENCE)),
        ("common", entra_guard(azure, "common", AUDIENCE)),
    ]
}

pub(crate) fn gateway(azure: &Running, keys: &str) -> Gateway {
    directory(azure, keys, &guards(azure)).start()
}

/// A token that passes every guard.
pub(crate) fn good() -> TokenSpec {
    TokenSpec::v2(AUDIENCE).roles([ROLE])
}

pub(crate) fn minted(azure: &Running, spec: &TokenSpec) -> String {
    azure.entra.mint(spec).expect("a token")
}

/// Whether an answer is APIM's refusal; else what is wrong with it.
fn is_refusal(guard: &str, answer: &Answer) -> Result<(), String> {
    let shown = || format!("{} {}", answer.status, answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or_default();
    let is_right = match guard {
        "entra" | "common" => {
            ["Invalid Azure AD JWT", "Azure AD JWT not present"].contains(&message)
        }
        _ => !message.is_empty() && !message.contains("eyJ"),
    };
    let as_json = answer.header("content-type").starts_with("application/json");
    if answer.status == 401
        && is_right
        && as_json
        && body == json!({ "statusCode": 401, "message": message })
    {
        Ok(())
    } else {
        Err(shown())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn good_tokens_pass() {
    let azure = azure().await;
    azure.entra.publish_curve_key(true);
    let gateway = gateway(&azure, "");
    let v1 = || TokenSpec::v1(AUDIENCE).roles([ROLE]);
    let both: &[&str] = &["both", "entra", "common"];
    for (guards, name, spec) in [
        (ALL, "v2", good()),
        (both, "v1", v1()),
        (ALL, "PS256", good().signature(Signature::Ps256)),
        (both, "v1 with PS256", v1().signature(Signature::Ps256)),
        (ALL, "RS384", good().signature(Signature::Rs384)),
        (ALL, "RS512", good().signature(Signature::Rs512)),
        (ALL, "ES256", good().signature(Signature::Es256)),
        (ALL, "several roles", good().roles(["Chat.Read", ROLE])),
        (ALL, "several audiences", good().claim("aud", json!(["other", AUDIENCE]))),
        (ALL, "a time with a fraction", good().claim("exp", json!(4_102_444_800.5))),
        (ANY_TENANT, "another tenant", good().tenant(FABRIKAM)),
        (&["common"], "another tenant, v1", v1().tenant(FABRIKAM)),
    ] {
        let token = minted(&azure, &spec);
        for guard in guards {
            let answer = gateway.send(Call::get(&format!("/{guard}/x")).bearer(&token)).await;
            assert_eq!(answer.status, 200, "{guard}: {name}: {}", answer.text());
        }
    }
    let token = minted(&azure, &good());
    let bare = Call::get("/jwt/x").header("authorization", &token);
    gateway.send(bare).await.expect(200);
    let lower = Call::get("/strict/x").header("authorization", &format!("bearer {token}"));
    gateway.send(lower).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_judged_anew_by_each_api() {
    let azure = azure().await;
    let url = azure.entra.metadata_url(CONTOSO, TokenVersion::V2);
    let jwt = |audience: &str| {
        let claims = claims(audience);
        document(&format!(
            "<validate-jwt header-name=\"Authorization\"><openid-config url=\"{url}\" />{claims}</validate-jwt>"
        ))
    };
    let entra = |audience: &str| entra_guard(&azure, CONTOSO, audience);
    let apis = [
        ("alpha", jwt("alpha")),
        ("beta", jwt("beta")),
        ("entra-alpha", entra("alpha")),
        ("entra-beta", entra("beta")),
    ];
    let gateway = directory(&azure, "", &apis).start();
    let tokens =
        ["alpha", "beta"].map(|audience| minted(&azure, &TokenSpec::v2(audience).roles([ROLE])));
    let run = async |first: usize| {
        let mut connection = gateway.connect().await;
        for n in first..first + 100 {
            let token = &tokens[n % 2];
            for (name, wanted) in [("alpha", 0), ("beta", 1), ("entra-alpha", 0), ("entra-beta", 1)]
            {
                let call = Call::get(&format!("/{name}/x")).bearer(token);
                let answer = connection.send(call).await.expect("an answer");
                if n % 2 == wanted {
                    assert_eq!(answer.status, 200, "{name} {n}: {}", answer.text());
                } else {
                    is_refusal(name.split('-').next().expect("a name"), &answer)
                        .unwrap_or_else(|why| panic!("{name} {n}: {why}"));
                }
            }
        }
    };
    join_all((0..8).map(run)).await;
    assert_eq!(azure.echo.server().count("*"), 8 * 100 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_roll_without_a_failed_request() {
    let azure = azure().await;
    let gateway = gateway(&azure, "cool-down = \"1ms\"");
    let old = minted(&azure, &good());
    let stop = tokio::sync::watch::Sender::new(false);
    let client = async |guard: &str| {
        let mut n = 0;
        while !*stop.borrow() {
            let mut connection = gateway.connect().await;
            for _ in 0..20 {
                let new = minted(&azure, &good());
                for token in [&new, &old] {
                    let call = Call::get(&format!("/{guard}/x")).bearer(token);
                    let answer = connection.send(call).await.expect("an answer");
                    assert_eq!(answer.status, 200, "{guard} {n}: {}", answer.text());
                    n += 1;
                }
            }
        }
        n
    };
    let rolls = async {
        for _ in 0..3 {
            azure.entra.roll_keys().expect("a key");
            let before = azure.echo.server().count("*");
            assert!(azure.echo.server().wait_for("*", before + 50, Duration::from_secs(20)).await);
        }
        stop.send_replace(true);
    };
    let clients = join_all(["jwt", "entra", "both", "common"].map(client));
    let (n, ()) = tokio::join!(clients, rolls);
    assert!(n.iter().all(|n| *n > 0), "{n:?}");
    // A key that was taken back opens nothing once the gateway has seen that.
    azure.entra.withdraw_old_keys();
    azure.entra.roll_keys().expect("a key");
    let token = minted(&azure, &good());
    gateway.send(Call::get("/jwt/x").bearer(&token)).await.expect(200);
    gateway.send(Call::get("/jwt/x").bearer(&old)).await.expect(401);
}

/// How often the issuer's keys, or its configuration, were fetched.
fn fetches(azure: &Running) -> u64 {
    let server = azure.entra.server();
    server.count("*/keys").max(server.count("*/openid-configuration"))
}

/// Sends good-looking tokens with distinct made-up `kid`s over several connections.
async fn spray(azure: &Running, gateway: &Gateway, n_each: usize) {
    let token = minted(azure, &good());
    let (_, rest) = token.split_once('.').expect("a header");
    let client = async |client: usize| {
        let guard = ["jwt", "entra"][client % 2];
        let mut connection = gateway.connect().await;
        for n in 0..n_each {
            if n % 500 == 499 {
                connection = gateway.connect().await;
            }
            let kid = URL_SAFE_NO_PAD.encode(format!("{client} {n} made up"));
            let header = json!({"typ": "JWT", "alg": "RS256", "kid": kid}).to_string();
            let token = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            let call = Call::get(&format!("/{guard}/x")).bearer(&token);
            let answer = connection.send(call).await.expect("an answer");
            is_refusal(guard, &answer).unwrap_or_else(|why| panic!("{guard} {n}: {why}"));
        }
    };
    join_all((0..8).map(client)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_kids_cause_one_fetch() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let call = || Call::get("/jwt/x").bearer(&minted(&azure, &good()));
    gateway.send(call()).await.expect(200);
    assert_eq!(fetches(&azure), 1);
    spray(&azure, &gateway, 1_250).await;
    assert_eq!(fetches(&azure), 2);
    assert_eq!(azure.echo.server().count("*"), 1);
    gateway.send(call()).await.expect(200);
    assert_eq!(fetches(&azure), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_kids_cause_one_fetch_for_each_cool_down() {
    let azure = azure().await;
    let gateway = gateway(&azure, "cool-down = \"200ms\"");
    let begun = Instant::now();
    spray(&azure, &gateway, 250).await;
    let n_windows = u64::try_from(begun.elapsed().as_millis() / 200).expect("a number") + 1;
    let n = fetches(&azure);
    assert!(n <= n_windows + 1, "{n} fetches in {n_windows} windows");
    assert_eq!(azure.echo.server().count("*"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_keys_serve_while_the_issuer_is_away() {
    let azure = azure().await;
    let gateway = gateway(&azure, "cool-down = \"10ms\"\nlifetime = \"1s\"");
    let send = async |guard: &str| {
        let token = minted(&azure, &good());
        gateway.send(Call::get(&format!("/{guard}/x")).bearer(&token)).await.status.as_u16()
    };
    for guard in ALL {
        assert_eq!(send(guard).await, 200, "{guard}");
    }
    azure.entra.server().go_offline();
    let away = |line: &str| line.contains("keys could not be fetched");
    gateway.logged_times(3, away).await;
    for _ in 0..10 {
        for guard in ALL {
            assert_eq!(send(guard).await, 200, "{guard}");
        }
    }
    let old = azure.entra.signing_key();
    azure.entra.roll_keys().expect("a key");
    assert_eq!(send("jwt").await, 401);
    let token = minted(&azure, &good().signed_by(old));
    gateway.send(Call::get("/jwt/x").bearer(&token)).await.expect(200);
    azure.entra.server().go_online();
    until("the new key is known", async || (send("jwt").await == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_keys_serve_within_a_bound() {
    let azure = azure().await;
    let gateway = gateway(&azure, "cool-down = \"10ms\"\nlifetime = \"1s\"\nstale = \"2s\"");
    let token = minted(&azure, &good());
    let send = async || gateway.send(Call::get("/jwt/x").bearer(&token)).await.status.as_u16();
    assert_eq!(send().await, 200);
    azure.entra.server().go_offline();
    until("the keys are too old", async || (send().await == 401).then_some(())).await;
    azure.entra.server().go_online();
    until("the issuer is back", async || (send().await == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_may_come_later() {
    let azure = azure().await;
    azure.entra.server().go_offline();
    let gateway = gateway(&azure, "cool-down = \"100ms\"");
    let send = async |guard: &str| {
        let token = minted(&azure, &good());
        gateway.send(Call::get(&format!("/{guard}/x")).bearer(&token)).await
    };
    for guard in ALL {
        is_refusal(guard, &send(guard).await).unwrap_or_else(|why| panic!("{guard}: {why}"));
    }
    assert_eq!(azure.echo.server().count("*"), 0);
    azure.entra.server().go_online();
    for guard in ALL {
        until("the issuer is back", async || (send(guard).await.status == 200).then_some(())).await;
    }
}
