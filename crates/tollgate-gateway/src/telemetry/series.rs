//! Series of metrics whose labels policies choose.
//!
//! INVARIANT: their number is bounded, whatever a request puts into a label.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize};

use parking_lot::Mutex;

/// Series of all such metrics together. Beyond that, the values of labels are counted as [`OTHER`].
pub(super) const MAX_SERIES: usize = 5_000;

/// Series with such values: names of labels may come from requests as well. Beyond that, a metric is counted without them.
pub(super) const MAX_OTHERS: usize = 200;

const OTHER: &str = "other";

/// A label: what policies call it, and as Prometheus takes it, which is what tells labels apart.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
}

impl Label {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { text: plain(&name), name }
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Label {}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A name as Prometheus takes it.
pub(super) fn plain(name: &str) -> Arc<str> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(plain).collect();
    // Labels that begin with two are Prometheus' own.
    let text = text.trim_start_matches('_');
    if text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() {
        format!("_{text}").into()
    } else {
        text.into()
    }
}

/// Labels and their values: first those from a closed set, then those of policies.
pub(super) type Labels = Vec<(Label, Arc<str>)>;

/// Labels of policies, behind those from a closed set. The same label twice is not Prometheus' format; the first stands.
pub(super) fn labels(closed: Labels, dimensions: &[(Arc<str>, Arc<str>)]) -> Labels {
    let n_closed = closed.len();
    let mut labels = closed;
    for (name, value) in dimensions {
        let label = Label::new(Arc::clone(name));
        if labels.iter().all(|(known, _)| *known != label) {
            labels.push((label, Arc::clone(value)));
        }
    }
    // To Prometheus the same labels in another order are the same series.
    if let Some(chosen) = labels.get_mut(n_closed..) {
        chosen.sort();
    }
    labels
}

/// How many series of all metrics there are.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesCount(Arc<AtomicUsize>);

/// The series of one metric.
pub(super) struct Series<T> {
    known: Mutex<HashMap<Labels, T>>,
    count: SeriesCount,
}

impl<T: Clone + Default> Series<T> {
    /// No series yet; `count` is that of all metrics together.
    pub(super) fn new(count: &SeriesCount) -> Self {
        Self { known: Mutex::default(), count: count.clone() }
    }

    /// Counts in a series, or in one that there is still room for; the first `n_closed` labels are kept there.
    pub(super) fn add(&self, mut labels: Labels, n_closed: usize, add: impl FnOnce(&mut T)) {
        let mut known = self.known.lock();
        if let Some(series) = known.get_mut(&labels) {
            return add(series);
        }
        if !self.fits(&known, &labels, MAX_SERIES) {
            for (_, value) in labels.iter_mut().skip(n_closed) {
                *value = OTHER.into();
            }
            if !self.fits(&known, &labels, MAX_SERIES + MAX_OTHERS) {
                labels.truncate(n_closed);
            }
        }
        add(known.entry(labels).or_default());
    }

    fn fits(&self, known: &HashMap<Labels, T>, labels: &Labels, most: usize) -> bool {
        let SeriesCount(count) = &self.count;
        if known.contains_key(labels) || count.fetch_add(1, atomic::Ordering::Relaxed) < most {
            return true;
        }
        count.fetch_sub(1, atomic::Ordering::Relaxed);
        false
    }

    /// All series as they stand, in order.
    pub(super) fn sorted(&self) -> Vec<(Labels, T)> {
        let known = self.known.lock();
        let mut rows: Vec<_> =
            known.iter().map(|(labels, value)| (labels.clone(), value.clone())).collect();
        drop(known);
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows
    }
}

/// Labels as Prometheus takes them.
pub(super) fn exposed(labels: &Labels) -> Vec<(Arc<str>, Arc<str>)> {
    labels.iter().map(|(label, value)| (Arc::clone(&label.text), Arc::clone(value))).collect()
}

/// Labels as policies call them.
pub(super) fn named(labels: &Labels) -> Vec<(Arc<str>, Arc<str>)> {
    labels.iter().map(|(label, value)| (Arc::clone(&label.name), Arc::clone(value))).collect()
}
