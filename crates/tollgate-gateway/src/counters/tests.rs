use tollgate_engine::Clock as _;
use tollgate_engine::ports::{Counter, Window};

use super::*;
use crate::loopback::fetcher;
use crate::redis::RedisSettings;

const CHARGE: fn(u64) -> Charge = |limit| {
    let window = Window::Sliding { ms: 60_000 };
    let counter = Counter { key: CounterKey::new(&["it"]), window };
    Charge { counter, limit, needed: 1, amount: 1 }
};

/// Counters with a server that is not there.
async fn counters(when_unavailable: WhenUnavailable) -> GatewayCounters {
    let metrics = Arc::new(Metrics::new());
    let redis = Arc::new(Redis::new(fetcher(), Arc::clone(&metrics)));
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    redis.apply(Some(RedisSettings::parse(&format!("redis://{nobody}")).unwrap())).await;
    let counters = GatewayCounters::new(redis, metrics);
    counters.apply(CounterSettings { when_unavailable, ..CounterSettings::default() });
    counters
}

async fn admitted(counters: &GatewayCounters, n: usize) -> Vec<Option<bool>> {
    let mut all = Vec::new();
    for _ in 0..n {
        let verdict = counters.charge(&[CHARGE(2)]).get().await;
        all.push(verdict.ok().map(|verdict| verdict.admitted));
    }
    all
}

#[tokio::test]
async fn without_the_server_each_setting_does_what_it_says() {
    let open = counters(WhenUnavailable::FailOpen).await;
    assert!(open.waits());
    assert_eq!(admitted(&open, 4).await, [Some(true); 4]);
    let closed = counters(WhenUnavailable::FailClosed).await;
    assert_eq!(admitted(&closed, 2).await, [None; 2]);
    let local = counters(WhenUnavailable::Local).await;
    assert_eq!(admitted(&local, 3).await, [Some(true), Some(true), Some(false)]);
    let since = SystemClock.unix_seconds() * 1_000;
    let correction = Correction { counter: CHARGE(2).counter, amount: -1, since, limit: None };
    assert_eq!(local.correct(&[correction]).get().await, Ok(()));
    assert_eq!(admitted(&local, 1).await, [Some(true)]);
    assert_eq!(closed.correct(&[correction]).get().await, Err(CountersUnavailable));
    assert_eq!(open.correct(&[correction]).get().await, Ok(()));
    let metrics = local.metrics.encode().unwrap();
    assert!(metrics.contains("tollgate_counters_unavailable_total 5"), "{metrics}");
}

#[tokio::test]
async fn without_a_configured_server_nothing_waits() {
    let metrics = Arc::new(Metrics::new());
    let redis = Arc::new(Redis::new(fetcher(), Arc::clone(&metrics)));
    let counters = GatewayCounters::new(redis, metrics);
    assert!(!counters.waits());
    let charge = [CHARGE(1)];
    assert!(matches!(counters.charge(&charge), Answer::Ready(Ok(verdict)) if verdict.admitted));
    assert!(matches!(counters.charge(&charge), Answer::Ready(Ok(verdict)) if !verdict.admitted));
    let slot = counters.enter(CounterKey::new(&["slot"]), 1);
    assert!(slot.is_some() && counters.enter(CounterKey::new(&["slot"]), 1).is_none());
}

/// With `TOLLGATE_REDIS_URL`: the scripts count as the memory does. Windows are so long that nothing leaves them meanwhile.
#[tokio::test]
async fn counters_in_redis_do_what_those_in_memory_do() {
    let Ok(url) = std::env::var("TOLLGATE_REDIS_URL") else {
        println!("skipped: TOLLGATE_REDIS_URL names no Redis server");
        return;
    };
    let metrics = Arc::new(Metrics::new());
    let redis = Arc::new(Redis::new(fetcher(), Arc::clone(&metrics)));
    redis.apply(Some(RedisSettings::parse(&url).unwrap())).await;
    assert!(redis.status().unwrap().connected, "{:?}", redis.status());
    let counters = GatewayCounters::new(redis, Arc::clone(&metrics));
    let unique = uuid::Uuid::new_v4().to_string();
    let now = SystemClock.unix_seconds() * 1_000;
    let year = 31_536_000_000;
    for (name, window) in [
        ("sliding", Window::Sliding { ms: year }),
        ("fixed", Window::Fixed { ms: year, origin: now - 1_000_000 }),
        ("forever", Window::Forever),
    ] {
        let counter = |part| Counter { key: CounterKey::new(&[&unique, name, part]), window };
        let charge =
            |part, limit, needed, amount| Charge { counter: counter(part), limit, needed, amount };
        for step in 0..200_u64 {
            let charges = [
                charge("one", 50 + step % 7, step % 3, step % 3),
                charge("two", 1_000, 1 + step % 5, step % 5),
            ];
            let shared = counters.charge(&charges).get().await.unwrap();
            let local = counters.memory.charge_now(&charges);
            assert_eq!(shared.admitted, local.admitted, "{name} {step}");
            for (shared, local) in shared.standings.iter().zip(&local.standings) {
                let of =
                    |standing: &Standing| (standing.used, standing.fits, standing.wait.is_some());
                assert_eq!(of(shared), of(local), "{name} {step}");
                let waits = [shared, local].map(|standing| standing.wait.unwrap_or_default());
                assert!(waits[0].abs_diff(waits[1]).as_secs() < 10, "{name} {step} {waits:?}");
            }
            let amount = [7, -3, 0, -40, 2][usize::try_from(step % 5).unwrap()];
            let since = if step % 2 == 0 { now } else { now - 2 * i64::try_from(year).unwrap() };
            let limit = (step % 3 == 0).then_some(100);
            let correction = Correction { counter: counter("two"), amount, since, limit };
            counters.correct(&[correction]).get().await.unwrap();
            counters.memory.correct_now(&[correction]);
        }
    }
    // What is owed is paid with time there, too: 40 of 10 in 100 ms are four such windows.
    let short =
        Counter { key: CounterKey::new(&[&unique, "owed"]), window: Window::Sliding { ms: 100 } };
    let owed = Correction { counter: short, amount: 40, since: 0, limit: Some(10) };
    let began = std::time::Instant::now();
    counters.correct(&[owed]).get().await.unwrap();
    let look = [Charge { counter: short, limit: 10, needed: 1, amount: 0 }];
    let verdict = counters.charge(&look).get().await.unwrap();
    let waits = verdict.standings[0].wait.unwrap();
    assert!(waits.as_millis().abs_diff(390) <= 60, "{verdict:?}");
    tokio::time::sleep(waits.saturating_sub(std::time::Duration::from_millis(150))).await;
    assert!(!counters.charge(&look).get().await.unwrap().admitted);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(counters.charge(&look).get().await.unwrap().admitted, "{:?}", began.elapsed());
    let metrics = metrics.encode().unwrap();
    assert!(metrics.contains("tollgate_counters_unavailable_total 0"), "{metrics}");
}
