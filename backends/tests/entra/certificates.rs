//! Keys and certificates for tests, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use clavis_config::settings::EntraCredential;
use secrecy::SecretString;
use tempfile::TempDir;

/// A folder with keys and certificates.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the folder.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Makes `NAME.key`, of RSA.
    pub(crate) fn key(&self, name: &str) {
        let bits = "rsa_keygen_bits:2048";
        let out = self.path(&format!("{name}.key"));
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", bits], &out);
    }

    /// Makes `NAME.key`, of an elliptic curve.
    pub(crate) fn curve_key(&self, name: &str) {
        let curve = "ec_paramgen_curve:P-256";
        let out = self.path(&format!("{name}.key"));
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", curve], &out);
    }

    /// Makes `NAME.pem`, a certificate for the key `KEY.key`; each is another one.
    pub(crate) fn certificate(&self, name: &str, key: &str) {
        let key = self.path(&format!("{key}.key")).display().to_string();
        let out = self.path(&format!("{name}.pem"));
        let subject = format!("/CN=Clavis test {name}");
        openssl(
            &[
                "req", "-x509", "-new", "-key", &key, "-days", "2", "-subj", &subject,
            ],
            &out,
        );
    }

    /// The credential of the certificate `NAME.pem` with the key `KEY.key`.
    pub(crate) fn credential(&self, name: &str, key: &str) -> EntraCredential {
        EntraCredential::Certificate {
            certificate: self.path(&format!("{name}.pem")),
            private_key: SecretString::from(self.text(&format!("{key}.key"))),
        }
    }
}

fn openssl(arguments: &[&str], out: &Path) {
    let output = Command::new("openssl")
        .args(arguments)
        .arg("-out")
        .arg(out)
        .output()
        .expect("openssl runs; tests/run installs it");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
}
