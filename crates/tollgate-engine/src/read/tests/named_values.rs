//! Named values where they matter.

use expect_test::{Expect, expect};
use tollgate_diagnostics::Sources;

use super::{UnknownNames, both, options, read};

#[track_caller]
fn check(source: &str, expected: &Expect) {
    let (tree, findings) = both(source, &options());
    expected.assert_eq(&format!("{tree}{findings}"));
    assert!(!format!("{tree}{findings}").contains("canary"));
}

#[track_caller]
fn check_alone(source: &str, expected: &Expect) {
    let options = super::ReadOptions { unknown_names: UnknownNames::Tolerate, ..options() };
    let (tree, findings) = both(source, &options);
    expected.assert_eq(&format!("{tree}{findings}"));
}

#[test]
fn a_named_value_is_never_markup() {
    check(
        "<a b=\"{{openai-api-key}}\" c='{{openai-api-key}}' d={{openai-api-key}}>{{openai-api-key}}{{markup}}<!-- {{end}} --><![CDATA[{{openai-api-key}}]]></a>",
        &expect![[r#"
            a b="***" c="***" d="***" ="***"
              <!-- --> -->
        "#]],
    );
    check(
        "<a>{{markup}}</a>",
        &expect![[r#"
        a ="<set-header name=\"x\" />"
    "#]],
    );
    check(
        "<a b={{markup}} c={{empty}} d= {{empty}} e={{empty}}/>",
        &expect![[r#"
        a b="<set-header name=\"x\" />" c="" d="" e=""
    "#]],
    );
    check(
        "<a b=\"{{entity}}\">{{entity}}</a>",
        &expect![[r#"
        a b="a&b" ="a&b"
    "#]],
    );
}

#[test]
fn a_named_value_may_be_an_expression_or_stand_in_one() {
    check(
        "<a b=\"{{expression}}\" c={{expression}} d=\"@(Next(1) <= {{weight}})\" e='@($\"{{weight}}-{x}\")'>{{expression}}</a>",
        &expect![[r#"
            a b@="@(\"a\" + context.RequestId)" c@="@(\"a\" + context.RequestId)" d@="@(Next(1) <= 10)" e@="@($\"10-{x}\")" @="@(\"a\" + context.RequestId)"
        "#]],
    );
}

#[test]
fn a_named_value_may_break_only_the_expression_it_stands_in() {
    check(
        "<a b=\"@(&quot;{{quoted}}&quot;)\" c=\"d\"><e>@(\"{{quoted}}\")</e></a>",
        &expect![[r#"
        a b="***"? c="d"
          e ="***"?
        error[E0104]: the expression in attribute `b` is never closed
         --> policy.xml:1:7
          |
        1 | <a b="@(&quot;{{quoted}}&quot;)" c="d"><e>@("{{quoted}}")</e></a>
          |       ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count
          = help: the named value `quoted` holds quotes, brackets or the like, which are C# here

        error[E0104]: the expression in element `e` is never closed
         --> policy.xml:1:43
          |
        1 | <a b="@(&quot;{{quoted}}&quot;)" c="d"><e>@("{{quoted}}")</e></a>
          |                                           ^^ this bracket is never closed
          |
          = help: brackets inside of strings, characters and comments do not count
          = help: the named value `quoted` holds quotes, brackets or the like, which are C# here"#]],
    );
}

#[test]
fn a_named_value_stands_only_where_values_stand() {
    check(
        "<a><{{markup}} /></a>",
        &expect![[r#"
        a ="<<set-header name=\"x\" /> />"
        error[E0101]: the named value `markup` cannot be an element
         --> policy.xml:1:5
          |
        1 | <a><{{markup}} /></a>
          |     ^^^^^^^^^^ stands where the name of an element is expected
          |
          = help: named values stand in attribute values, text and expressions; shared policies are fragments"#]],
    );
    check(
        "<a b{{openai-api-key}}=\"1\" {{markup}} c=\"2\" d{{openai-api-key}}=x><e{{quoted}} f></a>",
        &expect![[r#"
            a c="2"
              {{…}} f=""?
            error[E0101]: the named value `openai-api-key` cannot be part of a name
             --> policy.xml:1:4
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |    ^^^^^^^^^^^^^^^^^^^ names of elements and attributes are literal
              |
              = help: named values stand in attribute values, text and expressions

            error[E0101]: the named value `markup` cannot be part of a name
             --> policy.xml:1:28
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                            ^^^^^^^^^^ names of elements and attributes are literal
              |
              = help: named values stand in attribute values, text and expressions

            error[E0101]: the named value `openai-api-key` cannot be part of a name
             --> policy.xml:1:45
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                                             ^^^^^^^^^^^^^^^^^^^ names of elements and attributes are literal
              |
              = help: named values stand in attribute values, text and expressions

            error[E0101]: the value of `{{…}}` is not in quotes
             --> policy.xml:1:65
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                                                                 ^ XML wants quotes around it
              |
              = help: write `{{…}}="x"`

            error[E0101]: the named value `quoted` cannot be part of a name
             --> policy.xml:1:68
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                                                                    ^^^^^^^^^^^ names of elements and attributes are literal
              |
              = help: named values stand in attribute values, text and expressions

            error[E0101]: the element `{{…}}` is never closed
             --> policy.xml:1:68
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                                                                    ^^^^^^^^^^^   ---- closed before it
              |                                                                    |
              |                                                                    opened here
              |
              = help: add `</{{…}}>`, or end the tag with `/>` if the element is empty

            error[E0101]: the attribute `f` has no value
             --> policy.xml:1:80
              |
            1 | <a b{{openai-api-key}}="1" {{markup}} c="2" d{{openai-api-key}}=x><e{{quoted}} f></a>
              |                                                                                ^ XML wants a value in quotes
              |
              = help: write `f="true"` if that is what is meant"#]],
    );
}

#[test]
fn unknown_names_are_mistakes_in_a_directory() {
    check(
        "<a b={{weihgt}} c=\"{{ nope }}\" d=\"@({{nope}} + 1)\"><!-- {{nope}} -->
<set-body template=\"liquid\">{{ body.name }} {{weight}}</set-body></a>",
        &expect![[r#"
            a b="{{weihgt}}"? c="{{ nope }}"? d@="@({{nope}} + 1)"?
              <!-- {{nope}} -->
              set-body template="liquid" ="{{ body.name }} 10"
            error[E0103]: there is no named value `weihgt`
             --> policy.xml:1:6
              |
            1 | <a b={{weihgt}} c="{{ nope }}" d="@({{nope}} + 1)"><!-- {{nope}} -->
              |      ^^^^^^^^^^ not defined
              |
              = help: did you mean `weight`?

            error[E0103]: there is no named value `nope`
             --> policy.xml:1:20
              |
            1 | <a b={{weihgt}} c="{{ nope }}" d="@({{nope}} + 1)"><!-- {{nope}} -->
              |                    ^^^^^^^^^^ not defined

            error[E0103]: there is no named value `nope`
             --> policy.xml:1:37
              |
            1 | <a b={{weihgt}} c="{{ nope }}" d="@({{nope}} + 1)"><!-- {{nope}} -->
              |                                     ^^^^^^^^ not defined"#]],
    );
}

#[test]
fn unknown_names_are_open_questions_in_a_document_checked_alone() {
    check_alone(
        "<a b={{one}} c=\"{{ two }}\" d=\"@({{one}} + 1)\">{{one}}<e>@(1)</e><f>{{two}}</f></a>",
        &expect![[r#"
            a b="{{one}}"? c="{{ two }}"? d@="@({{one}} + 1)"? ="{{one}}"?
              e @="@(1)"
              f ="{{two}}"?
            warning[W0219]: the named value `one` is not known here
             --> policy.xml:1:6
              |
            1 | <a b={{one}} c="{{ two }}" d="@({{one}} + 1)">{{one}}<e>@(1)</e><f>{{two}}</f></a>
              |      ^^^^^^^ what it stands for is not checked

            warning[W0219]: the named value `two` is not known here
             --> policy.xml:1:17
              |
            1 | <a b={{one}} c="{{ two }}" d="@({{one}} + 1)">{{one}}<e>@(1)</e><f>{{two}}</f></a>
              |                 ^^^^^^^^^ what it stands for is not checked"#]],
    );
}

#[test]
fn secrets_are_marked_and_not_printed() {
    let source = "<a b=\"key {{openai-api-key}}\">{{openai-api-key}}</a>";
    let file = Sources::default().add("policy.xml", source);
    let (document, _) = read(file, source, &options());
    let root = document.unwrap().root;
    let value = &root.attribute("b").unwrap().value.text;
    assert!(value.has_secret() && !value.is_secret(0..4));
    assert!(root.text().unwrap().text.has_secret());
    assert!(root.raw_content().has_secret());
    let shown = format!("{root:?} {root:#?} {:?}", options());
    assert!(shown.contains("***") && !shown.contains("canary"));
}
