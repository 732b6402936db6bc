//! Recovery records as Active Directory holds them.

use clavis_broker::devices::{BackendName, EscrowRecord, VolumeKind};
use clavis_broker::keys::{Damage, EscrowedKey, KeyId, RecoveryKey};
use uuid::Uuid;

use crate::active_directory::{Entry, Trouble, generalized_time};

/// Recovery records.
pub(super) const CLASS: &str = "(objectClass=msFVE-RecoveryInformation)";
/// The ID that the locked screen shows.
pub(super) const KEY_ID: &str = "msFVE-RecoveryGuid";
/// The 48 digits.
pub(super) const PASSWORD: &str = "msFVE-RecoveryPassword";
/// What mends a damaged disk together with the key. Never asked for.
pub(super) const PACKAGE: &str = "msFVE-KeyPackage";
/// What [`record`] reads: nothing secret.
pub(super) const ATTRIBUTES: [&str; 4] = [KEY_ID, "msFVE-VolumeGuid", "whenCreated", "cn"];

/// A record without its key.
///
/// The moment is when the controller took the record in. Its name tells another, by the clock of
/// the computer itself, which is not relied upon.
pub(super) fn record(entry: &Entry, backend: &BackendName) -> Result<EscrowRecord, Trouble> {
    Ok(EscrowRecord {
        key_id: key_id(entry)?,
        volume: entry.guid("msFVE-VolumeGuid"),
        kind: VolumeKind::Unknown,
        escrowed_at: entry
            .text("whenCreated")
            .and_then(generalized_time)
            .ok_or_else(|| Trouble::Nonsense("a recovery record has no creation time".into()))?,
        held_by: vec![backend.clone()],
    })
}

/// A record's key. One that does not hold 48 sound digits is damaged, which is no error of the
/// search; one that the account may see but not read is.
pub(super) fn key(entry: &Entry) -> Result<EscrowedKey, Trouble> {
    let id = key_id(entry)?;
    let password = entry.bytes(PASSWORD).ok_or_else(|| Trouble::Forbidden {
        what: "recovery passwords",
    })?;
    Ok(EscrowedKey {
        id,
        key: std::str::from_utf8(password)
            .map_err(|_| Damage::Shape)
            .and_then(RecoveryKey::parse),
    })
}

/// The key's ID; from the record's name, `2026-01-02T10:00:00-00:00{…}`, where its attribute is
/// not to be read.
fn key_id(entry: &Entry) -> Result<KeyId, Trouble> {
    let from_name = || {
        let (_, id) = entry.text("cn")?.split_once('{')?;
        Uuid::parse_str(id.strip_suffix('}')?).ok()
    };
    entry
        .guid(KEY_ID)
        .or_else(from_name)
        .map(KeyId)
        .ok_or_else(|| Trouble::Nonsense("a recovery record has no key ID".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "D5BFB251-C671-4189-A6D1-9CB689ADFE45";

    fn guid() -> Vec<u8> {
        Uuid::parse_str(ID).unwrap().to_bytes_le().to_vec()
    }

    #[test]
    fn a_record_tells_id_volume_and_time() {
        let backend = BackendName("ad".into());
        let volume = Uuid::from_u128(7);
        let entry = Entry::of(
            "CN=x",
            &[
                (KEY_ID, &guid()),
                ("msFVE-VolumeGuid", &volume.to_bytes_le()),
                ("whenCreated", b"20260102100000.0Z"),
            ],
        );
        let record = record(&entry, &backend).unwrap();
        assert_eq!(record.key_id.to_string(), ID);
        assert_eq!(record.volume, Some(volume));
        assert_eq!(record.escrowed_at.to_string(), "2026-01-02T10:00:00Z");
    }

    #[test]
    fn the_name_of_a_record_stands_in_for_its_id() {
        let name = format!("2026-01-02T10:00:00-00:00{{{ID}}}");
        let entry = Entry::of("CN=x", &[("cn", name.as_bytes())]);
        assert_eq!(key_id(&entry).unwrap().to_string(), ID);
        assert!(key_id(&Entry::of("CN=x", &[("cn", b"x")])).is_err());
    }

    #[test]
    fn a_damaged_key_is_told_from_one_that_may_not_be_read() {
        for damaged in [b"123".as_slice(), &[0xff]] {
            let entry = Entry::of("CN=x", &[(KEY_ID, &guid()), (PASSWORD, damaged)]);
            assert_eq!(key(&entry).unwrap().key.unwrap_err(), Damage::Shape);
        }
        let hidden = Entry::of("CN=x", &[(KEY_ID, &guid())]);
        assert!(matches!(key(&hidden), Err(Trouble::Forbidden { .. })));
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    const PIECES: &[&str] = &[
        "000011-000022-720885-123453-000000-700007-111111-222222",
        "000011-",
        "720896",
        "2026-01-02T10:00:00-00:00{",
        "D5BFB251-C671-4189-A6D1-9CB689ADFE45",
        "}",
        "{",
        "20260102100000.0Z",
        "\u{a0}",
        "é",
    ];

    #[test]
    fn any_object_is_a_record_or_none_and_no_digit_of_a_key_is_told() {
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, PIECES);
            let (id, password) = bytes.split_at(bytes.len().min(16));
            let spelled_password = text.as_bytes();
            for password in [password, spelled_password] {
                let values = [
                    (KEY_ID, id),
                    (PASSWORD, password),
                    ("cn", text.as_bytes()),
                    ("whenCreated", text.as_bytes()),
                    ("msFVE-VolumeGuid", bytes),
                ];
                let entry = Entry::of(&text, &values);
                let read = key(&entry);
                let told = record(&entry, &BackendName("ad".into()));
                // Its attribute goes before its name.
                if id.len() == 16 {
                    assert_eq!(key_id(&entry).unwrap().0.to_bytes_le(), *id);
                    let key = read.expect("whatever is in it").key;
                    let sound = std::str::from_utf8(password).map(RecoveryKey::parse);
                    assert_eq!(key.is_ok(), matches!(sound, Ok(Ok(_))));
                } else if let Ok(id) = key_id(&entry) {
                    assert!(text.to_uppercase().contains(&id.to_string()) || !text.contains('-'));
                }
                for trouble in [key(&entry).err(), told.err()].into_iter().flatten() {
                    let told = format!("{trouble} {trouble:?}");
                    assert!(!told.contains(|c: char| c.is_ascii_digit()), "{told}");
                }
            }
        });
    }
}
