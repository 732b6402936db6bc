//! Programs and channels elsewhere: what they are told of a journey, and what becomes of it where one of
//! them is gone.

use crate::harness::{
    Daemon, Installation, Kind, ask, key_link, private, redeem, sign_in, split, until,
};
use crate::webhook::{EARLIER, Program};

/// Sections for programs, of a name, an address and more lines each.
fn add(clavis: &Installation, sections: &[(&str, &str, &str)]) {
    let secret = Program::share(clavis);
    let sections = sections.iter().map(|(name, url, more)| {
        format!(
            "[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n\
             allow_private = true\n{more}\n"
        )
    });
    let sections: String = sections.collect();
    clavis.change("[support]", &format!("{sections}[support]"));
}

#[test]
fn a_journey_is_told_event_by_event_whatever_becomes_of_other_receivers() {
    let (one, gone, failing) = (Program::start(), Program::start(), Program::start());
    gone.answer(410);
    failing.answer(500);
    let clavis = Installation::new(&Kind::Files);
    // Nobody listens there.
    let down = format!("http://127.0.0.1:{}/", crate::harness::free_port());
    add(
        &clavis,
        &[
            ("one", &one.url, ""),
            ("gone", &gone.url, "events = [\"request.opened\"]"),
            ("failing", &failing.url, "events = [\"link.redeemed\"]"),
            ("down", &down, ""),
        ],
    );
    let daemon = clavis.start();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", "martin.vogt");
    assert_eq!(redeem(&link).status, 200);
    // In whichever order they come.
    let told: Vec<_> = (0..4).map(|_| one.next()).collect();
    for (event, state) in [
        ("request.opened", "pending"),
        ("request.approved", "approved"),
        ("link.issued", "link_sent"),
        ("link.redeemed", "redeemed"),
    ] {
        let of_event = told.iter().find(|told| told["type"] == event);
        let told = of_event.unwrap_or_else(|| panic!("{event}: {told:?}"));
        let data = &told["data"];
        assert_eq!(data["reference"], *reference);
        assert_eq!(data["status"], state);
        assert_eq!(data["device"]["name"], "LT-0042");
        assert_eq!(data["beneficiary"]["mail"], "anna.berg@example.com");
        let text = told.to_string();
        let (_, token) = link.rsplit_once('/').expect("a token");
        assert!(!text.contains(token) && !text.contains("http"), "{text}");
    }

    // Once, for it wants no more.
    assert_eq!(gone.next()["type"], "request.opened");
    let outbox = until("what was given up", || {
        let listed = clavis.run(&["outbox", "list"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        listed
            .contains("request.opened to the webhook gone")
            .then_some(listed)
    });
    assert!(
        outbox.contains("1 try; the last: it answered 410"),
        "{outbox}"
    );
    // The same message, by the same ID, until it is taken.
    let first = failing.next_message();
    failing.answer(204);
    let second = failing.next_message();
    assert_eq!(first.id, second.id);
    until("the row", || {
        let log = clavis.audit();
        (log.matches("\"name\":\"hook.told\"").count() == 5).then_some(())
    });
    let id = outbox.split_whitespace().next().expect("an ID");
    gone.answer(204);
    assert!(clavis.run(&["outbox", "retry", id]).status.success());
    gone.next();
    let log = daemon.log();
    assert!(
        !log.contains("whsec_") && !log.contains("anna.berg"),
        "{log}"
    );
}

#[test]
fn a_secret_is_changed_without_a_gap() {
    let receiver = Program::start();
    let clavis = Installation::new(&Kind::Files);
    Program::share_as(&clavis, "earlier.secret", EARLIER);
    let more = "previous_secret_file = \"earlier.secret\"\nevents = [\"request.opened\"]";
    add(&clavis, &[("one", &receiver.url, more)]);
    let ask_once = |daemon: &Daemon, asset: &str| {
        let anna = sign_in(daemon, &clavis.mails, "anna.berg@example.com");
        ask(&anna, asset, "It wants a key since the update.");
        receiver.next_message()
    };
    let new = b"twenty-four bytes of key";
    let daemon = clavis.start();
    let both = ask_once(&daemon, "LT-0042");
    assert!(both.is_signed_with(EARLIER) && both.is_signed_with(new));
    assert_eq!(both.signatures(), 2);
    assert_eq!(daemon.stop(), Some(0));

    clavis.change("previous_secret_file = \"earlier.secret\"\n", "");
    let daemon = clavis.start();
    let checked = clavis.run(&["check"]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    let reached = "ok       webhook one: The webhook one can be reached.";
    assert!(checked.contains(reached), "{checked}");
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    crate::harness::withdraw(
        &anna,
        both.json()["data"]["reference"].as_str().expect("one"),
    );
    let one = ask_once(&daemon, "LT-0042");
    assert!(one.is_signed_with(new) && !one.is_signed_with(EARLIER));
}

#[test]
fn private_targets_are_refused_unless_they_are_allowed() {
    let receiver = Program::start();
    let clavis = Installation::new(&Kind::Files);
    add(&clavis, &[("one", &receiver.url, "")]);
    clavis.change("allow_private = true\n", "");
    let checked = clavis.run(&["check"]);
    assert!(!checked.status.success());
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    let refused = "`url` leads to this machine or into a private network";
    assert!(text.contains(refused), "{text}");
    assert!(
        text.contains("write `allow_private = true` beside it"),
        "{text}"
    );
}

#[test]
fn a_channel_is_told_that_a_review_waits_and_whoever_was_asked_decides_behind_its_link() {
    for kind in ["teams", "slack"] {
        let channel = Program::start();
        let clavis = Installation::new(&Kind::Files);
        private(
            &clavis.path().join("channel.url"),
            &format!("{}?sig=geheim", channel.url),
        );
        let section = format!(
            "[[notices]]\nname = \"approvers\"\nkind = \"{kind}\"\nurl_file = \"channel.url\"\n\
             allow_private = true\n[support]"
        );
        clavis.change("[support]", &section);
        let daemon = clavis.start();
        let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
        let reference = ask(&anna, "LT-0042", "It wants a key since the update.");
        let message = channel.next_message();
        assert_eq!(message.signatures(), 0);
        let card = message.json();
        let link = format!("{}/reviews/{reference}", clavis.url());
        if kind == "teams" {
            assert_eq!(card["type"], "message");
            let attachment = &card["attachments"][0];
            assert_eq!(
                attachment["contentType"],
                "application/vnd.microsoft.card.adaptive"
            );
            assert_eq!(attachment["content"]["actions"][0]["url"], *link);
        } else {
            assert!(card["text"].is_string() && card["blocks"].is_array());
        }
        let text = card.to_string();
        assert!(text.contains(&link), "{text}");
        for said in ["Anna", "anna.berg", "LT-0042", "update", "/review/"] {
            assert!(!text.contains(said), "{said}: {text}");
        }

        let (_, path) = split(&link);
        let asked = anna.open(path).expect("a page");
        let nowhere = anna.open("/reviews/ZZZ-ZZZZ").expect("a page");
        assert_eq!((asked.status, asked.html), (404, nowhere.html));
        let martin = sign_in(&daemon, &clavis.mails, "martin.vogt@example.com");
        let page = martin.open(path).expect("the review");
        let done = martin
            .submit(&page, &[("choice", "approve")])
            .expect("an answer");
        assert_eq!(done.status, 200, "{}", done.html);
        clavis
            .mails
            .wait("anna.berg", "Your Secure Key Link", &reference);
        let log = daemon.log();
        assert!(!log.contains("geheim"), "{log}");
    }
}
