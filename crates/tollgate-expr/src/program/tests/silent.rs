//! What is chosen where Azure's documents are silent; the reference page lists it.

use super::check;

#[test]
fn unset_variables_are_null() {
    check(&[
        ("@(context.Variables[\"never\"])", "null"),
        ("@(context.Variables[\"never\"] == null)", "System.Boolean True"),
        ("@((string)context.Variables[\"never\"])", "null"),
        (
            "@((int)context.Variables[\"never\"])",
            "NullReferenceException: Object reference not set to an instance of an object.",
        ),
        ("@(context.Variables.GetValueOrDefault(\"never\", 5))", "System.Int32 5"),
        ("@(context.Variables.ContainsKey(\"never\"))", "System.Boolean False"),
    ]);
}

#[test]
fn only_header_and_query_names_have_no_case() {
    check(&[
        ("@(context.Request.Headers.ContainsKey(\"x-mAnY\"))", "System.Boolean True"),
        ("@(context.Request.Url.Query.ContainsKey(\"API-version\"))", "System.Boolean True"),
        ("@(context.Variables.ContainsKey(\"text\"))", "System.Boolean True"),
        ("@(context.Variables.ContainsKey(\"Text\"))", "System.Boolean False"),
        (
            "@(context.Request.MatchedParameters.ContainsKey(\"Deployment-Id\"))",
            "System.Boolean False",
        ),
    ]);
}

#[test]
fn culture_zone_and_dates() {
    check(&[
        (
            "@(1234.5.ToString(\"N1\") + \" \" + new DateTime(2024, 3, 1))",
            "System.String 1,234.5 03/01/2024 00:00:00",
        ),
        ("@(DateTimeOffset.Now.Offset == TimeSpan.Zero)", "System.Boolean True"),
        (
            "@(JObject.Parse(\"{'d':'2024-01-01T00:00:00.000Z'}\")[\"d\"].Type)",
            "Newtonsoft.Json.Linq.JTokenType Date",
        ),
        (
            "@((string)JObject.Parse(\"{'d':'2024-01-01T00:00:00Z'}\")[\"d\"])",
            "System.String 01/01/2024 00:00:00",
        ),
        (
            "@(new JObject(new JProperty(\"a\", 1)).ToString().Contains(\"\\r\"))",
            "System.Boolean False",
        ),
    ]);
}

#[test]
fn a_body_is_consumed_once() {
    check(&[
        (
            "@{ context.Request.Body.As<string>(); return context.Request.Body.As<string>(); }",
            "InvalidOperationException: The message body was already consumed; read it with `preserveContent: true` the first time.",
        ),
        (
            "@{ context.Request.Body.As<string>(preserveContent: true); return context.Request.Body.As<string>().Length > 0; }",
            "System.Boolean True",
        ),
    ]);
}

#[test]
fn texts_are_compared_as_texts() {
    check(&[
        ("@(context.Variables[\"text\"] == \"hello\")", "System.Boolean True"),
        (
            "@((object)(\"hel\" + context.Request.Method.Substring(4) + \"lo\") == (object)\"hello\")",
            "System.Boolean True",
        ),
    ]);
}
