//! Signing in as whom a trusted proxy names.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::service::ArrivalError;

use super::provider::refused;
use super::sign_in::{NoFields, Then};
use crate::app::App;
use crate::client::Source;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::forms::{Posted, local_path, query, with_query};
use crate::trusted::{ByProxy, Named};

/// The button of whom the proxy names.
pub(super) struct Continue<'a> {
    pub(super) name: String,
    pub(super) account: &'a str,
    /// Where its form is sent to, with the page to go on to afterwards.
    pub(super) action: String,
}

/// The button, where the proxy names somebody.
pub(super) fn button<'a>(app: &'a App, named: Option<Named>, next: &str) -> Option<Continue<'a>> {
    Some(Continue {
        name: named?.value,
        account: &app.site.trusted_header.as_ref()?.account,
        action: with_query("/sign-in/proxy", &[("next", next)]),
    })
}

/// Signs in. Whoever is not named leaves no row in the log: it is not for strangers to fill.
pub(crate) async fn enter(
    State(app): State<App>,
    Source(source): Source,
    ByProxy(named): ByProxy,
    headers: HeaderMap,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    if app.site.trusted_header.is_none() {
        return Err(Fault::NotFound);
    }
    let NoFields {} = form.served_to_anybody();
    let then: Then = query(&uri);
    app.limits
        .count_source(source)
        .map_err(|wait| Fault::TooMany { wait })?;
    let Some(Named { query, value }) = named else {
        return refused(&app);
    };
    let leaves = Cookie::Session.read(&headers, &app.site);
    let entered = app.broker.enter(&query, &value, leaves.as_ref(), source);
    match entered.await {
        Ok(session) => {
            let cookie = Cookie::Session.set(&session, &app.site)?;
            let next = Redirect::to(local_path(&then.next));
            Ok(([(SET_COOKIE, cookie)], next).into_response())
        }
        Err(ArrivalError::NotTaken) => refused(&app),
        Err(ArrivalError::Unavailable(error)) => Err(error.into()),
    }
}
