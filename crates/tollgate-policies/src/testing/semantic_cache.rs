//! A semantic cache for tests.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{
    Answer, CacheKey, Distance, Embedding, Near, Scores, SemanticCache, SemanticCacheSettings,
    SemanticCacheUnavailable, SemanticLookup,
};

use super::ports::once;

/// Keeps everything.
#[derive(Debug, Default)]
pub(crate) struct FakeSemanticCache {
    entries: Mutex<Vec<(CacheKey, Embedding, Bytes, Duration)>>,
    scores: Scores,
    is_away: bool,
    lookups: Mutex<Vec<SemanticLookup>>,
}

impl FakeSemanticCache {
    /// Thresholds are similarities.
    pub(crate) fn of_similarities() -> Self {
        Self { scores: Scores::Similarity, ..Self::default() }
    }

    /// Its server cannot be asked.
    pub(crate) fn away() -> Self {
        Self { is_away: true, ..Self::default() }
    }

    /// How look-ups ended.
    pub(crate) fn lookups(&self) -> Vec<SemanticLookup> {
        self.lookups.lock().unwrap().clone()
    }

    /// The answers that are kept, and for how long.
    pub(crate) fn kept(&self) -> Vec<(String, Duration)> {
        let entries = self.entries.lock().unwrap();
        let shown = |answer: &Bytes| String::from_utf8_lossy(&answer[3..]).into_owned();
        entries.iter().map(|(_, _, answer, lifetime)| (shown(answer), *lifetime)).collect()
    }
}

impl SemanticCache for FakeSemanticCache {
    fn nearest(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        most: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>> {
        let entries = self.entries.lock().unwrap();
        let near = entries.iter().filter(|(known, ..)| known == partition).map(|entry| {
            let (_, embedding, answer, _) = entry;
            Near { distance: embedding.distance(question), answer: answer.clone() }
        });
        let near = near.min_by_key(|near| near.distance).filter(|near| near.distance <= most);
        let found = if self.is_away { Err(SemanticCacheUnavailable) } else { Ok(near) };
        Box::pin(async move {
            once().await;
            found
        })
    }

    fn keep(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        answer: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()> {
        self.entries.lock().unwrap().push((*partition, question.clone(), answer, lifetime));
        Answer::Pending(Box::pin(once()))
    }

    fn largest(&self) -> usize {
        64 << 10
    }

    fn settings(&self) -> SemanticCacheSettings {
        SemanticCacheSettings { scores: self.scores, timeout: Duration::from_secs(5) }
    }

    fn looked_up(&self, how: SemanticLookup) {
        self.lookups.lock().unwrap().push(how);
    }
}
