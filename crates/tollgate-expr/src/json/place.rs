//! Where in its text a token was read: messages about what does not convert say it.
//!
//! A token keeps the number of its last byte in all texts of the request; lines and columns are counted when somebody asks.

use std::sync::Arc;

use bytes::Bytes;

use super::{JsonHeap, JsonId};

/// A text that tokens were read from.
#[derive(Debug)]
pub(crate) enum SourceText {
    Str(Arc<str>),
    /// A body in UTF-8.
    Bytes(Bytes),
}

impl SourceText {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The texts that were kept, with the number of their first byte.
#[derive(Debug, Default)]
pub(super) struct Texts {
    kept: Vec<(u32, SourceText)>,
    /// The number of the first byte of the text read last, and of the next one.
    last: u32,
    next: u32,
}

impl Texts {
    /// A text is about to be read: the number of its first byte. Zero is the place of tokens that were not read.
    pub(super) fn begin(&mut self, len: usize) -> u32 {
        self.last = self.next.saturating_add(1);
        self.next = u32::try_from(len).map_or(u32::MAX, |len| self.last.saturating_add(len));
        self.last
    }
}

impl JsonHeap {
    /// Keeps the text that was read last, so that its tokens know their places.
    pub(crate) fn keep(&mut self, text: SourceText) {
        self.texts.kept.push((self.texts.last, text));
    }

    /// The line and the column behind a token; none when it was not read from a text that was kept.
    pub(crate) fn place(&self, id: JsonId) -> Option<(usize, usize)> {
        let place = self.node(id).place;
        let (first, text) = self.texts.kept.iter().rev().find(|(first, _)| *first <= place)?;
        let before = text.bytes().get(..(place - first) as usize)?;
        let mut line = 1;
        let mut start = 0;
        for (at, byte) in before.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => before.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                line += 1;
                start = at + 1;
            }
        }
        let column = std::str::from_utf8(before.get(start..)?).ok()?.encode_utf16().count();
        Some((line, column))
    }
}
