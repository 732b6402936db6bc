//! Services that ask for a pause, are busy, hang up, or never answer.

use std::sync::Arc;
use std::time::Duration;

use clavis_backends::entra::{Body, Call, Tenant, Trouble};
use clavis_broker::ports::EscrowFault;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::double::{Place, names, tenant};

/// When a call reached the other side, in milliseconds.
fn at(call: &Value) -> u64 {
    call["at"].as_u64().expect("a time")
}

/// An order that is no harm: a mail that the double takes apart.
async fn order(tenant: &Tenant) -> Result<Option<()>, Trouble> {
    let call = Call::post("v1.0")
        .segment("users")
        .segment("clavis@example.com")
        .segment("sendMail")
        .needs("Mail.Send");
    let mail = json!({ "message": { "toRecipients": [{ "emailAddress": { "address": "a@example.com" } }] } });
    tenant.post(&call, Body::Json(&mail)).await
}

async fn place_with_mailbox() -> Place {
    Place::with(json!({
        "roles": ["Mail.Send", "Device.Read.All"],
        "users": [{ "mail": "clavis@example.com" }],
    }))
    .await
}

#[tokio::test]
async fn a_short_pause_is_waited_for() {
    let place = Place::with_devices(&["PC-1"]).await;
    place
        .faults(json!([{ "match": "/devices", "status": 429, "retryAfter": 1, "times": 1 }]))
        .await;
    assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"]);
    let calls = place.graph_calls().await;
    assert_eq!(calls.len(), 2);
    assert!(at(&calls[1]) >= at(&calls[0]) + 1000, "{calls:?}");
}

#[tokio::test]
async fn a_pause_until_a_date_is_waited_for() {
    let place = Place::with_devices(&["PC-1"]).await;
    let soon = clavis_broker::ports::Clock::now(&crate::double::MachineClock);
    let soon = soon + jiff::SignedDuration::from_secs(2);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&soon)
        .expect("a date");
    place
        .faults(json!([{ "match": "/devices", "status": 503, "retryAfter": date, "times": 1 }]))
        .await;
    assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"]);
    let calls = place.graph_calls().await;
    assert_eq!(calls.len(), 2);
    // The date has whole seconds.
    assert!(at(&calls[1]) >= at(&calls[0]) + 900, "{calls:?}");
}

#[tokio::test]
async fn a_long_pause_fails_at_once_and_nobody_knocks_again() {
    let place = Place::with_devices(&[]).await;
    place
        .faults(json!([{ "match": "/devices", "status": 429, "retryAfter": 60 }]))
        .await;
    let tenant = place.tenant();
    let began = Instant::now();
    for _ in 0..3 {
        let trouble = names(&tenant).await.unwrap_err();
        assert_eq!(trouble.fault(), EscrowFault::Unavailable);
        assert!(
            matches!(trouble, Trouble::Throttled { seconds: 58..=61 }),
            "{trouble:?}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(place.count("graphCalls").await, 1);
}

#[tokio::test]
async fn a_pause_of_one_service_is_none_of_another() {
    let place = place_with_mailbox().await;
    place
        .faults(json!([{ "match": "sendMail", "status": 429, "retryAfter": 60 }]))
        .await;
    let tenant = place.tenant();
    order(&tenant).await.unwrap_err();
    names(&tenant).await.expect("devices are another service");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_come_later_wait_for_the_end_of_the_pause() {
    let place = Place::with_devices(&["PC-1"]).await;
    place
        .faults(json!([{ "match": "/devices", "status": 429, "retryAfter": 3, "times": 1 }]))
        .await;
    let tenant = place.tenant_within(2);
    // It is longer than there is time, so that the first fails at once, and the others until its
    // end is near enough to be waited for.
    names(&tenant).await.unwrap_err();
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let tenant = Arc::clone(&tenant);
        asking.spawn(async move {
            loop {
                match names(&tenant).await {
                    Err(Trouble::Throttled { .. }) => {}
                    outcome => return outcome,
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    for outcome in asking.join_all().await {
        assert_eq!(outcome.unwrap(), ["PC-1"]);
    }
    let calls = place.graph_calls().await;
    assert_eq!(calls.len(), 9);
    let first = at(&calls[0]);
    assert!(
        calls[1..].iter().all(|call| at(call) >= first + 3000),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_busy_service_is_tried_again_after_growing_pauses() {
    let place = Place::with_devices(&["PC-1"]).await;
    for status in [429, 502, 503, 504] {
        place
            .faults(json!([{ "match": "/devices", "status": status, "times": 2 }]))
            .await;
        assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"], "{status}");
    }
    place
        .faults(json!([{ "match": "/devices", "status": 503 }]))
        .await;
    let before = place.count("graphCalls").await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert_eq!(trouble.fault(), EscrowFault::Unavailable);
    assert_eq!(place.count("graphCalls").await, before + 4);
}

#[tokio::test]
async fn an_order_that_may_have_been_carried_out_is_not_given_again() {
    let place = place_with_mailbox().await;
    let tenant = place.tenant();
    let mut sent = 0;
    for (fault, carried_out) in [
        (json!({ "hangUp": "after" }), true),
        (json!({ "hangUp": true }), false),
        (json!({ "status": 502 }), false),
        (json!({ "status": 504 }), false),
        (json!({ "status": 500 }), false),
    ] {
        let mut limited = fault.clone();
        limited["match"] = "sendMail".into();
        limited["times"] = 1.into();
        place.faults(json!([limited])).await;
        let trouble = order(&tenant).await.unwrap_err();
        assert_eq!(trouble.fault(), EscrowFault::Unavailable, "{fault}");
        sent += usize::from(carried_out);
        assert_eq!(place.mails().await.len(), sent, "{fault}");
    }
    // These say that it was not carried out.
    for status in [429, 503] {
        place
            .faults(json!([{ "match": "sendMail", "status": status, "times": 1 }]))
            .await;
        order(&tenant).await.expect("given again");
        sent += 1;
        assert_eq!(place.mails().await.len(), sent, "{status}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_is_tried_again() {
    let place = Place::with_devices(&["PC-1"]).await;
    for fault in [json!("half"), json!(true)] {
        place
            .faults(json!([{ "match": "/devices", "hangUp": fault, "times": 1 }]))
            .await;
        assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"], "{fault}");
    }
    place
        .faults(json!([{ "match": "/devices", "hangUp": "half" }]))
        .await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Broken { .. }), "{trouble:?}");
    assert_eq!(trouble.fault(), EscrowFault::Unavailable);
}

#[tokio::test]
async fn nothing_takes_longer_than_its_deadline() {
    let place = Place::with_devices(&[]).await;
    for slow in ["/devices", "/token$"] {
        place
            .faults(json!([{ "match": slow, "latencyMs": 20_000 }]))
            .await;
        let began = Instant::now();
        let trouble = names(&place.tenant_within(1)).await.unwrap_err();
        assert!(matches!(trouble, Trouble::TooLate), "{trouble:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{slow}");
    }
}

#[tokio::test]
async fn the_sign_in_is_subject_to_the_same() {
    let place = Place::with_devices(&["PC-1"]).await;
    for fault in [
        json!({ "status": 503, "times": 1 }),
        json!({ "status": 429, "retryAfter": 1, "times": 1 }),
        json!({ "hangUp": "half", "times": 1 }),
    ] {
        let mut limited = fault.clone();
        limited["match"] = "/token$".into();
        place.faults(json!([limited])).await;
        assert_eq!(names(&place.tenant()).await.unwrap(), ["PC-1"], "{fault}");
    }
    place
        .faults(json!([{ "match": "/token$", "status": 429, "retryAfter": 60 }]))
        .await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Throttled { .. }), "{trouble:?}");
    place
        .faults(json!([{ "match": "/token$", "garbage": true }]))
        .await;
    let trouble = names(&place.tenant()).await.unwrap_err();
    assert_eq!(trouble.fault(), EscrowFault::Nonsense, "{trouble:?}");
}

#[tokio::test]
async fn a_service_that_is_down_is_told() {
    let place = Place::with_devices(&[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut no_graph = place.settings();
    no_graph.graph_url = Some(nobody.clone());
    let mut no_login = place.settings();
    no_login.login_url = Some(nobody);
    for settings in [no_graph, no_login] {
        let trouble = names(&tenant(settings)).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Connect { .. }), "{trouble:?}");
        assert_eq!(trouble.fault(), EscrowFault::Unavailable);
    }
}
