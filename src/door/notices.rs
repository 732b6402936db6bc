//! What the log says of those who go over a limit: once a minute at most for each limit, with how
//! often it happened, so that nobody fills the log from outside.

use std::error::Error;

use clavis_broker::causes::with_causes;
use clavis_web::Seldom;

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Notice {
    /// The system gives no connection.
    NotAccepted,
    /// All places for connections are taken.
    TooManyConnections,
    /// One source has as many connections as it may have.
    TooManyOfOneSource,
    /// Heads or bodies that did not come in time.
    TooSlow,
    /// Bodies that are larger than any that is wanted.
    TooLarge,
    /// Answers that nobody took.
    Stalled,
    /// Frames without end.
    Flood,
    /// Requests that found no place in work.
    Overload,
    /// Requests of one source that found no place in work.
    OverloadByOneSource,
    /// Requests for which there was no memory left.
    NoRoom,
    /// Requests of one source for which there was no memory left.
    NoRoomForOneSource,
    /// TLS handshakes that failed.
    NoHandshake,
}

/// When each was said last.
#[derive(Default)]
pub(crate) struct Notices(Seldom<Notice>);

impl Notices {
    /// Says it, or counts it for the next time.
    pub(crate) fn tell(&self, notice: Notice, error: Option<&(dyn Error + 'static)>) {
        let Some(times) = self.0.count(notice) else {
            return;
        };
        let error = error.map(with_causes);
        let (what, remedy) = notice.words();
        match notice {
            Notice::NotAccepted
            | Notice::Overload
            | Notice::TooManyConnections
            | Notice::NoRoom => {
                tracing::warn!(times, error, remedy, "{what}");
            }
            _ => tracing::info!(times, error, remedy, "{what}"),
        }
    }
}

impl Notice {
    /// What happened, and what an operator may do about it.
    fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::NotAccepted => (
                "no connection can be taken in",
                Some("raise LimitNOFILE= of the unit, or lower `connections` in [server]"),
            ),
            Self::TooManyConnections => (
                "connections were turned away: as many are open as there may be",
                Some(
                    "see who connects (`ss -tn`); where they are people, raise `connections` in [server]",
                ),
            ),
            Self::TooManyOfOneSource => (
                "connections were turned away: their source has as many as one may have",
                Some(
                    "where the source is a proxy, name it in `trusted_proxies` of [server]; where many people share it, raise `connections_per_source`",
                ),
            ),
            Self::TooSlow => (
                "connections ended: their requests did not come in time",
                None,
            ),
            Self::TooLarge => (
                "requests were refused: their bodies are larger than what is sent here may be",
                None,
            ),
            Self::Stalled => ("connections ended: nobody took their answers", None),
            Self::Flood => ("connections ended: they sent frames without end", None),
            Self::Overload => (
                "requests were refused: as many are in work as there may be",
                Some(
                    "see whether the directory and the backends answer slowly; `requests` in [server] is the limit",
                ),
            ),
            Self::OverloadByOneSource => (
                "requests were refused: their source has as many in work as one may have",
                Some("where the source is a proxy, name it in `trusted_proxies` of [server]"),
            ),
            Self::NoRoom => (
                "requests were refused: requests and answers hold as much memory as they may",
                Some("see who connects (`ss -tn`), and keep them out by a firewall or the proxy"),
            ),
            Self::NoRoomForOneSource => (
                "requests were refused: those of their source hold as much memory as one may",
                Some("where the source is a proxy, name it in `trusted_proxies` of [server]"),
            ),
            Self::NoHandshake => ("TLS handshakes failed", None),
        }
    }
}
