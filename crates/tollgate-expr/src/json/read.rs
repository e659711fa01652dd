//! The lenient reader.

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

/// How deep text may nest. Json.NET 12 has no bound; deeper text is a `JsonReaderException` here.
pub(crate) const MAX_DEPTH: usize = 512;

/// `DateParseHandling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DateParse {
    /// Text that looks like a date becomes one, as in `JObject.Parse`.
    #[default]
    DateTime,
    /// Text stays text.
    None,
}

impl JsonHeap {
    /// `JToken.Parse(text)`.
    pub(crate) fn parse(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `JObject.Parse(text)`.
    pub(crate) fn parse_object(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `JArray.Parse(text)`.
    pub(crate) fn parse_array(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `JsonConvert.DeserializeObject(text)` as a token; none for empty text.
    pub(crate) fn deserialize(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
}
