//! The help page: the whole way, for somebody in front of a locked laptop. Needs nothing but the
//! site, so that it stands when everything else is down.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clavis_broker::service::{Gates, KeyGate, ReviewGate};

use super::{Frame, page};
use crate::app::App;
use crate::fault::Fault;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    frame: Frame<'a>,
    has_providers: bool,
    gates: Gates,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Response, Fault> {
    page(&HelpPage {
        frame: Frame::plain(&app.site),
        has_providers: app.broker.providers().next().is_some(),
        gates: app.broker.gates(),
    })
}
