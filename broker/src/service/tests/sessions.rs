//! Sessions: by a proxy's word, with groups and roles, one in place of another, and ended everywhere.

use super::{World, anna, minutes};
use crate::audit::{Actor, Event, WhyNoSignIn};
use crate::identity::Way;
use crate::people::MailAddress;
use crate::ports::{Job, PersonQuery, Session, Store, Write};
use crate::service::{ArrivalError, SignInError};
use crate::testing::sample::person;
use crate::tokens::PlainToken;

fn login(name: &str) -> PersonQuery {
    PersonQuery::Login(name.to_owned())
}

impl World {
    async fn enter(&self, name: &str) -> Result<PlainToken, ArrivalError> {
        self.enter_leaving(name, None).await
    }

    async fn enter_leaving(
        &self,
        name: &str,
        leaves: Option<&PlainToken>,
    ) -> Result<PlainToken, ArrivalError> {
        self.broker.enter(&login(name), name, leaves, None).await
    }

    async fn session(&self, token: &PlainToken, named: Option<&str>) -> Option<Session> {
        self.broker.session(token, named).await.unwrap()
    }
}

#[tokio::test]
async fn whom_a_proxy_names_is_signed_in_as_long_as_it_says_the_same() {
    let world = World::new();
    let token = world.enter("anna").await.unwrap();
    let found = world.session(&token, Some("anna")).await.unwrap();
    let by = Way::Proxy("anna".to_owned());
    assert_eq!((&found.person, &found.by), (&anna(), &by));
    assert!(found.claims.is_empty());
    assert_eq!(world.last_event().await, Event::SignedIn { by });
    // Used long enough ago for a use to be written: one that does not count is none.
    world.clock.advance(minutes(5));
    let before = world.store.picture();
    for named in [None, Some("boss"), Some(""), Some("Anna"), Some("anna@x")] {
        assert_eq!(world.session(&token, named).await, None, "{named:?}");
    }
    assert_eq!(world.store.picture(), before);
    assert!(world.session(&token, Some("anna")).await.is_some());
    // What a proxy says is nothing to those who signed in otherwise.
    let mailed = world.signed_in().await;
    assert!(world.session(&mailed, Some("boss")).await.is_some());
}

#[tokio::test]
async fn of_those_that_a_proxy_names_one_fit_person_is_signed_in() {
    let world = World::new();
    world.disable(&person("otto").id);
    for (name, wanted) in [
        ("nobody", WhyNoSignIn::UnknownPerson),
        ("otto", WhyNoSignIn::UnfitPerson),
    ] {
        let outcome = world.enter(name).await;
        assert!(matches!(outcome, Err(ArrivalError::NotTaken)), "{name}");
        let refused = Event::SignInRefused {
            why: wanted,
            provider: None,
            named: Some(name.to_owned()),
        };
        assert_eq!(world.last_event().await, refused);
    }
    for broken in 0..2 {
        match broken {
            0 => world.directory.break_down(true),
            _ => world.store.break_after(0),
        }
        let outcome = world.enter("anna").await;
        assert!(matches!(outcome, Err(ArrivalError::Unavailable(_))));
        world.directory.break_down(false);
        world.store.mend();
    }
    let signed_in = |event: &Event| matches!(event, Event::SignedIn { .. });
    assert!(!world.events().await.iter().any(signed_in));
}

#[tokio::test]
async fn what_a_provider_names_stays_with_the_session() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let (session, _) = world.arrive(&token, &back).await.unwrap();
    let found = world.session(&session, None).await.unwrap();
    assert!(found.claims.is_empty());
    world.providers[0].expect_with(login("anna"), &["desk", "auditors"]);
    let left = world.broker.depart("entra-id", "/", None).await;
    let left = left.unwrap().unwrap();
    let back =
        crate::testing::contract::identity::Visitor::sign_in(&*world.providers[0], &left.address);
    let back = back.await;
    let (session, _) = world.arrive(&left.token, &back).await.unwrap();
    let found = world.session(&session, None).await.unwrap();
    assert_eq!(found.claims, ["desk", "auditors"]);
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_that_the_browser_had() {
    let world = World::new();
    let elsewhere = world.signed_in().await;
    let mut held = world.signed_in().await;
    // By mail, by the proxy, at a provider; and each time the one before is over.
    for way in 0..3 {
        let leaves = Some(&held);
        let next = match way {
            0 => {
                let begun = world.begin("anna@example.com").await;
                let code = world.code();
                let ended = world.broker.end_sign_in(&begun, &code, leaves, None);
                ended.await.unwrap()
            }
            1 => world.enter_leaving("anna", leaves).await.unwrap(),
            _ => {
                let (token, back) = world.visit(login("anna")).await;
                let arrival = crate::service::Arrival {
                    slug: "entra-id",
                    state: &back.state,
                    code: Some(back.code.clone()),
                    issuer: back.issuer.as_deref(),
                };
                let arrived = world.broker.arrive(&token, &arrival, leaves, None);
                arrived.await.unwrap().0
            }
        };
        assert_ne!(next, held);
        assert_eq!(world.session(&held, Some("anna")).await, None, "{way}");
        assert!(world.session(&next, Some("anna")).await.is_some(), "{way}");
        held = next;
    }
    assert!(world.is_signed_in(&elsewhere).await, "another browser");

    // A sign-in that comes to nothing ends nothing.
    let nobody = world.enter_leaving("nobody", Some(&held)).await;
    nobody.unwrap_err();
    assert!(world.is_signed_in(&held).await);
    // What was never a session is not in the way.
    let made_up = PlainToken::parse(&"a".repeat(64)).unwrap();
    let entered = world.enter_leaving("anna", Some(&made_up)).await;
    assert_ne!(entered.unwrap(), made_up);
    assert!(!world.is_signed_in(&made_up).await);
}

#[tokio::test]
async fn who_signs_out_everywhere_is_signed_in_nowhere() {
    let world = World::new();
    let (here, there) = (world.signed_in().await, world.signed_in().await);
    let boss = world.enter("boss").await.unwrap();
    let mine = world.session(&here, None).await.unwrap();
    world.broker.end_sessions(&mine, None).await.unwrap();
    for session in [&here, &there] {
        assert!(!world.is_signed_in(session).await);
    }
    assert!(world.session(&boss, Some("boss")).await.is_some());
    let whose = anna();
    let ended = Event::SignedOutEverywhere { whose };
    let row = world.log().await.pop().unwrap().entry;
    assert_eq!((row.event, row.actor), (ended, Actor::Person(anna())));
    assert!(world.is_signed_in(&world.signed_in().await).await);
}

#[tokio::test]
async fn an_operator_ends_the_sessions_of_a_person_also_where_the_account_is_disabled() {
    let world = World::new();
    let session = world.signed_in().await;
    world.disable(&anna().id);
    let end = async |mail: &str| {
        let mail = MailAddress::parse(mail).unwrap();
        world.broker.end_sessions_of(&mail, "root").await.unwrap()
    };
    let rows = world.log().await.len();
    assert_eq!(end("nobody@example.com").await, None);
    assert_eq!(world.log().await.len(), rows);
    assert_eq!(end("Anna@example.com").await, Some(anna()));
    assert!(!world.is_signed_in(&session).await);
    let row = world.log().await.pop().unwrap().entry;
    let by = Actor::Operator {
        name: "root".to_owned(),
    };
    let ended = Event::SignedOutEverywhere { whose: anna() };
    assert_eq!((row.event, row.actor), (ended, by));
}

#[tokio::test]
async fn where_codes_are_switched_off_none_is_sent_and_none_is_taken() {
    let world = World::without_codes();
    let mail = MailAddress::parse("anna@example.com").unwrap();
    let begun = world.broker.begin_sign_in(mail.clone(), None).await;
    assert_eq!(begun.unwrap(), None);
    assert!(world.log().await.is_empty());

    // One that was asked for before that.
    let before = World::new();
    let begun = before.begin("anna@example.com").await;
    let challenge = begun.hash();
    let kept = before.store.challenge(&challenge).await.unwrap();
    let job = Job::SignInCode { challenge, mail };
    let id = crate::ports::JobId(uuid::Uuid::from_u128(1));
    let at = world.now();
    let enqueue = Write::Enqueue {
        id,
        job: Box::new(job),
        at,
    };
    let change = vec![Write::OpenChallenge(Box::new(kept.unwrap())), enqueue];
    world.store.commit(change).await.unwrap();
    world.settle().await;
    assert!(world.mailer.sent().is_empty());
    assert!(world.has_dropped(WhyNoSignIn::SwitchedOff).await);
    let typed = world.type_in(&begun, &before.code()).await;
    assert!(matches!(typed, Err(SignInError::Ended)));
}
