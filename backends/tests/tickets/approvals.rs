//! Approvals in the desk, row by row.

use clavis_broker::tickets::{DeskApproval, Given, Verdict};
use reqwest::Method;
use serde_json::{Value, json};

use crate::double::{Place, approving, read, ticket};

async fn decide(place: &Place, decision: Value) {
    let path = "/tickets/1001/approval";
    place.control(Method::POST, path, Some(decision)).await;
}

#[tokio::test]
async fn rows_say_who_answered_and_how() {
    let rows = json!({ "approvers": [
        { "emailaddress": "boss@example.com", "user_id": 6 },
        { "emailaddress": "chief@example.com", "user_id": 7 },
    ] });
    let place = Place::with(json!({ "tickets": [ticket(1001, rows)] })).await;
    let desk = place.desk();
    let before = read(&desk, "1001").await.approvals;
    assert!(before.len() == 2 && before.iter().all(|row| row.verdict.is_none()));

    decide(&place, json!({ "seq": 1, "result": 1 })).await;
    let [one, other] = &read(&desk, "1001").await.approvals[..] else {
        panic!("two rows");
    };
    assert_eq!(
        (one.verdict, one.given),
        (Some(Verdict::Approved), Given::InPerson)
    );
    let approver = one.approver.as_ref().expect("an address");
    assert_eq!(approver.as_str(), "boss@example.com");
    assert!(one.at.is_some() && other.verdict.is_none());

    decide(&place, json!({ "seq": 2, "result": 2 })).await;
    let rows = read(&desk, "1001").await.approvals;
    assert_eq!(rows[1].verdict, Some(Verdict::Rejected));
    for (how, given) in [
        (json!({ "admin_overridden": true }), Given::Overridden),
        (
            json!({ "admin_overridden": false, "delegated_by_uid": 9 }),
            Given::Delegated,
        ),
        (
            json!({ "delegated_by_uid": 0, "dateapproved": null }),
            Given::Automatically,
        ),
        (json!({ "autoapproved": true }), Given::Automatically),
    ] {
        let mut decision = json!({ "seq": 2, "result": 1 });
        for (name, value) in how.as_object().unwrap() {
            decision[name] = value.clone();
        }
        decide(&place, decision).await;
        let rows = read(&desk, "1001").await.approvals;
        assert_eq!(rows[1].given, given, "{how}");
    }
}

#[tokio::test]
async fn rounds_that_are_over_are_told_as_such() {
    let rows = json!({
        "approvers": [{ "emailaddress": "boss@example.com", "user_id": 6 }],
        "approvers_history": [{
            "emailaddress": "chief@example.com", "user_id": 7, "result": 2,
            "dateapproved": "2026-11-23T09:00:00",
        }],
    });
    let users = json!([
        { "id": 5, "name": "Anna", "emailaddress": "anna@example.com" },
        { "id": 6, "name": "Boss", "emailaddress": "boss@example.com" },
        { "id": 7, "name": "Chief", "emailaddress": "chief@example.com" },
    ]);
    let place = Place::with(json!({ "users": users, "tickets": [ticket(1001, rows)] })).await;
    let rows = read(&place.desk(), "1001").await.approvals;
    let [present, past] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert!(!present.is_history && present.verdict.is_none());
    assert!(past.is_history && past.verdict == Some(Verdict::Rejected));
    let said_by = past.approver.as_ref().expect("an address");
    assert_eq!(said_by.as_str(), "chief@example.com");
}

#[tokio::test]
async fn a_row_with_the_address_of_another_user_than_it_names_is_nobodys() {
    let answered = |user: Value, mail: &str| {
        json!({
            "emailaddress": mail, "user_id": user, "result": 1, "dateapproved": "2026-11-23T09:00:00",
        })
    };
    let rows = json!({ "approvers": [
        answered(json!(6), "Boss@example.com"),
        answered(json!(5), "boss@example.com"),
        answered(json!(8), "boss@example.com"),
        answered(json!(null), "boss@example.com"),
    ] });
    let users = json!([
        { "id": 5, "name": "Anna", "emailaddress": "anna@example.com" },
        { "id": 6, "name": "Boss", "emailaddress": "boss@example.com" },
    ]);
    let place = Place::with(json!({ "users": users, "tickets": [ticket(1001, rows)] })).await;
    let known = |rows: &[DeskApproval]| -> Vec<bool> {
        rows.iter().map(|row| row.approver.is_some()).collect()
    };
    let rows = read(&approving(place.settings()), "1001").await.approvals;
    assert_eq!(known(&rows), [true, false, false, true]);
    let users: Vec<_> = rows.iter().map(|row| row.user.as_deref()).collect();
    assert_eq!(users, [Some("6"), Some("5"), Some("8"), None]);
    // Nobody is looked up where Clavis asks approvers itself.
    let calls = place.calls().await.len();
    let rows = read(&place.desk(), "1001").await.approvals;
    assert_eq!(known(&rows), [true; 4]);
    // The sign-in, the ticket, its asset and its user.
    assert_eq!(place.calls().await.len(), calls + 5);
}
