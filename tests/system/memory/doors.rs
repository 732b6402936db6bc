//! The two doors of an installation: a daemon that speaks plain HTTP, and one on the same store that
//! speaks TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::clients::Door;
use crate::door::tls::make_pair;
use crate::harness::{Cloud, Daemon, Installation, free_port};

/// A daemon, and the way to it.
pub(super) struct Watched {
    pub(super) daemon: Daemon,
    pub(super) door: Door,
}

impl Watched {
    /// Starts a daemon that speaks plain HTTP.
    pub(super) fn plain(clavis: &Installation) -> Self {
        Self::start(&clavis.config(), false)
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
        Self::start(&config, true)
    }

    /// The authority of the tenant is trusted as that of a proxy would be which opens TLS; and where this
    /// machine has such a one, it is not asked.
    fn start(config: &Path, speaks_tls: bool) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
        command
            .args(["serve", "--config"])
            .arg(config)
            .env("SSL_CERT_FILE", Cloud::authority())
            .env("NO_PROXY", "127.0.0.1");
        let daemon = Daemon::start_command(command, "info");
        let address = address_of(&daemon.url).to_owned();
        Self {
            daemon,
            door: Door {
                address,
                speaks_tls,
            },
        }
    }
}

fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://")
}
