//! The front door against clients that mean no good, and those that are merely slow: each ends its
//! own connection, and the service answers everybody else.

mod bodies;
mod floods;
mod many;
mod oversized;
mod slow;
mod stalled;
pub(crate) mod tls;
pub(crate) mod wire;

use std::time::{Duration, Instant};

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

/// How long the connection of a key page may be there after the key was read: a second and a half, and
/// what a busy machine may add. Whatever else ends connections takes longer.
const LAST: Duration = Duration::from_millis(11_500);

/// Waits until nobody is connected any more, which has to be soon after this moment.
pub(crate) fn is_rid_of_key_pages(daemon: &Daemon, since: Instant) {
    until("the daemon is rid of the connections of key pages", || {
        (daemon.connections() == 0).then_some(())
    });
    ends_in_time(since);
}

/// A key was read at this moment, and what it was shown on has ended by now.
fn ends_in_time(since: Instant) {
    let took = since.elapsed();
    assert!(took < LAST, "the connection of a key page lasted {took:?}");
}

/// The address that it listens on: `host:port`.
fn address(daemon: &Daemon) -> &str {
    daemon.url.trim_start_matches("http://")
}
