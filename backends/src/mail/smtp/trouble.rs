//! What can go wrong with a mail server, and what it means for the mail.

use std::error::Error as _;
use std::{fmt, io};

use clavis_broker::ports::MailError;
use lettre::transport::smtp::Error;
use rustls::CertificateError;

/// What went wrong. Its text names no person, and repeats nothing that the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Not reached.
    Unreachable(String),
    /// Too slow.
    Slow,
    /// The certificates to trust cannot be used.
    BadAuthorities(String),
    /// The server's certificate is not trusted.
    Untrusted(Distrust),
    /// TLS failed for another reason.
    Tls(String),
    /// The server does not offer STARTTLS.
    NoStartTls,
    /// The server does not offer the way to sign in that is configured.
    NoMechanism,
    /// There is no token to sign in with.
    NoToken(String),
    /// The server refused name and password, with this code.
    SignIn(u16),
    /// The server refused the token, with this code where it gave one.
    TokenRefused(Option<u16>),
    /// The server wants a sign-in, with this code.
    SignInWanted(u16),
    /// The server refused with this code.
    Refused(u16),
    /// The server answered what is no SMTP, or hung up.
    Nonsense,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distrust {
    /// By an authority that is not trusted.
    Issuer,
    /// Made out to another name.
    Name,
    /// No longer valid, or not yet.
    Date,
    /// Something else.
    Other,
}

impl Trouble {
    /// What an error of the mail library means.
    pub(super) fn of(error: &Error) -> Self {
        if let Some(code) = error.status() {
            return match u16::from(code) {
                code @ (534 | 535 | 538) => Self::SignIn(code),
                code @ 530 => Self::SignInWanted(code),
                code => Self::Refused(code),
            };
        }
        let mut cause = error.source();
        let mut met = None;
        while let Some(now) = cause {
            if let Some(tls) = now.downcast_ref::<rustls::Error>() {
                return of_tls(tls);
            }
            if let Some(io) = now.downcast_ref::<io::Error>() {
                if let Some(tls) = io
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                {
                    return of_tls(tls);
                }
                met = Some(io);
            }
            cause = now.source();
        }
        met.map_or(Self::Nonsense, of_io)
    }

    /// The same trouble, when it happened while signing in: any refusal is one of the credentials
    /// then, except one for now.
    pub(super) fn in_signing_in(self) -> Self {
        match self {
            Self::Refused(code @ 500..) | Self::SignInWanted(code) => Self::SignIn(code),
            other => other,
        }
    }

    /// The same trouble, when it happened while showing a token. A server may ask back where it
    /// refuses one, which the mail library takes for nonsense.
    pub(super) fn in_showing_a_token(self) -> Self {
        match self {
            Self::Refused(code @ 500..) | Self::SignInWanted(code) | Self::SignIn(code) => {
                Self::TokenRefused(Some(code))
            }
            Self::Nonsense => Self::TokenRefused(None),
            other => other,
        }
    }

    /// What it means for a mail that was being handed over: only a refusal of the mail itself is
    /// for good. Everything else is mended by time or by an operator, and the mail is not lost.
    pub(super) fn with_the_mail(self) -> MailError {
        let text = self.to_string();
        match self {
            Self::Refused(500..) => MailError::Permanent(text),
            _ => MailError::Transient(text),
        }
    }

    /// What it means for a mail that the server had not heard of yet: it is not to blame.
    pub(super) fn before_the_mail(self) -> MailError {
        MailError::Transient(self.to_string())
    }
}

fn of_io(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::TimedOut => Trouble::Slow,
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::InvalidData => Trouble::Nonsense,
        _ => Trouble::Unreachable(error.to_string()),
    }
}

fn of_tls(error: &rustls::Error) -> Trouble {
    let rustls::Error::InvalidCertificate(why) = error else {
        let text = match error {
            rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port".into(),
            rustls::Error::AlertReceived(alert) => format!("the server refused with {alert:?}"),
            _ => "no agreement with the server".to_owned(),
        };
        return Trouble::Tls(text);
    };
    Trouble::Untrusted(match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::Issuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::Name
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Distrust::Date,
        _ => Distrust::Other,
    })
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the mail server is not reached: {why}"),
            Self::Slow => f.write_str("the mail server took too long"),
            Self::BadAuthorities(why) => write!(f, "the authorities to trust are unusable: {why}"),
            Self::Untrusted(why) => write!(f, "the mail server's certificate {why}"),
            Self::Tls(why) => write!(f, "TLS with the mail server failed: {why}"),
            Self::NoStartTls => f.write_str("the mail server does not offer STARTTLS"),
            Self::NoMechanism => f.write_str("the mail server offers no sign-in of this kind"),
            Self::NoToken(why) => write!(f, "there is no token for the mail server: {why}"),
            Self::SignIn(code) => {
                write!(f, "the mail server refused name and password (SMTP {code})")
            }
            Self::TokenRefused(None) => f.write_str("the mail server refused the token"),
            Self::TokenRefused(Some(code)) => {
                write!(f, "the mail server refused the token (SMTP {code})")
            }
            Self::SignInWanted(code) => write!(f, "the mail server wants a sign-in (SMTP {code})"),
            Self::Refused(code) => write!(f, "the mail server refused (SMTP {code})"),
            Self::Nonsense => f.write_str("the mail server hung up, or does not speak SMTP"),
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "is by an authority that is not trusted",
            Self::Name => "is made out to another name",
            Self::Date => "is not valid today",
            Self::Other => "is not trusted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_mail_itself_is_for_good() {
        for trouble in [
            Trouble::Refused(451),
            Trouble::SignIn(535),
            Trouble::SignInWanted(530),
            Trouble::Untrusted(Distrust::Issuer),
            Trouble::NoStartTls,
            Trouble::NoMechanism,
            Trouble::NoToken(String::new()),
            Trouble::TokenRefused(Some(535)),
            Trouble::BadAuthorities(String::new()),
            Trouble::Slow,
            Trouble::Nonsense,
        ] {
            let error = trouble.with_the_mail();
            assert!(matches!(error, MailError::Transient(_)), "{error}");
        }
        let error = Trouble::Refused(550).with_the_mail();
        assert!(matches!(error, MailError::Permanent(_)), "{error}");
        let error = Trouble::Refused(554).before_the_mail();
        assert!(matches!(error, MailError::Transient(_)), "{error}");
    }

    #[test]
    fn while_signing_in_a_refusal_is_one_of_the_credentials() {
        assert_eq!(Trouble::Refused(550).in_signing_in(), Trouble::SignIn(550));
        assert_eq!(Trouble::Refused(454).in_signing_in(), Trouble::Refused(454));
        for trouble in [Trouble::Refused(535), Trouble::SignIn(535)] {
            let shown = trouble.in_showing_a_token();
            assert_eq!(shown, Trouble::TokenRefused(Some(535)));
        }
        let asked_back = Trouble::Nonsense.in_showing_a_token();
        assert_eq!(asked_back, Trouble::TokenRefused(None));
    }
}
