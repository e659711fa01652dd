//! The writer.

use super::{JsonHeap, JsonId, Scalar};
use crate::{Budget, Exception};

/// `Newtonsoft.Json.Formatting`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Formatting {
    #[default]
    None,
    Indented,
}

/// `JsonTextWriter` as `JsonConvert.SerializeObject` uses it. The caller writes what JSON allows; commas, line ends and
/// indentation come by themselves.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    out: String,
    formatting: Formatting,
}

impl JsonWriter {
    /// A writer of nothing yet.
    pub(crate) fn new(formatting: Formatting) -> Self {
        todo!()
    }
    /// `{`.
    pub(crate) fn start_object(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// `}`.
    pub(crate) fn end_object(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// `[`.
    pub(crate) fn start_array(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// `]`.
    pub(crate) fn end_array(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// `"name":`.
    pub(crate) fn name(&mut self, name: &str, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// A value.
    pub(crate) fn value(&mut self, value: &Scalar, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// A string.
    pub(crate) fn string(&mut self, value: &str, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// A token with all it holds.
    pub(crate) fn token(
        &mut self,
        heap: &JsonHeap,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// The text.
    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// `JsonConvert.ToString(text)`: quoted and escaped.
pub(crate) fn escape(text: &str, budget: &mut Budget) -> Result<String, Exception> {
    todo!()
}
