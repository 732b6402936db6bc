//! Signing in as whom a trusted proxy names, and no code by mail.

use serde_json::Value;

use super::visitor::Visitor;
use crate::harness::{Daemon, Installation, Kind};

pub(crate) const HEADER: &str = "X-Remote-User";
const FORM: &[(&str, &str)] = &[("form_token", "")];

/// An installation that believes a proxy at this address, and sends no codes.
pub(crate) fn installation(from: &str) -> Installation {
    let clavis = Installation::new(&Kind::Files);
    let sections = format!(
        "[sign_in]\ncode_by_mail = false\n[sign_in.proxy]\nheader = \"{HEADER}\"\nfrom = [\"{from}\"]\n\
         person_by = \"login\"\n[organisation]\n"
    );
    clavis.change("[organisation]\n", &sections);
    clavis
}

fn named(daemon: &Daemon, names: &[&str]) -> Visitor {
    let mut visitor = Visitor::new(daemon);
    visitor.send(HEADER, names);
    visitor
}

fn last(clavis: &Installation, name: &str) -> Value {
    let rows = clavis.rows().into_iter().rev();
    let mut rows = rows.filter(|row| row["name"] == name);
    rows.next().expect("a row")
}

#[test]
fn the_header_of_the_proxy_signs_in_and_its_change_signs_out() {
    let clavis = installation("127.0.0.1");
    let daemon = clavis.start();
    let mut anna = named(&daemon, &["aberg"]);
    assert!(anna.get("/sign-in").body.contains("Continue as aberg"));
    let done = anna.post("/sign-in/proxy?next=%2Frequests%2Fnew", FORM);
    assert_eq!(
        (done.status, done.location.as_str()),
        (303, "/requests/new")
    );
    assert!(anna.is_signed_in());
    let row = last(&clavis, "sign_in.done");
    assert_eq!(row["event"]["by"]["proxy"], "aberg");
    assert_eq!(row["actor"]["id"], "anna.berg");

    for names in [&["mvogt"][..], &[], &["aberg", "aberg"], &["aberg, mvogt"]] {
        anna.send(HEADER, names);
        assert!(!anna.is_signed_in(), "{names:?}");
    }
    anna.send(HEADER, &["aberg"]);
    assert!(anna.is_signed_in());

    // Whom the directory does not know is told nothing, and the log everything.
    let mut eve = named(&daemon, &["eve"]);
    assert_eq!(eve.post("/sign-in/proxy", FORM).status, 403);
    let row = last(&clavis, "sign_in.refused");
    assert_eq!(row["event"]["why"], "unknown_person");
    assert_eq!(row["event"]["named"], "eve");
    assert!(!daemon.log().contains("aberg"), "{}", daemon.log());

    let output = clavis.run(&["check"]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let warning = "warning  sign-in proxy: whom 127.0.0.1 names in the header x-remote-user";
    assert!(said.contains(warning), "{said}");
}

#[test]
fn a_header_from_an_address_that_is_not_the_proxy_is_anybodys() {
    // It is the proxy as far as X-Forwarded-For goes, which this installation believes from here.
    let clavis = installation("10.0.0.5");
    let daemon = clavis.start();
    let mut eve = named(&daemon, &["aberg"]);
    eve.send("X-Forwarded-For", &["10.0.0.5"]);
    eve.send("Forwarded", &["for=10.0.0.5"]);
    let page = eve.get("/sign-in");
    assert!(!page.body.contains("Continue as"), "{}", page.body);
    let rows = clavis.rows().len();
    let answer = eve.post("/sign-in/proxy", FORM);
    assert_eq!((answer.status, answer.cookies.len()), (403, 0));
    assert!(!eve.is_signed_in());
    assert_eq!(clavis.rows().len(), rows, "strangers fill no log");
}

#[test]
fn where_codes_are_switched_off_nobody_is_sent_one() {
    let clavis = installation("127.0.0.1");
    let daemon = clavis.start();
    let mut anna = Visitor::new(&daemon);
    let page = anna.get("/sign-in");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("name=\"mail\""), "{}", page.body);
    let sent = anna.post("/sign-in", &[("mail", "anna.berg@example.com")]);
    let nowhere = anna.get("/nowhere");
    assert_eq!((sent.status, sent.body), (404, nowhere.body));
    // Neither a code nor a row that says that one was asked for.
    assert_eq!(clavis.rows().len(), 0);
}
