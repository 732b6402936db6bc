//! The review page by a reference, where notices lead: who gets there, and what they can do.

use axum::http::StatusCode;
use clavis_broker::audit::{Actor, Event};
use clavis_broker::ports::LogQuery;

use crate::testing::{LAPTOP, World};

async fn rows_named(world: &World, name: &'static str) -> Vec<(Event, Actor)> {
    let query = LogQuery {
        limit: usize::MAX,
        ..LogQuery::default()
    };
    let rows = world.broker.store().log(&query).await.unwrap().into_iter();
    let rows = rows.filter(|row| row.entry.event.name() == name);
    rows.map(|row| (row.entry.event, row.entry.actor)).collect()
}

/// Anna asks; gives the path of its review.
async fn waiting(world: &World) -> String {
    let mut anna = world.signed_in("anna@example.com").await;
    let request = world.ask(&mut anna).await;
    request.replace("/requests/", "/reviews/")
}

#[tokio::test]
async fn whoever_was_asked_signs_in_and_decides_there() {
    let world = World::new();
    let path = waiting(&world).await;
    let first = world.browser().get(&path).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let next = format!("/sign-in?next={}", path.replace('/', "%2F"));
    assert_eq!(first.location(), next);

    let mut boss = world.signed_in("boss@example.com").await;
    let page = boss.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(
        page.says("asks for a recovery key") && page.says("LT-42"),
        "{LAPTOP}"
    );
    assert!(!page.says("/review/"), "no token is on it");
    let token = page.form_token();
    let form = [
        ("form_token", token.as_str()),
        ("choice", "approve"),
        ("comment", "Fine."),
    ];

    let foreign = boss.post(&path, &[("choice", "approve")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let nonsense = boss.post(&path, &[form[0], ("choice", "perhaps")]).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
    let long = "x".repeat(5000);
    let too_long = boss
        .post(&path, &[form[0], form[1], ("comment", &long)])
        .await;
    assert_eq!(too_long.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(rows_named(&world, "request.approved").await.is_empty());

    let done = boss.post(&path, &form).await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, path.clone())
    );
    let [(_, Actor::Person(by))] = &rows_named(&world, "request.approved").await[..] else {
        panic!("one approval, by a person");
    };
    assert_eq!(by.mail.to_string(), "boss@example.com");
    assert!(!rows_named(&world, "review.opened").await.is_empty());
    let page = boss.get(&path).await;
    assert!(page.says("There is nothing left for you to do."));
    let again = boss.post(&path, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn to_strangers_and_to_whoever_asked_it_is_a_request_that_there_is_not() {
    let world = World::new();
    let path = waiting(&world).await;
    for mail in ["anna@example.com", "agents@example.com"] {
        let mut browser = world.signed_in(mail).await;
        let nothing = browser.get("/reviews/ZZZ-ZZZZ").await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND);
        let token = browser.get("/away").await.form_token();
        let form = [("form_token", token.as_str()), ("choice", "approve")];
        for answer in [browser.get(&path).await, browser.post(&path, &form).await] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{mail}");
            assert_eq!(answer.body, nothing.body, "{mail}");
        }
    }
    assert!(rows_named(&world, "request.approved").await.is_empty());
    // The agent's look and both who wanted to decide.
    assert_eq!(rows_named(&world, "review.refused").await.len(), 3);
}
