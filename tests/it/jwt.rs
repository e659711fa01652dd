//! Who gets past `validate-jwt` and `validate-azure-ad-token`, and what that asks of the issuer.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate_emulator::{
    CONTOSO, FABRIKAM, Running, Signature, SigningKey, TokenSpec, TokenVersion,
};

use crate::harness::{Answer, Call, Directory, Gateway, azure, until};

/// What the tokens are for.
const AUDIENCE: &str = "5e1f0a77-0b3c-4c55-9a51-6f2d3c1b7a90";
/// The role that every guard asks for.
const ROLE: &str = "Chat.Invoke";
/// `validate-jwt` with one OpenID configuration, and one that insists on the scheme.
const JWT: &[&str] = &["jwt", "strict"];
/// Those with the keys of one tenant's v2 tokens, and with all of its keys.
const ONE_TENANT: &[&str] = &["jwt", "strict", "both", "entra"];
/// `validate-azure-ad-token`.
const ENTRA: &[&str] = &["entra", "common"];
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

fn gateway(azure: &Running, keys: &str) -> Gateway {
    directory(azure, keys, &guards(azure)).start()
}

/// A token that passes every guard.
fn good() -> TokenSpec {
    TokenSpec::v2(AUDIENCE).roles([ROLE])
}

fn minted(azure: &Running, spec: &TokenSpec) -> String {
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

/// Something that must be refused.
struct Attack {
    name: String,
    authorization: String,
    guards: &'static [&'static str],
}

/// Collects attacks.
struct Forge<'a> {
    azure: &'a Running,
    attacks: Vec<Attack>,
}

impl Forge<'_> {
    fn header(&mut self, guards: &'static [&'static str], name: &str, authorization: String) {
        self.attacks.push(Attack { name: name.to_owned(), authorization, guards });
    }

    fn token(&mut self, name: &str, token: &str) {
        self.header(ALL, name, format!("Bearer {token}"));
    }

    fn spec(&mut self, name: &str, spec: &TokenSpec) {
        self.spec_for(ALL, name, spec);
    }

    fn spec_for(&mut self, guards: &'static [&'static str], name: &str, spec: &TokenSpec) {
        let token = minted(self.azure, spec);
        self.header(guards, name, format!("Bearer {token}"));
    }

    fn claim(&mut self, name: &str, value: Value) {
        self.spec(&format!("{name} = {value}"), &good().claim(name, value));
    }

    /// Header and claims of a good token, as text.
    fn texts(&self) -> (String, String) {
        let token = minted(self.azure, &good());
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("Base64url");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        (parts.next().expect("a header"), parts.next().expect("claims"))
    }

    /// A token of texts, properly signed unless said otherwise.
    fn raw(&mut self, name: &str, header: &str, claims: &str, signature: &Signature) {
        let token = self.azure.entra.sign(header, claims, signature).expect("a token");
        self.token(name, &token);
    }

    /// Adds members before all others of a text.
    fn before(text: &str, members: &str) -> String {
        format!("{{{members},{}", &text[1..])
    }

    fn algorithms(&mut self) {
        let (header, claims) = self.texts();
        let key = self.azure.entra.signing_key();
        for alg in [
            "none", "None", "nOnE", "NONE", "none ", "", "rs256", "RS257", "HS256", "PS256",
            "ES256", "RS384",
        ] {
            let header = header.replace("\"RS256\"", &format!("\"{alg}\""));
            self.raw(&format!("alg `{alg}`, no signature"), &header, &claims, &Signature::None);
            self.raw(&format!("alg `{alg}`, RS256"), &header, &claims, &Signature::Rs256);
            let token = self.azure.entra.sign(&header, &claims, &Signature::None).expect("a token");
            self.token(&format!("alg `{alg}`, two parts"), token.trim_end_matches('.'));
        }
        for alg in ["null", "7", "[\"RS256\"]", "true"] {
            let header = header.replace("\"RS256\"", alg);
            self.raw(&format!("alg {alg}"), &header, &claims, &Signature::Rs256);
        }
        self.spec("no alg", &good().without_header("alg"));
        let pem = key.public_pem();
        let secrets = [
            ("PEM", pem.clone().into_bytes()),
            ("PEM without line end", pem.trim_end().as_bytes().to_vec()),
            ("PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
            ("DER", key.public_der().to_vec()),
            ("certificate", key.certificate_pem().as_bytes().to_vec()),
            ("modulus", key.components().0.into_bytes()),
            ("kid", key.kid().as_bytes().to_vec()),
            ("nothing", Vec::new()),
        ];
        for (name, secret) in secrets {
            self.spec(&format!("HS256 with {name}"), &good().signature(Signature::Hs256(secret)));
        }
        self.spec("unpublished ES256", &good().signature(Signature::Es256));
    }

    fn signatures(&mut self) {
        self.spec("wrong key", &good().signature(Signature::WrongKey));
        self.spec("corrupted", &good().signature(Signature::Corrupt));
        let token = minted(self.azure, &good());
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let other = minted(self.azure, &good());
        let other = other.rsplit('.').next().expect("a signature");
        self.token("stripped", &format!("{signed}."));
        self.token("of another token", &format!("{signed}.{other}"));
        self.token("half", &format!("{signed}.{}", &signature[..signature.len() / 2]));
        self.token("twice", &format!("{signed}.{signature}{signature}"));
        let zeros = URL_SAFE_NO_PAD.encode([0; 256]);
        self.token("zeros", &format!("{signed}.{zeros}"));
        let (header, claims) = self.texts();
        let encoded = URL_SAFE_NO_PAD.encode(claims.replace(ROLE, "Chat.Admin"));
        let head = URL_SAFE_NO_PAD.encode(header);
        self.token("claims changed", &format!("{head}.{encoded}.{signature}"));
    }

    fn times(&mut self) {
        self.spec("expired", &good().expired(Duration::from_secs(2)));
        self.spec("expired long ago", &good().expired(Duration::from_secs(1 << 30)));
        self.spec("not yet", &good().not_yet(Duration::from_secs(60)));
        self.spec("no exp", &good().without("exp"));
        let times = ["4102444800", ""].map(Value::from);
        let odd = [json!([4_102_444_800_u64]), json!({}), json!(null), json!(true)];
        for value in times.into_iter().chain(odd) {
            for name in ["exp", "nbf", "iat"] {
                self.claim(name, value.clone());
            }
        }
        for value in [json!(-1), json!(0), json!(0.5), json!(-1e300), json!(i64::MIN)] {
            self.claim("exp", value);
        }
        for value in [json!(1e300), json!(4_102_444_800.5), json!(i64::MAX), json!(u64::MAX)] {
            self.claim("nbf", value);
        }
        let (header, claims) = self.texts();
        for name in ["exp", "nbf", "iat"] {
            let at = claims.find(&format!("\"{name}\":")).expect("the claim") + name.len() + 3;
            let end = at + claims[at..].find([',', '}']).expect("its end");
            for value in ["1e400", "-1e400", "NaN", "0x7fffffff", "01", "Infinity"] {
                let claims = format!("{}{value}{}", &claims[..at], &claims[end..]);
                self.raw(&format!("{name} = {value}"), &header, &claims, &Signature::Rs256);
            }
        }
    }

    fn texts_of_json(&mut self) {
        let (header, claims) = self.texts();
        let sound = &Signature::Rs256;
        for members in [
            "\"alg\":\"none\"",
            "\"alg\":\"RS256\"",
            "\"kid\":\"x\"",
            "\"typ\":\"JWT\"",
            "\"\\u0061lg\":\"none\"",
            "\"crit\":[\"exp\"]",
            "\"crit\":[]",
            "\"crit\":[\"https://example.com/must\"],\"https://example.com/must\":1",
            "\"crit\":\"exp\"",
            "\"crit\":null",
            "\"b64\":false,\"crit\":[\"b64\"]",
        ] {
            self.raw(&format!("header {members}"), &Self::before(&header, members), &claims, sound);
        }
        for members in [
            "\"exp\":1",
            "\"exp\":4102444800",
            "\"aud\":\"other\"",
            "\"iss\":\"other\"",
            "\"roles\":[]",
            "\"ver\":\"1.0\"",
        ] {
            self.raw(
                &format!("claims {members} twice"),
                &header,
                &Self::before(&claims, members),
                sound,
            );
        }
        for text in ["", "null", "[]", "\"text\"", "{", "{} {}", "\u{feff}{}"] {
            self.raw(&format!("claims `{text}`"), &header, text, sound);
            self.raw(&format!("header `{text}`"), text, &claims, sound);
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(3_000), "]".repeat(3_000));
        self.raw("deep claims", &header, &deep, sound);
    }

    fn kids(&mut self, away: &str) {
        let kids = [
            "",
            "unknown",
            "../../../../../etc/passwd",
            "/dev/null",
            "..\\..\\web.config",
            "' OR '1'='1' --",
            "x' UNION SELECT 'secret",
            "{{TENANT_ID}}",
            "@(1+1)",
            "%00",
            "\u{0}",
            "\r\nx-injected: 1",
            "*",
        ];
        for kid in kids {
            self.spec(&format!("kid {kid:?}"), &good().header("kid", kid));
        }
        for length in [2 << 10, 20 << 10] {
            self.spec(&format!("kid of {length} bytes"), &good().header("kid", "k".repeat(length)));
        }
        for kid in [json!(null), json!(7), json!(["x"]), json!({})] {
            self.spec(&format!("kid {kid}"), &good().header("kid", kid));
        }
        // A key of the attacker's own, under its own kid and under the issuer's.
        let key = std::sync::Arc::new(SigningKey::generate("attacker").expect("a key"));
        let own = good().signed_by(std::sync::Arc::clone(&key));
        let stolen = own.clone().header("kid", self.azure.entra.signing_key().kid());
        let jwk = key.jwk(None);
        for (name, spec) in [("own kid", own), ("stolen kid", stolen)] {
            let mut with = |member: &str, value: Value| {
                self.spec(&format!("{member}, {name}"), &spec.clone().header(member, value));
            };
            with("jwk", jwk.clone());
            with("x5c", jwk["x5c"].clone());
            with("jku", json!(format!("{away}/keys")));
            with("x5u", json!(format!("{away}/certificate")));
            with("iss", json!(away));
            self.spec(
                &format!("iss and jku, {name}"),
                &spec.clone().issuer(away).header("jku", away),
            );
        }
    }

    fn names(&mut self) {
        let base = self.azure.entra.server().url();
        let v1 = self.azure.entra.issuer(CONTOSO, TokenVersion::V1);
        let v2 = self.azure.entra.issuer(CONTOSO, TokenVersion::V2);
        for audience in [
            json!("other"),
            json!(["other"]),
            json!(7),
            json!([7]),
            json!(null),
            json!([]),
            json!({"0": AUDIENCE}),
            json!(format!("{AUDIENCE} ")),
            json!(AUDIENCE.to_uppercase()),
            json!(&AUDIENCE[..35]),
            json!(format!("{AUDIENCE},other")),
            json!([[AUDIENCE]]),
            json!(""),
        ] {
            self.claim("aud", audience);
        }
        self.spec("no aud", &good().without("aud"));
        for issuer in [
            json!("https://issuer.example/"),
            json!(format!("{v2}/")),
            json!(v2.to_uppercase()),
            json!([v2]),
            json!(7),
            json!(null),
            json!(""),
            json!(format!("{v2}#")),
            json!(format!("{base}/{{tenantid}}/v2.0")),
        ] {
            self.claim("iss", issuer);
        }
        self.spec("no iss", &good().without("iss"));
        self.spec("no role", &good().without("roles"));
        for roles in [
            json!(["Chat.Read"]),
            json!([]),
            json!("Chat.Invoke.All"),
            json!("chat.invoke"),
            json!({ROLE: true}),
            json!(null),
            json!("Chat.Read Chat.Invoke"),
            json!([[ROLE]]),
            json!(true),
        ] {
            self.claim("roles", roles);
        }
        let v1_spec = || TokenSpec::v1(AUDIENCE).roles([ROLE]);
        self.spec_for(JWT, "v1", &v1_spec());
        self.spec_for(ENTRA, "v1 with the v2 issuer", &v1_spec().issuer(&v2));
        self.spec_for(
            ALL,
            "v2 with another's v1 issuer",
            &good().issuer(v1.replace(CONTOSO, FABRIKAM)),
        );
        self.spec_for(
            &["jwt", "strict", "any", "entra", "common"],
            "v2 with the v1 issuer",
            &good().issuer(&v1),
        );
        for ver in [json!("3.0"), json!(2), json!(null), json!("1.0")] {
            self.spec_for(ENTRA, &format!("ver {ver}"), &good().claim("ver", ver));
        }
    }

    fn tenants(&mut self) {
        let base = self.azure.entra.server().url().to_owned();
        let other = good().tenant(FABRIKAM);
        let v2 = self.azure.entra.issuer(CONTOSO, TokenVersion::V2);
        self.spec_for(ONE_TENANT, "another tenant", &other);
        self.spec_for(
            ONE_TENANT,
            "another tenant, v1",
            &TokenSpec::v1(AUDIENCE).tenant(FABRIKAM).roles([ROLE]),
        );
        self.spec_for(
            ALL,
            "another tenant's issuer",
            &good().issuer(v2.replace(CONTOSO, FABRIKAM)),
        );
        self.spec_for(&["entra", "common", "any"], "another tid", &good().claim("tid", FABRIKAM));
        self.spec_for(ONE_TENANT, "tid of the right one", &other.claim("tid", CONTOSO));
        for tid in [
            "not-a-guid",
            "{tenantid}",
            "common",
            "..",
            "",
            "a/b",
            "3f0c2b1e6a554c0f9d3e8a7b6c5d4e3f",
        ] {
            let spec = good().claim("tid", tid).issuer(format!("{base}/{tid}/v2.0"));
            self.spec_for(ALL, &format!("tid `{tid}`"), &spec);
        }
        for tid in [json!(null), json!(7), json!([CONTOSO])] {
            self.spec_for(ANY_TENANT, &format!("tid {tid}"), &good().claim("tid", tid));
        }
        self.spec_for(ANY_TENANT, "no tid", &good().without("tid"));
    }

    fn shapes(&mut self) {
        let token = minted(self.azure, &good());
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts");
        };
        for (name, token) in [
            ("one part", header.to_owned()),
            ("two parts", format!("{header}.{claims}")),
            ("four parts", format!("{token}.")),
            ("four parts, all filled", format!("{token}.{signature}")),
            ("five parts", format!("{token}.{claims}.{signature}")),
            ("five parts, empty", format!("{header}.....")),
            ("dots", "..".to_owned()),
            ("leading dot", format!(".{token}")),
            ("no header", format!(".{claims}.{signature}")),
            ("padding", format!("{header}=.{claims}.{signature}")),
            ("padding of the signature", format!("{token}==")),
            (
                "space in the header",
                format!("{} {}.{claims}.{signature}", &header[..8], &header[8..]),
            ),
            ("tab in the claims", format!("{header}.\t{claims}.{signature}")),
            ("space in the signature", format!("{header}.{claims}. {signature}")),
            ("two tokens", format!("{token}, Bearer {token}")),
            ("quoted", format!("\"{token}\"")),
            ("percent", token.replace('.', "%2E")),
            ("stray bits", format!("{}{}", &token[..token.len() - 1], stray(&token))),
        ] {
            self.token(name, &token);
        }
        let standard =
            format!("{header}.{claims}.{}", signature.replace('-', "+").replace('_', "/"));
        if standard != token {
            self.token("the other alphabet", &standard);
        }
        const WITH_SCHEME: &[&str] = &["strict", "entra", "common"];
        for scheme in ["", "Basic ", "DPoP ", "Bearer: ", "Bearer,", "Bearer", "Bearer Bearer "] {
            self.header(WITH_SCHEME, &format!("scheme `{scheme}`"), format!("{scheme}{token}"));
        }
        for text in
            ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "undefined", "Bearer null"]
        {
            self.header(ALL, &format!("`{text}`"), text.to_owned());
        }
    }
}

/// Another last letter that stands for the same bytes with bits left over.
fn stray(token: &str) -> char {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = token.chars().last().and_then(|last| LETTERS.find(last)).expect("a letter");
    LETTERS.chars().nth(last ^ 1).expect("a letter")
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused() {
    let azure = azure().await;
    let gateway = gateway(&azure, "cool-down = \"100ms\"");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let away = listener.local_addr().expect("its address");
    let mut forge = Forge { azure: &azure, attacks: Vec::new() };
    forge.algorithms();
    forge.signatures();
    forge.times();
    forge.texts_of_json();
    forge.kids(&format!("http://{away}"));
    forge.names();
    forge.tenants();
    forge.shapes();
    let mut failures = Vec::new();
    let mut connection = gateway.connect().await;
    let mut n_sent = 0;
    for Attack { name, authorization, guards } in &forge.attacks {
        for guard in *guards {
            let call = Call::get(&format!("/{guard}/x")).header("authorization", authorization);
            if n_sent % 500 == 499 {
                connection = gateway.connect().await;
            }
            n_sent += 1;
            let answer = connection.send(call).await.expect("an answer");
            if let Err(why) = is_refusal(guard, &answer) {
                failures.push(format!("{guard}: {name}: {why}"));
            }
        }
    }
    // Too long for any header.
    let long = minted(&azure, &good().header("kid", "k".repeat(100 << 10)));
    let answer = gateway.send(Call::get("/jwt/x").bearer(&long)).await;
    if ![400, 401, 431].contains(&answer.status.as_u16()) {
        failures.push(format!("kid of 100 KiB: {}", answer.status));
    }
    for guard in ALL {
        let answer = gateway.send(Call::get(&format!("/{guard}/x"))).await;
        failures.extend(is_refusal(guard, &answer).err());
        let token = minted(&azure, &good());
        let twice = Call::get(&format!("/{guard}/x")).bearer(&token).bearer(&token);
        failures.extend(is_refusal(guard, &gateway.send(twice).await).err());
    }
    assert!(failures.is_empty(), "{} of {n_sent}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(azure.echo.server().count("*"), 0, "{:?}", azure.echo.server().received());
    // Nobody came before us.
    let own = tokio::net::TcpStream::connect(away).await.expect("a connection");
    let (_, first) = listener.accept().await.expect("a connection");
    assert_eq!(first, own.local_addr().expect("an address"));
    gateway.send(Call::get("/jwt/x").bearer(&minted(&azure, &good()))).await.expect(200);
    assert_eq!(azure.echo.server().count("*"), 1);
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

/// How often the issuer's keys were fetched.
fn fetches(azure: &Running) -> u64 {
    azure.entra.server().count("*/keys")
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
