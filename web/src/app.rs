//! The router: every route, and what lies around them all.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use clavis_broker::service::Broker;
use tower_http::catch_panic::CatchPanicLayer;

use crate::fault::{self, Fault};
use crate::limit::SignInLimit;
use crate::site::Site;
use crate::turns::Turns;
use crate::{assets, headers, pages, probes};

/// The longest form that is read: a reason of 1000 characters, each percent-encoded, fits.
const LONGEST_FORM: usize = 16 * 1024;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) broker: Arc<Broker>,
    pub(crate) site: Arc<Site>,
    pub(crate) sign_ins: Arc<SignInLimit>,
    pub(crate) turns: Arc<Turns>,
}

/// All pages.
pub fn router(broker: Arc<Broker>, site: Arc<Site>) -> Router {
    let app = App {
        broker,
        site: Arc::clone(&site),
        sign_ins: Arc::default(),
        turns: Arc::default(),
    };
    let routes = Router::new()
        .route("/", get(pages::home::show))
        .route(
            "/sign-in",
            get(pages::sign_in::ask_address).post(pages::sign_in::send_code),
        )
        .route(
            "/sign-in/code",
            get(pages::sign_in::ask_code).post(pages::sign_in::check_code),
        )
        .route("/sign-in/with/{provider}", post(pages::provider::leave))
        .route(
            "/sign-in/from/{provider}",
            get(pages::provider::come_back).head(pages::provider::only_by_get),
        )
        .route("/sign-out", post(pages::sign_in::sign_out))
        .route("/requests/new", get(pages::ask::form).post(pages::ask::ask))
        .route("/requests/{reference}", get(pages::request::show))
        .route(
            "/requests/{reference}/withdraw",
            post(pages::request::withdraw),
        )
        .route("/requests/{reference}/again", post(pages::request::again))
        .route(
            "/requests/{reference}/pick-up",
            post(pages::request::pick_up),
        )
        .route("/away", get(pages::away::show).post(pages::away::leave))
        .route("/away/end", post(pages::away::end))
        .route(
            "/review/{token}",
            get(pages::review::show).post(pages::review::decide),
        )
        .route(
            "/key/{token}",
            get(pages::key_link::show).post(pages::key_link::redeem),
        )
        .route("/help", get(pages::help::show))
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .merge(assets::routes())
        .method_not_allowed_fallback(|| async { Fault::MethodNotAllowed })
        .fallback(|| async { Fault::NotFound })
        .with_state(app);
    surround(routes, site)
}

/// What every answer goes through: a panic becomes an error, an error becomes a page, and the
/// headers are set last, so that no answer is without them.
pub(crate) fn surround(routes: Router, site: Arc<Site>) -> Router {
    routes
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(CatchPanicLayer::custom(|_| Fault::Panicked.into_response()))
        .layer(from_fn_with_state(
            Arc::clone(&site),
            fault::pages_for_faults,
        ))
        .layer(from_fn_with_state(site, headers::set))
}
