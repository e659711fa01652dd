use http::HeaderValue;

use super::origin::{AllowedOrigin, Origin};
use super::*;
use crate::testing::{Case, Run};

fn policy(attributes: &str, origin: &str) -> String {
    format!(
        "<cors {attributes}><allowed-origins><origin>{origin}</origin></allowed-origins>
        <allowed-headers><header>x-a</header></allowed-headers>
        <expose-headers><header>x-b</header><header>x-c</header></expose-headers></cors>"
    )
}

fn run(policy: &str, origin: &'static str) -> Run {
    Case::inbound(policy).header("origin", HeaderValue::from_static(origin)).run()
}

fn header(run: &Run, name: &str) -> String {
    let headers = &run.cx.response.as_ref().unwrap().headers;
    let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join("|")
}

#[test]
fn origins_compare_as_sites() {
    let same = |a: &str, b: &str| Origin::read(a).is_some() && Origin::read(a) == Origin::read(b);
    assert!(same("https://a.com", "https://a.com/"));
    assert!(same("https://a.com:443", "HTTPS://A.com"));
    assert!(same("http://a.com:80/", "http://a.com"));
    assert!(same("http://[::1]:80", "http://[::1]"));
    assert!(same("capacitor://localhost", "capacitor://localhost/"));
    assert!(same("null", "null"));
    for (a, b) in [
        ("http://a.com", "https://a.com"),
        ("https://a.com:8443", "https://a.com"),
        ("https://a.com", "https://b.a.com"),
        ("https://a.com", "https://a.com.evil"),
        ("http://[::1]:81", "http://[::1]"),
        ("https://null", "null"),
    ] {
        assert!(!same(a, b), "{a} {b}");
    }
}

#[test]
fn what_no_browser_sends_never_matches() {
    for text in [
        "",
        "a.com",
        "https://*.a.com",
        "https://",
        "://a",
        "https://u@a.com",
        "https://a:x",
        "NULL",
    ] {
        assert_eq!(AllowedOrigin::parse(text), Ok(AllowedOrigin::Never), "{text}");
    }
    let policy = policy("", "https://*.a.com");
    assert_eq!(run(&policy, "https://*.a.com").outcome, tollgate_engine::Outcome::Returned);
    Case::inbound(&policy).warned("no browser sends this origin");
}

#[test]
fn an_allowed_request_goes_on_and_its_response_is_open() {
    let run = run(&policy(r#"allow-credentials="true""#, "https://a.com/"), "https://A.com");
    assert_eq!(header(&run, "access-control-allow-origin"), "https://A.com");
    assert_eq!(header(&run, "access-control-allow-credentials"), "true");
    assert_eq!(header(&run, "access-control-expose-headers"), "x-b,x-c");
    assert_eq!(header(&run, "vary"), "Origin");
    assert_eq!(header(&run, "access-control-allow-methods"), "");
}

#[test]
fn errors_are_readable_too() {
    let policy = policy("", "*") + r#"<set-variable name="x" value="@(int.Parse("x"))" />"#;
    let run = run(&policy, "https://a.com");
    assert_eq!(run.status(), 500);
    assert_eq!(header(&run, "access-control-allow-origin"), "*");
    assert_eq!(header(&run, "vary"), "");
}

#[test]
fn the_first_that_allows_counts() {
    let narrow = policy("", "https://a.com");
    for (wide, attributes) in
        [("https://b.com", ""), ("https://a.com", r#"allow-credentials="true""#)]
    {
        let run = Case::inbound(&format!("{narrow}<base />"))
            .wider(Scope::Global, &policy(attributes, wide))
            .header("origin", HeaderValue::from_static("https://a.com"))
            .run();
        assert_eq!(header(&run, "access-control-allow-origin"), "https://a.com", "{wide}");
        assert_eq!(header(&run, "access-control-allow-credentials"), "", "{wide}");
    }
}

#[test]
fn dangerous_and_useless_settings_are_said() {
    Case::inbound(&policy(r#"allow-credentials="true""#, "*")).warned("every site may make calls");
    Case::inbound(&policy("", "https://a.com/x")).warned("an origin has no path");
    Case::inbound("<cors><allowed-headers><header>*</header></allowed-headers></cors>")
        .refused("`cors` needs");
    Case::inbound(&policy("", "a").replace("x-a", "x a")).refused("expected the name of a header");
}
