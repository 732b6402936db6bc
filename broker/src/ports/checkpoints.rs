//! Where checkpoints of the log are kept outside of it.

use async_trait::async_trait;

use super::check::Finding;
use super::ledger::KeptCheckpoint;

/// A place for checkpoints that whoever can change the log cannot change as well.
#[async_trait]
pub trait CheckpointSink: Send + Sync {
    /// Its name, by which jobs know it: the same in every run.
    fn name(&self) -> &str;

    /// Keeps a checkpoint, whole or not at all. One that is there already is no fault.
    async fn keep(&self, checkpoint: &KeptCheckpoint) -> Result<(), KeepError>;

    /// The notes of the largest checkpoints that it keeps, for whoever signs to hold the log against:
    /// several where it keeps some of other logs of that size; none where it keeps none, or cannot be
    /// asked. Nothing of them is believed.
    async fn largest(&self) -> Result<Vec<String>, KeepError> {
        Ok(Vec::new())
    }

    /// Tries the place for real.
    async fn check(&self) -> Vec<Finding>;
}

/// A checkpoint was not kept. The text carries no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Not reached, or refused for now: worth another try.
    #[error("not kept for now: {0}")]
    Transient(String),
    /// Refused for good: trying again will not help until an operator has done something.
    #[error("refused: {0}")]
    Permanent(String),
}
