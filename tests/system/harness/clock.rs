//! A clock of a daemon's own, which a test puts forward, and back.
//!
//! libfaketime is loaded into the process and adds to the time that it is told; what it adds stands in
//! a file, which it reads each time. Timers go by the machine's monotonic clock, which is left alone:
//! nothing that the daemon waits for comes sooner.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A clock that goes as this machine's does, so many minutes ahead.
pub(crate) struct Clock {
    folder: tempfile::TempDir,
    ahead: Cell<u32>,
}

impl Clock {
    /// One that shows the time.
    pub(crate) fn new() -> Self {
        let clock = Self {
            folder: tempfile::tempdir().expect("a folder"),
            ahead: Cell::new(0),
        };
        clock.advance_minutes(0);
        clock
    }

    /// Puts it forward by so many hours.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn advance(&self, hours: u32) {
        self.advance_minutes(hours * 60);
    }

    /// Puts it forward by so many minutes.
    pub(crate) fn advance_minutes(&self, minutes: u32) {
        self.set_ahead(self.ahead.get() + minutes);
    }

    /// Sets it back to the time.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn set_right(&self) {
        self.set_ahead(0);
    }

    fn set_ahead(&self, minutes: u32) {
        self.ahead.set(minutes);
        // Whoever reads it meanwhile finds the one text or the other, and never half of one.
        let (new, file) = (self.folder.path().join("new"), self.file());
        fs::write(&new, format!("+{}m", self.ahead.get())).expect("written");
        fs::rename(new, file).expect("in its place");
    }

    /// Has the daemon of a configuration go by it, and read the file that says how.
    pub(super) fn set_for(&self, command: &mut Command, config: &Path) {
        let folder = self.folder.path().display();
        let text = fs::read_to_string(config).expect("the configuration");
        let read = format!("\n[hardening]\nread = [\"{folder}\"]\n");
        fs::write(config, text + &read).expect("the configuration");
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }
}

/// Where Debian puts it: below the folder of this machine's kind.
fn library() -> PathBuf {
    let kinds = fs::read_dir("/usr/lib").expect("the libraries");
    let mut places = kinds.filter_map(|kind| {
        let place = kind.ok()?.path().join("faketime/libfaketimeMT.so.1");
        place.exists().then_some(place)
    });
    places.next().unwrap_or_else(|| {
        panic!("libfaketime is missing: run tests/run --install, or install it from its package")
    })
}
