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
    let (certificates, origin) = match ca_file {
        Some(path) => {
            let origin = path.display().to_string();
            let pem = read_at_most(&path, LONGEST).map_err(|error| format!("{origin}: {error}"))?;
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            let certificates = certificates.map_err(|error| format!("{origin}: {error}"))?;
            (certificates, origin)
        }
        None => (
            rustls_native_certs::load_native_certs().certs,
            "the system's store".to_owned(),
        ),
    };
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
