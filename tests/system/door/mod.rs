//! The front door against clients that mean no good, and those that are merely slow: each ends its
//! own connection, and the service answers everybody else.

mod bodies;
mod floods;
mod many;
mod oversized;
mod slow;
mod stalled;
pub(crate) mod stopwatch;
pub(crate) mod tls;
pub(crate) mod wire;

use std::time::Duration;

use crate::client::Browser;
use crate::harness::{Daemon, until};
use stopwatch::Stopwatch;

/// Whether it answers others.
fn answers(daemon: &Daemon) {
    let browser = Browser::new(&daemon.url);
    for path in ["/healthz", "/readyz", "/sign-in"] {
        let page = browser.open(path).expect("an answer");
        assert_eq!(page.status, 200, "{path}");
    }
}

/// What a daemon may hold more than before once its clients have gone: a page that it shows for the
/// first time, a worker's first buffers.
const ROOM_KIB: f64 = 16.0 * 1024.0;

/// Waits until its memory is back where it was.
fn forgets(daemon: &Daemon, before: f64) {
    until(&format!("memory is back at {before} KiB"), || {
        let is_back = daemon.resident_kib() < before + ROOM_KIB;
        is_back.then_some(())
    });
}

/// So long after its redemption a key is gone, and with it the connection that it was shown on, to which
/// the daemon gives three quarters of that.
pub(crate) const PROMISED: Duration = Duration::from_secs(2);

/// What a key was shown on has ended by now, in time.
fn ended_in_time(since_shown: &Stopwatch) {
    let took = since_shown.elapsed();
    assert!(
        took < PROMISED,
        "the connection of a key page lasted {took:?}"
    );
}

/// The address that it listens on: `host:port`.
fn address(daemon: &Daemon) -> &str {
    daemon.url.trim_start_matches("http://")
}
