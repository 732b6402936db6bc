//! Telling a ticket what became of it: an internal note, and its end.

use super::{Broker, note, within};
use jiff::SignedDuration;

use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::{Outcome, Request, State, Step};
use crate::ports::{Job, Lease, Write};
use crate::service::Unavailable;
use crate::service::outbox::{SENDING, Tried};
use crate::service::receivers::Turn;
use crate::tickets::{Ending, Posted, Posting, TicketName, TicketNews};

/// How long a desk may go on with what it gave no answer to.
const WRITING: SignedDuration = SignedDuration::from_secs(20);

impl Broker {
    /// The job that tells a ticket of a step, where the request belongs to one.
    pub(in crate::service) fn tell_desk(&self, request: &Request, step: &Step) -> Option<Write> {
        let ticket = request.ticket.as_ref()?.ticket.clone();
        let request = request.id;
        let news = match step {
            Step::Opened { .. } => TicketNews::Opened { request },
            Step::Approved { .. } | Step::GlassBroken { .. } => TicketNews::Approved { request },
            Step::Redeemed(_)
            | Step::Declined
            | Step::Withdrawn
            | Step::Revoked
            | Step::Expired
            | Step::Lapsed => TicketNews::Ended { request },
            Step::Supported { .. }
            | Step::Reminded
            | Step::AskedMore { .. }
            | Step::LinkWanted
            | Step::LinkIssued { .. } => return None,
        };
        Some(self.enqueue_job(Job::TellTicket { ticket, news }, self.now()))
    }

    /// Tells a ticket, once, however often it is tried.
    pub(in crate::service) async fn tell_ticket(
        &self,
        lease: Lease,
        name: &TicketName,
        news: &TicketNews,
    ) -> Result<Tried, Unavailable> {
        let about = match news.request() {
            Some(id) => self.parts.store.request(id).await?,
            None => None,
        };
        let about = about.map(|stored| stored.request);
        let Some((note, ending)) = told(news, about.as_ref()) else {
            return Ok(Tried::Moot(None));
        };
        let Some(desk) = self.desk_named(&name.desk) else {
            return Ok(Tried::Failed {
                for_now: true,
                why: format!("no [[desks]] section is named {}", name.desk),
                dead: Event::TicketDead {
                    ticket: name.clone(),
                },
                about: about.map(Box::new),
                not_before: None,
            });
        };
        let turn = match self.turn_at(desk) {
            Turn::Now(turn) => turn,
            Turn::Later(until, why) => return Ok(Tried::waits(until, why)),
        };
        let posting = Posting {
            marker: format!("clavis-{}", lease.job.0.as_simple()),
            note,
            ending,
            may_be_there: lease.attempt > 1,
        };
        let is_whole = match within(SENDING, desk.system.post(&name.id, &posting)).await {
            Ok(Posted::Whole) => true,
            Ok(Posted::NoteAlone) => ending.is_none(),
            Ok(Posted::Nowhere) => {
                turn.answered();
                return Ok(Tried::Moot(None));
            }
            Err(error) => {
                let mut tried = self.failed(&turn, &error, name);
                if let Tried::Failed {
                    about: of,
                    not_before,
                    ..
                } = &mut tried
                {
                    *of = about.map(Box::new);
                    // What was written late is not there yet to be found.
                    *not_before = (*not_before).max(self.now().saturating_add(WRITING).ok());
                }
                return Ok(tried);
            }
        };
        turn.answered();
        if !is_whole {
            tracing::warn!(
                desk = %name.desk, ticket = %name.id,
                "the desk did not let the ticket be ended, or no status is set for that; its note says what became of it"
            );
        }
        let event = Event::TicketTold {
            ticket: name.clone(),
            is_whole,
        };
        let now = self.now();
        Ok(Tried::Sent(match &about {
            Some(request) => LogEntry::of_request(request, event, Actor::Clavis, None, now),
            None => LogEntry::of_nothing(event, Actor::Clavis, None, now),
        }))
    }
}

/// The note, and what the ticket comes to; nothing where another note says more by now. A ticket is
/// done only where keys were shown.
fn told(news: &TicketNews, request: Option<&Request>) -> Option<(String, Option<Ending>)> {
    match (news, request) {
        (TicketNews::Refused { why }, _) => Some((note::refused(*why), None)),
        (TicketNews::Opened { .. }, Some(request)) => {
            let is_pending = matches!(request.state, State::Pending { .. });
            is_pending.then(|| (note::opened(request), None))
        }
        (TicketNews::Approved { .. }, Some(request)) => match &request.state {
            State::Approved { approval, .. } | State::LinkSent { approval, .. } => {
                Some((note::approved(request, approval), None))
            }
            State::Pending { .. } | State::Closed(_) => None,
        },
        (TicketNews::Ended { .. }, Some(request)) => {
            let State::Closed(closing) = &request.state else {
                return None;
            };
            let ending = match &closing.outcome {
                Outcome::Redeemed { .. } => Ending::Done,
                Outcome::Declined { .. } => Ending::Declined,
                Outcome::Withdrawn { .. }
                | Outcome::Expired { .. }
                | Outcome::Lapsed { .. }
                | Outcome::Revoked { .. } => Ending::Ended,
            };
            Some((note::ended(request, closing), Some(ending)))
        }
        (
            TicketNews::Opened { .. } | TicketNews::Approved { .. } | TicketNews::Ended { .. },
            None,
        ) => None,
    }
}
