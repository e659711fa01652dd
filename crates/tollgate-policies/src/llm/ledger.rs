//! What a request has been charged for its tokens.

use smallvec::SmallVec;
use tollgate_engine::ports::{Charge, Correction, Counter, Window};

/// A counter that counts the request's tokens. Times are in milliseconds since 1970, by the counters' clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// The counter.
    counter: Counter,
    /// Its limit.
    limit: u64,
    /// When it was first charged.
    since: i64,
    /// When it was charged for what is reserved.
    reserved_since: i64,
    /// How far the counters' clock is ahead of the gateway's.
    ahead: i64,
    /// What it was charged for the prompt.
    prompt: u64,
    /// What it has been charged for tokens at the time they were used.
    placed: u64,
    /// What it has been charged for tokens that may be used yet.
    reserved: u64,
}

impl Account {
    /// For a counter that has been charged what the charge says at a time `since` by the counters' clock, which is `now` by
    /// the gateway's: so much for the prompt, and the rest for a completion to come.
    pub(crate) fn new(charge: &Charge, since: i64, now: i64, prompt: u64) -> Self {
        let Charge { counter, limit, amount, .. } = *charge;
        let prompt = prompt.min(amount);
        Self {
            counter,
            limit,
            since,
            reserved_since: since,
            ahead: since.saturating_sub(now),
            prompt,
            placed: prompt,
            reserved: amount - prompt,
        }
    }

    /// Charges what was used by now, `used` in all, and takes it off what is reserved. Two corrections, because what is used
    /// counts from now on, and what was reserved has counted since it was.
    fn place(&mut self, used: u64, freed: u64, corrections: &mut Corrections) {
        let added = signed(used).saturating_sub(signed(self.placed));
        let freed = freed.min(self.reserved);
        self.placed = used;
        self.reserved -= freed;
        self.correct(-signed(freed), self.reserved_since, corrections);
        self.correct(added, self.since, corrections);
    }

    /// What is reserved counts from now on, so that it does not leave the minute before it is used. Nothing becomes more or
    /// less by that, so no limit can be in its way.
    fn renew(&mut self, now: i64, corrections: &mut Corrections) {
        if !matches!(self.counter.window, Window::Sliding { .. }) || self.reserved == 0 {
            return;
        }
        self.correct(-signed(self.reserved), self.reserved_since, corrections);
        self.correct(signed(self.reserved), self.since, corrections);
        self.reserved_since = now.saturating_add(self.ahead);
    }

    fn correct(&self, amount: i64, since: i64, corrections: &mut Corrections) {
        let Self { counter, limit, .. } = *self;
        if amount != 0 {
            corrections.push(Correction { counter, amount, since, limit: Some(limit) });
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

    /// Whether anything is reserved that leaves its window with time.
    pub(super) fn reserves(&self) -> bool {
        let reserves = |account: &Account| {
            account.reserved > 0 && matches!(account.counter.window, Window::Sliding { .. })
        };
        self.accounts.iter().any(reserves)
    }

    /// A response has used so many tokens and is over.
    pub(super) fn spend(&mut self, tokens: u64) -> Corrections {
        self.spent = self.spent.saturating_add(tokens);
        self.settle()
    }

    /// Every counter is charged what was used, neither more nor less.
    pub(super) fn settle(&mut self) -> Corrections {
        let mut corrections = Corrections::new();
        for account in &mut self.accounts {
            account.place(self.spent, u64::MAX, &mut corrections);
        }
        corrections
    }

    /// A response that is still on its way has produced so many tokens.
    pub(super) fn progress(&mut self, completion: u64) -> Corrections {
        let mut corrections = Corrections::new();
        let spent = self.spent.saturating_add(completion);
        for account in &mut self.accounts {
            let used = spent.saturating_add(account.prompt);
            let new = used.saturating_sub(account.placed);
            if new > 0 {
                account.place(used, new, &mut corrections);
            }
        }
        corrections
    }

    /// What is reserved counts from now on, a time in milliseconds since 1970 by the gateway's clock.
    pub(super) fn renew(&mut self, now: i64) -> Corrections {
        let mut corrections = Corrections::new();
        for account in &mut self.accounts {
            account.renew(now, &mut corrections);
        }
        corrections
    }
}
