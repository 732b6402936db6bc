//! People, groups and owners of devices in Active Directory.

mod check;
mod people;
mod search;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::beginnings::Beginning;
use clavis_broker::devices::Device;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::{
    Clock, Directory, DirectoryError, Finding, GroupName, MOST_FOUND, PersonQuery,
};
use clavis_config::settings::AdDirectory;
use uuid::Uuid;

use crate::active_directory::{
    COMPUTER, Domain, Entry, PERSON, Scope, Search, Trouble, and, any_of, device,
    device_attributes, equal, equal_guid, tell_apart, within_group,
};

/// People in an Active Directory domain: accounts of class `user`. Their identifier is the
/// `objectGUID`, which outlives renaming and moving.
pub struct ActiveDirectoryPeople {
    domain: Domain,
    settings: AdDirectory,
    clock: Arc<dyn Clock>,
}

impl ActiveDirectoryPeople {
    /// The people of a domain. The clock tells which accounts have expired. Touches neither
    /// network nor disk: that happens at the first call.
    pub fn new(settings: AdDirectory, clock: Arc<dyn Clock>) -> Self {
        Self {
            domain: Domain::new(settings.domain.clone()),
            settings,
            clock,
        }
    }

    async fn base(&self) -> Result<&str, Trouble> {
        match &self.settings.search_base {
            Some(base) => Ok(base),
            None => self.domain.root().await,
        }
    }

    /// The one person for whom the filter holds.
    async fn one(
        &self,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Option<Entry>, DirectoryError> {
        let base = self.base().await?;
        let search = Search::new(base, Scope::Subtree, and(PERSON, filter), attributes);
        only(self.domain.search(&search.at_most(2)).await?)
    }

    fn person(&self, entry: &Entry) -> Result<Person, DirectoryError> {
        Ok(people::person(entry, self.clock.now())?)
    }

    /// These accounts as people, by their names.
    fn people(&self, entries: &[Entry]) -> Result<Vec<Person>, DirectoryError> {
        let people: Result<Vec<_>, _> = entries.iter().map(|entry| self.person(entry)).collect();
        let mut people = people?;
        people.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(people)
    }

    /// Accounts whose names begin so; no more than so many are asked for.
    async fn beginning(&self, with: &Beginning, most: usize) -> Result<Vec<Entry>, Trouble> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let filter = and(PERSON, &search::filter(with));
        let search = Search::new(
            self.base().await?,
            Scope::Subtree,
            filter,
            &people::ATTRIBUTES,
        );
        self.domain.search(&search.at_most(most)).await
    }

    async fn group(&self, name: &GroupName) -> Result<Option<Entry>, DirectoryError> {
        let ways = ["distinguishedName", "cn", "sAMAccountName"].map(|way| equal(way, &name.0));
        let filter = and("(objectCategory=group)", &any_of(&ways));
        let search = Search::new(self.base().await?, Scope::Subtree, filter, &["1.1"]);
        only(self.domain.search(&search.at_most(2)).await?)
    }
}

impl fmt::Debug for ActiveDirectoryPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveDirectoryPeople")
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Directory for ActiveDirectoryPeople {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        let filter = match query {
            PersonQuery::Id(id) => match by_id(id) {
                Some(filter) => filter,
                None => return Ok(None),
            },
            // `mail` alone: other addresses of a mailbox (`proxyAddresses`) may be somebody
            // else's `mail`.
            PersonQuery::Mail(mail) => equal("mail", mail.as_str()),
            PersonQuery::Login(name) => {
                any_of(&["userPrincipalName", "sAMAccountName"].map(|way| equal(way, name)))
            }
        };
        let found = self.one(&filter, &people::ATTRIBUTES).await?;
        found.map(|entry| self.person(&entry)).transpose()
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        let Some(filter) = by_id(of) else {
            return Ok(None);
        };
        let found = self.one(&filter, &["manager"]).await?;
        let Some(manager) = found.as_ref().and_then(|entry| entry.text("manager")) else {
            return Ok(None);
        };
        let manager = equal("distinguishedName", manager);
        let found = self.one(&manager, &people::ATTRIBUTES).await?;
        found.map(|entry| self.person(&entry)).transpose()
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        let (Some(escrow), Some(filter)) = (&self.settings.escrow, by_id(person)) else {
            return Ok(Vec::new());
        };
        let Some(owner) = self.one(&filter, &["1.1"]).await? else {
            return Ok(Vec::new());
        };
        let attribute = &self.settings.owner_attribute;
        let filter = and(COMPUTER, &equal(attribute, owner.dn()));
        let attributes = device_attributes(attribute);
        let search = Search::new(self.base().await?, Scope::Subtree, filter, &attributes);
        let found = self.domain.search(&search.with_guids()).await?;
        let devices: Result<_, _> = found
            .iter()
            .map(|entry| device(entry, escrow, attribute))
            .collect();
        Ok(tell_apart(devices?))
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        let Some(group) = self.group(group).await? else {
            return Ok(None);
        };
        let filter = and(PERSON, &within_group(group.dn()));
        let base = self.base().await?;
        let search = Search::new(base, Scope::Subtree, filter, &people::ATTRIBUTES);
        let found = self.domain.search(&search).await?;
        Ok(Some(self.people(&found)?))
    }

    async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, DirectoryError> {
        let Some(group) = self.group(group).await? else {
            return Ok(None);
        };
        let Some(person) = by_id(person) else {
            return Ok(Some(false));
        };
        // From the same object on as `members`, so that both have the same people in view.
        let filter = format!("{person}{}", within_group(group.dn()));
        Ok(Some(self.one(&filter, &["1.1"]).await?.is_some()))
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        let (Some(beginning), most @ 1..) = (Beginning::parse(text), limit.min(MOST_FOUND)) else {
            return Ok(Vec::new());
        };
        let mut found = self.people(&self.beginning(&beginning, most).await?)?;
        // Samba heeds no limit of a search that comes in pages.
        found.truncate(most);
        Ok(found)
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }
}

/// A filter by `objectGUID`; `None` for an identifier of another directory, whom nobody here is.
fn by_id(id: &PersonId) -> Option<String> {
    let guid = Uuid::parse_str(&id.0).ok()?;
    Some(equal_guid("objectGUID", guid))
}

fn only(mut found: Vec<Entry>) -> Result<Option<Entry>, DirectoryError> {
    if found.len() > 1 {
        return Err(DirectoryError::Ambiguous);
    }
    Ok(found.pop())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_matches_are_never_a_guess() {
        let entry = || Entry::of("CN=x", &[]);
        assert!(only(vec![]).unwrap().is_none());
        assert!(only(vec![entry()]).unwrap().is_some());
        let two = only(vec![entry(), entry()]);
        assert!(matches!(two, Err(DirectoryError::Ambiguous)));
    }

    #[test]
    fn identifiers_of_other_directories_fit_nobody() {
        assert_eq!(by_id(&PersonId("*".into())), None);
        assert!(by_id(&PersonId(Uuid::from_u128(7).to_string())).is_some());
    }
}
