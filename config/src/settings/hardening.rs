//! What the process is kept to.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// What the process is kept to, beside what holds for every process of Clavis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardening {
    /// What happens where something cannot be done.
    pub mode: HardeningMode,
    /// What is not even tried.
    pub without: BTreeSet<Measure>,
    /// Files and folders to read beside those that other settings name.
    pub read: Vec<PathBuf>,
    /// TCP ports to connect to beside those that other settings name.
    pub connect: Vec<u16>,
}

/// What can be done to a process, and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Its memory is kept out of swap.
    LockedMemory,
    /// It reaches no files but those that it needs.
    Files,
    /// It reaches no TCP ports but those that it needs.
    Ports,
    /// It makes no system calls but those that it needs.
    SystemCalls,
}

/// What happens where something cannot be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HardeningMode {
    /// The log says so, and the daemon starts.
    #[default]
    Try,
    /// The daemon does not start.
    Require,
    /// Nothing is tried.
    Off,
}
