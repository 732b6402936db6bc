//! Which authorities are trusted to vouch for a server that Clavis connects to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_config::read_at_most;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The longest file of authorities, in bytes. That of a whole system has some hundred thousand.
pub(crate) const LONGEST: u64 = 4 * 1024 * 1024;

/// The TLS side of every connection: the authorities of the PEM file, or those of the system. Where
/// there are none, the error names the file.
pub(crate) async fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let ca_file = ca_file.map(Path::to_owned);
    // Reading files blocks.
    let roots = tokio::task::spawn_blocking(move || roots(ca_file))
        .await
        .map_err(|error| error.to_string())??;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots(ca_file: Option<PathBuf>) -> Result<RootCertStore, String> {
    let Some(path) = ca_file else {
        let certificates = rustls_native_certs::load_native_certs().certs;
        return usable(certificates, "the system's store");
    };
    let origin = path.display().to_string();
    let pem = read_at_most(&path, LONGEST).map_err(|error| format!("{origin}: {error}"))?;
    roots_of(&pem, &origin)
}

/// The authorities of a text in PEM form. What the parser says of a fault quotes the text, and that may
/// be a key's, where its file is named by mistake: it is not repeated.
fn roots_of(pem: &[u8], origin: &str) -> Result<RootCertStore, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| format!("{origin} is not PEM throughout"))?;
    usable(certificates, origin)
}

fn usable(
    certificates: Vec<CertificateDer<'static>>,
    origin: &str,
) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(format!("{origin} holds no certificate"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let missing = client_config(Some(&path)).await.unwrap_err();
        assert!(missing.contains("ca.pem"), "{missing}");
        std::fs::write(&path, "no certificate").unwrap();
        let empty = client_config(Some(&path)).await.unwrap_err();
        assert!(empty.contains("holds no certificate"), "{empty}");
        std::fs::write(&path, "-----BEGIN RSA PRIVATE K\nMIIEvQIBADANBg").unwrap();
        let broken = client_config(Some(&path)).await.unwrap_err();
        assert_eq!(broken, format!("{} is not PEM throughout", path.display()));
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let refused = client_config(Some(&path)).await.unwrap_err();
        assert!(refused.contains("no regular file"), "{refused}");
        std::fs::remove_file(&path).unwrap();
        let size = usize::try_from(LONGEST).unwrap() + 1;
        std::fs::write(&path, vec![b'\n'; size]).unwrap();
        let refused = client_config(Some(&path)).await.unwrap_err();
        assert!(refused.contains("longer than"), "{refused}");
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::fs::read_to_string;
    use std::process::Command;

    /// A certificate and its key of RSA, in PEM form, made by openssl.
    pub(crate) fn pair() -> [String; 2] {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args(["-subj", "/CN=Clavis test"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(folder.path())
            .output();
        let made = made.expect("openssl runs");
        assert!(made.status.success(), "{made:?}");
        ["certificate.pem", "key.pem"]
            .map(|name| read_to_string(folder.path().join(name)).expect("a file"))
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::testing::pair;
    use super::*;

    #[test]
    fn any_text_has_authorities_or_is_refused_by_its_name() {
        let [certificate, key] = pair();
        let pieces = [
            "\n",
            "-----BEGIN CERTIFICATE-----\n",
            "-----END CERTIFICATE-----\n",
            "-----BEGIN TRUSTED CERTIFICATE-----\n",
            "=",
            "AAAA",
            "-",
            &certificate,
            &key,
        ];
        check!().for_each(|bytes: &[u8]| {
            let pem = altered(&certificate, bytes, &pieces);
            match roots_of(pem.as_bytes(), "ca.pem") {
                Ok(roots) => assert!(!roots.is_empty() && pem.contains("BEGIN CERTIFICATE")),
                Err(told) => {
                    assert!(told.starts_with("ca.pem"), "{told:?}");
                    assert!(told.lines().count() == 1 && told.len() < 40, "{told:?}");
                }
            }
        });
    }
}
