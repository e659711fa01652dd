//! Operations from an OpenAPI document.

mod described;
mod swagger;

use std::sync::Arc;

use serde_json::Value;
use tollgate_engine::contract::{Contract, Location};
use tollgate_engine::json_schema::SchemaDocument;

use described::{Node, describe};

/// An operation as imported.
#[derive(Debug, Clone)]
pub(crate) struct Imported {
    /// Identifier, normalised as Azure's import does.
    pub(crate) id: String,
    /// Summary, else the identifier.
    pub(crate) name: String,
    /// Method, upper case.
    pub(crate) method: String,
    /// Template; required query parameters are part of it.
    pub(crate) url_template: String,
    /// Its parameters, bodies and responses.
    pub(crate) contract: Arc<Contract>,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Azure cuts identifiers to this.
const LONGEST_ID: usize = 76;

/// Reads a JSON or YAML document. The error is one line for the author.
fn read_document(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with(['{', '[']) {
        serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
    } else {
        serde_saphyr::from_str(text)
            .map_err(|error| format!("not YAML: {}", first_line(&error.to_string())))
    }
}

/// Reads a JSON Schema, or an OpenAPI document for its schemas. The error is one line for the author.
pub(crate) fn read_schemas(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('<') {
        return Err("XML schemas (XSD) are not supported".to_owned());
    }
    read_document(text)
}

/// Reads the operations of an OpenAPI document in JSON or YAML. The error is one line for the author.
pub(crate) fn import(text: &str) -> Result<Vec<Imported>, String> {
    let mut document = read_document(text)?;
    if document.get("openapi").is_none() && document.get("swagger").is_none() {
        return Err("not an OpenAPI document: it has neither `openapi` nor `swagger`".to_owned());
    }
    if document.get("swagger").is_some() {
        swagger::to_openapi(&mut document);
    }
    let document = SchemaDocument::new(document);
    let root = Node::root(&document);
    let mut all: Vec<Imported> = Vec::new();
    for section in ["paths", "x-ms-paths"] {
        for (path, item) in root.members(section)? {
            for method in METHODS {
                let Some(operation) = item.child(method)? else { continue };
                let imported = operation_of(&path, method, &item, &operation, &all)?;
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
    path: &str,
    method: &str,
    item: &Node<'_>,
    operation: &Node<'_>,
    others: &[Imported],
) -> Result<Imported, String> {
    let text = |key: &str| operation.text(key).filter(|text| !text.is_empty());
    let wanted = normalise(text("operationId").unwrap_or(&format!("{method}-{path}")));
    let taken = |id: &str| others.iter().any(|other| other.id == id);
    let numbered = (1..1000).map(|n| format!("{wanted}-{n}")).find(|id| !taken(id));
    let id = if taken(&wanted) { numbered.unwrap_or_else(|| wanted.clone()) } else { wanted };
    let (path, fixed) = path.split_once('?').unwrap_or((path, ""));
    let mut query: Vec<String> =
        fixed.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let contract = describe(item, operation)?;
    for parameter in contract.parameters.iter().filter(|it| it.location == Location::Query) {
        let part = format!("{name}={{{name}}}", name = parameter.name);
        if parameter.required && !query.contains(&part) {
            query.push(part);
        }
    }
    let mut url_template = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if !query.is_empty() {
        url_template = format!("{url_template}?{}", query.join("&"));
    }
    Ok(Imported {
        name: text("summary").unwrap_or(&id).to_owned(),
        id,
        method: method.to_ascii_uppercase(),
        url_template,
        contract: Arc::new(contract),
    })
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

#[cfg(test)]
mod tests;
