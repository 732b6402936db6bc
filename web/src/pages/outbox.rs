//! What operators see of the outbox: what was given up, and what has failed so far.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::ports::{DeadJob, FailingJob, JobId};
use clavis_broker::roles::Operator;
use clavis_broker::tokens::PlainToken;
use serde::Deserialize;

use super::{Frame, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::sessions::SignedIn;
use crate::site::Site;
use crate::times::When;
use crate::words::{job_in_words, tries};

/// Which job is to be tried again.
#[derive(Deserialize)]
pub(crate) struct Typed {
    job: JobId,
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct OutboxPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    /// Whether what was to be tried again is not among those that were given up.
    is_gone: bool,
    dead: Vec<Row>,
    failing: Vec<Row>,
}

/// Something that could not be done.
struct Row {
    /// Its ID, where it was given up.
    job: Option<JobId>,
    what: String,
    tries: String,
    error: String,
    next_try: Option<When>,
}

pub(crate) async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Fault> {
    answer(&app, &who, false).await
}

pub(crate) async fn retry(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<Typed>,
) -> Result<Response, Fault> {
    let Typed { job } = form.served_to(&who.token)?;
    if app.broker.retry(&operator(&who)?, job, source).await? {
        return Ok(Redirect::to("/outbox").into_response());
    }
    answer(&app, &who, true).await
}

async fn answer(app: &App, who: &SignedIn, is_gone: bool) -> Result<Response, Fault> {
    let undone = app.broker.undone(&operator(who)?).await?;
    let page = OutboxPage {
        frame: Frame::signed_in(&app.site, who),
        form_token: who.token.form_token(),
        is_gone,
        dead: undone.dead.iter().map(Row::of_dead).collect(),
        failing: (undone.failing.iter())
            .map(|job| Row::of_failing(job, &app.site))
            .collect(),
    };
    let status = if is_gone {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    page_with(status, &page)
}

fn operator(who: &SignedIn) -> Result<Operator, Fault> {
    who.roles.operator(who.person()).ok_or(Fault::NotFound)
}

impl Row {
    fn of_dead(dead: &DeadJob) -> Self {
        Self {
            job: Some(dead.id),
            what: job_in_words(&dead.job),
            tries: tries(dead.attempts),
            error: dead.error.clone(),
            next_try: None,
        }
    }

    fn of_failing(failing: &FailingJob, site: &Site) -> Self {
        Self {
            job: None,
            what: job_in_words(&failing.job),
            tries: tries(failing.attempts),
            error: failing.error.clone(),
            next_try: failing.next_try.map(|at| site.when(at)),
        }
    }
}
