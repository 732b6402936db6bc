//! Programs and their tokens: what is kept of one, and how it ends.

use jiff::SignedDuration;

use super::{REASON, World, anna, asking, boss};
use crate::audit::{Actor, Event, WhyNoRequest};
use crate::lifecycle::{Outcome, State};
use crate::people::{MailAddress, Party, PersonQuery};
use crate::programs::{Program, ProgramName, ProgramToken, Scope, day_of};
use crate::service::{
    AskError, MakeTokenError, NewToken, Once, ProgramAsk, ProgramAskError, TokenRefusal,
};

fn new(name: &str, person: Option<&Party>) -> NewToken {
    NewToken {
        name: ProgramName::parse(name).unwrap(),
        scopes: vec![Scope::Events, Scope::Create, Scope::Events],
        person: person.map(|person| person.mail.clone()),
        valid_for: ProgramToken::USUAL,
    }
}

fn desk() -> Program {
    Program {
        name: ProgramName::parse("desk").unwrap(),
        person: None,
    }
}

fn for_anna(requester: Option<&str>) -> ProgramAsk {
    let login = |name: &str| PersonQuery::Login(name.to_owned());
    ProgramAsk {
        beneficiary: login("anna"),
        requester: requester.map(login),
        ask: asking("laptop"),
        once: Once::new("1", REASON.as_bytes()),
    }
}

#[tokio::test]
async fn a_token_is_kept_as_a_hash_and_used_to_the_day() {
    let world = World::new();
    let (token, made) = world
        .broker
        .make_token(new("desk", None), "root")
        .await
        .unwrap();
    assert_eq!(made.scopes, [Scope::Create, Scope::Events]);
    for hours in [0, 1, 23, 48] {
        world.clock.advance(SignedDuration::from_hours(hours));
        let program = world
            .broker
            .program(Some(&token), Scope::Events, None)
            .await;
        assert_eq!(program.unwrap(), desk());
        let [kept] = &world.broker.tokens().await.unwrap()[..] else {
            panic!("one token");
        };
        assert_eq!(kept.used_on, Some(day_of(world.now())));
    }
    let kept = world.everything().await;
    assert!(!kept.contains(token.expose()));
    let rows = world.log().await;
    assert_eq!(rows.len(), 1, "looking leaves no row: {rows:?}");
    world.clock.advance(ProgramToken::USUAL);
    let ended = world
        .broker
        .program(Some(&token), Scope::Events, None)
        .await;
    assert!(matches!(ended, Err(TokenRefusal::Invalid)));
}

#[tokio::test]
async fn no_token_is_made_that_should_not_be() {
    let world = World::new();
    let refused = async |change: &dyn Fn(&mut NewToken)| {
        let mut wanted = new("desk", None);
        change(&mut wanted);
        world.broker.make_token(wanted, "root").await.unwrap_err()
    };
    let nobody = || MailAddress::parse("nobody@example.com").ok();
    assert!(matches!(
        refused(&|it| it.scopes.clear()).await,
        MakeTokenError::NoScope
    ));
    assert!(matches!(
        refused(&|it| it.scopes.push(Scope::Decide)).await,
        MakeTokenError::NobodysDecision
    ));
    assert!(matches!(
        refused(&|it| it.person = nobody()).await,
        MakeTokenError::UnfitPerson(_)
    ));
    let too_long = ProgramToken::LONGEST + SignedDuration::from_secs(1);
    for time in [
        SignedDuration::ZERO,
        SignedDuration::from_hours(-1),
        too_long,
    ] {
        let error = refused(&|it| it.valid_for = time).await;
        assert!(matches!(error, MakeTokenError::WrongTime));
    }
    assert_eq!(world.log().await, []);
    world
        .broker
        .make_token(new("desk", None), "root")
        .await
        .unwrap();
    assert!(matches!(refused(&|_| {}).await, MakeTokenError::Taken(_)));
}

#[tokio::test]
async fn who_is_erased_has_no_token_any_more() {
    let world = World::new();
    let theirs = world
        .broker
        .make_token(new("annas", Some(&anna())), "root")
        .await;
    let (theirs, _) = theirs.unwrap();
    let boss = boss().party().unwrap();
    world
        .broker
        .make_token(new("bosss", Some(&boss)), "root")
        .await
        .unwrap();
    world
        .broker
        .erase_person("anna@example.com", "root")
        .await
        .unwrap();
    let left = world.broker.tokens().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].person, Some(boss));
    assert!(!world.everything().await.contains("anna@example.com"));
    let refused = world
        .broker
        .program(Some(&theirs), Scope::Events, None)
        .await;
    assert!(matches!(refused, Err(TokenRefusal::Invalid)));
}

#[tokio::test]
async fn a_program_asks_and_takes_back_in_the_name_of_whom_it_says() {
    let world = World::new();
    let asked = world
        .broker
        .ask_by(&desk(), for_anna(Some("nina")), None)
        .await;
    let request = asked.unwrap();
    assert_eq!(request.requester.name, "nina");
    assert_eq!(request.beneficiary, anna());
    assert_eq!(request.made_by, Some(desk().name));
    let again = world
        .broker
        .ask_by(&desk(), for_anna(Some("nina")), None)
        .await;
    assert_eq!(again.unwrap().id, request.id);
    let back = world
        .broker
        .withdraw_by(&desk(), &request.reference, None)
        .await;
    let State::Closed(closing) = back.unwrap().unwrap().state else {
        panic!("it is over");
    };
    assert_eq!(
        closing.outcome,
        Outcome::Withdrawn {
            by: request.requester
        }
    );
    let rows = world.log().await;
    let program = Actor::Program {
        name: "desk".to_owned(),
    };
    let acted: Vec<_> = rows
        .iter()
        .filter(|row| row.entry.actor == program)
        .map(|row| row.entry.event.name())
        .collect();
    assert_eq!(acted, ["request.opened", "request.withdrawn"]);
}

#[tokio::test]
async fn a_program_that_asks_in_vain_leaves_a_row() {
    let world = World::new();
    let cases = [
        (for_anna(Some("nobody")), WhyNoRequest::UnfitPerson),
        (
            ProgramAsk {
                beneficiary: PersonQuery::Login("nobody".to_owned()),
                ..for_anna(None)
            },
            WhyNoRequest::UnfitBeneficiary,
        ),
        (
            ProgramAsk {
                ask: asking("LT-9999"),
                ..for_anna(None)
            },
            WhyNoRequest::UnknownDevice,
        ),
    ];
    for (ask, expected) in cases {
        let refused = world.broker.ask_by(&desk(), ask, None).await;
        let Err(ProgramAskError::Ask(error)) = refused else {
            panic!("{refused:?}");
        };
        assert!(!matches!(*error, AskError::Unavailable(_)));
        let Event::RequestRefused { why, .. } = world.last_event().await else {
            panic!("a refusal leaves a row");
        };
        assert_eq!(why, expected);
    }
    // What was asked for is of whom it was asked for, whoever asked.
    assert!(world.everything().await.contains("LT-9999"));
    let erased = world.broker.erase_person(&anna().id.0, "root").await;
    erased.unwrap();
    let left = world.everything().await;
    assert!(
        !left.contains("LT-9999") && !left.contains("id-anna"),
        "{left}"
    );
}
