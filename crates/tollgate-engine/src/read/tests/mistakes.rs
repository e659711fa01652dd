//! What is said about documents that do not load.

use expect_test::{Expect, expect};

use super::{ReadLimits, ReadOptions, both, options};

#[track_caller]
fn check(source: &str, expected: &Expect) {
    let (tree, findings) = both(source, &options());
    expected.assert_eq(&format!("{findings}\n\n{tree}"));
}

#[track_caller]
fn check_limits(source: &str, limits: ReadLimits, expected: &Expect) {
    let (_, findings) = both(source, &ReadOptions { limits, ..options() });
    expected.assert_eq(&findings);
}

#[test]
fn expressions_that_do_not_end() {
    check(
        "<a b=\"@(x(1)\" c=\"2\"><d>@{ return 1;</d><e>@(f[1)</e></a>",
        &expect![[r#"
        error[E0104]: the expression in attribute `b` is never closed
         --> policy.xml:1:7
          |
        1 | <a b="@(x(1)" c="2"><d>@{ return 1;</d><e>@(f[1)</e></a>
          |       ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count

        error[E0104]: the expression in element `d` is never closed
         --> policy.xml:1:24
          |
        1 | <a b="@(x(1)" c="2"><d>@{ return 1;</d><e>@(f[1)</e></a>
          |                        ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count

        error[E0104]: the expression in element `e` is never closed
         --> policy.xml:1:43
          |
        1 | <a b="@(x(1)" c="2"><d>@{ return 1;</d><e>@(f[1)</e></a>
          |                                           ^^   - this one closes another kind of bracket
          |                                           |
          |                                           this bracket is never closed

        a b="@(x(1)"? c="2"
          d ="@{ return 1;"?
          e ="@(f[1)"?
    "#]],
    );
    check(
        "<when condition=\"@(x == \"a\"\">\n  <b c=\"1\" />\n</when>",
        &expect![[r#"
        error[E0104]: the expression in attribute `condition` is never closed
         --> policy.xml:1:18
          |
        1 | <when condition="@(x == "a"">
          |                  ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count

        when condition="@(x == \"a\""?
          b c="1"
    "#]],
    );
    check(
        "<a><b c=\"@(x(\"y\")\" />\n<d>@(e <f) && \"</d></a>",
        &expect![[r#"
        error[E0104]: the expression in attribute `c` is never closed
         --> policy.xml:1:10
          |
        1 | <a><b c="@(x("y")" />
          |          ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count

        warning[W0106]: the expression in the text of element `d` is not evaluated
         --> policy.xml:2:4
          |
        2 | <d>@(e <f) && "</d></a>
          |    ^^^^^^^ more text follows it, so all of it is literal text
          |
          = help: remove what follows the expression

        error[E0101]: `&` stands for itself only inside an expression
         --> policy.xml:2:12
          |
        2 | <d>@(e <f) && "</d></a>
          |            ^ begins an entity
          |
          = help: write `&amp;` for the character

        a
          b c="@(x(\"y\")"?
          d ="@(e <f) && \""
    "#]],
    );
}

#[test]
fn bodies_whose_expression_does_not_end() {
    check(
        "<set-body>@{ return \"<a></a>\";</set-body>",
        &expect![[r#"
        error[E0104]: the expression in element `set-body` is never closed
         --> policy.xml:1:11
          |
        1 | <set-body>@{ return "<a></a>";</set-body>
          |           ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count

        set-body ="@{ return \"<a></a>\";"?
    "#]],
    );
}

#[test]
fn expressions_among_text() {
    check(
        "<a b=\"x @(1)\" c=\"@(\"1\");\">Call @(x<y>(\"z\")) now<d>@(1) </d></a>",
        &expect![[r#"
        warning[W0106]: the expression in the text of attribute `b` is not evaluated
         --> policy.xml:1:9
          |
        1 | <a b="x @(1)" c="@("1");">Call @(x<y>("z")) now<d>@(1) </d></a>
          |         ^^^^ text stands before it, so all of it is literal text
          |
          = help: make the whole value one expression: `@("…" + …)` or `@($"…{…}…")`

        warning[W0106]: the expression in the text of attribute `c` is not evaluated
         --> policy.xml:1:18
          |
        1 | <a b="x @(1)" c="@("1");">Call @(x<y>("z")) now<d>@(1) </d></a>
          |                  ^^^^^^ more text follows it, so all of it is literal text
          |
          = help: remove what follows the expression

        warning[W0106]: the expression in the text of element `a` is not evaluated
         --> policy.xml:1:32
          |
        1 | <a b="x @(1)" c="@("1");">Call @(x<y>("z")) now<d>@(1) </d></a>
          |                                ^^^^^^^^^^^^ text stands before it, so all of it is literal text
          |
          = help: make the whole value one expression: `@("…" + …)` or `@($"…{…}…")`

        a b="x @(1)" c="@(\"1\");" ="Call @(x<y>(\"z\")) now"
          d @="@(1)"
    "#]],
    );
    check(
        "<a url=\"https://@(x[\"y\"])/z\" b=\"c\"/>",
        &expect![[r#"
        warning[W0106]: the expression in the text of attribute `url` is not evaluated
         --> policy.xml:1:17
          |
        1 | <a url="https://@(x["y"])/z" b="c"/>
          |                 ^^^^^^^^^ text stands before it, so all of it is literal text
          |
          = help: make the whole value one expression: `@("…" + …)` or `@($"…{…}…")`

        a url="https://@(x[\"y\"])/z" b="c"
    "#]],
    );
    check(
        "<set-body><a b=\"@(1)\"><c>@(x(</c></a></set-body>",
        &expect![[r#"
        warning[W0106]: the expression inside the markup of `set-body` is not evaluated
         --> policy.xml:1:17
          |
        1 | <set-body><a b="@(1)"><c>@(x(</c></a></set-body>
          |                 ^^^^ part of a literal body
          |
          = help: make the whole body one expression, or use a Liquid template

        set-body ="<a b=\"@(1)\"><c>@(x(</c></a>"
          raw
    "#]],
    );
    check(
        "<a b=\"@(x.Replace(\"&amp;\", \"and\"))\" c=\"@(x.Replace(&quot;&amp;&quot;, y))\" />",
        &expect![[r#"
            warning[W0217]: `&amp;` is read as the character it stands for
             --> policy.xml:1:20
              |
            1 | <a b="@(x.Replace("&amp;", "and"))" c="@(x.Replace(&quot;&amp;&quot;, y))" />
              |                    ^^^^^ entities are decoded before C# sees them
              |
              = help: write `&amp;amp;` to mean the entity itself

            a b@="@(x.Replace(\"&\", \"and\"))" c@="@(x.Replace(\"&\", y))"
        "#]],
    );
}

#[test]
fn elements_that_do_not_close() {
    check(
        "<policies>\n  <inbound>\n    <base />\n  <outbound>\n  </outbound>\n</policies>",
        &expect![[r#"
            error[E0101]: the element `inbound` is never closed
             --> policy.xml:2:4
              |
            2 |   <inbound>
              |    ^^^^^^^ opened here
            ...
            6 | </policies>
              | ----------- closed before it
              |
              = help: add `</inbound>`, or end the tag with `/>` if the element is empty

            policies
              inbound
                base
                outbound
        "#]],
    );
    check(
        "<policies><inbound></inbuond></policies>",
        &expect![[r#"
        error[E0101]: `</inbuond>` closes nothing
         --> policy.xml:1:20
          |
        1 | <policies><inbound></inbuond></policies>
          |            ------- ^^^^^^^^^^ `inbound` is the innermost open element
          |            |
          |            opened here
          |
          = help: did you mean `</inbound>`?

        policies
          inbound
    "#]],
    );
    check(
        "<inbound></choose></inbound></outbound>",
        &expect![[r#"
            error[E0101]: `</choose>` closes nothing
             --> policy.xml:1:10
              |
            1 | <inbound></choose></inbound></outbound>
              |  ------- ^^^^^^^^^ `inbound` is the innermost open element
              |  |
              |  opened here

            error[E0101]: `</outbound>` closes nothing
             --> policy.xml:1:29
              |
            1 | <inbound></choose></inbound></outbound>
              |                             ^^^^^^^^^^^ no element is open here

            inbound
        "#]],
    );
    check(
        "<a><b>",
        &expect![[r#"
        error[E0101]: the element `a` is never closed
         --> policy.xml:1:2
          |
        1 | <a><b>
          |  ^ opened here
          |
          = help: add `</a>`, or end the tag with `/>` if the element is empty

        error[E0101]: the element `b` is never closed
         --> policy.xml:1:5
          |
        1 | <a><b>
          |     ^ opened here
          |
          = help: add `</b>`, or end the tag with `/>` if the element is empty

        a
          b
    "#]],
    );
}

#[test]
fn tags_that_do_not_close() {
    check(
        "<a>\n  <b c=\"1\"\n  <d/>\n</b></a>",
        &expect![[r#"
        error[E0101]: the tag of `b` is never closed
         --> policy.xml:2:3
          |
        2 |   <b c="1"
          |   ^^ no `>` follows
          |
          = help: a tag ends with `>`, or with `/>` when the element is empty

        a
          b c="1"
            d
    "#]],
    );
    check(
        "<a><b<c/></b></a>",
        &expect![[r#"
        error[E0101]: the tag of `b` is never closed
         --> policy.xml:1:4
          |
        1 | <a><b<c/></b></a>
          |    ^^ no `>` follows
          |
          = help: a tag ends with `>`, or with `/>` when the element is empty

        a
          c
    "#]],
    );
    check(
        "<a><b>x</b <c/></a>",
        &expect![[r#"
        error[E0101]: the closing tag of `b` lacks its `>`
         --> policy.xml:1:8
          |
        1 | <a><b>x</b <c/></a>
          |        ^^^ not closed
          |
          = help: write `</b>`

        a
          b ="x"
          c
    "#]],
    );
    check(
        "<a><b>x</b<c/></a>",
        &expect![[r#"
        error[E0101]: the closing tag of `b` lacks its `>`
         --> policy.xml:1:8
          |
        1 | <a><b>x</b<c/></a>
          |        ^^^ not closed
          |
          = help: write `</b>`

        a
          b ="x"
            c
    "#]],
    );
    check(
        "<a><b>x</b y></a>",
        &expect![[r#"
        error[E0101]: text stands in the closing tag of `b`
         --> policy.xml:1:12
          |
        1 | <a><b>x</b y></a>
          |            ^ not expected here
          |
          = help: write `</b>`

        a
          b ="x"
    "#]],
    );
    check(
        "<a><b c=\"1\" ",
        &expect![[r#"
        error[E0101]: the element `a` is never closed
         --> policy.xml:1:2
          |
        1 | <a><b c="1" 
          |  ^ opened here
          |
          = help: add `</a>`, or end the tag with `/>` if the element is empty

        error[E0101]: the tag of `b` is never closed
         --> policy.xml:1:4
          |
        1 | <a><b c="1" 
          |    ^^ no `>` follows
          |
          = help: a tag ends with `>`, or with `/>` when the element is empty

        a
    "#]],
    );
}

#[test]
fn attributes_that_are_none() {
    check(
        "<a b c=\"1\"d=\"2\" e= 5f \"g\" />",
        &expect![[r#"
        error[E0101]: the attribute `b` has no value
         --> policy.xml:1:4
          |
        1 | <a b c="1"d="2" e= 5f "g" />
          |    ^ XML wants a value in quotes
          |
          = help: write `b="true"` if that is what is meant

        error[E0101]: white space is missing before `d`
         --> policy.xml:1:11
          |
        1 | <a b c="1"d="2" e= 5f "g" />
          |           ^ stands right after a value

        error[E0101]: the value of `e` is not in quotes
         --> policy.xml:1:20
          |
        1 | <a b c="1"d="2" e= 5f "g" />
          |                    ^^ XML wants quotes around it
          |
          = help: write `e="5f"`

        error[E0101]: the tag of `a` holds something that is no attribute
         --> policy.xml:1:23
          |
        1 | <a b c="1"d="2" e= 5f "g" />
          |                       ^^^ an attribute is a name, `=` and a value in quotes
          |
          = help: a quote inside a literal value is written `&quot;`

        a b=""? c="1" d="2" e="5f"
    "#]],
    );
    check(
        "<a b=1 c=x/y d=@(\"e\" + f)>g</a>",
        &expect![[r#"
        error[E0101]: the value of `b` is not in quotes
         --> policy.xml:1:6
          |
        1 | <a b=1 c=x/y d=@("e" + f)>g</a>
          |      ^ XML wants quotes around it
          |
          = help: write `b="1"`

        error[E0101]: the value of `c` is not in quotes
         --> policy.xml:1:10
          |
        1 | <a b=1 c=x/y d=@("e" + f)>g</a>
          |          ^^^ XML wants quotes around it
          |
          = help: write `c="x/y"`

        error[E0101]: the value of `d` is not in quotes
         --> policy.xml:1:16
          |
        1 | <a b=1 c=x/y d=@("e" + f)>g</a>
          |                ^^^^^^^^^^ XML wants quotes around it

        a b="1" c="x/y" d@="@(\"e\" + f)" ="g"
    "#]],
    );
}

#[test]
fn attributes_that_are_broken_or_repeated() {
    check(
        "<a b=\"1\" c='2' b=\"3\" />",
        &expect![[r#"
        error[E0207]: the attribute `b` is repeated
         --> policy.xml:1:16
          |
        1 | <a b="1" c='2' b="3" />
          |    -           ^ the second one
          |    |
          |    the first one

        a b="1" c="2"
    "#]],
    );
    check(
        "<a b= />",
        &expect![[r#"
        error[E0101]: the attribute `b` has no value
         --> policy.xml:1:4
          |
        1 | <a b= />
          |    ^^ a value in quotes is expected after `=`

        a b=""?
    "#]],
    );
    check(
        "<a b=\"c\"d\" />",
        &expect![[r#"
        error[E0101]: the tag of `a` holds something that is no attribute
         --> policy.xml:1:9
          |
        1 | <a b="c"d" />
          |         ^^ an attribute is a name, `=` and a value in quotes
          |
          = help: a quote inside a literal value is written `&quot;`

        a b="c"
    "#]],
    );
    check(
        "<a b=\"c>\n  <d e=\"f\" />\n</a>",
        &expect![[r#"
        error[E0101]: the value of `b` lacks its closing quote
         --> policy.xml:1:6
          |
        1 | <a b="c>
          |      ^ this quote is never closed

        a b="c"?
          d e="f"
    "#]],
    );
    check(
        "<a b=\"c\n   d=\"e\" />",
        &expect![[r#"
        error[E0101]: the value of `b` lacks its closing quote
         --> policy.xml:1:6
          |
        1 | <a b="c
          |      ^ this quote is never closed

        a b="c"? d="e"
    "#]],
    );
}

#[test]
fn the_placeholder_of_the_documentation() {
    check(
        "<required-claims>\n<claim name=...>\n<value>...</value>\n</claim>\n</required-claims>",
        &expect![[r#"
            error[E0105]: the value of `name` is a placeholder from documentation
             --> policy.xml:2:13
              |
            2 | <claim name=...>
              |             ^^^ `...` stands for a value the reader is to choose
              |
              = help: write a value in quotes, such as `name="roles"` for the claim `roles`

            required-claims
              claim name="..."?
                value ="..."
        "#]],
    );
}

#[test]
fn characters_that_must_be_escaped() {
    check(
        "<a b=\"c & d &nbsp; &#0; <e>\">f & g<h>1 < 2</h></a>",
        &expect![[r#"
        error[E0101]: `&` stands for itself only inside an expression
         --> policy.xml:1:9
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |         ^ begins an entity
          |
          = help: write `&amp;` for the character

        error[E0102]: the entity `&nbsp;` is not one of XML
         --> policy.xml:1:13
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |             ^^^^^^ not defined
          |
          = help: XML has `&lt;`, `&gt;`, `&amp;`, `&quot;` and `&apos;`; other characters stand as they are or as `&#160;`

        error[E0101]: the reference is not to a character of XML
         --> policy.xml:1:20
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |                    ^^^^ no such character

        error[E0101]: `<` may not stand in the value of an attribute
         --> policy.xml:1:25
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |                         ^ stands for itself only inside an expression
          |
          = help: write `&lt;` for the character

        error[E0101]: `&` stands for itself only inside an expression
         --> policy.xml:1:32
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |                                ^ begins an entity
          |
          = help: write `&amp;` for the character

        error[E0101]: `<` stands for itself only inside an expression
         --> policy.xml:1:40
          |
        1 | <a b="c & d &nbsp; &#0; <e>">f & g<h>1 < 2</h></a>
          |                                        ^ no name of an element follows
          |
          = help: write `&lt;` for the character

        a b="c & d &nbsp; &#0; <e>" ="f & g"
          h ="1 < 2"
    "#]],
    );
    check(
        "<a>\u{1}</a>",
        &expect![[r#"
        error[E0101]: the character U+0001 may not stand in XML
         --> policy.xml:1:4
          |
        1 | <a>␁</a>
          |    ^ not a character of XML

        a ="\u{1}"
    "#]],
    );
}

#[test]
fn what_xml_has_and_policies_have_not() {
    check(
        "<!DOCTYPE a [ <!ENTITY x \"y\"> ]>\n<a>&x;</a>",
        &expect![[r#"
        error[E0102]: a policy may not have a DTD
         --> policy.xml:1:1
          |
        1 | <!DOCTYPE a [ <!ENTITY x "y"> ]>
          | ^^^^^^^^^ document types and entities of one's own are refused
          |
          = help: remove it; the characters `<`, `&` and `"` are written `&lt;`, `&amp;` and `&quot;`

        error[E0102]: the entity `&x;` is not one of XML
         --> policy.xml:2:4
          |
        2 | <a>&x;</a>
          |    ^^^ not defined
          |
          = help: XML has `&lt;`, `&gt;`, `&amp;`, `&quot;` and `&apos;`; other characters stand as they are or as `&#160;`

        a ="&x;"
    "#]],
    );
    check(
        "<a><?php echo 1 ?></a>",
        &expect![[r#"
        error[E0102]: a policy may not have processing instructions
         --> policy.xml:1:4
          |
        1 | <a><?php echo 1 ?></a>
          |    ^^^^^ not part of policies

        a
    "#]],
    );
    check(
        "\n<?xml version=\"1.0\"?><a/>",
        &expect![[r#"
        error[E0101]: the XML declaration is not at the start of the document
         --> policy.xml:2:1
          |
        2 | <?xml version="1.0"?><a/>
          | ^^^^^ nothing may stand before it, not even white space
          |
          = help: move it to the first line or remove it

        a
    "#]],
    );
    check(
        "<?xml version=\"1.0\"><a/>",
        &expect![[r#"
        error[E0101]: the XML declaration is malformed
         --> policy.xml:1:1
          |
        1 | <?xml version="1.0"><a/>
          | ^^^^^ opens here
          |
          = help: write `<?xml version="1.0" encoding="utf-8"?>` or remove it

        a
    "#]],
    );
}

#[test]
fn comments_and_sections() {
    check(
        "<a><!-- b -- c --></a>",
        &expect![[r#"
        error[E0101]: `--` may not stand inside a comment
         --> policy.xml:1:11
          |
        1 | <a><!-- b -- c --></a>
          |    ----   ^^ XML, and so Azure, refuses this
          |    |
          |    the comment begins here

        a
          <!-- b -- c -->
    "#]],
    );
    check(
        "<a><!-- b </a>",
        &expect![[r#"
        error[E0101]: the comment is never closed
         --> policy.xml:1:4
          |
        1 | <a><!-- b </a>
          |    ^^^^ opens here
          |
          = help: a comment ends with `-->`

        a
    "#]],
    );
    check(
        "<a><![CDATA[ b </a>",
        &expect![[r#"
        error[E0101]: the CDATA section is never closed
         --> policy.xml:1:4
          |
        1 | <a><![CDATA[ b </a>
          |    ^^^^^^^^^ opens here
          |
          = help: a CDATA section ends with `]]>`

        a
    "#]],
    );
}

#[test]
fn documents_without_elements() {
    check(
        "",
        &expect![[r#"
            error[E0101]: the document holds no element
             --> policy.xml:1:1
              |
            1 |
              | ^
              |
              = help: a policy document begins with `<policies>`, a fragment with `<fragment>`

        "#]],
    );
    check(
        " <!-- x --> ",
        &expect![[r#"
            error[E0101]: the document holds no element
             --> policy.xml:1:1
              |
            1 |  <!-- x --> 
              | ^
              |
              = help: a policy document begins with `<policies>`, a fragment with `<fragment>`

        "#]],
    );
    check(
        "{ \"a\": 1 }",
        &expect![[r#"
            error[E0101]: text stands outside of all elements
             --> policy.xml:1:1
              |
            1 | { "a": 1 }
              | ^^^^^^^^^^ not part of any element
              |
              = help: a policy document begins with `<policies>`, a fragment with `<fragment>`

        "#]],
    );
    check(
        "<a/> and so on",
        &expect![[r#"
            error[E0101]: text stands outside of all elements
             --> policy.xml:1:6
              |
            1 | <a/> and so on
              |      ^^^^^^^^^ not part of any element
              |
              = help: a policy document begins with `<policies>`, a fragment with `<fragment>`

            a
        "#]],
    );
}

#[test]
fn limits() {
    let limits =
        ReadLimits { document: 2048, nesting: 3, attributes: 2, expression: 1024, errors: 2 };
    check_limits("<a><b><c/></b></a>", limits, &expect![[""]]);
    check_limits(
        "<a><b><c><d/></c></b></a>",
        limits,
        &expect![[r#"
        error[E0002]: elements are nested more than 3 deep
         --> policy.xml:1:11
          |
        1 | <a><b><c><d/></c></b></a>
          |           ^ this one is too deep
          |
          = help: move the inner policies into a fragment"#]],
    );
    check_limits(
        "<a b=\"1\" c=\"2\" d=\"3\" e=\"4\"/>",
        limits,
        &expect![[r#"
        error[E0002]: `a` has more than 2 attributes
         --> policy.xml:1:16
          |
        1 | <a b="1" c="2" d="3" e="4"/>
          |                ^ this one is too many"#]],
    );
    check_limits(
        &format!("<a b=\"@({})\"/>", "1+".repeat(600)),
        limits,
        &expect![[r#"
        error[E0002]: the expression in attribute `b` is longer than 1 KiB
         --> policy.xml:1:7
          |
        1 | <a b="@(1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1...
          |       ^^ begins here"#]],
    );
    check_limits(
        &format!("<a>{}</a>", "x".repeat(2048)),
        limits,
        &expect![[r#"
        error[E0002]: the document has 3 KiB
         --> policy.xml:1:1
          |
        1 | <a>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
          | ^
          |
          = help: the limit is 2 KiB"#]],
    );
    check_limits(
        &format!("<a>{}</a>", "{{expression}}".repeat(100)),
        limits,
        &expect![[r#"
        error[E0002]: the document is too large with its named values in it
         --> policy.xml:1:1
          |
        1 | <a>{{expression}}{{expression}}{{expression}}{{expression}}{{expression}}{{expression}}{{expression}}{{expression}}{{expression}}{{ex...
          | ^
          |
          = help: the limit is 2 KiB"#]],
    );
    check_limits(
        "<a b c d e/>",
        limits,
        &expect![[r#"
            error[E0101]: the attribute `b` has no value
             --> policy.xml:1:4
              |
            1 | <a b c d e/>
              |    ^ XML wants a value in quotes
              |
              = help: write `b="true"` if that is what is meant

            error[E0101]: the attribute `c` has no value
             --> policy.xml:1:6
              |
            1 | <a b c d e/>
              |      ^ XML wants a value in quotes
              |
              = help: write `c="true"` if that is what is meant
              = help: there may be more errors: reading stopped after these"#]],
    );
}
