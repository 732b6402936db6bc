//! The memory of another process while it stands still: every mapping, and the registers of every
//! thread.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// What the kernel lends to a process and lets nobody else read.
const KERNELS: [&str; 4] = ["[vvar]", "[vvar_vclock]", "[vsyscall]", "[uprobes]"];

const PAGE: usize = 4096;

/// A process that has been stopped, and goes on when this is dropped.
pub(super) struct Stopped {
    pid: u32,
    memory: File,
    pages: File,
}

/// Memory that lies in one piece.
pub(super) struct Stretch {
    /// The address that it begins at, and what is mapped there.
    pub(super) place: String,
    pub(super) bytes: Vec<u8>,
}

impl Stopped {
    /// Stops a process.
    pub(super) fn stop(pid: u32) -> Self {
        signal(pid, "STOP");
        let open = |name: &str| {
            File::open(format!("/proc/{pid}/{name}")).unwrap_or_else(|error| {
                signal(pid, "CONT");
                panic!("the memory of the daemon cannot be read: {error}; run the tests as root")
            })
        };
        Self {
            memory: open("mem"),
            pages: open("pagemap"),
            pid,
        }
    }

    /// All memory that it has, wherever that is mapped and whatever may be done with it there.
    /// Pages that it has never touched are left out: there is nothing of it in them.
    pub(super) fn memory(&self) -> Vec<Stretch> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).expect("its mappings");
        let mut stretches = Vec::new();
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let addresses = fields.next().expect("addresses");
            let name = fields.nth(4).unwrap_or("anonymous");
            if KERNELS.contains(&name) {
                continue;
            }
            let (from, to) = addresses.split_once('-').expect("from and to");
            let [from, to] = [from, to].map(|it| usize::from_str_radix(it, 16).expect("hex"));
            for touched in self.touched(from..to) {
                let mut bytes = vec![0; touched.len()];
                let read = self.memory.read_exact_at(&mut bytes, touched.start as u64);
                read.unwrap_or_else(|error| panic!("{line} cannot be read: {error}"));
                let place = format!("{:#x} ({name})", touched.start);
                stretches.push(Stretch { place, bytes });
            }
        }
        stretches
    }

    /// What is in the general and the vector registers of all threads. `planted`, 16 characters, is put into a vector
    /// register of one of them for as long as they are read.
    pub(super) fn registers(&self, planted: Option<&str>) -> Vec<u8> {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/memory/registers.py");
        let mut command = Command::new("python3");
        command.arg("-I").arg(program).arg(self.pid.to_string());
        command.args(planted);
        let output = command.output().expect("python3 runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the registers cannot be read: {said}"
        );
        output.stdout
    }

    /// The parts of this range that are there, in memory or swapped out: bits 63 and 62 of
    /// /proc/PID/pagemap (the kernel's admin-guide/mm/pagemap.rst).
    fn touched(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut entries = vec![0; range.len() / PAGE * 8];
        let at = (range.start / PAGE * 8) as u64;
        self.pages
            .read_exact_at(&mut entries, at)
            .expect("a page map");
        let mut parts: Vec<Range<usize>> = Vec::new();
        for (number, entry) in entries.chunks_exact(8).enumerate() {
            if entry[7] >> 6 == 0 {
                continue;
            }
            let page = range.start + number * PAGE;
            match parts.last_mut() {
                Some(part) if part.end == page => part.end += PAGE,
                _ => parts.push(page..page + PAGE),
            }
        }
        parts
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.pid, "CONT");
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(sent.expect("kill runs").success(), "the daemon is gone");
}
