//! A row of the log as a leaf: everything in it that may name somebody is replaced by a commitment,
//! so that it can be erased later and the leaf stays what it was.
//!
//! A commitment is `{"sha256": …}` in the place of a text: SHA-256 over 16 random bytes, the salt,
//! and the text. Beside the leaf stand the fields, each with its salt, in the order in which the
//! leaf has their commitments. Without the salt nobody can tell a text from its hash by guessing.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::harmless::is_harmless;
use crate::audit::LogEntry;
use crate::lifecycle::RequestId;
use crate::ports::Random;

/// The key of a commitment.
const COMMITTED: &str = "sha256";
/// What stands in the place of a text that was erased.
pub const ERASED: &str = "(erased)";
/// What stands in the place of a mail address that was erased. No mail can reach it (RFC 2606).
pub const ERASED_MAIL: &str = "erased@erased.invalid";

/// A row of the log, ready to be written: only [`seal`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    at: Timestamp,
    event: &'static str,
    request: Option<RequestId>,
    leaf: String,
    personal: String,
}

/// A field of a leaf: a text that may name somebody, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// The salt, and the text.
    Kept(String, String),
    /// It was erased, by the erasure of this ID.
    Erased(Uuid),
}

/// Where a field lies in its row, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The keys and numbers that lead to it: `event`, `asked`, `0`, `name`.
    pub path: Vec<String>,
    /// The field.
    pub field: Field,
}

/// What is stored of a row does not hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LeafError {
    /// The leaf is none.
    #[error("its leaf cannot be read")]
    Leaf,
    /// The fields are none, or not as many as the leaf has commitments, or not written as Clavis
    /// writes them.
    #[error("its personal fields cannot be read")]
    Fields,
    /// A field is not what the leaf has the commitment of.
    #[error("a personal field is not what was committed to")]
    Commitment,
}

/// Makes a row ready to be written, with salts of its own.
pub fn seal(entry: &LogEntry, random: &dyn Random) -> Sealed {
    let mut value = serde_json::to_value(entry).expect("every row can be written as JSON");
    let mut fields = Vec::new();
    each_text(&mut value, &mut Vec::new(), &mut |path, place| {
        let Value::String(text) = &*place else { return };
        if is_harmless(path, text) {
            return;
        }
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let hash = URL_SAFE_NO_PAD.encode(commitment(&salt, text));
        fields.push(Field::Kept(URL_SAFE_NO_PAD.encode(salt), text.clone()));
        *place = Value::Object(Map::from_iter([(COMMITTED.to_owned(), hash.into())]));
    });
    Sealed {
        at: entry.at,
        event: entry.event.name(),
        request: entry.request.as_ref().map(|request| request.id),
        leaf: value.to_string(),
        personal: write_fields(&fields),
    }
}

impl Sealed {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The event's name.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The request that it is about.
    pub fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// The leaf: what is hashed, byte for byte.
    pub fn leaf(&self) -> &str {
        &self.leaf
    }

    /// The fields.
    pub fn personal(&self) -> &str {
        &self.personal
    }
}

/// The row of a leaf and its fields. What was erased reads as [`ERASED`] or [`ERASED_MAIL`], and
/// where a text need not be, as none. Commitments are not compared; [`check`] does that.
///
/// # Errors
/// Where they are no row.
pub fn restore(leaf: &str, personal: &str) -> Result<LogEntry, LeafError> {
    let mut value: Value = serde_json::from_str(leaf).map_err(|_| LeafError::Leaf)?;
    let mut fields = read_fields(personal)?.into_iter();
    let mut missing = false;
    each_text(&mut value, &mut Vec::new(), &mut |path, place| {
        if !place.is_object() {
            return;
        }
        *place = match fields.next() {
            Some(Field::Kept(_, text)) => text.into(),
            Some(Field::Erased(_)) => placeholder(path),
            None => {
                missing = true;
                return;
            }
        };
    });
    if missing || fields.next().is_some() {
        return Err(LeafError::Fields);
    }
    serde_json::from_value(value).map_err(|_| LeafError::Leaf)
}

/// The row of a leaf, and its fields with their places, each of them compared with its commitment.
///
/// # Errors
/// What does not hold together.
pub fn check(leaf: &str, personal: &str) -> Result<(LogEntry, Vec<Placed>), LeafError> {
    let entry = restore(leaf, personal)?;
    let mut value: Value = serde_json::from_str(leaf).map_err(|_| LeafError::Leaf)?;
    let fields = read_fields(personal)?;
    if write_fields(&fields) != personal {
        return Err(LeafError::Fields);
    }
    let mut commitments = Vec::new();
    each_text(&mut value, &mut Vec::new(), &mut |path, place| {
        if let Some(hash) = place.get(COMMITTED) {
            let path = path.iter().map(|&step| step.to_owned()).collect();
            commitments.push((path, hash.as_str().map(str::to_owned)));
        }
    });
    if commitments.len() != fields.len() {
        return Err(LeafError::Fields);
    }
    let placed = commitments
        .into_iter()
        .zip(fields)
        .map(|((path, hash), field)| {
            if let Field::Kept(salt, text) = &field {
                let salt = URL_SAFE_NO_PAD.decode(salt).ok();
                let salt: Option<[u8; 16]> = salt.and_then(|salt| salt.try_into().ok());
                let salt = salt.ok_or(LeafError::Fields)?;
                if hash != Some(URL_SAFE_NO_PAD.encode(commitment(&salt, text))) {
                    return Err(LeafError::Commitment);
                }
            }
            Ok(Placed { path, field })
        });
    Ok((entry, placed.collect::<Result<_, _>>()?))
}

/// Fields as they are stored.
pub fn write_fields(fields: &[Field]) -> String {
    serde_json::to_string(fields).expect("every field can be written as JSON")
}

/// The texts of a value, with the keys and numbers that lead to them, in the order of [`replaced`].
pub fn texts_of(value: &mut Value) -> Vec<(Vec<String>, String)> {
    let mut texts = Vec::new();
    each_text(value, &mut Vec::new(), &mut |path, place| {
        let path = path.iter().map(|&step| step.to_owned()).collect();
        texts.push((path, place.as_str().unwrap_or_default().to_owned()));
    });
    texts
}

/// Puts in the place of these of its [texts](texts_of), by their numbers, what can be read where one
/// was erased.
pub fn replaced(mut value: Value, numbers: &BTreeSet<usize>) -> Value {
    let mut number = 0;
    each_text(&mut value, &mut Vec::new(), &mut |path, place| {
        if numbers.contains(&number) {
            *place = placeholder(path);
        }
        number += 1;
    });
    value
}

fn read_fields(personal: &str) -> Result<Vec<Field>, LeafError> {
    serde_json::from_str(personal).map_err(|_| LeafError::Fields)
}

fn commitment(salt: &[u8; 16], text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(text.as_bytes());
    hash.finalize().into()
}

/// What is read where a text of this path was erased: something that the field may hold.
fn placeholder(path: &[&str]) -> Value {
    match path {
        [.., "mail" | "to"] => ERASED_MAIL.into(),
        [.., "source" | "shared_id" | "shown_to" | "opened_from"] => Value::Null,
        _ => ERASED.into(),
    }
}

/// Comes to every text and every commitment, in the order of the keys: that of the JSON is the
/// writer's own. A number of an array is a step as well.
fn each_text(
    value: &mut Value,
    path: &mut Vec<String>,
    visit: &mut impl FnMut(&[&str], &mut Value),
) {
    match value {
        Value::String(_) => visit_at(path, value, visit),
        Value::Object(fields) if is_commitment(fields) => visit_at(path, value, visit),
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().cloned().collect();
            keys.sort_unstable();
            for key in keys {
                if let Some(value) = fields.get_mut(&key) {
                    path.push(key);
                    each_text(value, path, visit);
                    path.pop();
                }
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter_mut().enumerate() {
                path.push(at.to_string());
                each_text(value, path, visit);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn visit_at(path: &[String], value: &mut Value, visit: &mut impl FnMut(&[&str], &mut Value)) {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    visit(&path, value);
}

fn is_commitment(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.get(COMMITTED).is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Event};
    use crate::search::EVENTS;
    use crate::testing::contract::store::log::events;
    use crate::testing::sample::{device, monday, person, request_numbered};
    use crate::testing::{CountingRandom, contract};

    /// Every kind of event, by every kind of actor.
    fn entries() -> Vec<LogEntry> {
        let request = request_numbered(1);
        let actors = contract::store::log::actors();
        let mut entries = Vec::new();
        for event in events() {
            for actor in &actors {
                let source = "192.0.2.7".parse().ok();
                let mut entry =
                    LogEntry::of_request(&request, event.clone(), actor.clone(), source, monday());
                entry.device = Some(crate::devices::Device {
                    shared_id: Some(Uuid::from_u128(0xabcd)),
                    detail: Some("lt-1.corp.example.com".to_owned()),
                    also: vec![device("twin").id],
                    also_named: vec!["LT-OLD".to_owned()],
                    owners: vec![person("anna").id.into()],
                    units: vec!["OU=Sales,DC=corp".to_owned()],
                    ..device("laptop-1")
                });
                entries.push(entry);
            }
        }
        entries
    }

    #[test]
    fn a_row_comes_back_as_it_was() {
        let random = CountingRandom::default();
        for entry in entries() {
            let sealed = seal(&entry, &random);
            assert_eq!(restore(sealed.leaf(), sealed.personal()), Ok(entry));
            check(sealed.leaf(), sealed.personal()).unwrap();
        }
    }

    #[test]
    fn no_leaf_of_any_event_names_anybody_or_anything_of_theirs() {
        let random = CountingRandom::default();
        let known: BTreeSet<_> = events().iter().map(Event::name).collect();
        assert_eq!(
            known,
            EVENTS.iter().copied().collect(),
            "the events that are tried"
        );
        for entry in entries() {
            let sealed = seal(&entry, &random);
            let (leaf, personal) = (sealed.leaf(), sealed.personal());
            assert!(personal.contains("laptop-1"), "{personal}");
            // Without the hashes, which may have any letters in them.
            let mut parts = leaf.split("\"sha256\":\"");
            let first = parts.next().unwrap().to_owned();
            let leaf: String = parts.fold(first, |leaf, part| leaf + &part[43..]);
            assert!(leaf.contains("{\"}"), "{leaf}");
            for planted in [
                "anna",
                "boss",
                "otto",
                "nina",
                "root",
                "@",
                "example",
                "192.0.2.7",
                "0042",
                "LT-",
                "laptop",
                "lt-1",
                "twin",
                "abcd",
                "Sales",
                "plane",
                "Servers",
                "GG-Gone",
            ] {
                assert!(!leaf.contains(planted), "{planted} in {leaf}");
            }
        }
    }

    #[test]
    fn what_is_left_of_a_row_can_be_read_when_all_of_it_is_erased() {
        let random = CountingRandom::default();
        for entry in entries() {
            let sealed = seal(&entry, &random);
            let (_, fields) = check(sealed.leaf(), sealed.personal()).unwrap();
            let gone = write_fields(&vec![Field::Erased(Uuid::from_u128(7)); fields.len()]);
            check(sealed.leaf(), &gone).unwrap();
            let left = restore(sealed.leaf(), &gone).unwrap();
            assert_eq!(left.event.name(), entry.event.name());
            assert_eq!((left.source, left.at), (None, entry.at));
            assert_eq!(left.request, entry.request);
            let text = serde_json::to_string(&left).unwrap();
            assert!(!text.contains("anna") && !text.contains("laptop"), "{text}");
        }
    }

    #[test]
    fn one_text_is_never_committed_to_twice_alike() {
        let random = CountingRandom::default();
        let actor = Actor::Person(person("anna").party().unwrap());
        let entry = LogEntry::of_nothing(Event::SignedOut, actor, None, monday());
        let (one, other) = (seal(&entry, &random), seal(&entry, &random));
        assert_ne!(one.leaf(), other.leaf());
    }

    #[test]
    fn fields_that_are_not_those_that_were_committed_to_are_found() {
        let random = CountingRandom::default();
        let entry = &entries()[0];
        let sealed = seal(entry, &random);
        let (leaf, personal) = (sealed.leaf(), sealed.personal());
        for (at, _) in personal.char_indices() {
            for bit in 0..7 {
                let mut wrong = personal.as_bytes().to_vec();
                wrong[at] ^= 1 << bit;
                if let Ok(wrong) = String::from_utf8(wrong) {
                    assert!(check(leaf, &wrong).is_err(), "{wrong}");
                }
            }
        }
        for wrong in ["[]", "", "null", &personal.replace("\",\"", "\", \"")] {
            assert_eq!(check(leaf, wrong), Err(LeafError::Fields), "{wrong}");
            if wrong.len() < 5 {
                assert_eq!(restore(leaf, wrong), Err(LeafError::Fields));
            }
        }
        assert_eq!(restore("{}", "[]"), Err(LeafError::Leaf));
        assert_eq!(check("{", personal), Err(LeafError::Leaf));
    }
}
