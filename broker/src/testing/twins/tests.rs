//! The twins keep the contracts that the real implementations keep.

use std::sync::Arc;

use super::{MemoryDirectory, MemoryEscrow, MemoryProvider, MemorySink, MemoryStore};
use crate::devices::{BackendName, Device, DeviceId};
use crate::people::{MailAddress, Person, PersonId};
use crate::ports::{GroupName, PersonQuery, Store};
use crate::testing::contract::directory::{self, DirectoryFacts};
use crate::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use crate::testing::contract::identity;
use crate::testing::contract::sink::{self, FarSide};
use crate::testing::contract::store;
use crate::testing::sample::{device, person, record};

const SOUND: [&str; 2] = [
    "000011-000022-720885-123453-000000-700007-111111-222222",
    "000022-000022-720885-123453-000000-700007-111111-222222",
];
const DAMAGED: &str = "000012-000022-720885-123453-000000-700007-111111-222222";
const PASSPHRASE: &str = " two  words, and <\"'&\\é鍵> ";

#[tokio::test]
async fn the_store_keeps_its_contract() {
    store::whole_suite(async || Arc::new(MemoryStore::default()) as Arc<dyn Store>).await;
}

/// A sink in memory that can be away.
struct Away<'t>(&'t MemorySink);

#[async_trait::async_trait]
impl FarSide for Away<'_> {
    async fn seqs_up_to(&self, seq: i64) -> Vec<i64> {
        self.0.wait_for(seq).await;
        self.0.seqs()
    }

    async fn go_away(&self) {
        self.0.take_only(Some(1));
    }

    async fn come_back(&self) {
        self.0.take_only(None);
    }
}

#[tokio::test]
async fn the_sink_keeps_its_contract() {
    let twin = MemorySink::new("test");
    sink::whole_suite(&twin, &Away(&twin)).await;
}

#[tokio::test]
async fn the_escrow_keeps_its_contract() {
    let backend = MemoryEscrow::new(BackendName("test".to_owned()));
    let hold = |name: &str, keys: &[(u128, &str)]| {
        let device = device(name);
        let records: Vec<_> = keys
            .iter()
            .map(|(id, key)| (record(*id, None, 1), *key))
            .collect();
        backend.hold(device.clone(), &records);
        let known = records.iter().map(|(record, key)| KnownKey {
            id: record.key_id,
            sound: (*key != DAMAGED).then(|| (*key).to_owned()),
        });
        KnownDevice {
            shared_id: None,
            id: device.id,
            name: device.name,
            keys: known.collect(),
        }
    };
    let mut full = hold("LT-0001", &[(1 << 96, SOUND[0]), (2 << 96, SOUND[1])]);
    let mut damaged = hold("LT-0002", &[(3 << 96, DAMAGED), (4 << 96, SOUND[0])]);
    let add = |known: &mut KnownDevice, id, text: &str| {
        let record = record(id, None, 1);
        known.keys.push(KnownKey {
            id: record.key_id,
            sound: (text == PASSPHRASE).then(|| text.to_owned()),
        });
        backend.hold_passphrase(&known.id, record, text);
    };
    add(&mut full, 5 << 96, PASSPHRASE);
    add(&mut damaged, 6 << 96, PASSPHRASE);
    add(&mut damaged, 7 << 96, "two\nlines");
    let facts = EscrowFacts {
        full,
        damaged,
        empty: hold("LT-0003", &[]),
        absent: DeviceId {
            backend: BackendName("test".to_owned()),
            native: "absent".to_owned(),
        },
    };
    escrow::whole_suite(&backend, &facts).await;
}

#[tokio::test]
async fn the_identity_provider_keeps_its_contract() {
    let provider = MemoryProvider::new("Test");
    let anna = PersonQuery::Login("anna".to_owned());
    provider.expect(anna.clone());
    identity::whole_suite(&provider, &provider, &anna).await;
}

#[tokio::test]
async fn the_directory_keeps_its_contract() {
    let twin = MemoryDirectory::default();
    let (anna, boss) = (person("anna"), person("boss"));
    let gone = Person {
        enabled: false,
        ..person("gone")
    };
    let admin = Person {
        mail: boss.mail.clone(),
        ..person("boss-admin")
    };
    twin.add(anna.clone(), "anna@corp.example.com", Some(boss.id.clone()));
    for person in [&boss, &gone, &admin] {
        twin.add(person.clone(), &person.name, None);
    }
    let devices = ["LT-0002", "LT-0001"].map(|name| Device {
        owners: vec![anna.id.clone().into()],
        ..device(name)
    });
    for device in &devices {
        twin.add_device(device.clone());
    }
    let [second, first] = devices.map(|device| device.id);
    twin.add_group("Approvers", vec![gone.id.clone()]);
    twin.add_group("Inner", vec![anna.id.clone()]);
    twin.nest_group("Inner", "Approvers");
    let facts = DirectoryFacts {
        logins: vec!["anna@corp.example.com".to_owned()],
        devices: vec![first, second],
        manager: boss.id.clone(),
        without_manager: boss.id,
        disabled: gone.id.clone(),
        shared: MailAddress::parse("Boss@example.com").unwrap(),
        group: (
            GroupName("Approvers".to_owned()),
            vec![anna.id.clone(), gone.id],
        ),
        nested: Some(GroupName("Inner".to_owned())),
        outside: admin.id,
        absent: PersonId("nobody".to_owned()),
        person: anna,
    };
    directory::whole_suite(&twin, &facts).await;
}
