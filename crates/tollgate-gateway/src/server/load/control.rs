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
pub(super) const PERIOD: Duration = Duration::from_millis(50);

/// How much must speak for overload before anybody is refused. What speaks for it are the delays, in times of what a delay
/// should be, of periods that were slower than any before them. A queue that comes of a burst, of something else on the machine
/// or of its slow moments has its longest delay once and shrinks from then on, however slowly that may be where the load is
/// high; a queue of more than can be done grows. At three times what can be done it is told after 0.35 s, at a tenth more after
/// two seconds (by the model below).
const PATIENCE: f64 = 60.0;

/// How much more a delay says that has grown on by as much as time has passed. Each request waits longer than the one before by
/// what came beyond what was done, so a load without limit makes delays grow as time passes, and a load of three times what
/// can be done two thirds as fast. The first delay has not grown on: the processor may have been away.
const BY_GROWTH: f64 = 8.5;

/// What refusing a request costs of serving it, roughly (a fifth to a quarter where it is passed through, less with policies).
/// With it, growth says which part has to be refused.
const COST: f64 = 0.2;

/// Most that is refused. Something must go on being served, or refusing would never be seen to be too much.
pub(super) const MOST: f64 = 0.98;

/// Where the delay is held while there is overload, of what it should be at most. Those who are refused wait as long as all.
const AIM: f64 = 0.5;

/// How much the part changes for a delay that is off the aim by as much as it should be at most, and for one that has grown by
/// as much.
const BY_DELAY: f64 = 0.05;
const BY_CHANGE: f64 = 0.2;

/// A delay beyond so many times of what it should be counts as that.
const FARTHEST: f64 = 2.0;

/// Below this part of what it should be, and not just once, the delay is as good as none: the load has gone, and so do, quickly,
/// the refusals.
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
    /// Since the last period that was not too slow: the longest delay in times of what a delay should be, and what speaks for
    /// overload.
    longest: f64,
    evidence: f64,
}

impl Control {
    /// The part to refuse after a period in which work has waited for so long at least, so much `time` after the one before.
    pub(super) fn after(&mut self, least: Duration, time: Duration, target: Duration) -> f64 {
        let times = |it: Duration, of: Duration| it.as_secs_f64() / of.as_secs_f64().max(1e-9);
        let (delay, before) = (times(least, target), times(self.last, target));
        let growth = times(least.saturating_sub(self.last), time).min(1.0);
        if delay <= 1.0 {
            (self.longest, self.evidence) = (0.0, 0.0);
        } else if delay > self.longest {
            let is_first = self.longest <= 0.0;
            self.longest = delay;
            self.evidence += delay * if is_first { 1.0 } else { 1.0 + BY_GROWTH * growth };
        }
        let (delay, before) = (delay.min(FARTHEST), before.min(FARTHEST));
        let refused = if self.refused > 0.0 {
            if delay.max(before) > GONE {
                self.refused + BY_DELAY * (delay - AIM) + BY_CHANGE * (delay - before)
            } else if self.refused > LEAST {
                self.refused * FADING
            } else {
                0.0
            }
        } else if self.evidence >= PATIENCE {
            growth / (1.0 - COST) + LEAST
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
    use std::collections::VecDeque;

    use super::*;

    const TARGET: Duration = Duration::from_millis(50);

    /// How often a probe is sent, in seconds.
    const PROBES: f64 = 0.01;

    /// What waits in the queue.
    enum Work {
        Request,
        Probe,
    }

    /// One processor with a queue, first in first out, in front of it the control. Serving a request takes a millisecond.
    #[derive(Default)]
    struct Processor {
        control: Control,
        now: f64,
        /// What waits, and since when.
        queue: VecDeque<(f64, Work)>,
        /// When the next request, the next probe and the next decision are due.
        request: f64,
        probe: f64,
        decision: f64,
        /// Shortest wait of a probe since the last decision.
        least: Option<f64>,
        /// What the parts to refuse add up to, without the whole ones.
        sum: f64,
        /// Seconds of serving, and how long those waited who were refused.
        served: f64,
        refused: Vec<f64>,
    }

    const SERVING: f64 = 0.001;

    impl Processor {
        /// Lets so many seconds pass under `load` times of what can be done, where refusing costs `cost` of serving.
        fn pass(&mut self, seconds: f64, load: f64, cost: f64) {
            let end = self.now + seconds;
            while self.now < end {
                while self.request.min(self.probe) <= self.now {
                    if self.request <= self.probe {
                        self.queue.push_back((self.request, Work::Request));
                        self.request += SERVING / load;
                    } else {
                        self.queue.push_back((self.probe, Work::Probe));
                        self.probe += PROBES;
                    }
                }
                if self.decision <= self.now {
                    if let Some(least) = self.least.take() {
                        self.control.after(Duration::from_secs_f64(least), PERIOD, TARGET);
                    }
                    self.decision += PERIOD.as_secs_f64();
                }
                match self.queue.pop_front() {
                    None => self.now = self.request.min(self.probe).min(self.decision),
                    Some((since, Work::Probe)) => {
                        let wait = self.now - since;
                        self.least = Some(self.least.map_or(wait, |least| least.min(wait)));
                    }
                    Some((since, Work::Request)) => {
                        self.sum += self.control.refused;
                        if self.sum >= 1.0 {
                            self.sum -= 1.0;
                            self.now += SERVING * cost;
                            self.refused.push(self.now - since);
                        } else {
                            self.now += SERVING;
                            self.served += SERVING;
                        }
                    }
                }
            }
        }
    }

    /// Under a load for ten seconds: nobody waits long to be refused, but for the first, and work goes on; and a second after
    /// the load it is over.
    #[track_caller]
    fn check(load: f64, cost: f64, useful: f64) {
        let mut processor = Processor::default();
        processor.pass(2.0, load, cost);
        let longest = processor.refused.drain(..).fold(0.0, f64::max);
        assert!(longest < 0.3, "{load} times: {longest} s waited at first");
        processor.served = 0.0;
        processor.pass(8.0, load, cost);
        let longest = processor.refused.iter().copied().fold(0.0, f64::max);
        assert!(longest < 0.08, "{load} times: {longest} s waited");
        let part = processor.served / 8.0;
        assert!(part > useful, "{load} times: {part} of the time is useful");
        processor.pass(1.0, 0.3, cost);
        let refused = processor.control.refused;
        assert!(refused <= 0.0, "{load} times: {refused} is still refused");
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
            processor.pass(10.0, load, 0.1);
            assert_eq!(processor.refused, [0.0; 0], "{load} times");
        }
    }

    #[test]
    fn a_burst_is_worked_off() {
        for (load, burst) in [(0.5, 600), (0.8, 400), (0.9, 200)] {
            let mut processor = Processor::default();
            processor.pass(1.0, load, 0.1);
            for _ in 0..burst {
                processor.queue.push_back((processor.now, Work::Request));
            }
            processor.pass(3.0, load, 0.1);
            assert_eq!(processor.refused, [0.0; 0], "{load} times");
        }
    }

    #[test]
    fn a_processor_that_was_away_is_not_overloaded() {
        for (load, away) in [(0.5, 0.5), (0.8, 0.4), (0.9, 0.3)] {
            let mut processor = Processor::default();
            processor.pass(1.0, load, 0.1);
            processor.now += away;
            processor.pass(5.0, load, 0.1);
            assert_eq!(processor.refused, [0.0; 0], "{load} times");
        }
    }

    #[test]
    fn something_is_always_served() {
        let mut processor = Processor::default();
        processor.pass(10.0, 50.0, 0.5);
        assert!((processor.control.refused - MOST).abs() < 1e-9);
    }
}
