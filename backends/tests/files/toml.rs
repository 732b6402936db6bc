//! The backends that are TOML files keep the contracts of every escrow and every directory.

use std::sync::Arc;

use clavis_backends::directory::{FileDirectory, WithinDomains};
use clavis_backends::escrow::FileEscrow;
use clavis_broker::devices::{BackendName, DeviceId};
use clavis_broker::keys::KeyId;
use clavis_broker::mail_domains::MailDomains;
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::ports::GroupName;
use clavis_broker::testing::contract::directory::{self, DirectoryFacts};
use clavis_broker::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use uuid::Uuid;

const ONE: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const TWO: &str = "000022-000022-720885-123453-000000-700007-111111-222222";
const DAMAGED: &str = "000012-000022-720885-123453-000000-700007-111111-222222";

const PEOPLE: &str = r#"
    [[person]]
    id = "anna"
    name = "Anna Berg"
    mail = "anna@example.com"
    logins = ["aberg", "anna@corp.example.com"]
    manager = "martin"
    groups = ["Approvers"]
    unit = "OU=Staff,DC=example"
    [[person.device]]
    id = "d-2"
    name = "LT-0002"
    [[person.device]]
    id = "d-1"
    name = "LT-0001"

    [[person]]
    id = "martin"
    name = "Martin Chef"
    mail = "martin@example.com"
    logins = ["mchef"]
    groups = ["approvers", "Bosses"]

    [[person]]
    id = "martin-adm"
    name = "Martin Chef (admin)"
    mail = "MARTIN@example.com"
    enabled = false
"#;

fn backend() -> BackendName {
    BackendName("demo".into())
}

fn device(native: &str) -> DeviceId {
    DeviceId {
        backend: backend(),
        native: native.into(),
    }
}

/// A device, and its section of the file.
fn held(native: &str, name: &str, keys: &[(u128, &str)]) -> (KnownDevice, String) {
    let mut section = format!("[[device]]\nid = \"{native}\"\nname = \"{name}\"\n");
    let mut known = Vec::new();
    for (number, key) in keys {
        let id = KeyId(Uuid::from_u128(number << 96));
        section += "[[device.record]]\nescrowed_at = \"2026-09-01T08:30:00Z\"\n";
        section.extend(["key_id = \"", &id.to_string(), "\"\nkey = \"", key, "\"\n"]);
        known.push(KnownKey {
            id,
            sound: (*key != DAMAGED).then(|| (*key).to_owned()),
        });
    }
    let known = KnownDevice {
        id: device(native),
        shared_id: None,
        name: name.into(),
        keys: known,
    };
    (known, section)
}

#[tokio::test]
async fn the_file_of_keys_keeps_the_contract_of_an_escrow() {
    let (full, first) = held("d-1", "LT-0001", &[(1, ONE), (2, TWO)]);
    let (damaged, second) = held("d-2", "LT-0002", &[(3, DAMAGED), (4, ONE)]);
    let (empty, third) = held("d-3", "LT-0003", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escrow.toml");
    std::fs::write(&path, first + &second + &third).unwrap();
    let file = FileEscrow::open(backend(), path).unwrap();
    let facts = EscrowFacts {
        full,
        damaged,
        empty,
        absent: device("absent"),
    };
    escrow::whole_suite(&file, &facts).await;
}

#[tokio::test]
async fn the_file_of_people_keeps_the_contract_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.toml");
    std::fs::write(&path, PEOPLE).unwrap();
    let file = FileDirectory::open(path, backend()).unwrap();
    let id = |text: &str| PersonId(text.into());
    let facts = DirectoryFacts {
        person: Person {
            id: id("anna"),
            name: "Anna Berg".into(),
            mail: MailAddress::parse("anna@example.com").ok(),
            enabled: true,
            unit: Some("OU=Staff,DC=example".into()),
        },
        logins: vec!["aberg".into(), "anna@corp.example.com".into()],
        devices: vec![device("d-1"), device("d-2")],
        manager: id("martin"),
        without_manager: id("martin"),
        disabled: id("martin-adm"),
        shared: MailAddress::parse("Martin@example.com").unwrap(),
        group: (
            GroupName("Approvers".into()),
            vec![id("anna"), id("martin")],
        ),
        nested: None,
        outside: id("martin-adm"),
        absent: id("nobody"),
    };
    directory::whole_suite(&file, &facts).await;

    // Neither does it break for people within mail domains.
    let domains = MailDomains::new(vec!["example.com".parse().unwrap()]);
    let within = WithinDomains::new(Arc::new(file), domains);
    directory::whole_suite(&within, &facts).await;
}
