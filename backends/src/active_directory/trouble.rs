//! What can go wrong between Clavis and a domain controller.

use std::io;

use clavis_broker::ports::{DirectoryError, EscrowFault};
use ldap3::LdapError;

/// LDAP result codes (RFC 4511, appendix A.1) on which something turns.
pub(crate) mod code {
    pub(crate) const OPERATIONS_ERROR: u32 = 1;
    pub(crate) const TIME_LIMIT_EXCEEDED: u32 = 3;
    pub(crate) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(crate) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(crate) const REFERRAL: u32 = 10;
    pub(crate) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
    pub(crate) const CONFIDENTIALITY_REQUIRED: u32 = 13;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INVALID_DN_SYNTAX: u32 = 34;
    pub(crate) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    pub(crate) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(crate) const BUSY: u32 = 51;
    pub(crate) const UNAVAILABLE: u32 = 52;
}

/// Why a search has no answer. Carries no password and nothing of an entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The deadline passed.
    #[error("there was no answer in time")]
    TooLate,
    /// No TCP connection.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed: a certificate that is not trusted, most often.
    #[error("no trust")]
    Tls(#[source] rustls::Error),
    /// A connection ended when it should not.
    #[error("the connection broke")]
    Broken(#[source] LdapError),
    /// The controller said no.
    #[error("refused with result {code}: {text}")]
    Refused {
        /// The LDAP result code.
        code: u32,
        /// The controller's own words.
        text: String,
    },
    /// The DNS did not name the controllers.
    #[error("the DNS names no controllers: {0}")]
    Discovery(String),
    /// The certificates of the authorities to trust cannot be had.
    #[error("the certificates to trust cannot be read: {0}")]
    Authorities(String),
    /// The account may not read what it can see.
    #[error("the account may not read {what}")]
    Forbidden {
        /// What it may not read.
        what: &'static str,
    },
    /// An answer that cannot be.
    #[error("{0}")]
    Nonsense(String),
    /// One controller's trouble.
    #[error("{controller}")]
    At {
        /// Which controller.
        controller: String,
        /// What is the matter there.
        #[source]
        trouble: Box<Trouble>,
    },
}

impl Trouble {
    /// The same, with the controller that it was met at.
    pub(crate) fn at(self, controller: &impl ToString) -> Self {
        Self::At {
            controller: controller.to_string(),
            trouble: Box::new(self),
        }
    }

    /// The trouble itself, without the place.
    pub(crate) fn root(&self) -> &Self {
        match self {
            Self::At { trouble, .. } => trouble.root(),
            other => other,
        }
    }

    /// What callers outside this folder branch on.
    pub(crate) fn fault(&self) -> EscrowFault {
        match self.root() {
            Self::Refused { code, .. } => match *code {
                code::OPERATIONS_ERROR
                | code::STRONGER_AUTH_REQUIRED
                | code::CONFIDENTIALITY_REQUIRED
                | code::NO_SUCH_OBJECT
                | code::INAPPROPRIATE_AUTHENTICATION
                | code::INVALID_CREDENTIALS
                | code::INSUFFICIENT_ACCESS_RIGHTS => EscrowFault::Denied,
                code::TIME_LIMIT_EXCEEDED
                | code::ADMIN_LIMIT_EXCEEDED
                | code::BUSY
                | code::UNAVAILABLE => EscrowFault::Unavailable,
                _ => EscrowFault::Nonsense,
            },
            Self::Forbidden { .. } => EscrowFault::Denied,
            Self::Nonsense(_) => EscrowFault::Nonsense,
            _ => EscrowFault::Unavailable,
        }
    }

    /// Whether another controller may do better. A refused password is not tried elsewhere: it
    /// would be wrong there too, and lock the account the sooner.
    pub(crate) fn may_pass_elsewhere(&self) -> bool {
        self.fault() == EscrowFault::Unavailable
    }

    /// Whether the connection that it was met on is of no more use.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(
            self.root(),
            Self::TooLate
                | Self::Broken(_)
                | Self::Refused {
                    code: code::BUSY | code::UNAVAILABLE | code::OPERATIONS_ERROR,
                    ..
                }
        )
    }

    /// Whether what was searched in is not there, or is no name at all.
    pub(crate) fn is_missing_base(&self) -> bool {
        matches!(
            self.root(),
            Self::Refused {
                code: code::NO_SUCH_OBJECT | code::INVALID_DN_SYNTAX,
                ..
            }
        )
    }
}

impl From<LdapError> for Trouble {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } => Self::Refused {
                code: result.rc,
                text: result.text,
            },
            LdapError::Timeout { .. } => Self::TooLate,
            LdapError::Rustls { source } => Self::Tls(source),
            LdapError::DNSName { .. } => Self::Tls(rustls::Error::General(
                "not a name for a certificate".into(),
            )),
            LdapError::Io { source } => match inner_tls(&source) {
                Some(tls) => Self::Tls(tls),
                None => Self::Broken(LdapError::Io { source }),
            },
            LdapError::FilterParsing => Self::Nonsense("a filter of ours is malformed".into()),
            other => Self::Broken(other),
        }
    }
}

impl From<Trouble> for DirectoryError {
    fn from(trouble: Trouble) -> Self {
        match trouble.fault() {
            EscrowFault::Unavailable => Self::Unavailable(Box::new(trouble)),
            EscrowFault::Denied => Self::Denied(Box::new(trouble)),
            EscrowFault::Nonsense => Self::Nonsense(trouble.root().to_string()),
        }
    }
}

/// The TLS error inside an I/O error, where tokio-rustls puts it.
fn inner_tls(error: &io::Error) -> Option<rustls::Error> {
    error.get_ref()?.downcast_ref::<rustls::Error>().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u32) -> Trouble {
        Trouble::Refused {
            code,
            text: String::new(),
        }
        .at(&"dc1")
    }

    #[test]
    fn result_codes_become_faults() {
        for denied in [1, 8, 13, 32, 48, 49, 50] {
            assert_eq!(refused(denied).fault(), EscrowFault::Denied, "{denied}");
            assert!(!refused(denied).may_pass_elsewhere());
        }
        for passing in [3, 11, 51, 52] {
            assert_eq!(refused(passing).fault(), EscrowFault::Unavailable);
            assert!(refused(passing).may_pass_elsewhere());
        }
        assert_eq!(refused(2).fault(), EscrowFault::Nonsense);
        assert_eq!(Trouble::TooLate.fault(), EscrowFault::Unavailable);
    }

    #[test]
    fn a_tls_error_is_found_inside_an_io_error() {
        let io = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer),
        );
        assert!(matches!(
            Trouble::from(LdapError::Io { source: io }),
            Trouble::Tls(rustls::Error::InvalidCertificate(_))
        ));
    }
}
