//! New keys by Intune: every object of a device is told once, and what may have been carried out is
//! told as such.

use clavis_backends::escrow::EntraEscrow;
use clavis_broker::ports::{EscrowBackend, EscrowFault, Rotation};
use serde_json::{Value, json};

use crate::double::Place;
use crate::escrow::{ROLES, backend, fault, guid, id, with};

const WRITE: &str = "DeviceManagementManagedDevices.ReadWrite.All";

/// This many objects of device 1 in Intune.
async fn objects(count: u128) -> (Place, EntraEscrow) {
    let managed: Vec<_> = (0..count)
        .map(|at| json!({ "id": guid(0x90 + at), "azureADDeviceId": guid(1) }))
        .collect();
    let roles: Vec<_> = ROLES.into_iter().chain([WRITE]).collect();
    with(json!({ "managedDevices": managed, "roles": roles })).await
}

/// The objects that an order was given for, one for each order.
async fn orders(place: &Place) -> Vec<String> {
    let calls = place.graph_calls().await;
    let orders = calls.iter().filter(|call| call["method"] == "POST");
    let mut paths: Vec<_> = orders
        .map(|call| call["path"].as_str().expect("a path").to_owned())
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn a_device_that_intune_manages_is_told_to_make_new_keys() {
    let (place, escrow) = objects(1).await;
    assert_eq!(escrow.rotate(&id(1)).await.unwrap(), Rotation::Asked);
    assert_eq!(escrow.rotate(&id(2)).await.unwrap(), Rotation::NotManaged);
    assert_eq!(orders(&place).await.len(), 1);

    place.change(json!({ "roles": ROLES })).await;
    place.expire_tokens().await;
    let (kind, said) = fault(escrow.rotate(&id(1))).await;
    assert_eq!(kind, EscrowFault::Denied);
    assert!(said.contains("ReadWrite"), "{said}");
}

#[tokio::test]
async fn one_object_that_fails_spoils_no_other_and_none_is_told_twice() {
    for (status, code) in [(400, "BadRequest"), (500, "InternalServerError")] {
        let (place, escrow) = objects(3).await;
        let first = format!("{}/rotate", guid(0x90));
        place
            .faults(json!([{ "match": first, "status": status, "code": code }]))
            .await;
        assert_eq!(escrow.rotate(&id(1)).await.unwrap(), Rotation::Asked);
        let told = orders(&place).await;
        assert_eq!(told.len(), 3);
        for (path, at) in told.iter().zip(0x90..) {
            assert!(path.contains(&guid(at)), "{told:?}");
        }
    }
}

#[tokio::test]
async fn an_order_without_an_answer_may_have_been_carried_out() {
    let (place, _) = objects(1).await;
    let there = format!("{}/v1.0/users/{}", place.of("graph"), guid(0x51));
    for wrong in [
        json!({ "hangUp": "after" }),
        json!({ "hangUp": true }),
        json!({ "status": 500 }),
        json!({ "status": 502 }),
        json!({ "status": 504 }),
        json!({ "latencyMs": 8_000 }),
        json!({ "status": 302, "headers": { "location": there } }),
        // As the end of a redirection to itself looks.
        json!({ "status": 200 }),
    ] {
        let mut wrong = wrong;
        wrong["match"] = json!("rotate");
        place.faults(json!([wrong])).await;
        let before = orders(&place).await.len();
        let escrow = EntraEscrow::new(backend(), place.tenant_within(1), None);
        let rotation = escrow.rotate(&id(1)).await.unwrap();
        assert_eq!(rotation, Rotation::Unsure, "{wrong}");
        assert!(orders(&place).await.len() <= before + 1, "{wrong}");
    }
}

#[tokio::test]
async fn an_order_that_was_surely_not_carried_out_is_an_error() {
    let (place, _) = objects(2).await;
    let refused = |status: u16| json!({ "match": "rotate", "status": status, "retryAfter": 60 });
    for (faults, kind) in [
        (json!([refused(429)]), EscrowFault::Unavailable),
        (json!([refused(503)]), EscrowFault::Unavailable),
        (json!([refused(401)]), EscrowFault::Denied),
        (json!([refused(403)]), EscrowFault::Denied),
        (json!([refused(400)]), EscrowFault::Nonsense),
        // The token was refused, and there is no other in time.
        (
            json!([
                { "match": "rotate", "status": 401 },
                { "match": "/token$", "latencyMs": 8_000, "status": 503 },
            ]),
            EscrowFault::Unavailable,
        ),
    ] {
        let tenant = place.tenant_within(2);
        crate::double::names(&tenant).await.expect("a token");
        place.faults(faults.clone()).await;
        let escrow = EntraEscrow::new(backend(), tenant, None);
        let (found, said) = fault(escrow.rotate(&id(1))).await;
        assert_eq!(found, kind, "{faults}: {said}");
        place.faults(json!([])).await;
    }
}

#[tokio::test]
async fn more_objects_than_one_device_can_have_are_told_nothing() {
    let (place, escrow) = objects(6).await;
    let (kind, said) = fault(escrow.rotate(&id(1))).await;
    assert_eq!(kind, EscrowFault::Nonsense);
    assert!(said.contains("6 objects"), "{said}");
    assert_eq!(orders(&place).await, [""; 0]);
}

#[tokio::test]
async fn no_other_device_is_told_where_a_filter_is_not_heeded() {
    let (place, escrow) = objects(1).await;
    let others =
        (2..9_u128).map(|at| json!({ "id": guid(0x80 + at), "azureADDeviceId": guid(at) }));
    let ours = json!({ "id": guid(0x90), "azureADDeviceId": guid(1).to_uppercase() });
    let all: Vec<Value> = others.chain([ours]).collect();
    place
        .faults(
            json!([{ "match": "^GET .*managedDevices", "status": 200, "body": { "value": all } }]),
        )
        .await;
    assert_eq!(escrow.rotate(&id(1)).await.unwrap(), Rotation::Asked);
    let told = orders(&place).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(&guid(0x90)), "{told:?}");
}
