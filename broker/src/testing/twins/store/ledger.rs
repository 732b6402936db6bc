//! The log as it lies in memory, and its tree.

use std::convert::Infallible;

use async_trait::async_trait;

use super::{Memory, MemoryStore};
use crate::lifecycle::RequestId;
use crate::policy::StandIn;
use crate::ports::{
    Job, JobId, KeptCheckpoint, Ledger, LogQuery, StoreError, StoredRequest, StoredRow,
};
use crate::proof::leaf::Sealed;
use crate::proof::tree::{self, Hash, leaf_hash};

impl Memory {
    pub(super) fn append(&mut self, sealed: &Sealed) {
        let size = self.log.len() as u64;
        let Ok(added) = tree::append(size, leaf_hash(sealed.leaf().as_bytes()), |node| {
            Ok::<_, Infallible>(self.tree[at(node.place())])
        });
        self.tree.extend(added.into_iter().map(|(_, hash)| hash));
        self.log.push(StoredRow {
            seq: self.log.last().map_or(1, |row| row.seq + 1),
            at: sealed.at().as_millisecond(),
            event: sealed.event().to_owned(),
            request: sealed.request().map(|id| id.to_string()),
            leaf: sealed.leaf().to_owned(),
            personal: sealed.personal().to_owned(),
            unreadable: None,
        });
    }

    pub(super) fn rows(&self, query: &LogQuery) -> impl Iterator<Item = &StoredRow> {
        let request = query.request.map(|id| id.to_string());
        let (after, events) = (query.after, query.events);
        let wanted = move |row: &&StoredRow| {
            row.seq > after
                && (events.is_empty() || events.contains(&row.event.as_str()))
                && (request.is_none() || row.request == request)
        };
        self.log.iter().filter(wanted).take(query.limit)
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn log_size(&self) -> Result<u64, StoreError> {
        self.read(|memory| memory.log.len() as u64).await
    }

    async fn stored_rows(&self, query: &LogQuery) -> Result<Vec<StoredRow>, StoreError> {
        self.read(|memory| memory.rows(query).cloned().collect())
            .await
    }

    async fn hashes(&self, places: &[u64]) -> Result<Vec<Option<Hash>>, StoreError> {
        self.read(|memory| {
            let hash = |place: &u64| memory.tree.get(at(*place)).copied();
            places.iter().map(hash).collect()
        })
        .await
    }

    async fn hashes_from(
        &self,
        place: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Option<Hash>)>, StoreError> {
        self.read(|memory| {
            let placed = (0..).zip(memory.tree.iter().copied().map(Some));
            placed.skip(at(place)).take(limit).collect()
        })
        .await
    }

    async fn cursors(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.read(|memory| {
            let cursors = memory.cursors.iter();
            let mut cursors: Vec<_> = cursors.map(|(name, at)| (name.clone(), *at)).collect();
            cursors.sort();
            cursors
        })
        .await
    }

    async fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>, StoreError> {
        self.read(|memory| memory.checkpoints.clone()).await
    }

    async fn latest_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        self.read(|memory| memory.checkpoints.last().cloned()).await
    }

    async fn requests_after(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        self.read(|memory| {
            let requests = memory.requests.iter();
            let mut requests: Vec<_> = requests
                .filter(|it| after.is_none_or(|after| it.request.id > after))
                .cloned()
                .collect();
            requests.sort_by_key(|it| it.request.id);
            requests.truncate(limit);
            requests
        })
        .await
    }

    async fn jobs_after(
        &self,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<(JobId, Job)>, StoreError> {
        self.read(|memory| {
            let jobs = memory.jobs.iter().map(|it| (it.id, it.job.clone()));
            let mut jobs: Vec<_> = jobs
                .filter(|(id, _)| after.is_none_or(|after| *id > after))
                .collect();
            jobs.sort_by_key(|(id, _)| *id);
            jobs.truncate(limit);
            jobs
        })
        .await
    }

    async fn stand_ins(&self) -> Result<Vec<StandIn>, StoreError> {
        self.read(|memory| memory.stand_ins.clone()).await
    }

    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        self.read(|_| Vec::new()).await
    }

    async fn clear_traces(&self) -> Result<bool, StoreError> {
        self.read(|_| true).await
    }
}

fn at(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
