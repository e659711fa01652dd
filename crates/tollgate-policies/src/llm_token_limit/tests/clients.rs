use tollgate_engine::TokenLimits;
use tollgate_llm::Encoding;

use super::*;

/// Tokens of a minute.
const LIMIT: u64 = 20_000;
/// Tokens of a year, so that nothing of what is counted is forgotten.
const QUOTA: u64 = 1_000_000_000;
const CLIENTS: u64 = 200;
const STEP: i64 = 250;
const LENGTH: i64 = 180_000;
const PROMPT: u64 = 8;

/// A stream that a client takes.
struct Streaming {
    run: Run,
    /// Pieces that the model still has, of those that it makes.
    left: u64,
    /// How many pieces the client takes before it goes away, if it does.
    patience: Option<u64>,
    /// What has come.
    text: String,
    /// Tokens of that.
    tokens: u64,
    /// Tokens of the completion that nobody sees.
    hidden: u64,
    /// The most that it may use.
    most: u64,
}

struct Client {
    number: u64,
    requests: u64,
    /// When it does something next.
    next: i64,
    streaming: Option<Streaming>,
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    /// When and how many tokens were used, in order.
    delivered: Vec<(i64, u64)>,
    admitted: u64,
    refused: u64,
    aborted: u64,
    ended_early: u64,
    /// The most that requests which ran beside one another have used together.
    beside: u64,
    /// The most that was used within a minute.
    most: u64,
}

impl Outcome {
    fn within_a_minute(&self, now: i64) -> u64 {
        let since = self.delivered.iter().rev().take_while(|(at, _)| *at > now - 60_000);
        since.map(|(_, tokens)| tokens).sum()
    }

    fn all(&self) -> u64 {
        self.delivered.iter().map(|(_, tokens)| tokens).sum()
    }
}

/// Runs them, and looks at each step at what was used within the minute before.
fn run(world: &World, mode: TokenLimits, check: impl Fn(u64, &Outcome)) -> Outcome {
    let both =
        format!(r#"tokens-per-minute="{LIMIT}" token-quota="{QUOTA}" token-quota-period="Yearly""#);
    let limit = policy(&both);
    let mut outcome = Outcome::default();
    let client = |number| Client {
        number,
        requests: 0,
        next: i64::try_from(number).unwrap() * 40,
        streaming: None,
    };
    let mut clients: Vec<Client> = (0..CLIENTS).map(client).collect();
    for now in (0..LENGTH).step_by(usize::try_from(STEP).unwrap()) {
        world.at(now);
        for client in clients.iter_mut().filter(|client| client.next <= now) {
            client.act(world, &limit, mode, now, &mut outcome);
        }
        let within = outcome.within_a_minute(now);
        outcome.most = outcome.most.max(within);
        check(within, &outcome);
        let open = clients.iter().filter_map(|client| client.streaming.as_ref());
        outcome.beside = outcome.beside.max(open.map(|streaming| streaming.most).sum());
    }
    // Those that still run end with the time.
    for client in &mut clients {
        for _ in 0..100 {
            if client.streaming.is_some() {
                client.act(world, &limit, mode, LENGTH - STEP, &mut outcome);
            }
        }
    }
    let told = left(world, &limit);
    let (_, quota) = told.split_once(' ').unwrap();
    assert_eq!(QUOTA - quota.parse::<u64>().unwrap(), outcome.all(), "the counter is the sum");
    outcome
}

impl Client {
    fn act(
        &mut self,
        world: &World,
        limit: &str,
        mode: TokenLimits,
        now: i64,
        outcome: &mut Outcome,
    ) {
        self.next = now + 500;
        let Some(streaming) = &mut self.streaming else {
            return self.ask(world, limit, mode, now, outcome);
        };
        let gone = streaming.patience == Some(0);
        if gone {
            outcome.aborted += 1;
            streaming.run.end(BodyEnd::Abandoned);
        } else if streaming.left == 0 {
            let completion = streaming.tokens + streaming.hidden;
            let (all, usage) = (PROMPT + completion, STREAM_USAGE_12);
            let usage = usage.replace(":8,", &format!(":{PROMPT},"));
            let usage = usage.replace(":4,", &format!(":{completion},"));
            streaming.run.piece(&usage.replace(":12}", &format!(":{all}}}")));
            streaming.run.piece(DONE);
            streaming.run.end(BodyEnd::Whole);
            outcome.delivered.push((now, streaming.hidden));
        } else {
            return streaming.take_piece(now, outcome, &mut self.next);
        }
        self.over();
    }

    fn ask(
        &mut self,
        world: &World,
        limit: &str,
        mode: TokenLimits,
        now: i64,
        outcome: &mut Outcome,
    ) {
        let nth = self.number * 7 + self.requests * 5;
        let (pieces, hidden) = (3 + nth % 10, 3 * (nth % 4));
        // Every seventh states less than it would use.
        let stated = if nth.is_multiple_of(7) { 25 } else { pieces * 11 + hidden + 5 };
        let body = HELLO_STREAM.replacen('{', &format!(r#"{{"max_tokens":{stated},"#), 1);
        let case = call(world, limit, &body).token_limits(mode).answer(Ok(stream()));
        let run = case.run();
        self.requests += 1;
        if run.status() == 429 {
            outcome.refused += 1;
            self.next = now + 5_000;
            return;
        }
        assert_eq!(run.status(), 200);
        outcome.admitted += 1;
        outcome.delivered.push((now, PROMPT));
        let patience = nth.is_multiple_of(3).then_some(pieces / 2);
        let (text, most) = (String::new(), PROMPT + pieces * 11 + hidden);
        let streaming = Streaming { run, left: pieces, patience, text, tokens: 0, hidden, most };
        self.streaming = Some(streaming);
    }

    fn over(&mut self) {
        if let Some(mut streaming) = self.streaming.take() {
            streaming.run.sent(0, 0);
        }
    }
}

impl Streaming {
    fn take_piece(&mut self, now: i64, outcome: &mut Outcome, next: &mut i64) {
        const WORDS: &str = "word word word word word word word word word word ";
        let (seen, is_last) = self.run.piece(&HI.replace("Hi there", WORDS));
        self.text.push_str(&WORDS.repeat(seen.matches(WORDS).count()));
        let tokens = Encoding::O200k.count(&self.text);
        outcome.delivered.push((now, tokens - self.tokens));
        self.tokens = tokens;
        self.left -= 1;
        self.patience = self.patience.map(|patience| patience.saturating_sub(1));
        if is_last {
            // The gateway has ended it, and nobody knows of what was hidden.
            outcome.ended_early += 1;
            self.run.end(BodyEnd::Early);
            self.left = 0;
            self.hidden = 0;
            *next = now;
        }
    }
}

#[test]
fn strict_limits_hold_within_every_minute() {
    for world in [World::new(), World::waiting()] {
        let strict = TokenLimits::Strict { completion: 50 };
        let outcome = run(&world, strict, |within, _| assert!(within <= LIMIT, "{within}"));
        println!("{} within a minute", outcome.most);
        let Outcome { refused, aborted, ended_early, .. } = outcome;
        assert!(refused > 100 && aborted > 100 && ended_early > 10 && outcome.all() > 2 * LIMIT);
    }
}

/// What is used within a minute goes past the limit by no more than what requests use that run beside one another: each of
/// them was admitted while a token was left, and is trued up.
#[test]
fn standard_limits_are_exceeded_by_no_more_than_what_runs_beside_one_another() {
    for world in [World::new(), World::waiting()] {
        let outcome = run(&world, TokenLimits::Standard, |within, outcome| {
            assert!(within <= LIMIT + outcome.beside, "{within} beside {}", outcome.beside);
        });
        println!("{} within a minute, {} beside one another", outcome.most, outcome.beside);
        let Outcome { refused, aborted, admitted, .. } = outcome;
        assert!(refused > 100 && aborted > admitted / 4 && outcome.all() > 2 * LIMIT);
    }
}
