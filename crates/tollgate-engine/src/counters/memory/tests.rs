use std::sync::atomic::{AtomicI64, AtomicU64};

use super::*;
use crate::ports::{Standing, Window};

/// A clock that is moved by hand, in milliseconds since 1970, and how far it has been set meanwhile.
#[derive(Default)]
struct Hand(AtomicI64, AtomicI64);

impl Clock for Hand {
    fn ticks(&self) -> i64 {
        let set = self.1.load(Ordering::SeqCst);
        621_355_968_000_000_000 + (self.0.load(Ordering::SeqCst) + set) * 10_000
    }

    fn steady_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct Subject {
    clock: Arc<Hand>,
    counters: MemoryCounters,
}

const MINUTE: Window = Window::Sliding { ms: 60_000 };

fn subject(most: usize) -> Subject {
    let clock = Arc::new(Hand(AtomicI64::new(1_000_000_000), AtomicI64::new(0)));
    Subject { counters: MemoryCounters::new(Arc::clone(&clock) as _, most), clock }
}

fn counter(name: &str, window: Window) -> Counter {
    Counter { key: CounterKey::new(&[name]), window }
}

fn charge(window: Window, limit: u64, amount: u64) -> Charge {
    Charge { counter: counter("it", window), limit, needed: amount, amount }
}

impl Subject {
    fn at(&self, ms: i64) -> &Self {
        self.clock.0.store(1_000_000_000 + ms, Ordering::SeqCst);
        self
    }

    fn charge(&self, charge: Charge) -> (bool, Standing) {
        let verdict = self.counters.charge_now(&[charge]);
        (verdict.admitted, verdict.standings[0])
    }

    /// Charges and says whether it was admitted, what is used and how long to wait.
    fn check(&self, ms: i64, asked: Charge, admitted: bool, used: u64, wait_ms: Option<u64>) {
        let (got, standing) = self.at(ms).charge(asked);
        let wait = standing.wait.map(|wait| u64::try_from(wait.as_millis()).unwrap());
        assert_eq!((got, standing.used, wait), (admitted, used, wait_ms), "at {ms}");
    }

    fn correct(&self, ms: i64, window: Window, amount: i64, since: i64) {
        self.correct_within(None, ms, window, amount, since);
    }

    /// A minute's window takes in so much of what is added; the rest is owed.
    fn owe(&self, ms: i64, limit: u64, amount: i64) {
        self.correct_within(Some(limit), ms, MINUTE, amount, 0);
    }

    fn correct_within(&self, limit: Option<u64>, ms: i64, window: Window, amount: i64, since: i64) {
        self.at(ms);
        let since = 1_000_000_000 + since;
        let correction = Correction { counter: counter("it", window), amount, since, limit };
        self.counters.correct_now(&[correction]);
    }
}

/// A clock that is set must neither give a window away nor keep it closed, whenever it is and however far.
#[test]
fn setting_the_clock_does_not_move_a_sliding_window() {
    const HOUR: i64 = 3_600_000;
    let mut n_tried = 0;
    for by in [-24 * HOUR, -3 * HOUR, -59_999, -1, 1, 59_999, 60_000, 3 * HOUR, 24 * HOUR] {
        for moment in [0, 10_000, 20_000, 59_999, 60_000, 69_999, 70_000] {
            let s = subject(100);
            let set_at = |ms: i64| {
                if ms >= moment {
                    s.clock.1.store(by, Ordering::SeqCst);
                }
            };
            for (ms, admitted, used, wait) in [
                (0, true, 1, 0),
                (10_000, true, 2, 0),
                (20_000, false, 2, 40_000),
                (59_999, false, 2, 1),
                (60_000, true, 2, 0),
                (69_999, false, 2, 1),
                (70_000, true, 2, 0),
            ] {
                set_at(ms);
                s.check(ms, charge(MINUTE, 2, 1), admitted, used, Some(wait));
            }
            // What is given back goes to where it was charged.
            s.correct(70_001, MINUTE, -1, 70_000);
            s.check(70_001, charge(MINUTE, 2, 1), true, 2, Some(0));
            n_tried += 1;
        }
    }
    println!("clocks that are set: {n_tried} tried, no window moved");
}

/// Periods are those of the calendar: they follow a clock that is set, and what is given back stays in its period.
#[test]
fn periods_follow_the_clock() {
    let s = subject(100);
    let hourly = Window::Fixed { ms: 3_600_000, origin: 1_000_000_000 };
    let one = charge(hourly, 2, 1);
    s.check(0, one, true, 1, Some(3_600_000));
    s.check(1, one, true, 2, Some(3_599_999));
    s.check(2, one, false, 2, Some(3_599_998));
    s.clock.1.store(3_600_000, Ordering::SeqCst);
    s.check(3, one, true, 1, Some(3_599_997));
    s.correct(4, hourly, -1, 3);
    s.check(4, one, true, 1, Some(3_599_996));
}

#[test]
fn a_sliding_window_holds_to_the_millisecond() {
    let s = subject(100);
    let one = charge(MINUTE, 3, 1);
    s.check(0, one, true, 1, Some(0));
    s.check(10_000, one, true, 2, Some(0));
    s.check(20_000, one, true, 3, Some(0));
    s.check(20_000, one, false, 3, Some(40_000));
    s.check(59_999, one, false, 3, Some(1));
    s.check(60_000, one, true, 3, Some(0));
    s.check(60_000, one, false, 3, Some(10_000));
    s.check(70_000, one, true, 3, Some(0));
    s.check(200_000, one, true, 1, Some(0));
}

#[test]
fn amounts_wait_until_enough_has_left() {
    let s = subject(100);
    s.check(0, charge(MINUTE, 10, 4), true, 4, Some(0));
    s.check(1_000, charge(MINUTE, 10, 5), true, 9, Some(0));
    s.check(2_000, charge(MINUTE, 10, 1), true, 10, Some(0));
    s.check(3_000, charge(MINUTE, 10, 5), false, 10, Some(58_000));
    s.check(3_000, charge(MINUTE, 10, 11), false, 10, None);
    s.check(3_000, charge(MINUTE, 0, 1), false, 10, None);
}

/// With a limit past what is kept to the millisecond, no window of any position holds more than the limit.
#[test]
fn no_window_ever_holds_more_than_the_limit() {
    for limit in [1, 5, 64, 65, 500] {
        let s = subject(100);
        let window = Window::Sliding { ms: 1_000 };
        let mut admitted: Vec<i64> = Vec::new();
        // Bursts and lulls, without a random number.
        let mut now = 0_i64;
        for n in 0..20_000_i64 {
            now += if n % 97 == 0 { 137 } else { n * 7_919 % 3 };
            if s.at(now).charge(charge(window, limit, 1)).0 {
                admitted.push(now);
            }
        }
        let most = usize::try_from(limit).unwrap();
        for span in admitted.windows(most + 1) {
            assert!(span[most] - span[0] >= 1_000, "limit {limit}: {} to {}", span[0], span[most]);
        }
        assert!(admitted.len() > most, "limit {limit}: the window slides");
    }
}

#[test]
fn large_limits_are_reached_exactly_and_take_little_memory() {
    let s = subject(100);
    for n in 0..10_000 {
        assert!(s.at(n * 5).charge(charge(MINUTE, 10_000, 1)).0, "{n}");
    }
    assert!(!s.at(50_000).charge(charge(MINUTE, 10_000, 1)).0);
    // What was charged in the first step leaves with the last of it.
    assert!(s.at(61_000).charge(charge(MINUTE, 10_000, 1)).0);
}

#[test]
fn periods_follow_one_another_from_their_origin() {
    let s = subject(100);
    let window = Window::Fixed { ms: 10_000, origin: 1_000_000_000 - 4_000 };
    let one = charge(window, 2, 1);
    s.check(0, one, true, 1, Some(6_000));
    s.check(5_999, one, true, 2, Some(1));
    s.check(5_999, one, false, 2, Some(1));
    s.check(6_000, one, true, 1, Some(10_000));
    s.check(100_000, one, true, 1, Some(6_000));
    let ahead = charge(Window::Fixed { ms: 10_000, origin: i64::MAX }, 1, 1);
    assert!(s.charge(ahead).0, "an origin in the future has periods before it");
}

#[test]
fn what_never_ends_never_comes_back() {
    let s = subject(100);
    s.check(0, charge(Window::Forever, 1, 1), true, 1, None);
    s.check(i64::from(i32::MAX), charge(Window::Forever, 1, 1), false, 1, None);
}

#[test]
fn looking_counts_nothing_and_corrections_count_later() {
    let s = subject(100);
    let look = Charge { amount: 0, ..charge(MINUTE, 2, 1) };
    s.check(0, look, true, 0, Some(0));
    s.correct(1_000, MINUTE, 2, 0);
    s.check(1_000, look, false, 2, Some(60_000));
    let whatever = Charge { needed: 0, ..look };
    s.check(1_000, whatever, true, 2, Some(0));
    s.correct(2_000, MINUTE, 5, 0);
    s.check(2_000, whatever, false, 7, Some(60_000));
}

#[test]
fn what_is_owed_is_paid_with_time() {
    let s = subject(100);
    let one = charge(MINUTE, 10, 1);
    let look = Charge { amount: 0, ..one };
    s.owe(0, 10, 40);
    s.check(0, look, false, 40, Some(240_000));
    s.check(100_000, look, false, 30, Some(140_000));
    s.check(239_999, look, false, 10, Some(1));
    s.check(240_000, one, true, 1, Some(0));
    // What is given back is taken off what is owed first.
    s.owe(240_000, 10, 19);
    s.check(240_000, look, false, 20, Some(120_000));
    s.owe(240_000, 10, -9);
    s.check(240_000, look, false, 11, Some(60_000));
    s.owe(240_000, 10, -2);
    s.check(240_000, one, true, 10, Some(0));
}

#[test]
fn what_is_owed_is_paid_alike_however_often_it_is_looked_at() {
    let make = || {
        let s = subject(100);
        s.correct(0, MINUTE, 6, 0);
        s.correct(20_000, MINUTE, 3, 0);
        s.owe(47_000, 10, 95);
        s
    };
    let look = Charge { amount: 0, ..charge(MINUTE, 10, 1) };
    let often = make();
    let waited = often.at(47_000).charge(look).1.wait.unwrap();
    for second in 48..700 {
        let (admitted, standing) = often.at(second * 1_000).charge(look);
        let once = make();
        assert_eq!(once.at(second * 1_000).charge(look), (admitted, standing), "{second}");
        let then = 47_000 + i64::try_from(waited.as_millis()).unwrap();
        assert_eq!(admitted, second * 1_000 >= then, "{second} {standing:?} {then}");
    }
}

#[test]
fn what_was_charged_too_much_is_given_back_while_it_counts() {
    let s = subject(100);
    s.check(0, charge(MINUTE, 100, 50), true, 50, Some(0));
    s.check(1_000, charge(MINUTE, 100, 30), true, 80, Some(0));
    s.correct(2_000, MINUTE, -20, 1_000);
    s.check(2_000, charge(MINUTE, 100, 0), true, 60, Some(0));
    // The first charge has left the window, so there is nothing of it to give back but what came after it.
    s.correct(60_500, MINUTE, -100, 1_001);
    s.check(60_500, charge(MINUTE, 100, 0), true, 10, Some(0));
    let day = Window::Fixed { ms: 86_400_000, origin: 0 };
    s.check(0, charge(day, 100, 50), true, 50, Some(36_800_000));
    s.correct(1, day, -20, 0);
    s.check(1, charge(day, 100, 0), true, 30, Some(36_799_999));
    s.correct(86_400_000, day, -20, 1);
    s.correct(86_400_000, day, 7, 1);
    s.check(86_400_000, charge(day, 100, 0), true, 7, Some(36_800_000));
}

#[test]
fn all_are_charged_or_none() {
    let s = subject(100);
    let (wide, narrow) = (counter("wide", MINUTE), counter("narrow", MINUTE));
    let both = [(wide, 10), (narrow, 1)].map(|(counter, limit)| Charge {
        counter,
        limit,
        needed: 1,
        amount: 1,
    });
    let used = |verdict: &Verdict| {
        verdict.standings.iter().map(|standing| standing.used).collect::<Vec<_>>()
    };
    let verdict = s.counters.charge_now(&both);
    assert_eq!((verdict.admitted, used(&verdict)), (true, vec![1, 1]));
    let verdict = s.counters.charge_now(&both);
    assert_eq!((verdict.admitted, used(&verdict)), (false, vec![1, 1]));
    assert!(verdict.standings[0].fits && !verdict.standings[1].fits);
}

#[test]
fn a_clock_that_is_set_back_does_not_shut_a_counter() {
    let s = subject(100);
    s.check(3_600_000, charge(MINUTE, 1, 1), true, 1, Some(0));
    s.check(0, charge(MINUTE, 1, 1), true, 1, Some(0));
    s.check(60_000, charge(MINUTE, 1, 1), true, 1, Some(0));
}

#[test]
fn many_threads_are_admitted_exactly_as_often_as_the_limit_says() {
    for limit in [1, 63, 64, 65, 1_000] {
        let s = subject(10_000);
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (s, admitted) = (&s, &admitted);
                scope.spawn(move || {
                    for n in 0..500 {
                        // Each thread has a counter of its own beside the shared one, in another order of locks.
                        let own = counter(&format!("{thread}"), MINUTE);
                        let own = Charge { counter: own, limit: 1_000, needed: 1, amount: 1 };
                        let shared = charge(MINUTE, limit, 1);
                        let both = if n % 2 == 0 { [own, shared] } else { [shared, own] };
                        if s.counters.charge_now(&both).admitted {
                            admitted.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), limit);
    }
}

#[test]
fn counters_are_bounded_and_those_over_first_go_first() {
    let s = subject(64 * 100);
    let hold = |name: &str, window| {
        let counter = counter(name, window);
        s.counters.charge_now(&[Charge { counter, limit: 10, needed: 1, amount: 1 }]);
    };
    hold("quota", Window::Fixed { ms: 86_400_000 * 30, origin: 0 });
    hold("forever", Window::Forever);
    for n in 0..50_000 {
        s.at(n / 100);
        hold(&format!("key {n}"), MINUTE);
    }
    assert!(s.counters.len() <= 64 * 100, "{}", s.counters.len());
    let used = |name: &str, window| {
        let counter = counter(name, window);
        let look = Charge { counter, limit: 10, needed: 0, amount: 0 };
        s.counters.charge_now(&[look]).standings[0].used
    };
    assert_eq!(used("quota", Window::Fixed { ms: 86_400_000 * 30, origin: 0 }), 1);
    assert_eq!(used("forever", Window::Forever), 1);
    assert_eq!(used("key 49999", MINUTE), 1);
    // What is over makes room by itself.
    s.at(10_000_000);
    for n in 0..50_000 {
        hold(&format!("other {n}"), Window::Sliding { ms: 1 });
        s.at(10_000_000 + n * 10);
    }
    assert!(s.counters.len() < 64 * 100, "{}", s.counters.len());
    s.counters.set_most(1);
    for n in 0..1_000 {
        hold(&format!("few {n}"), MINUTE);
    }
    assert!(s.counters.len() <= 64 + 2, "{:?}", s.counters);
}

#[test]
fn amounts_past_what_can_be_counted_leave_the_window_again() {
    let s = subject(100);
    for ms in [0, 1_000, 2_000] {
        s.correct(ms, MINUTE, i64::MAX, 0);
    }
    let one = charge(MINUTE, 1, 1);
    s.check(3_000, one, false, u64::MAX, Some(58_000));
    s.check(63_000, one, true, 1, Some(0));
    // Not out of what was charged when it had left.
    s.correct(64_000, MINUTE, i64::MIN, 0);
    s.check(65_000, one, false, 1, Some(58_000));
    s.correct(65_000, MINUTE, i64::MIN, 63_000);
    s.check(65_000, one, true, 1, Some(0));
}
