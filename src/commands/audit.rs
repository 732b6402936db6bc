//! `clavis audit show`: the log, for reading.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::audit::LogRow;
use clavis_broker::ports::LogQuery;
use clavis_broker::search::{EVENTS, LogSearch, days};
use clavis_broker::tokens::Reference;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::{Outcome, assemble};

/// How many rows are read at once.
const PAGE: usize = 1000;

/// Which rows, and how.
pub(crate) struct Wish {
    /// Only those of this request.
    pub(crate) request: Option<String>,
    /// Only those that name this person.
    pub(crate) person: Option<String>,
    /// Only those about this device.
    pub(crate) device: Option<String>,
    /// Only those of this event.
    pub(crate) event: Option<String>,
    /// Only those from this day on.
    pub(crate) from: Option<Date>,
    /// Only those up to this day.
    pub(crate) to: Option<Date>,
    /// Only those after this place.
    pub(crate) after: i64,
    /// At most so many.
    pub(crate) limit: Option<usize>,
    /// As JSON lines.
    pub(crate) json: bool,
}

/// Prints rows of the log, oldest first.
pub(crate) async fn show(config: &Path, wish: Wish) -> Outcome {
    let settings = assemble::load(config)?;
    let store: Box<dyn clavis_broker::ports::Store> = Box::new(crate::assemble::store(&settings)?);
    let request = match &wish.request {
        Some(reference) => {
            let reference: Reference = reference.parse()?;
            let found = store.request_by_reference(&reference).await?;
            Some(
                found
                    .ok_or_else(|| format!("there is no request {reference}"))?
                    .request
                    .id,
            )
        }
        None => None,
    };
    let search = search(&wish, &settings.organisation.time_zone)?;
    let mut left = wish.limit.unwrap_or(usize::MAX);
    let mut after = wish.after;
    while left > 0 {
        let rows = store
            .log(&LogQuery {
                request,
                after,
                limit: PAGE,
            })
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in rows.iter().filter(|row| search.fits(row)).take(left) {
            left -= 1;
            if wish.json {
                println!("{}", serde_json::to_string(row)?);
            } else {
                println!("{}", line(row));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the rows that are read have to fit.
fn search(wish: &Wish, zone: &TimeZone) -> Result<LogSearch, String> {
    if let Some(event) = &wish.event
        && !EVENTS.contains(&event.as_str())
    {
        let known = EVENTS.join(", ");
        return Err(format!("there is no event {event}; write one of: {known}"));
    }
    let span = days(wish.from, wish.to, zone);
    let (from, to) = span.ok_or("no clock will show that day; choose another")?;
    Ok(LogSearch {
        person: wish.person.clone(),
        device: wish.device.clone(),
        event: wish.event.clone(),
        from,
        to,
        ..LogSearch::default()
    })
}

/// `seq  when  event  request  device  who  from where  keys`
pub(crate) fn line(row: &LogRow) -> String {
    let entry = &row.entry;
    let request = entry
        .request
        .as_ref()
        .map_or("-", |request| request.reference.as_str());
    let device = entry
        .device
        .as_ref()
        .map_or("-", |device| device.name.as_str());
    let source = entry
        .source
        .map_or_else(|| "-".to_owned(), |source| source.to_string());
    let keys: Vec<_> = entry.event.keys().iter().map(ToString::to_string).collect();
    let mut line = format!(
        "{:>6}  {:.0}  {:<20}  {request:<8}  {device:<12}  {}  {source}",
        row.seq,
        entry.at,
        entry.event.name(),
        entry.actor.label(),
    );
    if !keys.is_empty() {
        line = format!("{line}  {}", keys.join(","));
    }
    line
}
