//! The two doors of an installation: a daemon that speaks plain HTTP, and one on the same store that
//! speaks TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::clients::Door;
use super::process::serves_anybody;
use crate::harness::{Daemon, Installation, free_port, until};

/// Two seconds after its redemption a key is gone. The daemon waits for a client that takes nothing for a
/// second and a half of that.
const REST: Duration = Duration::from_millis(500);

/// A daemon, and the way to it.
pub(super) struct Watched {
    pub(super) daemon: Daemon,
    pub(super) door: Door,
    address: String,
}

impl Watched {
    /// Starts a daemon that speaks plain HTTP.
    pub(super) fn plain(clavis: &Installation) -> Self {
        Self::new(clavis.start(), None)
    }

    /// Starts one more that speaks TLS.
    pub(super) fn tls(clavis: &Installation) -> Self {
        let (certificate, key) = certificate(clavis.path());
        let text = fs::read_to_string(clavis.config()).expect("the configuration");
        let url = clavis.url();
        let other = format!("http://127.0.0.1:{}", free_port());
        let tls = format!(
            "certificate_file = \"{}\"\nprivate_key_file = \"{}\"\n[organisation]",
            certificate.display(),
            key.display()
        );
        let text = text
            .replace(&url, &other.replace("http:", "https:"))
            .replace(address_of(&url), address_of(&other))
            .replace("[organisation]", &tls);
        let config = clavis.path().join("tls.toml");
        fs::write(&config, text).expect("a configuration");
        Self::new(Daemon::start(&config), Some(&certificate))
    }

    fn new(daemon: Daemon, certificate: Option<&Path>) -> Self {
        let address = address_of(&daemon.url).to_owned();
        Self {
            door: Door::new(&address, certificate),
            daemon,
            address,
        }
    }

    /// Waits until nothing is under way at the door, and then for as long as a key may still be
    /// somewhere.
    pub(super) fn wait_for_the_promise(&self) {
        let port = self.address.rsplit(':').next().expect("a port");
        let port = port.parse().expect("a number");
        until("the end of all connections", || {
            let serves = serves_anybody(self.daemon.pid(), port).expect("its connections");
            (!serves).then_some(())
        });
        let begun = Instant::now();
        until("the promised time", || {
            (begun.elapsed() >= REST).then_some(())
        });
    }
}

fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// A certificate for 127.0.0.1 and its key.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("door.pem"), folder.join("door.key"));
    let kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30";
    let made = Command::new("openssl")
        .args(kind.split(' '))
        .args(["-subj", "/CN=Clavis test door"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("closed to others");
    (certificate, key)
}
