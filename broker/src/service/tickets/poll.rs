//! Asking the desks what has changed: the net under messages that were lost.

use jiff::{SignedDuration, Timestamp};

use super::{Broker, DESK, Desk};
use crate::causes::with_causes;
use crate::lifecycle::State;
use crate::ports::{Change, CommitError, TicketError, Write};
use crate::service::{Unavailable, before};
use crate::tickets::TicketId;

/// So much of the time that was asked about before is asked about again: clocks differ, and a desk may
/// write a change down late.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);
/// How far back a desk is asked that was never asked before.
const FIRST: SignedDuration = SignedDuration::from_hours(1);
/// How many open requests that are decided at a desk are looked at each time, whatever has changed.
const WAITING: usize = 10;
/// How many open requests are looked through for them.
const OPEN: usize = 500;

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
        let seen = self.parts.store.cursor(&name).await?;
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
        let changed = desk.system.changed_since(since);
        let changed = tokio::time::timeout(Self::DEADLINE, changed).await;
        let late = || TicketError::Unavailable("it did not answer in time".to_owned());
        let mut tickets = match changed.unwrap_or_else(|_| Err(late())) {
            Ok(tickets) => tickets,
            Err(error) => {
                // The next time asks about this time as well.
                tracing::warn!(
                    desk = %desk.system.name(),
                    error = with_causes(&error),
                    "the service desk did not say what has changed"
                );
                return Ok(0);
            }
        };
        tickets.extend(self.waiting_at(desk).await?);
        tickets.sort();
        tickets.dedup();
        let count = tickets.len();
        let mut change: Change = tickets.into_iter().map(|id| self.look(desk, id)).collect();
        change.push(Write::MoveCursor {
            name,
            expected: seen,
            next: now.as_millisecond(),
        });
        match self.commit(change).await {
            Ok(()) => Ok(count),
            // Another daemon has asked meanwhile.
            Err(CommitError::Conflict) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Tickets that requests wait for: a desk may not count an approval as a change.
    async fn waiting_at(&self, desk: &Desk) -> Result<Vec<TicketId>, Unavailable> {
        if !desk.approves {
            return Ok(Vec::new());
        }
        let open = self.parts.store.open_requests(OPEN).await?.into_iter();
        let waiting = open.filter_map(|stored| {
            let then = stored.request.ticket?;
            let waits = then.decided_there && matches!(stored.request.state, State::Pending { .. });
            (waits && then.ticket.desk == *desk.system.name()).then_some(then.ticket.id)
        });
        Ok(waiting.take(WAITING).collect())
    }
}
