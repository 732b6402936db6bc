//! Approvals in the desk, row by row.

use clavis_broker::ports::PersonQuery;
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
    assert_eq!(known(one), ["boss@example.com"]);
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
    assert_eq!(known(past), ["chief@example.com"]);
}

#[tokio::test]
async fn a_row_is_of_the_account_that_it_names_by_all_that_halo_knows_of_it() {
    let answered = |user: Value, mail: &str| {
        json!({
            "emailaddress": mail, "user_id": user, "result": 1, "dateapproved": "2026-11-23T09:00:00",
        })
    };
    let of_an_agent = |user: Value| {
        let mut row = answered(user, "boss@example.com");
        row["agent_id"] = json!(12);
        row
    };
    let rows = json!({ "approvers": [
        answered(json!(6), "Boss@example.com"),
        answered(json!(5), "boss@example.com"),
        answered(json!(8), "boss@example.com"),
        answered(json!(9), "boss@example.com"),
        answered(json!(null), "boss@example.com"),
        answered(json!(6), ""),
        of_an_agent(json!(null)),
        of_an_agent(json!(6)),
    ] });
    let users = json!([
        { "id": 5, "name": "Anna", "emailaddress": "anna@example.com" },
        { "id": 6, "name": "Boss", "emailaddress": "boss@example.com" },
        { "id": 9, "name": "Tom", "emailaddress": "boss@example.com", "networklogin": "tom" },
    ]);
    let place = Place::with(json!({ "users": users, "tickets": [ticket(1001, rows)] })).await;
    let rows = read(&approving(place.settings()), "1001").await.approvals;
    let all_known: Vec<_> = rows.iter().map(known).collect();
    let boss = vec!["boss@example.com"];
    let tom = vec!["boss@example.com", "tom"];
    let nobody = Vec::new;
    assert_eq!(
        all_known,
        [
            boss,
            nobody(),
            nobody(),
            tom,
            nobody(),
            nobody(),
            nobody(),
            nobody()
        ]
    );
    let accounts = rows.iter().map(|row| row.approver.as_ref());
    let accounts: Vec<_> = accounts.map(|it| it.map(|it| it.id.as_str())).collect();
    let six = Some("6");
    assert_eq!(
        accounts,
        [six, Some("5"), Some("8"), Some("9"), None, six, None, six]
    );
    // Nobody is looked up where Clavis asks approvers itself.
    let calls = place.calls().await.len();
    read(&place.desk(), "1001").await;
    // The sign-in, the ticket, its asset and its user.
    assert_eq!(place.calls().await.len(), calls + 5);
}

/// What the directory may know the approver of a row by.
fn known(row: &DeskApproval) -> Vec<&str> {
    let known = row.approver.iter().flat_map(|it| &it.known_as);
    let texts = known.map(|it| match it {
        PersonQuery::Mail(mail) => mail.as_str(),
        PersonQuery::Login(login) => login,
        other @ PersonQuery::Id(_) => panic!("{other:?}"),
    });
    texts.collect()
}
