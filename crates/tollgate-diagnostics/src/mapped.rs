//! Text that was put together from an author's text, and where each part came from.

use std::fmt;
use std::ops::Range;

use crate::Span;

/// A run of [`MappedText`] that came from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where the run begins in the mapped text.
    pub start: usize,
    /// Where it came from.
    pub span: Span,
    /// Whether the run is the author's text byte for byte. When not (a named value, a decoded entity) every offset in
    /// it maps to the whole span.
    pub verbatim: bool,
    /// Whether the run holds the value of a secret named value. Such text is never shown.
    pub secret: bool,
}

/// Text after substitution and decoding, with a way back to what the author wrote.
///
/// INVARIANT: pieces are sorted by `start`, begin at 0 and are never empty unless the text is.
#[derive(Clone, PartialEq, Eq)]
pub struct MappedText {
    text: String,
    pieces: Vec<Piece>,
}

impl MappedText {
    /// Text that stands in the source as it is.
    pub fn verbatim(text: impl Into<String>, span: Span) -> Self {
        Self {
            text: text.into(),
            pieces: vec![Piece { start: 0, span, verbatim: true, secret: false }],
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The runs it is made of.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether any part of `range` came from a secret.
    pub fn is_secret(&self, range: Range<usize>) -> bool {
        self.overlapping(range).any(|(piece, _)| piece.secret)
    }

    /// Whether any part of the text came from a secret.
    pub fn has_secret(&self) -> bool {
        self.pieces.iter().any(|piece| piece.secret)
    }

    /// The place in the author's text of a range of this text.
    pub fn span(&self, range: Range<usize>) -> Span {
        let mut spans =
            self.overlapping(range.clone()).map(|(piece, end)| Self::part(piece, &range, end));
        let first = spans.next();
        let whole = first.map(|first| spans.fold(first, Span::to));
        whole.unwrap_or_else(|| {
            let last = self.pieces.last().map_or_else(|| self.fallback(), |piece| piece.span);
            Span { start: last.end, ..last }
        })
    }

    /// The place of the whole text.
    pub fn whole(&self) -> Span {
        self.span(0..self.text.len())
    }

    /// A part of this text as mapped text of its own. `range` must lie on character boundaries; what does not is empty.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> MappedText {
        let text = self.text.get(range.clone()).unwrap_or("").to_owned();
        let pieces: Vec<Piece> = self
            .overlapping(range.clone())
            .map(|(piece, end)| Piece {
                start: piece.start.saturating_sub(range.start),
                span: Self::part(piece, &range, end),
                ..piece.clone()
            })
            .collect();
        if pieces.is_empty() {
            return MappedText::verbatim(text, self.span(range));
        }
        MappedText { text, pieces }
    }

    fn fallback(&self) -> Span {
        crate::Sources::default().add("", "").span(0..self.text.len())
    }

    /// The pieces that share a byte with `range` (or hold its position, when it is empty), each with its end.
    fn overlapping(&self, range: Range<usize>) -> impl Iterator<Item = (&Piece, usize)> {
        // Documents can have as many pieces as named values, so the first one is not searched for from the start.
        let first = self.pieces.partition_point(|piece| piece.start <= range.start);
        let first = first.saturating_sub(1);
        let candidates = self.pieces.iter().enumerate().skip(first);
        let until = range.end.max(range.start.saturating_add(1));
        candidates.take_while(move |(_, piece)| piece.start < until).filter_map(
            move |(index, piece)| {
                let end = self.pieces.get(index + 1).map_or(self.text.len(), |next| next.start);
                let inside = if range.is_empty() {
                    piece.start <= range.start && range.start < end.max(piece.start + 1)
                } else {
                    piece.start < range.end && range.start < end
                };
                inside.then_some((piece, end))
            },
        )
    }

    fn part(piece: &Piece, range: &Range<usize>, end: usize) -> Span {
        if !piece.verbatim {
            return piece.span;
        }
        let from = range.start.max(piece.start) - piece.start;
        let to = range.end.min(end).max(range.start.max(piece.start)) - piece.start;
        let shift =
            |n: usize| piece.span.start.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        Span { file: piece.span.file, start: shift(from), end: shift(to) }
    }
}

/// Shows the text, but `***` where it is secret.
impl fmt::Debug for MappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(&self.text, &self.pieces, f)
    }
}

fn debug(text: &str, pieces: &[Piece], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let end = pieces.get(index + 1).map_or(text.len(), |next| next.start);
        let part = if piece.secret { "***" } else { text.get(piece.start..end).unwrap_or("") };
        shown.push_str(part);
    }
    f.debug_struct("MappedText").field("text", &shown).field("pieces", &pieces).finish()
}

/// Puts a [`MappedText`] together.
#[derive(Default)]
pub struct MappedTextBuilder {
    text: String,
    pieces: Vec<Piece>,
}

impl MappedTextBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text that stands at `span` byte for byte.
    pub fn verbatim(&mut self, text: &str, span: Span) -> &mut Self {
        self.push(text, Piece { start: self.text.len(), span, verbatim: true, secret: false })
    }

    /// Adds text that stands for what is at `span`: a decoded entity, a named value.
    pub fn replaced(&mut self, text: &str, span: Span, secret: bool) -> &mut Self {
        self.push(text, Piece { start: self.text.len(), span, verbatim: false, secret })
    }

    /// Adds a part of other mapped text.
    pub fn mapped(&mut self, other: &MappedText) -> &mut Self {
        let base = self.text.len();
        let moved =
            other.pieces.iter().map(|piece| Piece { start: piece.start + base, ..piece.clone() });
        if !other.text.is_empty() {
            self.pieces.extend(moved);
            self.text.push_str(&other.text);
        }
        self
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The finished text; `at` is its place when it is empty.
    pub fn finish(self, at: Span) -> MappedText {
        if self.pieces.is_empty() {
            return MappedText::verbatim(String::new(), at);
        }
        MappedText { text: self.text, pieces: self.pieces }
    }

    fn push(&mut self, text: &str, piece: Piece) -> &mut Self {
        if !text.is_empty() {
            self.text.push_str(text);
            self.pieces.push(piece);
        }
        self
    }
}

impl fmt::Debug for MappedTextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(&self.text, &self.pieces, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sources;

    #[test]
    fn ranges_map_back_through_replacements() {
        let file = Sources::default().add("a", "x &lt; {{k}} y");
        let mut builder = MappedTextBuilder::new();
        builder.verbatim("x ", file.span(0..2));
        builder.replaced("<", file.span(2..6), false);
        builder.verbatim(" ", file.span(6..7));
        builder.replaced("secret", file.span(7..12), true);
        builder.verbatim(" y", file.span(12..14));
        let text = builder.finish(file.span(0..14));
        assert_eq!(text.as_str(), "x < secret y");
        assert_eq!(text.span(0..1), file.span(0..1));
        assert_eq!(text.span(2..3), file.span(2..6));
        assert_eq!(text.span(5..7), file.span(7..12));
        assert_eq!(text.span(2..12), file.span(2..14));
        assert_eq!(text.span(12..12), file.span(14..14));
        assert!(text.is_secret(4..5) && !text.is_secret(0..4));
        let slice = text.slice(11..12);
        assert_eq!((slice.as_str(), slice.whole()), ("y", file.span(13..14)));
    }

    #[test]
    fn debug_output_hides_secrets() {
        let file = Sources::default().add("a", "key {{k}}");
        let mut builder = MappedTextBuilder::new();
        builder.verbatim("key ", file.span(0..4));
        builder.replaced("canary", file.span(4..9), true);
        let shown = format!("{builder:?} {:?}", builder.as_str().len());
        let text = builder.finish(file.span(0..9));
        for shown in [shown, format!("{text:?}"), format!("{:#?}", text.slice(5..8))] {
            assert!(shown.contains("***") && !shown.contains("ana"), "{shown}");
        }
    }
}
