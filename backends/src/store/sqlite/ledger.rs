//! The log as it lies in the file, and the tree over it.

use async_trait::async_trait;
use clavis_broker::lifecycle::RequestId;
use clavis_broker::policy::StandIn;
use clavis_broker::ports::{
    Job, JobId, KeptCheckpoint, Ledger, LogQuery, StoreError, StoredRequest, StoredRow,
};
use clavis_broker::proof::leaf::Sealed;
use clavis_broker::proof::tree::{self, Hash, leaf_hash};
use rusqlite::{Connection, params};

use super::rows::{self, RowError, job_id, millis, place, request_id};
use super::{SqliteStore, count, many, one, sql};

/// Writes a row and what it adds to the tree, inside an open transaction: the hash beside which
/// its own comes is read in it, so that two processes never build on one size.
pub(super) fn append(connection: &Connection, sealed: &Sealed) -> Result<(), RowError> {
    let request = sealed.request().map(request_id);
    let seq: i64 = connection.prepare_cached(sql::LOG)?.query_row(
        params![
            millis(sealed.at()),
            sealed.event(),
            request,
            sealed.leaf(),
            sealed.personal(),
        ],
        |row| row.get(0),
    )?;
    let size = u64::try_from(seq - 1).map_err(|_| RowError::Tree)?;
    let leaf = leaf_hash(sealed.leaf().as_bytes());
    let added = tree::append(size, leaf, |node| {
        let hash = hash_at(connection, node.place())?;
        hash.ok_or(RowError::Tree)
    })?;
    for (node, hash) in added {
        let mut statement = connection.prepare_cached(sql::ADD_HASH)?;
        statement
            .execute(params![place(node.place())?, hash])
            .map_err(|error| match error.sqlite_error_code() {
                // Rows were taken from the end of the log, and their hashes are still there.
                Some(rusqlite::ErrorCode::ConstraintViolation) => RowError::Tree,
                _ => error.into(),
            })?;
    }
    Ok(())
}

fn hash_at(connection: &Connection, at: u64) -> Result<Option<Hash>, RowError> {
    let found = one(connection, sql::HASH, params![place(at)?], |row| {
        Ok(rows::hash(row, 0))
    })?;
    Ok(found.flatten())
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn log_size(&self) -> Result<u64, StoreError> {
        let read = |connection: &Connection| {
            one(connection, sql::LOG_SIZE, params![], |row| {
                let size: i64 = row.get(0)?;
                size.try_into().map_err(|_| RowError::Impossible("size"))
            })
        };
        let size = self.readers.look_up("measuring the log", read)?;
        Ok(size.unwrap_or(0))
    }

    async fn stored_rows(&self, query: &LogQuery) -> Result<Vec<StoredRow>, StoreError> {
        self.log_rows(query, sql::WHOLE_ROW, rows::stored_row).await
    }

    async fn hashes(&self, places: &[u64]) -> Result<Vec<Option<Hash>>, StoreError> {
        let places = places.to_vec();
        let read = move |connection: &Connection| {
            let hashes = places.into_iter().map(|at| hash_at(connection, at));
            hashes.collect()
        };
        self.readers.read("reading the log's tree", read).await
    }

    async fn hashes_from(
        &self,
        first: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Option<Hash>)>, StoreError> {
        let read = move |connection: &Connection| {
            let parameters = params![place(first)?, count(limit)];
            many(connection, sql::HASHES, parameters, |row| {
                let at: i64 = row.get(0)?;
                let at = at.try_into().map_err(|_| RowError::Impossible("place"))?;
                Ok((at, rows::hash(row, 1)))
            })
        };
        self.readers.read("reading the log's tree", read).await
    }

    async fn cursors(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let read = |connection: &Connection| {
            many(connection, sql::CURSORS, params![], |row| {
                Ok((rows::str(row, 0)?.to_owned(), row.get(1)?))
            })
        };
        self.readers.read("reading the cursors", read).await
    }

    async fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>, StoreError> {
        let read = |connection: &Connection| {
            many(connection, sql::CHECKPOINTS, params![], rows::checkpoint)
        };
        self.readers.read("reading the checkpoints", read).await
    }

    async fn latest_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        let read = |connection: &Connection| {
            let statement = sql::LATEST_CHECKPOINT;
            one(connection, statement, params![], rows::checkpoint)
        };
        self.readers.look_up("reading the latest checkpoint", read)
    }

    async fn requests_after(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        let after = after.map(request_id).unwrap_or_default();
        let read = move |connection: &Connection| {
            let parameters = params![after, count(limit)];
            many(
                connection,
                sql::REQUESTS_AFTER,
                parameters,
                rows::stored_request,
            )
        };
        self.readers.read("listing requests", read).await
    }

    async fn jobs_after(
        &self,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<(JobId, Job)>, StoreError> {
        let after = after.map(job_id).unwrap_or_default();
        let read = move |connection: &Connection| {
            let parameters = params![after, count(limit)];
            many(connection, sql::JOBS_AFTER, parameters, rows::job)
        };
        self.readers.read("listing jobs", read).await
    }

    async fn stand_ins(&self) -> Result<Vec<StandIn>, StoreError> {
        let read = |connection: &Connection| {
            many(connection, sql::STAND_INS, params![], |row| {
                rows::text(row, 0)
            })
        };
        self.readers.read("listing who stands in", read).await
    }

    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let read = |connection: &Connection| {
            let mut found = many(connection, sql::INTEGRITY, params![], |row| {
                Ok(rows::str(row, 0)?.trim().replace('\n', "; "))
            })?;
            found.retain(|it| it != "ok");
            Ok(found)
        };
        self.readers.read("checking the file", read).await
    }

    async fn clear_traces(&self) -> Result<bool, StoreError> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare(sql::CLEAR_WRITE_AHEAD_LOG)?;
            let is_busy: i64 = statement.query_row([], |row| row.get(0))?;
            Ok(is_busy == 0)
        };
        let what = "clearing the write-ahead log";
        self.readers.read(what, read).await
    }
}
