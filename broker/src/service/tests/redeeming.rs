//! Opening a key link: faults leave it valid, and it opens once.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::{DAMAGED, World, anna, hours};
use crate::audit::{Event, FetchFault};
use crate::keys::KeyId;
use crate::lifecycle::{Outcome, State};
use crate::ports::EscrowFault;
use crate::service::{LinkEnd, LinkError, RedeemError, Redemption, Visitor};
use crate::testing::CountingRandom;
use crate::testing::sample::terms;
use crate::tokens::PlainToken;

fn key(number: u128) -> KeyId {
    KeyId(uuid::Uuid::from_u128(number))
}

fn end_of(outcome: Result<Redemption, RedeemError>) -> LinkEnd {
    match outcome {
        Err(RedeemError::Link(LinkError::Ended { end, .. })) => end,
        other => panic!("{other:?}"),
    }
}

/// Opens the link in vain for this reason, and proves that it stays valid.
async fn not_used(world: &World, link: &PlainToken, fault: FetchFault) {
    let outcome = world.broker.redeem(link, "", Visitor::default()).await;
    let Err(RedeemError::NotUsed(why)) = outcome else {
        panic!("{outcome:?}");
    };
    let why: Vec<_> = why.into_iter().map(|missed| missed.why).collect();
    assert_eq!(why, [fault]);
    let event = world.last_event().await;
    assert!(matches!(event, Event::FetchFailed { why, .. } if why == fault));
    world
        .broker
        .open_link(link, Visitor::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_fault_leaves_the_link_valid() {
    let world = World::new();
    let link = world.key_link().await;
    for (trouble, fault) in [
        (EscrowFault::Unavailable, FetchFault::Unavailable),
        (EscrowFault::Nonsense, FetchFault::Unavailable),
        (EscrowFault::Denied, FetchFault::Denied),
    ] {
        world.escrow.break_down(Some(trouble));
        not_used(&world, &link, fault).await;
    }
    world.escrow.break_down(None);
    world.directory.break_down(true);
    not_used(&world, &link, FetchFault::Directory).await;
    world.directory.break_down(false);
    assert_eq!(
        world
            .broker
            .redeem(&link, "", Visitor::default())
            .await
            .unwrap()
            .keys
            .len(),
        2
    );
}

#[tokio::test]
async fn a_beneficiary_disabled_in_between_gets_nothing() {
    let world = World::new();
    let link = world.key_link().await;
    world.disable(&anna().id);
    not_used(&world, &link, FetchFault::Beneficiary).await;
}

#[tokio::test]
async fn a_promised_key_that_is_gone_spends_no_link() {
    // The one of its drive, and one that an older key of its drive survives.
    for gone in [2, 1] {
        let world = World::new();
        let link = world.key_link().await;
        world.escrow.forget_key(key(gone));
        not_used(&world, &link, FetchFault::Missing).await;
    }
}

#[tokio::test]
async fn damage_is_shown_beside_a_sound_key_and_spends_no_link_alone() {
    let world = World::new();
    let link = world.key_link().await;
    world.escrow.replace_key(key(1), DAMAGED);
    world.escrow.replace_key(key(2), "no key at all");
    not_used(&world, &link, FetchFault::Damaged).await;
    world.escrow.replace_key(key(2), super::DATA_KEY);
    let opened = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    let sound: Vec<_> = opened.keys.iter().map(|row| row.key.is_ok()).collect();
    assert_eq!(sound, [false, true]);
}

#[tokio::test]
async fn of_two_openings_at_once_one_shows_the_keys() {
    let world = World::new();
    let link = world.key_link().await;
    let (one, two) = tokio::join!(
        world.broker.redeem(&link, "", Visitor::default()),
        world.broker.redeem(&link, "", Visitor::default())
    );
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap().keys.len(), 2);
    assert_eq!(end_of(lost), LinkEnd::Used(world.now()));
    let names = world.events().await;
    let released = |event: &&Event| event.name() == "link.redeemed";
    assert_eq!(names.iter().filter(released).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_openings_on_many_threads_one_shows_the_keys() {
    let world = World::new();
    let link = world.key_link().await;
    let mut openings = JoinSet::new();
    for _ in 0..20 {
        let (broker, link) = (Arc::clone(&world.broker), link.clone());
        openings.spawn(async move { broker.redeem(&link, "", Visitor::default()).await.is_ok() });
    }
    let won = openings.join_all().await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn a_request_withdrawn_while_its_link_is_opened_is_either() {
    let world = World::new();
    let link = world.key_link().await;
    let (me, reference) = (anna(), world.request().await.reference);
    let (opened, taken) = tokio::join!(
        world.broker.redeem(&link, "", Visitor::default()),
        world.broker.withdraw(&me, &reference, None)
    );
    assert_ne!(opened.is_ok(), taken.is_ok());
    let State::Closed(closing) = world.request().await.state else {
        panic!("it is closed");
    };
    let was_redeemed = matches!(closing.outcome, Outcome::Redeemed { .. });
    assert_eq!(opened.is_ok(), was_redeemed);
}

#[tokio::test]
async fn a_link_ends_at_the_very_moment_also_without_a_sweeper() {
    let world = World::new();
    let link = world.key_link().await;
    let instant = SignedDuration::from_nanos(1);
    world.clock.advance(terms().link_valid_for - instant);
    let view = world
        .broker
        .open_link(&link, Visitor::default())
        .await
        .unwrap();
    world.clock.advance(instant);
    assert_eq!(view.expires_at, world.now());
    let end = LinkEnd::Expired(world.now());
    assert_eq!(
        end_of(world.broker.redeem(&link, "", Visitor::default()).await),
        end
    );
    world.clock.advance(hours(1000));
    assert_eq!(
        end_of(world.broker.redeem(&link, "", Visitor::default()).await),
        end
    );
    assert!(matches!(
        world.request().await.state,
        State::LinkSent { .. }
    ));
    world.settle().await;
    assert_eq!(world.sent("LinkExpired"), ["anna", "boss"]);
}

#[tokio::test]
async fn a_store_that_fails_releases_nothing() {
    let world = World::new();
    let link = world.key_link().await;
    // Before the attempt is written, and between it and the redemption.
    for commits in [0, 1] {
        world.store.break_after(commits);
        let outcome = world.broker.redeem(&link, "", Visitor::default()).await;
        let failed = matches!(outcome, Err(RedeemError::Link(LinkError::Unavailable(_))));
        assert!(failed, "{outcome:?}");
        world.store.mend();
    }
    assert_eq!(world.last_event().await, Event::RedemptionAttempted);
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_link_is_worth_nothing_where_it_is_another_kind_or_none() {
    let world = World::new();
    world.key_link().await;
    let review = world.token("ApprovalNeeded", "boss");
    let guessed = PlainToken::new(&CountingRandom::default()).form_token();
    for link in [review, guessed] {
        let view = world.broker.open_link(&link, Visitor::default()).await;
        assert!(matches!(view, Err(LinkError::Unknown)));
        let outcome = world.broker.redeem(&link, "", Visitor::default()).await;
        assert!(matches!(
            outcome,
            Err(RedeemError::Link(LinkError::Unknown))
        ));
    }
}
