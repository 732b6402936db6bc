//! Putting letters into words, and sending them.

use async_trait::async_trait;

use super::check::Finding;
use crate::letters::{Letter, Mail};

/// Puts letters into words.
pub trait MailRenderer: Send + Sync {
    /// The letter as a mail. `message_id` becomes its [`Mail::message_id`].
    fn render(&self, letter: &Letter<'_>, message_id: String) -> Mail;
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over; `Ok` when the other side has taken responsibility for it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Tries the mail server for real, without sending anything.
    async fn check(&self) -> Vec<Finding>;
}

/// A mail was not taken. The text carries no address and nothing of the mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Not reached, or refused for now: worth another try.
    #[error("the mail was not taken for now: {0}")]
    Transient(String),
    /// Refused for good: trying again will not help until an operator has done something.
    #[error("the mail was refused: {0}")]
    Permanent(String),
}
