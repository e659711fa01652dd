//! Windows of text, in characters (Unicode code points, as the service counts them).

/// Most characters that the service takes.
pub(super) const MOST: usize = 10_000;

/// The same, as attributes have it.
pub(super) const LARGEST: i64 = 10_000;

/// How text is cut. INVARIANT: a window begins behind the one before it, so that there are no more of them than characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    size: usize,
    overlap: usize,
}

impl Windows {
    /// Of so many characters, of which the first are the last of the window before; `None` when that cannot be.
    pub(super) fn new(size: i64, overlap: i64) -> Option<Self> {
        let (size, overlap) = (usize::try_from(size).ok()?, usize::try_from(overlap).ok()?);
        (overlap < size && size <= MOST).then_some(Self { size, overlap })
    }

    /// The windows of a text, the last of which may be shorter.
    pub(super) fn of(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest.take().filter(|text| !text.is_empty())?;
            let (window, behind) = text.split_at_checked(offset(text, self.size))?;
            if !behind.is_empty() {
                rest = text.get(offset(text, self.size - self.overlap)..);
            }
            Some(window)
        })
    }
}

/// Bytes of the first `n` characters.
fn offset(text: &str, n: usize) -> usize {
    text.char_indices().nth(n).map_or(text.len(), |(offset, _)| offset)
}

/// Characters of a text.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A text that comes in pieces, of which what was judged is kept as far as the next window begins with it.
#[derive(Debug, Default)]
pub(super) struct Growing {
    text: String,
    n: usize,
    n_judged: usize,
}

impl Growing {
    pub(super) fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.n += length(piece);
    }

    /// Whether there is something to judge.
    pub(super) fn has_new(&self) -> bool {
        self.n > self.n_judged
    }

    /// Whether a window is full.
    pub(super) fn is_full(&self, windows: Windows) -> bool {
        self.has_new() && self.n >= windows.size
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        self.text.len()
    }

    /// Gives what is to be judged now, with what the first window overlaps.
    pub(super) fn take(&mut self, windows: Windows) -> String {
        let kept = self.n.min(windows.overlap);
        let tail = offset(&self.text, self.n - kept);
        let tail = self.text.get(tail..).unwrap_or_default().to_owned();
        (self.n, self.n_judged) = (kept, kept);
        std::mem::replace(&mut self.text, tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: i64, overlap: i64) -> Windows {
        Windows::new(size, overlap).unwrap()
    }

    #[test]
    fn sizes_have_bounds() {
        for (size, overlap, fits) in [
            (1, 0, true),
            (10_000, 9_999, true),
            (0, 0, false),
            (10_001, 0, false),
            (5, 5, false),
            (5, -1, false),
            (-5, 0, false),
        ] {
            assert_eq!(Windows::new(size, overlap).is_some(), fits, "{size} {overlap}");
        }
    }

    #[test]
    fn texts_are_cut_with_overlap() {
        for (size, overlap, text, expected) in [
            (4, 0, "", &[][..]),
            (4, 0, "abcd", &["abcd"]),
            (4, 0, "abcdefghij", &["abcd", "efgh", "ij"]),
            (4, 1, "abcdefghij", &["abcd", "defg", "ghij"]),
            (4, 3, "abcdef", &["abcd", "bcde", "cdef"]),
            (2, 1, "ä😀é", &["ä😀", "😀é"]),
        ] {
            let cut: Vec<_> = windows(size, overlap).of(text).collect();
            assert_eq!(cut, expected, "{text} by {size} and {overlap}");
        }
    }

    #[test]
    fn growing_texts_keep_the_overlap() {
        let windows = windows(5, 2);
        let mut text = Growing::default();
        assert!(!text.has_new());
        text.push("äbc");
        assert!(text.has_new() && !text.is_full(windows));
        text.push("déf");
        assert!(text.is_full(windows));
        assert_eq!(text.take(windows), "äbcdéf");
        assert!(!text.has_new() && !text.is_full(windows));
        text.push("gh");
        assert!(!text.is_full(windows));
        text.push("i");
        assert!(text.is_full(windows));
        assert_eq!(text.take(windows), "éfghi");
        assert_eq!(text.held(), 2);
        // Nothing that was judged is judged again for itself.
        text.push("");
        assert!(!text.has_new());
    }

    /// Whatever stands within so many characters is within a window.
    #[test]
    fn what_fits_the_overlap_is_seen_whole() {
        let text: String = ('a'..='z').collect();
        for at in 0..=22 {
            let needle = text.get(at..at + 4).unwrap();
            for piece in 1..10 {
                let windows = windows(9, 3);
                let (mut growing, mut seen) = (Growing::default(), Vec::new());
                for chunk in text.as_bytes().chunks(piece) {
                    growing.push(std::str::from_utf8(chunk).unwrap());
                    if growing.is_full(windows) {
                        seen.extend(windows.of(&growing.take(windows)).map(str::to_owned));
                    }
                }
                seen.extend(windows.of(&growing.take(windows)).map(str::to_owned));
                assert!(seen.iter().any(|window| window.contains(needle)), "{needle} by {piece}");
                assert!(seen.iter().all(|window| window.len() <= 9), "{seen:?}");
            }
        }
    }
}
