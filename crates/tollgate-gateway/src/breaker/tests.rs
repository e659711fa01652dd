use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;

use super::{Breaker, BreakerState, Breakers, ErrorReason, Outcome, Permit, Rule, Threshold};

/// A breaker and a clock that only the test moves.
struct Bench {
    breaker: Arc<Breaker>,
    trips: Counter,
    now: Instant,
}

fn rule(threshold: Threshold) -> Rule {
    Rule {
        name: "rule".to_owned(),
        threshold,
        interval: Duration::from_secs(16),
        statuses: vec![(429, 429), (500, 599)],
        reasons: vec![ErrorReason::Timeout],
        trip: Duration::from_secs(10),
        accept_retry_after: true,
    }
}

fn bench(threshold: Threshold) -> Bench {
    let trips = Counter::default();
    let breaker = Breaker::new("b".into(), &[rule(threshold)], trips.clone());
    Bench { breaker: Arc::new(breaker), trips, now: Instant::now() }
}

impl Bench {
    fn later(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn admit(&self) -> Permit {
        self.breaker.admit(self.now).expect("a permit")
    }

    fn refused(&self) -> u64 {
        self.breaker.admit(self.now).expect_err("no permit").as_secs()
    }

    fn end(&self, permit: Permit, outcome: Outcome<'_>) {
        permit.ended(outcome, self.now, || 0);
    }

    fn call(&self, status: u16) {
        self.end(self.admit(), answered(status, &HeaderMap::new()));
    }

    fn state(&self) -> BreakerState {
        self.breaker.state(self.now)
    }
}

fn answered(status: u16, headers: &HeaderMap) -> Outcome<'_> {
    Outcome::Answered(StatusCode::from_u16(status).unwrap(), headers)
}

#[test]
fn a_count_within_the_interval_opens_it() {
    let mut bench = bench(Threshold::Count(3));
    bench.call(500);
    bench.call(200);
    bench.call(404);
    bench.later(17).call(500);
    bench.call(503);
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.call(429);
    assert_eq!(bench.state(), BreakerState::Open(Duration::from_secs(10)));
    assert_eq!((bench.refused(), bench.trips.get()), (10, 1));
    assert_eq!(bench.later(4).refused(), 6);
}

#[test]
fn a_percentage_needs_enough_requests() {
    let bench = bench(Threshold::Percentage { percentage: 50, minimum_requests: 4 });
    bench.call(500);
    bench.call(500);
    bench.call(200);
    bench.call(200);
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.call(200);
    bench.call(500);
    assert_eq!(bench.refused(), 10);
}

#[test]
fn what_says_nothing_about_the_backend_does_not_count() {
    let bench = bench(Threshold::Count(1));
    bench.end(bench.admit(), Outcome::Unknown);
    bench.end(bench.admit(), Outcome::Failed(ErrorReason::Connection));
    drop(bench.admit());
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.end(bench.admit(), Outcome::Failed(ErrorReason::Timeout));
    assert_eq!(bench.refused(), 10);
}

#[test]
fn the_response_may_say_for_how_long() {
    let bench = bench(Threshold::Count(1));
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "42".parse().unwrap())]);
    bench.end(bench.admit(), answered(429, &headers));
    assert_eq!(bench.refused(), 42);
}

#[test]
fn one_probe_decides_whether_it_closes() {
    let mut bench = bench(Threshold::Count(1));
    bench.call(500);
    bench.later(10);
    assert_eq!(bench.state(), BreakerState::HalfOpen { probing: false });
    let probe = bench.admit();
    assert_eq!(bench.state(), BreakerState::HalfOpen { probing: true });
    assert_eq!(bench.refused(), 1);
    // A client that goes away says nothing: the next request is the probe.
    drop(probe);
    let probe = bench.admit();
    bench.end(probe, answered(500, &HeaderMap::new()));
    assert_eq!((bench.refused(), bench.trips.get()), (10, 2));
    bench.later(11).call(200);
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.admit();
}

#[test]
fn one_failure_of_a_probe_is_enough_and_old_failures_are_forgotten() {
    let mut bench = bench(Threshold::Count(2));
    bench.call(500);
    bench.call(500);
    bench.later(10).call(500);
    assert_eq!(bench.refused(), 10);
    bench.later(10).call(200);
    bench.call(500);
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn requests_that_began_before_do_not_change_an_open_breaker() {
    let bench = bench(Threshold::Count(1));
    let (slow, late) = (bench.admit(), bench.admit());
    bench.call(500);
    bench.end(slow, answered(200, &HeaderMap::new()));
    bench.end(late, answered(500, &HeaderMap::new()));
    assert_eq!((bench.refused(), bench.trips.get()), (10, 1));
}

#[test]
fn a_body_that_breaks_off_is_a_failure() {
    let mut bench = bench(Threshold::Count(2));
    let timeout = Outcome::Failed(ErrorReason::Timeout);
    let answer = |bench: &Bench| {
        let headers = HeaderMap::new();
        bench.admit().answered(StatusCode::OK, &headers, bench.now, || 0).expect("a body to come")
    };
    bench.end(answer(&bench), timeout);
    bench.end(answer(&bench), timeout);
    assert_eq!(bench.refused(), 10);
    // A probe closes the breaker by its head; from then on its body counts like any other.
    let late = answer(bench.later(10));
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.end(late, timeout);
    bench.call(500);
    assert_eq!(bench.refused(), 10);
    let headers = HeaderMap::new();
    let probe = bench.later(10).admit();
    assert!(probe.answered(StatusCode::TOO_MANY_REQUESTS, &headers, bench.now, || 0).is_none());
    assert_eq!((bench.refused(), bench.trips.get()), (10, 3));
}

#[test]
fn a_response_counts_once_when_it_is_over() {
    let bench = bench(Threshold::Percentage { percentage: 100, minimum_requests: 3 });
    let answer = || {
        let headers = HeaderMap::new();
        bench.admit().answered(StatusCode::OK, &headers, bench.now, || 0).expect("a body to come")
    };
    let timeout = Outcome::Failed(ErrorReason::Timeout);
    for _ in 0..2 {
        bench.end(answer(), timeout);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
    bench.end(answer(), timeout);
    assert_eq!(bench.refused(), 10);
    let bench = self::bench(Threshold::Percentage { percentage: 100, minimum_requests: 3 });
    let headers = HeaderMap::new();
    // Its client has gone in the middle, or has got all of it.
    drop(bench.admit().answered(StatusCode::OK, &headers, bench.now, || 0));
    for _ in 0..3 {
        bench.end(bench.admit(), timeout);
    }
    assert_eq!(bench.state(), BreakerState::Closed);
}

#[test]
fn of_many_threads_one_gets_the_probe() {
    let mut bench = bench(Threshold::Count(1));
    bench.call(500);
    bench.later(10);
    let (breaker, now) = (&bench.breaker, bench.now);
    let admitted = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| breaker.admit(now).ok());
        let threads: Vec<_> = std::iter::repeat_with(ask).take(16).collect();
        let permits: Vec<_> =
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        permits.len()
    });
    assert_eq!(admitted, 1);
}

#[test]
fn a_breaker_is_kept_as_long_as_nothing_of_it_changes() {
    let breakers = Breakers::default();
    let rules = [rule(Threshold::Count(1))];
    let get = |url: &str, rules: &[Rule]| breakers.breaker(&"b".into(), url.to_owned(), rules);
    let first = get("https://a", &rules);
    assert!(Arc::ptr_eq(&first, &get("https://a", &rules)));
    assert!(!Arc::ptr_eq(&first, &get("https://b", &rules)));
    assert!(!Arc::ptr_eq(&first, &get("https://a", &[rule(Threshold::Count(2))])));
    drop(first);
    get("https://c", &rules);
    assert!(breakers.known.lock().len() <= 2);
}
