//! The figures of Clavis, measured in one run: `cargo bench --bench figures`.
//!
//! Start-up time and resident memory; complete journeys a second with durable commits, at 32
//! clients; and, where `CLAVIS_TEST_DC` names a domain controller's folder (see
//! `tests/domain-controller/start`), the latency of a redemption beside a bare `ldapsearch`; where
//! `CLAVIS_TEST_ENTRA` names that of a double of Entra ID (see `tests/entra/start`), the latency of
//! one through Graph beside the same two calls made bare, and many look-ups at once; where
//! `CLAVIS_STOCK_BINARY` names a binary with the feature `stock-memory`, what wiping memory costs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../src/demo/client.rs"]
#[allow(dead_code, reason = "shared with the system tests")]
mod client;
#[path = "../tests/system/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the system tests")]
mod harness;

mod figures {
    pub(crate) mod cloud;
    pub(crate) mod journeys;
    pub(crate) mod redemption;
    pub(crate) mod start;
    pub(crate) mod wiping;
}

use std::time::Duration;

fn main() {
    figures::start::measure();
    figures::journeys::measure();
    figures::redemption::measure();
    figures::cloud::measure();
    figures::wiping::measure();
}

/// The median and the extremes, in milliseconds.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    format!(
        "median {:.1} ms (5 % {:.1}, 95 % {:.1}, n = {})",
        at(50),
        at(5),
        at(95),
        times.len()
    )
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
