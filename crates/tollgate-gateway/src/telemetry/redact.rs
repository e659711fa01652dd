//! Masks secrets in text that is about to be shown.
//!
//! Every access line passes here, and a gateway may have thousands of subscription keys: what a look costs depends on the text
//! and hardly on the number of secrets.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tollgate_engine::Secret;
use url::form_urlencoded::byte_serialize;

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter values are not looked for: they occur in any text, and masking them would tell where.
const MIN_LENGTH: usize = 4;

/// Of a secret of several lines, such as a key, any line of this length gives it away in part.
const MIN_LINE: usize = 16;

/// Base64 of fewer characters occurs in any text.
const MIN_BASE64: usize = 6;

/// What stays as it is in a part of a URL (RFC 3986, unreserved).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Secrets, in every way that they are written.
#[derive(Clone, Default)]
pub struct Redactor {
    n_secrets: usize,
    /// By their first bytes, the longest first.
    by_start: HashMap<[u8; MIN_LENGTH], Vec<String>>,
    /// The first two bytes of all of them, a bit for each pair; nothing when there are no secrets. Most places of a text are
    /// passed by it.
    pairs: Vec<u64>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("n_secrets", &self.n_secrets).finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor of these values.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().map(str::trim);
        let secrets: BTreeSet<&str> = secrets.filter(|it| it.len() >= MIN_LENGTH).collect();
        let mut all: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
        all.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        let mut this = Self { n_secrets: secrets.len(), ..Self::default() };
        for spelling in all {
            this.look_for(spelling);
        }
        this
    }

    fn look_for(&mut self, text: String) {
        let Some(start) = text.as_bytes().first_chunk().copied() else { return };
        self.pairs.resize(PAIRS, 0);
        let (word, bit) = pair(start);
        if let Some(word) = self.pairs.get_mut(word) {
            *word |= bit;
        }
        self.by_start.entry(start).or_default().push(text);
    }

    /// The text with every secret masked.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.find(text.as_bytes());
        if secrets.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for Range { start, end } in secrets {
            // Secrets are text, so they begin and end between characters.
            redacted.push_str(text.get(from..start).unwrap_or_default());
            redacted.push_str(MASK);
            from = end;
        }
        redacted.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(redacted)
    }

    /// Where secrets stand, in order; those that overlap are one.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.pairs.is_empty() {
            return found;
        }
        for at in 0..text.len() {
            let Some(start) = text.get(at..).and_then(<[u8]>::first_chunk) else { break };
            let (word, bit) = pair(*start);
            if self.pairs.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            let rest = text.get(at..).unwrap_or_default();
            let known = self.by_start.get(start).into_iter().flatten();
            let Some(secret) = known.into_iter().find(|it| rest.starts_with(it.as_bytes())) else {
                continue;
            };
            let end = at + secret.len();
            match found.last_mut().filter(|last| at < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => found.push(at..end),
            }
        }
        found
    }
}

/// Words of 64 bits that have a bit for each pair of bytes.
const PAIRS: usize = (1 << 16) / 64;

fn pair([first, second, ..]: [u8; MIN_LENGTH]) -> (usize, u64) {
    let number = usize::from(u16::from_be_bytes([first, second]));
    (number / 64, 1 << (number % 64))
}

/// A secret as it is, and as it looks in JSON, in Rust's `Debug` text, in URLs and forms, and in Base64.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    let quoted = [serde_json::to_string(secret).unwrap_or_default(), format!("{secret:?}")];
    let unquoted = |text: &String| text.get(1..text.len().saturating_sub(1)).map(str::to_owned);
    all.extend(quoted.iter().filter_map(unquoted));
    let encoded = [
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, COMPONENT).to_string(),
        byte_serialize(secret.as_bytes()).collect(),
    ];
    all.extend(encoded.iter().map(|text| with_small_escapes(text)));
    all.extend(encoded);
    all.extend((0..3).flat_map(|offset| base64_at(offset, secret)));
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= MIN_LINE);
    all.extend(lines.map(str::to_owned));
    all
}

/// `%2f` instead of `%2F`.
fn with_small_escapes(text: &str) -> String {
    let mut left = 0;
    let small = |c: char| {
        left = if c == '%' { 2 } else { i32::max(left - 1, -1) };
        if left >= 0 { c.to_ascii_lowercase() } else { c }
    };
    text.chars().map(small).collect()
}

/// What is sure to be in the Base64 of a text that holds the secret so many bytes behind a multiple of three; in both alphabets.
fn base64_at(offset: usize, secret: &str) -> Vec<String> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret.as_bytes());
    // A character has six bits; those at the ends are shared with what stands beside the secret.
    let sure = (offset * 8).div_ceil(6)..bytes.len() * 8 / 6;
    let encoded = [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
    let sure = encoded.iter().filter_map(|text| text.get(sure.clone()));
    sure.filter(|text| text.len() >= MIN_BASE64).map(str::to_owned).collect()
}

/// Secrets of earlier configurations that are masked, the newest of them.
const MAX_EARLIER: usize = 10_000;

/// The redactor of the process: of the configuration that is in force and of those before it. Requests that began under an
/// earlier one are still to be logged, and spans of theirs wait to be exported.
#[derive(Default)]
pub struct SharedRedactor {
    now: ArcSwap<Redactor>,
    /// All secrets so far, those of the newest configuration last.
    known: Mutex<Vec<Secret<String>>>,
}

impl fmt::Debug for SharedRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now.load().fmt(f)
    }
}

impl SharedRedactor {
    /// Takes over the secrets of a new configuration.
    pub fn know<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let now: BTreeSet<&str> = secrets.into_iter().collect();
        let mut known = self.known.lock();
        known.retain(|secret| !now.contains(secret.expose().as_str()));
        let n_forgotten = known.len().saturating_sub(MAX_EARLIER);
        known.drain(..n_forgotten);
        known.extend(now.into_iter().map(|secret| Secret::new(secret.to_owned())));
        let all = known.iter().map(|secret| secret.expose().as_str());
        self.now.store(Arc::new(Redactor::new(all)));
    }

    /// The redactor in force.
    pub fn load(&self) -> Guard<Arc<Redactor>> {
        self.now.load()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secrets: &[&str], text: &str, expected: &str) {
        assert_eq!(Redactor::new(secrets.iter().copied()).redact(text), expected);
    }

    #[test]
    fn secrets_are_masked_in_every_form() {
        check(&[], "nothing to hide", "nothing to hide");
        check(&["hunter22"], "key=hunter22&x hunter22", "key=***&x ***");
        check(&["pass word/1"], "?k=pass%20word%2F1", "?k=***");
        check(&["say \"x\"\\y"], r#"{"k":"say \"x\"\\y"}"#, r#"{"k":"***"}"#);
        check(&["päss\nwörd"], &format!("{:?}", "päss\nwörd"), "\"***\"");
        check(&["pass word/1-é"], "a=pass+word%2F1-%C3%A9&b=pass%20word%2f1-%c3%a9", "a=***&b=***");
    }

    #[test]
    fn base64_is_masked_wherever_the_secret_stands_in_it() {
        let secret = "hunter22?>~";
        let redactor = Redactor::new([secret]);
        for before in ["", "u", "us", "user:"] {
            for after in ["", "x", "xy"] {
                let text = format!("{before}{secret}{after}");
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let shown = redactor.redact(&encoded);
                    let left = shown.replacen(MASK, "", 1).len();
                    let beside = (before.len() + after.len()) * 8 / 6 + 2;
                    assert!(shown.contains(MASK) && left <= beside + 1, "{encoded}: {shown}");
                }
            }
        }
    }

    #[test]
    fn secrets_of_earlier_configurations_stay_secret() {
        let shared = SharedRedactor::default();
        shared.know(["hunter22", "hunter23"]);
        shared.know(["hunter23", "hunter24"]);
        shared.know([]);
        assert_eq!(shared.load().redact("hunter22 hunter23 hunter24"), "*** *** ***");
        // So many new ones that the oldest are forgotten.
        let many: Vec<String> = (0..=MAX_EARLIER).map(|n| format!("rotated-{n:06}")).collect();
        shared.know(many.iter().map(String::as_str));
        shared.know(["hunter25"]);
        assert_eq!(shared.load().redact("hunter24 rotated-000000"), "hunter24 rotated-000000");
        assert_eq!(shared.load().redact("rotated-000001 hunter25"), "*** ***");
    }

    #[test]
    fn secrets_that_overlap_are_masked_as_one() {
        check(&["abcde", "cdefgh"], "<abcdefgh> abcde cdefgh", "<***> *** ***");
        check(&["abcd"], "abcdabcd", "******");
    }

    #[test]
    fn many_secrets_are_found() {
        let secrets: Vec<String> = (0..3_000).map(|n| format!("{n:08}-canary")).collect();
        let redactor = Redactor::new(secrets.iter().map(String::as_str));
        for secret in &secrets {
            assert_eq!(redactor.redact(&format!("é {secret} é")), "é *** é");
        }
    }

    #[test]
    fn a_secret_within_another_leaves_nothing() {
        check(&["abcd", "abcd-efgh"], "abcd-efgh abcd", "*** ***");
    }

    #[test]
    fn short_values_are_left_alone_and_lines_of_long_ones_are_not() {
        check(&["ab", " "], "ab cab", "ab cab");
        check(
            &["-----BEGIN-----\nMIIEvQIBADANBgkqhkiG\nshort\n"],
            "near MIIEvQIBADANBgkqhkiG, short",
            "near ***, short",
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Redactor::new(["hunter22"])), "Redactor { n_secrets: 1, .. }");
    }
}
