//! Active Directory keeps the contracts of every escrow and every directory.

use clavis_broker::devices::DeviceId;
use clavis_broker::keys::RecoveryKey;
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::ports::GroupName;
use clavis_broker::testing::contract::directory::{self, DirectoryFacts};
use clavis_broker::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use uuid::Uuid;

use crate::controller::{Expected, backend, domain, escrow, expected, people};

fn known(expected: &Expected, name: &str) -> KnownDevice {
    let keys = expected.devices[name].records.values();
    let id = expected.device(name);
    KnownDevice {
        shared_id: Uuid::parse_str(&id.native).ok(),
        id,
        name: name.into(),
        keys: keys
            .map(|record| KnownKey {
                id: record.key_id,
                sound: RecoveryKey::parse(&record.key)
                    .is_ok()
                    .then(|| record.key.clone()),
            })
            .collect(),
    }
}

#[tokio::test]
async fn it_keeps_the_contract_of_an_escrow() {
    let expected = expected();
    let facts = EscrowFacts {
        full: known(&expected, "LT-0002"),
        damaged: known(&expected, "LT-0004"),
        empty: known(&expected, "LT-0003"),
        absent: DeviceId {
            backend: backend(),
            native: Uuid::from_u128(7).to_string(),
        },
    };
    escrow::whole_suite(&escrow(domain()), &facts).await;
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_directory() {
    let expected = expected();
    let anna = &expected.people["anna"];
    let mail = anna.mail.as_deref().unwrap();
    let facts = DirectoryFacts {
        person: Person {
            id: expected.person("anna"),
            name: anna.name.clone(),
            mail: MailAddress::parse(mail).ok(),
            enabled: true,
            unit: Some(format!("OU=Staff,{}", expected.base)),
        },
        logins: vec!["anna".into(), "anna@corp.example.com".into()],
        devices: ["LT-0001", "LT-0002"]
            .map(|name| expected.device(name))
            .into(),
        manager: expected.person("bert"),
        without_manager: expected.person("chief"),
        disabled: expected.person("gone"),
        shared: MailAddress::parse("shared@example.com").unwrap(),
        group: (
            GroupName("approvers".into()),
            ["anna", "bert", "chief", "gone"]
                .map(|account| expected.person(account))
                .into(),
        ),
        nested: Some(GroupName("inner".into())),
        outside: expected.person("odd"),
        absent: PersonId(Uuid::from_u128(7).to_string()),
    };
    directory::whole_suite(&people(domain()), &facts).await;
}
