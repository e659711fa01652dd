//! Where in its text a token was read: messages about what does not convert say it.
//!
//! Nothing is noted while text is read. The tokens of a text have their ids in the order in which they stand there, so a
//! place is found by reading the text again, which only a fault does.

use std::sync::Arc;

use bytes::Bytes;

use super::read::{DateParse, Reader, Token};
use super::{JsonHeap, JsonId};
use crate::Budget;

/// A text that tokens were read from.
#[derive(Debug)]
pub(crate) enum SourceText {
    Str(Arc<str>),
    /// A body in UTF-8.
    Bytes(Bytes),
}

/// A text, its first token, and how many tokens there were behind it.
#[derive(Debug)]
pub(super) struct Kept {
    first: JsonId,
    end: usize,
    text: SourceText,
}

impl JsonHeap {
    /// Keeps the text that was read last, whose first token this is, so that its tokens know their places.
    pub(crate) fn keep_source(&mut self, first: JsonId, text: SourceText) {
        let end = self.mark();
        self.kept.push(Kept { first, end, text });
    }

    /// The line and the column behind a token; none when it was not read from a text that was kept.
    pub(super) fn line_and_column(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Option<(usize, usize)> {
        let kept = self.kept.iter().rev().find(|kept| kept.first <= id)?;
        if id.index() >= kept.end {
            return None;
        }
        let text = match &kept.text {
            SourceText::Str(text) => text,
            SourceText::Bytes(bytes) => std::str::from_utf8(bytes).ok()?,
        };
        let mut reader = Reader::new(text, DateParse::None);
        let mut left = id.index() - kept.first.index();
        while reader.read(budget).ok()? {
            match reader.token {
                // A comment is a token only when there is nothing else.
                Token::Comment if id != kept.first => {}
                Token::EndObject | Token::EndArray | Token::EndConstructor | Token::None => {}
                _ if left == 0 => return Some(reader.place()),
                _ => left -= 1,
            }
        }
        None
    }
}
