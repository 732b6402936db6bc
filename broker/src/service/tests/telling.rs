//! Programs and channels elsewhere: what they are told, once, and what one that is gone holds up.

use std::sync::Arc;

use serde_json::Value;

use super::{KEY, REASON, World, anna, boss, hours, minutes};
use crate::audit::{Actor, Event};
use crate::news::EVENTS;
use crate::policy::{Escalation, Named, Policy, Rule};
use crate::ports::{HookError, Job, PersonQuery, Store};
use crate::service::{Choice, Parts, ReviewError, Subscriber, Visitor};
use crate::testing::sample::person;
use crate::testing::{MemoryHook, MemoryNotifier};
use crate::tokens::Reference;

fn subscriber(name: &str, hook: &Arc<MemoryHook>, events: &[&str]) -> Subscriber {
    Subscriber {
        name: name.to_owned(),
        hook: Arc::clone(hook) as _,
        events: events.iter().map(|event| (*event).to_owned()).collect(),
    }
}

/// A world in which these are told.
fn telling(subscribers: Vec<Subscriber>) -> World {
    World::new().restarted(|parts: &mut Parts| parts.subscribers = subscribers)
}

fn types(hook: &MemoryHook) -> Vec<String> {
    let told = hook.told().into_iter();
    told.map(|(_, body)| {
        let body: Value = serde_json::from_str(&body).unwrap();
        body["type"].as_str().unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn a_journey_is_told_event_by_event_and_nothing_secret_with_it() {
    let (all, some): (Arc<MemoryHook>, Arc<MemoryHook>) = Default::default();
    let world = telling(vec![
        subscriber("all", &all, &EVENTS),
        subscriber("some", &some, &["link.redeemed"]),
    ]);
    let link = world.key_link().await;
    world.settle().await;
    let before = world.broker.redeem(&link, "", Visitor::default()).await;
    before.unwrap();
    world.settle().await;
    let journey = [
        "request.opened",
        "request.approved",
        "link.issued",
        "link.redeemed",
    ];
    assert_eq!(types(&all), journey);
    assert_eq!(types(&some), ["link.redeemed"]);
    let told = all.told();
    let states = told.iter().map(|(_, body)| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["data"]["status"].as_str().unwrap().to_owned()
    });
    let states: Vec<_> = states.collect();
    assert_eq!(states, ["pending", "approved", "link_sent", "redeemed"]);
    let ids: std::collections::BTreeSet<_> = told.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 4, "each has an ID of its own");
    for (_, body) in &told {
        for secret in [KEY, REASON, link.expose()] {
            assert!(!body.contains(secret), "{body}");
        }
        assert!(!body.contains("http"), "{body}");
    }
    let taken = world.events().await.into_iter();
    let taken = taken.filter(|event| matches!(event, Event::HookTold { .. }));
    assert_eq!(taken.count(), 5);
}

#[tokio::test]
async fn one_that_is_gone_holds_up_no_other_and_no_mail_and_is_told_all_when_it_is_back() {
    let (gone, there): (Arc<MemoryHook>, Arc<MemoryHook>) = Default::default();
    let world = telling(vec![
        subscriber("gone", &gone, &EVENTS),
        subscriber("there", &there, &EVENTS),
    ]);
    gone.break_down(Some(|| HookError::Transient("no answer".to_owned())));
    for _ in 0..10 {
        let request = world.ask().await;
        let (anna, reference) = (anna(), request.reference);
        let taken_back = world.broker.withdraw(&anna, &reference, None);
        taken_back.await.unwrap();
        world.settle().await;
    }
    assert_eq!(there.told().len(), 20);
    assert_eq!(world.sent("RequestWithdrawn").len(), 20);
    let failing = world.store.failing(99).await.unwrap();
    let theirs = |job: &Job| matches!(job, Job::Message { to, .. } if to == "gone");
    assert_eq!(failing.len(), 20);
    assert!(failing.iter().all(|it| theirs(&it.job)));

    gone.break_down(None);
    world.pass(30, 1).await;
    assert_eq!(gone.told().len(), 20);
    assert_eq!(world.store.dead(9).await.unwrap(), []);
}

#[tokio::test]
async fn one_that_wants_no_more_is_told_no_more_of_it_and_one_that_never_answers_after_five_days() {
    let (ended, silent): (Arc<MemoryHook>, Arc<MemoryHook>) = Default::default();
    let world = telling(vec![
        subscriber("ended", &ended, &["request.opened"]),
        subscriber("silent", &silent, &["request.opened"]),
    ]);
    ended.break_down(Some(|| HookError::Permanent("it answered 410".to_owned())));
    silent.break_down(Some(|| HookError::Transient("it answered 500".to_owned())));
    world.ask().await;
    let dead = world.store.dead(9).await.unwrap();
    let [given_up] = &dead[..] else {
        panic!("{dead:?}");
    };
    assert_eq!(given_up.attempts, 1);
    world.pass(5 * 24 * 60 + 30, 10).await;
    let dead = world.store.dead(9).await.unwrap();
    assert_eq!(dead.len(), 2);
    let is_silent = |job: &Job| matches!(job, Job::Message { to, .. } if to == "silent");
    let last = dead.iter().find(|dead| is_silent(&dead.job)).unwrap();
    assert!(last.attempts > 300, "{}", last.attempts);
    let event = Event::HookDead {
        hook: "silent".to_owned(),
        message: "request.opened".to_owned(),
    };
    assert!(world.events().await.contains(&event));

    silent.break_down(None);
    assert!(world.broker.revive(last.id, "root").await.unwrap());
    world.settle().await;
    assert_eq!(types(&silent), ["request.opened"]);
}

#[tokio::test]
async fn one_that_asks_for_a_pause_gets_it() {
    let hook: Arc<MemoryHook> = Arc::default();
    let world = telling(vec![subscriber("busy", &hook, &["request.opened"])]);
    hook.break_down(Some(|| HookError::Busy { wait: minutes(3) }));
    world.ask().await;
    hook.break_down(None);
    world.pass(2, 1).await;
    assert_eq!(hook.told().len(), 0);
    world.pass(1, 1).await;
    assert_eq!(hook.told().len(), 1);
}

fn with_channel(policy: Option<Policy>) -> (World, Arc<MemoryNotifier>) {
    let channel = Arc::new(MemoryNotifier::default());
    let notifier = Arc::clone(&channel);
    let world = World::new().restarted(move |parts| {
        parts.notifiers = vec![notifier as _];
        parts.policy = policy.unwrap_or(parts.policy.clone());
    });
    (world, channel)
}

#[tokio::test]
async fn a_channel_is_told_of_a_review_that_waits_and_of_no_other() {
    let (world, channel) = with_channel(None);
    let request = world.ask().await;
    let posted = channel.posted();
    let [notice] = &posted[..] else {
        panic!("{posted:?}");
    };
    assert_eq!(notice.reference, request.reference);
    assert_eq!(notice.decide_by, request.made_at + hours(72));
    world.approve().await;
    world.settle().await;
    assert_eq!(channel.posted().len(), 1);

    // Reminded after four hours, and nina is asked after eight.
    let rule = Rule {
        escalation: Escalation {
            remind_after: Some(hours(4)),
            alternates: Some((
                hours(8),
                vec![Named::Person(PersonQuery::Login("nina".to_owned()))],
            )),
            last_resort: None,
        },
        ..Rule::manager_else(Vec::new())
    };
    let (world, channel) = with_channel(Some(Policy::new(Vec::new(), rule)));
    world.ask().await;
    world.pass(5 * 60, 10).await;
    assert_eq!(channel.posted().len(), 2);
    world.pass(4 * 60, 10).await;
    assert_eq!(channel.posted().len(), 3);

    // A notice that comes after the decision is not sent any more.
    let (world, channel) = with_channel(None);
    channel.break_down(Some(|| HookError::Transient("no answer".to_owned())));
    world.ask().await;
    world.approve().await;
    channel.break_down(None);
    world.pass(30, 1).await;
    assert_eq!(channel.posted(), []);
    assert_eq!(world.store.failing(9).await.unwrap(), []);
}

#[tokio::test]
async fn who_was_asked_reviews_by_the_reference_and_for_others_there_is_no_such_request() {
    let world = World::new();
    let request = world.ask().await;
    let boss = boss().party().unwrap();
    let review = world.broker.review_of(&boss, &request.reference, None);
    assert_eq!(review.await.unwrap().seat.party, boss);
    assert_eq!(world.last_event().await, Event::ReviewOpened);

    let nobodys: Reference = "ZZZ-ZZZZ".parse().unwrap();
    let nina = person("nina").party().unwrap();
    let before = world.log().await.len();
    for (who, reference) in [
        (&boss, &nobodys),
        (&nina, &request.reference),
        (&anna(), &request.reference),
    ] {
        let seen = world.broker.review_of(who, reference, None).await;
        assert!(matches!(seen, Err(ReviewError::Unknown)));
    }
    assert_eq!(world.log().await.len(), before + 1, "nina's alone");
    for who in [&nina, &anna()] {
        let yes = Choice::Approve;
        let decided = world
            .broker
            .decide_as(who, &request.reference, yes, None, None)
            .await;
        assert!(matches!(decided, Err(ReviewError::Unknown)));
        assert_eq!(world.last_event().await, Event::ReviewRefused);
    }

    let decided = world
        .broker
        .decide_as(&boss, &request.reference, Choice::Approve, None, None);
    decided.await.unwrap();
    let mut rows = world.log().await.into_iter();
    let row = rows.find(|row| row.entry.event.name() == "request.approved");
    assert_eq!(row.unwrap().entry.actor, Actor::Person(boss));
}

#[tokio::test]
async fn an_approver_who_is_one_no_more_decides_nothing_by_the_reference_either() {
    let world = World::new();
    let request = world.ask().await;
    world.disable(&boss().id);
    let (boss, yes) = (boss().party().unwrap(), Choice::Approve);
    let decided = world
        .broker
        .decide_as(&boss, &request.reference, yes, None, None);
    assert!(matches!(decided.await, Err(ReviewError::Refused(_))));
    assert!(world.request().await.state.approval().is_none());
}
