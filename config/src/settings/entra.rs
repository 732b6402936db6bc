//! How to reach Entra ID and Microsoft Graph.

use std::path::PathBuf;

use jiff::SignedDuration;
use secrecy::SecretString;
use uuid::Uuid;

/// One application in one tenant, and how to reach what it may call.
#[derive(Debug, Clone)]
pub struct Entra {
    /// What its section is named: `corp` of `[entra.corp]`.
    pub name: String,
    /// As whom Clavis calls.
    pub identity: EntraIdentity,
    /// Microsoft's cloud that the tenant is in.
    pub cloud: Cloud,
    /// In place of the cloud's address of Graph: `https://host[:port]`.
    pub graph_url: Option<String>,
    /// In place of the cloud's address for signing in.
    pub login_url: Option<String>,
    /// In place of the address at which a machine in Azure learns its own identity.
    pub identity_url: Option<String>,
    /// How long one question may take, signing in and waiting included.
    pub timeout: SignedDuration,
}

/// As whom Clavis calls.
#[derive(Debug, Clone)]
pub enum EntraIdentity {
    /// An app registration.
    App {
        /// The tenant: its ID, or one of its domains.
        tenant: String,
        /// The application's ID.
        client_id: Uuid,
        /// How the application proves that it is itself.
        credential: EntraCredential,
    },
    /// The identity that Azure gives to the machine that Clavis runs on.
    Managed {
        /// The client ID of a user-assigned identity; the machine's own when not set.
        client_id: Option<Uuid>,
    },
}

impl EntraIdentity {
    /// The tenant, where the settings name it.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::App { tenant, .. } => Some(tenant),
            Self::Managed { .. } => None,
        }
    }
}

/// How an application proves that it is itself.
#[derive(Debug, Clone)]
pub enum EntraCredential {
    /// A client secret, read from a file.
    Secret(SecretString),
    /// A certificate that is registered with the application.
    Certificate {
        /// The certificate (PEM file).
        certificate: PathBuf,
        /// Its private key in PEM, read from a file.
        private_key: SecretString,
    },
    /// A token of another identity provider that the application trusts. Only the file is named:
    /// it is written anew all the time.
    Federated {
        /// The file.
        token_file: PathBuf,
    },
}

/// Microsoft's clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// The one that nearly everybody is in.
    Global,
    /// US Government (GCC High).
    UsGovernment,
    /// US Department of Defense.
    UsDod,
    /// China, operated by 21Vianet.
    China,
}
