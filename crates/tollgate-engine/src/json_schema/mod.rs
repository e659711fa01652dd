//! JSON Schema: documents of schemas, and validation of JSON against one of them.
//!
//! Whatever a description is written in (OpenAPI 2, 3.0 or 3.1, JSON Schema of any draft) becomes JSON Schema 2020-12
//! when it is read, so that there is one language behind it. Nothing is fetched: references stay inside the document,
//! or lead to another one that was read with it (`bundle`), and one that leads elsewhere is a fault of the schema.
//!
//! INVARIANT: the verdict costs no more than the body times the schema. It is asked of the validator's `is_valid`, which
//! remembers what it has judged; its lists of errors are never asked for, because with `oneOf` they grow exponentially
//! with the depth of the body and hold a copy of every item. What is wrong is found by `explain` within a budget.

mod bundle;
mod dialect;
mod explain;
mod instance;
mod overrides;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, PatternOptions, Registry, Validator};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

pub use bundle::{NamedDocument, bundle};
pub use instance::{Instance, InstanceError};
pub use overrides::{AdditionalProperties, Overrides, PropertyNames};

/// What the document is called inside the validator.
const URI: &str = "urn:tollgate:schemas";

/// Steps that a pattern with look-around or back-references may go back on one string; others never do.
const BACKTRACKING: usize = 10_000;

/// Bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// References followed before a chain counts as a circle.
const LONGEST_CHAIN: usize = 32;

/// Why a schema cannot be used: one line for the author of the description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaFault(String);

/// Why a body does not match a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// One sentence, as Json.NET words it.
    pub message: String,
    /// Line of the value that is wrong, from 1.
    pub line: usize,
    /// Column of it, from 1.
    pub position: usize,
}

/// A document that holds schemas.
pub struct SchemaDocument {
    root: Value,
    /// The document by how it is overridden, as the validator has it.
    registries: [OnceLock<Result<Registry<'static>, SchemaFault>>; Overrides::COUNT],
    /// Compiled schemas by pointer and override.
    compiled: Mutex<HashMap<(String, usize), Compiled>>,
}

type Compiled = Arc<Result<Validator, SchemaFault>>;

impl fmt::Debug for SchemaDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchemaDocument")
    }
}

impl SchemaDocument {
    /// From an OpenAPI document or a JSON Schema. Its nesting must be bounded, as readers of JSON and YAML bound it: what is
    /// inside one another is compiled by recursion.
    pub fn new(mut root: Value) -> Arc<Self> {
        dialect::modernise(&mut root);
        Arc::new(Self::of_modern(root))
    }

    /// From a document whose schemas are JSON Schema 2020-12.
    fn of_modern(root: Value) -> Self {
        Self { root, registries: Default::default(), compiled: Mutex::default() }
    }

    /// The document; its schemas are JSON Schema 2020-12.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// What a value with a `$ref` stands for, through as many references as there are; the value itself when it has
    /// none. `None` when a reference leads outside the document, to nothing, or in a circle.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> Option<&'a Value> {
        match value.get("$ref").and_then(Value::as_str) {
            Some(_) => self.follow(value).map(|(_, target)| target),
            None => Some(value),
        }
    }

    /// Where the `$ref` of a value leads, through as many references as there are: JSON pointer and value. `None` when it
    /// leads outside the document, to nothing, or in a circle.
    pub fn follow<'a>(&'a self, mut value: &'a Value) -> Option<(String, &'a Value)> {
        let mut pointer = None;
        for _ in 0..LONGEST_CHAIN {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return pointer.map(|pointer| (pointer, value));
            };
            let next = pointer_of(reference)?;
            value = self.root.pointer(&next)?;
            pointer = Some(next);
        }
        None
    }

    /// The schema at a JSON pointer into the document, such as `/components/schemas/order`; empty for the document
    /// itself. `None` when there is nothing or something else than a schema.
    pub fn schema(self: &Arc<Self>, pointer: &str) -> Option<Schema> {
        let mut pointer = pointer.to_owned();
        for _ in 0..LONGEST_CHAIN {
            let value = self.root.pointer(&pointer)?;
            let next = value.as_object().filter(|schema| schema.len() == 1);
            let next = next.and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
            match next.and_then(pointer_of).filter(|next| self.root.pointer(next).is_some()) {
                Some(next) => pointer = next,
                None if value.is_object() || value.is_boolean() => {
                    let document = Arc::clone(self);
                    return Some(Schema { document, pointer, compiled: Default::default() });
                }
                None => return None,
            }
        }
        None
    }

    fn registry(&self, overrides: Overrides) -> Result<&Registry<'static>, SchemaFault> {
        let Some(slot) = self.registries.get(overrides.index()) else {
            return Err(SchemaFault("the schema cannot be used".to_owned()));
        };
        let build = || {
            let mut root = self.root.clone();
            overrides.apply(&mut root);
            let registry = Registry::new().draft(Draft::Draft202012).add(URI, root);
            let registry = registry.and_then(jsonschema::RegistryBuilder::prepare);
            registry.map_err(|error| SchemaFault(error.to_string()))
        };
        slot.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    fn compile(&self, pointer: &str, overrides: Overrides) -> Compiled {
        let key = (pointer.to_owned(), overrides.index());
        let known = |key| {
            self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
        };
        if let Some(known) = known(&key) {
            return known;
        }
        // Not under the lock: a request that meets another schema need not wait for this one.
        let built = Arc::new(self.build(pointer, overrides));
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(compiled.entry(key).or_insert(built))
    }

    fn build(&self, pointer: &str, overrides: Overrides) -> Result<Validator, SchemaFault> {
        let mut schema = json!({ "$ref": format!("{URI}#{}", uri_fragment(pointer)) });
        overrides.apply_to_use(&mut schema);
        let registry = self.registry(overrides)?;
        let built = options().with_registry(registry).build(&schema);
        built.map_err(|error| {
            let place = if pointer.is_empty() { "the schema" } else { pointer };
            SchemaFault(format!("{place}: {error}"))
        })
    }
}

/// How every schema is compiled.
fn options() -> jsonschema::ValidationOptions<'static> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACKING)
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        .offline()
}

/// The JSON pointer of a reference inside the document; `None` when it leads elsewhere.
fn pointer_of(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    let pointer = percent_decode_str(fragment).decode_utf8().ok()?.into_owned();
    (pointer.is_empty() || pointer.starts_with('/')).then_some(pointer)
}

fn uri_fragment(pointer: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'~');
    utf8_percent_encode(pointer, ESCAPED).to_string()
}

/// One schema of a document. Compiled when it is first used, or before by [`Schema::prepare`].
pub struct Schema {
    document: Arc<SchemaDocument>,
    pointer: String,
    compiled: [OnceLock<Compiled>; Overrides::COUNT],
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.pointer).finish()
    }
}

impl Schema {
    /// The document it is part of, in which its references are resolved.
    pub fn document(&self) -> &Arc<SchemaDocument> {
        &self.document
    }

    /// The schema itself, as JSON Schema 2020-12.
    pub fn value(&self) -> &Value {
        self.document.root.pointer(&self.pointer).unwrap_or(&Value::Null)
    }

    /// What authors call it: the last part of its place in the document; empty for a whole document.
    pub fn name(&self) -> String {
        let last = self.pointer.rsplit('/').next().unwrap_or_default();
        last.replace("~1", "/").replace("~0", "~")
    }

    /// Compiles it, so that the first request need not.
    pub fn prepare(&self, overrides: Overrides) -> Result<(), SchemaFault> {
        self.with_validator(overrides, |_| ())
    }

    /// Validates JSON. The inner result says what is wrong; the outer one that the schema itself is at fault.
    pub fn validate(
        &self,
        instance: &Instance<'_>,
        overrides: Overrides,
    ) -> Result<Result<(), Mismatch>, SchemaFault> {
        let valid =
            self.with_validator(overrides, |validator| validator.is_valid(instance.value()))?;
        if valid {
            return Ok(Ok(()));
        }
        let found = explain::explain(&self.document, self.value(), instance, overrides);
        let (line, position) = instance.locate(&found.path);
        Ok(Err(Mismatch { message: found.message, line, position }))
    }

    fn with_validator<T>(
        &self,
        overrides: Overrides,
        with: impl FnOnce(&Validator) -> T,
    ) -> Result<T, SchemaFault> {
        let Some(slot) = self.compiled.get(overrides.index()) else {
            return Err(SchemaFault("the schema cannot be used".to_owned()));
        };
        let compiled = slot.get_or_init(|| self.document.compile(&self.pointer, overrides));
        (**compiled).as_ref().map(with).map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests;
