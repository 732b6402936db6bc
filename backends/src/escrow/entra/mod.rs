//! Recovery keys in Entra ID: `bitlockerRecoveryKey` of Microsoft Graph
//! (<https://learn.microsoft.com/graph/api/resources/bitlockerrecoverykey>).

mod check;
mod find;
mod known;
mod owners;
mod records;
mod rotation;
mod settings;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use clavis_broker::devices::{BackendName, Device, DeviceId, EscrowRecord};
use clavis_broker::keys::{EscrowedKey, KeyId};
use clavis_broker::ports::{EscrowBackend, EscrowError, Finding, Rotation};
use clavis_broker::text::Asset;
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

pub(super) use settings::KIND;

use self::known::Known;
use crate::entra::{Call, Tenant, Trouble, equals};

/// How many keys are read at once: a device may have 200, and Graph counts calls.
const AT_ONCE: usize = 20;

/// To list keys and to read them. Listing alone needs less, but who may read needs no more.
const KEYS: &str = "BitlockerKey.Read.All";

/// Recovery keys in a tenant of Entra ID. A device's native ID is its `deviceId`, which keys are
/// escrowed under, not the ID of its object.
pub struct EntraEscrow {
    name: BackendName,
    tenant: Arc<Tenant>,
    known_device: Option<String>,
    known: Known,
}

impl EntraEscrow {
    /// A backend of this name. Touches neither network nor disk: that happens at the first call.
    /// `known_device` is the name of a device that has a key, for the self check.
    pub fn new(name: BackendName, tenant: Arc<Tenant>, known_device: Option<String>) -> Self {
        Self {
            name,
            tenant,
            known_device,
            known: Known::default(),
        }
    }

    async fn find_records(&self, device: &DeviceId) -> Result<Vec<EscrowRecord>, Trouble> {
        let Ok(id) = Uuid::parse_str(&device.native) else {
            return Ok(Vec::new());
        };
        let call = keys()
            .query("$filter", &equals("deviceId", &hyphenated(id)))
            .needs(KEYS);
        let listed: Vec<records::Listed> = self.tenant.list(&call).await?;
        // What the service filters is filtered once more: a key of another device is never one
        // of this.
        let records: Vec<_> = listed
            .into_iter()
            .filter(|listed| listed.device_id == id)
            .map(|listed| listed.record(&self.name))
            .collect();
        let ids = records.iter().map(|record| record.key_id);
        self.known.remember(id, ids.collect());
        Ok(records)
    }

    /// The keys, each by a call of its own, as Graph has no other way; only such that are the
    /// device's are asked for, since each reading is a row in the tenant's own audit log.
    async fn read_keys(
        &self,
        device: &DeviceId,
        ids: &[KeyId],
    ) -> Result<Vec<EscrowedKey>, Trouble> {
        let Ok(device_id) = Uuid::parse_str(&device.native) else {
            return Ok(Vec::new());
        };
        let theirs = if let Some(theirs) = self.known.of(device_id) {
            theirs
        } else {
            let records = self.find_records(device).await?;
            records.iter().map(|record| record.key_id).collect()
        };
        let wanted: Vec<_> = ids
            .iter()
            .copied()
            .filter(|id| theirs.contains(id))
            .collect();
        let read = stream::iter(wanted)
            .map(|id| self.read_key(id))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn read_key(&self, id: KeyId) -> Result<Option<EscrowedKey>, Trouble> {
        // With any other `$select`, the key is not in the answer.
        let call = keys()
            .segment(hyphenated(id.0))
            .query("$select", "key")
            .needs(KEYS);
        let Some(answer) = self.tenant.read_secret(&call).await? else {
            return Ok(None);
        };
        records::key(id, &answer).map(Some)
    }

    fn error(&self, trouble: Trouble) -> EscrowError {
        EscrowError {
            backend: self.name.clone(),
            fault: trouble.fault(),
            source: Some(Box::new(trouble)),
        }
    }
}

impl fmt::Debug for EntraEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraEscrow")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EscrowBackend for EntraEscrow {
    fn name(&self) -> &BackendName {
        &self.name
    }

    async fn devices(&self, asset: &Asset) -> Result<Vec<Device>, EscrowError> {
        let found = find::devices(&self.tenant, &self.name, asset.as_str()).await;
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

    async fn rotate(&self, device: &DeviceId) -> Result<Rotation, EscrowError> {
        let asked = rotation::rotate(&self.tenant, &device.native).await;
        asked.map_err(|trouble| self.error(trouble))
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }
}

/// A question about recovery keys.
fn keys() -> Call {
    ["informationProtection", "bitlocker", "recoveryKeys"]
        .into_iter()
        .fold(Call::get("v1.0"), Call::segment)
}

/// An ID as Graph writes it.
fn hyphenated(id: Uuid) -> String {
    id.as_hyphenated().to_string()
}
