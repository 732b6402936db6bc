//! The help page: the whole way, for somebody in front of a locked laptop. Needs nothing but the
//! site, so that it stands when everything else is down.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clavis_broker::service::{Gates, KeyGate, ReviewGate};

use super::{Frame, page};
use crate::app::App;
use crate::fault::Fault;
use crate::words::either;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    frame: Frame<'a>,
    /// What people are known by at the proxy that signs them in, where there is one.
    account: Option<&'a str>,
    /// The names of the providers, as their buttons have them; empty where there is none.
    providers: String,
    sends_codes: bool,
    gates: Gates,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Response, Fault> {
    let trusted = app.site.trusted_header.as_ref();
    page(&HelpPage {
        frame: Frame::plain(&app.site),
        account: trusted.map(|trusted| trusted.account.as_str()),
        providers: either(app.broker.providers().map(ToString::to_string)),
        sends_codes: app.broker.sends_codes(),
        gates: app.broker.gates(),
    })
}
