//! Events that differ from the one before in one text alone, as nearly all of a stream do.

use std::ops::Range;

use super::delta::{Envelope, Part};
use crate::json::Value;

/// Longest event that others are compared with, in bytes.
const MAX_MODEL: usize = 4 << 10;

/// An event that had nothing for the answer but one text.
///
/// INVARIANT: an event that is the same but for a text without escapes reads as this one does with that text in its place.
#[derive(Debug)]
pub(super) struct Model {
    event: Vec<u8>,
    /// What stands between the quotes of the text.
    text: Range<usize>,
    choice: u64,
    part: Part,
    /// What the client is not to see of it.
    cut: Option<Range<usize>>,
}

/// What an event has that is like its model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alike<'e> {
    pub(super) choice: u64,
    pub(super) part: Part,
    pub(super) text: &'e str,
    pub(super) cut: Option<Range<usize>>,
}

impl Model {
    /// Makes an event that has been read into a model, in the place of `last`. `None` when more may follow from reading another
    /// of its kind than that its text is added.
    pub(super) fn of(
        last: Option<Self>,
        event: &[u8],
        envelope: &Envelope<'_>,
        (choice, part, text): (u64, Part, &str),
        cut: Option<Range<usize>>,
    ) -> Option<Self> {
        let is_delta = envelope.kind.as_deref().is_none_or(|kind| kind == "content_block_delta");
        let nested = [envelope.usage_metadata, envelope.response, envelope.message];
        let says_usage =
            nested.iter().any(Option::is_some) || !envelope.usage.is_none_or(Value::is_null);
        if !is_delta || says_usage || event.len() > MAX_MODEL {
            return None;
        }
        let start = text.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
        let end = start.checked_add(text.len())?;
        // It may stand somewhere else, if the event's data was put together from several lines.
        (event.get(start..end)? == text.as_bytes()).then_some(())?;
        let mut bytes = last.map_or_else(Vec::new, |last| last.event);
        bytes.clear();
        bytes.extend_from_slice(event);
        Some(Self { event: bytes, text: start..end, choice, part, cut })
    }

    /// What an event has, if it is like this one.
    pub(super) fn read<'e>(&self, event: &'e [u8]) -> Option<Alike<'e>> {
        let before = self.event.get(..self.text.start)?;
        let after = self.event.get(self.text.end..)?;
        let text = event.strip_prefix(before)?.strip_suffix(after)?;
        let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        if text.is_empty() || !text.iter().all(is_plain) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let moved = |at: usize| {
            if at < self.text.end { at } else { at - self.text.len() + text.len() }
        };
        let cut = self.cut.as_ref().map(|cut| moved(cut.start)..moved(cut.end));
        Some(Alike { choice: self.choice, part: self.part, text, cut })
    }
}
