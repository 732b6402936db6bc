//! Key IDs, which may be shown to anybody concerned, and recovery keys, which may not.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identifier of a recovery key, as the locked screen shows it. Written in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub Uuid);

impl KeyId {
    /// The first 8 digits, by which people compare IDs, and the rest with its leading dash.
    pub fn parts(&self) -> (String, String) {
        let text = self.to_string();
        let (head, tail) = text.split_at(8);
        (head.to_owned(), tail.to_owned())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}", self.0.as_hyphenated())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text.trim()).map(Self)
    }
}

/// The key ID that a requester copied from the locked screen: the whole of it, or at least its
/// first 8 digits. Held as upper-case hexadecimal digits without dashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WantedKey(String);

/// The text is not the beginning of a key ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A key ID has the digits 0–9 and A–F. Please type its first 8 digits, or all of it.")]
pub struct NotAKeyId;

impl WantedKey {
    /// Reads 8 to 32 hexadecimal digits; dashes, braces and spaces are passed over.
    pub fn parse(text: &str) -> Result<Self, NotAKeyId> {
        let digits: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !"-{}".contains(*c))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let sound =
            (8..=32).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit());
        sound.then_some(Self(digits)).ok_or(NotAKeyId)
    }

    /// Whether a key's ID begins like this.
    pub fn matches(&self, id: KeyId) -> bool {
        format!("{:X}", id.0.as_simple()).starts_with(&self.0)
    }

    /// The digits, upper case, without dashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WantedKey {
    type Error = NotAKeyId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<WantedKey> for String {
    fn from(wanted: WantedKey) -> Self {
        wanted.0
    }
}

/// A recovery key. It lies in one piece of memory that never grows, and is wiped when dropped.
pub struct RecoveryKey {
    form: Form,
    text: SecretSlice<u8>,
}

/// What a recovery key looks like. A backend knows which of them it keeps; a key is never taken
/// for the one because it is not sound as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// BitLocker's: 48 digits in 8 groups of 6, each group a multiple of 11 below 720,896
    /// (`[MS-FVE2]`, "numerical password").
    Digits,
    /// One line of text that opens the drive exactly as it is, such as `FileVault`'s and LUKS'.
    /// Nothing in it tells whether it is right.
    Passphrase,
}

/// What is wrong with the record of a recovery key; carries no character of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not 8 groups of 6 digits at all.
    #[error("it does not have 8 groups of 6 digits")]
    Shape,
    /// These groups, counted from 1, are no multiple of 11 below 720,896.
    #[error("the checksum of group {} is wrong", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Groups(Vec<usize>),
    /// No passphrase.
    #[error("it is not one line of 1 to 512 visible characters")]
    Passphrase,
}

impl Damage {
    /// The form that the key should have.
    pub fn form(&self) -> Form {
        match self {
            Self::Shape | Self::Groups(_) => Form::Digits,
            Self::Passphrase => Form::Passphrase,
        }
    }
}

impl RecoveryKey {
    const DIGITS: usize = 48;
    const GROUP: usize = 6;
    const LONGEST_PASSPHRASE: usize = 512;

    /// Reads `NNNNNN-NNNNNN-…` (8 groups of 6 digits with dashes) and proves its checksums.
    pub fn parse(text: &str) -> Result<Self, Damage> {
        let mut digits = Box::new([0_u8; Self::DIGITS]);
        let mut groups = 0;
        for (at, group) in text.trim().split('-').enumerate() {
            let slot = digits.get_mut(at * Self::GROUP..(at + 1) * Self::GROUP);
            match slot {
                Some(slot)
                    if group.len() == Self::GROUP && group.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    slot.copy_from_slice(group.as_bytes());
                }
                _ => {
                    zeroize::Zeroize::zeroize(digits.as_mut());
                    return Err(Damage::Shape);
                }
            }
            groups += 1;
        }
        let key = Self {
            form: Form::Digits,
            text: SecretSlice::new(digits),
        };
        if groups != Self::DIGITS / Self::GROUP {
            return Err(Damage::Shape);
        }
        let wrong: Vec<usize> = key
            .exposed_groups()
            .enumerate()
            .filter(|(_, group)| !checksum_holds(group))
            .map(|(at, _)| at + 1)
            .collect();
        if wrong.is_empty() {
            Ok(key)
        } else {
            Err(Damage::Groups(wrong))
        }
    }

    /// Takes a passphrase as it is, with the spaces around it: 1 to 512 characters in one line,
    /// not all of them blank, and none that is invisible or turns the text around it.
    pub fn passphrase(text: &str) -> Result<Self, Damage> {
        let breaks = |c: char| {
            c.is_control()
                || matches!(
                    c,
                    '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
                )
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        };
        let sound = text.chars().nth(Self::LONGEST_PASSPHRASE).is_none()
            && !text.chars().any(breaks)
            && !text.trim().is_empty();
        if !sound {
            return Err(Damage::Passphrase);
        }
        Ok(Self {
            form: Form::Passphrase,
            text: SecretSlice::new(Box::from(text.as_bytes())),
        })
    }

    /// Which form it has.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The 8 groups of 6 digits, or the passphrase as a whole. The caller puts them on the one
    /// page that shows them and nowhere else.
    pub fn exposed_groups(&self) -> impl Iterator<Item = &str> {
        let text = self.text.expose_secret();
        let length = match self.form {
            Form::Digits => Self::GROUP,
            Form::Passphrase => text.len(),
        };
        text.chunks(length)
            .map(|group| std::str::from_utf8(group).expect("only text is taken in"))
    }
}

fn checksum_holds(group: &str) -> bool {
    let value = group
        .bytes()
        .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    value.is_multiple_of(11) && value < 720_896
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(…)")
    }
}

/// What a backend holds under a key ID: a sound key, or one whose record is damaged.
#[derive(Debug)]
pub struct EscrowedKey {
    /// Its identifier.
    pub id: KeyId,
    /// The key, or what is wrong with the record.
    pub key: Result<RecoveryKey, Damage>,
}

impl EscrowedKey {
    /// The form that the key has, or should have.
    pub fn form(&self) -> Form {
        let key = self.key.as_ref();
        key.map_or_else(Damage::form, RecoveryKey::form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

    #[test]
    fn a_sound_key_is_read_and_given_back_group_by_group() {
        let key = RecoveryKey::parse(SOUND).unwrap();
        assert_eq!(key.exposed_groups().collect::<Vec<_>>().join("-"), SOUND);
        assert_eq!(key.form(), Form::Digits);
        assert_eq!(format!("{key:?}"), "RecoveryKey(…)");
    }

    #[test]
    fn a_passphrase_is_given_back_whole_and_as_it_was() {
        for text in [
            "X7QZ-24KM-9PLA-00RT-B3VN-HH6C",
            "  two  words, and <\"'&\\> ",
            "ключ 鍵 é\u{301} \u{1f511}",
            "x",
            &"\u{1f511}".repeat(512),
            // Nobody guesses at its form.
            SOUND,
        ] {
            let key = RecoveryKey::passphrase(text).unwrap();
            assert_eq!(key.exposed_groups().collect::<Vec<_>>(), [text]);
            assert_eq!(key.form(), Form::Passphrase);
            assert_eq!(format!("{key:?}"), "RecoveryKey(…)");
            let digits = RecoveryKey::parse(text);
            assert_eq!(digits.is_ok(), text == SOUND);
        }
    }

    #[test]
    fn what_cannot_be_shown_in_one_line_is_no_passphrase() {
        for text in [
            "",
            "  \u{a0} ",
            "key\n",
            "a\tb",
            "a\0b",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "\u{200b}",
            "\u{feff}abc",
            "a\u{2029}b",
            &"x".repeat(513),
        ] {
            let damage = RecoveryKey::passphrase(text).unwrap_err();
            assert_eq!(damage, Damage::Passphrase, "{text:?}");
            assert_eq!(damage.form(), Form::Passphrase);
        }
    }

    #[test]
    fn damage_names_the_groups_and_no_digit() {
        let damage = RecoveryKey::parse("000012-000022-720896-123453-000000-700007-111111-222222")
            .unwrap_err();
        assert_eq!(damage, Damage::Groups(vec![1, 3]));
        assert_eq!(damage.to_string(), "the checksum of group 1, 3 is wrong");
        for text in [
            "",
            "000011",
            &SOUND[..54],
            &format!("{SOUND}-000011"),
            &SOUND.replace('-', " "),
            &SOUND.replace("000011", "00001x"),
        ] {
            assert_eq!(
                RecoveryKey::parse(text).unwrap_err(),
                Damage::Shape,
                "{text}"
            );
        }
    }

    #[test]
    fn a_wanted_key_is_matched_by_its_beginning() {
        let id: KeyId = "d5bfb251-c671-4189-a6d1-9cb689adfe45".parse().unwrap();
        for text in [
            "D5BFB251",
            "d5bfb251-c671",
            "{D5BFB251-C671-4189-A6D1-9CB689ADFE45}",
            " d5bf b251 ",
        ] {
            assert!(WantedKey::parse(text).unwrap().matches(id), "{text}");
        }
        assert!(!WantedKey::parse("D5BFB252").unwrap().matches(id));
        for text in ["", "D5BFB25", "D5BFB25G", "*", &"A".repeat(33)] {
            assert_eq!(WantedKey::parse(text), Err(NotAKeyId), "{text}");
        }
        assert_eq!(
            id.parts(),
            ("D5BFB251".into(), "-C671-4189-A6D1-9CB689ADFE45".into())
        );
    }
}
