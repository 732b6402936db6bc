//! What was dated while a clock was ahead, brought back once the clock is right.
//!
//! A clock that is ahead and set back leaves moments behind that are still far away. What waits for one
//! of them is not to stand still until then.

use jiff::{SignedDuration, Timestamp};

use super::{AdvanceError, Broker, Unavailable};
use crate::audit::Actor;
use crate::lifecycle::{CLOCKS_DIFFER, Command, Request};

/// Later than this from now no job is due, but for the replacing of keys: the next try, the next look at
/// a ticket, and how long others are left alone as a rule. Whoever asks for more is asked no sooner by
/// it, as they rest by [`Receivers`](super::receivers::Receivers).
const LATEST: SignedDuration = SignedDuration::from_hours(2);
/// How many open requests are looked through.
const OPEN: usize = 100_000;

impl Broker {
    /// The latest moment that another daemon's clock may show now.
    pub(super) fn ahead(&self) -> Timestamp {
        after(self.now(), CLOCKS_DIFFER)
    }

    /// Has what waits for a moment that no wait leads to from now be due at once.
    pub(super) async fn bring_back(&self) -> Result<(), Unavailable> {
        let now = self.now();
        let jobs = self.parts.store.bring_back(now, after(now, LATEST)).await?;
        if jobs > 0 {
            tracing::warn!(
                jobs,
                "jobs of the outbox were put off by a clock that was ahead, and are done now; keep the \
                 clock with NTP"
            );
        }
        self.end_what_was_begun_ahead().await
    }

    /// Records requests that are over though they say that they end in a time to come: they would stand
    /// in the way of new ones until then.
    async fn end_what_was_begun_ahead(&self) -> Result<(), Unavailable> {
        let now = self.now();
        let is_ahead = |request: &Request| {
            let ends_at = request.state.runs_out_at();
            ends_at.is_some_and(|ends_at| ends_at > now) && request.is_overdue(now)
        };
        for stored in self.parts.store.open_requests(OPEN).await? {
            if !is_ahead(&stored.request) {
                continue;
            }
            tracing::warn!(
                request.reference = %stored.request.reference,
                "a request ends, as a clock that was ahead has set its time; keep the clock with NTP"
            );
            let run_out = Command::RunOut;
            let ended = self.advance(stored, &run_out, &Actor::Clavis, None, &[]);
            match ended.await {
                // Refused: somebody else has recorded it, or changed it, meanwhile.
                Ok(_) | Err(AdvanceError::Refused(_)) => {}
                Err(AdvanceError::Unavailable(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

fn after(now: Timestamp, term: SignedDuration) -> Timestamp {
    now.saturating_add(term).unwrap_or(Timestamp::MAX)
}
