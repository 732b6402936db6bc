//! What stands in the file: devices, and what is known of their keys.

use std::path::Path;

use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord, Owner, VolumeKind};
use clavis_broker::keys::KeyId;
use clavis_broker::people::PersonId;
use clavis_config::document::{self, Section};
use clavis_config::problems::{Problems, Wrong};
use clavis_config::values::text;
use jiff::Timestamp;
use toml::de::DeValue;
use uuid::Uuid;

/// A device of the file, and what is known of its keys.
pub(super) struct Stocked {
    pub(super) device: Device,
    pub(super) dns_name: Option<String>,
    pub(super) records: Vec<EscrowRecord>,
}

/// What is told of each key while a file is read: the device's ID, the key's, and the key itself.
pub(super) type OnKey<'k> = dyn FnMut(&str, KeyId, &str) + Send + 'k;

/// Reads the file, and tells of each key in it.
pub(super) fn read(
    backend: &BackendName,
    path: &Path,
    on_key: &mut OnKey<'_>,
) -> Result<Vec<Stocked>, Problems> {
    document::read_file(path, |root| all(root, backend, on_key))
}

fn all(root: &Section<'_>, backend: &BackendName, on_key: &mut OnKey<'_>) -> Option<Vec<Stocked>> {
    let mut stock: Vec<Stocked> = Vec::new();
    let mut whole = true;
    for section in root.tables("device") {
        let Some(stocked) = stocked(&section, backend, on_key) else {
            whole = false;
            continue;
        };
        report_repetition(&section, &stock, &stocked);
        stock.push(stocked);
    }
    whole.then_some(stock)
}

fn report_repetition(section: &Section<'_>, earlier: &[Stocked], stocked: &Stocked) {
    if earlier.iter().any(|it| it.device.id == stocked.device.id) {
        section.problem(
            "id",
            "`id` is that of an earlier device",
            "Give each device an ID of its own; only names may be shared.",
        );
    }
    let mut known: Vec<KeyId> = earlier
        .iter()
        .flat_map(|it| &it.records)
        .map(|record| record.key_id)
        .collect();
    for record in &stocked.records {
        if known.contains(&record.key_id) {
            section.problem(
                "record",
                format!("the key ID {} is there twice", record.key_id),
                "Give each record a key ID of its own.",
            );
        }
        known.push(record.key_id);
    }
}

fn stocked(
    section: &Section<'_>,
    backend: &BackendName,
    on_key: &mut OnKey<'_>,
) -> Option<Stocked> {
    let id = section.required("id", text);
    let name = section.required("name", text);
    let dns_name = section.optional("dns_name", text);
    let place = section.optional("place", text);
    let owner = section.optional("owner", text).map(PersonId);
    let shared_id = section.optional("shared_id", uuid);
    let records: Vec<Option<EscrowRecord>> = section
        .tables("record")
        .iter()
        .map(|section| record(section, id.as_deref().unwrap_or_default(), backend, on_key))
        .collect();
    let device = Device {
        id: DeviceId {
            backend: backend.clone(),
            native: id?,
        },
        also: Vec::new(),
        shared_id,
        name: name?,
        detail: place.or_else(|| dns_name.clone()),
        also_named: Vec::new(),
        owners: owner.into_iter().map(Owner::from).collect(),
        units: Vec::new(),
    };
    Some(Stocked {
        device,
        dns_name,
        records: records.into_iter().collect::<Option<_>>()?,
    })
}

fn record(
    section: &Section<'_>,
    device: &str,
    backend: &BackendName,
    on_key: &mut OnKey<'_>,
) -> Option<EscrowRecord> {
    let key_id = section.required("key_id", uuid).map(KeyId);
    let volume = section.optional("volume", uuid);
    let kind = section.optional("kind", kind);
    let escrowed_at = section.required("escrowed_at", moment);
    section.required("key", |value| {
        let key = value
            .as_str()
            .ok_or_else(|| Wrong::new("is not a text", "Put it between \"quotes\"."))?;
        if let Some(key_id) = key_id {
            on_key(device, key_id, key);
        }
        Ok(())
    })?;
    Some(EscrowRecord {
        key_id: key_id?,
        volume,
        kind: kind.unwrap_or(VolumeKind::Unknown),
        escrowed_at: escrowed_at?,
        held_by: vec![backend.clone()],
    })
}

fn uuid(value: &DeValue<'_>) -> Result<Uuid, Wrong> {
    Uuid::parse_str(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not an ID",
            "Write it as \"01234567-89AB-CDEF-0123-456789ABCDEF\".",
        )
    })
}

fn kind(value: &DeValue<'_>) -> Result<VolumeKind, Wrong> {
    match value.as_str() {
        Some("operating_system") => Ok(VolumeKind::OperatingSystem),
        Some("fixed_data") => Ok(VolumeKind::FixedData),
        Some("removable_data") => Ok(VolumeKind::RemovableData),
        Some("unknown") => Ok(VolumeKind::Unknown),
        _ => Err(Wrong::new(
            "is no kind of volume",
            "Write \"operating_system\", \"fixed_data\", \"removable_data\" or \"unknown\".",
        )),
    }
}

fn moment(value: &DeValue<'_>) -> Result<Timestamp, Wrong> {
    text(value)?.parse().map_err(|_| {
        Wrong::new(
            "is not a moment",
            "Write it with its zone, such as \"2026-09-01T08:30:00Z\".",
        )
    })
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

    #[test]
    fn any_file_has_devices_or_problems_and_no_problem_quotes_a_key() {
        let sound = format!(
            "[[device]]\nid = \"1\"\nname = \"LT-1\"\nplace = \"Berlin\"\n[[device.record]]\n\
             key_id = \"D5BFB251-C671-4189-A6D1-9CB689ADFE45\"\nkind = \"fixed_data\"\n\
             escrowed_at = \"2026-09-01T08:30:00Z\"\nkey = \"{KEY}\"\n"
        );
        let pieces = [
            "\"", "[", "]", "=", "\n", "'''", "\\u0031", "{", "}", "#", ".", "key", KEY,
        ];
        check!().for_each(|bytes: &[u8]| {
            let mut keys = Vec::new();
            let text = altered(&sound, bytes, &pieces);
            let backend = BackendName("file".into());
            let on_key = &mut |_: &str, id: KeyId, _: &str| keys.push(id);
            let file = Path::new("stock.toml");
            match document::read(&text, file, |root| all(root, &backend, on_key)) {
                Ok(stock) => {
                    let records = stock.iter().flat_map(|stocked| &stocked.records);
                    assert!(records.map(|record| record.key_id).eq(keys));
                }
                Err(problems) => {
                    let told = format!("{problems} {problems:?}");
                    assert!(
                        !told.contains("000011-") && !told.contains("720885"),
                        "{told}"
                    );
                }
            }
        });
    }
}
