//! `clavis check` against real servers: what works, and what is told apart where it does not.

use std::fs;
use std::process::Output;

use crate::harness::{Installation, Kind};

fn installation() -> Installation {
    Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    })
}

/// The lines that begin like this, and whether the command was content.
fn lines(output: &Output, beginning: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter(|line| line.starts_with(beginning))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_rightly_delegated_account_passes_once_people_are_named_and_the_log_is_signed() {
    let clavis = installation();
    clavis.sign_the_log();
    clavis.change("nominated = []", "nominated = [\"bert.boss@example.com\"]");
    clavis.change(
        "[support]",
        "[alarms]\nmail = [\"secops@example.com\"]\n[support]",
    );
    let output = clavis.run(&["check"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("\nEverything works.\n"), "{text}");
}

#[test]
fn accounts_with_too_few_rights_are_told_apart() {
    for (account, finding) in [
        (
            "svc-plain",
            "No recovery record of the known device LT-0001 is seen, though `known_device` says that \
             it has a key: the account may not see recovery records.",
        ),
        (
            "svc-blind",
            "Records of the known device LT-0001 are seen, but the account may not read their passwords.",
        ),
    ] {
        let clavis = installation();
        clavis.change("svc-clavis", account);
        let output = clavis.run(&["check"]);
        assert_eq!(output.status.code(), Some(1), "{account}");
        let [failure] = &lines(&output, "FAILURE")[..] else {
            panic!("{account}: {output:?}")
        };
        assert!(failure.contains(finding), "{failure}");
    }
}

#[test]
fn an_account_with_too_many_rights_passes_with_warnings() {
    let clavis = installation();
    clavis.change("svc-clavis", "svc-wide");
    let output = clavis.run(&["check"]);
    assert!(output.status.success());
    assert_eq!(
        lines(&output, "warning  escrow corp").len(),
        2,
        "{output:?}"
    );
}

#[test]
fn a_wrong_password_of_the_mail_server_is_named() {
    let clavis = installation();
    fs::write(clavis.path().join("smtp.password"), "guessed").expect("written");
    let output = clavis.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let failures = lines(&output, "FAILURE");
    assert!(
        failures
            .iter()
            .all(|line| line.starts_with("FAILURE  mail:")),
        "{failures:?}"
    );
    assert_eq!(failures.len(), 1, "{output:?}");
}

#[test]
fn a_wrong_password_of_the_domain_is_named() {
    let clavis = installation();
    // The password of the mail server is none of its.
    let wrong = clavis.path().join("smtp.password").display().to_string();
    let controller = clavis.controller.as_ref().expect("a domain");
    let right = controller.join("svc-clavis.password").display().to_string();
    clavis.change(&right, &wrong);
    let output = clavis.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let failures = lines(&output, "FAILURE");
    let is_domain = |line: &String| {
        line.starts_with("FAILURE  directory:") || line.starts_with("FAILURE  escrow corp:")
    };
    assert!(
        !failures.is_empty() && failures.iter().all(is_domain),
        "{failures:?}"
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_named() {
    let clavis = installation();
    clavis.change("/ca.pem", "/other-ca.pem");
    let output = clavis.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    for part in ["mail", "directory", "escrow corp"] {
        let failures = lines(&output, &format!("FAILURE  {part}:"));
        assert!(
            failures.iter().any(|line| line.contains("certificate")),
            "{part}: {output:?}"
        );
    }
}

#[test]
fn a_controller_that_does_not_answer_is_told_from_one_that_refuses() {
    let clavis = Installation::new(&Kind::Servers {
        controllers: vec!["127.0.0.1:9".to_owned()],
    });
    let output = clavis.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let failures = lines(&output, "FAILURE  directory:");
    assert!(
        failures.iter().any(|line| line.contains("127.0.0.1:9")),
        "{output:?}"
    );
}
