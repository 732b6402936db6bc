//! Implementations of the ports that keep everything in memory and can be told to fail.
//!
//! Each yields to the runtime before it answers, so that calls made at once do interleave.

mod directory;
mod escrow;
mod hook;
mod identity;
mod mail;
mod notifier;
mod sink;
mod store;
mod tickets;

pub use directory::MemoryDirectory;
pub use escrow::MemoryEscrow;
pub use hook::MemoryHook;
pub use identity::MemoryProvider;
pub use mail::{MailTrouble, MemoryMailer, PlainLetters};
pub use notifier::MemoryNotifier;
pub use sink::MemorySink;
pub use store::MemoryStore;
pub use tickets::MemoryDesk;

use std::sync::{Mutex, MutexGuard};

/// The text that stands in every error of a twin: nothing of it may reach a page.
const INTERNALS: &str = "SECRET-INTERNALS of a twin that was told to fail";

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while a twin is locked")
}

#[cfg(test)]
mod tests;
