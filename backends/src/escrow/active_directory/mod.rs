//! Recovery keys in Active Directory: objects of class `msFVE-RecoveryInformation` below the
//! computer that they belong to (`[MS-ADSC]`, class msFVE-RecoveryInformation).

mod check;
mod records;
mod settings;

use std::fmt;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId};
use clavis_broker::ports::{EscrowBackend, EscrowError, Finding};
use clavis_broker::text::Asset;
use uuid::Uuid;

pub use settings::AdEscrow;
pub(super) use settings::KIND;

use crate::active_directory::{
    COMPUTER, Domain, Scope, Search, Trouble, and, any_of, device, device_attributes, equal,
    equal_guid, guid_base, parent_dn, tell_apart,
};

/// Recovery keys in an Active Directory domain.
///
/// Look-ups share one connection that is kept. Each reading of keys has a connection of its own,
/// closed before the keys are given back.
pub struct ActiveDirectoryEscrow {
    name: BackendName,
    domain: Domain,
    search_base: Option<String>,
    known_device: Option<String>,
    owner_attribute: String,
}

impl ActiveDirectoryEscrow {
    /// A backend of this name. Touches neither network nor disk: that happens at the first call.
    pub fn new(name: BackendName, settings: AdEscrow) -> Self {
        Self {
            name,
            domain: Domain::new(settings.domain),
            search_base: settings.search_base,
            known_device: settings.known_device,
            owner_attribute: settings.owner_attribute,
        }
    }

    async fn base(&self) -> Result<&str, Trouble> {
        match &self.search_base {
            Some(base) => Ok(base),
            None => self.domain.root().await,
        }
    }

    async fn find(&self, asset: &str) -> Result<Vec<Device>, Trouble> {
        let base = self.base().await?;
        let mut ways = named(asset);
        if let Ok(guid) = Uuid::parse_str(asset) {
            ways.push(equal_guid("objectGUID", guid));
            let record = and(records::CLASS, &equal_guid(records::KEY_ID, guid));
            let record = Search::new(base, Scope::Subtree, record, &["1.1"]);
            let found = self.domain.search(&record).await?;
            let computers = found.iter().filter_map(|record| parent_dn(record.dn()));
            ways.extend(computers.map(|dn| equal("distinguishedName", dn)));
        }
        let attributes = device_attributes(&self.owner_attribute);
        let filter = and(COMPUTER, &any_of(&ways));
        let search = Search::new(base, Scope::Subtree, filter, &attributes).with_guids();
        let computers = self.domain.search(&search).await?;
        let devices: Result<_, _> = computers
            .iter()
            .map(|entry| device(entry, &self.name, &self.owner_attribute))
            .collect();
        devices.map(tell_apart)
    }

    async fn find_records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, Trouble> {
        let search = below(device, records::CLASS.into(), &records::ATTRIBUTES)?;
        let found = gone_is_none(self.domain.search(&search).await)?;
        found
            .iter()
            .map(|entry| records::record(entry, &self.name))
            .collect()
    }

    async fn read_keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, Trouble> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<_> = ids
            .iter()
            .map(|id| equal_guid(records::KEY_ID, id.0))
            .collect();
        let filter = and(records::CLASS, &any_of(&wanted));
        let search = below(device, filter, &[records::KEY_ID, records::PASSWORD])?;
        let found = gone_is_none(self.domain.search_once(&search).await)?;
        found.iter().map(records::key).collect()
    }

    fn error(&self, trouble: Trouble) -> EscrowError {
        EscrowError {
            backend: self.name.clone(),
            fault: trouble.fault(),
            source: Some(Box::new(trouble)),
        }
    }
}

impl fmt::Debug for ActiveDirectoryEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveDirectoryEscrow")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EscrowBackend for ActiveDirectoryEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }

    fn knows_units(&self) -> bool {
        true
    }

    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        let found = self.find(asset.as_str()).await;
        found.map_err(|trouble| self.error(trouble))
    }

    async fn records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, EscrowError> {
        let found = self.find_records(device).await;
        found.map_err(|trouble| self.error(trouble))
    }

    async fn keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, EscrowError> {
        let read = self.read_keys(device, ids).await;
        read.map_err(|trouble| self.error(trouble))
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }
}

/// The filters that each find the computers that a person may mean by a name.
fn named(asset: &str) -> Vec<String> {
    // A computer's account name ends with a dollar sign that people leave out.
    let account = format!("{}$", asset.strip_suffix('$').unwrap_or(asset));
    let mut ways = vec![equal("cn", asset), equal("sAMAccountName", &account)];
    // Active Directory has no index of DNS names: only what can be one is worth a longer search.
    if asset.contains('.') {
        ways.push(equal("dNSHostName", asset));
    }
    if asset.contains('=') {
        ways.push(equal("distinguishedName", asset));
    }
    ways
}

/// A search among what lies right below a computer.
fn below(device: &DeviceId, filter: String, attributes: &[&str]) -> Result<Search, Trouble> {
    let guid = Uuid::parse_str(&device.native)
        .map_err(|_| Trouble::Nonsense(format!("{device} is no objectGUID")))?;
    Ok(Search::new(
        &guid_base(guid),
        Scope::OneLevel,
        filter,
        attributes,
    ))
}

/// A computer that is no longer there has no records.
fn gone_is_none<T>(outcome: Result<Vec<T>, Trouble>) -> Result<Vec<T>, Trouble> {
    match outcome {
        Err(trouble) if trouble.is_missing_base() => Ok(Vec::new()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_in_every_shape_and_is_never_syntax() {
        assert_eq!(named("LT-1").concat(), "(cn=LT-1)(sAMAccountName=LT-1$)");
        assert_eq!(named("LT-1$")[1], "(sAMAccountName=LT-1$)");
        assert_eq!(named("lt-1.example")[2], "(dNSHostName=lt-1.example)");
        assert_eq!(named("CN=LT-1")[2], "(distinguishedName=CN=LT-1)");
        assert_eq!(named("*")[0], r"(cn=\2a)");
        assert_eq!(named(")(cn=*")[2], r"(distinguishedName=\29\28cn=\2a)");
    }

    #[test]
    fn only_an_object_guid_can_be_searched_below() {
        let mut device = DeviceId {
            backend: BackendName("ad".into()),
            native: "CN=LT-1,DC=example".into(),
        };
        assert!(below(&device, String::new(), &[]).is_err());
        device.native = Uuid::from_u128(7).to_string();
        assert!(below(&device, String::new(), &[]).is_ok());
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;

    #[test]
    fn whatever_is_typed_for_a_device_each_way_of_looking_is_one_comparison() {
        let pieces = [
            "*", "(", ")", "\\", "\0", "=", ".", "$", ")(cn=*", "|", "&", "é", "CN=a",
        ];
        check!().for_each(|bytes: &[u8]| {
            let Ok(asset) = Asset::parse(&spelled(bytes, &pieces)) else {
                return;
            };
            let ways = named(asset.as_str());
            for way in &ways {
                assert_eq!(way.matches(['(', ')', '*', '\0']).count(), 2, "{way}");
                assert!(ldap3::parse_filter(way).is_ok(), "{way}");
            }
            let whole = and(COMPUTER, &any_of(&ways));
            assert!(ldap3::parse_filter(&whole).is_ok(), "{whole}");
        });
    }
}
