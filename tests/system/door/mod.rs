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
use crate::harness::Daemon;

/// Whether it answers others.
fn answers(daemon: &Daemon) {
    let browser = Browser::new(&daemon.url);
    for path in ["/healthz", "/readyz", "/sign-in"] {
        let page = browser.open(path).expect("an answer");
        assert_eq!(page.status, 200, "{path}");
    }
}

/// The address that it listens on: `host:port`.
fn address(daemon: &Daemon) -> &str {
    daemon.url.trim_start_matches("http://")
}
