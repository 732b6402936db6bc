//! Searching people and devices.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use clavis_broker::people::Person;
use clavis_broker::service::{Broker, Found, FoundDevice};
use serde::Deserialize;

use super::agent;
use super::ask::link_for;
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::query;
use crate::pages::{Frame, page_with};
use crate::sessions::SignedIn;

/// What an agent types.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) q: String,
}

impl Typed {
    /// The most characters of it: they are written into the log.
    pub(crate) const LONGEST: usize = 254;

    /// What is wrong with it.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        (self.q.trim().chars().count() > Self::LONGEST).then_some("This is too long.")
    }
}

#[derive(Template)]
#[template(path = "desk/search.html")]
struct SearchPage<'a> {
    frame: Frame<'a>,
    search: &'a Typed,
    /// What was found; `None` where nothing was searched for.
    found: Option<Found>,
}

impl SearchPage<'_> {
    const MOST: usize = Broker::MOST_FOUND;

    /// Where to ask for the key of a device for one of its owners.
    fn ask(found: &FoundDevice, owner: &Person) -> String {
        link_for(&owner.id, &found.device, "")
    }
}

/// Shows what was found, which leaves a row in the log.
pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let agent = agent(&who)?;
    let typed: Typed = query(&uri);
    let text = typed.q.trim();
    let mut answer = SearchPage {
        frame: Frame::signed_in(&app.site, &who),
        search: &typed,
        found: None,
    };
    if text.is_empty() {
        return page_with(StatusCode::OK, &answer);
    }
    if typed.wrong().is_some() {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &answer);
    }
    let turn = app.turns.take(&who.person().id).await;
    let _turn = turn.ok_or(Fault::TooManyAtOnce)?;
    answer.found = Some(app.broker.look_for(&agent, text, source).await?);
    page_with(StatusCode::OK, &answer)
}
