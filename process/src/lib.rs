//! The process that holds keys: what it is kept to, and what others can have of it.
//!
//! Each function asks the kernel for one thing and gives what came of it; what a refusal means is
//! the caller's to decide. Nothing here knows of keys or of the rest of Clavis.

mod memory;
mod scrub;

pub use memory::{
    NotLocked, forbid_core_dumps, forbid_new_privileges, forbid_reading, lock_memory, unlock_memory,
};
pub use scrub::scrub;
