//! Reviewing a request by the link that was mailed to an approver.

use std::net::IpAddr;

use super::{AdvanceError, Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry};
use crate::lifecycle::{Command, Refusal, Request};
use crate::people::{Party, PersonId};
use crate::policy::authorise;
use crate::ports::{LinkKind, PersonQuery, StoredRequest};
use crate::text::Comment;
use crate::tokens::PlainToken;

/// What an approver sees.
#[derive(Debug, Clone)]
pub struct Review {
    /// The request, decided or not.
    pub request: Request,
    /// Whose link it is.
    pub approver: Party,
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

/// A review came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No such link: the same for every stranger.
    #[error("there is no such link")]
    Unknown,
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
        source: Option<IpAddr>,
    ) -> Result<Review, ReviewError> {
        let (stored, approver) = self.review_link(token).await?;
        let actor = Actor::Holder(approver.clone());
        self.record(LogEntry::of_request(
            &stored.request,
            Event::ReviewOpened,
            actor,
            source,
            self.now(),
        ))
        .await?;
        Ok(Review {
            request: stored.request,
            approver,
        })
    }

    /// Decides a request by a review link.
    pub async fn decide(
        &self,
        token: &PlainToken,
        choice: Choice,
        comment: Option<Comment>,
        source: Option<IpAddr>,
    ) -> Result<Request, ReviewError> {
        let (stored, approver) = self.review_link(token).await?;
        let actor = Actor::Holder(approver.clone());
        let name = match choice {
            Choice::Approve => "approve",
            Choice::Decline => "decline",
        };
        // The approver is looked up anew: an account disabled since may not decide.
        let query = PersonQuery::Id(approver.id);
        let person = in_time("the directory", self.parts.directory.person(&query)).await?;
        let judged = person
            .ok_or(Refusal::NotConcerned)
            .and_then(|person| authorise(&stored.request, &person));
        let by = match judged {
            Ok(by) => by,
            Err(why) => {
                self.record_refusal(&stored.request, name, why, &actor, source)
                    .await?;
                return Err(why.into());
            }
        };
        let command = match choice {
            Choice::Approve => Command::Approve { by, comment },
            Choice::Decline => Command::Decline { by, comment },
        };
        match self
            .advance_or_record(stored, &command, name, &actor, source)
            .await
        {
            Ok(request) => Ok(request),
            Err(AdvanceError::Refused(why)) => Err(why.into()),
            Err(AdvanceError::Unavailable(error)) => Err(error.into()),
        }
    }

    async fn review_link(&self, token: &PlainToken) -> Result<(StoredRequest, Party), ReviewError> {
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
        let approver = party(&stored.request.asked, &approver).ok_or(ReviewError::Unknown)?;
        Ok((stored, approver))
    }
}

fn party(asked: &[Party], id: &PersonId) -> Option<Party> {
    asked.iter().find(|party| party.id == *id).cloned()
}
