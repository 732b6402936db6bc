//! The main job on a real domain controller and a real mail server.

use std::collections::BTreeSet;

use crate::harness::{
    Daemon, Expected, Installation, Kind, ask, decide, fill_in, key_link, redeem, reference_of,
    sign_in, withdraw,
};

pub(crate) const DIGITS: &str = "<code class=\"digits\"";
const KEY_ID: &str = "<span class=\"keyid\"";
pub(crate) const REASON: &str = "It wants a key since the update.";

/// An installation with the test domain, and its daemon.
pub(crate) fn domain() -> (Installation, Daemon) {
    let clavis = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    let daemon = clavis.start();
    (clavis, daemon)
}

#[test]
fn anna_gets_the_newest_key_of_each_volume_and_the_log_tells_the_story() {
    let (clavis, daemon) = domain();
    let expected = Expected::of(&clavis);
    let (reference, link) = key_link(&clavis, &daemon, "LT-0002", "bert.boss");

    let page = redeem(&link);
    assert_eq!(page.status, 200);
    let shown = ["lt-0002 newest", "lt-0002 unnamed", "lt-0002 data"];
    assert_eq!(page.texts(DIGITS), expected.keys("LT-0002", shown));
    // Those that were superseded stand below, by ID only.
    let all = [
        "lt-0002 newest",
        "lt-0002 unnamed",
        "lt-0002 data",
        "lt-0002 second",
        "lt-0002 first",
    ];
    assert_eq!(page.texts(KEY_ID), expected.key_ids("LT-0002", all));

    for to in ["anna.berg", "bert.boss"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }
    assert_eq!(daemon.stop(), Some(0));
    let mut history = clavis.history(&reference);
    // The approver's page after the decision may be shown before or after the link is issued.
    history.retain(|step| step != "review_opened");
    let steps = [
        "opened",
        "approved",
        "link_issued",
        "link_opened",
        "redemption_attempted",
        "redeemed",
    ];
    assert_eq!(history, steps);
    assert_eq!(
        clavis.letters_sent(&reference),
        [
            "approval_needed to bert.boss@example.com",
            "key_link to anna.berg@example.com",
            "key_retrieved to anna.berg@example.com",
            "key_retrieved to bert.boss@example.com",
            "request_approved to anna.berg@example.com",
            "request_confirmation to anna.berg@example.com",
        ]
    );
    let about: Vec<_> = clavis.mails.find("", "", &reference);
    assert_eq!(about.len(), 6, "each letter came once");
    let ids: BTreeSet<_> = about.iter().map(|letter| &letter.message_id).collect();
    assert_eq!(ids.len(), 6, "each is a letter of its own");
}

#[test]
fn no_secret_lies_anywhere_but_in_the_one_mail_that_it_is_meant_for() {
    // Not even where an operator looks for a fault as closely as can be.
    for level in ["info", "trace"] {
        let clavis = Installation::new(&Kind::Servers {
            controllers: Vec::new(),
        });
        let daemon = Daemon::start_logging(&clavis.config(), level);
        keeps_its_secrets(&clavis, &daemon);
        for personal in ["Anna", "anna.berg", "bert.boss", "@"] {
            let log = daemon.log();
            assert!(!log.contains(personal), "{personal:?} in {log}");
        }
    }
}

fn keeps_its_secrets(clavis: &Installation, daemon: &Daemon) {
    let anna = sign_in(daemon, &clavis.mails, "anna.berg@example.com");
    let code = clavis
        .mails
        .wait("anna.berg", "Your Sign-In Code", "")
        .code();
    let reference = ask(&anna, "LT-0002", REASON);
    let review = clavis
        .mails
        .wait("bert.boss", "Approval Needed", &reference)
        .link("/review/");
    decide(&review, "approve");
    let key = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference)
        .link("/key/");
    assert_eq!(redeem(&key).status, 200);
    for to in ["anna.berg", "bert.boss"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }

    let token = |link: &str| link.rsplit('/').next().expect("a token").to_owned();
    let written = clavis.written(daemon);
    let places = |text: &str| written.places_of(text);
    assert_eq!(places(&token(&key)), ["mail Your Secure Key Link"]);
    assert_eq!(places(&token(&review)), ["mail Approval Needed"]);
    assert_eq!(places(&code), ["mail Your Sign-In Code"]);
    // The approver's page shows it, so that it is kept; and it is in none of the mails.
    let mut reason = places(REASON);
    reason.dedup();
    assert_eq!(reason, ["database"]);
    for key in Expected::of(clavis).all_keys() {
        assert_eq!(places(&key), [""; 0]);
        assert_eq!(places(&key.replace('-', "")), [""; 0]);
    }
}

#[test]
fn a_declined_request_sends_no_key_link() {
    let (clavis, daemon) = domain();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0001", REASON);
    let review = clavis
        .mails
        .wait("bert.boss", "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "decline").status, 200);

    clavis
        .mails
        .wait("anna.berg", "Request Declined", &reference);
    assert_eq!(daemon.stop(), Some(0));
    assert!(clavis.mails.find("", "Your Secure Key Link", "").is_empty());
    assert_eq!(
        clavis.history(&reference),
        ["opened", "review_opened", "declined", "review_opened"]
    );
}

#[test]
fn a_withdrawn_request_ends_its_key_link_and_its_review_link() {
    let (clavis, daemon) = domain();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0001", REASON);
    let review = clavis
        .mails
        .wait("bert.boss", "Approval Needed", &reference)
        .link("/review/");
    decide(&review, "approve");
    let link = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference)
        .link("/key/");

    let page = withdraw(&anna, &reference);
    assert_eq!(page.status, 200);
    for to in ["anna.berg", "bert.boss"] {
        clavis.mails.wait(to, "Request Withdrawn", &reference);
    }
    let ended = anna.open(&link).expect("a page");
    assert_eq!(
        (ended.status, ended.texts("<h1")),
        (410, vec!["The request was withdrawn".to_owned()])
    );
    let late = anna.open(&review).expect("a page");
    assert!(!late.html.contains("name=\"choice\""), "{}", late.html);
    assert_eq!(clavis.count("redeemed"), 0);
}

#[test]
fn the_key_id_from_the_locked_screen_releases_that_key_alone() {
    let (clavis, daemon) = domain();
    let expected = Expected::of(&clavis);
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let [key_id] = expected.key_ids("LT-0002", ["lt-0002 first"]);
    let fields = [
        ("asset", "LT-0002"),
        ("reason", REASON),
        ("key_id", &key_id[..8]),
    ];
    let reference = reference_of(&fill_in(&anna, &fields));

    let page = redeem(&approved(&clavis, "anna.berg", "bert.boss", &reference));
    assert_eq!(
        page.texts(DIGITS),
        expected.keys("LT-0002", ["lt-0002 first"])
    );
    for other in [
        "lt-0002 newest",
        "lt-0002 second",
        "lt-0002 data",
        "lt-0002 unnamed",
    ] {
        let [key] = expected.keys("LT-0002", [other]);
        assert!(!page.html.contains(&key[..6]), "{other}");
    }
}

/// The approver approves; gives the key link.
pub(crate) fn approved(
    clavis: &Installation,
    who: &str,
    approver: &str,
    reference: &str,
) -> String {
    let review = clavis.mails.wait(approver, "Approval Needed", reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    clavis
        .mails
        .wait(who, "Your Secure Key Link", reference)
        .link("/key/")
}
