use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::ports::{Answer, Cache as _, CacheKey, CacheKeyBuilder, CachePlace};

use super::{Caches, ConfiguredCaches};
use crate::fetch::{FetchSettings, Fetcher, SystemResolver};
use crate::redis::Redis;
use crate::telemetry::Metrics;

const HOUR: Duration = Duration::from_hours(1);

fn caches(size: usize) -> Arc<Caches> {
    let fetcher = Arc::new(Fetcher::new(FetchSettings::default(), Arc::new(SystemResolver)));
    Arc::new(Caches::new(size, Arc::new(Redis::new(fetcher, Arc::new(Metrics::new())))))
}

fn key(text: &str) -> CacheKey {
    let mut builder = CacheKeyBuilder::new("test");
    builder.part(text);
    builder.finish()
}

fn now<T>(answer: Answer<'_, T>) -> T {
    match answer {
        Answer::Ready(answer) => answer,
        Answer::Pending(_) => panic!("it is not in memory"),
    }
}

fn get(cache: &ConfiguredCaches, text: &str) -> Option<Bytes> {
    now(cache.get(CachePlace::Internal, &key(text)))
}

fn set(cache: &ConfiguredCaches, text: &str, value: &[u8], lifetime: Duration) {
    now(cache.set(CachePlace::Internal, &key(text), Bytes::copy_from_slice(value), lifetime));
}

#[test]
fn entries_are_kept_replaced_and_removed() {
    let cache = caches(1 << 20).with(false);
    assert_eq!(get(&cache, "a"), None);
    set(&cache, "a", b"1", HOUR);
    set(&cache, "b", b"2", HOUR);
    assert_eq!(get(&cache, "a").as_deref(), Some(&b"1"[..]));
    set(&cache, "a", b"3", HOUR);
    assert_eq!(get(&cache, "a").as_deref(), Some(&b"3"[..]));
    now(cache.remove(CachePlace::PreferExternal, &key("a")));
    assert_eq!(get(&cache, "a"), None);
    assert_eq!(get(&cache, "b").as_deref(), Some(&b"2"[..]));
}

#[test]
fn entries_end() {
    let cache = caches(1 << 20).with(false);
    set(&cache, "ends", b"1", Duration::from_nanos(1));
    set(&cache, "shortened", b"1", HOUR);
    set(&cache, "shortened", b"2", Duration::from_nanos(1));
    set(&cache, "never", b"1", Duration::ZERO);
    set(&cache, "long", b"1", Duration::MAX);
    assert_eq!(get(&cache, "ends"), None);
    assert_eq!(get(&cache, "shortened"), None);
    assert_eq!(get(&cache, "never"), None);
    assert!(get(&cache, "long").is_some());
}

#[test]
fn memory_is_bounded_by_bytes() {
    const MOST: usize = (1 << 20) + (1 << 17) + (1 << 17);
    let caches = caches(1 << 20);
    let cache = caches.with(false);
    for length in [10 << 10, 1 << 17] {
        let value = vec![7; length];
        for number in 0..1_000 {
            set(&cache, &number.to_string(), &value, HOUR);
            assert!(number % 50 > 0 || caches.memory.held() <= MOST, "{length} {number}");
        }
    }
    for number in 0..100_000 {
        set(&cache, &number.to_string(), b"", HOUR);
    }
    assert!(caches.memory.held() <= MOST);
    set(&cache, "too large", &vec![7; (1 << 17) + 1], HOUR);
    assert_eq!(get(&cache, "too large"), None);
    // A value that is not kept does not leave an older one.
    set(&cache, "grown", b"1", HOUR);
    set(&cache, "grown", &vec![7; (1 << 17) + 1], HOUR);
    assert_eq!(get(&cache, "grown"), None);
}

/// A part of a larger buffer, which says when the buffer is gone.
#[test]
fn what_a_value_was_part_of_is_not_kept() {
    struct Buffer {
        bytes: Vec<u8>,
        _is_there: Arc<()>,
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    let cache = caches(1 << 20).with(false);
    let is_there = Arc::new(());
    let part = Buffer { bytes: vec![7; 100], _is_there: Arc::clone(&is_there) };
    let part = Bytes::from_owner(part).slice(..10);
    now(cache.set(CachePlace::Internal, &key("a"), part, HOUR));
    assert_eq!(Arc::strong_count(&is_there), 1);
    assert_eq!(get(&cache, "a").as_deref(), Some(&[7; 10][..]));
}

#[test]
fn a_reload_keeps_what_is_there_unless_the_size_changes() {
    let caches = caches(1 << 20);
    set(&caches.with(false), "a", b"1", HOUR);
    caches.resize(1 << 20);
    assert!(get(&caches.with(false), "a").is_some());
    caches.resize(2 << 20);
    assert_eq!(get(&caches.with(false), "a"), None);
}

#[test]
fn without_a_server_external_keeps_nothing_and_prefer_external_is_internal() {
    let cache = caches(1 << 20).with(false);
    let value = Bytes::from_static(b"1");
    now(cache.set(CachePlace::External, &key("a"), value.clone(), HOUR));
    assert_eq!(now(cache.get(CachePlace::External, &key("a"))), None);
    assert_eq!(get(&cache, "a"), None);
    now(cache.set(CachePlace::PreferExternal, &key("a"), value, HOUR));
    assert!(get(&cache, "a").is_some());
}

#[tokio::test]
async fn a_server_that_is_away_has_nothing() {
    let cache = caches(1 << 20).with(true);
    for place in [CachePlace::External, CachePlace::PreferExternal] {
        cache.set(place, &key("a"), Bytes::from_static(b"1"), HOUR).get().await;
        assert_eq!(cache.get(place, &key("a")).get().await, None);
        cache.remove(place, &key("a")).get().await;
    }
}

#[tokio::test(start_paused = true)]
async fn leases_are_held_one_at_a_time() {
    let cache = caches(1 << 20).with(false);
    let first = now(cache.lease(&key("a")));
    drop(now(cache.lease(&key("b"))));
    let Answer::Pending(second) = cache.lease(&key("a")) else { panic!("it is held") };
    let waiting = tokio::spawn(second);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    drop(first);
    let second = waiting.await.expect("a lease");
    // Nobody waits for ever for one that hangs.
    let Answer::Pending(third) = cache.lease(&key("a")) else { panic!("it is held") };
    let began = tokio::time::Instant::now();
    drop(third.await);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    drop(second);
    for number in 0..10_000 {
        drop(now(cache.lease(&key(&number.to_string()))));
    }
}
