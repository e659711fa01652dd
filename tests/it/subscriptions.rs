//! Subscription keys: who gets in, what the others are told, and where the key never shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_emulator::{Received, Running};

use crate::harness::{Call, Directory, Gateway, azure, find};

const MISSING: &str = r#"{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }"#;
const INVALID: &str = r#"{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }"#;
const NOT_FOUND: &str = r#"{ "statusCode": 404, "message": "Resource not found" }"#;

/// Every key, so that all can be looked for.
const KEYS: [&str; 5] = [
    "key-primary-7f31",
    "key-second/+ 7f32",
    "key-all-7f33",
    "key-suspended-7f34",
    "key-other-7f35",
];

const CONFIG: &str = r#"
[apis.closed]
path = "closed"
backend = "echo"

[apis.closed.operations.read]
method = "GET"
url-template = "/read/{id}"

[apis.closed.operations.any]
method = "GET"
url-template = "/*"

[apis.named]
path = "named/api"
backend = "echo"
subscription-headers = ["x-team-key", "x-old-key"]
subscription-queries = ["team"]

[apis.writing]
path = "writing"
backend = "echo"

[apis.telling]
path = "telling"
backend = "echo"

[apis.open]
path = "open"
backend = "echo"
subscription = "optional"

[subscriptions.team]
name = "The team"
keys = [{ env = "PRIMARY" }, { env = "SECOND" }]
apis = ["closed", "writing", "telling"]

[subscriptions.everything]
keys = [{ env = "ALL" }]
all-apis = true

[subscriptions.away]
keys = [{ env = "SUSPENDED" }]
all-apis = true
state = "suspended"

[subscriptions.elsewhere]
keys = [{ env = "OTHER" }]
apis = ["open"]
"#;

const WRITING: &str = r#"<policies>
    <inbound>
        <base />
        <set-header name="api-key" exists-action="override"><value>the backend's own</value></set-header>
        <set-query-parameter name="subscription-key" exists-action="override"><value>own too</value></set-query-parameter>
    </inbound>
    <backend><base /></backend>
</policies>"#;

const TELLING: &str = r#"<policies>
    <inbound>
        <base />
        <return-response>
            <set-body>@($"{context.Subscription.Id}|{context.Subscription.Name}|{context.Subscription.Key == context.Subscription.PrimaryKey}")</set-body>
        </return-response>
    </inbound>
</policies>"#;

async fn start() -> (Running, Gateway) {
    let azure = azure().await;
    let echo = azure.echo.server().url();
    let mut directory = Directory::new(&format!("[backends.echo]\nurl = \"{echo}\"\n{CONFIG}"))
        .api("writing", WRITING)
        .api("telling", TELLING);
    for (name, key) in ["PRIMARY", "SECOND", "ALL", "SUSPENDED", "OTHER"].iter().zip(KEYS) {
        directory = directory.env(name, key);
    }
    (azure, directory.start())
}

/// The request as the backend got it, the only one; forgets it.
fn only(azure: &Running) -> Received {
    let mut received = azure.echo.server().received();
    azure.echo.server().forget();
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

/// All values of a header.
fn values<'a>(received: &'a Received, name: &str) -> Vec<&'a str> {
    let named = received.headers.iter().filter(|(known, _)| known == name);
    named.map(|(_, value)| value.as_str()).collect()
}

/// The forms in which a key may show.
fn forms(key: &str) -> Vec<String> {
    let percent: String = key
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let form = percent.replace("%20", "+");
    vec![key.to_owned(), percent, form, STANDARD.encode(key)]
}

#[track_caller]
fn holds_no_key(what: &str, text: &str) {
    for form in KEYS.iter().flat_map(|key| forms(key)) {
        assert!(!text.contains(&form), "{what} has `{form}`: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_azures_to_the_byte() {
    let (azure, gateway) = start().await;
    let other = KEYS[4];
    let standard = "Ocp-Apim-Subscription-Key";
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        ("/closed/read/1", "", MISSING, "closed", standard),
        ("/closed/read/1?x=1", "accept: */*", MISSING, "closed", standard),
        ("/closed/read/1", "api-key: wrong", INVALID, "closed", standard),
        ("/closed/read/1", "api-key: ", INVALID, "closed", standard),
        ("/closed?subscription-key=wrong", "", INVALID, "closed", standard),
        ("/closed", &format!("api-key: {}", KEYS[3]), INVALID, "closed", standard),
        ("/closed", &format!("ocp-apim-subscription-key: {other}"), INVALID, "closed", standard),
        (&format!("/closed?api-key={other}"), "", INVALID, "closed", standard),
        // The query counts only when no header is there.
        (&format!("/closed?api-key={}", KEYS[0]), "api-key: wrong", INVALID, "closed", standard),
        ("/named/api/x", "", MISSING, "named/api", "x-team-key"),
        ("/named/api/x", &format!("api-key: {}", KEYS[2]), MISSING, "named/api", "x-team-key"),
        ("/named/api/x?team=wrong", "", INVALID, "named/api", "x-team-key"),
    ];
    for (target, header, body, path, name) in cases {
        let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: gateway.test\r\n{header}Connection: close\r\n\r\n"
        );
        let answer = gateway.raw(request.as_bytes()).await;
        let (head, found) = answer.split_once("\r\n\r\n").expect("a whole answer");
        assert!(head.starts_with("HTTP/1.1 401 Access Denied\r\n"), "{target}: {head}");
        assert_eq!(found, *body, "{target} {header}");
        let headers: Vec<(String, &str)> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let of = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|pair| pair.1);
        let challenge = format!(
            r#"AzureApiManagementKey realm="https://gateway.test/{path}",name="{name}",type="header""#
        );
        assert_eq!(of("www-authenticate"), Some(challenge.as_str()), "{target}");
        assert_eq!(of("content-type"), Some("application/json"), "{target}");
        assert_eq!(of("content-length"), Some(body.len().to_string().as_str()), "{target}");
    }
    assert!(azure.echo.server().received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let (azure, gateway) = start().await;
    let calls = [
        Call::get("/"),
        Call::get("/closedx").header("api-key", KEYS[0]),
        // Whether an operation exists is told before any key is looked at.
        Call::post("/closed/read/1", "").header("api-key", KEYS[0]),
        Call::post("/closed/read/1", ""),
        Call::get("/named"),
    ];
    for call in calls {
        let shown = format!("{call:?}");
        let answer = gateway.send(call).await.expect(404);
        assert_eq!(answer.text(), NOT_FOUND, "{shown}");
        assert_eq!(answer.header("content-type"), "application/json", "{shown}");
        assert_eq!(answer.header("www-authenticate"), "", "{shown}");
    }
    assert!(azure.echo.server().received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_opens_by_each_way_and_stays_here() {
    let (azure, gateway) = start().await;
    let encoded = forms(KEYS[1]).remove(1);
    let form = forms(KEYS[1]).remove(2);
    let get = Call::get;
    // A call, and the target and the headers that arrive.
    let cases = [
        (get("/closed/a?x=1").header("api-key", KEYS[0]), "/a", "x=1"),
        (get("/closed/a?x=1").header("Api-Key", KEYS[1]), "/a", "x=1"),
        (get("/closed/a").header("Ocp-Apim-Subscription-Key", KEYS[1]), "/a", ""),
        (get("/closed/a").header("ocp-apim-subscription-key", KEYS[2]), "/a", ""),
        (get(&format!("/closed/a?api-key={}", KEYS[0])), "/a", ""),
        (get(&format!("/closed/a?x=1&subscription-key={}&y=%20", KEYS[0])), "/a", "x=1&y=%20"),
        (get(&format!("/closed/a?subscription-key={encoded}&y=2")), "/a", "y=2"),
        (get(&format!("/closed/a?x=1&api-key={form}")), "/a", "x=1"),
        (get("/named/api/a").header("x-team-key", KEYS[2]), "/a", ""),
        (get("/named/api/a").header("x-old-key", KEYS[2]), "/a", ""),
        (get(&format!("/named/api/a?team={}", KEYS[2])), "/a", ""),
        // Twice, in two places.
        (
            get("/closed/a")
                .header("api-key", KEYS[0])
                .header("ocp-apim-subscription-key", KEYS[0]),
            "/a",
            "",
        ),
        (get(&format!("/closed/a?api-key={}", KEYS[0])).header("api-key", KEYS[0]), "/a", ""),
        (get(&format!("/closed/a?api-key={0}&subscription-key={0}", KEYS[0])), "/a", ""),
        // Without need, but it is the gateway's key all the same.
        (get("/open/a").header("api-key", KEYS[4]), "/a", ""),
        (get("/open/a").header("api-key", KEYS[3]), "/a", ""),
        (get(&format!("/open/a?api-key={}", KEYS[4])), "/a", ""),
    ];
    for (call, path, query) in cases {
        let shown = format!("{call:?}");
        let answer = gateway.send(call).await.expect(200);
        let received = only(&azure);
        assert_eq!((received.path.as_str(), received.query.as_str()), (path, query), "{shown}");
        holds_no_key(&shown, &format!("{received:?}"));
        holds_no_key(&shown, &format!("{:?} {}", answer.headers, answer.text()));
    }
    // What is not the gateway's key is the backend's, where none is needed.
    gateway.send(get("/open/a?api-key=theirs").header("x-team-key", "theirs")).await.expect(200);
    let received = only(&azure);
    assert_eq!(received.query, "api-key=theirs");
    assert_eq!(values(&received, "x-team-key"), ["theirs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_writes_in_its_place_arrives() {
    let (azure, gateway) = start().await;
    let calls = [
        Call::get("/writing/a").header("api-key", KEYS[0]),
        Call::get("/writing/a").header("ocp-apim-subscription-key", KEYS[0]),
        Call::get(&format!("/writing/a?api-key={}", KEYS[0])),
        Call::get(&format!("/writing/a?subscription-key={}", KEYS[0])),
    ];
    for call in calls {
        let shown = format!("{call:?}");
        gateway.send(call).await.expect(200);
        let received = only(&azure);
        assert_eq!(values(&received, "api-key"), ["the backend's own"], "{shown}");
        let query = received.query_value("subscription-key");
        assert_eq!(query.as_deref(), Some("own too"), "{shown}");
        holds_no_key(&shown, &format!("{received:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_the_log_see_the_subscription() {
    let (_azure, gateway) = start().await;
    for (index, expected) in
        [(0, "team|The team|True"), (1, "team|The team|False"), (2, "everything|everything|True")]
    {
        let path = format!("/telling/{index}");
        let answer = gateway.send(Call::get(&path).header("api-key", KEYS[index])).await;
        assert_eq!(answer.expect(200).text(), expected);
        let line = gateway.access(&path).await;
        let id = expected.split('|').next();
        assert_eq!(find(&line, "subscription").and_then(|id| id.as_str()), id, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_has_a_key() {
    let (_azure, gateway) = start().await;
    for (index, key) in KEYS.iter().enumerate() {
        let encoded = forms(key).remove(1);
        for api in ["closed", "named/api", "writing", "telling", "open", "nowhere"] {
            for name in ["api-key", "subscription-key", "team"] {
                gateway.send(Call::get(&format!("/{api}/a?{name}={encoded}&x=1"))).await;
                gateway.send(Call::get(&format!("/{api}/a")).header(name, key)).await;
            }
        }
        gateway.send(Call::get(&format!("/nowhere/last/{index}"))).await.expect(404);
        gateway.access(&format!("/nowhere/last/{index}")).await;
    }
    assert!(gateway.count_log(|line| line.contains("/nowhere/a")) >= 30);
    for line in gateway.log() {
        holds_no_key("the log", &line);
    }
    for path in ["/metrics", "/status"] {
        holds_no_key(path, &gateway.admin(path).await.text());
    }
}
