//! Telling a program elsewhere.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::check::Finding;

/// Takes messages to a program elsewhere: a webhook.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Hands a message over; `Ok` when the other side has taken it. `id` is the same for the same
    /// message sent again, `at` when it is sent, `body` JSON.
    async fn send(&self, id: &str, at: Timestamp, body: &str) -> Result<(), HookError>;

    /// Tries whether the other side is there, without telling it anything.
    async fn check(&self) -> Vec<Finding>;
}

/// A message was not taken. The text carries nothing of the message and no secret.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Not reached, or refused for now: worth another try.
    #[error("it was not taken for now: {0}")]
    Transient(String),
    /// Refused for now, and nobody is to ask again before this has passed.
    #[error("the other side wants no message for {} s", wait.as_secs())]
    Busy {
        /// How long to wait.
        wait: SignedDuration,
    },
    /// Refused for good: trying again will not help until an operator has done something.
    #[error("it was refused: {0}")]
    Permanent(String),
}
