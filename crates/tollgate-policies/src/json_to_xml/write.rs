//! A tree of JSON as XML.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_engine::PolicyError;
use tollgate_expr::{EvalState, Exception, Json, Value};

use crate::message_body::{DEEPEST, LONGEST, too_deep, too_large, unreadable};
use crate::xml_text::{push_attribute, push_text};

/// Element around JSON that has no root of its own.
const ROOT: &str = "Document";

/// Element of an item of a root array.
const ITEM: &str = "Item";

const NIL: &str = " xsi:nil=\"true\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" />";

/// What keys of objects mean beside names of elements.
#[derive(Debug)]
pub(super) struct Names {
    /// Between a prefix and a name.
    pub(super) separator: Arc<str>,
    /// Beginning of keys that declare namespaces.
    pub(super) prefix: Option<Arc<str>>,
    /// Key of the object that holds attributes.
    pub(super) block: Option<Arc<str>>,
}

struct Writer<'a> {
    state: &'a mut EvalState,
    names: &'a Names,
    out: String,
    /// Prefixes in scope, and how many elements around declare each.
    scope: HashMap<String, usize>,
    depth: usize,
}

/// A member of an object.
type Member = (Arc<str>, Value);

/// Writes a document.
pub(super) fn write(
    state: &mut EvalState,
    root: &Value,
    names: &Names,
) -> Result<String, PolicyError> {
    let scope = HashMap::from([("xml".to_owned(), 1)]);
    let mut writer = Writer { state, names, out: String::new(), scope, depth: 0 };
    writer.root(root)?;
    Ok(writer.out)
}

fn read_failure(exception: &Exception) -> PolicyError {
    unreadable("JsonInvalid", exception)
}

impl Writer<'_> {
    fn root(&mut self, root: &Value) -> Result<(), PolicyError> {
        if let Some(Json::Object(1)) = self.state.json(root)
            && let Some((Some(name), value)) = self.state.json_item(root, 0)
            && !self.is_special(&name)
            && !matches!(self.state.json(&value), Some(Json::Array(count)) if count != 1)
        {
            return self.member(&name, &value);
        }
        if let Some(Json::Array(count)) = self.state.json(root) {
            self.out.extend(["<", ROOT, ">"]);
            for index in 0..count {
                if let Some((_, item)) = self.state.json_item(root, index) {
                    self.element(ITEM, &item)?;
                }
            }
            self.out.extend(["</", ROOT, ">"]);
            return Ok(());
        }
        self.element(ROOT, root)
    }

    /// Whether a key is not the name of an element.
    fn is_special(&self, key: &str) -> bool {
        self.names.block.as_deref() == Some(key) || self.declared(key).is_some()
    }

    /// The prefix that a key declares; empty for the default namespace.
    fn declared<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.names.prefix.as_deref()?)?;
        if rest.is_empty() {
            return Some(rest);
        }
        let separator = &*self.names.separator;
        let prefix = rest.strip_prefix(separator).or_else(|| rest.strip_prefix(':'))?;
        let is_name = !prefix.is_empty()
            && !prefix.contains(':')
            && tollgate_expr::xml_name(prefix) == prefix;
        is_name.then_some(prefix)
    }

    /// An element for the value, or for each of its items.
    fn member(&mut self, key: &str, value: &Value) -> Result<(), PolicyError> {
        match self.state.json(value) {
            Some(Json::Array(count)) if count > 0 => {
                for index in 0..count {
                    if let Some((_, item)) = self.state.json_item(value, index) {
                        self.element(key, &item)?;
                    }
                }
                Ok(())
            }
            _ => self.element(key, value),
        }
    }

    fn element(&mut self, key: &str, value: &Value) -> Result<(), PolicyError> {
        self.charge()?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep());
        }
        let (special, members) = self.members(value);
        let declared: Vec<&str> =
            special.iter().filter_map(|(key, _)| self.declared(key)).collect();
        for prefix in &declared {
            *self.scope.entry((*prefix).to_owned()).or_default() += 1;
        }
        let name = self.name(key);
        self.out.push('<');
        self.out.push_str(&name);
        for (key, value) in &special {
            self.special(key, value)?;
        }
        self.content(&name, key, value, &members)?;
        for prefix in declared {
            if let Some(count) = self.scope.get_mut(prefix) {
                *count -= 1;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The members of an object: those that belong into the tag, and the elements.
    fn members(&self, value: &Value) -> (Vec<Member>, Vec<Member>) {
        let Some(Json::Object(count)) = self.state.json(value) else {
            return (Vec::new(), Vec::new());
        };
        let all = (0..count).filter_map(|index| self.state.json_item(value, index));
        let named = all.filter_map(|(name, value)| Some((name?, value)));
        named.partition(|(name, value)| {
            // A block that is no object is an element like others.
            self.declared(name).is_some()
                || self.names.block.as_ref() == Some(name)
                    && matches!(self.state.json(value), Some(Json::Object(_)))
        })
    }

    /// A declaration, or the attributes of a block.
    fn special(&mut self, key: &str, value: &Value) -> Result<(), PolicyError> {
        if let Some(prefix) = self.declared(key) {
            let name =
                if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            return self.attribute(&name, value);
        }
        let Some(Json::Object(count)) = self.state.json(value) else { return Ok(()) };
        for index in 0..count {
            if let Some((Some(name), value)) = self.state.json_item(value, index) {
                let name = self.name(&name);
                self.attribute(&name, &value)?;
            }
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &Value) -> Result<(), PolicyError> {
        let text = self.text(value)?;
        self.out.extend([" ", name, "=\""]);
        push_attribute(text.as_deref().unwrap_or(""), &mut self.out);
        self.out.push('"');
        self.charge()
    }

    /// What follows the attributes of an element.
    fn content(
        &mut self,
        name: &str,
        key: &str,
        value: &Value,
        members: &[Member],
    ) -> Result<(), PolicyError> {
        let start = self.out.len();
        self.out.push('>');
        match self.state.json(value) {
            Some(Json::Object(_)) => {
                for (key, value) in members {
                    self.member(key, value)?;
                }
            }
            Some(Json::Array(count)) => {
                for index in 0..count {
                    if let Some((_, item)) = self.state.json_item(value, index) {
                        self.element(key, &item)?;
                    }
                }
            }
            Some(Json::Scalar(Value::Null)) | None => {
                self.out.truncate(start);
                self.out.push_str(NIL);
                return Ok(());
            }
            Some(Json::Scalar(_)) => {
                let text = self.text(value)?;
                push_text(text.as_deref().unwrap_or(""), &mut self.out);
            }
        }
        if self.out.len() == start + 1 {
            self.out.truncate(start);
            self.out.push_str(" />");
        } else {
            self.out.extend(["</", name, ">"]);
        }
        Ok(())
    }

    /// As .NET writes the value; none of null.
    fn text(&mut self, value: &Value) -> Result<Option<Arc<str>>, PolicyError> {
        value.to_text(self.state).map_err(|exception| read_failure(&exception))
    }

    /// A key as a name: with a prefix when it names one that is declared.
    fn name(&self, key: &str) -> String {
        let separator = &*self.names.separator;
        if !separator.is_empty()
            && let Some((prefix, local)) = key.split_once(separator)
            && !local.is_empty()
            && !prefix.is_empty()
            && self.scope.get(prefix).is_some_and(|count| *count > 0)
        {
            return format!("{prefix}:{}", local_name(local));
        }
        local_name(key)
    }

    fn charge(&mut self) -> Result<(), PolicyError> {
        self.state.budget().step(1).map_err(|exception| read_failure(&exception))?;
        if self.out.len() > LONGEST { Err(too_large()) } else { Ok(()) }
    }
}

fn local_name(text: &str) -> String {
    if text.is_empty() {
        return "_".to_owned();
    }
    tollgate_expr::xml_name(text).replace(':', "_x003A_")
}
