//! `JContainer.Merge`.

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

/// `MergeArrayHandling`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MergeArrays {
    #[default]
    Concat,
    Union,
    Replace,
    Merge,
}

/// `MergeNullValueHandling`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MergeNulls {
    #[default]
    Ignore,
    Merge,
}

/// `JsonMergeSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MergeSettings {
    /// What happens to arrays.
    pub(crate) arrays: MergeArrays,
    /// What happens to nulls.
    pub(crate) nulls: MergeNulls,
    /// Whether property names are compared without regard to case.
    pub(crate) any_case: bool,
}

impl JsonHeap {
    /// `Merge(content, settings)`.
    pub(crate) fn merge(
        &mut self,
        container: JsonId,
        content: Option<JsonId>,
        settings: MergeSettings,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
}
