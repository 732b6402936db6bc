//! Who is away says who decides in their place.

use super::{Company, REASON, answer, ask_for, attribute, press, request_page, say, send};
use crate::client::{Browser, Page};
use crate::harness::{ask, redeem};

/// Says on the page for it that this address stands in, until the end of the day after tomorrow.
fn leave(browser: &Browser, by: &str) -> Page {
    let page = browser.open("/away").expect("the page");
    let today: jiff::civil::Date = attribute(&page, "min=\"").parse().expect("today");
    let day = today.checked_add(jiff::Span::new().days(2));
    let day = day.expect("a day").to_string();
    let fields = [("by", by), ("day", &day), ("time", "")];
    send(browser, &page, "/away", &fields)
}

#[test]
fn a_stand_in_decides_while_the_manager_is_away_and_not_after() {
    let company = Company::new("", "");
    let daemon = company.start();
    let bert = company.sign_in(&daemon, "bert");
    let page = leave(&bert, "paul.panel@example.com");
    assert_eq!((page.status, &*page.path), (200, "/away"), "{}", page.html);
    assert!(page.html.contains("Paul Panel stands in for you"));
    let mails = &company.clavis.mails;
    mails.wait("bert.boss", "Your Stand-In: Paul Panel", "");
    mails.wait("paul.panel", "You Are Standing In for Bert Boss", "");

    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let page = request_page(&anna, &reference);
    assert!(page.html.contains("stands in for Bert Boss (your manager)"));
    let berts = company.review_link("bert.boss", &reference);
    let letter = mails.wait("paul.panel", "Approval Needed", &reference);
    assert!(
        letter
            .text
            .contains("You are asked in place of Bert Boss, who is away.")
    );
    let paul = company.sign_in(&daemon, "paul");
    let late = bert.open(&berts).expect("the review page");
    assert_eq!(say(&paul, &letter.link("/review/"), "approve").status, 200);
    assert_eq!(
        redeem(&company.key_link("anna.berg", &reference)).status,
        200
    );
    assert_eq!(answer(&bert, &late, "decline").status, 409);
    let approved = &company.rows_of("request.approved")[0];
    assert_eq!(approved["actor"]["name"], "Paul Panel");
    assert_eq!(approved["event"]["in_place_of"]["name"], "Bert Boss");

    // Asked while bert was away, and too late once he is back.
    let reference = ask(&anna, "LT-0001", REASON);
    let pauls = company.review_link("paul.panel", &reference);
    let page = press(&bert, &bert.open("/away").expect("the page"), "/away/end");
    assert!(page.html.contains("Nobody stands in for you now."));
    let refused = say(&paul, &pauls, "approve");
    assert_eq!(refused.status, 409);
    assert!(refused.html.contains("You cannot decide this any more"));
    let refused = company.rows_of("command.refused").pop().expect("a row");
    assert_eq!(refused["event"]["why"], "not_concerned");
    let berts = company.review_link("bert.boss", &reference);
    assert_eq!(say(&bert, &berts, "approve").status, 200);

    // From now on he alone is asked.
    assert_eq!(
        redeem(&company.key_link("anna.berg", &reference)).status,
        200
    );
    let reference = ask(&anna, "LT-0001", REASON);
    company.review_link("bert.boss", &reference);
    assert_eq!(company.asked(&reference), ["Bert Boss"]);
}

#[test]
fn a_stand_in_that_leads_back_to_whoever_asks_leads_nowhere() {
    let company = Company::new("", "[roles]\nagents = [\"GG-ServiceDesk\"]");
    let daemon = company.start();
    let bert = company.sign_in(&daemon, "bert");
    let anna = company.sign_in(&daemon, "anna");
    let dora = company.sign_in(&daemon, "dora");
    // To who gets the key, and to the agent who asks for them.
    for (stand_in, device) in [("anna.berg", "LT-0001"), ("dora.desk", "LT-0002")] {
        let page = leave(&bert, &format!("{stand_in}@example.com"));
        assert_eq!(page.status, 200, "{}", page.html);
        let page = ask_for(&dora, "anna.berg", device);
        let reference = page.path.trim_start_matches("/desk/requests/").to_owned();
        assert_eq!(page.status, 200, "{}", page.html);
        let link = company.review_link("bert.boss", &reference);
        assert_eq!(company.asked(&reference), ["Bert Boss"]);
        let page = request_page(&anna, &reference);
        assert!(!page.html.contains("stands in for"), "{}", page.html);
        for browser in [&anna, &dora] {
            assert_eq!(browser.open(&link).expect("a page").status, 403);
        }
    }
    company.assert_nothing_released();
}

#[test]
fn nobody_stands_in_for_themselves_and_nobody_unknown_does() {
    let company = Company::new("", "");
    let daemon = company.start();
    let bert = company.sign_in(&daemon, "bert");
    for (by, said) in [
        ("bert.boss@example.com", "That is yourself."),
        ("nobody@example.com", "Nobody by that address can stand in."),
        (
            "gerd.gone@example.com",
            "Nobody by that address can stand in.",
        ),
        // Two accounts have it.
        (
            "tilda.twin@example.com",
            "Nobody by that address can stand in.",
        ),
        ("bert", "Please type their whole work address"),
    ] {
        let page = leave(&bert, by);
        assert_eq!(page.status, 422, "{by}: {}", page.html);
        assert!(page.html.contains(said), "{by}: {}", page.html);
    }
    assert_eq!(company.rows_of("stand_in.set").len(), 0);
    assert_eq!(company.clavis.mails.all().len(), 0);
}
