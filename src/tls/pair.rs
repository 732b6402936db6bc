//! A certificate and its private key, read from their files and tried together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_config::problems::Wrong;
use clavis_config::settings::CertificateFiles;
use clavis_config::{OnDisk, SecretFiles, read_at_most};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret;
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The longest file of certificates, in bytes. A chain of a few has some thousand.
const LONGEST: u64 = 1024 * 1024;

/// A certificate with its key, and what it says of itself.
pub(crate) struct Pair {
    /// What TLS is spoken with.
    pub(crate) key: Arc<CertifiedKey>,
    /// From when it is valid.
    pub(crate) from: Timestamp,
    /// Until when.
    pub(crate) until: Timestamp,
    /// Whether the file has nothing beside the certificate, although somebody else has signed it:
    /// most clients cannot tell then who vouches for it.
    pub(crate) lacks_chain: bool,
}

/// The files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PairError {
    /// The certificate's file cannot be read.
    #[error("the certificate {file} cannot be read")]
    Unreadable {
        file: PathBuf,
        #[source]
        why: std::io::Error,
    },
    /// There is no certificate in it.
    #[error("{file} holds no certificate in PEM form")]
    NoCertificate { file: PathBuf },
    /// The private key's file is not as it should be.
    #[error("`private_key_file` in [server] {what}")]
    NoKey { what: String, remedy: String },
    /// It is of no use to TLS.
    #[error("{file} holds a private key that cannot be used")]
    UnusableKey {
        file: PathBuf,
        #[source]
        why: rustls::Error,
    },
    /// They do not belong together.
    #[error("the private key {key} does not belong to the certificate {certificate}")]
    Apart { certificate: PathBuf, key: PathBuf },
    /// It is not valid at this time.
    #[error("the certificate {file} is valid from {from} until {until}, and not now")]
    NotNow {
        file: PathBuf,
        from: Timestamp,
        until: Timestamp,
    },
    /// It is somebody else's.
    #[error("the certificate {file} is not for {host}")]
    Foreign { file: PathBuf, host: String },
}

impl PairError {
    /// What to do.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "Write the certificate into a regular file, and let the user that Clavis runs as read it."
                    .to_owned()
            }
            Self::NoCertificate { .. } => {
                "Write the certificate into it, and after it those that lead to the authority, in \
                 PEM form."
                    .to_owned()
            }
            Self::NoKey { remedy, .. } => remedy.clone(),
            Self::UnusableKey { .. } => {
                "Use a key of RSA with at least 2048 bits, of ECDSA (P-256, P-384), or of Ed25519."
                    .to_owned()
            }
            Self::NotNow { .. } => {
                "Write the certificate that is valid now, and its key, into the files; where this one \
                 is, set the machine's clock."
                    .to_owned()
            }
            Self::Foreign { host, .. } => format!(
                "Write the certificate for {host}, the host of `public_url`, and its key into the files."
            ),
            Self::Apart { .. } => {
                "Write the certificate and the key that it was made for into the two files."
                    .to_owned()
            }
        }
    }
}

impl Pair {
    /// Reads both files.
    pub(crate) fn read(files: &CertificateFiles) -> Result<Self, PairError> {
        let chain = chain(&files.certificate)?;
        let key = private_key(&files.private_key)?;
        let no_certificate = || PairError::NoCertificate {
            file: files.certificate.clone(),
        };
        let (from, until, is_own) = about(&chain[0]).ok_or_else(no_certificate)?;
        let lacks_chain = chain.len() == 1 && !is_own;
        let provider = rustls::crypto::ring::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => PairError::Apart {
                certificate: files.certificate.clone(),
                key: files.private_key.clone(),
            },
            rustls::Error::InvalidCertificate(_) => no_certificate(),
            why => PairError::UnusableKey {
                file: files.private_key.clone(),
                why,
            },
        })?;
        Ok(Self {
            key: Arc::new(key),
            from,
            until,
            lacks_chain,
        })
    }

    /// Refuses what browsers refuse, where they reach this host at this time.
    ///
    /// # Errors
    /// [`PairError::NotNow`] and [`PairError::Foreign`], which name this file.
    pub(crate) fn holds(&self, file: &Path, host: &str, now: Timestamp) -> Result<(), PairError> {
        let file = file.to_owned();
        let (from, until) = (self.from, self.until);
        if now < from || until <= now {
            Err(PairError::NotNow { file, from, until })
        } else if !self.is_for(host) {
            let host = host.to_owned();
            Err(PairError::Foreign { file, host })
        } else {
            Ok(())
        }
    }

    /// Whether browsers take it for this host, a name or an address (RFC 9525).
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let certificate = self.key.cert.first().map(EndEntityCert::try_from);
        let Some((Ok(certificate), Ok(host))) = certificate.zip(Some(ServerName::try_from(host)))
        else {
            return false;
        };
        certificate.verify_is_valid_for_subject_name(&host).is_ok()
    }
}

/// The certificates of a file, in its order; at least one.
fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let text = read_at_most(file, LONGEST).map_err(|why| PairError::Unreadable {
        file: file.to_owned(),
        why,
    })?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    chain.ok_or_else(|| PairError::NoCertificate {
        file: file.to_owned(),
    })
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let no_key = |wrong: Wrong| PairError::NoKey {
        what: wrong.what,
        remedy: wrong.remedy,
    };
    let text = OnDisk.tls_key(file).map_err(no_key)?;
    let key = PrivateKeyDer::from_pem_slice(text.expose_secret().as_bytes());
    key.map_err(|_| {
        no_key(Wrong::new(
            format!(
                "names the file {}, whose private key is damaged",
                file.display()
            ),
            "Write the whole key into it, in PEM form.",
        ))
    })
}

/// From when and until when a certificate is valid, and whether whoever it is for has signed it.
fn about(certificate: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp, bool)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    let moment = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).ok();
    let is_own = certificate.subject() == certificate.issuer();
    Some((
        moment(validity.not_before)?,
        moment(validity.not_after)?,
        is_own,
    ))
}

/// Pairs for tests, made by `openssl` as operators make them.
#[cfg(test)]
pub(super) mod testing {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// The files of a pair.
    pub(crate) struct Files {
        folder: tempfile::TempDir,
        pub(crate) host: String,
    }

    impl Files {
        /// Of a certificate for this host, with a key of its own.
        pub(crate) fn new(host: &str) -> Self {
            Self::for_days(host, 30)
        }

        /// The same, with a certificate that ends after so many days.
        pub(crate) fn for_days(host: &str, days: u32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-nodes"])
                .args(["-days", &days.to_string()])
                .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=test"])
                .args(["-addext", &format!("subjectAltName=DNS:{host}")])
                .args(["-keyout", "key.pem", "-out", "certificate.pem"])
                .current_dir(folder.path())
                .output();
            let made = made.expect("openssl runs");
            assert!(made.status.success(), "{made:?}");
            let host = host.to_owned();
            Self { folder, host }
        }

        pub(crate) fn paths(&self) -> CertificateFiles {
            CertificateFiles {
                certificate: self.folder.path().join("certificate.pem"),
                private_key: self.folder.path().join("key.pem"),
                is_renewed: true,
            }
        }

        pub(crate) fn take_key_of(&self, other: &Self) {
            fs::copy(other.paths().private_key, self.paths().private_key).unwrap();
        }

        pub(crate) fn take_certificate_of(&self, other: &Self) {
            fs::copy(other.paths().certificate, self.paths().certificate).unwrap();
        }

        pub(crate) fn lose_key(&self) {
            fs::remove_file(self.paths().private_key).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::testing::Files;
    use super::*;

    fn why(files: &Files) -> String {
        let error = Pair::read(&files.paths()).err().expect("it is refused");
        assert!(error.remedy().ends_with('.'), "{}", error.remedy());
        error.to_string()
    }

    fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }

    #[test]
    fn a_sound_pair_is_read_with_what_it_is_good_for() {
        let pair = Pair::read(&Files::new("keys.example.com").paths()).unwrap();
        assert!(pair.from < pair.until && !pair.lacks_chain);
        for (host, fits) in [
            ("keys.example.com", true),
            ("KEYS.example.com", true),
            ("example.com", false),
            ("a.keys.example.com", false),
            ("192.0.2.1", false),
            ("", false),
        ] {
            assert_eq!(pair.is_for(host), fits, "{host}");
        }
        let wild = Pair::read(&Files::new("*.example.com").paths()).unwrap();
        assert!(wild.is_for("keys.example.com") && !wild.is_for("example.com"));
    }

    #[test]
    fn whatever_is_wrong_is_said_with_what_to_do() {
        let (files, other) = (Files::new("a.example.com"), Files::new("b.example.com"));
        let paths = files.paths();
        let key = fs::read(&paths.private_key).unwrap();
        files.take_key_of(&other);
        assert!(why(&files).contains("does not belong to the certificate"));
        fs::write(&paths.private_key, "-----BEGIN PRIVATE KEY-----\nMIGH\n").unwrap();
        assert!(why(&files).contains("is damaged"));
        fs::write(&paths.private_key, "no key").unwrap();
        assert!(why(&files).contains("holds no private key in PEM form"));
        fs::write(&paths.private_key, key).unwrap();
        fs::set_permissions(&paths.private_key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(why(&files).contains("everybody on this machine may use"));
        fs::set_permissions(&paths.private_key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&paths.certificate, "no certificate").unwrap();
        assert!(why(&files).contains("holds no certificate"));
        fs::write(&paths.certificate, vec![b'\n'; 1024 * 1024 + 1]).unwrap();
        assert!(why(&files).contains("cannot be read"));
        fs::remove_file(&paths.certificate).unwrap();
        assert!(why(&files).contains("cannot be read"));
        // Nobody ever writes into these.
        make_pipe(&paths.certificate);
        assert!(why(&files).contains("cannot be read"));
        fs::remove_file(&paths.certificate).unwrap();
        fs::remove_file(&paths.private_key).unwrap();
        files.take_certificate_of(&other);
        make_pipe(&paths.private_key);
        assert!(why(&files).contains("which cannot be read: it is no regular file"));
        fs::remove_file(&paths.private_key).unwrap();
        files.take_key_of(&other);
        assert!(Pair::read(&paths).is_ok());
        files.lose_key();
        assert!(why(&files).contains("which cannot be read"));
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;

    use super::testing::Files;
    use super::*;

    #[test]
    fn any_bytes_are_a_certificate_with_its_times_or_none() {
        let sound = chain(&Files::new("keys.example.com").paths().certificate).unwrap();
        let sound = sound[0].to_vec();
        check!().for_each(|bytes: &[u8]| {
            // Sound but for some bytes, each told by its place and what to change.
            let mut der = sound.clone();
            for change in bytes.chunks_exact(3).take(8) {
                let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
                let place = place % der.len();
                der[place] ^= change[2];
            }
            for der in [der, bytes.to_vec()] {
                let certificate = CertificateDer::from(der);
                let told = about(&certificate);
                let name = ServerName::try_from("keys.example.com").unwrap();
                if let Ok(read) = EndEntityCert::try_from(&certificate) {
                    let _ = read.verify_is_valid_for_subject_name(&name);
                }
                if let Some((from, until, _)) = told {
                    let years = [from, until].map(|at| at.strftime("%Y").to_string());
                    assert!(years.iter().all(|year| year.len() >= 4), "{years:?}");
                }
            }
            let pem = CertificateDer::pem_slice_iter(bytes);
            assert!(pem.filter_map(Result::ok).count() <= bytes.len());
        });
    }
}
