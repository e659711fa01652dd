//! What the commands print, and how they end.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Directory, tollgate};

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
