//! The router: what the pages share, and what lies around them all.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use clavis_broker::ports::Unsigned;
use clavis_broker::service::Broker;
use tower_http::catch_panic::CatchPanicLayer;

use crate::fault::{self, Fault};
use crate::headers;
use crate::limit::Limits;
use crate::routes::{router_of, table};
use crate::seldom::Seldom;
use crate::site::Site;
use crate::turns::Turns;

/// The longest form that is read: a reason of 1000 characters, each percent-encoded, fits.
const LONGEST_FORM: usize = 16 * 1024;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) broker: Arc<Broker>,
    pub(crate) site: Arc<Site>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) turns: Arc<Turns>,
    /// When the log last said why messages are not believed.
    pub(crate) unproven: Arc<Seldom<Unsigned>>,
}

/// All pages.
pub fn router(broker: Arc<Broker>, site: Arc<Site>) -> Router {
    let app = App {
        broker,
        site: Arc::clone(&site),
        limits: Arc::default(),
        turns: Arc::default(),
        unproven: Arc::default(),
    };
    let routes = router_of(table(), &app).with_state(app);
    surround(routes, site)
}

/// What every answer goes through: a panic becomes an error, an error becomes a page, and the
/// headers are set last, so that no answer is without them.
pub(crate) fn surround(routes: Router, site: Arc<Site>) -> Router {
    routes
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(CatchPanicLayer::custom(|_| Fault::Panicked.into_response()))
        .layer(from_fn_with_state(
            (Arc::clone(&site), Arc::default()),
            fault::pages_for_faults,
        ))
        .layer(from_fn_with_state(site, headers::set))
}
