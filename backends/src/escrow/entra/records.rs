//! Recovery keys as Graph tells them.

use clavis_broker::devices::{BackendName, EscrowRecord, VolumeKind};
use clavis_broker::keys::{EscrowedKey, KeyId, RecoveryKey};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::entra::Trouble;

/// An entry of a list, which never carries the key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    id: Uuid,
    pub(super) device_id: Uuid,
    created_date_time: Timestamp,
    #[serde(default)]
    volume_type: Value,
}

impl Listed {
    pub(super) fn record(self, backend: &BackendName) -> EscrowRecord {
        EscrowRecord {
            key_id: KeyId(self.id),
            // Graph does not tell volumes apart.
            volume: None,
            kind: kind(&self.volume_type),
            escrowed_at: self.created_date_time,
            held_by: vec![backend.clone()],
        }
    }
}

/// The kind of volume (`volumeType`), which was seen as a name, as a number, and as a number in a
/// text. A kind that is new here is an unknown one.
fn kind(value: &Value) -> VolumeKind {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.as_str() {
            "operatingSystemVolume" => Some(1),
            "fixedDataVolume" => Some(2),
            "removableDataVolume" => Some(3),
            other => other.parse().ok(),
        },
        _ => None,
    };
    match number {
        Some(1) => VolumeKind::OperatingSystem,
        Some(2) => VolumeKind::FixedData,
        Some(3) => VolumeKind::RemovableData,
        _ => VolumeKind::Unknown,
    }
}

/// An answer with a key, which borrows it: no copy of it is made that is not wiped.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    key: Option<&'a str>,
    /// Where the answer is wrapped, as the documentation shows it.
    #[serde(borrow)]
    value: Option<Wrapped<'a>>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    key: Option<&'a str>,
}

/// The key in an answer, flat or wrapped in `value`. One that does not hold 48 sound digits is
/// damaged, which is no error of the answer.
pub(super) fn key(id: KeyId, answer: &[u8]) -> Result<EscrowedKey, Trouble> {
    // What serde says of an answer may quote it, so that nothing of its error is kept.
    let answer: Answer<'_> = serde_json::from_slice(answer)
        .map_err(|_| Trouble::Nonsense("the answer with a key is not as agreed".into()))?;
    let text = answer
        .key
        .or_else(|| answer.value.and_then(|wrapped| wrapped.key))
        .ok_or_else(|| Trouble::Nonsense("the answer holds no key".into()))?;
    Ok(EscrowedKey {
        id,
        key: RecoveryKey::parse(text),
    })
}

#[cfg(test)]
mod tests {
    use clavis_broker::keys::Damage;
    use serde_json::json;

    use super::*;

    const SOUND: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

    #[test]
    fn the_kind_of_volume_is_read_in_each_of_its_spellings() {
        for (value, wanted) in [
            (json!("operatingSystemVolume"), VolumeKind::OperatingSystem),
            (json!(1), VolumeKind::OperatingSystem),
            (json!("1"), VolumeKind::OperatingSystem),
            (json!("fixedDataVolume"), VolumeKind::FixedData),
            (json!("2"), VolumeKind::FixedData),
            (json!(3), VolumeKind::RemovableData),
            (json!("removableDataVolume"), VolumeKind::RemovableData),
            (json!("unknownFutureValue"), VolumeKind::Unknown),
            (json!(4), VolumeKind::Unknown),
            (json!(null), VolumeKind::Unknown),
            (json!({}), VolumeKind::Unknown),
        ] {
            assert_eq!(kind(&value), wanted, "{value}");
        }
    }

    #[test]
    fn a_key_is_read_flat_and_wrapped() {
        let id = KeyId(Uuid::from_u128(7));
        for answer in [
            format!(r#"{{"@odata.context":"x","key":"{SOUND}"}}"#),
            format!(r#"{{"value":{{"id":"x","key":"{SOUND}"}}}}"#),
        ] {
            let read = key(id, answer.as_bytes()).unwrap();
            let groups: Vec<_> = read.key.as_ref().unwrap().exposed_groups().collect();
            assert_eq!(groups.join("-"), SOUND);
        }
        let damaged = key(id, br#"{"key":"12345"}"#).unwrap();
        assert_eq!(damaged.key.unwrap_err(), Damage::Shape);
    }

    #[test]
    fn what_holds_no_key_is_told_without_any_of_it() {
        let id = KeyId(Uuid::from_u128(7));
        for answer in [
            "{}".to_owned(),
            r#"{"key":null}"#.to_owned(),
            r#"{"value":[]}"#.to_owned(),
            format!(r#"{{"key":"{SOUND}""#),
            format!(r#"{{"key":["{SOUND}"]}}"#),
            format!(r#"["{SOUND}"]"#),
        ] {
            let trouble = key(id, answer.as_bytes()).unwrap_err();
            let said = format!("{trouble} {trouble:?}");
            assert!(matches!(trouble, Trouble::Nonsense(_)));
            assert!(
                !said.contains("000011") && !said.contains("720885"),
                "{said}"
            );
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
    const PIECES: &[&str] = &[
        "\"",
        "{",
        "}",
        ",",
        ":",
        "null",
        "[]",
        "\\u0030",
        "\\",
        "\"value\":",
        "\"key\":",
        KEY,
        "1",
        "é",
    ];

    #[test]
    fn any_answer_has_the_key_that_it_says_or_none_and_nothing_of_it_is_told() {
        check!().for_each(|bytes: &[u8]| {
            for sound in [
                format!(r#"{{"id":"7","key":"{KEY}"}}"#),
                format!(r#"{{"value":{{"id":"7","key":"{KEY}"}}}}"#),
            ] {
                let id = KeyId(Uuid::nil());
                let text = altered(&sound, bytes, PIECES);
                match key(id, text.as_bytes()) {
                    Ok(escrowed) => {
                        assert_eq!(escrowed.id, id);
                        if let Ok(read) = escrowed.key {
                            let shown = read.exposed_groups().collect::<Vec<_>>().join("-");
                            assert!(text.contains(&shown), "it stands there as it is");
                        }
                    }
                    Err(trouble) => {
                        let told = format!("{trouble} {trouble:?}");
                        assert!(!told.contains(|c: char| c.is_ascii_digit()), "{told}");
                    }
                }
            }
        });
    }

    #[test]
    fn any_entry_of_a_list_is_a_record_or_none() {
        let sound = r#"{"id":"d5bfb251-c671-4189-a6d1-9cb689adfe45",
            "deviceId":"00000000-0000-0000-0000-000000000007",
            "createdDateTime":"2026-09-01T08:30:00Z","volumeType":"1"}"#;
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, PIECES);
            if let Ok(listed) = serde_json::from_str::<Listed>(&text) {
                let id = listed.id;
                let record = listed.record(&BackendName("entra".into()));
                assert_eq!(record.key_id, KeyId(id));
            }
        });
    }
}
