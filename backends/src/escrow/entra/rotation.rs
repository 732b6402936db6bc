//! Having Intune tell a device to make new keys
//! (<https://learn.microsoft.com/graph/api/intune-devices-manageddevice-rotatebitlockerkeys>).

use std::collections::HashMap;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Rotation;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::entra::{Body, Call, FailedOrder, ManagedBy, Tenant, Trouble, intune};

/// The most objects that Intune has of one device: each enrolment may leave one behind.
const MOST: usize = 5;

/// Tells the device with this `deviceId`, where Intune manages it. Every object of it is told, as
/// nobody can say which of them is the one that is in use, and none is told twice.
pub(super) async fn rotate(tenant: &Tenant, device_id: &str) -> Result<Rotation, Trouble> {
    let Ok(id) = Uuid::parse_str(device_id) else {
        return Ok(Rotation::NotManaged);
    };
    let managed = intune::managed(tenant, ManagedBy::DeviceId(id)).await?;
    let objects: HashMap<_, _> = managed
        .into_iter()
        .map(|managed| (managed.id.to_lowercase(), managed.id))
        .collect();
    if objects.len() > MOST {
        return Err(Trouble::Nonsense(format!(
            "Intune has {} objects of one device, of which none is told anything",
            objects.len()
        )));
    }
    let told = objects.into_values().map(async |object| {
        let order = Call::post("beta")
            .segment("deviceManagement")
            .segment("managedDevices")
            .segment(object)
            .segment("rotateBitLockerKeys")
            .needs("DeviceManagementManagedDevices.ReadWrite.All");
        tenant.order(&order, Body::Empty).await
    });
    judge(join_all(told).await)
}

/// What became of the wish, by what became of each order: one that was taken will do, and one that
/// may have been is not given again.
fn judge(told: Vec<Result<Option<()>, FailedOrder>>) -> Result<Rotation, Trouble> {
    let (mut asked, mut unsure, mut failed) = (false, false, None);
    for outcome in told {
        match outcome {
            Ok(Some(())) => asked = true,
            // It was taken out of Intune in between.
            Ok(None) => {}
            Err(order) => {
                let error = with_causes(&order.trouble);
                tracing::warn!(error, "Intune did not take an order for new keys.");
                unsure |= order.may_be_done;
                failed = failed.or(Some(order.trouble));
            }
        }
    }
    match failed {
        _ if asked => Ok(Rotation::Asked),
        _ if unsure => Ok(Rotation::Unsure),
        Some(trouble) => Err(trouble),
        None => Ok(Rotation::NotManaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(may_be_done: bool) -> Result<Option<()>, FailedOrder> {
        Err(FailedOrder {
            trouble: Trouble::TooLate,
            may_be_done,
        })
    }

    #[test]
    fn one_order_that_was_taken_will_do_and_one_that_may_have_been_is_no_error() {
        let (taken, gone) = (Ok(Some(())), Ok(None));
        assert_eq!(judge(vec![]).unwrap(), Rotation::NotManaged);
        assert_eq!(judge(vec![gone]).unwrap(), Rotation::NotManaged);
        let all = vec![failed(false), failed(true), taken];
        assert_eq!(judge(all).unwrap(), Rotation::Asked);
        let some = vec![failed(false), failed(true), Ok(None)];
        assert_eq!(judge(some).unwrap(), Rotation::Unsure);
        judge(vec![failed(false), Ok(None)]).unwrap_err();
    }
}
