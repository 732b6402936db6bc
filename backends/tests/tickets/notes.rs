//! Notes and endings.

use clavis_broker::ports::{TicketError, TicketSystem};
use clavis_broker::tickets::{Ending, Posted, Posting};
use serde_json::json;

use crate::double::{Place, named, text, ticket};

fn posting(ending: Option<Ending>) -> Posting {
    Posting {
        marker: "clavis-1a2b".to_owned(),
        note: "Approved by <boss> & co.\nKey 7.".to_owned(),
        ending,
        may_be_there: false,
    }
}

async fn place() -> Place {
    Place::with(json!({ "tickets": [ticket(1001, json!({}))] })).await
}

#[tokio::test]
async fn a_note_is_internal_escaped_and_mails_nobody() {
    let place = place().await;
    let (desk, declined) = (place.desk(), posting(Some(Ending::Declined)));
    let posted = desk.post(&named("1001"), &declined).await;
    assert_eq!(posted.unwrap(), Posted::Whole);
    let [action] = &place.actions(&named("1001")).await[..] else {
        panic!("one note");
    };
    assert_eq!(action["hiddenfromuser"], true);
    assert_eq!(action["sendemail"], false);
    assert_eq!(
        (&action["outcome_id"], &action["new_status"]),
        (&json!(40), &json!(8))
    );
    assert_eq!(
        text(&action["note_html"]),
        "<p>Approved by &lt;boss&gt; &amp; co.<br>Key 7.</p><p>clavis-1a2b</p>"
    );
}

#[tokio::test]
async fn a_refused_outcome_leaves_a_private_note() {
    let place = place().await;
    let desk = place.desk_with(|halo| halo.outcome = 41);
    let told = desk.post(&named("1001"), &posting(None)).await;
    assert_eq!(told.unwrap(), Posted::Whole, "the note was all");
    let told = desk
        .post(&named("1001"), &posting(Some(Ending::Done)))
        .await;
    assert_eq!(told.unwrap(), Posted::NoteAlone);
    let actions = place.actions(&named("1001")).await;
    assert!(actions.iter().all(|it| it["outcome_id"] == 7));
    assert!(actions.iter().all(|it| it["new_status"].is_null()));
    // Without any, somebody has to look.
    place.change(json!({ "outcomes": [] })).await;
    let told = desk.post(&named("1001"), &posting(None)).await;
    assert!(matches!(told, Err(TicketError::Denied(_))), "{told:?}");
}

#[tokio::test]
async fn an_ending_without_a_status_is_a_note_alone() {
    let place = place().await;
    let desk = place.desk_with(|halo| halo.statuses.ended = None);
    let told = desk
        .post(&named("1001"), &posting(Some(Ending::Ended)))
        .await;
    assert_eq!(told.unwrap(), Posted::NoteAlone);
    let [action] = &place.actions(&named("1001")).await[..] else {
        panic!("one note");
    };
    assert!(action["new_status"].is_null());
    // A status that is not there is one that is refused.
    let desk = place.desk_with(|halo| halo.statuses.done = Some(4711));
    let told = desk
        .post(&named("1001"), &posting(Some(Ending::Done)))
        .await;
    assert_eq!(told.unwrap(), Posted::NoteAlone);
}

#[tokio::test]
async fn a_note_is_found_again_among_many() {
    let place = place().await;
    let desk = place.desk();
    let first = posting(None);
    desk.post(&named("1001"), &first).await.unwrap();
    for number in 0..120 {
        let other = Posting {
            marker: format!("clavis-{number}"),
            ..posting(None)
        };
        desk.post(&named("1001"), &other).await.unwrap();
    }
    let again = Posting {
        may_be_there: true,
        ..first
    };
    assert_eq!(
        desk.post(&named("1001"), &again).await.unwrap(),
        Posted::Whole
    );
    assert_eq!(place.actions(&named("1001")).await.len(), 121);
}
