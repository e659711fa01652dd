use std::sync::atomic::{AtomicI64, AtomicUsize};

use super::*;

const BEGIN: i64 = 1_700_000_000;

/// The wall clock of tokio's time, which tests stop, and by how many seconds it has been set.
struct TestClock(Instant, AtomicI64);

impl Clock for TestClock {
    fn ticks(&self) -> i64 {
        let passed = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        let set = self.1.load(Ordering::SeqCst) * 10_000_000;
        621_355_968_000_000_000 + BEGIN * 10_000_000 + passed * 10_000 + set
    }
}

struct NoJitter;

impl Randomness for NoJitter {
    fn next(&self) -> u64 {
        0
    }
}

/// An identity endpoint that numbers its tokens.
#[derive(Debug)]
struct Fake {
    asked: AtomicUsize,
    is_down: AtomicBool,
    latency: Duration,
    life: i64,
    begin: Instant,
}

impl Acquire for Fake {
    fn acquire(&self) -> BoxFuture<'_, Result<Acquired, IdentityError>> {
        Box::pin(async move {
            let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(self.latency).await;
            if self.is_down.load(Ordering::SeqCst) {
                return Err(IdentityError::Failed("down".to_owned()));
            }
            let now = BEGIN + i64::try_from(self.begin.elapsed().as_secs()).unwrap();
            Ok(Acquired {
                token: Secret::new(format!("t{n}")),
                expires_at: now + self.life,
                claims: serde_json::Map::default(),
            })
        })
    }
}

struct Setup {
    fake: Arc<Fake>,
    source: Arc<Source>,
    metrics: Arc<Metrics>,
    clock: Arc<TestClock>,
}

fn setup(life: i64, latency: Duration) -> Setup {
    let begin = Instant::now();
    let fake = Arc::new(Fake {
        asked: AtomicUsize::new(0),
        is_down: AtomicBool::new(false),
        latency,
        life,
        begin,
    });
    let metrics = Arc::new(Metrics::new());
    let clock = Arc::new(TestClock(begin, AtomicI64::new(0)));
    let around = Surroundings {
        clock: Arc::clone(&clock) as _,
        randomness: Arc::new(NoJitter),
        metrics: Arc::clone(&metrics),
    };
    let acquire = Arc::clone(&fake) as Arc<dyn Acquire>;
    let source = Source::new("own".to_owned(), acquire, Duration::from_secs(10), around);
    Setup { fake, source, metrics, clock }
}

impl Setup {
    fn check_current(&self, expected: Option<&str>) {
        let current = self.source.current().map(|token| token.token.expose().to_string());
        assert_eq!(current.as_deref(), expected);
    }

    async fn check_fetch(&self, expected: Result<&str, &str>) {
        let fetched = self.source.fetch().await;
        let fetched = fetched
            .map(|token| token.token.expose().to_string())
            .map_err(|error| error.to_string());
        assert_eq!(fetched.as_deref().map_err(String::as_str), expected);
    }

    fn check_asked(&self, expected: usize) {
        assert_eq!(self.fake.asked.load(Ordering::SeqCst), expected);
    }
}

const DOWN: &str = "the identity endpoint refused or failed: down";

#[tokio::test(start_paused = true)]
async fn a_thousand_first_requests_cause_one_call() {
    let setup = Arc::new(setup(3_600, Duration::from_millis(200)));
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let setup = Arc::clone(&setup);
            tokio::spawn(async move { setup.check_fetch(Ok("t1")).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    setup.check_asked(1);
    setup.check_current(Some("t1"));
    let token = setup.source.current().unwrap();
    assert_eq!(token.authorization, "Bearer t1");
    assert!(token.authorization.is_sensitive() && !format!("{token:?}").contains("t1"));
    assert!(
        setup.metrics.encode().unwrap().contains("tollgate_token_fetches_total{result=\"ok\"} 1")
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_make_a_token_live_longer() {
    let setup = setup(3_600, Duration::from_millis(1));
    setup.check_fetch(Ok("t1")).await;
    setup.clock.1.store(-86_400, Ordering::SeqCst);
    setup.check_current(Some("t1"));
    // The endpoint is away from then on, so nothing can take its place.
    setup.fake.is_down.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(3_598)).await;
    setup.check_current(Some("t1"));
    tokio::time::advance(Duration::from_secs(2)).await;
    setup.check_current(None);
    setup.check_fetch(Err(DOWN)).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_costs_one_call_and_no_storm() {
    let setup = setup(86_400, Duration::from_millis(1));
    setup.check_fetch(Ok("t1")).await;
    setup.check_asked(1);
    // By less than the token has left: it goes on, and is renewed for its use at its time.
    setup.clock.1.store(36_000, Ordering::SeqCst);
    for _ in 0..1_000 {
        setup.check_fetch(Ok("t1")).await;
    }
    setup.check_asked(1);
    // By more: the endpoint is asked, and what it gives counts as long as its own word of the end does.
    setup.clock.1.store(7 * 86_400, Ordering::SeqCst);
    setup.check_current(None);
    for _ in 0..1_000 {
        setup
            .check_fetch(Err(
                "the identity endpoint refused or failed: the token it gave has already ended",
            ))
            .await;
    }
    setup.check_asked(2);
    // Set right again, the token from before is as good as it was.
    setup.clock.1.store(0, Ordering::SeqCst);
    setup.check_current(Some("t1"));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_when_its_caller_leaves() {
    let setup = setup(3_600, Duration::from_millis(200));
    let impatient = tokio::time::timeout(Duration::from_millis(50), setup.source.fetch()).await;
    assert!(impatient.is_err());
    tokio::time::sleep(Duration::from_millis(200)).await;
    setup.check_current(Some("t1"));
    setup.check_asked(1);
}

#[tokio::test(start_paused = true)]
async fn a_used_token_is_renewed_at_half_its_life() {
    let setup = setup(3_600, Duration::from_millis(10));
    setup.check_fetch(Ok("t1")).await;
    for n in 2..6 {
        tokio::time::sleep(Duration::from_secs(1_799)).await;
        setup.check_current(Some(&format!("t{}", n - 1)));
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        setup.check_current(Some(&format!("t{n}")));
        setup.check_asked(n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nobody_uses_is_left_to_end() {
    let setup = setup(3_600, Duration::from_millis(10));
    setup.check_fetch(Ok("t1")).await;
    // The first renewal still counts the request that fetched it; later ones see none.
    tokio::time::sleep(Duration::from_secs(20_000)).await;
    setup.check_asked(2);
    setup.check_current(None);
    setup.check_fetch(Ok("t3")).await;
    tokio::time::sleep(Duration::from_secs(1_900)).await;
    setup.check_current(Some("t4"));
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_not_noticed_while_the_token_is_good() {
    let setup = setup(3_600, Duration::from_millis(10));
    setup.check_fetch(Ok("t1")).await;
    setup.fake.is_down.store(true, Ordering::SeqCst);
    for _ in 0..35 {
        tokio::time::sleep(Duration::from_secs(100)).await;
        setup.check_current(Some("t1"));
        setup.check_fetch(Ok("t1")).await;
    }
    let asked = setup.fake.asked.load(Ordering::SeqCst);
    assert!((10..100).contains(&asked), "{asked} calls while the endpoint was down");
    tokio::time::sleep(Duration::from_secs(101)).await;
    setup.check_current(None);
    setup.check_fetch(Err(DOWN)).await;

    setup.fake.is_down.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let fetched = setup.source.fetch().await.unwrap();
    assert_eq!(**fetched.token.expose(), *format!("t{}", setup.fake.asked.load(Ordering::SeqCst)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_a_growing_while() {
    let setup = setup(3_600, Duration::from_millis(10));
    setup.fake.is_down.store(true, Ordering::SeqCst);
    for (n, wait) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        setup.check_fetch(Err(DOWN)).await;
        setup.check_fetch(Err(DOWN)).await;
        setup.check_asked(n);
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    assert!(
        setup
            .metrics
            .encode()
            .unwrap()
            .contains("tollgate_token_fetches_total{result=\"failed\"} 7")
    );
    assert_eq!(
        setup.source.status("own".to_owned(), "r".to_owned()),
        TokenStatus {
            identity: "own".to_owned(),
            resource: "r".to_owned(),
            expires_at: None,
            error: Some(DOWN.to_owned()),
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_in_time() {
    let setup = setup(3_600, Duration::from_secs(100));
    let begin = Instant::now();
    setup
        .check_fetch(Err("the identity endpoint refused or failed: no answer within 10000 ms"))
        .await;
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn short_lives_do_not_make_a_busy_loop() {
    let setup = setup(2, Duration::from_millis(10));
    setup.check_fetch(Ok("t1")).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(setup.source.current().is_some());
    }
    let asked = setup.fake.asked.load(Ordering::SeqCst);
    assert!((5..25).contains(&asked), "{asked} calls in 10 s");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_cannot_be_used_are_failures() {
    let setup = setup(0, Duration::ZERO);
    setup
        .check_fetch(Err(
            "the identity endpoint refused or failed: the token it gave has already ended",
        ))
        .await;
    for text in ["", "a\nb"] {
        let acquired = Acquired {
            token: Secret::new(text.to_owned()),
            expires_at: BEGIN + 10,
            claims: serde_json::Map::default(),
        };
        assert!(accept(acquired, BEGIN).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_renewed_for_a_source_that_is_gone() {
    let setup = setup(3_600, Duration::from_millis(10));
    setup.check_fetch(Ok("t1")).await;
    let Setup { fake, source, .. } = setup;
    drop(source);
    tokio::time::sleep(Duration::from_secs(10_000)).await;
    assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn renewal_is_at_half_life_or_five_minutes_before_the_end() {
    for (left, expected) in [
        (86_400, 43_200_000),
        (3_600, 1_800_000),
        (500, 200_000),
        (310, 30_000),
        (300, 150_000),
        (20, 10_000),
        (0, 500),
    ] {
        assert_eq!(renewal_delay(Duration::from_secs(left)).as_millis(), expected, "{left}");
    }
}
