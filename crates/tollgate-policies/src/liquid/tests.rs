use http::HeaderValue;

use super::Template;
use crate::testing::Case;

const JSON: &str = r#"{"name":"Ann","n":3,"x":2.5,"list":[3,1,2],"words":["b","A","c","A"],"none":null,"yes":true,"empty":[],
    "people":[{"id":1,"tag":"x"},{"id":2,"tag":"y"}],"o":{"k":"v","m":{"z":9}},"when":"2012-03-21T05:40:00Z"}"#;

fn case(template: &str) -> Case {
    let template = template.replace('&', "&amp;").replace('<', "&lt;");
    Case::inbound(&format!("<set-body template=\"liquid\">{template}</set-body>"))
        .header("content-type", HeaderValue::from_static("application/json"))
        .body(JSON)
}

fn rendered(case: Case) -> String {
    let run = case.run();
    if !run.reason().is_empty() {
        return format!("{}: {}", run.reason(), run.message());
    }
    String::from_utf8(run.cx.request.body.bytes().unwrap().to_vec()).unwrap()
}

#[track_caller]
fn check(template: &str, expected: &str) {
    assert_eq!(rendered(case(template)), expected, "{template}");
}

#[test]
fn values() {
    check(
        "a{{ body.name }}b{{body.n}}c{{body.x}}d{{body.yes}}e{{body.none}}f{{body.absent.deeper}}",
        "aAnnb3c2.5dtrueef",
    );
    check(
        "{{body.list[1]}}{{body.list[-1]}}{{body['name']}}{{body[\"o\"].k}}{{ body.o['m']['z'] }}",
        "12Annv9",
    );
    check("{{body.list}} {{body.o}}", "312 [k, v][m, [z, 9]]");
    check(
        "{{body.list.size}} {{body.list.first}} {{body.list.last}} {{body.name.size}}",
        "3 3 2 3",
    );
    check("{{ 'a|b' }}{{ \"it's\" }}{{ 1 }}{{ -1.50 }}{{ true }}{{ nil }}{{}}", "a|bit's1-1.5true");
    check("{% assign i = 1 %}{{ body.list[i] }}{{ body[body.absent] }}", "1");
    check(
        "{{body.when}} {{body.when | Date: 'yyyyMMddTHH:mm:ssZ'}}",
        "03/21/2012 05:40:00 20120321T05:40:00Z",
    );
}

#[test]
fn the_request() {
    let template = "{{context.Request.Method}} {{context.Request.OriginalUrl.Path}} {{context.Request.Url.QueryString}} \
        {{context.Request.Headers['X-A']}} {{context.Request.Headers.X-A}} {{context.Request.HasBody}} \
        {{context.Request.MatchedParameters[\"id\"]}} {{context.Variables.v}} {{context.Request.OriginalUrl}}|{{context.Response.StatusCode}}|{{context.Request}}";
    let case = case(template)
        .url("/p?q=1")
        .matched(&[("id", "7")])
        .header("x-a", HeaderValue::from_static("1"))
        .variable("v", "text".into());
    assert_eq!(rendered(case), "GET /p ?q=1 1 1 true 7 text https://gateway.example/p?q=1||");
    let headers = "{% for h in context.Request.Headers %}{{- h.Key }}: {{ h.Value }};{% endfor %}";
    check(headers, "content-type: application/json;");
    let policy = r#"<set-variable name="j" value="@(JObject.Parse("{\"a\":[1,{\"b\":2}]}"))" />
        <set-body template="liquid">{% assign j = context.Variables['j'] %}{{ j.a[1].b }}{{ j['a'][0] }}{% for v in context.Variables %}{{v.Key}}{% endfor %}</set-body>"#;
    assert_eq!(rendered(Case::inbound(policy)), "21j");
}

#[test]
fn bodies_of_xml_and_text() {
    let xml = |template: &str, attributes: &str, body: &str, kind: &'static str| {
        rendered(
            Case::inbound(&format!(
                "<set-body template=\"liquid\" {attributes}>{template}</set-body>"
            ))
            .header("content-type", HeaderValue::from_static(kind))
            .body(body),
        )
    };
    let soap = r#"<s:Envelope xmlns:s="u" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><s:Body><AddResponse>
        <Result>5</Result><List><Item><Id>1</Id></Item><Item><Id>2</Id></Item></List><No i:nil="true"/><E/><T u="kg">9</T></AddResponse></s:Body></s:Envelope>"#;
    let of = |template: &str| xml(template, "", soap, "text/xml; charset=utf-8");
    assert_eq!(of("{{body.envelope.body.AddResponse.Result}}"), "5");
    assert_eq!(of("{{body.Envelope.Body.addResponse.list.Item[1].Id}}"), "2");
    assert_eq!(
        of(
            "[{% JSONArrayFor item in body.envelope.body.addResponse.list -%}\n{{item.Id}}{% endJSONArrayFor -%}\n]"
        ),
        "[1,2]"
    );
    assert_eq!(
        of(
            "{% if body.envelope.body.addresponse.no %}y{{body.envelope.body.addresponse.no}}{% else %}null{% endif %}"
        ),
        "y"
    );
    assert_eq!(
        of(
            "{{body.envelope.body.addresponse.t}}{{body.envelope.body.addresponse.t.u}}{{body.envelope.body.addresponse.e}}"
        ),
        "9kg"
    );
    let nil = "{% if body.envelope.body.addresponse.no %}y{% else %}null{% endif %}";
    assert_eq!(xml(nil, r#"xsi-nil="null""#, soap, "application/soap+xml"), "null");
    assert_eq!(xml("{{body}}", "", "plain é", "text/plain"), "plain é");
    assert_eq!(xml("{{body.x}}|{{body}}", "", "", "application/json"), "|");
    assert!(
        xml("{{body.x}}", "", "<a>", "application/json")
            .starts_with("LiquidError: Unexpected character")
    );
    assert!(
        xml("{{body.x}}", "", "{}", "application/xml")
            .starts_with("LiquidError: Data at the root level")
    );
    let kept = r#"parse-date="false""#;
    assert_eq!(
        xml("{{body.w}}", kept, r#"{"w":"/Date(1198908717056)/"}"#, "text/json"),
        "/Date(1198908717056)/"
    );
}

#[test]
fn conditions() {
    let check = |condition: &str, expected: bool| {
        check(
            &format!("{{% if {condition} %}}true{{% else %}}false{{% endif %}}"),
            &expected.to_string(),
        );
    };
    for yes in [
        "body.name",
        "body.yes",
        "body.none == nil",
        "body.absent == null",
        "body.n == 3",
        "body.n == 3.0",
        "body.x > 2",
        "body.n >= 3",
        "body.n <= '3'",
        "body.n <> 4",
        "body.n != 4",
        "body.name == 'Ann'",
        "body.name contains 'nn'",
        "body.list contains 2",
        "body.name startsWith 'A'",
        "body.name endswith 'n'",
        "body.list StartsWith 3",
        "body.list endsWith 2",
        "body.o hasKey 'k'",
        "body.o hasValue 'v'",
        "body.empty == empty",
        "'  ' == blank",
        "body.absent == blank",
        "false == blank",
        "true or false and false",
        "body.empty",
        "''",
        "0",
        "body.name < 'Bob'",
        "body.when == body.when",
    ] {
        check(yes, true);
    }
    for no in [
        "body.absent",
        "body.none",
        "false",
        "nil",
        "body.absent < 1",
        "body.n < 3",
        "body.name == 'ann'",
        "body.n == '3'",
        "body.list == empty",
        "body.o hasKey 'K'",
        "false and true or true",
        "body.name contains nil",
    ] {
        check(no, false);
    }
}

#[test]
fn tags() {
    check("{% unless body.yes %}a{% else %}b{% endunless %}", "b");
    check("{% if false %}a{% elsif body.n == 3 %}b{% else %}c{% endif %}", "b");
    check(
        "{% case body.n %}x{% when 1 %}a{% when 2, 3 %}b{% when '3' or 3 %}c{% else %}d{% endcase %}",
        "bc",
    );
    check("{% case body.n %}{% when 1 %}a{% else %}d{% endcase %}", "d");
    check("{% assign a = body.name | Upcase | Append: '!' %}{{a}}", "ANN!");
    check("{% capture a %}<{{body.n}}>{% endcapture %}{{a}}{{a}}", "<3><3>");
    check("{% for i in (1..3) %}{% cycle 'a', 'b' %}{% cycle 'g': 1, 2 %}{% endfor %}", "a1b2a1");
    check("{% increment c %}{% increment c %}{{c}}{% decrement d %}{% decrement d %}", "012-1-2");
    check(
        "{% comment %}{{ x }} don't {% if %}{% endcomment %}a{% raw %}{{ x }}{% endraw %}",
        "a{{ x }}",
    );
    check("{% for i in body.words %}{% ifchanged %}{{i}}{% endifchanged %}{% endfor %}", "bAcA");
    check("{% if true %}{% assign inner = 1 %}{% endif %}{{ inner }}", "1");
}

#[test]
fn comparisons_may_be_escaped_beside_markup() {
    let policy = "<set-body template=\"liquid\"><a>{% if body.n &lt; 4 and body.n &gt;= 3 %}&lt;{% endif %}</a></set-body>";
    let case = Case::inbound(policy).header("content-type", HeaderValue::from_static("text/json"));
    assert_eq!(rendered(case.body(JSON)), "<a>&lt;</a>");
}

#[test]
fn loops() {
    check(
        "{% for i in body.list %}{{i}}{% unless forloop.last %},{% endunless %}{% endfor %}",
        "3,1,2",
    );
    check(
        "{% for i in body.list %}{{forloop.index}}{{forloop.index0}}{{forloop.rindex}}{{forloop.rindex0}}{{forloop.first}}{{forloop.length}} {% endfor %}",
        "1032true3 2121false3 3210false3 ",
    );
    check("{% for i in body.list reversed %}{{i}}{% endfor %}", "213");
    check("{% for i in (1..10) limit:2 offset: 3 %}{{i}}{% endfor %}", "45");
    check(
        "{% for i in body.list limit:2 %}{{i}}{% endfor %}{% for i in body.list offset:continue %}-{{i}}{% endfor %}",
        "31-2",
    );
    check(
        "{% for i in (1..5) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{i}}{% endfor %}",
        "13",
    );
    check(
        "{% for i in body.empty %}x{% else %}none{% endfor %}{% for i in body.absent %}x{% else %}none{% endfor %}",
        "nonenone",
    );
    check(
        "{% for p in body.o %}{{p.Key}}={{p.Value}}{{p[0]}}{{p.z}} {% endfor %}",
        "k=vk m=[z, 9]m9 ",
    );
    check(
        "{% for a in (1..2) %}{% for b in (1..2) %}{{a}}{{b}} {% endfor %}{% endfor %}",
        "11 12 21 22 ",
    );
    check("[{% JSONArrayFor p in body.people %}{{p.id}}{% endJSONArrayFor %}]", "[1,2]");
    check(
        "[{% JSONArrayFor i in (1..4) %}{% if i != 2 %}{{i}}{% endif %}{% endJSONArrayFor %}]",
        "[1,3,4]",
    );
    check("[{% JSONArrayFor i in body.absent %}{{i}}{% endJSONArrayFor %}]", "[]");
    check(
        "{% tablerow i in body.list cols:2 %}{{i}}{{tablerowloop.col}}{{tablerowloop.col_last}}{% endtablerow %}",
        "<tr class=\"row1\">\n<td class=\"col1\">31false</td><td class=\"col2\">12true</td></tr>\n<tr class=\"row2\"><td class=\"col1\">21false</td></tr>\n",
    );
}

#[test]
fn white_space_control() {
    check("a  \t{{- 'b' -}}  c", "abc");
    check("a\n  {%- if true -%}\n  b\n{%- endif -%} \t c", "a\n  b\nc");
    check("a {{ 'b' }} c", "a b c");
}

#[test]
fn filters_of_text() {
    for (filters, expected) in [
        ("'a' | Append: 'b' | Prepend: 'c'", "cab"),
        ("'aBc' | Upcase", "ABC"),
        ("'aBc' | Downcase", "abc"),
        ("'hello WORLD big-tEST' | Capitalize", "Hello WORLD Big-Test"),
        ("'<a href=\"x\">' | Escape", "&lt;a href=&quot;x&quot;&gt;"),
        ("'<' | H", "&lt;"),
        ("'a b&c' | UrlEncode", "a+b%26c"),
        ("'a+b%26c' | UrlDecode", "a b&c"),
        ("'  a ' | Strip | Append: '|'", "a|"),
        ("'  a ' | Lstrip | Append: '|'", "a |"),
        ("'  a ' | Rstrip | Append: '|'", "  a|"),
        ("'a1b22' | Replace: '[0-9]+', '<$0>'", "a<1>b<22>"),
        ("'aXbX' | ReplaceFirst: 'X', '$0'", "a$0bX"),
        ("'aXbX' | Remove: 'X'", "ab"),
        ("'aXbX' | RemoveFirst: 'X'", "abX"),
        ("'abcdef' | Truncate: 4", "a..."),
        ("'abcdef' | Truncate: 4, ''", "abcd"),
        ("'abc' | Truncate", "abc"),
        ("'a b c' | TruncateWords: 2", "a b..."),
        ("'a b c' | TruncateWords: 2, '!'", "a b!"),
        ("'<p>a<script>x</script>b<!-- c --><b>d</b></p>' | StripHtml", "abd"),
        ("'a < b' | StripHtml", "a < b"),
        ("body.absent | Default: 'd'", "d"),
        ("' ' | Default: 'd'", "d"),
        ("body.n | Default: 'd'", "3"),
        ("'abcdef' | Slice: 1, 3", "bcd"),
        ("'abcdef' | Slice: -2, 5", "ef"),
        ("'abc' | Slice: 9", ""),
        ("'abc' | Size", "3"),
        ("'now' | Date: 'yyyy'", "2027"),
        ("'2024-02-29 10:00' | Date: 'dd.MM.yyyy HH:mm'", "29.02.2024 10:00"),
        ("'no date' | Date: 'yyyy'", "no date"),
        ("body.absent | Upcase | Truncate | Escape | Replace: 'a'", ""),
        ("'x' | upcase", "x"),
    ] {
        check(&format!("{{{{ {filters} }}}}"), expected);
    }
    check("{{ 'a\r\nb\nc' | StripNewlines }}{{ 'a\nb' | NewlineToBr }}", "abca<br />\nb");
}

#[test]
fn filters_of_numbers() {
    for (filters, expected) in [
        ("1 | Plus: 2", "3"),
        ("0.1 | Plus: 10 | Minus: 10", "0.1"),
        ("'1' | Plus: 2", "12"),
        ("5 | Minus: 7", "-2"),
        ("'5' | Minus: 7", "-2"),
        ("body.x | Times: 2", "5"),
        ("'ab' | Times: 3", "ababab"),
        ("7 | DividedBy: 2", "3"),
        ("7 | DividedBy: 2.0", "3.5"),
        ("7 | Modulo: 4", "3"),
        ("2.5 | Round", "2"),
        ("3.14159 | Round: 2", "3.14"),
        ("'x' | Round", ""),
        ("1.2 | Ceil", "2"),
        ("1.8 | Floor", "1"),
        ("-3 | Abs", "3"),
        ("'x' | Abs", "0"),
        ("3 | AtLeast: 5", "5"),
        ("3 | AtMost: 5", "3"),
        ("1234567.5 | Currency", "$1,234,567.50"),
        ("-1234.5 | Currency: 'de-DE'", "-1.234,50\u{a0}€"),
        ("'x' | Currency", "x"),
        ("body.absent | Plus: 1", ""),
        ("1 | DividedBy: 0", "LiquidError: Division by zero."),
        ("'x' | Minus: 1", "LiquidError: A filter of numbers got something else."),
        ("9223372036854775807 | Plus: 1", "LiquidError: A number is too large."),
        ("1 | Currency: 'xx'", "LiquidError: Currency does not know the language 'xx'."),
    ] {
        check(&format!("{{{{ {filters} }}}}"), expected);
    }
}

#[test]
fn filters_of_collections() {
    for (filters, expected) in [
        ("body.list | Sort | Join: ','", "1,2,3"),
        ("body.words | Sort | Join", "A A b c"),
        ("body.words | Uniq | Join", "b A c"),
        ("body.people | Map: 'tag' | Join: '-'", "x-y"),
        ("body.people | Sort: 'tag' | Last | Size", "2"),
        ("body.list | First", "3"),
        ("body.list | Last", "2"),
        ("body.list | Size", "3"),
        ("body.none | Size", "0"),
        ("body.list | Slice: 1, 2 | Join", "1 2"),
        ("body.list | Reverse | Join", "2 1 3"),
        ("body.list | Concat: body.words | Size", "7"),
        ("'a,,b' | Split: ',' | Join: '|'", "a|b"),
        ("'abc' | Split: '' | Join: '.'", "a.b.c"),
        ("body.people | Map: 'absent' | Compact | Size", "0"),
    ] {
        check(&format!("{{{{ {filters} }}}}"), expected);
    }
}

#[test]
fn mistakes_are_found_at_load() {
    let refused = |template: &str, why: &str| case(template).refused(why);
    refused("{% if a %}x", "tag `if` is not closed");
    refused("{% for a of b %}x{% endfor %}", "`for` has no collection");
    refused("{% nothing %}", "there is no tag `nothing`");
    refused("{% fro a in b %}{% endfor %}", "did you mean `for`");
    refused("{% endif %}", "tag `endif` is out of place");
    refused("{% include 'x' %}", "tag `include` is not supported");
    refused("{{ a ", "`{{` is not closed");
    refused("{% assign a %}", "`assign` has no `=`");
    refused("{% if a is b %}{% endif %}", "there is no operator `is`");
    refused("{% if %}{% endif %}", "a condition is missing");
    refused("{{ a | Replace }}", "filter `Replace` takes 1 to 2 arguments");
    refused("{{ a | Upcase: 1 }}", "filter `Upcase` takes no argument");
    refused("{{ a | }}", "the name of a filter is missing");
    refused("{{ a[1 }}", "a bracket does not close");
    refused("{% cycle %}", "`cycle` has no values");
    refused("{% for i in a limit 2 %}{% endfor %}", "`limit` has no value");
    refused(&format!("{}{}", "{% if a %}".repeat(70), "{% endif %}".repeat(70)), "nested too deep");
    Case::inbound("<set-body template=\"liquid\">@(1)</set-body>")
        .refused("not a policy expression");
    case("{% if a ~ b %}{% endif %}").warned("text in a tag is ignored");
    case("{{ a | upcase }}").warned("did you mean `Upcase`");
    case("{{ a | url_encode }}").warned("did you mean `UrlEncode`");
    case("{{ context.Request.Methot }}").warned("a template knows no member `Methot`");
}

#[test]
fn rendering_is_bounded() {
    check(
        "{% for i in (1..100000000) %}x{% endfor %}",
        "LiquidError: The template takes too many steps.",
    );
    let nested = "{% for a in (1..2000) %}{% for b in (1..2000) %}x{% endfor %}{% endfor %}";
    check(nested, "LiquidError: The template takes too many steps.");
    let doubling = "{% assign x = 'xxxxxxxx' %}{% for i in (1..40) %}{% assign x = x | Append: x %}{% endfor %}{{x}}";
    check(doubling, "LiquidError: The template takes too many steps.");
    check("{{ 'x' | Times: 9000000000 }}", "BodyTooLarge: The body is too large to be converted.");
    check(
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | Replace: '^(a+)+$', 'x' }}",
        "BodyTooLarge: The body is too large to be converted.",
    );
}

/// Bodies that make ordinary templates do a lot: each is rendered, or refused within the steps.
#[test]
fn hostile_bodies_cost_little() {
    let check = |kind: &'static str, body: &str, template: &str, refused: bool| {
        let case = Case::inbound(&format!("<set-body template=\"liquid\">{template}</set-body>"));
        let run = case.header("content-type", HeaderValue::from_static(kind)).body(body).run();
        let expected = if refused { "The template takes too many steps." } else { "" };
        assert_eq!(run.message(), expected, "{template}");
    };
    let xml = |big: &str, item: &str, n: usize| {
        format!("<r><big a=\"1\">{big}</big>{}</r>", item.repeat(n))
    };
    let json = |big: &str, n: usize| {
        format!("{{\"big\":\"{big}\",\"twin\":\"{big}\",\"i\":[0{}]}}", ",0".repeat(n))
    };
    let each = |list: &str, inside: &str| format!("{{% for i in {list} %}}{inside}{{% endfor %}}");
    let long = "1".repeat(1 << 20);
    let blank = " ".repeat(1 << 20);
    let (in_json, in_xml) = ("application/json", "application/xml");
    // Long texts that are asked time and again what number they say.
    check(in_json, &json(&long, 100_000), &each("body.i", "{{ body.big | Abs | Size }}"), false);
    let deep = format!("{}{long}{}", "<d>".repeat(200), "</d>".repeat(200));
    let source = xml(&deep, "<i/>", 3_000);
    check(in_xml, &source, &each("body.r.i", "{{ body.r.big | Abs | Size }}"), false);
    // Texts that are compared, searched and looked through.
    for inside in [
        "{% if body.big == body.twin %}{% endif %}",
        "{% if body.big contains 'x' %}{% endif %}",
        "{% if body.big startsWith body.twin %}{% endif %}",
        "{{ body.big | Currency | Size }}",
    ] {
        check(in_json, &json(&long, 100_000), &each("body.i", inside), true);
    }
    check(in_json, &json(&blank, 100_000), &each("body.i", "{{ body.big | Default: '' }}"), true);
    check(
        in_json,
        &json(&blank, 100_000),
        &each("body.i", "{% if body.big == blank %}{% endif %}"),
        true,
    );
    // Elements among many others.
    let source = xml("x", "<i/>", 100_000);
    check(in_xml, &source, &each("body.r.i", "{{ body.r.none }}"), true);
    check(in_xml, &source, &each("body.r.i", "{{ body.r.i.size }}"), true);
}

#[test]
fn what_is_not_a_number_is_sorted_behind_the_numbers() {
    let case =
        Case::inbound("<set-body template=\"liquid\">{{ body | Sort | Join: ',' }}</set-body>")
            .header("content-type", HeaderValue::from_static("application/json"))
            .body("[3,NaN,1,NaN,2.5,null]");
    assert_eq!(rendered(case), ",1,2.5,3,NaN,NaN");
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let json = HeaderValue::from_static("application/json");
    let reason = |variable: &str, template: &str, body: &str| {
        let policies = format!("{variable}<set-body template=\"liquid\">{template}</set-body>");
        let run = Case::inbound(&policies).header("content-type", json.clone()).body(body).run();
        run.reason().to_owned()
    };
    assert_eq!(reason("", "{{ body }}", &deep(200)), "");
    for template in ["{{ body }}", "{{ body | Join: '' }}", "{{ body | Append: 'a' }}"] {
        assert_eq!(reason("", template, &deep(400)), "BodyTooDeep", "{template}");
    }
    // What an expression makes may be deeper than what is read.
    let variable = r#"<set-variable name="deep" value="@{ var it = new JObject(); for (var i = 0; i &lt; 20000; i++) { it = new JObject(new JProperty("a", it)); } return it; }" />"#;
    for template in ["{{ context.Variables.deep }}", "{{ context.Variables.deep | Sort: 'a' }}"] {
        assert_eq!(reason(variable, template, "1"), "BodyTooDeep", "{template}");
    }
}

#[test]
fn nothing_in_a_template_panics() {
    for text in [
        "{",
        "{%",
        "{{",
        "{%%}",
        "{{}}",
        "{% %}",
        "{{-}}",
        "{%-%}",
        "{{--}}",
        "{{|}}",
        "{{.}}",
        "{{[]}}",
        "{{[[]]}}",
        "{{''}}",
        "{{'}}",
        "{% if %}",
        "{% case %}{% when %}{% endcase %}",
        "{% for %}",
        "{%é%}",
        "{{é.é | É}}",
        "{% raw %}{%",
        "{% assign 'a' = 1 %}",
        "{% cycle a: %}",
        "{{ (1..) }}",
        "{{ (a..b) }}",
        "{{ 1.2.3 }}",
        "{{ a.b?.c }}",
        "{% endraw -%}",
        "{% for i in (1..2 %}{% endfor %}",
    ] {
        let (template, findings) = Template::parse(text);
        assert!(template.is_some() || !findings.is_empty(), "{text}");
        for finding in findings {
            assert!(text.get(finding.range).is_some(), "{text}");
        }
    }
}
