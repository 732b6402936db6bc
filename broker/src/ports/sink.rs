//! Where rows of the log go beside the store.

use async_trait::async_trait;

use super::check::Finding;
use crate::audit::LogRow;

/// Takes rows of the log away: to a collector, to a file.
#[async_trait]
pub trait LogSink: Send + Sync {
    /// The name that the configuration gives it: its feed keeps its place in the log by it.
    fn name(&self) -> &str;

    /// Hands rows over, in this order. `Ok` once all of them count as delivered. Otherwise any of
    /// them may have arrived, and all are sent again: whoever reads them tells one that came twice
    /// by its number.
    async fn send(&self, rows: &[LogRow]) -> Result<(), SinkError>;

    /// Tries the way there for real, without sending a row.
    async fn check(&self) -> Vec<Finding>;
}

/// Rows were not taken: worth another try. The text carries nothing of them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);
