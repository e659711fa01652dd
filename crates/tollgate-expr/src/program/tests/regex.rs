//! Regular expressions in expressions.

use super::{answer, check};

#[test]
fn matching() {
    check(&[
        ("@(Regex.IsMatch(\"abc\", \"b.\"))", "System.Boolean True"),
        ("@(Regex.IsMatch(\"ABC\", \"b\", RegexOptions.IgnoreCase))", "System.Boolean True"),
        (
            "@(Regex.IsMatch(\"a\", \"a\", RegexOptions.None, TimeSpan.FromSeconds(1)))",
            "System.Boolean True",
        ),
        ("@(Regex.Match(\"a1b22\", @\"\\d+\").Value)", "System.String 1"),
        ("@(Regex.Match(\"a1b22\", @\"\\d{2}\").Index)", "System.Int32 3"),
        ("@(Regex.Match(\"a\", \"(?<n>a)(b)?\").Groups[\"n\"].Value)", "System.String a"),
        ("@(Regex.Match(\"a\", \"(?<n>a)(b)?\").Groups[1].Success)", "System.Boolean False"),
        ("@(Regex.Match(\"a\", \"a\").Groups[\"no\"].Value + \"|\")", "System.String |"),
        ("@(Regex.Match(\"a\", \"b\").Success)", "System.Boolean False"),
        ("@(Regex.Match(\"a\", \"b\").Groups.Count)", "System.Int32 1"),
        ("@(Match.Empty.Value + Match.Empty.Length)", "System.String 0"),
        ("@(Regex.Match(\"abab\", \"(ab)+\").Groups[1].Captures.Count)", "System.Int32 2"),
        ("@(Regex.Match(\"abab\", \"(ab)+\").Groups[1].Captures[0].Index)", "System.Int32 0"),
        ("@(Regex.Match(\"k=v\", \"(.)=(.)\").Result(\"$2=$1\"))", "System.String v=k"),
        ("@(new Regex(\"^b\").Match(\"abc\", 1, 2).Index)", "System.Int32 1"),
        ("@(new Regex(\"b\").IsMatch(\"abc\", 2))", "System.Boolean False"),
        ("@(new Regex(\"a\").ToString())", "System.String a"),
        ("@(\"\" + Regex.Match(\"abc\", \"b\"))", "System.String b"),
        ("@(Regex.Unescape(@\"a\\.b\"))", "System.String a.b"),
    ]);
}

#[test]
fn collections() {
    check(&[
        ("@(Regex.Matches(\"a1b22\", @\"\\d+\").Count)", "System.Int32 2"),
        ("@(Regex.Matches(\"a1b22\", @\"\\d+\")[1].Value)", "System.String 22"),
        (
            "@(string.Join(\",\", Regex.Matches(\"a1b22\", @\"\\d+\").Cast<Match>().Select(m => m.Value)))",
            "System.String 1,22",
        ),
        ("@(Regex.Matches(\"a1b22\", @\"\\d+\").Select(m => m.Length).Sum())", "System.Int32 3"),
        (
            "@{ var all = \"\"; foreach (Match m in Regex.Matches(\"a1b22\", \"[a-z]\")) { all += m.Index; } return all; }",
            "System.String 02",
        ),
        (
            "@{ var all = \"\"; foreach (Group g in Regex.Match(\"ab\", \"(a)(b)\").Groups) { all += g.Value; } return all; }",
            "System.String abab",
        ),
        (
            "@(Regex.Matches(\"a\", \"a\")[1].Value)",
            "ArgumentOutOfRangeException: Specified argument was out of the range of valid values. (Parameter 'i')",
        ),
        // The first match is found without looking for the others.
        ("@(Regex.Matches(new string('a', 500000), \"a\")[0].Index)", "System.Int32 0"),
    ]);
    let walked =
        "@{ foreach (var m in Regex.Matches(\"a\", \"a\")) { return m.Value; } return \"\"; }";
    assert!(answer(walked).starts_with("refused"), "{}", answer(walked));
}

#[test]
fn replacing_and_splitting() {
    check(&[
        ("@(Regex.Replace(\"a-b-c\", \"-\", \"+\"))", "System.String a+b+c"),
        (
            "@(Regex.Replace(\"john smith\", @\"(\\w+) (\\w+)\", \"$2 $1\"))",
            "System.String smith john",
        ),
        ("@(Regex.Replace(\"a.b\", @\"\\.\", m => \"-\" + m.Index))", "System.String a-1b"),
        ("@(new Regex(\"a\").Replace(\"aaa\", \"b\", 2))", "System.String bba"),
        ("@(new Regex(\"a\").Replace(\"aaa\", m => null, -1, 1))", "System.String a"),
        ("@(string.Join(\"|\", Regex.Split(\"a, b;c\", @\"[,;]\\s*\")))", "System.String a|b|c"),
        ("@(string.Join(\"|\", new Regex(\",\").Split(\"a,b,c\", 2)))", "System.String a|b,c"),
        (
            "@(new Regex(\"a\").Replace(\"a\", \"b\", -2))",
            "ArgumentOutOfRangeException: Count cannot be less than -1. (Parameter 'count')",
        ),
        (
            "@(Regex.Replace(\"a\", \"a\", (string)null))",
            "ArgumentNullException: Value cannot be null. (Parameter 'replacement')",
        ),
    ]);
}

#[test]
fn patterns_that_are_wrong() {
    check(&[
        (
            "@{ var p = \"(\" + context.Request.IpAddress.Substring(0, 0); return Regex.IsMatch(\"a\", p); }",
            "RegexParseException: Invalid pattern '(' at offset 1. Not enough )'s.",
        ),
        (
            "@{ try { return Regex.IsMatch(\"a\", \"[\" + context.Api.Id); } catch (ArgumentException e) { return e.Message; } }",
            "System.String Invalid pattern '[openai' at offset 7. Unterminated [] set.",
        ),
        (
            "@(Regex.IsMatch(\"a\", (string)context.Variables[\"nothing\"]))",
            "ArgumentNullException: Value cannot be null. (Parameter 'pattern')",
        ),
        (
            "@(Regex.IsMatch((string)context.Variables[\"nothing\"], \"a\"))",
            "ArgumentNullException: Value cannot be null. (Parameter 'input')",
        ),
        (
            "@(new Regex(\"a\", (RegexOptions)1024).ToString())",
            "ArgumentOutOfRangeException: Specified argument was out of the range of valid values. (Parameter 'options')",
        ),
    ]);
    let refused = answer("@(Regex.IsMatch(\"a\", \"(\"))");
    assert!(refused.contains("Invalid pattern '(' at offset 1. Not enough )'s."), "{refused}");
    let refused = answer("@(Regex.Escape(\"a\"))");
    assert!(refused.starts_with("refused"), "{refused}");
}

#[test]
fn work_is_bounded() {
    let endless = "@(Regex.IsMatch(new string('a', 64) + \"!\", \"^(a+)+$\"))";
    assert_eq!(answer(endless), "OutOfMemoryException: the expression takes too many steps");
    let large = "@(Regex.Replace(new string('a', 100000), \"a\", \"$_\"))";
    assert_eq!(answer(large), "OutOfMemoryException: the expression uses too much memory");
}

#[test]
fn filters_of_paths() {
    check(&[(
        "@(JObject.Parse(\"{'a':[{'n':'One'},{'n':'two'}]}\").SelectToken(\"$.a[?(@.n =~ /^ONE$/i)].n\").ToString())",
        "System.String One",
    )]);
}
