//! What a request has been charged for its tokens.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{Charge, Correction, Counter, Counters, Window};

/// A counter that counts the request's tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// The counter.
    counter: Counter,
    /// Its limit.
    limit: u64,
    /// When it was first charged, by the counters' clock.
    since: i64,
    /// What it was charged for the prompt.
    prompt: u64,
    /// What it has been charged for tokens at the time they were used.
    placed: u64,
    /// What it has been charged for tokens that may be used yet.
    reserved: u64,
}

impl Account {
    /// For a counter that has been charged what the charge says at a time (milliseconds since 1970, by the counters'
    /// clock): so much for the prompt, and the rest for a completion to come.
    pub(crate) fn new(charge: &Charge, since: i64, prompt: u64) -> Self {
        let Charge { counter, limit, amount, .. } = *charge;
        let prompt = prompt.min(amount);
        Self { counter, limit, since, prompt, placed: prompt, reserved: amount - prompt }
    }

    /// Charges what was used by now, `used` in all, and takes it off what is reserved.
    fn place(&mut self, used: u64, freed: u64, now: i64, corrections: &mut Corrections) {
        let added = signed(used).saturating_sub(signed(self.placed));
        let freed = freed.min(self.reserved);
        self.placed = used;
        self.reserved -= freed;
        let Self { counter, since, limit, .. } = *self;
        let mut correct = |amount: i64| {
            if amount != 0 {
                corrections.push(Correction { counter, amount, since, limit: Some(limit) });
            }
        };
        match counter.window {
            // What has left the window has been paid: giving it back would take what others were charged.
            Window::Sliding { ms } if since.saturating_add_unsigned(ms) <= now => {
                correct(added.max(0));
            }
            // Two, because what is used counts from now on, and what was reserved has counted since the beginning.
            Window::Sliding { .. } => {
                correct(-signed(freed));
                correct(added);
            }
            Window::Fixed { .. } | Window::Forever => correct(added - signed(freed)),
        }
    }
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// The counters that count a request, and what it has used.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: SmallVec<[Account; 2]>,
    /// Tokens of all responses that are over.
    spent: u64,
}

/// What is told to counters.
pub(super) type Corrections = SmallVec<[Correction; 4]>;

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
        let mut corrections = Corrections::new();
        for account in &mut self.accounts {
            account.place(self.spent, u64::MAX, now, &mut corrections);
        }
        corrections
    }

    /// A response that is still on its way has produced so many tokens.
    pub(super) fn progress(&mut self, completion: u64, now: i64) -> Corrections {
        let mut corrections = Corrections::new();
        let spent = self.spent.saturating_add(completion);
        for account in &mut self.accounts {
            let used = spent.saturating_add(account.prompt);
            let new = used.saturating_sub(account.placed);
            if new > 0 {
                account.place(used, new, now, &mut corrections);
            }
        }
        corrections
    }
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
