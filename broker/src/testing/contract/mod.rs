//! What every implementation of a port does, as suites that the twins and the real
//! implementations run. A broken promise is a panic that names it.

#![expect(
    clippy::unwrap_used,
    reason = "a suite fails as the test does that runs it"
)]

pub mod directory;
pub mod escrow;
pub mod identity;
pub mod sink;
pub mod store;
pub mod tickets;

/// Texts that mean something to query languages, file systems and terminals; no name of anything.
pub const HOSTILE: &[&str] = &[
    "*",
    "L*",
    ")(cn=*",
    "x)(|(objectClass=*",
    r"\2a",
    r"a\0b",
    "' OR '1'='1",
    "%",
    "_",
    "../../etc/passwd",
    "<GUID=x>",
    "CN=x,CN=y",
    "{}",
    "é\u{202e}",
    "00000000-0000-0000-0000-0000000000f7",
];
