//! Named values from Key Vault and from files: read at the start, refreshed while the gateway serves, never shown.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate_emulator::{Emulator, Fault, ManagedIdentity, Options, Running};

use crate::harness::{Call, DEADLINE, Directory, Gateway, azure, until};

const ASSIGNED: &str = "dddddddd-0000-4000-8000-000000000001";

const POLICY: &str = r#"<policies>
    <inbound>
        <return-response>
            <set-header name="x-value" exists-action="override"><value>{{value}}</value></set-header>
            <set-body>@("text {{value}}")</set-body>
        </return-response>
    </inbound>
</policies>"#;

/// A directory whose named value is what `value` says.
fn directory(azure: &Running, value: &str) -> Directory {
    Directory::new(&config(azure, value)).api("a", POLICY)
}

fn config(azure: &Running, value: &str) -> String {
    let imds = azure.imds.server().url();
    format!(
        r#"
[identity]
kind = "managed"
imds-endpoint = "{imds}"
[key-vault]
refresh = "1s"
[named-values]
value = {value}
[apis.a]
path = "a"
subscription = "optional"
"#
    )
}

fn secret(azure: &Running, name: &str) -> String {
    format!("{{ key-vault = \"{}\" }}", azure.key_vault.secret_url(name))
}

async fn value(gateway: &Gateway) -> String {
    let answer = gateway.send(Call::get("/a")).await.expect(200);
    assert_eq!(answer.text(), format!("text {}", answer.header("x-value")));
    answer.header("x-value").to_owned()
}

async fn becomes(gateway: &Gateway, wanted: &str) {
    until(wanted, async || (value(gateway).await == wanted).then_some(())).await;
}

/// What the admin listener says of the only secret.
async fn status(gateway: &Gateway) -> serde_json::Value {
    gateway.admin("/status").await.expect(200).json()["key_vault"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_takes_force_without_a_restart() {
    let azure = azure().await;
    let vault = azure.key_vault.clone();
    vault.set_secret("api-key", "canary first");
    let gateway = directory(&azure, &secret(&azure, "api-key")).start();
    assert_eq!(value(&gateway).await, "canary first");
    let read = &vault.server().received()[0];
    assert_eq!((read.path.as_str(), read.query.as_str()), ("/secrets/api-key", "api-version=7.4"));
    let told = status(&gateway).await;
    assert_eq!(told["url"], vault.secret_url("api-key"));
    assert_eq!((&told["identity"], told["error"].is_null()), (&"own".into(), true));

    vault.set_secret("api-key", "canary second");
    becomes(&gateway, "canary second").await;

    // A vault that refuses or is away leaves the old value in force, and says so once.
    let failing = |line: &str| line.contains("a secret cannot be read from Key Vault");
    vault.server().fail("*", Fault::Status(503));
    gateway.logged(failing).await;
    let before = vault.server().count("*");
    assert!(vault.server().wait_for("*", before + 2, DEADLINE).await);
    assert_eq!(value(&gateway).await, "canary second");
    assert_eq!(gateway.count_log(failing), 1);
    assert_eq!(
        status(&gateway).await["error"],
        "status 503: InternalServerError: An internal error occurred."
    );
    let metrics = gateway.admin("/metrics").await.expect(200).text();
    let failed = metrics
        .lines()
        .find(|line| line.starts_with("tollgate_secret_fetches_total{result=\"failed\"}"))
        .expect("a counter");
    assert!(!failed.ends_with(" 0"), "{failed}");

    vault.server().clear_faults();
    vault.delete_secret("api-key");
    gateway.logged(|line| failing(line) && line.contains("SecretNotFound")).await;
    assert_eq!(value(&gateway).await, "canary second");

    vault.set_secret("api-key", "canary third");
    becomes(&gateway, "canary third").await;
    gateway.logged(|line| line.contains("Key Vault answers again")).await;
    assert!(status(&gateway).await["error"].is_null());
    assert_eq!(gateway.count_log(|line| line.contains("canary")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assigned_identity_reads_a_version() {
    let assigned = ManagedIdentity::user("reader", ASSIGNED);
    let object_id = assigned.object_id.clone();
    let identities = vec![ManagedIdentity::system(), assigned];
    let azure = Emulator::start(Options { identities, ..Options::default() }).await;
    let azure = azure.expect("the emulators start");
    azure.key_vault.permit(Some(BTreeSet::from([object_id])));
    let version = azure.key_vault.set_secret("a", "the first");
    azure.key_vault.set_secret("a", "the second");
    let url = azure.key_vault.secret_url("a");
    let own = directory(&azure, &secret(&azure, "a"));
    let refused = own.run_to_the_end();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains(
            "named value `value` cannot be read from Key Vault: status 403: AccessDenied"
        ),
        "{said}"
    );
    let reference = format!("{{ key-vault = \"{url}/{version}\", client-id = \"{ASSIGNED}\" }}");
    let gateway = directory(&azure, &reference).start();
    assert_eq!(value(&gateway).await, "the first");
    assert_eq!(status(&gateway).await["identity"], ASSIGNED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_start_without_its_secrets() {
    let azure = azure().await;
    let vault = azure.key_vault.server().clone();
    let directory = directory(&azure, &secret(&azure, "absent"));
    let run = || {
        let output = directory.run_to_the_end();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("error[") && said.contains("tollgate.toml:"), "{said}");
        said
    };
    // What cannot help is not tried again.
    assert!(run().contains("status 404: SecretNotFound"));
    assert_eq!(vault.count("*"), 1);
    // What may pass is, a few times.
    vault.fail("*", Fault::Throttle(Duration::from_secs(1)));
    assert!(run().contains("status 429: Throttled"));
    assert_eq!(vault.count("*"), 4);
    vault.clear_faults();
    azure.key_vault.set_secret("absent", "");
    assert!(run().contains("the secret has 0 characters, and a named value 1 to 4096"));
    // A vault that answers in time is enough.
    azure.key_vault.set_secret("absent", "there");
    vault.fail_next("*", 2, Fault::Close);
    assert_eq!(value(&directory.start()).await, "there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asks_nobody() {
    let azure = azure().await;
    let directory = directory(&azure, &secret(&azure, "a"));
    let output = directory.check();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Nor does it need the vault to find other mistakes.
    directory.write("apis/a/policy.xml", &POLICY.replace("exists-action", "exists-actoin"));
    let output = directory.run_to_the_end();
    assert!(String::from_utf8_lossy(&output.stderr).contains("exists-actoin"));
    assert_eq!(azure.key_vault.server().count("*"), 0);
    assert_eq!(azure.imds.server().count("*"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_misses_a_secret_leaves_the_old_values() {
    let azure = azure().await;
    let gateway = directory(&azure, "\"plain\"").start();
    assert_eq!(value(&gateway).await, "plain");
    let later = config(&azure, &secret(&azure, "later"));
    let redis = "[redis]\nurl = \"redis://127.0.0.1:9\"\n";
    gateway.directory.configure(&format!("{later}{redis}"));
    gateway.logged(|line| line.contains("reload failed") && line.contains("old policies")).await;
    assert_eq!(value(&gateway).await, "plain");
    // Nor is anything else of the new configuration in force.
    let server = async || gateway.admin("/status").await.expect(200).json()["redis"].clone();
    assert!(server().await.is_null());
    // When the secret is there, nobody needs to touch the directory.
    azure.key_vault.set_secret("later", "from the vault");
    becomes(&gateway, "from the vault").await;
    assert_eq!(server().await["server"], "127.0.0.1:9");
    azure.key_vault.set_secret("later", "newer");
    becomes(&gateway, "newer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_read_again() {
    let azure = azure().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("secret");
    std::fs::write(&file, "canary one\n").expect("a secret");
    let gateway = directory(&azure, &format!("{{ file = \"{}\" }}", file.display())).start();
    assert_eq!(value(&gateway).await, "canary one");
    std::fs::write(&file, "canary number two\n").expect("a secret");
    becomes(&gateway, "canary number two").await;
    assert_eq!(gateway.count_log(|line| line.contains("canary")), 0);
}
