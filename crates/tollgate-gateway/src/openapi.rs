//! Operations from an OpenAPI document.

use serde_json::Value;

/// An operation as imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Identifier, normalised as Azure's import does.
    pub(crate) id: String,
    /// Summary, else the identifier.
    pub(crate) name: String,
    /// Method, upper case.
    pub(crate) method: String,
    /// Template; required query parameters are part of it.
    pub(crate) url_template: String,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Azure cuts identifiers to this.
const LONGEST_ID: usize = 76;

/// Reads JSON or YAML. The error is one line for the author.
pub(crate) fn import(text: &str) -> Result<Vec<Imported>, String> {
    let document: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?
    } else {
        serde_saphyr::from_str(text)
            .map_err(|error| format!("not YAML: {}", first_line(&error.to_string())))?
    };
    if document.get("openapi").is_none() && document.get("swagger").is_none() {
        return Err("not an OpenAPI document: it has neither `openapi` nor `swagger`".to_owned());
    }
    let mut all: Vec<Imported> = Vec::new();
    for section in ["paths", "x-ms-paths"] {
        for (path, item) in document.get(section).and_then(Value::as_object).into_iter().flatten() {
            let item = resolve(&document, item);
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let imported = operation_of(&document, path, method, item, operation, &all);
                all.push(imported);
            }
        }
    }
    if all.is_empty() { Err("the document has no operations".to_owned()) } else { Ok(all) }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn operation_of(
    document: &Value,
    path: &str,
    method: &str,
    item: &Value,
    operation: &Value,
    others: &[Imported],
) -> Imported {
    let text =
        |key: &str| operation.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let wanted = normalise(text("operationId").unwrap_or(&format!("{method}-{path}")));
    let taken = |id: &str| others.iter().any(|other| other.id == id);
    let numbered = (1..1000).map(|n| format!("{wanted}-{n}")).find(|id| !taken(id));
    let id = if taken(&wanted) { numbered.unwrap_or_else(|| wanted.clone()) } else { wanted };
    let (path, fixed) = path.split_once('?').unwrap_or((path, ""));
    let mut query: Vec<String> =
        fixed.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let parameters = [item, operation]
        .into_iter()
        .filter_map(|holder| holder.get("parameters").and_then(Value::as_array))
        .flatten()
        .map(|parameter| resolve(document, parameter));
    for parameter in parameters {
        let field = |key: &str| parameter.get(key).and_then(Value::as_str);
        let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        if let (Some("query"), Some(name), true) = (field("in"), field("name"), required) {
            let part = format!("{name}={{{name}}}");
            if !query.contains(&part) {
                query.push(part);
            }
        }
    }
    let mut url_template = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if !query.is_empty() {
        url_template = format!("{url_template}?{}", query.join("&"));
    }
    Imported {
        name: text("summary").unwrap_or(&id).to_owned(),
        id,
        method: method.to_ascii_uppercase(),
        url_template,
    }
}

/// Lower case; runs of anything but letters and digits become one `-`; cut.
fn normalise(text: &str) -> String {
    let mut id = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.ends_with('-') && !id.is_empty() {
            id.push('-');
        }
        if id.len() >= LONGEST_ID {
            break;
        }
    }
    id.trim_end_matches('-').to_owned()
}

/// Follows one `$ref` inside the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target =
        value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_imported_as_azure_does() {
        let text = r##"
openapi: 3.0.1
info: { title: t, version: "1" }
components:
  parameters:
    version: { name: api-version, in: query, required: true }
paths:
  /deployments/{deployment-id}/chat/completions:
    parameters: [ { $ref: "#/components/parameters/version" } ]
    post: { operationId: ChatCompletions_Create, summary: Chat }
  /models:
    get: {}
    post: { operationId: "ChatCompletions Create" }
"##;
        let all = import(text).unwrap();
        let short: Vec<String> = all
            .iter()
            .map(|op| format!("{} {} {} ({})", op.id, op.method, op.url_template, op.name))
            .collect();
        assert_eq!(
            short,
            [
                "chatcompletions-create POST /deployments/{deployment-id}/chat/completions?api-version={api-version} (Chat)",
                "get-models GET /models (get-models)",
                "chatcompletions-create-1 POST /models (chatcompletions-create-1)",
            ]
        );
        assert!(import("{}").is_err());
        assert!(import("a: [").is_err());
    }
}
