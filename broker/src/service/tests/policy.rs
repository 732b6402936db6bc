//! The policy over the directory: who is asked, what happens while they are silent, and what stops
//! everything.

use super::{World, anna, asking, boss, hours};
use crate::audit::{Event, WhyNoRequest};
use crate::lifecycle::{Refusal, State, Step};
use crate::people::{GroupName, MailAddress, PersonQuery};
use crate::policy::{Escalation, MOST_MEMBERS, Matches, Named, NoPanel, Policy, Rule, WhichFault};
use crate::service::{AskError, Choice, Gates, ReviewError, StandInError, Visitor};
use crate::testing::sample::person;

fn group(name: &str) -> Named {
    Named::Group(GroupName(name.to_owned()))
}

fn login(name: &str) -> Named {
    Named::Person(PersonQuery::Login(name.to_owned()))
}

/// Boss; reminded after 4 hours, then nina after 8, then the group `last` after 24.
fn patient() -> Rule {
    Rule {
        escalation: Escalation {
            remind_after: Some(hours(4)),
            alternates: Some((hours(8), vec![login("nina")])),
            last_resort: Some((hours(24), GroupName("last".to_owned()))),
        },
        ..Rule::manager_else(Vec::new())
    }
}

fn world(rule: Rule) -> World {
    let world = World::under(Policy::new(Vec::new(), rule), Gates::default());
    for name in ["paula", "quinn"] {
        world.directory.add(person(name), name, None);
    }
    let team = ["nina", "otto", "anna"].map(|name| person(name).id);
    world.directory.add_group("team", team.to_vec());
    world.directory.add_group("last", vec![person("paula").id]);
    world.directory.add_group("nobody", Vec::new());
    world
        .directory
        .add_group("gone home", vec![person("quinn").id]);
    let many = (0..=MOST_MEMBERS).map(|number| person(&format!("p{number}")));
    let many: Vec<_> = many
        .map(|person| {
            let id = person.id.clone();
            let login = person.name.clone();
            world.directory.add(person, &login, None);
            id
        })
        .collect();
    world.directory.add_group("everybody", many);
    world
}

async fn decide(world: &World, who: &str) -> Result<(), Refusal> {
    let link = world.token("ApprovalNeeded", who);
    let visitor = Visitor::default();
    match world
        .broker
        .decide(&link, Choice::Approve, None, visitor)
        .await
    {
        Ok(_) => Ok(()),
        Err(ReviewError::Refused(why)) => Err(why),
        Err(error) => panic!("{error}"),
    }
}

async fn refused(world: &World) -> AskError {
    let asked = world.broker.ask(&anna(), asking("laptop"), None).await;
    world.settle().await;
    asked.expect_err("nobody can approve")
}

#[tokio::test]
async fn a_silent_manager_is_reminded_then_others_are_asked_then_the_last_resort() {
    let world = world(patient());
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
    world.pass(4 * 60, 60).await;
    assert_eq!(world.sent("ApprovalReminder"), ["boss"]);
    world.pass(4 * 60, 60).await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "nina"]);
    world.pass(16 * 60, 60).await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "nina", "paula"]);
    assert_eq!(world.sent("ApprovalReminder"), ["boss"]);
    decide(&world, "paula").await.unwrap();
    world.settle().await;
    assert_eq!(world.sent("KeyLink"), ["anna"]);
}

#[tokio::test]
async fn time_that_has_passed_while_nobody_looked_is_made_up_for() {
    let world = world(patient());
    world.ask().await;
    world.clock.advance(hours(30));
    world.settle().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "nina", "paula"]);
    let rows = world.events().await;
    let names = rows.iter().map(Event::name);
    let is_stage = |name: &&str| name.starts_with("request.") && *name != "request.opened";
    let stages: Vec<_> = names.filter(is_stage).collect();
    assert_eq!(
        stages,
        [
            "request.reminded",
            "request.asked_more",
            "request.asked_more"
        ]
    );
}

#[tokio::test]
async fn two_of_a_group_are_needed_and_whoever_asked_is_none_of_them() {
    let rule = Rule {
        ask: vec![vec![group("team")]],
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let world = world(rule);
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["nina", "otto"]);
    decide(&world, "nina").await.unwrap();
    assert_eq!(decide(&world, "nina").await, Err(Refusal::AlreadyVoted));
    world.settle().await;
    assert_eq!(world.sent("KeyLink"), [""; 0]);
    decide(&world, "otto").await.unwrap();
    world.settle().await;
    assert_eq!(world.sent("KeyLink"), ["anna"]);
}

#[tokio::test]
async fn two_yeses_at_once_of_two_that_are_needed_both_count() {
    let rule = Rule {
        ask: vec![vec![group("team")]],
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let world = world(rule);
    world.ask().await;
    let (one, two) = tokio::join!(decide(&world, "nina"), decide(&world, "otto"));
    assert_eq!((one, two), (Ok(()), Ok(())));
    assert!(matches!(
        world.request().await.state,
        State::Approved { .. }
    ));
}

#[tokio::test]
async fn too_few_of_a_group_are_none_and_the_next_step_is_tried() {
    let rule = Rule {
        ask: vec![vec![group("last")], vec![group("team")]],
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let world = world(rule);
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["nina", "otto"]);
}

#[tokio::test]
async fn a_fault_of_the_policy_refuses_and_alarms_wherever_it_stands() {
    let faulty = [
        (
            Rule {
                ask: vec![vec![group("gone")], vec![Named::Manager]],
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::UnknownGroup(GroupName("gone".to_owned())),
        ),
        (
            Rule {
                ask: vec![vec![group("nobody")], vec![Named::Manager]],
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::EmptyGroup(GroupName("nobody".to_owned())),
        ),
        (
            Rule {
                escalation: Escalation {
                    last_resort: Some((hours(24), GroupName("gone home".to_owned()))),
                    ..Escalation::default()
                },
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::EmptyGroup(GroupName("gone home".to_owned())),
        ),
        (
            Rule {
                ask: vec![vec![group("everybody")]],
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::TooManyMembers(GroupName("everybody".to_owned())),
        ),
        (
            Rule {
                escalation: Escalation {
                    last_resort: Some((hours(24), GroupName("gone".to_owned()))),
                    ..Escalation::default()
                },
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::UnknownGroup(GroupName("gone".to_owned())),
        ),
        (
            Rule {
                ask: vec![vec![login("zoe"), login("yves")], vec![Named::Manager]],
                ..Rule::manager_else(Vec::new())
            },
            WhichFault::NobodyKnown,
        ),
    ];
    for (rule, which) in faulty {
        let world = world(rule);
        world.disable(&person("quinn").id);
        for _ in 0..3 {
            let AskError::NobodyToAsk(NoPanel::Fault(fault)) = refused(&world).await else {
                panic!("a fault of the policy");
            };
            assert_eq!(fault.which, which);
        }
        assert_eq!(world.sent("ApprovalNeeded"), [""; 0]);
        let alarms = |world: &World| world.mailer.sent().len();
        assert_eq!(alarms(&world), 1, "once an hour, {which}");
        world.clock.advance(hours(1));
        refused(&world).await;
        assert_eq!(alarms(&world), 2, "{which}");
        let events = world.events().await;
        let failed = |event: &&Event| matches!(event, Event::PolicyFailed { .. });
        assert_eq!(events.iter().filter(failed).count(), 4);
        let why = WhyNoRequest::PolicyFault;
        assert!(events.iter().any(|event| {
            matches!(event, Event::RequestRefused { why: told, .. } if *told == why)
        }));
    }
}

#[tokio::test]
async fn the_first_rule_that_fits_holds() {
    let rule = |name: &str, matches, ask: Vec<Vec<Named>>| Rule {
        name: name.to_owned(),
        matches,
        ask,
        ..Rule::manager_else(Vec::new())
    };
    let members_of = |name: &str| Matches {
        groups: vec![GroupName(name.to_owned())],
        ..Matches::default()
    };
    let policy = Policy::new(
        vec![
            rule("last", members_of("last"), vec![vec![login("paula")]]),
            rule("team", members_of("team"), vec![vec![login("quinn")]]),
        ],
        Rule::manager_else(Vec::new()),
    );
    let world = World::under(policy, Gates::default());
    for name in ["paula", "quinn"] {
        world.directory.add(person(name), name, None);
    }
    world.directory.add_group("last", vec![person("paula").id]);
    world.directory.add_group("team", vec![anna().id]);
    let made = world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["quinn"]);
    assert_eq!(made.panel.rule(), "team");
}

#[tokio::test]
async fn who_has_left_the_group_or_is_the_manager_no_more_decides_nothing() {
    let rule = Rule {
        ask: vec![vec![group("team")]],
        ..Rule::manager_else(Vec::new())
    };
    let left = world(rule);
    left.ask().await;
    left.directory.set_group("team", vec![person("otto").id]);
    assert_eq!(decide(&left, "nina").await, Err(Refusal::NotConcerned));
    decide(&left, "otto").await.unwrap();

    let moved = World::new();
    moved.ask().await;
    moved
        .directory
        .set_manager(&anna().id, Some(person("nina").id));
    assert_eq!(decide(&moved, "boss").await, Err(Refusal::NotConcerned));
}

fn two_of_team() -> Rule {
    Rule {
        ask: vec![vec![group("team")]],
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    }
}

/// What takes away by what nina could say yes.
type Undoing = fn(&World);

#[tokio::test]
async fn a_yes_counts_only_as_long_as_it_could_still_be_said() {
    let undoings: [Undoing; 3] = [
        |world| world.disable(&person("nina").id),
        |world| {
            let rest = vec![person("otto").id, person("paula").id];
            world.directory.set_group("team", rest);
        },
        |world| {
            let mail = person("anna").mail;
            world
                .directory
                .change(&person("nina").id, |nina| nina.mail = mail);
        },
    ];
    for undo in undoings {
        let world = world(two_of_team());
        let team = ["nina", "otto", "paula"].map(|name| person(name).id);
        world.directory.set_group("team", team.to_vec());
        world.ask().await;
        decide(&world, "nina").await.unwrap();
        undo(&world);
        decide(&world, "otto").await.unwrap();
        let step = Step::Supported {
            in_place_of: None,
            votes: 1,
            needed: 2,
            lapsed: vec![person("nina").party().unwrap()],
        };
        assert_eq!(world.last_event().await, Event::Request(step));
        decide(&world, "paula").await.unwrap();
        let request = world.request().await;
        let names: Vec<_> = request.state.approval().unwrap().people().collect();
        let names: Vec<_> = names.into_iter().map(|party| &*party.name).collect();
        assert_eq!(names, ["otto", "paula"]);
    }
}

#[tokio::test]
async fn two_accounts_that_have_become_one_person_count_once() {
    let world = world(two_of_team());
    world.ask().await;
    decide(&world, "nina").await.unwrap();
    let mail = person("otto").mail;
    world
        .directory
        .change(&person("nina").id, |nina| nina.mail = mail);
    decide(&world, "otto").await.unwrap();
    assert!(matches!(world.request().await.state, State::Pending { .. }));
}

#[tokio::test]
async fn a_yes_in_somebodys_place_stays_when_they_are_back() {
    let world = world(two_of_team());
    let nina = person("nina").party().unwrap();
    let until = world.now() + hours(24);
    let said = world
        .broker
        .set_stand_in(&nina, mail("quinn"), until, None)
        .await;
    said.unwrap();
    world.ask().await;
    decide(&world, "quinn").await.unwrap();
    world.clock.advance(hours(25));
    assert_eq!(decide(&world, "nina").await, Err(Refusal::AlreadyVoted));
    decide(&world, "otto").await.unwrap();
    assert!(matches!(
        world.request().await.state,
        State::Approved { .. }
    ));
}

#[tokio::test]
async fn a_rule_that_was_made_stricter_or_taken_out_holds_for_open_requests() {
    let one_of = |needed: u8, name: &str| Rule {
        name: name.to_owned(),
        ask: vec![vec![group("team")]],
        needed: needed.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    for (now, came) in [
        (one_of(1, "laptops"), Ok(())),
        (one_of(2, "laptops"), Err(Refusal::NotConcerned)),
        (one_of(1, "others"), Err(Refusal::NotConcerned)),
    ] {
        let before = world(one_of(1, "laptops"));
        before.ask().await;
        let after = before.restarted(|parts| parts.policy = Policy::new(Vec::new(), now));
        assert_eq!(decide(&after, "nina").await, came);
        // A no is always safe.
        if came.is_err() {
            let link = after.token("ApprovalNeeded", "nina");
            let visitor = Visitor::default();
            let declined = after.broker.decide(&link, Choice::Decline, None, visitor);
            declined.await.unwrap();
        }
    }
}

#[tokio::test]
async fn managers_of_each_other_never_approve_for_themselves() {
    let world = World::new();
    world.directory.set_manager(&boss().id, Some(anna().id));
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
    world.directory.set_manager(&anna().id, Some(anna().id));
    world
        .broker
        .withdraw(&anna(), &world.request().await.reference, None)
        .await
        .unwrap();
    let AskError::NobodyToAsk(NoPanel::TooFew) = refused(&world).await else {
        panic!("her own manager is nobody");
    };
}

#[tokio::test]
async fn who_stood_in_decides_in_their_own_right_once_that_is_over() {
    let rule = Rule {
        escalation: Escalation {
            last_resort: Some((hours(24), GroupName("last".to_owned()))),
            ..Escalation::default()
        },
        ..Rule::manager_else(Vec::new())
    };
    let world = world(rule);
    let party = boss().party().unwrap();
    let until = world.now() + hours(48);
    let set = world
        .broker
        .set_stand_in(&party, mail("paula"), until, None);
    set.await.unwrap();
    world.ask().await;
    world.broker.end_stand_in(&party, None).await.unwrap();
    assert_eq!(decide(&world, "paula").await, Err(Refusal::NotConcerned));
    world.pass(24 * 60, 120).await;
    decide(&world, "paula").await.unwrap();
}

#[tokio::test]
async fn whose_device_it_is_counts_for_the_groups_of_a_rule() {
    let guarded = Rule {
        name: "the board".to_owned(),
        matches: Matches {
            groups: vec![GroupName("last".to_owned())],
            ..Matches::default()
        },
        ask: vec![vec![login("quinn")]],
        ..Rule::manager_else(Vec::new())
    };
    let policy = Policy::new(vec![guarded], Rule::manager_else(Vec::new()));
    let world = World::under(policy, Gates::default());
    for name in ["paula", "quinn"] {
        world.directory.add(person(name), name, None);
    }
    world.directory.add_group("last", vec![person("paula").id]);
    world
        .escrow
        .change_devices(|device| device.owners = vec![person("paula").id.into()]);
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["quinn"], "of paula's laptop");
}

fn mail(name: &str) -> MailAddress {
    person(name).mail.unwrap()
}

#[tokio::test]
async fn who_is_away_has_somebody_in_their_place_until_they_are_back() {
    let world = World::new();
    let party = boss().party().unwrap();
    let until = world.now() + hours(48);
    world
        .broker
        .set_stand_in(&party, mail("nina"), until, None)
        .await
        .unwrap();
    world.settle().await;
    assert_eq!(world.sent("StandIn"), ["boss", "nina"]);
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss", "nina"]);
    world.broker.end_stand_in(&party, None).await.unwrap();
    assert_eq!(decide(&world, "nina").await, Err(Refusal::NotConcerned));
    decide(&world, "boss").await.unwrap();
}

#[tokio::test]
async fn a_stand_in_decides_until_the_very_end_and_not_for_one_who_is_gone() {
    let party = boss().party().unwrap();
    let away = async || {
        let world = World::new();
        let until = world.now() + hours(2);
        let set = world.broker.set_stand_in(&party, mail("nina"), until, None);
        set.await.unwrap();
        world.ask().await;
        world
    };
    let late = away().await;
    late.clock.advance(hours(2));
    assert_eq!(decide(&late, "nina").await, Err(Refusal::NotConcerned));
    let gone = away().await;
    gone.disable(&boss().id);
    assert_eq!(decide(&gone, "nina").await, Err(Refusal::NotConcerned));
    let in_time = away().await;
    decide(&in_time, "nina").await.unwrap();
}

#[tokio::test]
async fn a_stand_in_that_leads_back_to_who_asks_is_nobody() {
    let world = World::new();
    let party = boss().party().unwrap();
    let until = world.now() + hours(48);
    world
        .broker
        .set_stand_in(&party, mail("anna"), until, None)
        .await
        .unwrap();
    world.ask().await;
    assert_eq!(world.sent("ApprovalNeeded"), ["boss"]);
}

#[tokio::test]
async fn nobody_stands_in_for_themselves_or_for_ever_or_from_nowhere() {
    let world = World::new();
    world.disable(&person("otto").id);
    let party = boss().party().unwrap();
    let set = async |by: &str, in_hours: i64| {
        let until = world.now() + hours(in_hours);
        let said = world
            .broker
            .set_stand_in(&party, mail(by), until, None)
            .await;
        said.expect_err("nobody stands in")
    };
    assert!(matches!(set("boss", 4).await, StandInError::Yourself));
    assert!(matches!(set("nina", 0).await, StandInError::Past));
    assert!(matches!(set("nina", 24 * 100).await, StandInError::TooLong));
    assert!(matches!(set("stranger", 4).await, StandInError::Unknown));
    assert!(matches!(set("otto", 4).await, StandInError::Unknown));
    assert_eq!(world.broker.stand_in_of(&party).await.unwrap(), None);
}
