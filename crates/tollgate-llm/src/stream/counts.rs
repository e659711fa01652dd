//! How many tokens a stream has had.

use crate::tokens::{Encoding, TextCounter};

use super::delta::Part;

/// Texts that are counted side by side; what is beyond them is counted with the first.
const MAX_TEXTS: usize = 64;

/// Counters of the texts of a stream: each choice's text, reasoning and calls are texts of their own.
#[derive(Debug)]
pub(super) struct Counts {
    encoding: Encoding,
    texts: Vec<(u64, Part, TextCounter)>,
    /// The one that was added to last.
    last: usize,
}

impl Counts {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, texts: Vec::new(), last: 0 }
    }

    fn counter(&mut self, choice: u64, part: Part) -> Option<&mut TextCounter> {
        let is_it = |text: &(u64, Part, TextCounter)| text.0 == choice && text.1 == part;
        if !self.texts.get(self.last).is_some_and(is_it) {
            self.last = match self.texts.iter().position(is_it) {
                Some(place) => place,
                None if self.texts.len() == MAX_TEXTS => 0,
                None => {
                    self.texts.push((choice, part, TextCounter::new(self.encoding)));
                    self.texts.len() - 1
                }
            };
        }
        self.texts.get_mut(self.last).map(|(_, _, counter)| counter)
    }

    /// Adds a piece of a text.
    pub(super) fn add(&mut self, choice: u64, part: Part, text: &str) {
        // Models do not make the identifiers of calls.
        if matches!(part, Part::CallId(_)) {
            return;
        }
        if let Some(counter) = self.counter(choice, part) {
            counter.push(text);
        }
    }

    /// Whether a piece would take the tokens above a limit. Counts only when the limit is near.
    pub(super) fn would_exceed(&mut self, limit: u64, choice: u64, part: Part, text: &str) -> bool {
        if matches!(part, Part::CallId(_)) {
            return false;
        }
        let fits = |counts: &Self| counts.at_most().saturating_add(text.len() as u64) <= limit;
        if fits(self) {
            return false;
        }
        self.settle();
        if fits(self) {
            return false;
        }
        let before: u64 = self.texts.iter_mut().map(|(_, _, counter)| counter.total_once()).sum();
        let Some(counter) = self.counter(choice, part) else { return false };
        let added = counter.total_with(text).saturating_sub(counter.total_once());
        before.saturating_add(added) > limit
    }

    /// Counts what comes before the last place where each text can be cut.
    pub(super) fn settle(&mut self) {
        self.texts.iter_mut().for_each(|(_, _, counter)| counter.settle());
    }

    pub(super) fn total(&self) -> u64 {
        self.texts.iter().map(|(_, _, counter)| counter.total()).sum()
    }

    pub(super) fn at_most(&self) -> u64 {
        self.texts.iter().map(|(_, _, counter)| counter.at_most()).sum()
    }
}
