//! The cache on a server, with its own search and without.

use std::sync::Arc;
use std::time::Duration;

use super::server::FakeRedis;
use super::*;
use crate::loopback::fetcher;
use crate::redis::RedisSettings;

async fn on(server: &FakeRedis, config: SemanticCacheConfig) -> ConfiguredSemanticCache {
    let metrics = Arc::new(Metrics::new());
    let redis = Arc::new(Redis::new(fetcher(), Arc::clone(&metrics)));
    let mut settings = RedisSettings::parse(&format!("redis://{}", server.address)).unwrap();
    settings.response_timeout = Duration::from_secs(5);
    let caches = Arc::new(SemanticCaches::new(Arc::clone(&redis), metrics));
    caches.apply(config, Some(&settings));
    redis.apply(Some(settings)).await;
    caches.with(config, true)
}

#[tokio::test]
async fn a_server_without_search_is_searched_here() {
    let server = FakeRedis::start(false).await;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    the_nearest_within_the_threshold_is_found(&cache).await;
    assert_eq!((server.count("MODULE"), server.count("FT.SEARCH")), (1, 0));
}

#[tokio::test]
async fn a_server_with_search_searches_itself() {
    let server = FakeRedis::start(true).await;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    the_nearest_within_the_threshold_is_found(&cache).await;
    assert!(server.count("FT.SEARCH") > 5);
    // One index for each number of dimensions.
    assert_eq!((server.count("MODULE"), server.count("FT.CREATE")), (1, 2));
    // Another gateway finds the index.
    let other = on(&server, SemanticCacheConfig::default()).await;
    assert_eq!(nearest(&other, "a", 31.0, 0.05).await.as_deref(), Some("thirty"));
    assert_eq!(server.count("FT.CREATE"), 2);
    assert_eq!(held(&cache), (0, 0), "nothing is copied");
}

#[tokio::test]
async fn a_search_that_fails_is_made_here() {
    let server = FakeRedis::start(true).await;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    keep(&cache, "a", 0.0, "zero").await;
    assert_eq!(nearest(&cache, "a", 1.0, 0.05).await.as_deref(), Some("zero"));
    // Somebody has dropped the index; the next look-up makes it again.
    server.state.lock().indexes.clear();
    assert_eq!(nearest(&cache, "a", 1.0, 0.05).await.as_deref(), Some("zero"));
    assert_eq!(nearest(&cache, "a", 1.0, 0.05).await.as_deref(), Some("zero"));
    assert_eq!(server.count("FT.CREATE"), 2);
    // What ends between the search and the answer is not found.
    server.state.lock().is_gone = true;
    assert_eq!(nearest(&cache, "a", 1.0, 0.05).await, None);
}

#[tokio::test]
async fn only_what_is_new_is_copied() {
    let server = FakeRedis::start(false).await;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    for n in 0..150_u8 {
        keep(&cache, "a", f32::from(n), &n.to_string()).await;
    }
    assert_eq!(nearest(&cache, "a", 149.0, 0.0).await.as_deref(), Some("149"));
    assert_eq!(held(&cache), (150 * SMALL + 256, 150));
    let read = |server: &FakeRedis| server.count("EVALSHA");
    let before = read(&server);
    for n in [3.0, 70.0] {
        assert!(nearest(&cache, "a", n, 0.0).await.is_some());
    }
    assert_eq!(read(&server) - before, 2, "one question each: is there anything new");
    // Another gateway keeps one, and one of ours goes.
    let other = on(&server, SemanticCacheConfig::default()).await;
    keep(&other, "a", 200.0, "new").await;
    assert_eq!(nearest(&cache, "a", 200.0, 0.0).await.as_deref(), Some("new"));
    server.state.lock().hashes.retain(|_, hash| hash["a"] != b"3");
    assert_eq!(nearest(&cache, "a", 3.0, 0.0001).await, None);
    assert_eq!(nearest(&cache, "a", 3.0, 0.001).await.as_deref(), Some("2"), "or 4, as near");
    assert_eq!(held(&cache).1, 150);
}

#[tokio::test]
async fn copies_and_partitions_stay_within_their_bounds() {
    let server = FakeRedis::start(false).await;
    let config =
        SemanticCacheConfig { size: 40 * SMALL, entries: 30, ..SemanticCacheConfig::default() };
    let cache = on(&server, config).await;
    for n in 0..50_u8 {
        for partition in ["a", "b", "c"] {
            keep(&cache, partition, f32::from(n), &n.to_string()).await;
        }
    }
    assert_eq!(server.state.lock().hashes.len(), 90, "thirty of each");
    for partition in ["a", "b", "c", "a"] {
        assert_eq!(nearest(&cache, partition, 49.0, 0.0).await.as_deref(), Some("49"));
        assert_eq!(nearest(&cache, partition, 20.0, 0.0).await.as_deref(), Some("20"));
        assert!(nearest(&cache, partition, 19.0, 0.000_1).await.is_none());
        assert!(held(&cache).0 <= config.size, "{:?}", held(&cache));
    }
    // Nobody fills the memory by asking for what is not there.
    for n in 0..200_u8 {
        assert!(nearest(&cache, &format!("no {n}"), 0.0, 2.0).await.is_none());
        assert!(held(&cache).0 <= config.size, "{:?}", held(&cache));
    }
    assert_eq!(nearest(&cache, "b", 49.0, 0.0).await.as_deref(), Some("49"));
}

#[tokio::test]
async fn who_may_not_make_an_index_searches_itself() {
    let server = FakeRedis::start(true).await;
    server.state.lock().refuses_indexes = true;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    the_nearest_within_the_threshold_is_found(&cache).await;
    assert_eq!((server.count("FT.SEARCH"), server.count("FT.CREATE")), (0, 1));
}

#[tokio::test]
async fn a_server_that_is_away_is_a_fault() {
    let server = FakeRedis::start(false).await;
    let cache = on(&server, SemanticCacheConfig::default()).await;
    keep(&cache, "a", 0.0, "zero").await;
    drop(server);
    let waiting = async {
        while cache.nearest(&key("a"), &question(0.0), Distance::new(1.0)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap();
    keep(&cache, "a", 0.0, "zero").await;
}
