//! Who is signed in.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use clavis_broker::people::Party;
use clavis_broker::ports::Session;
use clavis_broker::tokens::PlainToken;

use crate::app::App;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::trusted::ByProxy;

/// A browser that somebody is signed in with. As an argument of a handler, it sends everybody
/// else to the sign-in, and back afterwards.
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) token: PlainToken,
}

impl SignedIn {
    pub(crate) fn person(&self) -> &Party {
        &self.session.person
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let found = <Self as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await?;
        found.ok_or_else(|| {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let is_page = parts.method == Method::GET || parts.method == Method::HEAD;
            Fault::SignInFirst {
                then: if is_page { path } else { "/" }.to_owned(),
            }
        })
    }
}

impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Fault> {
        let Some(token) = Cookie::Session.read(&parts.headers, &app.site) else {
            return Ok(None);
        };
        let Ok(ByProxy(named)) = ByProxy::from_request_parts(parts, app).await;
        let named = named.as_ref().map(|named| named.value.as_str());
        let session = app.broker.session(&token, named).await?;
        Ok(session.map(|session| Self { session, token }))
    }
}
