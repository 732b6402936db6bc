//! A sink that keeps the numbers of the rows that it is given.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{INTERNALS, locked};
use crate::audit::LogRow;
use crate::ports::{Finding, LogSink, SinkError};

/// A sink that keeps the numbers of the rows that it is given.
pub struct MemorySink {
    name: String,
    taken: watch::Sender<Taken>,
    limit: Mutex<Option<usize>>,
}

#[derive(Debug, Clone, Default)]
struct Taken {
    seqs: Vec<i64>,
    events: Vec<&'static str>,
    failures: usize,
}

impl MemorySink {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            taken: watch::Sender::default(),
            limit: Mutex::default(),
        }
    }

    /// The numbers of the rows that it has, in the order in which they came.
    pub fn seqs(&self) -> Vec<i64> {
        self.taken.borrow().seqs.clone()
    }

    /// The names of their events.
    pub fn events(&self) -> Vec<&'static str> {
        self.taken.borrow().events.clone()
    }

    /// Takes so many rows of what it is given from now, and fails; or takes all of them again.
    pub fn take_only(&self, limit: Option<usize>) {
        *locked(&self.limit) = limit;
    }

    /// Waits until it has this row.
    pub async fn wait_for(&self, seq: i64) {
        let mut taken = self.taken.subscribe();
        let _ = taken.wait_for(|taken| taken.seqs.contains(&seq)).await;
    }

    /// Waits until it has failed so often.
    pub async fn wait_for_failures(&self, failures: usize) {
        let mut taken = self.taken.subscribe();
        let _ = taken.wait_for(|taken| taken.failures >= failures).await;
    }
}

#[async_trait]
impl LogSink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, rows: &[LogRow]) -> Result<(), SinkError> {
        tokio::task::yield_now().await;
        let limit = *locked(&self.limit);
        let rows = &rows[..limit.unwrap_or(rows.len()).min(rows.len())];
        self.taken.send_modify(|taken| {
            taken.seqs.extend(rows.iter().map(|row| row.seq));
            let events = rows.iter().map(|row| row.entry.event.name());
            taken.events.extend(events);
            taken.failures += usize::from(limit.is_some());
        });
        match limit {
            Some(_) => Err(SinkError(INTERNALS.to_owned())),
            None => Ok(()),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        vec![match *locked(&self.limit) {
            Some(_) => Finding::failure("The memory takes few rows", "Let it take all of them."),
            None => Finding::ok("The rows stay in memory"),
        }]
    }
}
