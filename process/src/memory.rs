//! What others can have of the process's memory: by a debugger, in a core dump, from swap, or by a
//! program that it starts.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities, set_no_new_privs};

/// Why memory is not locked.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// The limit would be reached some day, and every allocation after that fail.
    #[error("only {0} bytes may be locked")]
    Limited(u64),
    /// The kernel refused.
    #[error(transparent)]
    Refused(#[from] io::Error),
}

/// Lets no other process of the same user read this one's memory or trace it, and has the kernel
/// write no core dump of it, to a pipe neither (`PR_SET_DUMPABLE` in prctl(2), core(5)).
pub fn forbid_reading() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Sets the largest size of a core file to nothing, for programs that this process starts as well.
pub fn forbid_core_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Core, none)?)
}

/// Lets this thread, and all that it makes, gain no privileges by starting a program
/// (`PR_SET_NO_NEW_PRIVS` in prctl(2)).
pub fn forbid_new_privileges() -> io::Result<()> {
    Ok(set_no_new_privs(true)?)
}

/// Keeps all memory out of swap, what is allocated later as soon as it is used (mlockall(2)).
///
/// # Errors
/// [`NotLocked::Limited`] where the kernel would lock some of it and refuse the rest later: what
/// is only set aside, such as the stacks of threads, counts in whole against the limit.
pub fn lock_memory() -> Result<(), NotLocked> {
    let limit = getrlimit(Resource::Memlock).current;
    let is_exempt =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    if let Some(limit) = limit.filter(|_| !is_exempt) {
        return Err(NotLocked::Limited(limit));
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    mlockall(all).map_err(|error| NotLocked::Refused(error.into()))
}

/// Takes [`lock_memory`] back.
pub fn unlock_memory() -> io::Result<()> {
    Ok(munlockall()?)
}
