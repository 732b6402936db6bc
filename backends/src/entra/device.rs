//! Devices as Entra ID has them.

use std::collections::HashMap;

use clavis_broker::devices::{BackendName, Device, DeviceId, Owner};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{Call, Tenant, Trouble, equals, says};

/// What is asked of a device (`$select`).
pub(crate) const DEVICE_FIELDS: &str =
    "id,deviceId,displayName,operatingSystem,trustType,approximateLastSignInDateTime";

/// To read devices.
pub(crate) const DEVICES: &str = "Device.Read.All";

/// How many devices are asked for at once.
const AT_ONCE: usize = 8;

/// By what devices are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DevicesBy<'b> {
    /// The name.
    Name(&'b str),
    /// The device's ID.
    Id(Uuid),
}

/// The devices of this name or ID.
pub(crate) async fn devices_with(
    tenant: &Tenant,
    by: DevicesBy<'_>,
) -> Result<Vec<DeviceObject>, Trouble> {
    let filter = match by {
        DevicesBy::Name(name) => equals("displayName", name),
        DevicesBy::Id(id) => equals("deviceId", &id.as_hyphenated().to_string()),
    };
    let call = Call::get("v1.0")
        .segment("devices")
        .query("$filter", &filter)
        .query("$select", DEVICE_FIELDS)
        .needs(DEVICES);
    let mut found: Vec<DeviceObject> = tenant.list(&call).await?;
    found.retain(|object| match by {
        DevicesBy::Name(name) => says(object.display_name.as_deref(), name),
        DevicesBy::Id(id) => object.device_id() == Some(id),
    });
    Ok(found)
}

/// The devices with these IDs, some at once.
pub(crate) async fn devices_with_ids(
    tenant: &Tenant,
    ids: Vec<Uuid>,
) -> Result<Vec<DeviceObject>, Trouble> {
    let found = stream::iter(ids)
        .map(async |id| devices_with(tenant, DevicesBy::Id(id)).await)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// A device as Graph tells it (resource type `device`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceObject {
    /// The object's ID, by which its owners are asked for.
    pub(crate) id: String,
    device_id: Option<String>,
    display_name: Option<String>,
    operating_system: Option<String>,
    trust_type: Option<String>,
    approximate_last_sign_in_date_time: Option<Timestamp>,
}

impl DeviceObject {
    /// The ID under which its keys are escrowed, and by which Active Directory knows a computer
    /// that was synchronised from there. Objects that are no device of anybody's have none.
    pub(crate) fn device_id(&self) -> Option<Uuid> {
        let id = Uuid::parse_str(self.device_id.as_deref()?).ok()?;
        (!id.is_nil()).then_some(id)
    }

    /// Whether it may have a BitLocker key: it runs Windows, or does not say what it runs.
    pub(crate) fn may_be_windows(&self) -> bool {
        self.operating_system
            .as_deref()
            .is_none_or(|system| system.is_empty() || system.to_lowercase().starts_with("windows"))
    }

    /// What tells it from others of its name.
    fn detail(&self) -> String {
        // https://learn.microsoft.com/graph/api/resources/device, `trustType`
        let how = match self.trust_type.as_deref() {
            Some("AzureAd") => "joined to Entra ID",
            Some("ServerAd") => "joined to Active Directory and Entra ID",
            Some("Workplace") => "a device of somebody's own",
            _ => "in Entra ID",
        };
        match self.approximate_last_sign_in_date_time {
            Some(seen) => format!("{how}, last seen on {}", seen.strftime("%Y-%m-%d")),
            None => how.to_owned(),
        }
    }
}

/// A device as its object tells it; `None` where it has no ID under which keys are escrowed.
pub(crate) fn device(
    object: &DeviceObject,
    backend: &BackendName,
    owners: Vec<Owner>,
) -> Option<Device> {
    let device_id = object.device_id()?;
    let native = device_id.as_hyphenated().to_string();
    let name = object.display_name.as_deref().unwrap_or_default().trim();
    Some(Device {
        name: if name.is_empty() { &native } else { name }.to_owned(),
        id: DeviceId {
            backend: backend.clone(),
            native,
        },
        also: Vec::new(),
        shared_id: Some(device_id),
        detail: Some(object.detail()),
        also_named: Vec::new(),
        owners,
        // Devices of a tenant lie in no tree.
        units: Vec::new(),
    })
}

/// Adds the beginning of their IDs to devices of one name and one detail, and sorts all by name.
pub(crate) fn tell_apart(mut devices: Vec<Device>) -> Vec<Device> {
    let look = |device: &Device| (device.name.to_lowercase(), device.detail.clone());
    let mut alike: HashMap<_, usize> = HashMap::new();
    for device in &devices {
        *alike.entry(look(device)).or_default() += 1;
    }
    for device in &mut devices {
        if alike[&look(device)] > 1 {
            let detail = device.detail.take().unwrap_or_default();
            let id: String = device.id.native.chars().take(8).collect();
            device.detail = Some(format!("{detail}, device {id}"));
        }
    }
    devices.sort_by_key(|device| (device.name.to_lowercase(), device.id.native.clone()));
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<Device> {
        let object: DeviceObject = serde_json::from_str(json).unwrap();
        device(&object, &BackendName("cloud".into()), Vec::new())
    }

    const ID: &str = "1AB40AB2-32A8-4B00-B6B5-BA724E407DE9";

    #[test]
    fn a_device_goes_by_the_id_that_its_keys_are_escrowed_under() {
        let found = of(&format!(
            r#"{{"id":"o","deviceId":"{ID}","displayName":"LT-1","trustType":"ServerAd",
                "approximateLastSignInDateTime":"2026-11-20T08:00:00Z"}}"#
        ))
        .unwrap();
        assert_eq!(found.id.native, ID.to_lowercase());
        assert_eq!(found.shared_id, Uuid::parse_str(ID).ok());
        assert_eq!(
            found.detail.as_deref(),
            Some("joined to Active Directory and Entra ID, last seen on 2026-11-20")
        );
        let nameless = of(&format!(r#"{{"id":"o","deviceId":"{ID}"}}"#)).unwrap();
        assert_eq!(nameless.name, ID.to_lowercase());
        for none in [
            r#"{"id":"o"}"#,
            r#"{"id":"o","deviceId":null}"#,
            r#"{"id":"o","deviceId":"x"}"#,
            r#"{"id":"o","deviceId":"00000000-0000-0000-0000-000000000000"}"#,
        ] {
            assert!(of(none).is_none(), "{none}");
        }
    }

    #[test]
    fn only_windows_has_such_keys() {
        let may = |system: &str| {
            let json = format!(r#"{{"id":"o","operatingSystem":{system}}}"#);
            serde_json::from_str::<DeviceObject>(&json)
                .unwrap()
                .may_be_windows()
        };
        assert!(may("\"Windows\"") && may("null") && may("\"windows 11\"") && may("\"\""));
        assert!(!may("\"iOS\"") && !may("\"MacMDM\""));
    }

    #[test]
    fn twins_are_told_apart_by_their_ids() {
        let twin = |id: &str| {
            of(&format!(
                r#"{{"id":"o","deviceId":"{id}","displayName":"LT-1"}}"#
            ))
            .unwrap()
        };
        let other = ID.replace("1AB40AB2", "00000001");
        let told: Vec<_> = tell_apart(vec![twin(ID), twin(&other)])
            .into_iter()
            .map(|device| device.detail.unwrap())
            .collect();
        assert_eq!(
            told,
            [
                "in Entra ID, device 00000001",
                "in Entra ID, device 1ab40ab2"
            ]
        );
        let alone = tell_apart(vec![twin(ID)]);
        assert_eq!(alone[0].detail.as_deref(), Some("in Entra ID"));
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn any_object_is_a_device_by_its_id_or_none() {
        let sound = r#"{"id":"o","deviceId":"d5bfb251-c671-4189-a6d1-9cb689adfe45",
            "displayName":"LT-1","operatingSystem":"Windows","trustType":"AzureAd",
            "approximateLastSignInDateTime":"2026-11-20T10:00:00Z"}"#;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "00000000-0000-0000-0000-000000000000",
            "urn:uuid:",
            "-009999-01-02T01:59:59Z",
            "9999-12-30T22:00:00Z",
            "é",
            "İ",
            "\\u0000",
            " ",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            let Ok(object) = serde_json::from_str::<DeviceObject>(&text) else {
                return;
            };
            let _ = object.may_be_windows();
            let Some(found) = device(&object, &BackendName("entra".into()), Vec::new()) else {
                assert!(object.device_id().is_none());
                return;
            };
            assert_eq!(found.shared_id, object.device_id());
            assert_eq!(Uuid::parse_str(&found.id.native).ok(), found.shared_id);
            assert!(!found.name.is_empty());
            assert_eq!(tell_apart(vec![found.clone(), found]).len(), 2);
        });
    }
}
