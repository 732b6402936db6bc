//! Who somebody is, as an identity provider says.

use async_trait::async_trait;
use secrecy::SecretString;

use super::check::Finding;
use crate::audit::WhyNoSignIn;
use crate::identity::{ProviderName, SignInSecrets};
use crate::people::PersonQuery;

/// A provider that people sign in at. It sends browsers back with a code; what the code stands for
/// is believed only after everything about it was checked.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Its name.
    fn name(&self) -> &ProviderName;

    /// The address to send a browser to, so that somebody signs in there.
    async fn begin(&self, secrets: &SignInSecrets) -> Result<String, IdentityError>;

    /// Exchanges the code that a browser has brought back for who that is. `issuer` is who the
    /// answer says that it is from, where it says so.
    async fn finish(
        &self,
        secrets: &SignInSecrets,
        code: &SecretString,
        issuer: Option<&str>,
    ) -> Result<Identified, IdentityError>;

    /// The address at which somebody signs out there, where there is one.
    async fn sign_out(&self) -> Option<String>;

    /// Tries the provider for real.
    async fn check(&self) -> Vec<Finding>;
}

/// Who somebody is, as a provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// What to ask the directory.
    pub query: PersonQuery,
    /// The groups and roles that it names; none where it is not to name any.
    pub claims: Vec<String>,
}

/// A provider gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not reached, not in time, or not for now.
    #[error("the identity provider cannot be reached at present")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It cannot be used like this, or refuses Clavis: an operator has to mend it.
    #[error("the identity provider cannot be used like this")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody is signed in by this answer.
    #[error("the answer of the identity provider is not taken: {what}")]
    Refused {
        /// Why, for the audit log.
        why: WhyNoSignIn,
        /// Why, for the operator. No token, no name.
        what: String,
    },
}

impl IdentityError {
    /// A refusal.
    pub fn refused(why: WhyNoSignIn, what: impl Into<String>) -> Self {
        Self::Refused {
            why,
            what: what.into(),
        }
    }
}
