//! What others can have of the process's memory: by a debugger, in a core dump, from swap, or by a
//! program that it starts.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{CapabilitySet, capabilities, set_no_new_privs};

use crate::machine;

/// Whether memory is locked. The kernel keeps it for the process, and tells it in `/proc` alone.
static IS_LOCKED: AtomicBool = AtomicBool::new(false);
/// Whether it is to be, since [`lock_memory`] could do so.
static IS_TO_BE_LOCKED: AtomicBool = AtomicBool::new(false);

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
    lock()?;
    IS_TO_BE_LOCKED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Locks memory that [`lock_memory`] has locked and that is so no longer, as [`give_memory_back`] may
/// leave it. Where it is as it should be, nothing happens.
///
/// # Errors
/// What the kernel refused.
pub fn lock_memory_again() -> io::Result<()> {
    let is_as_it_should_be =
        IS_LOCKED.load(Ordering::Relaxed) || !IS_TO_BE_LOCKED.load(Ordering::Relaxed);
    if is_as_it_should_be { Ok(()) } else { lock() }
}

/// Takes [`lock_memory`] back.
pub fn unlock_memory() -> io::Result<()> {
    IS_TO_BE_LOCKED.store(false, Ordering::Relaxed);
    IS_LOCKED.store(false, Ordering::Relaxed);
    Ok(munlockall()?)
}

/// Has the C library keep one heap for all threads, for a process that has one thread as yet.
///
/// [`give_memory_back`] reaches all of it: what is free at the end of those that glibc makes for other
/// threads stays with the process.
pub fn keep_one_heap() {
    machine::keep_one_heap();
}

/// Gives memory that was freed back to the kernel, where the C library keeps it for later.
///
/// The kernel takes no page back that is locked (`MADV_DONTNEED` in madvise(2)), so memory is unlocked
/// for as long as this takes, some tenths of a second at most. Of other C libraries than glibc nothing
/// can be asked, and nothing is unlocked for them.
///
/// # Errors
/// What the kernel refused. Memory that was locked may be so no longer: [`lock_memory_again`].
pub fn give_memory_back() -> io::Result<()> {
    if !machine::CAN_TRIM {
        return Ok(());
    }
    if IS_LOCKED.load(Ordering::Relaxed) {
        munlockall()?;
        machine::trim_heap();
        lock()
    } else {
        machine::trim_heap();
        Ok(())
    }
}

fn lock() -> io::Result<()> {
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let locked = mlockall(all);
    IS_LOCKED.store(locked.is_ok(), Ordering::Relaxed);
    Ok(locked?)
}
