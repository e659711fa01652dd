use http::{HeaderMap, Method};
use tollgate_engine::{Api, Operation, Secret};

use super::*;
use crate::config::{SubscriptionConfig, SubscriptionScope};
use crate::operations::OperationRoute;
use crate::template::Template;

fn api(id: &str, path: &str, required: bool, operations: &[(&str, &str)]) -> ApiRoute {
    let operations = operations.iter().map(|(method, template)| OperationRoute {
        operation: Arc::new(Operation {
            id: format!("{method} {template}"),
            ..Operation::default()
        }),
        contract: Arc::default(),
        method: method.parse().unwrap(),
        template: Template::parse(template).unwrap(),
        chain: Chain::default(),
    });
    ApiRoute {
        api: Arc::new(Api {
            id: id.into(),
            path: path.into(),
            key_header: "api-key".into(),
            is_current_revision: true,
            ..Api::default()
        }),
        path: path.into(),
        version_in: VersionIn::Path,
        target: None,
        workspace: None,
        subscription_required: required,
        open_product: None,
        key_headers: vec![HeaderName::from_static("api-key"), HeaderName::from_static("x-key")],
        key_queries: vec!["key".to_owned()],
        key_bearer: false,
        chain: Chain::default(),
        operations: operations.collect(),
    }
}

fn subscription(id: &str, key: &str, apis: Option<&[&str]>, active: bool) -> SubscriptionConfig {
    SubscriptionConfig {
        id: id.into(),
        name: id.into(),
        keys: vec![Secret::new(key.into()), Secret::new(format!("{key}-2"))],
        scope: apis.map_or(SubscriptionScope::All, |apis| {
            SubscriptionScope::Apis(apis.iter().map(|api| (*api).to_owned()).collect())
        }),
        user: None,
        active,
        created: 0,
        start: None,
        end: None,
        span: tollgate_diagnostics::Sources::default().add("", "").span(0..0),
    }
}

/// Routes `METHOD /path?query`, with headers, and says what came of it.
fn route(line: &str, headers: &[(&str, &str)]) -> String {
    let apis = vec![
        api("root", "", false, &[("GET", "/health")]),
        api("all", "all", false, &[]),
        api(
            "openai",
            "openai",
            true,
            &[("POST", "/deployments/{id}/chat"), ("GET", "/deployments/list/chat"), ("GET", "/*")],
        ),
        api("openai-v1", "openai/v1", true, &[]),
    ];
    let router = Router::new(apis, Chain::default(), false);
    let (subscriptions, repeated) = Subscriptions::new(
        &[
            subscription("team", "k-team", Some(&["openai"]), true),
            subscription("everywhere", "k-all", None, true),
            subscription("off", "k-off", None, false),
        ],
        &[],
        &[],
    );
    assert!(repeated.is_empty());
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let method: Method = method.parse().unwrap();
    let id =
        |matched: &Matched| matched.info.api.as_ref().map_or("-", |api| api.id.as_str()).to_owned();
    match router.route(&subscriptions, &method, "gw.test", path, query, &map) {
        Ok(matched) => {
            let operation =
                matched.info.operation.as_ref().map_or("-", |operation| operation.id.as_str());
            let subscription = matched
                .info
                .subscription
                .as_ref()
                .map_or("-", |subscription| subscription.id.as_str());
            let keys = match matched.keys.len() {
                0 | 1 => String::new(),
                n => format!(", {n} in headers"),
            };
            format!(
                "{} | {operation} | {:?} | {}?{} | {subscription}{keys}",
                id(&matched),
                matched.parameters,
                matched.path,
                matched.query
            )
        }
        Err(refusal) => format!(
            "{} | {} {}",
            id(&refusal.matched),
            refusal.error.status_code().as_u16(),
            refusal.error.reason()
        ),
    }
}

#[test]
fn the_longest_api_path_wins() {
    let key = [("api-key", "k-all")];
    let cases = [
        ("GET /health", "root | GET /health | [] | /health? | everywhere"),
        ("GET /nothing", "root | 404 OperationNotFound"),
        ("GET /all", "all | - | [] | ? | everywhere"),
        ("GET /ALL/x?y=1", "all | - | [] | /x?y=1 | everywhere"),
        ("GET /allx", "root | 404 OperationNotFound"),
        ("POST /openai/v1/chat", "openai-v1 | - | [] | /chat? | everywhere"),
        (
            "POST /openai/deployments/g%20t/chat",
            "openai | POST /deployments/{id}/chat | [(\"id\", \"g t\")] | /deployments/g%20t/chat? | everywhere",
        ),
        (
            "GET /openai/deployments/list/chat",
            "openai | GET /deployments/list/chat | [] | /deployments/list/chat? | everywhere",
        ),
        ("DELETE /openai/deployments/x/chat", "openai | 404 OperationNotFound"),
    ];
    for (line, expected) in cases {
        assert_eq!(route(line, &key), expected, "{line}");
    }
}

#[test]
fn paths_that_climb_are_refused() {
    for path in [
        "/all/../x",
        "/all/./x",
        "/all/%2e%2e/x",
        "/all/..%2fx",
        "/all/a%5c..%5cx",
        "/all/%00",
        "/all/%0a",
        "/all/%ff",
        "x",
    ] {
        assert_eq!(route(&format!("GET {path}"), &[]), "- | 400 InvalidRequestPath", "{path}");
    }
    assert!(route("GET /all/a..b/.c", &[]).starts_with("all |"));
}

#[test]
fn no_spelling_leads_past_a_narrower_api_or_operation() {
    let key = [("api-key", "k-all")];
    for path in [
        "/openai/v1/x",
        "/openai/%761/x",
        "/openai//v1/x",
        "//openai/v1/x",
        "/openai/V1;a=b/x",
        "/OPENAI;/v1/x",
    ] {
        assert!(route(&format!("GET {path}"), &key).starts_with("openai-v1 |"), "{path}");
    }
    for path in [
        "/openai/deployments/list/chat",
        "/openai/deployments//list;a/chat",
        "/openai/deployments/l%69st/chat",
    ] {
        assert!(
            route(&format!("GET {path}"), &key).contains("| GET /deployments/list/chat |"),
            "{path}"
        );
    }
    for path in ["/openai/v1%2fx", "/all/..;/x", "/all/%252e%252e/x", "/all/a%5cb"] {
        assert!(route(&format!("GET {path}"), &key).ends_with("400 InvalidRequestPath"), "{path}");
    }
}

#[test]
fn every_key_is_taken_off() {
    let shown = route(
        "GET /openai/x?key=k-team&a=1&KEY=k-all&key=other",
        &[("api-key", "k-team"), ("x-key", "k-all")],
    );
    assert_eq!(shown, "openai | GET /* | [(\"*\", \"x\")] | /x?a=1&key=other | team, 2 in headers");
}

#[test]
fn keys_open_what_they_are_for_and_are_taken_off() {
    type Headers = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Headers, &str)] = &[
        ("GET /openai/x", &[], "openai | 401 SubscriptionKeyNotFound"),
        ("GET /openai/x", &[("api-key", "wrong")], "openai | 401 SubscriptionKeyInvalid"),
        ("GET /openai/x", &[("api-key", "k-off")], "openai | 401 SubscriptionKeyInvalid"),
        (
            "GET /openai/x",
            &[("x-key", "k-team-2")],
            "openai | GET /* | [(\"*\", \"x\")] | /x? | team",
        ),
        ("GET /openai/v1/x", &[("api-key", "k-team")], "openai-v1 | 401 SubscriptionKeyInvalid"),
        (
            "GET /openai/x?a=1&key=k-team&b=2",
            &[],
            "openai | GET /* | [(\"*\", \"x\")] | /x?a=1&b=2 | team",
        ),
        (
            "GET /openai/x?key=k-team",
            &[("api-key", "wrong")],
            "openai | 401 SubscriptionKeyInvalid",
        ),
        ("GET /all/x?key=backends-own", &[], "all | - | [] | /x?key=backends-own | -"),
        ("GET /all/x?key=k-team", &[], "all | - | [] | /x? | -"),
    ];
    for (line, headers, expected) in cases {
        assert_eq!(route(line, headers), *expected, "{line} {headers:?}");
    }
}

/// Whether policies may answer in place of an operation, and which operation the rest is about.
fn unmatched(line: &str, headers: &[(&str, &str)]) -> String {
    let apis = vec![
        api("things", "things", true, &[("GET", "/{id}"), ("OPTIONS", "/own"), ("GET", "/own")]),
        api("all", "all", true, &[]),
    ];
    let router = Router::new(apis, Chain::default(), false);
    let (subscriptions, _) =
        Subscriptions::new(&[subscription("everywhere", "k", None, true)], &[], &[]);
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let method: Method = method.parse().unwrap();
    let (matched, status) =
        match router.route(&subscriptions, &method, "gw.test", path, query, &map) {
            Ok(matched) => (matched, 200),
            Err(refusal) => (*refusal.matched, refusal.error.status_code().as_u16()),
        };
    let operation = matched.info.operation.as_ref().map_or("-", |it| it.id.as_str());
    let subscription = matched.info.subscription.as_ref().map_or("-", |it| it.id.as_str());
    format!("{} {status} {operation} {subscription}", matched.unmatched)
}

#[test]
fn a_preflight_is_about_the_request_that_it_asks_for() {
    let preflight = [("origin", "https://a.example"), ("access-control-request-method", "GET")];
    let cases = [
        ("OPTIONS /things/1", "true 404 GET /{id} -"),
        ("OPTIONS /things/1?key=k", "true 404 GET /{id} everywhere"),
        ("OPTIONS /things/1/2", "true 404 - -"),
        ("OPTIONS /things/own", "false 401 OPTIONS /own -"),
        ("OPTIONS /all/x", "true 401 - -"),
        ("OPTIONS /nowhere", "true 404 - -"),
        ("GET /things/1", "false 401 GET /{id} -"),
        ("GET /things/../x", "false 400 - -"),
    ];
    for (line, expected) in cases {
        assert_eq!(unmatched(line, &preflight), expected, "{line}");
    }
    for headers in [&preflight[..1], &preflight[1..], &[]] {
        assert_eq!(unmatched("OPTIONS /things/1", headers), "true 404 - -");
        assert_eq!(unmatched("OPTIONS /all/x", headers), "false 401 - -");
    }
    let strange = [preflight[0], ("access-control-request-method", "G T")];
    assert_eq!(unmatched("OPTIONS /things/1", &strange), "true 404 - -");
}
