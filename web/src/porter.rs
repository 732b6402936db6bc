//! What is looked at before a body is read: how long it may be, which the head of its request says.
//!
//! Whoever sends one has it lie in memory until it is whole, so that strangers send short ones. Long are
//! the messages of service desks, which show their credential in the head.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use clavis_broker::service::Broker;
use clavis_broker::tickets::DeskName;

use crate::client::source;
use crate::front::whose;
use crate::headers::only;
use crate::hooks::{LONGEST, ROOT};
use crate::limit::LongMessages;
use crate::site::Site;

/// The longest body of whoever shows no credential of a service desk's, in bytes. The longest form is
/// shorter, so that who types too much is told so by a page.
pub(crate) const LONGEST_OF_STRANGERS: usize = 32 * 1024;

/// Looks at the heads of requests to some organisations.
#[derive(Default)]
pub struct Porter {
    organisations: Vec<(Arc<Broker>, Arc<Site>)>,
    long: LongMessages,
}

impl Porter {
    /// For organisations behind one listener. Without any, every body is a stranger's.
    pub fn new(organisations: Vec<(Arc<Broker>, Arc<Site>)>) -> Self {
        Self {
            organisations,
            long: LongMessages::default(),
        }
    }

    /// The longest body that is read of a request, in bytes. `announced` is what it says of its length.
    pub fn longest_body(&self, peer: SocketAddr, head: &Parts, announced: Option<u64>) -> usize {
        let is_short = announced.is_some_and(|length| length <= LONGEST_OF_STRANGERS as u64);
        if !is_short && self.is_of_desk(peer, head) {
            LONGEST
        } else {
            LONGEST_OF_STRANGERS
        }
    }

    /// Whether it is a message of a service desk's. A source is held back before its credential is looked
    /// at: the answer to a long body tells whether that was right.
    fn is_of_desk(&self, peer: SocketAddr, head: &Parts) -> bool {
        let (uri, headers) = (&head.uri, &head.headers);
        let Some(name) = uri.path().strip_prefix(ROOT) else {
            return false;
        };
        let sites = self.organisations.iter().map(|(_, site)| &**site);
        let Some((broker, site)) = whose(sites, uri, headers).map(|at| &self.organisations[at])
        else {
            return false;
        };
        let Some(credential) = only(headers, AUTHORIZATION) else {
            return false;
        };
        let from = source(peer.ip(), headers, &site.trusted_proxies);
        self.long.count(from).is_ok() && broker.is_of_desk(&DeskName(name.to_owned()), credential)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use clavis_broker::service::Desk;
    use clavis_broker::testing::MemoryDesk;

    use super::*;
    use crate::testing::{World, site};

    const ONE: &str = "https://keys.example.com";
    const TWO: &str = "https://keys.example.org";
    const LONG: Option<u64> = Some(200_000);

    /// An organisation with a desk `halo`, and what the desk's messages show.
    fn with_desk(public_url: &str) -> ((Arc<Broker>, Arc<Site>), String) {
        let mut credential = String::new();
        let world = World::of(site(public_url), |parts| {
            let desk = MemoryDesk::new("halo", Arc::clone(&parts.clock));
            credential = desk.message(&[]).0;
            parts.desks = vec![Desk {
                system: Arc::new(desk),
                approves: false,
            }];
        });
        ((world.broker, site(public_url)), credential)
    }

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn peer(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 40_000)
    }

    #[test]
    fn a_long_body_is_a_service_desks_that_shows_its_credential() {
        let (organisation, credential) = with_desk(ONE);
        let porter = Porter::new(vec![organisation]);
        let shown = ("authorization", credential.as_str());
        let longest = |uri: &str, headers: &[(&str, &str)], announced| {
            porter.longest_body(peer("192.0.2.1"), &head(uri, headers), announced)
        };
        assert_eq!(longest("/hooks/halo", &[shown], LONG), LONGEST);
        assert_eq!(
            longest("/hooks/halo", &[shown], None),
            LONGEST,
            "unannounced"
        );
        for (uri, headers) in [
            ("/hooks/halo", &[][..]),
            ("/hooks/halo", &[("authorization", "Basic eA==")]),
            ("/hooks/halo", &[("webhook-signature", "v1,eA==")]),
            ("/hooks/halo", &[shown, shown]),
            ("/hooks/other", &[shown]),
            ("/hooks/halo/", &[shown]),
            ("/hooks/", &[shown]),
            ("/sign-in", &[shown]),
        ] {
            for announced in [LONG, None] {
                let longest = longest(uri, headers, announced);
                assert_eq!(longest, LONGEST_OF_STRANGERS, "{uri} {headers:?}");
            }
        }
        let nobodys = Porter::default();
        let longest = nobodys.longest_body(peer("192.0.2.1"), &head("/hooks/halo", &[shown]), LONG);
        assert_eq!(longest, LONGEST_OF_STRANGERS);
    }

    #[test]
    fn of_two_organisations_the_one_that_is_asked_knows_its_own_desk() {
        let (one, credential) = with_desk(ONE);
        let two = (World::at(TWO).broker, site(TWO));
        let porter = Porter::new(vec![one, two]);
        let shown = ("authorization", credential.as_str());
        for (host, longest) in [
            ("keys.example.com", LONGEST),
            ("keys.example.org", LONGEST_OF_STRANGERS),
            ("keys.example.net", LONGEST_OF_STRANGERS),
        ] {
            let head = head("/hooks/halo", &[shown, ("host", host)]);
            let found = porter.longest_body(peer("192.0.2.1"), &head, LONG);
            assert_eq!(found, longest, "{host}");
        }
    }

    #[test]
    fn who_tries_credentials_is_held_back_before_they_are_looked_at() {
        let (organisation, credential) = with_desk(ONE);
        let porter = Porter::new(vec![organisation]);
        let wrong = head("/hooks/halo", &[("authorization", "Basic eA==")]);
        let right = head("/hooks/halo", &[("authorization", &credential)]);
        for _ in 0..200 {
            porter.longest_body(peer("192.0.2.1"), &wrong, LONG);
        }
        let longest = |ip: &str| porter.longest_body(peer(ip), &right, LONG);
        assert!((0..60).any(|_| longest("192.0.2.1") == LONGEST_OF_STRANGERS));
        assert_eq!(longest("192.0.2.2"), LONGEST, "another source");
    }
}
