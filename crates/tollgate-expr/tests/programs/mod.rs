//! The hostile programs.

mod patterns;
mod xml;

use patterns::PATTERNS;

/// Programs by name.
pub(crate) fn programs() -> Vec<(&'static str, String)> {
    let fixed = FIXED.iter().chain(PATTERNS).map(|(name, text)| (*name, (*text).to_owned()));
    fixed.chain(made()).chain(xml::programs()).collect()
}

const FIXED: &[(&str, &str)] = &[
    ("endless loop", "@{ while (true) { } }"),
    (
        "endless loop in try",
        "@{ try { for (;;) { } } catch { return 1; } finally { for (;;) { } } }",
    ),
    (
        "exceptions in a loop",
        "@{ for (;;) { try { throw new Exception(\"x\"); } catch (Exception) { } } }",
    ),
    (
        "exceptions with long messages",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { try { throw new Exception(s + \"y\"); } catch (Exception e) { l.Add(e); } } }",
    ),
    (
        "int.Parse in a loop",
        "@{ var n = 0; for (;;) { try { n += int.Parse(\"x\" + n); } catch { n++; } } }",
    ),
    ("PadLeft", "@(\"a\".PadLeft(int.MaxValue))"),
    (
        "PadRight in a loop",
        "@{ var l = new List<string>(); for (;;) { l.Add(\"a\".PadRight(100000)); } }",
    ),
    ("new string", "@(new string('x', int.MaxValue))"),
    ("new int[]", "@(new int[int.MaxValue])"),
    ("new byte[]", "@(new byte[int.MaxValue])"),
    (
        "new byte[] in a loop",
        "@{ var l = new List<object>(); for (;;) { l.Add(new byte[1000]); } }",
    ),
    ("arrays in a loop", "@{ var l = new List<object>(); for (;;) { l.Add(new int[8]); } }"),
    ("empty arrays in a loop", "@{ var l = new List<object>(); for (;;) { l.Add(new int[0]); } }"),
    ("text doubled", "@{ var s = \"x\"; for (;;) { s += s; } }"),
    ("text appended to", "@{ var s = \"\"; for (;;) { s += \"xxxxxxxxxxxxxxxx\"; } }"),
    ("text interpolated", "@{ var s = \"x\"; for (;;) { s = $\"{s}{s}{s}{s}\"; } }"),
    (
        "long text joined in one go",
        "@{ var s = (string)context.Variables[\"long\"]; return s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s + s; }",
    ),
    ("Replace", "@{ var s = \"xy\"; for (;;) { s = s.Replace(\"x\", \"xxxx\"); } }"),
    (
        "Replace in long text",
        "@{ var s = (string)context.Variables[\"long\"]; return s.Replace(\"x\", s); }",
    ),
    (
        "Concat",
        "@{ var s = (string)context.Variables[\"long\"]; for (;;) { s = string.Concat(s, s, s); } }",
    ),
    (
        "Join",
        "@{ var s = (string)context.Variables[\"long\"]; return string.Join(s, Enumerable.Range(0, 1000)); }",
    ),
    (
        "Join of repeated text",
        "@{ var s = (string)context.Variables[\"long\"]; return string.Join(\",\", Enumerable.Repeat(s, 100000)); }",
    ),
    (
        "Format with many holes",
        "@{ var s = (string)context.Variables[\"long\"]; return string.Format(\"{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}\", s); }",
    ),
    ("Format with a width", "@(string.Format(\"{0,2000000000}\", 1))"),
    ("Format with digits", "@(string.Format(\"{0:D2000000000}\", 1))"),
    (
        "ToString with digits",
        "@((1).ToString(\"D999999999\") + (1.5).ToString(\"F999999999\") + (1.5m).ToString(\"N999999999\"))",
    ),
    ("interpolated width", "@($\"{1,2000000000}\")"),
    (
        "Split",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { l.Add(s.Split('x')); } }",
    ),
    (
        "Split at one of two, of which one never comes",
        "@{ var s = (string)context.Variables[\"long\"]; return s.Split('x', 'y').Length; }",
    ),
    (
        "ToCharArray",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { l.Add(s.ToCharArray()); } }",
    ),
    (
        "ToUpper",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { l.Add(s.ToUpper()); } }",
    ),
    (
        "Substring",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { l.Add(s.Substring(1)); } }",
    ),
    (
        "Insert",
        "@{ var s = (string)context.Variables[\"long\"]; for (;;) { s = s.Insert(1, s); } }",
    ),
    (
        "Trim",
        "@{ var s = (string)context.Variables[\"long\"] + \" \"; var l = new List<object>(); for (;;) { l.Add(s.Trim()); } }",
    ),
    (
        "IndexOf",
        "@{ var s = (string)context.Variables[\"long\"]; var n = 0; for (;;) { n += s.IndexOf(\"xxxxxxxxxxxxxxxxxy\"); } }",
    ),
    (
        "IndexOf without case",
        "@{ var s = (string)context.Variables[\"long\"]; var n = 0; for (;;) { n += s.IndexOf(\"xxxxxxxxxxxxxxxxxy\", StringComparison.OrdinalIgnoreCase); } }",
    ),
    (
        "IndexOf by culture",
        "@{ var s = (string)context.Variables[\"long\"] + \"\\0\"; var n = 0; for (;;) { n += s.IndexOf(\"xxxxxxxxxxxxxxxxxy\"); } }",
    ),
    (
        "IndexOf by culture of long text",
        "@{ var s = (string)context.Variables[\"long\"] + \"\\0\"; var t = s.Substring(s.Length / 2) + \"y\"; var n = 0; for (;;) { n += s.IndexOf(t); } }",
    ),
    (
        "StartsWith what is ignored",
        "@{ var s = new string('\\0', 1000000); var n = 0; for (;;) { if (s.StartsWith(\"y\") || s.EndsWith(\"y\")) { n++; } } }",
    ),
    (
        "Replace by culture",
        "@{ var s = (string)context.Variables[\"long\"] + \"\\0\"; for (;;) { s = s.Replace(\"x\", \"xx\", StringComparison.CurrentCulture); } }",
    ),
    (
        "Contains",
        "@{ var s = (string)context.Variables[\"long\"]; var n = 0; for (;;) { if (s.Contains(\"y\")) { n++; } } }",
    ),
    (
        "Equals of long texts",
        "@{ var s = (string)context.Variables[\"long\"]; var t = s + \"\"; var n = 0; for (;;) { if (s == t) { n++; } } }",
    ),
    (
        "Compare of long texts",
        "@{ var s = (string)context.Variables[\"long\"]; var t = s + \"\"; var n = 0; for (;;) { n += string.Compare(s, t, true); } }",
    ),
    (
        "GetHashCode of long text",
        "@{ var s = (string)context.Variables[\"long\"]; var n = 0; for (;;) { n += s.GetHashCode(); } }",
    ),
    (
        "Length of long text",
        "@{ var s = (string)context.Variables[\"long\"] + \"é\"; var n = 0; for (;;) { n += s.Length; } }",
    ),
    (
        "characters of long text",
        "@{ var s = (string)context.Variables[\"long\"] + \"é\"; var n = 0; for (;;) { n += s[1000000]; } }",
    ),
    (
        "GetBytes",
        "@{ var s = (string)context.Variables[\"long\"]; var l = new List<object>(); for (;;) { l.Add(Encoding.UTF8.GetBytes(s)); } }",
    ),
    (
        "Base64",
        "@{ var s = (string)context.Variables[\"long\"]; var b = Encoding.UTF8.GetBytes(s); var l = new List<object>(); for (;;) { l.Add(Convert.ToBase64String(b)); } }",
    ),
    (
        "UrlEncode",
        "@{ var s = (string)context.Variables[\"long\"] + \"é\"; for (;;) { s = WebUtility.UrlEncode(s); } }",
    ),
    ("EscapeDataString", "@{ var s = \"%\"; for (;;) { s = Uri.EscapeDataString(s); } }"),
    ("HtmlEncode", "@{ var s = \"&\"; for (;;) { s = WebUtility.HtmlEncode(s + s); } }"),
    (
        "StringBuilder",
        "@{ var b = new StringBuilder(); for (;;) { b.Append(\"xxxxxxxxxxxxxxxx\"); } }",
    ),
    (
        "StringBuilder with itself",
        "@{ var b = new StringBuilder(\"x\"); for (;;) { b.Append(b.ToString()); } }",
    ),
    (
        "StringBuilder.Append repeated",
        "@(new StringBuilder().Append('x', int.MaxValue).ToString())",
    ),
    (
        "StringBuilder.Replace",
        "@{ var b = new StringBuilder(\"x\"); for (;;) { b.Replace(\"x\", \"xx\"); } }",
    ),
    (
        "StringBuilder.Insert",
        "@{ var b = new StringBuilder(); for (;;) { b.Insert(0, \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"); } }",
    ),
    ("List.Add", "@{ var l = new List<int>(); for (;;) { l.Add(1); } }"),
    (
        "List.AddRange of itself",
        "@{ var l = new List<int> { 1 }; for (;;) { l.AddRange(l.ToArray()); } }",
    ),
    ("List.Insert", "@{ var l = new List<int>(); for (;;) { l.Insert(0, 1); } }"),
    (
        "List.Contains",
        "@{ var l = Enumerable.Range(0, 100000).ToList(); var n = 0; for (;;) { if (l.Contains(-1)) { n++; } } }",
    ),
    (
        "List.Remove",
        "@{ var l = Enumerable.Range(0, 100000).ToList(); for (;;) { l.Remove(-1); } }",
    ),
    ("new List with a capacity", "@(new List<int>(int.MaxValue).Count)"),
    (
        "Dictionary",
        "@{ var d = new Dictionary<string, int>(); for (var n = 0; ; n++) { d[\"k\" + n] = n; } }",
    ),
    (
        "Dictionary of doubles",
        "@{ var d = new Dictionary<double, int>(); for (var n = 0; ; n++) { d[n * 4294967296.0] = n; } }",
    ),
    (
        "HashSet of long texts",
        "@{ var s = (string)context.Variables[\"long\"]; var d = new HashSet<string>(); for (;;) { d.Add(s); } }",
    ),
    (
        "Queue and Stack",
        "@{ var q = new Queue<int>(); var s = new Stack<int>(); for (;;) { q.Enqueue(1); s.Push(1); } }",
    ),
    (
        "Sort with a strange order",
        "@{ var l = Enumerable.Range(0, 20000).ToList(); l.Sort((a, b) => a % 7 < b % 5 ? 1 : -1); return l.Count; }",
    ),
    (
        "OrderBy with a strange key",
        "@(Enumerable.Range(0, 50000).OrderBy(n => n % 2 == 0 ? double.NaN : n).ThenBy(n => -n).Count())",
    ),
    ("Range counted", "@(Enumerable.Range(0, int.MaxValue).Count(n => n > 5))"),
    ("Range to a list", "@(Enumerable.Range(0, int.MaxValue).ToList().Count)"),
    ("Repeat to an array", "@(Enumerable.Repeat(\"x\", int.MaxValue).ToArray())"),
    (
        "SelectMany of SelectMany",
        "@{ var a = Enumerable.Range(0, 2000); return a.SelectMany(x => a.SelectMany(y => a)).Count(); }",
    ),
    (
        "Concat of itself",
        "@{ var a = Enumerable.Range(0, 10); for (var i = 0; i < 60; i++) { a = a.Concat(a); } return a.Count(); }",
    ),
    (
        "Where of Where",
        "@{ IEnumerable<int> a = new[] { 1 }; for (var i = 0; i < 5000; i++) { a = a.Where(x => true); } return a.Count(); }",
    ),
    (
        "Zip, GroupBy, Distinct",
        "@(Enumerable.Range(0, int.MaxValue).GroupBy(n => n).Select(g => g.Count()).Distinct().Max())",
    ),
    ("Reverse and Skip", "@(Enumerable.Range(0, int.MaxValue).Reverse().Skip(3).First())"),
    (
        "Aggregate of text",
        "@(Enumerable.Range(0, int.MaxValue).Aggregate(\"\", (s, n) => s + \"xxxxxxxxxxxxxxxxx\"))",
    ),
    (
        "sequences in a loop",
        "@{ IEnumerable<int> a = new[] { 1 }; for (;;) { a = Enumerable.Range(0, 5); } }",
    ),
    (
        "lambdas in a loop",
        "@{ var l = new List<Func<int>>(); for (var i = 0; ; i++) { var n = i; l.Add(() => n); } }",
    ),
    ("recursion", "@{ int F(int n) => F(n + 1); return F(0); }"),
    (
        "recursion of two",
        "@{ int F(int n) { return G(n); } int G(int n) { return F(n); } return F(0); }",
    ),
    ("recursion of a lambda", "@{ Func<int, int> f = null; f = n => f(n) + f(n); return f(1); }"),
    (
        "recursion that branches",
        "@{ int F(int n) => n == 0 ? 1 : F(n - 1) + F(n - 1); return F(100); }",
    ),
    ("Math.Pow", "@(Math.Pow(1e300, 1e300) + Math.Pow(2, 100000))"),
    (
        "decimal power",
        "@{ var d = 79228162514264337593543950335m; for (;;) { d = d * 0.9999999999999999999999999999m; } }",
    ),
    ("decimal overflow", "@{ var d = 2m; for (;;) { d *= d; } }"),
    ("decimal division", "@{ var d = 1m; for (;;) { d = 1m / 3m + d / 7m; } }"),
    ("a body of 10 MB as JSON", "@(context.Request.Body.As<JObject>(true))"),
    ("a body of 10 MB as text", "@(context.Request.Body.As<string>(true).Length)"),
    (
        "a body of 10 MB as bytes, often",
        "@{ var l = new List<object>(); for (;;) { l.Add(context.Request.Body.As<byte[]>(true)); } }",
    ),
    (
        "a body of 10 MB as text, often",
        "@{ var l = new List<object>(); for (;;) { l.Add(context.Request.Body.As<string>(true)); } }",
    ),
    (
        "a body of 10 MB, searched",
        "@(context.Request.Body.As<JObject>(true).SelectTokens(\"$..x\").Count())",
    ),
    (
        "deep search in a wide tree",
        "@{ var a = new JArray(); for (var i = 0; i < 3000; i++) { a.Add(new JObject(new JProperty(\"a\", i))); } var n = 0; for (;;) { n += a.SelectTokens(\"$..a\").Count(); } }",
    ),
    (
        "search in search",
        "@{ var a = new JArray(); for (var i = 0; i < 60; i++) { a = new JArray(a, i); } return a.SelectTokens(\"$..*..*..*..*..*\").Count(); }",
    ),
    (
        "filters in a path",
        "@{ var a = new JArray(); for (var i = 0; i < 2000; i++) { a.Add(new JObject(new JProperty(\"a\", i))); } return a.SelectTokens(\"$[?(@..a == 1 || @..a == 2 || $..a == 3)]\").Count(); }",
    ),
    (
        "a JSON tree written often",
        "@{ var a = new JArray(Enumerable.Range(0, 1000)); var l = new List<object>(); for (;;) { l.Add(a.ToString()); } }",
    ),
    ("a JSON tree cloned", "@{ var a = new JArray(); for (;;) { a.Add(a.DeepClone()); } }"),
    (
        "a JSON tree nested",
        "@{ var a = new JArray(); for (var i = 0; ; i++) { a = new JArray(a); } }",
    ),
    (
        "a deep JSON tree written",
        "@{ var a = new JArray(); for (var i = 0; i < 3000; i++) { a = new JArray(a); } return a.ToString().Length; }",
    ),
    ("deep JSON text", "@(JToken.Parse(new string('[', 100000)))"),
    (
        "JSON text with many names",
        "@{ var s = \"{\" + string.Join(\",\", Enumerable.Range(0, 30000).Select(n => \"\\\"k\" + n + \"\\\":1\")) + \"}\"; return JObject.Parse(s).Count; }",
    ),
    (
        "JSON text with one name",
        "@{ var s = \"{\" + string.Join(\",\", Enumerable.Range(0, 30000).Select(n => \"\\\"k\\\":1\")) + \"}\"; return JObject.Parse(s).Count; }",
    ),
    ("JSON parsed in a loop", "@{ for (;;) { var a = JObject.Parse(\"{\\\"a\\\":[1,2,3]}\"); } }"),
    ("a large number in JSON", "@(JToken.Parse(new string('9', 1000000)))"),
    ("JArray.Add", "@{ var a = new JArray(); for (;;) { a.Add(1); } }"),
    ("JArray.Insert", "@{ var a = new JArray(); for (;;) { a.Insert(0, 1); } }"),
    ("JObject keys", "@{ var a = new JObject(); for (var n = 0; ; n++) { a[\"k\" + n] = n; } }"),
    (
        "JToken.DeepEquals",
        "@{ var a = JArray.FromObject(Enumerable.Range(0, 10000)); var b = a.DeepClone(); var n = 0; for (;;) { if (JToken.DeepEquals(a, b)) { n++; } } }",
    ),
    (
        "SerializeObject",
        "@{ var o = new { a = \"x\", b = new[] { 1, 2, 3 } }; var l = new List<object>(); for (;;) { l.Add(JsonConvert.SerializeObject(o)); } }",
    ),
    (
        "anonymous objects",
        "@{ var l = new List<object>(); for (var n = 0; ; n++) { l.Add(new { a = n, b = \"x\" }); } }",
    ),
    (
        "tuples",
        "@{ var l = new List<object>(); for (var n = 0; ; n++) { l.Add(Tuple.Create(n, n)); } }",
    ),
    (
        "dates",
        "@{ var l = new List<object>(); for (var n = 0; ; n++) { l.Add(DateTime.UtcNow.AddSeconds(n).ToString(\"yyyy-MM-ddTHH:mm:ss.fffffffZ\")); } }",
    ),
    (
        "long date formats",
        "@{ var f = new string('f', 1000000); return DateTime.UtcNow.ToString(f); }",
    ),
    (
        "long custom number formats",
        "@{ var f = new string('#', 1000000); var n = 0; for (;;) { n += (1234.5).ToString(f).Length; } }",
    ),
    (
        "numbers as text",
        "@{ var l = new List<object>(); for (var n = 0; ; n++) { l.Add(n.ToString(\"N2\")); } }",
    ),
    (
        "headers read often",
        "@{ var l = new List<object>(); for (;;) { l.Add(context.Request.Headers.GetValueOrDefault(\"X\", \"d\") + context.Request.Url.ToString()); } }",
    ),
    (
        "members read often",
        "@{ var l = new List<object>(); for (;;) { l.Add(context.Request.Url.Host); } }",
    ),
    (
        "Uris",
        "@{ var l = new List<object>(); for (var n = 0; ; n++) { l.Add(new Uri(\"https://h.example/a?b=\" + n)); } }",
    ),
    ("Guids", "@{ var l = new List<object>(); for (;;) { l.Add(Guid.NewGuid().ToString()); } }"),
    (
        "hashes of long text",
        "@{ var b = Encoding.UTF8.GetBytes((string)context.Variables[\"long\"]); var n = 0; for (;;) { using (var h = SHA256.Create()) { n += h.ComputeHash(b).Length; } } }",
    ),
    ("trace", "@{ var s = (string)context.Variables[\"long\"]; for (;;) { context.Trace(s); } }"),
];

/// Programs that are long or deep.
fn made() -> Vec<(&'static str, String)> {
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("@({}{inner}{})", open.repeat(n), close.repeat(n))
    };
    let row =
        |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<Vec<_>>().concat();
    let lambdas = row(14, &|n| format!("new[] {{ 1 }}.Select(x{n} => "));
    let overloads = row(12, &|n| format!("Enumerable.Range(0, 2).Sum(x{n} => "));
    let orders =
        row(10, &|n| format!("new[] {{ 1 }}.OrderBy(x{n} => x{n}).Aggregate(0, (a{n}, b{n}) => "));
    let locals = row(1500, &|n| format!("var v{n} = {n}; "));
    let functions = row(200, &|n| format!("int F{n}(int a) => F{}(a) + v; ", (n + 1) % 200));
    vec![
        ("deep parentheses", nested("(", "1", ")", 30_000)),
        ("parentheses at the bound", nested("(", "1", ")", 60)),
        ("deep calls", nested("Math.Abs(", "1", ")", 7_000)),
        ("deep lambdas", nested("((Func<int>)(() => ", "1", "))()", 2_000)),
        ("deep interpolation", nested("$\"{", "1", "}\"", 10_000)),
        ("a long sum", format!("@(1{})", "+1".repeat(32_000))),
        ("a long concatenation", format!("@(\"\"{})", "+\"x\"".repeat(16_000))),
        ("a long chain", format!("@(\"x\"{})", ".Trim()".repeat(9_000))),
        ("a long conjunction", format!("@(true{})", "&&true".repeat(10_000))),
        ("a long list", format!("@(new[] {{ 1{} }}.Length)", ",1".repeat(30_000))),
        ("many statements", format!("@{{ {} return 1; }}", ";".repeat(60_000))),
        ("many locals", format!("@{{ {locals} return v0; }}")),
        ("many functions", format!("@{{ var v = 1; {functions} return F0(1); }}")),
        ("lambdas in lambdas", format!("@({lambdas}1{})", ")".repeat(14))),
        ("overloads of lambdas", format!("@({overloads}1{})", ")".repeat(12))),
        ("overloads of lambdas in lambdas", format!("@({orders}a9{})", ")".repeat(10))),
        ("more than 64 KiB", format!("@(\"{}\")", "x".repeat(70_000))),
        ("errors without end", format!("@{{ {} }}", "a.b(c => d);".repeat(5_000))),
    ]
}
