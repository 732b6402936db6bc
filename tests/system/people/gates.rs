//! What is needed beside a link, and what guessing it brings.

use super::{Company, REASON, press, request_page};
use crate::client::Browser;
use crate::domain::DIGITS;
use crate::harness::{Daemon, ask, split};
use crate::races::at_once;
use crate::sign_in::visitor::Visitor;

/// Anna has a key link that wants a code; gives the link and her browser.
fn waiting(company: &Company, daemon: &Daemon) -> (String, String, Browser) {
    let anna = company.sign_in(daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    company.approve(daemon, "bert", "bert.boss", &reference);
    let link = company.key_link("anna.berg", &reference);
    (link, reference, anna)
}

/// The code that the page of the request shows.
fn pick_up(browser: &Browser, reference: &str) -> String {
    let path = format!("/requests/{reference}/pick-up");
    let page = press(browser, &request_page(browser, reference), &path);
    assert_eq!(page.status, 200, "{}", page.html);
    page.texts(DIGITS).remove(0)
}

/// How often the log says of an event that it was for this reason.
fn count_of(company: &Company, event: &str, why: &str) -> usize {
    let rows = company.rows_of(event).into_iter();
    rows.filter(|row| row["event"]["why"] == why).count()
}

#[test]
fn a_pick_up_code_opens_the_link_and_is_written_nowhere() {
    let company = Company::new("", "[gates]\nkey = \"code\"");
    let daemon = Daemon::start_logging(&company.clavis.config(), "trace");
    let (link, reference, anna) = waiting(&company, &daemon);
    // On the phone, where nobody is signed in.
    let (base, path) = split(&link);
    let phone = Browser::new(base);
    let type_in = |code: &str| {
        let page = phone.open(path).expect("the landing page");
        phone.submit(&page, &[("code", code)]).expect("an answer")
    };
    let page = type_in("AAAAA-AAAAA");
    assert_eq!(page.status, 422);
    assert!(page.html.contains("No pick-up code has been made yet."));
    let first = pick_up(&anna, &reference);
    let code = pick_up(&anna, &reference);
    let page = type_in(&first);
    assert_eq!(page.status, 422, "the one before has ended");
    assert!(page.html.contains("That is not the code."));
    let page = type_in(&format!(" {} ", code.to_lowercase().replace('-', " ")));
    assert_eq!(page.texts(DIGITS).len(), 1, "{}", page.html);

    company
        .clavis
        .mails
        .wait("anna.berg", "Key Retrieved", &reference);
    let written = company.clavis.written(&daemon);
    for code in [first, code] {
        assert_eq!(written.places_of(&code), [""; 0]);
        assert_eq!(written.places_of(&code.replace('-', "")), [""; 0]);
    }
    assert_eq!(company.rows_of("pick_up.made").len(), 2);
    assert_eq!(company.rows_of("pick_up.refused").len(), 2);
}

#[test]
fn of_pick_up_codes_that_are_guessed_at_once_five_count_and_the_owner_is_not_shut_out() {
    let company = Company::new("", "[gates]\nkey = \"code\"");
    let daemon = company.start();
    let (link, reference, anna) = waiting(&company, &daemon);
    let code = pick_up(&anna, &reference);
    let form = Visitor::new(&daemon).get(&link).form_token();
    let guess = |number: usize, typed: &str, from: &str| {
        let mut stranger = Visitor::new(&daemon);
        let from = from.replace('N', &(number + 1).to_string());
        stranger.send("X-Forwarded-For", &[&from]);
        stranger.post(&link, &[("form_token", &form), ("code", typed)])
    };
    // From one network: of IPv6, that is a /64.
    let answers = at_once(32, |number| {
        guess(number, &format!("AAAAA-AA{number:03}"), "2001:db8::N").status
    });
    assert_eq!(answers, [422; 32]);
    let count = |why| count_of(&company, "pick_up.refused", why);
    assert_eq!((count("wrong"), count("too_many")), (5, 27));
    // Not even the right one, from there.
    let late = guess(99, &code, "2001:db8::N");
    assert_eq!(late.status, 422);
    assert!(late.body.contains("Too many codes were typed."));
    assert!(!late.body.contains(DIGITS));
    assert_eq!(company.clavis.count("redeemed"), 0);
    // Whoever has the code comes from elsewhere, or makes a new one.
    assert!(guess(0, &code, "192.0.2.N").body.contains(DIGITS));
    assert_eq!(company.clavis.count("redeemed"), 1);
}

#[test]
fn a_new_pick_up_code_lets_its_owner_in_from_where_others_guessed() {
    let company = Company::new("", "[gates]\nkey = \"code\"");
    let daemon = company.start();
    let (link, reference, anna) = waiting(&company, &daemon);
    pick_up(&anna, &reference);
    let mut visitor = Visitor::new(&daemon);
    let form = visitor.get(&link).form_token();
    let mut type_in = |code: &str| visitor.post(&link, &[("form_token", &form), ("code", code)]);
    for _ in 0..6 {
        assert_eq!(type_in("AAAAA-AAAAA").status, 422);
    }
    let new = pick_up(&anna, &reference);
    let page = type_in(&new);
    assert_eq!(page.status, 200);
    assert!(page.body.contains(DIGITS));
}

#[test]
fn of_sign_in_codes_that_are_guessed_at_once_five_count() {
    let company = Company::new("", "");
    let daemon = company.start();
    let mut eve = Visitor::new(&daemon);
    let sent = eve.post("/sign-in", &[("mail", "anna.berg@example.com")]);
    assert_eq!(sent.status, 303);
    let form = eve.get("/sign-in/code").form_token();
    let mails = &company.clavis.mails;
    let code = mails.wait("anna.berg", "Your Sign-In Code", "").code();
    let answers = at_once(32, |number| {
        let code = format!("AAAAA-AA{number:03}");
        let fields = [("form_token", form.as_str()), ("code", &code)];
        eve.clone().post("/sign-in/code", &fields).status
    });
    assert_eq!(answers, [422; 32]);
    let count = |why| count_of(&company, "sign_in.refused", why);
    // The end is in the log once: it is not for strangers to fill.
    assert_eq!((count("wrong_code"), count("ended")), (5, 1));
    let late = eve.post("/sign-in/code", &[("form_token", &form), ("code", &code)]);
    assert_eq!(late.status, 422);
    assert!(!eve.is_signed_in());
}

#[test]
fn of_sign_in_codes_that_are_typed_at_two_daemons_in_turn_five_count() {
    let company = Company::new("", "");
    let daemons = [company.start(), company.clavis.start_another()];
    let mut eve = Visitor::new(&daemons[0]);
    let sent = eve.post("/sign-in", &[("mail", "anna.berg@example.com")]);
    assert_eq!(sent.status, 303);
    let form = eve.get("/sign-in/code").form_token();
    let mails = &company.clavis.mails;
    let code = mails.wait("anna.berg", "Your Sign-In Code", "").code();
    let type_in = |daemon: &Daemon, code: &str| {
        let mut led = eve.led_to(daemon);
        let answer = led.post("/sign-in/code", &[("form_token", &form), ("code", code)]);
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(!led.is_signed_in());
    };
    for number in 0..8 {
        type_in(&daemons[number % 2], &format!("AAAAA-AA{number:03}"));
    }
    for daemon in &daemons {
        type_in(daemon, &code);
    }
    let count = |why| count_of(&company, "sign_in.refused", why);
    assert_eq!((count("wrong_code"), count("ended")), (5, 1));
    assert!(company.rows_of("sign_in.done").is_empty());
}

#[test]
fn of_pick_up_codes_that_are_typed_at_two_daemons_in_turn_five_count() {
    let company = Company::new("", "[gates]\nkey = \"code\"");
    let daemons = [company.start(), company.clavis.start_another()];
    let (link, reference, anna) = waiting(&company, &daemons[0]);
    let code = pick_up(&anna, &reference);
    let path = split(&link).1;
    let form = Visitor::new(&daemons[0]).get(path).form_token();
    let type_in = |daemon: &Daemon, code: &str, from: &str| {
        let mut stranger = Visitor::new(daemon);
        stranger.send("X-Forwarded-For", &[from]);
        stranger.post(path, &[("form_token", &form), ("code", code)])
    };
    for number in 0..8 {
        let from = format!("2001:db8::{number}");
        let guess = format!("AAAAA-AA{number:03}");
        assert_eq!(type_in(&daemons[number % 2], &guess, &from).status, 422);
    }
    for daemon in &daemons {
        let late = type_in(daemon, &code, "2001:db8::99");
        assert_eq!(late.status, 422);
        assert!(late.body.contains("Too many codes were typed."));
    }
    let count = |why| count_of(&company, "pick_up.refused", why);
    assert_eq!((count("wrong"), count("too_many")), (5, 5));
    assert_eq!(company.clavis.count("redeemed"), 0);
    let elsewhere = type_in(&daemons[1], &code, "192.0.2.1");
    assert!(elsewhere.body.contains(DIGITS));
}

#[test]
fn a_key_link_that_wants_its_owner_signed_in_is_nobody_elses() {
    let company = Company::new("", "[gates]\nkey = \"sign_in\"");
    let daemon = company.start();
    let (link, reference, anna) = waiting(&company, &daemon);
    // He approved it, and the mail was passed on to him.
    let bert = company.sign_in(&daemon, "bert");
    let page = bert.open(&link).expect("a page");
    assert_eq!(page.status, 403);
    assert!(!page.html.contains("LT-0001"));
    let pressed = super::send(&bert, &page, &page.path, &[]);
    assert_eq!(pressed.status, 403);
    assert_eq!(company.rows_of("link.refused").len(), 2);
    let phone = Browser::new(&daemon.url);
    let page = phone.open(&link).expect("a page");
    assert_eq!(page.path, "/sign-in");
    let page = company.go_on(&phone, &page, "anna");
    assert!(link.ends_with(&page.path), "{}", page.path);
    let page = phone.submit(&page, &[]).expect("the key page");
    assert_eq!(page.texts(DIGITS).len(), 1, "{}", page.html);
    assert!(
        request_page(&anna, &reference)
            .html
            .contains("Key retrieved")
    );
}
