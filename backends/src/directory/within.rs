//! A directory of which only those people take part whose addresses are the organisation's own.

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::Device;
use clavis_broker::mail_domains::MailDomains;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::{Directory, DirectoryError, Finding, GroupName, PersonQuery};

/// A directory whose people have an address only within these mail domains. Who has none takes part
/// in nothing, and nobody is found by an address elsewhere.
pub struct WithinDomains {
    directory: Arc<dyn Directory>,
    domains: MailDomains,
}

impl WithinDomains {
    /// The people of this directory, within these domains.
    pub fn new(directory: Arc<dyn Directory>, domains: MailDomains) -> Self {
        Self { directory, domains }
    }

    /// A person, without an address elsewhere. Every person that is given on goes through here.
    fn own(&self, person: Person) -> Person {
        let mail = person.mail.filter(|mail| self.domains.allows(mail));
        Person { mail, ..person }
    }
}

#[async_trait]
impl Directory for WithinDomains {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        if let PersonQuery::Mail(mail) = query
            && !self.domains.allows(mail)
        {
            return Ok(None);
        }
        let found = self.directory.person(query).await?;
        Ok(found.map(|person| self.own(person)))
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        let found = self.directory.manager(of).await?;
        Ok(found.map(|person| self.own(person)))
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        self.directory.devices_of(person).await
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        let found = self.directory.members(group).await?;
        Ok(found.map(|people| people.into_iter().map(|person| self.own(person)).collect()))
    }

    async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, DirectoryError> {
        self.directory.is_member(person, group).await
    }

    /// Who has no address within the domains is not found: nothing can be done for them.
    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        let found = self.directory.search(text, limit).await?;
        let is_own =
            |person: &Person| person.mail.is_none() || self.own(person.clone()).mail.is_some();
        Ok(found.into_iter().filter(is_own).collect())
    }

    async fn check(&self) -> Vec<Finding> {
        self.directory.check().await
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::people::{MailAddress, Unfit};
    use clavis_broker::testing::MemoryDirectory;

    use super::*;

    const GROUP: &str = "Help Desk";

    fn person(id: &str, mail: &str) -> Person {
        Person {
            id: PersonId(id.to_owned()),
            name: id.to_owned(),
            mail: Some(MailAddress::parse(mail).unwrap()),
            enabled: true,
            unit: None,
        }
    }

    /// Anna, whose manager is elsewhere, and a group of both.
    fn directory() -> Arc<MemoryDirectory> {
        let directory = MemoryDirectory::default();
        let manager = person("mona", "mona@example.org");
        directory.add(
            person("anna", "anna@Example.com"),
            "anna",
            Some(manager.id.clone()),
        );
        directory.add(manager, "mona", None);
        let members = ["anna", "mona"].map(|id| PersonId(id.to_owned()));
        directory.add_group(GROUP, members.to_vec());
        Arc::new(directory)
    }

    fn within(directory: Arc<MemoryDirectory>, domain: &str) -> WithinDomains {
        WithinDomains::new(directory, MailDomains::new(vec![domain.parse().unwrap()]))
    }

    #[tokio::test]
    async fn somebody_elsewhere_takes_part_by_no_way_that_leads_to_them() {
        let own = within(directory(), "example.com");
        let group = GroupName(GROUP.to_owned());
        let id = PersonQuery::Id(PersonId("mona".to_owned()));
        let login = PersonQuery::Login("mona".to_owned());
        let members = own.members(&group).await.unwrap().expect("the group");
        let ways = [
            own.person(&id).await.unwrap(),
            own.person(&login).await.unwrap(),
            own.manager(&PersonId("anna".to_owned())).await.unwrap(),
            members.into_iter().find(|member| member.name == "mona"),
        ];
        for found in ways {
            let found = found.expect("she is in the directory");
            assert_eq!(found.party(), Err(Unfit::NoMail));
        }
        let mail = PersonQuery::Mail(MailAddress::parse("mona@example.org").unwrap());
        assert_eq!(own.person(&mail).await.unwrap(), None);
    }

    #[tokio::test]
    async fn who_is_within_takes_part() {
        let own = within(directory(), "example.com");
        let group = GroupName(GROUP.to_owned());
        let members = own.members(&group).await.unwrap().expect("the group");
        let mail = PersonQuery::Mail(MailAddress::parse("ANNA@example.com").unwrap());
        let found = own.person(&mail).await.unwrap().expect("anna");
        assert!(found.party().is_ok() && members.contains(&found));
    }

    #[tokio::test]
    async fn the_directory_is_not_asked_for_an_address_elsewhere() {
        let inner = directory();
        inner.break_down(true);
        let own = within(inner, "example.com");
        let foreign = PersonQuery::Mail(MailAddress::parse("anna@sub.example.com").unwrap());
        assert_eq!(own.person(&foreign).await.unwrap(), None);
        let within = PersonQuery::Mail(MailAddress::parse("anna@example.com").unwrap());
        own.person(&within).await.unwrap_err();
    }
}
