//! The unit that ships, and what systemd passes on to a service: credentials, and whom to tell of
//! the start.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::MARTIN;
use crate::harness::{Daemon, Installation, Kind, key_link, redeem};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/clavis.service");

/// At most this exposed, of 10, as systemd counts.
const EXPOSED: f64 = 1.5;

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output();
    output.expect("systemd-analyze is missing: run tests/run --install")
}

#[test]
fn the_unit_is_sound_and_leaves_little_exposed() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("clavis.service");
    let text = fs::read_to_string(UNIT).expect("the unit");
    let installed = "/usr/local/bin/clavis";
    assert!(text.contains(&format!("ExecStart={installed} serve")));
    fs::write(&unit, text.replace(installed, env!("CARGO_BIN_EXE_clavis"))).expect("written");

    let verified = analyze(&["verify", "--man=no", "--recursive-errors=no"], &unit);
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "");

    let rated = analyze(&["security", "--offline=true", "--no-pager"], &unit);
    let text = String::from_utf8_lossy(&rated.stdout);
    let figure = text
        .split("Overall exposure level for clavis.service: ")
        .nth(1);
    let figure = figure.and_then(|rest| rest.split_whitespace().next());
    let figure: f64 = figure.expect("a figure").parse().expect("a number");
    assert!(figure <= EXPOSED, "{text}");
}

/// What the unit says that no rating of systemd's stands for, or that could go without the rating showing
/// it: each line of these settings, in their order.
const KEPT: [(&str, &[&str]); 19] = [
    // Nobody else's user, and nothing of its own but these folders.
    ("DynamicUser", &["yes"]),
    ("User", &["clavis"]),
    ("StateDirectory", &["clavis"]),
    ("StateDirectoryMode", &["0700"]),
    ("LogsDirectory", &["clavis"]),
    ("LogsDirectoryMode", &["0750"]),
    ("UMask", &["0077"]),
    // Secrets come as credentials.
    ("LoadCredential", &["clavis:/etc/clavis/credentials"]),
    // Keys in memory stay there.
    ("LimitMEMLOCK", &["infinity"]),
    ("MemorySwapMax", &["0"]),
    ("LimitCORE", &["0"]),
    // It can gain nothing, and runs nothing that it has written.
    ("CapabilityBoundingSet", &[""]),
    ("AmbientCapabilities", &[""]),
    ("NoNewPrivileges", &["yes"]),
    ("MemoryDenyWriteExecute", &["yes"]),
    ("NoExecPaths", &["%S/clavis %L/clavis"]),
    // It sees of others what it needs.
    ("ProtectSystem", &["strict"]),
    ("InaccessiblePaths", &["-/run/dbus"]),
    (
        "SystemCallFilter",
        &[
            "@system-service",
            "~@privileged @resources",
            "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
        ],
    ),
];

#[test]
fn the_unit_keeps_what_secrets_depend_on() {
    let text = fs::read_to_string(UNIT).expect("the unit");
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    for (setting, expected) in KEPT {
        let said = lines.iter().filter(|(name, _)| *name == setting);
        let said: Vec<_> = said.map(|(_, value)| *value).collect();
        assert_eq!(said, expected, "{setting}");
    }
    // Nothing opens again what is shut, and no secret is passed on where others can read it.
    for (name, value) in lines {
        let opens = [
            "ReadWritePaths",
            "ExecPaths",
            "BindPaths",
            "Environment",
            "EnvironmentFile",
        ];
        assert!(!opens.contains(&name), "{name}={value}");
    }
}

/// An installation that signs in at the mail server with a credential, and the folder of it.
fn with_credential() -> (Installation, tempfile::TempDir) {
    let clavis = Installation::new(&Kind::MailServer);
    let credentials = tempfile::tempdir().expect("a folder");
    let password = clavis.path().join("smtp.password");
    clavis.change(&password.display().to_string(), "credential:smtp.password");
    // As systemd names the files of a folder that the unit loads whole.
    let passed_on = credentials.path().join("clavis_smtp.password");
    fs::rename(password, passed_on).expect("in its place");
    (clavis, credentials)
}

#[test]
fn a_password_may_be_a_credential() {
    let (clavis, credentials) = with_credential();
    let checked = clavis
        .command(&["check"])
        .env("CREDENTIALS_DIRECTORY", credentials.path())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{text}");
    let mut command = clavis.command(&["serve"]);
    command.env("CREDENTIALS_DIRECTORY", credentials.path());
    let daemon = Daemon::start_command(command, "info");
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    assert_eq!(redeem(&link).status, 200);
}

#[test]
fn a_credential_that_nobody_passed_on_is_told_with_what_to_do() {
    let (clavis, credentials) = with_credential();
    let said = |command: &mut Command| {
        let output = command.env_remove("CLAVIS_LOG").output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let by_hand = said(
        clavis
            .command(&["check"])
            .env_remove("CREDENTIALS_DIRECTORY"),
    );
    assert!(
        by_hand.contains("CREDENTIALS_DIRECTORY is not set"),
        "{by_hand}"
    );
    fs::remove_file(credentials.path().join("clavis_smtp.password")).expect("it was there");
    let missing = said(
        clavis
            .command(&["check"])
            .env("CREDENTIALS_DIRECTORY", credentials.path()),
    );
    assert!(missing.contains("has none of this name"), "{missing}");
}

#[test]
fn systemd_hears_of_the_start_and_that_work_goes_on() {
    let clavis = Installation::new(&Kind::Files);
    let socket = clavis.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).expect("a socket");
    let patience = Some(Duration::from_mins(1));
    systemd.set_read_timeout(patience).expect("a time limit");
    let mut command = clavis.command(&["serve"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000")
        .env_remove("WATCHDOG_PID");
    let _daemon = Daemon::start_command(command, "info");
    let mut heard = [0; 256];
    for expected in ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"] {
        let length = systemd.recv(&mut heard).expect("a word in time");
        let said = String::from_utf8_lossy(&heard[..length]);
        assert_eq!(said.trim(), expected);
    }
}

#[test]
fn what_a_command_makes_belongs_to_whom_the_folder_belongs_to() {
    let clavis = Installation::new(&Kind::Files);
    let folder = fs::metadata(clavis.path()).expect("a folder");
    // Root runs the commands of a daemon that has an account of its own.
    let owner = if folder.uid() == 0 {
        65_534
    } else {
        folder.uid()
    };
    chown(clavis.path(), Some(owner), None).expect("it is ours");
    // The check makes the database, where it is run before the daemon has ever run.
    let checked = clavis.run(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let database = fs::metadata(clavis.path().join("clavis.db")).expect("it is there");
    assert_eq!((database.uid(), database.mode() & 0o777), (owner, 0o600));
}
