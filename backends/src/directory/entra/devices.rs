//! Which devices are somebody's.

use std::collections::BTreeMap;

use clavis_broker::devices::{BackendName, Device};
use clavis_broker::people::PersonId;
use uuid::Uuid;

use super::unreadable;
use crate::entra::intune::{self, Managed};
use crate::entra::permission::{MANAGED_DEVICES, PEOPLE};
use crate::entra::{
    Call, DEVICE_FIELDS, DEVICES, DeviceObject, Tenant, Trouble, device, devices_with_ids,
    tell_apart,
};

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
    objects.append(&mut by_device_id(devices_with_ids(tenant, others).await?));
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
    let answer = intune::if_it_answers(tenant, managed(tenant, person)).await?;
    Ok(answer.unwrap_or_default())
}

async fn managed(tenant: &Tenant, person: &str) -> Result<Vec<Uuid>, Trouble> {
    let call = Call::get("v1.0")
        .segment("users")
        .segment(person)
        .segment("managedDevices")
        .query("$select", intune::MANAGED_FIELDS)
        .needs(MANAGED_DEVICES);
    let found: Vec<Managed> = tenant.list(&call).await?;
    // Of a device that several people use, one is the primary user.
    let theirs = found.into_iter().filter(|managed| {
        let user = managed.user_id.as_deref();
        user.is_some_and(|user| user.eq_ignore_ascii_case(person))
    });
    Ok(theirs.filter_map(|managed| managed.device_id()).collect())
}
