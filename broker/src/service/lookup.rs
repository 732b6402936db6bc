//! What agents find: people and devices. That they looked is in the log before they see anything.

use std::net::IpAddr;

use futures_util::future::join_all;

use super::{Broker, Unavailable, in_time};
use crate::audit::{Actor, Event, LogEntry};
use crate::devices::{BackendName, Device, Owner};
use crate::lifecycle::Request;
use crate::people::{Person, PersonId};
use crate::ports::PersonQuery;
use crate::roles::Agent;
use crate::text::Asset;

/// The most people, and the most devices, that a search finds.
const MOST: usize = 20;

/// What a text has led to.
#[derive(Debug, Clone)]
pub struct Found {
    /// People, enabled or not; none where the directory does not answer.
    pub people: Option<Vec<Person>>,
    /// Devices of exactly that name, or the like.
    pub devices: Vec<FoundDevice>,
    /// The backends that did not answer: devices that only they know are not among these.
    pub unanswered: Vec<BackendName>,
}

/// A device, and whom it belongs to.
#[derive(Debug, Clone)]
pub struct FoundDevice {
    /// The device.
    pub device: Device,
    /// Its owners, as far as the directory knows them.
    pub owners: Vec<Person>,
}

/// What an agent sees of a person.
#[derive(Debug, Clone)]
pub struct PersonView {
    /// Who it is.
    pub person: Person,
    /// Their devices; none where the directory does not answer.
    pub devices: Option<Vec<Device>>,
    /// The latest requests that they made or that are for them, newest first.
    pub requests: Vec<Request>,
}

impl Broker {
    /// The most people, and the most devices, that an agent's search finds.
    pub const MOST_FOUND: usize = MOST;

    /// People whose name or address begins with a text, and devices that it names.
    pub async fn look_for(
        &self,
        agent: &Agent,
        text: &str,
        source: Option<IpAddr>,
    ) -> Result<Found, Unavailable> {
        let (people, (devices, unanswered)) =
            tokio::join!(self.people_by(text), self.devices_by(text));
        let text = text.to_owned();
        self.record_sight(Event::DeskSearched { text }, agent, source)
            .await?;
        Ok(Found {
            people,
            devices,
            unanswered,
        })
    }

    /// A person with their devices and requests. `None` where the directory knows nobody of that
    /// ID.
    pub async fn look_at(
        &self,
        agent: &Agent,
        id: &PersonId,
        source: Option<IpAddr>,
    ) -> Result<Option<PersonView>, Unavailable> {
        let Some(person) = self.person_of(agent, id).await? else {
            return Ok(None);
        };
        let devices = self.devices_of(id).await;
        if let Err(error) = &devices {
            let error: &(dyn std::error::Error + 'static) = error;
            tracing::warn!(error, "a person's devices could not be listed");
        }
        let requests = self.requests_of(id).await?;
        let looked = Event::DeskPersonViewed {
            person: person.id.clone(),
            called: person.name.clone(),
        };
        self.record_sight(looked, agent, source).await?;
        Ok(Some(PersonView {
            person,
            devices: devices.ok(),
            requests,
        }))
    }

    /// Whom an agent means to ask for: their name and their address, and nothing else of them.
    pub async fn person_of(&self, _: &Agent, id: &PersonId) -> Result<Option<Person>, Unavailable> {
        let query = PersonQuery::Id(id.clone());
        in_time("the directory", self.parts.directory.person(&query)).await
    }

    async fn people_by(&self, text: &str) -> Option<Vec<Person>> {
        let searching = self.parts.directory.search(text, MOST);
        match in_time("the directory", searching).await {
            Ok(people) => Some(people),
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "people could not be searched");
                None
            }
        }
    }

    async fn devices_by(&self, text: &str) -> (Vec<FoundDevice>, Vec<BackendName>) {
        let Ok(asset) = Asset::parse(text) else {
            return (Vec::new(), Vec::new());
        };
        let answers = self.find_devices(&asset).await;
        let unanswered = answers.unanswered();
        let devices = answers.found.into_iter().take(MOST);
        let found = devices.map(async |device| {
            let device = if device.owners.is_empty() {
                self.with_owners(device).await
            } else {
                device
            };
            let owners = device.owners.iter().map(|owner| self.known_owner(owner));
            let owners = join_all(owners).await.into_iter().flatten().collect();
            FoundDevice { device, owners }
        });
        (join_all(found).await, unanswered)
    }

    /// An owner as the directory knows them, by the first of their IDs that it knows.
    async fn known_owner(&self, owner: &Owner) -> Option<Person> {
        for id in &owner.0 {
            let query = PersonQuery::Id(id.clone());
            let found = in_time("the directory", self.parts.directory.person(&query)).await;
            if let Some(person) = found.ok().flatten() {
                return Some(person);
            }
        }
        None
    }

    async fn record_sight(
        &self,
        event: Event,
        agent: &Agent,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let actor = Actor::Person(agent.party().clone());
        self.record(LogEntry::of_nothing(event, actor, source, self.now()))
            .await
    }
}
