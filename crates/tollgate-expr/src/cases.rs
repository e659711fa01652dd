//! Evaluates one expression case a line, for `tollgate eval --cases`.

use serde_json::{Map, Value as Json, json};
use tollgate_diagnostics::{Diagnostic, MappedText, Sources, has_errors};

use crate::{CompileOptions, EvalCx, EvalState, FixedHost, Limits, Value, compile};

/// The answer to one line `{"id", "expr", "context"}`: `{"id", "type", "value"}`, `{"id", "error", "message"}` or
/// `{"id", "compile"}`, as one line of JSON.
pub fn run_line(line: &str) -> Result<String, String> {
    let case: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let expression = case.get("expr").and_then(Json::as_str).ok_or("`expr` is missing")?;
    let empty = Json::Object(Map::new());
    let context = case.get("context").unwrap_or(&empty);
    let mut answer = Map::new();
    if let Some(id) = case.get("id") {
        answer.insert("id".to_owned(), id.clone());
    }
    let Json::Object(result) = run(expression, context)? else { return Ok(String::new()) };
    answer.extend(result);
    Ok(Json::Object(answer).to_string())
}

/// The answer to one case, without its id. Errors are faults of the case, not of the expression.
pub fn run(expression: &str, context: &Json) -> Result<Json, String> {
    let mut sources = Sources::default();
    let file = sources.add("expression", expression);
    let text = MappedText::verbatim(expression, file.span(0..expression.len()));
    let (program, diagnostics) = compile(&text, &CompileOptions::default());
    let Some(program) = program else { return Ok(json!({ "compile": first(&diagnostics) })) };
    debug_assert!(!has_errors(&diagnostics));
    let mut state = EvalState::new(Limits::default());
    let mut host = FixedHost::from_json(context, &mut state)?;
    let mut cx = EvalCx { host: &mut host, state: &mut state };
    let shown = program.eval(&mut cx).and_then(|value| shown(&value, &mut cx));
    Ok(shown.unwrap_or_else(|exception| {
        json!({ "error": exception.kind().full_name(), "message": exception.message() })
    }))
}

fn first(diagnostics: &[Diagnostic]) -> String {
    let error = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
    error.map(|error| error.message.clone()).unwrap_or_default()
}

fn shown(value: &Value, cx: &mut EvalCx<'_>) -> Result<Json, crate::Exception> {
    use base64::Engine as _;
    let Some(name) = value.type_name(cx.state) else { return Ok(json!({ "value": null })) };
    let text = match value.as_bytes(cx.state) {
        Some(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes),
        None => cx.text(value)?.map(|text| text.to_string()).unwrap_or_default(),
    };
    Ok(json!({ "type": name, "value": text }))
}

/// Whether an answer is what real C# said: type and text; exception type and message (only the type when the message
/// expected is `differs`); that the expression is refused, whatever the words.
pub fn same(expected: &Json, answer: &Json) -> bool {
    if expected.get("compile").is_some() {
        return answer.get("compile").is_some();
    }
    ["type", "value", "error", "message"].iter().all(|key| {
        let wanted = expected.get(key);
        let loose = *key == "message" && wanted.is_some_and(|message| message == "differs");
        loose || wanted == answer.get(key)
    })
}
