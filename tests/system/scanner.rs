//! What mail scanners do to links changes nothing: they look at them, follow them, open them in
//! browsers that run scripts, and try other methods. Only a person's button counts.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;
use ureq::http::{Method, Request};

use crate::browser::chromium::in_chromium;
use crate::client::Browser;
use crate::harness::{Daemon, Installation, Kind, Letter, ask, decide, redeem, sign_in};

const ANNA: &str = "anna.berg@example.com";

/// The events of the audit log that change nothing.
const LOOKS: [&str; 3] = ["link_opened", "review_opened", "mail_sent"];

#[test]
fn looking_at_every_link_changes_nothing() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    journey_past(&clavis, &daemon, |mails| {
        let mut ways = mails
            .iter()
            .flat_map(|mail| addresses(&mail.html))
            .collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        while let Some(url) = ways.pop() {
            if !url.starts_with(&daemon.url) || !seen.insert(url.clone()) {
                continue;
            }
            let page = call(&Method::GET, &url, &[], "").1;
            ways.extend(
                addresses(&page)
                    .into_iter()
                    .map(|way| match way.strip_prefix('/') {
                        Some(path) => format!("{}/{path}", daemon.url),
                        None => way,
                    }),
            );
            for odd in [
                Method::HEAD,
                Method::OPTIONS,
                Method::TRACE,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
            ] {
                call(&odd, &url, &[], "");
            }
            if url.contains("/review/") {
                call(
                    &Method::GET,
                    &format!("{url}?choice=decline"),
                    &[("x-http-method-override", "POST")],
                    "",
                );
            }
        }
        assert!(
            seen.iter().any(|url| url.contains("/review/")) && seen.len() > mails.len(),
            "{seen:?}"
        );
    });
}

#[test]
fn opening_every_link_in_a_browser_changes_nothing() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        let daemon = clavis.start();
        let mut stages = Journey::new(&clavis, &daemon);
        while let Some(mails) = stages.next() {
            let before = stages.standing();
            for url in mails.iter().flat_map(|mail| addresses(&mail.html)) {
                browser.open(&url).await;
                assert_eq!(browser.eval("return document.readyState").await, "complete");
            }
            assert_eq!(stages.standing(), before);
        }
    });
}

#[test]
fn forms_from_elsewhere_change_nothing() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let elsewhere = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://scanner.example"),
        ("origin", "http://127.0.0.1:1"),
    ];
    let refused = Cell::new(0);
    journey_past(&clavis, &daemon, |mails| {
        let links = mails.iter().flat_map(|mail| addresses(&mail.html));
        for url in links.filter(|url| url.contains("/review/") || url.contains("/key/")) {
            let page = call(&Method::GET, &url, &[], "").1;
            let token = page
                .split("name=\"form_token\" value=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            // A page without a form has nothing that could be sent.
            let Some(token) = token else { continue };
            let body = format!("form_token={token}&choice=approve&comment=");
            for header in elsewhere {
                assert_eq!(
                    call(&Method::POST, &url, &[header], &body).0,
                    403,
                    "{header:?}"
                );
                refused.set(refused.get() + 1);
            }
            assert_eq!(
                call(&Method::POST, &url, &[], "choice=approve&comment=").0,
                403,
                "without the form's token"
            );
        }
    });
    assert!(
        refused.get() >= 4 * elsewhere.len(),
        "three forms to decide by, and one to redeem by"
    );
}

/// A journey in whose stages `scan` does what it likes with the mails that have come.
fn journey_past(clavis: &Installation, daemon: &Daemon, scan: impl Fn(&[Letter])) {
    let mut stages = Journey::new(clavis, daemon);
    while let Some(mails) = stages.next() {
        let before = stages.standing();
        scan(&mails);
        assert_eq!(stages.standing(), before);
    }
}

/// A journey that stops wherever a mail has come: asked, approved, redeemed.
struct Journey<'a> {
    clavis: &'a Installation,
    anna: Browser,
    reference: String,
    stage: usize,
}

impl<'a> Journey<'a> {
    fn new(clavis: &'a Installation, daemon: &Daemon) -> Self {
        let anna = sign_in(daemon, &clavis.mails, ANNA);
        let reference = ask(&anna, "LT-0042", "It wants a key since the update.");
        Self {
            clavis,
            anna,
            reference,
            stage: 0,
        }
    }

    /// All mails so far, once those of the next stage are there; `None` at the end.
    fn next(&mut self) -> Option<Vec<Letter>> {
        let mails = &self.clavis.mails;
        let wait = |to, subject| mails.wait(to, subject, &self.reference);
        match self.stage {
            0 => {
                wait("anna.berg", "Request Confirmation");
                wait("martin.vogt", "Approval Needed");
            }
            1 => {
                let review = wait("martin.vogt", "Approval Needed").link("/review/");
                assert_eq!(decide(&review, "approve").status, 200);
                wait("anna.berg", "Request Approved");
                wait("anna.berg", "Your Secure Key Link");
            }
            2 => {
                let page = redeem(&wait("anna.berg", "Your Secure Key Link").link("/key/"));
                assert_eq!(
                    (page.status, page.texts("<code class=\"digits\"").len()),
                    (200, 2)
                );
                wait("anna.berg", "Key Retrieved");
                wait("martin.vogt", "Key Retrieved");
            }
            _ => return None,
        }
        self.stage += 1;
        Some(mails.all())
    }

    /// What the audit log holds beyond looks and mails, and what the request's page says.
    fn standing(&self) -> (Vec<String>, Vec<String>) {
        let page = self
            .anna
            .open(&format!("/requests/{}", self.reference))
            .expect("the request's page");
        let audit = self.clavis.audit();
        let events = audit
            .lines()
            .map(|row| serde_json::from_str::<Value>(row).expect("JSON")["event"].take());
        let is_looked = |event: &Value| LOOKS.iter().any(|look| event["event"] == *look);
        let changes: Vec<_> = events
            .filter(|event| !is_looked(event))
            .map(|event| event.to_string())
            .collect();
        assert!(
            changes
                .iter()
                .any(|event| event.contains("\"step\":\"opened\"")),
            "{changes:?}"
        );
        (changes, page.texts("<p"))
    }
}

/// Every address that an HTML page or mail leads to, with what stands behind a mail's buttons.
fn addresses(html: &str) -> Vec<String> {
    let ends = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let ways = ends.filter(|way| way.starts_with("http") || way.starts_with('/'));
    ways.map(|way| way.replace("&amp;", "&").replace("&#38;", "&"))
        .collect()
}

/// Status and body.
fn call(method: &Method, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true);
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    let request = request.body(body.to_owned()).expect("a request");
    let mut answer = ureq::Agent::from(config.build())
        .run(request)
        .unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().expect("a text"),
    )
}
