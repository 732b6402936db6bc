//! Tickets of a HaloPSA, with people and keys in Active Directory.

use serde_json::{Value, json};

use crate::domain::DIGITS;
use crate::harness::{Daemon, Expected, Halo, Installation, Kind, decide, redeem, until};

/// An installation with the test domain, and a desk that it takes tickets of.
fn desk(more: &str) -> (Installation, Halo) {
    let clavis = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    let halo = Halo::new("LT-0002");
    halo.serve(&clavis, more);
    (clavis, halo)
}

/// Waits for the review link of the one request, and approves.
fn approve(clavis: &Installation) {
    let review = clavis.mails.wait("bert.boss", "Approval Needed", "");
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
}

/// Waits for the key link of the one request.
fn key_link(clavis: &Installation) -> String {
    let letter = clavis.mails.wait("anna.berg", "Your Secure Key Link", "");
    letter.link("/key/")
}

/// Waits until the log has so many rows of an event.
fn wait_for_rows(clavis: &Installation, name: &str, count: usize) {
    until("rows of the log", || {
        let named = format!("\"name\":\"{name}\"");
        (clavis.audit().matches(&named).count() >= count).then_some(())
    });
}

fn texts(notes: &[Value]) -> Vec<&str> {
    let texts = notes.iter().map(|note| note["note_html"].as_str());
    texts.map(|text| text.expect("a note")).collect()
}

#[test]
fn a_ticket_is_approved_its_keys_are_shown_and_it_closes_by_itself() {
    let (clavis, halo) = desk("");
    let daemon = clavis.start();
    halo.tell(&clavis, json!({ "double": true }));
    let ticket = halo.raise(json!({}));
    approve(&clavis);
    let link = key_link(&clavis);
    assert_ne!(halo.status(ticket), 9, "no key was shown yet");
    let page = redeem(&link);
    assert_eq!(page.status, 200);
    let shown = ["lt-0002 newest", "lt-0002 unnamed", "lt-0002 data"];
    let expected = Expected::of(&clavis);
    let keys = expected.keys("LT-0002", shown);
    assert_eq!(page.texts(DIGITS), keys);

    halo.wait_for_status(ticket, 9);
    let notes = halo.notes(ticket);
    assert_eq!(notes.len(), 3, "{notes:?}");
    for note in &notes {
        assert_eq!(note["hiddenfromuser"], true, "{note}");
        assert_eq!(note["sendemail"], false, "{note}");
    }
    let record = texts(&notes)[2].to_uppercase();
    for id in expected.key_ids("LT-0002", shown) {
        assert!(record.contains(&id), "{record}");
    }
    assert!(record.contains("APPROVED BY BERT BOSS"), "{record}");
    let everything = format!("{notes:?}");
    let (_, token) = link.rsplit_once('/').expect("a token");
    assert!(!everything.contains(token) && !everything.contains("http"));
    for key in keys {
        assert!(!everything.contains(&key), "{everything}");
    }
    // However often the desk says so, nothing more is made of it.
    halo.edit(ticket, &json!({ "summary": "Thank you" }));
    wait_for_rows(&clavis, "ticket.told", 3);
    assert_eq!(
        clavis.mails.find("bert.boss", "Approval Needed", "").len(),
        1
    );
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn messages_that_are_lost_are_made_up_for() {
    let (clavis, halo) = desk("");
    // While nobody listens.
    let first = halo.raise(json!({}));
    let (daemon, clock) = Daemon::start_with_clock(&clavis.config());
    halo.wait_for_note(first, "Clavis has made request");
    // And two minutes later, by a desk that says nothing.
    halo.change(&json!({ "webhook": null }));
    let second = halo.raise(json!({ "user_id": 6, "assets": [{ "id": 43 }] }));
    clock.advance_minutes(2);
    halo.wait_for_note(second, "Clavis");
    // Several at once.
    halo.tell(&clavis, json!({ "batch": 2 }));
    let third = halo.raise(json!({ "assets": [] }));
    let fourth = halo.raise(json!({ "assets": [{ "id": 42 }, { "id": 43 }] }));
    halo.wait_for_note(third, "names no asset");
    halo.wait_for_note(fourth, "more than one asset");
    assert!(![9, 8, 10].contains(&halo.status(third)), "an agent looks");
    drop(daemon);
}

#[test]
fn whatever_answer_is_lost_no_note_is_written_twice() {
    let (clavis, halo) = desk("");
    let _daemon = clavis.start();
    let every_write = json!([{ "match": "^POST /api/Actions", "hangUp": "after", "times": 1 }]);
    halo.faults(&every_write);
    let ticket = halo.raise(json!({}));
    halo.wait_for_note(ticket, "Clavis has made request");
    wait_for_rows(&clavis, "ticket.told", 1);
    halo.faults(&every_write);
    approve(&clavis);
    wait_for_rows(&clavis, "ticket.told", 2);

    // It is away when the link is opened: nothing is shown, and the link is as good afterwards.
    let link = key_link(&clavis);
    halo.faults(&json!([{ "match": ".", "status": 503 }]));
    let page = redeem(&link);
    assert_eq!(page.status, 503);
    assert!(page.html.contains("The service desk"), "{}", page.html);
    halo.faults(&every_write);
    assert_eq!(redeem(&link).status, 200);
    halo.wait_for_status(ticket, 9);
    wait_for_rows(&clavis, "ticket.told", 3);
    assert_eq!(halo.notes(ticket).len(), 3);
}

#[test]
fn a_desk_that_is_away_after_the_keys_were_shown_is_told_when_it_is_back() {
    let (clavis, halo) = desk("");
    let _daemon = clavis.start();
    let ticket = halo.raise(json!({}));
    approve(&clavis);
    let link = key_link(&clavis);
    wait_for_rows(&clavis, "ticket.told", 2);
    halo.faults(
        &json!([{ "match": "^POST /api/Actions", "status": 429, "retryAfter": 1, "times": 2 }]),
    );
    assert_eq!(redeem(&link).status, 200);
    halo.wait_for_status(ticket, 9);
    assert_eq!(halo.notes(ticket).len(), 3);
}

#[test]
fn a_ticket_that_changes_after_the_approval_shows_no_key() {
    type Spoil = fn(&Halo, u64);
    let spoils: [(Spoil, &str); 4] = [
        (
            |halo, ticket| halo.edit(ticket, &json!({ "assets": [{ "id": 43 }] })),
            "other_asset",
        ),
        (
            |halo, ticket| halo.edit(ticket, &json!({ "user_id": 6 })),
            "other_user",
        ),
        (
            |halo, ticket| halo.edit(ticket, &json!({ "status_id": 9, "hasbeenclosed": true })),
            "closed",
        ),
        (Halo::delete, "gone"),
    ];
    for (spoil, why) in spoils {
        let (clavis, halo) = desk("");
        let _daemon = clavis.start();
        let ticket = halo.raise(json!({}));
        approve(&clavis);
        let link = key_link(&clavis);
        wait_for_rows(&clavis, "ticket.told", 2);
        // The desk says nothing of it.
        halo.change(&json!({ "webhook": null }));
        spoil(&halo, ticket);
        let page = redeem(&link);
        assert!(page.texts(DIGITS).is_empty() && page.status != 200, "{why}");
        let log = clavis.audit();
        assert!(
            log.contains("\"request.revoked\"") && log.contains(&format!("\"why\":\"{why}\"")),
            "{why}: {log}"
        );
        assert!(!log.contains("\"link.redeemed\""), "{why}");
    }
}

#[test]
fn approvals_of_the_desk_count_where_nothing_about_them_is_doubtful() {
    let rows = json!([{ "user_id": 7, "emailaddress": "bert.boss@example.com" }]);
    let (clavis, halo) = desk("approval = \"desk\"");
    let _daemon = clavis.start();
    let ticket = halo.raise(json!({ "approvers": rows }));
    halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
    halo.answer(ticket, &json!({ "seq": 1, "result": 1 }));
    let link = key_link(&clavis);
    assert!(
        clavis
            .mails
            .find("bert.boss", "Approval Needed", "")
            .is_empty()
    );
    assert_eq!(redeem(&link).status, 200);
    halo.wait_for_status(ticket, 9);

    let overridden = json!({ "seq": 1, "result": 1, "admin_overridden": true });
    let rejected = json!({ "seq": 1, "result": 2 });
    for (answer, status) in [(overridden, 10), (rejected, 8)] {
        let (clavis, halo) = desk("approval = \"desk\"");
        let _daemon = clavis.start();
        let ticket = halo.raise(json!({ "approvers": rows }));
        halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
        halo.answer(ticket, &answer);
        halo.wait_for_status(ticket, status);
        assert!(
            clavis
                .mails
                .find("anna.berg", "Your Secure Key Link", "")
                .is_empty()
        );
    }

    // Her own yes is none, whatever the desk says.
    let own = json!([{ "user_id": 5, "emailaddress": "anna.berg@example.com" }]);
    let (clavis, halo) = desk("approval = \"desk\"");
    let _daemon = clavis.start();
    let ticket = halo.raise(json!({ "approvers": own }));
    halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
    halo.answer(ticket, &json!({ "seq": 1, "result": 1 }));
    halo.wait_for_status(ticket, 10);
    assert!(
        clavis
            .mails
            .find("anna.berg", "Your Secure Key Link", "")
            .is_empty()
    );
}

#[test]
fn whoever_has_an_approvers_address_and_another_sign_in_name_approves_nothing() {
    let (clavis, halo) = desk("approval = \"desk\"");
    let users = json!([
        { "id": 5, "name": "Anna", "emailaddress": "anna.berg@example.com" },
        { "id": 8, "name": "Lou", "emailaddress": "bert.boss@example.com", "networklogin": "loop1" },
    ]);
    halo.change(&json!({ "users": users }));
    let _daemon = clavis.start();
    let of_lou = json!({ "user_id": 8, "emailaddress": "bert.boss@example.com" });
    let of_an_agent = json!({ "agent_id": 12, "emailaddress": "bert.boss@example.com" });
    for (row, why) in [(of_lou, "not_named"), (of_an_agent, "nobodys")] {
        let ticket = halo.raise(json!({ "approvers": [row] }));
        halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
        halo.answer(ticket, &json!({ "seq": 1, "result": 1 }));
        halo.wait_for_status(ticket, 10);
        let log = clavis.audit();
        assert!(log.contains(&format!("\"why\":\"{why}\"")), "{why}: {log}");
    }
    let links = clavis.mails.find("anna.berg", "Your Secure Key Link", "");
    assert!(links.is_empty());
}

#[test]
fn a_yes_that_is_gone_from_the_desk_counts_no_more_whoever_says_yes_in_its_place() {
    let bert = json!({ "user_id": 7, "emailaddress": "bert.boss@example.com" });
    let clara = json!({ "seq": 1, "user_id": 9, "emailaddress": "clara.chief@example.com" });
    let users = json!([
        { "id": 5, "name": "Anna", "emailaddress": "anna.berg@example.com" },
        { "id": 7, "name": "Bert", "emailaddress": "bert.boss@example.com" },
        { "id": 9, "name": "Clara", "emailaddress": "clara.chief@example.com" },
    ]);
    let yes = json!({ "seq": 1, "result": 1 });
    // Two are needed, and never say yes at one time.
    let (clavis, halo) = desk("approval = \"desk\"");
    let ask = "[approval]\nask = [[\"bert\", \"chief\"]]\nneeded = 2\n";
    clavis.change("[approval]\n", ask);
    halo.change(&json!({ "users": users }));
    let daemon = clavis.start();
    let ticket = halo.raise(json!({ "approvers": [bert] }));
    halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
    halo.answer(ticket, &yes);
    wait_for_rows(&clavis, "request.supported", 1);
    halo.edit(ticket, &json!({ "approvers": [clara] }));
    halo.answer(ticket, &yes);
    wait_for_rows(&clavis, "request.supported", 2);
    assert!(!clavis.audit().contains("\"request.approved\""));
    drop(daemon);

    // One was needed and has said yes; somebody else's stands there when the link is opened.
    let (clavis, halo) = desk("approval = \"desk\"");
    halo.change(&json!({ "users": users }));
    let _daemon = clavis.start();
    let ticket = halo.raise(json!({ "approvers": [bert] }));
    halo.wait_for_note(ticket, "It waits for the approvals of this ticket");
    halo.answer(ticket, &yes);
    let link = key_link(&clavis);
    halo.change(&json!({ "webhook": null }));
    halo.edit(ticket, &json!({ "approvers": [clara] }));
    halo.answer(ticket, &yes);
    let page = redeem(&link);
    assert!(page.texts(DIGITS).is_empty() && page.status != 200);
    let log = clavis.audit();
    assert!(log.contains("\"why\":\"taken_back\""), "{log}");
}
