//! Actions, lines and names.

use http::HeaderMap;

use crate::testing::Case;

fn shown(headers: &HeaderMap) -> String {
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.join("\n")
}

/// Runs a policy on a request with these headers; gives the headers after it.
fn after(before: &[(&str, &str)], policy: &str) -> String {
    let mut case = Case::inbound(policy);
    for (name, value) in before {
        case = case.header(name, value.parse().unwrap());
    }
    let run = case.run();
    assert_eq!(run.reason(), "", "{policy}");
    shown(&run.cx.request.headers)
}

fn check(before: &[(&str, &str)], attributes: &str, values: &str, expected: &str) {
    let policy = format!("<set-header {attributes}>{values}</set-header>");
    assert_eq!(after(before, &policy), expected, "{policy}");
}

const ONE: &str = "<value>1</value>";
const TWO: &str = "<value>1</value><value>2</value>";

#[test]
fn the_four_actions() {
    let there: &[_] = &[("x-a", "old")];
    check(&[], r#"name="X-A""#, ONE, "x-a: 1");
    check(there, r#"name="X-A""#, ONE, "x-a: 1");
    check(there, r#"name="X-A" exists-action="override""#, TWO, "x-a: 1,2");
    check(there, r#"name="X-A" exists-action="skip""#, ONE, "x-a: old");
    check(&[], r#"name="X-A" exists-action="skip""#, ONE, "x-a: 1");
    check(there, r#"name="X-A" exists-action="append""#, TWO, "x-a: old,1,2");
    check(&[], r#"name="X-A" exists-action="append""#, ONE, "x-a: 1");
    check(there, r#"name="X-A" exists-action="delete""#, "", "");
    check(there, r#"name="X-A" exists-action="delete""#, ONE, "");
    check(&[], r#"name="X-A" exists-action="delete""#, "", "");
    check(
        &[("x-a", "1"), ("x-a", "2")],
        r#"name="X-A" exists-action="append""#,
        "<value>3</value>",
        "x-a: 1,2,3",
    );
}

#[test]
fn some_headers_are_a_line_for_each_value() {
    for name in [
        "user-agent",
        "www-authenticate",
        "proxy-authenticate",
        "cookie",
        "set-cookie",
        "warning",
        "date",
        "expires",
        "if-modified-since",
        "if-unmodified-since",
        "last-modified",
        "retry-after",
    ] {
        let attributes = format!(r#"name="{name}" exists-action="append""#);
        check(&[(name, "0")], &attributes, TWO, &format!("{name}: 0\n{name}: 1\n{name}: 2"));
    }
}

#[test]
fn expressions_everywhere() {
    check(
        &[],
        r#"name="@("X-" + "A")" exists-action="@("over" + "ride")""#,
        r#"<value>@("v" + 1)</value>"#,
        "x-a: v1",
    );
    check(&[("x-a", "1")], r#"name="X-A" exists-action="@("de" + "lete")""#, "", "");
    check(&[], r#"name="X-A""#, "<value>@((string)null)</value>", "x-a: ");
    check(&[], r#"name="X-A""#, "<value></value>", "x-a: ");
    check(&[], r#"name="X-A""#, "<value>\n  padded \n</value>", "x-a: padded");
    for policy in [
        r#"<set-header name="@("a" + " b")"><value>1</value></set-header>"#,
        r#"<set-header name="a" exists-action="@("x" + 1)"><value>1</value></set-header>"#,
        r#"<set-header name="a" exists-action="@("over" + "ride")" />"#,
    ] {
        assert_eq!(
            Case::inbound(policy).run().reason(),
            "ExpressionValueEvaluationFailure",
            "{policy}"
        );
    }
}

#[test]
fn no_line_can_be_smuggled_in() {
    let smuggled = r#"@("a\r" + "\nX-Admin: true")"#;
    let run =
        Case::inbound(&format!(r#"<set-header name="X-A"><value>{smuggled}</value></set-header>"#))
            .run();
    assert_eq!((run.status(), run.reason()), (500, "ExpressionValueEvaluationFailure"));
    assert_eq!(shown(&run.cx.request.headers), "");
    let run =
        Case::inbound(&format!(r#"<set-header name="{smuggled}"><value>1</value></set-header>"#))
            .run();
    assert_eq!(run.reason(), "ExpressionValueEvaluationFailure");
    Case::inbound("<set-header name=\"X-A\"><value>a&#13;&#10;X: y</value></set-header>")
        .refused("cannot hold");
    Case::inbound("<set-header name=\"X A\"><value>a</value></set-header>")
        .refused("expected the name of a header");
}

#[test]
fn framing_stays_with_the_gateway() {
    for name in ["Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding"] {
        let policy = format!(r#"<set-header name="{name}"><value>1</value></set-header>"#);
        Case::inbound(&policy).warned("cannot be set");
        let before = name.to_ascii_lowercase();
        assert_eq!(after(&[(&before, "x")], &policy), format!("{before}: x"));
        let deleted = format!(r#"<set-header name="@("{name}" + "")" exists-action="delete" />"#);
        let run = Case::inbound(&deleted).header(&before, "x".parse().unwrap()).run();
        assert_eq!(shown(&run.cx.request.headers), format!("{before}: x"));
        assert!(run.trace().contains("cannot be set"), "{}", run.trace());
    }
}

#[test]
fn secrets_are_marked() {
    let values = [("openai-key", "s3cret")];
    for value in [
        "{{openai-key}}",
        "Bearer {{openai-key}}",
        r#"@("Bearer " + "{{openai-key}}" + context.RequestId)"#,
    ] {
        let policy = format!(r#"<set-header name="X-A"><value>{value}</value></set-header>"#);
        let run = Case::inbound(&policy).named_values(&values).run();
        let header = &run.cx.request.headers["x-a"];
        assert!(header.is_sensitive() && header.to_str().unwrap().contains("s3cret"), "{value}");
        assert!(!format!("{header:?}").contains("s3cret"));
    }
    let run = Case::inbound(r#"<set-header name="X-A"><value>plain</value></set-header>"#).run();
    assert!(!run.cx.request.headers["x-a"].is_sensitive());
}

#[test]
fn in_outbound_the_response_changes() {
    let run = Case::outbound(r#"<set-header name="Server" exists-action="delete" />"#)
        .header("server", "x".parse().unwrap())
        .header("x-b", "y".parse().unwrap())
        .run();
    assert_eq!(shown(&run.cx.response.unwrap().headers), "x-b: y");
}

#[test]
fn what_is_written_wrong() {
    Case::inbound(r#"<set-header name="a" />"#).refused("`set-header` needs a `value` element");
    Case::inbound(r#"<set-header name="a" exists-action="replace"><value>1</value></set-header>"#)
        .refused("expected one of `override`, `skip`, `append`, `delete`");
    Case::inbound("<set-header><value>1</value></set-header>")
        .refused("needs the attribute `name`");
    Case::inbound(r#"<set-header name="a"><vlaue>1</vlaue></set-header>"#)
        .refused("did you mean `value`");
}
