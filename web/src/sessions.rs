//! Who is signed in.

use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use clavis_broker::people::Party;
use clavis_broker::ports::Session;
use clavis_broker::roles::Roles;
use clavis_broker::tokens::PlainToken;
use tokio::time::timeout;

use crate::app::App;
use crate::cookies::Cookie;
use crate::fault::Fault;
use crate::trusted::ByProxy;

/// How long a page waits to learn what to show in its navigation.
const PATIENCE: Duration = Duration::from_secs(1);

/// A browser that somebody is signed in with. As an argument of a handler, it sends everybody
/// else to the sign-in, and back afterwards.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) token: PlainToken,
    /// What the navigation shows: none where the directory does not answer. What a role leads to is
    /// guarded by the table of routes.
    pub(crate) roles: Roles,
}

impl SignedIn {
    pub(crate) fn person(&self) -> &Party {
        &self.session.person
    }

    /// Whoever is signed in, by the cookie; their roles are not known yet.
    pub(crate) async fn find(parts: &Parts, app: &App) -> Result<Option<Self>, Fault> {
        let Some(token) = Cookie::Session.read(&parts.headers, &app.site) else {
            return Ok(None);
        };
        let ByProxy(named) = ByProxy::of(parts, app);
        let named = named.as_ref().map(|named| named.value.as_str());
        let session = app.broker.session(&token, named).await?;
        Ok(session.map(|session| Self {
            session,
            token,
            roles: Roles::default(),
        }))
    }

    /// With the roles that are for the navigation.
    pub(crate) async fn with_roles(mut self, app: &App) -> Self {
        match timeout(PATIENCE, app.broker.roles_of(&self.session)).await {
            Ok(Ok(roles)) => self.roles = roles,
            Ok(Err(error)) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "a person's roles could not be looked up");
            }
            Err(_) => tracing::warn!("a person's roles could not be looked up in time"),
        }
        self
    }

    /// What leads to the sign-in, and from there back to this page.
    pub(crate) fn first(parts: &Parts) -> Fault {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_page = parts.method == Method::GET || parts.method == Method::HEAD;
        Fault::SignInFirst {
            then: if is_page { path } else { "/" }.to_owned(),
        }
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let found = <Self as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await?;
        found.ok_or_else(|| Self::first(parts))
    }
}

/// The guard of the table has mostly found them already.
impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Fault> {
        match parts.extensions.get::<Self>() {
            Some(found) => Ok(Some(found.clone())),
            None => Self::find(parts, app).await,
        }
    }
}
