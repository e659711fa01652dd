use super::*;

/// The same numbers in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// A place in a list of this length.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    fn below(&mut self, limit: u64) -> u64 {
        // xorshift64*: enough to vary texts.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % limit
    }
}

const WORDS: &[&str] = &[
    "the",
    "Tokens",
    "don't",
    "WE'LL",
    "http://a.b/c?d=e&f",
    "naïve",
    "Straße",
    "Привет",
    "мир",
    "γλώσσα",
    "שלום",
    "مرحبا",
    "हिन्दी",
    "ภาษาไทย",
    "中文分词",
    "日本語、テキスト。",
    "한국어",
    "😀👩‍👩‍👧",
    "12345",
    "3.14",
    "x_y",
    "{\"a\": [1, 2]}",
    "fn main() {",
    "\n",
    "\n\n  ",
    "\t",
    "   ",
    "e\u{301}",
    "“quoted”",
    "—",
    "!!!",
    "<|endoftext|>",
    "\r\n",
    "ǅungla",
    "１２３",
    "\u{a0}",
    "\u{2028}",
    "ﬁ",
    "ÅNGSTRÖM",
    "İi",
];

/// Texts in many scripts, always the same.
pub(crate) fn texts(n: u64) -> impl Iterator<Item = String> {
    (0..n).map(|seed| {
        let mut numbers = Numbers((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let length = 1 + numbers.below(60);
        let mut text = String::new();
        for _ in 0..length {
            text.push_str(WORDS[numbers.place(WORDS.len())]);
            if numbers.below(4) > 0 {
                text.push(' ');
            }
            if numbers.below(12) == 0 {
                let point = u32::try_from(numbers.below(0x3_0000)).unwrap();
                text.extend(char::from_u32(point));
            }
        }
        text
    })
}

#[test]
fn models_have_their_encodings() {
    for name in [
        "gpt-4",
        "gpt-4-0613",
        "gpt-4-32k",
        "gpt-4-turbo-2024-04-09",
        "gpt-4-1106-preview",
        "GPT-4",
        "my-gpt-4-prod",
        "gpt-35-turbo",
        "gpt-35-turbo-16k",
        "gpt-3.5-turbo-0125",
        "openai/gpt-3.5-turbo",
        "ft:gpt-3.5-turbo:org:name:id",
        "ft:gpt-4-0613:gpt-4o:x:y",
        "text-embedding-3-large",
        "text-embedding-ada-002",
        "azure-ada-002",
        "gpt4-team",
        "davinci-002",
    ] {
        assert_eq!(Encoding::of_model(name), Encoding::Cl100k, "{name}");
    }
    for name in [
        "gpt-4o",
        "gpt-4o-mini-2024-07-18",
        "gpt-4.1-nano",
        "gpt-41",
        "gpt-4-1-mini",
        "gpt-4.5-preview",
        "gpt-5",
        "o1",
        "o3-mini",
        "o4-mini",
        "chatgpt-4o-latest",
        "gpt-oss-120b",
        "ft:gpt-4o-2024-08-06:org::gpt-4",
        "claude-sonnet-4",
        "gemini-2.5-pro",
        "Phi-4",
        "",
        "gpt4o",
        "team-chat",
    ] {
        assert_eq!(Encoding::of_model(name), Encoding::O200k, "{name}");
    }
}

#[test]
fn counts_are_those_of_the_encodings() {
    for (text, cl100k, o200k) in [
        ("", 0, 0),
        ("hello world", 2, 2),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
        ("<|endoftext|>", 7, 7),
    ] {
        assert_eq!(
            (Encoding::Cl100k.count(text), Encoding::O200k.count(text)),
            (cl100k, o200k),
            "{text}"
        );
    }
}

#[test]
fn no_token_is_longer_than_the_bound() {
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        let bpe = &tokenizer(encoding).bpe;
        let longest =
            (0..u32::try_from(bpe.num_tokens()).unwrap()).map(|token| bpe.token_len(token)).max();
        assert!(longest.unwrap() <= LONGEST_TOKEN, "{longest:?}");
    }
}

fn tokenizer(encoding: Encoding) -> &'static bpe_openai::Tokenizer {
    match encoding {
        Encoding::Cl100k => bpe_openai::cl100k_base(),
        Encoding::O200k => bpe_openai::o200k_base(),
    }
}

/// Texts of what the expressions of the encodings tell apart, without any sense.
fn jumbles(n: u64) -> impl Iterator<Item = String> {
    const PARTS: &[&str] = &[
        "a", "Bc", "DE", "f", "'", "'s", "'LL", "'rE", "'v", "'D", "0", "12", "345", "!", "/",
        "?\u{7f}", "\u{0}", " ", "  ", "\t", "\n", "\r\n", "\u{b}", "\u{1c}", "é", "Ç", "中", "ǆ",
        "ǅ", "\u{301}", "\u{17f}", "\u{212a}", "١", "\u{a0}", "\u{85}", "\u{2028}", "…", "😀", "ʰ",
    ];
    (0..n).map(|seed| {
        let mut numbers = Numbers((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // Two thirds of the texts are ASCII.
        let parts = if seed % 3 == 0 { PARTS } else { &PARTS[..24] };
        (0..=numbers.below(40)).map(|_| parts[numbers.place(parts.len())]).collect()
    })
}

#[test]
fn counts_are_those_of_the_expressions() {
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        for text in jumbles(6_000).chain(texts(300)) {
            let expected = tokenizer(encoding).count(text.as_str()) as u64;
            assert_eq!(encoding.count(&text), expected, "{encoding:?}: {text:?}");
        }
    }
}

#[test]
fn pieces_are_those_of_the_expressions() {
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        let mut n_decided = 0;
        for text in jumbles(6_000).chain(texts(300)) {
            let mut at = 0;
            for piece in tokenizer(encoding).split(&text) {
                if let Some(length) = split::first_piece(&text.as_bytes()[at..], encoding) {
                    assert_eq!(
                        length,
                        piece.len(),
                        "{encoding:?}: {:?} of {text:?}",
                        text.get(at..)
                    );
                    n_decided += 1;
                }
                at += piece.len();
            }
        }
        assert!(n_decided > 60_000, "{n_decided}");
    }
}

#[test]
fn counting_stops_at_a_limit() {
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        for text in texts(25) {
            let count = encoding.count(&text);
            for limit in [0, count.saturating_sub(1), count, count + 1, u64::MAX] {
                let expected = (count <= limit).then_some(count);
                assert_eq!(encoding.count_till_limit(&text, limit), expected, "{limit}: {text:?}");
            }
        }
        assert_eq!(encoding.count_till_limit(&"a".repeat(10 << 20), 10), None);
    }
}

#[test]
fn a_text_in_pieces_counts_as_the_whole() {
    let whole: String = texts(60).collect::<Vec<_>>().join(" ");
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        let expected = encoding.count(&whole);
        for step in [1, 3, 17, 400, 5000] {
            let mut counter = TextCounter::new(encoding);
            let mut chars = whole.chars();
            loop {
                let piece: String = chars.by_ref().take(step).collect();
                if piece.is_empty() {
                    break;
                }
                let at_most = counter.at_most() + piece.len() as u64;
                counter.push(&piece);
                assert!(counter.at_most() <= at_most);
                assert!(counter.pending.len() < LONGEST_BLOCK);
            }
            assert!(expected <= counter.at_most());
            assert_eq!(counter.total(), expected, "{encoding:?} in steps of {step}");
        }
    }
}

#[test]
fn seams_are_seams() {
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        for text in texts(150) {
            if let Some(seam) = last_seam(&text) {
                let (before, after) = text.split_at(seam);
                let parts = encoding.count(before) + encoding.count(after);
                assert_eq!(parts, encoding.count(&text), "{before:?} | {after:?}");
            }
        }
    }
}

#[test]
fn text_without_seams_is_bounded() {
    let mut counter = TextCounter::new(Encoding::O200k);
    for _ in 0..100_000 {
        counter.push("a");
        assert!(counter.pending.len() < LONGEST_BLOCK);
    }
    let whole = Encoding::O200k.count(&"a".repeat(100_000));
    assert!(counter.total().abs_diff(whole) <= 100_000 / LONGEST_BLOCK as u64 * 2);
}
