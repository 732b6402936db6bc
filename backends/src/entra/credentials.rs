//! How an application proves that it is itself.

use std::path::{Path, PathBuf};

use clavis_broker::ports::{Clock, Random};
use clavis_config::open_regular;
use clavis_config::settings::EntraCredential;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Trouble;
use super::assertion::Signer;

/// No certificate and no token is longer.
const LONGEST_FILE: usize = 64 * 1024;

/// What an application can prove itself by.
pub(super) enum Credential {
    /// A secret that both sides know.
    Secret(SecretString),
    /// A certificate, read when it is first needed.
    Certificate {
        file: PathBuf,
        private_key: SecretString,
        signer: OnceCell<Signer>,
    },
    /// A token of somebody else's, read each time it is needed.
    Federated { file: PathBuf },
}

/// What is handed in with one request for a token.
pub(super) enum Proof {
    /// `client_secret`.
    Secret(SecretString),
    /// `client_assertion`.
    Assertion(SecretString),
}

impl Credential {
    /// Of these settings; reads nothing yet.
    pub(super) fn new(settings: EntraCredential) -> Self {
        match settings {
            EntraCredential::Secret(secret) => Self::Secret(secret),
            EntraCredential::Certificate {
                certificate,
                private_key,
            } => Self::Certificate {
                file: certificate,
                private_key,
                signer: OnceCell::new(),
            },
            EntraCredential::Federated { token_file } => Self::Federated { file: token_file },
        }
    }

    /// A proof for whoever answers at `audience`.
    pub(super) async fn proof(
        &self,
        audience: &Url,
        client_id: Uuid,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Proof, Trouble> {
        match self {
            Self::Secret(secret) => Ok(Proof::Secret(secret.clone())),
            Self::Certificate {
                file,
                private_key,
                signer,
            } => {
                let signer = signer
                    .get_or_try_init(|| async {
                        let certificate = read(file).await?;
                        Signer::new(&certificate, private_key.expose_secret())
                    })
                    .await?;
                signer
                    .assertion(audience.as_str(), client_id, clock.now(), random)
                    .map(Proof::Assertion)
            }
            Self::Federated { file } => {
                let bytes = read(file).await?;
                let token = std::str::from_utf8(&bytes).unwrap_or_default().trim();
                // Three parts in base64url, and nothing else that a mistaken file may hold.
                let sound = token.split('.').count() == 3
                    && token
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
                if sound {
                    Ok(Proof::Assertion(SecretString::from(token)))
                } else {
                    Err(Trouble::Unusable(format!(
                        "the file {} holds no token",
                        file.display()
                    )))
                }
            }
        }
    }
}

/// The bytes of a file, in one buffer that does not grow.
async fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let shown = path.display();
    let unreadable =
        |error: std::io::Error| Trouble::Unusable(format!("{shown} cannot be read: {error}"));
    let opened = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || open_regular(&opened)).await;
    let opened = opened.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let file = tokio::fs::File::from_std(opened.map_err(unreadable)?);
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE + 1));
    let limit = u64::try_from(LONGEST_FILE + 1).unwrap_or(u64::MAX);
    file.take(limit)
        .read_to_end(&mut bytes)
        .await
        .map_err(unreadable)?;
    if bytes.len() > LONGEST_FILE {
        return Err(Trouble::Unusable(format!("{shown} is too long")));
    }
    Ok(bytes)
}
