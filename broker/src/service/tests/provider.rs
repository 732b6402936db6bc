//! Signing in at an identity provider.

use super::{World, anna, minutes};
use crate::audit::{Event, WhyNoSignIn};
use crate::identity::{ProviderName, Way};
use crate::people::Person;
use crate::ports::PersonQuery;
use crate::service::{Arrival, ArrivalError, Departure};
use crate::testing::contract::identity::{SentBack, Visitor};
use crate::testing::sample::person;
use crate::tokens::PlainToken;

const NEXT: &str = "/requests/new?asset=LT-1";

impl World {
    async fn depart(&self) -> Departure {
        let left = self.broker.depart("entra-id", NEXT, None).await;
        left.unwrap().expect("a provider")
    }

    /// Somebody leaves for the first provider and signs in there as this person.
    pub(super) async fn visit(&self, query: PersonQuery) -> (PlainToken, SentBack) {
        let left = self.depart().await;
        self.providers[0].expect(query);
        (left.token, self.providers[0].sign_in(&left.address).await)
    }

    async fn arrive_at(
        &self,
        slug: &str,
        token: &PlainToken,
        back: &SentBack,
    ) -> Result<(PlainToken, String), ArrivalError> {
        let arrival = Arrival {
            slug,
            state: &back.state,
            code: Some(back.code.clone()),
            issuer: back.issuer.as_deref(),
        };
        self.broker.arrive(token, &arrival, None, None).await
    }

    pub(super) async fn arrive(
        &self,
        token: &PlainToken,
        back: &SentBack,
    ) -> Result<(PlainToken, String), ArrivalError> {
        self.arrive_at("entra-id", token, back).await
    }

    /// The answer signs nobody in, and the log says why.
    async fn is_refused(
        &self,
        outcome: Result<(PlainToken, String), ArrivalError>,
        why: WhyNoSignIn,
    ) {
        assert!(matches!(outcome, Err(ArrivalError::NotTaken)), "{why:?}");
        match self.last_event().await {
            Event::SignInRefused {
                why: told,
                provider,
                ..
            } => {
                assert_eq!(told, why);
                assert_eq!(provider, Some(entra()));
            }
            other => panic!("{other:?} for {why:?}"),
        }
    }
}

fn entra() -> ProviderName {
    ProviderName::parse("Entra ID").unwrap()
}

fn login(name: &str) -> PersonQuery {
    PersonQuery::Login(name.to_owned())
}

#[tokio::test]
async fn who_signs_in_at_a_provider_is_signed_in_here_once() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let begun = Event::ProviderSignInRequested { provider: entra() };
    assert_eq!(world.last_event().await, begun);
    let (session, next) = world.arrive(&token, &back).await.unwrap();
    assert_eq!(next, NEXT);
    assert_ne!(session, token);
    let by = Way::Provider(entra());
    let found = world.broker.session(&session, None).await;
    let found = found.unwrap().unwrap();
    assert_eq!((&found.person, &found.by), (&anna(), &by));
    assert_eq!(world.last_event().await, Event::SignedIn { by });

    let rows = world.log().await.len();
    let again = world.arrive(&token, &back).await;
    assert!(matches!(again, Err(ArrivalError::NotTaken)));
    assert_eq!(world.log().await.len(), rows, "nobody fills the log");

    let there = world.broker.sign_out_at_provider(&found).await.unwrap();
    assert_eq!(there.0, entra());
    assert!(there.1.starts_with("https://entra-id.example.com/"));
}

#[tokio::test]
async fn an_answer_that_comes_twice_at_once_signs_in_once() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let (one, two) = tokio::join!(world.arrive(&token, &back), world.arrive(&token, &back));
    assert_ne!(one.is_ok(), two.is_ok());
}

#[tokio::test]
async fn an_answer_is_taken_from_the_browser_that_asked_alone() {
    let world = World::new();
    let (_, back) = world.visit(login("anna")).await;
    // Nobody's token, and somebody else's.
    let none = world
        .arrive(&PlainToken::parse(&"0".repeat(64)).unwrap(), &back)
        .await;
    assert!(matches!(none, Err(ArrivalError::NotTaken)));
    let theirs = world.depart().await.token;
    let outcome = world.arrive(&theirs, &back).await;
    world.is_refused(outcome, WhyNoSignIn::ForgedState).await;
    for state in ["", "x", "0"] {
        let token = world.depart().await.token;
        let forged = SentBack {
            state: state.repeat(64),
            code: back.code.clone(),
            issuer: back.issuer.clone(),
        };
        let outcome = world.arrive(&token, &forged).await;
        world.is_refused(outcome, WhyNoSignIn::ForgedState).await;
    }
}

#[tokio::test]
async fn an_answer_that_was_refused_ends_its_sign_in() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let forged = SentBack {
        state: "0".repeat(64),
        code: back.code.clone(),
        issuer: None,
    };
    let outcome = world.arrive(&token, &forged).await;
    world.is_refused(outcome, WhyNoSignIn::ForgedState).await;
    let right = world.arrive(&token, &back).await;
    assert!(matches!(right, Err(ArrivalError::NotTaken)));
}

#[tokio::test]
async fn an_answer_for_another_provider_or_too_late_signs_nobody_in() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let outcome = world.arrive_at("ad-fs", &token, &back).await;
    world.is_refused(outcome, WhyNoSignIn::OtherProvider).await;

    let (token, back) = world.visit(login("anna")).await;
    world.clock.advance(minutes(10));
    let outcome = world.arrive(&token, &back).await;
    world.is_refused(outcome, WhyNoSignIn::Ended).await;

    let nowhere = world.broker.depart("nowhere", "/", None).await.unwrap();
    assert!(nowhere.is_none());
}

#[tokio::test]
async fn only_one_fit_person_is_signed_in() {
    let world = World::new();
    let twin = Person {
        mail: person("nina").mail,
        ..person("nina-admin")
    };
    world.directory.add(twin, "nina-admin", None);
    world.disable(&person("otto").id);
    let no_mail = person("otto-2");
    world.directory.add(no_mail.clone(), "otto-2", None);
    world
        .directory
        .change(&no_mail.id, |person| person.mail = None);
    for (query, why) in [
        (login("nobody"), WhyNoSignIn::UnknownPerson),
        (
            PersonQuery::Mail(person("nina").mail.unwrap()),
            WhyNoSignIn::UnknownPerson,
        ),
        (login("otto"), WhyNoSignIn::UnfitPerson),
        (login("otto-2"), WhyNoSignIn::UnfitPerson),
    ] {
        let (token, back) = world.visit(query).await;
        let outcome = world.arrive(&token, &back).await;
        world.is_refused(outcome, why).await;
    }
}

#[tokio::test]
async fn a_provider_that_says_no_signs_nobody_in() {
    let world = World::new();
    let (token, back) = world.visit(login("anna")).await;
    let denied = Arrival {
        slug: "entra-id",
        state: &back.state,
        code: None,
        issuer: back.issuer.as_deref(),
    };
    let outcome = world.broker.arrive(&token, &denied, None, None).await;
    world
        .is_refused(outcome, WhyNoSignIn::ProviderRefused)
        .await;
}

#[tokio::test]
async fn a_part_that_fails_signs_nobody_in() {
    let world = World::new();
    world.providers[0].break_down(true);
    let left = world.broker.depart("entra-id", "/", None).await;
    left.expect_err("it is broken");
    world.providers[0].break_down(false);

    for broken in 0..4 {
        let (token, back) = world.visit(login("anna")).await;
        match broken {
            0 => world.providers[0].break_down(true),
            1 => world.directory.break_down(true),
            // Before the sign-in has ended, and between that and the session.
            _ => world.store.break_after(broken - 2),
        }
        let outcome = world.arrive(&token, &back).await;
        let unavailable = matches!(outcome, Err(ArrivalError::Unavailable(_)));
        assert!(unavailable, "{broken}: {outcome:?}");
        world.providers[0].break_down(false);
        world.directory.break_down(false);
        world.store.mend();
        let events = world.events().await;
        let signed_in = |event: &Event| matches!(event, Event::SignedIn { .. });
        assert!(!events.iter().any(signed_in), "{broken}");
    }
}

#[tokio::test]
async fn nothing_of_the_secrets_is_in_the_store() {
    let world = World::new();
    let left = world.depart().await;
    let secrets = crate::identity::SignInSecrets::of(&left.token);
    let kept = format!("{}{:?}", world.store.picture(), world.log().await);
    for secret in [
        &left.token,
        &secrets.state,
        &secrets.nonce,
        &secrets.verifier,
    ] {
        assert!(!kept.contains(secret.expose()));
    }
}
