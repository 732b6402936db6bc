//! Several organisations behind one listener: each under its own host, and nobody's elsewhere.

use std::sync::Arc;

use axum::http::{Method, StatusCode};

use crate::front;
use crate::testing::{Answer, Browser, World, site};

const ONE: &str = "https://keys.example.com";
const TWO: &str = "http://localhost:8080";

/// Two organisations, told apart by the telephone number on the page of help.
struct Street {
    one: World,
    two: World,
    browser: Browser,
}

impl Street {
    fn new() -> Self {
        let (one, two) = (World::at(ONE), World::at(TWO));
        let mut other = (*site(TWO)).clone();
        other.organisation = "Other Ltd".to_owned();
        let houses = vec![
            (Arc::clone(&one.broker), site(ONE)),
            (Arc::clone(&two.broker), Arc::new(other)),
        ];
        let browser = Browser::of(front(houses));
        Self { one, two, browser }
    }

    async fn ask(&mut self, path: &str, hosts: &[&str]) -> Answer {
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        self.browser
            .send(Method::GET, path, &headers, String::new())
            .await
    }
}

/// Whose page it is: an organisation's, or nobody's.
fn whose(answer: &Answer) -> &'static str {
    let told = [
        answer.says("Example &#38; Sons"),
        answer.says("Other Ltd"),
        answer.status == StatusCode::MISDIRECTED_REQUEST,
    ];
    match told {
        [true, false, false] => "one",
        [false, true, false] => "two",
        [false, false, true] => "nobody",
        _ => panic!("{}: {}", answer.status, answer.body),
    }
}

#[tokio::test]
async fn the_host_says_whose_pages_are_served() {
    let mut street = Street::new();
    for (hosts, owner) in [
        (&["keys.example.com"][..], "one"),
        (&["KEYS.Example.com"], "one"),
        (&["keys.example.com:443"], "one"),
        (&["localhost:8080"], "two"),
        (&["keys.example.com:80"], "nobody"),
        (&["keys.example.com:8443"], "nobody"),
        (&["keys.example.com."], "nobody"),
        (&["x.keys.example.com"], "nobody"),
        (&["localhost"], "nobody"),
        (&["127.0.0.1:8080"], "nobody"),
        (&["anna@keys.example.com"], "nobody"),
        (&[""], "nobody"),
        (&[], "nobody"),
        (&["keys.example.com", "keys.example.com"], "nobody"),
        (&["localhost:8080", "keys.example.com"], "nobody"),
    ] {
        let answer = street.ask("/help", hosts).await;
        assert_eq!(whose(&answer), owner, "{hosts:?}");
    }
}

#[tokio::test]
async fn the_host_of_an_absolute_address_counts_and_the_header_does_not() {
    let mut street = Street::new();
    for (address, host, owner) in [
        ("http://localhost:8080/help", "keys.example.com", "two"),
        ("https://keys.example.com/help", "localhost:8080", "one"),
        ("https://keys.example.com/help", "nowhere", "one"),
        ("http://nowhere/help", "keys.example.com", "nobody"),
        (
            "http://anna@localhost:8080/help",
            "localhost:8080",
            "nobody",
        ),
    ] {
        let answer = street.ask(address, &[host]).await;
        assert_eq!(whose(&answer), owner, "{address} with {host}");
    }
}

#[tokio::test]
async fn an_answer_under_nobodys_name_names_nobody() {
    let mut street = Street::new();
    for path in ["/", "/help", "/sign-in", "/nowhere", "/requests/K7Q-4MX2"] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            let host = [("host", "other.example.com")];
            let answer = street
                .browser
                .send(method.clone(), path, &host, String::new())
                .await;
            assert_eq!(whose(&answer), "nobody", "{method} {path}");
            for name in ["Example", "Other", "keys.", "localhost", "555", "1234"] {
                assert!(!answer.says(name), "{name} in {}", answer.body);
            }
            assert!(!answer.headers.contains_key("set-cookie"));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn probes_answer_under_any_name() {
    let mut street = Street::new();
    for host in ["keys.example.com", "localhost:8080", "10.0.0.1"] {
        let alive = street.ask("/healthz", &[host]).await;
        assert_eq!((alive.status, &*alive.body), (StatusCode::OK, "alive\n"));
        let ready = street.ask("/readyz", &[host]).await;
        assert_eq!((ready.status, &*ready.body), (StatusCode::OK, "ready\n"));
    }
    street.two.break_store();
    for (host, status) in [
        ("keys.example.com", StatusCode::OK),
        ("localhost:8080", StatusCode::SERVICE_UNAVAILABLE),
        ("10.0.0.1", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        assert_eq!(
            street.ask("/readyz", &[host]).await.status,
            status,
            "{host}"
        );
    }
}

#[tokio::test]
async fn what_one_has_given_is_nothing_to_the_other() {
    let mut street = Street::new();
    let anna = street.one.signed_in("anna@example.com").await;
    let session = anna.cookies["__Host-clavis"].clone();
    // Without HTTPS the cookie has another name.
    for name in ["__Host-clavis", "clavis"] {
        street
            .browser
            .cookies
            .insert(name.to_owned(), session.clone());
    }
    let home = street.ask("/", &["keys.example.com"]).await;
    assert_eq!(home.status, StatusCode::OK);
    let elsewhere = street.ask("/", &["localhost:8080"]).await;
    assert_eq!(elsewhere.status, StatusCode::SEE_OTHER);
    assert!(elsewhere.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn one_alone_is_served_under_every_name() {
    let one = World::at(ONE);
    let mut browser = Browser::of(front(vec![(Arc::clone(&one.broker), site(ONE))]));
    for host in ["keys.example.com", "10.0.0.1:8080", "nowhere"] {
        let headers = [("host", host)];
        let answer = browser
            .send(Method::GET, "/help", &headers, String::new())
            .await;
        assert_eq!(whose(&answer), "one", "{host}");
    }
}
