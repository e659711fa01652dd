//! Answers that are found by what was asked, whatever its words.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Answer, CacheKey};
use crate::BoxFuture;

/// Answers by the embedding of their question, in partitions that never see each other: in the gateway, or on a server that
/// gateways share when one is configured.
///
/// Nothing is kept for ever and nothing is sure to be there.
pub trait SemanticCache: Send + Sync {
    /// The answer to the nearest question of a partition, if one is no farther than `most`. Dropping the future leaves
    /// everything as it was.
    fn nearest(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        most: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>>;

    /// Keeps an answer for so long, in place of the one to the same question. What is longer than
    /// [`largest`](SemanticCache::largest) is not kept.
    fn keep(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        answer: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()>;

    /// The longest answer, in bytes.
    fn largest(&self) -> usize;

    /// What the configuration says.
    fn settings(&self) -> SemanticCacheSettings;

    /// Counts how a look-up ended.
    fn looked_up(&self, how: SemanticLookup);
}

/// What the configuration says of semantic caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemanticCacheSettings {
    /// What thresholds are.
    pub scores: Scores,
    /// How long the backend for embeddings may take.
    pub timeout: Duration,
}

/// What `score-threshold` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scores {
    /// A distance, as in Azure: smaller is stricter.
    #[default]
    Distance,
    /// A similarity: larger is stricter.
    Similarity,
}

/// An answer that was found.
#[derive(Clone)]
pub struct Near {
    /// How far its question is from the one that was asked.
    pub distance: Distance,
    /// The answer, as it was kept.
    pub answer: Bytes,
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("distance", &self.distance).finish_non_exhaustive()
    }
}

/// The server that gateways share cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server of the semantic cache is not available")]
pub struct SemanticCacheUnavailable;

/// How a look-up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SemanticLookup {
    /// An answer was near enough.
    Hit,
    /// None was.
    Miss,
    /// Nothing was looked up: such a request is not for a cache.
    Bypass,
    /// There is no embedding of the question.
    EmbeddingsFailed,
    /// The server could not be asked.
    CacheFailed,
}

/// How far two questions are from each other: one minus the cosine of their embeddings, 0 to 2, in millionths. That is as fine
/// as sums of single-precision numbers are exact, so equal texts are at 0 and a limit means what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distance(u32);

/// What a distance of 1 is in millionths.
const ONE: f64 = 1_000_000.0;

impl Distance {
    /// The nearest one to a number; negative numbers are 0, large ones 2.
    pub fn new(distance: f64) -> Self {
        let millionths = (distance * ONE).round().clamp(0.0, 2.0 * ONE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number of the range; what is no number becomes 0"
        )]
        Self(millionths as u32)
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / ONE
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

/// What a text means, as a vector of length 1.
#[derive(Clone, PartialEq)]
pub struct Embedding(Arc<[f32]>);

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A text can be guessed from its embedding.
        f.debug_tuple("Embedding").field(&self.0.len()).finish()
    }
}

impl Embedding {
    /// More dimensions are not taken.
    pub const MOST_DIMENSIONS: usize = 8_192;

    /// From what a model gives, whatever its length. `None` when it has no direction: no numbers, too many, or none that is
    /// finite and other than 0.
    pub fn new(numbers: &[f32]) -> Option<Self> {
        if numbers.len() > Self::MOST_DIMENSIONS {
            return None;
        }
        let squares = numbers.iter().map(|number| f64::from(*number).powi(2));
        let length = squares.sum::<f64>().sqrt();
        if !length.is_normal() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is kept")]
        let normal = |number: &f32| (f64::from(*number) / length) as f32;
        Some(Self(numbers.iter().map(normal).collect()))
    }

    /// From the bytes of one that was kept ([`to_bytes`](Self::to_bytes)).
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || numbers.is_empty() || numbers.len() > Self::MOST_DIMENSIONS {
            return None;
        }
        let numbers: Arc<[f32]> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        numbers.iter().all(|number| number.is_finite()).then_some(Self(numbers))
    }

    /// As little-endian single-precision numbers, one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// How many numbers it has. Only those of the same model are compared, which have as many.
    pub fn dimensions(&self) -> usize {
        self.0.len()
    }

    /// How far another one is.
    pub fn distance(&self, other: &Self) -> Distance {
        Distance::new(1.0 - f64::from(dot(&self.0, &other.0)))
    }
}

/// The sum of products. As many sums as fit the registers are kept beside one another, so that the compiler makes vector
/// instructions of it; the order of summands is fixed, so the result does not depend on the machine.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    let mut sums = [0_f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(left: &[f32], right: &[f32]) -> Distance {
        Embedding::new(left).unwrap().distance(&Embedding::new(right).unwrap())
    }

    #[test]
    fn distances_are_those_of_directions() {
        assert_eq!(distance(&[1.0, 0.0], &[7.0, 0.0]), Distance::new(0.0));
        assert_eq!(distance(&[1.0, 0.0], &[0.0, 0.5]), Distance::new(1.0));
        assert_eq!(distance(&[1.0, 0.0], &[-3.0, 0.0]), Distance::new(2.0));
        for expected in [0.000_001_f64, 0.05, 0.2, 0.5, 1.5] {
            let cosine = 1.0 - expected;
            #[expect(clippy::cast_possible_truncation, reason = "as models give them")]
            let at = [cosine as f32, (1.0 - cosine * cosine).sqrt() as f32];
            assert_eq!(distance(&[1.0, 0.0], &at), Distance::new(expected));
        }
    }

    #[test]
    fn the_same_is_at_no_distance_however_long() {
        for dimensions in [1_u16, 3, 15, 16, 17, 1_536, 3_072, 8_192] {
            let numbers: Vec<f32> =
                (0..dimensions).map(|n| f32::from(n.wrapping_mul(7_919) % 1_009) - 504.5).collect();
            assert_eq!(distance(&numbers, &numbers), Distance(0), "{dimensions}");
            let embedding = Embedding::new(&numbers).unwrap();
            assert_eq!(Embedding::of_bytes(&embedding.to_bytes()), Some(embedding));
        }
    }

    #[test]
    fn what_has_no_direction_is_none() {
        assert!(Embedding::new(&[]).is_none());
        assert!(Embedding::new(&[0.0; 8]).is_none());
        assert!(Embedding::new(&[f32::NAN, 1.0]).is_none());
        assert!(Embedding::new(&[f32::INFINITY, 1.0]).is_none());
        assert!(Embedding::new(&vec![1.0; Embedding::MOST_DIMENSIONS + 1]).is_none());
        assert!(Embedding::new(&[f32::MAX; 4]).is_some());
        for bytes in [&[][..], &[0; 3], &[0; 6], &f32::NAN.to_le_bytes()] {
            assert!(Embedding::of_bytes(bytes).is_none());
        }
    }

    #[test]
    fn numbers_become_distances() {
        for (number, millionths) in
            [(0.05, 50_000), (-1.0, 0), (9.0, 2_000_000), (0.000_000_4, 0), (f64::NAN, 0)]
        {
            assert_eq!(Distance::new(number), Distance(millionths));
        }
        assert!(Distance::new(0.05) < Distance::new(0.050_001));
        assert_eq!(Distance::new(0.05).to_string(), "0.05");
    }
}
