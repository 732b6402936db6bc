//! A directory in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::{INTERNALS, locked};
use crate::devices::Device;
use crate::people::{Person, PersonId};
use crate::ports::{Directory, DirectoryError, Finding, GroupName, PersonQuery};

/// A directory in memory. People are added, changed and taken away at any time.
#[derive(Default)]
pub struct MemoryDirectory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    people: Vec<Known>,
    devices: Vec<Device>,
    groups: Vec<(String, Vec<PersonId>)>,
    is_broken: bool,
}

struct Known {
    person: Person,
    login: String,
    manager: Option<PersonId>,
}

impl MemoryDirectory {
    /// Adds a person with this sign-in name, and this person for a manager.
    pub fn add(&self, person: Person, login: &str, manager: Option<PersonId>) {
        locked(&self.0).people.push(Known {
            person,
            login: login.to_owned(),
            manager,
        });
    }

    /// Changes what is known of a person.
    pub fn change(&self, id: &PersonId, change: impl FnOnce(&mut Person)) {
        let mut inner = locked(&self.0);
        let known = inner.people.iter_mut().find(|it| it.person.id == *id);
        change(&mut known.expect("a person of the twin").person);
    }

    /// Adds a device, which is its owners'.
    pub fn add_device(&self, device: Device) {
        locked(&self.0).devices.push(device);
    }

    /// Adds a group of these members.
    pub fn add_group(&self, name: &str, members: Vec<PersonId>) {
        locked(&self.0).groups.push((name.to_owned(), members));
    }

    /// Changes the members of a group.
    pub fn set_group(&self, name: &str, members: Vec<PersonId>) {
        let mut inner = locked(&self.0);
        inner.groups.retain(|(it, _)| it != name);
        inner.groups.push((name.to_owned(), members));
    }

    /// Changes whose manager somebody is.
    pub fn set_manager(&self, of: &PersonId, manager: Option<PersonId>) {
        let mut inner = locked(&self.0);
        let known = inner.people.iter_mut().find(|it| it.person.id == *of);
        known.expect("a person of the twin").manager = manager;
    }

    /// Fails at everything from now, or works again.
    pub fn break_down(&self, is_broken: bool) {
        locked(&self.0).is_broken = is_broken;
    }

    async fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> Result<T, DirectoryError> {
        tokio::task::yield_now().await;
        let inner = locked(&self.0);
        if inner.is_broken {
            return Err(DirectoryError::Unavailable(INTERNALS.into()));
        }
        Ok(look(&inner))
    }
}

impl Inner {
    fn person(&self, id: &PersonId) -> Option<&Known> {
        self.people.iter().find(|known| known.person.id == *id)
    }
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        let fits = |known: &&Known| match query {
            PersonQuery::Id(id) => known.person.id == *id,
            PersonQuery::Mail(mail) => known.person.mail.as_ref() == Some(mail),
            PersonQuery::Login(name) => known.login.eq_ignore_ascii_case(name),
        };
        self.read(|inner| {
            let mut fitting = inner.people.iter().filter(fits);
            match (fitting.next(), fitting.next()) {
                (Some(_), Some(_)) => Err(DirectoryError::Ambiguous),
                (found, _) => Ok(found.map(|known| known.person.clone())),
            }
        })
        .await?
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        self.read(|inner| {
            let manager = inner.person(of)?.manager.as_ref()?;
            Some(inner.person(manager)?.person.clone())
        })
        .await
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        self.read(|inner| {
            let devices = inner.devices.iter();
            let mut theirs: Vec<_> = devices
                .filter(|device| device.is_owned_by(person))
                .cloned()
                .collect();
            theirs.sort_by(|one, other| one.name.cmp(&other.name));
            theirs
        })
        .await
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        self.read(|inner| {
            let mut groups = inner.groups.iter();
            let (_, members) = groups.find(|(name, _)| name.eq_ignore_ascii_case(&group.0))?;
            let people = members.iter().filter_map(|id| inner.person(id));
            let mut people: Vec<_> = people.map(|known| known.person.clone()).collect();
            people.sort_by(|one, other| one.name.cmp(&other.name));
            Some(people)
        })
        .await
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("The directory is in memory")]
    }
}
