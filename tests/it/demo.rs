//! `tollgate demo`.

use std::collections::BTreeMap;

use crate::harness::{repository, tollgate};

#[test]
fn demo_makes_both_calls_and_ends() {
    let output = tollgate(&BTreeMap::new(), &["demo", "--once"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{shown}\n{said}");
    for part in ["200 OK", "401 Unauthorized", "\"total_tokens\"", "curl -N '", "curl -i '"] {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
}

#[test]
fn demo_serves_a_directory() {
    for example in [
        "api-key",
        "chargeback",
        "content-safety",
        "multi-team",
        "responses-affinity",
        "semantic-cache",
        "spill-over",
    ] {
        let directory = repository().join("examples").join(example);
        let args = ["demo", &directory.to_string_lossy(), "--once"];
        let output = tollgate(&BTreeMap::new(), &args);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{example}: {shown}\n{said}");
        assert!(shown.contains("200 OK") && shown.contains("data: [DONE]"), "{shown}");
    }
    let nothing = tollgate(&BTreeMap::new(), &["demo", "/there/is/nothing", "--once"]);
    assert_eq!(nothing.status.code(), Some(2));
}
