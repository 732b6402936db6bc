//! Keys that were shown are replaced some hours later, where that is wanted and can be done.

use super::{KEY, World, hours, laptop, minutes};
use crate::audit::{Event, FetchFault, WhyNoRotation};
use crate::devices::{BackendName, Device, DeviceId};
use crate::lifecycle::Terms;
use crate::ports::{EscrowFault, Job, Rotation, Store};
use crate::service::Visitor;
use crate::testing::sample::{record, terms};

/// A world in which keys are replaced a day after they were shown, and the keys were shown.
async fn shown() -> World {
    let wanted = Terms {
        rotate_after: Some(hours(24)),
        ..terms()
    };
    let world = World::with(&[], wanted);
    let link = world.key_link().await;
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    world.settle().await;
    world
}

fn test() -> BackendName {
    BackendName("test".to_owned())
}

async fn rotations(world: &World) -> Vec<Event> {
    let events = world.events().await.into_iter();
    events
        .filter(|event| event.name().starts_with("rotation."))
        .collect()
}

#[tokio::test]
async fn the_device_is_told_after_the_hours_that_are_set_and_the_beneficiary_with_it() {
    let world = shown().await;
    world.escrow.answer_rotation(Rotation::Asked);
    world.pass(24 * 60 - 10, 10).await;
    assert_eq!(rotations(&world).await, []);
    world.pass(20, 10).await;
    assert_eq!(world.escrow.rotated().len(), 1);
    let asked = Event::RotationAsked { backend: test() };
    assert_eq!(rotations(&world).await, [asked]);
    assert_eq!(world.sent("KeyRotated"), ["anna"]);
    world.pass(48 * 60, 60).await;
    assert_eq!(world.escrow.rotated().len(), 1, "once is enough");
}

#[tokio::test]
async fn where_nobody_can_tell_the_device_the_log_says_why() {
    for (answer, why) in [
        (Rotation::NotManaged, WhyNoRotation::NotManaged),
        (Rotation::Unsupported, WhyNoRotation::Unsupported),
    ] {
        let world = shown().await;
        world.escrow.answer_rotation(answer);
        world.pass(25 * 60, 60).await;
        let impossible = Event::RotationImpossible { why };
        assert_eq!(rotations(&world).await, [impossible]);
        assert_eq!(world.sent("KeyRotated"), [""; 0]);
    }
}

#[tokio::test]
async fn an_outage_is_waited_for_and_one_without_end_is_given_up_where_an_operator_sees_it() {
    let world = shown().await;
    world.escrow.answer_rotation(Rotation::Asked);
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    world.pass(30 * 60, 60).await;
    assert_eq!(rotations(&world).await, []);
    world.escrow.break_down(None);
    world.pass(15, 5).await;
    assert_eq!(world.escrow.rotated().len(), 1);

    let world = shown().await;
    world.escrow.break_down(Some(EscrowFault::Denied));
    world.pass(7 * 24 * 60, 60).await;
    let failed = Event::RotationFailed {
        backend: test(),
        why: FetchFault::Denied,
    };
    assert_eq!(rotations(&world).await, [failed]);
    let dead = world.store.dead(10).await.unwrap();
    assert!(matches!(dead[..], [ref dead] if matches!(dead.job, Job::Rotate { .. })));
    world.escrow.break_down(None);
    world.escrow.answer_rotation(Rotation::Asked);
    assert!(world.broker.revive(dead[0].id, "root").await.unwrap());
    world.clock.advance(minutes(1));
    world.settle().await;
    assert_eq!(world.escrow.rotated().len(), 1);
}

#[tokio::test]
async fn nothing_is_replaced_where_that_is_not_wanted() {
    let world = World::new();
    world.escrow.answer_rotation(Rotation::Asked);
    let link = world.key_link().await;
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    world.pass(72 * 60, 60).await;
    assert!(world.escrow.rotated().is_empty());
    assert_eq!(rotations(&world).await, []);
}

#[tokio::test]
async fn an_order_without_an_answer_is_not_given_again() {
    let world = shown().await;
    world.escrow.answer_rotation(Rotation::Unsure);
    world.pass(48 * 60, 60).await;
    let unsure = Event::RotationUnsure { backend: test() };
    assert_eq!(rotations(&world).await, [unsure]);
    assert_eq!(world.sent("KeyRotated"), [""; 0]);
}

#[tokio::test]
async fn a_backend_that_was_silent_when_somebody_asked_is_told_as_well() {
    let terms = Terms {
        rotate_after: Some(hours(1)),
        ..terms()
    };
    let world = World::with(&[], terms);
    let machine = Some(uuid::Uuid::from_u128(0xA));
    world.escrow.forget_devices();
    let here = Device {
        shared_id: machine,
        ..laptop()
    };
    world.escrow.hold(here, &[(record(1, Some(1), 5), KEY)]);
    let there = Device {
        id: DeviceId {
            backend: BackendName("cloud".to_owned()),
            native: "object".to_owned(),
        },
        shared_id: machine,
        ..laptop()
    };
    world.cloud.hold(there, &[]);
    world.cloud.answer_rotation(Rotation::Asked);
    world.cloud.break_down(Some(EscrowFault::Unavailable));
    let link = world.key_link().await;
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    // While it is still away, nothing is said about it that is not so.
    world.pass(120, 30).await;
    assert_eq!(rotations(&world).await, []);
    world.cloud.break_down(None);
    world.pass(30, 5).await;
    assert_eq!(world.cloud.rotated().len(), 1);
    assert_eq!(rotations(&world).await.len(), 1);
}
