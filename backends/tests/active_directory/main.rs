//! The Active Directory backends against a real Samba domain controller.
//!
//! `tests/domain-controller/start DIR 127.0.0.x` starts one; `CLAVIS_TEST_DC` names its DIR.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod connecting;
mod contract;
mod controller;
mod escrow;
mod name_server;
mod people;
mod proxy;
mod rights;
