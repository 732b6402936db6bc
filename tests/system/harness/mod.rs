//! What the stories stand on: an installation in a folder of its own, its daemon, its mails, and
//! the people who use it.

mod clock;
pub(crate) mod cloud;
mod daemon;
mod expected;
mod halo;
mod installation;
mod mails;
mod people;
mod proxy;
mod record;

pub(crate) use clock::Clock;
pub(crate) use cloud::Cloud;
pub(crate) use daemon::Daemon;
pub(crate) use expected::Expected;
#[allow(unused_imports, reason = "not for the benchmark")]
pub(crate) use halo::Halo;
pub(crate) use installation::{Installation, Kind, private, server_folder};
#[allow(
    unused_imports,
    reason = "not for the benchmark, which shares these files"
)]
pub(crate) use installation::{domain_escrow, free_port};
pub(crate) use mails::{Letter, Mails};
pub(crate) use people::{
    ask, decide, fill_in, key_link, redeem, reference_of, sign_in, sign_in_at, split, withdraw,
};
pub(crate) use proxy::Proxy;

use std::time::{Duration, Instant};

/// Waits for something that another process does. Fails with `what` after a minute.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "waited in vain: {what}"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
