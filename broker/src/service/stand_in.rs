//! Being away: who decides in somebody's place, and until when.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry};
use crate::people::{MailAddress, Party, PersonQuery};
use crate::policy::StandIn;
use crate::ports::{Job, Write};

/// The longest that anybody is away.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 92);

/// Nobody stands in.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// The directory knows nobody by that address, or several, or their account is disabled.
    #[error("nobody by that address can stand in")]
    Unknown,
    /// The account of who is away is disabled or has no mail address.
    #[error("the account may not say so")]
    Unfit,
    /// It is the person themselves, or another account that reads their mail.
    #[error("nobody stands in for themselves")]
    Yourself,
    /// The end is not in the future.
    #[error("the end is in the past")]
    Past,
    /// The end is too far off.
    #[error("the end is more than three months off")]
    TooLong,
    /// Something did not answer; nothing has changed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Broker {
    /// Who stands in for a person, if somebody does.
    pub async fn stand_in_of(&self, person: &Party) -> Result<Option<StandIn>, Unavailable> {
        let said = self.parts.store.stand_in(&person.id).await?;
        Ok(said.filter(|it| it.holds_at(self.now())))
    }

    /// Says who decides in a person's place, and until when. It replaces what they said before, and
    /// both get a letter.
    pub async fn set_stand_in(
        &self,
        person: &Party,
        by: MailAddress,
        until: Timestamp,
        source: Option<IpAddr>,
    ) -> Result<StandIn, StandInError> {
        let now = self.now();
        if until <= now {
            return Err(StandInError::Past);
        }
        if until > now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX) {
            return Err(StandInError::TooLong);
        }
        let person = self.one_person(&PersonQuery::Id(person.id.clone())).await?;
        let person = person.and_then(|person| person.party().ok());
        let person = &person.ok_or(StandInError::Unfit)?;
        let found = self.one_person(&PersonQuery::Mail(by)).await?;
        let by = found.and_then(|person| person.party().ok());
        let by = by.ok_or(StandInError::Unknown)?;
        if by.is_same_as(person) {
            return Err(StandInError::Yourself);
        }
        let stand_in = StandIn {
            of: person.clone(),
            by: by.clone(),
            until,
        };
        if self.stand_in_of(person).await?.as_ref() == Some(&stand_in) {
            return Ok(stand_in);
        }
        let event = Event::StandInSet { by, until };
        let mut change = vec![
            Write::SetStandIn(Box::new(stand_in.clone())),
            self.stand_in_row(event, person, source),
        ];
        for to in [&stand_in.of, &stand_in.by] {
            let job = Job::StandIn {
                to: to.clone(),
                stand_in: Box::new(stand_in.clone()),
            };
            change.push(self.enqueue_job(job, now));
        }
        self.commit(change).await.map_err(Unavailable::from)?;
        Ok(stand_in)
    }

    /// Says that a person is back.
    pub async fn end_stand_in(
        &self,
        person: &Party,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        if self.parts.store.stand_in(&person.id).await?.is_none() {
            return Ok(());
        }
        let row = self.stand_in_row(Event::StandInEnded, person, source);
        let change = vec![Write::EndStandIn(person.id.clone()), row];
        Ok(self.commit(change).await?)
    }

    fn stand_in_row(&self, event: Event, person: &Party, source: Option<IpAddr>) -> Write {
        let actor = Actor::Person(person.clone());
        self.log(&LogEntry::of_nothing(event, actor, source, self.now()))
    }
}
