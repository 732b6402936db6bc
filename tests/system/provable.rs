//! The log is proved to others, by the real binary; what was done to it is found; and people are
//! erased from it.

mod verdicts;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Installation, Kind, key_link, redeem, sign_in, until};
use crate::webhook::Program;

/// An installation that signs its log and keeps checkpoints in a folder, and its public key.
fn signing() -> (Installation, String) {
    let clavis = Installation::new(&Kind::Files);
    let key = clavis.sign_the_log();
    (clavis, key)
}

/// A key is asked for, approved and shown; its reference, once all letters about it are sent.
fn journey(clavis: &Installation) -> String {
    let daemon = clavis.start();
    let (reference, link) = key_link(clavis, &daemon, "LT-0042", "martin.vogt");
    assert_eq!(redeem(&link).status, 200);
    clavis.wait_until_nothing_is_due();
    assert_eq!(daemon.stop(), Some(0));
    clavis.write_into_one_file();
    reference
}

/// Runs the binary without any configuration.
fn alone(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
    let command = command.args(arguments).current_dir(folder);
    command.output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(text).expect("UTF-8")
}

/// What a command has printed to go into a file, in a file.
fn kept(output: &Output, file: &Path) -> String {
    assert!(output.status.success(), "{}", said(output));
    fs::write(file, &output.stdout).expect("a file");
    file.display().to_string()
}

/// The name of a key and its hash, by which it is told from others: the key itself may have a `+` in it.
fn signer_of(key: &str) -> String {
    key.splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// What `verify` says: whether the log is what it was, and its lines about what is wrong.
fn verified(clavis: &Installation, checkpoints: &[&str]) -> (bool, Vec<String>) {
    let mut arguments = vec!["audit", "verify"];
    arguments.extend(checkpoints.iter().flat_map(|file| ["--checkpoint", *file]));
    let output = clavis.run(&arguments);
    let text = said(&output);
    let wrong = text.lines().filter_map(|line| line.strip_prefix("WRONG"));
    let wrong: Vec<_> = wrong.map(|line| line.trim().to_owned()).collect();
    let code = i32::from(!wrong.is_empty());
    assert_eq!(output.status.code(), Some(code), "{text}");
    (wrong.is_empty(), wrong)
}

/// Whether a file of the database has this text in it.
fn database_has(clavis: &Installation, text: &str) -> bool {
    let files = ["clavis.db", "clavis.db-wal"].map(|name| clavis.path().join(name));
    let bytes = files
        .map(|file| fs::read(file).unwrap_or_default())
        .concat();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The bytes with the first letter of a name small, in each place where they have it.
fn with_small_letter(whole: &[u8], name: &[u8]) -> Vec<u8> {
    let mut changed = whole.to_vec();
    let has_name = |at: &usize| whole[*at..].starts_with(name);
    let places: Vec<_> = (0..whole.len()).filter(has_name).collect();
    assert!(!places.is_empty(), "the name is there");
    for at in places {
        changed[at].make_ascii_lowercase();
    }
    changed
}

/// Whoever may write to the folder of checkpoints can put anything there.
#[test]
fn pipes_in_the_folder_of_checkpoints_keep_nothing_from_its_end() {
    let (clavis, _) = signing();
    let folder = clavis.path().join("checkpoints");
    fs::create_dir_all(&folder).expect("a folder");
    let pipes = (0..64).map(|size| folder.join(format!("{size:012}.checkpoint")));
    let made = Command::new("mkfifo").args(pipes).status();
    assert!(made.expect("mkfifo runs").success());
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", "martin.vogt");
    assert_eq!(redeem(&link).status, 200);
    daemon.wait_for_log("it is no regular file");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_request_is_proved_to_somebody_who_has_only_the_key() {
    let (clavis, key) = signing();
    let mode = fs::metadata(clavis.path().join("audit.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = alone(
        &["audit", "new-key", "audit.key", "--name", "x"],
        clavis.path(),
    );
    let refused = "audit.key cannot be made: it is there already";
    assert!(!again.status.success() && said(&again).contains(refused));

    let reference = journey(&clavis);
    let elsewhere = tempfile::tempdir().unwrap();
    let bundle = clavis.run(&["audit", "prove", &reference]);
    let file = kept(&bundle, &elsewhere.path().join("bundle.json"));
    let check = |key: &str| alone(&["audit", "check", &file, "--key", key], elsewhere.path());
    let checked = check(&key);
    let text = said(&checked);
    assert!(checked.status.success(), "{text}");
    for part in [
        &*reference,
        "link.redeemed",
        "anna.berg@example.com",
        "are in the log keys.example.com/log of",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    assert!(!text.contains("left out"), "{text}");

    // With the key of another log, and with one letter changed, it proves nothing.
    let other = alone(
        &[
            "audit",
            "new-key",
            "other.key",
            "--name",
            "keys.example.com/log",
        ],
        elsewhere.path(),
    );
    let other = String::from_utf8(other.stdout).unwrap();
    let refused = check(other.trim());
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    for part in [
        &*signer_of(&key),
        "was not judged",
        "Ask whoever runs that log",
    ] {
        assert!(said(&refused).contains(part), "{}", said(&refused));
    }
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replacen("Anna", "Anno", 1)).unwrap();
    let refused = check(&key);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("does not hold together"),
        "{}",
        said(&refused)
    );
}

#[test]
fn checkpoints_go_where_the_operator_says_and_one_continues_another() {
    let (clavis, key) = signing();
    journey(&clavis);
    let elsewhere = tempfile::tempdir().unwrap();
    let first = clavis.run(&["audit", "checkpoint"]);
    let first = kept(&first, &elsewhere.path().join("first"));
    let daemon = clavis.start();
    sign_in(&daemon, &clavis.mails, "martin.vogt@example.com");
    let second = clavis.run(&["audit", "checkpoint"]);
    let second = kept(&second, &elsewhere.path().join("second"));
    for file in [&first, &second] {
        let note = fs::read_to_string(file).unwrap();
        let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
        let brought = clavis
            .path()
            .join(format!("checkpoints/{size:012}.checkpoint"));
        until("the daemon brings it to the folder", || {
            (fs::read_to_string(&brought).ok()? == note).then_some(())
        });
    }
    daemon.stop();

    let proof = clavis.run(&["audit", "consistency", &first, &second]);
    let proof = kept(&proof, &elsewhere.path().join("proof.json"));
    let checked = alone(&["audit", "check", &proof, "--key", &key], elsewhere.path());
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(said(&checked).contains("nothing in the first was changed"));
    let backwards = clavis.run(&["audit", "consistency", &second, &first]);
    assert!(
        said(&backwards).contains("name the earlier one first"),
        "{}",
        said(&backwards)
    );
}

#[test]
fn a_log_that_was_changed_or_is_an_older_one_is_told() {
    let (clavis, _) = signing();
    journey(&clavis);
    assert!(clavis.run(&["audit", "checkpoint"]).status.success());
    clavis.write_into_one_file();
    let database = clavis.path().join("clavis.db");
    let older = fs::read(&database).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    sign_in(&clavis.start(), &clavis.mails, "martin.vogt@example.com");
    let checkpoint = clavis.run(&["audit", "checkpoint"]);
    let checkpoint = kept(&checkpoint, &elsewhere.path().join("checkpoint"));
    clavis.write_into_one_file();
    assert_eq!(verified(&clavis, &[&checkpoint]), (true, Vec::new()));

    let whole = fs::read(&database).unwrap();
    fs::write(&database, with_small_letter(&whole, b"Anna Berg")).unwrap();
    let (_, wrong) = verified(&clavis, &[]);
    assert!(
        !wrong.is_empty() && wrong.iter().all(|line| line.contains("was changed")),
        "{wrong:?}"
    );

    fs::write(&database, &older).unwrap();
    assert_eq!(
        verified(&clavis, &[]),
        (true, Vec::new()),
        "by itself it is sound"
    );
    let (_, wrong) = verified(&clavis, &[&checkpoint]);
    let [wrong] = &wrong[..] else {
        panic!("{wrong:?}")
    };
    assert!(
        wrong.contains("the database is an older one that was restored"),
        "{wrong}"
    );
}

#[test]
fn a_person_is_erased_and_the_log_is_still_what_was_signed() {
    let (clavis, key) = signing();
    let reference = journey(&clavis);
    let elsewhere = tempfile::tempdir().unwrap();
    let checkpoint = clavis.run(&["audit", "checkpoint"]);
    let checkpoint = kept(&checkpoint, &elsewhere.path().join("checkpoint"));
    let daemon = clavis.start();
    clavis.wait_until_nothing_is_due();
    daemon.stop();
    // What follows runs beside the files that the daemon has left.
    assert!(database_has(&clavis, "anna.berg@example.com"));

    let erased = clavis.run(&["audit", "erase", "anna.berg@example.com"]);
    assert!(erased.status.success(), "{}", said(&erased));
    let rows = clavis.audit();
    for text in ["anna.berg", "Anna Berg", "LT-0042", "It wants a key"] {
        assert!(!rows.contains(text), "{text}");
        assert!(!database_has(&clavis, text), "{text} is in the file");
    }
    assert!(rows.contains("(erased)") && rows.contains("martin.vogt@example.com"));
    assert_eq!(clavis.count("fields_erased"), 1, "{rows}");
    assert_eq!(verified(&clavis, &[&checkpoint]), (true, Vec::new()));
    let listed = said(&clavis.run(&["audit", "verify"]));
    let mut erasures = listed
        .lines()
        .filter(|it| it.starts_with("erasure in row "));
    let erasure = erasures.next().expect("the erasure is listed");
    assert!(
        erasure.contains(", by operator ") && erasure.contains(", of a person, "),
        "{erasure}"
    );
    assert_eq!(erasures.next(), None);

    let bundle = clavis.run(&["audit", "prove", &reference]);
    let file = kept(&bundle, &elsewhere.path().join("bundle.json"));
    let checked = alone(&["audit", "check", &file, "--key", &key], elsewhere.path());
    let text = said(&checked);
    assert!(
        checked.status.success() && text.contains("link.redeemed"),
        "{text}"
    );
    let warning = "fields are left out; nothing here proves that the log erased them";
    assert!(text.contains(warning), "{text}");

    let again = clavis.run(&["audit", "erase", "anna.berg@example.com"]);
    assert!(
        said(&again).contains("nothing that is kept names them"),
        "{}",
        said(&again)
    );
}

/// Somebody reads a line and has seen enough, as `head` does: what a command does and how it ends is the
/// same.
#[test]
fn what_a_command_prints_after_its_reader_has_gone_is_dropped() {
    let (clavis, _) = signing();
    let reference = journey(&clavis);
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = clavis.command(arguments).stdout(writer).output();
        output.expect("the binary runs")
    };
    for arguments in [
        &["audit", "checkpoint"][..],
        &["audit", "verify"],
        &["audit", "show"],
        &["audit", "show", "--json"],
        &["audit", "export", "--format", "csv"],
        &["audit", "prove", &reference],
        &["check"],
        &["outbox", "list"],
        &["sessions", "end", "--person", "martin.vogt@example.com"],
        &["audit", "erase", "anna.berg@example.com"],
    ] {
        let output = unread(arguments);
        let aside = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {aside}");
        assert!(
            !aside.contains("panicked") && !aside.contains("pipe"),
            "{aside}"
        );
    }
    assert_eq!(clavis.count("fields_erased"), 1, "it was done all the same");

    // What was found wrong shows in how it ends.
    clavis.write_into_one_file();
    let database = clavis.path().join("clavis.db");
    let whole = fs::read(&database).unwrap();
    fs::write(&database, with_small_letter(&whole, b"Martin Vogt")).unwrap();
    assert_eq!(unread(&["audit", "verify"]).status.code(), Some(1));

    // A disk that is full is no reader who has gone.
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let full = clavis
        .command(&["audit", "verify"])
        .stdout(full.expect("a device"))
        .output();
    let full = full.expect("the binary runs");
    assert_eq!(full.status.code(), Some(2));
    assert!(said(&full).contains("the output cannot be written"));
}

#[test]
fn a_program_that_is_told_checkpoints_can_hold_the_log_against_them() {
    let witness = Program::start();
    let (clavis, _) = signing();
    let secret = Program::share(&clavis);
    let url = &witness.url;
    clavis.change(
        "signing_key_file",
        &format!(
            "checkpoint_webhook = \"{url}\"\ncheckpoint_webhook_secret_file = \"{secret}\"\n\
             checkpoint_webhook_allow_private = true\nsigning_key_file"
        ),
    );
    journey(&clavis);
    let daemon = clavis.start();
    let told = witness.next();
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(told["type"], "log.checkpoint");
    let note = told["data"]["note"].as_str().expect("a note");
    let size = told["data"]["size"].to_string();
    assert_eq!(note.lines().nth(1), Some(&*size));
    let file = clavis.path().join("told.checkpoint");
    fs::write(&file, note).expect("a file");
    let (is_sound, wrong) = verified(&clavis, &[&file.display().to_string()]);
    assert!(is_sound, "{wrong:?}");
}
