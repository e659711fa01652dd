//! JSON that is to be validated, with the places of its values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::PropertyNames;
use crate::jose::parse_strict_value;

/// Why text is no JSON that can be validated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// It is not well-formed, nested too deeply, or repeats a property.
    #[error("{0}")]
    Syntax(String),
    /// Two names of one object are the same without regard to case.
    #[error("the property `{0}` is repeated")]
    Repeated(String),
}

/// JSON that is to be validated.
#[derive(Debug)]
pub struct Instance<'a> {
    /// What it was read from; empty when it was not read.
    text: &'a [u8],
    value: Cow<'a, Value>,
    names: PropertyNames,
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inside {
    Property(String),
    Item(usize),
}

impl<'a> Instance<'a> {
    /// Reads JSON. A repeated property is refused: whoever reads the body next may take the other value.
    pub fn parse(text: &'a [u8], names: PropertyNames) -> Result<Self, InstanceError> {
        // Some clients begin with a byte order mark, and .NET's readers skip it.
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut value =
            parse_strict_value(text).map_err(|error| InstanceError::Syntax(error.to_string()))?;
        if names == PropertyNames::CaseInsensitive {
            fold(&mut value)?;
        }
        Ok(Self { text, value: Cow::Owned(value), names })
    }

    /// A value that is at hand.
    pub fn of(value: &'a Value) -> Self {
        Self { text: &[], value: Cow::Borrowed(value), names: PropertyNames::CaseSensitive }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Line and column, from 1, of the value at this path.
    pub(super) fn locate(&self, path: &[Inside]) -> (usize, usize) {
        let at = self.offset(path).unwrap_or(0);
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n');
        let column = line.clone().next_back().map_or(0, <[u8]>::len);
        (line.count().max(1), column + 1)
    }

    fn offset(&self, path: &[Inside]) -> Option<usize> {
        let mut reader = Reader { text: self.text, at: 0 };
        reader.white_space();
        for step in path {
            // Past the opening bracket.
            reader.at += 1;
            reader.white_space();
            match step {
                Inside::Property(name) => loop {
                    let start = reader.at;
                    reader.value()?;
                    let key: String =
                        serde_json::from_slice(self.text.get(start..reader.at)?).ok()?;
                    reader.separator(b':')?;
                    let folded = self.names == PropertyNames::CaseInsensitive;
                    if key == *name || folded && key.to_lowercase() == *name {
                        break;
                    }
                    reader.value()?;
                    reader.separator(b',')?;
                },
                Inside::Item(index) => {
                    for _ in 0..*index {
                        reader.value()?;
                        reader.separator(b',')?;
                    }
                }
            }
        }
        Some(reader.at)
    }
}

fn fold(value: &mut Value) -> Result<(), InstanceError> {
    match value {
        Value::Object(members) => {
            let mut folded = Map::new();
            for (name, mut value) in std::mem::take(members) {
                fold(&mut value)?;
                let name = name.to_lowercase();
                if folded.contains_key(&name) {
                    return Err(InstanceError::Repeated(name));
                }
                folded.insert(name, value);
            }
            *members = folded;
        }
        Value::Array(items) => items.iter_mut().try_for_each(fold)?,
        _ => {}
    }
    Ok(())
}

/// Walks over JSON that is known to be well-formed.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn white_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn separator(&mut self, expected: u8) -> Option<()> {
        self.white_space();
        (self.peek()? == expected).then(|| self.at += 1)?;
        self.white_space();
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => {
                    while self.peek().is_some_and(|byte| !b",:]} \t\r\n".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        loop {
            self.at += 1;
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at += 1;
        Some(())
    }
}
