//! The first page of an agent: a search, and the requests that are under way.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use clavis_broker::service::{Broker, Queued};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Search, agent};
use crate::app::App;
use crate::fault::Fault;
use crate::forms::query;
use crate::pages::{Frame, page};
use crate::sessions::SignedIn;
use crate::site::Site;
use crate::times::When;
use crate::words::{self, Standing, Wait};

/// What of the queue is wanted.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    stuck: String,
}

#[derive(Template)]
#[template(path = "desk/queue.html")]
struct QueuePage<'a> {
    frame: Frame<'a>,
    search: &'a Search,
    rows: Vec<Row<'a>>,
    /// How many are under way, and how many of these are stuck.
    all: usize,
    stuck: usize,
    only_stuck: bool,
    /// Whether there may be more than are looked at.
    is_cut: bool,
}

impl QueuePage<'_> {
    const MOST: usize = Broker::MOST_QUEUED;
}

/// A request that is under way.
struct Row<'a> {
    queued: &'a Queued,
    standing: Standing,
    waits: Vec<Wait>,
    is_stuck: bool,
    /// Where nothing else says it: what waits for a decision waits since then.
    made_at: Option<When>,
}

pub(crate) async fn show(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let agent = agent(&who)?;
    let wanted: Wanted = query(&uri);
    let queue = app.broker.queue(&agent).await?;
    let now = app.broker.now();
    let rows = queue
        .iter()
        .map(|queued| Row::of(queued, &who, now, &app.site));
    let mut rows: Vec<_> = rows.collect();
    // Those who need somebody most come first, and among equals the oldest.
    rows.sort_by_key(|row| !row.is_stuck);
    let stuck = rows.iter().filter(|row| row.is_stuck).count();
    let only_stuck = !wanted.stuck.is_empty();
    if only_stuck {
        rows.truncate(stuck);
    }
    page(&QueuePage {
        frame: Frame::signed_in(&app.site, &who),
        search: &Search::default(),
        rows,
        all: queue.len(),
        stuck,
        only_stuck,
        is_cut: queue.len() >= Broker::MOST_QUEUED,
    })
}

impl<'a> Row<'a> {
    fn of(queued: &'a Queued, who: &SignedIn, now: Timestamp, site: &Site) -> Self {
        let request = &queued.request;
        let waits = words::waits(queued, now, site);
        let is_decided = request.state.approval().is_some();
        Self {
            queued,
            standing: words::standing(request, who.person(), now, site),
            is_stuck: words::is_stuck(&waits),
            waits,
            made_at: is_decided.then(|| site.day(request.made_at)),
        }
    }
}
