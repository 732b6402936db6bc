//! Waiting by a clock that somebody may set back.

use jiff::{SignedDuration, Timestamp};

/// From one moment until another. Where the clock shows a time before the first of them it was set back
/// since, and nobody knows how much of the wait is over: it counts as over, so that nothing stands still
/// until a clock has caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    from: Timestamp,
    until: Timestamp,
}

impl Wait {
    /// From now on, for so long.
    pub(super) fn of(now: Timestamp, how_long: SignedDuration) -> Self {
        let until = now.saturating_add(how_long).unwrap_or(Timestamp::MAX);
        Self { from: now, until }
    }

    /// None at all.
    pub(super) fn none(now: Timestamp) -> Self {
        Self::of(now, SignedDuration::ZERO)
    }

    /// Whether it is over.
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        now < self.from || self.until <= now
    }

    /// When it is over, where nobody sets the clock.
    pub(super) fn until(self) -> Timestamp {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::monday;

    #[test]
    fn a_wait_ends_at_its_end_and_where_the_clock_was_set_back() {
        let (minute, moment) = (SignedDuration::from_mins(1), SignedDuration::from_nanos(1));
        let wait = Wait::of(monday(), minute);
        assert_eq!(wait.until(), monday() + minute);
        for (now, is_over) in [
            (monday(), false),
            (monday() + minute - moment, false),
            (monday() + minute, true),
            (Timestamp::MAX, true),
            (monday() - moment, true),
            (Timestamp::MIN, true),
        ] {
            assert_eq!(wait.is_over(now), is_over, "{now}");
        }
        assert!(Wait::none(monday()).is_over(monday()));
        assert!(!Wait::of(Timestamp::MAX - moment, minute).is_over(Timestamp::MAX - moment));
    }
}
