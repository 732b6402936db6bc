//! What every escrow backend does, given what it is known to hold.

use uuid::Uuid;

use super::HOSTILE;
use crate::devices::{Device, DeviceId};
use crate::keys::{EscrowedKey, Form, KeyId, RecoveryKey};
use crate::ports::EscrowBackend;
use crate::text::Asset;

/// What a backend is known to hold.
#[derive(Debug)]
pub struct EscrowFacts {
    /// A device with several keys, all sound.
    pub full: KnownDevice,
    /// A device of which at least one key is damaged.
    pub damaged: KnownDevice,
    /// A device without any key.
    pub empty: KnownDevice,
    /// The ID of no device.
    pub absent: DeviceId,
}

/// A device that a backend is known to hold; nothing else goes by its name.
#[derive(Debug)]
pub struct KnownDevice {
    /// Its ID.
    pub id: DeviceId,
    /// The ID that the backend shares with others for it, where it does.
    pub shared_id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// All of its keys.
    pub keys: Vec<KnownKey>,
}

/// A key that a backend is known to hold.
#[derive(Debug)]
pub struct KnownKey {
    /// Its ID.
    pub id: KeyId,
    /// The key as it was escrowed, 48 digits with their dashes or a passphrase; `None` where it is
    /// damaged.
    pub sound: Option<String>,
}

/// Every clause.
pub async fn whole_suite(backend: &dyn EscrowBackend, facts: &EscrowFacts) {
    a_device_is_found_by_all_that_names_it(backend, facts).await;
    nothing_is_found_by_what_names_nothing(backend, facts).await;
    records_tell_of_every_key_and_of_no_other(backend, facts).await;
    keys_come_as_they_were_escrowed(backend, facts).await;
    only_the_keys_that_are_asked_for_come(backend, facts).await;
    what_holds_nothing_gives_nothing(backend, facts).await;
}

/// A device is found by its name in any case, its own ID, and the whole ID of one of its keys.
pub async fn a_device_is_found_by_all_that_names_it(
    backend: &dyn EscrowBackend,
    facts: &EscrowFacts,
) {
    for known in [&facts.full, &facts.damaged, &facts.empty] {
        let mut names = vec![
            known.name.clone(),
            known.name.to_lowercase(),
            known.name.to_uppercase(),
            format!("  {} ", known.name),
            known.id.native.clone(),
        ];
        names.extend(known.shared_id.map(|shared| shared.to_string()));
        for key in &known.keys {
            names.push(key.id.to_string());
            names.push(key.id.to_string().to_lowercase());
        }
        for name in names {
            let found = find(backend, &name).await;
            let ids: Vec<_> = found.iter().map(|device| &device.id).collect();
            assert_eq!(ids, [&known.id], "{name:?} names one device");
            assert_eq!(found[0].name, known.name);
            assert_eq!(found[0].shared_id, known.shared_id);
            assert_eq!(found[0].id.backend, *backend.name());
            assert_eq!(found[0].also, []);
        }
    }
}

/// What names nothing finds nothing, also where it means something to a query language.
pub async fn nothing_is_found_by_what_names_nothing(
    backend: &dyn EscrowBackend,
    facts: &EscrowFacts,
) {
    let name = &facts.full.name;
    let half = &name[..name.len() / 2];
    let turned = [
        half.to_owned(),
        format!("{half}*"),
        format!("{half}%"),
        format!("{name}*"),
        format!("{name})(cn=*"),
        format!("{name}\\"),
        facts.absent.native.clone(),
        // Eight digits are what a locked screen is compared by, and no ID.
        facts.full.keys[0].id.parts().0,
    ];
    let turned = turned.iter().map(String::as_str);
    for asset in HOSTILE.iter().copied().chain(turned) {
        let found = find(backend, asset).await;
        assert_eq!(found, [], "{asset:?} names nothing");
    }
}

/// There is one record for each key, from this backend, and no digit of a key in it.
pub async fn records_tell_of_every_key_and_of_no_other(
    backend: &dyn EscrowBackend,
    facts: &EscrowFacts,
) {
    for known in [&facts.full, &facts.damaged, &facts.empty] {
        let records = backend.records(&known.id).await.unwrap();
        let told: Vec<_> = records.iter().map(|record| record.key_id).collect();
        assert_eq!(sorted(told), sorted(known.ids()), "{}", known.name);
        let text = format!("{records:?}");
        for key in known.keys.iter().filter_map(|key| key.sound.as_deref()) {
            assert!(!text.contains(key) && !text.contains(&key.replace('-', "")));
        }
        for record in records {
            assert_eq!(record.held_by, [backend.name().clone()]);
        }
    }
}

/// Every key comes as it was escrowed and in its form, and a damaged one as damaged, beside the
/// sound ones.
pub async fn keys_come_as_they_were_escrowed(backend: &dyn EscrowBackend, facts: &EscrowFacts) {
    assert!(facts.full.keys.len() > 1, "the facts tell several keys");
    assert!(facts.full.keys.iter().all(|key| key.sound.is_some()));
    assert!(facts.damaged.keys.iter().any(|key| key.sound.is_none()));
    for known in [&facts.full, &facts.damaged] {
        let keys = backend.keys(&known.id, &known.ids()).await.unwrap();
        assert_eq!(sorted(ids(&keys)), sorted(known.ids()));
        for wanted in &known.keys {
            let read = keys.iter().find(|key| key.id == wanted.id).unwrap();
            let text = read.key.as_ref().ok().map(|key| {
                let groups: Vec<_> = key.exposed_groups().collect();
                let text = groups.join("-");
                let has_digits = RecoveryKey::parse(&text).is_ok();
                assert_eq!(key.form() == Form::Digits, has_digits, "{}", wanted.id);
                text
            });
            assert!(text == wanted.sound, "the key {} is another", wanted.id);
        }
    }
}

/// A key comes where it was asked for; those of other devices and of none are left out.
pub async fn only_the_keys_that_are_asked_for_come(
    backend: &dyn EscrowBackend,
    facts: &EscrowFacts,
) {
    let device = &facts.full.id;
    let one = facts.full.keys[0].id;
    let elsewhere = facts.damaged.keys[0].id;
    let none = KeyId(Uuid::from_u128(0xF7));
    for (asked, wanted) in [
        (vec![one], vec![one]),
        (vec![none, elsewhere, one], vec![one]),
        (vec![none], vec![]),
        (vec![elsewhere], vec![]),
        (vec![], vec![]),
    ] {
        let keys = backend.keys(device, &asked).await.unwrap();
        assert_eq!(ids(&keys), wanted, "{asked:?}");
    }
}

/// A device without keys, and one that is not there, have no records and no keys.
pub async fn what_holds_nothing_gives_nothing(backend: &dyn EscrowBackend, facts: &EscrowFacts) {
    for device in [&facts.empty.id, &facts.absent] {
        assert_eq!(backend.records(device).await.unwrap(), []);
        let keys = backend.keys(device, &facts.full.ids()).await.unwrap();
        assert_eq!(ids(&keys), []);
    }
}

impl KnownDevice {
    fn ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(|key| key.id).collect()
    }
}

async fn find(backend: &dyn EscrowBackend, asset: &str) -> Vec<Device> {
    let asset = Asset::parse(asset).unwrap();
    backend.devices(&asset).await.unwrap()
}

fn ids(keys: &[EscrowedKey]) -> Vec<KeyId> {
    keys.iter().map(|key| key.id).collect()
}

fn sorted(mut ids: Vec<KeyId>) -> Vec<KeyId> {
    ids.sort_unstable();
    ids
}
