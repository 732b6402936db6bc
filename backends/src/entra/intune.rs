//! Devices as Intune manages them. Intune is slower than the directory, is not bought by everybody,
//! and can be done without.

use std::time::Duration;

use clavis_broker::causes::with_causes;
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use super::permission::MANAGED_DEVICES;
use super::{Call, Tenant, Trouble, equals};

/// How long Intune is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked of a managed device (`$select`).
pub(crate) const MANAGED_FIELDS: &str = "id,azureADDeviceId,serialNumber,userId";

/// A device as Intune tells it (resource type `managedDevice`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Managed {
    /// The ID in Intune.
    pub(crate) id: String,
    #[serde(rename = "azureADDeviceId")]
    azure_ad_device_id: Option<String>,
    serial_number: Option<String>,
    /// The primary user.
    pub(crate) user_id: Option<String>,
}

/// By what managed devices are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ManagedBy<'b> {
    /// The device's ID in Entra ID.
    DeviceId(Uuid),
    /// The serial number.
    SerialNumber(&'b str),
}

impl Managed {
    /// The device's ID in Entra ID.
    pub(crate) fn device_id(&self) -> Option<Uuid> {
        let id = Uuid::parse_str(self.azure_ad_device_id.as_deref()?).ok()?;
        (!id.is_nil()).then_some(id)
    }

    /// What the service filters is filtered once more: an order for another device must not follow
    /// from a filter that was not heeded.
    fn is(&self, by: ManagedBy<'_>) -> bool {
        match by {
            ManagedBy::DeviceId(id) => self.device_id() == Some(id),
            ManagedBy::SerialNumber(number) => super::says(self.serial_number.as_deref(), number),
        }
    }
}

/// The devices that Intune manages by this ID or serial number.
pub(crate) async fn managed(tenant: &Tenant, by: ManagedBy<'_>) -> Result<Vec<Managed>, Trouble> {
    let filter = match by {
        ManagedBy::DeviceId(id) => equals("azureADDeviceId", &id.as_hyphenated().to_string()),
        ManagedBy::SerialNumber(number) => equals("serialNumber", number),
    };
    let call = Call::get("v1.0")
        .segment("deviceManagement")
        .segment("managedDevices")
        .query("$filter", &filter)
        .query("$select", MANAGED_FIELDS)
        .needs(MANAGED_DEVICES);
    let mut found: Vec<Managed> = tenant.list(&call).await?;
    found.retain(|managed| managed.is(by));
    Ok(found)
}

/// The device that has this ID in Intune; none or one.
pub(crate) async fn managed_by_own_id(tenant: &Tenant, id: Uuid) -> Result<Vec<Managed>, Trouble> {
    let text = id.as_hyphenated().to_string();
    let call = Call::get("v1.0")
        .segment("deviceManagement")
        .segment("managedDevices")
        .segment(&text)
        .query("$select", MANAGED_FIELDS)
        .needs(MANAGED_DEVICES);
    let found: Option<Managed> = tenant.get(&call).await?;
    let is_it = |managed: &Managed| Uuid::parse_str(&managed.id).ok() == Some(id);
    Ok(found.filter(is_it).into_iter().collect())
}

/// What Intune answers, where it may be asked: `None` where it does not answer soon, or refuses,
/// which the log tells.
///
/// # Errors
/// Where there is no token to ask anybody with.
pub(crate) async fn if_it_answers<T>(
    tenant: &Tenant,
    asking: impl Future<Output = Result<Vec<T>, Trouble>>,
) -> Result<Option<Vec<T>>, Trouble> {
    if !tenant.may(MANAGED_DEVICES).await? {
        return Ok(Some(Vec::new()));
    }
    let answer = timeout(PATIENCE, asking).await;
    let answer = answer.unwrap_or(Err(Trouble::TooLate));
    Ok(answer
        .inspect_err(|trouble| {
            let error = with_causes(trouble);
            tracing::warn!(error, "Intune does not answer, and is done without.");
        })
        .ok())
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn whatever_is_answered_a_managed_device_is_the_one_that_was_asked_for() {
        let id = Uuid::from_u128(0x1ab4_0ab2_32a8_4b00_b6b5_ba72_4e40_7de9);
        let sound = r#"{"id":"m","azureADDeviceId":"1AB40AB2-32a8-4b00-b6b5-ba724e407de9",
            "serialNumber":"5CG1234X","userId":"u"}"#;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "5CG1234X",
            "00000000-0000-0000-0000-000000000000",
            "\\u0000",
            "é",
            " ",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            let Ok(managed) = serde_json::from_str::<Managed>(&text) else {
                return;
            };
            assert!(!managed.is(ManagedBy::DeviceId(Uuid::nil())));
            if managed.is(ManagedBy::DeviceId(id)) {
                assert_eq!(managed.device_id(), Some(id));
            }
            if managed.is(ManagedBy::SerialNumber("5CG1234X")) {
                let number = managed.serial_number.unwrap_or_default();
                assert!(number.eq_ignore_ascii_case("5CG1234X"), "{number:?}");
            }
        });
    }
}
