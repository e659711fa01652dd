mod sheets;

use crate::testing::{Case, Run};

/// A document that most tests transform.
const SOURCE: &str = r##"<?xml version="1.0"?>
<shop xmlns:m="urn:m" name="Corner &amp; Co"><!-- a comment --><?pi data here?>
  <item id="3" cat="b"><name>Pear</name><price>2.50</price><m:tag>x</m:tag></item>
  <item id="10" cat="a"><name>apple</name><price>10</price></item>
  <item id="1" cat="b"><name>Banana</name><price>1.25</price></item>
  <item id="2" cat="a"><name>cherry &lt;red&gt;</name><price>n/a</price></item>
  <note>Some <b>bold</b> and <i>italic</i> text.</note>
</shop>
"##;

const OMIT: &str = r#"<xsl:output omit-xml-declaration="yes"/>"#;

fn policy(declarations: &str, sheet: &str) -> String {
    format!(
        "<xsl-transform><xsl:stylesheet version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" {declarations}>{sheet}</xsl:stylesheet></xsl-transform>"
    )
}

fn run_on(sheet: &str, source: &str) -> Run {
    Case::inbound(&policy("", sheet)).body(source).run()
}

fn body(run: &Run) -> String {
    String::from_utf8(run.cx.request.body.bytes().unwrap().to_vec()).unwrap()
}

#[track_caller]
fn check(declarations: &str, sheet: &str, expected: &str) {
    let run = Case::inbound(&policy(declarations, sheet)).body(SOURCE).run();
    assert_eq!(run.reason(), "", "{} {sheet}", run.message());
    assert_eq!(body(&run), expected, "{sheet}");
}

/// A template for the root of a document.
fn root(content: &str) -> String {
    format!("{OMIT}<xsl:template match=\"/\"><r>{content}</r></xsl:template>")
}

#[test]
fn parameters() {
    let sheet = r#"<xsl:output omit-xml-declaration="yes"/><xsl:param name="a">default</xsl:param><xsl:param name="n"/><xsl:param name="unset" select="9"/>
        <xsl:template match="/"><r><xsl:value-of select="$a"/>|<xsl:value-of select="$n + 1"/>|<xsl:if test="$b">yes</xsl:if>|<xsl:value-of select="$unset"/></r></xsl:template><xsl:param name="b"/>"#;
    let policy = format!(
        r#"<xsl-transform><parameter name="a">x &amp; y</parameter><parameter parameter-name="n">@(1 + context.Request.Method.Length)</parameter><parameter name="b">@(context.Request.Method == "GET")</parameter>
        <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">{sheet}</xsl:stylesheet></xsl-transform>"#
    );
    assert_eq!(body(&Case::inbound(&policy).body("<a/>").run()), "<r>x &amp; y|5|yes|9</r>");
    let empty = policy.replace("x &amp; y", "");
    assert_eq!(body(&Case::inbound(&empty).body("<a/>").run()), "<r>|5|yes|9</r>");
}

#[test]
fn messages_without_xml() {
    let sheet = root("x");
    let run = Case::inbound(&policy("", &sheet)).run();
    assert!(matches!(run.cx.request.body, tollgate_engine::Body::Empty));
    let failed = |sheet: &str, source: &str, reason: &str| {
        let run = run_on(sheet, source);
        assert_eq!(
            (run.status(), run.reason(), run.source()),
            (500, reason, "xsl-transform"),
            "{}",
            run.message()
        );
    };
    failed(&sheet, "{}", "XmlInvalid");
    failed(&sheet, "<!DOCTYPE a><a/>", "XmlInvalid");
    failed(&sheet, &format!("{}{}", "<a>".repeat(300), "</a>".repeat(300)), "BodyTooDeep");
}

#[test]
fn what_fails_while_it_runs() {
    let failed = |sheet: &str, message: &str| {
        let run = run_on(sheet, SOURCE);
        assert_eq!(run.reason(), "TransformationFailed", "{sheet}");
        assert!(run.message().contains(message), "{}", run.message());
    };
    failed(
        &root(r#"<xsl:message terminate="yes">no <xsl:value-of select="name(*)"/></xsl:message>"#),
        "ended with a message: no shop",
    );
    failed(&root(r#"<xsl:value-of select="key('absent', 1)"/>"#), "there is no key `absent`");
    failed(
        &root(r#"<xsl:value-of select="format-number(1, '0', 'absent')"/>"#),
        "there is no decimal format",
    );
    failed(
        &root(r#"<xsl:value-of select="format-number(1, 'x')"/>"#),
        "pattern of format-number() is malformed",
    );
    failed(&root(r#"<xsl:element name="{'a b'}"/>"#), "`a b` is not a name");
    failed(&root(r#"<xsl:for-each select="'text'"/>"#), "gives no nodes");
    failed(
        &format!(
            r#"<xsl:variable name="a" select="$b"/><xsl:variable name="b" select="$a"/>{}"#,
            root(r#"<xsl:value-of select="$a"/>"#)
        ),
        "needs itself",
    );
}

#[test]
fn comments_are_well_formed() {
    let comment = |text: &str| root(&format!("<xsl:comment>{text}</xsl:comment>"));
    check("", &comment("a--b---"), "<r><!--a- -b- - - --></r>");
    check("", &comment("-"), "<r><!--- --></r>");
}

/// Sources that make ordinary stylesheets do a lot: each is transformed, or refused within the steps.
#[test]
fn hostile_sources_cost_little() {
    let list = |item: &str, n: usize| format!("<l>{}</l>", item.repeat(n));
    let reason = |sheet: &str, source: &str| run_on(sheet, source).reason().to_owned();
    let each =
        |inside: &str| root(&format!("<xsl:for-each select=\"//i\">{inside}</xsl:for-each>"));
    let refused = "TransformationFailed";
    // Text that is put together piece by piece.
    let rows = each("<xsl:value-of select=\".\"/>,");
    assert_eq!(reason(&rows, &list("<i>some words</i>", 50_000)), "");
    // Axes on which nothing is found.
    let attributes = |what: &str, n: usize| {
        let all: Vec<String> = (0..n).map(|n| format!(" {what}{n}=\"u\"")).collect();
        all.concat()
    };
    let source = format!("<l{}>{}</l>", attributes("a", 1_000), "<i/>".repeat(30_000));
    for axis in ["../none", "preceding::none", "../@none"] {
        let sheet = each(&format!("<xsl:value-of select=\"{axis}\"/>"));
        assert_eq!(reason(&sheet, &source), refused, "{axis}");
    }
    // A variable that holds a long text.
    let sheet = format!(
        "<xsl:variable name=\"all\" select=\"string(/)\"/>{}",
        each("<xsl:if test=\"contains($all, 'x')\"/>")
    );
    assert_eq!(reason(&sheet, &list("<i>0123456789</i>", 100_000)), refused);
    // The same long number in every comparison.
    let source = format!("<l><n>{}</n>{}</l>", "1".repeat(1 << 20), "<i>2</i>".repeat(20_000));
    assert_eq!(reason(&root("<xsl:if test=\"//i &gt; //n\">x</xsl:if>"), &source), "");
    // Nodes that a key finds over and over.
    let sheet = format!(
        "<xsl:key name=\"k\" match=\"i\" use=\".\"/>{}",
        root("<xsl:value-of select=\"count(key('k', //i))\"/>")
    );
    assert_eq!(reason(&sheet, &list("<i>a</i>", 20_000)), refused);
    // Attributes and declarations of one element.
    let many = |what: &str, n: usize| format!("<l{}><i/><i/></l>", attributes(what, n));
    let identity = "<xsl:template match=\"@*|node()\"><xsl:copy><xsl:apply-templates select=\"@*|node()\"/></xsl:copy></xsl:template>";
    assert_eq!(reason(&root("x"), &many("a", 40_000)), "");
    assert_eq!(reason(identity, &many("a", 40_000)), refused);
    assert_eq!(reason(identity, &many("xmlns:a", 12_000)), "XmlInvalid");
}

#[test]
fn expressions_are_bounded() {
    let sum = |n: usize| root(&format!("<xsl:value-of select=\"1{}\"/>", " + 1".repeat(n)));
    check("", &sum(256), "<r>257</r>");
    Case::inbound(&policy("", &sum(100_000))).refused("the expression has too many operators");
    // Variables whose values are instructions, each with a long expression that needs the next one.
    let variables: Vec<String> = (0..45)
        .map(|n| {
            let (next, row) = (n + 1, " + 1".repeat(200));
            format!(
                "<xsl:variable name=\"v{n}\"><a><xsl:value-of select=\"$v{next}{row}\"/></a></xsl:variable>"
            )
        })
        .collect();
    let sheet = format!(
        "{}<xsl:variable name=\"v45\" select=\"1\"/>{}",
        variables.concat(),
        root("<xsl:value-of select=\"$v0\"/>")
    );
    let run = run_on(&sheet, "<a/>");
    assert_eq!(run.message(), "the transformation is nested too deep");
}

#[test]
fn transformations_are_bounded() {
    let check = |sheet: &str, reasons: &[&str]| {
        let run = run_on(sheet, SOURCE);
        assert!(reasons.contains(&run.reason()), "{} {}", run.reason(), run.message());
    };
    let failed = ["TransformationFailed"];
    check(
        r#"<xsl:template match="/" name="t"><xsl:call-template name="t"/></xsl:template>"#,
        &failed,
    );
    check(r#"<xsl:template match="/"><xsl:apply-templates select="/"/></xsl:template>"#, &failed);
    check(
        r#"<xsl:template match="/" name="t"><a><xsl:call-template name="t"/></a></xsl:template>"#,
        &failed,
    );
    check(
        r#"<xsl:template match="/" name="t"><xsl:variable name="v"><xsl:call-template name="t"/></xsl:variable><xsl:value-of select="$v"/></xsl:template>"#,
        &failed,
    );
    check(
        r#"<xsl:template match="/" name="t"><a><xsl:attribute name="b"><xsl:call-template name="t"/></xsl:attribute></a></xsl:template>"#,
        &failed,
    );
    check(
        r#"<xsl:template name="d"><xsl:param name="s"/><xsl:call-template name="d"><xsl:with-param name="s" select="concat($s,$s)"/></xsl:call-template></xsl:template>
        <xsl:template match="/"><xsl:call-template name="d"><xsl:with-param name="s" select="'xxxxxxxx'"/></xsl:call-template></xsl:template>"#,
        &["TransformationFailed", "BodyTooLarge"],
    );
    check(
        &root(
            r#"<xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><a/></xsl:for-each></xsl:for-each></xsl:for-each></xsl:for-each>"#,
        ),
        &failed,
    );
    check(
        r#"<xsl:attribute-set name="a" use-attribute-sets="a"/><xsl:template match="/"><r xsl:use-attribute-sets="a"/></xsl:template>"#,
        &failed,
    );
    check(
        &root(r#"<xsl:value-of select="count(//*[count(//*[count(//*[count(//*[//*])])])])"/>"#),
        &["", "TransformationFailed"],
    );
}

#[test]
fn recursion_of_some_depth_is_fine() {
    let sheet = r#"<xsl:output method="text"/><xsl:template name="count"><xsl:param name="n"/><xsl:choose><xsl:when test="$n = 0">done</xsl:when>
        <xsl:otherwise><xsl:call-template name="count"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:otherwise></xsl:choose></xsl:template>
        <xsl:template match="/"><xsl:call-template name="count"><xsl:with-param name="n" select="1000"/></xsl:call-template></xsl:template>"#;
    assert_eq!(body(&run_on(sheet, "<a/>")), "done");
}

#[test]
fn mistakes_are_found_at_load() {
    let refused = |sheet: &str, why: &str| Case::inbound(&policy("", sheet)).refused(why);
    refused(&root(r#"<xsl:valueof select="."/>"#), "did you mean `value-of`");
    refused(&root(r#"<xsl:value-of/>"#), "needs the attribute `select`");
    refused(&root(r#"<xsl:value-of selct="."/>"#), "did you mean `select`");
    refused(&root(r#"<xsl:value-of select="a["/>"#), "expected a step of a path");
    refused(&root(r#"<xsl:value-of select="$nothing"/>"#), "there is no variable `nothing` here");
    refused(
        &root(r#"<xsl:if test="1"><xsl:variable name="v"/></xsl:if><xsl:value-of select="$v"/>"#),
        "there is no variable `v` here",
    );
    refused(
        &root(r#"<xsl:value-of select="upper-case('a')"/>"#),
        "there is no function `upper-case`",
    );
    refused(
        &root(r#"<xsl:value-of select="string-lenght('a')"/>"#),
        "did you mean `string-length`",
    );
    refused(&root(r#"<xsl:value-of select="document('x')"/>"#), "there is no function `document`");
    refused(&root(r#"<xsl:value-of select="concat('a')"/>"#), "takes 2 arguments or more");
    refused(&root(r#"<xsl:value-of select="p:a"/>"#), "prefix `p` is not declared");
    refused(&root(r#"<xsl:value-of select="a"/><xsl:sort/>"#), "`xsl:sort` is out of place");
    refused(&root(r#"<xsl:call-template name="t"/>"#), "there is no template `t`");
    refused(&root(r#"<a b="{x"/>"#), "`{` is not closed");
    refused(&root("<xsl:choose/>"), "has no branches");
    refused(r#"<xsl:template match="a/.."/>"#, "not a pattern of XSLT");
    refused("<xsl:template/>", "neither pattern nor name");
    refused(r#"<xsl:import href="x"/>"#, "`xsl:import` is refused");
    refused(r#"<xsl:output method="json"/>"#, "expected `xml`, `html` or `text`");
    refused(r#"<xsl:output indent="true"/>"#, "expected `yes` or `no`");
    refused(r#"<xsl:template name="a"/><xsl:template name="a"/>"#, "template `a` is there twice");
    refused(
        &root(&format!(r#"<xsl:value-of select="{}1{}"/>"#, "(".repeat(100), ")".repeat(100))),
        "nested too deep",
    );
    Case::inbound("<xsl-transform/>").refused("needs a `xsl:stylesheet` element");
    Case::inbound(
        r#"<xsl-transform><xsl:stylesheet version="1.0" xmlns:xsl="urn:x"/></xsl-transform>"#,
    )
    .refused("no stylesheet of XSLT");
    let two = policy("", &root(""))
        .replace("1.0", "2.0")
        .replace("<xsl-transform>", r#"<xsl-transform><parameter name="p">x</parameter>"#);
    Case::inbound(&two).warned("another version than XSLT 1.0");
    Case::inbound(&two).warned("the stylesheet has no parameter `p`");
    Case::inbound(&two.replace(" name=\"p\"", "")).refused("needs the attribute `name`");
}

#[test]
fn nothing_in_an_expression_panics() {
    for text in [
        "",
        "/",
        "//",
        "a//",
        "@",
        "..",
        "...",
        "a:",
        ":a",
        "a::b",
        "child::",
        "1.",
        ".5",
        "1.2.3",
        "'",
        "$",
        "$a:",
        "a[1",
        "a]",
        "f(",
        "é",
        "a|",
        "-",
        "--1",
        "* * *",
        "a[b[c[d]]]",
        "processing-instruction('x')",
        "text()[1]",
        "//@*",
        "id('a')/b",
        "🦀",
    ] {
        let sheet = root(&format!(r#"<xsl:copy-of select="{text}"/>"#));
        let case = Case::inbound(&policy("", &sheet));
        if !case.findings().contains("error[") {
            case.body(SOURCE).run();
        }
    }
}
