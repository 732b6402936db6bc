//! Signing in at an identity provider, and what its answer may do.

use axum::http::{Method, StatusCode};
use clavis_broker::people::PersonId;
use clavis_broker::ports::PersonQuery;
use clavis_broker::testing::contract::identity::Visitor;

use super::frame::routes;
use crate::testing::{Browser, PROVIDER, PROVIDER_SLUG, World};

const NEXT: &str = "/requests/new?asset=LT-1";

/// A form without fields of its own.
const FORM: &[(&str, &str)] = &[("form_token", "")];

impl World {
    /// Leaves for the provider by its button on this page; gives its address.
    async fn leave(&self, browser: &mut Browser, sign_in: &str) -> String {
        let page = browser.get(sign_in).await;
        let action = page
            .body
            .split("action=\"")
            .find(|rest| rest.starts_with("/sign-in/with/"));
        let action = action.and_then(|rest| rest.split('"').next()).unwrap();
        let action = action.replace("&amp;", "&").replace("&#38;", "&");
        let left = browser.post(&action, FORM).await;
        assert_eq!(left.status, StatusCode::OK, "{}", left.body);
        let refresh = left
            .body
            .split("http-equiv=\"refresh\" content=\"0;url=")
            .nth(1);
        let address = refresh.and_then(|rest| rest.split('"').next()).unwrap();
        assert!(
            left.says(&format!("href=\"{address}\"")),
            "a link, without a refresh"
        );
        address.replace("&amp;", "&").replace("&#38;", "&")
    }

    /// Signs in at the provider as anna; gives the path by which the browser comes back.
    async fn answer(&self, browser: &mut Browser) -> String {
        let sign_in = format!("/sign-in?next={}", NEXT.replace('?', "%3F"));
        self.answer_to(browser, &sign_in, "anna").await
    }

    /// Signs in at the provider as this person, from this page.
    pub(super) async fn answer_to(
        &self,
        browser: &mut Browser,
        sign_in: &str,
        person: &str,
    ) -> String {
        let address = self.leave(browser, sign_in).await;
        self.provider
            .expect(PersonQuery::Id(PersonId(person.to_owned())));
        let back = self.provider.sign_in(&address).await;
        let code = secrecy::ExposeSecret::expose_secret(&back.code);
        format!(
            "/sign-in/from/{PROVIDER_SLUG}?state={}&code={code}",
            back.state
        )
    }
}

#[tokio::test]
async fn somebody_signs_in_at_a_provider_and_goes_on_where_they_were() {
    let world = World::at("https://keys.example.com");
    let mut anna = world.browser();
    let page = anna.get("/sign-in").await;
    assert!(page.says("Sign in with Work &#60;img") || page.says("Sign in with Work &lt;img"));
    assert!(page.says("Or with a code by mail"));
    let answer = world.answer(&mut anna).await;
    assert_eq!(
        anna.cookies.keys().collect::<Vec<_>>(),
        ["__Host-clavis-provider"]
    );
    let done = anna.get(&answer).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(done.location(), NEXT);
    assert_eq!(anna.cookies.keys().collect::<Vec<_>>(), ["__Host-clavis"]);
    assert_eq!(anna.get("/").await.status, StatusCode::OK);

    let token = anna.get("/").await.form_token();
    let out = anna.post("/sign-out", &[("form_token", token)]).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(out.says("href=\"https://"), "{}", out.body);
    assert!(anna.cookies.is_empty());
    assert_eq!(anna.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_at_a_provider_is_short_and_comes_back_with_the_answer() {
    for (url, name, secure) in [
        (
            "https://keys.example.com",
            "__Host-clavis-provider",
            "; Secure",
        ),
        ("http://127.0.0.1:8080", "clavis-provider", ""),
    ] {
        let world = World::at(url);
        let path = format!("/sign-in/with/{PROVIDER_SLUG}");
        let left = world.browser().post(&path, FORM).await;
        let cookie = left.header("set-cookie");
        let expected = format!("; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age=600");
        assert!(
            cookie.starts_with(&format!("{name}=")) && cookie.ends_with(&expected),
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn of_all_that_is_asked_by_get_the_answer_of_a_provider_alone_changes_anything() {
    let world = World::new();
    let mut anna = world.browser();
    let answer = world.answer(&mut anna).await;
    let (_, query) = answer.split_once('?').unwrap();
    let cookies = anna.cookies.clone();
    let mut changing = Vec::new();
    for (route, path) in routes() {
        for method in [Method::HEAD, Method::OPTIONS, Method::GET] {
            let before = world.store.picture();
            anna.cookies = cookies.clone();
            let path = format!("{path}?{query}");
            let answer = anna.send(method.clone(), &path, &[], String::new()).await;
            let sets = answer.headers.contains_key("set-cookie");
            if sets || world.store.picture() != before {
                changing.push(format!("{method} {route}"));
            }
        }
    }
    assert_eq!(changing, ["GET /sign-in/from/{provider}"]);
}

#[tokio::test]
async fn an_answer_without_its_cookie_changes_nothing_and_sets_nothing() {
    let world = World::new();
    let mut anna = world.browser();
    let answer = world.answer(&mut anna).await;
    let before = world.store.picture();
    // Somebody else's browser, as a link that they were sent leads it.
    let mut eve = world.browser();
    let refused = eve.get(&answer).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.headers.contains_key("set-cookie"));
    assert_eq!(world.store.picture(), before);
    assert_eq!(anna.get(&answer).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whatever_the_cause_is_the_page_that_refuses_is_the_same() {
    let world = World::new();
    let mut pages = Vec::new();
    for change in [
        |answer: &str| answer.replace("state=", "state=x"),
        |answer: &str| answer.replace("code=", "code=x"),
        |answer: &str| answer.replace("code=", "error="),
        |answer: &str| format!("{answer}&error=access_denied"),
        |answer: &str| format!("{answer}&iss=https%3A%2F%2Fother.example.com"),
        |answer: &str| answer.replace("/from/", "/from/other-"),
        |_: &str| format!("/sign-in/from/{PROVIDER_SLUG}"),
    ] {
        let mut anna = world.browser();
        let answer = world.answer(&mut anna).await;
        let refused = anna.get(&change(&answer)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{answer}");
        assert!(anna.cookies.is_empty(), "the sign-in is over");
        pages.push(refused.body);
        let right = anna.get(&answer).await;
        assert_eq!(right.status, StatusCode::FORBIDDEN, "it was used up");
        pages.push(right.body);
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
    assert!(pages[0].contains("You are not signed in"));
}

#[tokio::test]
async fn the_session_is_a_new_one_whatever_cookies_the_browser_had() {
    let world = World::new();
    let mut anna = world.browser();
    let planted = "a".repeat(64);
    anna.cookies.insert("clavis".to_owned(), planted.clone());
    let answer = world.answer(&mut anna).await;
    let begun = anna.cookies["clavis-provider"].clone();
    anna.get(&answer).await;
    let session = anna.cookies["clavis"].clone();
    assert!(session != planted && session != begun);
    let mut eve = world.browser();
    for known in [planted, begun] {
        eve.cookies.insert("clavis".to_owned(), known);
        assert_eq!(eve.get("/").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn nobody_else_can_have_a_sign_in_begin_and_one_source_not_too_many() {
    let world = World::new();
    let path = format!("/sign-in/with/{PROVIDER_SLUG}");
    let mut eve = world.browser();
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "null")];
    let sent = eve.post_with(&path, FORM, &foreign).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert!(eve.cookies.is_empty());
    let get = eve.get(&path).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    let nowhere = eve.post("/sign-in/with/nowhere", FORM).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    for _ in 0..29 {
        assert_eq!(eve.post(&path, FORM).await.status, StatusCode::OK);
    }
    let over = eve.post(&path, FORM).await;
    assert_eq!(over.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_said_so_and_the_code_by_mail_goes_on() {
    let world = World::new();
    world.provider.break_down(true);
    let mut anna = world.browser();
    let path = format!("/sign-in/with/{PROVIDER_SLUG}");
    let left = anna.post(&path, FORM).await;
    assert_eq!(left.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!left.says("SECRET-INTERNALS"));
    assert!(anna.cookies.is_empty());
    let page = anna.get("/sign-in").await;
    assert!(page.says("Send the code") && page.says("Sign in with"));
    assert!(!page.says(PROVIDER), "its name is escaped");
    world.signed_in("anna@example.com").await;
}
