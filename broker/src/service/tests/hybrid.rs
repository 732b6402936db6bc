//! One machine that several backends know: what each holds is put together, and one that does
//! not answer is named.

use uuid::Uuid;

use super::{DAMAGED, KEY, OLD_KEY, World, anna, asking, boss, laptop};
use crate::audit::{Event, FetchFault};
use crate::devices::{BackendName, Device, DeviceId, EscrowRecord, VolumeKind};
use crate::keys::KeyId;
use crate::lifecycle::{Disclosure, Request, Step};
use crate::people::PersonId;
use crate::policy::{Matches, Policy, Rule};
use crate::ports::EscrowFault;
use crate::service::{Ask, AskError, Gates, RedeemError, Redemption, Unfetched, Visitor};
use crate::testing::sample::{device, record};
use crate::tokens::PlainToken;

const CLOUD_KEY: &str = "000044-000022-720885-123453-000000-700007-111111-222222";

fn name(name: &str) -> BackendName {
    BackendName(name.to_owned())
}

fn shared(device: Device) -> Device {
    Device {
        shared_id: Some(Uuid::from_u128(0xA)),
        ..device
    }
}

/// The machine as the second backend knows it.
fn in_the_cloud() -> Device {
    Device {
        id: DeviceId {
            backend: name("cloud"),
            native: "object".to_owned(),
        },
        ..shared(device("laptop"))
    }
}

fn kept_in_the_cloud(key: u128, day: i8) -> EscrowRecord {
    EscrowRecord {
        kind: VolumeKind::FixedData,
        held_by: vec![name("cloud")],
        ..record(key, None, day)
    }
}

/// The laptop: key 1 lies in both backends, key 2 in the first and key 9 in the second.
fn world() -> World {
    let world = World::new();
    world.escrow.forget_devices();
    let first = [
        (record(1, Some(1), 5), KEY),
        (record(2, Some(2), 4), OLD_KEY),
    ];
    world.escrow.hold(shared(laptop()), &first);
    let second = [
        (kept_in_the_cloud(1, 6), KEY),
        (kept_in_the_cloud(9, 3), CLOUD_KEY),
    ];
    world.cloud.hold(in_the_cloud(), &second);
    world
}

fn ids(redemption: &Redemption) -> Vec<u128> {
    let ids = redemption.keys.iter();
    let mut ids: Vec<_> = ids.map(|row| row.record.key_id.0.as_u128()).collect();
    ids.sort_unstable();
    ids
}

async fn opened(world: &World, link: &PlainToken) -> Redemption {
    world
        .broker
        .redeem(link, "", Visitor::default())
        .await
        .unwrap()
}

async fn missed(world: &World, link: &PlainToken) -> Vec<Unfetched> {
    match world.broker.redeem(link, "", Visitor::default()).await {
        Err(RedeemError::NotUsed(missed)) => missed,
        other => panic!("{other:?}"),
    }
}

async fn disclosure(world: &World) -> Disclosure {
    let events = world.events().await.into_iter();
    let mut steps = events.filter_map(|event| match event {
        Event::Request(Step::Redeemed(disclosure)) => Some(disclosure),
        _ => None,
    });
    steps.next().expect("a redemption in the log")
}

fn places(request: &Request) -> Vec<String> {
    request.device.places().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_keys_of_one_machine_come_from_wherever_they_lie() {
    let world = world();
    let link = world.key_link().await;
    assert_eq!(
        places(&world.request().await),
        ["test/id-laptop", "cloud/object"]
    );
    let redemption = opened(&world, &link).await;
    assert_eq!(ids(&redemption), [1, 2, 9]);
    assert_eq!(redemption.unanswered, []);
    let both = &redemption.keys.iter();
    let both = both.clone().find(|row| row.record.held_by.len() == 2);
    let both = both.expect("the key that lies in both");
    assert_eq!(both.record.kind, VolumeKind::FixedData);
    assert_eq!(both.record.volume, Some(Uuid::from_u128(1)));
    assert!(redemption.keys.iter().all(|row| row.key.is_ok()));
    // Each key from the first backend that holds it, in the order of the keys.
    let log = disclosure(&world).await;
    let read: Vec<_> = log
        .keys
        .iter()
        .map(|id| id.0.as_u128())
        .zip(log.read_from)
        .collect();
    let test = name("test");
    assert_eq!(read, [(1, test.clone()), (2, test), (9, name("cloud"))]);
}

#[tokio::test]
async fn a_backend_that_is_down_when_somebody_asks_is_named_and_asked_again_for_the_keys() {
    let world = world();
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let request = world.ask().await;
    assert_eq!(request.unanswered, [name("test")]);
    assert_eq!(places(&request), ["cloud/object"]);
    let events = world.events().await.into_iter();
    let named = |event: &Event| matches!(event, Event::Request(Step::Opened { unanswered, .. }) if *unanswered == [name("test")]);
    assert_eq!(events.filter(named).count(), 1);

    // It is one machine, whichever backend answered: a second request is refused all the same.
    world.escrow.break_down(None);
    let again = world.broker.ask(&anna(), asking("laptop"), None).await;
    assert!(matches!(again, Err(AskError::AlreadyOpen(_))), "{again:?}");

    world.approve().await;
    world.settle().await;
    let link = world.token("KeyLink", "anna");
    assert_eq!(ids(&opened(&world, &link).await), [1, 2, 9]);
}

#[tokio::test]
async fn a_rule_that_a_silent_backend_could_make_hold_is_waited_for() {
    let strict = Rule {
        name: "first".to_owned(),
        matches: Matches {
            backends: vec![name("test")],
            ..Matches::default()
        },
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let policy = Policy::new(vec![strict], Rule::manager_else(Vec::new()));
    let world = World::under(policy, Gates::default());
    world.escrow.forget_devices();
    let first = [(record(1, Some(1), 5), KEY)];
    world.escrow.hold(shared(laptop()), &first);
    let second = [(kept_in_the_cloud(9, 3), CLOUD_KEY)];
    world.cloud.hold(in_the_cloud(), &second);
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let asked = world.broker.ask(&anna(), asking("laptop"), None).await;
    assert!(matches!(asked, Err(AskError::Unavailable(_))), "{asked:?}");
    world.escrow.break_down(None);
    let asked = world.broker.ask(&anna(), asking("laptop"), None).await;
    assert!(
        matches!(asked, Err(AskError::NobodyToAsk(_))),
        "two are needed"
    );
}

#[tokio::test]
async fn which_rule_holds_does_not_hang_on_the_name_that_is_typed() {
    let strict = Rule {
        name: "first".to_owned(),
        matches: Matches {
            backends: vec![name("cloud")],
            ..Matches::default()
        },
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let policy = Policy::new(vec![strict], Rule::manager_else(Vec::new()));
    let world = World::under(policy, Gates::default());
    world.escrow.forget_devices();
    let other_name = Device {
        name: "ws-1".to_owned(),
        ..shared(laptop())
    };
    world
        .escrow
        .hold(other_name, &[(record(1, Some(1), 5), KEY)]);
    let second = [(kept_in_the_cloud(9, 3), CLOUD_KEY)];
    world.cloud.hold(in_the_cloud(), &second);
    // The second backend serves names like `laptop` alone.
    for asset in ["ws-1", "laptop"] {
        let asked = world.broker.ask(&anna(), asking(asset), None).await;
        assert!(matches!(asked, Err(AskError::NobodyToAsk(_))), "{asset}");
    }
}

#[tokio::test]
async fn what_answers_late_and_says_what_no_approver_saw_is_left_out() {
    let others = |device: &mut Device| device.owners = vec![boss().id.into()];
    let renamed = |device: &mut Device| device.name = "server".to_owned();
    for change in [others as fn(&mut Device), renamed] {
        let world = world();
        world.escrow.break_down(Some(EscrowFault::Unavailable));
        world.ask().await;
        world.approve().await;
        world.settle().await;
        world.escrow.break_down(None);
        world.escrow.change_devices(change);
        let link = world.token("KeyLink", "anna");
        let redemption = opened(&world, &link).await;
        assert_eq!(ids(&redemption), [1, 9], "what was approved");
        assert_eq!(redemption.unanswered, [name("test")]);
    }
}

#[tokio::test]
async fn a_backend_that_is_down_for_the_keys_matters_only_where_it_alone_holds_a_promised_one() {
    let world = world();
    let link = world.key_link().await;
    world.cloud.break_down(Some(EscrowFault::Denied));
    let denied = Unfetched {
        backend: Some(name("cloud")),
        why: FetchFault::Denied,
    };
    assert_eq!(missed(&world, &link).await, [denied]);
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    assert_eq!(missed(&world, &link).await.len(), 2);
    let rows = world.events().await.into_iter().rev();
    let rows = rows.take_while(|event| matches!(event, Event::FetchFailed { .. }));
    assert_eq!(rows.count(), 2, "a row for each backend");
    world.cloud.break_down(None);
    world.escrow.break_down(None);

    // What the second alone held is gone from the promise of another request.
    world.cloud.forget_key(KeyId(Uuid::from_u128(9)));
    let (me, reference) = (anna(), world.request().await.reference);
    let asked = world.broker.withdraw(&me, &reference, None);
    asked.await.unwrap();
    let link = world.key_link().await;
    world.cloud.break_down(Some(EscrowFault::Unavailable));
    let redemption = opened(&world, &link).await;
    assert_eq!(ids(&redemption), [1, 2]);
    assert_eq!(redemption.unanswered, [name("cloud")]);
    assert_eq!(disclosure(&world).await.unanswered, [name("cloud")]);
    assert_eq!(
        disclosure(&world).await.read_from,
        [name("test"), name("test")]
    );
}

#[tokio::test]
async fn a_key_that_is_damaged_or_refused_in_one_place_is_read_from_another() {
    for damaged in [true, false] {
        let world = world();
        world.escrow.forget_key(KeyId(Uuid::from_u128(2)));
        let link = world.key_link().await;
        if damaged {
            world.escrow.replace_key(KeyId(Uuid::from_u128(1)), DAMAGED);
        } else {
            world.escrow.break_keys(Some(EscrowFault::Denied));
        }
        let redemption = opened(&world, &link).await;
        assert_eq!(ids(&redemption), [1, 9]);
        assert!(redemption.keys.iter().all(|row| row.key.is_ok()));
    }
}

#[tokio::test]
async fn a_name_in_two_backends_is_two_devices_unless_they_share_an_id() {
    let world = World::new();
    let stale = Device {
        shared_id: Some(Uuid::from_u128(0xB)),
        ..in_the_cloud()
    };
    world
        .cloud
        .hold(stale, &[(kept_in_the_cloud(9, 3), CLOUD_KEY)]);
    let asked = world.broker.ask(&anna(), asking("laptop"), None).await;
    let Err(AskError::Ambiguous(devices)) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(devices.len(), 2);
}

#[tokio::test]
async fn a_machine_is_found_elsewhere_by_its_shared_id_where_its_name_is_another() {
    let world = World::new();
    world.escrow.forget_devices();
    let here = shared(device("lap-one"));
    world.escrow.hold(here, &[(record(1, Some(1), 5), KEY)]);
    world
        .cloud
        .hold(in_the_cloud(), &[(kept_in_the_cloud(9, 3), CLOUD_KEY)]);
    let made = world.broker.ask(&anna(), asking("lap-one"), None).await;
    assert_eq!(made.unwrap().promised.len(), 2);
}

#[tokio::test]
async fn a_backend_is_asked_about_the_names_that_it_serves_and_about_ids() {
    let world = World::new();
    world.cloud.break_down(Some(EscrowFault::Unavailable));
    world
        .escrow
        .hold(device("desk"), &[(record(7, None, 1), KEY)]);
    let made = world.broker.ask(&anna(), asking("desk"), None).await;
    assert_eq!(made.unwrap().unanswered, []);

    let by_id = asking(&Uuid::from_u128(7).to_string());
    let made = world.broker.ask(&anna(), by_id, None).await;
    assert!(matches!(made, Err(AskError::AlreadyOpen(_))), "{made:?}");
    let nothing = asking(&Uuid::from_u128(0xEE).to_string());
    let asked = world.broker.ask(&anna(), nothing, None).await;
    let Err(AskError::Unavailable(error)) = asked else {
        panic!("that there is none is said where all have answered: {asked:?}");
    };
    assert_eq!(error.part, "cloud");
}

#[tokio::test]
async fn that_nothing_is_escrowed_is_said_only_where_all_have_answered() {
    let world = World::new();
    world.escrow.forget_devices();
    world.escrow.hold(shared(device("lap-bare")), &[]);
    let bare = async || {
        let me = anna();
        world.broker.ask(&me, asking("lap-bare"), None).await
    };
    assert!(matches!(bare().await, Err(AskError::NothingEscrowed(_))));
    world.cloud.break_down(Some(EscrowFault::Unavailable));
    assert!(matches!(bare().await, Err(AskError::Unavailable(_))));
    world.escrow.break_down(Some(EscrowFault::Unavailable));
    let Err(AskError::Unavailable(error)) = bare().await else {
        panic!("nobody answered");
    };
    assert_eq!(error.part, "test and cloud");
}

#[tokio::test]
async fn who_is_no_longer_believed_adds_nothing_to_a_request_that_is_open() {
    let world = world();
    let link = world.key_link().await;
    world.cloud.keep_ids();
    assert_eq!(missed(&world, &link).await.len(), 1, "key 9 was promised");

    // Nor does one whose word made the link from the other end.
    let world = self::world();
    let link = world.key_link().await;
    let device = Device {
        units: vec!["OU=Sales,DC=example".to_owned()],
        ..shared(device("laptop"))
    };
    assert_eq!(world.broker.believed(&device), device);
    world.escrow.keep_ids();
    assert_eq!(missed(&world, &link).await.len(), 1);
    assert!(world.broker.believed(&device).units.is_empty());
}

#[tokio::test]
async fn of_one_that_was_chosen_among_many_it_is_asked_whose_it_is() {
    let world = World::new();
    world.escrow.forget_devices();
    for number in 0..12 {
        let mut one = device(&format!("lap-{number}"));
        "lap-many".clone_into(&mut one.name);
        one.owners = vec![PersonId(format!("owner-{number}")).into()];
        world.escrow.hold(one, &[(record(number, None, 1), KEY)]);
    }
    let chosen = device("lap-7").id;
    let ask = Ask {
        chosen: Some(chosen),
        ..asking("lap-many")
    };
    let made = world.broker.ask(&anna(), ask, None).await.unwrap();
    assert_eq!(made.device.owners, [PersonId("owner-7".into()).into()]);
}

#[tokio::test]
async fn two_objects_that_claim_to_be_one_machine_are_neither() {
    let world = World::new();
    world.escrow.forget_devices();
    world
        .escrow
        .hold(shared(device("lap-one")), &[(record(1, Some(1), 5), KEY)]);
    for native in ["object", "copy"] {
        let mut claims = in_the_cloud();
        native.clone_into(&mut claims.id.native);
        world
            .cloud
            .hold(claims, &[(kept_in_the_cloud(9, 3), CLOUD_KEY)]);
    }
    let made = world.broker.ask(&anna(), asking("lap-one"), None).await;
    let made = made.unwrap();
    assert_eq!(places(&made), ["test/id-lap-one"]);
    assert_eq!(made.unanswered, [name("cloud")]);
}
