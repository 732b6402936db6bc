//! Which roles somebody has: what their session claims, and what the directory says, which is
//! remembered for a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::panel::one_group;
use super::{Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry};
use crate::people::PersonId;
use crate::ports::{DirectoryError, PersonQuery, Session};
use crate::roles::{Role, Roles};

/// How long an answer of the directory is believed.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(1);
/// From so many people on, what is remembered is thrown away.
const MANY: usize = 1024;

/// What the directory has said of people.
#[derive(Default)]
pub(super) struct Standings(Mutex<HashMap<PersonId, Remembered>>);

/// What the directory says of somebody.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// Whether the account is there, enabled, and has a mail address.
    is_fit: bool,
    /// The roles that groups give.
    roles: Roles,
}

/// A standing, and when it was asked for.
struct Remembered {
    at: Timestamp,
    standing: Standing,
}

impl Broker {
    /// The roles of whoever is signed in. Nobody is asked where nothing could give any. An account
    /// that is gone or disabled has none, whatever its session claims.
    ///
    /// A group that is not there gives nobody its role.
    ///
    /// # Errors
    /// Where the directory does not answer.
    pub async fn roles_of(&self, session: &Session) -> Result<Roles, Unavailable> {
        let claimed = self.parts.roles.claimed(&session.claims);
        if claimed.is_empty() && self.parts.roles.groups().next().is_none() {
            return Ok(Roles::default());
        }
        let standing = self.standing_of(&session.person.id).await?;
        Ok(if standing.is_fit {
            claimed.and(&standing.roles)
        } else {
            Roles::default()
        })
    }

    /// Writes down that somebody wanted a page that their roles do not lead to. The route is a
    /// pattern, and no path.
    pub async fn refuse_access(
        &self,
        session: &Session,
        route: &str,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let event = Event::AccessRefused {
            route: route.to_owned(),
        };
        let actor = Actor::Person(session.person.clone());
        self.record(LogEntry::of_nothing(event, actor, source, self.now()))
            .await
    }

    async fn standing_of(&self, person: &PersonId) -> Result<Standing, Unavailable> {
        let now = self.now();
        if let Some(standing) = self.standings.recall(person, now) {
            return Ok(standing);
        }
        let standing = in_time("the directory", self.ask_standing(person)).await?;
        self.standings.remember(person, now, standing.clone());
        Ok(standing)
    }

    async fn ask_standing(&self, person: &PersonId) -> Result<Standing, DirectoryError> {
        let found = self
            .parts
            .directory
            .person(&PersonQuery::Id(person.clone()))
            .await?;
        if found.is_none_or(|person| person.party().is_err()) {
            return Ok(Standing::default());
        }
        let asked = self.parts.roles.groups().map(async |(role, group)| {
            let asked = self.parts.directory.is_member(person, group).await;
            let is_member = one_group(asked)?;
            if is_member.is_none() {
                unknown_group(role);
            }
            Ok(is_member.unwrap_or_default().then_some(role))
        });
        let answers = join_all(asked).await.into_iter();
        let roles: Result<Vec<_>, DirectoryError> = answers.collect();
        Ok(Standing {
            is_fit: true,
            roles: roles?.into_iter().flatten().collect(),
        })
    }
}

fn unknown_group(role: Role) {
    tracing::warn!(
        setting = role.setting(),
        "a group of [roles] is unknown and gives nobody the role; run `clavis check`"
    );
}

impl Standings {
    fn recall(&self, person: &PersonId, now: Timestamp) -> Option<Standing> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = all.get(person).filter(|it| it.holds(now))?;
        Some(remembered.standing.clone())
    }

    fn remember(&self, person: &PersonId, at: Timestamp, standing: Standing) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, it| it.holds(at));
        }
        if all.len() >= MANY {
            all.clear();
        }
        all.insert(person.clone(), Remembered { at, standing });
    }
}

impl Remembered {
    /// A clock that has gone back makes nothing hold for longer.
    fn holds(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.at + REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::monday;

    #[test]
    fn what_is_remembered_has_a_bound() {
        let standings = Standings::default();
        let person = |n: usize| PersonId(n.to_string());
        for n in 0..=MANY {
            standings.remember(&person(n), monday(), Standing::default());
        }
        assert!(standings.recall(&person(MANY), monday()).is_some());
        assert_eq!(standings.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_remembered_from_the_future_or_for_longer_than_a_minute() {
        let standings = Standings::default();
        let (anna, second) = (PersonId("anna".into()), SignedDuration::from_secs(1));
        standings.remember(&anna, monday(), Standing::default());
        assert!(standings.recall(&anna, monday()).is_some());
        assert!(
            standings
                .recall(&anna, monday() + REMEMBERED - second)
                .is_some()
        );
        assert!(standings.recall(&anna, monday() + REMEMBERED).is_none());
        assert!(standings.recall(&anna, monday() - second).is_none());
    }
}
