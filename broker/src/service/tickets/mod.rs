//! Requests that belong to a ticket of a service desk.
//!
//! What a desk says by itself is a hint: the ticket is read, and what it says counts. A ticket becomes
//! a request once, and from then on may only end it; it is told what became of it.

mod follow;
mod note;
mod poll;
mod take_up;
mod tell;

pub(super) use follow::Unasked;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::outbox::{Tried, wait_after};
use super::receivers::{Permit, Turn};
use super::{Broker, Unavailable};
use crate::audit::{Actor, Event};
use crate::lifecycle::State;
use crate::ports::{EventError, Job, Lease, TicketError, TicketSystem};
use crate::tickets::{DeskName, Standing, Ticket, TicketId, TicketName};

/// How the names of cursors begin that are times, those at which desks were last asked, or pages of what
/// they told then.
pub(super) const DESK: &str = "desk:";
/// How long reading one ticket may take, with its asset and its users.
const READING: Duration = Duration::from_secs(20);
/// The longest that a look at a ticket waits for its turn.
const LONGEST_TURN: SignedDuration = SignedDuration::from_mins(1);

/// A service desk, and what it decides.
#[derive(Clone)]
pub struct Desk {
    /// The desk.
    pub system: Arc<dyn TicketSystem>,
    /// Whether approvers say yes there; otherwise Clavis asks them, and the desk is told.
    pub approves: bool,
}

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// There is no desk of that name: the same for every stranger.
    #[error("there is no such desk")]
    NoSuchDesk,
    /// The desk did not say that, or nobody can tell what it says.
    #[error(transparent)]
    NotTaken(#[from] EventError),
    /// It could not be kept; the desk has to say it again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// Takes a message of a desk's: the tickets that it names will be looked at. Gives how many.
    pub async fn hear(
        &self,
        desk: &DeskName,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<usize, HearError> {
        let desk = self.desk_named(desk).ok_or(HearError::NoSuchDesk)?;
        let mut tickets = desk.system.parse_event(authorization, body)?;
        tickets.sort();
        tickets.dedup();
        let count = tickets.len();
        let change = tickets.into_iter().map(|id| self.look(desk, id));
        let committed = self.commit(change.collect()).await;
        committed.map_err(Unavailable::from)?;
        Ok(count)
    }

    /// Whether there is a desk of that name.
    pub fn has_desk(&self, name: &DeskName) -> bool {
        self.desk_named(name).is_some()
    }

    /// Whether a message for the desk of that name shows, by its header `authorization`, that it comes from
    /// there.
    pub fn is_of_desk(&self, name: &DeskName, authorization: &str) -> bool {
        let desk = self.desk_named(name);
        desk.is_some_and(|desk| desk.system.knows(Some(authorization)))
    }

    /// The job that looks at a ticket.
    fn look(&self, desk: &Desk, id: TicketId) -> crate::ports::Write {
        let ticket = TicketName {
            desk: desk.system.name().clone(),
            id,
        };
        self.enqueue_job(Job::LookAtTicket { ticket }, self.now())
    }

    /// Reads a ticket, and does what it comes to.
    pub(in crate::service) async fn look_at_ticket(
        &self,
        lease: Lease,
        name: &TicketName,
    ) -> Result<Tried, Unavailable> {
        // Of a desk that is not there any more, nothing is to be had.
        let Some(desk) = self.desk_named(&name.desk) else {
            return Ok(Tried::Moot(None));
        };
        let known = self.parts.store.request_of_ticket(name).await?;
        let is_over = known
            .as_ref()
            .is_some_and(|stored| matches!(stored.request.state, State::Closed(_)));
        if is_over {
            return Ok(Tried::Moot(None));
        }
        let turn = match self.turn_at(desk) {
            Turn::Now(turn) => turn,
            Turn::Later(until, why) => {
                let until = until.max(self.now() + look_again_after(lease.attempt));
                return Ok(Tried::waits(until, why));
            }
        };
        let ticket = match self.read(desk, &name.id, false).await {
            Ok(ticket) => ticket,
            Err(error) => return Ok(self.failed(&turn, &error, name)),
        };
        turn.answered();
        drop(turn);
        let done = match (known, ticket) {
            (Some(stored), ticket) => Box::pin(self.follow(desk, stored, ticket)).await,
            (None, Some(ticket)) if ticket.standing == Standing::Open => {
                self.take_up(desk, ticket).await
            }
            (None, _) => Ok(()),
        };
        Ok(match done {
            Ok(()) => Tried::Moot(None),
            Err(error) => Tried::Blocked(error),
        })
    }

    /// A ticket as it is now.
    async fn read(
        &self,
        desk: &Desk,
        id: &TicketId,
        somebody_waits: bool,
    ) -> Result<Option<Ticket>, TicketError> {
        within(READING, desk.system.fetch(id, somebody_waits)).await
    }

    /// A turn for a call: a desk that hangs holds up no mail, and no other desk.
    fn turn_at(&self, desk: &Desk) -> Turn<'_> {
        let name = format!("desk:{}", desk.system.name());
        self.receivers.turn(&name, self.now(), false)
    }

    /// A try that failed at the desk.
    fn failed(&self, turn: &Permit<'_>, error: &TicketError, ticket: &TicketName) -> Tried {
        let now = self.now();
        let not_before = match error {
            TicketError::Busy(wait) => {
                turn.failed(now, Some(*wait));
                now.saturating_add(*wait).ok()
            }
            TicketError::Unavailable(_) => {
                turn.failed(now, None);
                None
            }
            TicketError::Denied(_) | TicketError::Nonsense(_) => {
                turn.answered();
                None
            }
        };
        Tried::Failed {
            for_now: !matches!(error, TicketError::Denied(_)),
            why: error.to_string(),
            dead: Event::TicketDead {
                ticket: ticket.clone(),
            },
            about: None,
            not_before,
        }
    }

    fn desk_named(&self, name: &DeskName) -> Option<&Desk> {
        self.parts
            .desks
            .iter()
            .find(|desk| desk.system.name() == name)
    }
}

/// How long a look at a ticket waits for its turn: of the thousands that a change of many tickets may
/// bring, each try is two writes of the store.
fn look_again_after(attempt: i64) -> SignedDuration {
    wait_after(attempt, 0).min(LONGEST_TURN)
}

/// What a desk answers, if it does so in time.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, TicketError>>,
) -> Result<T, TicketError> {
    let late = || TicketError::Unavailable("it did not answer in time".to_owned());
    let answer = tokio::time::timeout(limit, call).await;
    answer.unwrap_or_else(|_| Err(late()))
}

/// A desk, as the log names who did something.
fn actor(desk: &DeskName) -> Actor {
    Actor::Program {
        name: desk.0.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_waits_is_tried_less_and_less_often_up_to_once_a_minute() {
        let seconds = [1, 2, 3, 4, 5, 50].map(|attempt| look_again_after(attempt).as_secs());
        assert_eq!(seconds, [5, 10, 20, 40, 60, 60]);
    }
}
