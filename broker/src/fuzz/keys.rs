//! Recovery keys and their IDs.

use bolero::check;
use uuid::Uuid;

use crate::keys::{Damage, KeyId, RecoveryKey, WantedKey};
use crate::testing::spelled;

const SOUND: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

/// What keys are made of, and what looks like it.
const OF_KEYS: &[&str] = &[
    SOUND,
    "000011-000022-720885-123453-",
    "000000-700007-111111-222222",
    "000011-",
    "720885-",
    "720896-",
    "-000000",
    "000012",
    "٠٠٠٠١١-",
    "\u{2013}",
    "\u{a0}",
    "é",
];

/// What IDs are made of, and what looks like it.
const OF_IDS: &[&str] = &[
    "D5BFB251-C671-4189-A6D1-9CB689ADFE45",
    "d5bfb251c6714189a6d19cb689adfe45",
    "d5bfb251",
    "-4189",
    "urn:uuid:",
    "{",
    "}",
    "\u{a0}",
    "\u{ff21}",
    "é",
];

/// Whether a text is a numerical password (`[MS-FVE2]`), said another way than the parser does.
fn is_sound(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.len() == 8
        && groups.iter().all(|group| {
            let number = group.parse::<u32>().unwrap_or(1);
            group.len() == 6 && !group.starts_with('+') && number % 11 == 0 && number / 11 <= 0xFFFF
        })
}

#[test]
fn digits_are_taken_where_they_are_sound_and_nothing_of_others_is_told() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, OF_KEYS);
        let trimmed = text.trim();
        match RecoveryKey::parse(&text) {
            Ok(key) => {
                assert!(is_sound(trimmed), "{text:?}");
                assert_eq!(key.exposed_groups().collect::<Vec<_>>().join("-"), trimmed);
            }
            Err(damage) => {
                assert!(!is_sound(trimmed), "{text:?}");
                if let Damage::Groups(groups) = &damage {
                    assert!(groups.iter().all(|group| (1..=8).contains(group)));
                }
                // Not even two digits of it in a row.
                let told = format!("{damage} {damage:?}").replace("48", "");
                let mut pairs = told.as_bytes().windows(2);
                assert!(!pairs.any(|pair| pair.iter().all(u8::is_ascii_digit)));
            }
        }
    });
}

#[test]
fn one_wrong_digit_is_always_found() {
    check!()
        .with_type::<([u16; 8], u8, u8)>()
        .for_each(|(values, place, by)| {
            let groups = values.map(|value| format!("{:06}", u32::from(value) * 11));
            let text = groups.join("-");
            assert!(RecoveryKey::parse(&text).is_ok(), "{text}");

            let place = usize::from(*place) % 48;
            let mut wrong = text.into_bytes();
            let digit = &mut wrong[place + place / 6];
            *digit = b'0' + (*digit - b'0' + 1 + by % 9) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            let damage = RecoveryKey::parse(&wrong).unwrap_err();
            assert_eq!(damage, Damage::Groups(vec![1 + place / 6]), "{wrong}");
        });
}

#[test]
fn a_passphrase_is_one_visible_line_to_the_letter() {
    let pieces = [
        "correct horse",
        " ",
        "\u{a0}",
        "\u{85}",
        "\u{202e}",
        "\u{feff}",
        "\u{1f511}",
        SOUND,
    ];
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, &pieces);
        match RecoveryKey::passphrase(&text) {
            Ok(key) => {
                assert_eq!(key.exposed_groups().collect::<Vec<_>>(), [&text]);
                assert!(!text.trim().is_empty() && text.lines().count() == 1);
                assert!(!text.contains(['\u{85}', '\u{202e}', '\u{feff}']));
            }
            Err(damage) => assert_eq!(damage, Damage::Passphrase),
        }
    });
}

#[test]
fn an_id_in_any_spelling_is_the_same_id() {
    check!().for_each(|bytes: &[u8]| {
        let text = spelled(bytes, OF_IDS);
        if let Ok(id) = text.parse::<KeyId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert!(WantedKey::parse(&id.to_string()).unwrap().matches(id));
            let (head, tail) = id.parts();
            assert_eq!(head + &tail, id.to_string());
        }
        if let Ok(wanted) = WantedKey::parse(&text) {
            let digits = wanted.as_str();
            assert_eq!(WantedKey::parse(digits), Ok(wanted.clone()));
            // Filled up in any way, it is the beginning of that ID and of no other.
            let id = KeyId(Uuid::parse_str(&format!("{digits:0<32}")).unwrap());
            assert!(wanted.matches(id), "{text:?}");
            let other = KeyId(Uuid::from_u128(id.0.as_u128() ^ 1 << 127));
            assert!(!wanted.matches(other), "{text:?}");
        }
    });
}
