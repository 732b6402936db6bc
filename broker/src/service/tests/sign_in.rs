//! Signing in.

use super::{World, anna, hours, minutes};
use crate::audit::{Event, WhyNoSignIn};
use crate::identity::Way;
use crate::people::{MailAddress, Person};
use crate::service::{BeginError, SignInError};
use crate::testing::MailTrouble;
use crate::testing::sample::person;
use crate::tokens::PlainToken;

const WRONG: &str = "00000-00000";

impl World {
    pub(super) async fn begin(&self, mail: &str) -> PlainToken {
        let mail = MailAddress::parse(mail).unwrap();
        let begun = self.broker.begin_sign_in(mail, None).await.unwrap();
        self.settle().await;
        begun.expect("codes are sent")
    }

    pub(super) fn code(&self) -> String {
        let mut mails = self.mailer.sent().into_iter().rev();
        let mail = mails.find(|mail| mail.subject == "SignInCode");
        mail.expect("a code was sent").text
    }

    pub(super) async fn type_in(
        &self,
        token: &PlainToken,
        code: &str,
    ) -> Result<PlainToken, SignInError> {
        self.broker.end_sign_in(token, code, None, None).await
    }

    pub(super) async fn signed_in(&self) -> PlainToken {
        let begun = self.begin("anna@example.com").await;
        self.type_in(&begun, &self.code()).await.unwrap()
    }

    pub(super) async fn is_signed_in(&self, session: &PlainToken) -> bool {
        self.broker.session(session, None).await.unwrap().is_some()
    }

    pub(super) async fn has_dropped(&self, wanted: WhyNoSignIn) -> bool {
        let dropped =
            |event: &Event| matches!(event, Event::SignInDropped { why, .. } if *why == wanted);
        self.events().await.iter().any(dropped)
    }
}

#[tokio::test]
async fn a_code_signs_in_once_and_however_it_is_typed() {
    let world = World::new();
    let begun = world.begin("ANNA@example.com").await;
    let code = world.code().to_lowercase().replace('-', " ");
    let session = world.type_in(&begun, &code).await.unwrap();
    let found = world.broker.session(&session, None).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.person, anna());
    let by = Way::Mail;
    assert_eq!(world.last_event().await, Event::SignedIn { by });
    let again = world.type_in(&begun, &code).await;
    assert!(matches!(again, Err(SignInError::Ended)));

    world.broker.end_session(&found, None).await.unwrap();
    assert!(!world.is_signed_in(&session).await);
    assert_eq!(world.last_event().await, Event::SignedOut);
}

#[tokio::test]
async fn an_address_that_is_nobodys_is_answered_like_any_other() {
    let world = World::new();
    let twin = Person {
        mail: person("nina").mail,
        ..person("nina-admin")
    };
    world.directory.add(twin, "nina-admin", None);
    world.disable(&person("otto").id);
    for (mail, why) in [
        ("nobody@example.com", WhyNoSignIn::UnknownAddress),
        ("nina@example.com", WhyNoSignIn::UnknownAddress),
        ("otto@example.com", WhyNoSignIn::UnfitPerson),
    ] {
        let begun = world.begin(mail).await;
        assert!(world.has_dropped(why).await, "{mail}");
        for _ in 0..5 {
            let typed = world.type_in(&begun, WRONG).await;
            assert!(matches!(typed, Err(SignInError::WrongCode)), "{mail}");
        }
        let typed = world.type_in(&begun, WRONG).await;
        assert!(matches!(typed, Err(SignInError::Ended)), "{mail}");
    }
    assert!(world.mailer.sent().is_empty());
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_too_late() {
    let world = World::new();
    let begun = world.begin("anna@example.com").await;
    for typed in [WRONG, "", "é", "0", WRONG] {
        let outcome = world.type_in(&begun, typed).await;
        assert!(matches!(outcome, Err(SignInError::WrongCode)), "{typed:?}");
    }
    let right = world.type_in(&begun, &world.code()).await;
    assert!(matches!(right, Err(SignInError::Ended)));
    let refused = Event::SignInRefused {
        why: WhyNoSignIn::Ended,
        provider: None,
        named: None,
    };
    assert_eq!(world.last_event().await, refused);
}

#[tokio::test]
async fn guesses_made_at_once_count_as_many() {
    let world = World::new();
    let begun = world.begin("anna@example.com").await;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (broker, begun) = (std::sync::Arc::clone(&world.broker), begun.clone());
        guesses.spawn(async move { broker.end_sign_in(&begun, WRONG, None, None).await });
    }
    let outcomes = guesses.join_all().await;
    let compared = |outcome: &&Result<_, _>| matches!(outcome, Err(SignInError::WrongCode));
    assert_eq!(outcomes.iter().filter(compared).count(), 5);
    assert!(outcomes.iter().all(Result::is_err));
    let right = world.type_in(&begun, &world.code()).await;
    assert!(matches!(right, Err(SignInError::Ended)));
}

#[tokio::test]
async fn a_right_code_typed_twice_at_once_signs_in_once() {
    let world = World::new();
    let begun = world.begin("anna@example.com").await;
    let code = world.code();
    let (one, two) = tokio::join!(world.type_in(&begun, &code), world.type_in(&begun, &code));
    assert_ne!(one.is_ok(), two.is_ok());
}

#[tokio::test]
async fn a_code_ends_ten_minutes_after_it_was_sent_and_is_of_one_browser() {
    let world = World::new();
    let (mine, hers) = (
        world.begin("nina@example.com").await,
        world.begin("anna@example.com").await,
    );
    let code = world.code();
    let elsewhere = world.type_in(&mine, &code).await;
    assert!(matches!(elsewhere, Err(SignInError::WrongCode)));
    world.clock.advance(minutes(10));
    let late = world.type_in(&hers, &code).await;
    assert!(matches!(late, Err(SignInError::Ended)));
}

#[tokio::test]
async fn an_address_is_sent_sixty_codes_in_an_hour() {
    let world = World::new();
    for _ in 0..60 {
        world.begin("anna@example.com").await;
    }
    assert!(!world.has_dropped(WhyNoSignIn::TooMany).await);
    world.begin("Anna@Example.com").await;
    assert!(world.has_dropped(WhyNoSignIn::TooMany).await);
    assert_eq!(world.sent("SignInCode").len(), 60);
    world.begin("nina@example.com").await;
    assert_eq!(world.sent("SignInCode").len(), 61, "others are not held up");
    world.clock.advance(hours(1) + minutes(1));
    world.begin("anna@example.com").await;
    assert_eq!(world.sent("SignInCode").len(), 62);
}

#[tokio::test]
async fn so_many_sign_ins_begin_in_a_minute_whoever_they_are_for_and_the_rest_leave_nothing() {
    let world = World::new();
    let begin = async |number: i64| {
        let mail = MailAddress::parse(&format!("{number}@example.com")).unwrap();
        world.broker.begin_sign_in(mail, None).await
    };
    for number in 0..300 {
        assert!(begin(number).await.unwrap().is_some());
    }
    let rows = world.log().await.len();
    match begin(300).await {
        Err(BeginError::TooMany { wait }) => assert!(wait <= minutes(1), "{wait:?}"),
        other => panic!("{other:?}"),
    }
    let away = world.broker.depart("entra-id", "/", None).await;
    assert!(matches!(away, Err(BeginError::TooMany { .. })), "{away:?}");
    assert_eq!(world.log().await.len(), rows);
    world.clock.advance(minutes(1));
    assert!(begin(301).await.unwrap().is_some());
}

#[tokio::test]
async fn a_code_that_could_not_be_sent_in_time_is_not_sent() {
    let world = World::new();
    world.mailer.break_down(Some(MailTrouble::Transient));
    let begun = world.begin("anna@example.com").await;
    world.pass(5, 1).await;
    world.mailer.break_down(None);
    world.pass(2, 1).await;
    world.type_in(&begun, &world.code()).await.unwrap();

    world.mailer.break_down(Some(MailTrouble::Transient));
    world.begin("anna@example.com").await;
    world.clock.advance(minutes(11));
    world.mailer.break_down(None);
    world.settle().await;
    assert_eq!(world.sent("SignInCode").len(), 1);
}

#[tokio::test]
async fn a_session_ends_unused_or_at_the_latest() {
    let world = World::new();
    let idle = world.signed_in().await;
    for _ in 0..3 {
        world.clock.advance(minutes(29));
        assert!(world.is_signed_in(&idle).await);
    }
    world.clock.advance(minutes(30));
    assert!(!world.is_signed_in(&idle).await);

    let busy = world.signed_in().await;
    for _ in 0..10 * 3 - 1 {
        world.clock.advance(minutes(20));
        assert!(world.is_signed_in(&busy).await);
    }
    world.clock.advance(minutes(20));
    assert!(!world.is_signed_in(&busy).await, "ten hours are over");
}

#[tokio::test]
async fn a_store_or_a_directory_that_fails_signs_nobody_in() {
    let world = World::new();
    world.directory.break_down(true);
    let begun = world.begin("anna@example.com").await;
    assert!(world.mailer.sent().is_empty());
    world.directory.break_down(false);
    world.pass(1, 1).await;
    let code = world.code();
    // Before the attempt is counted, and between it and the session.
    for commits in [0, 1] {
        world.store.break_after(commits);
        let outcome = world.type_in(&begun, &code).await;
        assert!(matches!(outcome, Err(SignInError::Unavailable(_))));
        world.store.mend();
    }
    world.type_in(&begun, &code).await.unwrap();
}
