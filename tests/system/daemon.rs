//! The daemon as an operator meets it: starting, stopping, probes, its log, and the commands that
//! reach into a running one.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::client::Browser;
use crate::harness::{Installation, Kind, ask, decide, key_link, redeem, sign_in, until};

const MARTIN: &str = "martin.vogt@example.com";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exit code and what was complained about.
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(&output.stderr)
}

#[test]
fn it_says_that_it_lives_and_works_and_stops_when_told() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let browser = Browser::new(&daemon.url);
    for (path, answer) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let page = browser.open(path).expect("an answer");
        assert_eq!((page.status, page.html.as_str()), (200, answer));
    }
    assert_eq!(daemon.stop(), Some(0));
    assert!(browser.open("/healthz").is_err());
}

#[test]
fn each_line_of_the_log_is_json_and_names_nobody() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    // The keys are gone, and come back: the fault is in the log.
    let escrow = fs::read_to_string(clavis.path().join("escrow.toml")).expect("the keys");
    fs::remove_file(clavis.path().join("escrow.toml")).expect("removed");
    assert_eq!(redeem(&link).status, 503);
    fs::write(clavis.path().join("escrow.toml"), escrow).expect("written");
    assert_eq!(redeem(&link).status, 200);
    clavis.mails.wait(MARTIN, "Key Retrieved", &reference);
    let url = daemon.url.clone();
    let log = daemon.log();
    let warned = log.matches("this place of keys is for demonstrations");
    assert_eq!(warned.count(), 1, "{log}");

    for line in log.lines() {
        let fields: Value = serde_json::from_str(line).expect("a line is JSON");
        for field in ["timestamp", "level", "message", "target"] {
            assert!(fields[field].is_string(), "{field} in {line}");
        }
    }
    assert!(log.contains(&format!("\"public_url\":\"{url}\"")), "{log}");
    let token = link.rsplit('/').next().expect("a token");
    for secret in [
        token,
        "anna.berg",
        "Anna",
        "martin.vogt",
        "Martin",
        "106458",
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_broken_configuration_is_told_whole() {
    let clavis = Installation::new(&Kind::Files);
    clavis.change("Europe/Berlin", "Mars/Phobos");
    clavis.change("kind = \"folder\"", "kind = \"pigeon\"");
    clavis.change("[store]", "[store]\ncolour = \"red\"");
    let told = failed(&clavis.run(&["serve"]));
    for part in ["`time_zone`", "`kind`", "`colour`"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let checked = clavis.run(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(&checked.stdout).contains("3 problems in the configuration."));
}

#[test]
fn a_port_that_is_taken_is_named_with_the_setting() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let told = failed(&clavis.run(&["serve"]));
    let address = daemon.url.strip_prefix("http://").expect("an address");
    assert!(
        told.contains(&format!("cannot listen on {address}")),
        "{told}"
    );
    assert!(told.contains("`listen` in [server]"), "{told}");
}

#[test]
fn two_daemons_on_one_database_are_one_clavis() {
    let clavis = Installation::new(&Kind::Files);
    let (one, another) = (clavis.start(), clavis.start_another());
    let anna = sign_in(&one, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0042", "It wants a key.");
    let review = clavis
        .mails
        .wait(MARTIN, "Approval Needed", &reference)
        .link("/review/");
    let elsewhere = |link: &str| link.replace(&one.url, &another.url);
    assert_eq!(decide(&elsewhere(&review), "approve").status, 200);
    let letter = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference);
    let link = letter.link("/key/");
    // What one has shown, the other knows of at once.
    assert_eq!(redeem(&elsewhere(&link)).status, 200);
    assert_eq!(Browser::new("").open(&link).expect("a page").status, 410);
}

#[test]
fn revoke_ends_a_key_link() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);

    let revoked = clavis.run(&["revoke", &reference]);
    assert!(revoked.status.success(), "{revoked:?}");
    let ended = Browser::new("").open(&link).expect("a page");
    assert_eq!(
        (ended.status, ended.texts("<h1")),
        (410, vec!["The request was stopped".to_owned()])
    );
    // The running daemon finds the letters within its longest sleep.
    for to in ["anna.berg", MARTIN] {
        clavis.mails.wait(to, "Request Stopped", &reference);
    }
    assert!(
        failed(&clavis.run(&["revoke", &reference])).contains(' '),
        "it is over already"
    );
    assert_eq!(
        failed(&clavis.run(&["revoke", "ABC-1234"])),
        "clavis: there is no request ABC-1234: `clavis audit show` has the references of all that there \
         are\n"
    );
    assert_eq!(clavis.count("revoked"), 1);
}

#[test]
fn a_letter_that_was_given_up_is_listed_and_can_be_tried_again() {
    let clavis = Installation::new(&Kind::MailServer);
    let people = clavis.path().join("people.toml");
    let known = fs::read_to_string(&people).expect("the people");
    fs::write(&people, known.replace(MARTIN, "refuse-550@example.com")).expect("written");
    let daemon = clavis.start();
    assert_eq!(
        text(&clavis.run(&["outbox", "list"]).stdout),
        "Nothing was given up.\n"
    );

    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    ask(&anna, "LT-0042", "It wants a key.");
    let given_up = |times| {
        until("a letter is given up", || {
            (clavis.count("mail_dead") == times).then_some(())
        });
    };
    given_up(1);
    let listed = text(&clavis.run(&["outbox", "list"]).stdout);
    assert!(
        listed.contains("Approval Needed to ") && listed.contains("(refuse-550@example.com)"),
        "{listed}"
    );
    assert!(listed.contains("1 try; the last: "), "{listed}");

    let id = listed.split_whitespace().next().expect("an ID");
    assert!(clavis.run(&["outbox", "retry", id]).status.success());
    given_up(2);
    assert!(text(&clavis.run(&["outbox", "list"]).stdout).starts_with(id));
    assert!(failed(&clavis.run(&["outbox", "retry", "x"])).contains("is not a job's ID"));
}

#[test]
fn the_demonstration_walks_to_the_keys() {
    let mut clavis = Command::new(env!("CARGO_BIN_EXE_clavis"));
    let output = clavis.args(["demo", "--walk"]).output().expect("it runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for part in [
        "106458-145486-612051-391677-159665-076549-406472-493295",
        "672826-470998-064779-087516-392392-072699-679272-339207",
        "410 This key link has been used",
        "link.redeemed",
    ] {
        assert!(told.contains(part), "{part:?} in {told}");
    }
    // A company that does not exist needs no warning.
    let said = text(&output.stderr);
    assert!(!said.contains("for demonstrations"), "{said}");
}
