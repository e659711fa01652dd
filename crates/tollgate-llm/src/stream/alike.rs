//! Events that differ from the one before in one text, and in a string that nobody reads, as nearly all of a stream do.

use std::ops::Range;

use super::delta::{Envelope, Part};
use crate::json::Value;

/// Longest event that others are compared with, in bytes.
const MAX_MODEL: usize = 4 << 10;

/// An event that had nothing for the answer but one text.
///
/// INVARIANT: an event that is the same but for a text without escapes, and for a string that is not looked at, reads as this one
/// does with that text in its place.
#[derive(Debug)]
pub(super) struct Model {
    event: Vec<u8>,
    /// Where others may differ, in the order of their places.
    gaps: [Option<Gap>; 2],
    choice: u64,
    part: Part,
    /// What the client is not to see of it.
    cut: Option<Range<usize>>,
}

/// What stands between the quotes of a string.
#[derive(Debug)]
struct Gap {
    at: Range<usize>,
    /// Whether it is the text; else it is one that nobody reads.
    is_text: bool,
}

impl Gap {
    /// `None` where the string does not stand in the event: its data may have been put together from several lines.
    fn of(event: &[u8], string: &[u8], is_text: bool) -> Option<Self> {
        let start = string.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
        let at = start..start.checked_add(string.len())?;
        (event.get(at.clone())? == string).then_some(Self { at, is_text })
    }
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
        let text = Gap::of(event, text.as_bytes(), true)?;
        let unread = envelope.unread.and_then(|string| Gap::of(event, string, false));
        let gaps = match unread {
            Some(unread) if unread.at.start < text.at.start => [Some(unread), Some(text)],
            unread => [Some(text), unread],
        };
        let mut bytes = last.map_or_else(Vec::new, |last| last.event);
        bytes.clear();
        bytes.extend_from_slice(event);
        Some(Self { event: bytes, gaps, choice, part, cut })
    }

    /// What an event has, if it is like this one.
    pub(super) fn read<'e>(&self, event: &'e [u8]) -> Option<Alike<'e>> {
        let (mut rest, mut read) = (event, 0);
        let mut text = None;
        // Up to where, by how many bytes less and by how many more.
        let mut moves = [(usize::MAX, 0, 0); 2];
        for (Gap { at, is_text }, moves) in self.gaps.iter().flatten().zip(&mut moves) {
            rest = rest.strip_prefix(self.event.get(read..at.start)?)?;
            read = at.end;
            // A string without escapes ends at the first of these; the next part of the model begins with its quote.
            let is_plain = |byte: &&u8| **byte >= b' ' && **byte != b'"' && **byte != b'\\';
            let length = rest.iter().take_while(is_plain).count();
            let (string, behind) = rest.split_at_checked(length)?;
            rest = behind;
            if *is_text {
                text = Some(string).filter(|text| !text.is_empty());
            }
            *moves = (at.end, at.len(), length);
        }
        if rest != self.event.get(read..)? {
            return None;
        }
        let text = std::str::from_utf8(text?).ok()?;
        let moved = |place: usize| {
            let before = moves.iter().filter(|(end, ..)| *end <= place);
            before.fold(place, |place, (_, less, more)| place - less + more)
        };
        let cut = self.cut.as_ref().map(|cut| moved(cut.start)..moved(cut.end));
        Some(Alike { choice: self.choice, part: self.part, text, cut })
    }
}
