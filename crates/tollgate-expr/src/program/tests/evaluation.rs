//! Values.

use super::check;

#[test]
fn operators_and_literals() {
    check(&[
        ("@(1 + 2 * 3)", "System.Int32 7"),
        ("@(7 / 2 + -7 % 3)", "System.Int32 2"),
        ("@(int.MaxValue + context.Response.StatusCode)", "System.Int32 -2147483220"),
        (
            "@(checked(int.MaxValue + context.Response.StatusCode))",
            "OverflowException: Arithmetic operation resulted in an overflow.",
        ),
        ("@(1L + 2)", "System.Int64 3"),
        ("@(1 + 2u)", "System.UInt32 3"),
        ("@(1.5 + 1)", "System.Double 2.5"),
        ("@(1.10m + 2.20m)", "System.Decimal 3.30"),
        ("@(0xFF & 0b1010)", "System.Int32 10"),
        ("@(1 << 33)", "System.Int32 2"),
        (
            "@(5 / (context.Response.StatusCode - 429))",
            "DivideByZeroException: Attempted to divide by zero.",
        ),
        ("@(\"a\" + 1 + 'c' + null + true + 2.0)", "System.String a1cTrue2"),
        ("@('a' + 1)", "System.Int32 98"),
        ("@((char)('a' + 1))", "System.Char b"),
        ("@((byte)200)", "System.Byte 200"),
        ("@((int)3.99)", "System.Int32 3"),
        ("@(true ? 1 : 2.5)", "System.Double 1"),
        ("@(\"b\" == \"b\" && !(1 > 2) || false)", "System.Boolean True"),
        ("@($\"{1,4}|{2.5:F2}|{{x}}|{context.Api.Id}\")", "System.String    1|2.50|{x}|openai"),
        ("@(@\"a\\b\"\"c\")", "System.String a\\b\"c"),
        ("@(nameof(context.Api))", "System.String Api"),
        ("@(default(int) + (default(string) ?? \"d\"))", "System.String 0d"),
        ("@((int?)null + 1)", "null"),
        ("@(((int?)null ?? 4) + 1)", "System.Int32 5"),
        ("@((int?)null > 1)", "System.Boolean False"),
    ]);
}

#[test]
fn context_members() {
    check(&[
        ("@(context.Request.Method + context.Request.Url.Path)", "System.String POST/openai/chat"),
        (
            "@(context.Request.Url.ToString())",
            "System.String https://gw.example:8443/openai/chat?api-version=2024-10-21&tag=a&TAG=b",
        ),
        ("@(context.Request.Url.ToUri().Port)", "System.Int32 8443"),
        ("@(context.Request.Url.Query.GetValueOrDefault(\"TAG\"))", "System.String a,b"),
        ("@(context.Request.Headers.GetValueOrDefault(\"x-many\", \"\"))", "System.String a,b"),
        ("@(context.Request.Headers.GetValueOrDefault(\"none\"))", "null"),
        ("@(context.Request.Headers[\"X-Many\"][1])", "System.String b"),
        (
            "@(context.Request.Headers[\"none\"])",
            "KeyNotFoundException: The given key 'none' was not present in the dictionary.",
        ),
        ("@(context.Request.MatchedParameters[\"deployment-id\"])", "System.String gpt"),
        ("@((string)context.Variables[\"text\"])", "System.String hello"),
        (
            "@((int)context.Variables[\"text\"])",
            "InvalidCastException: Unable to cast object of type 'System.String' to type 'System.Int32'.",
        ),
        (
            "@((int)context.Variables[\"missing\"])",
            "NullReferenceException: Object reference not set to an instance of an object.",
        ),
        ("@(context.Variables.GetValueOrDefault<int>(\"number\") + 1)", "System.Int32 8"),
        ("@(context.Variables.GetValueOrDefault(\"missing\", \"d\"))", "System.String d"),
        (
            "@(context.Variables.GetValueOrDefault<long>(\"number\"))",
            "InvalidCastException: Unable to cast object of type 'System.Int32' to type 'System.Int64'.",
        ),
        ("@(context.Variables.ContainsKey(\"nothing\"))", "System.Boolean True"),
        ("@(context.Variables[\"text\"] == \"hello\")", "System.Boolean True"),
        ("@(context.User.Groups.Any(g => g.Name == \"Admins\"))", "System.Boolean True"),
        ("@(context.Product?.Name ?? \"none\")", "System.String none"),
        (
            "@(context.Product.Name)",
            "NullReferenceException: Object reference not set to an instance of an object.",
        ),
        (
            "@(((IResponse)context.Variables[\"answer\"]).Body.As<JObject>()[\"ok\"])",
            "Newtonsoft.Json.Linq.JValue True",
        ),
        ("@(((byte[])context.Variables[\"bytes\"])[2])", "System.Byte 3"),
        ("@(string.Join(\"-\", (string[])context.Variables[\"names\"]))", "System.String x-y"),
    ]);
}

#[test]
fn bodies_are_consumed_unless_kept() {
    check(&[
        (
            "@{ var a = context.Request.Body.As<JObject>(preserveContent: true); return context.Request.Body.As<string>().Length > 5; }",
            "System.Boolean True",
        ),
        (
            "@{ var a = context.Request.Body.As<JObject>(); return context.Request.Body.As<string>(); }",
            "InvalidOperationException: The message body was already consumed; read it with `preserveContent: true` the first time.",
        ),
    ]);
}

#[test]
fn json_trees() {
    check(&[
        (
            "@(context.Request.Body.As<JObject>()[\"at\"].ToString())",
            "System.String 01/01/2024 00:00:00",
        ),
        ("@((int)context.Request.Body.As<JObject>()[\"max\"] + 1)", "System.Int32 6"),
        (
            "@(context.Request.Body.As<JObject>()[\"none\"]?.ToString() ?? \"no\")",
            "System.String no",
        ),
        (
            "@(context.Response.Body.As<JObject>().SelectToken(\"a.b\").Value<int>())",
            "System.Int32 1",
        ),
        (
            "@(new JObject(new JProperty(\"a\", 1), new JProperty(\"b\", new JArray(1, \"x\"))).ToString(Formatting.None))",
            "System.String {\"a\":1,\"b\":[1,\"x\"]}",
        ),
        (
            "@{ var o = (JObject)context.Variables[\"tree\"]; o[\"b\"] = \"c\"; o[\"a\"] = 2; return o.ToString(Newtonsoft.Json.Formatting.None); }",
            "System.String {\"a\":2,\"b\":\"c\"}",
        ),
        (
            "@{ var s = \"\"; foreach (var p in (JObject)context.Variables[\"tree\"]) { s += p.Key + p.Value; } return s; }",
            "System.String a1",
        ),
        (
            "@{ var n = 0; foreach (int i in (JArray)context.Request.Body.As<JObject>()[\"list\"]) { n += i; } return n; }",
            "System.Int32 6",
        ),
        (
            "@(JsonConvert.SerializeObject(new { a = 1, b = new[] { \"x\" }, c = (string)null }))",
            "System.String {\"a\":1,\"b\":[\"x\"],\"c\":null}",
        ),
        (
            "@(JsonConvert.SerializeObject(new Dictionary<string, object> { { \"k\", true }, { \"l\", 1.0 } }))",
            "System.String {\"k\":true,\"l\":1.0}",
        ),
        (
            "@(JObject.Parse(\"[]\"))",
            "JsonReaderException: Error reading JObject from JsonReader. Current JsonReader item is not an object: StartArray. Path '', line 1, position 1.",
        ),
    ]);
}

#[test]
fn statements() {
    check(&[
        (
            "@{ int s = 0; for (var i = 0; i < 5; i++) { if (i == 3) continue; s += i; } return s; }",
            "System.Int32 7",
        ),
        (
            "@{ var i = 0; while (true) { if (++i > 4) break; } do { i--; } while (i > 2); return i; }",
            "System.Int32 2",
        ),
        (
            "@{ switch (context.Response.StatusCode) { case 200: return \"ok\"; case int n when n > 400: return \"bad \" + n; default: return \"?\"; } }",
            "System.String bad 429",
        ),
        (
            "@{ object o = 5; if (o is string t) { return t; } return o is int n ? n * 2 : 0; }",
            "System.Int32 10",
        ),
        (
            "@{ try { return int.Parse(\"x\"); } catch (FormatException e) when (e.Message != null) { return -1; } finally { context.Trace(\"t\"); } }",
            "System.Int32 -1",
        ),
        (
            "@{ try { throw new Exception(\"a\", new ArgumentException(\"b\")); } catch (Exception e) { return e.InnerException.Message; } }",
            "System.String b",
        ),
        ("@{ throw new InvalidOperationException(\"no\"); }", "InvalidOperationException: no"),
        (
            "@{ int Fib(int n) => n < 2 ? n : Fib(n - 1) + Fib(n - 2); return Fib(12); }",
            "System.Int32 144",
        ),
        (
            "@{ var fs = new List<Func<int>>(); for (var i = 0; i < 3; i++) { var j = i; fs.Add(() => i * 10 + j); } return string.Join(\",\", fs.Select(f => f())); }",
            "System.String 30,31,32",
        ),
        (
            "@{ int n = 0; void Add(int by) { n += by; } Add(2); Add(by: 3); return n; }",
            "System.Int32 5",
        ),
        ("@{ if (int.TryParse(\"12\", out var n)) { return n; } return 0; }", "System.Int32 12"),
        (
            "@{ var b = new byte[2]; b[1] = 7; var c = b; c[0]++; return BitConverter.ToString(b); }",
            "System.String 01-07",
        ),
        ("@{ (int, string) t = (1, \"x\"); return t.Item2 + t.Item1; }", "System.String x1"),
    ]);
}

#[test]
fn library() {
    check(&[
        (
            "@(\"a,b,,c\".Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries).Length)",
            "System.Int32 3",
        ),
        ("@(\"a1b1c\".Split('1')[2])", "System.String c"),
        ("@(\"Hello\".Substring(1, 3).ToUpper() + \"x\".PadLeft(3, '.'))", "System.String ELL..x"),
        (
            "@(\"abc\".Substring(4))",
            "ArgumentOutOfRangeException: startIndex cannot be larger than length of string. (Parameter 'startIndex')",
        ),
        (
            "@(\"Straße\".Equals(\"STRASSE\", StringComparison.OrdinalIgnoreCase))",
            "System.Boolean False",
        ),
        ("@(string.Format(\"{0:X2}-{1,-3}|\", 10, \"a\"))", "System.String 0A-a  |"),
        ("@(Convert.ToBase64String(Encoding.UTF8.GetBytes(\"é\")))", "System.String w6k="),
        ("@(Convert.FromBase64String(\"AQID\"))", "System.Byte[] AQID"),
        ("@(Convert.ToInt32(\"ff\", 16) + Convert.ToInt32(2.5))", "System.Int32 257"),
        ("@(Math.Max(1, 2L) + Math.Round(2.5))", "System.Double 4"),
        ("@(new[] { 3, 1, 2 }.OrderByDescending(x => x).First())", "System.Int32 3"),
        ("@(Enumerable.Range(1, 4).Where(n => n % 2 == 0).Sum())", "System.Int32 6"),
        (
            "@(new[] { \"b\", \"a\" }.Select((s, i) => s + i).Aggregate((a, b) => a + b))",
            "System.String b0a1",
        ),
        ("@(new int[0].First())", "InvalidOperationException: Sequence contains no elements"),
        ("@(new[] { \"a\", \"b\" }.ToDictionary(s => s, s => s.Length)[\"b\"])", "System.Int32 1"),
        (
            "@(new HashSet<string>(StringComparer.OrdinalIgnoreCase) { \"A\", \"a\" }.Count)",
            "System.Int32 1",
        ),
        (
            "@(DateTimeOffset.FromUnixTimeSeconds(0).ToString(\"o\"))",
            "System.String 1970-01-01T00:00:00.0000000+00:00",
        ),
        ("@((DateTime.UtcNow - context.Timestamp).TotalSeconds)", "System.Double 0"),
        ("@(TimeSpan.FromMinutes(90).ToString())", "System.String 01:30:00"),
        ("@(Guid.Empty.ToString(\"N\").Length)", "System.Int32 32"),
        (
            "@(new Uri(\"https://H.example/a b?q=1\").AbsoluteUri)",
            "System.String https://h.example/a%20b?q=1",
        ),
        (
            "@(WebUtility.UrlEncode(\"a b&\") + Uri.EscapeDataString(\"a b\"))",
            "System.String a+b%26a%20b",
        ),
        ("@(\"Basic dXNlcjpwYXNz\".AsBasic().UserId)", "System.String user"),
        ("@(\"nothing\".AsJwt() == null)", "System.Boolean True"),
        (
            "@(new StringBuilder(\"a\").Append(1).AppendLine(\"b\").ToString().Length)",
            "System.Int32 4",
        ),
    ]);
}

#[test]
fn facts_say_what_is_read() {
    use crate::{CompileOptions, Facts, compile};
    use tollgate_diagnostics::{MappedText, Sources};
    let facts = |expression: &str| {
        let file = Sources::default().add("x", expression);
        let text = MappedText::verbatim(expression, file.span(0..expression.len()));
        compile(&text, &CompileOptions::default()).0.unwrap().facts()
    };
    let nothing = Facts::default();
    assert_eq!(facts("@(context.Request.Method)"), nothing);
    let reads = Facts { reads_request_body: true, ..nothing };
    assert_eq!(facts("@(context.Request.Body.As<JObject>(preserveContent: true)[\"a\"])"), reads);
    let consumes = Facts { consumes_request_body: true, ..reads };
    assert_eq!(facts("@(context.Request.Body?.As<string>())"), consumes);
    assert_eq!(facts("@{ var b = context.Request.Body; return b.As<string>(); }"), consumes);
    let response = Facts { reads_response: true, ..nothing };
    assert_eq!(facts("@(context.Response.StatusCode)"), response);
    assert_eq!(
        facts(
            "@(context.Response == null ? \"\" : ((IResponse)context.Variables[\"r\"]).Body.As<string>())"
        ),
        response
    );
    let body = Facts { reads_response_body: true, consumes_response_body: true, ..response };
    assert_eq!(facts("@(context.Response.Body.As<string>())"), body);
    assert_eq!(facts("@{ var r = context.Response; return r.Body.As<string>(); }"), body);
}
