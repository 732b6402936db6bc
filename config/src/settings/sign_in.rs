//! How people sign in.

use clavis_broker::identity::ProviderName;
use jiff::SignedDuration;
use secrecy::SecretString;

/// Signing in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// How long a code by mail is valid.
    pub code_valid_for: SignedDuration,
    /// After how long without use a session ends.
    pub idle: SignedDuration,
    /// After how long a session ends whatever happens.
    pub at_most: SignedDuration,
    /// Where people may sign in beside the code by mail, in the order of their buttons; each with a
    /// name of its own, also in addresses.
    pub providers: Vec<Provider>,
}

/// An identity provider that speaks OpenID Connect.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name, on its button.
    pub name: ProviderName,
    /// Its issuer, exactly as it names itself.
    pub issuer: String,
    /// Who Clavis is there.
    pub client_id: String,
    /// What Clavis proves itself by there, read from a file.
    pub client_secret: SecretString,
    /// What is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// How people are found in the directory.
    pub person_by: PersonBy,
    /// How long one question to it may take.
    pub timeout: SignedDuration,
}

/// By what of an ID token a person is found in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonBy {
    /// `oid`: the ID of the account in Entra ID.
    Oid,
    /// `preferred_username`, or `upn`: the name to sign in with.
    Login,
    /// `email`.
    Mail {
        /// Whether the provider's addresses are people's own also where it does not say
        /// `email_verified`.
        is_verified: bool,
    },
}
