//! A canary in every secret slot, and then: none of them anywhere.

use std::fmt::Write as _;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tollgate_emulator::{Application, CONTOSO, Emulator, Fault, Options, Running};

use crate::attacks::tell;
use crate::harness::{Answer, Call, Connection, DEADLINE, Directory, Gateway};
use crate::otlp::collector::Collector;

const CLIENT: &str = "0a1b2c3d-0000-4000-8000-00000000000c";

/// Slot and canary. Punctuation, so that encodings differ from the text itself.
const CANARIES: [(&str, &str); 19] = [
    ("NV_ENV", "canary-named/env+01=zq"),
    ("NV_SPLICED", "canary-spliced-02-zq"),
    ("NV_WHOLE", "canary whole:03/zq"),
    ("BACKEND_HEADER", "canary-header/04=zq"),
    ("BACKEND_QUERY", "canary-query&05=zq"),
    ("BACKEND_AUTHORIZATION", "canary-authorization-06-zq"),
    ("KEY_ONE", "canary-subscription-07-zq"),
    ("KEY_TWO", "canary-subscription/08+zq"),
    ("ADMIN_KEY", "canary-admin-09-zq"),
    ("AZURE_CLIENT_SECRET", "canary-client-secret~10-zq"),
    ("BROKEN_ONLY", "canary-of-broken-toml-11-zq"),
    ("OTHER", "canary-other-12-zq"),
    ("NEW_ENV", "canary-new-named/14-zq"),
    ("NEW_SPLICED", "canary-new-spliced-15-zq"),
    ("NEW_WHOLE", "canary new whole:16/zq"),
    ("REDIS_PASSWORD", "canary-redis/17-zq"),
    ("CONNECTION_SECRET", "canary-of-connection+18-zq"),
    ("LOGGER_HEADER", "canary-of-logger-19=zq"),
    ("OTLP_HEADER", "canary-of-collector/20=zq"),
];
/// Of the file `named`, with a line break at its end.
const FROM_FILE: &str = "canary-named-file-13-zq";

fn canary(slot: &str) -> &'static str {
    CANARIES.iter().find(|(name, _)| *name == slot).expect("a slot").1
}

/// Looks for canaries in all forms.
struct Hunt {
    forms: Vec<String>,
    found: Vec<String>,
    n_looked: usize,
}

impl Hunt {
    /// `key` is a private key in PEM, of which every line is a canary.
    fn new(key: &str) -> Self {
        let lines = key.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----"));
        let secrets = CANARIES.iter().map(|(_, canary)| *canary).chain([FROM_FILE]).chain(lines);
        let forms = secrets.flat_map(|secret| {
            let percent = percent(secret, "-._~");
            let form = percent.replace("%20", "+");
            let debug = format!("{secret:?}").trim_matches('"').to_owned();
            let base64 = [STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
            let [standard, url_safe] = base64;
            [secret.to_owned(), percent, form, debug, percent_all(secret), standard, url_safe]
        });
        let mut forms: Vec<String> = forms.collect();
        forms.sort();
        forms.dedup();
        Self { forms, found: Vec::new(), n_looked: 0 }
    }

    fn look(&mut self, place: &str, text: &str) {
        self.n_looked += 1;
        for form in self.forms.iter().filter(|form| text.contains(form.as_str())) {
            self.found.push(format!("{place}: `{form}` in\n    {text}"));
        }
    }

    fn look_at(&mut self, place: &str, answer: &Answer) {
        let mut text = format!("{}\n", answer.status);
        for (name, value) in &answer.headers {
            writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes())).expect("text");
        }
        text.push_str(&answer.text());
        self.look(place, &text);
    }
}

fn percent(text: &str, unreserved: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || unreserved.contains(c) => c.to_string(),
            c => format!("%{:02X}", u32::from(c)),
        })
        .collect()
}

fn percent_all(text: &str) -> String {
    percent(text, "")
}

const NAMED: &str = r#"
[named-values]
env = { env = "NV_ENV" }
spliced = { env = "NV_SPLICED" }
whole = { env = "NV_WHOLE" }
file = { file = "secrets/named" }
literal = { value = "canary-other-12-zq", development = true, secret = true }
"#;

const SUBSCRIPTIONS: &str = r#"
[admin]
key = { env = "ADMIN_KEY" }

[subscriptions.team]
keys = [{ env = "KEY_ONE" }, { env = "KEY_TWO" }]
all-apis = true

[subscriptions.away]
keys = [{ env = "OTHER" }]
all-apis = true
state = "suspended"
"#;

/// Names of the APIs and what is special about their inbound.
const APIS: [(&str, &str); 20] = [
    ("plain", ""),
    (
        "named",
        r#"<set-header name="x-env" exists-action="override"><value>{{env}}</value></set-header>
        <set-header name="x-file" exists-action="override"><value>@("a {{file}} b")</value></set-header>
        <set-query-parameter name="whole" exists-action="override"><value>{{whole}}</value></set-query-parameter>
        <set-variable name="kept" value="@("{{spliced}}")" />"#,
    ),
    ("parse", r#"<set-variable name="n" value="@(int.Parse("{{spliced}}"))" />"#),
    ("parse-whole", r#"<set-variable name="n" value="@(int.Parse("{{env}}x".Substring(3)))" />"#),
    ("guid", r#"<set-variable name="n" value="@(Guid.Parse("{{spliced}}").ToString())" />"#),
    ("json", r#"<set-variable name="n" value="@(JObject.Parse("{{literal}}").ToString())" />"#),
    (
        "cast",
        r#"<set-variable name="s" value="{{whole}}" />
        <set-variable name="n" value="@((int)context.Variables["s"])" />"#,
    ),
    ("lookup", r#"<set-variable name="n" value="@((string)context.Variables["{{spliced}}"])" />"#),
    ("backend", r#"<set-backend-service backend-id="with-credentials" />"#),
    ("down", r#"<set-backend-service backend-id="down" />"#),
    (
        "identity",
        r#"<authentication-managed-identity resource="https://cognitiveservices.azure.com" />"#,
    ),
    (
        "traced",
        r#"<trace source="it" severity="error"><message>@("said " + "{{env}}" + " and " + Uri.EscapeDataString("{{whole}}"))</message>
        <metadata name="of" value="{{spliced}}" /></trace>"#,
    ),
    ("posted", r#"<log-to-eventhub logger-id="posted">an event</log-to-eventhub>"#),
    (
        "metered",
        r#"<emit-metric name="of" value="1"><dimension name="who" value="{{spliced}}" /><dimension name="what" value="@("a" + "{{env}}")" /></emit-metric>"#,
    ),
    ("basic", r#"<authentication-basic username="user" password="{{whole}}" />"#),
    (
        "sent",
        r#"<send-request mode="new" response-variable-name="r" timeout="2"><set-url>@("http://127.0.0.1:9/" + "{{spliced}}" + "?a=" + Uri.EscapeDataString("{{whole}}"))</set-url>
        <set-method>POST</set-method><set-header name="Authorization"><value>@("Bearer " + "{{env}}")</value></set-header><set-body>{{literal}}</set-body></send-request>"#,
    ),
    (
        "connected",
        r#"<get-authorization-context provider-id="graph" authorization-id="main" context-variable-name="auth" identity-type="managed" ignore-error="false" />"#,
    ),
    (
        "counted",
        r#"<rate-limit-by-key calls="1" renewal-period="300" counter-key="{{env}}" /><quota-by-key calls="1" renewal-period="300" counter-key="@("{{spliced}}")" />"#,
    ),
    (
        "checked",
        r#"<check-header name="x-secret" failed-check-httpcode="403" failed-check-error-message="no" ignore-case="false"><value>{{env}}</value></check-header>"#,
    ),
    (
        "kept",
        r#"<cache-store-value key="{{env}}" value="{{spliced}}" duration="10" /><cache-lookup-value key="{{env}}" variable-name="v" />
        <set-variable name="n" value="@((int)context.Variables["v"])" />"#,
    ),
];

/// APIs that answer in their own way; each closes like a policy document of its own.
const MORE: [(&str, &str); 3] = [
    (
        "jwt",
        r#"<validate-jwt header-name="Authorization" require-expiration-time="false">
            <issuer-signing-keys><key>{{signing}}</key></issuer-signing-keys></validate-jwt>"#,
    ),
    (
        "throwing-url",
        r#"<set-backend-service base-url="@("http://" + "{{spliced}}".Substring(99))" />"#,
    ),
    ("bad-url", r#"<set-backend-service base-url="@("nonsense://{{spliced}}/")" />"#),
];

fn policy(inbound: &str) -> String {
    // The emulated backend says what it received, which is not for the client.
    format!(
        "<policies><inbound><base />{inbound}</inbound><backend><base /></backend>\
         <outbound><base /><set-body>fine</set-body></outbound></policies>"
    )
}

fn config(azure: &Running, collector: &Collector) -> String {
    let (echo, entra) = (azure.echo.server().url(), azure.entra.server().url());
    // Base64, as the policy wants keys.
    let signing = STANDARD.encode(format!("{}-{}", canary("NV_ENV"), canary("NV_SPLICED")));
    let collector = collector.url();
    let mut config = format!(
        r#"[log]
level = "debug"

[otlp]
endpoint = "{collector}"
interval = "1s"
headers = {{ x-key = {{ env = "OTLP_HEADER" }} }}

[identity]
kind = "environment"
authority = "{entra}"

[certificates.client]
file = "secrets/client.pem"

[backends.echo]
url = "{echo}"

[backends.with-credentials]
url = "{echo}"
headers = {{ x-secret = {{ env = "BACKEND_HEADER" }} }}
query = {{ code = {{ env = "BACKEND_QUERY" }} }}
authorization = {{ scheme = "Token", parameter = {{ env = "BACKEND_AUTHORIZATION" }} }}
certificate = "client"

[backends.down]
url = "http://127.0.0.1:9"
headers = {{ x-secret = {{ env = "BACKEND_HEADER" }} }}
query = {{ code = {{ env = "BACKEND_QUERY" }} }}
authorization = {{ parameter = {{ env = "BACKEND_AUTHORIZATION" }} }}
connect-timeout = "1s"

[redis]
url = "redis://127.0.0.1:9"
password = {{ env = "REDIS_PASSWORD" }}

[connections.graph.main]
token-url = "{entra}/{CONTOSO}/oauth2/v2.0/token"
client-id = "{CLIENT}"
client-secret = {{ env = "CONNECTION_SECRET" }}
scopes = ["https://graph.microsoft.com/.default"]

[loggers.posted]
kind = "http"
url = "http://127.0.0.1:9/events"
headers = {{ x-key = {{ env = "LOGGER_HEADER" }} }}
{NAMED}signing = {{ value = "{signing}", development = true, secret = true }}
{SUBSCRIPTIONS}"#
    );
    for (name, _) in APIS.iter().chain(&MORE) {
        writeln!(config, "\n[apis.{name}]\npath = \"{name}\"\nbackend = \"echo\"").expect("text");
    }
    config
}

async fn start() -> (Running, Collector, Gateway, Hunt) {
    let azure = Emulator::start(Options {
        applications: vec![Application::new(CLIENT).secret(canary("AZURE_CLIENT_SECRET"))],
        ..Options::default()
    });
    let azure = azure.await.expect("the emulators start");
    let made = rcgen::generate_simple_self_signed(vec!["client.test".to_owned()]);
    let made = made.expect("a certificate");
    let key = made.signing_key.serialize_pem();
    let collector = Collector::start().await;
    let mut directory = Directory::new(&config(&azure, &collector))
        .file("secrets/named", &format!("{FROM_FILE}\n"))
        .file("secrets/client.pem", &format!("{}{key}", made.cert.pem()))
        .env("AZURE_TENANT_ID", CONTOSO)
        .env("AZURE_CLIENT_ID", CLIENT);
    for (slot, canary) in CANARIES {
        directory = directory.env(slot, canary);
    }
    for (name, inbound) in APIS.iter().chain(&MORE) {
        directory = directory.api(name, &policy(inbound));
    }
    (azure, collector, directory.start(), Hunt::new(&key))
}

/// Calls every API with good and with bad credentials.
async fn traffic(gateway: &Gateway, hunt: &mut Hunt) -> Vec<(String, u16)> {
    let mut statuses = Vec::new();
    for (name, _) in APIS.iter().chain(&MORE) {
        let path = format!("/{name}/x");
        let key = canary("KEY_ONE");
        let in_query = format!("{path}?api-key={}&x=1", percent(canary("KEY_TWO"), "-"));
        let calls = [
            ("good", Call::get(&path).header("api-key", key)),
            ("posted", Call::post(&in_query, "a body").bearer("not-a-token")),
            ("wrong", Call::get(&path).header("api-key", "wrong")),
            ("suspended", Call::get(&path).header("api-key", canary("OTHER"))),
            ("none", Call::get(&path)),
        ];
        for (what, call) in calls {
            let answer = gateway.send(call).await;
            hunt.look_at(&format!("{name}, {what}"), &answer);
            statuses.push((format!("{name} {what}"), answer.status.as_u16()));
        }
    }
    // A key in a path, or where none belongs, is the client's mistake, and still nobody's to see.
    for path in ["/nowhere", "/"] {
        let target = format!("{path}?subscription-key={}", percent(canary("KEY_TWO"), "-"));
        let answer = gateway.send(Call::get(&target).header("api-key", canary("KEY_ONE"))).await;
        hunt.look_at(path, &answer);
    }
    let malformed = format!(
        "GET /plain HTTP/1.1\r\nHost: a\r\napi-key: {}\r\nbad header\r\n\r\n",
        canary("KEY_ONE")
    );
    hunt.look("malformed", &gateway.raw(malformed.as_bytes()).await);
    statuses
}

async fn admin(gateway: &Gateway, hunt: &mut Hunt) {
    for path in ["/metrics", "/status", "/health/ready"] {
        for key in [None, Some("wrong"), Some(canary("ADMIN_KEY"))] {
            let mut connection = Connection::to(gateway.admin).await;
            let host = format!("127.0.0.1:{}", gateway.admin.port());
            let mut call = Call::get(path).header("host", &host);
            if let Some(key) = key {
                call = call.bearer(key);
            }
            let answer = connection.send(call).await.expect("an answer");
            let open = path != "/status" || key == Some(canary("ADMIN_KEY"));
            assert_eq!(answer.status.as_u16(), if open { 200 } else { 401 }, "{path} {key:?}");
            hunt.look_at(path, &answer);
        }
    }
}

fn is_refusal(line: &str) -> bool {
    line.contains("reload failed")
}

/// Documents that break a directory, each with a secret near the fault.
const BROKEN: [&str; 6] = [
    r#"<set-header name="x" exists-action="{{env}}"><value>1</value></set-header>"#,
    r#"<set-variable name="n" value="@(1 + {{spliced}} ++ )" />"#,
    r#"<set-variable name="n" value="@({{whole}})" />"#,
    r#"<set-variable name="n" value="@("{{file}}".Nonsense())" />"#,
    r#"<{{literal}} />"#,
    r#"<set-backend-service backend-id="{{env}}" />"#,
];

/// What some of the requests come to, so that the secrets have been where they are looked for.
const STATUSES: [(&str, u16); 22] = [
    ("plain good", 200),
    ("plain posted", 200),
    ("plain wrong", 401),
    ("plain suspended", 401),
    ("plain none", 401),
    ("named good", 200),
    ("backend good", 200),
    ("identity good", 200),
    ("parse good", 500),
    ("guid good", 500),
    ("json good", 500),
    ("cast good", 500),
    ("down good", 500),
    ("throwing-url good", 500),
    ("jwt posted", 401),
    ("traced good", 200),
    ("metered good", 200),
    ("sent good", 500),
    ("connected good", 500),
    ("counted posted", 429),
    ("checked good", 403),
    ("kept good", 500),
];

/// Looks through what the collector of OpenTelemetry was told, spans and metrics, up to the end of the gateway.
fn hunt_in(collector: &Collector, hunt: &mut Hunt) {
    let key = canary("OTLP_HEADER");
    assert!(collector.headers().iter().all(|headers| headers["x-key"] == key), "its own key");
    let spans = collector.all_spans();
    let calls = spans.iter().filter(|span| !span.parent_span_id.is_empty()).count();
    assert!(spans.len() > 300 && calls > 50, "only {} spans, {calls} of calls", spans.len());
    assert!(!collector.points("tollgate_requests").is_empty(), "no metrics");
    for said in collector.said() {
        hunt.look("telemetry", &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_seen_anywhere() {
    let began = Instant::now();
    let (azure, collector, mut gateway, mut hunt) = start().await;
    let statuses = traffic(&gateway, &mut hunt).await;
    let of =
        |name: &str| statuses.iter().find(|(known, _)| known == name).map(|(_, status)| *status);
    for (name, status) in STATUSES {
        assert_eq!(of(name), Some(status), "{name}");
    }
    // The secrets were in use.
    let received = azure.echo.server().received();
    let seen = format!("{received:?}");
    for used in ["NV_ENV", "BACKEND_HEADER", "BACKEND_AUTHORIZATION"] {
        assert!(seen.contains(canary(used)), "{used} never reached the backend");
    }
    assert!(seen.contains(FROM_FILE) && seen.contains(&percent(canary("BACKEND_QUERY"), "-")));
    let posted = azure.entra.server().received_at("*/token");
    assert!(!posted.is_empty(), "no token was asked for");
    admin(&gateway, &mut hunt).await;

    for (index, broken) in BROKEN.iter().enumerate() {
        let before = gateway.count_log(is_refusal);
        gateway.directory.write("apis/plain/policy.xml", &policy(broken));
        gateway.signal("HUP");
        gateway.logged_times(before + 1, is_refusal).await;
        let checked = gateway.directory.check();
        assert_eq!(checked.status.code(), Some(1), "{index}");
        hunt.look("check", &String::from_utf8_lossy(&checked.stdout));
        hunt.look("check", &String::from_utf8_lossy(&checked.stderr));
        admin(&gateway, &mut hunt).await;
    }
    gateway.directory.write("apis/plain/policy.xml", &policy(""));
    for broken in [
        "[named-values]\nnew = { env = \"BROKEN_ONLY\" }\nbad = \n",
        "[named-values]\nnew = { env = \"BROKEN_ONLY\" }\n[backends.x]\nurl = { env = \"BROKEN_ONLY\" }\n",
        "[admin]\nkey = { env = \"ADMIN_KEY\", nonsense = 1 }\n",
        "[log]\nlevel = { env = \"BROKEN_ONLY\" }\n[timeouts]\nkeep-alive = { env = \"BROKEN_ONLY\" }\n",
    ] {
        let before = gateway.count_log(is_refusal);
        gateway.directory.configure(broken);
        gateway.signal("HUP");
        gateway.logged_times(before + 1, is_refusal).await;
        let checked = gateway.directory.check();
        hunt.look("check", &String::from_utf8_lossy(&checked.stdout));
        hunt.look("check", &String::from_utf8_lossy(&checked.stderr));
        admin(&gateway, &mut hunt).await;
    }
    // Secrets that came with the broken configuration are as secret.
    for broken in BROKEN {
        let before = gateway.count_log(is_refusal);
        let named = config(&azure, &collector).replace(r#""NV_"#, r#""NEW_"#);
        gateway.directory.configure(&named);
        gateway.directory.write("apis/plain/policy.xml", &policy(broken));
        gateway.signal("HUP");
        gateway.logged_times(before + 1, is_refusal).await;
        admin(&gateway, &mut hunt).await;
        let started = gateway.directory.run_to_the_end();
        assert_eq!(started.status.code(), Some(1), "{broken}");
        hunt.look("run", &String::from_utf8_lossy(&started.stdout));
        hunt.look("run", &String::from_utf8_lossy(&started.stderr));
    }
    gateway.directory.write("apis/plain/policy.xml", &policy(""));
    // The old one still serves, and failing identities say nothing either.
    azure.entra.server().fail("*/token", Fault::Status(401));
    traffic(&gateway, &mut hunt).await;
    gateway.directory.configure(&config(&azure, &collector));
    gateway.reload().await;
    traffic(&gateway, &mut hunt).await;
    admin(&gateway, &mut hunt).await;

    let marker = "/plain/the-last-line";
    let last = Call::get(marker).header("api-key", canary("KEY_ONE"));
    gateway.send(last).await.expect(200);
    tokio::time::timeout(DEADLINE, gateway.access(marker)).await.expect("in time");
    let log = gateway.log();
    assert!(log.len() > 100, "only {} lines", log.len());
    for line in &log {
        hunt.look("log", line);
    }
    gateway.signal("TERM");
    gateway.ended().await;
    hunt_in(&collector, &mut hunt);
    hunt.found.dedup();
    assert!(
        hunt.found.is_empty(),
        "{} times:\n{}",
        hunt.found.len(),
        hunt.found.iter().take(30).cloned().collect::<Vec<_>>().join("\n")
    );
    let more =
        format!("answers, logs, telemetry and reports, searched for {} forms", hunt.forms.len());
    tell("secrets", hunt.n_looked, began, &more);
}
