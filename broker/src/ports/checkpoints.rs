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

    /// The notes of the largest checkpoints that it keeps, the largest first, for whoever holds the log
    /// against them: all or some of them, several of one size where it keeps some of other logs; none
    /// where it keeps none, or cannot be asked. Each says the size that it is kept by. Nothing of them
    /// is believed.
    ///
    /// # Errors
    /// [`KeepError::Permanent`] where nobody knows which are the largest before somebody has mended it.
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
