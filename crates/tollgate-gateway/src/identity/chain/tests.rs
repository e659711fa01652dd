use super::*;
use crate::loopback::fetcher;

struct Stopped;

impl Clock for Stopped {
    fn ticks(&self) -> i64 {
        0
    }
}

fn chain(settings: IdentitySettings, client_id: Option<&str>, variables: &[(&str, &str)]) -> Chain {
    let environment = Environment::fixed(variables.iter().copied());
    let client_id = client_id.map(str::to_owned);
    Chain::new(Arc::new(settings), client_id, environment, fetcher(), Arc::new(Stopped))
}

/// The ways of a chain, briefly.
fn ways(chain: &Chain) -> Result<Vec<String>, String> {
    let brief = |way: &Way| match way {
        Way::ClientSecret { client, .. } => format!("secret {client}"),
        Way::ClientCertificate { client, sends_chain, .. } => {
            format!("certificate {client} {sends_chain}")
        }
        Way::Workload { client, .. } => format!("workload {client}"),
        Way::AppService { client, .. } => {
            format!("app-service {}", client.as_deref().unwrap_or("system"))
        }
        Way::Imds { client } => format!("imds {}", client.as_deref().unwrap_or("system")),
        Way::Cli => "cli".to_owned(),
    };
    Ok(chain.ways()?.iter().map(brief).collect())
}

fn check(
    kind: IdentityKind,
    client_id: Option<&str>,
    variables: &[(&str, &str)],
    expected: &[&str],
) {
    let settings = IdentitySettings { kind, ..IdentitySettings::default() };
    let found = ways(&chain(settings, client_id, variables));
    assert_eq!(
        found.as_deref(),
        Ok(expected.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice())
    );
}

fn check_none(
    kind: IdentityKind,
    client_id: Option<&str>,
    variables: &[(&str, &str)],
    expected: &str,
) {
    let settings = IdentitySettings { kind, ..IdentitySettings::default() };
    let why = ways(&chain(settings, client_id, variables)).unwrap_err();
    assert!(why.contains(expected), "{why}");
}

const SECRET: &[(&str, &str)] = &[
    ("AZURE_TENANT_ID", "t"),
    ("AZURE_CLIENT_ID", "app"),
    ("AZURE_CLIENT_SECRET", "s3cret-value"),
];
const CERTIFICATE: &[(&str, &str)] = &[
    ("AZURE_TENANT_ID", "t"),
    ("AZURE_CLIENT_ID", "app"),
    ("AZURE_CLIENT_CERTIFICATE_PATH", "/p.pem"),
    ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true"),
];
const WORKLOAD: &[(&str, &str)] =
    &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "app"), ("AZURE_FEDERATED_TOKEN_FILE", "/f")];
const APP_SERVICE: &[(&str, &str)] =
    &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token"), ("IDENTITY_HEADER", "h")];

#[test]
fn the_own_identity_is_looked_for_in_order() {
    use IdentityKind::{Auto, Environment, Managed, Workload};
    check(Auto, None, &[], &["imds system"]);
    check(Auto, None, SECRET, &["secret app", "imds app"]);
    check(Auto, None, CERTIFICATE, &["certificate app true", "imds app"]);
    check(Auto, None, WORKLOAD, &["workload app", "imds app"]);
    check(Auto, None, APP_SERVICE, &["app-service system"]);
    check(Auto, None, &[("AZURE_CLIENT_ID", "app")], &["imds app"]);
    check(Auto, None, &[("IDENTITY_ENDPOINT", "http://x")], &["imds system"]);
    check(Environment, None, SECRET, &["secret app"]);
    check(Workload, None, WORKLOAD, &["workload app"]);
    check(Managed, None, SECRET, &["imds app"]);
    check_none(Environment, None, &[("AZURE_TENANT_ID", "t")], "AZURE_CLIENT_SECRET");
    check_none(Workload, None, SECRET, "AZURE_FEDERATED_TOKEN_FILE");
}

#[test]
fn a_named_identity_is_never_replaced() {
    use IdentityKind::{Auto, Cli, Environment, Managed, Workload};
    check(Auto, Some("named"), SECRET, &["imds named"]);
    check(Auto, Some("named"), WORKLOAD, &["imds named"]);
    check(Auto, Some("named"), APP_SERVICE, &["app-service named"]);
    check(Auto, Some("APP"), WORKLOAD, &["workload app", "imds APP"]);
    check(Managed, Some("named"), SECRET, &["imds named"]);
    check(Workload, Some("named"), WORKLOAD, &["workload named"]);
    check_none(Environment, Some("named"), SECRET, "does not hold the identity `named`");
    check_none(Cli, None, &[], "development");
    let settings =
        IdentitySettings { allow_development: true, kind: Auto, ..IdentitySettings::default() };
    assert_eq!(ways(&chain(settings.clone(), Some("named"), &[])).unwrap(), ["imds named"]);
    assert_eq!(ways(&chain(settings.clone(), None, &[])).unwrap(), ["imds system", "cli"]);
    let settings = IdentitySettings { kind: Cli, ..settings };
    assert_eq!(ways(&chain(settings.clone(), None, &[])).unwrap(), ["cli"]);
    assert!(ways(&chain(settings, Some("named"), &[])).is_err());
}

#[test]
fn azures_own_variable_narrows_the_chain() {
    let check_named = |value: &str, expected: Result<&[&str], &str>| {
        let variables = [SECRET, &[("AZURE_TOKEN_CREDENTIALS", value)]].concat();
        match expected {
            Ok(expected) => check(IdentityKind::Auto, None, &variables, expected),
            Err(why) => check_none(IdentityKind::Auto, None, &variables, why),
        }
    };
    check_named("prod", Ok(&["secret app", "imds app"]));
    check_named("EnvironmentCredential", Ok(&["secret app"]));
    check_named("ManagedIdentityCredential", Ok(&["imds app"]));
    check_named("WorkloadIdentityCredential", Err("AZURE_FEDERATED_TOKEN_FILE"));
    check_named("dev", Err("development"));
    check_named("Sesame", Err("`sesame`, which is not known here"));
}

#[test]
fn authorities() {
    let authority = |set: Option<&str>, variable: Option<&str>| {
        let settings =
            IdentitySettings { authority: set.map(str::to_owned), ..IdentitySettings::default() };
        let variables: Vec<_> =
            variable.map(|value| ("AZURE_AUTHORITY_HOST", value)).into_iter().collect();
        chain(settings, None, &variables).authority().map(|url| url.to_string())
    };
    assert_eq!(authority(None, None).unwrap(), "https://login.microsoftonline.com/");
    assert_eq!(
        authority(None, Some("login.microsoftonline.us")).unwrap(),
        "https://login.microsoftonline.us/"
    );
    assert_eq!(
        authority(Some("https://a.test"), Some("https://b.test")).unwrap(),
        "https://a.test/"
    );
    assert_eq!(authority(Some("http://127.0.0.1:99"), None).unwrap(), "http://127.0.0.1:99/");
    assert!(authority(Some("http://a.test"), None).is_err());
}

#[test]
fn texts_of_endpoints_are_made_fit_to_show() {
    let way = Way::ClientSecret {
        tenant: "t".to_owned(),
        client: "app".to_owned(),
        secret: Secret::new("s3cret-value".to_owned()),
    };
    let text = "AADSTS7000215: Invalid\r\n secret s3cret-value.\nTo troubleshoot, visit https://x";
    assert_eq!(way.scrub(text), "AADSTS7000215: Invalid secret ***.");
    assert_eq!(way.scrub(&"é".repeat(400)).len(), 400);
    assert!(!format!("{way:?}").contains("s3cret"));
}
