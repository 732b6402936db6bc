//! Computers of the directory as devices.

use std::collections::HashMap;

use clavis_broker::devices::{BackendName, Device, DeviceId};
use clavis_broker::people::PersonId;

use super::values::{parent_dn, place};
use super::{Entry, Trouble};

/// The attributes that [`device`] reads.
pub(crate) fn device_attributes(owner_attribute: &str) -> [&str; 4] {
    ["objectGUID", "cn", "dNSHostName", owner_attribute]
}

/// A computer as a device, from a search [with GUIDs](super::Search::with_guids). Its place in
/// the directory comes with it, for [`tell_apart`].
pub(crate) fn device(
    entry: &Entry,
    backend: &BackendName,
    owner_attribute: &str,
) -> Result<(Device, Option<String>), Trouble> {
    let guid = entry.object_guid()?;
    let place = place(entry.dn());
    let device = Device {
        id: DeviceId {
            backend: backend.clone(),
            native: guid.as_hyphenated().to_string(),
        },
        also: Vec::new(),
        // Entra ID keeps it as the `deviceId` of a computer that is synchronised there.
        shared_id: Some(guid),
        name: entry
            .text("cn")
            .ok_or_else(|| Trouble::Nonsense("a computer has no name".into()))?
            .to_owned(),
        detail: entry
            .text("dNSHostName")
            .map(str::to_owned)
            .or_else(|| place.clone()),
        also_named: Vec::new(),
        owners: entry
            .referred_guid(owner_attribute)
            .map(|owner| PersonId(owner.as_hyphenated().to_string()).into())
            .into_iter()
            .collect(),
        units: parent_dn(entry.dn())
            .map(str::to_owned)
            .into_iter()
            .collect(),
    };
    Ok((device, place))
}

/// Gives devices of one name and one detail their place in the directory instead, and sorts all
/// by name.
pub(crate) fn tell_apart(devices: Vec<(Device, Option<String>)>) -> Vec<Device> {
    let look = |device: &Device| (device.name.to_lowercase(), device.detail.clone());
    let mut alike = HashMap::new();
    for (device, _) in &devices {
        *alike.entry(look(device)).or_insert(0) += 1;
    }
    let mut devices: Vec<_> = devices
        .into_iter()
        .map(|(mut device, place)| {
            if alike[&look(&device)] > 1 {
                device.detail = place;
            }
            device
        })
        .collect();
    devices.sort_by(|a, b| {
        let key = |device: &Device| (device.name.to_lowercase(), device.id.native.clone());
        key(a).cmp(&key(b))
    });
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computer(guid: u8, dns: &[u8], dn: &str) -> (Device, Option<String>) {
        let entry = Entry::of(
            dn,
            &[
                ("objectGUID", &[guid; 16]),
                ("cn", b"LT-1"),
                ("dNSHostName", dns),
            ],
        );
        device(&entry, &BackendName("ad".into()), "managedBy").unwrap()
    }

    #[test]
    fn twins_are_told_apart_by_their_place_and_others_by_their_dns_name() {
        let details = |devices| -> Vec<_> {
            let devices = tell_apart(devices).into_iter();
            devices.map(|device| device.detail.unwrap()).collect()
        };
        let twins = vec![
            computer(2, b"lt-1.c", "CN=LT-1,OU=B,DC=c"),
            computer(1, b"lt-1.c", "CN=LT-1,OU=A,DC=c"),
        ];
        assert_eq!(details(twins), ["c/A", "c/B"]);
        let others = vec![
            computer(1, b"lt-1.c", "CN=x,OU=A,DC=c"),
            computer(2, b"lt-1.d", "CN=x,OU=A,DC=c"),
        ];
        assert_eq!(details(others), ["lt-1.c", "lt-1.d"]);
    }
}
