//! What the program answers, in the domain's words.

use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord, Owner, VolumeKind};
use clavis_broker::keys::{Damage, EscrowedKey, KeyId, RecoveryKey};
use clavis_broker::people::PersonId;
use clavis_broker::ports::{Finding, Severity};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::aside::told;
use super::reading::{Object, Part};
use super::requests::VERSION;
use super::trouble::{Misfit, Said, Trouble};

/// The most of each that an answer may have.
const MAX_DEVICES: usize = 100;
const MAX_OWNERS: usize = 20;
const MAX_RECORDS: usize = 1000;
const MAX_FINDINGS: usize = 50;

/// How far another clock may go ahead of this one. The newest key of a volume is the one that is
/// shown, so that a moment that is still to come would hide all others.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The most characters of an ID or a name, and of a sentence.
const MAX_NAME: usize = 256;
const MAX_SENTENCE: usize = 500;

/// The devices of an answer to `devices`.
pub(super) fn devices(answer: &[u8], backend: &BackendName) -> Result<Vec<Device>, Trouble> {
    let answer = open(answer, &["clavis", "devices", "error", "message"], true)?;
    let mut devices: Vec<Device> = Vec::new();
    for part in answer.required("devices")?.list(MAX_DEVICES)? {
        let object = part.object(&["id", "name", "detail", "shared_id", "owners"])?;
        let id = object.required("id")?;
        let device = device(&object, backend)?;
        if devices.iter().any(|earlier| earlier.id == device.id) {
            return Err(id.wrong("is that of an earlier device").into());
        }
        devices.push(device);
    }
    Ok(devices)
}

/// The records of an answer to `records`, at this moment.
pub(super) fn records(
    answer: &[u8],
    backend: &BackendName,
    now: Timestamp,
) -> Result<Vec<EscrowRecord>, Trouble> {
    let answer = open(answer, &["clavis", "records", "error", "message"], true)?;
    let mut records: Vec<EscrowRecord> = Vec::new();
    for part in answer.required("records")?.list(MAX_RECORDS)? {
        let object = part.object(&["key_id", "volume", "kind", "escrowed_at"])?;
        let id = object.required("key_id")?;
        let escrowed_at = object.required("escrowed_at")?;
        let record = EscrowRecord {
            key_id: KeyId(uuid(id)?),
            volume: object.optional("volume").map(uuid).transpose()?,
            kind: object
                .optional("kind")
                .map_or(Ok(VolumeKind::Unknown), kind)?,
            escrowed_at: moment(escrowed_at)?,
            held_by: vec![backend.clone()],
        };
        if record.escrowed_at.duration_since(now) > MAX_AHEAD {
            return Err(escrowed_at.wrong("is still to come").into());
        }
        if records
            .iter()
            .any(|earlier| earlier.key_id == record.key_id)
        {
            return Err(id.wrong("is that of an earlier record").into());
        }
        records.push(record);
    }
    Ok(records)
}

/// The keys of an answer to `keys` that was asked for these. What the program says of its trouble
/// is not taken over: it could hold a key.
pub(super) fn keys(answer: &[u8], asked: &[KeyId]) -> Result<Vec<EscrowedKey>, Trouble> {
    let answer = open(answer, &["clavis", "keys", "error", "message"], false)?;
    let mut keys: Vec<EscrowedKey> = Vec::new();
    for part in answer.required("keys")?.list(asked.len())? {
        let object = part.object(&["key_id", "key", "passphrase"])?;
        let place = object.required("key_id")?;
        let id = KeyId(uuid(place)?);
        if !asked.contains(&id) {
            return Err(place.wrong("is of a key that was not asked for").into());
        }
        if keys.iter().any(|earlier| earlier.id == id) {
            return Err(place.wrong("is that of an earlier key").into());
        }
        let key = match (object.optional("key"), object.optional("passphrase")) {
            (Some(digits), None) => key_of_digits(digits)?,
            (None, Some(text)) => passphrase(text)?,
            (Some(_), Some(_)) => return Err(part.wrong("has `key` and `passphrase`").into()),
            (None, None) => return Err(part.wrong("has no `key` and no `passphrase`").into()),
        };
        keys.push(EscrowedKey { id, key });
    }
    Ok(keys)
}

/// The findings of an answer to `check`.
pub(super) fn findings(answer: &[u8]) -> Result<Vec<Finding>, Trouble> {
    let answer = open(answer, &["clavis", "findings", "error", "message"], true)?;
    let findings = answer.required("findings")?.list(MAX_FINDINGS)?;
    findings.iter().map(|part| Ok(finding(part)?)).collect()
}

/// The answer's own object: of this version, with these fields, and no word of trouble.
fn open<'a>(
    answer: &'a [u8],
    names: &'static [&'static str],
    may_tell: bool,
) -> Result<Object<'a>, Trouble> {
    let whole = Part::whole(answer)?;
    // What another version has beside it is not this one's to judge.
    let version = whole.peek("clavis")?;
    if let Some(version) = version.filter(|version| version.raw() != VERSION.to_string()) {
        let what = format!("is not {VERSION}, the version that is spoken here");
        return Err(version.wrong(what).into());
    }
    let object = whole.object(names)?;
    object.required("clavis")?;
    let Some(error) = object.optional("error") else {
        return match object.optional("message") {
            Some(message) => Err(message.wrong("belongs to an `error`").into()),
            None => Ok(object),
        };
    };
    if object.optional(names[1]).is_some() {
        return Err(error.wrong("stands beside an answer").into());
    }
    let message = match object.optional("message") {
        Some(message) if may_tell => Some(message.sentence(MAX_SENTENCE)?),
        // It could hold a key, and stays where it is.
        Some(message) => message.plain().map(|_| None)?,
        None => None,
    };
    Err(Trouble::Said {
        fault: error
            .plain()?
            .and_then(Said::named)
            .ok_or_else(|| error.wrong("is none of unavailable, denied and nonsense"))?,
        message: message.filter(|message| !message.is_empty()),
    })
}

fn device(object: &Object<'_>, backend: &BackendName) -> Result<Device, Misfit> {
    let owners = match object.optional("owners") {
        Some(owners) => owners.list(MAX_OWNERS)?,
        None => Vec::new(),
    };
    let owners = owners
        .iter()
        .map(|owner| owner.text(MAX_NAME).map(|id| Owner::from(PersonId(id))));
    let detail = object.optional("detail");
    Ok(Device {
        id: DeviceId {
            backend: backend.clone(),
            native: object.required("id")?.text(MAX_NAME)?,
        },
        also: Vec::new(),
        shared_id: object.optional("shared_id").map(shared_id).transpose()?,
        name: object.required("name")?.text(MAX_NAME)?,
        detail: detail.map(|detail| detail.text(MAX_SENTENCE)).transpose()?,
        also_named: Vec::new(),
        owners: owners.collect::<Result<_, _>>()?,
        units: Vec::new(),
    })
}

fn key_of_digits(part: &Part<'_>) -> Result<Result<RecoveryKey, Damage>, Misfit> {
    // A text with escapes is not of digits and dashes alone.
    let text = part.plain()?;
    Ok(text.ok_or(Damage::Shape).and_then(RecoveryKey::parse))
}

fn passphrase(part: &Part<'_>) -> Result<Result<RecoveryKey, Damage>, Misfit> {
    let text = part.secret()?;
    Ok(text
        .ok_or(Damage::Passphrase)
        .and_then(|text| RecoveryKey::passphrase(&text)))
}

fn finding(part: &Part<'_>) -> Result<Finding, Misfit> {
    let object = part.object(&["severity", "what", "remedy"])?;
    let severity = object.required("severity")?;
    Ok(Finding {
        severity: match severity.plain()? {
            Some("ok") => Severity::Ok,
            Some("warning") => Severity::Warning,
            Some("failure") => Severity::Failure,
            _ => return Err(severity.wrong("is none of ok, warning and failure")),
        },
        what: told(&object.required("what")?.text(MAX_SENTENCE)?, MAX_SENTENCE),
        remedy: object
            .optional("remedy")
            .map(|remedy| remedy.text(MAX_SENTENCE))
            .transpose()?
            .map(|remedy| told(&remedy, MAX_SENTENCE)),
        too_wide: Vec::new(),
    })
}

/// An ID of 32 hexadecimal digits with its dashes, in any case.
fn uuid(part: &Part<'_>) -> Result<Uuid, Misfit> {
    let text = part.plain()?.filter(|text| text.len() == 36);
    text.and_then(|text| Uuid::parse_str(text).ok())
        .ok_or_else(|| part.wrong("is not an ID like 01234567-89AB-CDEF-0123-456789ABCDEF"))
}

/// The ID of one machine. What stands for none at all would make one of many.
fn shared_id(part: &Part<'_>) -> Result<Uuid, Misfit> {
    let id = uuid(part)?;
    if id.is_nil() || id.is_max() {
        return Err(part.wrong("stands for no machine; leave it out"));
    }
    Ok(id)
}

fn kind(part: &Part<'_>) -> Result<VolumeKind, Misfit> {
    match part.plain()? {
        Some("operating_system") => Ok(VolumeKind::OperatingSystem),
        Some("fixed_data") => Ok(VolumeKind::FixedData),
        Some("removable_data") => Ok(VolumeKind::RemovableData),
        Some("unknown") => Ok(VolumeKind::Unknown),
        _ => Err(part.wrong("is none of operating_system, fixed_data, removable_data and unknown")),
    }
}

/// A moment as RFC 3339 writes it: the parser takes more than that.
fn moment(part: &Part<'_>) -> Result<Timestamp, Misfit> {
    let text = part.plain()?.filter(|text| is_rfc_3339(text));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| part.wrong("is not a moment like 2026-09-01T08:30:00Z"))
}

/// Whether a text has the shape of a moment, to the second or finer, with `Z` or an offset.
fn is_rfc_3339(text: &str) -> bool {
    let fits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'0' => byte.is_ascii_digit(),
                    b'+' => matches!(byte, b'+' | b'-'),
                    wanted => byte == wanted,
                })
    };
    let Some((moment, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - offset.len())) {
                return false;
            }
            offset
        }
        None => rest,
    };
    fits(moment, "0000-00-00T00:00:00") && (offset == "Z" || fits(offset, "+00:00"))
}
