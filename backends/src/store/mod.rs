//! Where requests, links, sessions, jobs and the audit log are kept: implementations of `Store`.

mod sqlite;

pub use sqlite::SqliteStore;
