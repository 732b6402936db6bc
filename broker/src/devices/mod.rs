//! Devices as escrow backends know them, and what is known of their keys without the keys.
//!
//! One machine may be known to several backends. What each of them says is put together in
//! [`together`]; which of its keys a request is for is decided in [`selection`]; and which names
//! a backend is asked about in [`names`].

mod names;
mod selection;
mod together;

use std::fmt;

pub use names::{NamePattern, NotAPattern, Serves};
pub use selection::{Selection, select, uncovered, volume_label};
pub use together::{link, merge};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keys::KeyId;
use crate::people::PersonId;

/// The name that the configuration gives to an escrow backend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackendName(pub String);

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One device in one backend: the backend's own unchanging identifier of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId {
    /// Which backend knows it.
    pub backend: BackendName,
    /// How that backend names it (Active Directory: the `objectGUID`).
    pub native: String,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.native)
    }
}

/// A device that an asset resolved to: as one backend knows it, or as several do once their
/// answers are [linked](link).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where it is escrowed.
    pub id: DeviceId,
    /// Where else the same machine is escrowed. Backends leave it empty.
    pub also: Vec<DeviceId>,
    /// The ID by which directories know it for one machine, whatever it is called in them: the
    /// `objectGUID` of the computer in Active Directory, which Entra ID keeps as the `deviceId` of
    /// the device that was synchronised from it.
    pub shared_id: Option<Uuid>,
    /// The name to show.
    pub name: String,
    /// What tells it from another device of the same name: a DNS name, a place in the directory.
    pub detail: Option<String>,
    /// Other names that the same machine has in other places. Backends leave it empty.
    pub also_named: Vec<String>,
    /// Whom the backends say it belongs to.
    pub owners: Vec<Owner>,
    /// Where it lies in the directories that know it, as they write it: the distinguished name of
    /// its container in each. Empty where none of them has such a tree. It makes no device another.
    #[serde(default)]
    pub units: Vec<String>,
}

/// Somebody whom a backend calls the owner of a device, by every ID that a directory may know
/// them by: an account that is synchronised has one in each. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub Vec<PersonId>);

impl Owner {
    /// Whether it is this person.
    pub fn is(&self, person: &PersonId) -> bool {
        self.0.contains(person)
    }

    /// Whether both are one person, as far as their IDs tell.
    fn is_same_as(&self, other: &Self) -> bool {
        self.0.iter().any(|id| other.is(id))
    }

    /// Puts the owner behind these, unless they are among them.
    pub fn add_to(self, owners: &mut Vec<Self>) {
        if !owners.iter().any(|known| known.is_same_as(&self)) {
            owners.push(self);
        }
    }
}

impl From<PersonId> for Owner {
    fn from(id: PersonId) -> Self {
        Self(vec![id])
    }
}

impl Device {
    /// Everywhere that it is escrowed.
    pub fn places(&self) -> impl Iterator<Item = &DeviceId> {
        std::iter::once(&self.id).chain(&self.also)
    }

    /// What is the same of one machine, whichever of its backends answered: two requests for it
    /// are for one device.
    pub fn identity(&self) -> String {
        match self.machine() {
            Some(shared) => shared.as_hyphenated().to_string(),
            None => self.id.to_string(),
        }
    }

    /// Whether the machine belongs to this person, as far as the backends say.
    pub fn is_owned_by(&self, person: &PersonId) -> bool {
        self.owners.iter().any(|owner| owner.is(person))
    }

    /// Whether it belongs to somebody else, alone or beside this person.
    pub fn is_owned_by_others_than(&self, person: &PersonId) -> bool {
        self.owners.iter().any(|owner| !owner.is(person))
    }

    /// The ID that makes it one machine with others, where it is one: what tables write for "none"
    /// is none.
    fn machine(&self) -> Option<Uuid> {
        self.shared_id.filter(|id| !id.is_nil() && !id.is_max())
    }
}

/// What kind of volume a key opens, as far as the backend says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    /// The drive that the operating system starts from.
    OperatingSystem,
    /// Another built-in drive.
    FixedData,
    /// A removable drive.
    RemovableData,
    /// The backend does not say (Active Directory never does).
    Unknown,
}

/// What a backend knows about one key without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscrowRecord {
    /// The key's identifier, which the locked screen shows.
    pub key_id: KeyId,
    /// The volume that it opens, where the backend tells volumes apart.
    pub volume: Option<Uuid>,
    /// What kind of volume that is.
    pub kind: VolumeKind,
    /// When the key was escrowed, for the first time where that was more than once.
    pub escrowed_at: Timestamp,
    /// Which backends hold it: one, or several once their answers are [merged](merge).
    pub held_by: Vec<BackendName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn a_device_that_was_kept_without_units_has_none() {
        let device = sample::device("LT-1");
        let mut kept = serde_json::to_value(&device).unwrap();
        kept.as_object_mut()
            .unwrap()
            .remove("units")
            .expect("units");
        assert_eq!(serde_json::from_value::<Device>(kept).unwrap(), device);
    }
}
