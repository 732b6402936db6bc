//! The pick-up code: shown on the page of the request, typed on that of the key link.

use axum::http::StatusCode;
use clavis_broker::ports::EscrowFault;
use clavis_broker::service::{Gates, KeyGate};
use jiff::SignedDuration;

use crate::testing::{Answer, Browser, World};

fn gated() -> World {
    World::with(|parts| {
        parts.gates = Gates {
            key: KeyGate::Code,
            ..Gates::default()
        };
    })
}

/// The path of anna's newest request.
async fn newest(anna: &mut Browser) -> String {
    let home = anna.get("/").await.body;
    let at = home.find("href=\"/requests/").unwrap() + 6;
    let mut paths = home[at..]
        .split("href=\"")
        .map(|it| it.split('"').next().unwrap());
    let found = paths.find(|path| path.len() == "/requests/K7Q-4MX2".len());
    found.unwrap_or_else(|| panic!("{home}")).to_owned()
}

async fn make(anna: &mut Browser, path: &str) -> (String, Answer) {
    let token = anna.get("/").await.form_token();
    let form = [("form_token", token)];
    let page = anna.post(&format!("{path}/pick-up"), &form).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let code = page.body.split("class=\"digits\" translate=\"no\">").nth(1);
    let code = code.unwrap().split('<').next().unwrap().to_owned();
    (code, page)
}

async fn open(browser: &mut Browser, link: &str, code: &str) -> Answer {
    let token = browser.get(link).await.form_token();
    let fields = [("form_token", token.as_str()), ("code", code)];
    browser.post(link, &fields).await
}

#[tokio::test]
async fn a_key_link_opens_with_the_code_of_the_requests_page() {
    let world = gated();
    let link = world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = newest(&mut anna).await;
    let landing = anna.get(&link).await;
    assert!(landing.says("Pick-up code") && landing.says(&format!("href=\"{path}\"")));
    assert!(landing.says("autocomplete=\"off\""));

    let none = open(&mut anna, &link, "7KQ2M-X9C4T").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.says("No pick-up code has been made yet.") && !none.says("000011"));

    assert!(anna.get(&path).await.says("Show a pick-up code"));
    let (first, page) = make(&mut anna, &path).await;
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.says("it is never mailed") && page.says("ends this one"));
    let (code, _) = make(&mut anna, &path).await;
    assert_ne!(first, code);
    assert!(!anna.get(&path).await.says(&code), "it was shown once");

    let ended = open(&mut anna, &link, &first).await;
    assert_eq!(ended.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(ended.says("That is not the code.") && ended.says("The link has not been used."));
    assert!(ended.says(&format!("value=\"{first}\"")));

    let typed = code.to_lowercase().replace('-', "  ");
    let shown = open(&mut anna, &link, &typed).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert!(shown.says("000011"));
    let page = anna.get(&path).await;
    assert!(page.says("A pick-up code was made and shown to"));
    assert!(page.says("A wrong pick-up code was typed. The key link was not used."));
    assert!(!page.says("Show a pick-up code"), "it is over");
    for mail in world.mails() {
        assert!(!mail.text.contains(&code) && !mail.html.contains(&code));
    }
}

#[tokio::test]
async fn after_too_many_codes_a_new_one_goes_on() {
    let world = gated();
    let link = world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = newest(&mut anna).await;
    let (code, _) = make(&mut anna, &path).await;
    let mut eve = world.browser();
    for _ in 0..5 {
        let wrong = open(&mut eve, &link, "00000-00000").await;
        assert!(wrong.says("That is not the code."));
    }
    let late = open(&mut anna, &link, &code).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.says("Make a new one on the page of the request"));
    let (code, _) = make(&mut anna, &path).await;
    assert!(open(&mut anna, &link, &code).await.says("000011"));
}

#[tokio::test]
async fn a_fault_wants_no_code_to_be_typed_again() {
    let world = gated();
    let link = world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = newest(&mut anna).await;
    let (code, _) = make(&mut anna, &path).await;
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let failed = open(&mut anna, &link, &code).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(failed.says(&format!("name=\"code\" value=\"{code}\"")));
    world.escrow.break_down(None);
    assert!(open(&mut anna, &link, &code).await.says("000011"));
}

#[tokio::test]
async fn a_code_is_made_by_whom_the_request_concerns_while_it_is_open() {
    let world = gated();
    world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = newest(&mut anna).await;
    let pick_up = format!("{path}/pick-up");
    let mut boss = world.signed_in("boss@example.com").await;
    let token = boss.get("/").await.form_token();
    let before = world.store.picture();
    let refused = boss.post(&pick_up, &[("form_token", token)]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(world.store.picture(), before);

    world.clock.advance(SignedDuration::from_hours(3));
    let mut anna = world.signed_in("anna@example.com").await;
    let token = anna.get("/").await.form_token();
    let late = anna.post(&pick_up, &[("form_token", token)]).await;
    assert_eq!(late.location(), path);
}

#[tokio::test]
async fn without_the_gate_there_is_nothing_of_it() {
    let world = World::new();
    let link = world.approved().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let path = newest(&mut anna).await;
    for page in ["/help", &path, &link] {
        assert!(!anna.get(page).await.says("ick-up code"), "{page}");
    }
    let token = anna.get("/").await.form_token();
    let form = [("form_token", token)];
    let none = anna.post(&format!("{path}/pick-up"), &form).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(
        gated()
            .browser()
            .get("/help")
            .await
            .says("The pick-up code")
    );
}
