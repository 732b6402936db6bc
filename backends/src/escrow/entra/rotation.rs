//! Having Intune tell a device to make new keys
//! (<https://learn.microsoft.com/graph/api/intune-devices-manageddevice-rotatebitlockerkeys>).

use clavis_broker::ports::Rotation;

use super::find::managed;
use crate::entra::{Body, Call, Tenant, Trouble};

/// Tells the device with this `deviceId`, where Intune manages it.
pub(super) async fn rotate(tenant: &Tenant, device_id: &str) -> Result<Rotation, Trouble> {
    let mut asked = Rotation::NotManaged;
    for managed in managed(tenant, "azureADDeviceId", device_id).await? {
        let order = Call::post("beta")
            .segment("deviceManagement")
            .segment("managedDevices")
            .segment(managed.id)
            .segment("rotateBitLockerKeys")
            .needs("DeviceManagementManagedDevices.ReadWrite.All");
        // A device that was taken out of Intune in between is not managed either.
        if tenant.post(&order, Body::Empty).await?.is_some() {
            asked = Rotation::Asked;
        }
    }
    Ok(asked)
}
