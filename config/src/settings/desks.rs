//! Service desks whose tickets ask for keys.

use std::path::PathBuf;

use clavis_broker::tickets::{DeskName, Ending};
use jiff::SignedDuration;
use secrecy::SecretString;

/// A service desk.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Its name, by which requests belong to it; unique.
    pub name: DeskName,
    /// Whether approvers say yes there; otherwise Clavis asks them.
    pub approves: bool,
    /// What it is.
    pub kind: DeskKind,
}

/// The kinds of service desks.
#[derive(Debug, Clone)]
pub enum DeskKind {
    /// Halo: for PSA, ITSM or CRM.
    Halo(Halo),
}

/// A Halo.
#[derive(Debug, Clone)]
pub struct Halo {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The API application.
    pub client_id: String,
    /// Its secret, read from a file.
    pub client_secret: SecretString,
    /// The tenant; what the desk itself says when not set.
    pub tenant: Option<String>,
    /// Certificates of the authorities to trust (PEM file); the system's when not set.
    pub ca_file: Option<PathBuf>,
    /// How long one operation may take, however many calls it is.
    pub timeout: SignedDuration,
    /// The type of the tickets that ask for keys.
    pub ticket_type: u32,
    /// The outcome of our notes.
    pub outcome: u32,
    /// What tickets are brought to.
    pub statuses: HaloStatuses,
    /// What a device is known by, the surest first.
    pub devices_by: Vec<HaloAssetField>,
    /// The custom field with the reason; the ticket's details when not set.
    pub reason_field: Option<String>,
    /// How its webhooks prove themselves; without it, none is taken.
    pub webhook: Option<HaloWebhook>,
    /// The most calls in five minutes.
    pub calls: u32,
}

/// The statuses that tickets are brought to; one that is not set is left as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HaloStatuses {
    /// Keys were shown.
    pub done: Option<u32>,
    /// An approver said no.
    pub declined: Option<u32>,
    /// It came to nothing.
    pub ended: Option<u32>,
}

/// The fields of an asset that a device is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaloAssetField {
    /// The ID that Intune gives it.
    IntuneId,
    /// The inventory number: the name of the computer, or its serial number.
    InventoryNumber,
    /// The key field of the asset's type.
    KeyField,
}

/// What a webhook proves itself by (HTTP Basic).
#[derive(Debug, Clone)]
pub struct HaloWebhook {
    /// The user name.
    pub user: String,
    /// The password, read from a file.
    pub password: SecretString,
}

impl HaloStatuses {
    /// The status of an ending.
    pub fn of(&self, ending: Ending) -> Option<u32> {
        match ending {
            Ending::Done => self.done,
            Ending::Declined => self.declined,
            Ending::Ended => self.ended,
        }
    }

    /// Each, by the name of its setting.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let all = [
            ("done", self.done),
            ("declined", self.declined),
            ("ended", self.ended),
        ];
        all.into_iter()
            .filter_map(|(name, status)| Some((name, status?)))
    }
}
