//! The command backend, over the worked example and over programs that do everything wrong.

mod behaving;
mod example;
mod failing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_backends::escrow::{CommandEscrow, CommandSettings, Variables};
use clavis_broker::devices::{BackendName, DeviceId};
use clavis_broker::testing::{SetClock, sample};
use jiff::SignedDuration;

fn backend() -> BackendName {
    BackendName("inventory".into())
}

fn device(native: &str) -> DeviceId {
    DeviceId {
        backend: backend(),
        native: native.into(),
    }
}

/// Python with this script and these arguments.
fn script(script: &str, arguments: &[&str]) -> CommandSettings {
    let arguments = ["-I", script].into_iter().chain(arguments.iter().copied());
    CommandSettings {
        program: python(),
        arguments: arguments.map(str::to_owned).collect(),
        environment: Variables::default(),
        timeout: SignedDuration::from_secs(15),
        concurrency: 4,
        known_device: None,
        trust_shared_ids: false,
        reach: None,
    }
}

/// The program `programs.py`, which does what its first argument says.
fn program(deed: &str, arguments: &[&str]) -> CommandSettings {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/files/command/programs.py"
    );
    let arguments: Vec<_> = [deed].iter().chain(arguments).copied().collect();
    script(path, &arguments)
}

fn escrow(settings: CommandSettings) -> CommandEscrow {
    let clock = Arc::new(SetClock::at(sample::monday()));
    CommandEscrow::new(backend(), settings, clock)
}

fn python() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A wrapper of it, as there may be in the path, has an environment of its own.
    std::iter::once(PathBuf::from("/usr/bin"))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("python3"))
        .find(|program| program.is_file())
        .expect("these tests need Python: apt-get install python3")
}

/// Asks until it holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it does not come about that {what}");
}

/// The numbers of processes in a file, once it is there and whole.
async fn numbers(file: &Path) -> Vec<u32> {
    let read = || std::fs::read_to_string(file).unwrap_or_default();
    until("processes tell their numbers", || read().ends_with('\n')).await;
    read()
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

/// What is left of a process: its state, by the letter that `ps` shows.
fn state(number: u32) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    status.rsplit_once(") ")?.1.chars().next()
}
