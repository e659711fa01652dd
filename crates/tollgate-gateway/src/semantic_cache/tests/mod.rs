mod search;
mod server;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::ports::{CacheKeyBuilder, SemanticCache as _};

use super::*;
use crate::fetch::{FetchSettings, Fetcher, SystemResolver};

const HOUR: Duration = Duration::from_hours(1);

/// What an entry of two dimensions takes without its answer.
const SMALL: usize = 8 + 256;

fn caches() -> Arc<SemanticCaches> {
    let fetcher = Arc::new(Fetcher::new(FetchSettings::default(), Arc::new(SystemResolver)));
    let metrics = Arc::new(Metrics::new());
    let redis = Arc::new(Redis::new(fetcher, Arc::clone(&metrics)));
    Arc::new(SemanticCaches::new(redis, metrics))
}

/// A cache in memory of this size.
fn memory(size: usize, entries: usize) -> ConfiguredSemanticCache {
    let config = SemanticCacheConfig { size, entries, ..SemanticCacheConfig::default() };
    let caches = caches();
    caches.apply(config, None);
    caches.with(config, false)
}

fn key(text: &str) -> CacheKey {
    let mut builder = CacheKeyBuilder::new("test");
    builder.part(text);
    builder.finish()
}

/// A question in this direction, in degrees.
fn question(degrees: f32) -> Embedding {
    let angle = degrees.to_radians();
    Embedding::new(&[angle.cos(), angle.sin()]).unwrap()
}

async fn keep(cache: &ConfiguredSemanticCache, partition: &str, degrees: f32, answer: &str) {
    let answer = Bytes::copy_from_slice(answer.as_bytes());
    cache.keep(&key(partition), &question(degrees), answer, HOUR).get().await;
}

/// The answer to the nearest question within this distance.
async fn nearest(
    cache: &ConfiguredSemanticCache,
    partition: &str,
    degrees: f32,
    most: f64,
) -> Option<String> {
    let near = cache.nearest(&key(partition), &question(degrees), Distance::new(most)).await;
    near.unwrap().map(|near| String::from_utf8_lossy(&near.answer).into_owned())
}

fn held(cache: &ConfiguredSemanticCache) -> (usize, usize) {
    let text = cache.caches.metrics.encode().unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    (value("tollgate_semantic_cache_bytes "), value("tollgate_semantic_cache_entries "))
}

/// What holds of both kinds of cache.
async fn the_nearest_within_the_threshold_is_found(cache: &ConfiguredSemanticCache) {
    assert_eq!(nearest(cache, "a", 0.0, 2.0).await, None);
    keep(cache, "a", 0.0, "zero").await;
    keep(cache, "a", 30.0, "thirty").await;
    keep(cache, "b", 60.0, "sixty").await;
    assert_eq!(nearest(cache, "a", 10.0, 0.05).await.as_deref(), Some("zero"));
    assert_eq!(nearest(cache, "a", 20.0, 0.05).await.as_deref(), Some("thirty"));
    assert_eq!(nearest(cache, "a", 30.0, 0.0).await.as_deref(), Some("thirty"));
    assert_eq!(nearest(cache, "a", 31.0, 0.0001).await, None);
    assert_eq!(nearest(cache, "a", 60.0, 0.05).await, None, "it is in another partition");
    assert_eq!(nearest(cache, "b", 0.0, 2.0).await.as_deref(), Some("sixty"));
    assert_eq!(nearest(cache, "c", 0.0, 2.0).await, None);
    keep(cache, "a", 0.0, "nil").await;
    assert_eq!(nearest(cache, "a", 0.0, 0.0).await.as_deref(), Some("nil"), "it is replaced");
    // Of another number of dimensions: of another model.
    let other = Embedding::new(&[1.0, 0.0, 0.0]).unwrap();
    assert!(cache.nearest(&key("a"), &other, Distance::new(2.0)).await.unwrap().is_none());
}

#[tokio::test]
async fn memory_finds_the_nearest() {
    the_nearest_within_the_threshold_is_found(&memory(1 << 20, 100)).await;
}

#[tokio::test]
async fn entries_end() {
    let cache = memory(1 << 20, 100);
    let soon = Duration::from_nanos(1);
    cache.keep(&key("a"), &question(0.0), Bytes::from_static(b"x"), soon).get().await;
    assert_eq!(nearest(&cache, "a", 0.0, 2.0).await, None);
    cache.keep(&key("a"), &question(0.0), Bytes::from_static(b"x"), Duration::ZERO).get().await;
    cache.keep(&key("a"), &question(9.0), Bytes::from_static(b"x"), Duration::MAX).get().await;
    assert_eq!(nearest(&cache, "a", 9.0, 0.0).await.as_deref(), Some("x"));
    assert_eq!(nearest(&cache, "a", 0.0, 0.001).await, None);
}

#[tokio::test]
async fn those_that_are_not_used_go_first() {
    let cache = memory(1 << 20, 3);
    for (degrees, answer) in [(0.0, "a"), (30.0, "b"), (60.0, "c")] {
        keep(&cache, "p", degrees, answer).await;
    }
    assert!(nearest(&cache, "p", 0.0, 0.0).await.is_some());
    keep(&cache, "p", 90.0, "d").await;
    keep(&cache, "other", 0.0, "e").await;
    assert!(nearest(&cache, "p", 0.0, 0.0).await.is_some(), "it was used");
    assert!(nearest(&cache, "p", 30.0, 0.0).await.is_none());
    assert!(nearest(&cache, "p", 60.0, 0.0).await.is_some());
    assert!(nearest(&cache, "other", 0.0, 0.0).await.is_some());
    assert_eq!(held(&cache), (4 * (SMALL + 1), 4));
    // Over all partitions, by bytes.
    let cache = memory(8 * (SMALL + 10), 100);
    for n in 0..50_u8 {
        keep(&cache, &format!("{}", n % 7), f32::from(n), "0123456789").await;
        let (bytes, entries) = held(&cache);
        assert!(bytes <= 8 * (SMALL + 10) && entries <= 8, "{bytes} {entries}");
        assert!(nearest(&cache, "first", 0.0, 2.0).await.is_none() || n > 0);
    }
    for n in 0..50_u8 {
        let found = nearest(&cache, &format!("{}", n % 7), f32::from(n), 0.0).await;
        assert_eq!(found.is_some(), n >= 42, "{n}");
    }
}

#[tokio::test]
async fn a_flood_of_questions_stays_within_the_bound() {
    const SIZE: usize = 1 << 20;
    let cache = memory(SIZE, 1_000);
    let long = "x".repeat(SIZE / 8 - 1);
    let mut numbers = vec![0.0_f32; 1_536];
    for n in 0..2_000_u16 {
        let at = usize::from(n) % numbers.len();
        numbers[at] += 1.0 + f32::from(n);
        let question = Embedding::new(&numbers).unwrap();
        let answer = if n % 100 == 0 { long.clone() } else { "short".to_owned() };
        cache.keep(&key(&(n % 3).to_string()), &question, answer.into(), HOUR).get().await;
        assert!(held(&cache).0 <= SIZE, "{n}: {:?}", held(&cache));
    }
    assert!(held(&cache).1 > 50, "{:?}", held(&cache));
    // One that is larger than its part is not kept, and drives nothing out.
    let before = held(&cache);
    let larger = Bytes::from(vec![b'x'; SIZE / 8 + 1]);
    cache.keep(&key("0"), &question(1.0), larger, HOUR).get().await;
    assert_eq!(held(&cache), before);
}

#[tokio::test]
async fn other_bounds_hold_at_once() {
    let cache = memory(1 << 20, 100);
    for n in 0..100_u8 {
        keep(&cache, "p", f32::from(n), "x").await;
    }
    let config = SemanticCacheConfig { size: 10 * (SMALL + 1), ..cache.config };
    cache.caches.apply(config, None);
    assert_eq!(held(&cache), (10 * (SMALL + 1), 10));
    cache.caches.apply(SemanticCacheConfig { entries: 4, ..config }, None);
    assert_eq!(held(&cache).1, 4);
    assert_eq!(nearest(&cache, "p", 99.0, 0.0).await.as_deref(), Some("x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_and_changes_run_beside_one_another() {
    let cache = Arc::new(memory(4 << 20, 600));
    // As large as what is searched in a thread of its own.
    for n in 0..400_u16 {
        let mut numbers = vec![0.0; 1_536];
        numbers[usize::from(n)] = 1.0;
        let question = Embedding::new(&numbers).unwrap();
        cache.keep(&key("p"), &question, n.to_string().into(), HOUR).get().await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u16 {
        let cache = Arc::clone(&cache);
        tasks.spawn(async move {
            for n in 0..100_u16 {
                let at = usize::from(n * 4 + task % 4);
                let mut numbers = vec![0.0; 1_536];
                (numbers[at], numbers[at + 1]) = (1.0, 0.1);
                let question = Embedding::new(&numbers).unwrap();
                let near = cache.nearest(&key("p"), &question, Distance::new(0.05)).await;
                let near = near.unwrap().map(|near| near.answer);
                assert_eq!(near.as_deref(), Some(at.to_string().as_bytes()), "{at}");
                if n % 10 == task {
                    cache.keep(&key("p"), &question, at.to_string().into(), HOUR).get().await;
                }
            }
        });
    }
    tasks.join_all().await;
    assert!(held(&cache).0 <= 4 << 20);
}
