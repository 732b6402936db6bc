//! The process that holds keys: what it is kept to, and what others can have of it.
//!
//! Each function asks the kernel for one thing and gives what came of it; what a refusal means is
//! the caller's to decide. Nothing here knows of keys or of the rest of Clavis.

mod calls;
mod machine;
mod memory;
mod reach;
mod scrub;

pub use calls::{Programs, confine_calls};
pub use memory::{
    NotLocked, forbid_core_dumps, forbid_new_privileges, forbid_reading, give_memory_back,
    keep_one_heap, lock_memory, lock_memory_again, unlock_memory,
};
pub use reach::{Files, Ports, confine_files, confine_ports};
pub use scrub::scrub;

/// Why the process is not confined.
#[derive(Debug, thiserror::Error)]
pub enum Unconfined {
    /// The kernel does not know how, or was told not to.
    #[error("this kernel does not offer it")]
    NotOffered,
    /// The process has other threads, which would go on as they are.
    #[error("other threads are running already")]
    NotAlone,
    /// The kernel refused.
    #[error("the kernel refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Unconfined {
    fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Refused(Box::new(error))
    }
}
