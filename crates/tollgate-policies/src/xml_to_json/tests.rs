use http::HeaderValue;

use crate::testing::{Case, Run};

fn run(attributes: &str, xml: &str) -> Run {
    Case::inbound(&format!("<xml-to-json {attributes} />")).body(xml).run()
}

fn check(attributes: &str, xml: &str, json: &str) {
    let attributes = format!(r#"apply="always" consider-accept-header="false" {attributes}"#);
    let run = run(&attributes, xml);
    let bytes = run.cx.request.body.bytes().unwrap();
    assert_eq!(std::str::from_utf8(bytes).unwrap(), json, "{xml} {}", run.message());
    assert_eq!(run.cx.request.headers["content-type"], "application/json");
}

const DIRECT: &str = r#"kind="direct""#;
const FRIENDLY: &str = r#"kind="javascript-friendly""#;

const SOAP: &str = r#"<?xml version="1.0"?>
<soap:Envelope xmlns="http://a/" xmlns:soap="http://s/">
    <soap:Body soap:id="1"><Orders><Customer>12</Customer></Orders></soap:Body>
</soap:Envelope>"#;

#[test]
fn direct_mirrors_the_document() {
    check(
        DIRECT,
        SOAP,
        r#"{"version":"1.0","soap$Envelope":{"@xmlns":"http://a/","@xmlns$soap":"http://s/","soap$Body":{"@soap$id":"1","Orders":{"Customer":"12"}}}}"#,
    );
    check(DIRECT, "<a/>", r#"{"a":null}"#);
    check(DIRECT, "<a></a>", r#"{"a":""}"#);
    check(DIRECT, r#"<a b="1"/>"#, r#"{"a":{"@b":"1"}}"#);
    check(DIRECT, r#"<a b="1">t</a>"#, r##"{"a":{"@b":"1","#text":"t"}}"##);
    check(DIRECT, "<a>x<b>1</b>y<!--c--></a>", r##"{"a":{"#text":["x","y"],"b":"1"}}"##);
    check(DIRECT, "<a><b>1</b><c/><b>2</b></a>", r#"{"a":{"b":["1","2"],"c":null}}"#);
    check(DIRECT, "<?t d?><a><![CDATA[<x>]]></a>", r##"{"?t":"d","a":{"#cdata-section":"<x>"}}"##);
    check(DIRECT, "<a>é&amp;&#x41;\"\n</a>", r#"{"a":"é&A\"\n"}"#);
}

#[test]
fn javascript_friendly_has_plain_names() {
    check(FRIENDLY, SOAP, r#"{"Envelope":{"Body":{"id":"1","Orders":{"Customer":"12"}}}}"#);
    check(FRIENDLY, r#"<a b="1">t<b>2</b></a>"#, r#"{"a":{"b":["1","2"],"text":"t"}}"#);
    check(FRIENDLY, "<?t d?><a><b/><c>x<![CDATA[y]]></c></a>", r#"{"a":{"b":"","c":"xy"}}"#);
}

#[test]
fn children_may_always_be_arrays() {
    let xml = r#"<a x="1"><b>1</b><c><d/></c></a>"#;
    let arrays = r#"{"a":{"@x":"1","b":["1"],"c":[{"d":[null]}]}}"#;
    check(&format!(r#"{DIRECT} always-array-child-elements="true""#), xml, arrays);
    check(&format!(r#"{DIRECT} always-array-children="@(true)""#), xml, arrays);
    let plain = r#"{"a":{"@x":"1","b":"1","c":{"d":null}}}"#;
    check(&format!(r#"{DIRECT} always-array-child-elements="false""#), xml, plain);
    check(r#"kind="@("direct")""#, xml, plain);
}

#[test]
fn when_it_converts() {
    let converted = |attributes: &str, headers: &[(&str, &'static str)]| {
        let policy = format!(r#"<xml-to-json kind="direct" {attributes} />"#);
        let mut case = Case::inbound(&policy).body("<a>1</a>");
        for (name, value) in headers {
            case = case.header(name, HeaderValue::from_static(value));
        }
        case.run().cx.request.body.bytes().unwrap() == r#"{"a":"1"}"#
    };
    let xml = ("content-type", "application/soap+xml");
    let json = ("accept", "application/json");
    assert!(!converted(r#"apply="always""#, &[]));
    assert!(converted(r#"apply="always""#, &[json]));
    assert!(!converted(r#"apply="always" consider-accept-header="true""#, &[xml]));
    assert!(converted(r#"apply="content-type-xml" consider-accept-header="false""#, &[xml]));
    assert!(!converted(r#"apply="content-type-xml" consider-accept-header="false""#, &[]));
    assert!(converted(r#"apply="@("content-type-xml")""#, &[xml, json]));
}

#[test]
fn character_sets() {
    let utf16: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = tollgate_expr::xml_body_text(&utf16, None);
    assert_eq!(text, "<a>é</a>");
}

#[test]
fn what_fails() {
    let always = r#"kind="direct" apply="always" consider-accept-header="false""#;
    let failed = |attributes: &str, xml: &str, reason: &str| {
        let run = run(attributes, xml);
        assert_eq!(
            (run.status(), run.reason(), run.source()),
            (500, reason, "xml-to-json"),
            "{xml}"
        );
    };
    failed(always, "{}", "XmlInvalid");
    failed(always, "<a><b></a>", "XmlInvalid");
    failed(always, "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "XmlInvalid");
    failed(always, "<a>&x;</a>", "XmlInvalid");
    failed(always, &format!("{}{}", "<a>".repeat(300), "</a>".repeat(300)), "BodyTooDeep");
    failed(
        r#"kind="@("odd")" apply="always" consider-accept-header="false""#,
        "<a/>",
        "ExpressionValueEvaluationFailure",
    );
    let refused = |attributes: &str, why: &str| {
        Case::inbound(&format!("<xml-to-json {attributes} />")).refused(why);
    };
    refused(r#"apply="always""#, "needs the attribute `kind`");
    refused(r#"kind="direct""#, "needs the attribute `apply`");
    refused(r#"kind="x" apply="always""#, "expected one of `javascript-friendly`, `direct`");
    refused(
        r#"kind="direct" apply="always" always-array-children="true" always-array-child-elements="true""#,
        "say the same",
    );
}
