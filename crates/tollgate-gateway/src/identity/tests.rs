use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use tollgate_emulator::{Application, Emulator, ManagedIdentity, Options};

use super::*;
use crate::loopback::{Loopback, answer, fetcher};

struct WallClock;

impl Clock for WallClock {
    fn ticks(&self) -> i64 {
        621_355_968_000_000_000 + now() * 10_000_000
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

struct NoJitter;

impl Randomness for NoJitter {
    fn next(&self) -> u64 {
        0
    }
}

fn pool<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Arc<IdentityPool> {
    IdentityPool::new(IdentityParts {
        fetcher: fetcher(),
        environment: Environment::fixed(variables),
        clock: Arc::new(WallClock),
        randomness: Arc::new(NoJitter),
        metrics: Arc::new(Metrics::new()),
    })
}

async fn token(
    identities: &ConfiguredIdentities,
    client_id: Option<&str>,
    resource: &str,
) -> Result<String, String> {
    let source = identities.source(client_id, resource).map_err(|error| error.to_string())?;
    let fetched = source.fetch().await.map_err(|error| error.to_string())?;
    assert!(source.current().is_some());
    Ok(fetched.token.expose().to_string())
}

fn query(request: &Request<Bytes>) -> HashMap<String, String> {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn form(request: &Request<Bytes>) -> HashMap<String, String> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

/// A managed identity endpoint, strict as Azure's are; the token says what was asked.
fn managed(request: &Request<Bytes>, path: &str, secret: Option<&str>) -> Response<Bytes> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
    let query = query(request);
    if request.uri().path() != path
        || header("metadata") != Some("true")
        || header("x-identity-header") != secret
    {
        return answer(400, r#"{"error":"invalid_request","error_description":"bad_request_102"}"#);
    }
    let client = query.get("client_id").map_or("system", String::as_str);
    let body = json!({
        "access_token": format!("{client}@{}", query["resource"]),
        "expires_on": (now() + 3_600).to_string(),
        "resource": query["resource"],
        "token_type": "Bearer",
    });
    answer(200, body.to_string())
}

/// Entra's token endpoint; the token says what was asked.
fn entra(request: &Request<Bytes>) -> Response<Bytes> {
    let form = form(request);
    if form.get("client_secret").is_some_and(|secret| secret != "s3cret-value") {
        let secret = &form["client_secret"];
        let body = json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS7000215: Invalid client secret {secret} provided."),
            "error_codes": [7_000_215],
        });
        return answer(401, body.to_string());
    }
    let proof =
        form.get("client_secret").or(form.get("client_assertion")).cloned().unwrap_or_default();
    let token =
        format!("{}|{}|{}|{}", request.uri().path(), form["client_id"], form["scope"], proof.len());
    answer(
        200,
        json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": token}).to_string(),
    )
}

#[tokio::test]
async fn imds_gives_tokens_of_system_and_user_assigned_identities() {
    let imds =
        Loopback::start(|request| managed(request, "/metadata/identity/oauth2/token", None)).await;
    let identities = pool([])
        .with(IdentitySettings { imds_endpoint: Some(imds.url()), ..IdentitySettings::default() });
    let resource = "https://cognitiveservices.azure.com";
    for written in [resource.to_owned(), format!("{resource}/"), format!("{resource}/.default")] {
        assert_eq!(token(&identities, None, &written).await.unwrap(), format!("system@{resource}"));
    }
    assert_eq!(
        token(&identities, Some("U-1"), "https://ai.azure.com").await.unwrap(),
        "u-1@https://ai.azure.com"
    );
    assert_eq!(imds.n_requests(), 4);
    // The same again, as another configuration with the same settings would ask.
    let again = identities.pool.with(IdentitySettings::clone(&identities.settings));
    assert_eq!(
        token(&again, Some("u-1"), "https://ai.azure.com").await.unwrap(),
        "u-1@https://ai.azure.com"
    );
    assert_eq!(imds.n_requests(), 4);
    let status = identities.pool.status();
    assert_eq!(status.len(), 4);
    assert!(status.iter().all(|token| token.expires_at.is_some() && token.error.is_none()));
}

#[tokio::test]
async fn app_service_is_found_by_its_variables() {
    let server =
        Loopback::start(|request| managed(request, "/msi/token", Some("header-secret"))).await;
    let endpoint = format!("{}/msi/token", server.url());
    let pool =
        pool([("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "header-secret")]);
    let identities = pool.with(IdentitySettings::default());
    assert_eq!(
        token(&identities, None, "https://ai.azure.com").await.unwrap(),
        "system@https://ai.azure.com"
    );
    assert_eq!(query(&server.requests()[0])["api-version"], "2019-08-01");
}

#[tokio::test]
async fn a_thousand_first_requests_cause_one_fetch() {
    let imds =
        Loopback::start(|request| managed(request, "/metadata/identity/oauth2/token", None)).await;
    let identities = pool([])
        .with(IdentitySettings { imds_endpoint: Some(imds.url()), ..IdentitySettings::default() });
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let identities = identities.clone();
            tokio::spawn(
                async move { token(&identities, None, "https://ai.azure.com").await.unwrap() },
            )
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(imds.n_requests(), 1);
}

#[tokio::test]
async fn a_service_principal_proves_itself_by_secret() {
    let server = Loopback::start(entra).await;
    let base = [("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_ID", "app")];
    let settings =
        IdentitySettings { authority: Some(server.url()), ..IdentitySettings::default() };
    let good =
        pool([base[0], base[1], ("AZURE_CLIENT_SECRET", "s3cret-value")]).with(settings.clone());
    assert_eq!(
        token(&good, None, "https://ai.azure.com").await.unwrap(),
        "/tenant-1/oauth2/v2.0/token|app|https://ai.azure.com/.default|12"
    );
    let bad = pool([base[0], base[1], ("AZURE_CLIENT_SECRET", "wrong-s3cret")]).with(settings);
    let error = token(&bad, None, "https://ai.azure.com").await.unwrap_err();
    assert!(error.contains("AADSTS7000215: Invalid client secret *** provided."), "{error}");
    // Being refused is an answer: no other identity is tried instead.
    assert!(!error.contains("managed identity"), "{error}");
}

#[tokio::test]
async fn a_service_principal_proves_itself_by_certificate() {
    let server = Loopback::start(entra).await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["app".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.pem");
    std::fs::write(&path, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    let identities = pool([
        ("AZURE_TENANT_ID", "tenant-1"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", path.to_str().unwrap()),
    ])
    .with(IdentitySettings { authority: Some(server.url()), ..IdentitySettings::default() });
    let got = token(&identities, None, "https://ai.azure.com").await.unwrap();
    assert!(
        got.starts_with("/tenant-1/oauth2/v2.0/token|app|https://ai.azure.com/.default|"),
        "{got}"
    );
    let form = form(&server.requests()[0]);
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(form["client_assertion"].split('.').count(), 3);
}

#[tokio::test]
async fn workload_identity_reads_its_file_at_each_fetch() {
    let server = Loopback::start(entra).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "federated").unwrap();
    let pool = pool([
        ("AZURE_TENANT_ID", "tenant-1"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ]);
    let settings = IdentitySettings {
        kind: IdentityKind::Workload,
        authority: Some(server.url()),
        ..IdentitySettings::default()
    };
    let identities = pool.with(settings);
    let expected = "/tenant-1/oauth2/v2.0/token|app|https://ai.azure.com/.default|9";
    assert_eq!(token(&identities, None, "https://ai.azure.com").await.unwrap(), expected);
    std::fs::write(&file, "federated-and-rotated").unwrap();
    let expected = "/tenant-1/oauth2/v2.0/token|other|https://vault.azure.net/.default|21";
    assert_eq!(
        token(&identities, Some("other"), "https://vault.azure.net").await.unwrap(),
        expected
    );
}

#[tokio::test]
async fn nothing_there_is_told_soon_and_in_full() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let identities = pool([
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token"),
    ])
    .with(IdentitySettings {
        imds_endpoint: Some(format!("http://127.0.0.1:{port}")),
        ..IdentitySettings::default()
    });
    let error = token(&identities, None, "https://ai.azure.com").await.unwrap_err();
    assert!(
        error.starts_with("no identity is available: workload identity: failed to read"),
        "{error}"
    );
    assert!(
        error.contains("managed identity: nothing answers at the metadata service's address"),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_given_up_in_time() {
    let imds = Loopback::start(|_| answer(500, r#"{"error":"unknown"}"#)).await;
    let identities = pool([]).with(IdentitySettings {
        imds_endpoint: Some(imds.url()),
        timeout: Duration::from_millis(700),
        ..IdentitySettings::default()
    });
    let error = token(&identities, None, "https://ai.azure.com").await.unwrap_err();
    assert!(error.ends_with("managed identity: given up after 500 ms: status 500"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_final_and_never_another_identity() {
    let imds = Loopback::start(|_| answer(400, r#"{"error":"invalid_request"}"#)).await;
    let identities = pool([]).with(IdentitySettings {
        imds_endpoint: Some(imds.url()),
        allow_development: true,
        ..IdentitySettings::default()
    });
    let error = token(&identities, Some("missing"), "https://ai.azure.com").await.unwrap_err();
    assert!(error.contains("requested identity has not been assigned"), "{error}");
    assert_eq!(imds.n_requests(), 1);
}

#[tokio::test]
async fn the_identity_that_was_found_is_kept() {
    let is_up = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_up);
    let imds = Loopback::start(move |request| {
        if !seen.load(Ordering::SeqCst) {
            return answer(400, "{}");
        }
        managed(request, "/metadata/identity/oauth2/token", None)
    })
    .await;
    let entra = Loopback::start(entra).await;
    let variables =
        Arc::new(Mutex::new(HashMap::from([("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "app")])));
    let shared = Arc::clone(&variables);
    let mut parts = pool([]).parts.clone();
    parts.environment =
        Environment::new(move |name| shared.lock().get(name).map(ToString::to_string));
    let identities = IdentityPool::new(parts).with(IdentitySettings {
        imds_endpoint: Some(imds.url()),
        authority: Some(entra.url()),
        ..IdentitySettings::default()
    });
    assert_eq!(
        token(&identities, None, "https://ai.azure.com").await.unwrap(),
        "app@https://ai.azure.com"
    );
    // A secret turns up later; tokens go on coming from where the first one came.
    variables.lock().insert("AZURE_CLIENT_SECRET", "s3cret-value");
    assert_eq!(
        token(&identities, None, "https://vault.azure.net").await.unwrap(),
        "app@https://vault.azure.net"
    );
    is_up.store(false, Ordering::SeqCst);
    assert!(token(&identities, None, "https://other.azure.net").await.is_err());
    assert_eq!(entra.n_requests(), 0);
}

/// What the emulators accept, which are as strict as Azure's endpoints.
#[tokio::test]
async fn every_way_satisfies_the_emulated_endpoints() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["app".to_owned()]).unwrap().self_signed(&key).unwrap();
    let options = Options {
        applications: vec![
            Application::new("by-secret").secret("s3cret-value"),
            Application::new("by-certificate").certificate(&certificate.pem()).unwrap(),
            Application::new("by-workload").workload("system:serviceaccount:default:tollgate"),
        ],
        identities: vec![ManagedIdentity::system(), ManagedIdentity::user("one", "user-1")],
        ..Options::default()
    };
    let azure = Emulator::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (pem, federated) = (folder.path().join("app.pem"), folder.path().join("token"));
    std::fs::write(&pem, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    let subject = "system:serviceaccount:default:tollgate";
    std::fs::write(
        &federated,
        azure
            .entra
            .workload_token(subject, "api://AzureADTokenExchange", Duration::from_hours(1))
            .unwrap(),
    )
    .unwrap();

    let tenant = ("AZURE_TENANT_ID", azure.entra.tenant_id());
    let (endpoint, header) = (azure.app_service.endpoint(), azure.app_service.header());
    let environments: [&[(&str, &str)]; 5] = [
        &[],
        &[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", header)],
        &[tenant, ("AZURE_CLIENT_ID", "by-secret"), ("AZURE_CLIENT_SECRET", "s3cret-value")],
        &[
            tenant,
            ("AZURE_CLIENT_ID", "by-certificate"),
            ("AZURE_CLIENT_CERTIFICATE_PATH", pem.to_str().unwrap()),
        ],
        &[
            tenant,
            ("AZURE_CLIENT_ID", "by-workload"),
            ("AZURE_FEDERATED_TOKEN_FILE", federated.to_str().unwrap()),
        ],
    ];
    for (n, variables) in environments.into_iter().enumerate() {
        let identities = pool(variables.iter().copied()).with(IdentitySettings {
            imds_endpoint: Some(azure.imds.server().url().to_owned()),
            authority: Some(azure.entra.server().url().to_owned()),
            ..IdentitySettings::default()
        });
        for resource in ["https://cognitiveservices.azure.com", "https://ai.azure.com/.default"] {
            let token = token(&identities, None, resource).await;
            assert!(token.is_ok(), "environment {n}: {resource}: {token:?}");
        }
        if n < 2 {
            token(&identities, Some("user-1"), "https://ai.azure.com").await.unwrap();
            let error =
                token(&identities, Some("user-2"), "https://ai.azure.com").await.unwrap_err();
            assert!(error.contains("has not been assigned"), "{error}");
        }
    }
    azure.stop().await;
}

#[tokio::test]
async fn sources_are_bounded_unless_held() {
    let identities = pool([]).with(IdentitySettings::default());
    let held = identities.source(None, "https://held.test").unwrap();
    for n in 0..3 * MAX_SOURCES {
        identities.source(None, &format!("https://r{n}.test")).unwrap();
    }
    assert!(identities.pool.status().len() <= MAX_SOURCES);
    assert!(Arc::ptr_eq(&held, &identities.source(None, "https://held.test").unwrap()));
    let all: Vec<_> = (0..2 * MAX_SOURCES)
        .map_while(|n| identities.source(None, &format!("https://h{n}.test")).ok())
        .collect();
    assert_eq!(all.len(), MAX_SOURCES - 1);
    assert!(matches!(identities.source(None, ""), Err(IdentityError::Resource(_))));
}
