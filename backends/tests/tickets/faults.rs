//! What goes wrong between Clavis and Halo.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use clavis_broker::ports::{TicketError, TicketSystem};
use clavis_broker::testing::contract::tickets::FarSide;
use clavis_broker::tickets::{Ending, Posted, Posting};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::double::{Place, named, read, text, ticket};

async fn place() -> Place {
    Place::with(json!({ "tickets": [ticket(1001, json!({}))] })).await
}

fn posting(may_be_there: bool) -> Posting {
    Posting {
        marker: "clavis-1a2b".to_owned(),
        note: "Keys were shown.".to_owned(),
        ending: Some(Ending::Done),
        may_be_there,
    }
}

#[tokio::test]
async fn a_token_is_kept_and_made_anew_once_where_it_is_not_taken() {
    let place = place().await;
    let desk = place.desk();
    for _ in 0..3 {
        read(&desk, "1001").await;
    }
    let tokens = |calls: &[String]| calls.iter().filter(|it| it.contains("/token")).count();
    assert_eq!(tokens(&place.calls().await), 1);
    place.control(Method::POST, "/expire-tokens", None).await;
    read(&desk, "1001").await;
    assert_eq!(tokens(&place.calls().await), 2);
    place
        .faults(json!([{ "match": "/api/Tickets", "status": 401 }]))
        .await;
    let refused = desk.fetch(&named("1001"), true).await;
    assert!(
        matches!(refused, Err(TicketError::Denied(_))),
        "{refused:?}"
    );
    assert_eq!(tokens(&place.calls().await), 3);
}

#[tokio::test]
async fn a_secret_that_is_wrong_and_a_tenant_that_is_are_for_an_operator() {
    let place = place().await;
    let wrong = place.desk_with(|halo| halo.client_secret = "wrong".into());
    let refused = wrong.fetch(&named("1001"), true).await.unwrap_err();
    assert!(matches!(&refused, TicketError::Denied(why) if why.contains("invalid_client")));
    let wrong = place.desk_with(|halo| halo.tenant = Some("other".into()));
    let refused = wrong.fetch(&named("1001"), true).await;
    assert!(matches!(refused, Err(TicketError::Denied(_))));
    // One that somebody hosts themselves has none.
    let own = Place::with(json!({ "tenant": null, "tickets": [ticket(1001, json!({}))] })).await;
    read(&own.desk(), "1001").await;
    let lacking = Place::with(json!({
        "scopes": ["edit:tickets"], "tickets": [ticket(1001, json!({}))],
    }))
    .await;
    let refused = lacking.desk().fetch(&named("1001"), true).await;
    assert!(matches!(refused, Err(TicketError::Denied(why)) if why.contains("read:tickets")));
}

#[tokio::test]
async fn what_cannot_be_understood_is_nonsense_and_a_gateways_word_is_no_answer() {
    let place = place().await;
    let desk = place.desk();
    read(&desk, "1001").await;
    let elsewhere = json!({ "location": "http://127.0.0.1:9/" });
    for (fault, is_nonsense) in [
        (json!({ "garbage": true }), true),
        (json!({ "status": 302, "headers": elsewhere }), true),
        (json!({ "status": 502 }), false),
        (json!({ "status": 500 }), false),
        (json!({ "hangUp": true }), false),
        (json!({ "hangUp": "half" }), false),
    ] {
        place.faults(json!([fault])).await;
        let error = desk.fetch(&named("1001"), true).await.unwrap_err();
        assert_eq!(
            matches!(error, TicketError::Nonsense(_)),
            is_nonsense,
            "{fault}: {error}"
        );
        let error = desk
            .post(&named("1001"), &posting(false))
            .await
            .unwrap_err();
        assert!(!matches!(error, TicketError::Denied(_)), "{fault}: {error}");
    }
    place.faults(json!([])).await;
    read(&desk, "1001").await;
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let place = place().await;
    let desk = place.desk();
    let long = json!({ "id": 1001, "details": "x".repeat(5 * 1024 * 1024) });
    place
        .faults(json!([{ "match": "/api/Tickets", "status": 200, "body": long }]))
        .await;
    let error = desk.fetch(&named("1001"), true).await.unwrap_err();
    assert!(
        matches!(&error, TicketError::Nonsense(why) if why.contains("length")),
        "{error}"
    );
}

#[tokio::test]
async fn an_operation_ends_at_its_time() {
    let place = place().await;
    let desk = place.desk_with(|halo| halo.timeout = SignedDuration::from_secs(1));
    place
        .faults(json!([{ "match": "/api/Users", "hold": true }]))
        .await;
    let error = desk.fetch(&named("1001"), true).await.unwrap_err();
    assert!(matches!(error, TicketError::Unavailable(_)), "{error}");
    // A write whose answer does not come in time is done all the same, and found.
    place
        .faults(json!([{ "match": "^POST /api/Actions", "hold": true }]))
        .await;
    let error = desk
        .post(&named("1001"), &posting(false))
        .await
        .unwrap_err();
    assert!(matches!(error, TicketError::Unavailable(_)), "{error}");
    place.faults(json!([])).await;
    let arriving = async {
        while place.actions(&named("1001")).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_mins(1), arriving).await;
    arrived.expect("what was sent is done");
    let again = desk.post(&named("1001"), &posting(true)).await.unwrap();
    assert_eq!(again, Posted::Whole);
    assert_eq!(place.actions(&named("1001")).await.len(), 1);
}

#[tokio::test]
async fn a_private_note_whose_answer_was_lost_is_not_written_twice() {
    let place = place().await;
    let desk = place.desk();
    place.refuse_endings(true).await;
    place
        .faults(json!([
            { "match": "^POST /api/Actions", "status": 400, "times": 1 },
            { "match": "^POST /api/Actions", "hangUp": "after", "times": 1 },
        ]))
        .await;
    let error = desk
        .post(&named("1001"), &posting(false))
        .await
        .unwrap_err();
    assert!(matches!(error, TicketError::Unavailable(_)), "{error}");
    for _ in 0..2 {
        let again = desk.post(&named("1001"), &posting(true)).await.unwrap();
        assert_eq!(again, Posted::NoteAlone);
    }
    assert_eq!(place.actions(&named("1001")).await.len(), 1);
}

#[tokio::test]
async fn where_tokens_are_had_has_to_be_as_safe_as_halo_itself() {
    let place = place().await;
    for url in [
        "ftp://127.0.0.1/auth",
        "nowhere",
        "http://anna@127.0.0.1/auth",
        "",
    ] {
        let about = json!({ "auth_url": url, "tenant_id": "example" });
        place
            .faults(json!([{ "match": "/api/authinfo", "status": 200, "body": about }]))
            .await;
        let error = place.desk().fetch(&named("1001"), true).await.unwrap_err();
        assert!(matches!(error, TicketError::Nonsense(_)), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_error_tells_the_secret_or_a_token() {
    // It answers whatever it is asked with what it was sent.
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = echo.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = echo.accept().unwrap();
            let mut sent = vec![0; 4096];
            let length = stream.read(&mut sent).unwrap();
            let about = json!({ "auth_url": format!("http://{address}/auth") }).to_string();
            let body = if sent.starts_with(b"GET") {
                about.into_bytes()
            } else {
                sent[..length].to_vec()
            };
            let status = if sent.starts_with(b"GET") { 200 } else { 400 };
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    let place = place().await;
    let settings = place.settings();
    let desk = place.desk_with(|halo| {
        halo.url = format!("http://{address}");
        halo.client_secret = "the-secret-of-the-application".into();
    });
    let error = desk.fetch(&named("1001"), true).await.unwrap_err();
    thread.join().unwrap();
    let told = format!("{error} {error:?} {settings:?}");
    let secret: Value = json!("the-secret-of-the-application");
    assert!(!told.contains(text(&secret)), "{told}");
    assert!(!told.contains("a password of ours"), "{told}");
}

#[tokio::test]
async fn a_ticket_is_ended_where_it_is_seen_to_be() {
    let place = place().await;
    let desk = place.desk();
    for body in [json!({}), json!(null), json!({ "id": 1 })] {
        place
            .faults(json!([{ "match": "^POST /api/Actions", "status": 201, "body": body }]))
            .await;
        let posted = desk.post(&named("1001"), &posting(false)).await.unwrap();
        assert_eq!(posted, Posted::NoteAlone, "{body}");
    }
    place.faults(json!([])).await;
    place.change(json!({ "notesAnswered": false })).await;
    let posted = desk.post(&named("1001"), &posting(false)).await.unwrap();
    assert_eq!(posted, Posted::Whole);
}

#[tokio::test]
async fn among_more_notes_than_are_looked_through_nobody_knows() {
    let place = place().await;
    let many = json!({ "record_count": 5000, "actions": [{ "id": 1, "note": "x" }] });
    place
        .faults(json!([{ "match": "^GET /api/Actions", "status": 200, "body": many }]))
        .await;
    let posted = place.desk().post(&named("1001"), &posting(true)).await;
    assert!(
        matches!(posted, Err(TicketError::Unavailable(_))),
        "{posted:?}"
    );
    assert!(place.actions(&named("1001")).await.is_empty());
}
