//! Regular expressions that backtrack without end, or would grow without end.

/// Programs by name. Texts are as long as they need to be, so that what does not end is not what is tested.
pub(super) const PATTERNS: &[(&str, &str)] = &[
    ("regex: nested quantifiers", "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(a+)+$\"))"),
    (
        "regex: nested stars with captures",
        "@(Regex.Match(new string('a', 5000) + \"!\", \"^((a*)*)*$\").Success)",
    ),
    (
        "regex: quantifiers side by side",
        "@(Regex.IsMatch(new string('a', 20000) + \"!\", \"^a*a*a*a*a*a*a*a*$\"))",
    ),
    (
        "regex: alternatives that overlap",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(a|a|aa|a?a)+$\"))",
    ),
    (
        "regex: alternatives of words",
        "@(Regex.IsMatch(string.Concat(Enumerable.Repeat(\"foobar\", 2000)) + \"!\", \"^(foo|bar|foobar|f|o|b|a|r|oo|ob|ar)+$\"))",
    ),
    (
        "regex: optional letters before the same letters",
        "@{ var p = string.Concat(Enumerable.Repeat(\"a?\", 500)) + new string('a', 500); return Regex.IsMatch(new string('a', 500), p); }",
    ),
    (
        "regex: a lazy loop in a loop",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(.*?a)+?$\"))",
    ),
    (
        "regex: lazy loops side by side",
        "@(Regex.IsMatch(new string('a', 20000), \"^.*?.*?.*?.*?.*?b\"))",
    ),
    (
        "regex: a group referred to",
        "@(Regex.IsMatch(new string('a', 5000), @\"^(a+)\\1*(a+)\\2*(a+)\\3*b$\"))",
    ),
    (
        "regex: a group referred to without case",
        "@(Regex.IsMatch(new string('a', 20000) + \"b\", @\"(.+)\\1(.+)\\2!\", RegexOptions.IgnoreCase))",
    ),
    (
        "regex: looking ahead in a loop",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(?=(a+)+$)(?:(?=a+)a)+$\"))",
    ),
    (
        "regex: looking back at every place",
        "@(Regex.Matches((string)context.Variables[\"long\"], @\"(?<=^(x+)+)y\").Count)",
    ),
    (
        "regex: looking for what must not follow",
        "@(Regex.IsMatch(new string('a', 20000), \"^(?:(?!.*b.*c)a)*$\"))",
    ),
    (
        "regex: a huge counted loop",
        "@(Regex.IsMatch(new string('a', 50000), \"^(?:a{1,1000}){1,1000}b$\"))",
    ),
    (
        "regex: counted loops in counted loops",
        "@(new Regex(\"((((((((a{100}){100}){100}){100}){100}){100}){100}){100})\").IsMatch(new string('a', 50000)))",
    ),
    (
        "regex: counts beyond any text",
        "@(Regex.IsMatch(new string('a', 1000), \"(?:(?:a{0,2147483647}){0,2147483647}){0,2147483647}b\"))",
    ),
    (
        "regex: nothing, as often as can be",
        "@(Regex.IsMatch(\"a\", \"(?:(?:){2147483647}){2147483647}b\"))",
    ),
    (
        "regex: balancing groups",
        "@(Regex.IsMatch(new string('(', 5000), @\"^(?:[^()]|(?<o>\\()|(?<-o>\\)))*(?(o)(?!))$\"))",
    ),
    (
        "regex: a condition in a loop",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(?:(a)?(?(1)a+|b+))+$\"))",
    ),
    (
        "regex: from right to left",
        "@(Regex.IsMatch(\"!\" + new string('a', 5000), \"^(a+)+$\", RegexOptions.RightToLeft))",
    ),
    (
        "regex: an atomic group that holds a catastrophe",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(?>(a+)+b|(a|aa)+$)\"))",
    ),
    (
        "regex: a mail address",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", @\"^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$\"))",
    ),
    (
        "regex: Replace that looks on to the end at every place",
        "@(Regex.Replace((string)context.Variables[\"long\"], \"x(?=.*y)|x*y\", \"z\"))",
    ),
    (
        "regex: Replace by long text",
        "@(Regex.Replace((string)context.Variables[\"long\"], \"x\", (string)context.Variables[\"long\"]))",
    ),
    (
        "regex: Replace by all of the text",
        "@(Regex.Replace((string)context.Variables[\"long\"], \"x\", \"$_$`$'\"))",
    ),
    (
        "regex: Replace by a function",
        "@(Regex.Replace((string)context.Variables[\"long\"], \"\", m => new string('y', m.Index)))",
    ),
    (
        "regex: Split with every unit a group",
        "@{ var l = new List<object>(); for (;;) { l.Add(Regex.Split((string)context.Variables[\"long\"], \"(.)\")); } }",
    ),
    (
        "regex: Split at a loop in a loop",
        "@(Regex.Split((string)context.Variables[\"long\"], \"(?:x+x+)+y\").Length)",
    ),
    (
        "regex: Matches of nothing",
        "@{ var l = new List<object>(); for (;;) { var m = Regex.Matches((string)context.Variables[\"long\"], \"\"); l.Add(m.Count); l.Add(m); } }",
    ),
    (
        "regex: Matches with many captures",
        "@(Regex.Matches((string)context.Variables[\"long\"], \"(?:(x)(x)?)*\")[0].Groups[1].Captures.Count)",
    ),
    (
        "regex: a pattern from a variable",
        "@{ var p = (string)context.Variables[\"pattern\"]; return Regex.IsMatch(new string('a', 5000) + \"!\", p); }",
    ),
    (
        "regex: a pattern from a variable, in a loop",
        "@{ var n = 0; for (;;) { n += Regex.Matches(new string('a', 30) + n, (string)context.Variables[\"pattern\"] + n).Count; } }",
    ),
    (
        "regex: a pattern as long as a body",
        "@(Regex.IsMatch(\"y\", (string)context.Variables[\"long\"]))",
    ),
    (
        "regex: a pattern of many groups",
        "@(new Regex(string.Concat(Enumerable.Repeat(\"(x?)\", 100000))).IsMatch(new string('x', 1000) + \"y\"))",
    ),
    (
        "regex: a pattern nested deeply",
        "@(new Regex(new string('(', 100000) + \"x\" + new string(')', 100000)).IsMatch(\"x\"))",
    ),
    (
        "regex: a pattern of many alternatives",
        "@(Regex.Matches((string)context.Variables[\"long\"], string.Join(\"|\", Enumerable.Range(0, 20000).Select(n => \"x*\" + n))).Count)",
    ),
    (
        "regex: classes of all there is",
        "@(Regex.IsMatch(new string('é', 20000), string.Concat(Enumerable.Repeat(@\"[\\w-[\\d-[\\p{L}]]]*\", 200)) + \"!\"))",
    ),
];
