//! The service desk: asking for others, what is stuck, and what agents can do.

use super::{World, anna, asking, boss, hours, laptop, terms};
use crate::audit::{Actor, Event, MailName};
use crate::devices::BackendName;
use crate::lifecycle::{Approval, Outcome, Refusal, State, Step};
use crate::people::{GroupName, Party, Person, PersonQuery};
use crate::policy::{Escalation, Policy, Rule};
use crate::ports::{EscrowFault, Job, Store};
use crate::roles::{Agent, GlassBreaker, Operator, Role, Roles};
use crate::search::LogSearch;
use crate::service::{AdvanceError, AskError, Choice, Gates, LinkEnd, LinkError, Visitor};
use crate::testing::MailTrouble;
use crate::testing::sample::person;
use crate::text::Reason;
use crate::tokens::Reference;

fn agent(name: &str) -> Agent {
    let roles: Roles = [Role::Agent].into_iter().collect();
    roles.agent(&person(name).party().unwrap()).unwrap()
}

fn breaker(name: &str) -> GlassBreaker {
    breaker_of(&person(name).party().unwrap())
}

fn breaker_of(party: &Party) -> GlassBreaker {
    let roles: Roles = [Role::BreakGlass].into_iter().collect();
    roles.glass_breaker(party).unwrap()
}

fn operator(name: &str) -> Operator {
    let roles: Roles = [Role::Operator].into_iter().collect();
    roles.operator(&person(name).party().unwrap()).unwrap()
}

fn reason() -> Reason {
    Reason::parse("The surgeon needs the images now.").unwrap()
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, AdvanceError>) -> Refusal {
    match outcome {
        Err(AdvanceError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Otto works at the desk and asks for anna.
async fn asked_for(world: &World) -> Reference {
    let (otto, anna) = (agent("otto"), anna());
    let made = world
        .broker
        .ask_for(&otto, &anna.id, asking("laptop"), None);
    let reference = made.await.unwrap().reference;
    world.settle().await;
    reference
}

async fn not_asked_for(world: &World) -> AskError {
    let (otto, anna) = (agent("otto"), anna());
    let made = world
        .broker
        .ask_for(&otto, &anna.id, asking("laptop"), None)
        .await;
    made.expect_err("no request")
}

#[tokio::test]
async fn an_agent_asks_for_somebody_and_the_key_goes_to_them() {
    let world = World::new();
    asked_for(&world).await;
    assert_eq!(world.sent("RequestConfirmation"), ["anna", "otto"]);
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
    world.approve().await;
    world.settle().await;
    assert_eq!(world.sent("KeyLink"), ["anna"]);
    let opened = world
        .log()
        .await
        .into_iter()
        .find_map(|row| match row.entry {
            entry if entry.event.name() == "request.opened" => Some(entry),
            _ => None,
        });
    let opened = opened.unwrap();
    assert_eq!(opened.actor, Actor::Person(person("otto").party().unwrap()));
    let Event::Request(Step::Opened { for_whom, .. }) = opened.event else {
        panic!("opened");
    };
    assert_eq!(for_whom, Some(anna()));
}

#[tokio::test]
async fn an_agent_never_approves_what_they_asked_for() {
    // As the manager, as one of the nominated, as somebody's stand-in, and by a second account.
    let nominated = vec![PersonQuery::Login("otto".to_owned())];
    let world = World::under(Policy::manager_else(nominated), Gates::default());
    world
        .directory
        .set_manager(&anna().id, Some(person("otto").id));
    assert!(matches!(
        not_asked_for(&world).await,
        AskError::NobodyToAsk(_)
    ));

    world.directory.set_manager(&anna().id, Some(boss().id));
    let otto = person("otto").mail.unwrap();
    let until = world.now() + hours(9);
    let away = boss().party().unwrap();
    world
        .broker
        .set_stand_in(&away, otto, until, None)
        .await
        .unwrap();
    asked_for(&world).await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
    let reference = world.request().await.reference;
    world
        .broker
        .withdraw(&anna(), &reference, None)
        .await
        .unwrap();

    let second_account = Person {
        mail: person("otto").mail,
        ..person("otto-admin")
    };
    world
        .directory
        .add(second_account.clone(), "otto-admin", None);
    world
        .directory
        .set_manager(&anna().id, Some(second_account.id));
    assert!(matches!(
        not_asked_for(&world).await,
        AskError::NobodyToAsk(_)
    ));
}

#[tokio::test]
async fn an_agent_who_asks_for_themselves_gains_nothing() {
    let world = World::new();
    world
        .directory
        .set_manager(&person("otto").id, Some(person("otto").id));
    let otto = agent("otto");
    let own = world
        .broker
        .ask_for(&otto, &otto.party().id, asking("laptop"), None);
    assert!(matches!(own.await, Err(AskError::NobodyToAsk(_))));
}

#[tokio::test]
async fn nothing_is_asked_for_somebody_whose_account_may_not_have_it() {
    let world = World::new();
    world.disable(&anna().id);
    assert!(matches!(
        not_asked_for(&world).await,
        AskError::UnfitBeneficiary
    ));
}

#[tokio::test]
async fn an_agent_calls_the_next_approver_sends_the_link_anew_and_stops_it() {
    let rule = Rule {
        escalation: Escalation {
            last_resort: Some((hours(24), GroupName("last".to_owned()))),
            ..Escalation::default()
        },
        ..Rule::manager_else(Vec::new())
    };
    let world = World::under(Policy::new(Vec::new(), rule), Gates::default());
    world.directory.add_group("last", vec![person("nina").id]);
    let reference = asked_for(&world).await;
    let desk = agent("otto");
    let again = world.broker.send_again(&desk, &reference, None).await;
    assert_eq!(refusal(again), Refusal::NotDecided);
    world
        .broker
        .call_next(&desk, &reference, None)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "nina"]);
    let more = world.broker.call_next(&desk, &reference, None).await;
    assert_eq!(refusal(more), Refusal::NobodyLeft);

    let nina = world.token("ApprovalNeeded", "nina");
    let decided = world
        .broker
        .decide(&nina, Choice::Approve, None, Visitor::default());
    decided.await.unwrap();
    world.settle().await;
    let old = world.token("KeyLink", "anna");
    world
        .broker
        .send_again(&desk, &reference, None)
        .await
        .unwrap();
    world.settle().await;
    let opened = world.broker.redeem(&old, "", Visitor::default()).await;
    let Err(crate::service::RedeemError::Link(LinkError::Ended { end, .. })) = opened else {
        panic!("{opened:?}");
    };
    assert_eq!(end, LinkEnd::Replaced);

    world.broker.stop(&desk, &reference, None).await.unwrap();
    world.settle().await;
    let newest = world.token("KeyLink", "anna");
    let opened = world.broker.redeem(&newest, "", Visitor::default()).await;
    assert!(opened.is_err());
    assert_eq!(world.sent("RequestRevoked"), ["anna", "otto", "nina"]);
}

#[tokio::test]
async fn the_queue_says_what_is_stuck_and_why() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Transient));
    let reference = asked_for(&world).await;
    let queue = world.broker.queue(&agent("otto")).await.unwrap();
    let [queued] = &queue[..] else {
        panic!("one request");
    };
    assert_eq!(queued.request.reference, reference);
    assert_eq!(queued.failing.len(), 3);
    assert!(queued.failing.iter().all(|it| it.next_try.is_some()));
    assert!(matches!(&queued.failing[0].job, Job::Letter(_)));
    world.mailer.break_down(None);
    world.pass(10, 1).await;
    let queue = world.broker.queue(&agent("otto")).await.unwrap();
    assert_eq!(queue[0].failing, []);
    world.clock.advance(terms().decide_within);
    world.settle().await;
    assert!(world.broker.queue(&agent("otto")).await.unwrap().is_empty());
    let view = world.broker.desk_view(&agent("otto"), &reference).await;
    assert!(view.unwrap().is_some_and(|view| !view.history.is_empty()));
}

#[tokio::test]
async fn what_was_given_up_long_ago_hides_nothing_that_is_stuck_now() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Permanent));
    for _ in 0..70 {
        let reference = asked_for(&world).await;
        let withdrawn = world.broker.withdraw(&anna(), &reference, None).await;
        withdrawn.unwrap();
        world.clock.advance(hours(1));
        world.settle().await;
    }
    assert!(world.store.dead(999).await.unwrap().len() > 200);
    asked_for(&world).await;
    let queue = world.broker.queue(&agent("otto")).await.unwrap();
    assert_eq!(queue[0].failing.len(), 3);
}

#[tokio::test]
async fn a_broken_glass_releases_at_once_and_tells_everybody() {
    let world = World::new();
    let reference = asked_for(&world).await;
    let by = breaker("nina");
    let broken = world
        .broker
        .break_glass(&by, &reference, reason(), None)
        .await;
    let State::Approved { approval, .. } = broken.unwrap().unwrap().state else {
        panic!("approved");
    };
    assert!(matches!(approval, Approval::BrokenGlass { .. }));
    world.settle().await;
    assert_eq!(world.sent("GlassBroken"), ["anna", "otto", "boss"]);
    assert_eq!(world.sent("KeyLink"), ["anna"]);
    assert_eq!(world.sent("GlassAlarm"), [""]);
    let events = world.events().await;
    assert!(
        events
            .iter()
            .any(|event| event.name() == "request.glass_broken")
    );
    let link = world.token("KeyLink", "anna");
    world
        .broker
        .redeem(&link, "", Visitor::default())
        .await
        .unwrap();
    let again = world
        .broker
        .break_glass(&by, &reference, reason(), None)
        .await;
    assert_eq!(refusal(again), Refusal::Closed);
}

#[tokio::test]
async fn nobody_breaks_the_glass_for_themselves() {
    let world = World::new();
    let reference = world.ask().await.reference;
    let own_other_account = Person {
        mail: person("anna").mail,
        ..person("anna-admin")
    };
    for by in [
        breaker("anna"),
        breaker_of(&own_other_account.party().unwrap()),
    ] {
        let broken = world
            .broker
            .break_glass(&by, &reference, reason(), None)
            .await;
        assert_eq!(refusal(broken), Refusal::NotConcerned);
    }
    world.settle().await;
    let events = world.events().await;
    let told = |event: &&Event| event.name() == "alarm.raised";
    assert_eq!(events.iter().filter(told).count(), 2, "of each account");
    assert_eq!(world.sent("GlassAlarm"), [""; 0]);
    assert_eq!(world.sent("KeyLink"), [""; 0]);
}

#[tokio::test]
async fn what_came_to_its_end_is_asked_for_again_with_one_press_and_approved_anew() {
    let world = World::new();
    let first = world.ask().await;
    let early = world
        .broker
        .ask_again(&anna(), &first.reference, None)
        .await;
    assert!(early.unwrap().is_none(), "it is open");
    world.approve().await;
    world.settle().await;
    world.clock.advance(terms().link_valid_for);
    world.settle().await;
    let closed = world.request().await;
    let State::Closed(closing) = closed.state else {
        panic!("closed");
    };
    assert!(matches!(closing.outcome, Outcome::Expired { .. }));
    let boss = boss().party().unwrap();
    let strangers = world.broker.ask_again(&boss, &first.reference, None);
    assert!(strangers.await.unwrap().is_none());
    let again = world
        .broker
        .ask_again(&anna(), &first.reference, None)
        .await;
    let again = again.unwrap().expect("a new request");
    assert_eq!(again.reason, first.reason);
    assert_ne!(again.reference, first.reference);
    assert!(matches!(again.state, State::Pending { .. }));
    world.settle().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "boss"]);
}

#[tokio::test]
async fn an_agent_finds_people_and_devices_and_leaves_a_trace() {
    let world = World::new();
    let desk = agent("otto");
    let found = world.broker.look_for(&desk, "laptop", None).await.unwrap();
    assert_eq!(found.people, Some(Vec::new()));
    let [device] = &found.devices[..] else {
        panic!("one device");
    };
    assert_eq!(device.device, laptop());
    assert_eq!(device.owners, [person("anna")]);

    let found = world.broker.look_for(&desk, "ann", None).await.unwrap();
    assert_eq!(found.people, Some(vec![person("anna")]));
    assert!(found.devices.is_empty());
    let view = world.broker.look_at(&desk, &anna().id, None).await.unwrap();
    assert_eq!(view.unwrap().person, person("anna"));
    let nobody = world.broker.look_at(&desk, &person("eve").id, None).await;
    assert!(nobody.unwrap().is_none());

    let rows = world.log().await;
    let otto = Actor::Person(desk.party().clone());
    let by_otto: Vec<_> = rows.iter().filter(|row| row.entry.actor == otto).collect();
    let names: Vec<_> = by_otto.iter().map(|row| row.entry.event.name()).collect();
    assert_eq!(
        names,
        ["desk.searched", "desk.searched", "desk.person_viewed"]
    );
    let of_device = LogSearch {
        device: Some("LAPTOP".to_owned()),
        ..LogSearch::default()
    };
    let of_person = LogSearch {
        person: Some("id-anna".to_owned()),
        ..LogSearch::default()
    };
    assert!(of_device.fits(by_otto[0]) && !of_device.fits(by_otto[1]));
    assert!(of_person.fits(by_otto[2]) && !of_person.fits(by_otto[0]));
}

#[tokio::test]
async fn what_does_not_answer_is_missing_from_what_is_found_and_named() {
    let world = World::new();
    let desk = agent("otto");
    world.directory.break_down(true);
    world.cloud.break_down(Some(EscrowFault::Unavailable));
    let found = world.broker.look_for(&desk, "laptop", None).await.unwrap();
    assert_eq!(found.people, None);
    assert_eq!(found.unanswered, [BackendName("cloud".to_owned())]);
    assert!(matches!(&found.devices[..], [only] if only.owners.is_empty()));
    world.store.break_after(0);
    let unwritten = world.broker.look_for(&desk, "laptop", None).await;
    unwritten.expect_err("no log, no sight");
}

#[tokio::test]
async fn an_operator_sees_what_was_given_up_and_has_it_tried_again() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Permanent));
    let request = world.ask().await;
    let nina = operator("nina");
    let undone = world.broker.undone(&nina).await.unwrap();
    assert_eq!((undone.dead.len(), undone.failing.len()), (2, 0));
    let Job::Letter(letter) = &undone.dead[0].job else {
        panic!("a letter");
    };
    let job = undone.dead[0].id;
    assert!(world.broker.retry(&nina, job, None).await.unwrap());
    let row = world.log().await.pop().unwrap().entry;
    assert_eq!(row.actor, Actor::Person(nina.party().clone()));
    assert_eq!(row.request.unwrap().id, request.id);
    let retried = Event::OutboxRetried {
        job,
        mail: Some(MailName::Letter(letter.letter)),
        to: Some(letter.to.mail.clone()),
    };
    assert_eq!(row.event, retried);
    let count = world.log().await.len();
    assert!(!world.broker.retry(&nina, job, None).await.unwrap());
    assert_eq!(world.log().await.len(), count, "nothing was tried");

    world.mailer.break_down(Some(MailTrouble::Transient));
    world.settle().await;
    let undone = world.broker.undone(&nina).await.unwrap();
    assert_eq!((undone.dead.len(), undone.failing.len()), (1, 1));
    let root = world.broker.revive(undone.dead[0].id, "root").await;
    assert!(root.unwrap());
    let row = world.log().await.pop().unwrap().entry;
    assert_eq!(row.event.name(), "outbox.retried");
    assert_eq!(row.actor.label(), "operator root");
}

#[tokio::test]
async fn an_agent_asks_again_for_whom_it_was_for_and_never_while_it_is_open() {
    let world = World::new();
    let first = asked_for(&world).await;
    let otto = agent("otto");
    let early = world.broker.ask_for_again(&otto, &first, None).await;
    assert!(early.unwrap().is_none(), "it is open");
    world.broker.stop(&otto, &first, None).await.unwrap();
    let nowhere = "K7Q-4MX2".parse().unwrap();
    let none = world.broker.ask_for_again(&otto, &nowhere, None).await;
    assert!(none.unwrap().is_none());
    // The reason was written by another.
    let nina = agent("nina");
    let another = world.broker.ask_for_again(&nina, &first, None).await;
    assert!(another.unwrap().is_none());
    let again = world.broker.ask_for_again(&otto, &first, None);
    let again = again.await.unwrap().expect("a new request");
    assert_eq!(again.beneficiary, anna());
    assert_eq!(again.requester.name, "otto");
    assert_ne!(again.reference, first);
    assert!(matches!(again.state, State::Pending { .. }));
    let refused = world.broker.ask_for_again(&otto, &first, None).await;
    assert!(matches!(refused, Err(AskError::AlreadyOpen(open)) if open == again.reference));
}
