//! Being away: who decides in somebody's place, and until when.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::people::MailAddress;
use clavis_broker::policy::StandIn;
use clavis_broker::service::StandInError;
use clavis_broker::tokens::PlainToken;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::sign_in::NoFields;
use super::{Frame, page_with};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::sessions::SignedIn;
use crate::site::Site;
use crate::times::When;

/// The form as it was typed.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    by: String,
    day: String,
    time: String,
}

/// To the end of the day, where nothing else is said.
const END_OF_DAY: &str = "23:59";

impl Default for Typed {
    fn default() -> Self {
        Self {
            by: String::new(),
            day: String::new(),
            time: END_OF_DAY.to_owned(),
        }
    }
}

/// What is wrong with the form, field by field.
#[derive(Default)]
struct Wrong {
    by: Option<&'static str>,
    until: Option<&'static str>,
    /// With no single field.
    all: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "away.html")]
struct AwayPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    /// Who stands in now, and until when.
    stand_in: Option<(StandIn, When)>,
    today: Date,
    zone: String,
    typed: &'a Typed,
    wrong: Wrong,
}

pub(crate) async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Fault> {
    let (typed, wrong) = (Typed::default(), Wrong::default());
    answer(&app, &who, StatusCode::OK, &typed, wrong).await
}

pub(crate) async fn leave(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<Typed>,
) -> Result<Response, Fault> {
    let typed = form.served_to(&who.token)?;
    let (by, until) = match read(&typed, &app.site) {
        Ok(read) => read,
        Err(wrong) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return answer(&app, &who, status, &typed, wrong).await;
        }
    };
    if app.limits.count_stand_in(&who.person().id).is_err() {
        let wrong = Wrong {
            all: Some(
                "You have named somebody many times now. Please wait a few minutes and try again.",
            ),
            ..Wrong::default()
        };
        return answer(&app, &who, StatusCode::TOO_MANY_REQUESTS, &typed, wrong).await;
    }
    let turn = app.turns.take(&who.person().id).await;
    let _turn = turn.ok_or(Fault::TooManyAtOnce)?;
    let said = app.broker.set_stand_in(who.person(), by, until, source);
    let Err(error) = said.await else {
        return Ok(Redirect::to("/away").into_response());
    };
    let mut wrong = Wrong::default();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    match error {
        StandInError::Unknown => {
            wrong.by = Some(
                "Nobody by that address can stand in. Check the address; their account must be \
                 active.",
            );
        }
        StandInError::Unfit => {
            wrong.all = Some(
                "Your account is disabled, or the directory has no mail address for it. Please \
                 call support.",
            );
        }
        StandInError::Yourself => {
            wrong.by = Some("That is yourself. Please name somebody else.");
        }
        StandInError::Past => {
            wrong.until = Some("That is over already. Please choose a later end.");
        }
        StandInError::TooLong => {
            wrong.until = Some(
                "That is more than three months off. Please choose an earlier end, and say it \
                 again then.",
            );
        }
        StandInError::Unavailable(error) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "nobody could be made a stand-in for now");
            status = StatusCode::SERVICE_UNAVAILABLE;
            wrong.all = Some(
                "Clavis cannot look this up right now. Nothing has changed, and what you typed is \
                 still here: please try again in a minute.",
            );
        }
    }
    answer(&app, &who, status, &typed, wrong).await
}

pub(crate) async fn end(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    app.broker.end_stand_in(who.person(), source).await?;
    Ok(Redirect::to("/away").into_response())
}

fn read(typed: &Typed, site: &Site) -> Result<(MailAddress, Timestamp), Wrong> {
    let by = MailAddress::parse(&typed.by);
    let until = moment(typed, site);
    match (by, until) {
        (Ok(by), Ok(until)) => Ok((by, until)),
        (by, until) => Err(Wrong {
            by: by
                .err()
                .map(|_| "Please type their whole work address, like name@example.com."),
            until: until.err(),
            all: None,
        }),
    }
}

/// A day and a time of it, in the site's time zone.
fn moment(typed: &Typed, site: &Site) -> Result<Timestamp, &'static str> {
    let day: Date = typed
        .day
        .trim()
        .parse()
        .map_err(|_| "Please choose a day, like 2026-12-24.")?;
    let time = match typed.time.trim() {
        "" => END_OF_DAY,
        text => text,
    };
    let time: Time = time
        .parse()
        .map_err(|_| "Please choose a time, like 18:00.")?;
    let at = day
        .to_datetime(time)
        .to_zoned_datetime(site.time_zone.clone());
    at.map(|at| at.timestamp())
        .map_err(|_| "There is no such day.")
}

async fn answer(
    app: &App,
    who: &SignedIn,
    status: StatusCode,
    typed: &Typed,
    wrong: Wrong,
) -> Result<Response, Fault> {
    let stand_in = app.broker.stand_in_of(who.person()).await?;
    let now = app
        .broker
        .now()
        .to_zoned_datetime(app.site.time_zone.clone());
    let page = AwayPage {
        frame: Frame::signed_in(&app.site, who),
        form_token: who.token.form_token(),
        stand_in: stand_in.map(|it| {
            let until = app.site.when(it.until);
            (it, until)
        }),
        today: now.date(),
        zone: now.strftime("%Z").to_string(),
        typed,
        wrong,
    };
    page_with(status, &page)
}
