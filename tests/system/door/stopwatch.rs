//! Time as this machine keeps it: what a busy one is late with is not counted.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(10);

/// The time since a moment, less what a timer of its own was late by in that time. A daemon whose timers
/// are as late has had no more time than this.
pub(crate) struct Stopwatch {
    begun: Instant,
    beats: Arc<Mutex<Beats>>,
}

/// When the timer came last, and how late it has been altogether.
struct Beats {
    last: Instant,
    late: Duration,
}

impl Stopwatch {
    /// Begins now.
    pub(crate) fn start() -> Self {
        let begun = Instant::now();
        let beats = Arc::new(Mutex::new(Beats {
            last: begun,
            late: Duration::ZERO,
        }));
        let beating = Arc::downgrade(&beats);
        thread::spawn(move || beat(&beating));
        Self { begun, beats }
    }

    /// How much time there has been.
    pub(crate) fn elapsed(&self) -> Duration {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let late = beats.late + overdue(beats.last);
        self.begun.elapsed().saturating_sub(late)
    }

    /// Waits until so much time has been.
    pub(crate) fn wait(&self, time: Duration) {
        loop {
            let left = time.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}

/// Waits for one beat after the other, for as long as somebody has the watch.
fn beat(beats: &Weak<Mutex<Beats>>) {
    while let Some(beats) = beats.upgrade() {
        let mut beats = beats.lock().unwrap_or_else(PoisonError::into_inner);
        let late = overdue(beats.last);
        beats.late += late;
        beats.last = Instant::now();
        drop(beats);
        thread::park_timeout(BEAT);
    }
}

/// How late a beat is that has not come since this one.
fn overdue(last: Instant) -> Duration {
    last.elapsed().saturating_sub(BEAT)
}

#[test]
fn time_in_which_beats_come_counts_and_what_they_are_late_by_does_not() {
    let now = Instant::now();
    let minute = Duration::from_mins(1);
    let ago = now.checked_sub(minute).expect("a minute ago");
    let elapsed = |last, late| {
        let beats = Arc::new(Mutex::new(Beats { last, late }));
        Stopwatch { begun: ago, beats }.elapsed()
    };
    assert!(elapsed(now, Duration::ZERO) >= minute);
    assert!(elapsed(now, minute) < minute, "they were late");
    assert!(elapsed(ago, Duration::ZERO) < minute, "the next is late");
}
