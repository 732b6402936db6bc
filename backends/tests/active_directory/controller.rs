//! The domain controller of the tests, and settings to reach it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clavis_backends::directory::ActiveDirectoryPeople;
use clavis_backends::escrow::{ActiveDirectoryEscrow, AdEscrow};
use clavis_broker::devices::{BackendName, Device, DeviceId};
use clavis_broker::keys::KeyId;
use clavis_broker::people::PersonId;
use clavis_broker::ports::EscrowBackend;
use clavis_broker::testing::SetClock;
use clavis_broker::text::Asset;
use clavis_config::settings::{AdDirectory, AdDomain, Controllers, LdapSecurity};
use jiff::SignedDuration;
use serde::Deserialize;

/// What `tests/domain-controller/fill.py` put into the directory.
#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) base: String,
    pub(crate) devices_base: String,
    pub(crate) pool_devices: usize,
    pub(crate) people: BTreeMap<String, ExpectedPerson>,
    pub(crate) devices: BTreeMap<String, ExpectedDevice>,
}

#[derive(Deserialize)]
pub(crate) struct ExpectedPerson {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mail: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct ExpectedDevice {
    pub(crate) dn: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) records: BTreeMap<String, ExpectedRecord>,
}

#[derive(Deserialize)]
pub(crate) struct ExpectedRecord {
    pub(crate) key_id: KeyId,
    pub(crate) key: String,
    pub(crate) volume: Option<uuid::Uuid>,
    pub(crate) time: jiff::Timestamp,
}

impl Expected {
    pub(crate) fn device(&self, name: &str) -> DeviceId {
        DeviceId {
            backend: backend(),
            native: self.devices[name].id.clone(),
        }
    }

    pub(crate) fn person(&self, account: &str) -> PersonId {
        PersonId(self.people[account].id.clone())
    }

    pub(crate) fn key_ids(&self, device: &str) -> Vec<KeyId> {
        let records = self.devices[device].records.values();
        records.map(|record| record.key_id).collect()
    }
}

pub(crate) fn folder() -> PathBuf {
    std::env::var_os("CLAVIS_TEST_DC").map_or_else(
        || panic!("CLAVIS_TEST_DC names no domain controller: run these tests by tests/run"),
        PathBuf::from,
    )
}

pub(crate) fn read(file: &str) -> String {
    let path = folder().join(file);
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{}: {error}: run tests/run", path.display()))
}

pub(crate) fn address() -> String {
    read("address").trim().to_owned()
}

pub(crate) fn expected() -> Expected {
    serde_json::from_str(&read("expected.json")).unwrap()
}

pub(crate) fn backend() -> BackendName {
    BackendName("ad".into())
}

/// The domain as the rightly delegated account reaches it.
pub(crate) fn domain() -> AdDomain {
    domain_as("svc-clavis")
}

pub(crate) fn domain_as(account: &str) -> AdDomain {
    AdDomain {
        controllers: Controllers::Named(vec![address()]),
        security: LdapSecurity::Ldaps,
        ca_file: Some(folder().join("ca.pem")),
        bind_name: format!("{account}@corp.example.com"),
        password: read(&format!("{account}.password")).into(),
        timeout: SignedDuration::from_secs(10),
    }
}

pub(crate) fn escrow_settings(domain: AdDomain) -> AdEscrow {
    AdEscrow {
        domain,
        search_base: None,
        known_device: Some("LT-0001".into()),
        owner_attribute: "managedBy".into(),
    }
}

pub(crate) fn escrow(domain: AdDomain) -> ActiveDirectoryEscrow {
    ActiveDirectoryEscrow::new(backend(), escrow_settings(domain))
}

pub(crate) fn people(domain: AdDomain) -> ActiveDirectoryPeople {
    let settings = AdDirectory {
        domain,
        search_base: None,
        escrow: Some(backend()),
        owner_attribute: "managedBy".into(),
    };
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    ActiveDirectoryPeople::new(settings, Arc::new(SetClock::at(now)))
}

/// The devices that an asset names.
pub(crate) async fn find(escrow: &ActiveDirectoryEscrow, asset: &str) -> Vec<Device> {
    escrow.devices(&Asset::parse(asset).unwrap()).await.unwrap()
}
