//! What a real domain holds beside the plain case: twins, damaged records, odd names, and people
//! who may not ask or whom nobody can approve.

use crate::client::Browser;
use crate::domain::{DIGITS, REASON, approved, domain};
use crate::harness::{
    Expected, Installation, Kind, ask, fill_in, key_link, redeem, reference_of, sign_in, until,
};

#[test]
fn a_damaged_record_is_shown_as_damaged_and_never_as_a_key() {
    let (clavis, daemon) = domain();
    let expected = Expected::of(&clavis);
    let (_, link) = key_link(&clavis, &daemon, "LT-0004", "bert.boss");

    let page = redeem(&link);
    assert_eq!(
        page.texts(DIGITS),
        expected.keys("LT-0004", ["lt-0004 sound"])
    );
    assert_eq!(page.texts("<h3"), ["This key is damaged"]);
    let [damaged] = expected.keys("LT-0004", ["lt-0004 damaged"]);
    for group in damaged.split('-') {
        assert!(!page.html.contains(&format!(">{group}<")), "{group}");
    }
}

#[test]
fn of_two_devices_of_one_name_the_chosen_ones_key_is_released() {
    let (clavis, daemon) = domain();
    let expected = Expected::of(&clavis);
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let which = fill_in(&anna, &[("asset", "TWIN"), ("reason", REASON)]);
    assert_eq!(which.status, 422);
    for twin in ["TWIN", "TWIN-B"] {
        assert!(
            which
                .html
                .contains(&format!("value=\"corp/{}\"", expected.device(twin))),
            "{twin}"
        );
    }
    let chosen = format!("corp/{}", expected.device("TWIN-B"));
    let fields = [
        ("asset", "TWIN"),
        ("reason", REASON),
        ("key_id", ""),
        ("device", &chosen),
    ];
    let reference = reference_of(&anna.submit(&which, &fields).expect("an answer"));

    let page = redeem(&approved(&clavis, "anna.berg", "bert.boss", &reference));
    assert_eq!(page.texts(DIGITS), expected.keys("TWIN-B", ["TWIN-B"]));
}

#[test]
fn a_computer_with_nothing_escrowed_bothers_no_approver() {
    let (clavis, daemon) = domain();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let page = fill_in(&anna, &[("asset", "LT-0003"), ("reason", REASON)]);

    assert_eq!(page.status, 422);
    assert!(
        page.html.contains("No recovery key is kept for LT-0003"),
        "{}",
        page.html
    );
    assert_eq!(daemon.stop(), Some(0));
    assert!(clavis.mails.find("bert.boss", "", "").is_empty());
    assert_eq!(clavis.count("request_refused"), 1);
}

#[test]
fn names_that_need_escaping_go_the_whole_way() {
    let (clavis, daemon) = domain();
    let odd = sign_in(&daemon, &clavis.mails, "asa@example.com");
    let reference = ask(&odd, "KIOSK (lobby), 1+2", REASON);
    let review = clavis
        .mails
        .wait("anna.berg", "Approval Needed", &reference);
    assert!(
        review.text.contains("O'Dd, Åsa (she+her)*"),
        "{}",
        review.text
    );
    assert!(
        review.subject.contains("KIOSK (lobby), 1+2"),
        "{}",
        review.subject
    );

    let page = redeem(&approved(&clavis, "asa", "anna.berg", &reference));
    assert_eq!(
        page.texts(DIGITS),
        Expected::of(&clavis).keys("KIOSK-LOBBY", ["kiosk"])
    );
    assert_eq!(
        page.texts("<h1"),
        ["Your recovery key for KIOSK (lobby), 1+2"]
    );
}

#[test]
fn a_disabled_person_is_told_what_everybody_is_told_and_gets_no_code() {
    let (clavis, daemon) = domain();
    let browser = Browser::new(&daemon.url);
    for (address, dropped) in [("gerd.gone@example.com", 1), ("nobody@example.com", 2)] {
        let page = browser.open("/sign-in").expect("the sign-in page");
        let page = browser
            .submit(&page, &[("mail", address)])
            .expect("the code page");
        assert_eq!((page.status, page.path.as_str()), (200, "/sign-in/code"));
        until("the sign-in is dropped", || {
            (clavis.count("sign_in_dropped") == dropped).then_some(())
        });
    }
    assert_eq!(daemon.stop(), Some(0));
    assert!(clavis.mails.all().is_empty());
}

#[test]
fn who_has_no_manager_is_told_whom_to_call() {
    let (clavis, daemon) = domain();
    let chief = sign_in(&daemon, &clavis.mails, "clara.chief@example.com");
    let page = fill_in(&chief, &[("asset", "LT-0001"), ("reason", REASON)]);

    assert_eq!(page.status, 422);
    assert!(
        page.html
            .contains("There is nobody to approve your request"),
        "{}",
        page.html
    );
    assert!(page.html.contains("+49 30 555 0100"), "{}", page.html);
}

#[test]
fn who_has_no_manager_is_approved_by_one_of_the_nominated() {
    let clavis = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    clavis.change(
        "nominated = []",
        "nominated = [\"bert.boss@example.com\", \"asa@example.com\", \"clara.chief@example.com\"]",
    );
    let daemon = clavis.start();
    let chief = sign_in(&daemon, &clavis.mails, "clara.chief@example.com");
    let reference = ask(&chief, "LT-0001", REASON);
    clavis
        .mails
        .wait("bert.boss", "Approval Needed", &reference);

    let page = redeem(&approved(&clavis, "clara.chief", "asa@", &reference));
    assert_eq!(
        page.texts(DIGITS),
        Expected::of(&clavis).keys("LT-0001", ["lt-0001 os"])
    );
    assert!(
        clavis
            .mails
            .find("clara.chief", "Approval Needed", "")
            .is_empty(),
        "nobody approves for themselves"
    );
}
