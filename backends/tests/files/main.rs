//! The backends that need no server: files, and programs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod command;
mod skeleton;
mod toml;
