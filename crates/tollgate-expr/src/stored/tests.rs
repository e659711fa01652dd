use tollgate_diagnostics::{MappedText, Sources};

use super::Unstorable;
use crate::{CompileOptions, EvalCx, EvalState, FixedHost, Limits, Value, compile};

fn eval(source: &str, state: &mut EvalState, kept: Option<Value>) -> Value {
    let file = Sources::default().add("policy.xml", source);
    let text = MappedText::verbatim(source, file.span(0..source.len()));
    let (program, diagnostics) = compile(&text, &CompileOptions::default());
    let program = program.unwrap_or_else(|| panic!("{source}: {diagnostics:?}"));
    let mut host = FixedHost::from_json(&serde_json::json!({}), state).unwrap();
    if let Some(kept) = kept {
        host.variables.insert("v".to_owned(), kept);
    }
    program.eval(&mut EvalCx { host: &mut host, state }).unwrap()
}

fn state() -> EvalState {
    EvalState::new(Limits::default())
}

/// The value of an expression goes through bytes into another state, where `context.Variables["v"]` is looked at.
fn check(source: &str, look: &str, expected: &str) {
    let mut first = state();
    let value = eval(source, &mut first, None);
    let bytes = first.store(&value, 1 << 20).unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut second = state();
    let copy = second.restore(&bytes).unwrap().unwrap_or_else(|| panic!("{source}"));
    assert_eq!(second.type_of(&copy), first.type_of(&value), "{source}");
    let seen = eval(look, &mut second, Some(copy));
    assert_eq!(&*seen.to_text(&second).unwrap().unwrap(), expected, "{source}");
    for length in 0..bytes.len() {
        let cut = bytes.get(..length).unwrap();
        assert!(matches!(state().restore(cut), Ok(None)), "{source} cut at {length}");
    }
}

#[test]
fn simple_values_keep_their_types() {
    for (source, expected) in [
        ("@(true)", "True"),
        ("@('x')", "x"),
        ("@((byte)7)", "7"),
        ("@((short)-7)", "-7"),
        ("@(-42)", "-42"),
        ("@(42u)", "42"),
        ("@(1L << 40)", "1099511627776"),
        ("@(1.5f)", "1.5"),
        ("@(0.1)", "0.1"),
        ("@(1.10m)", "1.10"),
        ("@(\"Grüße\")", "Grüße"),
        ("@(\"\")", ""),
        ("@(new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc))", "01/02/2020 03:04:05"),
        ("@(TimeSpan.FromSeconds(90))", "00:01:30"),
        (
            "@(new Guid(\"00112233-4455-6677-8899-aabbccddeeff\"))",
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
    ] {
        check(source, "@(context.Variables[\"v\"].ToString())", expected);
    }
    let (mut one, mut two) = (state(), state());
    let null = eval("@((string)null)", &mut one, None);
    let bytes = one.store(&null, 8).unwrap();
    assert!(two.restore(&bytes).unwrap().unwrap().is_null());
}

#[test]
fn collections_keep_their_items() {
    check(
        "@(new byte[] { 1, 2, 255 })",
        "@(Convert.ToBase64String((byte[])context.Variables[\"v\"]))",
        "AQL/",
    );
    check(
        "@(new [] { \"a\", null, \"b\" })",
        "@(string.Join(\"-\", (string[])context.Variables[\"v\"]))",
        "a--b",
    );
    check(
        "@(new List<object> { 1, \"a\", new [] { 2 } })",
        "@(((int[])((List<object>)context.Variables[\"v\"])[2])[0])",
        "2",
    );
    check(
        "@(new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) { { \"a\", 1 }, { \"B\", 2 } })",
        "@(((Dictionary<string, int>)context.Variables[\"v\"])[\"b\"])",
        "2",
    );
}

#[test]
fn trees_are_copied() {
    check(
        r#"@(JObject.Parse("{\"a\":[1,2.5,null,\"2020-01-02T03:04:05Z\",{}],\"b\":{\"c\":true}}"))"#,
        "@(((JObject)context.Variables[\"v\"]).ToString(Newtonsoft.Json.Formatting.None))",
        r#"{"a":[1,2.5,null,"2020-01-02T03:04:05Z",{}],"b":{"c":true}}"#,
    );
    check(
        r#"@(JObject.Parse("{\"d\":\"2020-01-02T03:04:05Z\"}"))"#,
        "@(((JObject)context.Variables[\"v\"])[\"d\"].Type)",
        "Date",
    );
    check(
        r#"@(new JObject(new JProperty("d", new JValue("2020-01-02T03:04:05Z"))))"#,
        "@(((JObject)context.Variables[\"v\"])[\"d\"].Type)",
        "String",
    );
    check("@(new JArray())", "@(((JArray)context.Variables[\"v\"]).Count)", "0");
    check("@(new JValue(5))", "@((int)(JValue)context.Variables[\"v\"] + 1)", "6");
    check(
        r#"@(XElement.Parse("<a x='1'> <b>t</b></a>"))"#,
        "@(((XElement)context.Variables[\"v\"]).ToString(SaveOptions.DisableFormatting))",
        r#"<a x="1"><b>t</b></a>"#,
    );
}

#[test]
fn what_means_nothing_elsewhere_is_refused() {
    for source in
        ["@(context.Request)", "@(context.Variables)", "@(new { A = 1 })", "@(new Exception())"]
    {
        let mut state = state();
        let value = eval(source, &mut state, None);
        assert!(matches!(state.store(&value, 1 << 20), Err(Unstorable::Type(_))), "{source}");
    }
    let mut state = state();
    let long = eval("@(new string('a', 100))", &mut state, None);
    assert_eq!(state.store(&long, 100), Err(Unstorable::Length(100)));
    assert_eq!(state.store(&long, 105).unwrap().len(), 105);
    let circle = eval(
        "@{ var list = new List<object>(); list.Add(list); list.Add(list); return list; }",
        &mut state,
        None,
    );
    assert!(state.store(&circle, 1 << 20).is_err());
}

#[test]
fn strange_bytes_give_nothing_and_cost_no_more_than_their_length() {
    for bytes in [
        &[][..],
        &[200],
        &[15, 255, 255, 255, 255, 0],
        &[15, 1, 0, 0, 0, 0xff],
        &[0, 0],
        &[21, 0, 255, 255, 255, 0],
        &[26, 1, 0, 255, 255, 255, 255],
        &[26, 99, 0, 0, 0, 0, 0],
        &[17, 9, 0, 0, 0, 0, 0, 0, 0, 0],
        &[17, 0, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        assert!(!matches!(state().restore(bytes), Ok(Some(_))), "{bytes:?}");
    }
    let deep: Vec<u8> = [26, 0, 0, 1, 0, 0, 0].repeat(5000);
    assert!(matches!(state().restore(&deep), Ok(None)));
    let nested: Vec<u8> = [vec![21], [1, 1, 0, 0, 0].repeat(50_000)].concat();
    assert!(!matches!(state().restore(&nested), Ok(Some(_))));
}
