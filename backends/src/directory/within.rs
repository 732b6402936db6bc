//! A directory of which only those people take part whose addresses are the organisation's own.

use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::Device;
use clavis_broker::mail_domains::MailDomains;
use clavis_broker::people::{Person, PersonId};
use clavis_broker::ports::{
    Directory, DirectoryError, Finding, GroupName, MOST_FOUND, PersonQuery,
};

/// A directory whose people have an address within these mail domains, or none. Who has one elsewhere
/// is not there.
pub struct WithinDomains {
    directory: Arc<dyn Directory>,
    domains: MailDomains,
}

impl WithinDomains {
    /// The people of this directory, within these domains.
    pub fn new(directory: Arc<dyn Directory>, domains: MailDomains) -> Self {
        Self { directory, domains }
    }

    /// A person, unless their address is elsewhere. Every person that is given on goes through here.
    fn own(&self, person: Person) -> Option<Person> {
        let is_own = person
            .mail
            .as_ref()
            .is_none_or(|mail| self.domains.allows(mail));
        is_own.then_some(person)
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
        Ok(found.and_then(|person| self.own(person)))
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        let found = self.directory.manager(of).await?;
        Ok(found.and_then(|person| self.own(person)))
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        let query = PersonQuery::Id(person.clone());
        match self.person(&query).await? {
            Some(_) => self.directory.devices_of(person).await,
            None => Ok(Vec::new()),
        }
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        let found = self.directory.members(group).await?;
        let own = |people: Vec<Person>| people.into_iter().filter_map(|it| self.own(it)).collect();
        Ok(found.map(own))
    }

    async fn is_member(
        &self,
        person: &PersonId,
        group: &GroupName,
    ) -> Result<Option<bool>, DirectoryError> {
        self.directory.is_member(person, group).await
    }

    /// As many as the directory gives are looked through, so that others hide fewer.
    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        let found = self.directory.search(text, MOST_FOUND).await?;
        let own = found.into_iter().filter_map(|person| self.own(person));
        Ok(own.take(limit).collect())
    }

    async fn check(&self) -> Vec<Finding> {
        self.directory.check().await
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::people::MailAddress;
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
        assert_eq!(ways, [const { None }; 4]);
        let mona = PersonId("mona".to_owned());
        assert_eq!(own.devices_of(&mona).await.unwrap(), []);
        assert_eq!(own.search("mona", 9).await.unwrap(), []);
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
