//! The pages, one file each, and what they have in common.

pub(crate) mod ask;
pub(crate) mod audit;
pub(crate) mod away;
mod body;
pub(crate) mod by_proxy;
pub(crate) mod desk;
mod gate;
pub(crate) mod help;
pub(crate) mod home;
mod kept;
pub(crate) mod key_link;
pub(crate) mod outbox;
pub(crate) mod provider;
pub(crate) mod request;
pub(crate) mod review;
pub(crate) mod reviews;
pub(crate) mod sign_in;
pub(crate) mod sign_out;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use clavis_broker::text::Reason;
use clavis_broker::tokens::{PlainToken, Reference};

use crate::app::App;
use crate::fault::{Fault, RETRY_UNAVAILABLE};
use crate::routes::navigation;
use crate::sessions::SignedIn;
use crate::site::Site;

/// What stands around every page.
pub(crate) struct Frame<'a> {
    pub(crate) site: &'a Site,
    pub(crate) signed_in: Option<&'a SignedIn>,
}

impl<'a> Frame<'a> {
    /// For a page that does not care who is signed in.
    pub(crate) fn plain(site: &'a Site) -> Self {
        Self {
            site,
            signed_in: None,
        }
    }

    pub(crate) fn signed_in(site: &'a Site, who: &'a SignedIn) -> Self {
        Self {
            site,
            signed_in: Some(who),
        }
    }

    /// The pages that the roles of whoever is signed in lead to, each with its name.
    pub(crate) fn navigation(&self) -> Vec<(&'static str, &'static str)> {
        let roles = self.signed_in.map(|who| &who.roles);
        roles.map_or_else(Vec::new, |roles| navigation(roles).collect())
    }
}

/// A page with the status 200.
pub(crate) fn page(template: &impl Template) -> Result<Response, Fault> {
    page_with(StatusCode::OK, template)
}

/// A page with another status; one that says 'not now' also says when.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Fault> {
    let mut response = (status, Html(template.render()?)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from(RETRY_UNAVAILABLE);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(response)
}

/// The most characters of a reason that a form takes.
pub(crate) const LONGEST_REASON: usize = Reason::MAX_CHARS;

/// The reference in the path of a page of a request, or of one of its buttons.
pub(crate) fn reference(uri: &Uri) -> Result<Reference, Fault> {
    let is_before = |segment: &&str| !["requests", "reviews"].contains(segment);
    let mut segments = uri.path().split('/').skip_while(is_before);
    let segment = segments.nth(1).unwrap_or_default();
    segment.parse().map_err(|_| Fault::NotFound)
}

/// The token in the path of a review link or a key link. What cannot be a token is not found, like
/// a token that nobody was ever given.
pub(crate) struct LinkToken(pub(crate) PlainToken);

impl FromRequestParts<App> for LinkToken {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        let last = parts.uri.path().rsplit('/').next();
        last.and_then(PlainToken::parse)
            .map(Self)
            .ok_or(Fault::NotFound)
    }
}
