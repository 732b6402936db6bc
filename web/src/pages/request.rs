//! A request, for whoever asked: where it stands, what comes next, and taking it back.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::lifecycle::Request;
use clavis_broker::people::Party;
use clavis_broker::service::AdvanceError;
use clavis_broker::text::Comment;
use clavis_broker::tokens::{PlainToken, Reference};

use super::sign_in::NoFields;
use super::{Frame, page};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, with_query};
use crate::pages::ask::device_value;
use crate::sessions::SignedIn;
use crate::times::When;
use crate::words::{self, Moment, Standing};

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    request: &'a Request,
    made_at: When,
    standing: Standing,
    comment: Option<(&'a Party, &'a Comment)>,
    history: Vec<Moment>,
    /// Whether there is still something to withdraw.
    is_open: bool,
    /// Where to ask for the same device again.
    ask_again: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let reference = reference(uri.path())?;
    let found = app.broker.request_of(who.person(), &reference).await?;
    let (request, rows) = found.ok_or(Fault::NotFound)?;
    let now = app.broker.now();
    page(&RequestPage {
        frame: Frame::signed_in(&app.site, &who),
        form_token: who.token.form_token(),
        made_at: app.site.when(request.made_at),
        standing: words::standing(&request, now, &app.site),
        comment: words::comment(&request),
        history: words::history(&request, &rows, &app.site),
        is_open: words::is_open(&request, now),
        ask_again: ask_again(&request),
        request: &request,
    })
}

pub(crate) async fn withdraw(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let reference = reference(uri.path())?;
    match app.broker.withdraw(who.person(), &reference, source).await {
        // Where it is refused, the request is over, and its page says how.
        Ok(Some(_)) | Err(AdvanceError::Refused(_)) => {
            Ok(Redirect::to(&format!("/requests/{reference}")).into_response())
        }
        Ok(None) => Err(Fault::NotFound),
        Err(AdvanceError::Unavailable(error)) => Err(error.into()),
    }
}

/// Where to ask for the keys of the same device again.
pub(crate) fn ask_again(request: &Request) -> String {
    let wanted = request.wanted.as_ref().map_or("", |wanted| wanted.as_str());
    ask_for(request, wanted)
}

/// Where to ask for one key of the same device.
pub(crate) fn ask_for(request: &Request, wanted: &str) -> String {
    with_query(
        "/requests/new",
        &[
            ("asset", &request.device.name),
            ("device", &device_value(&request.device.id)),
            ("key_id", wanted),
        ],
    )
}

fn reference(path: &str) -> Result<Reference, Fault> {
    let segment = path.split('/').nth(2).unwrap_or_default();
    segment.parse().map_err(|_| Fault::NotFound)
}
