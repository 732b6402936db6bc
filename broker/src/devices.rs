//! Devices as escrow backends know them, and what is known of their keys without the keys.

use std::fmt;

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

/// A device that an asset resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where it is escrowed.
    pub id: DeviceId,
    /// The name to show.
    pub name: String,
    /// What tells it from another device of the same name: a DNS name, a place in the directory.
    pub detail: Option<String>,
    /// Whom the backend says it belongs to.
    pub owner: Option<PersonId>,
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
    /// When the key was escrowed.
    pub escrowed_at: Timestamp,
    /// Which backend holds it.
    pub backend: BackendName,
}

/// Which records a request is for: those to release, and older ones that are only listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Selection {
    /// To be released, newest first.
    pub release: Vec<EscrowRecord>,
    /// Superseded by a newer key of the same volume, newest first; listed by ID only.
    pub superseded: Vec<EscrowRecord>,
}

/// Chooses among a device's records: the one key that was asked for by its ID, whichever volume
/// it opens and however old it is; without an ID, the newest key of each volume.
///
/// A record whose volume the backend does not know counts as a volume of its own, so that no key
/// is hidden behind another that might not open the same drive.
pub fn select(
    mut records: Vec<EscrowRecord>,
    wanted: Option<&crate::keys::WantedKey>,
) -> Selection {
    records.sort_by(|a, b| {
        b.escrowed_at
            .cmp(&a.escrowed_at)
            .then(a.key_id.cmp(&b.key_id))
    });
    if let Some(wanted) = wanted {
        records.retain(|record| wanted.matches(record.key_id));
        return Selection {
            release: records,
            superseded: Vec::new(),
        };
    }
    let mut volumes = std::collections::HashSet::new();
    let (release, superseded) = records
        .into_iter()
        .partition(|record| record.volume.is_none_or(|volume| volumes.insert(volume)));
    Selection {
        release,
        superseded,
    }
}

/// The promised records that a fresh selection no longer covers: their key is gone, and no newer
/// key of the same volume took its place.
pub fn uncovered<'a>(promised: &'a [EscrowRecord], fresh: &Selection) -> Vec<&'a EscrowRecord> {
    let covers = |old: &EscrowRecord, new: &EscrowRecord| {
        let replaces =
            old.volume.is_some() && new.volume == old.volume && new.escrowed_at >= old.escrowed_at;
        new.key_id == old.key_id || replaces
    };
    promised
        .iter()
        .filter(|old| !fresh.release.iter().any(|new| covers(old, new)))
        .collect()
}

/// What a person is told about the volume that a record opens, given all that are shown with it.
pub fn volume_label(record: &EscrowRecord, shown: &[EscrowRecord]) -> String {
    let alike: Vec<_> = shown
        .iter()
        .filter(|other| other.kind == record.kind)
        .collect();
    let name = match record.kind {
        VolumeKind::OperatingSystem => "Windows drive",
        VolumeKind::FixedData => "Data drive",
        VolumeKind::RemovableData => "Removable drive",
        VolumeKind::Unknown => "Drive",
    };
    match alike.iter().position(|other| other.key_id == record.key_id) {
        Some(at) if alike.len() > 1 => format!("{name} {} of {}", at + 1, alike.len()),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::WantedKey;

    fn record(key: u128, volume: Option<u128>, day: i64) -> EscrowRecord {
        EscrowRecord {
            key_id: KeyId(Uuid::from_u128(key)),
            volume: volume.map(Uuid::from_u128),
            kind: VolumeKind::Unknown,
            escrowed_at: Timestamp::from_second(day * 86_400).unwrap(),
            backend: BackendName("ad".into()),
        }
    }

    fn ids(records: &[EscrowRecord]) -> Vec<u128> {
        records
            .iter()
            .map(|record| record.key_id.0.as_u128())
            .collect()
    }

    #[test]
    fn without_an_id_the_newest_key_of_each_volume_is_released() {
        let all = vec![
            record(1, Some(10), 1),
            record(2, Some(10), 5),
            record(3, Some(11), 3),
            record(4, None, 2),
        ];
        let selection = select(all, None);
        assert_eq!(ids(&selection.release), [2, 3, 4]);
        assert_eq!(ids(&selection.superseded), [1]);
    }

    #[test]
    fn with_an_id_only_that_key_is_released_even_when_it_is_superseded() {
        let all = vec![
            record(0x1111_1111 << 96, Some(10), 1),
            record(0x2222_2222 << 96, Some(10), 5),
        ];
        let wanted = WantedKey::parse("11111111").unwrap();
        let selection = select(all, Some(&wanted));
        assert_eq!(ids(&selection.release), [0x1111_1111 << 96]);
        assert!(selection.superseded.is_empty());
    }

    #[test]
    fn a_promise_is_kept_by_the_same_key_or_a_newer_one_of_its_volume() {
        let promised = [record(1, Some(10), 1), record(2, None, 1)];
        assert!(
            uncovered(
                &promised,
                &select(vec![record(7, Some(10), 9), record(2, None, 1)], None)
            )
            .is_empty()
        );
        let missing = select(vec![record(7, Some(11), 9)], None);
        assert_eq!(uncovered(&promised, &missing).len(), 2);
    }

    #[test]
    fn an_older_key_of_the_volume_keeps_no_promise() {
        let promised = [record(2, Some(10), 5)];
        let older = select(vec![record(1, Some(10), 1)], None);
        assert_eq!(uncovered(&promised, &older).len(), 1);
    }

    #[test]
    fn labels_count_drives_of_one_kind() {
        let mut system = record(1, Some(1), 1);
        system.kind = VolumeKind::OperatingSystem;
        let shown = [system, record(2, Some(2), 1), record(3, Some(3), 1)];
        let labels: Vec<_> = shown.iter().map(|r| volume_label(r, &shown)).collect();
        assert_eq!(labels, ["Windows drive", "Drive 1 of 2", "Drive 2 of 2"]);
    }
}
