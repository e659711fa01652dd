//! Circuit breakers and pools of backends.

use std::time::Duration;

use expect_test::expect;

use super::{check, load};
use crate::breaker::{ErrorReason, Rule, Threshold};
use crate::config::PoolMember;

#[test]
fn rules_of_circuit_breakers() {
    let (config, shown) = load(
        r#"
[backends.a]
url = "https://a"
[backends.a.circuit-breaker.throttled]
count = 1
interval = "1m"
status-codes = ["429"]
trip-duration = "10s"
accept-retry-after = true
[backends.a.circuit-breaker.broken]
percentage = 50
status-codes = ["500 - 599"]
error-reasons = ["timeout", "BackendConnectionFailure"]
"#,
    );
    assert_eq!(shown, "");
    let throttled = Rule {
        name: "throttled".to_owned(),
        threshold: Threshold::Count(1),
        interval: Duration::from_mins(1),
        statuses: vec![(429, 429)],
        reasons: Vec::new(),
        trip: Duration::from_secs(10),
        accept_retry_after: true,
    };
    let broken = Rule {
        name: "broken".to_owned(),
        threshold: Threshold::Percentage { percentage: 50, minimum_requests: 10 },
        interval: Duration::from_hours(1),
        statuses: vec![(500, 599)],
        reasons: vec![ErrorReason::Timeout, ErrorReason::Connection],
        trip: Duration::from_hours(1),
        accept_retry_after: false,
    };
    assert_eq!(config.backends.first().unwrap().breaker, [throttled, broken]);
}

#[test]
fn mistakes_in_rules_of_circuit_breakers() {
    check(
        r#"
[backends.a]
url = "https://a"
[backends.a.circuit-breaker]
none = {}
both = { count = 1, percentage = 1, status-codes = ["429"] }
[backends.a.circuit-breaker.wrong]
count = 0
interval = "0s"
trip-duration = 0
status-codes = ["100", "500-499", "5xx", "600"]
error-reasons = ["Timeout", "Slow"]
[backends.a.circuit-breaker.much]
percentage = 101
minimum = 3
status-codes = [429]
"#,
        &expect![[r#"
            error[E0402]: unknown key `minimum`
              --> tollgate.toml:15:1
               |
            15 | minimum = 3
               | ^^^^^^^ no such key in `backends.a.circuit-breaker.much`

            error[E0403]: the value of `backends.a.circuit-breaker.much.status-codes` does not fit
              --> tollgate.toml:16:16
               |
            16 | status-codes = [429]
               |                ^^^^^ expected a list of text

            error[E0404]: the circuit breaker rule `none` never opens
             --> tollgate.toml:5:1
              |
            5 | none = {}
              | ^^^^ needs `count` or `percentage`

            error[E0404]: nothing is a failure to the circuit breaker rule `none`
             --> tollgate.toml:5:1
              |
            5 | none = {}
              | ^^^^ needs `status-codes`, `error-reasons` or both

            error[E0406]: the circuit breaker rule `both` has both `count` and `percentage`
             --> tollgate.toml:6:34
              |
            6 | both = { count = 1, percentage = 1, status-codes = ["429"] }
              |                                  ^ one of the two is enough

            error[E0403]: the value of `count` does not fit
             --> tollgate.toml:8:9
              |
            8 | count = 0
              |         ^ expected 1 or more failures

            error[E0403]: `100` is not a range of status codes
              --> tollgate.toml:11:17
               |
            11 | status-codes = ["100", "500-499", "5xx", "600"]
               |                 ^^^^^ expected 200 to 599, such as `429` or `500-599`

            error[E0403]: `500-499` is not a range of status codes
              --> tollgate.toml:11:24
               |
            11 | status-codes = ["100", "500-499", "5xx", "600"]
               |                        ^^^^^^^^^ expected 200 to 599, such as `429` or `500-599`

            error[E0403]: `5xx` is not a range of status codes
              --> tollgate.toml:11:35
               |
            11 | status-codes = ["100", "500-499", "5xx", "600"]
               |                                   ^^^^^ expected 200 to 599, such as `429` or `500-599`

            error[E0403]: `600` is not a range of status codes
              --> tollgate.toml:11:42
               |
            11 | status-codes = ["100", "500-499", "5xx", "600"]
               |                                          ^^^^^ expected 200 to 599, such as `429` or `500-599`

            error[E0403]: `Slow` is not an error reason of circuit breakers
              --> tollgate.toml:12:29
               |
            12 | error-reasons = ["Timeout", "Slow"]
               |                             ^^^^^^ expected `Timeout`, `BackendConnectionFailure` or `Server errors`

            error[E0403]: the value of `interval` does not fit
             --> tollgate.toml:9:12
              |
            9 | interval = "0s"
              |            ^^^^ expected more than nothing

            error[E0403]: the value of `trip-duration` does not fit
              --> tollgate.toml:10:17
               |
            10 | trip-duration = 0
               |                 ^ expected more than nothing

            error[E0403]: the value of `percentage` does not fit
              --> tollgate.toml:14:14
               |
            14 | percentage = 101
               |              ^^^ expected 1 to 100"#]],
    );
}

#[test]
fn pools_have_members_that_are_backends() {
    let backends = r#"
[backends.a]
url = "https://a"
circuit-breaker.broken = { count = 1, status-codes = ["500-599"] }
[backends.b]
url = "https://b"
"#;
    let (config, shown) = load(&format!(
        "{backends}\n[pools.p]\nsession-affinity.cookie = \"sid\"\n\
         members = {{ a = {{}}, b = {{ priority = 2, weight = 5 }} }}\n\
         [apis.x]\npath = \"x\"\nbackend = \"p\"\n"
    ));
    assert_eq!(shown, "");
    let member = |backend: &str, priority, weight| PoolMember {
        backend: backend.to_owned(),
        priority,
        weight,
    };
    let pool = config.pools.first().unwrap();
    assert_eq!(pool.members, [member("a", 1, 1), member("b", 2, 5)]);
    assert_eq!(pool.session_cookie.as_deref(), Some("sid"));
    check(
        &format!(
            r#"{backends}
[pools]
none = {{}}
a.members.b = {{}}
[pools.p]
session-affinity = {{}}
[pools.p.members]
q = {{}}
c = {{}}
a = {{ priority = 2, weight = 1001 }}
b = {{ priority = 1 }}
[pools.q]
members.a = {{ weigth = 1 }}
session-affinity.cookie = "a b"
[pools.drained.members]
a = {{ weight = 0 }}
"#
        ),
        &expect![[r#"
            error[E0402]: unknown key `weigth`
              --> tollgate.toml:19:15
               |
            19 | members.a = { weigth = 1 }
               |               ^^^^^^ no such key in `pools.q.members.a`
               |
               = help: did you mean `weight`?

            error[E0404]: pool `none` has no members
             --> tollgate.toml:9:1
              |
            9 | none = {}
              | ^^^^ `members` is missing

            error[E0406]: `a` is a backend and a pool
              --> tollgate.toml:10:1
               |
            10 | a.members.b = {}
               | ^ a backend has this name

            error[E0403]: pool `p` has a pool as a member
              --> tollgate.toml:14:1
               |
            14 | q = {}
               | ^ only backends can be members

            error[E0405]: there is no backend `c`
              --> tollgate.toml:15:1
               |
            15 | c = {}
               | ^ not in the configuration
               |
               = help: did you mean `a`?

            error[E0403]: the weight of member `a` does not fit
              --> tollgate.toml:16:30
               |
            16 | a = { priority = 2, weight = 1001 }
               |                              ^^^^ expected 0 to 1000

            warning[W0217]: member `a` of pool `p` gets no requests
              --> tollgate.toml:16:1
               |
            16 | a = { priority = 2, weight = 1001 }
               | ^ `b` goes before it
               |
               = help: a `circuit-breaker` of `b` lets others in

            error[E0404]: the session affinity of pool `p` needs a `cookie`
              --> tollgate.toml:12:20
               |
            12 | session-affinity = {}
               |                    ^^ `cookie` is missing

            error[E0403]: `a b` is not the name of a cookie
              --> tollgate.toml:20:27
               |
            20 | session-affinity.cookie = "a b"
               |                           ^^^^^ not a token

            error[E0403]: no member of pool `drained` has a weight
              --> tollgate.toml:21:8
               |
            21 | [pools.drained.members]
               |        ^^^^^^^ nobody gets a request"#]],
    );
}
