//! People, groups and owners of devices in Entra ID.

mod check;
mod devices;
mod groups;
mod people;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::beginnings::Beginning;
use clavis_broker::devices::{BackendName, Device};
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::{
    Directory, DirectoryError, Finding, GroupName, MOST_FOUND, PersonQuery,
};
use uuid::Uuid;

use crate::entra::{Tenant, Trouble};

/// People in a tenant of Entra ID: its users, guests among them. Their identifier is the object
/// ID, which outlives renaming.
pub struct EntraPeople {
    tenant: Arc<Tenant>,
    escrow: Option<BackendName>,
}

impl EntraPeople {
    /// The people of a tenant, whose devices are those of this escrow backend; without one, no
    /// devices are listed. Touches neither network nor disk: that happens at the first call.
    pub fn new(tenant: Arc<Tenant>, escrow: impl Into<Option<BackendName>>) -> Self {
        let escrow = escrow.into();
        Self { tenant, escrow }
    }
}

impl fmt::Debug for EntraPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraPeople").finish_non_exhaustive()
    }
}

#[async_trait]
impl Directory for EntraPeople {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        match query {
            PersonQuery::Id(id) => match object_id(id) {
                Some(id) => Ok(people::by_id(&self.tenant, &id).await?),
                None => Ok(None),
            },
            PersonQuery::Mail(mail) => only(people::by_mail(&self.tenant, mail).await?),
            PersonQuery::Login(name) => only(people::by_login(&self.tenant, name).await?),
        }
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        match object_id(of) {
            Some(id) => Ok(people::manager(&self.tenant, &id).await?),
            None => Ok(None),
        }
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        let (Some(escrow), Some(id)) = (&self.escrow, object_id(person)) else {
            return Ok(Vec::new());
        };
        // Several questions at once are too much for the caller's own stack.
        Ok(Box::pin(devices::of(&self.tenant, escrow, &id)).await?)
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        match only(groups::find(&self.tenant, group).await?)? {
            Some(id) => Ok(Some(groups::members(&self.tenant, &id).await?)),
            None => Ok(None),
        }
    }

    async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, DirectoryError> {
        let Some(group) = only(groups::find(&self.tenant, group).await?)? else {
            return Ok(None);
        };
        match object_id(person) {
            Some(person) => Ok(Some(groups::holds(&self.tenant, &group, &person).await?)),
            None => Ok(Some(false)),
        }
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        match (Beginning::parse(text), limit.min(MOST_FOUND)) {
            (Some(beginning), most @ 1..) => {
                Ok(people::search(&self.tenant, &beginning, most).await?)
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.tenant).await
    }
}

/// An identifier as Graph writes it; `None` for one of another directory, whom nobody here is.
fn object_id(id: &PersonId) -> Option<String> {
    let id = Uuid::parse_str(&id.0).ok()?;
    Some(id.as_hyphenated().to_string())
}

fn only<T>(mut found: Vec<T>) -> Result<Option<T>, DirectoryError> {
    if found.len() > 1 {
        return Err(DirectoryError::Ambiguous);
    }
    Ok(found.pop())
}

/// What it means that of an object no more than its ID was answered: what the application may
/// not read comes without an error
/// (<https://learn.microsoft.com/graph/permissions-overview>, inaccessible member objects).
fn unreadable(needs: &'static str) -> Trouble {
    Trouble::Forbidden {
        needs,
        answer: crate::entra::Answer {
            status: 200,
            code: String::new(),
            request_id: String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_matches_are_never_a_guess() {
        assert_eq!(only::<u8>(vec![]).unwrap(), None);
        assert_eq!(only(vec![1]).unwrap(), Some(1));
        assert!(matches!(only(vec![1, 1]), Err(DirectoryError::Ambiguous)));
    }

    #[test]
    fn identifiers_of_other_directories_fit_nobody() {
        let id = |text: &str| object_id(&PersonId(text.into()));
        let upper = "1AB40AB2-32A8-4B00-B6B5-BA724E407DE9";
        assert_eq!(id(upper), Some(upper.to_lowercase()));
        for other in ["", "*", "adele@example.com", "S-1-5-21-1"] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}
