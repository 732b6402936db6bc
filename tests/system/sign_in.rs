//! Signing in at an identity provider: how it goes, and what becomes of attacks on it.

pub(crate) mod by_proxy;
mod everywhere;
pub(crate) mod visitor;

use serde_json::{Value, json};

use crate::harness::cloud::{device, digits, guid, recovery_key, user};
use crate::harness::{Cloud, Daemon, Installation, Kind};
use visitor::{Answer, Visitor};

pub(crate) const ENTRA: &str = "Entra ID";
pub(crate) const SLUG: &str = "entra-id";

/// Anna, her manager, and her laptop.
pub(crate) fn tenant() -> Value {
    json!({
        "users": [
            user(1, "anna.berg", "Anna Berg", Some(2)),
            user(2, "bert.boss", "Bert Boss", None),
            user(3, "clavis", "Clavis", None),
        ],
        "devices": [device(&guid(10), "LT-0042", 1)],
        "recoveryKeys": [recovery_key(&guid(100), &guid(10), "operatingSystemVolume", 5, &digits(100))],
        "signsIn": guid(1),
    })
}

/// An installation whose people sign in at their tenant.
fn installation(person_by: &str, more: &str) -> (Installation, Cloud) {
    let cloud = Cloud::with(tenant());
    let clavis = Installation::new(&Kind::Cloud(cloud.clone()));
    clavis.let_sign_in_at(&cloud, ENTRA, person_by, more);
    (clavis, cloud)
}

/// Why sign-ins were refused so far, with the provider that each was at.
fn refusals(clavis: &Installation) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = clavis.rows().into_iter();
    rows.filter(|row| row["name"] == "sign_in.refused")
        .map(|row| (text(&row["event"]["why"]), text(&row["event"]["provider"])))
        .collect()
}

/// The answer signs nobody in, and the log says why.
fn assert_refused(clavis: &Installation, visitor: &Visitor, answer: &Answer, why: &str) {
    assert_eq!(answer.status, 403, "{why}: {}", answer.body);
    assert!(answer.body.contains("You are not signed in"), "{why}");
    assert!(!visitor.is_signed_in(), "{why}");
    let last = refusals(clavis).pop();
    assert_eq!(last, Some((why.to_owned(), ENTRA.to_owned())));
}

#[test]
fn people_sign_in_at_their_provider_and_go_on_and_the_log_tells_how() {
    let (clavis, cloud) = installation("oid", "");
    let daemon = Daemon::start_logging(&clavis.config(), "trace");
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/requests/new?asset=LT-0042");
    let back = anna.at_provider(&address);
    let done = anna.get(&back);
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(done.location, "/requests/new?asset=LT-0042");
    assert!(anna.is_signed_in());

    let rows = clavis.rows();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a row");
    assert_eq!(row("sign_in.requested")["event"]["provider"], ENTRA);
    let done = row("sign_in.done");
    assert_eq!(done["event"]["by"]["provider"], ENTRA);
    assert_eq!(done["actor"]["id"], guid(1));
    // Nothing that could be used again, or prove anything, was written.
    let code = back
        .split("code=")
        .nth(1)
        .and_then(|it| it.split('&').next());
    let state = back
        .split("state=")
        .nth(1)
        .and_then(|it| it.split('&').next());
    let written = clavis.written(&daemon);
    let secret = cloud.text("client_secret");
    for secret in [
        &secret,
        code.expect("a code"),
        state.expect("a state"),
        "eyJ",
    ] {
        assert_eq!(written.places_of(secret), [""; 0], "{}", daemon.log());
    }
    for token in anna.cookies() {
        assert_eq!(written.places_of(token), [""; 0]);
    }
}

#[test]
fn an_answer_that_was_not_asked_for_signs_nobody_in() {
    let (clavis, _) = installation("oid", "");
    let daemon = clavis.start();

    // Another state than the browser's own.
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    let state = back
        .split("state=")
        .nth(1)
        .and_then(|it| it.split('&').next());
    let forged = back.replace(state.expect("a state"), &"0".repeat(64));
    let answer = anna.get(&forged);
    assert_refused(&clavis, &anna, &answer, "forged_state");
    // And with that, the sign-in is over.
    let rows = refusals(&clavis).len();
    assert_eq!(anna.get(&back).status, 403);
    assert_eq!(refusals(&clavis).len(), rows);

    // The answer of an attacker, whose account anna is to be signed in with.
    let mut eve = Visitor::new(&daemon);
    let address = eve.leave(SLUG, "/");
    let hers = eve.at_provider(&address);
    let mut anna = Visitor::new(&daemon);
    anna.leave(SLUG, "/");
    let answer = anna.get(&hers);
    assert_refused(&clavis, &anna, &answer, "forged_state");
    // The same, where anna has begun nothing.
    let mut anna = Visitor::new(&daemon);
    let rows = refusals(&clavis).len();
    let answer = anna.get(&hers);
    assert_eq!((answer.status, answer.cookies.len()), (403, 0));
    assert_eq!(refusals(&clavis).len(), rows, "strangers fill no log");
    // It was not used up: whose it is may still come with it.
    assert_eq!(eve.get(&hers).status, 303);

    // A stolen code with the thief's own state: the provider wants the verifier.
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let stolen = anna.at_provider(&address);
    let code = |back: &str| -> String {
        let code = back
            .split("code=")
            .nth(1)
            .and_then(|it| it.split('&').next());
        code.expect("a code").to_owned()
    };
    let mut eve = Visitor::new(&daemon);
    let address = eve.leave(SLUG, "/");
    let own = eve.at_provider(&address);
    let answer = eve.get(&own.replace(&code(&own), &code(&stolen)));
    assert_refused(&clavis, &eve, &answer, "provider_refused");
}

#[test]
fn an_answer_is_good_once_and_only_a_get_brings_it() {
    let (clavis, _) = installation("oid", "");
    let daemon = clavis.start();
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    let held = anna.clone();
    assert_eq!(anna.head(&back).status, 405, "a scanner that looks first");
    assert_eq!(anna.get(&back).status, 303);
    // Again, with the cookie that the browser no longer has.
    let mut again = held.clone();
    let answer = again.get(&back);
    assert_eq!(answer.status, 403);
    assert!(!again.is_signed_in() && anna.is_signed_in());

    // Many at once: one session.
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    let arrivals: Vec<_> = (0..8)
        .map(|_| {
            let (mut copy, back) = (anna.clone(), back.clone());
            std::thread::spawn(move || copy.get(&back).status)
        })
        .collect();
    let statuses = arrivals.into_iter().map(|it| it.join().expect("an answer"));
    let signed_in = statuses.filter(|status| *status == 303).count();
    assert_eq!(signed_in, 1);
}

#[test]
fn an_answer_of_one_provider_is_none_of_another() {
    let (clavis, cloud) = installation("oid", "");
    let other = Cloud::with(tenant());
    clavis.let_sign_in_at(&other, "Partner", "login", "");
    let daemon = clavis.start();

    // Asked here, answered there: the browser is led to the other's address with the first's answer.
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    let answer = anna.get(&back.replace(SLUG, "partner"));
    assert_refused(&clavis, &anna, &answer, "other_provider");

    // The other provider has its own answer go out under the first one's address.
    let before = cloud.record("calls")["counters"]["tokenRequests"].clone();
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    let ours = visitor::encoded(&cloud.text("issuer"));
    assert!(back.contains(&ours), "{back}");
    let mixed = back.replace(&ours, &visitor::encoded(&other.text("issuer")));
    let answer = anna.get(&mixed);
    assert_refused(&clavis, &anna, &answer, "wrong_issuer");
    let after = cloud.record("calls")["counters"]["tokenRequests"].clone();
    assert_eq!(before, after, "the code goes nowhere");
}

#[test]
fn a_session_that_was_planted_is_not_the_one_that_is_signed_in() {
    let (clavis, _) = installation("oid", "");
    let daemon = clavis.start();
    let mut anna = Visitor::new(&daemon);
    let planted = "a".repeat(64);
    anna.plant("clavis", &planted);
    let address = anna.leave(SLUG, "/");
    let begun = anna.cookie("clavis-provider").expect("it has begun");
    let back = anna.at_provider(&address);
    assert_eq!(anna.get(&back).status, 303);
    assert!(anna.is_signed_in());
    for known in [planted, begun] {
        let mut eve = Visitor::new(&daemon);
        eve.plant("clavis", &known);
        assert!(!eve.is_signed_in());
    }
}

#[test]
fn who_is_signed_in_is_one_person_whom_the_directory_knows() {
    let (clavis, cloud) = installation("login", "");
    let daemon = clavis.start();
    let sign_in = || {
        let mut visitor = Visitor::new(&daemon);
        let address = visitor.leave(SLUG, "/");
        let back = visitor.at_provider(&address);
        let answer = visitor.get(&back);
        (visitor, answer)
    };
    let claims = |claims: Value| {
        let mut anna = user(1, "anna.berg", "Anna Berg", Some(2));
        anna["claims"] = claims;
        cloud.change(&json!({ "add": { "users": [anna] } }));
    };
    let (anna, _) = sign_in();
    assert!(anna.is_signed_in());
    claims(json!({ "preferred_username": "nobody@example.com" }));
    let (visitor, answer) = sign_in();
    assert_refused(&clavis, &visitor, &answer, "unknown_person");
    let rows = clavis.rows();
    let named = &rows.last().expect("a row")["event"]["named"];
    assert_eq!(named, "nobody@example.com");
    claims(json!({ "preferred_username": null, "upn": null }));
    let (visitor, answer) = sign_in();
    assert_refused(&clavis, &visitor, &answer, "no_claim");
    claims(json!({}));
    cloud.change(&json!({ "idToken": { "claims": { "nonce": "other" } } }));
    let (visitor, answer) = sign_in();
    assert_refused(&clavis, &visitor, &answer, "wrong_nonce");
    cloud.change(&json!({ "idToken": {} }));
    let mut disabled = user(1, "anna.berg", "Anna Berg", Some(2));
    disabled["accountEnabled"] = json!(false);
    cloud.change(&json!({ "add": { "users": [disabled] } }));
    let (visitor, answer) = sign_in();
    assert_refused(&clavis, &visitor, &answer, "unfit_person");
}

#[test]
fn a_mail_address_that_a_person_wrote_themselves_opens_nobodys_account() {
    let (clavis, cloud) = installation("mail", "");
    let daemon = clavis.start();
    let sign_in = |claims: Value| {
        let mut eve = user(4, "eve", "Eve", None);
        eve["claims"] = claims;
        cloud.change(&json!({ "add": { "users": [eve] }, "signsIn": guid(4) }));
        let mut visitor = Visitor::new(&daemon);
        let address = visitor.leave(SLUG, "/");
        let back = visitor.at_provider(&address);
        let answer = visitor.get(&back);
        (visitor, answer)
    };
    let boss = "bert.boss@example.com";
    for claims in [
        json!({ "email": boss }),
        json!({ "email": boss, "email_verified": false }),
    ] {
        let (visitor, answer) = sign_in(claims);
        assert_refused(&clavis, &visitor, &answer, "unverified_mail");
    }
    let (visitor, _) = sign_in(json!({ "email": "eve@example.com", "email_verified": true }));
    assert!(visitor.is_signed_in());
    // Two accounts with one address are nobody.
    let mut twin = user(5, "eve-admin", "Eve", None);
    twin["mail"] = json!("eve@example.com");
    cloud.change(&json!({ "add": { "users": [twin] } }));
    let (visitor, answer) = sign_in(json!({ "email": "eve@example.com", "email_verified": true }));
    assert_refused(&clavis, &visitor, &answer, "unknown_person");
}

#[test]
fn who_signs_out_is_told_of_the_session_at_the_provider() {
    let (clavis, cloud) = installation("oid", "");
    let daemon = clavis.start();
    let mut anna = Visitor::new(&daemon);
    let address = anna.leave(SLUG, "/");
    let back = anna.at_provider(&address);
    anna.get(&back);
    let home = anna.get("/");
    let out = anna.post("/sign-out", &[("form_token", &home.form_token())]);
    assert_eq!(out.status, 200);
    assert!(!anna.is_signed_in());
    let there = out.link(&cloud.text("login"));
    assert!(there.contains("post_logout_redirect_uri="), "{there}");
    assert_eq!(anna.get(&there).status, 200, "the provider asks");
}

#[test]
fn the_self_check_tries_the_provider() {
    let (clavis, cloud) = installation("oid", "");
    let output = clavis.run(&["check"]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        said.contains("ok       sign-in Entra ID: the redirect URI to register there is http"),
        "{said}"
    );
    cloud.change(&json!({ "client_secret": "another" }));
    let output = clavis.run(&["check"]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(said.contains("FAILURE  sign-in Entra ID:"), "{said}");
    assert!(!output.status.success());
}

#[test]
fn a_provider_that_is_down_leaves_the_code_by_mail() {
    let (clavis, cloud) = installation("oid", "");
    let daemon = clavis.start();
    cloud.fail(&json!({ "match": "openid-configuration", "status": 503 }));
    let mut anna = Visitor::new(&daemon);
    assert_eq!(
        anna.post(&format!("/sign-in/with/{SLUG}"), &[("form_token", "")])
            .status,
        503
    );
    crate::harness::sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    cloud.mend();
    // One that has not seen it fail a moment ago.
    let daemon = clavis.start_another();
    Visitor::new(&daemon).leave(SLUG, "/");
}
