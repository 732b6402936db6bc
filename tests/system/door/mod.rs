//! The front door against clients that mean no good, and those that are merely slow: each ends its
//! own connection, and the service answers everybody else.

mod floods;
mod many;
mod oversized;
mod slow;
mod stalled;
pub(crate) mod tls;
pub(crate) mod wire;

use crate::client::Browser;
use crate::harness::{Daemon, until};

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

/// The address that it listens on: `host:port`.
fn address(daemon: &Daemon) -> &str {
    daemon.url.trim_start_matches("http://")
}
