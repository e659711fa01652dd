//! Documents that load.

use expect_test::{Expect, expect};
use tollgate_diagnostics::Sources;

use super::{Element, both, options, read};

#[track_caller]
fn check(source: &str, expected: &Expect) {
    let (tree, findings) = both(source, &options());
    assert_eq!(findings, "", "{source}");
    expected.assert_eq(&tree);
}

/// The same tree from the well-formed and from the raw form, with places that hold the same text.
#[track_caller]
fn check_value(written: &str, expected: &str, is_expression: bool) {
    let source = format!("<a b={written} />");
    let mut sources = Sources::default();
    let file = sources.add("policy.xml", source.as_str());
    let (document, findings) = read(file, &source, &options());
    assert!(findings.is_empty(), "{findings:?}");
    let root = document.unwrap().root;
    let value = &root.attribute("b").unwrap().value;
    assert_eq!((value.as_str(), value.is_expression), (expected, is_expression), "{source}");
    assert_eq!(root.attributes.len(), 1, "{source}");
}

#[track_caller]
fn check_text(written: &str, expected: &str, is_expression: bool) {
    let source = format!("<a>{written}</a>");
    let file = Sources::default().add("policy.xml", source.as_str());
    let (document, findings) = read(file, &source, &options());
    assert!(findings.is_empty(), "{findings:?}");
    let root = document.unwrap().root;
    let text = root.text().unwrap();
    assert_eq!((text.as_str(), text.is_expression), (expected, is_expression), "{source}");
    assert_eq!(root.elements().count(), 0, "{source}");
}

#[test]
fn a_policy_document() {
    check(
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- top -->\r\n<policies>
  <inbound>
    <base/>
    <!-- why -->
    <set-variable name='a' value=\"@{
        // it's \"quoted\" }
        var list = new List<string>();
        return list.Count < 1 && context.Variables.ContainsKey(\"x\");
    }\" />
    <set-header name=\"b\" exists-action=\"override\">
      <value>@(context.Request.Body.As<JObject>(true)[\"a\"] as string)</value>
      <value><![CDATA[a < b]]></value>
    </set-header>
  </inbound>
  <backend />
</policies>
",
        &expect![[r#"
            policies
              inbound
                base
                <!-- why -->
                set-variable name="a" value@="@{\n        // it's \"quoted\" }\n        var list = new List<string>();\n        return list.Count < 1 && context.Variables.ContainsKey(\"x\");\n    }"
                set-header name="b" exists-action="override"
                  value @="@(context.Request.Body.As<JObject>(true)[\"a\"] as string)"
                  value ="a < b"
              backend
        "#]],
    );
}

#[test]
fn snippets_of_the_documentation() {
    check(
        "<set-backend-service backend-id=\"openai-backend\" />",
        &expect![[r#"
            set-backend-service backend-id="openai-backend"
        "#]],
    );
    check(
        "<set-header name=\"api-key\" exists-action=\"override\">\n<value>{{openai-api-key}}</value>\n</set-header>",
        &expect![[r#"
            set-header name="api-key" exists-action="override"
              value ="***"
        "#]],
    );
    check(
        "<authentication-managed-identity resource=\"https://cognitiveservices.azure.com\" output-token-variable-name=\"t\" ignore-error=\"false\" />
<set-header name=\"Authorization\" exists-action=\"override\">
<value>@(\"Bearer \" + (string)context.Variables[\"t\"])</value>
</set-header>
",
        &expect![[r#"
            (no element)
              authentication-managed-identity resource="https://cognitiveservices.azure.com" output-token-variable-name="t" ignore-error="false"
              set-header name="Authorization" exists-action="override"
                value @="@(\"Bearer \" + (string)context.Variables[\"t\"])"
        "#]],
    );
    check(
        "<validate-azure-ad-token tenant-id={{TENANT_ID}} header-name=\"Authorization\">
<client-application-ids>
<application-id>{{CLIENT_APP_ID}}</application-id>
</client-application-ids>
<audiences>
<audience>...</audience>
</audiences>
</validate-azure-ad-token>",
        &expect![[r#"
            validate-azure-ad-token tenant-id="contoso.example" header-name="Authorization"
              client-application-ids
                application-id ="b1a7"
              audiences
                audience ="..."
        "#]],
    );
    check(
        "<validate-jwt>\n<openid-config url={{OPENID_CONFIGURATION_URL}} />\n<issuers>\n<issuer>{{ISSUER_URL}}</issuer>\n</issuers>\n</validate-jwt>",
        &expect![[r#"
            validate-jwt
              openid-config url="https://login.example/.well-known/openid-configuration"
              issuers
                issuer ="https://login.example/?a=1&b=2"
        "#]],
    );
}

#[test]
fn expressions_in_attributes() {
    check_value(r#""@(1)""#, "@(1)", true);
    check_value(r#"" @(1)  ""#, "@(1)", true);
    check_value(r#""@("a")""#, r#"@("a")"#, true);
    check_value(r#""@(&quot;a&quot;)""#, r#"@("a")"#, true);
    check_value(r#""@(&#34;a&#x22;)""#, r#"@("a")"#, true);
    check_value(r#""@(a < b && c > "d")""#, r#"@(a < b && c > "d")"#, true);
    check_value(r#""@(a &lt; b &amp;&amp; c > "d")""#, r#"@(a < b && c > "d")"#, true);
    check_value(r#""@(As<JObject>()["a"])""#, r#"@(As<JObject>()["a"])"#, true);
    check_value(r#"'@("a")'"#, r#"@("a")"#, true);
    check_value(r"'@('a')'", "@('a')", true);
    check_value(r"'@(&apos;a&apos;)'", "@('a')", true);
    check_value(r#""@("x" + " name="+y)""#, r#"@("x" + " name="+y)"#, true);
    check_value(r#""@($"{f("}")}")""#, r#"@($"{f("}")}")"#, true);
    check_value(r#""@("/>")""#, r#"@("/>")"#, true);
    check_value(r#""@("</a>")""#, r#"@("</a>")"#, true);
    check_value(r#""@('"')""#, r#"@('"')"#, true);
    check_value("\"@{\r\n// \"\r\nreturn @\"\r\n\";}\"", "@{\n// \"\nreturn @\"\n\";}", true);
    check_value(r#""@{ return "&" + '&'; }""#, r#"@{ return "&" + '&'; }"#, true);
    check_value(r#""@(x)"c="@("y")""#.split("c=").next().unwrap(), "@(x)", true);
}

#[test]
fn literals_in_attributes() {
    check_value(r#""""#, "", false);
    check_value(r#""a &lt;&amp;&#65; 'b'""#, "a <&A 'b'", false);
    check_value(r#"'"a"'"#, r#""a""#, false);
    check_value("\"a\r\n\tb\"", "a  b", false);
    check_value("\"a&#10;b\"", "a\nb", false);
    check_value(r#""a@b.example""#, "a@b.example", false);
    check_value(r#""a@(b""#, "a@(b", false);
    check_value(r#""@@(b)""#, "@@(b)", false);
    check_value(r#""{{ not a name }}""#, "{{ not a name }}", false);
    check_value(r#""a > b /> c""#, "a > b /> c", false);
    check_value("= \"x\"".trim_start_matches("= "), "x", false);
}

#[test]
fn text() {
    check_text("\n  @(1)\n", "@(1)", true);
    check_text("@(a < b && c<d>())", "@(a < b && c<d>())", true);
    check_text("@(a &lt; b &amp;&amp; c)", "@(a < b && c)", true);
    check_text("<!-- c -->@(1)<!-- d -->", "@(1)", true);
    check_text("<![CDATA[ @(a < b) ]]>", "@(a < b)", true);
    check_text("@(\"<b>\" + \"</a>\" + \"<!--\")", "@(\"<b>\" + \"</a>\" + \"<!--\")", true);
    check_text("@{\nreturn \"&amp;\"; }", "@{\nreturn \"&\"; }", true);
    check_text(" a &lt; b\r\n", "a < b", false);
    check_text("a <![CDATA[<b> &lt;]]> c", "a <b> &lt; c", false);
    check_text("me@(example", "me@(example", false);
    check_text("a<!-- c -->b", "ab", false);
    check_text("é @ (x)", "é @ (x)", false);
}

#[test]
fn the_markup_of_a_raw_element_is_text() {
    check(
        "<inbound><set-body><soap:E a=\"1\">\r\n<b>{{weight}}&amp;</b><!-- c --></soap:E></set-body>
<set-body template=\"liquid\">{{ body.x }}{% if a %}<x/>{% endif %}</set-body>
<set-body>@(context.Request.Body.As<string>())</set-body>
<set-body>{ \"a\": \"&lt;\" }</set-body>
<set-body><value>@(1)</value></set-body>
<set-body><![CDATA[<a>]]></set-body><set-body /></inbound>",
        &expect![[r#"
            inbound
              set-body ="<soap:E a=\"1\">\n<b>10&amp;</b><!-- c --></soap:E>"
                raw
              set-body template="liquid" ="{{ body.x }}{% if a %}<x/>{% endif %}"
                raw
              set-body @="@(context.Request.Body.As<string>())"
              set-body ="{ \"a\": \"<\" }"
              set-body
                value @="@(1)"
              set-body ="<a>"
              set-body
        "#]],
    );
}

#[test]
fn raw_content_is_what_stands_there() {
    let source = "<a>\r\n &lt;<!-- c --><b/><![CDATA[x]]>{{weight}} </a>";
    let file = Sources::default().add("policy.xml", source);
    let root = read(file, source, &options()).0.unwrap().root;
    let raw = root.raw_content();
    assert_eq!(raw.as_str(), "\n &lt;<!-- c --><b/><![CDATA[x]]>10 ");
    assert_eq!(root.untrimmed_text().as_str(), "\n <x10 ");
    assert_eq!(raw.span(raw.as_str().find("10").unwrap()..raw.as_str().len()), file.span(37..48));
}

#[test]
fn every_place_is_a_place_in_the_text_of_the_author() {
    let source = "\u{FEFF}<a b = \"@(&quot;{{weight}}&quot; + x)\">é{{weight}}<c>@(1)</c\n></a>";
    let mut sources = Sources::default();
    let file = sources.add("policy.xml", source);
    let root = read(file, source, &options()).0.unwrap().root;
    assert_eq!(sources.slice(root.span), source.trim_start_matches('\u{FEFF}'));
    assert_eq!(sources.slice(root.name_span), "a");
    let attribute = root.attribute("b").unwrap();
    assert_eq!(sources.slice(attribute.name_span), "b");
    assert_eq!(sources.slice(attribute.value_span), "@(&quot;{{weight}}&quot; + x)");
    let value = &attribute.value.text;
    assert_eq!(value.as_str(), "@(\"10\" + x)");
    let at = |part: &str| {
        let begin = value.as_str().find(part).unwrap();
        sources.slice(value.span(begin..begin + part.len()))
    };
    assert_eq!((at("\""), at("1"), at("x"), at("10")), ("&quot;", "{{weight}}", "x", "{{weight}}"));
    assert_eq!(sources.slice(root.text().unwrap().span()), "é{{weight}}");
    let child: &Element = root.elements().next().unwrap();
    assert_eq!(sources.slice(child.span), "<c>@(1)</c\n>");
    assert_eq!(sources.slice(child.text().unwrap().span()), "@(1)");
}
