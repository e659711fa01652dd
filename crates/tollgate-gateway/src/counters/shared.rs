//! Counters in Redis.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_engine::ports::{Charge, Correction, Counter, Standing, Verdict, Window};

use crate::redis::{Redis, RedisFailure, Script};

/// Numbers in Lua are exact up to here.
const LARGEST: i64 = 1 << 53;

pub(super) struct SharedCounters {
    charge: Script,
    correct: Script,
}

impl SharedCounters {
    pub(super) fn new() -> Self {
        Self {
            charge: Script::new(concat!(include_str!("window.lua"), include_str!("charge.lua"))),
            correct: Script::new(concat!(include_str!("window.lua"), include_str!("correct.lua"))),
        }
    }

    pub(super) async fn charge(
        &self,
        redis: &Redis,
        charges: &[Charge],
    ) -> Result<Verdict, RedisFailure> {
        let keys: Vec<String> = charges.iter().map(|charge| key(redis, &charge.counter)).collect();
        let arguments: Vec<i64> = charges
            .iter()
            .flat_map(|charge| {
                let [kind, ms, origin] = window(charge.counter.window);
                let [limit, needed, amount] =
                    [charge.limit, charge.needed, charge.amount].map(number);
                [kind, ms, origin, limit, needed, amount]
            })
            .collect();
        let answer: Vec<i64> = redis.run(&self.charge, &keys, &arguments).await?;
        verdict(&answer, charges).ok_or_else(|| {
            RedisFailure::Refused("the script for charges answered something else".to_owned())
        })
    }

    pub(super) async fn correct(
        &self,
        redis: &Redis,
        corrections: &[Correction],
    ) -> Result<(), RedisFailure> {
        let keys: Vec<String> =
            corrections.iter().map(|correction| key(redis, &correction.counter)).collect();
        let arguments: Vec<i64> = corrections
            .iter()
            .flat_map(|correction| {
                let [kind, ms, origin] = window(correction.counter.window);
                let amount = correction.amount.clamp(-LARGEST, LARGEST);
                let limit = correction.limit.map_or(-1, number);
                [kind, ms, origin, amount, correction.since, limit]
            })
            .collect();
        redis.run::<i64>(&self.correct, &keys, &arguments).await.map(drop)
    }
}

/// The window is part of the key: a counter that looks back over another time is another counter.
fn key(redis: &Redis, counter: &Counter) -> String {
    let [kind, ms, origin] = window(counter.window);
    let digest = URL_SAFE_NO_PAD.encode(counter.key.bytes());
    redis.key(&format!("counter:{kind}:{ms}:{origin}:{digest}"))
}

fn window(window: Window) -> [i64; 3] {
    match window {
        Window::Sliding { ms } => [0, number(ms), 0],
        Window::Fixed { ms, origin } => [1, number(ms), origin.clamp(-LARGEST, LARGEST)],
        Window::Forever => [2, 0, 0],
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(LARGEST).min(LARGEST)
}

fn verdict(answer: &[i64], charges: &[Charge]) -> Option<Verdict> {
    let (&[admitted, at], rest) = answer.split_first_chunk::<2>()?;
    if rest.len() != charges.len() * 2 {
        return None;
    }
    let standings = rest.as_chunks::<2>().0.iter().zip(charges);
    let standings = standings.map(|(&[before, wait], charge)| {
        let before = u64::try_from(before).unwrap_or(0);
        let charged = if admitted == 1 { charge.amount } else { 0 };
        Standing {
            used: before.saturating_add(charged),
            fits: before.saturating_add(charge.needed) <= charge.limit,
            wait: u64::try_from(wait).ok().map(Duration::from_millis),
        }
    });
    Some(Verdict { admitted: admitted == 1, at, standings: standings.collect() })
}
