//! Counts of tokens: which encoding a model has, and how many tokens a text is.

mod split;
mod vocabulary;

use std::sync::{LazyLock, Once};
use std::thread;

use vocabulary::Vocabulary;

/// The vocabulary by which a model splits text into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `cl100k_base`: gpt-3.5, gpt-4, gpt-4-turbo and the embedding models.
    Cl100k,
    /// `o200k_base`: gpt-4o and everything after it. Also taken for models of others, whose vocabularies are not public.
    O200k,
}

/// Parts of names whose models have `cl100k_base`. Deployments in Azure are named freely, so a part may stand anywhere.
const CL100K: &[&str] = &[
    "gpt-35",
    "gpt-3.5",
    "gpt35",
    "gpt3.5",
    "embedding-ada",
    "ada-002",
    "text-embedding",
    "embedding-3",
    "davinci-002",
    "babbage-002",
];
/// Parts that begin the name of gpt-4 and of what came after it; the next characters tell which.
const GPT4: &[&str] = &["gpt-4", "gpt4"];
/// How names of models after gpt-4 and gpt-4-turbo go on.
const AFTER_GPT4: &[&str] = &["o", ".1", ".5", "1", "5", "-1-"];

/// No token of the encodings has more bytes.
const LONGEST_TOKEN: usize = 512;

impl Encoding {
    /// The encoding of a model or of a deployment that is named after one; `o200k_base` when the name says nothing.
    ///
    /// Dates (`gpt-4-0613`), fine-tunes (`ft:gpt-3.5-turbo:org::id`), publishers (`openai/gpt-4o`) and Azure's
    /// spelling (`gpt-35-turbo`) are understood, in any case.
    ///
    /// ```
    /// use tollgate_llm::Encoding;
    ///
    /// assert_eq!(Encoding::of_model("team-a-gpt-35-turbo"), Encoding::Cl100k);
    /// assert_eq!(Encoding::of_model("gpt-4o-2024-08-06"), Encoding::O200k);
    /// ```
    pub fn of_model(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let base = match name.strip_prefix("ft:") {
            Some(tuned) => tuned.split(':').next().unwrap_or(tuned),
            None => &name,
        };
        if CL100K.iter().any(|part| base.contains(part)) {
            return Self::Cl100k;
        }
        let mut gpt4 = GPT4.iter().filter_map(|part| base.split_once(part));
        match gpt4.next() {
            Some((_, rest)) if !AFTER_GPT4.iter().any(|next| rest.starts_with(next)) => {
                Self::Cl100k
            }
            _ => Self::O200k,
        }
    }

    fn vocabulary(self) -> &'static Vocabulary {
        static CL100K: LazyLock<Vocabulary> =
            LazyLock::new(|| Vocabulary::new(Encoding::Cl100k, bpe_openai::cl100k_base()));
        static O200K: LazyLock<Vocabulary> =
            LazyLock::new(|| Vocabulary::new(Encoding::O200k, bpe_openai::o200k_base()));
        match self {
            Self::Cl100k => &CL100K,
            Self::O200k => &O200K,
        }
    }

    /// Begins to read the vocabularies in a thread of its own, once; otherwise that happens at the first count, which then
    /// takes some tens of milliseconds.
    pub fn read_ahead() {
        static BEGUN: Once = Once::new();
        BEGUN.call_once(|| {
            // Without a thread it happens at the first count.
            let reading = || [Self::O200k, Self::Cl100k].map(Self::vocabulary);
            thread::Builder::new().name("vocabularies".to_owned()).spawn(reading).ok();
        });
    }

    /// The number of tokens of a text, in time linear in its length whatever it says. Names of special tokens
    /// (`<|endoftext|>`) are counted as the text that they are.
    pub fn count(self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        self.vocabulary().count(text, u64::MAX).unwrap_or(u64::MAX)
    }

    /// The number of tokens of a text if it is not above `limit`, in time that grows with the smaller of the two.
    pub fn count_till_limit(self, text: &str, limit: u64) -> Option<u64> {
        if text.len() as u64 > limit.saturating_mul(LONGEST_TOKEN as u64) {
            return None;
        }
        self.vocabulary().count(text, limit)
    }
}

/// Whether a model is of a family (`o3`, `gpt-5`), by the parts of its name.
pub(crate) fn is_of_family(model: &str, family: &str) -> bool {
    let parts = |name: &str| {
        let plain = name.to_ascii_lowercase();
        format!("-{}-", plain.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
    };
    parts(model).contains(&parts(family))
}

/// Counts the tokens of a text that comes in pieces.
///
/// The pieces are put together into blocks, and a block is cut where the encodings never join what stands before and
/// after; only a block without such a place (no space and no punctuation) is cut anywhere, which can cost a token or two.
#[derive(Debug)]
pub(crate) struct TextCounter {
    encoding: Encoding,
    counted: u64,
    pending: String,
    /// The tokens of what is pending, once they have been counted.
    tail: Option<u64>,
}

/// How many bytes are put together before they are counted.
const BLOCK: usize = 512;
/// The bytes of a block that has no place to cut it.
const LONGEST_BLOCK: usize = 2048;

impl TextCounter {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, counted: 0, pending: String::new(), tail: None }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.pending.push_str(text);
        self.tail = None;
        if self.pending.len() >= BLOCK {
            self.settle();
        }
    }

    /// Counts what comes before the last place where the text can be cut.
    pub(crate) fn settle(&mut self) {
        let cut = match last_seam(&self.pending) {
            Some(seam) => seam,
            None if self.pending.len() >= LONGEST_BLOCK => self.pending.len(),
            None => return,
        };
        self.counted += self.encoding.count(self.pending.get(..cut).unwrap_or_default());
        self.pending.drain(..cut);
        self.tail = None;
    }

    /// The tokens so far.
    pub(crate) fn total(&self) -> u64 {
        self.counted + self.tail.unwrap_or_else(|| self.encoding.count(&self.pending))
    }

    /// The same, remembered until the next piece.
    pub(crate) fn total_once(&mut self) -> u64 {
        self.tail = Some(self.total() - self.counted);
        self.total()
    }

    /// The tokens that there would be with one more piece.
    pub(crate) fn total_with(&self, text: &str) -> u64 {
        self.counted + self.encoding.count(&[&self.pending, text].concat())
    }

    /// At least as many as the tokens so far, found without counting: no token is shorter than a byte.
    pub(crate) fn at_most(&self) -> u64 {
        self.counted + self.pending.len() as u64
    }
}

/// The last place where both encodings begin a new piece whatever comes before and after.
///
/// Before a space that follows no white space: no piece has a space within, but for runs of white space. Before
/// punctuation that follows a letter or digit: pieces of letters end there. An apostrophe may go on a word.
fn last_seam(text: &str) -> Option<usize> {
    let mut next: Option<(usize, char)> = None;
    for (at, c) in text.char_indices().rev() {
        if let Some((seam, next)) = next {
            let before_space = next == ' ' && !c.is_whitespace();
            let before_punctuation = c.is_alphanumeric() && ends_words(next);
            if before_space || before_punctuation {
                return Some(seam);
            }
        }
        next = Some((at, c));
    }
    None
}

fn ends_words(c: char) -> bool {
    (c.is_ascii_punctuation() && c != '\'')
        || matches!(c, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{ff0c}' | '\u{ff01}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}')
}

#[cfg(test)]
pub(crate) mod tests;
