//! Which devices are somebody's.

use std::collections::BTreeMap;
use std::time::Duration;

use clavis_broker::causes::with_causes;
use clavis_broker::devices::{BackendName, Device};
use clavis_broker::people::PersonId;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use super::unreadable;
use crate::entra::permission::{MANAGED_DEVICES, PEOPLE};
use crate::entra::{
    Call, DEVICE_FIELDS, DEVICES, DeviceObject, Tenant, Trouble, device, devices_with, tell_apart,
};

/// How long Intune is waited for: it is slower than the directory, and can be done without.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many devices are asked for at once.
const AT_ONCE: usize = 8;

/// The devices that somebody owns, has registered or, where Intune may be read, is the primary
/// user of, sorted by name. Of a computer that was joined to Active Directory first, Entra ID
/// knows no owner, and only Intune can tell whose it is.
pub(super) async fn of(
    tenant: &Tenant,
    escrow: &BackendName,
    person: &str,
) -> Result<Vec<Device>, Trouble> {
    let (owned, registered, managed) = tokio::join!(
        related(tenant, person, "ownedDevices"),
        related(tenant, person, "registeredDevices"),
        primary(tenant, person),
    );
    let mut objects = by_device_id(owned?.into_iter().chain(registered?));
    let mut others = managed?;
    others.retain(|id| !objects.contains_key(id));
    objects.append(&mut by_device_id(with_ids(tenant, others).await?));
    let id = PersonId(person.to_owned());
    let devices = objects
        .values()
        .filter(|object| object.may_be_windows())
        .filter_map(|object| device(object, escrow, vec![id.clone().into()]));
    Ok(tell_apart(devices.collect()))
}

fn by_device_id(objects: impl IntoIterator<Item = DeviceObject>) -> BTreeMap<Uuid, DeviceObject> {
    let objects = objects.into_iter();
    let with_ids = objects.filter_map(|object| Some((object.device_id()?, object)));
    with_ids.collect()
}

/// The devices at the other end of a relation. Nobody has none.
async fn related(
    tenant: &Tenant,
    person: &str,
    relation: &'static str,
) -> Result<Vec<DeviceObject>, Trouble> {
    let call = Call::get("v1.0")
        .segment("users")
        .segment(person)
        .segment(relation)
        .query("$select", DEVICE_FIELDS)
        .needs(PEOPLE);
    let found: Vec<DeviceObject> = tenant.list(&call).await?;
    if !found.is_empty() && found.iter().all(|object| object.device_id().is_none()) {
        return Err(unreadable(DEVICES));
    }
    Ok(found)
}

/// The devices that Intune says are the person's. Where it does not answer, there are fewer, which
/// allows less.
async fn primary(tenant: &Tenant, person: &str) -> Result<Vec<Uuid>, Trouble> {
    if !tenant.may(MANAGED_DEVICES).await? {
        return Ok(Vec::new());
    }
    let answer = timeout(PATIENCE, managed(tenant, person)).await;
    let answer = answer.unwrap_or(Err(Trouble::TooLate));
    Ok(answer.unwrap_or_else(|trouble| {
        let error = with_causes(&trouble);
        tracing::warn!(error, "Intune does not say which devices are a person's.");
        Vec::new()
    }))
}

async fn managed(tenant: &Tenant, person: &str) -> Result<Vec<Uuid>, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Managed {
        #[serde(rename = "azureADDeviceId")]
        device_id: Option<String>,
        user_id: Option<String>,
    }
    let call = Call::get("v1.0")
        .segment("users")
        .segment(person)
        .segment("managedDevices")
        .query("$select", "id,azureADDeviceId,userId")
        .needs(MANAGED_DEVICES);
    let found: Vec<Managed> = tenant.list(&call).await?;
    // Of a device that several people use, one is the primary user.
    let theirs = found.into_iter().filter(|managed| {
        let user = managed.user_id.as_deref();
        user.is_some_and(|user| user.eq_ignore_ascii_case(person))
    });
    let ids = theirs.filter_map(|managed| Uuid::parse_str(&managed.device_id?).ok());
    Ok(ids.filter(|id| !id.is_nil()).collect())
}

/// The devices with these IDs, some at once.
async fn with_ids(tenant: &Tenant, ids: Vec<Uuid>) -> Result<Vec<DeviceObject>, Trouble> {
    let found = stream::iter(ids)
        .map(async |id| devices_with(tenant, "deviceId", &id.as_hyphenated().to_string()).await)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(found.into_iter().flatten().collect())
}
