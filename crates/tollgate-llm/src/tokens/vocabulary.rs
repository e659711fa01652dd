//! The tokens of an encoding, and how many of them a text is.

use std::collections::HashSet;

use bpe_openai::Tokenizer;
use foldhash::fast::FixedState;

use super::Encoding;
use super::split::first_piece;

/// The longest token that is looked up whole; nearly all words and punctuation are shorter.
const SHORT: usize = 15;

/// The tokens of an encoding.
pub(super) struct Vocabulary {
    encoding: Encoding,
    tokenizer: &'static Tokenizer,
    /// The tokens up to [`SHORT`] bytes, so that a piece that is one of them costs one probe.
    short: HashSet<u128, FixedState>,
}

impl Vocabulary {
    pub(super) fn new(encoding: Encoding, tokenizer: &'static Tokenizer) -> Self {
        let ids = 0..u32::try_from(tokenizer.bpe.num_tokens()).unwrap_or(0);
        let short = ids.filter_map(|id| short(tokenizer.bpe.token_bytes(id))).collect();
        Self { encoding, tokenizer, short }
    }

    /// The tokens of a text if they are not more than `limit`. Linear in the smaller of the two.
    pub(super) fn count(&self, text: &str, limit: u64) -> Option<u64> {
        let mut rest = text;
        let mut total = 0_u64;
        while !rest.is_empty() {
            let left = limit.checked_sub(total)?;
            let end = first_piece(rest.as_bytes(), self.encoding)
                .or_else(|| self.tokenizer.split(rest).next().map(str::len));
            // All text has a first piece, or it is one.
            let (piece, after) =
                end.and_then(|end| rest.split_at_checked(end)).unwrap_or((rest, ""));
            total += self.piece(piece.as_bytes(), left)?;
            rest = after;
        }
        (total <= limit).then_some(total)
    }

    fn piece(&self, piece: &[u8], limit: u64) -> Option<u64> {
        if short(piece).is_some_and(|piece| self.short.contains(&piece)) {
            return Some(1);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.tokenizer.bpe.count_till_limit(piece, limit).map(|count| count as u64)
    }
}

/// A text up to [`SHORT`] bytes as a number that no other text has.
fn short(text: &[u8]) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes.get_mut(..SHORT)?.get_mut(..text.len())?.copy_from_slice(text);
    let [.., length] = &mut bytes;
    *length = u8::try_from(text.len()).ok()?;
    Some(u128::from_le_bytes(bytes))
}
