//! Who decides, and who no longer may.

use super::{World, boss, hours};
use crate::audit::Event;
use crate::lifecycle::{Refusal, State};
use crate::people::Person;
use crate::service::{Choice, ReviewError, Visitor};
use crate::testing::CountingRandom;
use crate::testing::sample::{person, terms};
use crate::tokens::PlainToken;

async fn refusal(world: &World, link: &PlainToken, choice: Choice) -> Refusal {
    let decided = world
        .broker
        .decide(link, choice, None, Visitor::default())
        .await;
    let Err(ReviewError::Refused(why)) = decided else {
        panic!("{decided:?}");
    };
    let Event::CommandRefused { why: told, .. } = world.last_event().await else {
        panic!("a refusal leaves a row");
    };
    assert_eq!(told, why);
    why
}

#[tokio::test]
async fn an_approver_who_is_no_longer_fit_decides_nothing() {
    for change in [
        |boss: &mut Person| boss.enabled = false,
        |boss: &mut Person| boss.mail = None,
        // By a second account of the requester's.
        |boss: &mut Person| boss.mail = person("anna").mail,
    ] {
        let world = World::new();
        world.ask().await;
        world.directory.change(&boss().id, change);
        let link = world.token("ApprovalNeeded", "boss");
        for choice in [Choice::Approve, Choice::Decline] {
            let why = refusal(&world, &link, choice).await;
            assert_eq!(why, Refusal::NotConcerned);
        }
        assert!(matches!(world.request().await.state, State::Pending { .. }));
    }
}

#[tokio::test]
async fn the_nominated_are_asked_where_no_manager_can_be_and_one_of_them_decides() {
    let world = World::with_nominated(&["nina", "anna", "nobody", "otto"]);
    world.disable(&boss().id);
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["nina", "otto"]);
    let (nina, otto) = (
        world.token("ApprovalNeeded", "nina"),
        world.token("ApprovalNeeded", "otto"),
    );
    let declined = world
        .broker
        .decide(&nina, Choice::Decline, None, Visitor::default())
        .await;
    declined.unwrap();
    assert_eq!(
        refusal(&world, &otto, Choice::Approve).await,
        Refusal::Closed
    );
    world.settle().await;
    assert_eq!(world.sent("RequestDeclined"), ["anna"]);
    assert_eq!(world.sent("KeyLink"), [""; 0]);
}

#[tokio::test]
async fn of_two_decisions_at_once_one_counts() {
    let world = World::with_nominated(&["nina", "otto"]);
    world.disable(&boss().id);
    world.ask().await;
    let (nina, otto) = (
        world.token("ApprovalNeeded", "nina"),
        world.token("ApprovalNeeded", "otto"),
    );
    let (one, two) = tokio::join!(
        world
            .broker
            .decide(&nina, Choice::Approve, None, Visitor::default()),
        world
            .broker
            .decide(&otto, Choice::Approve, None, Visitor::default())
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    world.settle().await;
    assert_eq!(world.sent("KeyLink"), ["anna"]);
}

#[tokio::test]
async fn a_decision_comes_too_late_at_the_very_moment_also_without_a_sweeper() {
    let world = World::new();
    world.ask().await;
    world.clock.advance(terms().decide_within);
    let link = world.token("ApprovalNeeded", "boss");
    let why = refusal(&world, &link, Choice::Approve).await;
    assert_eq!(why, Refusal::Overdue);
    world.settle().await;
    assert_eq!(world.sent("RequestLapsed"), ["anna", "boss"]);
    assert_eq!(
        refusal(&world, &link, Choice::Approve).await,
        Refusal::Closed
    );
}

#[tokio::test]
async fn only_a_review_link_reviews() {
    let world = World::new();
    let key_link = world.key_link().await;
    let guessed = PlainToken::new(&CountingRandom::default()).form_token();
    for link in [key_link, guessed] {
        let seen = world.broker.review(&link, Visitor::default()).await;
        assert!(matches!(seen, Err(ReviewError::Unknown)));
        let decided = world
            .broker
            .decide(&link, Choice::Approve, None, Visitor::default())
            .await;
        assert!(matches!(decided, Err(ReviewError::Unknown)));
    }
}

#[tokio::test]
async fn a_directory_or_a_store_that_fails_decides_nothing() {
    let world = World::new();
    world.ask().await;
    let link = world.token("ApprovalNeeded", "boss");
    let decide = async || {
        let decided = world
            .broker
            .decide(&link, Choice::Approve, None, Visitor::default())
            .await;
        assert!(matches!(decided, Err(ReviewError::Unavailable(_))));
    };
    world.directory.break_down(true);
    decide().await;
    world.directory.break_down(false);
    world.store.break_after(0);
    decide().await;
    world.store.mend();
    world.clock.advance(hours(1));
    world.approve().await;
}
