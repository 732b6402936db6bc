//! How people sign in.

use std::net::IpAddr;
use std::path::PathBuf;

use clavis_broker::identity::ProviderName;
use jiff::SignedDuration;
use secrecy::SecretString;

/// Signing in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Whether people may sign in with a code by mail; where not, there is another way.
    pub code_by_mail: bool,
    /// How long a code by mail is valid.
    pub code_valid_for: SignedDuration,
    /// After how long without use a session ends.
    pub idle: SignedDuration,
    /// After how long a session ends whatever happens.
    pub at_most: SignedDuration,
    /// How many sign-ins may begin in a minute, from everywhere.
    pub begun_a_minute: u32,
    /// The identity providers that people may sign in at, in the order of their buttons; each with
    /// a name of its own, also in addresses.
    pub providers: Vec<Provider>,
    /// The reverse proxy that says who people are, where there is one.
    pub proxy: Option<SignInProxy>,
}

/// A reverse proxy that says in a header who people are.
#[derive(Debug, Clone)]
pub struct SignInProxy {
    /// The header, in lower case.
    pub header: String,
    /// From where it connects; at least one address. From elsewhere the header means nothing.
    pub from: Vec<IpAddr>,
    /// What is in the header.
    pub person_by: ProxyPersonBy,
    /// What people are known by, on the button.
    pub name: String,
}

/// By what of a proxy's header a person is found in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyPersonBy {
    /// The name to sign in with.
    Login,
    /// The mail address.
    Mail,
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
    /// The claim that names a person's groups or roles, where one is to.
    pub roles_claim: Option<String>,
    /// The authorities to trust, and no others; those of the machine without it.
    pub ca_file: Option<PathBuf>,
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
