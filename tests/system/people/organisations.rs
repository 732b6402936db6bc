//! Two organisations in one daemon, one over a domain and a provider, one over files: what is of one
//! is nothing at the other, though people have the same addresses.

use super::{Company, REASON, request_page, say};
use crate::domain::DIGITS;
use crate::harness::{Daemon, Installation, Kind, ask, decide, redeem, sign_in_at};
use crate::sign_in::SLUG;
use crate::sign_in::visitor::Visitor;

const ANNA: &str = "anna.berg@example.com";

#[test]
fn an_organisation_over_a_domain_shares_nothing_with_one_over_files() {
    let company = Company::new("", "[roles]\nauditors = [\"GG-Audit\"]");
    let other = Installation::new(&Kind::Files);
    // Browsers keep cookies by host, so that each has one.
    let far = other.url().replace("127.0.0.1", "localhost");
    other.change(&other.url(), &far);
    other.change("Example Corp", "Other Ltd");
    let configs = [company.clavis.config(), other.config()];
    let daemon = Daemon::start_all(&[&configs[0], &configs[1]], "info");

    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let namesake = sign_in_at(&far, &other.mails, ANNA);
    let own = ask(&namesake, "LT-0042", REASON);
    // By the same address, they are two people.
    assert_eq!(request_page(&namesake, &reference).status, 404);
    assert_eq!(request_page(&anna, &own).status, 404);
    // The provider of one is none of the other, and neither is an answer of it.
    let mut visitor = Visitor::at(&far);
    let button = format!("/sign-in/with/{SLUG}");
    assert_eq!(visitor.post(&button, &[("form_token", "")]).status, 404);
    company.is_at_provider("anna");
    let mut here = Visitor::new(&daemon);
    let there = here.leave(SLUG, "/");
    let back = here.at_provider(&there);
    let path = back.trim_start_matches(&daemon.url).to_owned();
    let begun = here.cookie("clavis-provider").expect("it has begun");
    visitor.plant("clavis-provider", &begun);
    let answer = visitor.get(&path);
    assert_eq!((answer.status, visitor.is_signed_in()), (403, false));
    assert_eq!(here.get(&back).status, 303, "it was not used up");
    // Nor is the session.
    visitor.plant("clavis", &here.cookie("clavis").expect("a session"));
    assert!(!visitor.is_signed_in());

    // Each is approved by its own manager, whose link opens nothing at the other.
    let link = company.review_link("bert.boss", &reference);
    let elsewhere = link.replacen(&daemon.url, &far, 1);
    assert_eq!(Visitor::at(&far).get(&elsewhere).status, 404);
    let bert = company.sign_in(&daemon, "bert");
    let martins = other.mails.wait("martin.vogt", "Approval Needed", &own);
    let martins = martins.link("/review/");
    let here = martins.replacen(&far, &daemon.url, 1);
    assert_eq!(bert.open(&here).expect("a page").status, 404);
    assert_eq!(say(&bert, &link, "approve").status, 200);
    assert_eq!(decide(&martins, "approve").status, 200);
    let letter = other.mails.wait(ANNA, "Your Secure Key Link", &own);
    let keys = [
        redeem(&company.key_link("anna.berg", &reference)).texts(DIGITS),
        redeem(&letter.link("/key/")).texts(DIGITS),
    ];
    assert!(!keys[0].is_empty() && !keys[1].is_empty());
    assert!(keys[0].iter().all(|key| !keys[1].contains(key)));

    // The auditor of one reads nothing of the other.
    let ruth = company.sign_in(&daemon, "ruth");
    let log = ruth.open("/audit/export.jsonl").expect("the log").html;
    assert!(log.contains(&reference) && !log.contains(&own));
    for (clavis, own, other) in [
        (&company.clavis, &reference, &own),
        (&other, &own, &reference),
    ] {
        let log = clavis.audit();
        assert!(log.contains(own) && !log.contains(other));
        assert!(
            clavis
                .mails
                .all()
                .iter()
                .all(|letter| !letter.raw.contains(other))
        );
    }
}
