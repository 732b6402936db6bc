//! The whole way, and what is remembered of it.

use super::{DATA_KEY, KEY, World, anna};
use crate::audit::Actor;
use crate::lifecycle::{Outcome, State};
use crate::ports::Store;
use crate::service::{Choice, LinkEnd, LinkError, RedeemError, Visitor};

#[tokio::test]
async fn from_asking_to_the_keys() {
    let world = World::new();
    let request = world.ask().await;
    assert_eq!(world.sent("RequestConfirmation"), ["anna"]);
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);

    let review = world.token("ApprovalNeeded", "boss");
    let seen = world
        .broker
        .review(&review, Visitor::default())
        .await
        .unwrap();
    assert_eq!(
        (seen.request.id, &*seen.seat.party.name),
        (request.id, "boss")
    );
    let decided = world
        .broker
        .decide(&review, Choice::Approve, None, Visitor::default())
        .await;
    assert!(matches!(decided.unwrap().state, State::Approved { .. }));
    assert_eq!(
        world.sent("KeyLink"),
        [""; 0],
        "nothing is sent in a request"
    );
    world.settle().await;
    assert_eq!(world.sent("RequestApproved"), ["anna"]);

    let link = world.token("KeyLink", "anna");
    let view = world
        .broker
        .open_link(&link, Visitor::default())
        .await
        .unwrap();
    assert_eq!(view.expires_at, world.now() + super::hours(3));
    let opened = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    let shown: Vec<_> = opened
        .keys
        .iter()
        .map(|row| {
            let groups: Vec<_> = row.key.as_ref().unwrap().exposed_groups().collect();
            (row.record.key_id.0.as_u128(), groups.join("-"))
        })
        .collect();
    assert_eq!(shown, [(1, KEY.to_owned()), (2, DATA_KEY.to_owned())]);
    let older: Vec<_> = opened
        .superseded
        .iter()
        .map(|it| it.key_id.0.as_u128())
        .collect();
    assert_eq!(older, [3]);
    world.settle().await;
    assert_eq!(world.sent("KeyRetrieved"), ["anna", "boss"]);

    let names: Vec<_> = world
        .events()
        .await
        .iter()
        .map(crate::audit::Event::name)
        .collect();
    assert_eq!(
        names,
        [
            "request.opened",
            "mail.sent",
            "mail.sent",
            "review.opened",
            "request.approved",
            "mail.sent",
            "link.issued",
            "mail.sent",
            "link.opened",
            "redemption.attempted",
            "link.redeemed",
            "mail.sent",
            "mail.sent",
        ]
    );
    let rows = world.log().await;
    assert_eq!(rows[0].entry.actor, Actor::Person(anna()));
    assert_eq!(
        rows[4].entry.actor,
        Actor::Holder(super::boss().party().unwrap())
    );
    assert_eq!(rows[10].entry.actor, Actor::Holder(anna()));
    let asked_for = world.broker.request_of(&anna(), &request.reference).await;
    let (_, history) = asked_for.unwrap().unwrap();
    assert_eq!(history, rows, "the log and the request's history are one");
}

#[tokio::test]
async fn a_link_opens_once_and_says_afterwards_what_became_of_it() {
    let world = World::new();
    let link = world.key_link().await;
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    let used_at = world.now();
    world.clock.advance(super::hours(1000));
    let again = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap_err();
    let RedeemError::Link(LinkError::Ended { end, .. }) = again else {
        panic!("{again:?}");
    };
    assert_eq!(end, LinkEnd::Used(used_at));
    let view = world
        .broker
        .open_link(&link, Visitor::default())
        .await
        .unwrap_err();
    assert!(
        matches!(
            view,
            LinkError::Ended {
                end: LinkEnd::Used(_),
                ..
            }
        ),
        "{view:?}"
    );
}

#[tokio::test]
async fn a_request_is_nobody_elses_to_see_or_take_back() {
    let world = World::new();
    let request = world.ask().await;
    let boss = super::boss().party().unwrap();
    let seen = world.broker.request_of(&boss, &request.reference).await;
    assert!(seen.unwrap().is_none());
    let taken = world.broker.withdraw(&boss, &request.reference, None).await;
    assert!(taken.unwrap().is_none());
    let taken = world
        .broker
        .withdraw(&anna(), &request.reference, None)
        .await;
    let State::Closed(closing) = taken.unwrap().unwrap().state else {
        panic!("it is closed");
    };
    assert_eq!(closing.outcome, Outcome::Withdrawn { by: anna() });
    let again = world
        .broker
        .withdraw(&anna(), &request.reference, None)
        .await;
    assert!(again.is_err());
    assert_eq!(world.last_event().await.name(), "command.refused");
}

#[tokio::test]
async fn a_revoked_request_ends_its_link() {
    let world = World::new();
    let link = world.key_link().await;
    let reference = world.request().await.reference;
    let revoked = world.broker.revoke(&reference, "root").await.unwrap();
    assert!(revoked.is_some());
    let opened = world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap_err();
    let RedeemError::Link(LinkError::Ended { end, .. }) = opened else {
        panic!("{opened:?}");
    };
    assert_eq!(end, LinkEnd::Revoked(world.now()));
    world.settle().await;
    assert_eq!(world.sent("RequestRevoked"), ["anna", "boss"]);
    assert_eq!(world.store.next_due().await.unwrap(), None);
}
