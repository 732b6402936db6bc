//! What the process is kept to: the real daemon, looked at from outside, and by a program that it
//! starts and that tries.
//!
//! What the kernel of this machine does not offer, the daemon says in its log, and nobody can see
//! here; all else has to hold.
#![allow(
    clippy::print_stdout,
    reason = "a test tells what it cannot look at on this machine"
)]

mod service;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud::tenant;
use crate::domain::DIGITS;
use crate::harness::{Cloud, Daemon, Installation, Kind, key_link, redeem, until};

const MARTIN: &str = "martin.vogt@example.com";

/// All of it is required, but for the limit that a user's shell may not have.
const REQUIRED: &str = "\n[hardening]\nmode = \"require\"\nwithout = [\"locked_memory\"]\n";

const KEY: &str = "000011-000022-720885-123453-000000-700007-111111-222222";

/// What the daemon says of its hardening.
fn report(daemon: &Daemon) -> Value {
    let log = daemon.log();
    let mut lines = log.lines().filter(|line| line.contains("hardening.files"));
    let line = lines.next().expect("a line about the hardening");
    serde_json::from_str(line).expect("JSON")
}

/// Whether this machine's kernel offers something; says so where it does not.
fn is_offered(report: &Value, measure: &str) -> bool {
    let is_offered = report[measure] != "not offered";
    if !is_offered {
        println!("This kernel does not offer what {measure} needs: that is not looked at.");
    }
    is_offered
}

/// Requires all that this kernel offers, and says which of it that is.
fn require_what_is_offered(clavis: &Installation) -> Value {
    let daemon = clavis.start();
    let report = report(&daemon);
    drop(daemon);
    let measures = ["files", "ports", "system_calls"].into_iter();
    let missing = measures.filter(|it| !is_offered(&report, &format!("hardening.{it}")));
    let without: Vec<_> = missing.chain(["locked_memory"]).collect();
    append(
        clavis,
        &REQUIRED.replace("[\"locked_memory\"]", &format!("{without:?}")),
    );
    report
}

fn append(clavis: &Installation, text: &str) {
    let before = fs::read_to_string(clavis.config()).expect("the configuration");
    fs::write(clavis.config(), before + text).expect("the configuration");
}

/// A field of `/proc/PID/status`, or of one of its threads.
fn status(of: &Path, field: &str) -> String {
    let text = fs::read_to_string(of.join("status")).expect("it runs");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(field));
    lines.next().expect("the field").trim().to_owned()
}

#[test]
fn every_thread_is_confined_and_nothing_is_dumped() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0042", MARTIN);
    assert_eq!(redeem(&link).status, 200);

    let process = daemon.process();
    let threads: Vec<_> = fs::read_dir(process.join("task"))
        .expect("it runs")
        .map(|thread| thread.expect("a thread").path())
        .collect();
    assert!(threads.len() > 2, "{threads:?}");
    let report = report(&daemon);
    for thread in threads {
        assert_eq!(status(&thread, "NoNewPrivs:"), "1");
        if is_offered(&report, "hardening.system_calls") {
            assert_eq!(status(&thread, "Seccomp:"), "2");
        }
    }
    let limits = fs::read_to_string(process.join("limits")).expect("it runs");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<_> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"]);
    for always in ["unreadable_memory", "no_core_dumps", "no_new_privileges"] {
        assert_eq!(report[format!("hardening.{always}")], "done");
    }
    let is_locked = report["hardening.locked_memory"] == "done";
    let locked = status(&process, "VmLck:");
    assert_eq!(is_locked, locked != "0 kB", "{locked}");
}

#[test]
fn another_process_of_the_same_user_does_not_read_its_memory() {
    let clavis = Installation::new(&Kind::Files);
    let mut command = peer(env!("CARGO_BIN_EXE_clavis"));
    command.arg("serve").arg("--config").arg(clavis.config());
    let daemon = Daemon::start_command(command, "info");
    // The same attempt at a process that is not hardened.
    let mut sleeping = peer("sleep").arg("600").spawn().expect("it starts");
    let process = format!("/proc/{}", sleeping.id());
    until("it sleeps", || {
        let name = fs::read_to_string(format!("{process}/comm")).ok()?;
        (name == "sleep\n").then_some(())
    });
    let control = opens(&format!("{process}/maps"));
    stop(&mut sleeping);
    assert!(control, "nobody may look at anybody here");
    for part in ["mem", "maps", "environ", "auxv"] {
        let part = daemon.process().join(part);
        assert!(!opens(&part.display().to_string()), "{}", part.display());
    }
}

/// A program of this user's without root's privileges.
fn peer(program: &str) -> Command {
    use std::os::unix::fs::MetadataExt;
    let own = fs::metadata("/proc/self").expect("a process");
    if own.uid() != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", program]);
    command
}

/// Whether such a program opens a file.
fn opens(path: &str) -> bool {
    let tried = peer("dd")
        .args([&format!("if={path}"), "of=/dev/null", "count=0"])
        .output();
    tried.expect("it starts").status.success()
}

fn stop(child: &mut Child) {
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn journeys_go_their_way_where_all_of_it_is_required() {
    let domain = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    let cloud = Installation::new(&Kind::Cloud(Cloud::with(tenant())));
    let stories = [
        (domain, "LT-0001", "bert.boss"),
        (cloud, "LT-0042", "bert.boss"),
    ];
    for (clavis, asset, approver) in stories {
        require_what_is_offered(&clavis);
        let daemon = clavis.start();
        let (_, link) = key_link(&clavis, &daemon, asset, approver);
        let page = redeem(&link);
        assert_eq!(page.status, 200, "{}", page.html);
        assert!(!page.texts(DIGITS).is_empty());
    }
}

/// An installation whose keys come from `tries.py`, which knows these.
struct Tries {
    clavis: Installation,
    told: PathBuf,
    /// What is named, and what is not: elsewhere than the installation, which is named itself.
    _folders: [TempDir; 2],
    /// The port that is named, and another.
    _listening: [TcpListener; 2],
}

fn tries(reach: impl Fn(&Path, u16) -> String) -> Tries {
    let clavis = Installation::new(&Kind::Files);
    let folders = [(); 2].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "x").expect("a file");
        folder
    });
    let [named, other] = [&folders[0], &folders[1]].map(TempDir::path);
    let listening = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let ports = [&listening[0], &listening[1]].map(|it| it.local_addr().expect("bound").port());
    let told = named.join("told.json");
    let wanted = json!({
        "named_file": named.join("file"),
        "other_file": other.join("file"),
        "named_port": ports[0],
        "other_port": ports[1],
        "told": told,
    });
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/system/hardening/tries.py"
    );
    let section = format!(
        "kind = \"command\"\nprogram = \"/usr/bin/python3\"\narguments = [\"-I\", \"{source}\", '''{wanted}''']\n{}",
        reach(named, ports[0]),
    );
    clavis.change("kind = \"file\"\npath = \"escrow.toml\"\n", &section);
    Tries {
        clavis,
        told,
        _folders: folders,
        _listening: listening,
    }
}

#[test]
fn a_program_reaches_what_its_section_names_and_nothing_else() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/hardening");
    let tries = tries(|named, port| {
        format!(
            "may_read = [\"{source}\"]\nmay_write = [\"{}\"]\nmay_connect_to = [{port}]\n",
            named.display()
        )
    });
    let offered = require_what_is_offered(&tries.clavis);
    let mut command = peer(env!("CARGO_BIN_EXE_clavis"));
    command
        .arg("serve")
        .arg("--config")
        .arg(tries.clavis.config());
    let daemon = Daemon::start_command(command, "info");
    let (_, link) = key_link(&tries.clavis, &daemon, "LT-0042", MARTIN);
    let page = redeem(&link);
    assert_eq!(page.texts(DIGITS), [KEY]);

    let told = fs::read_to_string(&tries.told).expect("it has told");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let refused = "PermissionError";
    assert_eq!(told["read memory of the daemon"], refused);
    for (deed, outcome, measure) in [
        ("read a file that is named", "done", "files"),
        ("read another file", refused, "files"),
        ("write another file", refused, "files"),
        ("connect to a port that is named", "done", "ports"),
        ("connect to another port", refused, "ports"),
        ("connect to it on many paths", refused, "system_calls"),
        ("connect to it by sending", refused, "system_calls"),
        ("trace the daemon", refused, "system_calls"),
        ("enter another namespace", refused, "system_calls"),
        (
            "make a process in another namespace",
            refused,
            "system_calls",
        ),
        ("start a program", "done", "system_calls"),
    ] {
        if is_offered(&offered, &format!("hardening.{measure}")) {
            assert_eq!(told[deed], outcome, "{deed}");
        }
    }
}

#[test]
fn nothing_is_guessed_of_a_program_that_nobody_describes() {
    let tries = tries(|_, _| String::new());
    let daemon = tries.clavis.start();
    let report = report(&daemon);
    assert_eq!(report["level"], "WARN");
    for measure in ["files", "ports"] {
        let told = &report[format!("hardening.{measure}")];
        assert_eq!(told, "not told what a program reaches");
    }
    let (_, link) = key_link(&tries.clavis, &daemon, "LT-0042", MARTIN);
    assert_eq!(redeem(&link).texts(DIGITS), [KEY]);
    let told = fs::read_to_string(&tries.told).expect("it has told");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["read another file"], "done");
    if is_offered(&report, "hardening.system_calls") {
        assert_eq!(told["trace the daemon"], "PermissionError");
    }
    drop(daemon);

    append(&tries.clavis, REQUIRED);
    let output = tries.clavis.run(&["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`may_read`"), "{said}");
}

#[test]
fn what_is_left_out_is_not_done_and_switched_off_is_nothing_but_the_beginning() {
    for (setting, left_out) in [
        (
            "without = [\"files\", \"system_calls\"]",
            &["files", "system_calls"][..],
        ),
        (
            "mode = \"off\"",
            &["files", "ports", "system_calls", "locked_memory"][..],
        ),
    ] {
        let clavis = Installation::new(&Kind::Files);
        append(&clavis, &format!("\n[hardening]\n{setting}\n"));
        let daemon = clavis.start();
        let report = report(&daemon);
        for measure in ["files", "ports", "system_calls", "locked_memory"] {
            let told = &report[format!("hardening.{measure}")];
            assert_eq!(told == "left out", left_out.contains(&measure), "{measure}");
        }
        assert_eq!(status(&daemon.process(), "Seccomp:"), "0");
        assert_eq!(status(&daemon.process(), "NoNewPrivs:"), "1");
        let memory = File::open(daemon.process().join("mem"));
        let is_root = memory.is_ok();
        assert!(is_root || memory.is_err_and(|it| it.kind() == ErrorKind::PermissionDenied));
    }
}
