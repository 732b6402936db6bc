//! `kill -9` at every step of the journey: the journey ends right after a restart on the same
//! database, every letter arrives, and the keys are shown at most once.
//!
//! A letter may come twice only where the kill fell between its sending and its recording. Its
//! lease keeps others from it for half a minute then, which is how long the longest of these
//! stories take.

use std::time::Duration;

use crate::client::Browser;
use crate::harness::{
    Daemon, Installation, Kind, ask, decide, key_link, redeem, sign_in, split, until,
};

const ANNA: &str = "anna.berg@example.com";
const MARTIN: &str = "martin.vogt@example.com";
const DIGITS: &str = "<code class=\"digits\"";

/// A request whose daemon was killed.
struct Killed {
    clavis: Installation,
    reference: String,
    /// The letters that were recorded as sent until then.
    recorded: Vec<String>,
}

impl Killed {
    fn new(clavis: Installation, daemon: Daemon, reference: String) -> Self {
        daemon.kill();
        let recorded = clavis.letters_sent(&reference);
        Self {
            clavis,
            reference,
            recorded,
        }
    }
}

#[test]
fn killed_after_any_step_the_journey_ends_right() {
    let stories = [
        ("the request was made", after_the_request_was_made as fn()),
        ("the approver got the mail", after_the_approver_got_the_mail),
        ("the approval", after_the_approval),
        ("the key link was mailed", after_the_key_link_was_mailed),
        ("the redemption", after_the_redemption),
    ];
    std::thread::scope(|scope| {
        for (name, story) in stories {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn_scoped(scope, story).expect("a thread");
        }
    });
}

#[test]
fn killed_in_the_middle_of_a_redemption_the_keys_are_shown_at_most_once() {
    // From before the first row of the log to after the answer, in steps of half a millisecond.
    let delays: Vec<_> = (0..24)
        .map(|step| Duration::from_micros(500 * step))
        .collect();
    let cut: Vec<_> = std::thread::scope(|scope| {
        let cut = |some: &[Duration]| {
            some.iter()
                .map(|delay| cut_short(*delay))
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = delays
            .chunks(12)
            .map(|some| scope.spawn(move || cut(some)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("it ends well"))
            .collect()
    });
    // They wait for leases, so that they do it together.
    std::thread::scope(|scope| {
        for (killed, shown) in &cut {
            scope.spawn(move || opens_unless_redeemed(killed, *shown));
        }
    });
}

fn started() -> (Installation, Daemon) {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    (clavis, daemon)
}

fn asked(clavis: &Installation, daemon: &Daemon) -> String {
    let anna = sign_in(daemon, &clavis.mails, ANNA);
    ask(&anna, "LT-0042", "It wants a key since the update.")
}

fn after_the_request_was_made() {
    let (clavis, daemon) = started();
    let reference = asked(&clavis, &daemon);
    let killed = Killed::new(clavis, daemon, reference);

    let daemon = killed.clavis.start();
    approves(&killed);
    opens_the_newest_link(&killed);
    closes(&killed, daemon);
}

fn after_the_approver_got_the_mail() {
    let (clavis, daemon) = started();
    let reference = asked(&clavis, &daemon);
    clavis.mails.wait(MARTIN, "Approval Needed", &reference);
    let killed = Killed::new(clavis, daemon, reference);

    let daemon = killed.clavis.start();
    approves(&killed);
    opens_the_newest_link(&killed);
    closes(&killed, daemon);
}

fn after_the_approval() {
    let (clavis, daemon) = started();
    let reference = asked(&clavis, &daemon);
    let review = clavis
        .mails
        .wait(MARTIN, "Approval Needed", &reference)
        .link("/review/");
    assert_eq!(decide(&review, "approve").status, 200);
    let killed = Killed::new(clavis, daemon, reference);

    let daemon = killed.clavis.start();
    opens_the_newest_link(&killed);
    closes(&killed, daemon);
}

fn after_the_key_link_was_mailed() {
    let (clavis, daemon) = started();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    let killed = Killed::new(clavis, daemon, reference);

    // Also a link that was mailed, but is not recorded as mailed, opens.
    let daemon = killed.clavis.start();
    let page = redeem(&link);
    assert_eq!(
        (page.status, page.texts(DIGITS).len()),
        (200, 2),
        "{}",
        page.html
    );
    closes(&killed, daemon);
}

fn after_the_redemption() {
    let (clavis, daemon) = started();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    assert_eq!(redeem(&link).status, 200);
    let killed = Killed::new(clavis, daemon, reference);

    let daemon = killed.clavis.start();
    assert_eq!(Browser::new("").open(&link).expect("a page").status, 410);
    closes(&killed, daemon);
}

/// Kills the daemon this long after a redemption began; gives whether it showed keys.
fn cut_short(delay: Duration) -> (Killed, bool) {
    let (clavis, daemon) = started();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    // From here on the daemon has nothing to do but this.
    until("four letters are recorded", || {
        (clavis.letters_sent(&reference).len() == 4).then_some(())
    });
    let browser = Browser::new(split(&link).0);
    let landing = browser.open(split(&link).1).expect("the landing page");

    std::thread::scope(|scope| {
        let opening = scope.spawn(|| browser.submit(&landing, &[]));
        std::thread::park_timeout(delay);
        let killed = Killed::new(clavis, daemon, reference);
        let page = opening.join().expect("it ends").ok();
        (
            killed,
            page.is_some_and(|page| !page.texts(DIGITS).is_empty()),
        )
    })
}

fn opens_unless_redeemed(killed: &Killed, shown: bool) {
    let Killed {
        clavis, reference, ..
    } = killed;
    let is_redeemed = clavis.count("redeemed") == 1;
    assert!(
        is_redeemed || !shown,
        "keys were shown that the log does not tell of"
    );

    let daemon = clavis.start();
    let link = clavis
        .mails
        .wait(ANNA, "Your Secure Key Link", reference)
        .link("/key/");
    let landing = Browser::new("").open(&link).expect("a page");
    if is_redeemed {
        assert_eq!(landing.status, 410);
    } else {
        assert_eq!(redeem(&link).texts(DIGITS).len(), 2);
    }
    closes(killed, daemon);
}

fn approves(
    Killed {
        clavis, reference, ..
    }: &Killed,
) {
    let review = clavis.mails.wait(MARTIN, "Approval Needed", reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
}

/// Opens the key link; where a newer one is mailed meanwhile, that.
fn opens_the_newest_link(
    Killed {
        clavis, reference, ..
    }: &Killed,
) {
    let digits = until("a key link that opens", || {
        let letters = clavis.mails.find(ANNA, "Your Secure Key Link", reference);
        let link = letters.last()?.link("/key/");
        let browser = Browser::new(split(&link).0);
        let landing = browser.open(&link).ok().filter(|page| page.status == 200)?;
        let page = browser
            .submit(&landing, &[])
            .ok()
            .filter(|page| page.status == 200)?;
        Some(page.texts(DIGITS))
    });
    assert_eq!(digits.len(), 2);
}

/// What holds at the end of every one of these stories.
fn closes(killed: &Killed, daemon: Daemon) {
    let Killed {
        clavis,
        reference,
        recorded,
    } = killed;
    clavis.wait_until_nothing_is_due();
    assert_eq!(daemon.stop(), Some(0));

    let sent = clavis.letters_sent(reference);
    for (to, subject, name) in [
        (ANNA, "Request Confirmation", "request_confirmation"),
        (MARTIN, "Approval Needed", "approval_needed"),
        (ANNA, "Request Approved", "request_approved"),
        (ANNA, "Your Secure Key Link", "key_link"),
        (ANNA, "Key Retrieved", "key_retrieved"),
        (MARTIN, "Key Retrieved", "key_retrieved"),
    ] {
        let name = format!("{name} to {to}");
        let letters = clavis.mails.find(to, subject, reference);
        // The folder keeps one file a Message-ID, and only a letter with a link is a new one.
        let has_link = ["Approval Needed", "Your Secure Key Link"].contains(&subject);
        let at_most = if has_link && !recorded.contains(&name) {
            2
        } else {
            1
        };
        assert!(
            (1..=at_most).contains(&letters.len()),
            "{name}: {} came",
            letters.len()
        );
        // One that came just before the kill, and was pointless by its second try, is not recorded.
        let times = sent.iter().filter(|sent| **sent == name).count();
        assert!(
            times == 1 || times == 0 && has_link,
            "{name}: recorded {times} times"
        );
    }
    for event in ["opened", "approved", "redeemed"] {
        assert_eq!(clavis.count(event), 1, "{event}");
    }
}
