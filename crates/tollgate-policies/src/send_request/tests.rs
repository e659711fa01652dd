use bytes::Bytes;
use http::StatusCode;
use tollgate_engine::ports::{BodyError, CallError, IdentityError};
use tollgate_engine::{Body, Response, Scope};

use crate::testing::{Case, Run};

const CALL: &str = "<set-url>http://h.test/x</set-url><set-method>POST</set-method>";

fn policy(attributes: &str, inside: &str) -> String {
    format!("<send-request response-variable-name=\"r\" {attributes}>{inside}</send-request>")
}

fn answer(status: u16, body: &'static str) -> Response {
    let mut response = Response::new(StatusCode::from_u16(status).unwrap());
    response.headers.append("x-a", "1".parse().unwrap());
    response.headers.append("x-a", "2".parse().unwrap());
    response.body = Body::Replaced(Bytes::from_static(body.as_bytes()));
    response
}

/// The one call that was made.
fn sent(run: &Run) -> String {
    assert_eq!(run.reason(), "", "{}", run.message());
    let [call] = &*run.calls() else { panic!("{:?}", run.calls()) };
    call.shown()
}

#[test]
fn what_is_sent() {
    let check = |inside: &str, expected: &str| {
        let run = Case::inbound(&policy("", inside))
            .header("x-c", "c".parse().unwrap())
            .body("old")
            .run();
        assert_eq!(sent(&run), expected, "{inside}");
    };
    check(CALL, "POST http://h.test/x ");
    check(
        "<set-url>@(\"http://h.\" + \"test\")</set-url><set-method>get</set-method>",
        "GET http://h.test ",
    );
    check(
        &format!(
            r#"{CALL}<set-header name="A"><value>1</value><value>@("2")</value></set-header>
            <set-header name="A" exists-action="append"><value>3</value></set-header>
            <set-body>@(context.Request.Body.As<string>() + "!")</set-body>"#
        ),
        "POST http://h.test/x a=1,2,3 old!",
    );
    // The current request stays as it is.
    let run =
        Case::inbound(&policy("", &format!("{CALL}<set-body>b</set-body>"))).body("old").run();
    assert_eq!(
        (run.cx.request.method.as_str(), &**run.cx.request.body.bytes().unwrap()),
        ("GET", &b"old"[..])
    );
}

#[test]
fn a_copy_begins_with_the_current_request() {
    let copy = |inside: &str| {
        let case = Case::inbound(&policy("mode=\"copy\"", inside)).url("/a?b=1").body("old");
        case.header("x-c", "c".parse().unwrap()).header("host", "gw".parse().unwrap())
    };
    assert_eq!(sent(&copy("").run()), "GET https://gateway.example:443/a?b=1 x-c=c old");
    assert_eq!(
        sent(&copy("").streaming().run()),
        "GET https://gateway.example:443/a?b=1 x-c=c old"
    );
    assert_eq!(sent(&copy(CALL).run()), "POST http://h.test/x x-c=c old");
    let other = format!(
        "{CALL}<set-header name=\"x-c\" exists-action=\"delete\" /><set-body>new</set-body>"
    );
    assert_eq!(sent(&copy(&other).run()), "POST http://h.test/x new");
    let dynamic = policy("mode=\"@(\"co\" + \"py\")\"", CALL);
    assert_eq!(sent(&Case::inbound(&dynamic).body("old").run()), "POST http://h.test/x old");
    let outbound = Case::outbound(&policy("mode=\"copy\"", CALL)).body("old");
    assert_eq!(sent(&outbound.run()), "POST http://h.test/x ");
    let consumed = format!(
        "<set-variable name=\"v\" value=\"@(context.Request.Body.As&lt;string&gt;())\" />{}",
        policy("mode=\"copy\"", CALL)
    );
    assert_eq!(sent(&Case::inbound(&consumed).body("old").run()), "POST http://h.test/x ");
}

#[test]
fn what_described_a_body_that_is_not_copied_stays_behind() {
    let own = format!(
        "{CALL}<set-header name=\"Content-Encoding\"><value>br</value></set-header><set-body>b</set-body>"
    );
    let run = Case::inbound(&policy("mode=\"copy\"", CALL))
        .header("content-encoding", "gzip".parse().unwrap())
        .run();
    assert_eq!(sent(&run), "POST http://h.test/x ");
    let run = Case::inbound(&policy("mode=\"copy\"", &own))
        .header("content-encoding", "gzip".parse().unwrap())
        .body("o")
        .run();
    assert_eq!(sent(&run), "POST http://h.test/x content-encoding=br b");
}

#[test]
fn the_answer_is_a_response() {
    let then = r#"<set-variable name="v" value="@{
        var r = (IResponse)context.Variables["r"];
        return r.StatusCode + " " + r.StatusReason + " " + r.Headers.GetValueOrDefault("X-A") + " " + r.Body.As<JObject>()["k"];
    }" />"#;
    let case = Case::inbound(&format!("{}{then}", policy("", CALL)));
    let run = case.called(Ok(answer(404, r#"{"k":"v"}"#))).run();
    assert_eq!(run.cx.variables.get("v").unwrap().as_str(), Some("404 Not Found 1,2 v"));
    assert!(run.waits > 0);
    // An answer without a body has an empty one.
    let then = r#"<set-variable name="v" value="@("<" + ((IResponse)context.Variables["r"]).Body.As<string>() + ">")" />"#;
    let run = Case::inbound(&format!("{}{then}", policy("", CALL))).run();
    assert_eq!(run.cx.variables.get("v").unwrap().as_str(), Some("<>"));
}

#[test]
fn time_outs() {
    let timeout = |attributes: &str| {
        Case::inbound(&policy(attributes, CALL)).run().calls()[0]
            .call
            .timeout
            .map(|it| it.as_secs())
    };
    assert_eq!(timeout(""), None);
    assert_eq!(timeout(r#"timeout="20""#), Some(20));
    assert_eq!(timeout(r#"timeout="@(10 * 3)""#), Some(30));
    Case::inbound(&policy(r#"timeout="-1""#, CALL)).refused("expected seconds");
}

#[test]
fn failures() {
    let failures = || {
        [
            (CallError::Timeout(std::time::Duration::from_secs(1)), "Timeout"),
            (CallError::Connection("refused".to_owned()), "BackendConnectionFailure"),
            (CallError::Refused("metadata".to_owned()), "BackendConnectionFailure"),
            (CallError::Body(BodyError::TooLarge { limit: 1 }), "ResponseBodyTooLarge"),
            (CallError::Body(BodyError::InflatesTooFar { limit: 1 }), "ResponseBodyTooLarge"),
            (CallError::Body(BodyError::Encoding("x".to_owned())), "ResponseBodyInvalid"),
            (CallError::Body(BodyError::MemoryPressure), "MemoryPressure"),
            (IdentityError::Failed("x".to_owned()).into(), "ManagedIdentityTokenFailed"),
        ]
    };
    for (error, reason) in failures() {
        let run = Case::inbound(&policy("", CALL)).called(Err(error)).run();
        assert_eq!((run.status(), run.source(), run.reason()), (500, "send-request", reason));
        assert!(run.cx.variables.get("r").is_none());
    }
    for (error, _) in failures() {
        let case =
            Case::inbound(&policy(r#"ignore-error="true""#, CALL)).variable("r", "old".into());
        let run = case.called(Err(error)).run();
        assert_eq!(run.reason(), "");
        assert!(run.cx.variables.get("r").unwrap().is_null());
    }
}

#[test]
fn what_is_evaluated_is_not_covered_by_ignore_error() {
    let inside = format!(
        "{CALL}<set-header name=\"a\"><value>1</value></set-header><set-header name=\"b\"><value>@(((string)null).Trim())</value></set-header>"
    );
    let run = Case::inbound(&policy(r#"ignore-error="true""#, &inside)).run();
    assert_eq!((run.source(), run.reason()), ("set-header", "ExpressionValueEvaluationFailure"));
    assert_eq!(run.cx.last_error.as_ref().unwrap().path, r"send-request[1]\set-header[2]");
    assert!(run.calls().is_empty() && run.cx.call.is_none());
}

#[test]
fn certificates_proxies_and_tokens_are_the_call_s_own() {
    let key = tollgate_engine::Secret::new(Bytes::from_static(b"key"));
    let certificate =
        tollgate_engine::jose::Certificate::new(Bytes::from_static(b"der"), Vec::new(), Some(key));
    let inside = format!(
        r#"{CALL}<authentication-certificate certificate-id="c" /><authentication-managed-identity resource="res" />
        <proxy url="http://p:1" />"#
    );
    let case = Case::inbound(&policy("", &inside)).certificate("c", certificate).identity(false);
    let run = case.run();
    assert_eq!(sent(&run), "POST http://h.test/x ");
    let call = &run.calls()[0].call;
    assert_eq!(call.via.proxy.as_ref().unwrap().host, "p");
    assert!(call.via.certificate.is_some() && !call.token.as_ref().unwrap().is_optional);
    let request = &run.cx.request;
    assert!(request.via.proxy.is_none() && request.via.certificate.is_none());
    assert!(request.headers.is_empty());
}

#[test]
fn a_token_into_a_variable_is_there_for_the_elements_after_it() {
    let inside = format!(
        r#"{CALL}<authentication-managed-identity resource="res" output-token-variable-name="t" />
        <set-header name="x-token"><value>@((string)context.Variables["t"])</value></set-header>"#
    );
    for ready in [true, false] {
        let run = Case::inbound(&policy("", &inside)).identity(ready).run();
        assert_eq!(sent(&run), "POST http://h.test/x x-token=token of - for res ");
        assert!(run.calls()[0].call.token.is_none());
    }
    let optional = format!(
        r#"{CALL}<authentication-managed-identity resource="fails" ignore-error="true" />"#
    );
    let run = Case::inbound(&policy("", &optional)).run();
    assert!(run.calls()[0].call.token.as_ref().unwrap().is_optional);
    let unavailable =
        format!(r#"{CALL}<authentication-managed-identity resource="unavailable" />"#);
    let run = Case::inbound(&policy("", &unavailable)).run();
    assert_eq!(run.reason(), "ManagedIdentityTokenFailed");
}

#[test]
fn the_number_of_calls_is_bounded() {
    let three = policy("", CALL).repeat(3);
    assert_eq!(Case::inbound(&three).run().calls().len(), 3);
    let run = Case::inbound(&policy(r#"ignore-error="true""#, CALL).repeat(4)).run();
    assert_eq!((run.calls().len(), run.reason()), (3, "PolicyRequestLimitExceeded"));
}

#[test]
fn a_response_can_be_returned() {
    let then = r#"<return-response response-variable-name="r"><set-header name="x-b"><value>1</value></set-header></return-response>"#;
    let case = Case::inbound(&format!("{}{then}", policy("", CALL))).wider(Scope::Global, "");
    let run = case.called(Ok(answer(418, "tea"))).run();
    assert_eq!((run.status(), run.body().as_str()), (418, "tea"));
}

#[test]
fn the_variable_may_be_named_by_an_expression_or_not_at_all() {
    let named =
        format!(r#"<send-request response-variable-name="@("r" + 1)">{CALL}</send-request>"#);
    assert!(Case::inbound(&named).run().cx.variables.get("r1").unwrap().as_response().is_some());
    let run = Case::inbound(&format!("<send-request>{CALL}</send-request>")).run();
    assert_eq!((run.calls().len(), run.cx.variables.names().count()), (1, 0));
}

#[test]
fn what_must_be_there_and_what_may() {
    let refused = |inside: &str, why: &str| Case::inbound(&policy("", inside)).refused(why);
    refused("<set-method>GET</set-method>", "needs a `set-url` element");
    refused("<set-url>http://h</set-url>", "needs a `set-method` element");
    refused(
        "<set-url>h</set-url><set-method>GET</set-method>",
        "expected an `https://` or `http://` URL",
    );
    refused(&format!("{CALL}<set-url>http://h</set-url>"), "more often than it may");
    refused(&format!("{CALL}<set-body>1</set-body><set-body>2</set-body>"), "appears twice");
    refused(&format!("{CALL}<set-hedder />"), "did you mean `set-header`");
    refused(&format!("{CALL}<choose />"), "not allowed in `send-request`");
    refused(&format!("{CALL}text"), "text is not allowed");
    Case::inbound(&policy(r#"mode="old""#, CALL)).refused("expected one of `new`, `copy`");
    Case::inbound(&policy(r#"ignore-error="@(true)""#, CALL)).refused("takes no policy expression");
    let dynamic = policy("mode=\"@(context.Request.Method == \"GET\" ? \"new\" : \"copy\")\"", "");
    assert_eq!(Case::inbound(&dynamic).run().reason(), "BackendConnectionFailure");
}

#[test]
fn nothing_secret_prints() {
    let inside = "<set-url>http://h?code={{url-key}}</set-url><set-method>GET</set-method>";
    let case = Case::inbound(&policy("", inside)).named_values(&[("url-key", "hunter2")]);
    let printed = case.printed();
    assert!(!printed.contains("hunter2"), "{printed}");
}
