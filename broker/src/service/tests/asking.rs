//! Requests that are made, and those that are not.

use super::{World, anna, asking, laptop};
use crate::audit::{Concerned, Event, WhyNoRequest};
use crate::devices::DeviceId;
use crate::keys::WantedKey;
use crate::people::Person;
use crate::ports::EscrowFault;
use crate::service::{Ask, AskError};
use crate::testing::sample::{device, person, record};

/// Asks, and proves that a refusal leaves a row in the log that says why, and nothing else.
async fn refused(world: &World, ask: Ask, why: WhyNoRequest) -> AskError {
    let (before, rows) = (world.store.picture(), world.log().await.len());
    let asset = ask.asset.as_str().to_owned();
    let error = world.broker.ask(&anna(), ask, None).await.unwrap_err();
    assert_eq!(world.store.picture(), before, "{error}");
    assert_eq!(world.log().await.len(), rows + 1);
    let concerns = Concerned {
        beneficiary: Some(anna().id),
        requester: Some(anna().id),
    };
    let wanted = Event::RequestRefused {
        asset,
        why,
        concerns,
    };
    assert_eq!(world.last_event().await, wanted);
    error
}

#[tokio::test]
async fn what_names_no_one_key_makes_no_request() {
    let world = World::new();
    let twin = |native: &str| {
        let mut twin = device("twin");
        native.clone_into(&mut twin.id.native);
        twin
    };
    world.escrow.hold(device("bare"), &[]);
    for native in ["one", "two"] {
        let key = record(native.len().try_into().unwrap(), None, 1);
        world.escrow.hold(twin(native), &[(key, super::KEY)]);
    }
    refused(&world, asking("nothing"), WhyNoRequest::UnknownDevice).await;
    refused(&world, asking("bare"), WhyNoRequest::NothingEscrowed).await;
    let wrong_key = Ask {
        wanted: WantedKey::parse("FFFFFFFF").ok(),
        ..asking("laptop")
    };
    refused(&world, wrong_key, WhyNoRequest::WrongKeyId).await;
    let stranger = Ask {
        chosen: Some(laptop().id),
        ..asking("twin")
    };
    refused(&world, stranger, WhyNoRequest::UnknownDevice).await;

    let error = refused(&world, asking("twin"), WhyNoRequest::Ambiguous).await;
    let AskError::Ambiguous(devices) = error else {
        panic!("{error}");
    };
    assert_eq!(devices.len(), 2, "a person chooses, never Clavis");
    let chosen: DeviceId = devices[1].id.clone();
    let ask = Ask {
        chosen: Some(chosen.clone()),
        ..asking("twin")
    };
    let made = world.broker.ask(&anna(), ask, None).await.unwrap();
    assert_eq!(made.device.id, chosen);
}

#[tokio::test]
async fn a_second_request_for_a_device_names_the_first() {
    let world = World::new();
    let first = world.ask().await;
    let error = refused(&world, asking("LAPTOP"), WhyNoRequest::AlreadyOpen).await;
    let AskError::AlreadyOpen(reference) = error else {
        panic!("{error}");
    };
    assert_eq!(reference, first.reference);
    let taken = world.broker.withdraw(&anna(), &reference, None).await;
    taken.unwrap();
    world.ask().await;
}

#[tokio::test]
async fn of_two_requests_at_once_for_a_device_one_is_made() {
    let world = World::new();
    let (me, broker) = (anna(), &world.broker);
    let (one, two) = tokio::join!(
        broker.ask(&me, asking("laptop"), None),
        broker.ask(&me, asking("laptop"), None)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    world.settle().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
}

#[tokio::test]
async fn who_may_not_ask_and_what_does_not_answer_make_no_request() {
    let world = World::new();
    world.escrow.break_down(Some(EscrowFault::Denied));
    refused(&world, asking("laptop"), WhyNoRequest::Unavailable).await;
    world.escrow.break_down(None);
    world.directory.break_down(true);
    refused(&world, asking("laptop"), WhyNoRequest::Unavailable).await;
    world.directory.break_down(false);
    world.disable(&anna().id);
    refused(&world, asking("laptop"), WhyNoRequest::UnfitPerson).await;

    world.store.break_after(0);
    let failed = world.broker.ask(&anna(), asking("laptop"), None).await;
    assert!(matches!(failed, Err(AskError::Unavailable(_))));
    world.store.mend();
    world.settle().await;
    assert!(world.mailer.sent().is_empty(), "nobody was bothered");
}

#[tokio::test]
async fn without_anybody_to_ask_there_is_no_request() {
    for unfit in [
        |boss: &mut Person| boss.enabled = false,
        |boss: &mut Person| boss.mail = None,
        // A manager's account that reads the requester's mail is the requester's.
        |boss: &mut Person| boss.mail = person("anna").mail,
    ] {
        let world = World::with_nominated(&["anna", "nobody"]);
        world.directory.change(&super::boss().id, unfit);
        refused(&world, asking("laptop"), WhyNoRequest::NobodyToAsk).await;
    }
}
