//! Fused evaluation gives what plain evaluation gives.

use serde_json::json;
use tollgate_diagnostics::{MappedText, Sources};

use super::super::{CompileOptions, Target, compile};
use crate::{EvalCx, EvalState, FixedHost, Limits};

/// The value with its type, or the exception with its place; and what both cost.
fn outcome(text: &str, target: Target, context: &serde_json::Value, plain: bool) -> String {
    let options = CompileOptions { target, plain };
    let file = Sources::default().add("test", text);
    let source = MappedText::verbatim(text, file.span(0..text.len()));
    let (program, diagnostics) = compile(&source, &options);
    let Some(program) = program else { panic!("{text}: {diagnostics:?}") };
    let mut state = EvalState::new(Limits::default());
    let mut host = FixedHost::from_json(context, &mut state).unwrap();
    match program.eval(&mut EvalCx { host: &mut host, state: &mut state }) {
        Ok(value) => {
            let text = value.to_text(&state).unwrap();
            format!("{:?} {text:?}", value.type_name(&state))
        }
        Err(exception) => format!("{exception} at {:?}", exception.offset()),
    }
}

fn check(texts: &[&str], context: &serde_json::Value) {
    for text in texts {
        for target in [Target::Any, Target::Text] {
            let plain = outcome(text, target, context, true);
            assert_eq!(outcome(text, target, context, false), plain, "{text}");
        }
    }
}

const TEXTS: &[&str] = &[
    // Variables.
    r#"@(context.Variables["text"])"#,
    r#"@(context.Variables["none"])"#,
    r#"@((string)context.Variables["text"])"#,
    r#"@((string)context.Variables["none"])"#,
    r#"@((string)context.Variables["null"])"#,
    r#"@((string)context.Variables["number"])"#,
    r#"@((int)context.Variables["number"])"#,
    r#"@((int)context.Variables["none"])"#,
    r#"@((int)context.Variables["text"])"#,
    r#"@((int?)context.Variables["none"])"#,
    r#"@((bool)context.Variables["flag"] ? 1 : 2)"#,
    r#"@((long)context.Variables["number"])"#,
    r#"@((JObject)context.Variables["tree"])"#,
    r#"@((JArray)context.Variables["tree"])"#,
    r#"@((JToken)context.Variables["tree"])"#,
    r#"@((IResponse)context.Variables["tree"])"#,
    r#"@(((IResponse)context.Variables["answer"]).StatusCode == 200)"#,
    r#"@(((IResponse)context.Variables["answer"]).StatusReason)"#,
    r#"@(((IResponse)context.Variables["answer"]).Headers.GetValueOrDefault("a", "none"))"#,
    r#"@(((IResponse)context.Variables["none"]).StatusCode)"#,
    r#"@(context.Variables.GetValueOrDefault<string>("text"))"#,
    r#"@(context.Variables.GetValueOrDefault<string>("none"))"#,
    r#"@(context.Variables.GetValueOrDefault<string>("none", "else"))"#,
    r#"@(context.Variables.GetValueOrDefault<string>("null", "else"))"#,
    r#"@(context.Variables.GetValueOrDefault<string>("number", "else"))"#,
    r#"@(context.Variables.GetValueOrDefault<int>("number"))"#,
    r#"@(context.Variables.GetValueOrDefault<int>("none"))"#,
    r#"@(context.Variables.GetValueOrDefault<int>("text", 3))"#,
    r#"@(context.Variables.GetValueOrDefault<int>("null", 3))"#,
    r#"@(context.Variables.GetValueOrDefault<int?>("null"))"#,
    r#"@(context.Variables.GetValueOrDefault<long>("number", 7))"#,
    r#"@(context.Variables.GetValueOrDefault<DateTime>("none"))"#,
    r#"@(context.Variables.GetValueOrDefault<DayOfWeek>("number"))"#,
    r#"@(context.Variables.GetValueOrDefault("text"))"#,
    r#"@(context.Variables.GetValueOrDefault("none", "else"))"#,
    r#"@(context.Variables.GetValueOrDefault("null", "else"))"#,
    r#"@(context.Variables.GetValueOrDefault<string>("none", context.Request.Method))"#,
    r#"@(context.Variables.GetValueOrDefault<string>((string)context.Variables["null"]))"#,
    r#"@(context.Variables.GetValueOrDefault<string>(null))"#,
    r#"@(context.Variables[null])"#,
    r#"@(context.Variables.ContainsKey("text"))"#,
    r#"@(!context.Variables.ContainsKey("null"))"#,
    r#"@(context.Variables.ContainsKey("none") == false)"#,
    r#"@(context.Variables.GetValueOrDefault<int>("number") % 10 + 1)"#,
    r#"@(context.Variables.GetValueOrDefault<int>("number") == 42 && context.Variables.ContainsKey("text"))"#,
    // Headers.
    r#"@(context.Request.Headers.GetValueOrDefault("One", "else"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("MANY", "else"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none", "else"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault(null, "else"))"#,
    r#"@(context.Request.Headers.ContainsKey("one"))"#,
    r#"@(context.Request.Headers.ContainsKey("none"))"#,
    r#"@(context.Request.Headers["many"][1])"#,
    r#"@(context.Request.Headers["none"][0])"#,
    r#"@(context.Request.Headers.GetValueOrDefault("one", "") == "first")"#,
    r#"@("first" != context.Request.Headers.GetValueOrDefault("one", ""))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none") == null)"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none") == "x")"#,
    r#"@(context.Response.Headers.GetValueOrDefault("one", "else"))"#,
    r#"@(context.Response.Headers.ContainsKey("one"))"#,
    // Tests of text.
    r#"@(string.IsNullOrEmpty(context.Request.Headers.GetValueOrDefault("none")))"#,
    r#"@(string.IsNullOrEmpty((string)context.Variables["empty"]))"#,
    r#"@(string.IsNullOrWhiteSpace((string)context.Variables["blank"]))"#,
    r#"@(!string.IsNullOrEmpty(context.Variables.GetValueOrDefault<string>("text", "")))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("one", "").Equals("FIRST", StringComparison.OrdinalIgnoreCase))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("one", "").Equals("first"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none").Equals("first"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("one", "").Contains("irs"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("none").Contains("irs"))"#,
    r#"@(context.Request.Headers.GetValueOrDefault("one", "").Contains(null))"#,
    r#"@(context.Request.Url.Path.StartsWith("/a"))"#,
    r#"@(context.Request.Url.Path.EndsWith("/b"))"#,
    r#"@(string.Equals((string)context.Variables["text"], "TEXT", StringComparison.OrdinalIgnoreCase))"#,
    r#"@(string.Equals("text", (string)context.Variables["text"]))"#,
    r#"@(string.Equals(null, (string)context.Variables["null"]))"#,
    r#"@("text".Equals((string)context.Variables["text"]))"#,
    r#"@(context.Variables["text"] == "text")"#,
    r#"@(context.Variables["number"] == "text")"#,
    r#"@{ string a = (string)context.Variables["text"]; return a == "text" && a.Contains("ex"); }"#,
    r#"@{ string a = (string)context.Variables["null"]; return a.Contains("ex"); }"#,
    r#"@{ object a = context.Variables["number"]; return a == "text"; }"#,
    r#"@{ string a = null; return "<" + a + ">" + 1 + 2L + 'c' + true; }"#,
    // Parts.
    "@(context.Request.Method)",
    r#"@(context.Request.Method == "POST" || context.Request.Method == "PUT")"#,
    "@(context.Request.IpAddress)",
    "@(context.Request.Url.Host + context.Request.Url.Path + context.Request.Url.Scheme)",
    "@(context.Request.OriginalUrl.Path)",
    "@(context.Request.Url.ToString())",
    "@(context.Api.Id)",
    "@(context.Api.Name + context.Api.Revision)",
    "@(context.Product.Name)",
    r#"@(context.Product?.Name ?? "unknown")"#,
    r#"@(context.Product?.Name?.ToString() ?? "unknown")"#,
    r#"@(context.Product?.Name == "x")"#,
    r#"@(context.Subscription?.Id ?? context.Request.IpAddress)"#,
    r#"@(context.Subscription?.Id ?? context.User.Id)"#,
    r#"@(context.User?.Id ?? context.Product?.Id ?? "nobody")"#,
    "@(context.User == null)",
    "@(context.User != null && context.User.Id == \"u\")",
    "@(context.LastError?.Message)",
    "@(context.LastError.Source == \"x\")",
    "@(context.Operation.Id)",
    "@(context.Deployment.Region + \"!\")",
    // The response.
    "@(context.Response.StatusCode)",
    "@(context.Response.StatusCode == 429 || context.Response.StatusCode >= 500)",
    "@(context.Response.StatusReason)",
    "@(context.Response != null && context.Response.StatusCode == 200)",
    "@(context.Response?.StatusCode)",
    "@(context.Response.Body.As<string>(true))",
    // Queries and parameters.
    r#"@(context.Request.Url.Query.GetValueOrDefault("A", "else"))"#,
    r#"@(context.Request.Url.Query.GetValueOrDefault("enc", "else"))"#,
    r#"@(context.Request.Url.Query.GetValueOrDefault("none", "else"))"#,
    r#"@(context.Request.Url.Query.GetValueOrDefault("b c", "else"))"#,
    r#"@(context.Request.Url.Query.GetValueOrDefault("flag"))"#,
    r#"@(context.Request.Url.Query["a"][1])"#,
    r#"@(context.Request.MatchedParameters["id"])"#,
    r#"@(context.Request.MatchedParameters["none"])"#,
    r#"@(context.Request.MatchedParameters.GetValueOrDefault("id", "else"))"#,
    r#"@(context.Request.MatchedParameters.GetValueOrDefault("none", "else"))"#,
    r#"@(context.Request.MatchedParameters.GetValueOrDefault("none"))"#,
    r#"@(new [] { "a", "7" }.Contains(context.Request.MatchedParameters["id"] ?? ""))"#,
    // Texts.
    r#"@("Bearer " + (string)context.Variables["text"])"#,
    r#"@("a" + "b" + context.Variables["number"] + "c" + "d" + context.Variables["null"])"#,
    r#"@($"<{context.Variables["text"]}|{context.Variables["number"]}|{context.Variables["none"]}|{context.Variables["number"],6:D4}>")"#,
    r#"@($"{context.Variables["tree"]}{context.Variables["flag"]}{1.5}{'c'}")"#,
    r#"@("x" + (int)context.Variables["text"])"#,
    r#"@("" + context.Variables["none"])"#,
    r#"@(context.Variables["text"] + "|" + (1 + 2))"#,
    // Constants.
    "@(true && false || !true)",
    "@(true ? \"a\" : \"b\")",
    "@(1 == 1 && \"a\" == \"a\")",
    "@(false && context.Response.StatusCode == 1)",
    "@(\"a\" + 1 + 'c')",
    // Bodies.
    r#"@(context.Request.Body.As<JObject>(true)["model"].ToString())"#,
    r#"@(context.Request.Body.As<JObject>(true)["none"])"#,
    r#"@(context.Request.Body.As<JObject>(true)["none"].ToString())"#,
    r#"@{ var a = context.Request.Body.As<JObject>(true); a["model"] = "x"; return context.Request.Body.As<JObject>(true).ToString() + a; }"#,
    "@(context.Request.Body.As<string>() + context.Request.Body.As<string>())",
    // Text inside trees.
    r#"@(((JObject)context.Variables["tree"])["text"].ToString())"#,
    r#"@((string)((JObject)context.Variables["tree"])["text"])"#,
    r#"@(((JObject)context.Variables["tree"]).Value<string>("text"))"#,
    r#"@((string)((JToken)context.Variables["tree"])["text"])"#,
    r#"@(((JArray)context.Variables["tree"])["text"].ToString())"#,
    r#"@(((JObject)context.Variables["text"])["text"].ToString())"#,
    r#"@(((JObject)context.Variables["tree"])["none"].ToString())"#,
    r#"@((string)((JObject)context.Variables["tree"])["none"])"#,
    r#"@(((JObject)context.Variables["tree"]).Value<string>("none"))"#,
    r#"@(((JObject)context.Variables["tree"])["null"].ToString())"#,
    r#"@((string)((JObject)context.Variables["tree"])["null"])"#,
    r#"@(((JObject)context.Variables["tree"]).Value<string>("null"))"#,
    r#"@((string)((JObject)context.Variables["tree"])["number"])"#,
    r#"@(((JObject)context.Variables["tree"]).Value<string>("number"))"#,
    r#"@(((JObject)context.Variables["tree"]).Value<int>("number"))"#,
    r#"@(((JObject)context.Variables["tree"]).Value<int>("text"))"#,
    r#"@((string)((JObject)context.Variables["tree"])["date"])"#,
    r#"@(((JObject)context.Variables["tree"])["date"].ToString())"#,
    r#"@((string)((JObject)context.Variables["tree"])["a"])"#,
    r#"@(((JObject)context.Variables["tree"])["a"].ToString())"#,
    r#"@((string)((JObject)context.Variables["tree"])["rows"][0])"#,
    r#"@((string)((JObject)context.Variables["tree"])["rows"][-1])"#,
    r#"@((string)((JObject)context.Variables["tree"])["rows"][9])"#,
    r#"@((string)((JObject)context.Variables["tree"])["rows"]["x"])"#,
    r#"@((string)((JObject)context.Variables["tree"])["rows"][1]["url"])"#,
    r#"@(((JObject)((JObject)context.Variables["tree"])["rows"][1])["url"].ToString())"#,
    r#"@(((JObject)((JObject)context.Variables["tree"])["rows"][0])["url"].ToString())"#,
    r#"@(((JArray)((JObject)context.Variables["tree"])["rows"])[(int)context.Variables["one"]].Value<string>("url"))"#,
    r#"@(((JArray)((JObject)context.Variables["tree"])["rows"])[(int)context.Variables["number"]].Value<string>("url"))"#,
    r#"@(((JArray)((JObject)context.Variables["tree"])["rows"])[(int)context.Variables["text"]].Value<string>("url"))"#,
    r#"@(((JObject)context.Variables["tree"])["text"][0].ToString())"#,
    r#"@(((JObject)context.Variables["tree"])[(string)null].ToString())"#,
    r#"@(((JObject)context.Variables["tree"]).Value<JArray>("rows").Value<string>(0))"#,
    r#"@(((JObject)context.Variables["tree"]).Value<JObject>("rows").Value<string>("x"))"#,
    r#"@{ var a = (JObject)context.Variables["tree"]; a["text"] = "new"; return (string)a["text"] + a["rows"][0] + a["rows"][1]["url"].ToString(); }"#,
    r#"@{ var a = (JObject)context.Variables["tree"]; var n = 1; return a["rows"][n].Value<string>("url") + a["rows"][n - 1]; }"#,
    r#"@{ JObject a = null; return a["text"].ToString(); }"#,
    r#"@{ JToken a = JValue.CreateString("x"); return a["text"].ToString(); }"#,
    r#"@{ object key = "text"; return ((JToken)context.Variables["tree"])[key].ToString(); }"#,
    r#"@(string.Join(",", ((JArray)((JObject)context.Variables["tree"])["items"]).Select(row => (string)row["url"])))"#,
    // Trees that are written out.
    r#"@(new JObject(new JProperty("a", (string)context.Variables["text"]), new JProperty("b", context.Response.StatusCode), new JProperty("c", 1.5)).ToString())"#,
    r#"@(new JObject(new JProperty("a", context.Variables["none"]), new JProperty("b\"é\n", context.Variables["number"])).ToString(Newtonsoft.Json.Formatting.None))"#,
    r#"@(new JObject(new JProperty("a", context.Variables["tree"]), new JProperty("b", context.Variables["tree"])).ToString())"#,
    r#"@(new JObject(new JProperty("a", new JObject(new JProperty("b", new JArray(context.Variables["text"], 2, null, true, new JObject(new JProperty("c", context.Variables["flag"])))))), new JProperty("d", new JArray(1, 2))).ToString())"#,
    r#"@(new JObject(new JProperty("a", "text: " + context.Variables["text"]), new JProperty("b", context.Variables.ContainsKey("text") ? "yes" : "no")).ToString())"#,
    r#"@(new JObject(new JProperty("a", 1), new JProperty("a", 2)).ToString())"#,
    r#"@(new JObject(new JProperty("a", 'c'), new JProperty("b", context.User.Id)).ToString())"#,
    r#"@(new JObject(new JProperty("a", context.User.Id), new JProperty("b", 'c')).ToString())"#,
    r#"@(new JObject(new JProperty("a", new [] { 1, 2 }), new JProperty("b", new [] { "x" }.Select(x => x + "y"))).ToString())"#,
    r#"@(new JObject(new JProperty("a", JValue.CreateComment("c")), new JProperty("b", context.Variables["answer"])).ToString())"#,
    r#"@(new JObject(new JProperty("a", StringComparison.Ordinal), new JProperty("b", 12345678901234567890UL), new JProperty("c", 1.50m), new JProperty("d", new DateTime(2024, 1, 31)), new JProperty("e", TimeSpan.FromHours(1))).ToString())"#,
    r#"@(new JObject(new JProperty("a", (string)null)).ToString())"#,
    r#"@(new JObject().ToString() + new JObject(new JProperty("a", new JObject()), new JProperty("b", new JArray())) + new JArray(1, "2").ToString())"#,
    r#"@((string)new JObject(new JProperty("a", 1)))"#,
    r#"@(new JObject(new JProperty("a", context.Variables["text"])))"#,
    r#"@(new JObject(new JProperty("a", context.Variables["text"]))["a"].ToString())"#,
    r#"@(new JArray(new JObject(new JProperty("a", context.Variables["text"])), context.Variables["tree"], new [] { 1, 2 }, 'c').ToString())"#,
    r#"@(new JArray(new JProperty("a", 1), 2).ToString())"#,
    r#"@(new JArray(context.Variables["number"], new [] { "x", "y" }, JValue.CreateComment("c")).ToString())"#,
    r#"@{ var a = new JObject(new JProperty("x", 1)); var b = new JArray(a, a, a["x"]); return b.ToString() + a.Path + b[1].Path + a.Parent; }"#,
    r#"@{ var a = new JObject(); var b = new JObject(new JProperty("x", a), new JProperty("y", a.Path), new JProperty("z", a)); a["n"] = 1; b.Add("w", 2); b["x"]["n"] = 3; return b.ToString() + b["z"].Path + b.Count; }"#,
    r#"@{ var a = new JArray(1, 2); a.Add(3); a[0].Remove(); a.Insert(0, "x"); return a.ToString() + a[1].Path + a.First.Next; }"#,
    r#"@{ var n = 0; var a = new JObject(new JProperty("a", ++n), new JProperty("b", ++n), new JProperty("c", n)); return a.ToString() + n; }"#,
    r#"@{ var t = "\u2028\u0085\u0001'\"\\ é ’ 😀"; return new JObject(new JProperty(t, t)).ToString() + new JObject(new JProperty("n", t)); }"#,
    // Claims.
    r#"@(((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("appid", "none"))"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("roles", "none"))"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("none"))"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("appid") == "a")"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims.ContainsKey("roles"))"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims.ContainsKey("none"))"#,
    r#"@(((Jwt)context.Variables["jwt"]).Claims["roles"][1])"#,
    r#"@(((Jwt)context.Variables["text"]).Claims.GetValueOrDefault("appid", "none"))"#,
    r#"@(((Jwt)context.Variables["none"])?.Claims.GetValueOrDefault("appid", "none") ?? "no token")"#,
    r#"@("id: " + ((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("appid", context.Request.Method))"#,
    r#"@{ var jwt = (Jwt)context.Variables["jwt"]; return jwt?.Claims.GetValueOrDefault("appid", "none") + jwt.Claims.GetValueOrDefault("roles") + jwt.Claims.ContainsKey("x"); }"#,
    // Lambdas and functions.
    r#"@(new [] { 1, 2, 3 }.Select(n => n + context.Variables.GetValueOrDefault<int>("number")).Sum())"#,
    r#"@{ int Twice(int n) { return n < 100 ? Twice(n * 2) : n; } return Twice((int)context.Variables["number"]); }"#,
    r#"@{ var found = ""; foreach (var c in "abc") { found += c + context.Request.Method; } return found; }"#,
    r#"@{ try { return context.Response.StatusCode.ToString(); } catch (NullReferenceException e) { return e.Message; } }"#,
];

#[test]
fn with_everything_there() {
    let context = json!({
        "request": {
            "method": "POST",
            "url": "https://h.example/a/b?a=1&A=2&enc=%41+b&b%20c=x&flag",
            "ip": "203.0.113.9",
            "headers": { "One": "first", "Many": ["x", "y"] },
            "matched-parameters": { "id": "7" },
            "body": "{\"model\": \"m\"}"
        },
        "response": { "status": 429, "reason": "no", "headers": { "One": "1" }, "body": "b" },
        "variables": {
            "text": "text", "empty": "", "blank": " ", "null": null, "number": 42, "flag": true,
            "tree": {
                "a": [1, 2], "text": "t", "null": null, "number": 1.5, "date": "2024-01-31T12:00:00Z",
                "rows": ["first", { "url": "u" }], "items": [{ "url": "v" }, { "url": null }, { "url": 7 }]
            },
            "one": 1,
            "answer": { "$type": "IResponse", "status": 200, "headers": { "a": "b" } },
            "jwt": { "$type": "Jwt", "token": "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6ImEiLCJyb2xlcyI6WyJ4IiwieSJdfQ.AAAA" }
        },
        "api": { "Id": "api", "Name": "Api", "Revision": "1" },
        "operation": { "Id": "op" },
        "product": { "Id": "p", "Name": "P" },
        "subscription": { "Id": "s" },
        "user": { "Id": "u" },
        "last-error": { "Source": "x", "Message": "m" },
        "deployment": { "Region": "r" }
    });
    check(TEXTS, &context);
}

#[test]
fn with_nothing_there() {
    check(TEXTS, &json!({ "variables": {} }));
}
