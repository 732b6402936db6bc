//! The operators' outbox.

use axum::http::StatusCode;
use clavis_broker::ports::LogQuery;
use clavis_broker::testing::MailTrouble;

use crate::testing::{Browser, World};

async fn settle(world: &World) {
    while world.broker.tend_once().await.unwrap() > 0 {}
}

/// Anna has asked, and of the two mails none could be sent.
async fn given_up() -> (World, Browser) {
    let world = World::new();
    let operator = world.signed_in("operators@example.com").await;
    let mut anna = world.signed_in("anna@example.com").await;
    world.mailer.break_down(Some(MailTrouble::Permanent));
    world.ask(&mut anna).await;
    settle(&world).await;
    (world, operator)
}

fn job_of(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"job\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_given_up_is_tried_again_by_a_button() {
    let (world, mut operator) = given_up().await;
    let page = operator.get("/outbox").await;
    assert!(
        page.says("Request Confirmation to Anna &#60;script"),
        "{}",
        page.body
    );
    assert!(page.says("Approval Needed to Boss"));
    assert_eq!(page.body.matches("<button>Try again").count(), 2);
    assert!(page.says("Given up after 1 try.") && page.says("Nothing fails."));

    world.mailer.break_down(None);
    for _ in 0..2 {
        let page = operator.get("/outbox").await;
        let fields = [
            ("form_token", page.form_token()),
            ("job", job_of(&page.body)),
        ];
        let done = operator.post("/outbox/retry", &fields).await;
        assert_eq!(done.location(), "/outbox", "{}", done.body);
        settle(&world).await;
        let again = operator.post("/outbox/retry", &fields).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.says("not among what was given up any more"));
    }
    assert!(operator.get("/outbox").await.says("Nothing was given up."));
    world.mail("Approval Needed").await;
    let everything = LogQuery {
        limit: usize::MAX,
        ..LogQuery::default()
    };
    let rows = world.broker.store().log(&everything).await.unwrap();
    let retried = rows.iter().map(|row| &row.entry);
    let retried: Vec<_> = retried
        .filter(|entry| entry.event.name() == "outbox.retried")
        .collect();
    assert_eq!(retried.len(), 2);
    for entry in retried {
        assert!(entry.actor.label().contains("operators@example.com"));
        assert!(entry.request.is_some());
    }
}

#[tokio::test]
async fn what_fails_is_listed_with_its_next_try_and_no_button() {
    let world = World::new();
    let mut operator = world.signed_in("operators@example.com").await;
    let mut anna = world.signed_in("anna@example.com").await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    world.ask(&mut anna).await;
    settle(&world).await;
    let page = operator.get("/outbox").await;
    assert!(page.says("1 try so far, the next on <time"));
    assert!(!page.says("Try again") && page.says("Nothing was given up."));
}

#[tokio::test]
async fn the_button_wants_the_token_of_its_page_and_a_job() {
    let (world, mut operator) = given_up().await;
    let page = operator.get("/outbox").await;
    let (token, job) = (page.form_token(), job_of(&page.body));
    let before = world.store.picture();
    for (fields, expected) in [
        (vec![("job", job.as_str())], StatusCode::FORBIDDEN),
        (
            vec![("job", job.as_str()), ("form_token", "x")],
            StatusCode::FORBIDDEN,
        ),
        (
            vec![("form_token", token.as_str())],
            StatusCode::BAD_REQUEST,
        ),
        (
            vec![("form_token", token.as_str()), ("job", "1")],
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = operator.post("/outbox/retry", &fields).await;
        assert_eq!(answer.status, expected, "{fields:?}");
    }
    assert_eq!(world.store.picture(), before);
}
