//! Signing in at an identity provider: leaving for it, and coming back.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use clavis_broker::identity::ProviderName;
use clavis_broker::service::{Arrival, ArrivalError};
use secrecy::SecretString;
use serde::Deserialize;

use super::sign_in::{NoFields, Then};
use super::{Frame, kept, page_with};
use crate::app::App;
use crate::client::Source;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::forms::{Posted, local_path, query, with_query};
use crate::site::Site;

/// A button that leads to a provider.
pub(super) struct Button<'a> {
    pub(super) name: &'a ProviderName,
    /// Where its form is sent to, with the page to go on to afterwards.
    pub(super) action: String,
}

/// The buttons of all providers.
pub(super) fn buttons<'a>(app: &'a App, next: &str) -> Vec<Button<'a>> {
    let button = |name: &'a ProviderName| Button {
        name,
        action: with_query(&format!("{LEAVE}{}", name.slug()), &[("next", next)]),
    };
    app.broker.providers().map(button).collect()
}

const LEAVE: &str = "/sign-in/with/";
const COME_BACK: &str = "/sign-in/from/";

impl Site {
    /// The address at which a provider sends browsers back: it has to be registered there.
    pub fn callback(&self, provider: &ProviderName) -> String {
        self.url(&format!("{COME_BACK}{}", provider.slug()))
    }

    /// The address at which a provider may send browsers back that were signed out there.
    pub fn signed_out(&self) -> String {
        self.url("/sign-in")
    }
}

#[derive(Template)]
#[template(path = "sign_in_leave.html")]
struct LeavePage<'a> {
    frame: Frame<'a>,
    provider: &'a ProviderName,
    address: &'a str,
}

#[derive(Template)]
#[template(path = "sign_in_refused.html")]
struct RefusedPage<'a> {
    frame: Frame<'a>,
    sends_codes: bool,
}

/// The page that says that nobody is signed in, whatever the cause is.
pub(super) fn refused(app: &App) -> Result<Response, Fault> {
    let page = RefusedPage {
        frame: Frame::plain(&app.site),
        sends_codes: app.broker.sends_codes(),
    };
    page_with(StatusCode::FORBIDDEN, &page)
}

/// Sends the browser to a provider, by a page that goes on by itself: browsers hold the
/// redirections of a form to the addresses that the form may be sent to, which are ours alone.
pub(crate) async fn leave(
    State(app): State<App>,
    Source(source): Source,
    uri: Uri,
    form: Posted<NoFields>,
) -> Result<Response, Fault> {
    let NoFields {} = form.served_to_anybody();
    let then: Then = query(&uri);
    app.limits
        .count_source(source)
        .map_err(|wait| Fault::TooMany { wait })?;
    let slug = last_segment(&uri);
    let (next, link) = kept::apart(local_path(&then.next));
    let left = app.broker.depart(slug, &next, source);
    let left = left.await?.ok_or(Fault::NotFound)?;
    let page = LeavePage {
        frame: Frame::plain(&app.site),
        provider: &left.provider,
        address: &left.address,
    };
    let mut answer = page_with(StatusCode::OK, &page)?;
    let cookie = Cookie::ProviderSignIn.set(&left.token, &app.site)?;
    answer.headers_mut().append(SET_COOKIE, cookie);
    if let Some(link) = link {
        let cookie = Cookie::Link.set(&link, &app.site)?;
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// What a provider sends a browser back with (RFC 6749, section 4.1.2; RFC 9207).
#[derive(Deserialize, Default)]
#[serde(default)]
struct SentBack {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Takes a browser that comes back from a provider. This is the one GET that changes something: it
/// ends the sign-in that this very browser has begun by a form of ours, whose token is in its
/// cookie, and opens a session. Without that cookie, nothing changes.
pub(crate) async fn come_back(
    State(app): State<App>,
    Source(source): Source,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let Some(token) = Cookie::ProviderSignIn.read(&headers, &app.site) else {
        return refused(&app);
    };
    let back: SentBack = query(&uri);
    let arrival = Arrival {
        slug: last_segment(&uri),
        state: &back.state,
        code: back
            .code
            .filter(|_| back.error.is_none())
            .map(SecretString::from),
        issuer: back.iss.as_deref(),
    };
    let over = Cookie::ProviderSignIn.clear(&app.site)?;
    let leaves = Cookie::Session.read(&headers, &app.site);
    let arrived = app.broker.arrive(&token, &arrival, leaves.as_ref(), source);
    match arrived.await {
        Ok((session, next)) => {
            let link = Cookie::Link.read(&headers, &app.site);
            let next = kept::together(&next, link.as_ref());
            let mut answer = Redirect::to(local_path(&next)).into_response();
            let session = Cookie::Session.set(&session, &app.site)?;
            let used = link.map(|_| Cookie::Link.clear(&app.site)).transpose()?;
            for cookie in [session, over].into_iter().chain(used) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(ArrivalError::NotTaken) => Ok(([(SET_COOKIE, over)], refused(&app)?).into_response()),
        Err(ArrivalError::Unavailable(error)) => Err(error.into()),
    }
}

/// What only looks whether there is such a page is told that there is none for it: it brings no
/// answer, and is not to end a sign-in.
pub(crate) async fn only_by_get() -> Fault {
    Fault::MethodNotAllowed
}

fn last_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}
