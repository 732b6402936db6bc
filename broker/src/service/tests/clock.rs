//! A clock that was ahead and is set back: nothing stands still until it has caught up, and nothing stays
//! good until then.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{World, anna, asking, hours, minutes};
use crate::alarms::{Alarm, Usual};
use crate::audit::Event;
use crate::lifecycle::{Outcome, Refusal, State};
use crate::people::GroupName;
use crate::policy::{PolicyFault, WhichFault};
use crate::ports::{Ledger, Store};
use crate::service::{
    AuditTerms, Choice, LinkEnd, LinkError, RedeemError, ReviewError, SignInError, Visitor,
};
use crate::testing::sample::{device, record};
use crate::testing::{CountingRandom, MailTrouble};

/// By how much it is ahead.
fn ahead() -> SignedDuration {
    hours(40 * 24)
}

fn fault() -> PolicyFault {
    PolicyFault {
        rule: "manager".to_owned(),
        which: WhichFault::UnknownGroup(GroupName("Nobody".to_owned())),
    }
}

async fn raised(world: &World) -> usize {
    let events = world.events().await.into_iter();
    let raised = events.filter(|event| matches!(event, Event::AlarmRaised { .. }));
    raised.count()
}

#[tokio::test]
async fn an_alarm_that_was_raised_ahead_keeps_none_from_being_raised_now() {
    let world = World::new();
    let fails = async || {
        world.broker.policy_failed(&fault()).await.unwrap();
        world.settle().await;
        raised(&world).await
    };
    world.clock.advance(ahead());
    assert_eq!([fails().await, fails().await], [1, 1]);
    world.clock.advance(-ahead());
    assert_eq!([fails().await, fails().await], [2, 2], "once an hour");
    // The clocks of two daemons differ, and do not tell twice.
    world.clock.advance(-minutes(4));
    assert_eq!(fails().await, 2);
}

#[tokio::test]
async fn what_was_done_ahead_is_not_counted_as_done_today() {
    let world = World::new().restarted(|parts| {
        parts.alarms.usual = Usual {
            redemptions: Some(1),
            devices: Some(1),
            ..Usual::default()
        };
    });
    for (at, name) in (0_u128..).zip(["a", "b"]) {
        let key = "000011-000022-720885-123453-000000-700007-111111-222222";
        let records = [(record(100 + at, Some(at), 5), key)];
        world.escrow.hold(device(name), &records);
    }
    let redeem = async |asset: &str| {
        world
            .broker
            .ask(&anna(), asking(asset), None)
            .await
            .unwrap();
        world.settle().await;
        world.approve().await;
        world.settle().await;
        let link = world.token("KeyLink", "anna");
        let redeemed = world.broker.redeem(&link, "", Visitor::default()).await;
        drop(redeemed.unwrap());
        world.settle().await;
        raised(&world).await
    };
    world.clock.advance(ahead());
    assert_eq!(redeem("a").await, 0);
    world.clock.advance(-ahead());
    assert_eq!(redeem("b").await, 0);
    assert_eq!(redeem("laptop").await, 2, "one for each");
    let told = world
        .events()
        .await
        .into_iter()
        .filter_map(|event| match event {
            Event::AlarmRaised { alarm } => Some(*alarm),
            _ => None,
        });
    let mut names: Vec<_> = told.map(|alarm: Alarm| alarm.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["many_devices", "many_redemptions"]);
}

#[tokio::test]
async fn a_mail_that_was_put_off_ahead_is_sent_or_given_up_as_any_other_once_the_clock_is_right() {
    let world = World::new();
    let fails_ahead = async || {
        world.clock.advance(ahead());
        world.mailer.break_down(Some(MailTrouble::Transient));
        world.broker.policy_failed(&fault()).await.unwrap();
        world.settle().await;
        world.clock.advance(-ahead());
    };
    fails_ahead().await;
    world.mailer.break_down(None);
    world.settle().await;
    assert_eq!(world.sent("PolicyAlarm").len(), 1);
    world.clock.advance(hours(2));
    fails_ahead().await;
    world.pass(6 * 24 * 60, 60).await;
    assert_eq!(world.store.dead(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_that_was_sent_ahead_opens_nothing_once_the_clock_is_right() {
    let world = World::new();
    world.clock.advance(ahead());
    let link = world.key_link().await;
    // Five days after the real day, and so before the link says that it ends.
    world.clock.advance(hours(5 * 24) - ahead());
    let end = LinkEnd::Expired(world.now());
    let seen = world.broker.open_link(&link, Visitor::default()).await;
    assert!(
        matches!(&seen, Err(LinkError::Ended { end: told, .. }) if *told == end),
        "{seen:?}"
    );
    let redeemed = world.broker.redeem(&link, "", Visitor::default()).await;
    assert!(
        matches!(&redeemed, Err(RedeemError::Link(LinkError::Ended { end: told, .. })) if *told == end),
        "{redeemed:?}"
    );
    world.settle().await;
    let State::Closed(closing) = world.request().await.state else {
        panic!("it is over");
    };
    assert!(matches!(closing.outcome, Outcome::Expired { .. }));
    assert_eq!(world.sent("LinkExpired"), ["anna", "boss"]);
    // Nor when the clock comes to the time at which it was sent.
    world.clock.advance(ahead() - hours(5 * 24));
    let redeemed = world.broker.redeem(&link, "", Visitor::default()).await;
    redeemed.unwrap_err();
}

#[tokio::test]
async fn what_was_asked_or_approved_ahead_is_over_and_can_be_asked_anew() {
    for is_approved in [false, true] {
        let world = World::new();
        world.clock.advance(ahead());
        world.ask().await;
        let review = world.token("ApprovalNeeded", "boss");
        if is_approved {
            world.mailer.break_down(Some(MailTrouble::Transient));
            world.approve().await;
        }
        world.clock.advance(-ahead());
        world.mailer.break_down(None);
        if !is_approved {
            let choice = Choice::Approve;
            let decided = world
                .broker
                .decide(&review, choice, None, Visitor::default());
            let decided = decided.await;
            assert!(
                matches!(decided, Err(ReviewError::Refused(Refusal::Overdue))),
                "{decided:?}"
            );
        }
        world.settle().await;
        let State::Closed(closing) = world.request().await.state else {
            panic!("it is over");
        };
        assert!(matches!(closing.outcome, Outcome::Lapsed { .. }));
        assert_eq!(world.sent("KeyLink"), [""; 0]);
        let link = world.key_link().await;
        world
            .broker
            .redeem(&link, "", Visitor::default())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_sign_in_and_a_session_of_a_clock_ahead_are_over_once_it_is_right() {
    let world = World::new();
    world.clock.advance(ahead());
    let session = world.signed_in().await;
    assert!(world.is_signed_in(&session).await);
    let begun = world.begin("anna@example.com").await;
    world.clock.advance(-ahead());
    assert!(!world.is_signed_in(&session).await);
    let ended = world.type_in(&begun, &world.code()).await;
    assert!(matches!(ended, Err(SignInError::Ended)), "{ended:?}");
}

/// The timers of the daemon itself, of which that of checkpoints stands for all.
#[tokio::test(start_paused = true)]
async fn no_timer_stands_still_until_the_clock_has_caught_up() {
    let random = CountingRandom::default();
    let key = crate::proof::note::Signer::generate("log.example.com", &random).unwrap();
    let signer = crate::proof::note::Signer::parse(&key).unwrap();
    let world = World::new().proving(AuditTerms {
        signer: Some(Arc::new(signer)),
        every: minutes(1),
        ..AuditTerms::default()
    });
    let asked = async || {
        let refused = world.broker.ask(&anna(), asking("nothing"), None).await;
        refused.unwrap_err();
    };
    let made = async |wanted: usize| {
        let until = async {
            while world.store.checkpoints().await.unwrap().len() < wanted {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_mins(1), until).await.is_ok()
    };
    world.clock.advance(ahead());
    asked().await;
    let (stop, stopped) = watch::channel(false);
    let tending = tokio::spawn(Arc::clone(&world.broker).tend(stopped));
    assert!(made(1).await);
    world.clock.advance(-ahead());
    asked().await;
    assert!(made(2).await, "one is due, and it is looked for");
    stop.send(true).unwrap();
    tending.await.unwrap();
}
