//! What becomes of single answers: found, not found, forbidden, senseless, secret.

use clavis_backends::entra::{Body, Call, Trouble};
use clavis_broker::ports::EscrowFault;
use serde_json::{Value, json};

use crate::double::{Device, Place, device_named, devices, names};

#[tokio::test]
async fn values_reach_the_other_side_as_they_are() {
    let odd = "O'Neil & Söhne +1 100% #?/";
    let place = Place::with_devices(&[odd, "PC-1"]).await;
    let tenant = place.tenant();
    let found: Vec<Device> = tenant.list(&device_named(odd)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].display_name, odd);
    let none: Vec<Device> = tenant
        .list(&device_named("' or displayName eq 'PC-1"))
        .await
        .unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn the_call_says_who_calls() {
    let place = Place::with_devices(&[]).await;
    names(&place.tenant()).await.unwrap();
    let [call] = &place.graph_calls().await[..] else {
        panic!("one call");
    };
    assert_eq!(
        call["userAgent"],
        concat!("clavis/", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(call["ocpClientName"], "Clavis");
    assert_eq!(call["ocpClientVersion"], env!("CARGO_PKG_VERSION"));
    let path = call["path"].as_str().unwrap();
    assert_eq!(path, "/v1.0/devices");
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let id = "11111111-2222-3333-4444-555555555555";
    let place = Place::with(json!({
        "roles": ["Device.Read.All"],
        "devices": [{ "id": id, "displayName": "PC-1" }],
    }))
    .await;
    let tenant = place.tenant();
    let found: Option<Device> = tenant.get(&devices().segment(id)).await.unwrap();
    assert_eq!(found.expect("a device").display_name, "PC-1");
    let other = id.replace('1', "2");
    let found: Option<Device> = tenant
        .get(&devices().segment(other.as_str()))
        .await
        .unwrap();
    assert!(found.is_none());
    let owners = devices().segment(other).segment("registeredOwners");
    let owners: Vec<Value> = tenant.list(&owners).await.unwrap();
    assert!(owners.is_empty());

    let calls = place.count("graphCalls").await;
    for id in ["", ".", ".."] {
        let found: Option<Value> = tenant.get(&devices().segment(id)).await.unwrap();
        assert!(found.is_none());
    }
    assert_eq!(place.count("graphCalls").await, calls, "nobody was asked");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let place = Place::with(json!({ "roles": ["User.Read.All"] })).await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert_eq!(trouble.fault(), EscrowFault::Denied);
    assert!(
        matches!(&trouble, Trouble::Forbidden { needs: "Device.Read.All", answer }
            if answer.code == "Authorization_RequestDenied" && !answer.request_id.is_empty()),
        "{trouble:?}"
    );
    assert!(trouble.to_string().contains("Device.Read.All"), "{trouble}");
    assert_eq!(place.count("graphCalls").await, 1);
}

#[tokio::test]
async fn senseless_answers_are_told_without_a_word_of_them() {
    let place = Place::with_devices(&["PC-1"]).await;
    for fault in [
        json!({ "garbage": true }),
        json!({ "status": 200, "body": { "value": [{ "displayName": 7, "secret": "geheim" }] } }),
        json!({ "status": 200, "body": { "geheim": [] } }),
        json!({ "status": 418, "body": { "error": { "code": "geheim for anna@example.com" } } }),
    ] {
        let mut fault = fault;
        fault["match"] = "/devices".into();
        place.faults(json!([fault])).await;
        let trouble = names(&place.tenant()).await.unwrap_err();
        assert_eq!(trouble.fault(), EscrowFault::Nonsense, "{trouble:?}");
        assert!(!format!("{trouble} {trouble:?}").contains("geheim"));
    }
}

#[tokio::test]
async fn an_answer_with_a_key_comes_as_it_is_and_ends_its_connection() {
    let (id, device) = (
        "11111111-2222-3333-4444-555555555555",
        "66666666-7777-8888-9999-000000000000",
    );
    let key = "111111-222222-333333-444444-555555-666666-777777-888888";
    let place = Place::with(json!({
        "roles": ["BitlockerKey.Read.All", "Device.Read.All"],
        "devices": [{ "deviceId": device }],
        "recoveryKeys": [{ "id": id, "deviceId": device, "key": key }],
    }))
    .await;
    let tenant = place.tenant();
    let key_of = |id: &str| {
        Call::get("v1.0")
            .segment("informationProtection")
            .segment("bitlocker")
            .segment("recoveryKeys")
            .segment(id)
            .query("$select", "key")
            .needs("BitlockerKey.Read.All")
    };
    let body = tenant.read_secret(&key_of(id)).await.unwrap();
    let body: Value = serde_json::from_slice(&body.expect("a key")).unwrap();
    assert_eq!(body["key"], key);
    names(&tenant).await.unwrap_err();
    let unknown = tenant.read_secret(&key_of(device)).await.unwrap();
    assert!(unknown.is_none());

    let calls = place.graph_calls().await;
    let connections: Vec<_> = calls.iter().map(|call| &call["connection"]).collect();
    assert_ne!(connections[0], connections[1], "{calls:?}");

    let long = "x".repeat(20_000);
    place
        .faults(json!([{ "match": "recoveryKeys", "status": 200, "body": { "key": long } }]))
        .await;
    let trouble = tenant.read_secret(&key_of(id)).await.unwrap_err();
    assert!(trouble.to_string().contains("too great"), "{trouble}");
}

#[tokio::test]
async fn a_redirection_gets_neither_the_token_nor_what_was_sent() {
    let place = Place::with_devices(&["PC-1"]).await;
    let there = format!("{}/{}/x", place.of("elsewhere"), place.of("tenant"));
    let redirect = |status: u16| json!([{ "match": "^(GET|POST) /v1.0", "status": status, "headers": { "location": there } }]);
    for status in [302, 307, 308] {
        place.faults(redirect(status)).await;
        let trouble = names(&place.tenant()).await.unwrap_err();
        assert_eq!(trouble.fault(), EscrowFault::Nonsense, "{trouble:?}");
    }
    let seen = place.seen_elsewhere().await;
    assert!(
        seen.iter().all(|it| it["authorization"] == false),
        "{seen:?}"
    );

    let before = seen.len();
    let order = Call::post("v1.0")
        .segment("users")
        .segment("a")
        .segment("sendMail");
    for status in [307, 308] {
        place.faults(redirect(status)).await;
        let outcome = place.tenant().post(&order, Body::Mime("geheim")).await;
        assert_eq!(outcome.unwrap_err().fault(), EscrowFault::Nonsense);
    }
    assert_eq!(place.seen_elsewhere().await.len(), before);
}

#[tokio::test]
async fn a_redirection_at_the_same_host_is_no_answer_either() {
    let place = Place::with(json!({
        "roles": ["Device.Read.All", "Mail.Send"],
        "devices": [{ "displayName": "PC-1" }],
        "users": [{ "mail": "clavis@example.com" }],
    }))
    .await;
    // Where it leads, there is an answer that looks well.
    let there = format!("{}/v1.0/devices?$select=displayName", place.of("graph"));
    let order = Call::post("v1.0")
        .segment("users")
        .segment("clavis@example.com")
        .segment("sendMail");
    for status in [301, 302, 303, 307, 308] {
        for path in ["sendMail", "/devices$"] {
            let redirect =
                json!({ "match": path, "status": status, "headers": { "location": there } });
            place.faults(json!([redirect])).await;
            let tenant = place.tenant();
            let trouble = if path == "sendMail" {
                let outcome = tenant.order(&order, Body::Mime("geheim")).await;
                let failed = outcome.expect_err("not taken");
                assert!(failed.may_be_done, "{status}");
                failed.trouble
            } else {
                names(&tenant).await.unwrap_err()
            };
            assert_eq!(trouble.fault(), EscrowFault::Nonsense, "{status} {path}");
        }
    }
}
