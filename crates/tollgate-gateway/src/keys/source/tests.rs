use std::sync::atomic::AtomicUsize;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;

use super::*;

struct NoJitter;

impl Randomness for NoJitter {
    fn next(&self) -> u64 {
        0
    }
}

/// An issuer whose keys can be changed.
#[derive(Debug)]
struct Fake {
    asked: AtomicUsize,
    kids: Mutex<Vec<&'static str>>,
    is_down: AtomicBool,
}

impl Documents for Fake {
    fn fetch<'a>(&'a self, _: &'a Url) -> BoxFuture<'a, Result<Pair, KeyError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.is_down.load(Ordering::SeqCst) {
                return Err(KeyError::Unavailable("down".to_owned()));
            }
            Ok(documents(&self.kids.lock()))
        })
    }
}

fn documents(kids: &[&str]) -> Pair {
    // The base point of P-256 is as good a public key as any.
    let x = "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296";
    let y = "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5";
    let encode = |hex: &str| {
        let byte = |at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
        URL_SAFE_NO_PAD.encode((0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>())
    };
    let key = |kid: &&str| json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y)});
    let keys: Vec<_> = kids.iter().map(key).collect();
    let configuration =
        json!({"issuer": "https://issuer.test", "jwks_uri": "https://issuer.test/keys"});
    Pair {
        configuration: Bytes::from(configuration.to_string()),
        keys: Bytes::from(json!({"keys": keys}).to_string()),
    }
}

struct Setup {
    fake: Arc<Fake>,
    source: Arc<Source>,
    /// Stands for the pool.
    _pool: Arc<Source>,
    metrics: Arc<Metrics>,
}

fn setup() -> Setup {
    let fake = Arc::new(Fake {
        asked: AtomicUsize::new(0),
        kids: Mutex::new(vec!["a"]),
        is_down: AtomicBool::new(false),
    });
    let metrics = Arc::new(Metrics::new());
    let around = Surroundings {
        settings: Arc::new(ArcSwap::from_pointee(KeySettings::default())),
        randomness: Arc::new(NoJitter),
        metrics: Arc::clone(&metrics),
        generations: Arc::new(AtomicU64::new(1)),
    };
    let url = Url::parse("https://issuer.test/.well-known/openid-configuration?x=1").unwrap();
    let source = Source::new(url, Arc::clone(&fake) as Arc<dyn Documents>, around);
    Setup { fake, _pool: Arc::clone(&source), source, metrics }
}

fn shown(fetched: Result<Arc<KeySet>, KeyError>) -> String {
    match fetched {
        Ok(keys) => {
            let kids: Vec<_> = keys.keys().iter().filter_map(|key| key.id()).collect();
            format!("{} #{}", kids.join(","), keys.generation())
        }
        Err(error) => error.to_string(),
    }
}

impl Setup {
    fn check_current(&self, expected: Option<&str>) {
        assert_eq!(self.source.current().map(|keys| shown(Ok(keys))).as_deref(), expected);
    }

    async fn check(&self, why: Refresh<'_>, expected: &str) {
        assert_eq!(shown(self.source.refresh(why).await), expected);
    }

    fn check_asked(&self, expected: usize) {
        assert_eq!(self.fake.asked.load(Ordering::SeqCst), expected);
    }

    fn rotate(&self, kids: &[&'static str]) {
        *self.fake.kids.lock() = kids.to_vec();
    }

    fn set_down(&self, is_down: bool) {
        self.fake.is_down.store(is_down, Ordering::SeqCst);
    }
}

const DOWN: &str = "the OpenID configuration or its keys could not be fetched: down";

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_first_requests_cause_one_fetch() {
    let setup = Arc::new(setup());
    setup.check_current(None);
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let setup = Arc::clone(&setup);
            tokio::spawn(async move { setup.check(Refresh::Missing, "a #1").await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    setup.check_asked(1);
    setup.check_current(Some("a #1"));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_kids_cause_one_fetch_per_cooldown() {
    let setup = Arc::new(setup());
    setup.check(Refresh::Missing, "a #1").await;
    for round in 0..3 {
        let calls: Vec<_> = (0..10_000)
            .map(|n| {
                let setup = Arc::clone(&setup);
                tokio::spawn(async move {
                    let kid = format!("random-{round}-{n}");
                    setup.check(Refresh::UnknownKid(&kid), "a #1").await;
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        setup.check_asked(2 + round);
        pass(29).await;
        setup.check(Refresh::UnknownKid("another"), "a #1").await;
        setup.check_asked(2 + round);
        pass(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollover_is_followed_at_once() {
    let setup = setup();
    setup.check(Refresh::Missing, "a #1").await;
    setup.rotate(&["a", "b"]);
    setup.check(Refresh::UnknownKid("b"), "a,b #2").await;
    setup.check_current(Some("a,b #2"));
    // Whoever asks late for what is there by now does not cause another fetch.
    setup.check(Refresh::UnknownKid("b"), "a,b #2").await;
    setup.check_asked(2);
    setup.rotate(&["b", "c"]);
    setup.check(Refresh::UnknownKid("c"), "a,b #2").await;
    pass(300).await;
    setup.check(Refresh::UnknownKid("c"), "b,c #3").await;
    setup.check_asked(3);
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_ahead_and_keep_their_generation() {
    let setup = setup();
    setup.check(Refresh::Missing, "a #1").await;
    for _ in 0..4 {
        pass(2_890).await;
        setup.check_current(Some("a #1"));
    }
    setup.check_asked(5);
    setup.rotate(&["b"]);
    pass(2_890).await;
    setup.check_current(Some("b #2"));
    assert!(
        setup.metrics.encode().unwrap().contains("tollgate_key_fetches_total{result=\"ok\"} 6")
    );
}

#[tokio::test(start_paused = true)]
async fn an_absent_issuer_is_answered_for_within_a_bound() {
    let setup = setup();
    setup.check(Refresh::Missing, "a #1").await;
    setup.set_down(true);
    for _ in 0..23 {
        pass(3_600).await;
        setup.check_current(Some("a #1"));
        setup.check(Refresh::Missing, "a #1").await;
        setup.check(Refresh::UnknownKid("b"), "a #1").await;
    }
    assert_eq!(setup.source.status().error.as_deref(), Some(DOWN));
    pass(3_600).await;
    setup.check_current(None);
    setup.check(Refresh::Missing, DOWN).await;
    setup.check(Refresh::UnknownKid("b"), DOWN).await;
    setup.set_down(false);
    setup.rotate(&["b"]);
    pass(61).await;
    setup.check_current(Some("b #2"));
    assert_eq!(setup.source.status().error, None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_a_growing_while() {
    let setup = setup();
    setup.set_down(true);
    for (n, wait) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60)] {
        for _ in 0..10 {
            setup.check(Refresh::Missing, DOWN).await;
        }
        setup.check_asked(n);
        pass(wait).await;
    }
    setup.set_down(false);
    setup.check(Refresh::Missing, "a #1").await;
    assert!(
        setup.metrics.encode().unwrap().contains("tollgate_key_fetches_total{result=\"failed\"} 8")
    );
}

#[tokio::test(start_paused = true)]
async fn documents_that_say_nothing_do_not_replace_keys() {
    let setup = setup();
    setup.check(Refresh::Missing, "a #1").await;
    setup.rotate(&[]);
    setup.check(Refresh::UnknownKid("b"), "a #1").await;
    setup.check_current(Some("a #1"));
    assert!(setup.source.status().error.unwrap().contains("no key for signatures"));
    setup.rotate(&["b"]);
    pass(2).await;
    setup.check_current(Some("b #3"));
}

#[tokio::test(start_paused = true)]
async fn keys_that_nobody_holds_or_uses_are_left_to_end() {
    let setup = setup();
    let Setup { fake, source, _pool: pool, .. } = setup;
    drop(source);
    assert_eq!(shown(pool.refresh(Refresh::Missing).await), "a #1");
    pass(100_000).await;
    // Once more for the request that fetched them, then no more.
    assert_eq!(fake.asked.load(Ordering::SeqCst), 2);
    assert!(pool.current().is_none());
    assert_eq!(shown(pool.refresh(Refresh::Missing).await), "a #1");
    assert!(pool.current().is_some());
    drop(pool);
    pass(100_000).await;
    assert_eq!(fake.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_its_caller_leaves() {
    let setup = setup();
    let impatient =
        tokio::time::timeout(Duration::from_millis(5), setup.source.refresh(Refresh::Missing))
            .await;
    assert!(impatient.is_err());
    pass(1).await;
    setup.check_current(Some("a #1"));
    let status = setup.source.status();
    assert_eq!(status.url, "https://issuer.test/.well-known/openid-configuration");
    assert_eq!((status.issuer.as_deref(), status.n_keys), (Some("https://issuer.test"), 1));
}
