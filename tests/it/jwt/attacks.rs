//! Tokens that nobody may get in with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tollgate_emulator::{
    CONTOSO, FABRIKAM, Running, Signature, SigningKey, TokenSpec, TokenVersion,
};

use super::{ALL, ANY_TENANT, AUDIENCE, ROLE, gateway, good, is_refusal, minted};
use crate::attacks::tell;
use crate::harness::{Call, azure};

/// `validate-jwt` with one OpenID configuration, and one that insists on the scheme.
const JWT: &[&str] = &["jwt", "strict"];
/// Those with the keys of one tenant's v2 tokens, and with all of its keys.
const ONE_TENANT: &[&str] = &["jwt", "strict", "both", "entra"];
/// Those that insist on the scheme.
const WITH_SCHEME: &[&str] = &["strict", "entra", "common"];
/// `validate-azure-ad-token`.
const ENTRA: &[&str] = &["entra", "common"];

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
        self.spec("not yet", &good().not_yet(Duration::from_mins(1)));
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
        let key = Arc::new(SigningKey::generate("attacker").expect("a key"));
        let own = good().signed_by(Arc::clone(&key));
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
    }

    fn versions(&mut self) {
        let v1 = self.azure.entra.issuer(CONTOSO, TokenVersion::V1);
        let v2 = self.azure.entra.issuer(CONTOSO, TokenVersion::V2);
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
    let began = Instant::now();
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
    forge.versions();
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
    n_sent += 1 + 2 * ALL.len();
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
    let shown =
        |line: &str| ["eyJ", "etc/passwd", "UNION SELECT"].iter().any(|text| line.contains(text));
    assert_eq!(gateway.count_log(shown), 0, "a token is in the log");
    // Nobody came before us.
    let own = TcpStream::connect(away).await.expect("a connection");
    let (_, first) = listener.accept().await.expect("a connection");
    assert_eq!(first, own.local_addr().expect("an address"));
    // What the attacks began with passes.
    let (header, claims) = forge.texts();
    let token = azure.entra.sign(&header, &claims, &Signature::Rs256).expect("a token");
    for guard in ALL {
        gateway.send(Call::get(&format!("/{guard}/x")).bearer(&token)).await.expect(200);
    }
    let more =
        format!("{} forgeries, each at the policies that it is meant for", forge.attacks.len());
    tell("forged tokens", n_sent, began, &more);
}
