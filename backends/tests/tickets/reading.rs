//! Tickets, users and assets, as Halo has them.

use clavis_broker::ports::{TicketError, TicketSystem};
use clavis_broker::tickets::{AssetFault, Standing};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use crate::double::{MachineClock, Place, named, read, ticket};
use clavis_broker::ports::Clock;

#[tokio::test]
async fn what_a_ticket_names_is_looked_up_by_its_id() {
    let place = Place::with(json!({ "tickets": [
        ticket(1001, json!({ "user_email": "boss@example.com", "user_name": "Boss" })),
        ticket(1002, json!({ "user_id": 0 })),
        ticket(1003, json!({ "user_id": 6, "assets": [{ "id": 43, "inventory_number": "LT-0001" }] })),
    ] }))
    .await;
    let desk = place.desk();
    let user = read(&desk, "1001").await.user.expect("a user");
    assert_eq!(
        user.name, "Anna",
        "what the ticket itself says is not believed"
    );
    assert_eq!(read(&desk, "1002").await.user, None);
    let gone = read(&desk, "1003").await;
    assert_eq!((gone.user, gone.asset), (None, Err(AssetFault::Unknown)));
    // An asset that has nothing but a name is none.
    let bare = json!({ "id": 42, "name": "LT-0001" });
    place.control(Method::POST, "/assets", Some(bare)).await;
    assert_eq!(read(&desk, "1001").await.asset, Err(AssetFault::Unknown));
}

#[tokio::test]
async fn who_raised_it_for_somebody_is_told_by_an_address_alone() {
    let place = Place::with(json!({ "tickets": [
        ticket(1001, json!({ "loggedonbehalfby": "Max Agent" })),
        ticket(1002, json!({ "loggedonbehalfby": "max@example.com" })),
    ] }))
    .await;
    let desk = place.desk();
    let by = read(&desk, "1001").await.raised_by.expect("somebody");
    assert_eq!((by.name.as_str(), by.known_as.len()), ("Max Agent", 0));
    let by = read(&desk, "1002").await.raised_by.expect("somebody");
    assert_eq!(by.known_as.len(), 1);
}

#[tokio::test]
async fn the_reason_is_of_the_field_that_is_set() {
    let fields = json!({ "customfields": [{ "id": 7, "name": "CFReason", "value": "Update" }] });
    let place = Place::with(json!({ "tickets": [ticket(1001, fields)] })).await;
    let desk = place.desk_with(|halo| halo.reason_field = Some("CFReason".into()));
    assert_eq!(read(&desk, "1001").await.reason, "Update");
    let usual = read(&place.desk(), "1001").await.reason;
    assert_eq!(usual, "It asks for the key since the update.");
}

#[tokio::test]
async fn a_deleted_or_merged_ticket_is_gone() {
    let place = Place::with(json!({ "tickets": [
        ticket(1001, json!({ "deleted": true })),
        ticket(1002, json!({ "merged_into_id": 1001 })),
        ticket(1003, json!({ "status_id": 10 })),
    ] }))
    .await;
    let desk = place.desk();
    for id in ["1001", "1002", "1004"] {
        assert_eq!(desk.fetch(&named(id), true).await.unwrap(), None, "{id}");
    }
    let ended = read(&desk, "1003").await.standing;
    assert_eq!(ended, Standing::Closed, "by one of our statuses");
}

#[tokio::test]
async fn all_pages_of_what_has_changed_are_read_and_nothing_of_another_type() {
    let mut tickets: Vec<_> = (2001..2251).map(|id| ticket(id, json!({}))).collect();
    tickets.push(ticket(3001, json!({ "tickettype_id": 1 })));
    let place = Place::with(json!({ "tickets": tickets })).await;
    let desk = place.desk();
    let now = MachineClock.now();
    let found = desk.changed_since(now - SignedDuration::from_mins(5)).await;
    assert_eq!(found.unwrap().len(), 250);
    let lists = place.calls().await;
    let lists = lists.iter().filter(|it| it.contains("/api/Tickets?"));
    assert_eq!(lists.count(), 3);
    let later = desk.changed_since(now + SignedDuration::from_mins(5)).await;
    assert_eq!(later.unwrap(), []);
}

#[tokio::test]
async fn another_ticket_than_was_asked_for_is_nonsense() {
    let place = Place::with(json!({ "tickets": [ticket(1001, json!({}))] })).await;
    for body in [json!({ "id": 1002 }), json!([{ "id": 1001 }])] {
        place
            .faults(json!([{ "match": "/api/Tickets/1001", "status": 200, "body": body }]))
            .await;
        let found = place.desk().fetch(&named("1001"), true).await;
        match found {
            Err(TicketError::Nonsense(_)) | Ok(None) => {}
            other => panic!("{body}: {other:?}"),
        }
    }
}
