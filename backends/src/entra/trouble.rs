//! What can go wrong between Clavis and Entra ID or Graph.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use clavis_broker::ports::{DirectoryError, EscrowFault, MailError};

/// Why a call has no answer. Carries no token, no key, and nothing of an answer but its status,
/// the code of its error and the identifier by which Microsoft finds it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// The deadline passed.
    #[error("there was no answer in time")]
    TooLate,
    /// No connection.
    #[error("no connection to {host}")]
    Connect {
        /// The host at the other side.
        host: String,
        /// What lies under it.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The TLS handshake failed: a certificate that is not trusted, most often.
    #[error("no trust in {host}")]
    Tls {
        /// The host at the other side.
        host: String,
        /// What lies under it.
        #[source]
        source: rustls::Error,
    },
    /// A connection ended in the middle.
    #[error("the connection to {host} broke")]
    Broken {
        /// The host at the other side.
        host: String,
        /// What lies under it.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// What the application is to prove itself by cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The sign-in was refused.
    #[error("the sign-in was refused ({0})")]
    Credentials(Refusal),
    /// The application may not do this.
    #[error("the application lacks the permission {needs} ({answer})")]
    Forbidden {
        /// The least permission that would do.
        needs: &'static str,
        /// What was answered.
        answer: Answer,
    },
    /// Too many calls, or a pause: nobody is to ask again for now.
    #[error("no more calls for now: the next is allowed in {seconds} s")]
    Throttled {
        /// How long to wait, as far as it was said.
        seconds: u64,
    },
    /// Another refusal.
    #[error("refused with {0}")]
    Refused(Answer),
    /// An answer that cannot be.
    #[error("{0}")]
    Nonsense(String),
}

/// What is kept of an answer that refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The code of the error; empty where there is none.
    pub code: String,
    /// Under which Microsoft finds the call in its own log; empty where there is none.
    pub request_id: String,
}

/// What is kept of an answer that refuses a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of OAuth: `invalid_client`.
    pub code: String,
    /// The number of Entra ID: 7000215 of `AADSTS7000215`.
    pub number: Option<u64>,
}

impl Trouble {
    /// What callers outside this folder branch on.
    pub fn fault(&self) -> EscrowFault {
        match self {
            Self::TooLate
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Broken { .. }
            | Self::Throttled { .. } => EscrowFault::Unavailable,
            Self::Unusable(_) | Self::Credentials(_) | Self::Forbidden { .. } => {
                EscrowFault::Denied
            }
            Self::Refused(answer) => match answer.status {
                401 | 403 => EscrowFault::Denied,
                408 | 423 | 429 | 500.. => EscrowFault::Unavailable,
                _ => EscrowFault::Nonsense,
            },
            Self::Nonsense(_) => EscrowFault::Nonsense,
        }
    }

    /// What an error of the HTTP library means. `host` is the other side.
    pub(crate) fn of(error: reqwest::Error, host: &str) -> Self {
        let host = host.to_owned();
        if error.is_timeout() {
            return Self::TooLate;
        }
        // Later than that, it is a connection that broke.
        if error.is_connect()
            && let Some(source) = inner_tls(&error)
        {
            return Self::Tls { host, source };
        }
        if error.is_redirect() || error.is_builder() {
            return Self::Nonsense(format!("{host} cannot be asked like this"));
        }
        // The address names devices and people.
        let is_connect = error.is_connect();
        let source = Arc::new(error.without_url());
        if is_connect {
            Self::Connect { host, source }
        } else {
            Self::Broken { host, source }
        }
    }

    /// Whether nothing of the call can have reached the other side.
    pub(super) fn is_before_sending(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }

    /// Whether what was asked for was surely not carried out: it did not get there, or was refused.
    /// Of a redirection and of a gateway's answer, nobody knows.
    pub(super) fn is_undone(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Unusable(_)
            | Self::Credentials(_)
            | Self::Forbidden { .. }
            | Self::Throttled { .. } => true,
            Self::Refused(answer) => match answer.status {
                408 => false,
                400..500 | 503 => true,
                _ => false,
            },
            Self::TooLate | Self::Broken { .. } | Self::Nonsense(_) => false,
        }
    }
}

impl From<Trouble> for DirectoryError {
    fn from(trouble: Trouble) -> Self {
        match trouble.fault() {
            EscrowFault::Unavailable => Self::Unavailable(Box::new(trouble)),
            EscrowFault::Denied => Self::Denied(Box::new(trouble)),
            EscrowFault::Nonsense => Self::Nonsense(trouble.to_string()),
        }
    }
}

/// Codes with which Graph refuses a mail for what it is, and for good.
const REFUSED_MAILS: [&str; 6] = [
    "ErrorInvalidRecipients",
    "ErrorMessageSizeExceeded",
    "ErrorMimeContentInvalid",
    "ErrorMimeContentInvalidBase64String",
    "ErrorInvalidMimeContent",
    "ErrorMissingRecipients",
];

impl From<Trouble> for MailError {
    /// Only a refusal of the mail itself is for good. Everything else is mended by time or by an
    /// operator, a missing permission or mailbox too, and the mail is not lost.
    fn from(trouble: Trouble) -> Self {
        let text = clavis_broker::causes::with_causes(&trouble);
        match trouble {
            Trouble::Refused(answer)
                if answer.status == 413
                    || (answer.status == 400 && REFUSED_MAILS.contains(&answer.code.as_str())) =>
            {
                Self::Permanent(text)
            }
            _ => Self::Transient(text),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.request_id.is_empty() {
            write!(f, ", request-id {}", self.request_id)?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if let Some(number) = self.number {
            write!(f, ", AADSTS{number}")?;
        }
        Ok(())
    }
}

/// The TLS error somewhere under an error of the HTTP library.
fn inner_tls(error: &reqwest::Error) -> Option<rustls::Error> {
    let mut cause = error.source();
    while let Some(now) = cause {
        if let Some(tls) = now.downcast_ref::<rustls::Error>() {
            return Some(tls.clone());
        }
        if let Some(tls) = now.downcast_ref::<io::Error>().and_then(tls_within) {
            return Some(tls.clone());
        }
        cause = now.source();
    }
    None
}

/// The TLS error that an error of input and output wraps, which is not its source; however often.
fn tls_within(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    let deeper = || tls_within(inner.downcast_ref()?);
    inner.downcast_ref().or_else(deeper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Trouble {
        Trouble::Refused(Answer {
            status,
            code: code.into(),
            request_id: String::new(),
        })
    }

    #[test]
    fn statuses_become_faults() {
        for denied in [401, 403] {
            assert_eq!(refused(denied, "").fault(), EscrowFault::Denied);
        }
        for passing in [408, 429, 500, 502, 503, 504] {
            assert_eq!(refused(passing, "").fault(), EscrowFault::Unavailable);
        }
        for nonsense in [302, 400, 405, 409] {
            assert_eq!(refused(nonsense, "").fault(), EscrowFault::Nonsense);
        }
        let refusal = Refusal {
            code: "invalid_client".into(),
            number: Some(7_000_215),
        };
        let trouble = Trouble::Credentials(refusal);
        assert_eq!(trouble.fault(), EscrowFault::Denied);
        assert_eq!(
            trouble.to_string(),
            "the sign-in was refused (invalid_client, AADSTS7000215)"
        );
    }

    #[test]
    fn a_refusal_is_known_not_to_be_carried_out_and_a_silence_is_not() {
        for undone in [400, 401, 403, 409, 429, 503] {
            assert!(refused(undone, "").is_undone(), "{undone}");
        }
        for open in [302, 408, 500, 502, 504] {
            assert!(!refused(open, "").is_undone(), "{open}");
        }
        assert!(!Trouble::TooLate.is_undone());
        assert!(Trouble::Throttled { seconds: 20 }.is_undone());
    }

    #[test]
    fn only_a_refusal_of_the_mail_itself_is_for_good() {
        for (trouble, for_good) in [
            (refused(400, "ErrorInvalidRecipients"), true),
            (refused(413, ""), true),
            (refused(400, "ErrorInvalidUser"), false),
            (refused(400, ""), false),
            (refused(404, "ErrorInvalidUser"), false),
            (refused(500, "ErrorMimeContentInvalid"), false),
            (Trouble::TooLate, false),
            (Trouble::Throttled { seconds: 20 }, false),
        ] {
            let error = MailError::from(trouble);
            assert_eq!(
                matches!(error, MailError::Permanent(_)),
                for_good,
                "{error}"
            );
        }
    }
}
