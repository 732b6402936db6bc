//! Rows of the log to files and to syslog collectors that go away, stall and die.

#[path = "../../../tests/collector/mod.rs"]
mod collector;
mod file;
mod syslog;
