//! Which part of the requests is refused, by how long work waits.
//!
//! The delay that counts is the shortest of a period, as in `CoDel` (RFC 8289): a burst makes some work wait, but only a queue
//! that never empties makes all of it wait. The part follows it as in PIE (RFC 8033), by how far the delay is from where it
//! should be and by how fast it moves. Refusing a part instead of everything while the delay is too long keeps the processors
//! busy with what is admitted: switching between all and nothing would let them run dry each time.
//!
//! Rejected: bounds on requests that follow latency (as Envoy's adaptive concurrency and Netflix's limits do). They take the
//! time of answers for the time in queues, and the answers of models take anything between a second and minutes.

use std::time::Duration;

/// How often the part is decided anew.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// The delays of periods that were slower than any before them must add up to so many times of what a delay should be before
/// anybody is refused. A queue that comes of a burst, of something else on the machine or of its slow moments has its longest
/// delay once and shrinks from then on, however slowly that may be where the load is high; a queue of more than can be done
/// grows. At three times it is told after three periods, at a tenth more after a second.
const PATIENCE: f64 = 20.0;

/// Most that is refused. Something must go on being served, or refusing would never be seen to be too much.
pub(super) const MOST: f64 = 0.95;

/// How much the part changes for a delay of twice what it should be, and for a delay that has grown by as much as it should
/// be. Both are chosen for three times of what can be done, since the load itself is not known.
const BY_DELAY: f64 = 0.05;
const BY_CHANGE: f64 = 0.12;

/// A delay beyond so many times of what it should be counts as that.
const FARTHEST: f64 = 5.0;

/// Below this part of what it should be, the delay is as good as none: the load has gone, and so do, quickly, the refusals.
const GONE: f64 = 0.1;
const FADING: f64 = 0.6;

/// A part below this is none.
const LEAST: f64 = 0.05;

/// Decides which part is refused.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Part that is refused, from 0 to [`MOST`].
    refused: f64,
    /// Shortest delay of the last period.
    last: Duration,
    /// Since the last period that was not too slow: the longest delay, and the sum of those that were the longest so far, in
    /// times of what a delay should be.
    longest: f64,
    slow: f64,
}

impl Control {
    /// The part to refuse after a period in which work has waited for so long at least.
    pub(super) fn after(&mut self, least: Duration, target: Duration) -> f64 {
        let times =
            |delay: Duration| delay.as_secs_f64() / target.as_secs_f64().max(f64::MIN_POSITIVE);
        let (delay, before) = (times(least), times(self.last));
        if delay <= 1.0 {
            (self.longest, self.slow) = (0.0, 0.0);
        } else if delay > self.longest {
            self.longest = delay;
            self.slow += delay;
        }
        let (delay, before) = (delay.min(FARTHEST), before.min(FARTHEST));
        let refused = if self.refused > 0.0 {
            if delay > GONE {
                self.refused + BY_DELAY * (delay - 1.0) + BY_CHANGE * (delay - before)
            } else if self.refused > LEAST {
                self.refused * FADING
            } else {
                0.0
            }
        } else if self.slow >= PATIENCE {
            // A queue grows by what comes beyond what is done, so its growth says how much comes.
            let growth = least.saturating_sub(self.last).as_secs_f64() / PERIOD.as_secs_f64();
            growth / (1.0 + growth) + LEAST
        } else {
            0.0
        };
        self.refused = refused.clamp(0.0, MOST);
        self.last = least;
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);

    /// Steps of the simulated queue in a period.
    const STEPS: u32 = 20;

    /// One processor with a queue, in front of it the control.
    #[derive(Default)]
    struct Processor {
        control: Control,
        /// Seconds of work that wait.
        queue: f64,
        refused: f64,
        /// Seconds of work on what was admitted.
        useful: f64,
    }

    impl Processor {
        /// Lets so many periods pass under `load` times of what can be done, where refusing costs `cost` of serving.
        fn pass(&mut self, periods: u32, load: f64, cost: f64) {
            let step = PERIOD.as_secs_f64() / f64::from(STEPS);
            for _ in 0..periods {
                let mut least = f64::MAX;
                for _ in 0..STEPS {
                    let (admitted, refusing) = (1.0 - self.refused, self.refused * cost);
                    let work = self.queue + load * step * (admitted + refusing);
                    self.useful += work.min(step) * admitted / (admitted + refusing);
                    self.queue = (work - step).max(0.0);
                    least = least.min(self.queue);
                }
                self.refused = self.control.after(Duration::from_secs_f64(least), TARGET);
            }
        }
    }

    /// Under a load, five seconds later: the queue is where it should be and work goes on; and a second after the load it is
    /// over.
    fn check(load: f64, cost: f64, useful: f64) {
        let mut processor = Processor::default();
        processor.pass(50, load, cost);
        processor.useful = 0.0;
        for _ in 0..50 {
            processor.pass(1, load, cost);
            assert!(processor.queue < 0.1, "{load} times: {} s wait", processor.queue);
        }
        let part = processor.useful / (50.0 * PERIOD.as_secs_f64());
        assert!(part > useful, "{load} times: {part} of the time is useful");
        processor.pass(10, 0.3, cost);
        assert!(processor.refused <= 0.0, "{load} times: {} is still refused", processor.refused);
    }

    #[test]
    fn the_queue_stays_where_it_should_be() {
        check(1.1, 0.1, 0.95);
        check(1.5, 0.1, 0.9);
        check(2.0, 0.1, 0.85);
        check(3.0, 0.1, 0.75);
        check(3.0, 0.2, 0.45);
    }

    #[test]
    fn what_can_be_done_is_never_refused() {
        for load in [0.1, 0.9, 0.99] {
            let mut processor = Processor::default();
            for _ in 0..100 {
                processor.pass(1, load, 0.1);
                assert!(processor.refused <= 0.0, "{load} times");
            }
        }
    }

    #[test]
    fn a_burst_is_worked_off() {
        for load in [0.5, 0.8, 0.9] {
            let mut processor = Processor::default();
            processor.pass(10, load, 0.1);
            // A fifth of a second of work comes at once.
            processor.queue += 0.2;
            for _ in 0..30 {
                processor.pass(1, load, 0.1);
                assert!(processor.refused <= 0.0, "{load} times: {} s wait", processor.queue);
            }
        }
    }

    #[test]
    fn something_is_always_served() {
        let mut processor = Processor::default();
        processor.pass(100, 50.0, 0.5);
        assert!((processor.refused - MOST).abs() < 1e-9);
    }
}
