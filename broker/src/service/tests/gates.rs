//! Second gates: who is signed in, and what has to be typed.

use std::net::IpAddr;

use super::{KEY, World, anna, boss, hours};
use crate::audit::{Event, WhyNoPickUp};
use crate::people::Party;
use crate::policy::Policy;
use crate::service::{
    Choice, Gates, KeyGate, LinkError, RedeemError, ReviewError, ReviewGate, Visitor,
};
use crate::testing::sample::person;
use crate::tokens::{OneTimeCode, PlainToken};

fn world(gates: Gates) -> World {
    World::under(Policy::manager_else(Vec::new()), gates)
}

fn party(name: &str) -> Party {
    person(name).party().unwrap()
}

fn as_person(party: &Party) -> Visitor<'_> {
    Visitor {
        signed_in: Some(party),
        source: None,
    }
}

async fn key_link(world: &World) -> PlainToken {
    world.ask().await;
    let review = world.token("ApprovalNeeded", "boss");
    let boss = boss().party().unwrap();
    let decided = world
        .broker
        .decide(&review, Choice::Approve, None, as_person(&boss));
    decided.await.unwrap();
    world.settle().await;
    world.token("KeyLink", "anna")
}

#[tokio::test]
async fn a_review_link_is_for_whom_it_was_mailed_to() {
    let world = world(Gates {
        review: ReviewGate::SignIn,
        ..Gates::default()
    });
    world.ask().await;
    let link = world.token("ApprovalNeeded", "boss");
    let decide = |visitor| world.broker.decide(&link, Choice::Approve, None, visitor);
    let stranger = decide(Visitor::default()).await;
    assert!(matches!(stranger, Err(ReviewError::SignInFirst)));
    // The requester, whom the approver forwarded it to, and anybody else.
    let others = ["anna", "nina"].map(party);
    for other in &others {
        let seen = world.broker.review(&link, as_person(other)).await;
        assert!(matches!(seen, Err(ReviewError::SomebodyElses)));
        let decided = decide(as_person(other)).await;
        assert!(matches!(decided, Err(ReviewError::SomebodyElses)));
        assert_eq!(world.last_event().await, Event::ReviewRefused);
    }
    let boss = party("boss");
    decide(as_person(&boss)).await.unwrap();
}

#[tokio::test]
async fn whoever_asked_opens_no_review_link_while_they_are_signed_in_whatever_the_gate() {
    let world = World::new();
    world.ask().await;
    let link = world.token("ApprovalNeeded", "boss");
    let second_account = Party {
        mail: anna().mail,
        ..party("anna-admin")
    };
    for asker in [anna(), second_account] {
        let decided = world
            .broker
            .decide(&link, Choice::Approve, None, as_person(&asker))
            .await;
        assert!(matches!(decided, Err(ReviewError::SomebodyElses)));
        assert_eq!(world.last_event().await, Event::ReviewRefused);
    }
    // Anybody else who holds the link decides in its owner's name, as the setting says.
    let nina = party("nina");
    let decided = world
        .broker
        .decide(&link, Choice::Approve, None, as_person(&nina))
        .await;
    decided.unwrap();
}

#[tokio::test]
async fn a_key_link_is_for_the_beneficiary_where_they_have_to_sign_in() {
    let world = world(Gates {
        key: KeyGate::SignIn,
        ..Gates::default()
    });
    let link = key_link(&world).await;
    let redeem = |visitor| world.broker.redeem(&link, "", visitor);
    let stranger = redeem(Visitor::default()).await;
    assert!(matches!(
        stranger,
        Err(RedeemError::Link(LinkError::SignInFirst))
    ));
    let boss = party("boss");
    let other = redeem(as_person(&boss)).await;
    assert!(matches!(
        other,
        Err(RedeemError::Link(LinkError::SomebodyElses))
    ));
    assert_eq!(world.last_event().await, Event::LinkRefused);
    redeem(as_person(&anna())).await.unwrap();
}

fn from(address: &str) -> Visitor<'static> {
    let source: IpAddr = address.parse().unwrap();
    Visitor {
        signed_in: None,
        source: Some(source),
    }
}

async fn refused(
    world: &World,
    link: &PlainToken,
    code: &str,
    visitor: Visitor<'_>,
) -> WhyNoPickUp {
    let outcome = world.broker.redeem(link, code, visitor).await;
    let Err(RedeemError::NoPickUp(why)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(world.last_event().await, Event::PickUpCodeRefused { why });
    why
}

async fn pick_up(world: &World) -> OneTimeCode {
    let reference = world.request().await.reference;
    let made = world.broker.make_pick_up(&anna(), &reference, None).await;
    made.unwrap().expect("a code")
}

fn with_codes() -> World {
    world(Gates {
        key: KeyGate::Code,
        ..Gates::default()
    })
}

#[tokio::test]
async fn a_key_link_wants_the_code_that_no_mail_holds() {
    let world = with_codes();
    let link = key_link(&world).await;
    let here = from("192.0.2.1");
    assert_eq!(
        refused(&world, &link, "", here).await,
        WhyNoPickUp::NoneMade
    );
    let (old, code) = (pick_up(&world).await, pick_up(&world).await);
    let view = world.broker.open_link(&link, here).await.unwrap();
    assert!(view.wants_code);
    assert_eq!(
        refused(&world, &link, &old.expose(), here).await,
        WhyNoPickUp::Wrong
    );
    let redemption = world
        .broker
        .redeem(&link, &code.expose().to_lowercase(), here)
        .await;
    assert_eq!(redemption.unwrap().keys.len(), 2);
    for mail in world.mailer.sent() {
        for secret in [code.expose(), KEY.to_owned()] {
            assert!(!mail.text.contains(&secret));
        }
    }
}

#[tokio::test]
async fn a_stranger_uses_up_their_own_tries_and_nobody_elses() {
    let world = with_codes();
    let link = key_link(&world).await;
    let code = pick_up(&world).await;
    let stranger = from("2001:db8::1");
    for _ in 0..5 {
        let why = refused(&world, &link, "00000-00000", stranger).await;
        assert_eq!(why, WhyNoPickUp::Wrong);
    }
    // Also from the next address of the same network, and also with the right code.
    let next = from("2001:db8::2");
    for visitor in [stranger, next] {
        let why = refused(&world, &link, &code.expose(), visitor).await;
        assert_eq!(why, WhyNoPickUp::TooMany);
    }
    let owner = from("192.0.2.1");
    world
        .broker
        .redeem(&link, &code.expose(), owner)
        .await
        .unwrap();
}

#[tokio::test]
async fn who_shares_a_network_with_a_stranger_makes_a_new_code() {
    let world = with_codes();
    let link = key_link(&world).await;
    pick_up(&world).await;
    let here = from("192.0.2.1");
    for _ in 0..5 {
        refused(&world, &link, "nonsense", here).await;
    }
    let why = refused(&world, &link, "nonsense", here).await;
    assert_eq!(why, WhyNoPickUp::TooMany);
    let code = pick_up(&world).await;
    world
        .broker
        .redeem(&link, &code.expose(), here)
        .await
        .unwrap();
}

#[tokio::test]
async fn guesses_at_once_count_as_many() {
    let world = with_codes();
    let link = key_link(&world).await;
    let code = pick_up(&world).await;
    let here = from("192.0.2.1");
    let guesses = (0..12).map(|_| world.broker.redeem(&link, "00000-00000", here));
    let outcomes = futures_util::future::join_all(guesses).await;
    let wrong = |outcome: &&Result<_, RedeemError>| {
        matches!(outcome, Err(RedeemError::NoPickUp(WhyNoPickUp::Wrong)))
    };
    assert_eq!(outcomes.iter().filter(wrong).count(), 5);
    let right = world.broker.redeem(&link, &code.expose(), here).await;
    assert!(matches!(
        right,
        Err(RedeemError::NoPickUp(WhyNoPickUp::TooMany))
    ));
}

#[tokio::test]
async fn a_code_is_made_for_whom_the_request_concerns_while_it_is_open() {
    let world = with_codes();
    let reference = world.ask().await.reference;
    let boss = boss().party().unwrap();
    let others = world.broker.make_pick_up(&boss, &reference, None).await;
    assert!(others.unwrap().is_none());
    world.clock.advance(hours(100));
    world.settle().await;
    let late = world.broker.make_pick_up(&anna(), &reference, None).await;
    late.expect_err("the request is over");
}
