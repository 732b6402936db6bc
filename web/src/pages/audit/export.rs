//! Rows of the log as a file: read and sent page by page.

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use clavis_broker::export::Format;
use clavis_broker::service::{Broker, LogExport};
use futures_util::stream::try_unfold;

use super::filters::Typed;
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::query;
use crate::sessions::SignedIn;

/// Where a format is to be had.
pub(crate) fn path(format: Format) -> &'static str {
    match format {
        Format::Csv => "/audit/export.csv",
        Format::Json => "/audit/export.jsonl",
        Format::Cef => "/audit/export.cef",
        Format::Ocsf => "/audit/export.ocsf.jsonl",
    }
}

/// What a format is called on its button.
pub(super) fn title(format: Format) -> &'static str {
    match format {
        Format::Csv => "CSV",
        Format::Json => "JSON lines",
        Format::Cef => "CEF",
        Format::Ocsf => "OCSF",
    }
}

/// The rows that are searched for, in this format.
pub(crate) async fn export(
    format: Format,
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let typed: Typed = query(&uri);
    let filters = typed.filters(&app.site).map_err(|_| Fault::Malformed)?;
    let broker = &app.broker;
    let export = broker.begin_export(who.person(), &filters, format, source);
    let rows = body(Arc::clone(broker), export.await?, format);
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Json | Format::Ocsf => "application/jsonl; charset=utf-8",
        Format::Cef => "text/plain; charset=utf-8",
    };
    let (_, ending) = path(format).split_once('.').unwrap_or_default();
    let name = format!("attachment; filename=\"clavis-audit.{ending}\"");
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, rows).into_response())
}

/// The rows, as the store gives them. Where it fails half-way, the answer breaks off, so that
/// nobody takes a part for the whole.
fn body(broker: Arc<Broker>, export: LogExport, format: Format) -> Body {
    let begin = Some((export, format.head()));
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
                text.push_str(&format.line(row)?);
            }
            if !rows.is_empty() {
                return Ok(Some((text, Some((export, String::new())))));
            }
            if let Some(last) = export.cut() {
                let (most, before) = (LogExport::LONGEST, last.seq);
                let what = format!(
                    "Cut after {most} rows. There are older ones: narrow the days down, or add before={before} to the address."
                );
                text.push_str(&format.cut(&what, last));
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(Some((text, None)))
        }
    }))
}
