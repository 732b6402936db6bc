//! What is not theirs is not there: names of requests, links and pages that somebody guesses.

use clavis_broker::tokens::PlainToken;

use super::{Company, REASON, request_page, send};
use crate::client::Browser;
use crate::harness::{Daemon, Expected, ask, split};
use crate::sign_in::visitor::Visitor;

const ALL_ROLES: &str = "[alarms]\nmail = [\"operators@example.com\"]\n[roles]\nagents = [\"GG-ServiceDesk\"]\nauditors = [\"GG-Audit\"]\n\
                         operators = [\"GG-Last-Resort\"]\nbreak_glass = [\"GG-Break-Glass\"]";

#[test]
fn a_request_of_somebody_else_is_one_that_does_not_exist() {
    let company = Company::new("", "[gates]\nkey = \"code\"");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let nobodys = other_reference(&reference);
    // He approves it, and is told by his link alone.
    for account in ["bert", "odd", "chief"] {
        let browser = company.sign_in(&daemon, account);
        let home = browser.open("/").expect("a page");
        assert!(!home.html.contains(&reference));
        let [theirs, none] = [&reference, &nobodys].map(|it| request_page(&browser, it));
        assert_eq!((theirs.status, none.status), (404, 404));
        assert_eq!(theirs.html, none.html);
        for button in ["withdraw", "again", "pick-up"] {
            let press = |reference: &str| {
                let path = format!("/requests/{reference}/{button}");
                send(&browser, &home, &path, &[])
            };
            let (theirs, none) = (press(&reference), press(&nobodys));
            assert_eq!(theirs.status, 404, "{button}: {}", theirs.html);
            assert_eq!(theirs.html, none.html, "{button}");
        }
    }
    assert!(
        request_page(&anna, &reference)
            .html
            .contains("Waiting for approval")
    );
    assert_eq!(company.rows_of("pick_up.made").len(), 0);
    assert_eq!(company.rows_of("request.opened").len(), 1);
}

/// A reference that has the right shape, and is nobody's.
fn other_reference(reference: &str) -> String {
    let last = if reference.ends_with('7') { '8' } else { '7' };
    format!("{}{last}", &reference[..reference.len() - 1])
}

#[test]
fn a_link_opens_its_own_page_alone_and_a_made_up_one_none() {
    let company = Company::new("", "");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let review = company.review_link("bert.boss", &reference);
    company.approve(&daemon, "bert", "bert.boss", &reference);
    let key = company.key_link("anna.berg", &reference);
    let (review, key) = (split(&review).1, split(&key).1);
    let made_up = "0".repeat(64);
    let bert = company.visit(&daemon, "bert");
    let nowhere = bert.clone().get("/nowhere");
    for path in [
        review.replace("review", "key"),
        key.replace("key", "review"),
        format!("/review/{made_up}"),
        format!("/key/{made_up}"),
        format!("{review}0"),
        review[..review.len() - 1].to_owned(),
    ] {
        let mut bert = bert.clone();
        let page = bert.get(&path);
        assert_eq!((page.status, &page.body), (404, &nowhere.body), "{path}");
        // The button, with the token that such a page would have.
        let own = bert.get("/").form_token();
        let of_link = path.strip_prefix("/key/").and_then(PlainToken::parse);
        let token = of_link.map_or(own, |link| link.form_token().expose().to_owned());
        let fields = [("form_token", token.as_str()), ("choice", "approve")];
        assert_eq!(bert.post(&path, &fields).status, 404, "{path}");
    }
    assert_eq!(company.clavis.count("redeemed"), 0);
}

#[test]
fn pages_of_a_role_are_not_there_without_it_and_trying_is_in_the_log() {
    let company = Company::new("", ALL_ROLES);
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let request = format!("/desk/requests/{reference}");
    let expected = Expected::of(&company.clavis);
    let person = format!("/desk/people/{}", expected.person("anna"));
    let new = format!("/desk/new?for={}", expected.person("anna"));
    let pages = [
        "/desk",
        "/desk/search?q=anna",
        &new,
        &person,
        &request,
        "/outbox",
        "/audit",
        "/audit/export.csv",
        "/audit/export.jsonl",
        "/audit/export.cef",
        "/audit/export.ocsf.jsonl",
    ];
    let buttons = ["call", "link", "stop", "again", "break-glass"]
        .map(|button| format!("{request}/{button}"));
    let buttons: Vec<&str> = buttons.iter().map(String::as_str).collect();
    let forms = [&buttons[..], &["/desk/new", "/outbox/retry"]].concat();
    // An auditor, an agent and an operator are none of the others.
    for (account, own) in [
        ("anna", &[][..]),
        ("ruth", &["/audit"]),
        ("bert", &["/desk"]),
        ("chief", &["/outbox"]),
    ] {
        let browser = company.sign_in(&daemon, account);
        let nowhere = browser.open("/nowhere").expect("a page");
        let home = browser.open("/").expect("a page");
        let before = company.rows_of("access.refused").len();
        let is_own = |path: &str| own.iter().any(|own| path.starts_with(own));
        let mut refused = 0;
        for path in pages {
            let page = browser.open(path).expect("a page");
            if is_own(path) {
                assert_ne!(page.html, nowhere.html, "{account} at {path}");
                continue;
            }
            assert_eq!((page.status, &page.html), (404, &nowhere.html), "{path}");
            refused += 1;
        }
        // Breaking the glass is a role of its own, beside that of an agent.
        for path in forms
            .iter()
            .filter(|path| !is_own(path) || path.ends_with("glass"))
        {
            let fields = [("reason", "I want it."), ("known", "yes")];
            let page = send(&browser, &home, path, &fields);
            assert_eq!(page.status, 404, "{account} at {path}: {}", page.html);
            refused += 1;
        }
        let rows = company.rows_of("access.refused");
        assert_eq!(rows.len() - before, refused, "{account}");
        assert_eq!(rows[before]["actor"]["kind"], "person");
    }
    assert!(
        request_page(&anna, &reference)
            .html
            .contains("Waiting for approval")
    );
    company.assert_nothing_released();
    strangers_are_led_to_the_sign_in(&daemon, &pages);
}

fn strangers_are_led_to_the_sign_in(daemon: &Daemon, pages: &[&str]) {
    for path in pages {
        let answer = Visitor::new(daemon).get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.location.starts_with("/sign-in?next="), "{path}");
        let page = Browser::new(&daemon.url).open(path).expect("a page");
        assert_eq!(page.path, "/sign-in");
    }
}
