//! Diagnostics as people see them.

use expect_test::{Expect, expect};
use tollgate_diagnostics::{MappedText, MappedTextBuilder, Sources, render};

use crate::{CompileOptions, Target, compile};

/// Checks all diagnostics of an expression.
#[expect(clippy::needless_pass_by_value, reason = "so that cases are short")]
fn check(expression: &str, target: Target, expected: Expect) {
    let mut sources = Sources::default();
    let file = sources.add("policies/a.xml", expression);
    let text = MappedText::verbatim(expression, file.span(0..expression.len()));
    let (_, diagnostics) = compile(&text, &CompileOptions::for_target(target));
    let shown: Vec<String> =
        diagnostics.iter().map(|diagnostic| render::human(diagnostic, &sources)).collect();
    expected.assert_eq(&shown.join("\n"));
}

#[test]
fn syntax() {
    check(
        "@(context.Variables['x1'])",
        Target::Any,
        expect![[r#"
        error[E0301]: too many characters in a character literal
         --> policies/a.xml:1:21
          |
        1 | @(context.Variables['x1'])
          |                     ^^^^
          |
          = help: strings stand in double quotes"#]],
    );
    check(
        "@(1 + ;)",
        Target::Any,
        expect![[r#"
        error[E0301]: expected an expression, found `;`
         --> policies/a.xml:1:7
          |
        1 | @(1 + ;)
          |       ^"#]],
    );
}

#[test]
fn names_and_members() {
    check(
        "@(Context.Api.Id)",
        Target::Any,
        expect![[r#"
        error[E0302]: unknown name `Context`
         --> policies/a.xml:1:3
          |
        1 | @(Context.Api.Id)
          |   ^^^^^^^
          |
          = help: did you mean `context`?"#]],
    );
    check(
        "@(context.Request.Query)",
        Target::Any,
        expect![[r#"
        error[E0303]: `IRequest` has no member `Query`
         --> policies/a.xml:1:19
          |
        1 | @(context.Request.Query)
          |                   ^^^^^"#]],
    );
    check(
        "@(context.Variables[\"a\"].Foo)",
        Target::Any,
        expect![[r#"
        error[E0303]: `object` has no member `Foo`
         --> policies/a.xml:1:26
          |
        1 | @(context.Variables["a"].Foo)
          |                          ^^^
          |
          = help: cast the value to its type first: `((string)…)`"#]],
    );
    check(
        "@(\"a\".Lenght)",
        Target::Any,
        expect![[r#"
        error[E0303]: `string` has no member `Lenght`
         --> policies/a.xml:1:7
          |
        1 | @("a".Lenght)
          |       ^^^^^^
          |
          = help: did you mean `Length`?"#]],
    );
    check(
        "@(\"a\".GetType().Name)",
        Target::Any,
        expect![[r#"
        error[E0305]: `string.GetType` is not allowed in policy expressions
         --> policies/a.xml:1:7
          |
        1 | @("a".GetType().Name)
          |       ^^^^^^^
          |
          = help: expressions cannot look at types at run time"#]],
    );
    check(
        "@(File.ReadAllText(\"/etc/passwd\"))",
        Target::Any,
        expect![[r#"
        error[E0305]: the type `File` is not allowed in policy expressions
         --> policies/a.xml:1:3
          |
        1 | @(File.ReadAllText("/etc/passwd"))
          |   ^^^^"#]],
    );
    check(
        "@(context.Request.MatchedParameters(\"x\"))",
        Target::Any,
        expect![[r#"
        error[E0304]: `MatchedParameters` is a property and cannot be called
         --> policies/a.xml:1:19
          |
        1 | @(context.Request.MatchedParameters("x"))
          |                   ^^^^^^^^^^^^^^^^^"#]],
    );
    check(
        "@(XElement.Load(\"a.xml\"))",
        Target::Any,
        expect![[r#"
            error[E0306]: `XElement.Load` is not supported
             --> policies/a.xml:1:12
              |
            1 | @(XElement.Load("a.xml"))
              |            ^^^^
              |
              = help: expressions have no files, streams, readers or writers"#]],
    );
}

#[test]
fn types() {
    check(
        "@(context.Api.Id)",
        Target::Bool,
        expect![[r#"
        error[E0304]: expected `bool`, found `string`
         --> policies/a.xml:1:3
          |
        1 | @(context.Api.Id)
          |   ^^^^^^^^^^^^^^ this is `string`"#]],
    );
    check(
        "@(\"1\")",
        Target::Int,
        expect![[r#"
        error[E0304]: expected a whole number, found `string`
         --> policies/a.xml:1:3
          |
        1 | @("1")
          |   ^^^"#]],
    );
    check(
        "@(context.Variables[\"n\"] + 1)",
        Target::Any,
        expect![[r#"
        error[E0304]: `+` cannot be applied to `object` and `int`
         --> policies/a.xml:1:3
          |
        1 | @(context.Variables["n"] + 1)
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: cast the value first: `(int)…`"#]],
    );
    check(
        "@((int)\"1\")",
        Target::Any,
        expect![[r#"
        error[E0304]: `string` can never be cast to `int`
         --> policies/a.xml:1:3
          |
        1 | @((int)"1")
          |   ^^^^^^^^"#]],
    );
    check(
        "@(\"a\".Substring(\"b\"))",
        Target::Any,
        expect![[r#"
        error[E0304]: no overload of `Substring` takes (string)
         --> policies/a.xml:1:7
          |
        1 | @("a".Substring("b"))
          |       ^^^^^^^^^
          |
          = help: there is `Substring(int startIndex)`
          = help: there is `Substring(int startIndex, int length)`"#]],
    );
    check(
        "@(context.Request.Body.As<int>())",
        Target::Any,
        expect![[r#"
            error[E0304]: a body cannot be read as `int`
             --> policies/a.xml:1:24
              |
            1 | @(context.Request.Body.As<int>())
              |                        ^^
              |
              = help: bodies are read as string, byte[], JObject, JArray, JToken, XElement, XDocument or XNode"#]],
    );
}

#[test]
fn lambdas_say_what_is_wrong_in_them() {
    check(
        "@(new List<string> { \"a\" }.Select(p => p.Lenght).Sum())",
        Target::Any,
        expect![[r#"
            error[E0303]: `string` has no member `Lenght`
             --> policies/a.xml:1:42
              |
            1 | @(new List<string> { "a" }.Select(p => p.Lenght).Sum())
              |                                          ^^^^^^
              |
              = help: did you mean `Length`?"#]],
    );
    check(
        "@(new List<string>().Where(p => new List<int>().All(q => q.Foo == p)))",
        Target::Any,
        expect![[r#"
            error[E0303]: `int` has no member `Foo`
             --> policies/a.xml:1:60
              |
            1 | @(new List<string>().Where(p => new List<int>().All(q => q.Foo == p)))
              |                                                            ^^^"#]],
    );
    check(
        "@(new List<int>().Select(1))",
        Target::Any,
        expect![[r#"
        error[E0304]: no overload of `Select` takes (List<int>, int)
         --> policies/a.xml:1:19
          |
        1 | @(new List<int>().Select(1))
          |                   ^^^^^^
          |
          = help: there is `static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)`
          = help: there is `static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)`"#]],
    );
}

#[test]
fn flow_and_constants() {
    check(
        "@{ if (context.Tracing) { return 1; } }",
        Target::Any,
        expect![[r#"
        error[E0307]: not all paths return a value
         --> policies/a.xml:1:39
          |
        1 | @{ if (context.Tracing) { return 1; } }
          |                                       ^"#]],
    );
    check(
        "@{ int x; return x; }",
        Target::Any,
        expect![[r#"
        error[E0307]: `x` is used before it is assigned
         --> policies/a.xml:1:18
          |
        1 | @{ int x; return x; }
          |                  ^"#]],
    );
    check(
        "@{ var x = 1; var x = 2; return x; }",
        Target::Any,
        expect![[r#"
        error[E0308]: a local named `x` is already declared in this scope
         --> policies/a.xml:1:19
          |
        1 | @{ var x = 1; var x = 2; return x; }
          |                   ^"#]],
    );
    check(
        "@(int.MaxValue + 1)",
        Target::Any,
        expect![[r#"
        error[E0309]: the constant overflows
         --> policies/a.xml:1:3
          |
        1 | @(int.MaxValue + 1)
          |   ^^^^^^^^^^^^^^^^"#]],
    );
    check(
        "@(1 / 0)",
        Target::Any,
        expect![[r#"
        error[E0309]: division by the constant zero
         --> policies/a.xml:1:3
          |
        1 | @(1 / 0)
          |   ^^^^^"#]],
    );
}

#[test]
fn warnings() {
    check(
        "@(context.Variables[\"a\"] == \"b\")",
        Target::Bool,
        expect![[r#"
        warning[W0310]: `object == string` compares references in C#; values are compared here
         --> policies/a.xml:1:3
          |
        1 | @(context.Variables["a"] == "b")
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: cast the object with `(string)` to say what is meant"#]],
    );
}

#[test]
fn secrets_are_not_shown() {
    let mut sources = Sources::default();
    let file = sources.add("policies/a.xml", "@({{key}} + 1)");
    let mut builder = MappedTextBuilder::new();
    builder.verbatim("@(", file.span(0..2));
    builder.replaced("hunter2", file.span(2..9), true);
    builder.verbatim(" + 1)", file.span(9..14));
    let text = builder.finish(file.span(0..14));
    let (program, diagnostics) = compile(&text, &CompileOptions::default());
    assert!(program.is_none());
    let shown: Vec<String> =
        diagnostics.iter().map(|diagnostic| render::human(diagnostic, &sources)).collect();
    expect![[r#"
        error[E0302]: unknown name `***`
         --> policies/a.xml:1:3
          |
        1 | @({{key}} + 1)
          |   ^^^^^^^"#]]
    .assert_eq(&shown.join("\n"));

    let mut builder = MappedTextBuilder::new();
    builder.verbatim("@(\"", file.span(0..2));
    builder.replaced("hunter2", file.span(2..9), true);
    builder.verbatim("\")", file.span(9..14));
    let (program, _) = compile(&builder.finish(file.span(0..14)), &CompileOptions::default());
    assert!(!format!("{:?}", program.unwrap()).contains("hunter2"));
}
