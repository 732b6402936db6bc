//! Rows of the log as a file: read and sent page by page.

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use clavis_broker::audit::{Actor, ExportFormat, LogRow};
use clavis_broker::service::{Broker, LogExport};
use futures_util::stream::try_unfold;

use super::filters::Typed;
use crate::app::App;
use crate::client::Source;
use crate::csv;
use crate::fault::Fault;
use crate::forms::query;
use crate::sessions::SignedIn;

pub(crate) async fn export_csv(
    State(app): State<App>,
    source: Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let begun = begin(&app, &who, &uri, ExportFormat::Csv, source);
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"clavis-audit.csv\"",
        ),
    ];
    Ok((headers, begun.await?).into_response())
}

pub(crate) async fn export_jsonl(
    State(app): State<App>,
    source: Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let begun = begin(&app, &who, &uri, ExportFormat::Jsonl, source);
    let headers = [
        (CONTENT_TYPE, "application/jsonl; charset=utf-8"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"clavis-audit.jsonl\"",
        ),
    ];
    Ok((headers, begun.await?).into_response())
}

async fn begin(
    app: &App,
    who: &SignedIn,
    uri: &Uri,
    format: ExportFormat,
    Source(source): Source,
) -> Result<Body, Fault> {
    let typed: Typed = query(uri);
    let filters = typed.filters(&app.site).map_err(|_| Fault::Malformed)?;
    let broker = &app.broker;
    let export = broker.begin_export(who.person(), &filters, format, source);
    Ok(body(Arc::clone(broker), export.await?, format))
}

/// The rows, as the store gives them. Where it fails half-way, the answer breaks off, so that
/// nobody takes a part for the whole.
fn body(broker: Arc<Broker>, export: LogExport, format: ExportFormat) -> Body {
    let begin = Some((export, head(format)));
    Body::from_stream(try_unfold(begin, move |state| {
        let broker = Arc::clone(&broker);
        async move {
            let Some((mut export, mut text)) = state else {
                return Ok(None);
            };
            let rows = broker.next_rows(&mut export).await.inspect_err(|error| {
                let error: &(dyn Error + 'static) = error;
                tracing::error!(error, "an export of the log broke off");
            })?;
            for row in &rows {
                text.push_str(&line(row, format)?);
            }
            if !rows.is_empty() {
                return Ok(Some((text, Some((export, String::new())))));
            }
            if let Some(at) = export.cut() {
                text.push_str(&cut(at, format));
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(Some((text, None)))
        }
    }))
}

const COLUMNS: [&str; 13] = [
    "seq",
    "at",
    "event",
    "actor_kind",
    "actor_name",
    "actor_mail",
    "actor_id",
    "source",
    "request",
    "device",
    "device_id",
    "keys",
    "details",
];

fn head(format: ExportFormat) -> String {
    match format {
        ExportFormat::Csv => csv::line(COLUMNS),
        ExportFormat::Jsonl => String::new(),
    }
}

fn line(row: &LogRow, format: ExportFormat) -> Result<String, serde_json::Error> {
    match format {
        ExportFormat::Jsonl => Ok(format!("{}\n", serde_json::to_string(row)?)),
        ExportFormat::Csv => Ok(csv::line(cells(row)?.iter().map(String::as_str))),
    }
}

/// The last line of what is not the whole.
fn cut(at: i64, format: ExportFormat) -> String {
    let most = LogExport::LONGEST;
    let what = format!(
        "Cut after {most} rows. There are older ones: narrow the days down, or add before={at} to the address."
    );
    match format {
        ExportFormat::Csv => {
            let mut cells = [""; COLUMNS.len()];
            cells[2] = "cut";
            cells[COLUMNS.len() - 1] = &what;
            csv::line(cells)
        }
        ExportFormat::Jsonl => {
            let last = serde_json::json!({ "cut": what, "before": at });
            format!("{last}\n")
        }
    }
}

/// In the order of [`COLUMNS`].
fn cells(row: &LogRow) -> Result<[String; COLUMNS.len()], serde_json::Error> {
    let entry = &row.entry;
    let (kind, name, party) = match &entry.actor {
        Actor::Person(party) => ("person", party.name.as_str(), Some(party)),
        Actor::Holder(party) => ("holder", party.name.as_str(), Some(party)),
        Actor::Operator { name } => ("operator", name.as_str(), None),
        Actor::Clavis => ("clavis", "", None),
        Actor::Stranger => ("stranger", "", None),
    };
    let mail = party.map(|party| party.mail.to_string());
    let id = party.map(|party| party.id.to_string());
    let source = entry.source.map(|source| source.to_string());
    let request = entry.request.as_ref().map(|it| it.reference.to_string());
    let device = entry.device.as_ref();
    let keys: Vec<_> = entry.event.keys().iter().map(ToString::to_string).collect();
    Ok([
        row.seq.to_string(),
        entry.at.to_string(),
        entry.event.name().to_owned(),
        kind.to_owned(),
        name.to_owned(),
        mail.unwrap_or_default(),
        id.unwrap_or_default(),
        source.unwrap_or_default(),
        request.unwrap_or_default(),
        device.map(|device| device.name.clone()).unwrap_or_default(),
        device
            .map(|device| device.id.to_string())
            .unwrap_or_default(),
        keys.join(" "),
        serde_json::to_string(&entry.event)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_a_line_like_others() {
        let said = cut(7, ExportFormat::Csv);
        assert_eq!(said.matches("\",\"").count() + 1, COLUMNS.len());
        assert!(said.starts_with("\"\",\"\",\"cut\",") && said.contains("before=7"));
        let said = cut(7, ExportFormat::Jsonl);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["before"], 7);
    }
}
