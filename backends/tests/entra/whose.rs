//! Whose the devices are that an asset names, and that this is never in the way of finding them.

use std::time::Duration;

use clavis_backends::escrow::EntraEscrow;
use clavis_broker::devices::Owner;
use clavis_broker::people::PersonId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::double::{Place, names};
use crate::escrow::{backend, device, find, guid, id, with};

const ANNA: u128 = 0x51;
const BEN: u128 = 0x52;
const CARL: u128 = 0x53;

/// A laptop that Anna registered, that Ben uses, and that Intune knows for Carl's.
async fn laptop(change: Value) -> (Place, EntraEscrow) {
    let mut laptop = device(1, "LT-0001");
    laptop["registeredOwners"] = json!([guid(ANNA)]);
    laptop["registeredUsers"] = json!([guid(ANNA), guid(BEN)]);
    let user =
        |number: u128| json!({ "id": guid(number), "userPrincipalName": format!("{number}@x") });
    let mut state = json!({
        "devices": [laptop],
        "users": [user(ANNA), user(BEN), user(CARL)],
        "managedDevices": [{
            "id": guid(0x99), "azureADDeviceId": guid(1), "serialNumber": "5CG-1", "userId": guid(CARL),
        }],
    });
    for (name, value) in change.as_object().expect("an object") {
        state[name] = value.clone();
    }
    with(state).await
}

async fn owners(escrow: &EntraEscrow) -> Vec<Owner> {
    let mut found = find(escrow, "LT-0001").await.expect("devices");
    assert_eq!(found.len(), 1);
    found.remove(0).owners
}

fn only(number: u128) -> [Owner; 1] {
    [PersonId(guid(number)).into()]
}

/// The calls about whose devices are whose.
async fn asked(place: &Place) -> usize {
    let calls = place.graph_calls().await;
    let about = |call: &&Value| call["path"].to_string().contains("/registered");
    calls.iter().filter(about).count()
}

#[tokio::test]
async fn it_is_the_primary_user_s_alone_or_else_the_owner_s_or_else_the_users() {
    let (place, escrow) = laptop(json!({})).await;
    assert_eq!(owners(&escrow).await, only(CARL));
    assert_eq!(asked(&place).await, 0);

    // Whose account is gone is still not the one who registered it.
    place.change(json!({ "users": [] })).await;
    assert_eq!(owners(&escrow).await, only(CARL));
    assert_eq!(asked(&place).await, 0);

    let unmanaged = json!({ "managedDevices": [] });
    let (_place, escrow) = laptop(unmanaged).await;
    assert_eq!(owners(&escrow).await, only(ANNA));

    let mut without_owner = device(1, "LT-0001");
    without_owner["registeredUsers"] = json!([guid(ANNA), guid(BEN)]);
    let unmanaged = json!({ "managedDevices": [], "devices": [without_owner] });
    let (_place, escrow) = laptop(unmanaged).await;
    assert_eq!(owners(&escrow).await, [only(ANNA), only(BEN)].concat());
}

#[tokio::test]
async fn without_intune_devices_are_found_and_their_owners_are_not_known() {
    let (place, _) = laptop(json!({})).await;
    for wrong in [
        json!({ "status": 503 }),
        json!({ "status": 429, "retryAfter": 60 }),
        json!({ "status": 403 }),
        json!({ "latencyMs": 9_500 }),
    ] {
        let mut wrong = wrong;
        wrong["match"] = json!("deviceManagement");
        place.faults(json!([wrong])).await;
        let escrow = EntraEscrow::new(backend(), place.tenant(), None);
        let began = Instant::now();
        assert_eq!(owners(&escrow).await, [], "{wrong}");
        assert_eq!(find(&escrow, "5CG-1").await.expect("an answer"), []);
        assert!(began.elapsed() < Duration::from_secs(12), "{wrong}");
    }
}

#[tokio::test]
async fn who_cannot_be_asked_for_is_not_known_and_delays_little() {
    let (place, _) = laptop(json!({ "managedDevices": [] })).await;
    for wrong in [
        json!({ "status": 500 }),
        json!({ "status": 429, "retryAfter": 60 }),
        json!({ "garbage": true }),
        json!({ "latencyMs": 9_500 }),
    ] {
        let mut wrong = wrong;
        wrong["match"] = json!("registeredOwners");
        place.faults(json!([wrong])).await;
        let escrow = EntraEscrow::new(backend(), place.tenant(), None);
        let began = Instant::now();
        assert_eq!(owners(&escrow).await, [], "{wrong}");
        assert!(began.elapsed() < Duration::from_secs(8), "{wrong}");
    }
}

#[tokio::test]
async fn a_pause_of_the_owners_is_none_of_the_directory() {
    let (place, _) = laptop(json!({ "managedDevices": [] })).await;
    place
        .faults(json!([{ "match": "registeredOwners", "status": 429, "retryAfter": 300 }]))
        .await;
    let tenant = place.tenant();
    let escrow = EntraEscrow::new(backend(), tenant.clone(), None);
    for _ in 0..2 {
        assert_eq!(owners(&escrow).await, []);
    }
    assert_eq!(asked(&place).await, 1, "nobody knocks again");
    assert_eq!(names(&tenant).await.expect("devices"), ["LT-0001"]);
}

#[tokio::test]
async fn of_many_devices_of_one_name_nobody_asks_whose_they_are() {
    for (count, calls) in [(10_u128, 10), (11, 0)] {
        let devices: Vec<_> = (1..=count)
            .map(|number| {
                let mut device = device(number, "LT-0001");
                device["registeredOwners"] = json!([guid(ANNA)]);
                device
            })
            .collect();
        let state = json!({ "devices": devices, "managedDevices": [] });
        let (place, escrow) = laptop(state).await;
        let found = find(&escrow, "LT-0001").await.expect("devices");
        assert_eq!(found.len(), devices.len());
        let owned = found.iter().filter(|it| it.owners == only(ANNA)).count();
        assert_eq!((owned, asked(&place).await), (calls, calls), "{count}");
    }
}

#[tokio::test]
async fn a_primary_user_of_another_device_is_not_this_one_s() {
    let (place, escrow) = laptop(json!({})).await;
    let other = json!([{ "id": guid(0x98), "azureADDeviceId": guid(2), "serialNumber": "X", "userId": guid(BEN) }]);
    place
        .faults(json!([{ "match": "managedDevices", "status": 200, "body": { "value": other } }]))
        .await;
    assert_eq!(owners(&escrow).await, only(ANNA));
    assert_eq!(find(&escrow, "5CG-1").await.expect("an answer"), []);
    let found = find(&escrow, "x").await.expect("an answer");
    assert_eq!(found, [], "no such device is in the directory");
}

#[tokio::test]
async fn devices_that_were_not_asked_for_are_not_found() {
    let (place, escrow) = laptop(json!({})).await;
    let both = json!([device(1, "lt-0001"), device(2, "LT-0002")]);
    place
        .faults(json!([{ "match": "/devices\\?", "status": 200, "body": { "value": both } }]))
        .await;
    for asset in ["LT-0001".to_owned(), guid(1)] {
        let found = find(&escrow, &asset).await.expect("devices");
        let ids: Vec<_> = found.into_iter().map(|device| device.id).collect();
        assert_eq!(ids, [id(1)], "{asset}");
    }
}
