//! What a ticket comes to for the request that was made of it.

use super::{Broker, Desk, actor};
use crate::audit::{Actor, Event, FetchFault, LogEntry};
use crate::causes::with_causes;
use crate::lifecycle::{Approval, Command, Refusal, Request, State, Vote};
use crate::people::PersonId;
use crate::policy::Seat;
use crate::ports::StoredRequest;
use crate::service::review::Saying;
use crate::service::{AdvanceError, Choice, ReviewError, Unavailable};
use crate::tickets::judge::{Said, Stop, changed, said};
use crate::tickets::{DeskUser, Snapshot, Ticket, TicketName};

impl Broker {
    /// Ends the request of a ticket that is not what it was any more; else takes what its approvers
    /// have said there, where that counts.
    pub(super) async fn follow(
        &self,
        desk: &Desk,
        stored: StoredRequest,
        ticket: Option<Ticket>,
    ) -> Result<(), Unavailable> {
        let Some(then) = stored.request.ticket.clone() else {
            return Ok(());
        };
        if let Some(why) = self
            .why_stop(&stored.request, &then, ticket.as_ref())
            .await?
        {
            return self.revoke_at_desk(stored, &then.ticket, why).await;
        }
        let is_pending = matches!(stored.request.state, State::Pending { .. });
        let decides = desk.approves && then.decided_there && is_pending;
        let Some(ticket) = ticket.filter(|_| decides) else {
            return Ok(());
        };
        match said(&then, &ticket.approvals, self.now()) {
            Said::NotAllYet => Ok(()),
            Said::No(who) => self.decline_at_desk(desk, stored, &then, &who).await,
            Said::Yes(who) => self.approve_at_desk(desk, stored, &then, &who).await,
            Said::Doubtful(doubt) => self.revoke_at_desk(stored, &then.ticket, doubt).await,
        }
    }

    /// Whether the ticket of a request still is what it was, where it belongs to one; asked right
    /// before its keys are fetched, and once more before they are shown. In doubt it is not.
    pub(in crate::service) async fn still_asked(&self, request: &Request) -> Result<(), Unasked> {
        let Some(then) = &request.ticket else {
            return Ok(());
        };
        let Some(desk) = self.desk_named(&then.ticket.desk) else {
            return Err(Unasked::Unknown(FetchFault::Desk));
        };
        let unknown = |why, error: &dyn std::error::Error| {
            tracing::warn!(
                request.reference = %request.reference,
                desk = %then.ticket.desk,
                error = with_causes(error),
                "whether the ticket still asks for its keys could not be told"
            );
            Unasked::Unknown(why)
        };
        let ticket = self.read(desk, &then.ticket.id, true).await;
        let ticket = ticket.map_err(|error| unknown(FetchFault::Desk, &error))?;
        let stop = self.why_stop(request, then, ticket.as_ref()).await;
        match stop.map_err(|error| unknown(FetchFault::Directory, &error))? {
            None => Ok(()),
            Some(why) => Err(Unasked::Stopped(then.ticket.clone(), why)),
        }
    }

    /// Stops a request in the name of its desk.
    pub(in crate::service) async fn revoke_at_desk(
        &self,
        stored: StoredRequest,
        ticket: &TicketName,
        why: Stop,
    ) -> Result<(), Unavailable> {
        let by = format!("the service desk {}: {why}", ticket.desk);
        let actor = actor(&ticket.desk);
        let event = Event::TicketStops {
            ticket: ticket.clone(),
            why,
        };
        let row = LogEntry::of_request(&stored.request, event, actor.clone(), None, self.now());
        let also = [self.log(&row)];
        let stopped = self
            .advance(stored, &Command::Revoke { by }, &actor, None, &also)
            .await;
        match stopped {
            // Refused: it has ended meanwhile.
            Ok(_) | Err(AdvanceError::Refused(_)) => Ok(()),
            Err(AdvanceError::Unavailable(error)) => Err(error),
        }
    }

    /// Why a ticket, as it is now, ends its request: it is another than it was, or a yes that the request
    /// rests on is none any more.
    async fn why_stop(
        &self,
        request: &Request,
        then: &Snapshot,
        ticket: Option<&Ticket>,
    ) -> Result<Option<Stop>, Unavailable> {
        match (changed(then, ticket), ticket) {
            (None, Some(ticket)) => self.taken_back(request, then, ticket).await,
            (why, _) => Ok(why),
        }
    }

    /// Why a yes that a request of the desk's rests on is none any more. One that somebody else gives
    /// is none in its place.
    async fn taken_back(
        &self,
        request: &Request,
        then: &Snapshot,
        ticket: &Ticket,
    ) -> Result<Option<Stop>, Unavailable> {
        let Some(Approval::Votes { votes }) = request.state.approval() else {
            return Ok(None);
        };
        if !then.decided_there {
            return Ok(None);
        }
        let who = match said(then, &ticket.approvals, self.now()) {
            Said::Yes(who) => who,
            Said::No(_) => return Ok(Some(Stop::Rejected)),
            Said::NotAllYet => return Ok(Some(Stop::TakenBack)),
            Said::Doubtful(why) => return Ok(Some(why)),
        };
        let mut present = Vec::new();
        for user in &who {
            present.extend(self.one_of_desk(user).await?.map(|person| person.id));
        }
        Ok((!gone(votes, &present).is_empty()).then_some(Stop::TakenBack))
    }

    /// A no of the desk's is a no of Clavis's where the policy knows who said it; else it stops the
    /// request all the same.
    async fn decline_at_desk(
        &self,
        desk: &Desk,
        stored: StoredRequest,
        then: &Snapshot,
        who: &[DeskUser],
    ) -> Result<(), Unavailable> {
        for user in who {
            if let Some(seat) = self.seat_at_desk(&stored.request, user).await? {
                let no = Choice::Decline;
                if self.decide_at_desk(desk, &stored, &seat, no, &[]).await? == Counted::Yes {
                    return Ok(());
                }
            }
        }
        self.revoke_at_desk(stored, &then.ticket, Stop::Rejected)
            .await
    }

    /// Each yes is judged by the policy as one on the review page is. One of somebody whom it does not
    /// name makes all of them doubtful. One that was taken with an earlier look at the ticket counts for
    /// as long as it is there.
    async fn approve_at_desk(
        &self,
        desk: &Desk,
        stored: StoredRequest,
        then: &Snapshot,
        who: &[DeskUser],
    ) -> Result<(), Unavailable> {
        let mut seats = Vec::new();
        for user in who {
            match self.seat_at_desk(&stored.request, user).await? {
                Some(seat) => seats.push(seat),
                None => {
                    return self
                        .revoke_at_desk(stored, &then.ticket, Stop::NotNamed)
                        .await;
                }
            }
        }
        let present: Vec<_> = seats.iter().map(|seat| seat.party.id.clone()).collect();
        let mut current = stored;
        for seat in &seats {
            let gone = gone(current.request.votes(), &present);
            let said_before = current.request.vote_of(seat);
            if said_before.is_some_and(|vote| !gone.contains(&vote.by.id)) {
                continue;
            }
            let yes = Choice::Approve;
            if self
                .decide_at_desk(desk, &current, seat, yes, &gone)
                .await?
                == Counted::NotNamed
            {
                return self
                    .revoke_at_desk(current, &then.ticket, Stop::NotNamed)
                    .await;
            }
            match self.parts.store.request(current.request.id).await? {
                Some(now) if matches!(now.request.state, State::Pending { .. }) => current = now,
                // Enough have said yes, or it has ended.
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// The seat of whom all that the desk knows of an approver leads to, where they have one.
    async fn seat_at_desk(
        &self,
        request: &Request,
        user: &DeskUser,
    ) -> Result<Option<Seat>, Unavailable> {
        let person = self.one_of_desk(user).await?;
        Ok(person.and_then(|person| request.seat_of(&person.id).cloned()))
    }

    async fn decide_at_desk(
        &self,
        desk: &Desk,
        stored: &StoredRequest,
        seat: &Seat,
        choice: Choice,
        taken_back: &[PersonId],
    ) -> Result<Counted, Unavailable> {
        let actor = Actor::Through {
            person: seat.party.clone(),
            program: desk.system.name().0.clone(),
        };
        let saying = Saying {
            choice,
            comment: None,
            actor: &actor,
            source: None,
            taken_back,
        };
        match self.judge_in(stored.clone(), seat, saying).await {
            Ok(_) => Ok(Counted::Yes),
            Err(ReviewError::Unavailable(error)) => Err(error),
            Err(ReviewError::Refused(Refusal::NotConcerned)) => Ok(Counted::NotNamed),
            // The request has moved on meanwhile.
            Err(_) => Ok(Counted::TooLate),
        }
    }
}

/// Whose yes is not among those of these people any more.
fn gone(votes: &[Vote], present: &[PersonId]) -> Vec<PersonId> {
    let said = votes.iter().map(|vote| &vote.by.id);
    said.filter(|by| !present.contains(by)).cloned().collect()
}

/// Why the keys of a ticket's request are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum Unasked {
    /// This ticket is not what it was: the request ends.
    Stopped(TicketName, Stop),
    /// Nobody can tell whether it is, for this did not answer.
    Unknown(FetchFault),
}

/// Whether what an approver said at the desk counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// It does.
    Yes,
    /// The request has moved on meanwhile.
    TooLate,
    /// The policy does not name them.
    NotNamed,
}
