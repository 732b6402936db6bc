//! The auditor's page: searching the log, and taking rows of it away.

mod export;
mod filters;
mod row;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use clavis_broker::export::Format;
use clavis_broker::search::EVENTS;

use super::{Frame, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::query;
use crate::sessions::SignedIn;

use filters::{Typed, Wrong};
use row::Row;

pub(crate) use export::{export, path as export_path};

/// The formats in the order of their buttons.
const FORMATS: [Format; 4] = [Format::Csv, Format::Json, Format::Cef, Format::Ocsf];

/// How many rows a page shows.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    typed: &'a Typed,
    wrong: Wrong,
    /// What was found; `None` where nothing was searched for.
    found: Option<Found>,
}

struct Found {
    rows: Vec<Row>,
    /// Where the next older rows are, if there are any.
    older: Option<String>,
    /// Where the newest rows are, from a page of older ones.
    newest: Option<String>,
    /// Where they are to be had as a file, with the name of each format.
    files: Vec<(&'static str, String)>,
}

impl AuditPage<'_> {
    const LONGEST: usize = filters::LONGEST;

    fn events() -> &'static [&'static str] {
        EVENTS
    }

    fn is_chosen(&self, event: &str) -> bool {
        self.typed.event == event
    }
}

/// Shows the form; and rows once somebody has sent it, which leaves a row itself.
pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let typed: Typed = query(&uri);
    let mut answer = AuditPage {
        frame: Frame::signed_in(&app.site, &who),
        typed: &typed,
        wrong: Wrong::default(),
        found: None,
    };
    if uri.query().unwrap_or_default().is_empty() {
        return page_with(StatusCode::OK, &answer);
    }
    let filters = match typed.filters(&app.site) {
        Ok(filters) => filters,
        Err(wrong) => {
            answer.wrong = wrong;
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &answer);
        }
    };
    let search = app
        .broker
        .search_log(who.person(), &filters, PAGE + 1, source);
    let mut rows = search.await?;
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let last = rows.last().filter(|_| has_more);
    answer.found = Some(Found {
        older: last.map(|row| typed.address("/audit", Some(row.seq))),
        newest: filters.before.map(|_| typed.address("/audit", None)),
        files: FORMATS
            .map(|format| {
                (
                    export::title(format),
                    typed.address(export_path(format), None),
                )
            })
            .into(),
        rows: rows.iter().map(|row| Row::of(row, &app.site)).collect(),
    });
    page_with(StatusCode::OK, &answer)
}
