//! Whatever Halo answers, and whatever comes for one of its webhooks.

use bolero::check;
use clavis_broker::testing::{altered, spelled};
use clavis_broker::tickets::{Given, Posting, Standing, TicketId, Verdict};
use clavis_config::settings::{Halo, HaloAssetField, HaloStatuses};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;

use super::api::{Answer, judged};
use super::list::rows;
use super::{event, note, people, ticket, token};

const TICKET: &str = r#"{"id":1001,"tickettype_id":30,"status_id":1,"user_id":5,"hasbeenclosed":false,
 "assets":[{"id":42}],"loggedonbehalfby":"","details":"It asks for the key.","deleted":false,
 "customfields":[{"name":"CFReason","value":"x"}],"approvers":[{"seq":1,"result":1,"user_id":6,
 "emailaddress":"boss@example.com","dateapproved":"2026-11-23T09:00:00","admin_overridden":false,
 "delegated_by_uid":0}]}"#;
const ASSET: &str = r#"{"id":42,"name":"LT","inventory_number":"LT-0001","key_field":"LT-0001",
 "intune_id":"1ab40ab2-32a8-4b00-b6b5-ba724e407de9"}"#;
const USER: &str = r#"{"id":5,"name":"Anna","emailaddress":"anna@example.com","networklogin":"anna",
 "azureoid":"1ab40ab2-32a8-4b00-b6b5-ba724e407de9"}"#;
const EVENT: &str = r#"[{"ticket":{"id":1001},"action":{"ticket_id":1001}},{"ticket_id":"1002"}]"#;
const TOKEN: &str =
    r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600,"scope":"read:tickets"}"#;
const LIST: &str = r#"{"record_count":2,"tickets":[{"id":1001,"tickettype_id":30},{"id":1002}]}"#;

const PIECES: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "false",
    "0",
    "1",
    "2",
    "-1",
    "1001",
    "30",
    "9",
    "1e9",
    "18446744073709551616",
    "\"result\":1",
    "\"result\":2",
    "\"autoapproved\":true",
    "\"admin_overridden\":true",
    "\"delegated_by_uid\":3",
    "\"id\":42",
    "\\u0000",
    "\\n",
    "é",
    "<b>",
    "1900-01-01T00:00:00",
    "\"deleted\":true",
];

/// Settings as the tests of this folder have them.
pub(super) fn settings() -> Halo {
    Halo {
        url: "https://example.halopsa.com".to_owned(),
        client_id: "client".to_owned(),
        client_secret: "secret".into(),
        tenant: None,
        ca_file: None,
        timeout: SignedDuration::from_secs(10),
        ticket_type: 30,
        outcome: 40,
        statuses: HaloStatuses {
            done: Some(9),
            declined: Some(8),
            ended: Some(10),
        },
        devices_by: all_fields(),
        reason_field: Some("CFReason".to_owned()),
        webhook: None,
        calls: 240,
    }
}

fn all_fields() -> Vec<HaloAssetField> {
    use HaloAssetField::{IntuneId, InventoryNumber, KeyField};
    vec![IntuneId, InventoryNumber, KeyField]
}

#[test]
fn a_ticket_is_the_one_that_was_asked_for_or_none() {
    check!().for_each(|bytes: &[u8]| {
        let Ok(value) = serde_json::from_str::<Value>(&altered(TICKET, bytes, PIECES)) else {
            return;
        };
        let Some(facts) = ticket::facts(&value, "1001", &settings()) else {
            return;
        };
        assert!(value["id"] == 1001 || value["id"].is_string());
        if facts.standing == Standing::Open {
            assert!(!ticket::is_closed(&value, &settings()));
        }
        assert!(!facts.reason.contains('\0') && facts.reason.chars().count() <= 1000);
        for id in facts.user.iter().chain(facts.asset.iter()) {
            assert!(id.parse::<u64>().is_ok_and(|id| id > 0), "{id}");
        }
        for row in &facts.approvals {
            let in_person = row.given == Given::InPerson;
            assert!(!in_person || row.at.is_some());
        }
        let yes = facts
            .approvals
            .iter()
            .filter(|row| !row.is_history)
            .any(|row| row.verdict == Some(Verdict::Approved) && row.given == Given::InPerson);
        assert!(!yes || value["approvers"].is_array());
    });
}

#[test]
fn assets_and_users_are_those_that_were_asked_for() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(value) = serde_json::from_str::<Value>(&altered(ASSET, bytes, PIECES))
            && let Ok(asset) = people::asset(&value, "42", &all_fields())
        {
            assert_eq!(asset.id, "42");
            assert!(!asset.known_as.is_empty());
        }
        if let Ok(value) = serde_json::from_str::<Value>(&altered(USER, bytes, PIECES))
            && let Some(user) = people::user(&value, "5")
        {
            assert!(user.id == "5" && user.known_as.len() <= 3);
        }
    });
}

#[test]
fn of_a_message_only_ids_are_taken() {
    check!().for_each(|bytes: &[u8]| {
        for body in [altered(EVENT, bytes, PIECES), spelled(bytes, PIECES)] {
            let Some(tickets) = event::tickets(body.as_bytes()) else {
                continue;
            };
            assert!((1..=100).contains(&tickets.len()));
            let is_number = |id: &TicketId| id.as_str().parse::<u64>().is_ok_and(|id| id > 0);
            assert!(tickets.iter().all(is_number), "{tickets:?}");
        }
        let _ = event::tickets(bytes);
    });
}

#[test]
fn tokens_lists_and_refusals_are_read_or_not() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(value) = serde_json::from_str::<Value>(&altered(TOKEN, bytes, PIECES)) {
            let now = Instant::now();
            if let Some(token) = token::token(&value, now) {
                assert!((token.until - now).as_secs() < 24 * 60 * 60);
            }
        }
        if let Ok(value) = serde_json::from_str::<Value>(&altered(LIST, bytes, PIECES)) {
            let _ = rows(&value);
        }
        let status = bytes.first().map_or(200, |byte| 200 + u16::from(*byte));
        if let Ok(Answer::Refused { status, .. }) = judged(status, bytes) {
            assert!((400..500).contains(&status));
        }
    });
}

#[test]
fn whatever_is_told_a_note_has_no_markup_but_our_own() {
    check!().for_each(|bytes: &[u8]| {
        let posting = Posting {
            marker: "clavis-1".to_owned(),
            note: spelled(
                bytes,
                &["<", ">", "&", "\"", "'", "$", "\n", "\r", "<b>", "é", "\0"],
            ),
            ending: None,
            may_be_there: false,
        };
        let html = note::html(&posting);
        let rest = ["<p>", "</p>", "<br>"]
            .iter()
            .fold(html.clone(), |html, tag| html.replace(tag, ""));
        assert!(!rest.contains(['<', '>', '"', '\'', '$']), "{html}");
        assert!(!html.contains(char::is_control), "{html}");
        let action = serde_json::json!({ "note_html": html });
        assert!(note::has_mark(&action, "clavis-1"));
    });
}
