use http::HeaderValue;

use crate::testing::Case;

fn check(policy: &str, body: &str) {
    let run = Case::inbound(policy).body("old").run();
    let bytes = run.cx.request.body.bytes().unwrap();
    assert_eq!(std::str::from_utf8(bytes).unwrap(), body, "{policy}");
}

#[test]
fn text_markup_and_expressions() {
    check("<set-body>Hello</set-body>", "Hello");
    check("<set-body>\n  { \"a\": 1 }\n</set-body>", "\n  { \"a\": 1 }\n");
    check("<set-body>a &lt; b &amp;amp;</set-body>", "a < b &amp;");
    check("<set-body><![CDATA[<x/>]]></set-body>", "<x/>");
    check("<set-body><soap a=\"1\">x</soap></set-body>", "<soap a=\"1\">x</soap>");
    check("<set-body>\n   @(\"a\" + 1)\n</set-body>", "a1");
    check("<set-body template=\"none\">x</set-body>", "x");
    check("<set-body/>", "");
    check("<set-body>  </set-body>", "");
    check("<set-body>@((string)null)</set-body>", "");
    check("<set-body><value>plain</value></set-body>", "plain");
    check("<set-body>\n <value>@(\"a\" + \"&\" + 1)</value>\n</set-body>", "a&1");
}

#[test]
fn a_message_without_a_body_gets_one() {
    let run = Case::inbound("<set-body>new</set-body>").run();
    assert_eq!(run.cx.request.body.bytes().unwrap(), "new");
}

#[test]
fn bodies_that_are_read() {
    check("<set-body>@(context.Request.Body.As<string>() + \"!\")</set-body>", "old!");
    check("<set-body>@(context.Request.Body.As<byte[]>())</set-body>", "old");
}

#[test]
fn what_described_the_old_body_goes() {
    let mut case = Case::outbound("<set-body>new</set-body>");
    for name in ["content-encoding", "content-md5", "content-type"] {
        case = case.header(name, HeaderValue::from_static("x"));
    }
    let response = case.run().cx.response.unwrap();
    assert_eq!(
        response.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(),
        ["content-type"]
    );
}

#[test]
fn templates() {
    check("<set-body template=\"liquid\">{{ context.Request.Method }}</set-body>", "GET");
    check("<set-body template=\"liquid\"><value>{{ body }}</value></set-body>", "old");
    check("<set-body template=\"liquid\"/>", "");
    let run = Case::inbound("<set-body template=\"liquid\">{{ body }}!</set-body>")
        .body("old")
        .streaming()
        .run();
    assert_eq!(run.cx.request.body.bytes().unwrap(), "old!");
    let run =
        Case::inbound("<set-body template=\"liquid\">new</set-body>").body("old").streaming().run();
    assert_eq!(run.waits, 0);
}

#[test]
fn named_values_come_before_variables_of_a_template() {
    let case = Case::inbound(
        "<set-body template=\"liquid\">{{ name }} {{ body.name }} {{other}}</set-body>",
    );
    let run = case.named_values(&[("name", "{{ body }}"), ("body.name", "x")]).body("old").run();
    assert_eq!(run.cx.request.body.bytes().unwrap(), "old x ");
}

#[test]
fn a_reply_has_no_body_yet() {
    let policy = "<return-response><set-body template=\"liquid\">[{{ body }}{{ body.x }}]{{ context.Request.Method }}</set-body></return-response>";
    assert_eq!(Case::inbound(policy).body("old").run().body(), "[]GET");
}

#[test]
fn what_does_not_load() {
    Case::inbound("<set-body template=\"razor\">x</set-body>")
        .refused("expected one of `none`, `liquid`");
    Case::inbound("<set-body template=\"liquid\" xsi-nil=\"x\">x</set-body>")
        .refused("expected one of `blank`, `null`");
    Case::inbound("<set-body xsi-nil=\"null\">x</set-body>").warned("`xsi-nil` has no effect");
    Case::inbound("<set-body parse-date=\"true\">x</set-body>")
        .warned("`parse-date` has no effect");
}
