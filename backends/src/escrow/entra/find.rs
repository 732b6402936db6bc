//! The devices that an asset names in Entra ID and Intune.

use std::collections::HashSet;

use clavis_broker::devices::{BackendName, Device};
use serde::Deserialize;
use uuid::Uuid;

use super::{hyphenated, keys, owners};
use crate::entra::{
    Call, DEVICE_FIELDS, DEVICES, DeviceObject, DevicesBy, ManagedBy, Tenant, Trouble, device,
    devices_with, devices_with_ids, intune, tell_apart,
};

/// Devices by name, by `deviceId`, by the ID of their object, by the ID of one of their keys, and
/// where Intune may be read and answers, by serial number and by the ID that Intune gives them. None without an ID that keys are
/// escrowed under.
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
    let owned = owners::with_owners(tenant, objects.collect()).await?;
    let devices = owned
        .into_iter()
        .filter_map(|(object, owners)| device(&object, backend, owners));
    Ok(tell_apart(devices.collect()))
}

async fn by_name(tenant: &Tenant, name: &str) -> Result<Vec<DeviceObject>, Trouble> {
    let named = devices_with(tenant, DevicesBy::Name(name));
    let (named, serials) = tokio::join!(named, by_serial_number(tenant, name));
    let mut found = named?;
    found.extend(serials?);
    Ok(found)
}

async fn by_serial_number(tenant: &Tenant, number: &str) -> Result<Vec<DeviceObject>, Trouble> {
    let managed = intune::managed(tenant, ManagedBy::SerialNumber(number));
    of_managed(tenant, managed).await
}

/// The devices in Entra ID that are managed by Intune so.
async fn of_managed(
    tenant: &Tenant,
    asking: impl Future<Output = Result<Vec<intune::Managed>, Trouble>>,
) -> Result<Vec<DeviceObject>, Trouble> {
    // Its state is large; boxed, it weighs on no caller's.
    let managed = Box::pin(intune::if_it_answers(tenant, asking)).await?;
    let managed = managed.unwrap_or_default();
    let ids = managed.iter().filter_map(intune::Managed::device_id);
    devices_with_ids(tenant, ids.collect()).await
}

async fn by_id(tenant: &Tenant, id: Uuid) -> Result<Vec<DeviceObject>, Trouble> {
    let text = hyphenated(id);
    let object = Call::get("v1.0")
        .segment("devices")
        .segment(&text)
        .query("$select", DEVICE_FIELDS)
        .needs(DEVICES);
    let object = tenant.get::<DeviceObject>(&object);
    let device = devices_with(tenant, DevicesBy::Id(id));
    let (object, device, of_key, managed) = tokio::join!(
        object,
        device,
        by_key(tenant, &text),
        by_id_in_intune(tenant, id)
    );
    let mut found = device?;
    found.extend(object?);
    found.extend(of_key?);
    found.extend(managed?);
    Ok(found)
}

async fn by_id_in_intune(tenant: &Tenant, id: Uuid) -> Result<Vec<DeviceObject>, Trouble> {
    let managed = intune::managed_by_own_id(tenant, id);
    of_managed(tenant, managed).await
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
    let call = keys().segment(id).needs(super::KEYS);
    let Some(answer) = tenant.get::<Answer>(&call).await? else {
        return Ok(Vec::new());
    };
    let wrapped = answer.value.and_then(|key| key.device_id);
    match wrapped.or(answer.flat.device_id) {
        Some(device) => devices_with(tenant, DevicesBy::Id(device)).await,
        None => Ok(Vec::new()),
    }
}
