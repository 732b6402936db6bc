//! Programs elsewhere whose messages prove by themselves whose they are.

use jiff::Timestamp;

use crate::programs::{ProgramName, Scope};

/// A program elsewhere that sends messages.
pub trait Sender: Send + Sync {
    /// The name that the configuration gives it.
    fn name(&self) -> &ProgramName;

    /// What its messages are good for.
    fn scopes(&self) -> &[Scope];

    /// Whether a message is its own, and of now.
    fn verify(&self, message: &Signed<'_>, now: Timestamp) -> Result<(), Unsigned>;
}

/// A message as Standard Webhooks has it: three fields of the head, and the body as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// A message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unsigned {
    /// A field of the head is not as it has to be.
    #[error("it has no ID, time or signature that can be read")]
    Malformed,
    /// It is too old, or of the future.
    #[error("it was not sent within five minutes of now")]
    OtherTime,
    /// No signature is by a secret that is known, or nobody goes by the name.
    #[error("it is signed with none of the secrets")]
    OtherSecret,
}
