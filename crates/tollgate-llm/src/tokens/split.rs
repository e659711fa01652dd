//! Splits text as the encodings do before they look for tokens, without their regular expressions where it is ASCII.
//!
//! `cl100k_base` and `o200k_base` take pieces from the front of a text: words with the character before them, up to three
//! digits, punctuation, white space. What is decided by ASCII alone is decided here; where a character beyond it has a
//! say, the expression itself is asked. The expressions are those of `tiktoken`'s `openai_public.py`.

use super::Encoding;

/// What the expressions tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    /// `\r` and `\n`.
    Newline,
    /// White space but these.
    Space,
    Other,
    /// No ASCII.
    Beyond,
}

use Class::{Beyond, Digit, Lower, Newline, Other, Space, Upper};

const fn class(byte: u8) -> Class {
    match byte {
        b'A'..=b'Z' => Upper,
        b'a'..=b'z' => Lower,
        b'0'..=b'9' => Digit,
        b'\r' | b'\n' => Newline,
        b' ' | b'\t' | 0x0b | 0x0c => Space,
        0x80.. => Beyond,
        _ => Other,
    }
}

static CLASSES: [Class; 256] = {
    let mut classes = [Other; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::indexing_slicing,
            reason = "there are 256 bytes, and this happens when it is compiled"
        )]
        {
            classes[byte] = class(byte as u8);
        }
        byte += 1;
    }
    classes
};

/// The bytes of the first piece of a text; `None` when ASCII alone does not tell. More than 0 and within the text, unless
/// that is empty.
pub(super) fn first_piece(text: &[u8], encoding: Encoding) -> Option<usize> {
    let text = Ascii(text);
    match (text.class(0), text.class(1)) {
        (Some(Beyond), _) | (Some(Other | Space), Some(Beyond)) => None,
        (Some(Upper | Lower), _) => text.word(0, encoding),
        // `cl100k_base` makes a piece of an apostrophe and what is written together with it.
        (Some(Other), _) if encoding == Encoding::Cl100k && text.suffix(0) != Some(0) => {
            text.suffix(0)
        }
        // Any one character but newlines and digits goes with the word after it.
        (Some(Other | Space), Some(Upper | Lower)) => text.word(1, encoding),
        (Some(Digit), _) => text.digits(),
        (Some(Other), _) => text.punctuation(0, encoding),
        (Some(Space), Some(Other)) if text.0.first() == Some(&b' ') => {
            text.punctuation(1, encoding)
        }
        (Some(Space | Newline), _) => text.space(),
        (None, _) => Some(0),
    }
}

struct Ascii<'a>(&'a [u8]);

impl Ascii<'_> {
    fn class(&self, at: usize) -> Option<Class> {
        self.0.get(at).and_then(|byte| CLASSES.get(usize::from(*byte))).copied()
    }

    /// Where a run of such characters ends that begins there; `None` when that is not decided by ASCII.
    fn run(&self, at: usize, is_in: impl Fn(Class) -> bool) -> Option<usize> {
        let mut end = at;
        while let Some(class) = self.class(end) {
            match class {
                Beyond => return None,
                class if is_in(class) => end += 1,
                _ => break,
            }
        }
        Some(end)
    }

    /// The end of a word that begins there.
    fn word(&self, at: usize, encoding: Encoding) -> Option<usize> {
        if encoding == Encoding::Cl100k {
            return self.run(at, |class| matches!(class, Upper | Lower));
        }
        // Capitals and then small letters, of either any number; what is written together with an apostrophe belongs to it.
        let capitals = self.run(at, |class| class == Upper)?;
        let end = self.run(capitals, |class| class == Lower)?;
        self.suffix(end)
    }

    /// The end of `'s` and its like where one stands there, and `at` where none does.
    fn suffix(&self, at: usize) -> Option<usize> {
        if self.0.get(at) != Some(&b'\'') {
            return Some(at);
        }
        let letter = |at: usize| self.0.get(at).map_or(0, u8::to_ascii_lowercase);
        match (letter(at + 1), letter(at + 2)) {
            // A letter beyond ASCII may be the same as one of these when case is ignored.
            (0x80.., _) => None,
            (b's' | b't' | b'm' | b'd', _) => Some(at + 2),
            (b'r' | b'v', b'e') | (b'l', b'l') => Some(at + 3),
            _ => Some(at),
        }
    }

    fn digits(&self) -> Option<usize> {
        for at in 1..3 {
            match self.class(at) {
                Some(Digit) => {}
                Some(Beyond) => return None,
                _ => return Some(at),
            }
        }
        Some(3)
    }

    /// Punctuation from there on, with the newlines after it.
    fn punctuation(&self, at: usize, encoding: Encoding) -> Option<usize> {
        let end = self.run(at, |class| class == Other)?;
        let rest = self.0.get(end..).unwrap_or_default();
        let goes_on = |byte: &u8| {
            matches!(byte, b'\r' | b'\n') || (encoding == Encoding::O200k && *byte == b'/')
        };
        Some(end + rest.iter().take_while(|byte| goes_on(byte)).count())
    }

    /// White space to its last newline, else all but its last character, which goes with what follows.
    fn space(&self) -> Option<usize> {
        let end = self.run(0, |class| matches!(class, Space | Newline))?;
        let run = self.0.get(..end).unwrap_or_default();
        let newline = memchr::memrchr2(b'\r', b'\n', run);
        Some(match newline {
            Some(newline) => newline + 1,
            None if end == self.0.len() || end == 1 => end,
            None => end - 1,
        })
    }
}
