//! What auditors see of the log. That they looked is in it before they see anything.

use std::net::IpAddr;

use super::{Broker, Unavailable};
use crate::audit::{Actor, Event, LogEntry, LogRow};
use crate::export::Format;
use crate::lifecycle::RequestId;
use crate::people::Party;
use crate::search::{LogFilters, LogSearch};

/// The most rows of one export.
const LONGEST: usize = 100_000;
/// How many rows of an export are read at once.
const PAGE: usize = 1000;
/// The most rows of one request that its pages show.
const HISTORY: usize = 1000;

/// An export of the log that is under way.
#[derive(Debug)]
pub struct LogExport {
    /// What comes after the rows that were read.
    search: LogSearch,
    /// Rows that were read and not given yet.
    ahead: Vec<LogRow>,
    /// How many more rows there may be.
    left: usize,
    cut: Option<LogRow>,
}

impl LogExport {
    /// The most rows of one export.
    pub const LONGEST: usize = LONGEST;

    /// Where it was cut, as there are more rows than an export may have: its last row, before which
    /// the next export may begin.
    pub fn cut(&self) -> Option<&LogRow> {
        self.cut.as_ref()
    }
}

impl Broker {
    /// Rows of the log for an auditor, newest first, at most `limit`.
    pub async fn search_log(
        &self,
        auditor: &Party,
        filters: &LogFilters,
        limit: usize,
        source: Option<IpAddr>,
    ) -> Result<Vec<LogRow>, Unavailable> {
        let (_, rows) = self.found(filters, limit).await?;
        let filters = filters.clone();
        let looked = Event::AuditSearched { filters };
        self.record_look(looked, auditor, source).await?;
        Ok(rows)
    }

    /// Begins an export of the rows that an auditor wants, newest first.
    pub async fn begin_export(
        &self,
        auditor: &Party,
        filters: &LogFilters,
        format: Format,
        source: Option<IpAddr>,
    ) -> Result<LogExport, Unavailable> {
        let export = self.prepare_export(filters, LONGEST).await?;
        let filters = filters.clone();
        let taken = Event::AuditExported { filters, format };
        self.record_look(taken, auditor, source).await?;
        Ok(export)
    }

    /// The next rows of an export; none once it is over.
    pub async fn next_rows(&self, export: &mut LogExport) -> Result<Vec<LogRow>, Unavailable> {
        let mut rows = std::mem::take(&mut export.ahead);
        let Some(last) = rows.last() else {
            return Ok(rows);
        };
        export.search.before = Some(last.seq);
        if rows.len() > export.left {
            rows.truncate(export.left);
            export.cut = rows.last().cloned();
            return Ok(rows);
        }
        export.left -= rows.len();
        export.ahead = self.parts.store.search_log(&export.search).await?;
        if export.left == 0 && !export.ahead.is_empty() {
            export.ahead.clear();
            export.cut = rows.last().cloned();
        }
        Ok(rows)
    }

    /// The rows of a request, oldest first; of very many the latest.
    pub(super) async fn history(&self, request: RequestId) -> Result<Vec<LogRow>, Unavailable> {
        let search = LogSearch {
            request: Some(request),
            limit: HISTORY,
            ..LogSearch::default()
        };
        let mut rows = self.parts.store.search_log(&search).await?;
        rows.reverse();
        Ok(rows)
    }

    pub(super) async fn prepare_export(
        &self,
        filters: &LogFilters,
        longest: usize,
    ) -> Result<LogExport, Unavailable> {
        let (search, ahead) = self.found(filters, PAGE).await?;
        Ok(LogExport {
            search,
            ahead,
            left: longest,
            cut: None,
        })
    }

    /// What is found, and the search that found it. A request that is not there has no rows.
    async fn found(
        &self,
        filters: &LogFilters,
        limit: usize,
    ) -> Result<(LogSearch, Vec<LogRow>), Unavailable> {
        let store = &self.parts.store;
        let request = match &filters.request {
            None => None,
            Some(reference) => match store.request_by_reference(reference).await? {
                Some(stored) => Some(stored.request.id),
                None => return Ok((filters.search(None, 0), Vec::new())),
            },
        };
        let search = filters.search(request, limit);
        let rows = store.search_log(&search).await?;
        Ok((search, rows))
    }

    async fn record_look(
        &self,
        event: Event,
        auditor: &Party,
        source: Option<IpAddr>,
    ) -> Result<(), Unavailable> {
        let actor = Actor::Person(auditor.clone());
        self.record(LogEntry::of_nothing(event, actor, source, self.now()))
            .await
    }
}
