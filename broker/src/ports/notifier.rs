//! Telling a channel of people that a review waits.

use async_trait::async_trait;
use jiff::Timestamp;

use super::check::Finding;
use super::hook::HookError;
use crate::tokens::Reference;

/// A review that waits, as far as a channel is told: what has to be done and until when, and nothing of
/// who asks for what. Whoever may review it sees that on its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The request.
    pub reference: Reference,
    /// When it is too late for a decision.
    pub decide_by: Timestamp,
}

/// Takes notices to a channel in which approvers are: of Teams, of Slack.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Its name in the settings.
    fn name(&self) -> &str;

    /// Hands a notice over; `Ok` when the other side has taken it.
    async fn post(&self, notice: &Notice) -> Result<(), HookError>;

    /// Tries whether the other side is there, without telling it anything.
    async fn check(&self) -> Vec<Finding>;
}
