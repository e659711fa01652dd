//! Faults that a test plants: what shall go wrong, for which paths and how often.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::pattern;

/// What happens instead of, or before, the proper answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and the body the service itself writes for it.
    Status(u16),
    /// As `Status(429)`, and tells the client to come back after this time.
    Throttle(Duration),
    /// Answers exactly this.
    Answer {
        /// Status code.
        status: u16,
        /// Header names and values.
        headers: Vec<(String, String)>,
        /// Body.
        body: Bytes,
    },
    /// Never answers; the connection stays open.
    Hang,
    /// Closes the connection without an answer.
    Close,
    /// Answers properly after this time.
    Delay(Duration),
}

/// The planted faults of one server, in the order they were planted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
}

#[derive(Debug)]
struct Rule {
    pattern: String,
    /// `None`: until cleared.
    remaining: Option<usize>,
    fault: Fault,
}

impl Faults {
    /// Plants `fault` for paths like `pattern`, `times` times or until cleared.
    pub(crate) fn plant(&self, pattern: &str, times: Option<usize>, fault: Fault) {
        if times != Some(0) {
            self.rules.lock().push(Rule { pattern: pattern.to_owned(), remaining: times, fault });
        }
    }

    /// Takes back every fault.
    pub(crate) fn clear(&self) {
        self.rules.lock().clear();
    }

    /// The fault for a request to `path`, if one is due; uses it up.
    pub(crate) fn due(&self, path: &str) -> Option<Fault> {
        let mut rules = self.rules.lock();
        let position = rules.iter().position(|rule| pattern::matches(&rule.pattern, path))?;
        let rule = rules.get_mut(position)?;
        let fault = rule.fault.clone();
        match &mut rule.remaining {
            Some(1) => {
                rules.remove(position);
            }
            Some(remaining) => *remaining -= 1,
            None => {}
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults};

    #[test]
    fn faults_are_used_up_in_order() {
        let faults = Faults::default();
        faults.plant("/a*", Some(2), Fault::Status(500));
        faults.plant("/a*", Some(1), Fault::Close);
        faults.plant("/b", None, Fault::Hang);
        faults.plant("/c", Some(0), Fault::Hang);
        assert_eq!(faults.due("/ax"), Some(Fault::Status(500)));
        assert_eq!(faults.due("/a"), Some(Fault::Status(500)));
        assert_eq!(faults.due("/a"), Some(Fault::Close));
        assert_eq!(faults.due("/a"), None);
        assert_eq!(faults.due("/c"), None);
        assert_eq!(faults.due("/b"), Some(Fault::Hang));
        assert_eq!(faults.due("/b"), Some(Fault::Hang));
        faults.clear();
        assert_eq!(faults.due("/b"), None);
    }
}
