//! Signing in as whom a trusted proxy names.

use axum::http::StatusCode;

use crate::testing::{Browser, HEADER, PROXY, World, site_behind_proxy};

const FORM: &[(&str, &str)] = &[("form_token", "")];

impl World {
    /// A browser that comes through this address, which says that it is this person.
    fn named(&self, peer: &'static str, name: &str) -> Browser {
        let mut browser = self.browser();
        browser.peer = Some(peer);
        browser.sent = vec![(HEADER, name.to_owned())];
        browser
    }
}

impl Browser {
    async fn enter(&mut self) -> StatusCode {
        self.post("/sign-in/proxy?next=%2Frequests%2Fnew", FORM)
            .await
            .status
    }

    async fn is_signed_in(&mut self) -> bool {
        self.get("/").await.status == StatusCode::OK
    }
}

fn behind_proxy() -> World {
    World::of(site_behind_proxy(), |_| {})
}

#[tokio::test]
async fn whom_the_proxy_names_presses_a_button_and_goes_on() {
    let world = behind_proxy();
    let mut anna = world.named(PROXY, "anna");
    let page = anna.get("/sign-in?next=/requests/new").await;
    for part in [
        "Continue as anna",
        "action=\"/sign-in/proxy?next=%2Frequests%2Fnew\"",
        "Or with a code by mail",
    ] {
        assert!(page.says(part), "{part}: {}", page.body);
    }
    assert!(!anna.is_signed_in().await, "not before it is pressed");
    let done = anna
        .post("/sign-in/proxy?next=%2Frequests%2Fnew", FORM)
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(done.location(), "/requests/new");
    assert!(anna.is_signed_in().await);
    // A name that would break the page.
    let mut eve = world.named(PROXY, "<script>alert(1)</script>");
    assert!(eve.get("/sign-in").await.says("Continue as "));
    assert_eq!(eve.enter().await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_header_from_an_address_that_is_not_the_proxy_means_nothing() {
    let world = behind_proxy();
    let before = world.store.picture();
    for peer in ["203.0.113.9", "127.0.0.1", "::1"] {
        let mut eve = world.named(peer, "anna");
        for lie in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            eve.sent.push((lie, PROXY.to_owned()));
        }
        assert!(!eve.get("/sign-in").await.says("Continue as"), "{peer}");
        assert_eq!(eve.enter().await, StatusCode::FORBIDDEN);
        assert!(eve.cookies.is_empty() && !eve.is_signed_in().await);
    }
    // Two names, of which the proxy wrote one.
    let mut eve = world.named(PROXY, "eve");
    eve.sent.push((HEADER, "anna".to_owned()));
    assert!(!eve.get("/sign-in").await.says("Continue as"));
    assert_eq!(eve.enter().await, StatusCode::FORBIDDEN);
    assert_eq!(world.store.picture(), before);

    // And where no proxy is trusted, there is no such page.
    let none = World::new();
    let mut eve = none.named(PROXY, "anna");
    assert!(!eve.get("/sign-in").await.says("Continue as"));
    assert_eq!(eve.enter().await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_by_the_proxy_holds_as_long_as_it_says_the_same() {
    let world = behind_proxy();
    let mut anna = world.named(PROXY, "anna");
    anna.enter().await;
    let token = anna.get("/").await.form_token();
    let sent = anna.sent.clone();
    for other in [
        vec![],
        vec![(HEADER, "boss".to_owned())],
        vec![(HEADER, "anna".to_owned()), (HEADER, "anna".to_owned())],
    ] {
        anna.sent = other;
        let page = anna.get("/requests/new").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{:?}", anna.sent);
        assert!(page.location().starts_with("/sign-in?"));
        // Nor is anything done in anna's name.
        let out = anna
            .post("/sign-out/everywhere", &[("form_token", &token)])
            .await;
        assert_eq!(out.location(), "/sign-in?next=%2F");
    }
    // The cookie alone, brought from elsewhere.
    anna.sent = sent;
    anna.peer = Some("203.0.113.9");
    assert!(!anna.is_signed_in().await);
    anna.peer = Some(PROXY);
    assert!(anna.is_signed_in().await);
}

#[tokio::test]
async fn nobody_else_has_somebody_sign_in_through_the_proxy() {
    let world = behind_proxy();
    let mut anna = world.named(PROXY, "anna");
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "null")];
    let sent = anna.post_with("/sign-in/proxy", FORM, &foreign).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(anna.cookies.is_empty());
    let get = anna.get("/sign-in/proxy").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    anna.sent
        .push(("x-forwarded-for", "203.0.113.9".to_owned()));
    for _ in 0..30 {
        assert_eq!(anna.enter().await, StatusCode::SEE_OTHER);
    }
    assert_eq!(anna.enter().await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_page_that_refuses_is_that_of_a_provider() {
    let world = behind_proxy();
    let mut nobody = world.named(PROXY, "nobody");
    let refused = nobody.post("/sign-in/proxy", FORM).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let of_provider = world.browser().get("/sign-in/from/nowhere").await;
    assert_eq!(refused.body, of_provider.body);
}

#[tokio::test]
async fn where_codes_are_switched_off_their_pages_are_not_there() {
    let world = World::with(|parts| parts.sign_in.code_by_mail = false);
    let mut anna = world.browser();
    let page = anna.get("/sign-in").await;
    assert!(
        page.says("Sign in with") && !page.says("by mail"),
        "{}",
        page.body
    );
    assert!(!page.says("name=\"mail\""));
    let nowhere = anna.get("/nowhere").await;
    let mail = [("mail", "anna@example.com")];
    for answer in [
        anna.post("/sign-in", &mail).await,
        anna.post("/sign-in", &[("mail", "no address")]).await,
        anna.post_with("/sign-in", &mail, &[("sec-fetch-site", "cross-site")])
            .await,
        anna.get("/sign-in/code").await,
        anna.post("/sign-in/code", &[("code", "00000-00000")]).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.body, nowhere.body);
    }
    assert!(anna.cookies.is_empty());
    while world.broker.tend_once().await.unwrap() > 0 {}
    assert!(world.mails().is_empty());
    let refused = anna.get("/sign-in/from/nowhere").await;
    assert!(refused.says("You are not signed in") && !refused.says("code"));
}
