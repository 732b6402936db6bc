//! A link that needs its owner to be signed in: who is there, whose form it must be, and what
//! somebody else is told.

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use clavis_broker::service::Visitor;
use clavis_broker::tokens::PlainToken;

use super::{Frame, page_with};
use crate::app::App;
use crate::fault::Fault;
use crate::sessions::SignedIn;
use crate::site::Site;

/// The gate before the page of a link.
#[derive(Clone, Copy)]
pub(super) struct Gate<'a> {
    /// Whether one has to be signed in. Where not, the link is enough for everybody but those whom
    /// the broker turns away.
    pub(super) is_shut: bool,
    /// Who is signed in with this browser.
    pub(super) who: Option<&'a SignedIn>,
}

#[derive(Template)]
#[template(path = "somebody_elses.html")]
struct SomebodyElsesPage<'a> {
    frame: Frame<'a>,
    /// Whether nobody but whom it was mailed to can open the link.
    is_shut: bool,
}

impl<'a> Gate<'a> {
    pub(super) fn visitor(self, source: Option<IpAddr>) -> Visitor<'a> {
        Visitor {
            signed_in: self.who.map(SignedIn::person),
            source,
        }
    }

    /// The token that a form of the page has to be served to: behind the gate that of the session,
    /// since whoever else holds the link knows the link's. `None` where nobody is signed in.
    pub(super) fn holder(self, link: &'a PlainToken) -> Option<&'a PlainToken> {
        if self.is_shut {
            self.who.map(|who| &who.token)
        } else {
            Some(link)
        }
    }

    /// For a form of the page.
    pub(super) fn form_token(self, link: &PlainToken) -> PlainToken {
        let session = self.signed_in().map(|who| &who.token);
        session.unwrap_or(link).form_token()
    }

    pub(super) fn frame(self, site: &'a Site) -> Frame<'a> {
        Frame {
            site,
            signed_in: self.signed_in(),
        }
    }

    fn signed_in(self) -> Option<&'a SignedIn> {
        self.who.filter(|_| self.is_shut)
    }
}

/// Says that the link is not theirs, and nothing of what it leads to.
pub(super) fn somebody_elses(app: &App, gate: Gate<'_>) -> Result<Response, Fault> {
    let frame = Frame {
        site: &app.site,
        signed_in: gate.who,
    };
    let is_shut = gate.is_shut;
    page_with(StatusCode::FORBIDDEN, &SomebodyElsesPage { frame, is_shut })
}
