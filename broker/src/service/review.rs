//! Reviewing a request: by the link that was mailed to an approver, or by its reference for an approver
//! who is signed in.

use std::net::IpAddr;

use super::gates::{ReviewGate, Shut, Visitor};
use super::{AdvanceError, Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::{Command, Refusal, Request, State};
use crate::people::{Party, Person, PersonId, PersonQuery};
use crate::policy::{Seat, authorise};
use crate::ports::{LinkKind, StoredRequest};
use crate::text::Comment;
use crate::tokens::{PlainToken, Reference};

/// What an approver sees.
#[derive(Debug, Clone)]
pub struct Review {
    /// The request, decided or not.
    pub request: Request,
    /// Whose link it is, and why they may decide.
    pub seat: Seat,
}

/// Whether the device is the beneficiary's, as far as the backends say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It is theirs.
    Theirs,
    /// It is theirs and somebody else's.
    Shared,
    /// It is somebody else's.
    SomebodyElses,
    /// No backend names an owner.
    Unknown,
}

/// What an approver says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Decline,
}

/// What somebody says to a request, and how it comes.
pub(super) struct Saying<'s> {
    pub(super) choice: Choice,
    pub(super) comment: Option<Comment>,
    /// Who says it, as far as was proved.
    pub(super) actor: &'s Actor,
    /// From which address, where a client was involved.
    pub(super) source: Option<IpAddr>,
    /// Who said yes before and has taken it back.
    pub(super) taken_back: &'s [PersonId],
}

/// A review came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No such link, or no such request: the same for every stranger.
    #[error("there is no such review")]
    Unknown,
    /// To decide, one has to be signed in, and nobody is.
    #[error("nobody is signed in")]
    SignInFirst,
    /// Somebody is signed in whom the link was not mailed to.
    #[error("the link was mailed to somebody else")]
    SomebodyElses,
    /// The request does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something did not answer; nothing has happened.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Request {
    /// Whether the device is the beneficiary's.
    pub fn ownership(&self) -> Ownership {
        let person = &self.beneficiary.id;
        match (
            self.device.is_owned_by(person),
            self.device.is_owned_by_others_than(person),
        ) {
            (true, false) => Ownership::Theirs,
            (true, true) => Ownership::Shared,
            (false, true) => Ownership::SomebodyElses,
            (false, false) => Ownership::Unknown,
        }
    }
}

impl Broker {
    /// Shows a request to whoever holds a review link. Changes nothing but the log.
    pub async fn review(
        &self,
        token: &PlainToken,
        visitor: Visitor<'_>,
    ) -> Result<Review, ReviewError> {
        let (stored, seat, actor) = self.review_link(token, visitor).await?;
        self.record(LogEntry::of_request(
            &stored.request,
            Event::ReviewOpened,
            actor,
            visitor.source,
            self.now(),
        ))
        .await?;
        Ok(Review {
            request: stored.request,
            seat,
        })
    }

    /// Decides a request by a review link.
    pub async fn decide(
        &self,
        token: &PlainToken,
        choice: Choice,
        comment: Option<Comment>,
        visitor: Visitor<'_>,
    ) -> Result<Request, ReviewError> {
        let (stored, seat, actor) = self.review_link(token, visitor).await?;
        self.decide_in(stored, &seat, choice, comment, &actor, visitor.source)
            .await
    }

    /// Shows a request to somebody who is signed in and was asked to review it. Changes nothing but the
    /// log. To everybody else it is as if there were no such request; for those who ask, see
    /// [`Self::decide_as`].
    pub async fn review_of(
        &self,
        person: &Party,
        reference: &Reference,
        source: Option<IpAddr>,
    ) -> Result<Review, ReviewError> {
        let (stored, seat) = self.seat_at(person, reference, source, false).await?;
        let actor = Actor::Person(person.clone());
        let (request, event) = (&stored.request, Event::ReviewOpened);
        let row = LogEntry::of_request(request, event, actor, source, self.now());
        self.record(row).await?;
        Ok(Review {
            request: stored.request,
            seat,
        })
    }

    /// Decides a request for somebody who is signed in and was asked to review it.
    pub async fn decide_as(
        &self,
        person: &Party,
        reference: &Reference,
        choice: Choice,
        comment: Option<Comment>,
        source: Option<IpAddr>,
    ) -> Result<Request, ReviewError> {
        let (stored, seat) = self.seat_at(person, reference, source, true).await?;
        let actor = Actor::Person(person.clone());
        self.decide_in(stored, &seat, choice, comment, &actor, source)
            .await
    }

    /// Decides a request for whoever has this seat, once it is sure that it is they who say so here. A
    /// request that is decided at a service desk takes no yes of anywhere else.
    pub(super) async fn decide_in(
        &self,
        stored: StoredRequest,
        seat: &Seat,
        choice: Choice,
        comment: Option<Comment>,
        actor: &Actor,
        source: Option<IpAddr>,
    ) -> Result<Request, ReviewError> {
        if choice == Choice::Approve && stored.request.is_decided_at_desk() {
            let why = Refusal::AtDesk;
            self.record_refusal(&stored.request, "approve", why, actor, source)
                .await?;
            return Err(why.into());
        }
        let saying = Saying {
            choice,
            comment,
            actor,
            source,
            taken_back: &[],
        };
        self.judge_in(stored, seat, saying).await
    }

    /// The same, wherever they say so.
    pub(super) async fn judge_in(
        &self,
        stored: StoredRequest,
        seat: &Seat,
        saying: Saying<'_>,
    ) -> Result<Request, ReviewError> {
        let Saying {
            choice,
            comment,
            actor,
            source,
            taken_back,
        } = saying;
        let name = match choice {
            Choice::Approve => "approve",
            Choice::Decline => "decline",
        };
        // The approver is looked up anew, and why they may approve: an account disabled since may
        // not decide, nor one that has left the group.
        let query = PersonQuery::Id(seat.party.id.clone());
        let looking = in_time("the directory", self.parts.directory.person(&query));
        let (person, is_borne_out) =
            tokio::try_join!(looking, self.is_borne_out(&stored.request, seat))?;
        // A no is always safe, whatever has become of the rule.
        let may = is_borne_out
            && (choice == Choice::Decline
                || self.rule_holds(&stored.request, seat)
                    && !stored.request.was_raised_by(&seat.party));
        let judged = person.as_ref().ok_or(Refusal::NotConcerned);
        let judged = judged.and_then(|person| authorise(&stored.request, person, may));
        let by = match judged {
            Ok(by) => by,
            Err(why) => {
                let actor = as_known_now(&stored.request, actor.clone(), person.as_ref());
                self.record_refusal(&stored.request, name, why, &actor, source)
                    .await?;
                return Err(why.into());
            }
        };
        let command = match choice {
            Choice::Approve => {
                let lapsed = self.lapsed(&stored.request, by.party(), taken_back).await?;
                Command::Approve {
                    by,
                    comment,
                    lapsed,
                }
            }
            Choice::Decline => Command::Decline { by, comment },
        };
        match self
            .advance_or_record(stored, &command, name, actor, source, &[])
            .await
        {
            Ok(request) => Ok(request),
            Err(AdvanceError::Refused(why)) => Err(why.into()),
            Err(AdvanceError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// Who said yes to a pending request before `deciding` does, and has taken it back, or could not say
    /// so any more: they are not fit, not named any more, or one person with somebody else who says
    /// yes. Whether they still stand in for somebody is not asked: they did when they said it.
    async fn lapsed(
        &self,
        request: &Request,
        deciding: &Party,
        taken_back: &[PersonId],
    ) -> Result<Vec<PersonId>, Unavailable> {
        let State::Pending { votes, .. } = &request.state else {
            return Ok(Vec::new());
        };
        let (mut counted, mut lapsed) = (vec![deciding.clone()], Vec::new());
        for vote in votes.iter().filter(|vote| vote.by.id != deciding.id) {
            if taken_back.contains(&vote.by.id) {
                lapsed.push(vote.by.id.clone());
                continue;
            }
            let seat = request.asked().find(|seat| {
                let place = seat.in_place_of.as_ref().map(|of| &of.id);
                seat.party.id == vote.by.id && place == vote.in_place_of.as_ref().map(|of| &of.id)
            });
            let query = PersonQuery::Id(vote.by.id.clone());
            let person = in_time("the directory", self.parts.directory.person(&query)).await?;
            let approver = match (seat, person) {
                (Some(seat), Some(person)) => {
                    let may =
                        self.rule_holds(request, seat) && self.is_named(request, seat).await?;
                    authorise(request, &person, may).ok()
                }
                _ => None,
            };
            match approver {
                Some(one) if !counted.iter().any(|it| it.is_same_as(one.party())) => {
                    counted.push(one.party().clone());
                }
                _ => lapsed.push(vote.by.id.clone()),
            }
        }
        Ok(lapsed)
    }

    /// The request of this reference, and the seat that somebody has on its panel. Who has none is told
    /// that there is no such request, and the log says that they wanted it; of those who ask only where
    /// they want to decide it, since a channel shows them the way to it as well.
    async fn seat_at(
        &self,
        person: &Party,
        reference: &Reference,
        source: Option<IpAddr>,
        to_decide: bool,
    ) -> Result<(StoredRequest, Seat), ReviewError> {
        let stored = self.stored(reference).await?.ok_or(ReviewError::Unknown)?;
        let asks = stored.request.askers().any(|it| it.is_same_as(person));
        let seat = stored.request.seat_of(&person.id).cloned();
        if let Some(seat) = seat.filter(|_| !asks) {
            return Ok((stored, seat));
        }
        if to_decide || !asks {
            let (event, actor) = (Event::ReviewRefused, Actor::Person(person.clone()));
            let row = LogEntry::of_request(&stored.request, event, actor, source, self.now());
            self.record(row).await?;
        }
        Err(ReviewError::Unknown)
    }

    /// The request of a review link, whose seat it is for, and who is taken to be there.
    async fn review_link(
        &self,
        token: &PlainToken,
        visitor: Visitor<'_>,
    ) -> Result<(StoredRequest, Seat, Actor), ReviewError> {
        let found = self
            .parts
            .store
            .link(&token.hash())
            .await
            .map_err(Unavailable::from)?;
        let (link, stored) = found.ok_or(ReviewError::Unknown)?;
        let LinkKind::Review { approver } = link.kind else {
            return Err(ReviewError::Unknown);
        };
        let seat = stored.request.seat_of(&approver).cloned();
        let seat = seat.ok_or(ReviewError::Unknown)?;
        // Whoever asked, or gets the key, is nobody's approver, whatever the gate lets through.
        let asker = visitor.signed_in.filter(|person| {
            let mut askers = stored.request.askers();
            askers.any(|asker| asker.is_same_as(person))
        });
        let shut = match (self.parts.gates.review, asker) {
            (_, Some(asker)) => Shut::SomebodyElse(asker),
            (ReviewGate::Link, None) => {
                let actor = Actor::Holder(seat.party.clone());
                return Ok((stored, seat, actor));
            }
            (ReviewGate::SignIn, None) => match visitor.must_be(&approver) {
                Ok(person) => return Ok((stored, seat, Actor::Person(person.clone()))),
                Err(shut) => shut,
            },
        };
        match shut {
            Shut::SignInFirst => Err(ReviewError::SignInFirst),
            Shut::SomebodyElse(person) => {
                let (event, who) = (Event::ReviewRefused, Actor::Person(person.clone()));
                let (request, source) = (&stored.request, visitor.source);
                let row = LogEntry::of_request(request, event, who, source, self.now());
                self.record(row).await?;
                Err(ReviewError::SomebodyElses)
            }
        }
    }
}

/// Who did something, as the directory has them by now where by that they are one with who asked or
/// gets the key: the row then tells that somebody tried to approve for themselves.
fn as_known_now(request: &Request, actor: Actor, person: Option<&Person>) -> Actor {
    let party = person.and_then(|person| person.party().ok());
    let asker = party.filter(|party| request.askers().any(|asker| asker.is_same_as(party)));
    match (actor, asker) {
        (Actor::Holder(_), Some(asker)) => Actor::Holder(asker),
        (Actor::Person(_), Some(asker)) => Actor::Person(asker),
        (actor, _) => actor,
    }
}
