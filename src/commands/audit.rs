//! `clavis audit show` and `clavis audit export`: the log, for reading and for other programs.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::audit::LogRow;
use clavis_broker::export::Format;
use clavis_broker::ports::{LogQuery, Store};
use clavis_broker::search::{EVENTS, LogSearch, days};
use clavis_broker::tokens::Reference;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::{Outcome, assemble, output};

/// How many rows are read at once.
const PAGE: usize = 1000;

/// Which rows.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// Only those of this request, by its reference
    #[arg(long)]
    request: Option<String>,
    /// Only those that name somebody: a part of a name, mail address or ID
    #[arg(long)]
    person: Option<String>,
    /// Only those about a device, by a part of its name
    #[arg(long)]
    device: Option<String>,
    /// Only those of this event, like link.redeemed
    #[arg(long)]
    event: Option<String>,
    /// Only those from this day on, in the organisation's time zone
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Only those up to this day
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Only those after this place in the log
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// At most so many
    #[arg(long)]
    limit: Option<usize>,
}

/// Prints rows of the log, oldest first, for reading or as JSON lines.
pub(crate) async fn show(config: &Path, wanted: &Wanted, json: bool) -> Outcome {
    each(config, wanted, "", |row| {
        Ok(if json {
            Format::Json.line(row)?
        } else {
            format!("{}\n", line(row))
        })
    })
    .await
}

/// Writes rows of the log, oldest first, in a format for other programs.
pub(crate) async fn export(config: &Path, wanted: &Wanted, format: Format) -> Outcome {
    let head = format.head();
    each(config, wanted, &head, |row| Ok(format.line(row)?)).await
}

/// A format, by its name.
pub(crate) fn format(name: &str) -> Result<Format, String> {
    let mut all = Format::ALL.into_iter();
    all.find(|format| format.name() == name).ok_or_else(|| {
        let known = Format::ALL.map(Format::name);
        format!("write one of: {}", known.join(", "))
    })
}

/// Writes the head, and then the rows page by page, so that a log of any length needs little memory.
/// Nothing is written before it is known what is to be, and that the log is there.
async fn each(
    config: &Path,
    wanted: &Wanted,
    head: &str,
    write: impl Fn(&LogRow) -> Result<String, Box<dyn std::error::Error + Send + Sync>>,
) -> Outcome {
    let settings = assemble::load(config)?;
    let search = search(wanted, &settings.organisation.time_zone)?;
    let store: Box<dyn Store> = Box::new(assemble::store_to_read(&settings)?);
    let request = match &wanted.request {
        Some(reference) => {
            let reference: Reference = reference.parse()?;
            let found = store.request_by_reference(&reference).await?;
            let found = found.ok_or_else(|| super::no_request(&reference))?;
            Some(found.request.id)
        }
        None => None,
    };
    if !output::text(head)? {
        return Ok(ExitCode::SUCCESS);
    }
    let mut left = wanted.limit.unwrap_or(usize::MAX);
    let mut after = wanted.after;
    while left > 0 {
        let rows = store
            .log(&LogQuery {
                request,
                after,
                limit: PAGE,
                ..LogQuery::default()
            })
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        let mut page = String::new();
        for row in rows.iter().filter(|row| search.fits(row)).take(left) {
            left -= 1;
            page.push_str(&write(row)?);
        }
        if !output::text(&page)? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the rows that are read have to fit.
fn search(wanted: &Wanted, zone: &TimeZone) -> Result<LogSearch, String> {
    if let Some(event) = &wanted.event
        && !EVENTS.contains(&event.as_str())
    {
        let known = EVENTS.join(", ");
        return Err(format!("there is no event {event}; write one of: {known}"));
    }
    if let (Some(from), Some(to)) = (wanted.from, wanted.to)
        && from > to
    {
        return Err(format!(
            "no day lies from {from} to {to}: write the earlier one after --from and the later one after --to"
        ));
    }
    let span = days(wanted.from, wanted.to, zone);
    let (from, to) = span.ok_or("no clock will show that day; choose another")?;
    Ok(LogSearch {
        person: wanted.person.clone(),
        device: wanted.device.clone(),
        event: wanted.event.clone(),
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
    super::shown(&line).replace('\n', "\\u{a}")
}
