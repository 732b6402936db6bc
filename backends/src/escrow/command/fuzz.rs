//! Whatever a program answers, or writes beside it.

use std::collections::HashSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use bolero::check;
use clavis_broker::devices::BackendName;
use clavis_broker::keys::KeyId;
use clavis_broker::testing::{altered, sample, spelled};
use serde_json::Value;
use uuid::Uuid;

use super::answers::{devices, findings, keys, records};
use super::aside::told;
use super::escapes::unescaped;
use super::requests::Call;

const ID: Uuid = Uuid::from_u128(0xD5BF_B251_C671_4189_A6D1_9CB6_89AD_FE45);
const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const PASSPHRASE: &str = "correct horse battery staple";

const DEVICES: &str = r#"{"clavis":1,"devices":[{"id":"1","name":"LT-1","detail":"Berlin",
 "shared_id":"d5bfb251-c671-4189-a6d1-9cb689adfe45","owners":["anna"]},{"id":"2","name":"LT-1"}]}"#;
const RECORDS: &str = r#"{"clavis":1,"records":[{"key_id":"D5BFB251-C671-4189-A6D1-9CB689ADFE45",
 "volume":"00000000-0000-0000-0000-000000000007","kind":"fixed_data","escrowed_at":"2026-09-01T08:30:00Z"}]}"#;
const FINDINGS: &str =
    r#"{"clavis":1,"findings":[{"severity":"warning","what":"a","remedy":"b"}]}"#;
const TROUBLE: &str = r#"{"clavis":1,"error":"denied","message":"the account may not"}"#;

const PIECES: &[&str] = &[
    KEY,
    PASSPHRASE,
    "\"",
    "\\",
    "\\\"",
    "\\u0031",
    "\\ud83d",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1",
    "2",
    "\"key\":",
    "\"passphrase\":",
    "\"clavis\":2",
    "\"error\":\"nonsense\"",
    "\"message\":",
    "é",
    "\u{feff}",
    "\u{202e}",
    "0000-00-00T00:00:00Z",
    "+24:00",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "\n",
    "\r",
];

fn backend() -> BackendName {
    BackendName("program".into())
}

fn differ<T: Eq + Hash>(of: impl Iterator<Item = T>) -> bool {
    let all: Vec<_> = of.collect();
    all.iter().collect::<HashSet<_>>().len() == all.len()
}

/// That nothing of a key is in what is told.
fn holds_back(told: &(impl Display + Debug)) {
    let told = format!("{told} {told:?}");
    for secret in ["000011", "720885", "222222", "horse", "staple"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn any_answer_has_devices_that_can_be_shown_or_none() {
    check!().for_each(|bytes: &[u8]| {
        for text in [altered(DEVICES, bytes, PIECES), spelled(bytes, PIECES)] {
            let Ok(found) = devices(text.as_bytes(), &backend()) else {
                continue;
            };
            assert!(found.len() <= 100 && differ(found.iter().map(|it| &it.id.native)));
            for device in found {
                assert!(!device.name.trim().is_empty() && device.name.chars().count() <= 256);
                let shown = [
                    Some(&device.name),
                    Some(&device.id.native),
                    device.detail.as_ref(),
                ];
                assert!(
                    !shown
                        .into_iter()
                        .flatten()
                        .any(|it| it.contains(char::is_control))
                );
                assert!(
                    device
                        .shared_id
                        .is_none_or(|id| !id.is_nil() && !id.is_max())
                );
            }
        }
    });
}

#[test]
fn any_answer_has_records_of_different_keys_or_none() {
    check!().for_each(|bytes: &[u8]| {
        let text = altered(RECORDS, bytes, PIECES);
        if let Ok(found) = records(text.as_bytes(), &backend(), sample::monday()) {
            assert!(differ(found.iter().map(|it| it.key_id)));
            let latest = sample::monday() + jiff::SignedDuration::from_hours(24);
            assert!(found.iter().all(|it| it.escrowed_at <= latest));
        }
    });
}

#[test]
fn any_answer_has_keys_that_were_asked_for_or_none_and_nothing_of_them_is_told() {
    let asked = [KeyId(ID), KeyId(Uuid::nil())];
    check!().for_each(|bytes: &[u8]| {
        let sound = format!(
            r#"{{"clavis":1,"keys":[{{"key_id":"{ID}","key":"{KEY}"}},
             {{"key_id":"{}","passphrase":"{PASSPHRASE}"}}]}}"#,
            Uuid::nil()
        );
        let trouble = TROUBLE.replace("the account may not", KEY);
        for text in [
            altered(&sound, bytes, PIECES),
            altered(&trouble, bytes, PIECES),
        ] {
            match keys(text.as_bytes(), &asked) {
                Ok(found) => {
                    assert!(differ(found.iter().map(|it| it.id)));
                    for escrowed in found {
                        assert!(asked.contains(&escrowed.id));
                        holds_back(&format!("{escrowed:?}"));
                    }
                }
                Err(trouble) => holds_back(&trouble),
            }
        }
    });
}

#[test]
fn what_a_program_says_of_itself_is_told_in_one_line_without_a_key() {
    check!().for_each(|bytes: &[u8]| {
        for sound in [FINDINGS, TROUBLE] {
            match findings(altered(sound, bytes, &PIECES[..1]).as_bytes()) {
                Ok(found) => found.iter().for_each(|finding| {
                    assert!(!finding.what.contains(['\n', '\r']) && !finding.what.contains(KEY));
                }),
                Err(trouble) => assert!(!format!("{trouble} {trouble:?}").contains(KEY)),
            }
        }
        let said = spelled(bytes, PIECES);
        let told = told(&said, 200);
        assert!(
            told.chars().count() <= 200 && !told.contains(char::is_control),
            "{told:?}"
        );
        assert!(!told.contains("000011-000022-720885-123453"), "{said:?}");
    });
}

#[test]
fn a_text_in_json_is_read_as_the_parser_reads_it() {
    check!().for_each(|bytes: &[u8]| {
        let raw = spelled(bytes, PIECES);
        // The parser lets nothing else pass to here.
        let Ok(parsed) = serde_json::from_str::<Value>(&format!("\"{raw}\"")) else {
            return;
        };
        if let Value::String(parsed) = parsed {
            assert_eq!(unescaped(&raw).as_deref(), Some(&parsed));
        }
    });
}

#[test]
fn whatever_is_asked_is_one_line_that_says_it() {
    check!().for_each(|bytes: &[u8]| {
        let asset = spelled(bytes, PIECES);
        let line = Call::Devices { asset: &asset }.to_line();
        assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
        let read: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["asset"], asset.as_str());
    });
}
