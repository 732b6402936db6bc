//! What can go wrong on the way to a collector, and what to do about it.

use std::io;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Finding;
use clavis_config::settings::{Syslog, SyslogSecurity};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("did not answer in time")]
    Slow,
    #[error("takes nothing any more")]
    Stalled,
    #[error("has ended the connection")]
    Closed,
    #[error("is not reached any more")]
    Broken(#[source] io::Error),
    #[error("cannot be trusted: {0}")]
    Authorities(String),
    #[error("is not trusted")]
    Untrusted(#[source] rustls::Error),
    #[error("does not speak TLS")]
    NoTls(#[source] io::Error),
}

impl Trouble {
    /// Of a handshake that failed.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|it| it.downcast_ref());
        match tls {
            Some(rustls::Error::InvalidCertificate(_)) => {
                Self::Untrusted(tls.cloned().unwrap_or(rustls::Error::HandshakeNotComplete))
            }
            _ => Self::NoTls(error),
        }
    }

    /// The whole of it, in one line.
    pub(super) fn told(&self, collector: &Syslog) -> String {
        let Syslog { host, port, .. } = collector;
        format!("the collector {host}:{port} {}", with_causes(self))
    }
}

/// What a try came to.
pub(super) fn finding(tried: Result<(), Trouble>, collector: &Syslog) -> Finding {
    let Syslog { host, port, .. } = collector;
    let is_plain = collector.security == SyslogSecurity::Plain;
    let trouble = match tried {
        Ok(()) if is_plain => {
            return Finding::ok(format!(
                "the collector {host}:{port} takes messages, unprotected on the way"
            ));
        }
        Ok(()) => {
            return Finding::ok(format!(
                "the collector {host}:{port} takes messages over TLS, and its certificate is trusted"
            ));
        }
        Err(trouble) => trouble,
    };
    let remedy = match &trouble {
        Trouble::Unreachable(_) | Trouble::Slow => format!(
            "Check `address` of the feed, and that no firewall is in between: `nc -vz {host} {port}` \
             from this machine must succeed."
        ),
        Trouble::Authorities(_) => {
            "Put the certificate of the authority into `ca_file`, in PEM form.".to_owned()
        }
        Trouble::Untrusted(_) => format!(
            "`ca_file` of the feed must hold the certificate of the authority that issued the \
             collector's, and `address` its name; `openssl s_client -connect {host}:{port}` shows it."
        ),
        Trouble::NoTls(_) => "Name the port that speaks TLS (often 6514). Plain TCP is \
                              `security = \"none\"`, for a collector on this machine."
            .to_owned(),
        Trouble::Closed | Trouble::Broken(_) | Trouble::Stalled if is_plain => {
            "The collector's own log says why; it has to take syslog over plain TCP (not UDP) with \
             octet counting at this port."
                .to_owned()
        }
        Trouble::Closed | Trouble::Broken(_) | Trouble::Stalled => {
            "The collector's own log says why; it has to take syslog over TLS at this port, without \
             a certificate of the client."
                .to_owned()
        }
    };
    Finding::failure(trouble.told(collector), remedy)
}
