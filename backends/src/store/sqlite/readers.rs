//! Connections for reading, made when they are needed and kept for the next reader.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clavis_broker::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::rows::RowError;

/// At most so many long reads at once; others wait their turn. A connection is costly to open, so
/// a few that are kept serve more than many that are not.
const AT_ONCE: usize = 2;

/// How a connection is made.
type Open = fn(&Path) -> Result<Connection, rusqlite::Error>;

/// Reads from the file, beside the writer and beside each other.
#[derive(Clone)]
pub(super) struct Readers {
    path: Arc<Path>,
    open: Open,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Reads by connections that are made so, and by those that there are already.
    pub(super) fn new(path: PathBuf, open: Open, idle: Vec<Connection>) -> Self {
        Self {
            path: path.into(),
            open,
            idle: Arc::new(Mutex::new(idle)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Runs a query that goes by an index to a few rows, here and now: it takes some microseconds,
    /// less than it would take to hand it to another thread.
    pub(super) fn look_up<T>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> Result<T, RowError>,
    ) -> Result<T, StoreError> {
        self.read_here(query)
            .map_err(|error| error.while_doing(what))
    }

    /// Runs a query that may read much, away from the threads that serve connections.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.acquire().await;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || readers.read_here(query));
        match task.await {
            Ok(answer) => answer.map_err(|error| error.while_doing(what)),
            Err(error) => Err(StoreError {
                what: what.to_owned(),
                source: Some(Box::new(error)),
            }),
        }
    }

    fn read_here<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, RowError>,
    ) -> Result<T, RowError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => (self.open)(&self.path)?,
        };
        let answer = query(&connection)?;
        // A connection that failed is not kept.
        idle().push(connection);
        Ok(answer)
    }
}
