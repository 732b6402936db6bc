//! The sessions of browsers: ended everywhere, and never one that somebody else knows.

use axum::http::StatusCode;

use crate::testing::{Browser, World};

impl World {
    /// Has a code sent to anna, and typed into this browser.
    async fn sign_in(&self, browser: &mut Browser) {
        let mail = [("mail", "anna@example.com")];
        browser.post("/sign-in", &mail).await;
        let letter = self.mail("Your Sign-In Code").await.text;
        let code = letter.lines().find_map(|line| line.strip_prefix("    "));
        let token = browser.get("/sign-in/code").await.form_token();
        let fields = [("form_token", token.as_str()), ("code", code.unwrap())];
        let done = browser.post("/sign-in/code", &fields).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    }
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/").await.status == StatusCode::OK
}

#[tokio::test]
async fn who_signs_out_everywhere_is_signed_out_of_the_other_browser() {
    let world = World::new();
    let mut here = world.signed_in("anna@example.com").await;
    let mut there = world.signed_in("anna@example.com").await;
    let mut boss = world.signed_in("boss@example.com").await;
    let home = here.get("/").await;
    assert!(home.says("formaction=\"/sign-out/everywhere\">Sign out everywhere"));
    // Not by a form of another browser's, nor from elsewhere.
    let token = there.get("/").await.form_token();
    let path = "/sign-out/everywhere";
    let forged = here.post(path, &[("form_token", token)]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let own = [("form_token", home.form_token())];
    let foreign = [("sec-fetch-site", "cross-site")];
    let sent = here.post_with(path, &own, &foreign).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(is_signed_in(&mut there).await);

    let out = here.post(path, &own).await;
    assert_eq!(out.location(), "/sign-in");
    assert!(here.cookies.is_empty());
    assert!(!is_signed_in(&mut here).await && !is_signed_in(&mut there).await);
    assert!(is_signed_in(&mut boss).await);
}

#[tokio::test]
async fn a_cookie_that_the_browser_brought_is_never_the_session_afterwards() {
    let world = World::new();
    // One that was made up, and one that is an attacker's own.
    let eve = world.signed_in("boss@example.com").await;
    for planted in ["a".repeat(64), eve.cookies["clavis"].clone()] {
        let mut anna = world.browser();
        anna.cookies.insert("clavis".to_owned(), planted.clone());
        world.sign_in(&mut anna).await;
        assert_ne!(anna.cookies["clavis"], planted);
        assert!(is_signed_in(&mut anna).await);
        let mut eve = world.browser();
        eve.cookies.insert("clavis".to_owned(), planted);
        assert!(!is_signed_in(&mut eve).await);
    }
    // The session from before is over, too.
    let mut anna = world.signed_in("anna@example.com").await;
    let before = anna.cookies["clavis"].clone();
    world.sign_in(&mut anna).await;
    let mut old = world.browser();
    old.cookies.insert("clavis".to_owned(), before);
    assert!(!is_signed_in(&mut old).await && is_signed_in(&mut anna).await);
}
