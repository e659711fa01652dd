//! Documents of schemas that refer to each other, each made one that holds what it refers to.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{SchemaDocument, dialect, uri_fragment};

/// Where a document holds the others, by their names. No dialect knows the keyword, so it says nothing by itself.
pub(super) const DOCUMENTS: &str = "x-tollgate-documents";

/// A document of schemas as it was read.
#[derive(Debug)]
pub struct NamedDocument {
    /// What policies call it.
    pub name: String,
    /// Path of its file, with `/`.
    pub file: String,
    /// What stands in it: an OpenAPI document or a JSON Schema.
    pub root: Value,
}

/// A document that others may refer to.
struct Known {
    name: String,
    file: String,
    /// Its `$id`.
    id: Option<String>,
    /// As JSON Schema 2020-12.
    root: Value,
}

/// Makes documents that may refer to each other usable, by name. A reference to another document is its name, alone or
/// as `/schemas/<name>`, its `$id`, or its file as seen from the file that refers to it; then `#` and a JSON pointer. What
/// leads to none of them stays as it is, and is a fault of the schema when it is compiled.
pub fn bundle(documents: Vec<NamedDocument>) -> HashMap<String, Arc<SchemaDocument>> {
    let known: Vec<Known> = documents.into_iter().map(Known::new).collect();
    let bundled = known.iter().enumerate().map(|(index, document)| {
        let root = Bundle { known: &known, root: index, wanted: Vec::new() }.build(document);
        (document.name.clone(), Arc::new(SchemaDocument::of_modern(root)))
    });
    bundled.collect()
}

impl Known {
    fn new(document: NamedDocument) -> Self {
        let NamedDocument { name, file, mut root } = document;
        let id = root.get("$id").or_else(|| root.get("id")).and_then(Value::as_str);
        let id = id.map(|id| id.trim_end_matches('#').to_owned());
        dialect::modernise(&mut root);
        Self { name, file, id, root }
    }

    /// Whether a reference without its fragment, from another document, means this one.
    fn is(&self, reference: &str, from: &Known) -> bool {
        let plain = reference.strip_prefix("/schemas/").unwrap_or(reference);
        if self.name == plain || self.id.as_deref() == Some(reference) {
            return true;
        }
        let seen_from = |place: &str| beside(place, reference);
        self.file == seen_from(&from.file)
            || from.id.as_deref().is_some_and(|id| self.id.as_deref() == Some(&*seen_from(id)))
    }
}

/// What a relative reference means, as seen from a place with `/`.
fn beside(place: &str, reference: &str) -> String {
    let mut parts: Vec<&str> = place.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// One document on its way to hold the others that it needs.
struct Bundle<'a> {
    known: &'a [Known],
    root: usize,
    /// Documents that it needs, in the order in which they were met.
    wanted: Vec<usize>,
}

impl Bundle<'_> {
    fn build(mut self, document: &Known) -> Value {
        let mut root = document.root.clone();
        self.rewrite(&mut root, self.root);
        let mut others = Map::new();
        let mut next = 0;
        while let Some(&index) = self.wanted.get(next) {
            next += 1;
            let Some(other) = self.known.get(index) else { continue };
            let mut copy = other.root.clone();
            self.rewrite(&mut copy, index);
            others.insert(other.name.clone(), copy);
        }
        if let Some(root) = root.as_object_mut().filter(|_| !others.is_empty()) {
            root.insert(DOCUMENTS.to_owned(), Value::Object(others));
        }
        root
    }

    /// Makes the references in a document, or a part of it, lead inside the bundle.
    fn rewrite(&mut self, value: &mut Value, from: usize) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite(item, from)),
            Value::Object(members) => {
                for (key, member) in members {
                    match (key.as_str(), &mut *member) {
                        ("const" | "enum" | "default" | "example" | "examples", _) => {}
                        ("$ref", Value::String(reference)) => {
                            if let Some(inside) = self.place(reference, from) {
                                *reference = inside;
                            }
                        }
                        _ => self.rewrite(member, from),
                    }
                }
            }
            _ => {}
        }
    }

    /// Where a reference leads inside the bundle; `None` when it stays as it is.
    fn place(&mut self, reference: &str, from: usize) -> Option<String> {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return None;
        }
        let own = self.known.get(from)?;
        let target = if document.is_empty() {
            from
        } else {
            self.known.iter().position(|known| known.is(document, own))?
        };
        if target == self.root {
            return Some(format!("#{pointer}"));
        }
        if !self.wanted.contains(&target) {
            self.wanted.push(target);
        }
        let name = self.known.get(target)?.name.replace('~', "~0").replace('/', "~1");
        Some(format!("#/{DOCUMENTS}/{}{pointer}", uri_fragment(&name)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json_schema::{AdditionalProperties, Instance, Overrides, PropertyNames};

    fn documents() -> HashMap<String, Arc<SchemaDocument>> {
        let document = |name: &str, root: Value| NamedDocument {
            name: name.to_owned(),
            file: format!("schemas/{name}.json"),
            root,
        };
        bundle(vec![
            document(
                "person",
                json!({
                    "$id": "https://contoso.example/person",
                    "properties": {
                        "home": { "$ref": "/schemas/address" },
                        "work": { "$ref": "address" },
                        "boss": { "$ref": "#" },
                        "first": { "$ref": "names.json#/definitions/name" },
                        "lost": { "$ref": "nowhere.json" }
                    },
                }),
            ),
            document(
                "address",
                json!({
                    "required": ["city"],
                    "properties": {
                        "city": { "$ref": "./names.json#/definitions/name" },
                        "mayor": { "$ref": "https://contoso.example/person" },
                        "twin": { "$ref": "#" }
                    },
                }),
            ),
            document(
                "names",
                json!({ "definitions": { "name": { "type": "string", "nullable": true } } }),
            ),
        ])
    }

    fn check(body: &Value, overrides: Overrides) -> String {
        let mut person = documents().remove("person").unwrap().root().clone();
        person["properties"].as_object_mut().unwrap().remove("lost");
        let schema = SchemaDocument::new(person).schema("").unwrap();
        match schema.validate(&Instance::of(body), overrides) {
            Ok(Ok(())) => String::new(),
            Ok(Err(found)) => found.message,
            Err(fault) => format!("fault: {fault}"),
        }
    }

    #[test]
    fn references_lead_to_other_documents_and_back() {
        let plain = Overrides::default();
        assert_eq!(check(&json!({ "home": { "city": "Ghent" }, "first": null }), plain), "");
        assert_eq!(
            check(&json!({ "first": 1 }), plain),
            "Invalid type. Expected String, Null but got Integer."
        );
        let missing = "Required properties are missing from object: city.";
        for body in [
            json!({ "home": {} }),
            json!({ "work": {} }),
            json!({ "home": { "city": "Ghent", "twin": {} } }),
            json!({ "home": { "city": "Ghent", "mayor": { "boss": { "home": {} } } } }),
        ] {
            assert_eq!(check(&body, plain), missing, "{body}");
        }
    }

    #[test]
    fn relative_references() {
        for (reference, expected) in [
            ("b.json", "schemas/a/b.json"),
            ("./b.json", "schemas/a/b.json"),
            ("../b/c.json", "schemas/b/c.json"),
            ("../../../../c.json", "c.json"),
        ] {
            assert_eq!(beside("schemas/a/x.json", reference), expected);
        }
    }

    #[test]
    fn what_a_policy_changes_holds_in_all_of_them() {
        let shut = Overrides::new(AdditionalProperties::Refused, PropertyNames::CaseSensitive);
        let body = json!({ "home": { "city": "Ghent", "more": 1 } });
        assert!(check(&body, shut).starts_with("Property 'more' has not been defined"));
    }

    #[test]
    fn what_leads_nowhere_is_a_fault() {
        let schema = documents()["person"].schema("").unwrap();
        let fault = schema.prepare(Overrides::default()).unwrap_err().to_string();
        assert!(fault.contains("nowhere.json"), "{fault}");
        let alone = documents()["names"].schema("/definitions/name").unwrap();
        assert_eq!(alone.prepare(Overrides::default()), Ok(()));
    }
}
