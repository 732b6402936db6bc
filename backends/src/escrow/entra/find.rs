//! The devices that an asset names in Entra ID and Intune, and whose they are.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clavis_broker::devices::{BackendName, Device, Owner};
use clavis_broker::people::PersonId;
use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;
use uuid::Uuid;

use super::{hyphenated, keys};
use crate::entra::permission::{MANAGED_DEVICES, PEOPLE};
use crate::entra::{
    Call, DEVICE_FIELDS, DEVICES, DeviceObject, Tenant, Trouble, device, devices_with, equals,
    tell_apart,
};

/// Devices by name, by `deviceId`, by the ID of their object, by the ID of one of their keys, and
/// where Intune may be read, by serial number. None without an ID that keys are escrowed under.
pub(super) async fn devices(
    tenant: &Tenant,
    backend: &BackendName,
    asset: &str,
) -> Result<Vec<Device>, Trouble> {
    let objects = match Uuid::parse_str(asset) {
        Ok(id) => by_id(tenant, id).await?,
        Err(_) => by_name(tenant, asset).await?,
    };
    let mut seen = HashSet::new();
    let objects = objects.into_iter().filter(DeviceObject::may_be_windows);
    let objects = objects.filter(|object| object.device_id().is_some_and(|id| seen.insert(id)));
    let found = objects.map(async |object| {
        let owners = owners(tenant, &object).await?;
        Ok::<_, Trouble>(device(&object, backend, owners))
    });
    let devices = try_join_all(found).await?;
    Ok(tell_apart(devices.into_iter().flatten().collect()))
}

async fn by_name(tenant: &Tenant, name: &str) -> Result<Vec<DeviceObject>, Trouble> {
    let named = devices_with(tenant, "displayName", name);
    let (named, serials) = tokio::join!(named, by_serial_number(tenant, name));
    let mut found = named?;
    found.extend(serials?);
    Ok(found)
}

async fn by_serial_number(tenant: &Tenant, number: &str) -> Result<Vec<DeviceObject>, Trouble> {
    if !tenant.may(MANAGED_DEVICES).await? {
        return Ok(Vec::new());
    }
    let managed = managed(tenant, "serialNumber", number).await?;
    let ids = managed.iter().filter_map(Managed::device_id);
    let found =
        try_join_all(ids.map(async |id| devices_with(tenant, "deviceId", &hyphenated(id)).await));
    Ok(found.await?.into_iter().flatten().collect())
}

async fn by_id(tenant: &Tenant, id: Uuid) -> Result<Vec<DeviceObject>, Trouble> {
    let text = hyphenated(id);
    let object = Call::get("v1.0")
        .segment("devices")
        .segment(&text)
        .query("$select", DEVICE_FIELDS)
        .needs(DEVICES);
    let object = tenant.get::<DeviceObject>(&object);
    let device = devices_with(tenant, "deviceId", &text);
    let (object, device, of_key) = tokio::join!(object, device, by_key(tenant, &text));
    let mut found = device?;
    found.extend(object?);
    found.extend(of_key?);
    Ok(found)
}

/// The device of the key with this ID. The key itself is not asked for.
async fn by_key(tenant: &Tenant, id: &str) -> Result<Vec<DeviceObject>, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        device_id: Option<Uuid>,
    }
    #[derive(Deserialize)]
    struct Answer {
        value: Option<Key>,
        #[serde(flatten)]
        flat: Key,
    }
    let call = keys().segment(id).needs("BitlockerKey.ReadBasic.All");
    let Some(answer) = tenant.get::<Answer>(&call).await? else {
        return Ok(Vec::new());
    };
    let wrapped = answer.value.and_then(|key| key.device_id);
    match wrapped.or(answer.flat.device_id) {
        Some(device) => devices_with(tenant, "deviceId", &hyphenated(device)).await,
        None => Ok(Vec::new()),
    }
}

/// A device as Intune manages it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Managed {
    pub(super) id: String,
    #[serde(rename = "azureADDeviceId")]
    azure_ad_device_id: Option<String>,
    user_id: Option<String>,
}

impl Managed {
    fn device_id(&self) -> Option<Uuid> {
        Uuid::parse_str(self.azure_ad_device_id.as_deref()?).ok()
    }
}

/// The devices that Intune manages with this value in a property.
pub(super) async fn managed(
    tenant: &Tenant,
    property: &str,
    value: &str,
) -> Result<Vec<Managed>, Trouble> {
    let call = Call::get("v1.0")
        .segment("deviceManagement")
        .segment("managedDevices")
        .query("$filter", &equals(property, value))
        .query("$select", "id,azureADDeviceId,userId")
        .needs(MANAGED_DEVICES);
    tenant.list(&call).await
}

/// Whose a device is: its owner, its users, and Intune's primary user where Intune may be read.
///
/// An account that is synchronised from Active Directory is named by its ID there as well, so
/// that it is known whichever of the two directories Clavis reads. Where accounts may not be
/// read, nobody is named: half an answer would look like somebody else's device.
async fn owners(tenant: &Tenant, object: &DeviceObject) -> Result<Vec<Owner>, Trouble> {
    if !tenant.may(PEOPLE).await? {
        return Ok(Vec::new());
    }
    let of_object = |relation: &'static str| {
        let call = Call::get("v1.0")
            .segment("devices")
            .segment(&object.id)
            .segment(relation)
            .query("$select", "id,onPremisesImmutableId")
            .needs(DEVICES);
        async move { tenant.list::<Account>(&call).await }
    };
    let both = join_all(["registeredOwners", "registeredUsers"].map(of_object));
    let (both, primary) = tokio::join!(both, primary_users(tenant, object));
    let mut accounts = primary?;
    for some in both {
        accounts.extend(some?);
    }
    let mut owners: Vec<Owner> = Vec::new();
    for owner in accounts.iter().map(Account::owner) {
        if !owners.iter().any(|known| known.is_same_as(&owner)) {
            owners.push(owner);
        }
    }
    Ok(owners)
}

async fn primary_users(tenant: &Tenant, object: &DeviceObject) -> Result<Vec<Account>, Trouble> {
    let Some(id) = object.device_id() else {
        return Ok(Vec::new());
    };
    if !tenant.may(MANAGED_DEVICES).await? {
        return Ok(Vec::new());
    }
    let managed = managed(tenant, "azureADDeviceId", &hyphenated(id)).await?;
    let users = managed.into_iter().filter_map(|managed| managed.user_id);
    let accounts = users.map(async |id| {
        let call = Call::get("v1.0")
            .segment("users")
            .segment(id)
            .query("$select", "id,onPremisesImmutableId")
            .needs(PEOPLE);
        tenant.get::<Account>(&call).await
    });
    Ok(try_join_all(accounts)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: String,
    on_premises_immutable_id: Option<String>,
}

impl Account {
    /// The ID in Entra ID, and the `objectGUID` in Active Directory where it is synchronised from
    /// there with the usual source anchor: 16 bytes in Base64
    /// (<https://learn.microsoft.com/entra/identity/hybrid/connect/plan-connect-design-concepts>).
    fn owner(&self) -> Owner {
        let anchor = self
            .on_premises_immutable_id
            .as_deref()
            .and_then(|anchor| STANDARD.decode(anchor).ok())
            .and_then(|bytes| Uuid::from_slice_le(&bytes).ok());
        let own = Uuid::parse_str(&self.id).ok();
        let ids = own.into_iter().chain(anchor);
        Owner(ids.map(|id| PersonId(hyphenated(id))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synchronised_account_is_known_by_both_of_its_ids() {
        let own = Uuid::from_u128(1);
        let guid = Uuid::from_u128(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10);
        let account = |anchor: Option<String>| Account {
            id: own.to_string().to_uppercase(),
            on_premises_immutable_id: anchor,
        };
        let ids = |account: &Account| {
            account
                .owner()
                .0
                .into_iter()
                .map(|id| id.0)
                .collect::<Vec<_>>()
        };
        let synchronised = account(Some(STANDARD.encode(guid.to_bytes_le())));
        assert_eq!(ids(&synchronised), [own.to_string(), guid.to_string()]);
        for anchor in [None, Some("x".to_owned()), Some(STANDARD.encode(b"anna"))] {
            assert_eq!(ids(&account(anchor)), [own.to_string()]);
        }
    }
}
