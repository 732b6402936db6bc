//! Many at once, on two daemons over one database: whatever may happen once happens once.

use std::collections::BTreeSet;
use std::sync::Barrier;

use crate::client::{Browser, Page};
use crate::harness::{Daemon, Installation, Kind, ask, key_link, sign_in, split};

/// An installation with two daemons on its database.
fn two_daemons() -> (Installation, [Daemon; 2]) {
    let clavis = Installation::new(&Kind::Files);
    let daemons = [clavis.start(), clavis.start_another()];
    (clavis, daemons)
}

/// Opens a page in `count` browsers, half of them on each daemon; when all are there, all submit
/// what `fields` gives them, at once.
fn submit_at_once(
    count: usize,
    daemons: &[Daemon; 2],
    path: &str,
    fields: impl Fn(usize) -> Vec<(&'static str, &'static str)> + Sync,
) -> Vec<Page> {
    let gate = Barrier::new(count);
    let submit = |number: usize| {
        let browser = Browser::new(&daemons[number % 2].url);
        let page = browser.open(path);
        gate.wait();
        let page = page.expect("a page");
        assert_eq!(page.status, 200);
        browser.submit(&page, &fields(number)).expect("an answer")
    };
    at_once(count, submit)
}

/// Does something in so many threads at once.
pub(crate) fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || act(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it ends well"))
            .collect()
    })
}

#[test]
fn of_64_openings_of_one_link_exactly_one_shows_the_keys() {
    let (clavis, daemons) = two_daemons();
    let (reference, link) = key_link(&clavis, &daemons[0], "LT-0042", "martin.vogt");

    let pages = submit_at_once(64, &daemons, split(&link).1, |_| Vec::new());
    let (shown, refused): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.status == 200);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].texts("<code class=\"digits\"").len(), 2);
    for page in refused {
        assert_eq!(page.status, 410, "{}", page.html);
        assert_eq!(page.texts("<h1"), ["This key link has been used"]);
        assert!(page.texts("<code class=\"digits\"").is_empty());
    }
    assert_eq!(clavis.count("redemption_attempted"), 64);
    assert_eq!(clavis.count("redeemed"), 1);
    assert_eq!(clavis.count("redemption_refused"), 63);
    for to in ["anna.berg", "martin.vogt"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }
    let [one, another] = daemons;
    assert_eq!([one.stop(), another.stop()], [Some(0); 2]);
    assert_eq!(
        clavis.mails.find("", "Key Retrieved", "").len(),
        2,
        "one for each, from one daemon"
    );
    is_without_gap(&clavis);
}

#[test]
fn of_many_decisions_at_once_the_first_counts() {
    let (clavis, daemons) = two_daemons();
    let anna = sign_in(&daemons[0], &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0042", "It wants a key.");
    let review = clavis
        .mails
        .wait("martin.vogt", "Approval Needed", &reference)
        .link("/review/");

    let choice = |number: usize| if number % 4 < 2 { "approve" } else { "decline" };
    let fields = |number| vec![("choice", choice(number)), ("comment", "")];
    let pages = submit_at_once(24, &daemons, split(&review).1, fields);
    let counted = pages.iter().filter(|page| page.status == 200).count();
    assert_eq!(counted, 1);
    assert!(
        pages
            .iter()
            .all(|page| page.status == 200 || page.status == 409)
    );
    assert_eq!(clavis.count("approved") + clavis.count("declined"), 1);
    assert_eq!(clavis.count("command_refused"), 23);

    let told = if clavis.count("approved") == 1 {
        "Request Approved"
    } else {
        "Request Declined"
    };
    clavis.mails.wait("anna.berg", told, &reference);
    let other = if told == "Request Approved" {
        "Request Declined"
    } else {
        "Request Approved"
    };
    let [one, another] = daemons;
    assert_eq!([one.stop(), another.stop()], [Some(0); 2]);
    assert!(clavis.mails.find("", other, "").is_empty());
    is_without_gap(&clavis);
}

#[test]
fn of_many_identical_requests_at_once_one_is_made() {
    let (clavis, daemons) = two_daemons();
    let browsers: Vec<_> = daemons
        .iter()
        .map(|daemon| sign_in(daemon, &clavis.mails, "anna.berg@example.com"))
        .collect();
    let forms: Vec<_> = browsers
        .iter()
        .map(|browser| browser.open("/requests/new").expect("the form"))
        .collect();

    let gate = Barrier::new(16);
    let pages = at_once(16, |number| {
        gate.wait();
        let fields = [
            ("asset", "LT-0042"),
            ("reason", "I pressed twice."),
            ("key_id", ""),
        ];
        browsers[number % 2]
            .submit(&forms[number % 2], &fields)
            .expect("an answer")
    });
    let made: Vec<_> = pages.iter().filter(|page| page.status == 200).collect();
    assert_eq!(made.len(), 1);
    for page in pages.iter().filter(|page| page.status != 200) {
        assert_eq!(page.status, 409, "{}", page.html);
        assert!(
            page.html.contains(&made[0].path),
            "it leads to the open request"
        );
    }
    assert_eq!(clavis.count("opened"), 1);
    let reference = made[0].path.rsplit('/').next().expect("a reference");
    clavis
        .mails
        .wait("martin.vogt", "Approval Needed", reference);
    let [one, another] = daemons;
    assert_eq!([one.stop(), another.stop()], [Some(0); 2]);
    assert_eq!(
        clavis
            .mails
            .find("martin.vogt", "Approval Needed", "")
            .len(),
        1
    );
    is_without_gap(&clavis);
}

/// Two daemons write one log: its places are 1, 2, 3, … all the same.
fn is_without_gap(clavis: &Installation) {
    let rows = clavis.rows();
    let places: BTreeSet<_> = rows
        .iter()
        .map(|row| row["seq"].as_u64().expect("a place"))
        .collect();
    assert!(places.into_iter().eq(1..=rows.len() as u64));
}
