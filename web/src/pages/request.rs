//! A request, for whoever asked or gets the key: where it stands, who decides and what comes next;
//! taking it back, asking again, and the pick-up code.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::lifecycle::{self, Request};
use clavis_broker::roles::Role;
use clavis_broker::service::{AdvanceError, KeyGate};
use clavis_broker::tokens::{OneTimeCode, PlainToken, Reference};

use super::ask::{not_asked_again, turn_to_ask};
use super::body::Body;
use super::sign_in::NoFields;
use super::{Frame, page, reference};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, with_query};
use crate::pages::ask::device_value;
use crate::sessions::SignedIn;
use crate::words::{self, Page};

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    body: Body<'a>,
    /// Whether the reader is who gets the key.
    is_theirs: bool,
    /// Whether there is still something to withdraw.
    is_open: bool,
    /// Whether a pick-up code is needed and can be had.
    has_pick_up: bool,
    /// Where it is at the desk, for an agent.
    at_desk: Option<String>,
    /// Where to ask for the same device again.
    ask_again: String,
}

impl RequestPage<'_> {
    /// Whether the same can be asked for by a button.
    fn has_again(&self) -> bool {
        let request = &self.body.request;
        self.is_theirs
            && request.requester.id == request.beneficiary.id
            && matches!(request.state, lifecycle::State::Closed(_))
    }
}

#[derive(Template)]
#[template(path = "pick_up.html")]
struct PickUpPage<'a> {
    frame: Frame<'a>,
    form_token: PlainToken,
    request: &'a Request,
    is_theirs: bool,
    code: OneTimeCode,
}

pub(crate) async fn show(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let reference = reference(&uri)?;
    let found = app.broker.request_of(who.person(), &reference).await?;
    let (request, rows) = found.ok_or(Fault::NotFound)?;
    let (site, now) = (&*app.site, app.broker.now());
    let is_theirs = request.beneficiary.id == who.person().id;
    let is_open = words::is_open(&request, now);
    page(&RequestPage {
        frame: Frame::signed_in(site, &who),
        form_token: who.token.form_token(),
        body: Body::new(&request, &rows, Page::Own, who.person(), now, site),
        is_theirs,
        is_open,
        has_pick_up: is_open && app.broker.gates().key == KeyGate::Code,
        at_desk: (who.roles.has(Role::Agent)).then(|| format!("/desk/requests/{reference}")),
        ask_again: ask_again(&request),
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
    let reference = reference(&uri)?;
    match app.broker.withdraw(who.person(), &reference, source).await {
        // Where it is refused, the request is over, and its page says how.
        Ok(Some(_)) | Err(AdvanceError::Refused(_)) => Ok(go_to(&reference)),
        Ok(None) => Err(Fault::NotFound),
        Err(AdvanceError::Unavailable(error)) => Err(error.into()),
    }
}

/// Asks once more for what a closed request asked for, with its reason. Where no request comes of
/// it, the form says why, filled in.
pub(crate) async fn again(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let reference = reference(&uri)?;
    let person = who.person();
    let _turn = turn_to_ask(&app, &who).await?;
    match app.broker.ask_again(person, &reference, source).await {
        Ok(Some(request)) => Ok(go_to(&request.reference)),
        // It is open, or none of theirs: its page knows.
        Ok(None) => Ok(go_to(&reference)),
        Err(error) => {
            let found = app.broker.request_of(person, &reference).await?;
            let (request, _) = found.ok_or(Fault::NotFound)?;
            not_asked_again(&app, &who, None, &request, error)
        }
    }
}

/// Makes a pick-up code and shows it: on this page, once, and nowhere else.
pub(crate) async fn pick_up(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    let reference = reference(&uri)?;
    if app.broker.gates().key != KeyGate::Code {
        return Err(Fault::NotFound);
    }
    let person = who.person();
    let found = app.broker.request_of(person, &reference).await?;
    let (request, _) = found.ok_or(Fault::NotFound)?;
    match app.broker.make_pick_up(person, &reference, source).await {
        Ok(Some(code)) => page(&PickUpPage {
            frame: Frame::signed_in(&app.site, &who),
            form_token: who.token.form_token(),
            is_theirs: request.beneficiary.id == person.id,
            request: &request,
            code,
        }),
        Ok(None) => Err(Fault::NotFound),
        // The request is over, and its page says how.
        Err(AdvanceError::Refused(_)) => Ok(go_to(&reference)),
        Err(AdvanceError::Unavailable(error)) => Err(error.into()),
    }
}

fn go_to(reference: &Reference) -> Response {
    Redirect::to(&format!("/requests/{reference}")).into_response()
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
