//! Names to addresses, without blocking and without a look-up per call.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tollgate_engine::BoxFuture;

use super::flight::{Flight, begin};

/// Finds the addresses of a host.
pub trait Resolve: Send + Sync + fmt::Debug {
    /// The addresses of `host`, best first, never none.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<[IpAddr]>, ResolveError>>;

    /// Says that nobody answered at the addresses of a host: it may have moved. Nothing is waited for.
    fn doubt(&self, _host: &str) {}
}

/// Why a host has no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The look-up failed.
    #[error("`{host}` cannot be resolved: {why}")]
    Failed {
        /// The host.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No answer in time.
    #[error("`{host}` cannot be resolved: no answer in time")]
    Timeout {
        /// The host.
        host: String,
    },
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<[IpAddr]>, ResolveError>> {
        Box::pin(async move {
            let failed = |why: io::Error| ResolveError::Failed {
                host: host.to_owned(),
                why: why.to_string(),
            };
            let found = tokio::net::lookup_host((host, 0)).await.map_err(failed)?;
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() {
                let why = "it has no address".to_owned();
                return Err(ResolveError::Failed { host: host.to_owned(), why });
            }
            Ok(addresses.into())
        })
    }
}

/// How long answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolverSettings {
    /// An answer this young is given as it is.
    pub fresh: Duration,
    /// An answer this young is given, and a new look-up begins behind it. After that callers wait; should the look-up
    /// fail, the old answer still counts.
    pub usable: Duration,
    /// An older answer is never given.
    pub stale: Duration,
    /// How long one look-up may take.
    pub timeout: Duration,
    /// A look-up that failed is not repeated for this long, nor one whose answer is doubted.
    pub negative: Duration,
}

impl Default for ResolverSettings {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(30),
            usable: Duration::from_mins(2),
            stale: Duration::from_mins(10),
            timeout: Duration::from_secs(5),
            negative: Duration::from_secs(1),
        }
    }
}

/// Hosts that are remembered; a policy can make up any number of names.
const MAX_HOSTS: usize = 1_024;

/// Remembers answers, shares look-ups, and looks again behind the callers' backs.
#[derive(Clone)]
pub struct CachingResolver {
    shared: Arc<Inner>,
}

struct Inner {
    settings: ResolverSettings,
    source: Arc<dyn Resolve>,
    hosts: Mutex<HashMap<String, Entry>>,
}

type Answer = Result<Arc<[IpAddr]>, ResolveError>;
type LookUp = Flight<Answer>;

#[derive(Default)]
struct Entry {
    answer: Option<(Arc<[IpAddr]>, Instant)>,
    failure: Option<(ResolveError, Instant)>,
    flight: Option<LookUp>,
}

enum Found {
    Now(Answer),
    Wait(LookUp),
}

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingResolver")
            .field("source", &self.shared.source)
            .finish_non_exhaustive()
    }
}

impl Default for CachingResolver {
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver), ResolverSettings::default())
    }
}

impl CachingResolver {
    /// Remembers the answers of `source`.
    pub fn new(source: Arc<dyn Resolve>, settings: ResolverSettings) -> Self {
        Self { shared: Arc::new(Inner { settings, source, hosts: Mutex::default() }) }
    }
}

impl Resolve for CachingResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Box::pin(std::future::ready(Ok(Arc::from([address]))));
        }
        Box::pin(async move {
            match Inner::find(&self.shared, &host.to_ascii_lowercase()) {
                Found::Now(answer) => answer,
                Found::Wait(flight) => flight.await,
            }
        })
    }

    fn doubt(&self, host: &str) {
        Inner::doubt(&self.shared, &host.to_ascii_lowercase());
    }
}

impl Inner {
    fn find(this: &Arc<Self>, host: &str) -> Found {
        let now = Instant::now();
        let mut hosts = this.hosts.lock();
        if !hosts.contains_key(host) {
            this.make_room(&mut hosts, now);
        }
        let entry = hosts.entry(host.to_owned()).or_default();
        let age = entry.answer.as_ref().map(|(_, at)| now.saturating_duration_since(*at));
        if let (Some((addresses, _)), Some(age)) = (&entry.answer, age) {
            let addresses = addresses.clone();
            if age >= this.settings.fresh && age < this.settings.usable && entry.flight.is_none() {
                entry.flight = Some(Self::look_up(this, host));
            }
            if age < this.settings.usable {
                return Found::Now(Ok(addresses));
            }
        }
        if let Some((error, at)) = &entry.failure
            && now.saturating_duration_since(*at) < this.settings.negative
        {
            return Found::Now(
                entry.last_resort(this.settings.stale, now).ok_or_else(|| error.clone()),
            );
        }
        let flight = entry.flight.get_or_insert_with(|| Self::look_up(this, host)).clone();
        Found::Wait(flight)
    }

    /// Looks a known host up again behind the callers' backs, unless that has just been done.
    fn doubt(this: &Arc<Self>, host: &str) {
        let now = Instant::now();
        let mut hosts = this.hosts.lock();
        let Some(entry) = hosts.get_mut(host).filter(|entry| entry.flight.is_none()) else {
            return;
        };
        let last = entry.answer.iter().map(|(_, at)| *at);
        let last = last.chain(entry.failure.iter().map(|(_, at)| *at)).max();
        if last.is_none_or(|at| now.saturating_duration_since(at) >= this.settings.negative) {
            entry.flight = Some(Self::look_up(this, host));
        }
    }

    /// Begins a look-up that ends also when every caller has gone.
    fn look_up(this: &Arc<Self>, host: &str) -> LookUp {
        let (this, host) = (Arc::clone(this), host.to_owned());
        let asked = host.clone();
        let look_up = async move {
            let found =
                tokio::time::timeout(this.settings.timeout, this.source.resolve(&host)).await;
            let found = found.unwrap_or_else(|_| Err(ResolveError::Timeout { host: host.clone() }));
            this.land(&host, found)
        };
        begin(look_up, |why| Err(ResolveError::Failed { host: asked, why }))
    }

    fn land(&self, host: &str, found: Answer) -> Answer {
        let now = Instant::now();
        let mut hosts = self.hosts.lock();
        let entry = hosts.entry(host.to_owned()).or_default();
        entry.flight = None;
        match found {
            Ok(addresses) => {
                entry.answer = Some((addresses.clone(), now));
                entry.failure = None;
                Ok(addresses)
            }
            Err(error) => {
                tracing::warn!(host, %error, "a host could not be resolved");
                entry.failure = Some((error.clone(), now));
                entry.last_resort(self.settings.stale, now).ok_or(error)
            }
        }
    }

    /// INVARIANT: never more than `MAX_HOSTS` entries, save for those being looked up.
    fn make_room(&self, hosts: &mut HashMap<String, Entry>, now: Instant) {
        if hosts.len() < MAX_HOSTS {
            return;
        }
        hosts.retain(|_, entry| {
            entry.flight.is_some() || entry.is_younger_than(self.settings.fresh, now)
        });
        if hosts.len() >= MAX_HOSTS {
            hosts.retain(|_, entry| entry.flight.is_some());
        }
    }
}

impl Entry {
    fn is_younger_than(&self, age: Duration, now: Instant) -> bool {
        self.answer.as_ref().is_some_and(|(_, at)| now.saturating_duration_since(*at) < age)
    }

    fn last_resort(&self, stale: Duration, now: Instant) -> Option<Arc<[IpAddr]>> {
        let (addresses, at) = self.answer.as_ref()?;
        (now.saturating_duration_since(*at) < stale).then(|| addresses.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Fake {
        asked: AtomicUsize,
        down: std::sync::atomic::AtomicBool,
    }

    impl Resolve for Fake {
        fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
            Box::pin(async move {
                let n = self.asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if self.down.load(Ordering::SeqCst) {
                    return Err(ResolveError::Failed {
                        host: host.to_owned(),
                        why: "down".to_owned(),
                    });
                }
                let last = u8::try_from(n).unwrap();
                Ok(Arc::from([IpAddr::from([10, 0, 0, last])]))
            })
        }
    }

    fn resolver() -> (Arc<Fake>, CachingResolver) {
        let fake = Arc::new(Fake::default());
        (Arc::clone(&fake), CachingResolver::new(fake, ResolverSettings::default()))
    }

    async fn check(resolver: &CachingResolver, expected: Option<u8>) {
        let found = resolver.resolve("Host.Test").await.ok().map(|found| found.to_vec());
        assert_eq!(found, expected.map(|last| vec![IpAddr::from([10, 0, 0, last])]));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_kept_then_renewed_behind_the_caller() {
        let (fake, resolver) = resolver();
        check(&resolver, Some(0)).await;
        tokio::time::advance(Duration::from_secs(29)).await;
        check(&resolver, Some(0)).await;
        assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        check(&resolver, Some(0)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        check(&resolver, Some(1)).await;
        assert_eq!(fake.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_outlives_failures_within_a_bound() {
        let (fake, resolver) = resolver();
        check(&resolver, Some(0)).await;
        fake.down.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_mins(5)).await;
        check(&resolver, Some(0)).await;
        tokio::time::advance(Duration::from_secs(301)).await;
        check(&resolver, None).await;
        let asked = fake.asked.load(Ordering::SeqCst);
        check(&resolver, None).await;
        assert_eq!(fake.asked.load(Ordering::SeqCst), asked, "a failure is remembered");
        fake.down.store(false, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(2)).await;
        check(&resolver, Some(u8::try_from(asked).unwrap())).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_doubted_is_asked_for_again_but_not_at_every_doubt() {
        let (fake, resolver) = resolver();
        resolver.doubt("host.test");
        assert_eq!(fake.asked.load(Ordering::SeqCst), 0, "nobody has asked for it");
        check(&resolver, Some(0)).await;
        for _ in 0..100 {
            resolver.doubt("HOST.test");
        }
        assert_eq!(fake.asked.load(Ordering::SeqCst), 1, "it has just been asked for");
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..100 {
            resolver.doubt("host.test");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(fake.asked.load(Ordering::SeqCst), 2);
        check(&resolver, Some(1)).await;
        // An answer outlives a doubt that cannot be cleared up.
        fake.down.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(1)).await;
        resolver.doubt("host.test");
        tokio::time::sleep(Duration::from_millis(1)).await;
        check(&resolver, Some(1)).await;
        assert_eq!(fake.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_share_one_look_up() {
        let (fake, resolver) = resolver();
        let calls = (0..100).map(|_| {
            let resolver = resolver.clone();
            tokio::spawn(async move { check(&resolver, Some(0)).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_hosts_is_bounded() {
        let (_, resolver) = resolver();
        let fake = CachingResolver::new(Arc::new(Always), ResolverSettings::default());
        for n in 0..3 * MAX_HOSTS {
            fake.resolve(&format!("h{n}.test")).await.unwrap();
        }
        assert!(fake.shared.hosts.lock().len() <= MAX_HOSTS);
        assert_eq!(
            resolver.resolve("127.0.0.1").await.unwrap().to_vec(),
            vec![IpAddr::from([127, 0, 0, 1])]
        );
    }

    #[derive(Debug)]
    struct Always;

    impl Resolve for Always {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Answer> {
            Box::pin(std::future::ready(Ok(Arc::from([IpAddr::from([10, 0, 0, 1])]))))
        }
    }
}
