//! A request and the states it can be in; each state carries what is true of it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::devices::{BackendName, Device, EscrowRecord};
use crate::keys::{KeyId, WantedKey};
use crate::people::{Party, PersonId};
use crate::policy::{Panel, Seat, Stage, Turn};
use crate::programs::ProgramName;
use crate::search::fold;
use crate::text::{Comment, Reason};
use crate::tickets::{Snapshot, TicketName};
use crate::tokens::{Reference, TokenHash};

/// By how much the clocks of those who work on one store may differ.
pub const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Whether what was to last for this term, until this end, is over. What ends later than the term leads to
/// from now was begun by a clock that was ahead: it is over, as nobody knows when it began.
pub fn has_ended(end: Timestamp, term: SignedDuration, now: Timestamp) -> bool {
    let latest = now.saturating_add(term);
    let latest = latest.and_then(|latest| latest.saturating_add(CLOCKS_DIFFER));
    now >= end || latest.is_ok_and(|latest| end > latest)
}

/// The identifier of a request in the store. People use its [`Reference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long things may take, fixed for a request when it is made, so that a change of the
/// configuration moves no promise that a mail has already given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// From the request to the decision.
    pub decide_within: SignedDuration,
    /// From the approval to the last sending of the key link.
    pub deliver_within: SignedDuration,
    /// From the sending of the key link to its opening.
    pub link_valid_for: SignedDuration,
    /// From the showing of a key to its replacement; never where there is none.
    pub rotate_after: Option<SignedDuration>,
}

/// A request before it is made: everything that was found out about it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The store's name for it.
    pub id: RequestId,
    /// People's name for it.
    pub reference: Reference,
    /// Who asks.
    pub requester: Party,
    /// Who gets the key.
    pub beneficiary: Party,
    /// For which device.
    pub device: Device,
    /// For which key, where the requester could tell.
    pub wanted: Option<WantedKey>,
    /// What was found in escrow, and would be released now.
    pub promised: Vec<EscrowRecord>,
    /// The backends that did not answer: what lies only there was not found.
    pub unanswered: Vec<BackendName>,
    /// Why, in the requester's words.
    pub reason: Reason,
    /// The ticket that it belongs to, where it belongs to one.
    pub ticket: Option<Snapshot>,
    /// The program that made it, where one did and it belongs to no ticket.
    pub made_by: Option<ProgramName>,
    /// How long things may take.
    pub terms: Terms,
}

/// One person's wish for the keys of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The store's name for it.
    pub id: RequestId,
    /// People's name for it.
    pub reference: Reference,
    /// Who asks.
    pub requester: Party,
    /// Who gets the key.
    pub beneficiary: Party,
    /// Who may approve, by the policy's judgement.
    pub panel: Panel,
    /// For which device.
    pub device: Device,
    /// For which key, where the requester could tell.
    pub wanted: Option<WantedKey>,
    /// What was found in escrow when the request was made.
    pub promised: Vec<EscrowRecord>,
    /// The backends that did not answer then: what lies only there was not found.
    pub unanswered: Vec<BackendName>,
    /// Why, in the requester's words.
    pub reason: Reason,
    /// The ticket that it belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Snapshot>,
    /// The program that made it, where one did and it belongs to no ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<ProgramName>,
    /// How long things may take.
    pub terms: Terms,
    /// When it was made.
    pub made_at: Timestamp,
    /// Where it stands.
    pub state: State,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Waiting for a decision.
    Pending {
        /// When it is too late for one.
        lapses_at: Timestamp,
        /// The yeses so far, where more than one is needed.
        votes: Vec<Vote>,
        /// How many stages of the panel have begun.
        begun: usize,
        /// When the next one begins, where there is one.
        next_at: Option<Timestamp>,
    },
    /// Approved; the key link is not yet on its way.
    Approved {
        /// Whose yes it was.
        approval: Approval,
        /// When the approval is too old to send a link on.
        deliver_by: Timestamp,
    },
    /// The key link was made and handed to the mail server, perhaps more than once.
    LinkSent {
        /// Whose yes it was.
        approval: Approval,
        /// When the approval is too old to send another link on.
        deliver_by: Timestamp,
        /// The token of the one link that is valid.
        link: TokenHash,
        /// When that link ends.
        expires_at: Timestamp,
    },
    /// Over, for good.
    Closed(Closing),
}

/// Another person's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who said it.
    pub by: Party,
    /// For whom they stood in, where they did.
    pub in_place_of: Option<Party>,
    /// When.
    pub at: Timestamp,
    /// What they added.
    pub comment: Option<Comment>,
}

/// By what a key may be released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Approval {
    /// As many as were needed said yes. The last of them made it so; never empty.
    Votes {
        /// Their yeses, in order.
        votes: Vec<Vote>,
    },
    /// Nobody was waited for: somebody who may do that broke the glass.
    BrokenGlass {
        /// Who.
        who: Party,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Reason,
    },
}

/// How and when a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// The yeses that had been said by then and released nothing; those that did are in the outcome.
    pub votes: Vec<Vote>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The key link was opened and the keys were shown.
    Redeemed {
        /// Whose yes it was.
        approval: Approval,
        /// Which keys were shown.
        keys: Vec<KeyId>,
    },
    /// An approver said no.
    Declined {
        /// Who.
        by: Party,
        /// What they added.
        comment: Option<Comment>,
    },
    /// The requester or the beneficiary took it back.
    Withdrawn {
        /// Who.
        by: Party,
    },
    /// The key link was not opened in time.
    Expired {
        /// Whose yes it was.
        approval: Approval,
    },
    /// No decision came in time, or no link could be sent in time after one.
    Lapsed {
        /// The yes that came too early for the mail, if one came.
        approval: Option<Approval>,
    },
    /// An operator, an agent or the ticket system stopped it.
    Revoked {
        /// Who, as the log names them.
        by: String,
    },
}

impl State {
    /// When time alone does something: the timer that the store keeps an index of.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending {
                lapses_at,
                next_at: Some(next_at),
                ..
            } => Some(*lapses_at.min(next_at)),
            _ => self.runs_out_at(),
        }
    }

    /// When the time in this state has run out.
    pub fn runs_out_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { lapses_at, .. } => Some(*lapses_at),
            Self::Approved { deliver_by, .. } => Some(*deliver_by),
            Self::LinkSent { expires_at, .. } => Some(*expires_at),
            Self::Closed(_) => None,
        }
    }

    /// The approval that this state rests on, if it rests on one.
    pub fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Pending { .. } => None,
            Self::Approved { approval, .. } | Self::LinkSent { approval, .. } => Some(approval),
            Self::Closed(closing) => closing.outcome.approval(),
        }
    }
}

impl Outcome {
    /// The approval that it rests on, if it rests on one.
    pub fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Redeemed { approval, .. } | Self::Expired { approval } => Some(approval),
            Self::Lapsed { approval } => approval.as_ref(),
            Self::Declined { .. } | Self::Withdrawn { .. } | Self::Revoked { .. } => None,
        }
    }
}

impl Vote {
    /// Whether it was said by whoever has this seat, or in the same place.
    pub(super) fn counts_for(&self, seat: &Seat) -> bool {
        let place = &self.in_place_of.as_ref().unwrap_or(&self.by).id;
        self.by.is_same_as(&seat.party) || place == seat.place()
    }
}

impl Approval {
    /// Who is answerable for it.
    pub fn people(&self) -> impl Iterator<Item = &Party> {
        let (votes, who) = match self {
            Self::Votes { votes } => (&votes[..], None),
            Self::BrokenGlass { who, .. } => (&[][..], Some(who)),
        };
        votes.iter().map(|vote| &vote.by).chain(who)
    }

    /// Since when it stands.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Votes { votes } => votes.last().map(|vote| vote.at),
            Self::BrokenGlass { at, .. } => Some(*at),
        }
    }
}

impl Request {
    /// The ticket that it belongs to.
    pub fn ticket_name(&self) -> Option<&TicketName> {
        self.ticket.as_ref().map(|then| &then.ticket)
    }

    /// Whether approvers say yes at the service desk, in the ticket that it belongs to.
    pub fn is_decided_at_desk(&self) -> bool {
        self.ticket.as_ref().is_some_and(|then| then.decided_there)
    }

    /// Whether somebody has the name of the desk's agent who raised the ticket, of whom nothing else is
    /// known: in doubt it is they.
    pub fn was_raised_by(&self, person: &Party) -> bool {
        let raised_by = self
            .ticket
            .as_ref()
            .and_then(|then| then.raised_by.as_ref());
        raised_by.is_some_and(|name| fold(name.trim()) == fold(person.name.trim()))
    }

    /// The requester and, where somebody else gets the key, the beneficiary.
    pub fn askers(&self) -> impl Iterator<Item = &Party> {
        let other = (self.beneficiary.id != self.requester.id).then_some(&self.requester);
        std::iter::once(&self.beneficiary).chain(other)
    }

    /// Everybody who has been asked to approve so far; once it is decided, everybody who could
    /// have been.
    pub fn asked(&self) -> impl Iterator<Item = &Seat> {
        let begun = match &self.state {
            State::Pending { begun, .. } => *begun,
            State::Approved { .. } | State::LinkSent { .. } | State::Closed(_) => usize::MAX,
        };
        self.panel.asked(begun)
    }

    /// The seat of somebody who has been asked to approve: their own, or else the one of whom they
    /// stand in for.
    pub fn seat_of(&self, person: &PersonId) -> Option<&Seat> {
        let theirs = || self.asked().filter(|seat| seat.party.id == *person);
        let own = theirs().find(|seat| seat.in_place_of.is_none());
        own.or_else(|| theirs().next())
    }

    /// The yeses so far; once it is over, those that had been said by then.
    pub fn votes(&self) -> &[Vote] {
        if let Some(Approval::Votes { votes }) = self.state.approval() {
            return votes;
        }
        match &self.state {
            State::Pending { votes, .. } => votes,
            State::Closed(closing) => &closing.votes,
            State::Approved { .. } | State::LinkSent { .. } => &[],
        }
    }

    /// The yes that was said by whoever has this seat, or in the same place: each counts once.
    pub fn vote_of(&self, seat: &Seat) -> Option<&Vote> {
        self.votes().iter().find(|vote| vote.counts_for(seat))
    }

    /// The stages that have not begun, with the moments at which they will.
    pub fn to_come(&self) -> impl Iterator<Item = (Timestamp, &Turn)> {
        let begun = match &self.state {
            State::Pending { begun, .. } => *begun,
            State::Approved { .. } | State::LinkSent { .. } | State::Closed(_) => usize::MAX,
        };
        let later = self.panel.later().iter().skip(begun);
        later.map(|stage| (self.begins_at(stage), &stage.turn))
    }

    /// When a stage of the panel begins.
    pub(super) fn begins_at(&self, stage: &Stage) -> Timestamp {
        let at = self.made_at.saturating_add(stage.after);
        at.unwrap_or(Timestamp::MAX)
    }

    /// Whether the time of its state has run out, recorded or not. So it has where it ends later than its
    /// term leads to from now: it was begun by a clock that was ahead, and nobody knows when.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let Terms {
            decide_within,
            deliver_within,
            link_valid_for,
            ..
        } = self.terms;
        match &self.state {
            State::Pending { lapses_at, .. } => has_ended(*lapses_at, decide_within, now),
            State::Approved { deliver_by, .. } => has_ended(*deliver_by, deliver_within, now),
            State::LinkSent { expires_at, .. } => has_ended(*expires_at, link_valid_for, now),
            State::Closed(_) => false,
        }
    }

    /// Whether this person asked or gets the key.
    pub fn concerns(&self, person: &Party) -> bool {
        self.askers().any(|asker| asker.id == person.id)
    }
}
