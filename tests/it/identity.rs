//! Tokens of the gateway's own identity, from emulated Azure.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::future::join_all;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tollgate_emulator::{
    Application, CONTOSO, Emulator, Fault, ManagedIdentity, Options, Running, Tls,
};

use crate::harness::{Call, DEADLINE, Directory, Gateway, azure, find, is_like, until};

pub(crate) const OWN: &str =
    r#"<authentication-managed-identity resource="https://cognitiveservices.azure.com" />"#;
const RESOURCE: &str = "https://cognitiveservices.azure.com";

pub(crate) fn policy(inbound: &str) -> String {
    format!("<policies><inbound><base />{inbound}</inbound><backend><base /></backend></policies>")
}

/// A directory whose identity is the emulated machine's and whose backend `echo` is the emulated one.
pub(crate) fn machine(azure: &Running, more: &str) -> Directory {
    Directory::new(&config(azure, more))
}

fn config(azure: &Running, more: &str) -> String {
    let (imds, echo) = (azure.imds.server().url(), azure.echo.server().url());
    format!(
        r#"
[identity]
kind = "managed"
imds-endpoint = "{imds}"

[backends.echo]
url = "{echo}"

[apis.a]
path = "a"
backend = "echo"
subscription = "optional"

{more}"#
    )
}

/// The `Authorization` values the backend got, oldest first.
pub(crate) fn authorizations(azure: &Running) -> Vec<Vec<String>> {
    let received = azure.echo.server().received();
    let values = received.iter().map(|received| {
        let named = received.headers.iter().filter(|(name, _)| name == "authorization");
        named.map(|(_, value)| value.clone()).collect()
    });
    values.collect()
}

/// The claims of a bearer token.
pub(crate) fn claims(authorization: &str) -> Value {
    let token = authorization.strip_prefix("Bearer ").expect("a bearer token");
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("Base64");
    serde_json::from_slice(&payload).expect("JSON claims")
}

/// The only `Authorization` of the only request the backend got; forgets it.
fn only_authorization(azure: &Running) -> String {
    let all = authorizations(azure);
    azure.echo.server().forget();
    match all.as_slice() {
        [one] => match one.as_slice() {
            [value] => value.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("the backend was called {} times", other.len()),
    }
}

pub(crate) fn token_calls(azure: &Running) -> u64 {
    azure.imds.server().count(azure.imds.token_path())
}

/// Sends requests that are all under way at once, over one HTTP/2 connection, and gives their statuses.
async fn at_once(gateway: &Gateway, n: usize) -> Vec<u16> {
    let stream = TcpStream::connect(gateway.http).await.expect("a connection");
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a handshake");
    tokio::spawn(connection);
    let calls = (0..n).map(|_| {
        let mut sender = sender.clone();
        async move {
            let mut request = Call::get("/a").into_request();
            *request.uri_mut() = "http://gateway.test/a".parse().expect("a target");
            request.headers_mut().remove("host");
            sender.ready().await.expect("a connection");
            let answer = sender.send_request(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let body: Bytes = answer.into_body().collect().await.expect("a body").to_bytes();
            assert!(!body.is_empty());
            status
        }
    });
    join_all(calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_requests_cause_one_fetch() {
    let azure = azure().await;
    let more = "[listen]\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nh2c = true\n";
    let gateway = machine(&azure, more).api("a", &policy(OWN)).start();
    // Long enough for all of them to arrive while there is no token.
    let slow = Fault::Delay(Duration::from_secs(2));
    azure.imds.server().fail_next(azure.imds.token_path(), 1, slow);
    let connections = (0..10).map(|_| at_once(&gateway, 100));
    let statuses = tokio::time::timeout(DEADLINE, join_all(connections)).await.expect("in time");
    let statuses = statuses.concat();
    assert_eq!(statuses.len(), 1_000);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(token_calls(&azure), 1);
    let mut all = authorizations(&azure);
    assert_eq!(all.len(), 1_000);
    all.dedup();
    assert_eq!(all.len(), 1, "one token for all");
    assert_eq!(claims(&all[0][0])["appid"], *azure.imds.identities()[0].client_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_endpoint_is_not_noticed_while_the_token_is_good() {
    let azure = azure().await;
    azure.imds.set_token_lifetime(Duration::from_secs(10));
    let gateway = machine(&azure, "").api("a", &policy(OWN)).start();
    let mut connection = gateway.connect().await;
    connection.send(Call::get("/a")).await.expect("an answer").expect(200);
    let token = only_authorization(&azure);
    azure.imds.server().fail(azure.imds.token_path(), Fault::Status(400));
    // Two renewals fail while requests go on.
    let failures = || gateway.count_log(|line| line.contains("a token could not be fetched"));
    until("two failed renewals", async || {
        let answer = connection.send(Call::get("/a")).await.expect("an answer").expect(200);
        assert_eq!(answer.json()["path"], "/");
        (failures() >= 2).then_some(())
    })
    .await;
    let seen = authorizations(&azure);
    assert!(!seen.is_empty() && seen.iter().all(|values| *values == [token.as_str()]));
    // And then it comes back: a new token without anybody having noticed.
    azure.imds.server().clear_faults();
    until("a new token", async || {
        azure.echo.server().forget();
        connection.send(Call::get("/a")).await.expect("an answer").expect(200);
        (only_authorization(&azure) != token).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_request_fails_unless_errors_are_ignored() {
    let azure = azure().await;
    let more =
        "[apis.b]\npath = \"b\"\nbackend = \"echo\"\nsubscription = \"optional\"\n".to_owned();
    let ignoring = OWN.replace(" />", r#" ignore-error="true" />"#);
    let gateway =
        machine(&azure, &more).api("a", &policy(OWN)).api("b", &policy(&ignoring)).start();
    let marker = "inner-marker-of-the-endpoint";
    let fault = Fault::Answer {
        status: 400,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(format!(
            r#"{{"error":"invalid_request","error_description":"{marker}"}}"#
        )),
    };
    azure.imds.server().fail(azure.imds.token_path(), fault);
    let answer = gateway.send(Call::get("/a")).await.expect(500);
    assert_eq!(answer.header("content-type"), "application/json");
    let pattern = r#"{ "statusCode": 500, "message": "Internal server error", "activityId": "…" }"#;
    assert!(is_like(pattern, &answer.text()), "{}", answer.text());
    let activity = answer.json()["activityId"].as_str().expect("an id").to_owned();
    assert_eq!(activity.len(), 36, "{activity}");
    let imds = azure.imds.server().url().trim_start_matches("http://");
    for inner in [marker, imds, RESOURCE, "dentity", "oken"] {
        let shown = format!("{:?} {}", answer.headers, answer.text());
        assert!(!shown.contains(inner), "`{inner}` in {shown}");
    }
    assert!(azure.echo.server().received().is_empty());
    let line = gateway.access("/a").await;
    assert_eq!(find(&line, "status"), Some(&Value::from(500)));
    assert!(line.to_string().contains("ManagedIdentityTokenFailed"), "{line}");

    let answer = gateway.send(Call::get("/b/x")).await.expect(200);
    assert_eq!(answer.json()["path"], "/x");
    assert_eq!(authorizations(&azure), [Vec::<String>::new()]);
    azure.echo.server().forget();

    azure.imds.server().clear_faults();
    until("a token again", async || {
        let answer = gateway.send(Call::get("/a")).await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(claims(&only_authorization(&azure))["aud"], RESOURCE);
}

/// `Options` with a machine of its own and two user-assigned identities.
async fn azure_with_users() -> Running {
    let mut options = Options::default();
    for (name, id) in USERS {
        options.identities.push(ManagedIdentity::user(name, id));
    }
    Emulator::start(options).await.expect("the emulators start")
}

const USERS: [(&str, &str); 2] = [
    ("policy", "0a1b2c3d-0000-4000-8000-000000000001"),
    ("backend", "0a1b2c3d-0000-4000-8000-000000000002"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_user_assigned_identity_is_asked_for_by_its_client_id() {
    let azure = azure_with_users().await;
    let id = USERS[0].1;
    let named = OWN.replace(" />", &format!(r#" client-id="{id}" />"#));
    let into = OWN.replace(" />", r#" output-token-variable-name="token" />"#);
    let expression = r#"<authentication-managed-identity resource="@("https://ai.azure.com/.default")"
        client-id="@(context.Request.Headers.GetValueOrDefault("x-id"))" />"#;
    let carried = format!(
        r#"{into}<set-header name="x-token" exists-action="override">
            <value>@((string)context.Variables["token"])</value></set-header>"#
    );
    let more: String = ["b", "c"]
        .map(|api| {
            format!(
                "[apis.{api}]\npath = \"{api}\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
            )
        })
        .concat();
    let gateway = machine(&azure, &more)
        .api("a", &policy(&named))
        .api("b", &policy(expression))
        .api("c", &policy(&carried))
        .start();
    gateway.send(Call::get("/a").bearer("the-client's")).await.expect(200);
    let asked = azure.imds.server().received_at(azure.imds.token_path());
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query_value("client_id").as_deref(), Some(id));
    assert_eq!(asked[0].query_value("resource").as_deref(), Some(RESOURCE));
    assert_eq!(asked[0].header("metadata"), Some("true"));
    assert_eq!(claims(&only_authorization(&azure))["appid"], id);

    let other = USERS[1].1;
    gateway.send(Call::get("/b").header("x-id", other)).await.expect(200);
    let claimed = claims(&only_authorization(&azure));
    assert_eq!(
        (&claimed["appid"], &claimed["aud"]),
        (&other.into(), &"https://ai.azure.com".into())
    );

    // With a variable, the client's own header stays.
    gateway.send(Call::get("/c").bearer("the-client's")).await.expect(200);
    let received = azure.echo.server().received();
    assert_eq!(received[0].header("authorization"), Some("Bearer the-client's"));
    let token = format!("Bearer {}", received[0].header("x-token").expect("the token"));
    assert_eq!(claims(&token)["appid"], *azure.imds.identities()[0].client_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_has_its_own_identity() {
    let azure = azure_with_users().await;
    let (echo, id) = (azure.echo.server().url(), USERS[1].1);
    let more = format!(
        r#"
[backends.own]
url = "{echo}"
managed-identity = {{ resource = "{RESOURCE}/.default" }}

[backends.user]
url = "{echo}"
managed-identity = {{ resource = "{RESOURCE}", client-id = "{id}" }}

[apis.own]
path = "own"
backend = "own"
subscription = "optional"

[apis.user]
path = "user"
backend = "echo"
subscription = "optional"
"#
    );
    let chosen = policy(r#"<set-backend-service backend-id="user" />"#);
    let gateway = machine(&azure, &more).api("user", &chosen).start();
    let own = azure.imds.identities()[0].client_id.clone();
    for (path, appid) in [("/own", own.as_str()), ("/user", id)] {
        gateway.send(Call::get(path).bearer("the-client's")).await.expect(200);
        let claimed = claims(&only_authorization(&azure));
        assert_eq!(claimed["appid"], appid, "{path}");
        assert_eq!(claimed["aud"], RESOURCE, "{path}");
    }
    // A backend without one gets what the client sent.
    gateway.send(Call::get("/a").bearer("the-client's")).await.expect(200);
    assert_eq!(only_authorization(&azure), "Bearer the-client's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_not_called_without_its_token() {
    let azure = azure().await;
    let more = format!(
        "[backends.own]\nurl = \"{}\"\nmanaged-identity = {{ resource = \"{RESOURCE}\" }}\n\n\
         [apis.own]\npath = \"own\"\nbackend = \"own\"\nsubscription = \"optional\"\n",
        azure.echo.server().url()
    );
    let gateway = machine(&azure, &more).start();
    azure.imds.server().fail(azure.imds.token_path(), Fault::Status(400));
    let answer = gateway.send(Call::get("/own").bearer("the-client's")).await.expect(500);
    let pattern = r#"{ "statusCode": 500, "message": "Internal server error", "activityId": "…" }"#;
    assert!(is_like(pattern, &answer.text()), "{}", answer.text());
    assert!(azure.echo.server().received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_principal_comes_from_the_environment() {
    let client = "0a1b2c3d-0000-4000-8000-00000000000a";
    let secret = "s3cret of the/service+principal";
    let azure = Emulator::start(Options {
        applications: vec![Application::new(client).secret(secret)],
        ..Options::default()
    });
    let azure = azure.await.expect("the emulators start");
    let (entra, echo) = (azure.entra.server().url(), azure.echo.server().url());
    let config = format!(
        r#"
[identity]
kind = "environment"
authority = "{entra}"

[backends.echo]
url = "{echo}"

[apis.a]
path = "a"
backend = "echo"
subscription = "optional"
"#
    );
    let directory = |secret: &str| {
        Directory::new(&config)
            .api("a", &policy(OWN))
            .env("AZURE_TENANT_ID", CONTOSO)
            .env("AZURE_CLIENT_ID", client)
            .env("AZURE_CLIENT_SECRET", secret)
    };
    let gateway = directory(secret).start();
    gateway.send(Call::get("/a")).await.expect(200);
    gateway.send(Call::get("/a")).await.expect(200);
    let all = authorizations(&azure);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], all[1]);
    let claimed = claims(&all[0][0]);
    assert_eq!((&claimed["appid"], &claimed["tid"]), (&client.into(), &CONTOSO.into()));
    assert_eq!(azure.entra.server().count(&format!("/{CONTOSO}/oauth2/v2.0/token")), 1);

    let gateway = directory("another secret").start();
    let answer = gateway.send(Call::get("/a")).await.expect(500);
    assert!(!answer.text().contains("AADSTS"), "{}", answer.text());
    gateway.logged(|line| line.contains("AADSTS7000215")).await;
    assert_eq!(gateway.count_log(|line| line.contains("another secret")), 0);
}

/// A pod's environment: a token of its service account in a file, and Entra behind a private authority.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_identity_comes_from_a_pods_environment() {
    let client = "0a1b2c3d-0000-4000-8000-00000000000b";
    let account = "system:serviceaccount:apps:gateway";
    let azure = Emulator::start(Options {
        applications: vec![Application::new(client).workload(account)],
        tls: Tls::On(Vec::new()),
        ..Options::default()
    });
    let azure = azure.await.expect("the emulators start");
    let (entra, echo) = (azure.entra.server().https_url(), azure.echo.server().url());
    let config = format!(
        r#"
[identity]
kind = "workload"

[egress]
ca-file = "ca.pem"

[backends.echo]
url = "{echo}"
managed-identity = {{ resource = "{RESOURCE}" }}

[apis.a]
path = "a"
backend = "echo"
subscription = "optional"
"#
    );
    let directory = Directory::new(&config).file("ca.pem", azure.ca_pem().expect("a root"));
    let token = |subject: &str| {
        let lifetime = Duration::from_hours(1);
        azure
            .entra
            .workload_token(subject, "api://AzureADTokenExchange", lifetime)
            .expect("a token")
    };
    directory.write("token", &token("system:serviceaccount:apps:other"));
    let file = directory.path().join("token").to_string_lossy().into_owned();
    let gateway = directory
        .env("AZURE_TENANT_ID", CONTOSO)
        .env("AZURE_CLIENT_ID", client)
        .env("AZURE_FEDERATED_TOKEN_FILE", file)
        .env("AZURE_AUTHORITY_HOST", entra.expect("https"))
        .start();
    gateway.send(Call::get("/a")).await.expect(500);
    gateway.logged(|line| line.contains("AADSTS700213")).await;
    assert!(authorizations(&azure).is_empty());

    // Kubernetes renews the file; the next attempt reads it anew.
    let good = token(account);
    gateway.directory.write("token", &good);
    until("the identity works", async || {
        (gateway.send(Call::get("/a").bearer("of the client")).await.status == 200).then_some(())
    })
    .await;
    let claimed = claims(&only_authorization(&azure));
    assert_eq!((&claimed["appid"], &claimed["aud"]), (&client.into(), &RESOURCE.into()));
    assert_eq!(gateway.count_log(|line| line.contains(&good)), 0);
}

/// App Service and Container Apps: an endpoint and its secret in the environment.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_service_has_an_endpoint_of_its_own() {
    let azure = azure().await;
    let service = &azure.app_service;
    let echo = azure.echo.server().url();
    let config = format!(
        "[identity]\nkind = \"managed\"\n[backends.echo]\nurl = \"{echo}\"\n\
         [apis.a]\npath = \"a\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
    );
    let gateway = Directory::new(&config)
        .api("a", &policy(OWN))
        .env("IDENTITY_ENDPOINT", service.endpoint())
        .env("IDENTITY_HEADER", service.header())
        .start();
    gateway.send(Call::get("/a")).await.expect(200);
    gateway.send(Call::get("/a")).await.expect(200);
    let claimed = claims(&authorizations(&azure)[0][0]);
    assert_eq!(claimed["appid"], service.identities()[0].client_id);
    assert_eq!(service.server().count(service.token_path()), 1);
    assert_eq!(azure.imds.server().count("*"), 0);
    assert_eq!(gateway.count_log(|line| line.contains(service.header())), 0);
}
