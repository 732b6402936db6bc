//! A directory in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::{INTERNALS, locked};
use crate::beginnings::Beginning;
use crate::devices::Device;
use crate::people::{MailAddress, Person, PersonId};
use crate::ports::{Directory, DirectoryError, Finding, GroupName, MOST_FOUND, PersonQuery};

/// A directory in memory. People are added, changed and taken away at any time.
#[derive(Default)]
pub struct MemoryDirectory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    people: Vec<Known>,
    devices: Vec<Device>,
    groups: Vec<(String, Vec<PersonId>)>,
    nested: Vec<(String, String)>,
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

    /// Puts a group into another.
    pub fn nest_group(&self, inner: &str, outer: &str) {
        let pair = (inner.to_owned(), outer.to_owned());
        locked(&self.0).nested.push(pair);
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

    /// The group of this name and all groups in it, however deep; none where there is none.
    fn groups_in(&self, name: &str) -> Vec<&(String, Vec<PersonId>)> {
        let group = |name: &str| {
            let mut groups = self.groups.iter();
            groups.find(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let mut found: Vec<_> = group(name).into_iter().collect();
        let mut at = 0;
        while let Some((outer, _)) = found.get(at) {
            let inner = self.nested.iter().filter(|(_, it)| it == outer);
            for group in inner.filter_map(|(inner, _)| group(inner)) {
                if !found.iter().any(|known| known.0 == group.0) {
                    found.push(group);
                }
            }
            at += 1;
        }
        found
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
            let groups = inner.groups_in(&group.0);
            let is_in = |id: &PersonId| groups.iter().any(|(_, members)| members.contains(id));
            let people = inner.people.iter().map(|known| &known.person);
            let people = people.filter(|person| is_in(&person.id)).cloned();
            (!groups.is_empty()).then(|| by_name(people.collect()))
        })
        .await
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        let Some(beginning) = Beginning::parse(text) else {
            return Ok(Vec::new());
        };
        self.read(|inner| {
            let fits = |known: &&Known| {
                let mail = known.person.mail.as_ref().map(MailAddress::as_str);
                let mut addresses = mail.into_iter().chain([known.login.as_str()]);
                beginning.is_of_name(&known.person.name)
                    || addresses.any(|text| beginning.is_of(text))
            };
            let people = inner.people.iter().filter(fits);
            let mut found = by_name(people.map(|known| known.person.clone()).collect());
            found.truncate(limit.min(MOST_FOUND));
            found
        })
        .await
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::ok("The directory is in memory")]
    }
}

fn by_name(mut people: Vec<Person>) -> Vec<Person> {
    people.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    people
}
