//! Hostile expressions end within their bounds.

use super::answer;

/// Checks that an expression is stopped.
fn stopped(expression: &str, expected: &str) {
    let answer = answer(expression);
    assert!(answer.contains(expected), "{expression:.80}: {answer}");
}

#[test]
fn loops_and_memory_are_bounded() {
    let steps = "the expression takes too many steps";
    let memory = "the expression uses too much memory";
    stopped("@{ while (true) { } }", steps);
    stopped(
        "@{ try { while (true) { } } catch { return 1; } finally { context.Trace(\"x\"); } }",
        steps,
    );
    stopped("@(Enumerable.Range(0, int.MaxValue).Count())", "too");
    stopped("@(Enumerable.Range(0, int.MaxValue).Where(n => n < 0).Any())", steps);
    stopped("@(\"a\".PadLeft(int.MaxValue))", memory);
    stopped("@(new string('x', int.MaxValue))", memory);
    stopped("@(new byte[int.MaxValue])", memory);
    stopped("@(Enumerable.Repeat(\"x\", int.MaxValue).ToArray())", "too");
    stopped("@{ var s = \"x\"; for (;;) { s += s; } }", memory);
    stopped("@{ var l = new List<int>(); for (;;) { l.Add(1); } }", "too");
    stopped("@{ var s = \"xy\"; for (;;) { s = s.Replace(\"x\", \"xxxx\"); } }", memory);
    stopped("@{ var o = new JArray(); for (;;) { o.Add(o.DeepClone()); } }", "too");
    stopped(
        "@{ var a = Enumerable.Range(0, 2000); return a.SelectMany(x => a.SelectMany(y => a)).Count(); }",
        "too",
    );
}

#[test]
fn recursion_is_bounded() {
    let stack = "InsufficientExecutionStackException";
    stopped("@{ int F(int n) => F(n + 1); return F(0); }", stack);
    stopped("@{ int F(int n) { return G(n); } int G(int n) { return F(n); } return F(0); }", stack);
    stopped("@{ Func<int, int> f = null; f = n => f(n); return f(1); }", stack);
    stopped(
        "@{ IEnumerable<int> a = new[] { 1 }; for (var i = 0; i < 5000; i++) { a = a.Where(x => true); } return a.Count(); }",
        stack,
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = "nests too deeply";
    for (open, close) in [("(", ")"), ("!", ""), ("new JArray(", ")"), ("- ", ""), ("(int)", "")] {
        let inner = if open == "!" { "true" } else { "1" };
        let expression = format!("@({}{inner}{})", open.repeat(5000), close.repeat(5000));
        stopped(&expression, deep);
    }
    stopped(&format!("@(1{})", " + 1".repeat(5000)), deep);
    stopped(&format!("@(context{})", ".Api".repeat(5000)), deep);
    stopped(&format!("@{{ {} return 1; {} }}", "{".repeat(5000), "}".repeat(5000)), deep);
    stopped(&format!("@{{ {} return 1; }}", "if (true) ".repeat(5000)), deep);
    stopped(&format!("@({}1{})", "$\"{".repeat(500), "}\"".repeat(500)), deep);
    stopped(&format!("@(\"{}\")", "x".repeat(70_000)), "longer than 64 KiB");
    // Just inside the bound.
    let inside = format!("@({}1{})", "(".repeat(60), ")".repeat(60));
    assert_eq!(answer(&inside), "System.Int32 1");
}

#[test]
fn nested_lambdas_do_not_explode() {
    let lambdas: Vec<String> = (0..14).map(|n| format!("new[] {{ 1 }}.Select(x{n} => ")).collect();
    let open = lambdas.concat();
    let answer = answer(&format!("@({open}1{})", ")".repeat(14)));
    assert!(answer.contains("too complex") || answer.contains("IEnumerable"), "{answer}");
}

#[test]
fn garbage_is_refused() {
    for expression in [
        "",
        "@",
        "@(",
        "@()",
        "@{",
        "@{}",
        "@(\")",
        "@('",
        "@($\"{\")",
        "@(1 +)",
        "@{ return }",
        "@(a.)",
        "@(.5.)",
        "@(new)",
        "@(x => x)",
        "@({})",
        "@{ if }",
        "@(\u{0})",
        "@(\\)",
        "@(1 2)",
        "@(é)",
        "@('😀')",
        "@{ return 1; } x",
        "@(1..2)",
        "@(a?.)",
        "@(a?[)",
        "@{ switch (1) { } }",
        "@{ var (a, b) = 1; return a; }",
        "@(context)(",
        "@(throw)",
    ] {
        let answer = answer(expression);
        assert!(answer.starts_with("refused"), "{expression}: {answer}");
    }
}

#[test]
fn trees_of_xml_are_bounded() {
    let (steps, memory) =
        ("the expression takes too many steps", "the expression uses too much memory");
    stopped("@{ var a = new XElement(\"a\"); for (;;) { a.Add(a); } }", "too");
    stopped("@{ var a = new XElement(\"a\"); for (;;) { a = new XElement(\"a\", a); } }", "too");
    stopped("@{ var a = new XElement(\"a\"); for (;;) { a.Add(\"text\"); } }", memory);
    stopped(
        "@{ var a = new XElement(\"a\"); a.Add(new XElement(\"b\")); a.Add(a.Elements()); return 1; }",
        "too",
    );
    stopped(
        "@{ var a = new XElement(\"a\"); foreach (var n in a.DescendantsAndSelf()) { n.Add(new XElement(\"b\")); } return 1; }",
        "too",
    );
    stopped(
        "@{ var a = new XElement(\"a\"); for (var i = 0; ; i++) { a.SetAttributeValue(\"a\" + i, i); } }",
        steps,
    );
    stopped(
        "@{ var a = new XElement(\"a\", Enumerable.Range(0, 20000).Select(i => new XElement(\"b\"))); for (;;) { var x = a.Element(\"c\"); } }",
        steps,
    );
    stopped(
        "@{ var a = new XElement(\"a\"); for (var i = 0; i < 1000; i++) { a = new XElement(\"a\", a); } return JsonConvert.SerializeObject(a); }",
        "InsufficientExecutionStackException",
    );
    stopped(
        "@{ object a = 1; for (var i = 0; i < 1000; i++) { a = new object[] { a }; } return new XElement(\"a\", a); }",
        "InsufficientExecutionStackException",
    );
}
