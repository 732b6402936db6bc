//! Searching the log: one row after the other from the newest, each looked at as little as will do.

use clavis_broker::audit::LogRow;
use clavis_broker::search::{LogSearch, fold};
use rusqlite::{Connection, params};

use super::rows::{RowError, log_row, millis, request_id, str};
use super::sql;

/// The rows that fit, newest first.
pub(super) fn run(connection: &Connection, search: &LogSearch) -> Result<Vec<LogRow>, RowError> {
    let mut found = Vec::new();
    let Some((first, last)) = span(connection, search)? else {
        return Ok(found);
    };
    if search.limit == 0 {
        return Ok(found);
    }
    let traces = search.traces();
    let event = search.stored_event();
    let request = search.request.map(request_id);
    let mut statement = connection.prepare_cached(match request {
        Some(_) => sql::SEARCH_LOG_OF,
        None => sql::SEARCH_LOG,
    })?;
    let mut rows = match &request {
        Some(request) => statement.query(params![first, last, event, request])?,
        None => statement.query(params![first, last, event])?,
    };
    while let Some(row) = rows.next()? {
        if !traces.is_empty() {
            // What is searched for names somebody or something of theirs, or is one of the few texts
            // that do not.
            if let (Ok(leaf), Ok(personal)) = (str(row, 2), str(row, 3)) {
                let (leaf, personal) = (fold(leaf), fold(personal));
                let is_there = |trace: &String| {
                    personal.contains(trace.as_str()) || leaf.contains(trace.as_str())
                };
                if !traces.iter().all(is_there) {
                    continue;
                }
            }
        }
        let row = log_row(row)?;
        if search.fits(&row) {
            found.push(row);
            if found.len() == search.limit {
                break;
            }
        }
    }
    Ok(found)
}

/// The first and the last place at which there can be a row that fits; `None` where there is none.
fn span(connection: &Connection, search: &LogSearch) -> Result<Option<(i64, i64)>, RowError> {
    let before = search.before.unwrap_or(i64::MAX);
    let (mut first, mut last) = (1, before.saturating_sub(1));
    if search.from.is_some() || search.to.is_some() {
        let from = search.from.map_or(i64::MIN, millis);
        let to = search.to.map_or(i64::MAX, millis_up);
        let mut statement = connection.prepare_cached(sql::LOG_SPAN)?;
        let ends = statement.query_row(params![from, to], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        let (Some(begin), Some(end)) = ends else {
            return Ok(None);
        };
        first = first.max(begin);
        last = last.min(end);
    }
    Ok((first <= last).then_some((first, last)))
}

/// A moment that lies between two milliseconds is past the earlier one.
fn millis_up(at: jiff::Timestamp) -> i64 {
    millis(at).saturating_add(1)
}
