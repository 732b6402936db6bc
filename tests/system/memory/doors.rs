//! The two doors of an installation: a daemon that speaks plain HTTP, and one on the same store that
//! speaks TLS.

use std::fs;
use std::time::{Duration, Instant};

use super::clients::Door;
use crate::door::is_rid_of_key_pages;
use crate::door::tls::make_pair;
use crate::harness::{Daemon, Installation, free_port, until};

/// Two seconds after its redemption a key is gone. The daemon waits for a client that takes nothing for a
/// second and a half of that.
const REST: Duration = Duration::from_millis(500);

/// A daemon, and the way to it.
pub(super) struct Watched {
    pub(super) daemon: Daemon,
    pub(super) door: Door,
}

impl Watched {
    /// Starts a daemon that speaks plain HTTP.
    pub(super) fn plain(clavis: &Installation) -> Self {
        Self::new(clavis.start(), false)
    }

    /// Starts one more that speaks TLS.
    pub(super) fn tls(clavis: &Installation) -> Self {
        make_pair(clavis.path(), "tls", "IP:127.0.0.1");
        let url = clavis.url();
        let address = address_of(&url);
        let other = format!("127.0.0.1:{}", free_port());
        let public_url = format!("public_url = \"{url}\"");
        let with_pair = format!(
            "public_url = \"https://{other}\"\ncertificate_file = \"tls.pem\"\n\
             private_key_file = \"tls.key\""
        );
        let text = fs::read_to_string(clavis.config()).expect("the configuration");
        let text = text
            .replace(&public_url, &with_pair)
            .replace(address, &other);
        let config = clavis.path().join("tls.toml");
        fs::write(&config, text).expect("a configuration");
        Self::new(Daemon::start(&config), true)
    }

    fn new(daemon: Daemon, speaks_tls: bool) -> Self {
        let address = address_of(&daemon.url).to_owned();
        Self {
            daemon,
            door: Door {
                address,
                speaks_tls,
            },
        }
    }

    /// Waits until nothing is under way at the door, which has to be soon after the last redemption, and
    /// then for as long as a key may still be somewhere.
    pub(super) fn wait_for_the_promise(&self, since: Instant) {
        is_rid_of_key_pages(&self.daemon, since);
        let begun = Instant::now();
        until("the promised time", || {
            (begun.elapsed() >= REST).then_some(())
        });
    }
}

fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://")
}
