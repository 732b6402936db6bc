//! Reaching a controller: trust, sign-in, fail-over, deadlines, discovery.

use std::error::Error;
use std::time::Duration;

use clavis_broker::ports::{EscrowBackend, EscrowError, EscrowFault};
use clavis_broker::text::Asset;
use clavis_config::settings::{AdDomain, Controllers, LdapSecurity};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::controller::{address, domain, escrow, expected, find, folder};
use crate::name_server::NameServer;
use crate::proxy::Proxy;

fn named(hosts: &[&str]) -> Controllers {
    Controllers::Named(hosts.iter().map(ToString::to_string).collect())
}

/// The trouble that a look-up meets, with all that lies under it.
async fn trouble(domain: AdDomain) -> (EscrowFault, String) {
    let asset = Asset::parse("LT-0001").unwrap();
    let error = escrow(domain).devices(&asset).await.unwrap_err();
    (error.fault, chain(&error))
}

fn chain(error: &EscrowError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn both_ways_of_protection_work() {
    for security in [LdapSecurity::Ldaps, LdapSecurity::StartTls] {
        let escrow = escrow(AdDomain {
            security,
            ..domain()
        });
        assert_eq!(find(&escrow, "LT-0001").await.len(), 1, "{security:?}");
        let device = expected().device("LT-0001");
        let ids = expected().key_ids("LT-0001");
        assert_eq!(escrow.keys(&device, &ids).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    for security in [LdapSecurity::Ldaps, LdapSecurity::StartTls] {
        let (fault, text) = trouble(AdDomain {
            security,
            ca_file: Some(folder().join("other-ca.pem")),
            ..domain()
        })
        .await;
        assert_eq!(fault, EscrowFault::Unavailable);
        assert!(
            text.contains("UnknownIssuer") || text.contains("BadSignature"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    for (security, port) in [(LdapSecurity::Ldaps, 636), (LdapSecurity::StartTls, 389)] {
        let proxy = Proxy::before(port).await;
        let (fault, text) = trouble(AdDomain {
            security,
            controllers: named(&[&format!("localhost:{}", proxy.port())]),
            ..domain()
        })
        .await;
        assert_eq!(fault, EscrowFault::Unavailable);
        assert!(text.contains("NotValidForName"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal_that_is_tried_once_and_told_to_nobody() {
    let proxy = Proxy::before(636).await;
    let (fault, text) = trouble(AdDomain {
        controllers: named(&[&proxy.host(), &address()]),
        password: "wr0ng-password".to_owned().into(),
        ..domain()
    })
    .await;
    assert_eq!(fault, EscrowFault::Denied);
    assert!(!text.contains("wr0ng"), "{text}");
    assert_eq!(proxy.connections(), 1);
    assert!(
        text.contains(&proxy.host()),
        "the first is the last: {text}"
    );
}

#[tokio::test]
async fn an_empty_password_is_not_taken_as_no_sign_in() {
    let (fault, _) = trouble(AdDomain {
        password: String::new().into(),
        ..domain()
    })
    .await;
    assert_eq!(fault, EscrowFault::Denied);
}

#[tokio::test]
async fn the_next_controller_stands_in_and_is_remembered() {
    let first = Proxy::before(636).await;
    first.cut();
    let second = Proxy::before(636).await;
    let escrow = escrow(AdDomain {
        controllers: named(&["127.0.0.250", &first.host(), &second.host()]),
        ..domain()
    });
    assert_eq!(find(&escrow, "LT-0001").await.len(), 1);
    assert_eq!((first.connections(), second.connections()), (1, 1));

    let device = expected().device("LT-0001");
    let ids = expected().key_ids("LT-0001");
    escrow.keys(&device, &ids).await.unwrap();
    assert_eq!((first.connections(), second.connections()), (1, 2));
}

#[tokio::test]
async fn a_silent_controller_leaves_time_for_the_next() {
    let silent = Proxy::before(636).await;
    silent.fall_silent();
    let escrow = escrow(AdDomain {
        controllers: named(&[&silent.host(), &address()]),
        timeout: SignedDuration::from_secs(4),
        ..domain()
    });
    assert_eq!(find(&escrow, "LT-0001").await.len(), 1);
}

#[tokio::test]
async fn look_ups_share_a_connection_and_keys_do_not() {
    let proxy = Proxy::before(636).await;
    let escrow = escrow(AdDomain {
        controllers: named(&[&proxy.host()]),
        ..domain()
    });
    let device = expected().device("LT-0002");
    let (devices, records) = tokio::join!(find(&escrow, "LT-0002"), escrow.records(&device));
    assert_eq!((devices.len(), records.unwrap().len()), (1, 5));
    assert_eq!(proxy.connections(), 1);
    for round in 1..=2 {
        escrow
            .keys(&device, &expected().key_ids("LT-0002"))
            .await
            .unwrap();
        assert_eq!(proxy.connections(), 1 + round);
    }
    find(&escrow, "LT-0001").await;
    assert_eq!(proxy.connections(), 3);
}

#[tokio::test]
async fn a_controller_that_goes_and_comes_back_is_used_again() {
    let proxy = Proxy::before(636).await;
    let escrow = escrow(AdDomain {
        controllers: named(&[&proxy.host()]),
        timeout: SignedDuration::from_secs(2),
        ..domain()
    });
    let asset = Asset::parse("LT-0001").unwrap();
    let device = expected().device("LT-0001");
    let ids = expected().key_ids("LT-0001");
    assert_eq!(find(&escrow, "LT-0001").await.len(), 1);
    let breaks: [fn(&Proxy); 2] = [Proxy::cut, Proxy::fall_silent];
    for stop in breaks {
        stop(&proxy);
        let begun = Instant::now();
        let error = escrow.devices(&asset).await.unwrap_err();
        assert_eq!(error.fault, EscrowFault::Unavailable);
        let error = escrow.keys(&device, &ids).await.unwrap_err();
        assert_eq!(error.fault, EscrowFault::Unavailable);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );

        proxy.pass();
        assert_eq!(find(&escrow, "LT-0001").await.len(), 1);
        assert_eq!(escrow.keys(&device, &ids).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_was_cut_unnoticed_is_replaced_within_one_call() {
    let proxy = Proxy::before(636).await;
    let escrow = escrow(AdDomain {
        controllers: named(&[&proxy.host()]),
        ..domain()
    });
    find(&escrow, "LT-0001").await;
    proxy.cut();
    proxy.pass();
    assert_eq!(find(&escrow, "LT-0001").await.len(), 1);

    proxy.forget_connections();
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    assert_eq!(find(&escrow, "LT-0001").await.len(), 1);
}

#[tokio::test]
async fn controllers_are_found_by_the_dns() {
    let dc = address().parse().unwrap();
    let nobody = "127.0.0.250".parse().unwrap();
    for security in [LdapSecurity::Ldaps, LdapSecurity::StartTls] {
        let name_server = NameServer::start(vec![
            (20, "evil.example.net", 389, dc),
            (0, "dead.corp.example.com", 389, nobody),
            (10, "dc1.corp.example.com", 389, dc),
        ])
        .await;
        let escrow = escrow(AdDomain {
            security,
            controllers: name_server.controllers(),
            ..domain()
        });
        assert_eq!(find(&escrow, "LT-0001").await.len(), 1, "{security:?}");
    }
}

#[tokio::test]
async fn controllers_that_were_found_once_serve_while_the_dns_is_away() {
    let dc = address().parse().unwrap();
    let name_server = NameServer::start(vec![(0, "dc1.corp.example.com", 389, dc)]).await;
    let escrow = escrow(AdDomain {
        controllers: name_server.controllers(),
        ..domain()
    });
    let device = expected().device("LT-0001");
    let ids = expected().key_ids("LT-0001");
    assert_eq!(escrow.keys(&device, &ids).await.unwrap().len(), 1);
    drop(name_server);
    assert_eq!(escrow.keys(&device, &ids).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dns_that_names_no_controller_of_the_domain_is_said_so() {
    let dc = address().parse().unwrap();
    for controllers in [vec![], vec![(0, "dc1.evil.example.net", 389, dc)]] {
        let name_server = NameServer::start(controllers).await;
        let (fault, text) = trouble(AdDomain {
            controllers: name_server.controllers(),
            ..domain()
        })
        .await;
        assert_eq!(fault, EscrowFault::Unavailable);
        assert!(text.contains("the DNS names no controllers"), "{text}");
    }
}
