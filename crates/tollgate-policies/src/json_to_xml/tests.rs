use http::HeaderValue;

use crate::testing::{Case, Run};

fn run(attributes: &str, json: &str) -> Run {
    Case::inbound(&format!("<json-to-xml {attributes} />")).body(json).run()
}

fn check(attributes: &str, json: &str, xml: &str) {
    let attributes = format!(r#"apply="always" consider-accept-header="false" {attributes}"#);
    let run = run(&attributes, json);
    let bytes = run.cx.request.body.bytes().unwrap();
    assert_eq!(std::str::from_utf8(bytes).unwrap(), xml, "{json} {}", run.message());
    assert_eq!(run.cx.request.headers["content-type"], "text/xml; charset=utf-8");
}

#[test]
fn values_are_written_as_dot_net_writes_them() {
    check("", r#"{"a":"x & <y>"}"#, "<a>x &amp; &lt;y&gt;</a>");
    check(
        "",
        r#"{"s":"","t":true,"i":25,"d":1.50,"n":null,"o":{},"a":[]}"#,
        "<Document><s /><t>True</t><i>25</i><d>1.5</d>\
         <n xsi:nil=\"true\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" /><o /><a /></Document>",
    );
    check("", r#"{"a":"\u0001b\r"}"#, "<a>b&#xD;</a>");
}

#[test]
fn arrays_repeat_their_element() {
    check(
        "",
        r#"{"a":{"b":[1,{"c":2},[3,4]]}}"#,
        "<a><b>1</b><b><c>2</c></b><b><b>3</b><b>4</b></b></a>",
    );
    check("", r#"{"a":[1,2]}"#, "<Document><a>1</a><a>2</a></Document>");
    check("", r#"{"a":[1]}"#, "<a>1</a>");
    check("", r#"[{"a":1},2]"#, "<Document><Item><a>1</a></Item><Item>2</Item></Document>");
    check("", "[]", "<Document></Document>");
    check("", r#""text""#, "<Document>text</Document>");
    check("", "{}", "<Document />");
}

#[test]
fn dates_are_read_or_copied() {
    let json = r#"{"a":["2012-03-21T05:40:00Z","/Date(1198908717056)/","2012"]}"#;
    let document =
        |items: [&str; 3]| format!("<Document><a>{}</a></Document>", items.join("</a><a>"));
    check("", json, &document(["03/21/2012 05:40:00", "12/29/2007 06:11:57", "2012"]));
    let copied = document(["2012-03-21T05:40:00Z", "/Date(1198908717056)/", "2012"]);
    check(r#"parse-date="false""#, json, &copied);
    check(r#"parse-date="@(1 > 2)""#, json, &copied);
}

#[test]
fn names_with_prefixes() {
    let json =
        r#"{"s:Env":{"xmlns:s":"u","s:Body":{"q":{"@attrs":{"n":"t","s:m":1,"z":null},"x":"y"}}}}"#;
    check(
        r#"namespace-separator=":" namespace-prefix="xmlns" attribute-block-name="@attrs""#,
        json,
        r#"<s:Env xmlns:s="u"><s:Body><q n="t" s:m="1" z=""><x>y</x></q></s:Body></s:Env>"#,
    );
    check(
        r#"namespace-prefix="xmlns""#,
        r#"{"p_a":{"xmlns_p":"u","xmlns":"d","p_b":1,"q_c":2,"user_id":3}}"#,
        r#"<p:a xmlns:p="u" xmlns="d"><p:b>1</p:b><q_c>2</q_c><user_id>3</user_id></p:a>"#,
    );
    check(
        r#"namespace-prefix="xmlns" namespace-separator="@("--")""#,
        r#"{"a":[{"xmlns--p":"u","p--b":1},{"p--b":1}]}"#,
        r#"<Document><a xmlns:p="u"><p:b>1</p:b></a><a><p--b>1</p--b></a></Document>"#,
    );
}

#[test]
fn many_prefixes_cost_little() {
    let members = |what: &str, n: usize| {
        let all: Vec<String> = (0..n).map(|n| format!("\"{what}{n}\":1,")).collect();
        all.concat()
    };
    let body = format!(
        r#"{{"a":{{{}{}"p29999_last":2}}}}"#,
        members("xmlns_p", 30_000),
        members("none_", 30_000)
    );
    let attributes = r#"apply="always" consider-accept-header="false" namespace-prefix="xmlns""#;
    let run = run(attributes, &body);
    let written = run.cx.request.body.bytes().unwrap();
    assert!(written.ends_with(b"<p29999:last>2</p29999:last></a>"), "{}", run.message());
}

#[test]
fn keys_that_are_no_names_are_encoded() {
    check(
        "",
        r#"{"a b":{"1":1,"x:y":2,"":3,"xmlns":4}}"#,
        "<a_x0020_b><_x0031_>1</_x0031_><x_x003A_y>2</x_x003A_y><_>3</_><xmlns>4</xmlns></a_x0020_b>",
    );
    check(
        r##"attribute-block-name="#a""##,
        r##"{"x":{"#a":"text"}}"##,
        "<x><_x0023_a>text</_x0023_a></x>",
    );
}

#[test]
fn when_it_converts() {
    let converted = |attributes: &str, headers: &[(&str, &'static str)]| {
        let mut case = Case::inbound(&format!("<json-to-xml {attributes} />")).body(r#"{"a":1}"#);
        for (name, value) in headers {
            case = case.header(name, HeaderValue::from_static(value));
        }
        case.run().cx.request.body.bytes().unwrap() == "<a>1</a>"
    };
    let json = ("content-type", "application/vnd.x+json; charset=utf-8");
    let xml = ("accept", "text/xml");
    assert!(!converted(r#"apply="always""#, &[]));
    assert!(converted(r#"apply="always""#, &[xml]));
    assert!(!converted(r#"apply="always" consider-accept-header="true""#, &[json]));
    assert!(converted(r#"apply="content-type-json""#, &[json, xml]));
    assert!(!converted(r#"apply="content-type-json""#, &[("content-type", "text/plain"), xml]));
    assert!(!converted(r#"apply="content-type-json""#, &[xml]));
    assert!(converted(r#"apply="@("always")" consider-accept-header="@(false)""#, &[]));
}

#[test]
fn a_message_that_is_left_alone_stays_a_stream() {
    let run = Case::inbound(r#"<json-to-xml apply="always" />"#).body("{}").streaming().run();
    assert!(matches!(run.cx.request.body, tollgate_engine::Body::Stream));
    let run =
        Case::inbound(r#"<json-to-xml apply="always" consider-accept-header="false" />"#).run();
    assert!(matches!(run.cx.request.body, tollgate_engine::Body::Empty));
    assert!(run.cx.request.headers.get("content-type").is_none());
}

#[test]
fn what_fails() {
    let always = r#"apply="always" consider-accept-header="false""#;
    let failed = |attributes: &str, json: &str, reason: &str| {
        let run = run(attributes, json);
        assert_eq!(
            (run.status(), run.reason(), run.source()),
            (500, reason, "json-to-xml"),
            "{json}"
        );
    };
    failed(always, "not json", "JsonInvalid");
    failed(always, r#"{"a":1"#, "JsonInvalid");
    failed(always, &format!("{}1{}", "[".repeat(300), "]".repeat(300)), "BodyTooDeep");
    failed(always, &format!("{}1{}", r#"{"a":"#.repeat(600), "}".repeat(600)), "JsonInvalid");
    failed(r#"apply="@("never")""#, "{}", "ExpressionValueEvaluationFailure");
    let wide = format!(r#"{{"{}":[{}1]}}"#, "n".repeat(200_000), "1,".repeat(200));
    failed(always, &wide, "BodyTooLarge");
    let refused = |attributes: &str, why: &str| {
        Case::inbound(&format!("<json-to-xml {attributes} />")).refused(why);
    };
    refused("", "needs the attribute `apply`");
    refused(r#"apply="sometimes""#, "expected one of `always`, `content-type-json`");
    refused(r#"apply="content-type-xml""#, "expected one of `always`, `content-type-json`");
    refused(r#"apply="always" parse-date="x""#, "expected `true` or `false`");
    Case::backend(r#"<json-to-xml apply="always" />"#)
        .warned("`json-to-xml` in `backend` is not documented");
}
