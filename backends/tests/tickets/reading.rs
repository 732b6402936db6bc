//! Tickets, users and assets, as Halo has them.

use std::collections::BTreeSet;

use clavis_broker::ports::{TicketError, TicketSystem};
use clavis_broker::tickets::{AgentUnknown, AssetFault, Standing};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

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
    let by = read(&desk, "1001")
        .await
        .raised_by
        .unwrap()
        .expect("somebody");
    assert_eq!((by.name.as_str(), by.known_as.len()), ("Max Agent", 0));
    let by = read(&desk, "1002")
        .await
        .raised_by
        .unwrap()
        .expect("somebody");
    assert_eq!(by.known_as.len(), 1);
}

#[tokio::test]
async fn an_agent_whose_number_is_told_is_looked_up() {
    let agents = json!([{ "id": 12, "name": "Max Agent", "email": "max@example.com" }]);
    let place = Place::with(json!({ "agents": agents, "tickets": [
        ticket(1001, json!({ "loggedonbehalfby": 12 })),
        ticket(1002, json!({ "loggedonbehalfby": "12" })),
        ticket(1003, json!({ "loggedonbehalfby": 13 })),
        ticket(1004, json!({ "loggedonbehalfby": -1 })),
    ] }))
    .await;
    let desk = place.desk();
    for id in ["1001", "1002"] {
        let by = read(&desk, id).await.raised_by.unwrap().expect("somebody");
        assert_eq!((by.name.as_str(), by.known_as.len()), ("Max Agent", 1));
    }
    assert_eq!(read(&desk, "1003").await.raised_by, Err(AgentUnknown));
    assert_eq!(read(&desk, "1004").await.raised_by, Ok(None));
    // The application may not read agents.
    place.change(json!({ "agentsReadable": false })).await;
    assert_eq!(read(&desk, "1001").await.raised_by, Err(AgentUnknown));
    assert_eq!(read(&desk, "1004").await.raised_by, Ok(None));
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

/// So many tickets, which changed a second after each other, the last now.
fn changed(count: u32, now: Timestamp) -> Vec<Value> {
    let one = |it: u32| {
        let at = now - SignedDuration::from_secs(i64::from(count - it));
        ticket(2001 + it, json!({ "last_update": at.to_string() }))
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn all_that_has_changed_is_read_and_nothing_of_another_type() {
    let now = MachineClock.now();
    let since = now - SignedDuration::from_hours(2);
    let mut tickets = changed(250, now);
    tickets.reverse();
    tickets.push(ticket(3001, json!({ "tickettype_id": 1 })));
    let place = Place::with(json!({ "tickets": tickets })).await;
    let found = place.desk().changed_since(since, 0).await.unwrap();
    assert_eq!((found.tickets.len(), found.all_up_to), (250, None));
    let lists = place.calls().await;
    let lists = lists.iter().filter(|it| it.contains("/api/Tickets?"));
    assert_eq!(lists.count(), 3);
    let later = now + SignedDuration::from_mins(5);
    let found = place.desk().changed_since(later, 0).await.unwrap();
    assert_eq!(found.tickets, []);
}

#[tokio::test]
async fn more_than_is_read_at_once_is_read_bit_by_bit() {
    let now = MachineClock.now();
    let place = Place::with(json!({ "tickets": changed(2500, now) })).await;
    let desk = place.desk_with(|halo| halo.timeout = SignedDuration::from_mins(5));
    let first = now - SignedDuration::from_hours(2);
    let found = desk.changed_since(first, 0).await.unwrap();
    let up_to = found.all_up_to.expect("there is more");
    assert!(found.tickets.len() >= 1900 && up_to > first && up_to < now);
    let rest = desk.changed_since(up_to, 0).await.unwrap();
    assert_eq!(rest.all_up_to, None);
    let all: BTreeSet<_> = found.tickets.iter().chain(&rest.tickets).collect();
    assert_eq!(all.len(), 2500);
}

#[tokio::test]
async fn what_has_changed_at_one_moment_is_read_by_pages_however_much_it_is() {
    let now = MachineClock.now();
    let at = (now - SignedDuration::from_mins(30)).to_string();
    let changed = |id: u32| ticket(id, json!({ "last_update": at }));
    let mut tickets: Vec<_> = (2001..=4500).map(changed).collect();
    tickets.push(ticket(9001, json!({ "last_update": now.to_string() })));
    let place = Place::with(json!({ "tickets": tickets })).await;
    let desk = place.desk_with(|halo| halo.timeout = SignedDuration::from_mins(5));
    let first = now - SignedDuration::from_hours(2);
    let mut all = BTreeSet::new();
    let (mut from, mut page) = (first, 0);
    for _ in 0..2 {
        let found = desk.changed_since(from, page).await.unwrap();
        all.extend(found.tickets);
        let Some(at) = found.all_up_to else { break };
        (from, page) = (at, found.page);
        // What is looked at is told something, and so changes once more.
        for id in all.iter().take(150) {
            let path = format!("/tickets/{id}");
            place.control(Method::PATCH, &path, Some(json!({}))).await;
        }
    }
    assert_eq!(all.len(), 2501);
}

#[tokio::test]
async fn what_was_read_before_a_failure_is_given() {
    let now = MachineClock.now();
    let since = now - SignedDuration::from_hours(2);
    let place = Place::with(json!({ "tickets": changed(250, now) })).await;
    let desk = place.desk_with(|halo| halo.timeout = SignedDuration::from_secs(3));
    read(&desk, "2001").await;
    for fault in [json!({ "status": 503 }), json!({ "hold": true })] {
        let lists = "/api/Tickets.*lastupdatefromdate";
        let mut second = fault;
        second["match"] = json!(lists);
        let first = json!({ "match": lists, "times": 1, "latencyMs": 1 });
        place.faults(json!([first, second])).await;
        let found = desk.changed_since(since, 0).await.unwrap();
        assert_eq!(found.tickets.len(), 100);
        let up_to = found.all_up_to.expect("there is more");
        assert!(up_to > since && up_to < now);
    }
    place.faults(json!([])).await;
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
