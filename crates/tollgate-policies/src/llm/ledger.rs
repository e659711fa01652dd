//! What a request has been charged for its tokens.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{Correction, Counter, Counters, Window};

/// While a stream passes, so many tokens are charged together.
const STEP: u64 = 64;

/// A counter that counts the request's tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// The counter.
    pub(crate) counter: Counter,
    /// Its limit.
    pub(crate) limit: u64,
    /// What it was charged for the prompt when the request was let in.
    pub(crate) prompt: u64,
    /// What it has been charged for this request so far.
    pub(crate) charged: u64,
    /// When it was first charged, by the counters' clock.
    pub(crate) since: i64,
}

/// The counters that count a request, and what it has used.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: SmallVec<[Account; 2]>,
    /// Tokens of all responses that are over.
    spent: u64,
}

impl Ledger {
    pub(super) fn open(&mut self, account: Account) {
        self.accounts.push(account);
    }

    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    /// A response has used so many tokens and is over.
    pub(super) fn spend(&mut self, tokens: u64, now: i64) -> Corrections {
        self.spent = self.spent.saturating_add(tokens);
        self.settle(now)
    }

    /// Every counter is charged what was used, neither more nor less; `now` in milliseconds since 1970.
    pub(super) fn settle(&mut self, now: i64) -> Corrections {
        let spent = self.spent;
        let change = |account: &mut Account| {
            let correction = correction(account, spent, now);
            account.charged = spent;
            correction
        };
        self.accounts.iter_mut().filter_map(change).collect()
    }

    /// A response that is still on its way has produced about so many tokens.
    pub(super) fn progress(&mut self, completion: u64) -> Corrections {
        let spent = self.spent.saturating_add(completion);
        let change = |account: &mut Account| {
            let least = spent.saturating_add(account.prompt);
            if least < account.charged.saturating_add(STEP) {
                return None;
            }
            // Nothing is given back here, so the time does not matter.
            let correction = correction(account, least, account.since);
            account.charged = least;
            correction
        };
        self.accounts.iter_mut().filter_map(change).collect()
    }
}

/// What is told to counters.
pub(super) type Corrections = SmallVec<[Correction; 2]>;

/// What makes the charge of an account the target. A charge that has left its window has been paid: giving it back would take
/// what others were charged.
fn correction(account: &Account, target: u64, now: i64) -> Option<Correction> {
    let amount = i64::try_from(i128::from(target) - i128::from(account.charged));
    let amount = amount.unwrap_or(i64::MAX);
    let Account { counter, since, limit, .. } = *account;
    let has_left = match counter.window {
        Window::Sliding { ms } => since.saturating_add_unsigned(ms) <= now,
        // What is given back is of the period of `since`, or nothing.
        Window::Fixed { .. } | Window::Forever => false,
    };
    let stands = amount > 0 || amount < 0 && !has_left;
    stands.then_some(Correction { counter, amount, since, limit: Some(limit) })
}

/// Tells the counters, at once or in a future that is to run as a task of its own.
pub(super) fn tell(
    counters: &Arc<dyn Counters>,
    corrections: Corrections,
) -> Option<BoxFuture<'static, ()>> {
    if corrections.is_empty() {
        return None;
    }
    let counters = Arc::clone(counters);
    if counters.waits() {
        return Some(Box::pin(async move {
            // Who cannot be told now is not told: the response stands, and the setting for it has been obeyed.
            counters.correct(&corrections).get().await.ok();
        }));
    }
    drop(counters.correct(&corrections));
    None
}
