//! What a policy changes about a schema.

use serde_json::{Map, Value};

use super::dialect::{Role, each_schema};

/// Whether objects may have properties that their schema does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AdditionalProperties {
    /// As the schema says.
    #[default]
    AsWritten,
    /// They may, even where the schema says no.
    Allowed,
    /// They may not, even where the schema says yes.
    Refused,
}

/// How names of properties compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PropertyNames {
    /// Exactly.
    #[default]
    CaseSensitive,
    /// Without regard to case.
    CaseInsensitive,
}

/// What a policy changes about a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Overrides {
    additional: AdditionalProperties,
    names: PropertyNames,
}

impl Overrides {
    /// How many there are.
    pub(super) const COUNT: usize = 6;

    /// Both kinds together.
    pub fn new(additional: AdditionalProperties, names: PropertyNames) -> Self {
        Self { additional, names }
    }

    pub(super) fn names(self) -> PropertyNames {
        self.names
    }

    pub(super) fn additional(self) -> AdditionalProperties {
        self.additional
    }

    /// Below [`Overrides::COUNT`], one for each.
    pub(super) fn index(self) -> usize {
        let additional = match self.additional {
            AdditionalProperties::AsWritten => 0,
            AdditionalProperties::Allowed => 1,
            AdditionalProperties::Refused => 2,
        };
        let names = match self.names {
            PropertyNames::CaseSensitive => 0,
            PropertyNames::CaseInsensitive => 3,
        };
        additional + names
    }

    /// Changes the schemas of a document.
    pub(super) fn apply(self, root: &mut Value) {
        if self == Self::default() {
            return;
        }
        each_schema(root, &mut |schema, role| {
            if self.names == PropertyNames::CaseInsensitive {
                fold_names(schema);
            }
            match self.additional {
                AdditionalProperties::AsWritten => {}
                AdditionalProperties::Allowed => {
                    for key in ["additionalProperties", "unevaluatedProperties"] {
                        if schema.get(key) == Some(&Value::Bool(false)) {
                            schema.remove(key);
                        }
                    }
                }
                AdditionalProperties::Refused => {
                    schema.remove("additionalProperties");
                    schema.remove("unevaluatedProperties");
                    // Not on parts and definitions: each branch of an `allOf` knows only its own properties, and it is
                    // the value as a whole that may have no others.
                    if role == Role::Value {
                        refuse(schema);
                    }
                }
            }
        });
    }

    /// Changes the schema that refers to the one that is asked for.
    pub(super) fn apply_to_use(self, schema: &mut Value) {
        if self.additional == AdditionalProperties::Refused
            && let Some(schema) = schema.as_object_mut()
        {
            refuse(schema);
        }
    }
}

fn refuse(schema: &mut Map<String, Value>) {
    schema.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
}

/// Lower-cases the names of properties; those of the body are lower-cased, too.
fn fold_names(schema: &mut Map<String, Value>) {
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("properties" | "dependentSchemas", Value::Object(all)) => fold_keys(all),
            ("dependentRequired", Value::Object(all)) => {
                fold_keys(all);
                all.values_mut().for_each(fold_list);
            }
            ("patternProperties", Value::Object(all)) => {
                let patterns = std::mem::take(all).into_iter();
                all.extend(patterns.map(|(pattern, schema)| (format!("(?i){pattern}"), schema)));
            }
            ("required", list) => fold_list(list),
            _ => {}
        }
    }
}

fn fold_keys(all: &mut Map<String, Value>) {
    let members = std::mem::take(all).into_iter();
    all.extend(members.map(|(name, value)| (name.to_lowercase(), value)));
}

fn fold_list(list: &mut Value) {
    for name in list.as_array_mut().into_iter().flatten() {
        if let Value::String(text) = name {
            *text = text.to_lowercase();
        }
    }
}
