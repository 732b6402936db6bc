//! Keeping watch: what of the log is told as an alarm, to whom, and how often.

use std::net::IpAddr;

use super::{World, anna, asking, boss, hours, minutes};
use crate::alarms::{Alarm, Usual};
use crate::audit::{Actor, Event, LogEntry};
use crate::people::{MailAddress, Party};
use crate::ports::{HookError, Store};
use crate::proof::examine::Problem;
use crate::roles::{Role, Roles};
use crate::service::{Choice, ReviewError, Visitor, examine};
use crate::testing::sample::{device, person, record};
use crate::tokens::PlainToken;

const HERE: &str = "192.0.2.7";
const ELSEWHERE: &str = "198.51.100.9";

fn from(source: &str) -> Visitor<'static> {
    Visitor {
        signed_in: None,
        source: Some(source.parse::<IpAddr>().unwrap()),
    }
}

/// A world in which so little is usual.
fn strict(usual: Usual) -> World {
    World::new().restarted(|parts| parts.alarms.usual = usual)
}

fn alarms(world: &World) -> usize {
    let to = MailAddress::parse("alarms@example.com").unwrap();
    let mails = world.mailer.sent().into_iter();
    mails.filter(|mail| mail.to == to).count()
}

async fn raised(world: &World) -> Vec<Alarm> {
    let alarm = |event| match event {
        Event::AlarmRaised { alarm } => Some(*alarm),
        _ => None,
    };
    world.events().await.into_iter().filter_map(alarm).collect()
}

async fn redeemed(world: &World) -> PlainToken {
    let link = world.key_link().await;
    world.broker.redeem(&link, "", from(HERE)).await.unwrap();
    world.settle().await;
    link
}

#[tokio::test]
async fn a_used_link_that_is_opened_elsewhere_is_told_and_a_page_that_is_loaded_again_is_not() {
    let world = World::new();
    let link = redeemed(&world).await;
    let open = async |source| {
        let opened = world.broker.open_link(&link, from(source)).await;
        assert!(opened.is_err());
        let pressed = world.broker.redeem(&link, "", from(source)).await;
        assert!(pressed.is_err());
        world.settle().await;
    };
    open(HERE).await;
    assert_eq!(raised(&world).await, []);
    open(ELSEWHERE).await;
    let told = raised(&world).await;
    let [
        Alarm::UsedLinkOpened {
            device,
            beneficiary,
            shown_to,
            opened_from,
            ..
        },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((&**device, beneficiary), ("laptop", &anna()));
    assert_eq!(*shown_to, HERE.parse().ok());
    assert_eq!(*opened_from, ELSEWHERE.parse().ok());
    open(ELSEWHERE).await;
    assert_eq!(
        (raised(&world).await.len(), alarms(&world)),
        (1, 1),
        "once an hour"
    );
    world.clock.advance(hours(1));
    open(HERE).await;
    assert_eq!(alarms(&world), 2, "no reload any more");
}

#[tokio::test]
async fn who_tries_to_approve_their_own_request_is_told_of() {
    let world = World::new();
    world.ask().await;
    let link = world.token("ApprovalNeeded", "boss");
    let anna = anna();
    let visitor = Visitor {
        signed_in: Some(&anna),
        source: None,
    };
    let decided = world
        .broker
        .decide(&link, Choice::Approve, None, visitor)
        .await;
    assert!(matches!(decided, Err(ReviewError::SomebodyElses)));
    world.settle().await;
    let told = raised(&world).await;
    assert!(matches!(&told[..], [Alarm::OwnApproval { by, .. }] if *by == anna));

    // The manager's account reads her mailbox now.
    let mail = person("anna").mail;
    world.directory.change(&boss().id, |boss| boss.mail = mail);
    let decided = world
        .broker
        .decide(&link, Choice::Approve, None, Visitor::default())
        .await;
    assert!(decided.is_err());
    world.settle().await;
    let told = raised(&world).await;
    let [_, Alarm::OwnApproval { by, .. }] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((&by.id, &by.mail), (&boss().id, &anna.mail));
    assert_eq!(alarms(&world), 2, "one for each account");
}

#[tokio::test]
async fn more_redemptions_in_an_hour_than_usual_are_told_once() {
    let world = strict(Usual {
        redemptions: Some(2),
        ..Usual::default()
    });
    for told in [0, 0, 1, 1] {
        redeemed(&world).await;
        assert_eq!(alarms(&world), told);
    }
    assert_eq!(raised(&world).await, [Alarm::ManyRedemptions { count: 3 }]);
    world.clock.advance(hours(1) + minutes(1));
    redeemed(&world).await;
    assert_eq!(alarms(&world), 1, "those before are of another hour");
}

#[tokio::test]
async fn more_devices_of_one_person_in_a_day_than_usual_are_told() {
    let world = strict(Usual {
        devices: Some(2),
        ..Usual::default()
    });
    for (at, name) in (0_u128..).zip(["a", "b", "c", "d"]) {
        let key = "000011-000022-720885-123453-000000-700007-111111-222222";
        let records = [(record(100 + at, Some(at), 5), key)];
        world.escrow.hold(device(name), &records);
        let asked = world.broker.ask(&anna(), asking(name), None).await;
        asked.unwrap();
        world.settle().await;
    }
    let by: Party = anna();
    let told = Alarm::ManyDevices {
        by,
        count: 3,
        for_others: false,
    };
    assert_eq!(raised(&world).await, [told]);
    assert_eq!(alarms(&world), 1);
}

#[tokio::test]
async fn more_devices_that_an_agent_asks_for_in_a_day_are_told_apart_from_their_own() {
    let world = strict(Usual {
        devices: Some(1),
        devices_for_others: Some(2),
        ..Usual::default()
    });
    let otto = person("otto").party().unwrap();
    let roles: Roles = [Role::Agent].into_iter().collect();
    let agent = roles.agent(&otto).unwrap();
    for (at, name) in (0_u128..).zip(["a", "b", "c", "d"]) {
        let key = "000011-000022-720885-123453-000000-700007-111111-222222";
        let records = [(record(100 + at, Some(at), 5), key)];
        world.escrow.hold(device(name), &records);
        let anna = anna().id;
        let asked = world.broker.ask_for(&agent, &anna, asking(name), None);
        asked.await.unwrap();
        world.settle().await;
        let is_more = at >= 2;
        assert_eq!(alarms(&world), usize::from(is_more), "{name}");
    }
    let told = Alarm::ManyDevices {
        by: otto,
        count: 3,
        for_others: true,
    };
    assert_eq!(
        raised(&world).await,
        [told],
        "of the agent, and not of anna"
    );
}

#[tokio::test]
async fn rights_that_became_wider_are_told_and_those_that_were_there_are_not() {
    let world = World::new();
    let look = async || {
        world.broker.look_at_rights().await.unwrap();
        world.settle().await;
    };
    world.escrow.may_also(&["changing records"]);
    look().await;
    look().await;
    assert_eq!(raised(&world).await, []);
    let seen = |event: &&Event| matches!(event, Event::RightsSeen { .. });
    let rows = world.events().await;
    assert_eq!(rows.iter().filter(seen).count(), 3, "one for each place");
    world
        .escrow
        .may_also(&["changing records", "erasing records"]);
    look().await;
    let told = Alarm::RightsWidened {
        place: "test".to_owned(),
        rights: vec!["erasing records".to_owned()],
    };
    assert_eq!(raised(&world).await, [told]);
    // A backend that does not answer has not lost anything.
    world
        .escrow
        .break_down(Some(crate::ports::EscrowFault::Unavailable));
    look().await;
    world.escrow.break_down(None);
    world.clock.advance(hours(2));
    look().await;
    assert_eq!(alarms(&world), 1);
}

#[tokio::test]
async fn the_webhook_is_told_as_well_and_once_more_where_it_did_not_answer() {
    let world = strict(Usual {
        redemptions: Some(0),
        ..Usual::default()
    });
    let transient = || HookError::Transient("no answer".to_owned());
    world.hook.break_down(Some(transient));
    redeemed(&world).await;
    assert_eq!((alarms(&world), world.hook.told().len()), (1, 0));
    world.hook.break_down(None);
    world.pass(10, 1).await;
    let told = world.hook.told();
    let [(id, body)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(id.len(), 32);
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "alarm.many_redemptions");
    assert_eq!(body["data"]["count"], 1);
    assert!(body["timestamp"].is_string());
    let told = Event::HookTold {
        hook: "alarms".to_owned(),
        message: "alarm.many_redemptions".to_owned(),
    };
    assert!(world.events().await.contains(&told));

    let permanent = || HookError::Permanent("410".to_owned());
    world.hook.break_down(Some(permanent));
    world.clock.advance(hours(1));
    redeemed(&world).await;
    let dead = Event::HookDead {
        hook: "alarms".to_owned(),
        message: "alarm.many_redemptions".to_owned(),
    };
    assert!(world.events().await.contains(&dead));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told_and_the_watch_goes_on() {
    let world = World::new();
    let link = redeemed(&world).await;
    let open = async || {
        let opened = world.broker.open_link(&link, from(ELSEWHERE)).await;
        opened.unwrap_err();
        world.store.newest().await.unwrap()
    };
    for round in 0..2 {
        let row = open().await;
        world.store.overwrite(row, "no fields");
        world.settle().await;
        let told = Alarm::RowUnreadable { row };
        assert_eq!(raised(&world).await.last() == Some(&told), round == 0);
    }
    assert_eq!(alarms(&world), 1, "the second within the hour");
    open().await;
    world.settle().await;
    let raised = raised(&world).await;
    assert!(
        matches!(raised[..], [_, Alarm::UsedLinkOpened { .. }]),
        "{raised:?}"
    );
}

/// The column by which events are searched is not what the tree is over.
#[tokio::test]
async fn a_row_that_its_column_calls_something_else_is_judged_by_what_it_says_and_told() {
    let world = World::new();
    let link = redeemed(&world).await;
    let opened = world.broker.open_link(&link, from(ELSEWHERE)).await;
    opened.unwrap_err();
    let row = world.store.newest().await.unwrap();
    world.store.hide(row, "sign_in.ended");
    world.settle().await;
    let raised = raised(&world).await;
    assert!(
        matches!(&raised[..], [Alarm::RowUnreadable { row: told }, Alarm::UsedLinkOpened { .. }] if *told == row),
        "{raised:?}"
    );
}

/// Whoever can write in the database can say that the log was gone through up to any row.
#[tokio::test]
async fn a_cursor_beyond_the_end_is_told_and_nothing_is_passed_over() {
    let world = World::new();
    let link = redeemed(&world).await;
    world.store.put_cursor("alarms", 4_000_000_000);
    let opened = world.broker.open_link(&link, from(ELSEWHERE)).await;
    opened.unwrap_err();
    let report = examine(&*world.store, &[], Vec::new(), world.now()).await;
    let ahead = Problem::CursorAhead("alarms".to_owned());
    assert_eq!(report.unwrap().problems, [ahead]);
    world.settle().await;
    let raised = raised(&world).await;
    assert!(
        matches!(
            &raised[..],
            [Alarm::CursorAhead { .. }, Alarm::UsedLinkOpened { .. },]
        ),
        "{raised:?}"
    );
    let report = examine(&*world.store, &[], Vec::new(), world.now()).await;
    assert_eq!(report.unwrap().problems, []);
}

#[tokio::test]
async fn of_a_long_log_what_is_older_than_an_hour_is_not_gone_through_again() {
    let world = World::new();
    let record = async |count| {
        for _ in 0..count {
            let row = LogEntry::of_nothing(Event::SignedOut, Actor::Stranger, None, world.now());
            world.broker.record(row).await.unwrap();
        }
    };
    record(1200).await;
    world.clock.advance(hours(2));
    record(600).await;
    world.store.put_cursor("alarms", 4_000_000_000);
    world.broker.watch().await.unwrap();
    let raised = raised(&world).await;
    let [Alarm::CursorAhead { back_to: 800, .. }] = raised[..] else {
        panic!("{raised:?}");
    };
    let cursor = world.store.cursor("alarms").await.unwrap();
    assert_eq!(cursor, world.store.newest().await.unwrap());
}

#[tokio::test]
async fn two_that_look_at_once_tell_once_and_what_is_old_is_not_told() {
    let world = strict(Usual {
        redemptions: Some(0),
        ..Usual::default()
    });
    let link = world.key_link().await;
    world.broker.redeem(&link, "", from(HERE)).await.unwrap();
    let (one, other) = tokio::join!(world.broker.watch(), world.broker.watch());
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    world.settle().await;
    assert_eq!((raised(&world).await.len(), alarms(&world)), (1, 1));

    let late = World::new().restarted(|parts| parts.alarms.mail = Vec::new());
    let late = late.restarted(|parts| parts.alarms.hook = None);
    let link = redeemed(&late).await;
    late.broker
        .open_link(&link, from(ELSEWHERE))
        .await
        .unwrap_err();
    late.clock.advance(hours(1) + minutes(1));
    let to = MailAddress::parse("alarms@example.com").unwrap();
    let late = late.restarted(|parts| parts.alarms.mail = vec![to]);
    late.settle().await;
    assert_eq!(raised(&late).await, []);
}
