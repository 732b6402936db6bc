//! Webhooks, as the double sends them.

use clavis_broker::ports::{EventError, TicketSystem};
use clavis_broker::testing::contract::tickets::FarSide;

use serde_json::json;

use crate::double::Place;

#[tokio::test]
async fn without_a_credential_in_the_settings_nobody_is_heard() {
    let place = Place::with(json!({})).await;
    let ticket = place.make().await;
    let (credential, body) = place.message(&[&ticket]);
    let desk = place.desk_with(|halo| halo.webhook = None);
    for authorization in [None, Some(credential.as_str()), Some("Basic Og==")] {
        let heard = desk.parse_event(authorization, &body);
        assert_eq!(heard, Err(EventError::Stranger));
    }
}

#[tokio::test]
async fn doubled_and_batched_messages_name_each_ticket_once() {
    let place = Place::with(json!({})).await;
    let (one, other) = (place.make().await, place.make().await);
    let (credential, body) = place.message(&[&one, &other, &one]);
    let heard = place.desk().parse_event(Some(&credential), &body);
    assert_eq!(heard, Ok(vec![one, other]));
}
