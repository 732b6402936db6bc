//! Asking the desks what has changed: the net under messages that were lost.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Broker, DESK, Desk, within};
use crate::causes::with_causes;
use crate::lifecycle::State;
use crate::ports::{Change, Changes, CommitError, Write};
use crate::service::tend::POLL_EVERY;
use crate::service::{Unavailable, before};
use crate::tickets::TicketId;

/// So much of the time that was asked about before is asked about again: clocks differ, and a desk may
/// write a change down late.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);
/// How far back a desk is asked that was never asked before.
const FIRST: SignedDuration = SignedDuration::from_hours(1);
/// How long a desk may take to say what has changed, page by page.
const DEADLINE: Duration = Duration::from_secs(40);
/// From which delay on the log tells of it.
const DELAY: SignedDuration = SignedDuration::from_mins(10);
/// How many open requests that are decided at a desk are looked at each time, whatever has changed.
const WAITING: usize = 10;
/// How many open requests are looked through for them.
const OPEN: usize = 100_000;

impl Broker {
    /// Asks each desk what has changed since it was last asked; gives how many tickets will be looked
    /// at.
    pub(in crate::service) async fn poll_desks(&self) -> Result<usize, Unavailable> {
        let mut count = 0;
        for desk in &self.parts.desks {
            count += self.poll(desk).await?;
        }
        Ok(count)
    }

    async fn poll(&self, desk: &Desk) -> Result<usize, Unavailable> {
        let name = format!("{DESK}{}", desk.system.name());
        // No desk has a stroke in its name. One more than the page, as a cursor that was moved is not 0.
        let page_name = format!("{name}/page");
        let seen = self.parts.store.cursor(&name).await?;
        let seen_page = self.parts.store.cursor(&page_name).await?;
        let now = self.now();
        let since = match Timestamp::from_millisecond(seen) {
            Ok(at) if seen > 0 && before(at, OVERLAP) <= now => before(at, OVERLAP),
            // Nobody has asked then: a clock was ahead, or somebody has written in the database.
            _ if seen != 0 => {
                tracing::error!(
                    desk = %desk.system.name(),
                    "when the service desk was last asked is no time that was, so it is asked as if \
                     it never was; keep the clock with NTP, and run `clavis audit verify`"
                );
                before(now, FIRST)
            }
            _ => before(now, FIRST),
        };
        let go_on_with = if is_of(seen, since) {
            u32::try_from(seen_page.saturating_sub(1)).unwrap_or(0)
        } else {
            0
        };
        let asking = desk.system.changed_since(since, go_on_with);
        let Changes {
            mut tickets,
            all_up_to,
            page,
        } = match within(DEADLINE, asking).await {
            Ok(changes) => changes,
            Err(error) => {
                // The next time asks about this time as well.
                tracing::warn!(
                    desk = %desk.system.name(),
                    error = with_causes(&error),
                    "the service desk did not say what has changed"
                );
                tell_delay(desk, since, now);
                return Ok(0);
            }
        };
        let next = all_up_to.map_or(now, |at| {
            tell_delay(desk, at, now);
            // The next time asks from there on.
            (at + OVERLAP).min(now)
        });
        let next = next.max(since).as_millisecond();
        // Pages are those of what has changed since one moment, and of no other.
        let goes_on = all_up_to.is_some_and(|at| is_of(next, at));
        let page = i64::from(if goes_on { page } else { 0 }) + 1;
        tickets.extend(self.waiting_at(desk, now).await?);
        tickets.sort();
        tickets.dedup();
        let count = tickets.len();
        let mut change: Change = tickets.into_iter().map(|id| self.look(desk, id)).collect();
        change.push(Write::MoveCursor {
            name,
            expected: seen,
            next,
        });
        if page != seen_page.max(1) {
            change.push(Write::MoveCursor {
                name: page_name,
                expected: seen_page,
                next: page,
            });
        }
        match self.commit(change).await {
            Ok(()) => Ok(count),
            // Another daemon has asked meanwhile.
            Err(CommitError::Conflict) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Tickets that requests wait for: a desk may not count an approval as a change. Where there are
    /// many, others each time.
    async fn waiting_at(&self, desk: &Desk, now: Timestamp) -> Result<Vec<TicketId>, Unavailable> {
        if !desk.approves {
            return Ok(Vec::new());
        }
        let open = self.parts.store.open_requests(OPEN).await?.into_iter();
        let waiting = open.filter_map(|stored| {
            let then = stored.request.ticket?;
            let waits = then.decided_there && matches!(stored.request.state, State::Pending { .. });
            (waits && then.ticket.desk == *desk.system.name()).then_some(then.ticket.id)
        });
        let waiting: Vec<_> = waiting.collect();
        Ok(in_turn(&waiting, now))
    }
}

/// Whether this is the cursor by which a desk is asked what has changed since then.
fn is_of(cursor: i64, since: Timestamp) -> bool {
    cursor > 0 && cursor == (since + OVERLAP).as_millisecond()
}

/// Tells the log where what has changed at a desk is known up to long ago alone.
fn tell_delay(desk: &Desk, up_to: Timestamp, now: Timestamp) {
    let delay = now.duration_since(up_to);
    if delay >= DELAY {
        tracing::warn!(
            desk = %desk.system.name(),
            delay_minutes = delay.as_mins(),
            "what has changed at the service desk is known with a delay; a webhook is not late"
        );
    }
}

/// Those of all these whose turn it is now: each comes up once before any does again.
fn in_turn<T: Clone>(all: &[T], now: Timestamp) -> Vec<T> {
    if all.is_empty() {
        return Vec::new();
    }
    let turn = usize::try_from(now.as_second() / POLL_EVERY.as_secs()).unwrap_or(0);
    let first = turn % all.len() * WAITING % all.len();
    let round = all.iter().cycle().skip(first);
    round.take(WAITING.min(all.len())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::sample::monday;

    #[test]
    fn whoever_waits_is_looked_at_in_turn() {
        for count in [0, 1, 9, 10, 11, 20, 25, 100, 101] {
            let all: Vec<usize> = (0..count).collect();
            // One turn more, for a round may begin in the middle.
            let turns = i32::try_from(count.div_ceil(WAITING)).unwrap() + 1;
            let mut seen = BTreeSet::new();
            for turn in 0..turns {
                let now = in_turn(&all, monday() + POLL_EVERY * turn);
                assert_eq!(now.len(), count.min(WAITING), "{count}");
                seen.extend(now);
            }
            assert_eq!(seen.len(), count, "{count}");
        }
    }
}
