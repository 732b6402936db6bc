//! The front of several organisations behind one listener: whose pages are asked for is told by the
//! host alone, and a host that is nobody's gets an answer that names nobody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clavis_broker::service::Broker;
use tower::ServiceExt;
use tracing::Instrument;

use crate::site::Site;
use crate::{headers, probes, router};

/// The pages of organisations that share a listener. One alone is served under every name.
pub fn front(organisations: Vec<(Arc<Broker>, Arc<Site>)>) -> Router {
    if let [(broker, site)] = &organisations[..] {
        return router(Arc::clone(broker), Arc::clone(site));
    }
    let brokers = organisations.iter().map(|(broker, _)| Arc::clone(broker));
    let nobodys = nobodys(brokers.collect());
    let houses = organisations.into_iter().map(|(broker, site)| House {
        pages: router(broker, Arc::clone(&site)),
        site,
    });
    let front = Front {
        houses: houses.collect(),
        nobodys,
    };
    Router::new().fallback(lead).with_state(Arc::new(front))
}

struct Front {
    houses: Vec<House>,
    nobodys: Router,
}

/// One organisation's pages.
struct House {
    site: Arc<Site>,
    pages: Router,
}

impl Front {
    /// Whose pages are asked for, if a single one's.
    fn house(&self, request: &Request) -> Option<&House> {
        let host = asked_host(request)?;
        let mut houses = self.houses.iter().filter(|it| it.site.is_at(host));
        houses.next().filter(|_| houses.next().is_none())
    }
}

async fn lead(State(front): State<Arc<Front>>, request: Request) -> Response {
    let Some(house) = front.house(&request) else {
        let Ok(answer) = front.nobodys.clone().oneshot(request).await;
        return answer;
    };
    // Of the highest level, so that a log of errors alone has it as well.
    let span = tracing::error_span!("organisation", public_url = house.site.public_url);
    let answering = house.pages.clone().oneshot(request).instrument(span);
    let Ok(answer) = answering.await;
    answer
}

/// The host that a request is for. That of an absolute address stands before the header, which is
/// not looked at then (RFC 9112, section 3.2.2); several headers name none.
fn asked_host(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    headers::only(request.headers(), HOST)
}

/// What is answered under names that are nobody's.
fn nobodys(brokers: Vec<Arc<Broker>>) -> Router {
    let ready = move || {
        let brokers = brokers.clone();
        async move { probes::all_ready(&brokers).await }
    };
    Router::new()
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(ready))
        .fallback(misdirected)
        .method_not_allowed_fallback(misdirected)
        .layer(map_response(async |answer| headers::put_on(answer, false)))
}

/// RFC 9110, section 15.5.20.
async fn misdirected() -> impl IntoResponse {
    tracing::debug!("a page was asked for under a name that is nobody's");
    (
        StatusCode::MISDIRECTED_REQUEST,
        "Nothing is served under this name. Please check the address.\n",
    )
}
