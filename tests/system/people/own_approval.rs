//! Nobody approves what they asked for, or what is for them, by whatever path.

use serde_json::json;

use super::{Company, REASON, answer, ask_for, say, send};
use crate::client::{Browser, Page};
use crate::harness::{ask, fill_in, reference_of, split};

const AGENTS: &str = "[alarms]\nmail = [\"operators@example.com\"]\n\
                      [roles]\nagents = [\"GG-ServiceDesk\"]\nbreak_glass = [\"GG-Break-Glass\"]";

/// Nobody could be asked, so there is no request.
fn assert_nobody_to_ask(company: &Company, page: &Page) {
    assert_eq!(page.status, 422, "{}", page.html);
    assert!(
        page.html
            .contains("There is nobody to approve your request")
    );
    let refused = company.rows_of("request.refused").pop().expect("a row");
    assert_eq!(refused["event"]["why"], "nobody_to_ask");
    assert_eq!(company.clavis.count("opened"), 0);
    assert!(company.told("Approval Needed", "").is_empty());
}

/// Whose link it is not is told so, and nothing comes of the button.
fn assert_not_theirs(company: &Company, browser: &Browser, link: &str, who: &str) {
    let before = company.rows_of("review.refused").len();
    let page = browser.open(link).expect("a page");
    assert_eq!(page.status, 403, "{}", page.html);
    assert_eq!(page.texts("<h1"), ["This link was mailed to somebody else"]);
    assert!(!page.html.contains("LT-0001") && !page.html.contains(REASON));
    // With the form that the page does not have, and a token that is their own.
    let fields = [("choice", "approve"), ("comment", "")];
    let choice = send(browser, &page, &page.path, &fields);
    assert_eq!(choice.status, 403, "{}", choice.html);
    let rows = company.rows_of("review.refused");
    assert_eq!(rows.len(), before + 2);
    assert!(rows.iter().all(|row| row["actor"]["kind"] == "person"));
    assert_eq!(rows[before]["actor"]["name"], who);
}

#[test]
fn a_review_link_that_is_passed_on_is_nobody_elses() {
    let company = Company::new("", "");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    assert_not_theirs(&company, &anna, &link, "Anna Berg");
    // Nor is it that of somebody who might have been asked.
    let chief = company.sign_in(&daemon, "chief");
    assert_not_theirs(&company, &chief, &link, "Clara Chief");
    // Whoever is not signed in is led to the sign-in, button or not.
    let stranger = Browser::new(&daemon.url);
    let page = stranger.open(&link).expect("a page");
    assert_eq!((page.status, &*page.path), (200, "/sign-in"));
    let (_, path) = split(&link);
    let path = path.to_owned();
    let led = answer(&stranger, &Page { path, ..page }, "approve");
    assert_eq!((led.status, &*led.path), (200, "/sign-in"));
    company.assert_nothing_released();
    let bert = company.sign_in(&daemon, "bert");
    assert_eq!(say(&bert, &link, "approve").status, 200);
}

#[test]
fn a_second_account_with_the_same_mail_address_is_the_same_person() {
    for approval in [
        "",
        "nominated = [\"tilda-admin\"]\nask = [\"nominated\"]",
        "ask = [[\"manager\", \"tilda-admin\"]]",
    ] {
        let company = Company::new(approval, AGENTS);
        let daemon = company.start();
        let tilda = company.sign_in(&daemon, "tilda");
        let page = fill_in(&tilda, &[("asset", "LT-0001"), ("reason", REASON)]);
        assert_nobody_to_ask(&company, &page);
        // Nor for the other account at the desk.
        let admin = company.sign_in(&daemon, "tilda-admin");
        let page = ask_for(&admin, "tilda.twin", "LT-0001");
        assert_nobody_to_ask(&company, &page);
    }
}

#[test]
fn who_is_their_own_manager_is_asked_nothing_and_two_of_a_loop_ask_each_other() {
    let company = Company::new("", "");
    let daemon = company.start();
    let selma = company.sign_in(&daemon, "selma");
    let page = fill_in(&selma, &[("asset", "LT-0001"), ("reason", REASON)]);
    assert_nobody_to_ask(&company, &page);

    for (account, name, other, others_mail) in [
        ("loop1", "Lou One", "loop2", "loop2@example.com"),
        ("loop2", "Lou Two", "loop1", "loop1@example.com"),
    ] {
        let lou = company.sign_in(&daemon, account);
        let reference = ask(&lou, "LT-0001", REASON);
        let link = company.review_link(others_mail, &reference);
        assert_eq!(company.asked(&reference).len(), 1);
        assert_not_theirs(&company, &lou, &link, name);
        let other = company.sign_in(&daemon, other);
        assert_eq!(say(&other, &link, "approve").status, 200);
    }
}

#[test]
fn who_is_in_the_group_that_approves_has_no_seat_for_what_they_ask() {
    let of_three = |needed| format!("ask = [\"group:GG-Panel\"]\nneeded = {needed}");
    let company = Company::new(&of_three(2), "");
    let daemon = company.start();
    let pia = company.sign_in(&daemon, "pia");
    let reference = ask(&pia, "LT-0001", REASON);
    let pauls = company.review_link("paul.panel", &reference);
    assert_eq!(company.asked(&reference), ["Paul Panel", "Petra Panel"]);
    assert_not_theirs(&company, &pia, &pauls, "Pia Panel");
    let paul = company.sign_in(&daemon, "paul");
    assert_eq!(say(&paul, &pauls, "approve").status, 200);
    // One is too few, and she is not the second.
    assert_not_theirs(&company, &pia, &pauls, "Pia Panel");
    company.assert_nothing_released();

    // Where all three are needed, there is nobody in her place.
    let company = Company::new(&of_three(3), "");
    let daemon = company.start();
    let pia = company.sign_in(&daemon, "pia");
    let page = fill_in(&pia, &[("asset", "LT-0001"), ("reason", REASON)]);
    assert_nobody_to_ask(&company, &page);
}

#[test]
fn an_agent_gets_nothing_for_themselves_and_decides_nothing_that_they_asked_for() {
    let company = Company::new("", AGENTS);
    let daemon = company.start();
    // Bert is the manager of anna and an agent: of the two he is one.
    let bert = company.sign_in(&daemon, "bert");
    let page = ask_for(&bert, "anna.berg", "LT-0001");
    assert_nobody_to_ask(&company, &page);

    // At the desk for herself, dora is whoever asks.
    let dora = company.sign_in(&daemon, "dora");
    let page = ask_for(&dora, "dora.desk", "LT-0001");
    let reference = of_desk(&page);
    let link = company.review_link("clara.chief", &reference);
    assert_eq!(company.asked(&reference), ["Clara Chief"]);
    assert_not_theirs(&company, &dora, &link, "Dora Desk");
    // She may break the glass for others.
    let page = break_glass(&dora, &reference);
    assert_eq!(page.status, 409, "{}", page.html);
    assert!(
        page.html
            .contains("You cannot do this: the key would be yours, or you asked for it.")
    );
    let refused = company.rows_of("command.refused").pop().expect("a row");
    assert_eq!(refused["event"]["why"], "not_concerned");
    assert_eq!(refused["actor"]["name"], "Dora Desk");
    // The same where she asks on her own page, and where she asks for somebody else.
    let fields = [("asset", "LT-0002"), ("reason", REASON)];
    let own = reference_of(&fill_in(&dora, &fields));
    let of_another = of_desk(&ask_for(&dora, "anna.berg", "LT-0001"));
    for reference in [own, of_another] {
        assert_eq!(break_glass(&dora, &reference).status, 409, "{reference}");
    }
    company.assert_nothing_released();
}

#[test]
fn who_breaks_the_glass_for_their_other_account_breaks_it_for_themselves() {
    let company = Company::new("nominated = [\"clara.chief@example.com\"]", AGENTS);
    let daemon = company.start();
    let tilda = company.sign_in(&daemon, "tilda");
    let reference = ask(&tilda, "LT-0001", REASON);
    let admin = company.sign_in(&daemon, "tilda-admin");
    let page = break_glass(&admin, &reference);
    assert_eq!(page.status, 409, "{}", page.html);
    company.assert_nothing_released();
}

#[test]
fn what_a_provider_says_of_somebody_makes_them_no_approver() {
    let roles = "[alarms]\nmail = [\"operators@example.com\"]\n\
                 [roles]\nagents = [\"claim:Clavis.Agent\"]\nbreak_glass = [\"GG-Break-Glass\"]";
    let company = Company::with_provider("", roles, "roles_claim = \"roles\"");
    let claimed = ["Clavis.Agent", "GG-Break-Glass", "claim:GG-Break-Glass"];
    company.is_said_of("anna", &json!({ "roles": claimed }));
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    assert_not_theirs(&company, &anna, &link, "Anna Berg");
    assert_eq!(break_glass(&anna, &reference).status, 404);
    company.assert_nothing_released();
    // No claim is taken for that role.
    let claim = "[\"claim:Clavis.Glass\"]";
    company.clavis.change("[\"GG-Break-Glass\"]", claim);
    let check = company.clavis.run(&["check"]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
}

/// Presses the button for it, which a page shows only to whom it is for.
fn break_glass(browser: &Browser, reference: &str) -> Page {
    let path = format!("/desk/requests/{reference}");
    let page = browser.open(&path).expect("the request at the desk");
    assert_eq!(page.status, 200);
    assert!(!page.html.contains("Release without approval"));
    let fields = [("reason", "I cannot wait."), ("known", "yes")];
    send(browser, &page, &format!("{path}/break-glass"), &fields)
}

fn of_desk(page: &Page) -> String {
    let reference = page.path.strip_prefix("/desk/requests/");
    reference
        .unwrap_or_else(|| panic!("no request: {} {}", page.status, page.html))
        .to_owned()
}
