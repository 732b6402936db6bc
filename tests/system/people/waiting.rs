//! Nobody waits for an approver who is not there. The daemon's clock is put forward; the provider's
//! is not, so people sign in with a code by mail once time has passed.

use super::{Company, REASON, answer, names, press, request_page, say};
use crate::client::Browser;
use crate::domain::DIGITS;
use crate::harness::{Daemon, Expected, ask, redeem, reference_of, sign_in, until};

const SILENCE: &str = "remind_after = \"4h\"\nalternates = [\"pia.panel@example.com\"]\n\
                       alternates_after = \"8h\"\nlast_resort = \"GG-Last-Resort\"\nlast_resort_after = \"24h\"";

#[test]
fn where_the_manager_is_silent_others_are_asked_and_the_group_of_last_resort_approves() {
    let company = Company::new(SILENCE, "");
    let expected = Expected::of(&company.clavis);
    let (daemon, clock) = company.start_with_clock();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let asked = |subject| company.told(subject, &reference);
    let (needed, reminder) = ("Approval Needed", "Reminder: Approval Needed");
    let wait = |mail: &str, subject| company.clavis.mails.wait(mail, subject, &reference);
    let first = wait("bert.boss", needed).link("/review/");
    let page = request_page(&anna, &reference);
    for said in [
        "If nobody decides",
        "Whoever has not answered is reminded.",
        "Pia Panel is asked as well.",
        "The group of last resort is asked as well: ",
        "The request lapses.",
    ] {
        assert!(page.html.contains(said), "{said}: {}", page.html);
    }

    clock.advance(5);
    let again = wait("bert.boss", reminder).link("/review/");
    assert_ne!(first, again);
    assert_eq!(asked(needed).len(), 1);
    clock.advance(4);
    wait("pia.panel", needed);
    assert_eq!(asked(needed).len(), 2);
    clock.advance(16);
    wait("clara.chief", needed);
    let link = wait("petra.panel", needed).link("/review/");

    // Her session is over, and nothing of the request is.
    assert_eq!(anna.open("/").expect("a page").path, "/sign-in");
    let petra = sign_in(&daemon, &company.clavis.mails, "petra.panel@example.com");
    let bert = sign_in(&daemon, &company.clavis.mails, "bert.boss@example.com");
    let late = bert.open(&first).expect("the first link is still his");
    assert_eq!(say(&petra, &link, "approve").status, 200);
    assert_eq!(answer(&bert, &late, "decline").status, 409);
    let page = redeem(&company.key_link("anna.berg", &reference));
    assert_eq!(page.texts(DIGITS), expected.keys("LT-0001", ["lt-0001 os"]));

    let mut history = company.clavis.history(&reference);
    history.retain(|step| step != "review_opened");
    assert_eq!(
        history[..5],
        ["opened", "reminded", "asked_more", "asked_more", "approved"]
    );
    let more = company.rows_of("request.asked_more");
    let who: Vec<_> = more
        .iter()
        .map(|row| names(&row["event"]["asked"]))
        .collect();
    assert_eq!(who[0], ["Pia Panel"]);
    assert_eq!(who[1], ["Clara Chief", "Petra Panel"]);
    let approved = &company.rows_of("request.approved")[0];
    assert_eq!(approved["actor"]["name"], "Petra Panel");
    assert!(asked(reminder).iter().all(|to| to.contains("bert.boss")));
}

#[test]
fn after_an_expired_link_one_press_asks_anew_and_the_old_link_stays_shut() {
    let company = Company::new("", "");
    let (daemon, clock) = company.start_with_clock();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    company.approve(&daemon, "bert", "bert.boss", &reference);
    let old = company.key_link("anna.berg", &reference);

    clock.advance(4);
    let ended = anna.open(&old).expect("a page");
    assert_eq!(ended.status, 410);
    assert_eq!(ended.texts("<h1"), ["This key link has expired"]);
    company
        .clavis
        .mails
        .wait("anna.berg", "Link Expired", &reference);
    let anna = signed_in_by_mail(&company, &daemon, "anna.berg");
    let path = format!("/requests/{reference}/again");
    let page = press(&anna, &request_page(&anna, &reference), &path);
    let next = reference_of(&page);
    assert_ne!(next, reference);
    assert!(page.html.contains("LT-0001") && page.html.contains(REASON));
    // Nothing of the first approval counts for it.
    assert_eq!(company.clavis.count("approved"), 1);
    let bert = signed_in_by_mail(&company, &daemon, "bert.boss");
    let link = company.review_link("bert.boss", &next);
    assert_eq!(say(&bert, &link, "approve").status, 200);
    let new = company.key_link("anna.berg", &next);
    assert_eq!(anna.open(&old).expect("a page").status, 410);
    assert_eq!(redeem(&new).texts(DIGITS).len(), 1);
    assert_eq!(company.clavis.count("redeemed"), 1);
}

#[test]
fn a_decision_that_comes_too_late_is_none() {
    let company = Company::new("decide_within = \"2h\"", "");
    let (daemon, clock) = company.start_with_clock();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    let bert = company.sign_in(&daemon, "bert");
    // A session lasts half an hour without use; this one is used.
    let mut page = bert.open(&link).expect("the review page");
    for _ in 0..4 {
        clock.advance_minutes(25);
        page = bert.open(&link).expect("the review page");
    }
    clock.advance_minutes(25);
    let late = answer(&bert, &page, "approve");
    assert_eq!(late.status, 409, "{}", late.html);
    assert!(late.html.contains("Your answer does not count"));
    let refused = &company.rows_of("command.refused")[0];
    assert_eq!(refused["event"]["command"], "approve");
    until("the log says that it lapsed", || {
        (company.clavis.count("lapsed") == 1).then_some(())
    });
    company
        .clavis
        .mails
        .wait("anna.berg", "Request Lapsed", &reference);
    company.assert_nothing_released();
}

fn signed_in_by_mail(company: &Company, daemon: &Daemon, who: &str) -> Browser {
    let address = format!("{who}@example.com");
    sign_in(daemon, &company.clavis.mails, &address)
}
