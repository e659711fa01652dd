//! Pools of backends: which of them gets a request.
//!
//! Members with the best priority share the requests by weight; those of the next priority get what comes while the circuit breakers
//! of all better ones are open. Nothing waits for anything: each choice takes a number, and what a number means follows from the
//! weights of the members that are available.
//!
//! INVARIANT: while the same members of a group are available, of each run of choices as long as the sum of their weights every
//! member gets exactly its weight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;

use crate::Backend;
use crate::backend_choice::Asked;
use crate::breaker::{BreakerState, Permit};

/// How many members a pool may have, as in Azure.
pub const MAX_MEMBERS: usize = 30;

/// Several backends behind one name.
#[derive(Debug)]
pub struct BackendPool {
    /// Identifier.
    pub id: Arc<str>,
    /// By priority, the best first.
    groups: Vec<Group>,
    /// Name of the cookie that leads a client to the same member again.
    cookie: Option<String>,
    /// Whether requests go where the state is that they are about.
    pub keeps_state: bool,
}

/// Members of one priority.
#[derive(Debug)]
struct Group {
    members: Vec<Member>,
    turn: AtomicU64,
}

/// A member of a pool.
#[derive(Debug)]
pub struct Member {
    /// The backend.
    pub backend: Arc<Backend>,
    /// 1 is the best.
    pub priority: u32,
    /// Its part of the requests. With 0 it gets those alone that belong to it already, by their cookie or by the state that
    /// they are about.
    pub weight: u32,
    /// What its cookie says.
    session: String,
    requests: Counter,
}

/// Who gets a request.
#[derive(Debug)]
pub struct Picked<'a> {
    /// The member.
    pub member: &'a Member,
    /// Whom to tell how it went, when the member has a circuit breaker.
    pub permit: Option<Permit>,
    /// The cookie to give to the client, unless it has it already.
    pub set_cookie: Option<HeaderValue>,
}

impl Member {
    /// A member of the pool `pool`. What it gets is counted by `requests`.
    pub fn new(
        pool: &str,
        backend: Arc<Backend>,
        priority: u32,
        weight: u32,
        requests: Counter,
    ) -> Self {
        // Says nothing of the name, and is the same in every process. Who forges it chooses a member, which who asks often
        // enough can do anyway.
        let hash = digest(&SHA256, format!("session\0{pool}\0{}", backend.id).as_bytes());
        let session = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default());
        Self { backend, priority, weight, session, requests }
    }

    /// Whether a request may be sent to it now.
    pub fn is_available(&self, now: Instant) -> bool {
        self.backend.breaker.as_ref().is_none_or(|breaker| {
            matches!(
                breaker.state(now),
                BreakerState::Closed | BreakerState::HalfOpen { probing: false }
            )
        })
    }

    fn admit(&self, now: Instant) -> Result<Option<Permit>, Duration> {
        let permit = self.backend.breaker.as_ref().map(|breaker| breaker.admit(now));
        permit.transpose().inspect(|_| {
            self.requests.inc();
        })
    }
}

impl BackendPool {
    /// A pool of these members, of which there are 1 to [`MAX_MEMBERS`]; more are not looked at.
    pub fn new(
        id: Arc<str>,
        mut members: Vec<Member>,
        cookie: Option<String>,
        keeps_state: bool,
    ) -> Self {
        members.truncate(MAX_MEMBERS);
        members.sort_by_key(|member| member.priority);
        let mut groups: Vec<Group> = Vec::new();
        for member in members {
            match groups.last_mut().filter(|group| group.priority() == Some(member.priority)) {
                Some(group) => group.members.push(member),
                None => groups.push(Group { members: vec![member], turn: AtomicU64::new(0) }),
            }
        }
        Self { id, groups, cookie, keeps_state }
    }

    /// All members, those of the best priority first.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.groups.iter().flat_map(|group| &group.members)
    }

    /// Chooses a member for a request, or says how long to wait until one may be available.
    pub fn pick(&self, asked: Asked<'_>, now: Instant) -> Result<Picked<'_>, Duration> {
        let Asked { headers, tried, home } = asked;
        if let Some(member) = self.members().find(|member| home == Some(&*member.backend.id)) {
            let permit = member.admit(now)?;
            return Ok(Picked { member, permit, set_cookie: None });
        }
        let session = self.cookie.as_ref().and_then(|name| cookie(headers, name));
        if let Some(session) = session
            && let Some(member) = self.members().find(|member| member.session == session)
            && !tried.contains(&member.backend.id)
            && let Ok(permit) = member.admit(now)
        {
            return Ok(Picked { member, permit, set_cookie: None });
        }
        let mut wait = Duration::MAX;
        for group in &self.groups {
            match group.pick(tried, now) {
                Ok((member, permit)) => {
                    let set_cookie = self.cookie.as_ref().and_then(|name| {
                        let text = format!("{name}={}; Path=/; HttpOnly", member.session);
                        HeaderValue::try_from(text).ok()
                    });
                    return Ok(Picked { member, permit, set_cookie });
                }
                Err(least) => wait = wait.min(least),
            }
        }
        Err(wait)
    }
}

impl Group {
    fn priority(&self) -> Option<u32> {
        self.members.first().map(|member| member.priority)
    }

    fn pick(
        &self,
        tried: &[Arc<str>],
        now: Instant,
    ) -> Result<(&Member, Option<Permit>), Duration> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let which = |wanted: &dyn Fn(&Member) -> bool| {
            let bits = self.members.iter().enumerate().filter(|(_, member)| wanted(member));
            bits.fold(0_u32, |all, (bit, _)| all | 1 << bit)
        };
        let mut rest = which(&|member| member.weight > 0 && member.is_available(now));
        let untried = rest & which(&|member| !tried.contains(&member.backend.id));
        let mut preferred = untried;
        loop {
            if preferred == 0 {
                preferred = rest;
            }
            let Some((bit, member)) = self.at(preferred, turn) else { break };
            if let Ok(permit) = member.admit(now) {
                return Ok((member, permit));
            }
            // Another request was faster to probe it, or to see it fail.
            rest &= !(1 << bit);
            preferred &= rest;
        }
        let ever = self.members.iter().filter(|member| member.weight > 0);
        let breakers = ever.filter_map(|member| member.backend.breaker.as_ref());
        Err(breakers.map(|breaker| breaker.wait(now)).min().unwrap_or(Duration::MAX))
    }

    /// The member that this turn means among those of a set.
    fn at(&self, set: u32, turn: u64) -> Option<(usize, &Member)> {
        let members =
            || self.members.iter().enumerate().filter(move |(bit, _)| set & (1 << bit) != 0);
        let sum: u64 = members().map(|(_, member)| u64::from(member.weight)).sum();
        let mut place = (turn % sum.max(1)) * stride(sum) % sum.max(1);
        members().find(|(_, member)| {
            let weight = u64::from(member.weight);
            let is_here = place < weight;
            place = place.saturating_sub(weight);
            is_here
        })
    }
}

/// A step with which one gets everywhere on a circle of this length, soon into all its parts: near the golden section, and without a
/// common divisor.
fn stride(length: u64) -> u64 {
    let golden = length * 618 / 1_000;
    (1..=golden).rev().find(|step| gcd(*step, length) == 1).unwrap_or(1)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use http::StatusCode;
    use tollgate_engine::Url;

    use super::*;
    use crate::breaker::{Breaker, Outcome, Rule, Threshold};
    use crate::{Credentials, TlsOptions};

    fn backend(id: &str) -> Arc<Backend> {
        let rule = Rule {
            name: "rule".to_owned(),
            threshold: Threshold::Count(1),
            interval: Duration::from_mins(1),
            statuses: vec![(429, 429)],
            reasons: Vec::new(),
            trip: Duration::from_secs(10),
            accept_retry_after: true,
        };
        Arc::new(Backend {
            id: id.into(),
            url: Url::default(),
            credentials: Credentials::default(),
            tls: TlsOptions::default(),
            http_version: None,
            connect_timeout: None,
            first_byte_timeout: None,
            deployments: HashMap::default(),
            breaker: Some(Arc::new(Breaker::new(id.into(), &[rule], Counter::default()))),
        })
    }

    /// A pool of members by name, priority and weight, and a clock that only the test moves.
    struct Bench {
        pool: BackendPool,
        now: Instant,
    }

    impl Bench {
        fn new(members: &[(&str, u32, u32)]) -> Self {
            let members = members.iter().map(|(id, priority, weight)| {
                Member::new("pool", backend(id), *priority, *weight, Counter::default())
            });
            let cookie = Some("sid".to_owned());
            Self {
                pool: BackendPool::new("pool".into(), members.collect(), cookie, false),
                now: Instant::now(),
            }
        }

        fn later(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn pick(&self, headers: &HeaderMap, tried: &[&str]) -> Result<Picked<'_>, Duration> {
            let tried: Vec<Arc<str>> = tried.iter().map(|id| (*id).into()).collect();
            self.pool.pick(Asked { headers, tried: &tried, home: None }, self.now)
        }

        fn at_home(&self, home: &str) -> Result<String, Duration> {
            let asked = Asked { headers: &HeaderMap::new(), tried: &[], home: Some(home) };
            let picked = self.pool.pick(asked, self.now)?;
            Ok(picked.member.backend.id.to_string())
        }

        fn next(&self) -> String {
            self.pick(&HeaderMap::new(), &[]).unwrap().member.backend.id.to_string()
        }

        /// Opens the breaker of a member.
        fn trip(&self, id: &str, seconds: u64) {
            let member = self.pool.members().find(|member| &*member.backend.id == id).unwrap();
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, seconds.into())]);
            let outcome = Outcome::Answered(StatusCode::TOO_MANY_REQUESTS, &headers);
            member.admit(self.now).unwrap().unwrap().ended(outcome, self.now, || 0);
        }

        fn counts(&self, n: usize) -> BTreeMap<String, usize> {
            let mut counts = BTreeMap::new();
            for _ in 0..n {
                *counts.entry(self.next()).or_default() += 1;
            }
            counts
        }
    }

    fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
        expected.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
    }

    #[test]
    fn weights_are_exact_in_each_run() {
        let bench = Bench::new(&[("a", 1, 5), ("b", 1, 3), ("c", 1, 2)]);
        for _ in 0..20 {
            assert_eq!(bench.counts(10), counts(&[("a", 5), ("b", 3), ("c", 2)]));
        }
        // Also of what is left.
        bench.trip("a", 10);
        bench.next();
        for _ in 0..20 {
            assert_eq!(bench.counts(5), counts(&[("b", 3), ("c", 2)]));
        }
    }

    #[test]
    fn members_take_turns() {
        let bench = Bench::new(&[("a", 1, 2), ("b", 1, 1), ("c", 1, 1)]);
        let picked: Vec<String> = (0..8).map(|_| bench.next()).collect();
        let in_a_row = picked.windows(3).filter(|run| run.iter().all(|id| *id == run[0])).count();
        assert_eq!(in_a_row, 0, "{picked:?}");
        let plain = Bench::new(&[("a", 1, 1), ("b", 1, 1), ("c", 1, 1)]);
        assert_eq!(plain.counts(3), counts(&[("a", 1), ("b", 1), ("c", 1)]));
    }

    #[test]
    fn lower_priorities_get_what_the_better_ones_cannot_take() {
        let mut bench = Bench::new(&[("payg", 2, 1), ("ptu", 1, 1), ("far", 3, 1)]);
        assert_eq!(bench.counts(5), counts(&[("ptu", 5)]));
        bench.trip("ptu", 10);
        assert_eq!(bench.counts(5), counts(&[("payg", 5)]));
        bench.trip("payg", 5);
        assert_eq!(bench.counts(5), counts(&[("far", 5)]));
        bench.trip("far", 7);
        bench.later(1);
        assert_eq!(bench.pick(&HeaderMap::new(), &[]).unwrap_err(), Duration::from_secs(4));
        bench.later(4);
        // One request finds out about `payg`; the others wait for it.
        let probe = bench.pick(&HeaderMap::new(), &[]).unwrap();
        assert_eq!(&*probe.member.backend.id, "payg");
        assert_eq!(bench.pick(&HeaderMap::new(), &[]).unwrap_err(), Duration::from_secs(1));
        let headers = HeaderMap::new();
        probe.permit.unwrap().ended(Outcome::Answered(StatusCode::OK, &headers), bench.now, || 0);
        assert_eq!(bench.counts(5), counts(&[("payg", 5)]));
    }

    #[test]
    fn a_retry_goes_to_another_member_if_there_is_one() {
        let bench = Bench::new(&[("a", 1, 9), ("b", 1, 1), ("c", 2, 1)]);
        for (tried, expected) in [(&["a"][..], "b"), (&["b"], "a")] {
            for _ in 0..10 {
                let picked = bench.pick(&HeaderMap::new(), tried).unwrap();
                assert_eq!(&*picked.member.backend.id, expected);
            }
        }
        // A failure that opens nothing does not reach the next priority.
        let picked = bench.pick(&HeaderMap::new(), &["a", "b"]).unwrap();
        assert_ne!(&*picked.member.backend.id, "c");
    }

    #[test]
    fn a_cookie_leads_to_the_same_member_while_it_is_available() {
        let bench = Bench::new(&[("a", 1, 1), ("b", 1, 1)]);
        let picked = bench.pick(&HeaderMap::new(), &[]).unwrap();
        let (first, cookie) = (&picked.member.backend.id, picked.set_cookie.unwrap());
        let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
        assert_eq!(rest, " Path=/; HttpOnly");
        assert!(pair.starts_with("sid=") && !pair.contains(&**first));
        let cookies = HeaderMap::from_iter([(COOKIE, format!("x=1; {pair}").parse().unwrap())]);
        for _ in 0..5 {
            let picked = bench.pick(&cookies, &[]).unwrap();
            assert_eq!((&picked.member.backend.id, picked.set_cookie), (first, None));
        }
        let elsewhere = bench.pick(&cookies, &[&**first]).unwrap();
        assert_ne!(&elsewhere.member.backend.id, first);
        bench.trip(first, 10);
        let elsewhere = bench.pick(&cookies, &[]).unwrap();
        assert_ne!(&elsewhere.member.backend.id, first);
        assert!(elsewhere.set_cookie.is_some());
        let forged = HeaderMap::from_iter([(COOKIE, "sid=a".parse().unwrap())]);
        assert!(bench.pick(&forged, &[]).unwrap().set_cookie.is_some());
    }

    #[test]
    fn state_is_found_where_it_lives_or_not_at_all() {
        let bench = Bench::new(&[("a", 1, 1), ("b", 2, 1)]);
        assert_eq!(bench.at_home("b"), Ok("b".to_owned()));
        bench.trip("b", 10);
        assert_eq!(bench.at_home("b"), Err(Duration::from_secs(10)));
        // Who is no member any more has taken its state along.
        assert_eq!(bench.at_home("c"), Ok("a".to_owned()));
    }

    #[test]
    fn a_member_without_weight_keeps_what_it_has() {
        let mut bench = Bench::new(&[("a", 1, 0), ("b", 1, 1), ("c", 2, 1)]);
        assert_eq!(bench.counts(5), counts(&[("b", 5)]));
        assert_eq!(bench.at_home("a"), Ok("a".to_owned()));
        let session = &bench.pool.members().next().unwrap().session;
        let cookies = HeaderMap::from_iter([(COOKIE, format!("sid={session}").parse().unwrap())]);
        assert_eq!(&*bench.pick(&cookies, &[]).unwrap().member.backend.id, "a");
        // It takes nobody's place either.
        bench.trip("b", 10);
        assert_eq!(bench.counts(5), counts(&[("c", 5)]));
        bench.trip("c", 5);
        bench.later(1);
        assert_eq!(bench.pick(&HeaderMap::new(), &[]).unwrap_err(), Duration::from_secs(4));
    }

    #[test]
    fn thirty_members_share_by_weight() {
        let ids: Vec<String> = (0..40).map(|n| format!("m{n:02}")).collect();
        let members: Vec<(&str, u32, u32)> = ids.iter().map(|id| (id.as_str(), 1, 1_000)).collect();
        let bench = Bench::new(&members);
        let picked = bench.counts(30_000);
        assert_eq!(picked.len(), MAX_MEMBERS);
        assert!(picked.values().all(|n| *n == 1_000), "{picked:?}");
    }

    #[test]
    fn steps_reach_everywhere() {
        for length in 1..400 {
            let step = stride(length);
            assert_eq!(gcd(step, length), 1, "{length}");
            assert!(length < 12 || step > length / 3, "{length}: {step}");
        }
    }
}
