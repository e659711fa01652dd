//! What the commands print, and how they end.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Call, Directory, is_like, tollgate};

fn run(args: &[&str]) -> Output {
    tollgate(&BTreeMap::new(), args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const BROKEN: &str =
    "<policies>\n    <inbound>\n        <set-heeder name=\"x\" />\n    </inbound>\n</policies>\n";

#[test]
fn check_says_where_in_json() {
    let directory =
        Directory::new("[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n").api("a", BROKEN);
    let path = directory.path().to_string_lossy().into_owned();
    let output = run(&["check", &path, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let findings: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let errors: Vec<&Value> = findings
        .as_array()
        .expect("an array")
        .iter()
        .filter(|one| one["severity"] == "error")
        .collect();
    let [error] = errors.as_slice() else { panic!("{findings}") };
    assert!(
        error["file"].as_str().is_some_and(|file| file.ends_with("apis/a/policy.xml")),
        "{error}"
    );
    assert_eq!(
        (&error["code"], &error["line"], &error["end_line"]),
        (&json!("E0201"), &json!(3), &json!(3))
    );
    assert!(error["column"].is_u64() && error["end_column"].is_u64(), "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("set-heeder")), "{error}");
    assert!(error["help"].as_str().is_some_and(|text| text.contains("set-header")), "{error}");
    assert_eq!(error.as_object().map(serde_json::Map::len), Some(9), "{error}");
}

#[test]
fn check_ends_by_what_it_found() {
    let good = Directory::new("[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n");
    assert_eq!(good.check().status.code(), Some(0), "{}", stderr(&good.check()));
    let good_path = good.path().to_string_lossy().into_owned();
    for (args, code) in [
        (vec!["check", &good_path], 0),
        (vec!["check"], 2),
        (vec!["check", "/there/is/nothing"], 2),
        (vec!["check", &good_path, "--format", "yaml"], 2),
        (vec!["run"], 2),
        (vec!["run", "/there/is/nothing"], 1),
        (vec!["no-command"], 2),
        (vec!["--version"], 0),
        (vec!["help"], 0),
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    }
}

/// A document alone may name what only its directory has.
#[test]
fn documents_are_checked_alone() {
    let policy = "<policies>\n<inbound>\n<set-backend-service backend-id=\"b\" />\n\
                  <include-fragment fragment-id=\"f\" />\n\
                  <set-header name=\"x\"><value>{{somewhere}}</value></set-header>\n</inbound>\n</policies>";
    let directory = Directory::new("").file("alone/good.xml", policy).file("alone/bad.xml", BROKEN);
    let folder = directory.path().join("alone");
    let one = |name: &str| run(&["check", &folder.join(name).to_string_lossy()]);
    let good = one("good.xml");
    assert_eq!(good.status.code(), Some(0), "{}", stderr(&good));
    assert!(stderr(&good).contains("0 errors"), "{}", stderr(&good));
    let bad = one("bad.xml");
    assert_eq!(bad.status.code(), Some(1), "{}", stderr(&bad));
    let both = run(&["check", &folder.to_string_lossy()]);
    assert_eq!(both.status.code(), Some(1), "{}", stderr(&both));
    assert!(stderr(&both).contains("1 error,"), "{}", stderr(&both));
}

#[test]
fn eval_says_value_or_why_not() {
    let output = run(&["eval", "@(1 + 2 * 3)"]);
    assert_eq!(
        (output.status.code(), stdout(&output).contains('7')),
        (Some(0), true),
        "{output:?}"
    );
    for expression in ["@(1 +)", "@(context.Nothing)", "@(int.Parse(\"x\"))"] {
        let output = run(&["eval", expression]);
        assert_eq!(output.status.code(), Some(1), "{expression}: {output:?}");
    }
    let cases = Directory::new("").file(
        "cases.jsonl",
        "{\"id\": \"a\", \"expr\": \"@(1 + 1)\", \"context\": {}}\n\
         {\"id\": \"b\", \"expr\": \"@(int.Parse(\\\"x\\\"))\", \"context\": {}}\n\
         {\"id\": \"c\", \"expr\": \"@(1 +)\", \"context\": {}}\n\
         {\"id\": \"d\", \"expr\": \"@((string)null)\", \"context\": {}}\n",
    );
    let file = cases.path().join("cases.jsonl").to_string_lossy().into_owned();
    let output = run(&["eval", "--cases", &file]);
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 4, "{output:?}");
    assert_eq!(lines[0], json!({"id": "a", "type": "System.Int32", "value": "2"}));
    assert_eq!(
        (&lines[1]["id"], &lines[1]["error"]),
        (&json!("b"), &json!("System.FormatException"))
    );
    assert!(lines[2]["id"] == "c" && lines[2]["compile"].is_string(), "{}", lines[2]);
    assert_eq!(lines[3], json!({"id": "d", "value": null}));
}

const GUARDED: &str = r#"
[backends.ptu]
url = "http://127.0.0.1:9"
circuit-breaker.broken = { count = 1, error-reasons = ["Server errors"], trip-duration = "1h" }
[backends.payg]
url = "http://127.0.0.1:9"
[pools.openai.members]
ptu = { priority = 1 }
payg = { priority = 2, weight = 3 }
[apis.a]
path = "a"
backend = "ptu"
subscription = "optional"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_a_gateway_is_doing() {
    let gateway = Directory::new(GUARDED).start();
    let admin = gateway.admin.to_string();
    gateway.send(Call::get("/a")).await.expect(500);
    let human = run(&["status", &admin]);
    let text = stdout(&human);
    assert_eq!(human.status.code(), Some(0), "{text}{}", stderr(&human));
    let expected = [
        "tollgate 0.0.0: ready",
        "configuration 1, loaded … ago",
        "",
        "circuit breakers",
        "  ptu  open, … left",
        "",
        "pool openai",
        "  ptu   priority 1, weight 1: left alone",
        "  payg  priority 2, weight 3: available",
        "",
    ];
    assert!(is_like(&expected.join("\n"), &text), "{text}");

    let json = run(&["status", &format!("http://{admin}/"), "--format", "json"]);
    let status: Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert_eq!((json.status.code(), &status["ready"]), (Some(0), &json!(true)));
    assert_eq!(status["circuit_breakers"][0]["state"], "open");
    assert_eq!(status["backend_pools"][0]["members"][1]["weight"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_why_there_is_none() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("its address").to_string();
    let with_key = "[admin]\nkey = { env = \"KEY\" }\n";
    let gateway = Directory::new(with_key).env("KEY", "of the admin listener").start();
    let (admin, http) = (gateway.admin.to_string(), gateway.http.to_string());
    let check = |args: &[&str], key: Option<&str>, code: i32, part: &str| {
        let env = key.map(|key| ("TOLLGATE_ADMIN_KEY".to_owned(), key.to_owned()));
        let args: Vec<_> = ["status"].iter().chain(args).copied().collect();
        let output = tollgate(&env.into_iter().collect(), &args);
        let said = stderr(&output) + &stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    };
    check(&[&admin], None, 2, "wants its admin key: set TOLLGATE_ADMIN_KEY");
    check(&[&admin], Some("another"), 2, "wants its admin key");
    check(&[&admin], Some("of the admin listener"), 0, "ready");
    check(&[&http], None, 2, "no admin listener of a gateway");
    check(&["127.0.0.1:9"], None, 2, "no gateway answers at http://127.0.0.1:9");
    check(&[&silent, "--timeout", "1"], None, 2, "no gateway answers");
    check(&["no address"], None, 2, "is not an address");
    check(&[&admin, "--format", "yaml"], None, 2, "invalid value");
}
