//! How much Halo is asked.

use clavis_broker::ports::{TicketError, TicketSystem};
use jiff::SignedDuration;
use serde_json::json;

use crate::double::{MachineClock, Place, named, read, ticket};
use clavis_broker::ports::Clock;

async fn place(limit: serde_json::Value) -> Place {
    Place::with(json!({ "rateLimit": limit, "tickets": [ticket(1001, json!({}))] })).await
}

fn wait_of(error: &TicketError) -> SignedDuration {
    match error {
        TicketError::Busy(wait) => *wait,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_pause_that_halo_asks_for_is_kept_by_everybody() {
    // One ticket is three calls.
    let place = place(json!({ "calls": 3, "seconds": 300, "retryAfter": 77 })).await;
    let desk = place.desk();
    read(&desk, "1001").await;
    let error = desk.fetch(&named("1001"), true).await.unwrap_err();
    assert_eq!(wait_of(&error), SignedDuration::from_secs(77));
    let calls = place.calls().await.len();
    for somebody_waits in [false, true] {
        let error = desk.fetch(&named("1001"), somebody_waits).await;
        let wait = wait_of(&error.unwrap_err());
        assert!(wait > SignedDuration::from_secs(17) && wait <= SignedDuration::from_secs(77));
    }
    assert_eq!(place.calls().await.len(), calls, "nobody asks meanwhile");
}

#[tokio::test]
async fn a_pause_without_an_end_has_one() {
    let place = place(json!({ "calls": 0, "seconds": 300 })).await;
    let error = place.desk().fetch(&named("1001"), true).await.unwrap_err();
    assert_eq!(wait_of(&error), SignedDuration::from_secs(30));
}

#[tokio::test]
async fn some_calls_are_kept_for_people_who_wait() {
    let place = place(json!({ "calls": 700, "seconds": 300 })).await;
    let desk = place.desk_with(|halo| halo.calls = 60);
    let since = MachineClock.now();
    let mut listed = 0;
    let error = loop {
        match desk.changed_since(since, 0).await {
            Ok(_) => listed += 1,
            Err(error) => break error,
        }
    };
    // The sign-in is two calls more.
    assert_eq!(listed, 48);
    assert!(wait_of(&error) <= SignedDuration::from_mins(5));
    for _ in 0..3 {
        let waited = desk.fetch(&named("1001"), true).await;
        assert!(waited.unwrap().is_some());
    }
    let error = desk.fetch(&named("1001"), true).await.unwrap_err();
    assert!(wait_of(&error) <= SignedDuration::from_mins(5));
    assert_eq!(place.calls().await.len(), 60);
}
