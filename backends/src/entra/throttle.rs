//! The memory of a pause that the other side asked for, so that nobody knocks before its end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// However long a pause was asked for: after this time somebody knocks again.
const LONGEST: Duration = Duration::from_mins(5);

/// The time that a call is to have left after a pause: one that could only just begin would be late
/// in any case.
pub(super) const LEAST: Duration = Duration::from_millis(500);

/// Whether one service may be asked.
#[derive(Default)]
pub(super) struct Gate {
    closed_until: Mutex<Option<Instant>>,
}

/// How things stand for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It may go.
    Open,
    /// It may go after so long, within its deadline.
    Wait(Duration),
    /// It may not go before its deadline.
    Closed(Duration),
}

impl Gate {
    /// How things stand for a call that begins now.
    pub(super) fn way(&self, now: Instant, deadline: Instant) -> Way {
        let until = *self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if wait.is_zero() {
            Way::Open
        } else if now + wait + LEAST < deadline {
            Way::Wait(wait)
        } else {
            Way::Closed(wait)
        }
    }

    /// Nobody is to ask for so long.
    pub(super) fn close(&self, now: Instant, wait: Duration) {
        let until = now + wait.min(LONGEST);
        let mut closed_until = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed_until = (*closed_until).max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_wait_for_the_end_of_a_pause_or_fail_at_once() {
        let gate = Gate::default();
        let now = Instant::now();
        let seconds = Duration::from_secs;
        assert_eq!(gate.way(now, now + seconds(10)), Way::Open);
        gate.close(now, seconds(4));
        gate.close(now, seconds(1));
        assert_eq!(gate.way(now, now + seconds(10)), Way::Wait(seconds(4)));
        assert_eq!(gate.way(now, now + seconds(3)), Way::Closed(seconds(4)));
        let just = now + seconds(4) + LEAST / 2;
        assert_eq!(gate.way(now, just), Way::Closed(seconds(4)));
        assert_eq!(
            gate.way(now + seconds(4), now + seconds(10)),
            Way::Open,
            "it is over"
        );
    }

    #[test]
    fn no_pause_is_endless() {
        let gate = Gate::default();
        let now = Instant::now();
        gate.close(now, Duration::from_secs(1_000_000));
        assert_eq!(
            gate.way(now + LONGEST, now + 2 * LONGEST),
            Way::Open,
            "somebody knocks again"
        );
    }
}
