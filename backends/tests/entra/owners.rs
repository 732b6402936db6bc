//! Whose devices are whose, as the directory and Intune tell it.

use clavis_backends::directory::EntraPeople;
use clavis_broker::devices::{BackendName, Device};
use clavis_broker::people::PersonId;
use clavis_broker::ports::Directory;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::double::Place;

const INTUNE: &str = "DeviceManagementManagedDevices.Read.All";

fn id(n: u128) -> String {
    Uuid::from_u128(0xABCD << 112 | n).to_string()
}

fn adele() -> PersonId {
    PersonId(id(1))
}

/// Adele, these devices, and what Intune says of them.
async fn place(devices: Value, managed: Value) -> Place {
    Place::with(json!({
        "roles": ["User.Read.All", "Device.Read.All", INTUNE],
        "users": [{ "id": id(1), "displayName": "Adele", "mail": "adele@example.com" }],
        "devices": devices,
        "managedDevices": managed,
    }))
    .await
}

fn device(n: u128, name: &str) -> Value {
    json!({ "deviceId": id(n), "displayName": name })
}

async fn devices(place: &Place) -> Vec<Device> {
    let people = EntraPeople::new(place.tenant(), BackendName("cloud".into()));
    people.devices_of(&adele()).await.expect("devices")
}

fn names(devices: &[Device]) -> Vec<&str> {
    devices.iter().map(|device| device.name.as_str()).collect()
}

/// One that she owns, and one of which only Intune knows that it is hers.
async fn owned_and_managed() -> Place {
    let mut owned = device(11, "LT-1");
    owned["registeredOwners"] = json!([id(1)]);
    owned["registeredUsers"] = json!([id(1)]);
    let managed = json!([
        { "azureADDeviceId": id(11), "userId": id(1) },
        { "azureADDeviceId": id(12).to_uppercase(), "userId": id(1).to_uppercase() },
        { "azureADDeviceId": id(13), "userId": id(2) },
        { "azureADDeviceId": Uuid::nil(), "userId": id(1) },
        { "azureADDeviceId": id(99), "userId": id(1) },
        { "userId": id(1) },
    ]);
    place(
        json!([owned, device(12, "LT-2"), device(13, "LT-3")]),
        managed,
    )
    .await
}

#[tokio::test]
async fn devices_are_those_of_owner_user_and_primary_user_each_once() {
    let place = owned_and_managed().await;
    let found = devices(&place).await;
    assert_eq!(names(&found), ["LT-1", "LT-2"]);
    for (device, n) in found.iter().zip([11, 12]) {
        assert_eq!(device.id.to_string(), format!("cloud/{}", id(n)));
        assert_eq!(device.shared_id, Uuid::parse_str(&id(n)).ok());
        assert_eq!(device.owners, [adele().into()]);
    }
}

#[tokio::test]
async fn without_intune_there_are_fewer_and_no_error() {
    let place = owned_and_managed().await;
    for fault in [
        json!({ "status": 429, "retryAfter": 60 }),
        json!({ "status": 403 }),
        json!({ "status": 400 }),
        json!({ "latencyMs": 8_000 }),
    ] {
        let mut fault = fault;
        fault["match"] = "managedDevices".into();
        place.faults(json!([fault])).await;
        assert_eq!(names(&devices(&place).await), ["LT-1"], "{fault}");
    }
    place.faults(json!([])).await;
    let roles = json!({ "roles": ["User.Read.All", "Device.Read.All"] });
    place.change(roles).await;
    let before = place.graph_calls().await.len();
    assert_eq!(names(&devices(&place).await), ["LT-1"]);
    let calls = &place.graph_calls().await[before..];
    let to_intune = |call: &&Value| call["path"].to_string().contains("managedDevices");
    assert_eq!(calls.iter().find(to_intune), None, "it is not asked");
}

#[tokio::test]
async fn more_devices_than_one_question_names_all_come() {
    let numbers = 100..140;
    let named = (numbers.clone()).map(|n| device(n, &format!("LT-{n}")));
    let managed = (numbers.clone()).map(|n| json!({ "azureADDeviceId": id(n), "userId": id(1) }));
    let place = place(named.collect(), managed.collect()).await;
    place.change(json!({ "pageSize": 7 })).await;
    let all: Vec<_> = numbers.map(|n| format!("LT-{n}")).collect();
    assert_eq!(names(&devices(&place).await), all);
}

#[tokio::test]
async fn only_what_may_have_such_keys_is_a_device() {
    let of = |n: u128, system: Value| {
        json!({
            "deviceId": id(n), "displayName": format!("D-{n}"), "operatingSystem": system,
            "registeredOwners": [id(1)],
        })
    };
    let devices_there = json!([
        of(11, json!("Windows")),
        of(12, json!("windows 11")),
        of(13, json!(null)),
        of(14, json!("iPhone")),
        of(15, json!("MacMDM")),
    ]);
    let place = place(devices_there, json!([])).await;
    assert_eq!(names(&devices(&place).await), ["D-11", "D-12", "D-13"]);
}

#[tokio::test]
async fn twins_of_one_name_are_told_apart() {
    let twin = |n: u128| {
        let mut twin = device(n << 96, "LT-1");
        twin["registeredOwners"] = json!([id(1)]);
        twin
    };
    let place = place(json!([twin(1), twin(2)]), json!([])).await;
    let found = devices(&place).await;
    assert_eq!(names(&found), ["LT-1", "LT-1"]);
    assert_ne!(found[0].id, found[1].id);
    assert!(found[0].detail.is_some());
    assert_ne!(found[0].detail, found[1].detail);
}

#[tokio::test]
async fn an_answer_of_intune_about_somebody_else_is_not_taken() {
    let place = owned_and_managed().await;
    let all = json!({ "value": [{ "azureADDeviceId": id(13), "userId": id(2) }] });
    place
        .faults(json!([{ "match": "managedDevices", "status": 200, "body": all }]))
        .await;
    assert_eq!(names(&devices(&place).await), ["LT-1"]);
}
