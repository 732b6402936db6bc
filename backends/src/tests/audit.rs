//! `[audit]`.

use std::path::Path;

use jiff::SignedDuration;

use super::{EXAMPLE, parse};

/// The example with these lines in its `[audit]`, and nothing else in there.
fn with(lines: &str) -> String {
    EXAMPLE.replacen("\n[audit]\n", &format!("\n[audit]\n{lines}\n"), 1)
}

#[test]
fn all_that_can_be_said_is_read() {
    let text = with(
        "signing_key_file = \"audit.key\"\ncheckpoint_every = \"15m\"\ncheckpoint_folder = \"/mnt/elsewhere\"\n\
         checkpoint_mail = [\"auditor@example.com\"]\nkeep_for = \"2 years\"",
    );
    let audit = parse(&text)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .audit;
    let signer = audit.signer.expect("a key");
    assert_eq!(signer.verifier().name(), "keys.example.com/log");
    assert_eq!(audit.every, SignedDuration::from_mins(15));
    assert_eq!(audit.folder.as_deref(), Some(Path::new("/mnt/elsewhere")));
    assert_eq!(audit.mail[0].as_str(), "auditor@example.com");
    assert_eq!(audit.keep_for, Some(SignedDuration::from_hours(24 * 730)));
}

#[test]
fn without_it_nothing_is_signed_and_all_is_kept() {
    let text = EXAMPLE.replacen("\n[audit]\n", "\n", 1);
    for text in [&text, EXAMPLE] {
        let audit = parse(text)
            .unwrap_or_else(|problems| panic!("{problems}"))
            .audit;
        assert!(audit.signer.is_none() && audit.folder.is_none() && audit.mail.is_empty());
        assert_eq!(
            (audit.every, audit.keep_for),
            (SignedDuration::from_hours(1), None)
        );
    }
}

#[test]
fn what_cannot_be_is_said() {
    for (lines, problem) in [
        (
            "signing_key_file = \"other.key\"",
            "`signing_key_file` names a file that holds no key for checkpoints",
        ),
        (
            "signing_key_file = \"missing\"",
            "names a file that is not there",
        ),
        (
            "signing_key_file = \"audit.key\"\ncheckpoint_every = \"1s\"",
            "`checkpoint_every`",
        ),
        (
            "checkpoint_folder = \"/mnt\"",
            "`checkpoint_folder` is set, and there is no key to sign checkpoints with",
        ),
        (
            "checkpoint_mail = [\"a@example.com\"]",
            "`checkpoint_mail` is set, and there is no key to sign checkpoints with",
        ),
        (
            "signing_key_file = \"audit.key\"\ncheckpoint_mail = [\"auditor\"]",
            "checkpoint_mail",
        ),
        (
            "keep_for = \"1 day\"",
            "`keep_for` is too short or too long",
        ),
        ("keep_rows = \"1 day\"", "keep_rows"),
    ] {
        let told = parse(&with(lines)).unwrap_err().to_string();
        assert!(told.contains(problem), "{told}");
    }
}
