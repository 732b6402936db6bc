//! What the log says of those who go over a limit: once a minute at most for each limit, with how
//! often it happened, so that nobody fills the log from outside.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clavis_broker::causes::with_causes;
use tokio::time::Instant;

/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_mins(1);

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
    /// Answers that nobody took.
    Stalled,
    /// Frames without end.
    Flood,
    /// Requests that found no place in work.
    Overload,
    /// Requests of one source that found no place in work.
    OverloadByOneSource,
    /// TLS handshakes that failed.
    NoHandshake,
}

/// When something of a kind was said last, and how often it has happened since.
#[derive(Default)]
pub(crate) struct Notices(Mutex<HashMap<Notice, (Instant, u64)>>);

impl Notices {
    /// Says it, or counts it for the next time.
    pub(crate) fn tell(&self, notice: Notice, error: Option<&(dyn Error + 'static)>) {
        let Some(times) = self.count(notice, Instant::now()) else {
            return;
        };
        let error = error.map(with_causes);
        let (what, remedy) = notice.words();
        match notice {
            Notice::NotAccepted | Notice::Overload | Notice::TooManyConnections => {
                tracing::warn!(times, error, remedy, "{what}");
            }
            _ => tracing::info!(times, error, remedy, "{what}"),
        }
    }

    /// How often it has happened since it was last said, where it is to be said now.
    fn count(&self, notice: Notice, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&notice) {
            Some((at, since)) if now.saturating_duration_since(*at) < PAUSE => {
                *since += 1;
                None
            }
            Some((at, since)) => {
                *at = now;
                Some(std::mem::take(since) + 1)
            }
            None => {
                said.insert(notice, (now, 0));
                Some(1)
            }
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
            Self::NoHandshake => ("TLS handshakes failed", None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_kind_is_said_once_a_minute_with_how_often_it_happened() {
        let notices = Notices::default();
        let count = |notice| notices.count(notice, Instant::now());
        assert_eq!(count(Notice::TooSlow), Some(1));
        for _ in 0..500 {
            assert_eq!(count(Notice::TooSlow), None);
        }
        assert_eq!(count(Notice::Stalled), Some(1), "another kind");
        tokio::time::advance(PAUSE).await;
        assert_eq!(count(Notice::TooSlow), Some(501));
        assert_eq!(count(Notice::TooSlow), None);
    }
}
