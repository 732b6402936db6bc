//! The log as it is stored, and what else names people: for those who prove it, check it, and
//! erase from it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::jobs::{Job, JobId};
use super::records::StoredRequest;
use super::store::{LogQuery, StoreError};
use crate::audit::{LogEntry, LogRow};
use crate::lifecycle::RequestId;
use crate::policy::StandIn;
use crate::proof::tree::Hash;

/// A row of the log as it lies in the store, nothing of it believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// Its place.
    pub seq: i64,
    /// When, in milliseconds since 1970, as the store searches by it.
    pub at: i64,
    /// The event's name, as the store searches by it.
    pub event: String,
    /// The request's ID, as the store searches by it.
    pub request: Option<String>,
    /// The leaf, byte for byte.
    pub leaf: String,
    /// The fields beside it.
    pub personal: String,
    /// The first of these columns that does not hold what it should, where one does not: what stands
    /// for it here is as close to it as can be.
    pub unreadable: Option<&'static str>,
}

impl StoredRow {
    /// The columns that are searched by and that are not what the leaf says.
    pub fn odd_columns(&self, said: &LogEntry) -> impl Iterator<Item = &'static str> {
        let request = said.request.as_ref().map(|request| request.id.to_string());
        let columns = [
            ("at", self.at == said.at.as_millisecond()),
            ("event", self.event == said.event.name()),
            ("request", self.request == request),
        ];
        let odd = columns.into_iter().filter(|(_, fits)| !fits);
        odd.map(|(column, _)| column)
    }

    /// The row as its leaf and its fields have it, or one that says that they cannot be read.
    pub fn read(&self) -> LogRow {
        let leaf = (self.unreadable != Some("leaf")).then_some(&*self.leaf);
        let personal = (self.unreadable != Some("personal")).then_some(&*self.personal);
        LogRow::read(self.seq, self.at, leaf, personal)
    }
}

/// A checkpoint that was made of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCheckpoint {
    /// How many rows the log had.
    pub size: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// What proofs and erasures are made of.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// How many rows the log has: the place of the last one.
    async fn log_size(&self) -> Result<u64, StoreError>;

    /// Rows as they lie there, oldest first.
    async fn stored_rows(&self, query: &LogQuery) -> Result<Vec<StoredRow>, StoreError>;

    /// The hashes at these [places](crate::proof::tree::Node::place) of the tree; `None` for one
    /// that is not there, or is no hash.
    async fn hashes(&self, places: &[u64]) -> Result<Vec<Option<Hash>>, StoreError>;

    /// Hashes of the tree from a place on, with their places.
    async fn hashes_from(
        &self,
        place: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Option<Hash>)>, StoreError>;

    /// All [cursors](super::store::Store::cursor) that were ever moved, with their places.
    async fn cursors(&self) -> Result<Vec<(String, i64)>, StoreError>;

    /// All checkpoints that were made, the smallest first.
    async fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>, StoreError>;

    /// The latest checkpoint.
    async fn latest_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// All requests, in the order of their IDs, those after one of them.
    async fn requests_after(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError>;

    /// All jobs of the outbox, in the order of their IDs, those after one of them.
    async fn jobs_after(
        &self,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<(JobId, Job)>, StoreError>;

    /// What everybody last said of who decides in their place, ended or not.
    async fn stand_ins(&self) -> Result<Vec<StandIn>, StoreError>;

    /// What does not hold together of the place where all of this is kept, such as an index that has
    /// lost rows: whoever reads by it does not come to them, and misses nothing. Nothing where it is
    /// sound. Goes through all of it.
    async fn damage(&self) -> Result<Vec<String>, StoreError>;

    /// Clears what is left of erased fields in places of which only the store knows, such as a
    /// write-ahead log; false where others are reading there, and it has to be tried again.
    async fn clear_traces(&self) -> Result<bool, StoreError>;
}
