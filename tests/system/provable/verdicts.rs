//! What the commands of the log say where there is no log, nothing to hold it against, or nothing that
//! can be believed: never that it is sound, and always what to do.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use super::{alone, journey, kept, said, signer_of, signing};
use crate::harness::{Installation, Kind, until};

/// Asserts what a command has ended with, and that it has said all of this.
fn assert_told(output: &Output, code: i32, parts: &[&str]) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Waits until the folder has the checkpoint that was printed; its file.
fn brought(clavis: &Installation, printed: &Output) -> String {
    let note = String::from_utf8_lossy(&printed.stdout).into_owned();
    let size: u64 = note.lines().nth(1).expect("a size").parse().expect("one");
    let name = format!("checkpoints/{size:012}.checkpoint");
    let file = clavis.path().join(name);
    let daemon = clavis.start();
    until("it is brought to the folder", || {
        (fs::read_to_string(&file).ok()? == note).then_some(())
    });
    assert_eq!(daemon.stop(), Some(0));
    file.display().to_string()
}

#[test]
fn a_log_that_is_gone_is_not_made_anew_and_never_called_sound() {
    let (clavis, _) = signing();
    let reference = journey(&clavis);
    let checkpoint = brought(&clavis, &clavis.run(&["audit", "checkpoint"]));
    let verify = || clavis.run(&["audit", "verify"]);
    assert_told(&verify(), 0, &["The log is what it was."]);

    clavis.write_into_one_file();
    let database = clavis.path().join("clavis.db");
    fs::remove_file(&database).expect("removed");
    for empty in [false, true] {
        let why = if empty {
            fs::write(&database, "").expect("written");
            "the file is empty"
        } else {
            "there is no database there"
        };
        for arguments in [
            &["audit", "show"][..],
            &["audit", "export", "--format", "csv"],
            &["audit", "checkpoint"],
            &["audit", "prove", &reference],
            &["audit", "consistency", &checkpoint, &checkpoint],
            &["audit", "erase", "anna.berg@example.com"],
            &["outbox", "list"],
            &["sessions", "end", "--person", "martin.vogt@example.com"],
            &["token", "list"],
            &["revoke", &reference],
        ] {
            let output = clavis.run(arguments);
            assert_told(&output, 1, &["clavis.db: ", why, "`path` of [store]"]);
            assert!(output.stdout.is_empty(), "{arguments:?}: {}", said(&output));
        }
        assert_told(&verify(), 2, &[why]);
        assert_eq!(fs::read(&database).ok(), empty.then(Vec::new));
    }

    // A new one is not the one that was signed.
    assert_told(&clavis.run(&["check"]), 0, &["can be read and written"]);
    let shorter = "WRONG    the log has 0 rows, and the checkpoint ";
    assert_told(&verify(), 1, &[shorter, &checkpoint]);
}

#[test]
fn a_log_that_no_checkpoint_was_held_against_only_holds_together_by_itself() {
    let clavis = Installation::new(&Kind::Files);
    journey(&clavis);
    let parts = [
        "The log holds together by itself.",
        "No checkpoint was held against it",
        "`--checkpoint FILE`",
        "`checkpoint_folder` of [audit]",
        "no key is known",
    ];
    assert_told(&clavis.run(&["audit", "verify"]), 2, &parts);
}

#[test]
fn a_checkpoint_of_another_key_is_not_judged_and_no_change_of_the_log() {
    let (clavis, old) = signing();
    journey(&clavis);
    let checkpoint = brought(&clavis, &clavis.run(&["audit", "checkpoint"]));
    // As the handbook has it: another key of the same name.
    let name = ["--name", "keys.example.com/log"];
    let made = alone(
        &[&["audit", "new-key", "new.key"][..], &name].concat(),
        clavis.path(),
    );
    assert!(made.status.success(), "{}", said(&made));
    clavis.change("audit.key", "new.key");

    let output = clavis.run(&["audit", "verify", "--checkpoint", &checkpoint]);
    let parts = [
        "NOT JUDGED  the checkpoint ",
        &checkpoint,
        &signer_of(&old),
        "with `--key`",
    ];
    assert_told(&output, 2, &parts);
    assert!(!said(&output).contains("WRONG"), "{}", said(&output));
    let output = clavis.run(&["audit", "verify", "--key", &old]);
    assert_told(&output, 0, &["The log is what it was."]);

    // What somebody has changed where it was brought says nothing of the log either.
    let note = fs::read_to_string(&checkpoint).expect("a note");
    fs::write(&checkpoint, note.replacen("\n\n", "\nmore\n\n", 1)).expect("written");
    let output = clavis.run(&["audit", "verify", "--key", &old]);
    assert_told(&output, 2, &["NOT JUDGED", &checkpoint, "was changed"]);
    assert!(!said(&output).contains("WRONG"), "{}", said(&output));
}

#[test]
fn what_is_no_checkpoint_is_told_as_such() {
    let (clavis, _) = signing();
    journey(&clavis);
    let folder = clavis.path();
    fs::write(folder.join("empty"), "").expect("written");
    fs::write(folder.join("text"), "no checkpoint\n").expect("written");
    fs::write(folder.join("bytes"), [0xff, 0xfe]).expect("written");
    fs::create_dir(folder.join("folder")).expect("a folder");
    let path = |name: &str| folder.join(name).display().to_string();
    for (name, why) in [
        ("nothere", "there is no file "),
        ("empty", "is no checkpoint"),
        ("text", "is no checkpoint"),
        ("bytes", "it is no text"),
        ("folder", "it is no regular file"),
    ] {
        let file = path(name);
        let output = clavis.run(&["audit", "verify", "--checkpoint", &file]);
        assert_told(&output, 2, &[why, &file, "name the file of"]);
        assert!(!said(&output).contains("The log"), "{}", said(&output));
    }
}

#[test]
fn a_private_key_that_is_given_for_a_public_one_is_not_printed() {
    let (clavis, public) = signing();
    let private = fs::read_to_string(clavis.path().join("audit.key")).expect("a key");
    let private = private.trim();
    let secret = private.rsplit('+').next().expect("its secret");
    for key in [private, &private[1..], &format!("\"{private}\""), secret] {
        for arguments in [
            &["audit", "check", "bundle.json", "--key", key][..],
            &["audit", "verify", "--key", key, "--config", "clavis.toml"],
            &[
                "audit",
                "checkpoint",
                "--key",
                key,
                "--config",
                "clavis.toml",
            ],
        ] {
            let output = alone(arguments, clavis.path());
            let text = said(&output);
            assert!(!output.status.success(), "{text}");
            assert!(!text.contains(&secret[..8]), "{text}");
            if key == private {
                let remedy = "make another key with `clavis audit new-key`";
                assert!(
                    text.contains("private key") && text.contains(remedy),
                    "{text}"
                );
            }
            assert!(text.contains("`clavis check`"), "{text}");
        }
    }
    let own = clavis.run(&["audit", "verify", "--key", &public]);
    assert!(!said(&own).contains("--key was given"), "{}", said(&own));
}

#[test]
fn a_bundle_that_proves_nothing_is_told_from_one_that_cannot_be_judged() {
    let (clavis, key) = signing();
    let reference = journey(&clavis);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let bundle = clavis.run(&["audit", "prove", &reference]);
    let file = kept(&bundle, &elsewhere.path().join("bundle.json"));
    let whole = fs::read_to_string(&file).expect("a bundle");
    let check = |file: &str| alone(&["audit", "check", file, "--key", &key], elsewhere.path());
    let check_text = |text: &str| {
        fs::write(elsewhere.path().join("other.json"), text).expect("written");
        check("other.json")
    };
    assert_told(&check(&file), 0, &["are in the log"]);

    for cut in ["", &whole[..whole.len() / 2]] {
        assert_told(&check_text(cut), 2, &["other.json", "ask for it again"]);
    }
    assert_told(
        &check("nothere.json"),
        2,
        &["there is no file", "name the file"],
    );
    assert_told(&check("."), 2, &["it is no regular file", "name the file"]);
    let more = whole.replacen('{', "{\"also\": 1, ", 1);
    assert_told(&check_text(&more), 2, &["unknown field", "name the file"]);

    let mut bundle: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    bundle["rows"] = serde_json::json!([]);
    let none = check_text(&bundle.to_string());
    assert_told(&none, 1, &["proves nothing", "there is no row in it"]);

    let unknown = clavis.run(&["audit", "prove", "ABC-1234"]);
    assert_told(
        &unknown,
        1,
        &["there is no request ABC-1234", "`clavis audit show`"],
    );
    let days = ["--from", "2026-11-02", "--to", "2026-11-01"];
    let backwards = [&["audit", "export", "--format", "csv"][..], &days].concat();
    let backwards = clavis.run(&backwards);
    assert_told(
        &backwards,
        1,
        &["no day lies from 2026-11-02 to 2026-11-01"],
    );
    assert!(backwards.stdout.is_empty(), "{}", said(&backwards));
}

/// The binary of somebody who is this user, without root's privileges.
fn unprivileged(clavis: &Installation, arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_clavis");
    let own = fs::metadata("/proc/self").expect("a process");
    let mut command = Command::new(if own.uid() == 0 { "setpriv" } else { binary });
    if own.uid() == 0 {
        command.args(["--bounding-set=-all", "--inh-caps=-all", binary]);
    }
    let command = command.args(arguments).arg("--config").arg(clavis.config());
    command.output().expect("the binary runs")
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

#[test]
fn a_log_is_read_where_nobody_can_write_and_who_may_not_read_it_is_told_so() {
    let (clavis, _) = signing();
    let reference = journey(&clavis);
    let checkpoint = brought(&clavis, &clavis.run(&["audit", "checkpoint"]));
    clavis.write_into_one_file();
    let copies = clavis.path().join("copies");
    fs::create_dir(&copies).expect("a folder");
    let copy = copies.join("clavis.db");
    fs::copy(clavis.path().join("clavis.db"), &copy).expect("a copy");
    clavis.change("\"clavis.db\"", "\"copies/clavis.db\"");
    allow(&copy, 0o400);
    allow(&copies, 0o500);

    let verify = unprivileged(&clavis, &["audit", "verify"]);
    assert_told(&verify, 0, &["The log is what it was."]);
    let export = unprivileged(&clavis, &["audit", "export"]);
    assert_told(&export, 0, &["link.redeemed"]);
    let consistency = unprivileged(&clavis, &["audit", "consistency", &checkpoint, &checkpoint]);
    assert_told(&consistency, 0, &["goes on"]);
    for arguments in [
        &["audit", "prove", &reference][..],
        &["audit", "checkpoint"],
    ] {
        let refused = unprivileged(&clavis, arguments);
        assert_told(
            &refused,
            1,
            &["cannot write to it and beside it", "with sudo"],
        );
    }
    assert_eq!(fs::read_dir(&copies).expect("a folder").count(), 1);

    // What is not in the file yet is not passed over.
    allow(&copies, 0o700);
    fs::write(copies.join("clavis.db-wal"), "a page").expect("written");
    allow(&copies, 0o500);
    let unfinished = unprivileged(&clavis, &["audit", "verify"]);
    assert_told(
        &unfinished,
        2,
        &["beside it lies what was written last", "copy"],
    );

    allow(&copy, 0);
    let refused = unprivileged(&clavis, &["audit", "verify"]);
    assert_told(&refused, 2, &["this account may not read it", "with sudo"]);
    // Whoever owns the folder takes it away.
    allow(&copies, 0o700);
}
