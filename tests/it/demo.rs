//! `tollgate demo`.

use std::collections::BTreeMap;

use crate::harness::tollgate;

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
