//! The queue, and what agents can do about a request.

use axum::http::StatusCode;
use clavis_broker::testing::MailTrouble;
use clavis_broker::testing::sample::terms;
use jiff::SignedDuration;

use super::{WHY, ask, press, with_last_resort};
use crate::testing::World;

#[tokio::test]
async fn the_queue_shows_what_is_under_way_and_what_is_stuck() {
    let world = World::new();
    let mut agent = world.agent().await;
    assert!(agent.get("/desk").await.says("There are none."));
    let path = world.ask_for_anna(&mut agent).await;
    let queue = agent.get("/desk").await;
    assert!(queue.says("1 under way, 0 of them stuck.") && queue.says(&path));
    assert!(queue.says("asked for by agents") && queue.says("Waiting for approval"));
    assert!(queue.says("It has waited for a decision since Monday, 23 November 2026, 10:00 CET."));
    assert!(!agent.get("/desk?stuck=1").await.says(&path));

    let mut boss = world.signed_in("boss@example.com").await;
    world.mailer.break_down(Some(MailTrouble::Transient));
    let fields = [
        ("asset", "TWIN"),
        ("reason", "x"),
        ("device", "test/two"),
        ("device_for", "TWIN"),
    ];
    let made = ask(&mut agent, "anna", &fields).await;
    world.settle().await;
    let second = made.location();
    let queue = agent.get("/desk").await;
    assert!(
        queue.says("2 under way, 0 of them stuck."),
        "it is tried again"
    );
    let asks = "The mail that asks Boss &#60;img src=x&#62; to decide was";
    assert!(queue.says(&format!("{asks} not taken (1 try).")));
    world.mailer.break_down(Some(MailTrouble::Permanent));
    world.clock.advance(SignedDuration::from_mins(1));
    world.settle().await;
    let queue = agent.get("/desk").await;
    assert!(queue.says("2 under way, 1 of them stuck."));
    assert!(queue.says(&format!("{asks} given up after 2 tries.")));
    let (at_first, at_second) = (queue.body.find(&path), queue.body.find(&second));
    assert!(at_second < at_first, "what is stuck comes first");
    let stuck = agent.get("/desk?stuck=1").await;
    assert!(stuck.says(&second) && !stuck.says(&path) && stuck.says("Show all"));
    assert!(agent.get(&second).await.says("class=\"stuck\""));
    assert_eq!(boss.get("/desk").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_next_approvers_are_asked_by_a_button_as_long_as_there_are_any() {
    let world = with_last_resort();
    let mut agent = world.agent().await;
    let path = world.ask_for_anna(&mut agent).await;
    assert!(agent.get(&path).await.says("Ask the next approvers now"));
    let pressed = press(&mut agent, &path, "call").await;
    assert_eq!(pressed.location(), path);
    world.settle().await;
    assert_eq!(world.sent("Approval Needed", "auditors@example.com"), 1);
    let page = agent.get(&path).await;
    assert!(page.says("asked the group of last resort as well"));
    assert!(!page.says("Ask the next approvers now"));
    let again = press(&mut agent, &path, "call").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("There is nobody left to ask.") && again.says("Nothing has changed"));
    let last = world.events().await.pop();
    assert_eq!(last.as_deref(), Some("command.refused"));
}

#[tokio::test]
async fn the_key_link_is_sent_anew_and_the_one_before_ends() {
    let world = World::new();
    let mut agent = world.agent().await;
    let path = world.ask_for_anna(&mut agent).await;
    assert!(!agent.get(&path).await.says("Send the key link again"));
    let early = press(&mut agent, &path, "link").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.says("There is no key link yet"));
    world.decide("approve").await;
    let old = world.link("Your Secure Key Link", "key").await;
    let page = agent.get(&path).await;
    assert!(page.says("Send the key link again") && page.says("The link before ends."));
    assert!(page.says("The key link is unopened."));
    let pressed = press(&mut agent, &path, "link").await;
    assert_eq!(pressed.location(), path);
    world.settle().await;
    assert_eq!(world.sent("Your Secure Key Link", "anna@example.com"), 2);
    assert_eq!(agent.get(&old).await.status, StatusCode::GONE);
    let new = world.link("Your Secure Key Link", "key").await;
    assert_eq!(agent.get(&new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_stopped_or_taken_back_by_whoever_asked() {
    let world = World::new();
    let mut agent = world.agent().await;
    let mut anna = world.signed_in("anna@example.com").await;
    let own = world.ask(&mut anna).await;
    let path = format!("/desk{own}");
    let page = agent.get(&path).await;
    assert!(page.says("Stop this request") && !page.says("Withdraw"));
    assert_eq!(press(&mut agent, &path, "stop").await.location(), path);
    let page = agent.get(&path).await;
    assert!(page.says("Stopped") && page.says("/desk/new?for=anna"));
    assert!(page.says("agents &#60;img src=x&#62; stopped the request."));
    let hers = anna.get(&own).await;
    assert!(hers.says("The request was stopped.</li>") && !hers.says("agents"));
    assert!(!page.says("Stop this request"));
    let again = press(&mut agent, &path, "stop").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.says("The request is over."));

    let path = world.ask_for_anna(&mut agent).await;
    let own = path.strip_prefix("/desk").unwrap();
    let page = agent.get(&path).await;
    assert!(page.says(&format!("action=\"{own}/withdraw\"")));
    let fields = [("form_token", page.form_token())];
    let taken = agent.post(&format!("{own}/withdraw"), &fields).await;
    assert_eq!(taken.location(), own);
    assert!(agent.get(&path).await.says("Withdrawn"));
    assert_eq!(
        agent.get("/desk/requests/K7Q-4MX2").await.status,
        StatusCode::NOT_FOUND
    );
    let none = agent.post("/desk/requests/K7Q-4MX2/stop", &fields).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_that_lapsed_offers_nothing_but_to_ask_again() {
    let world = World::new();
    let mut agent = world.breaker().await;
    let path = world.ask_for_anna(&mut agent).await;
    world.clock.advance(terms().decide_within);
    let mut agent = world.agent().await;
    let page = agent.get(&path).await;
    for button in [
        "Stop this request",
        "Withdraw",
        "Release without",
        "next approvers",
    ] {
        assert!(!page.says(button), "{button}");
    }
    assert!(page.says("Lapsed") && page.says("/desk/new?for=anna"));
}

#[tokio::test]
async fn buttons_want_the_token_of_their_page() {
    let world = with_last_resort();
    let mut agent = world.breaker().await;
    let path = world.ask_for_anna(&mut agent).await;
    let mut boss = world.signed_in("boss@example.com").await;
    let of_another = boss.get("/").await.form_token();
    let before = world.store.picture();
    for button in ["call", "link", "stop", "again", "break-glass"] {
        for token in ["", "x", &of_another] {
            let fields = [("form_token", token), ("reason", WHY), ("known", "yes")];
            let answer = agent.post(&format!("{path}/{button}"), &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{button}");
        }
    }
    let fields = [
        ("form_token", "x"),
        ("for", "anna"),
        ("asset", "TWIN"),
        ("reason", WHY),
    ];
    let answer = agent.post("/desk/new", &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(world.store.picture(), before);
}
