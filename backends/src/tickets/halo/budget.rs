//! How many calls are left: Halo takes a number of them in five minutes, from all its programs
//! together, and some are kept for people who wait for an answer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time that calls are counted over.
const WINDOW: Duration = Duration::from_mins(5);

/// However long a pause was asked for: after this time somebody knocks again.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Of all calls, one in so many is kept for people who wait.
const KEPT_ONE_IN: usize = 6;

/// Whether a call may use what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// It can be made later.
    None,
    /// Somebody waits for the answer.
    SomebodyWaits,
}

/// What is left.
pub(super) struct Budget {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    made: VecDeque<Instant>,
    closed_until: Option<Instant>,
}

impl Budget {
    /// So many calls in five minutes.
    pub(super) fn new(most: u32) -> Self {
        Self {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            inner: Mutex::default(),
        }
    }

    /// Takes one call off; else how long there is none.
    pub(super) fn take(&self, now: Instant, haste: Haste) -> Result<(), Duration> {
        let mut inner = self.inner();
        let pause = inner.closed_until.map(|until| until - now);
        if let Some(pause) = pause.filter(|pause| !pause.is_zero()) {
            return Err(pause);
        }
        while inner.made.front().is_some_and(|at| now - *at >= WINDOW) {
            inner.made.pop_front();
        }
        let most = match haste {
            Haste::SomebodyWaits => self.most,
            Haste::None => self.most - self.most / KEPT_ONE_IN,
        };
        // One is free when so many are left that the next is the last.
        if let Some(too_many) = (inner.made.len() + 1).checked_sub(most)
            && too_many > 0
        {
            let first_to_go = inner.made.get(too_many - 1).copied().unwrap_or(now);
            return Err(WINDOW.saturating_sub(now - first_to_go));
        }
        inner.made.push_back(now);
        Ok(())
    }

    /// Halo has had enough: nobody is to ask for so long.
    pub(super) fn close(&self, now: Instant, pause: Duration) {
        let until = now + pause.min(LONGEST_PAUSE);
        let mut inner = self.inner();
        inner.closed_until = inner.closed_until.max(Some(until));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_calls_are_kept_for_people_who_wait() {
        let budget = Budget::new(60);
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let at = |seconds: u32| now + second * seconds;
        for made in 0..50 {
            assert_eq!(budget.take(at(made), Haste::None), Ok(()), "{made}");
        }
        let wait = budget.take(at(50), Haste::None).unwrap_err();
        assert_eq!(wait, second * 250, "until the first is forgotten");
        for made in 50..60 {
            assert_eq!(budget.take(at(made), Haste::SomebodyWaits), Ok(()));
        }
        assert!(budget.take(at(60), Haste::SomebodyWaits).is_err());
        let wait = budget.take(at(60), Haste::None).unwrap_err();
        assert_eq!(wait, second * 250, "until ten more are forgotten");
        assert_eq!(budget.take(at(300), Haste::SomebodyWaits), Ok(()));
        assert!(budget.take(at(300), Haste::None).is_err());
        assert_eq!(budget.take(at(600), Haste::None), Ok(()));
    }

    #[test]
    fn a_pause_holds_for_everybody_and_ends() {
        let budget = Budget::new(60);
        let now = Instant::now();
        budget.close(now, Duration::from_secs(7));
        budget.close(now, Duration::from_secs(2));
        for haste in [Haste::None, Haste::SomebodyWaits] {
            assert_eq!(budget.take(now, haste), Err(Duration::from_secs(7)));
        }
        let later = now + Duration::from_secs(7);
        assert_eq!(budget.take(later, Haste::None), Ok(()));
        budget.close(later, Duration::from_hours(24));
        assert_eq!(budget.take(later + LONGEST_PAUSE, Haste::None), Ok(()));
    }
}
