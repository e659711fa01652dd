//! Log lines on their way out.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

use super::Metrics;

/// Bytes that may wait. Past that lines are dropped and counted: a reader of logs that stands still must not stop requests.
const MAX_WAITING: usize = 4 << 20;

/// How long lines gather before they are written together. A write per line, and waking a thread for it, would cost more
/// than making the line.
const GATHER: Duration = Duration::from_millis(5);

/// How long [`LogQueue::flush`] waits at most.
const FLUSH: Duration = Duration::from_secs(2);

/// Takes lines without waiting; a thread of its own writes them. Clones share the queue; the thread ends after the last
/// one is gone and everything is written.
#[derive(Clone)]
pub struct LogQueue {
    shared: Arc<Shared>,
    _end: Arc<End>,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the writing thread.
    wake: Condvar,
    /// Tells those who flush.
    written: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    thread: Thread,
    is_ended: bool,
    /// Somebody flushes: no gathering.
    is_urgent: bool,
}

/// What the writing thread does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Thread {
    /// Waits to be woken.
    Asleep,
    /// Sees for itself that there are lines.
    #[default]
    Awake,
    /// Has taken lines and writes them.
    Writing,
}

struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.state.lock().is_ended = true;
        self.0.wake.notify_one();
    }
}

impl fmt::Debug for LogQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogQueue")
    }
}

impl LogQueue {
    /// A queue that ends in `out`. What it drops is counted in the metrics.
    pub fn start(out: impl Write + Send + 'static, metrics: &Metrics) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
            dropped: metrics.log_lines_dropped().clone(),
        });
        let writing = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_all(out))?;
        let end = Arc::new(End(Arc::clone(&shared)));
        Ok(Self { shared, _end: end })
    }

    /// Takes one line, or drops it when too much waits.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.shared.state.lock();
        if state.waiting.len().saturating_add(line.len()) > MAX_WAITING {
            drop(state);
            self.shared.dropped.inc();
            return;
        }
        state.waiting.extend_from_slice(line);
        let was_asleep = state.thread == Thread::Asleep;
        if was_asleep {
            state.thread = Thread::Awake;
        }
        drop(state);
        if was_asleep {
            self.shared.wake.notify_one();
        }
    }

    /// Waits until everything taken so far is written; at most two seconds, in case nobody reads it.
    pub fn flush(&self) {
        let end = Instant::now() + FLUSH;
        let mut state = self.shared.state.lock();
        while !state.waiting.is_empty() || state.thread == Thread::Writing {
            state.is_urgent = true;
            self.shared.wake.notify_one();
            if self.shared.written.wait_until(&mut state, end).timed_out() {
                return;
            }
        }
    }
}

impl Shared {
    fn write_all(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            {
                let mut state = self.state.lock();
                while state.waiting.is_empty() {
                    if state.is_ended {
                        return;
                    }
                    state.thread = Thread::Asleep;
                    self.wake.wait(&mut state);
                }
                state.thread = Thread::Awake;
                if !state.is_urgent && !state.is_ended {
                    self.wake.wait_for(&mut state, GATHER);
                }
                std::mem::swap(&mut batch, &mut state.waiting);
                state.thread = Thread::Writing;
                state.is_urgent = false;
            }
            // There is nowhere else to tell that the log itself cannot be written.
            self.dropped.inc_by(lines_lost(&mut out, &batch));
            batch.clear();
            // A burst leaves no lasting memory behind.
            batch.shrink_to(64 << 10);
            self.state.lock().thread = Thread::Awake;
            self.written.notify_all();
        }
    }
}

/// Writes lines, and says how many of them were not taken whole.
fn lines_lost(out: &mut impl Write, lines: &[u8]) -> u64 {
    let mut rest = lines;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(n) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // What a buffer of the writer's still holds and cannot pass on is gone all the same; how much of it is not known.
    let is_flushed = out.flush().is_ok();
    let rest = if is_flushed || !rest.is_empty() { rest } else { lines };
    memchr::memchr_iter(b'\n', rest).count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Passes batches on.
    struct Batches(mpsc::Sender<Vec<u8>>);

    impl Write for Batches {
        fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
            self.0.send(batch.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(batch.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_of_many_threads_come_out_whole() {
        let (sender, batches) = mpsc::channel();
        let queue = LogQueue::start(Batches(sender), &Metrics::new()).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let queue = queue.clone();
                std::thread::spawn(move || {
                    for line in 0..500 {
                        queue.push(format!("{thread} {line}\n").as_bytes());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        queue.flush();
        let text: Vec<u8> = batches.try_iter().flatten().collect();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 4_000);
        for thread in 0..8 {
            let lines: Vec<_> =
                text.lines().filter_map(|line| line.strip_prefix(&format!("{thread} "))).collect();
            let expected: Vec<_> = (0..500).map(|line| line.to_string()).collect();
            assert_eq!(lines, expected, "the order of a thread's lines is kept");
        }
        assert_eq!(queue.shared.dropped.get(), 0);
    }

    #[test]
    fn the_last_line_is_written_when_the_queue_goes() {
        let (sender, batches) = mpsc::channel();
        let queue = LogQueue::start(Batches(sender), &Metrics::new()).unwrap();
        queue.push(b"last\n");
        drop(queue);
        assert_eq!(batches.recv().unwrap(), b"last\n");
        assert!(batches.recv().is_err(), "the thread has ended");
    }

    /// Writes nothing until it is let go.
    struct Stuck(mpsc::Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
            let _ended = self.0.recv();
            Ok(batch.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_not_time() {
        let (hold, held) = mpsc::channel::<()>();
        let queue = LogQueue::start(Stuck(held), &Metrics::new()).unwrap();
        let line = vec![b'x'; 64 << 10];
        for _ in 0..3 * MAX_WAITING / line.len() {
            queue.push(&line);
        }
        assert!(queue.shared.dropped.get() > 0);
        assert!(queue.shared.state.lock().waiting.len() <= MAX_WAITING);
        drop(hold);
        queue.flush();
        assert!(queue.shared.state.lock().waiting.is_empty());
    }
}
