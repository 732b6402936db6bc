//! Which of a device's keys a request is for.

use super::{EscrowRecord, VolumeKind};
use crate::keys::{Form, WantedKey};

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
/// A record of which nobody knows the volume counts as a volume of its own, so that no key is
/// hidden behind another that might not open the same drive. The one exception is the drive that
/// the operating system starts from, since a machine has one: Entra ID knows no volumes but keeps
/// up to 200 keys of a device, of which all but the newest are of no more use.
pub fn select(mut records: Vec<EscrowRecord>, wanted: Option<&WantedKey>) -> Selection {
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
    let (mut release, mut superseded) = (Vec::<EscrowRecord>::new(), Vec::new());
    for record in records {
        if release.iter().any(|newer| opens_the_same(newer, &record)) {
            superseded.push(record);
        } else {
            release.push(record);
        }
    }
    Selection {
        release,
        superseded,
    }
}

/// The promised records that a fresh selection no longer covers: their key is gone, and no newer
/// key of the same volume took its place.
pub fn uncovered<'a>(promised: &'a [EscrowRecord], fresh: &Selection) -> Vec<&'a EscrowRecord> {
    let covers = |old: &EscrowRecord, new: &EscrowRecord| {
        let replaces = opens_the_same(new, old) && new.escrowed_at >= old.escrowed_at;
        new.key_id == old.key_id || replaces
    };
    promised
        .iter()
        .filter(|old| !fresh.release.iter().any(|new| covers(old, new)))
        .collect()
}

/// What a person is told about the volume that a record opens, given the form of its key and all
/// that are shown with it.
pub fn volume_label(record: &EscrowRecord, form: Form, shown: &[EscrowRecord]) -> String {
    let alike: Vec<_> = shown
        .iter()
        .filter(|other| other.kind == record.kind)
        .collect();
    let name = match (record.kind, form) {
        (VolumeKind::OperatingSystem, Form::Digits) => "Windows drive",
        (VolumeKind::OperatingSystem, Form::Passphrase) => "Start-up drive",
        (VolumeKind::FixedData, _) => "Data drive",
        (VolumeKind::RemovableData, _) => "Removable drive",
        (VolumeKind::Unknown, _) => "Drive",
    };
    match alike.iter().position(|other| other.key_id == record.key_id) {
        Some(at) if alike.len() > 1 => format!("{name} {} of {}", at + 1, alike.len()),
        _ => name.to_owned(),
    }
}

/// Whether a newer key surely opens the volume that an older one opened. Where volumes are unknown,
/// that takes one backend that holds both: what another says of a drive is no reason to hide a key.
fn opens_the_same(newer: &EscrowRecord, older: &EscrowRecord) -> bool {
    if let Some(volume) = older.volume {
        return newer.volume == Some(volume);
    }
    let is_system = |record: &EscrowRecord| record.kind == VolumeKind::OperatingSystem;
    let one_holds_both = newer.held_by.iter().any(|it| older.held_by.contains(it));
    is_system(older) && is_system(newer) && one_holds_both
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::devices::BackendName;
    use crate::keys::KeyId;

    fn record(key: u128, volume: Option<u128>, day: i64) -> EscrowRecord {
        EscrowRecord {
            key_id: KeyId(Uuid::from_u128(key)),
            volume: volume.map(Uuid::from_u128),
            kind: VolumeKind::Unknown,
            escrowed_at: Timestamp::from_second(day * 86_400).unwrap(),
            held_by: vec![BackendName("ad".into())],
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
    fn of_the_drive_that_windows_starts_from_one_key_is_enough_where_volumes_are_unknown() {
        let of_kind = |key, day, kind| EscrowRecord {
            kind,
            ..record(key, None, day)
        };
        let (system, data) = (VolumeKind::OperatingSystem, VolumeKind::FixedData);
        let all = vec![
            of_kind(1, 1, system),
            of_kind(2, 2, data),
            of_kind(3, 3, data),
            of_kind(4, 4, system),
        ];
        let selection = select(all.clone(), None);
        assert_eq!(ids(&selection.release), [4, 3, 2]);
        assert_eq!(ids(&selection.superseded), [1]);
        assert!(uncovered(&all[..1], &selection).is_empty());

        // A volume that is known is hidden behind none that may be another.
        let mut known = record(5, Some(10), 0);
        known.kind = system;
        let selection = select(vec![known, of_kind(4, 4, system)], None);
        assert_eq!(ids(&selection.release), [4, 5]);
    }

    #[test]
    fn labels_count_drives_of_one_kind() {
        let mut system = record(1, Some(1), 1);
        system.kind = VolumeKind::OperatingSystem;
        let shown = [system, record(2, Some(2), 1), record(3, Some(3), 1)];
        let labels = |form| shown.each_ref().map(|it| volume_label(it, form, &shown));
        let others = ["Drive 1 of 2", "Drive 2 of 2"];
        assert_eq!(labels(Form::Digits)[0], "Windows drive");
        assert_eq!(labels(Form::Digits)[1..], others);
        assert_eq!(labels(Form::Passphrase)[0], "Start-up drive");
        assert_eq!(labels(Form::Passphrase)[1..], others);
    }
}
