//! A few connections that are kept for the next mail.
//!
//! A connection goes back only after a mail that went well, so that none with an open dialogue is
//! ever used again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::connect::Door;
use super::trouble::Trouble;

/// Many servers and firewalls drop an idle connection after some minutes.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// The connections to one server, not more than so many at once.
pub(super) struct Pool {
    door: Door,
    turns: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    smtp: AsyncSmtpConnection,
    since: Instant,
}

/// A connection in use; it is closed when it is dropped.
pub(super) struct InUse<'p> {
    smtp: AsyncSmtpConnection,
    _turn: SemaphorePermit<'p>,
}

impl InUse<'_> {
    /// The connection.
    pub(super) fn smtp(&mut self) -> &mut AsyncSmtpConnection {
        &mut self.smtp
    }
}

impl Pool {
    /// No connections yet, and later at most so many.
    pub(super) fn new(door: Door, most: u32) -> Self {
        Self {
            door,
            turns: Semaphore::new(usize::try_from(most.max(1)).unwrap_or(1)),
            idle: Mutex::default(),
        }
    }

    /// The way to the server.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// A connection that was kept and still works, or a new one; waits for its turn.
    pub(super) async fn take(&self) -> Result<InUse<'_>, Trouble> {
        let turn = self.turns.acquire().await.map_err(|_| Trouble::Slow)?;
        while let Some(mut idle) = self.last_kept() {
            if idle.since.elapsed() < KEPT_FOR && idle.smtp.test_connected().await {
                return Ok(InUse {
                    smtp: idle.smtp,
                    _turn: turn,
                });
            }
        }
        let smtp = self.door.open().await?;
        Ok(InUse { smtp, _turn: turn })
    }

    /// Keeps a connection over which a mail has gone well.
    pub(super) fn keep(&self, connection: InUse<'_>) {
        let idle = Idle {
            smtp: connection.smtp,
            since: Instant::now(),
        };
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(idle);
    }

    fn last_kept(&self) -> Option<Idle> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}
