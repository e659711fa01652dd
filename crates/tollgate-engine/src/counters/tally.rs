//! What one counter holds. Pure: the time is given.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ports::{Charge, Correction, Standing, Window};

/// Steps that a sliding window is kept in when its limit is larger. Below it, each charge is kept to the millisecond;
/// above it, what was charged within one step leaves the window together with the last of it. So the window never holds
/// less than was charged within its time.
const STEPS: usize = 64;

/// What was charged.
#[derive(Debug)]
pub(super) enum Tally {
    /// When and how much, from early to late, the sum, and what is owed. Nothing is owed when the sum is 0.
    Sliding { charged: VecDeque<(i64, u64)>, sum: u64, owed: u64 },
    /// The number of a period, and what was charged in it.
    Fixed { period: i64, used: u64 },
}

impl Tally {
    pub(super) fn new(window: Window) -> Self {
        match window {
            Window::Sliding { .. } => Self::Sliding { charged: VecDeque::new(), sum: 0, owed: 0 },
            Window::Fixed { .. } | Window::Forever => Self::Fixed { period: 0, used: 0 },
        }
    }

    /// How it stands before a charge, and whether there is room for it.
    pub(super) fn look(&mut self, now: i64, charge: &Charge) -> Standing {
        self.turn(now, charge.counter.window);
        let used = self.used();
        let over = used.saturating_add(charge.needed).saturating_sub(charge.limit);
        let wait = match (&*self, charge.counter.window) {
            (Self::Sliding { charged, sum, owed }, Window::Sliding { ms }) => {
                room_in(charged, (*sum, *owed), over, now, ms)
            }
            (_, Window::Fixed { ms, origin }) => Some(until(
                origin.saturating_add(start(ms, number(now, ms, origin).saturating_add(1))),
                now,
            )),
            _ => None,
        };
        Standing { used, fits: over == 0, wait }
    }

    /// Adds what is charged. The counter has been looked at for this moment.
    pub(super) fn add(&mut self, now: i64, charge: &Charge) {
        let step = match charge.counter.window {
            Window::Sliding { ms } if charge.limit > STEPS as u64 => ms / STEPS as u64,
            _ => 1,
        };
        self.push(now, charge.amount, step);
    }

    /// Adds or gives back.
    pub(super) fn correct(&mut self, now: i64, correction: &Correction) {
        let window = correction.counter.window;
        self.turn(now, window);
        if let Ok(amount) = u64::try_from(correction.amount) {
            let step = if let Window::Sliding { ms } = window { ms / STEPS as u64 } else { 1 };
            let amount = self.owe(amount, correction.limit);
            return self.push(now, amount, step);
        }
        let mut rest = correction.amount.unsigned_abs();
        match self {
            // What was charged has left, and what is there now is what others were charged; unless it was owed.
            Self::Sliding { owed: 0, .. } if has_left(correction.since, now, window) => {}
            Self::Sliding { charged, sum, owed } => {
                let given = rest.min(*owed);
                *owed -= given;
                rest -= given;
                for (_, amount) in charged.iter_mut().filter(|(at, _)| *at >= correction.since) {
                    let given = rest.min(*amount);
                    *amount -= given;
                    *sum = sum.saturating_sub(given);
                    rest -= given;
                }
            }
            Self::Fixed { period, used } => {
                let same = match window {
                    Window::Fixed { ms, origin } => number(correction.since, ms, origin) == *period,
                    Window::Sliding { .. } | Window::Forever => true,
                };
                *used = used.saturating_sub(if same { rest } else { 0 });
            }
        }
    }

    /// When nothing of it counts any more; `None` for never.
    pub(super) fn ends(&self, window: Window) -> Option<i64> {
        match (self, window) {
            (Self::Sliding { charged, sum, owed }, Window::Sliding { ms }) => {
                let windows = owed.div_ceil((*sum).max(1)).saturating_add(1);
                let length = ms.saturating_mul(windows);
                Some(charged.back().map_or(i64::MIN, |(at, _)| at.saturating_add_unsigned(length)))
            }
            (Self::Fixed { period, .. }, Window::Fixed { ms, origin }) => {
                Some(origin.saturating_add(start(ms, period.saturating_add(1))))
            }
            _ => None,
        }
    }

    fn used(&self) -> u64 {
        match self {
            Self::Sliding { sum, owed, .. } => sum.saturating_add(*owed),
            Self::Fixed { used, .. } => *used,
        }
    }

    /// Forgets what has left the window.
    fn turn(&mut self, now: i64, window: Window) {
        match (self, window) {
            (Self::Sliding { charged, sum, owed }, Window::Sliding { ms }) => {
                // A clock that was set back would otherwise keep what lies in its future for as long as that takes.
                let ahead = now.saturating_add_unsigned(ms);
                while charged.back().is_some_and(|(at, _)| *at > ahead) {
                    let gone = charged.pop_back().map_or(0, |(_, amount)| amount);
                    *sum = sum.saturating_sub(gone);
                }
                let since_last = charged.back().map_or(0, |(at, _)| now.saturating_sub(*at));
                let since_last = u64::try_from(since_last).unwrap_or(0);
                let windows = owed.checked_div(*sum).unwrap_or(0).min(since_last / ms.max(1));
                *owed -= windows.saturating_mul(*sum);
                pass(charged, windows, ms);
                while charged.front().is_some_and(|(at, _)| at.saturating_add_unsigned(ms) <= now) {
                    *sum = sum.saturating_sub(leave(charged, owed, ms).1);
                }
                if *sum == 0 {
                    *owed = 0;
                }
            }
            (Self::Fixed { period, used }, Window::Fixed { ms, origin }) => {
                let current = number(now, ms, origin);
                if *period != current {
                    (*period, *used) = (current, 0);
                }
            }
            _ => {}
        }
    }

    /// What of an amount counts now; the rest is owed.
    fn owe(&mut self, amount: u64, limit: Option<u64>) -> u64 {
        let (Self::Sliding { sum, owed, .. }, Some(limit)) = (self, limit) else { return amount };
        // What is owed needs something before it that leaves.
        let room = if *sum == 0 { limit.max(1) } else { limit.saturating_sub(*sum) };
        let counts = amount.min(room);
        *owed = owed.saturating_add(amount - counts);
        counts
    }

    fn push(&mut self, now: i64, amount: u64, step: u64) {
        match self {
            _ if amount == 0 => {}
            Self::Fixed { used, .. } => *used = used.saturating_add(amount),
            Self::Sliding { charged, sum, .. } => {
                *sum = sum.saturating_add(amount);
                let step = i64::try_from(step.max(1)).unwrap_or(i64::MAX);
                // Limits that change from request to request could make a window of many short steps.
                let full = charged.len() >= 2 * STEPS;
                match charged.back_mut() {
                    Some((at, charged))
                        if full || *at >= now || at.div_euclid(step) == now.div_euclid(step) =>
                    {
                        *at = now.max(*at);
                        *charged = charged.saturating_add(amount);
                    }
                    _ => charged.push_back((now, amount)),
                }
            }
        }
    }
}

/// The first that was charged leaves the window, and what is owed takes its place. Gives when, and by how much the sum
/// falls.
fn leave(charged: &mut VecDeque<(i64, u64)>, owed: &mut u64, ms: u64) -> (i64, u64) {
    let Some((at, gone)) = charged.pop_front() else { return (i64::MAX, 0) };
    let then = at.saturating_add_unsigned(ms);
    let back = gone.min(*owed);
    if back > 0 {
        *owed -= back;
        charged.push_back((then, back));
    }
    (then, gone - back)
}

/// So many windows pass in which all that leaves is replaced by what is owed.
fn pass(charged: &mut VecDeque<(i64, u64)>, windows: u64, ms: u64) {
    let time = windows.saturating_mul(ms);
    for (at, _) in charged.iter_mut() {
        *at = at.saturating_add_unsigned(time);
    }
}

/// How long until this much has left a sliding window that holds and owes so much; `None` when that is more than both.
fn room_in(
    charged: &VecDeque<(i64, u64)>,
    (sum, mut owed): (u64, u64),
    mut over: u64,
    now: i64,
    ms: u64,
) -> Option<Duration> {
    if over == 0 {
        return Some(Duration::ZERO);
    }
    if owed == 0 {
        // The common case, without a copy.
        let mut left = over;
        return charged.iter().find_map(|(at, amount)| {
            left = left.saturating_sub(*amount);
            (left == 0).then(|| until(at.saturating_add_unsigned(ms), now))
        });
    }
    let mut charged = charged.clone();
    let windows = owed.min(over - 1).checked_div(sum)?;
    owed -= windows.saturating_mul(sum);
    over -= windows.saturating_mul(sum);
    pass(&mut charged, windows, ms);
    loop {
        let (_, gone) = *charged.front()?;
        let (then, _) = leave(&mut charged, &mut owed, ms);
        over = over.saturating_sub(gone);
        if over == 0 {
            return Some(until(then, now));
        }
    }
}

fn has_left(since: i64, now: i64, window: Window) -> bool {
    matches!(window, Window::Sliding { ms } if since.saturating_add_unsigned(ms) <= now)
}

fn until(then: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(then.saturating_sub(now)).unwrap_or(0))
}

/// The number of the period that a moment is in.
fn number(now: i64, ms: u64, origin: i64) -> i64 {
    now.saturating_sub(origin).div_euclid(i64::try_from(ms).unwrap_or(i64::MAX).max(1))
}

/// When a period begins, after the origin.
fn start(ms: u64, period: i64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(period)
}
