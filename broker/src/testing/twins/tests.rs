//! The twins keep the contracts that the real implementations keep.

use std::sync::Arc;

use super::{
    INTERNALS, MemoryDesk, MemoryDirectory, MemoryEscrow, MemoryProvider, MemorySink, MemoryStore,
};
use crate::devices::{BackendName, Device, DeviceId};
use crate::people::{MailAddress, Person, PersonId};
use crate::ports::{Clock, GroupName, PersonQuery, Store, TicketError};
use crate::testing::SetClock;
use crate::testing::contract::directory::{self, DirectoryFacts};
use crate::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use crate::testing::contract::identity;
use crate::testing::contract::sink::{self, FarSide};
use crate::testing::contract::store;
use crate::testing::contract::tickets::{self, DeskFacts};
use crate::testing::sample::{device, monday, person, record, ticket};
use crate::tickets::{AssetFault, Standing, TicketId};

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

/// Somebody who works at a desk in memory.
struct Clerk<'t> {
    desk: &'t MemoryDesk,
    clock: &'t SetClock,
    made: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl tickets::FarSide for Clerk<'_> {
    fn message(&self, tickets: &[&TicketId]) -> (String, Vec<u8>) {
        self.desk.message(tickets)
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    async fn make(&self) -> TicketId {
        let made = self.made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let ticket = ticket(&format!("made-{made}"), "LT-0001");
        let id = ticket.id.clone();
        self.desk.put(ticket);
        id
    }

    async fn close(&self, ticket: &TicketId) {
        self.desk
            .change(ticket, |ticket| ticket.standing = Standing::Closed);
    }

    async fn delete(&self, ticket: &TicketId) {
        self.desk.delete(ticket);
    }

    async fn notes(&self, ticket: &TicketId) -> Vec<String> {
        let posted = self.desk.posted(ticket).into_iter();
        posted
            .map(|it| format!("{}\n{}", it.note, it.marker))
            .collect()
    }

    async fn lose_an_answer(&self) {
        self.desk.lose_answers(1);
    }

    async fn refuse_endings(&self, refuses: bool) {
        self.desk.refuse_endings(refuses);
    }

    async fn break_down(&self, is_broken: bool) {
        let fails: fn() -> TicketError = || TicketError::Unavailable(INTERNALS.into());
        self.desk.break_down(is_broken.then_some(fails));
    }
}

#[tokio::test]
async fn the_desk_keeps_its_contract() {
    let clock = Arc::new(SetClock::at(monday()));
    let desk = MemoryDesk::new("test", clock.clone());
    let facts = DeskFacts {
        sound: ticket("1001", "LT-0001"),
        other: TicketId::parse("1002").unwrap(),
        without_asset: TicketId::parse("1003").unwrap(),
        with_two_assets: TicketId::parse("1004").unwrap(),
    };
    desk.put(facts.sound.clone());
    for id in [&facts.other, &facts.without_asset, &facts.with_two_assets] {
        desk.put(ticket(id.as_str(), "LT-0001"));
    }
    desk.change(&facts.other, |it| it.standing = Standing::Other);
    desk.change(&facts.without_asset, |it| it.asset = Err(AssetFault::None));
    desk.change(&facts.with_two_assets, |it| {
        it.asset = Err(AssetFault::Several);
    });
    let clerk = Clerk {
        desk: &desk,
        clock: &clock,
        made: 0.into(),
    };
    tickets::whole_suite(&desk, &clerk, &facts).await;
    let waited = (facts.sound.id.clone(), true);
    assert!(desk.fetched().contains(&waited), "it is told who waits");
}
