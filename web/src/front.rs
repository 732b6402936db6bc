//! The front of several organisations behind one listener: whose pages are asked for is told by the
//! host alone, and a host that is nobody's gets an answer that names nobody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Uri};
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
        let sites = self.houses.iter().map(|it| &*it.site);
        let at = whose(sites, request.uri(), request.headers())?;
        self.houses.get(at)
    }
}

/// Whose pages are asked for, by its place among the organisations behind a listener; none where it is
/// not a single one's. One alone is asked for under every name.
pub(crate) fn whose<'a>(
    sites: impl ExactSizeIterator<Item = &'a Site>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<usize> {
    if sites.len() == 1 {
        return Some(0);
    }
    let host = asked_host(uri, headers)?;
    let mut places = sites.enumerate().filter(|(_, site)| site.is_at(host));
    let (at, _) = places.next()?;
    places.next().is_none().then_some(at)
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
fn asked_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    headers::only(headers, HOST)
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

#[cfg(test)]
mod fuzz {
    use axum::body::Body;
    use bolero::check;
    use clavis_broker::testing::spelled;

    use super::*;
    use crate::testing::{World, site};

    const ADDRESSES: [&str; 3] = [
        "https://keys.example.com",
        "http://localhost:8080",
        "https://keys.example.com:8443",
    ];

    #[test]
    fn whatever_host_is_named_the_pages_are_those_of_that_address_alone() {
        let houses = ADDRESSES.map(|address| House {
            site: site(address),
            pages: Router::new(),
        });
        let world = World::new();
        let front = Front {
            houses: houses.into(),
            nobodys: nobodys(vec![world.broker]),
        };
        let front = std::panic::AssertUnwindSafe(front);
        let pieces = [
            "keys.example.com",
            "localhost",
            "KEYS.",
            ":443",
            ":80",
            ":8080",
            ":8443",
            "@",
            "http://",
            "https://",
            "/",
            ".",
            "[::1]",
            "%2e",
            "\nhost: ",
            "?",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let (uri, hosts) = text.split_once('\n').unwrap_or(("/", &text));
            let mut request = Request::builder().uri(uri);
            let hosts: Vec<_> = hosts.split("\nhost: ").collect();
            for host in &hosts {
                request = request.header(HOST, *host);
            }
            let Ok(request) = request.body(Body::empty()) else {
                return;
            };
            let Some(house) = front.house(&request) else {
                return;
            };
            let asked = if let Some(authority) = request.uri().authority() {
                authority.as_str().to_owned()
            } else {
                assert_eq!(hosts.len(), 1, "several hosts are nobody's");
                hosts[0].to_owned()
            };
            let asked = asked.to_ascii_lowercase();
            let address = &house.site.public_url;
            let (scheme, place) = address.split_once("://").unwrap();
            let usual = if scheme == "https" { ":443" } else { ":80" };
            assert!(
                asked == place || asked.strip_suffix(usual) == Some(place),
                "{asked:?} is not {address}"
            );
        });
    }
}
