//! Signing out, of this browser or of all.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::identity::ProviderName;

use super::sign_in::NoFields;
use super::{Frame, page_with};
use crate::app::App;
use crate::client::Source;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::forms::Posted;
use crate::sessions::SignedIn;

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    frame: Frame<'a>,
    provider: &'a ProviderName,
    address: &'a str,
}

/// Signs this browser out.
pub(crate) async fn here(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    app.broker.end_session(&who.session, source).await?;
    signed_out(&app, &who).await
}

/// Signs this person out of every browser.
pub(crate) async fn everywhere(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to(&who.token)?;
    app.broker.end_sessions(&who.session, source).await?;
    signed_out(&app, &who).await
}

async fn signed_out(app: &App, who: &SignedIn) -> Result<Response, Fault> {
    let cookie = [(SET_COOKIE, Cookie::Session.clear(&app.site)?)];
    // A link and no redirection: at the provider other pages may depend on being signed in.
    if let Some((provider, address)) = app.broker.sign_out_at_provider(&who.session).await {
        let page = SignedOutPage {
            frame: Frame::plain(&app.site),
            provider: &provider,
            address: &address,
        };
        return Ok((cookie, page_with(StatusCode::OK, &page)?).into_response());
    }
    Ok((cookie, Redirect::to("/sign-in")).into_response())
}
